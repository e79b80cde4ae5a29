//! Outcomes that are one of two.

use crate::program::{Folder, numbers, table};

/// Simulated outcomes as words.
fn in_words(text: &str) -> String {
    let (header, rows) = table(text);
    let outcome = header.iter().position(|name| name == "y").unwrap();
    let mut words = header.join(",") + "\n";
    for mut row in rows {
        row[outcome] = match row[outcome].as_str() {
            "1.0" => "sick".to_owned(),
            _ => "healthy".to_owned(),
        };
        words += &(row.join(",") + "\n");
    }
    words
}

#[test]
fn probabilities_losses_and_reports() {
    let folder = Folder::new();
    folder.ok(&[
        "simulate",
        "regression",
        "--family",
        "binomial",
        "--rows",
        "150",
        "--out",
        "numbers.csv",
    ]);
    folder.ok(&[
        "simulate",
        "regression",
        "--family",
        "binomial",
        "--rows",
        "80",
        "--seed",
        "1",
        "--out",
        "test_numbers.csv",
    ]);
    folder.write("train.csv", in_words(&folder.read("numbers.csv")));
    folder.write("test.csv", in_words(&folder.read("test_numbers.csv")));
    let formula = "y ~ x0 + x1 + x2 | c0 + c1";
    let out = folder.fit("train.csv", formula, &["--estimator", "gp"]);
    assert!(out.contains("probabilities that y is \"sick\""), "{out}");
    let words = folder.ok(&["predict", "model.ctx", "test.csv", "--level", "0.9"]);
    let (p, lower) = (numbers(&words, "pred.y"), numbers(&words, "pred.y.lower"));
    assert!(
        p.iter()
            .zip(&lower)
            .all(|(p, l)| 0.0 < *l && l < p && *p < 1.0)
    );
    // Words, zeros and ones, and a kind that is named are one model.
    folder.fit(
        "numbers.csv",
        formula,
        &["--estimator", "gp", "--family", "binomial"],
    );
    let without_class = |text: &str| -> Vec<String> {
        let lines = text.lines();
        lines
            .map(|line| line.rsplit_once(',').unwrap().0.to_owned())
            .collect()
    };
    let in_numbers = folder.ok(&["predict", "model.ctx", "test_numbers.csv", "--level", "0.9"]);
    assert_eq!(without_class(&in_numbers), without_class(&words));
    assert!(words.contains(",sick\n") && in_numbers.contains(",1\n"));

    let compared = folder.ok(&[
        "compare",
        "train.csv",
        formula,
        "--estimators",
        "population,cluster",
    ]);
    assert!(compared.contains("Log loss"), "{compared}");
    let compared = folder.ok(&[
        "compare",
        "train.csv",
        formula,
        "--estimators",
        "population",
        "--test",
        "test.csv",
    ]);
    assert!(compared.contains("Log loss of 80 test rows"), "{compared}");
    folder.ok(&["effects", "model.ctx"]);
    folder.ok(&[
        "report",
        "model.ctx",
        "test_numbers.csv",
        "--out",
        "report.html",
    ]);
    let report = folder.read("report.html");
    assert!(
        report.to_lowercase().contains("log loss") && report.to_lowercase().contains("calibrat")
    );

    // Gaussian on request.
    folder.fit("numbers.csv", formula, &["--family", "gaussian"]);
    let out = folder.ok(&["predict", "model.ctx", "test_numbers.csv"]);
    assert!(
        numbers(&out, "pred.y")
            .iter()
            .any(|p| !(0.0..=1.0).contains(p))
    );
}

#[test]
fn outcomes_that_are_not_two_are_named() {
    let folder = Folder::new();
    let mut text = "x,c,y\n".to_owned();
    for row in 0..30 {
        text += &format!(
            "{},{},{}\n",
            row % 5,
            row % 7,
            ["low", "middle", "high"][row % 3]
        );
    }
    folder.write("three.csv", &text);
    let message = folder.error(1, &["fit", "three.csv", "y ~ x | c", "--out", "m.ctx"]);
    assert!(
        message.contains("high, low, middle") && message.contains("--family multinomial"),
        "{message}"
    );
    folder.write(
        "numbers.csv",
        text.replace("low", "0")
            .replace("middle", "1")
            .replace("high", "2"),
    );
    let message = folder.error(
        1,
        &[
            "fit",
            "numbers.csv",
            "y ~ x | c",
            "--out",
            "m.ctx",
            "--family",
            "binomial",
        ],
    );
    assert!(
        message.contains("is 2 in data row 3, but a binomial target is 0 or 1"),
        "{message}"
    );
}
