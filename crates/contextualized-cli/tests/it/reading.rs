//! Values and layouts as people have them.

use crate::program::{Folder, rows_with, table};

#[test]
fn numbers_do_not_become_levels_in_silence() {
    let folder = Folder::new();
    type Cell = fn(usize) -> String;
    let cases: [(Cell, &str, &str, &[&str]); 4] = [
        (
            |row| format!("\"{},{:03}\"", 20 + row, row * 7),
            "is not one",
            "--thousands ,",
            &["--thousands", ","],
        ),
        (
            |row| format!("{}\u{a0}{:03}", row + 1, row * 7),
            "is not one",
            "--thousands \" \"",
            &["--thousands", " "],
        ),
        (
            |row| {
                if row == 6 {
                    "<0.05".into()
                } else {
                    format!("{}.5", row % 7)
                }
            },
            "39 numbers in 40 cells, and \"<0.05\" in data row 7",
            "--missing",
            &["--missing", "<0.05", "--drop-missing"],
        ),
        (
            |row| {
                if row == 39 {
                    "Total".into()
                } else {
                    format!("{}", row * 3 % 8)
                }
            },
            "\"Total\" in data row 40",
            "factor(z)",
            &["--missing", "Total", "--drop-missing"],
        ),
    ];
    for (cell, part, advice, settled) in cases {
        folder.write("data.csv", rows_with("z", cell));
        let message = folder.refused("y ~ x + z | age", &[]);
        assert!(
            message.contains("column z of data.csv")
                && message.contains(part)
                && message.contains(advice),
            "{message}"
        );
        folder.fit("data.csv", "y ~ x + z | age", settled);
        let header = table(&folder.ok(&[
            "predict",
            "model.ctx",
            "data.csv",
            "--drop-missing",
            "--quiet",
        ]))
        .0;
        assert_eq!(header, ["coef.x", "coef.z", "coef.(intercept)", "pred.y"]);
    }
    let text: String = (0..40)
        .map(|row| format!("{},\"{},5\",{}\n", row * row % 7, row % 9, row % 11))
        .collect();
    folder.write("data.csv", format!("y,z,age\n{text}"));
    let message = folder.refused("y ~ z | age", &[]);
    assert!(
        message.contains("0 numbers in 40 cells") && message.contains("--decimal ,"),
        "{message}"
    );
    folder.fit("data.csv", "y ~ z | age", &["--decimal", ","]);
    folder.ok(&["predict", "model.ctx", "data.csv"]);
    folder.write(
        "data.csv",
        rows_with("z", |row| {
            format!("{:02}/{:02}/2021", row % 12 + 1, row % 28 + 1)
        }),
    );
    let message = folder.refused("y ~ x | z", &[]);
    assert!(message.contains("write dates as 2021-03-31"), "{message}");
}

#[test]
fn the_order_of_cells_does_not_matter() {
    let folder = Folder::new();
    let batches = ["12E400", "7A", "9"];
    for first in 0..3 {
        folder.write(
            "data.csv",
            rows_with("batch", |row| batches[(row + first) % 3].to_owned()),
        );
        let out = folder.fit("data.csv", "y ~ x + batch | age", &[]);
        assert!(out.contains("40 rows"), "{out}");
        let header = table(&folder.ok(&["predict", "model.ctx", "data.csv"])).0;
        assert_eq!(header[..3], ["coef.x", "coef.batch[7A]", "coef.batch[9]"]);
    }
}

#[test]
fn dates_and_times_are_numbers_of_days() {
    let folder = Folder::new();
    let day = |row: usize| format!("2021-{:02}-{:02}", 3 + row / 20, 1 + row % 20);
    folder.write("data.csv", rows_with("day", day));
    let since = |row: usize| (18_687 + 31 * (row / 20) + row % 20).to_string();
    folder.write("numbers.csv", rows_with("day", since));
    let out = folder.fit("data.csv", "y ~ x + day | day", &["--estimator", "gp"]);
    assert!(
        out.contains("Numbers of day: days since 1970-01-01"),
        "{out}"
    );
    let dates = folder.ok(&["predict", "model.ctx", "data.csv", "--level", "0.9"]);
    folder.fit("numbers.csv", "y ~ x + day | day", &["--estimator", "gp"]);
    let days = folder.ok(&["predict", "model.ctx", "numbers.csv", "--level", "0.9"]);
    assert_eq!(dates, days);
    folder.write(
        "data.csv",
        rows_with("at", |row| format!("2022-01-01T{:02}:30:00Z", row % 24)),
    );
    folder.fit("data.csv", "y ~ x | at", &["--estimator", "gp"]);
    folder.write(
        "data.csv",
        rows_with("at", |row| format!("{:02}:30", row % 24)),
    );
    let message = folder.error(1, &["predict", "model.ctx", "data.csv"]);
    assert!(message.contains("contained dates in training"), "{message}");
    let out = folder.fit(
        "data.csv",
        "y ~ x + cyclic(at, 1) | cyclic(at, 1)",
        &["--estimator", "gp"],
    );
    assert!(out.contains("Numbers of at: days since midnight"), "{out}");
    let header = table(&folder.ok(&["predict", "model.ctx", "data.csv"])).0;
    assert_eq!(
        header[1..3],
        ["coef.cyclic(at, 1)[sin]", "coef.cyclic(at, 1)[cos]"]
    );
}

#[test]
fn one_value_may_be_spelled_in_several_ways() {
    let folder = Folder::new();
    folder.write(
        "data.csv",
        rows_with("treated", |row| ["TRUE", "FALSE"][row % 2].to_owned()),
    );
    folder.fit("data.csv", "y ~ x + treated | age", &[]);
    let upper = folder.ok(&["predict", "model.ctx", "data.csv"]);
    folder.write(
        "data.csv",
        rows_with("treated", |row| ["True", "False"][row % 2].to_owned()),
    );
    assert_eq!(folder.ok(&["predict", "model.ctx", "data.csv"]), upper);

    folder.write(
        "data.csv",
        rows_with("site", |row| ["1", "2"][row % 2].to_owned()),
    );
    folder.fit("data.csv", "y ~ x + factor(site) | age", &[]);
    let whole = folder.ok(&["predict", "model.ctx", "data.csv"]);
    folder.write(
        "data.csv",
        rows_with("site", |row| ["1.0", "2.0"][row % 2].to_owned()),
    );
    assert_eq!(folder.ok(&["predict", "model.ctx", "data.csv"]), whole);

    // Letters with marks, composed and not.
    folder.write("data.csv", rows_with("a\u{302}ge", |row| format!("{row}")));
    folder.fit("data.csv", "y ~ x + âge | age", &[]);
    folder.write("data.csv", rows_with("âge", |row| format!("{row}")));
    folder.fit("data.csv", "y ~ x + a\u{302}ge | age", &[]);

    // Levels that training did not have are counted.
    folder.write(
        "data.csv",
        rows_with("site", |row| ["b", "a"][row % 2].to_owned()),
    );
    folder.fit("data.csv", "y ~ x | site", &[]);
    folder.write(
        "data.csv",
        rows_with("site", |row| ["b", "c"][row % 2].to_owned()),
    );
    let ran = folder.run(&[
        "predict",
        "model.ctx",
        "data.csv",
        "--unknown-levels",
        "population",
    ]);
    assert!(
        ran.err
            .contains("20 of 40 rows have a level that training did not have"),
        "{}",
        ran.err
    );
}

#[test]
fn row_numbers_are_no_measurements() {
    let folder = Folder::new();
    // As R's write.csv does.
    let numbered = |text: String, name: &str, first: usize| -> String {
        text.lines()
            .enumerate()
            .map(|(line, text)| match line {
                0 => format!("{name},{text}\n"),
                _ => format!("\"{}\",{text}\n", line - 1 + first),
            })
            .collect()
    };
    let plain = rows_with("z", |row| format!("{}", row * 5 % 11));
    for (name, said) in [
        ("\"\"", "column 1 without a name"),
        ("Unnamed: 0", "Unnamed: 0"),
        ("X", "X"),
    ] {
        folder.write("data.csv", numbered(plain.clone(), name, 1));
        let out = folder.fit("data.csv", "y ~ . | age", &[]);
        assert!(
            out.contains(&format!("Left out of `.` as row numbers: {said}")),
            "{out}"
        );
        let header = table(&folder.ok(&["predict", "model.ctx", "data.csv"])).0;
        assert_eq!(
            header[..3],
            ["coef.x", "coef.z", "coef.(intercept)"],
            "{name}"
        );
    }
    folder.write("data.csv", plain.replacen("y,x,age,z", "y,x,age", 1));
    let message = folder.refused("y ~ x | age", &[]);
    assert!(
        message.contains("line 2 of data.csv has 4 cells") && message.contains("row names"),
        "{message}"
    );
    let trailing: String = plain
        .lines()
        .enumerate()
        .map(|(line, text)| {
            if line == 0 {
                format!("{text}\n")
            } else {
                format!("{text},\n")
            }
        })
        .collect();
    folder.write("data.csv", trailing);
    let message = folder.refused("y ~ x | age", &[]);
    assert!(message.contains("end with a delimiter"), "{message}");
}

#[test]
fn what_stands_before_the_header_is_passed_on_request() {
    let folder = Folder::new();
    let plain = rows_with("z", |row| format!("{}", row * 5 % 11));
    folder.write(
        "data.csv",
        format!("# exported 3 March\n# station \"12\n{plain}"),
    );
    let message = folder.refused("y ~ x | age", &[]);
    assert!(message.contains("--comment '#'"), "{message}");
    folder.fit("data.csv", "y ~ x | age", &["--comment", "#"]);
    let by_comment = folder.ok(&["predict", "model.ctx", "data.csv"]);
    folder.fit("data.csv", "y ~ x | age", &["--skip", "2"]);
    assert_eq!(
        folder.ok(&["predict", "model.ctx", "data.csv", "--skip", "2"]),
        by_comment
    );
}

#[test]
fn nothing_is_lost_in_silence() {
    let folder = Folder::new();
    let broken = |at: &[(usize, &str)]| {
        let text = rows_with("z", |row| ["A", "B", "C"][row % 3].to_owned());
        let lines = text.lines().enumerate();
        let lines = lines.map(
            |(line, text)| match at.iter().find(|(own, _)| *own == line) {
                Some((_, cell)) => format!("{},{cell}\n", text.rsplit_once(',').unwrap().0),
                None => format!("{text}\n"),
            },
        );
        lines.collect::<String>()
    };
    for (at, parts) in [
        (
            &[(31, "\"B")][..],
            &["line 32 of data.csv", "never closed"][..],
        ),
        (
            &[(11, "\"B"), (31, "\"C\"")],
            &["line 32", "opens in line 12"],
        ),
        (
            &[(11, "\"B"), (31, "C\"")],
            &["line 12", "look like rows themselves"],
        ),
        (&[(5, "5\" pipe")], &["line 6", "quote within cell 4"]),
        (&[(5, "\"B\"x")], &["line 6", "behind the closing quote"]),
    ] {
        folder.write("data.csv", broken(at));
        let message = folder.refused("y ~ x + z | age", &[]);
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
    // A comment of several lines is one cell.
    folder.write("data.csv", broken(&[(5, "\"A\nand\nmore\"")]));
    let out = folder.fit("data.csv", "y ~ x | age", &[]);
    assert!(out.contains("40 rows of data.csv"), "{out}");
}

#[test]
fn constants_and_rare_levels_are_named() {
    let folder = Folder::new();
    folder.write("data.csv", rows_with("w", |_| "7".to_owned()));
    for (formula, what) in [
        ("y ~ x + w | age", "the feature w is 7"),
        ("y ~ x | age + w", "the context w is 7"),
    ] {
        let message = folder.refused(formula, &[]);
        assert!(
            message.contains(what) && message.contains("all 40 rows"),
            "{message}"
        );
    }
    let networks = ["networks", "data.csv", "~ x + w | age", "--out", "m.ctx"];
    let message = folder.error(1, &networks);
    assert!(message.contains("the node w is 7"), "{message}");
    folder.write("data.csv", rows_with("w", |_| "same".to_owned()));
    let message = folder.refused("y ~ x + w | age", &[]);
    assert!(message.contains("same value \"same\""), "{message}");

    folder.write(
        "data.csv",
        rows_with("site", |row| {
            if row == 20 {
                "C".into()
            } else {
                ["A", "B"][row % 2].to_owned()
            }
        }),
    );
    for formula in ["y ~ x + site | age", "y ~ x | age + site"] {
        let fit = ["fit", "data.csv", formula, "--no-tests", "--out", "m.ctx"];
        let out = folder.ok(&fit);
        assert!(out.contains("Levels of few rows: site C (1)"), "{out}");
        assert!(!out.contains("failed"), "{out}");
    }
}

#[test]
fn other_containers_are_named() {
    let folder = Folder::new();
    for (start, part) in [
        (&b"PK\x03\x04aaaa"[..], "export the sheet as CSV"),
        (&[0xd0, 0xcf, 0x11, 0xe0, 1, 1], "old Excel workbook"),
        (&[0x28, 0xb5, 0x2f, 0xfd, 1, 1], "zstd -d"),
        (b"BZh91AY", "bunzip2"),
        (b"ARROW1\0\0", "Feather"),
    ] {
        folder.write("data.csv", start);
        let message = folder.refused("y ~ x | age", &[]);
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn advice_can_be_followed() {
    let folder = Folder::new();
    folder.write(
        "data.csv",
        rows_with("twice", |row| {
            let x = f64::from((row * 7 % 13) as u8) / 4.0 - 1.5;
            format!("{}", 2.0 * x)
        }),
    );
    let message = folder.refused("y ~ x + twice | age", &[]);
    assert!(
        message.contains("--estimator gp") && !message.contains("penalty"),
        "{message}"
    );
    folder.fit("data.csv", "y ~ x + twice | age", &["--estimator", "gp"]);
    let out = folder.ok(&[
        "fit",
        "data.csv",
        "y ~ x + twice | age",
        "--no-tests",
        "--out",
        "m.ctx",
    ]);
    assert!(out.contains("Fitted"), "{out}");
}
