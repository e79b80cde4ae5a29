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

/// Shares of animals; `glmer` ends 2e-4 to 6e-4 before this optimum by default, and agrees at a tolerance of 1e-12.
#[test]
fn shares_of_trials_and_shapes() {
    let folder = Folder::new();
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../contextualized-mixed/tests/data/cbpp.csv"
    );
    folder.write("data.csv", std::fs::read_to_string(path).unwrap());
    let formula = "cbind(incidence, size - incidence) ~ factor(period) | (1 | herd)";
    let family = ["--family", "binomial", "--estimator", "mixed"];
    folder.fit("data.csv", formula, &family);
    let summary = folder.ok(&["summary", "model.ctx"]);
    for part in ["herd 15", "0.4125", "-0.9923", "-1.129", "-1.580"] {
        assert!(summary.contains(part), "{part}: {summary}");
    }
    let ratios = folder.ok(&["summary", "model.ctx", "--exponentiate"]);
    assert!(ratios.contains("odds ratio"), "{ratios}");

    let formula = "incidence ~ factor(period) + offset(log(size)) | (1 | herd)";
    let family = ["--family", "negative-binomial", "--estimator", "mixed"];
    folder.fit("data.csv", formula, &family);
    let summary = folder.ok(&["summary", "model.ctx"]);
    assert!(summary.contains("Estimated: size θ"), "{summary}");
}

#[test]
fn comparisons_hold_out_subjects() {
    let folder = Folder::new();
    folder.write("data.csv", sleepstudy());
    let formula = "Reaction ~ Days | (1 | Subject)";
    let said = folder.ok(&["compare", "data.csv", formula]);
    assert!(said.contains("mixed") && !said.contains("trees"), "{said}");
    assert!(said.contains("18 groups"), "{said}");
    let fit = ["fit", "data.csv", formula, "--out", "m.ctx"];
    let refused = folder.error(2, &[&fit[..], &["--bootstraps", "100"]].concat());
    assert!(refused.contains("random effects"), "{refused}");
    let asked = ["compare", "data.csv", formula, "--estimators", "gp"];
    let ran = folder.run(&asked);
    assert!(
        (ran.out.clone() + &ran.err).contains("no random effects"),
        "{}{}",
        ran.out,
        ran.err
    );
    // A report shows how coefficients vary with contexts.
    folder.fit("data.csv", formula, &["--estimator", "mixed"]);
    for command in ["archetypes", "embed"] {
        let ran = folder.run(&[command, "model.ctx", "data.csv"]);
        assert_ne!(ran.code, Some(0), "{command}: {}", ran.out);
        assert_eq!(ran.err.lines().count(), 1, "{command}: {}", ran.err);
    }
    let curves = folder.run(&["effects", "model.ctx", "--curves", "curves.csv"]);
    assert!(
        curves.err.contains("no contexts") || curves.err.contains("has none"),
        "{}",
        curves.err
    );
}

#[test]
fn reports_of_random_effects_beside_contexts() {
    let folder = Folder::new();
    let data = sleepstudy();
    let mut lines = data.lines().enumerate().map(|(row, line)| match row {
        0 => format!("{line},c\n"),
        row => format!("{line},{}\n", (row * 7) % 11),
    });
    folder.write("data.csv", lines.by_ref().collect::<String>());
    let formula = "Reaction ~ Days | c + (1 + Days | Subject)";
    folder.fit("data.csv", formula, &["--estimator", "mixed"]);
    folder.ok(&["report", "model.ctx", "data.csv", "--out", "report.html"]);
    let report = folder.read("report.html");
    assert!(
        report.contains("Random effects"),
        "no table of random effects"
    );
    let effects = folder.ok(&["effects", "model.ctx"]);
    assert!(effects.contains("Days"), "{effects}");
    folder.ok(&["effects", "model.ctx", "--curves", "curves.csv"]);
    assert!(folder.read("curves.csv").contains("Days"));
}
