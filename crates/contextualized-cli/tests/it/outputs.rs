//! Files that are whole or not there.

use crate::program::{Folder, Ran, numbers, plane, rows_with};
use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

#[test]
fn a_full_disk_is_an_error() {
    if !std::path::Path::new("/dev/full").exists() {
        return;
    }
    let folder = Folder::new();
    folder.write("plane.csv", plane());
    folder.fit("plane.csv", "y ~ a + b | c", &[]);
    let fit = [
        "fit",
        "plane.csv",
        "y ~ a | c",
        "--estimator",
        "population",
        "--no-tests",
        "--out",
        "/dev/full",
    ];
    for command in [
        &fit[..],
        &["predict", "model.ctx", "plane.csv", "--out", "/dev/full"],
        &[
            "predict",
            "model.ctx",
            "plane.csv",
            "--out",
            "/dev/full",
            "--format",
            "parquet",
        ],
        &["simulate", "sem", "--out", "/dev/full"],
        &[
            "simulate",
            "regression",
            "--rows",
            "20000",
            "--out",
            "/dev/full",
        ],
        &["report", "model.ctx", "plane.csv", "--out", "/dev/full"],
    ] {
        let message = folder.error(1, command);
        assert!(message.contains("the disk is full"), "{message}");
    }
}

#[test]
fn places_that_cannot_be_written_are_named() {
    let folder = Folder::new();
    for (out, part) in [
        ("no/such/folder/x.csv", "no such file or folder"),
        (".", "it is a folder"),
    ] {
        let message = folder.error(1, &["simulate", "sem", "--out", out]);
        assert!(message.contains(out) && message.contains(part), "{message}");
    }
    assert!(folder.files().is_empty());
}

#[test]
fn a_closed_pipe_is_no_error() {
    let folder = Folder::new();
    folder.ok(&[
        "simulate",
        "regression",
        "--rows",
        "20000",
        "--out",
        "many.csv",
    ]);
    folder.ok(&["simulate", "regression", "--rows", "50", "--out", "few.csv"]);
    folder.fit("few.csv", "y ~ x0 | c0", &[]);
    let mut child = folder
        .command(&["predict", "model.ctx", "many.csv", "--keep"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut start = [0; 100];
    child.stdout.take().unwrap().read_exact(&mut start).unwrap();
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
}

#[test]
fn a_failure_leaves_the_old_file_and_no_other() {
    let folder = Folder::new();
    folder.write("plane.csv", plane());
    folder.fit("plane.csv", "y ~ a + b | c", &[]);
    folder.write("out.csv", "precious");
    folder.write("bad.csv", plane() + "1,x,2,3\n");
    folder.error(1, &["predict", "model.ctx", "bad.csv", "--out", "out.csv"]);
    assert_eq!(folder.read("out.csv"), "precious");
    folder.ok(&["predict", "model.ctx", "plane.csv", "--out", "out.csv"]);
    assert!(folder.read("out.csv").starts_with("coef.a"));
    assert_eq!(
        folder.files(),
        ["bad.csv", "model.ctx", "out.csv", "plane.csv"]
    );
}

#[test]
fn an_interruption_leaves_nothing_half_written() {
    let folder = Folder::new();
    folder.ok(&[
        "simulate",
        "regression",
        "--rows",
        "200000",
        "--out",
        "many.csv",
    ]);
    folder.ok(&["simulate", "regression", "--rows", "50", "--out", "few.csv"]);
    folder.fit("few.csv", "y ~ x0 + x1 + x2 | c0 + c1", &[]);
    let before = folder.files();
    let mut child = folder
        .command(&[
            "predict",
            "model.ctx",
            "many.csv",
            "--keep",
            "--out",
            "out.csv",
        ])
        .spawn()
        .unwrap();
    let unfinished = |name: &String| name.ends_with(".unfinished");
    let start = Instant::now();
    while !folder.files().iter().any(unfinished) {
        assert!(start.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(2));
    }
    let interrupted = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupted.unwrap().success());
    let status = child.wait().unwrap();
    let mut after = folder.files();
    // A quick machine may have been done.
    if status.code() == Some(0) {
        after.retain(|name| name != "out.csv");
    } else {
        assert_eq!(status.code(), Some(130));
    }
    assert_eq!(after, before);
}

#[test]
fn a_pipe_sees_no_progress_and_quiet_says_nothing() {
    let folder = Folder::new();
    folder.write("plane.csv", plane());
    let fit = [
        "fit",
        "plane.csv",
        "y ~ a | c",
        "--estimator",
        "population",
        "--out",
        "m.ctx",
    ];
    let said = folder.run(&fit);
    assert_eq!(said.err, "");
    assert!(said.out.contains("Model written to m.ctx"));
    assert_eq!(folder.ok(&[&fit[..], &["--quiet"]].concat()), "");
    let value: serde_json::Value =
        serde_json::from_str(&folder.ok(&[&fit[..], &["--json"]].concat())).unwrap();
    assert!(value["notes"].as_array().unwrap().len() >= 2);
}

#[test]
fn a_link_is_followed() {
    let folder = Folder::new();
    folder.write("real.csv", "");
    std::os::unix::fs::symlink(folder.path("real.csv"), folder.path("link.csv")).unwrap();
    folder.ok(&["simulate", "sem", "--rows", "3", "--out", "link.csv"]);
    assert!(folder.read("real.csv").starts_with("c0,"));
    assert!(folder.path("link.csv").is_symlink());
}

#[test]
fn what_cannot_be_fitted_is_refused_by_name() {
    let folder = Folder::new();
    let mut text = "x,c,y\n".to_owned();
    for row in 0..40 {
        text += &format!("{},{},7\n", (1.3 * f64::from(row)).sin(), row % 9);
    }
    folder.write("flat.csv", text);
    let fit = |more: &[&str]| {
        let mut arguments = vec!["fit", "flat.csv", "y ~ x | c", "--out", "model.ctx"];
        arguments.extend(more);
        folder.error(if more.is_empty() { 1 } else { 2 }, &arguments)
    };
    assert_eq!(
        fit(&[]),
        "the target y is 7 in all 40 rows used of flat.csv: there is nothing to explain"
    );
    assert_eq!(
        fit(&["--bootstraps", "20"]),
        "--bootstraps 20: intervals of 95 % need at least 39"
    );
}

#[test]
fn the_unit_of_weights_changes_nothing() {
    let folder = Folder::new();
    let mut text = "x,c,w,v,y\n".to_owned();
    for row in 0..60 {
        let (x, c) = (
            (1.3 * f64::from(row)).sin(),
            (0.7 * f64::from(row * row)).cos(),
        );
        let weight = f64::from(row % 3 + 1);
        let y = 1.0 + 2.0 * x + 0.5 * (2.1 * f64::from(row)).sin();
        text += &format!("{x},{c},{weight},{},{y}\n", 1e12 * weight);
    }
    folder.write("data.csv", text);
    for estimator in ["population", "gp"] {
        let [one, other] = ["w", "v"].map(|weights| {
            folder.fit(
                "data.csv",
                "y ~ x | c",
                &["--estimator", estimator, "--weights", weights],
            );
            folder.ok(&["predict", "model.ctx", "data.csv", "--level", "0.9"])
        });
        for column in [
            "coef.x",
            "coef.x.lower",
            "pred.y",
            "pred.y.lower",
            "pred.y.upper",
        ] {
            let pairs = numbers(&one, column)
                .into_iter()
                .zip(numbers(&other, column));
            for (one, other) in pairs {
                assert!(
                    (one - other).abs() < 1e-6,
                    "{estimator} {column}: {one} {other}"
                );
            }
        }
    }
}

#[test]
fn outputs_are_checked_before_work() {
    let folder = Folder::new();
    folder.write("data.csv", rows_with("z", |row| format!("{row}")));
    let fit = [
        "fit",
        "no such data.csv",
        "y ~ x | age",
        "--out",
        "nowhere/m.ctx",
    ];
    let message = folder.error(1, &fit);
    assert!(message.contains("cannot write nowhere/m.ctx"), "{message}");
    let networks = [
        "networks",
        "no such data.csv",
        "~ x + y | age",
        "--out",
        "nowhere/m.ctx",
    ];
    assert!(folder.error(1, &networks).contains("cannot write"));
    assert_eq!(folder.files(), ["data.csv"]);
}

#[test]
fn what_is_too_large_is_said_before_work() {
    let folder = Folder::new();
    for (arguments, part) in [
        (
            &["simulate", "regression", "--rows", "18446744073709551615"][..],
            "more than 1000000000 numbers",
        ),
        (
            &[
                "fit",
                "data.csv",
                "y ~ x | age",
                "--out",
                "m",
                "--bootstraps",
                "18446744073709551615",
            ],
            "more than enough",
        ),
    ] {
        let message = folder.error(2, arguments);
        assert!(message.contains(part), "{message}");
    }
    let names: Vec<String> = (0..600).map(|node| format!("v{node}")).collect();
    let row = |shift: usize| {
        (0..600)
            .map(|node| ((node * 7 + shift) % 11).to_string())
            .collect::<Vec<_>>()
            .join(",")
    };
    let rows: Vec<String> = (0..5)
        .map(|shift| format!("{},{shift}", row(shift)))
        .collect();
    folder.write(
        "wide.csv",
        format!("{},c\n{}\n", names.join(","), rows.join("\n")),
    );
    let message = folder.error(1, &["networks", "wide.csv", "~ . | c", "--out", "m"]);
    assert!(message.contains("600 nodes have 179700 pairs"), "{message}");
    // Many zeros in a few bytes.
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packed, &vec![b'0'; 1 << 25]).unwrap();
    folder.write("zeros.csv.gz", packed.finish().unwrap());
    let message = folder.error(1, &["fit", "zeros.csv.gz", "y ~ x | age", "--out", "m"]);
    assert!(
        message.contains("more than 1000 letters") && message.len() < 300,
        "{message}"
    );
    // More threads than there can be.
    folder.write("data.csv", rows_with("z", |row| format!("{row}")));
    folder.fit("data.csv", "y ~ x | age", &["--threads", "65535"]);
}

#[test]
fn names_do_not_change_a_terminal() {
    let folder = Folder::new();
    folder.write(
        "data.csv",
        rows_with("\u{1b}[31mred", |row| format!("{}", row * 5 % 11)),
    );
    let out = folder.fit("data.csv", "y ~ . | age", &[]);
    assert!(
        !out.contains('\u{1b}') && out.contains("\\u{1b}[31mred"),
        "{out}"
    );
}

#[cfg(unix)]
#[test]
fn a_replaced_file_keeps_its_permissions_and_links_are_followed() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    folder.write("data.csv", rows_with("z", |row| format!("{row}")));
    folder.write("model.ctx", "private");
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(folder.path("model.ctx"), private).unwrap();
    folder.fit("data.csv", "y ~ x | age", &[]);
    let mode = std::fs::metadata(folder.path("model.ctx"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    std::os::unix::fs::symlink("there.ctx", folder.path("link.ctx")).unwrap();
    let fit = ["fit", "data.csv", "y ~ x | age", "--no-tests", "--out"];
    folder.ok(&[&fit[..], &["link.ctx", "--estimator", "population"]].concat());
    assert!(folder.path("there.ctx").is_file());
    assert!(
        folder
            .path("link.ctx")
            .symlink_metadata()
            .unwrap()
            .is_symlink()
    );
    let message = folder.error(1, &[&fit[..], &["model.ctx/x"]].concat());
    assert!(
        message.contains("a part of the path is a file"),
        "{message}"
    );
}

#[test]
fn what_is_printed_as_json_is_complete() {
    let folder = Folder::new();
    folder.write("data.csv", rows_with("z", |row| format!("{row}")));
    let fit = [
        "fit",
        "data.csv",
        "y ~ x | age",
        "--estimator",
        "gp",
        "--out",
        "model.ctx",
        "--json",
    ];
    let said = [
        folder.ok(&fit),
        folder.ok(&["effects", "model.ctx", "--json"]),
        folder.ok(&["summary", "model.ctx", "--json"]),
    ];
    for said in said {
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!(said["formula"], "y ~ x | age");
        assert_eq!(said["rows"], 40);
        assert_eq!(said["family"], "gaussian");
        assert!(said["omnibus_p"].as_f64().unwrap() > 0.0);
        assert!(!said.to_string().contains("\"\":"), "{said}");
        let notes = said["notes"].as_array().unwrap();
        assert!(notes.iter().all(|note| !note.as_str().unwrap().is_empty()));
    }
}
