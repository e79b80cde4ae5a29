//! Files and formulas as people have them.

use crate::program::{Folder, numbers, table};
use std::fmt::Write;

/// Forty rows of y, x, age and another column.
fn with(name: &str, cell: impl Fn(usize) -> String) -> String {
    let mut text = format!("y,x,age,{name}\n");
    for row in 0..40 {
        let x = f64::from((row * 7 % 13) as u8) / 4.0 - 1.5;
        let age = 20.0 + f64::from((row * 11 % 37) as u8);
        let y = 1.0 + 2.0 * x + f64::from((row * row % 5) as u8) / 10.0;
        let _ = writeln!(text, "{y},{x},{age},{}", cell(row));
    }
    text
}

/// What fitting says, of what has to fail.
fn refused(folder: &Folder, formula: &str, more: &[&str]) -> String {
    let fit = ["fit", "data.csv", formula, "--no-tests", "--out", "m.ctx"];
    folder.error(
        1,
        &[&fit[..], &["--estimator", "population"], more].concat(),
    )
}

#[test]
fn numbers_do_not_become_levels_in_silence() {
    let folder = Folder::new();
    type Cell = fn(usize) -> String;
    let cases: [(Cell, &str, &str, &[&str]); 4] = [
        (
            |row| format!("\"{},{:03}\"", 20 + row, row * 7),
            "is none",
            "--thousands ,",
            &["--thousands", ","],
        ),
        (
            |row| format!("{}\u{a0}{:03}", row + 1, row * 7),
            "is none",
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
        folder.write("data.csv", with("z", cell));
        let message = refused(&folder, "y ~ x + z | age", &[]);
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
    let message = refused(&folder, "y ~ z | age", &[]);
    assert!(
        message.contains("0 numbers in 40 cells") && message.contains("--decimal ,"),
        "{message}"
    );
    folder.fit("data.csv", "y ~ z | age", &["--decimal", ","]);
    folder.ok(&["predict", "model.ctx", "data.csv"]);
    folder.write(
        "data.csv",
        with("z", |row| {
            format!("{:02}/{:02}/2021", row % 12 + 1, row % 28 + 1)
        }),
    );
    let message = refused(&folder, "y ~ x | z", &[]);
    assert!(message.contains("write dates as 2021-03-31"), "{message}");
}

#[test]
fn the_order_of_cells_does_not_matter() {
    let folder = Folder::new();
    let batches = ["12E400", "7A", "9"];
    for first in 0..3 {
        folder.write(
            "data.csv",
            with("batch", |row| batches[(row + first) % 3].to_owned()),
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
    folder.write("data.csv", with("day", day));
    let since = |row: usize| (18_687 + 31 * (row / 20) + row % 20).to_string();
    folder.write("numbers.csv", with("day", since));
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
        with("at", |row| format!("2022-01-01T{:02}:30:00Z", row % 24)),
    );
    folder.fit("data.csv", "y ~ x | at", &["--estimator", "gp"]);
    folder.write("data.csv", with("at", |row| format!("{:02}:30", row % 24)));
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
        with("treated", |row| ["TRUE", "FALSE"][row % 2].to_owned()),
    );
    folder.fit("data.csv", "y ~ x + treated | age", &[]);
    let upper = folder.ok(&["predict", "model.ctx", "data.csv"]);
    folder.write(
        "data.csv",
        with("treated", |row| ["True", "False"][row % 2].to_owned()),
    );
    assert_eq!(folder.ok(&["predict", "model.ctx", "data.csv"]), upper);

    folder.write(
        "data.csv",
        with("site", |row| ["1", "2"][row % 2].to_owned()),
    );
    folder.fit("data.csv", "y ~ x + factor(site) | age", &[]);
    let whole = folder.ok(&["predict", "model.ctx", "data.csv"]);
    folder.write(
        "data.csv",
        with("site", |row| ["1.0", "2.0"][row % 2].to_owned()),
    );
    assert_eq!(folder.ok(&["predict", "model.ctx", "data.csv"]), whole);

    // Letters with marks, composed and not.
    folder.write("data.csv", with("a\u{302}ge", |row| format!("{row}")));
    folder.fit("data.csv", "y ~ x + âge | age", &[]);
    folder.write("data.csv", with("âge", |row| format!("{row}")));
    folder.fit("data.csv", "y ~ x + a\u{302}ge | age", &[]);

    // Levels that training did not have are counted.
    folder.write(
        "data.csv",
        with("site", |row| ["b", "a"][row % 2].to_owned()),
    );
    folder.fit("data.csv", "y ~ x | site", &[]);
    folder.write(
        "data.csv",
        with("site", |row| ["b", "c"][row % 2].to_owned()),
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
fn a_model_reads_new_data_as_those_it_was_fitted_to() {
    let folder = Folder::new();
    let cell = |row: usize| ["-999", "1.5", "2.5", "?"][row % 4].to_owned();
    let text = with("z", cell).replace(',', ";").replace('.', ",");
    folder.write("data.csv", text);
    let flags = ["--missing", "-999,?", "--decimal", ",", "--drop-missing"];
    folder.fit(
        "data.csv",
        "y ~ x + z | age",
        &[&flags[..], &["--delimiter", ";"]].concat(),
    );
    let ran = folder.run(&["predict", "model.ctx", "data.csv"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(
        ran.err
            .contains("20 of 40 rows are incomplete and left empty: z 20"),
        "{}",
        ran.err
    );
    let (_, rows) = table(&ran.out);
    assert_eq!(rows.len(), 40);
    assert!(rows[0].iter().all(String::is_empty) && !rows[1][0].is_empty());
    let kept = folder.run(&[
        "predict",
        "model.ctx",
        "data.csv",
        "--drop-missing",
        "--keep",
    ]);
    assert_eq!(table(&kept.out).1.len(), 20);
    assert!(
        kept.err
            .contains("20 of 40 rows are incomplete and left out"),
        "{}",
        kept.err
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
    let plain = with("z", |row| format!("{}", row * 5 % 11));
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
    let message = refused(&folder, "y ~ x | age", &[]);
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
    let message = refused(&folder, "y ~ x | age", &[]);
    assert!(message.contains("end with a delimiter"), "{message}");
}

#[test]
fn what_stands_before_the_header_is_passed_on_request() {
    let folder = Folder::new();
    let plain = with("z", |row| format!("{}", row * 5 % 11));
    folder.write(
        "data.csv",
        format!("# exported 3 March\n# station \"12\n{plain}"),
    );
    let message = refused(&folder, "y ~ x | age", &[]);
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
        let text = with("z", |row| ["A", "B", "C"][row % 3].to_owned());
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
        let message = refused(&folder, "y ~ x + z | age", &[]);
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
    folder.write("data.csv", with("w", |_| "7".to_owned()));
    for (formula, what) in [
        ("y ~ x + w | age", "the feature w is 7"),
        ("y ~ x | age + w", "the context w is 7"),
    ] {
        let message = refused(&folder, formula, &[]);
        assert!(
            message.contains(what) && message.contains("all 40 rows"),
            "{message}"
        );
    }
    let networks = ["networks", "data.csv", "~ x + w | age", "--out", "m.ctx"];
    let message = folder.error(1, &networks);
    assert!(message.contains("the node w is 7"), "{message}");
    folder.write("data.csv", with("w", |_| "same".to_owned()));
    let message = refused(&folder, "y ~ x + w | age", &[]);
    assert!(message.contains("same value \"same\""), "{message}");

    folder.write(
        "data.csv",
        with("site", |row| {
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
fn outputs_are_checked_before_work() {
    let folder = Folder::new();
    folder.write("data.csv", with("z", |row| format!("{row}")));
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
fn two_things_of_one_name_are_refused() {
    let folder = Folder::new();
    folder.write(
        "data.csv",
        with("x.lower", |row| format!("{}", row * row % 7)),
    );
    folder.fit("data.csv", "y ~ x + x.lower | age", &[]);
    folder.ok(&["predict", "model.ctx", "data.csv"]);
    let message = folder.error(1, &["predict", "model.ctx", "data.csv", "--level", "0.9"]);
    assert!(message.contains("\"coef.x.lower\""), "{message}");
    folder.write(
        "data.csv",
        with("(intercept)", |row| format!("{}", row * row % 7)),
    );
    let message = refused(&folder, "y ~ x + `(intercept)` | age", &[]);
    assert!(message.contains("\"(intercept)\""), "{message}");
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
        let message = refused(&folder, "y ~ x | age", &[]);
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn advice_can_be_followed() {
    let folder = Folder::new();
    folder.write(
        "data.csv",
        with("twice", |row| {
            let x = f64::from((row * 7 % 13) as u8) / 4.0 - 1.5;
            format!("{}", 2.0 * x)
        }),
    );
    let message = refused(&folder, "y ~ x + twice | age", &[]);
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

/// Predictions of rows 1 and 18 by R, one line for each formula of the test.
const R_VALUES: [[f64; 2]; 9] = [
    [-1.814807994152682, -0.803015771146313],
    [-1.82221326832484, -0.80302889280880],
    [3.272468942817707, 0.189066719563617],
    [2.464894476431437, -0.655008644359492],
    [-1.963674358117697, -0.833561001981207],
    [0.43011474609375, -0.27398681640625],
    [2.53778733039805, 2.31215324514148],
    [-1.940798781280018, -0.792199038849545],
    [1.742723880597014, -0.503544776119403],
];

/// Right values: `lm` and `predict` of R 4.2 on the same rows.
#[test]
fn formulas_mean_what_they_mean_in_r() {
    let folder = Folder::new();
    folder.write("data.csv", with("z", |row| format!("{}", 1 + row * 5 % 11)));
    for (formula, first) in [
        ("y ~ x + I(z^2) | age", R_VALUES[0]),
        ("y ~ log(z) + x | age", R_VALUES[1]),
        ("y ~ poly(z, 2) | age", R_VALUES[2]),
        ("y ~ bs(z, df = 4) | age", R_VALUES[3]),
        ("y ~ ns(z, 3) * x | age", R_VALUES[4]),
        ("y ~ scale(z) + offset(x) | age", R_VALUES[5]),
        ("log(y + 10) ~ z | age", R_VALUES[6]),
        ("y ~ (x + z)^2 | age", R_VALUES[7]),
        ("y ~ I(z > 5):x | age", R_VALUES[8]),
    ] {
        folder.fit("data.csv", formula, &[]);
        let out = folder.ok(&["predict", "model.ctx", "data.csv"]);
        let (header, _) = table(&out);
        let predicted = numbers(&out, header.last().unwrap());
        for (row, right) in [(0, first[0]), (17, first[1])] {
            assert!(
                (predicted[row] - right).abs() < 1e-9,
                "{formula}: {} {right}",
                predicted[row]
            );
        }
    }
    folder.fit("data.csv", "y ~ 1 | age", &[]);
    let out = folder.ok(&["predict", "model.ctx", "data.csv"]);
    assert_eq!(table(&out).0, ["coef.(intercept)", "pred.y"]);
}

#[test]
fn the_first_level_can_be_chosen() {
    let folder = Folder::new();
    folder.write(
        "data.csv",
        with("site", |row| ["A", "B", "C"][row * row % 3].to_owned()),
    );
    for formula in [
        "y ~ x + relevel(site, ref = \"B\") | age",
        "y ~ x + C(site, Treatment('B')) | age",
        "y ~ x + C(site, Treatment(reference=\"B\")) | age",
        "y ~ x + relevel(factor(site), \"B\") | age",
    ] {
        folder.write(
            "data.csv",
            with("site", |row| {
                ["A", "B", "C"][(row * row + row / 5) % 3].to_owned()
            }),
        );
        folder.fit("data.csv", formula, &[]);
        let header = table(&folder.ok(&["predict", "model.ctx", "data.csv"])).0;
        assert_eq!(header[1..3], ["coef.site[A]", "coef.site[C]"], "{formula}");
    }
    let message = refused(&folder, "y ~ relevel(site, ref = \"D\") | age", &[]);
    assert!(
        message.contains("no level \"D\"") && message.contains("A, B, C"),
        "{message}"
    );
}

#[test]
fn what_cannot_be_computed_is_said_with_its_row() {
    let folder = Folder::new();
    folder.write("data.csv", with("z", |row| format!("{}", 3 - (row as i64))));
    let message = refused(&folder, "y ~ log(z) | age", &[]);
    assert!(
        message.contains("log(z) is infinite in data row 4 of data.csv, where z is 0"),
        "{message}"
    );
    let message = refused(&folder, "y ~ sqrt(z) | age", &[]);
    assert!(
        message.contains("sqrt(z) is no number in data row 5"),
        "{message}"
    );
    folder.write("data.csv", with("z", |row| format!("s{}", row % 3)));
    let message = refused(&folder, "y ~ log(z) | age", &[]);
    assert!(
        message.contains("column z of data.csv contains text, and log(z) needs numbers"),
        "{message}"
    );
}

#[test]
fn predictions_come_as_they_are_asked_for() {
    let folder = Folder::new();
    folder.write(
        "data.csv",
        with("won", |row| {
            ["no", "yes"][usize::from(row * 7 % 13 > 5)].to_owned()
        }),
    );
    folder.fit("data.csv", "won ~ y | age", &["--estimator", "gp"]);
    let out = folder.ok(&["predict", "model.ctx", "data.csv", "--level", "0.9", "--se"]);
    let (header, rows) = table(&out);
    assert_eq!(
        header[header.len() - 5..],
        [
            "pred.won",
            "pred.won.lower",
            "pred.won.upper",
            "pred.won.se",
            "class.won"
        ]
    );
    for (row, probability) in rows.iter().zip(numbers(&out, "pred.won")) {
        assert_eq!(
            row.last().unwrap(),
            if probability > 0.5 { "yes" } else { "no" }
        );
    }
    let link = [
        "predict",
        "model.ctx",
        "data.csv",
        "--level",
        "0.9",
        "--type",
        "link",
    ];
    let link = folder.ok(&link);
    for name in ["pred.won", "pred.won.lower", "pred.won.upper"] {
        for (odds, probability) in numbers(&link, name).iter().zip(numbers(&out, name)) {
            assert!((1.0 / (1.0 + (-odds).exp()) - probability).abs() < 1e-12);
        }
    }
    folder.fit("data.csv", "y ~ x | age", &[]);
    let width = |interval: &str| {
        let flags = [
            "predict",
            "model.ctx",
            "data.csv",
            "--level",
            "0.9",
            "--interval",
            interval,
        ];
        let out = folder.ok(&flags);
        numbers(&out, "pred.y.upper")[3] - numbers(&out, "pred.y.lower")[3]
    };
    assert!(width("mean") < 0.5 * width("outcome"));
}

#[test]
fn rows_far_from_the_data_are_counted() {
    let folder = Folder::new();
    folder.write("data.csv", with("z", |row| format!("{row}")));
    folder.fit("data.csv", "y ~ x | age", &["--estimator", "gp"]);
    folder.ok(&["predict", "model.ctx", "data.csv"]);
    folder.write("new.csv", "x,age\n1,50\n1,85\n1,5000\n");
    let ran = folder.run(&["predict", "model.ctx", "new.csv", "--extrapolation"]);
    assert!(
        ran.err.contains("2 of 3 rows have contexts beyond") && ran.err.contains("(age 2)"),
        "{}",
        ran.err
    );
    let distances = numbers(&ran.out, "extrapolation");
    assert!(
        distances[0] < 3.0 && distances[1] > 5.0 && distances[2] > 1000.0,
        "{distances:?}"
    );
    let ran = folder.run(&["predict", "model.ctx", "new.csv", "--quiet"]);
    assert_eq!(ran.err, "");
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
    folder.write("data.csv", with("z", |row| format!("{row}")));
    folder.fit("data.csv", "y ~ x | age", &["--threads", "65535"]);
}

#[test]
fn names_do_not_change_a_terminal() {
    let folder = Folder::new();
    folder.write(
        "data.csv",
        with("\u{1b}[31mred", |row| format!("{}", row * 5 % 11)),
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
    folder.write("data.csv", with("z", |row| format!("{row}")));
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
    folder.write("data.csv", with("z", |row| format!("{row}")));
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
