//! Files as they come.

use crate::program::{Folder, numbers, plane, table};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, Float64Array, ListArray, RecordBatch, StructArray};
use arrow_schema::{DataType, Field};
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use std::io::Write;
use std::sync::Arc;

/// The slope of `a` that a population fit to the file finds.
fn slope(folder: &Folder, data: &str, more: &[&str]) -> f64 {
    let mut fit = vec!["--drop-missing"];
    fit.extend(more);
    folder.fit(data, "y ~ a + b | c", &fit);
    let mut predict = vec!["predict", "model.ctx", data, "--drop-missing"];
    predict.extend(more);
    numbers(&folder.ok(&predict), "coef.a")[0]
}

fn is_two(slope: f64) -> bool {
    (slope - 2.0).abs() < 1e-10
}

#[test]
fn line_ends_marks_quotes_and_spaces_change_nothing() {
    let folder = Folder::new();
    let plain = plane();
    folder.write("windows.csv", plain.replace('\n', "\r\n"));
    folder.write("marked.csv", format!("\u{feff}{plain}"));
    folder.write(
        "quoted.csv",
        plain.replacen("a,b,c,y", "\"a\",\"b\",\"c\",\"y\"", 1),
    );
    folder.write("spaced.csv", plain.replace(',', " , "));
    folder.write("old_mac.csv", plain.replace('\n', "\r"));
    folder.write("no_last_line_end.csv", plain.trim_end());
    folder.write("blank_lines.csv", format!("{plain}\n\n"));
    folder.write("values.tsv", plain.replace(',', "\t"));
    for name in folder.files() {
        assert!(is_two(slope(&folder, &name, &[])), "{name}");
    }
    folder.write("semicolons.txt", plain.replace(',', ";"));
    assert!(is_two(slope(
        &folder,
        "semicolons.txt",
        &["--delimiter", ";"]
    )));
    let message = folder.error(1, &["fit", "semicolons.txt", "y ~ a | c", "--out", "m"]);
    assert!(message.contains("--delimiter ';'"), "{message}");
}

#[test]
fn packed_files_and_parquet_are_known_by_what_they_hold() {
    let folder = Folder::new();
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(plane().as_bytes()).unwrap();
    folder.write("plane.csv.gz", packed.finish().unwrap());
    assert!(is_two(slope(&folder, "plane.csv.gz", &[])));

    // Through Parquet and back: all columns are kept as they are.
    folder.write("plane.csv", plane());
    folder.fit("plane.csv", "y ~ a + b | c", &[]);
    folder.ok(&[
        "predict",
        "model.ctx",
        "plane.csv",
        "--out",
        "plane.parquet",
        "--format",
        "parquet",
    ]);
    folder.ok(&[
        "simulate",
        "regression",
        "--rows",
        "40",
        "--out",
        "s.parquet",
    ]);
    folder.ok(&["simulate", "regression", "--rows", "40", "--out", "s.csv"]);
    folder.fit("s.parquet", "y ~ x0 | c0", &[]);
    let from_parquet = folder.ok(&["predict", "model.ctx", "s.parquet", "--keep"]);
    let from_text = folder.ok(&["predict", "model.ctx", "s.csv", "--keep"]);
    assert_eq!(from_parquet, from_text);
    folder.ok(&[
        "predict",
        "model.ctx",
        "s.csv",
        "--out",
        "kept.parquet",
        "--keep",
    ]);
    let bytes = std::fs::read(folder.path("kept.parquet")).unwrap();
    assert!(bytes.starts_with(b"PAR1"));
    folder.write("cut.parquet", &bytes[..bytes.len() / 2]);
    let message = folder.error(1, &["predict", "model.ctx", "cut.parquet"]);
    assert!(message.contains("cut.parquet as Parquet"), "{message}");
}

#[test]
fn pipes_can_be_read() {
    let folder = Folder::new();
    folder.write("plane.csv", plane());
    folder.fit("plane.csv", "y ~ a + b | c", &[]);
    let mut command = folder.command(&["predict", "model.ctx", "-"]);
    command.stdin(std::fs::File::open(folder.path("plane.csv")).unwrap());
    let output = command.output().unwrap();
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        folder.ok(&["predict", "model.ctx", "plane.csv"])
    );
}

#[test]
fn files_without_rows_or_columns_are_named() {
    let folder = Folder::new();
    folder.write("empty.csv", "");
    folder.write("mark.csv", "\u{feff}");
    folder.write("header.csv", "a,b,c,y\n");
    folder.write("lines.csv", "\n\n\n");
    for (name, part) in [
        ("empty.csv", "is empty"),
        ("mark.csv", "is empty"),
        ("lines.csv", "is empty"),
        ("header.csv", "has a header but no rows"),
        ("nothing.csv", "no such file"),
        (".", "it is a folder"),
    ] {
        let message = folder.error(1, &["fit", name, "y ~ a | c", "--out", "m.ctx"]);
        assert!(
            message.contains(name) && message.contains(part),
            "{message}"
        );
    }
    assert!(!folder.path("m.ctx").exists());

    // New data may be empty: so is what is predicted.
    folder.write("plane.csv", plane());
    folder.fit("plane.csv", "y ~ a + b | c", &[]);
    let out = folder.ok(&["predict", "model.ctx", "header.csv"]);
    assert_eq!(out, "coef.a,coef.b,coef.(intercept),pred.y\n");
    let out = folder.ok(&["predict", "model.ctx", "header.csv", "--keep"]);
    assert!(out.starts_with("a,b,c,y,coef.a,"));
}

#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    folder.write("secret.csv", plane());
    let private = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(folder.path("secret.csv"), private).unwrap();
    // Whoever may read everything, as in a container, reads this too.
    if std::fs::read(folder.path("secret.csv")).is_err() {
        let message = folder.error(1, &["fit", "secret.csv", "y ~ a | c", "--out", "m.ctx"]);
        assert!(message.contains("permission denied"), "{message}");
    }
    folder.write("plane.csv", plane());
    let below = ["fit", "plane.csv/data.csv", "y ~ a | c", "--out", "m.ctx"];
    let message = folder.error(1, &below);
    assert!(
        message.contains("cannot read plane.csv/data.csv"),
        "{message}"
    );
}

#[test]
fn columns_of_one_name_matter_only_where_they_are_used() {
    let folder = Folder::new();
    folder.write("twice.csv", plane().replace("a,b,c,y", "a,b,b,y"));
    let message = folder.error(1, &["fit", "twice.csv", "y ~ a | b", "--out", "m.ctx"]);
    assert!(message.contains("\"b\", at positions 2 and 3"), "{message}");
    let rows: String = plane()
        .lines()
        .enumerate()
        .map(|(row, line)| match row {
            0 => "a,n,c,y,n\n".to_owned(),
            _ => format!("{line},7\n"),
        })
        .collect();
    folder.write("other.csv", rows);
    folder.fit("other.csv", "y ~ a | c", &[]);
}

#[test]
fn columns_may_be_named_like_anything() {
    let folder = Folder::new();
    let text = plane().replace("a,b,c,y", "factor,the dose (mg),0,cbind");
    folder.write("odd.csv", text);
    folder.fit("odd.csv", "cbind ~ factor + `the dose (mg)` | `0`", &[]);
    let out = folder.ok(&["predict", "model.ctx", "odd.csv"]);
    let (header, _) = table(&out);
    assert_eq!(
        header,
        [
            "coef.factor",
            "coef.the dose (mg)",
            "coef.(intercept)",
            "pred.cbind"
        ]
    );
    let message = folder.error(1, &["fit", "odd.csv", "cbind ~ Factor | `0`", "--out", "m"]);
    assert!(message.contains("upper and lower case differ"), "{message}");
}

#[test]
fn of_ten_thousand_columns_three_are_read() {
    let folder = Folder::new();
    let width = 10_000;
    let mut text = (0..width)
        .map(|column| format!("v{column}"))
        .collect::<Vec<_>>()
        .join(",");
    text.push('\n');
    for row in 0..30 {
        let cells = (0..width).map(|column| match column {
            5 => format!("{}", row % 4),
            7000 => format!("{}", row % 7),
            9999 => format!("{}", 2 * (row % 4) + 1),
            // Not even numbers where nobody looks.
            other => format!("t{}", other % 3),
        });
        text += &cells.collect::<Vec<_>>().join(",");
        text.push('\n');
    }
    folder.write("wide.csv", text);
    folder.fit("wide.csv", "v9999 ~ v5 | v7000", &[]);
    let out = folder.ok(&["predict", "model.ctx", "wide.csv"]);
    assert!((numbers(&out, "coef.v5")[0] - 2.0).abs() < 1e-10);
}

#[test]
fn integers_that_cannot_be_held_are_refused_and_kept_as_they_are() {
    let folder = Folder::new();
    let text: String = plane()
        .lines()
        .enumerate()
        .map(|(row, line)| match row {
            0 => format!("{line},id\n"),
            // 2^53 + 1 and up.
            _ => format!("{line},{}\n", 9_007_199_254_740_993_u64 + row as u64),
        })
        .collect();
    folder.write("ids.csv", text);
    let message = folder.error(1, &["fit", "ids.csv", "y ~ . | c", "--out", "m.ctx"]);
    assert!(
        message.contains("column id") && message.contains("2^53"),
        "{message}"
    );
    assert!(message.contains("(data row 1)"), "{message}");
    folder.fit("ids.csv", "y ~ . - id | c", &[]);
    let out = folder.ok(&["predict", "model.ctx", "ids.csv", "--keep"]);
    let (header, rows) = table(&out);
    assert_eq!(header[..5], ["a", "b", "c", "y", "id"]);
    assert_eq!(rows[0][4], "9007199254740994");
    assert_eq!(rows[59][4], "9007199254741053");
}

#[test]
fn missing_values_are_counted_by_column() {
    let folder = Folder::new();
    let mut lines: Vec<String> = plane().lines().map(str::to_owned).collect();
    lines[3] = ",1,2,3".to_owned();
    lines[5] = "NA,1,2,3".to_owned();
    lines[9] = "1,-99,2,NaN".to_owned();
    lines[11] = "2,1,4,8".to_owned();
    folder.write("holes.csv", lines.join("\n"));
    let fit = [
        "fit",
        "holes.csv",
        "y ~ a + b | c",
        "--out",
        "model.ctx",
        "--missing",
        "NA,NaN,-99",
    ];
    let message = folder.error(1, &fit);
    assert!(
        message.contains("y 1, a 2, b 1; --drop-missing leaves 3 of 60 rows out"),
        "{message}"
    );
    let out = folder.fit(
        "holes.csv",
        "y ~ a + b | c",
        &["--drop-missing", "--missing", "NA,NaN,-99"],
    );
    assert!(
        out.contains("57 rows of holes.csv (3 with missing values left out)"),
        "{out}"
    );
    // A missing target does not hinder a prediction; a missing feature leaves its row empty.
    let ran = folder.run(&["predict", "model.ctx", "holes.csv"]);
    assert_eq!(
        ran.err,
        "contextualized: holes.csv: 3 of 60 rows are incomplete and left empty: a 2, b 1\n"
    );
    let (_, rows) = table(&ran.out);
    assert_eq!(rows.len(), 60);
    assert!(rows[2].iter().all(String::is_empty) && !rows[5][0].is_empty());
    let ran = folder.run(&["predict", "model.ctx", "holes.csv", "--drop-missing"]);
    assert!(ran.err.contains("3 of 60 rows are incomplete and left out"));
    assert_eq!(table(&ran.out).1.len(), 57);
}

#[test]
fn cells_that_are_no_numbers_are_named() {
    let folder = Folder::new();
    let mut lines: Vec<String> = (0..600)
        .map(|row| format!("{row}.5,{},{}", row % 7, row % 3))
        .collect();
    lines.insert(0, "x,c,y".to_owned());
    lines[401] = "12;5,1,2".to_owned();
    folder.write("typo.csv", lines.join("\n"));
    let message = folder.error(1, &["fit", "typo.csv", "y ~ x | c", "--out", "m.ctx"]);
    assert!(message.contains("\"12;5\" in data row 401"), "{message}");
    lines[401] = "inf,1,2".to_owned();
    folder.write("typo.csv", lines.join("\n"));
    let message = folder.error(1, &["fit", "typo.csv", "y ~ x | c", "--out", "m.ctx"]);
    assert!(
        message.contains("column x of typo.csv") && message.contains("\"inf\" in data row 401"),
        "{message}"
    );
    lines[401] = "1e999,1,2".to_owned();
    folder.write("typo.csv", lines.join("\n"));
    let message = folder.error(1, &["fit", "typo.csv", "y ~ x | c", "--out", "m.ctx"]);
    assert!(message.contains("\"1e999\" in data row 401"), "{message}");
    lines[401] = "1,1".to_owned();
    folder.write("typo.csv", lines.join("\n"));
    let message = folder.error(1, &["fit", "typo.csv", "y ~ x | c", "--out", "m.ctx"]);
    assert!(
        message.contains("402") || message.contains("401"),
        "{message}"
    );
    folder.write("latin1.csv", b"x,c,y\n1,2,3\n\xe9,1,2\n");
    let message = folder.error(1, &["fit", "latin1.csv", "y ~ x | c", "--out", "m.ctx"]);
    assert!(message.contains("UTF-8"), "{message}");
    folder.write("utf16.csv", b"\xff\xfex\0,\0");
    let message = folder.error(1, &["fit", "utf16.csv", "y ~ x | c", "--out", "m.ctx"]);
    assert!(message.contains("UTF-16"), "{message}");
}

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), None).unwrap();
    writer.write(&rows).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn cells_that_are_lists_or_structures_are_named() {
    let folder = Folder::new();
    let numbers = |shift: u32| -> ArrayRef {
        let values = (0..20).map(|row| f64::from((row * row + shift * row) % 7));
        Arc::new(values.collect::<Float64Array>())
    };
    let lists = (0..20).map(|row| Some(vec![Some(row); 2]));
    let inner = Arc::new(Field::new("inner", DataType::Float64, false));
    folder.write(
        "data.csv",
        parquet(vec![
            ("y", numbers(1)),
            ("x", numbers(2)),
            ("c", numbers(3)),
            (
                "tags",
                Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists)),
            ),
            (
                "place",
                Arc::new(StructArray::from(vec![(inner, numbers(4))])),
            ),
        ]),
    );
    for (formula, part) in [
        ("y ~ x + tags | c", "column tags of data.csv holds lists"),
        (
            "y ~ . - tags | c",
            "column place of data.csv holds structures",
        ),
        (
            "y ~ x | factor(tags)",
            "write their parts as columns of their own",
        ),
    ] {
        let message = folder.refused(formula, &[]);
        assert!(message.contains(part), "{message}");
    }
    folder.fit("data.csv", "y ~ . - tags - place | c", &[]);
}

#[test]
fn small_files_that_hold_too_much_are_refused() {
    let folder = Folder::new();
    let gzip = |text: &str| {
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(text.as_bytes()).unwrap();
        packed.finish().unwrap()
    };
    let rows = format!("1,1,1,{}\n", "0".repeat(1000)).repeat(1000);
    folder.write(
        "data.csv",
        [gzip("y,x,c,z\n"), gzip(&rows).repeat(70)].concat(),
    );
    let message = folder.refused("y ~ x | c", &[]);
    assert!(
        message.contains("cannot read data.csv: it unpacks to more than 50 times its size"),
        "{message}"
    );
    let zeros: ArrayRef = Arc::new(Float64Array::from(vec![0.0; 3_000_000]));
    folder.write(
        "data.csv",
        parquet(vec![
            ("y", zeros.clone()),
            ("x", zeros.clone()),
            ("c", zeros),
        ]),
    );
    let message = folder.refused("y ~ x | c", &[]);
    assert!(
        message.contains("data.csv unpack to 72000000 bytes, more than 200 times the file's size"),
        "{message}"
    );
}

#[test]
fn more_lines_can_be_skipped_than_there_are() {
    let folder = Folder::new();
    folder.write("data.csv", plane());
    let message = folder.refused("y ~ a | c", &["--skip", &u64::MAX.to_string()]);
    assert!(message.contains("data.csv is empty"), "{message}");
}
