//! What is predicted, and for which rows.

use crate::program::{Folder, numbers, rows_with, table};

#[test]
fn a_model_reads_new_data_as_those_it_was_fitted_to() {
    let folder = Folder::new();
    let cell = |row: usize| ["-999", "1.5", "2.5", "?"][row % 4].to_owned();
    let text = rows_with("z", cell).replace(',', ";").replace('.', ",");
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
fn two_things_of_one_name_are_refused() {
    let folder = Folder::new();
    folder.write(
        "data.csv",
        rows_with("x.lower", |row| format!("{}", row * row % 7)),
    );
    folder.fit("data.csv", "y ~ x + x.lower | age", &[]);
    folder.ok(&["predict", "model.ctx", "data.csv"]);
    let message = folder.error(1, &["predict", "model.ctx", "data.csv", "--level", "0.9"]);
    assert!(message.contains("\"coef.x.lower\""), "{message}");
    folder.write(
        "data.csv",
        rows_with("(intercept)", |row| format!("{}", row * row % 7)),
    );
    let message = folder.refused("y ~ x + `(intercept)` | age", &[]);
    assert!(message.contains("\"(intercept)\""), "{message}");
}

#[test]
fn predictions_come_as_they_are_asked_for() {
    let folder = Folder::new();
    folder.write(
        "data.csv",
        rows_with("won", |row| {
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
    folder.write("data.csv", rows_with("z", |row| format!("{row}")));
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
fn errors_that_are_not_known_are_not_written_as_zeros() {
    let folder = Folder::new();
    folder.write("data.csv", rows_with("z", |row| format!("{row}")));
    folder.fit("data.csv", "y ~ x | age", &["--estimator", "cluster"]);
    let predict = ["predict", "model.ctx", "data.csv"];
    for flags in [&["--se"][..], &["--level", "0.9", "--interval", "mean"]] {
        let message = folder.error(1, &[&predict[..], flags].concat());
        assert!(message.contains("--bootstraps 100"), "{message}");
    }
    folder.ok(&[&predict[..], &["--level", "0.9"]].concat());
}

/// A column that is an offset and a feature's too keeps its name as a feature.
#[test]
fn an_offset_of_another_name_leaves_what_is_made_of_the_first() {
    let folder = Folder::new();
    folder.write(
        "data.csv",
        rows_with("z", |row| format!("{}", 1 + row * 5 % 11)),
    );
    folder.fit("data.csv", "y ~ log(z) | age", &["--offset", "z"]);
    let same = folder.ok(&["predict", "model.ctx", "data.csv"]);
    let renamed = folder.ok(&["predict", "model.ctx", "data.csv", "--offset", "x"]);
    let difference = |row: usize| numbers(&renamed, "pred.y")[row] - numbers(&same, "pred.y")[row];
    // x is -1.5 and z is 1 in the first row.
    assert!((difference(0) + 2.5).abs() < 1e-9);
}
