//! Names of files that are not text, as file systems of Unix have them.
#![cfg(all(unix, not(target_vendor = "apple")))]

use crate::program::{Folder, Ran};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// A name in Latin-1, with a line break and what would colour a terminal.
fn name(end: &str) -> OsString {
    OsStr::from_bytes(&[b"caf\xe9\n\x1b[31m", end.as_bytes()].concat()).to_owned()
}

/// How messages show it.
const SHOWN: &str = "caf\u{fffd}\\n\\u{1b}[31m";

#[test]
fn every_command_takes_every_name() {
    let folder = Folder::new();
    let run = |words: &[&str]| {
        // A word that begins with a point is the end of a name.
        let words = words.iter().map(|word| match word.strip_prefix('.') {
            Some(_) => name(word),
            None => word.into(),
        });
        Ran::of(folder.command(&[]).args(words).output().unwrap())
    };
    let ok = |words: &[&str]| {
        let ran = run(words);
        assert_eq!(ran.code, Some(0), "{words:?}: {}", ran.err);
        ran.out
    };
    let formula = "y ~ x0 + x1 | c0";
    ok(&["simulate", "regression", "--rows", "40", "--out", ".tsv"]);
    let reading = ["--delimiter", ","];
    let with = |words: &[&str]| ok(&[words, &reading].concat());
    let quick = ["--estimator", "population", "--out"];
    let out = with(
        &[
            &["fit", ".tsv", formula, "--no-tests"],
            &quick[..],
            &[".ctx"],
        ]
        .concat(),
    );
    assert!(
        out.contains(&format!("Model written to {SHOWN}.ctx")),
        "{out}"
    );
    assert!(out.contains(&format!("40 rows of {SHOWN}.tsv")), "{out}");
    for command in ["summary", "effects"] {
        ok(&[command, ".ctx"]);
    }
    ok(&["predict", ".ctx", ".tsv", "--out", ".PARQUET"]);
    let predicted = std::fs::read(folder.path("").join(name(".PARQUET"))).unwrap();
    assert!(predicted.starts_with(b"PAR1"));
    with(&[
        "compare",
        ".tsv",
        formula,
        "--test",
        ".tsv",
        "--estimators",
        "population",
    ]);
    let out = ok(&["report", ".ctx", ".tsv", "--out", ".html"]);
    assert!(
        out.contains(&format!("Report written to {SHOWN}.html")),
        "{out}"
    );
    with(
        &[
            &["networks", ".tsv", "~ x0 + x1 | c0"],
            &quick[..],
            &[".net"],
        ]
        .concat(),
    );
    let ran = run(&["summary", ".net"]);
    assert!(
        ran.err.contains(&format!("{SHOWN}.net holds networks")),
        "{}",
        ran.err
    );

    for words in [
        &["summary", ".none"][..],
        &["fit", ".none", formula, "--out", "m.ctx"],
    ] {
        let ran = run(words);
        let said =
            format!("contextualized: cannot read {SHOWN}.none: there is no such file or folder\n");
        assert_eq!((ran.code, ran.err), (Some(1), said));
    }
}
