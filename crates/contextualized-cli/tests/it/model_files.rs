//! Model files: the same each time, and refused when anything in them changed.

use crate::program::{Folder, numbers, plane};
use std::collections::BTreeSet;

#[test]
fn twenty_saves_are_one_file() {
    let folder = Folder::new();
    folder.ok(&[
        "simulate",
        "regression",
        "--rows",
        "60",
        "--out",
        "train.csv",
    ]);
    let mut found = BTreeSet::new();
    for _ in 0..20 {
        folder.ok(&[
            "fit",
            "train.csv",
            "y ~ x0 + x1 | c0 + c1",
            "--estimator",
            "gp",
            "--out",
            "m.ctx",
            "--quiet",
        ]);
        found.insert(std::fs::read(folder.path("m.ctx")).unwrap());
    }
    assert_eq!(found.len(), 1);
}

#[test]
fn changed_and_cut_files_are_refused() {
    let folder = Folder::new();
    folder.write("plane.csv", plane());
    folder.fit("plane.csv", "y ~ a + b | c", &[]);
    let bytes = std::fs::read(folder.path("model.ctx")).unwrap();
    for (name, changed) in [
        ("cut.ctx", bytes[..bytes.len() - 1].to_vec()),
        ("half.ctx", bytes[..bytes.len() / 2].to_vec()),
        ("empty.ctx", Vec::new()),
        ("foreign.ctx", b"not a model".to_vec()),
        ("longer.ctx", [&bytes[..], b"0"].concat()),
        ("altered.ctx", {
            let mut altered = bytes.clone();
            let last = altered.len() - 3;
            altered[last] ^= 1;
            altered
        }),
    ] {
        folder.write(name, changed);
        for command in [
            &["predict", name, "plane.csv"][..],
            &["effects", name],
            &["report", name, "plane.csv", "--out", "r.html"],
        ] {
            let message = folder.error(1, command);
            assert!(message.contains(name), "{message}");
            assert!(
                message.contains("checksum") || message.contains("not a model file"),
                "{message}"
            );
        }
    }
    assert!(!folder.path("r.html").exists());
}

/// Files written by the first version of the format, with what they predicted then: see
/// `tests/models/write.sh`.
#[test]
fn earlier_files_can_be_read() {
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/models");
    let folder = Folder::new();
    for name in [
        "population",
        "cluster",
        "gp",
        "neural",
        "binary",
        "bayesian",
    ] {
        let at = |end: &str| format!("{models}/{name}{end}");
        let out = folder.ok(&[
            "predict",
            &at(".ctx"),
            &format!("{models}/data.csv"),
            "--quiet",
        ]);
        let stored = std::fs::read_to_string(at(".predicted.csv")).unwrap();
        let (header, _) = crate::program::table(&stored);
        for column in &header {
            let (found, expected) = (numbers(&out, column), numbers(&stored, column));
            for (found, expected) in found.iter().zip(&expected) {
                // Other machines round elementary functions differently.
                assert!(
                    (found - expected).abs() <= 1e-9 * (1.0 + expected.abs()),
                    "{name} {column}"
                );
            }
        }
        folder.ok(&["effects", &at(".ctx")]);
    }
}
