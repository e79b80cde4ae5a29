//! Effects of a treatment that was not assigned at random.

use crate::program::{Folder, numbers, table};

/// Patients of whom older ones are treated more often, and would fare worse; the effect is 2.
fn patients(rows: usize) -> String {
    let mut text = "age,dose,drug,arm,site,y\n".to_owned();
    for row in 0..rows {
        let age = ((row * 37) % 100) as f64 / 50.0 - 1.0;
        let chance = ((row * 61) % 97) as f64 / 97.0;
        let treated = chance < 0.5 + 0.3 * age;
        let dose = age + 2.0 * chance;
        let noise = ((row * 29) % 31) as f64 / 31.0 - 0.5;
        let drug = if treated { "drug" } else { "none" };
        let arm = ["a", "b", "c"][row % 3];
        let y = 3.0 * age + f64::from(u8::from(treated)) * 2.0 + noise;
        text.push_str(&format!("{age},{dose},{drug},{arm},1,{y}\n"));
    }
    text
}

#[test]
fn the_effect_is_fitted_shown_predicted_and_reported() {
    let folder = Folder::new();
    folder.write("data.csv", patients(200));
    let out = folder.fit("data.csv", "y ~ 1 | age", &["--treatment", "drug"]);
    assert!(
        out.contains(r#"the mean with "none" less that with "drug""#),
        "{out}"
    );
    assert!(
        out.contains("Overlap: ") && out.contains("average effect"),
        "{out}"
    );

    let summary = folder.ok(&["summary", "model.ctx"]);
    assert!(summary.contains("doubly robust"), "{summary}");
    let json: serde_json::Value =
        serde_json::from_str(&folder.ok(&["summary", "model.ctx", "--json"])).unwrap();
    assert_eq!(json["treatment"], "drug");

    // Rows need contexts alone, and the naive difference is far off.
    folder.write("new.csv", "age\n-0.5\n0.5\n");
    let predicted = folder.ok(&["predict", "model.ctx", "new.csv", "--level", "0.95"]);
    let (names, _) = table(&predicted);
    assert_eq!(names, ["coef.drug", "coef.drug.lower", "coef.drug.upper"]);
    let effects = numbers(&predicted, "coef.drug");
    assert!((effects[0] + 2.0).abs() < 0.2, "{effects:?}");

    folder.ok(&["effects", "model.ctx"]);
    folder.ok(&["report", "model.ctx", "data.csv", "--out", "report.html"]);
    let report = folder.read("report.html");
    assert!(report.contains("Average effect") && report.contains("Overlap"));
}

#[test]
fn a_dose_has_an_effect_per_unit_and_estimators_of_it_are_compared() {
    let folder = Folder::new();
    folder.write("data.csv", patients(120));
    let out = folder.fit("data.csv", "y ~ 1 | age", &["--treatment", "dose"]);
    assert!(
        out.contains("by how much the mean changes per unit of dose"),
        "{out}"
    );
    assert!(
        out.contains("of the variance of the treatment is not predicted"),
        "{out}"
    );
    let compare = ["compare", "data.csv", "y ~ 1 | age", "--treatment", "dose"];
    let estimators = ["--estimators", "population,gp"];
    let compared = folder.ok(&[&compare[..], &estimators].concat());
    assert!(
        compared.contains("population") && compared.contains("gp"),
        "{compared}"
    );
    folder.write("test.csv", patients(80));
    let tested = folder.ok(&[&compare[..], &estimators, &["--test", "test.csv"]].concat());
    assert!(tested.contains("of 80 test rows"), "{tested}");
}

#[test]
fn treatments_that_cannot_be_are_named() {
    let folder = Folder::new();
    folder.write("data.csv", patients(60));
    let refused =
        |formula: &str, treatment: &str| folder.refused(formula, &["--treatment", treatment]);
    assert!(refused("y ~ 1 | age", "pill").contains("pill"));
    let three = refused("y ~ 1 | age", "arm");
    assert!(
        three.contains("the treatment arm of data.csv has 3 levels"),
        "{three}"
    );
    let constant = refused("y ~ 1 | age", "site");
    assert!(
        constant.contains("the treatment site is 1 in all 60 rows"),
        "{constant}"
    );
    for (formula, what) in [
        ("y ~ dose | age", "a feature"),
        ("y ~ 1 | age + dose", "a context"),
        ("dose ~ 1 | age", "a target"),
    ] {
        let fit = [
            "fit",
            "data.csv",
            formula,
            "--treatment",
            "dose",
            "--out",
            "m.ctx",
        ];
        let message = folder.error(2, &fit);
        assert!(
            message.contains(&format!("--treatment dose is {what}")),
            "{message}"
        );
    }
    let timed = folder.error(
        2,
        &[
            "fit",
            "data.csv",
            "Surv(y, site) ~ 1 | age",
            "--treatment",
            "dose",
            "--out",
            "m.ctx",
        ],
    );
    assert!(timed.contains("--treatment dose with Surv()"), "{timed}");
}
