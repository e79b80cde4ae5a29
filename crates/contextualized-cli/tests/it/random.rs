//! Random effects in formulas: the data of lme4's `sleepstudy`.

use crate::program::{Folder, numbers};

fn sleepstudy() -> String {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../contextualized-mixed/tests/data/sleepstudy.csv"
    );
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn random_effects_without_contexts() {
    let folder = Folder::new();
    folder.write("data.csv", sleepstudy());
    let formula = "Reaction ~ Days | (1 + Days | Subject)";
    let said = folder.fit("data.csv", formula, &["--estimator", "auto"]);
    assert!(said.contains("Fitted: mixed"), "{said}");
    assert!(said.contains("18 groups"), "{said}");
    let summary = folder.ok(&["summary", "model.ctx"]);
    for part in ["Subject 18", "612.", "35.07", "654.9", "298.5", "10.47"] {
        assert!(summary.contains(part), "{part}: {summary}");
    }
    folder.ok(&["effects", "model.ctx"]);
    let report = ["report", "model.ctx", "data.csv", "--out", "report.html"];
    assert!(folder.error(2, &report).contains("has none"));

    // A known subject has effects of its own, a new one those of the population and wider intervals.
    folder.write("new.csv", "Days,Subject\n0,308\n0,999\n");
    let found = folder.ok(&[
        "predict",
        "model.ctx",
        "new.csv",
        "--interval",
        "mean",
        "--level",
        "0.95",
    ]);
    let means = numbers(&found, "pred.Reaction");
    assert!((means[0] - 253.6637).abs() < 1e-3, "{found}");
    assert!((means[1] - 251.4051).abs() < 1e-3, "{found}");
    let width = |row: usize| {
        numbers(&found, "pred.Reaction.upper")[row] - numbers(&found, "pred.Reaction.lower")[row]
    };
    assert!(width(1) > 1.5 * width(0), "{found}");
}

#[test]
fn random_effects_beside_contexts() {
    let folder = Folder::new();
    let mut lines = sleepstudy()
        .lines()
        .enumerate()
        .map(|(row, line)| match row {
            0 => format!("{line},c"),
            row => format!("{line},{}", (row * 7) % 11),
        })
        .collect::<Vec<_>>();
    lines.push(String::new());
    folder.write("data.csv", lines.join("\n"));
    let formula = "Reaction ~ Days | c + (1 | Subject)";
    let said = folder.fit("data.csv", formula, &["--estimator", "auto"]);
    assert!(said.contains("mixed (constant coefficients)"), "{said}");
    let said = folder.fit("data.csv", formula, &["--estimator", "mixed"]);
    assert!(said.contains("Fitted: mixed"), "{said}");
    folder.ok(&["summary", "model.ctx"]);
    let refused = folder.refused(formula, &[]);
    assert!(refused.contains("mixed"), "{refused}");
}
