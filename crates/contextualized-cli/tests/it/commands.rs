//! Each command on simulated data.

use crate::program::{Folder, numbers, plane, table};

#[test]
fn predictions_have_the_columns_and_rows_that_were_promised() {
    let folder = Folder::new();
    folder.ok(&[
        "simulate",
        "regression",
        "--rows",
        "120",
        "--out",
        "train.csv",
    ]);
    folder.ok(&[
        "simulate",
        "regression",
        "--rows",
        "50",
        "--seed",
        "1",
        "--truth",
        "--out",
        "new.csv",
    ]);
    folder.fit(
        "train.csv",
        "y ~ x0 + x1 + x2 | c0 + c1",
        &["--estimator", "gp"],
    );
    let out = folder.ok(&["predict", "model.ctx", "new.csv"]);
    let (header, rows) = table(&out);
    assert_eq!(
        header,
        [
            "coef.x0",
            "coef.x1",
            "coef.x2",
            "coef.(intercept)",
            "pred.y"
        ]
    );
    assert_eq!(rows.len(), 50);

    let kept = folder.ok(&[
        "predict",
        "model.ctx",
        "new.csv",
        "--keep",
        "--level",
        "0.9",
    ]);
    // Predictions are the coefficients at work, and 90 % intervals hold about 90 % of the truth.
    let column = |name: &str| numbers(&kept, name);
    let features = ["x0", "x1", "x2"];
    let products = features.map(|name| (column(name), column(&format!("coef.{name}"))));
    let predicted = column("pred.y");
    let intercepts = column("coef.(intercept)");
    for row in 0..50 {
        let sum: f64 = products.iter().map(|(x, b)| x[row] * b[row]).sum();
        assert!((sum + intercepts[row] - predicted[row]).abs() < 1e-12);
    }
    let mut held = 0;
    for name in ["x0", "x1", "x2", "(intercept)"] {
        let [lower, upper] = ["lower", "upper"].map(|end| column(&format!("coef.{name}.{end}")));
        let truth = column(&format!("true.coef.{name}"));
        let holds = |row: &usize| lower[*row] <= truth[*row] && truth[*row] <= upper[*row];
        held += (0..50).filter(holds).count();
    }
    // 180 are expected; rows share four curves, so that the count scatters widely.
    assert!(held >= 140, "{held} of 200");
    assert_eq!(numbers(&kept, "coef.x0"), numbers(&out, "coef.x0"));

    // Targets are not needed, nor is any other column.
    let (header, rows) = table(&folder.read("new.csv"));
    let needed: Vec<usize> = (0..header.len())
        .filter(|&column| header[column].len() == 2)
        .collect();
    let text: String = std::iter::once(&header)
        .chain(&rows)
        .map(|row| {
            let cells: Vec<&str> = needed.iter().rev().map(|&c| row[c].as_str()).collect();
            cells.join(",") + "\n"
        })
        .collect();
    folder.write("needed.csv", text);
    assert_eq!(folder.ok(&["predict", "model.ctx", "needed.csv"]), out);
}

#[test]
fn threads_do_not_change_results() {
    let folder = Folder::new();
    folder.ok(&[
        "simulate",
        "regression",
        "--rows",
        "80",
        "--out",
        "train.csv",
    ]);
    let fit = |threads: &str, out: &str| {
        folder.ok(&[
            "fit",
            "train.csv",
            "y ~ x0 | c0 + c1",
            "--out",
            out,
            "--threads",
            threads,
            "--quiet",
        ])
    };
    assert_eq!(fit("1", "one.ctx"), "");
    fit("2", "two.ctx");
    let bytes = |name: &str| std::fs::read(folder.path(name)).unwrap();
    assert!(bytes("one.ctx") == bytes("two.ctx"));
}

#[test]
fn estimators_are_compared_by_folds_and_on_a_file() {
    let folder = Folder::new();
    folder.ok(&[
        "simulate",
        "regression",
        "--rows",
        "90",
        "--out",
        "train.csv",
    ]);
    folder.ok(&[
        "simulate",
        "regression",
        "--rows",
        "60",
        "--seed",
        "1",
        "--out",
        "test.csv",
    ]);
    let common = [
        "compare",
        "train.csv",
        "y ~ x0 + x1 + x2 | c0 + c1",
        "--estimators",
        "population,gp",
    ];
    let text = folder.ok(&common);
    assert!(
        text.contains("population") && text.contains("gp (squared exponential)"),
        "{text}"
    );
    for more in [&["--json"][..], &["--json", "--test", "test.csv"]] {
        let out = folder.ok(&[&common[..], more].concat());
        let value: serde_json::Value = serde_json::from_str(&out).unwrap();
        let loss = |line: usize| value["comparison"][line]["loss"].as_f64().unwrap();
        assert!(loss(1) < 0.5 * loss(0), "{out}");
        assert!(value["comparison"][0]["standard_error"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn effects_say_what_varies_with_what() {
    let folder = Folder::new();
    folder.ok(&[
        "simulate",
        "regression",
        "--rows",
        "250",
        "--irrelevant",
        "1",
        "--out",
        "train.csv",
    ]);
    folder.ok(&[
        "fit",
        "train.csv",
        "y ~ x0 + x1 + x2 | c0 + c1 + noise0",
        "--estimator",
        "gp",
        "--out",
        "m.ctx",
    ]);
    let out = folder.ok(&["effects", "m.ctx", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    let lines = value["effects"].as_array().unwrap();
    assert_eq!(lines.len(), 4 * (1 + 3));
    for line in lines {
        let (coefficient, context) = (
            line["coefficient"].as_str().unwrap(),
            line["context"].as_str().unwrap(),
        );
        let found = line["Holm_p"].as_f64().unwrap() <= 0.01;
        let true_effect = match coefficient {
            "x0" | "(intercept)" => context == "c0" || context == "(all)",
            "x1" => context == "c1" || context == "(all)",
            _ => false,
        };
        assert_eq!(found, true_effect, "{line}");
    }
    // Without tests there are no p-values, and it is said.
    folder.fit("train.csv", "y ~ x0 | c0", &["--estimator", "gp"]);
    let text = folder.ok(&["effects", "model.ctx"]);
    assert!(text.contains("fitted with --no-tests"), "{text}");
}

#[test]
fn a_model_without_intervals_says_how_to_get_them() {
    let folder = Folder::new();
    folder.write("plane.csv", plane());
    let counts: String = (0..60)
        .map(|row| format!("{},{},{}\n", row % 7, row % 5, (row % 7) * 2 + row % 3))
        .collect();
    folder.write("counts.csv", format!("a,c,y\n{counts}"));
    let poisson = ["--estimator", "cluster", "--family", "poisson"];
    folder.fit("counts.csv", "y ~ a | c", &poisson);
    let message = folder.error(
        1,
        &["predict", "model.ctx", "counts.csv", "--level", "0.95"],
    );
    assert!(message.contains("--bootstraps"), "{message}");
    // Outcomes have intervals by held-out rows where coefficients have none.
    folder.fit("plane.csv", "y ~ a + b | c", &["--estimator", "cluster"]);
    let out = folder.ok(&["predict", "model.ctx", "plane.csv", "--level", "0.95"]);
    let (lower, upper) = (numbers(&out, "pred.y.lower"), numbers(&out, "pred.y.upper"));
    assert!(
        lower
            .iter()
            .zip(upper)
            .all(|(lower, upper)| *lower <= upper)
    );
    let (header, rows) = table(&out);
    let bound = header
        .iter()
        .position(|name| name == "coef.a.lower")
        .unwrap();
    assert!(rows.iter().all(|row| row[bound].is_empty()));
    assert!(
        folder
            .ok(&["summary", "model.ctx"])
            .contains("--bootstraps 100")
    );
    folder.ok(&[
        "simulate",
        "regression",
        "--rows",
        "80",
        "--out",
        "noisy.csv",
    ]);
    folder.fit(
        "noisy.csv",
        "y ~ x0 | c0",
        &["--estimator", "cluster", "--bootstraps", "40"],
    );
    let out = folder.ok(&["predict", "model.ctx", "noisy.csv", "--level", "0.95"]);
    let (lower, upper) = (numbers(&out, "pred.y.lower"), numbers(&out, "pred.y.upper"));
    assert!(lower.iter().zip(upper).all(|(lower, upper)| *lower < upper));
}

#[test]
fn weights_count_rows() {
    let folder = Folder::new();
    let text: String = plane()
        .lines()
        .enumerate()
        .map(|(row, line)| match row {
            0 => format!("{line},w\n"),
            // Rows of weight zero may say anything.
            _ if row % 10 == 0 => line.rsplit_once(',').unwrap().0.to_owned() + ",1000,0\n",
            _ => format!("{line},2\n"),
        })
        .collect();
    folder.write("weighted.csv", text);
    folder.fit("weighted.csv", "y ~ . | c", &["--weights", "w"]);
    let out = folder.ok(&["predict", "model.ctx", "weighted.csv"]);
    assert!((numbers(&out, "coef.a")[0] - 2.0).abs() < 1e-10);
}

#[test]
fn manual_pages_and_completions_are_written() {
    let folder = Folder::new();
    folder.ok(&["man", "--out", "pages"]);
    let page = folder.read("pages/contextualized-fit.1");
    assert!(page.contains(".TH") && page.contains("estimator"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(folder.ok(&["completions", shell]).contains("networks"));
    }
}
