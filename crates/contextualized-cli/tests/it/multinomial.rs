//! Outcomes of several classes.

use crate::program::{Folder, numbers, table};
use std::fmt::Write;

/// Three kinds of trips, whose odds against the first depend on a feature, and those of the third on the context too.
fn trips() -> Folder {
    let folder = Folder::new();
    let mut text = "mode,cost,age,number,pair\n".to_owned();
    for i in 0..240 {
        let row = f64::from(i);
        let (cost, age) = ((1.3 * row).sin(), (row * 0.381_966).fract());
        let odds = [
            1.0,
            (0.3 + 0.8 * cost).exp(),
            (1.5 * (age - 0.5) * cost).exp(),
        ];
        let uniform = (row * 0.618_034 + 0.5).fract() * odds.iter().sum::<f64>();
        let class = usize::from(uniform > odds[0]) + usize::from(uniform > odds[0] + odds[1]);
        let mode = ["bus", "car", "walk"][class];
        let pair = ["no", "yes"][usize::from(class > 0)];
        writeln!(text, "{mode},{cost},{age},{class},{pair}").unwrap();
    }
    folder.write("data.csv", text);
    folder
}

const FORMULA: &str = "mode ~ cost | age";
const FAMILY: [&str; 2] = ["--family", "multinomial"];

/// Probabilities of all classes add up to one, and are those of the predictors.
#[test]
fn every_row_has_probabilities_of_all_classes() {
    let folder = trips();
    for estimator in ["population", "gp", "cluster"] {
        let more = [&FAMILY[..], &["--estimator", estimator]].concat();
        let said = folder.fit("data.csv", FORMULA, &more);
        assert!(said.contains("mode: car, walk, against bus"), "{said}");
        let found = folder.ok(&["predict", "model.ctx", "data.csv"]);
        let (header, rows) = table(&found);
        let expected = [
            "car.coef.cost",
            "car.coef.(intercept)",
            "pred.car",
            "walk.coef.cost",
            "walk.coef.(intercept)",
            "pred.walk",
            "class.mode",
            "prob.mode.bus",
            "prob.mode.car",
            "prob.mode.walk",
        ];
        assert_eq!(header, expected);
        let link = folder.ok(&["predict", "model.ctx", "data.csv", "--type", "link"]);
        let [car, walk] = ["pred.car", "pred.walk"].map(|own| numbers(&link, own));
        let own = ["bus", "car", "walk"].map(|own| numbers(&found, &format!("prob.mode.{own}")));
        let mut right = 0;
        for row in 0..240 {
            let odds = [1.0, car[row].exp(), walk[row].exp()];
            let sum: f64 = odds.iter().sum();
            let mut best = 0;
            for class in 0..3 {
                assert!((own[class][row] - odds[class] / sum).abs() < 1e-9, "{row}");
                best = if odds[class] > odds[best] {
                    class
                } else {
                    best
                };
            }
            assert_eq!(rows[row][6], ["bus", "car", "walk"][best]);
            right += usize::from(numbers(&folder.read("data.csv"), "number")[row] == best as f64);
        }
        assert!(right > 90, "{estimator}: {right}");
    }
}

/// Another reference turns the signs of its odds around, and nothing else.
#[test]
fn the_reference_can_be_chosen() {
    let folder = trips();
    folder.fit("data.csv", FORMULA, &FAMILY);
    let first = folder.ok(&["predict", "model.ctx", "data.csv"]);
    let formula = "relevel(mode, ref = \"car\") ~ cost | age";
    let said = folder.fit("data.csv", formula, &FAMILY);
    assert!(said.contains("bus, walk, against car"), "{said}");
    let second = folder.ok(&["predict", "model.ctx", "data.csv"]);
    let of = |found: &str, column: &str| numbers(found, column)[0];
    let sum = of(&first, "car.coef.cost") + of(&second, "bus.coef.cost");
    assert!(sum.abs() < 1e-8, "{sum}");
    let difference = of(&first, "prob.mode.walk") - of(&second, "prob.mode.walk");
    assert!(difference.abs() < 1e-9);
}

/// Numbers are classes where they are said to be, and two classes are a binary outcome.
#[test]
fn numbers_are_classes_and_two_are_binary() {
    let folder = trips();
    folder.fit("data.csv", FORMULA, &FAMILY);
    let named = folder.ok(&["predict", "model.ctx", "data.csv"]);
    folder.fit("data.csv", "number ~ cost | age", &FAMILY);
    let found = folder.ok(&["predict", "model.ctx", "data.csv"]);
    assert_eq!(
        numbers(&found, "2.coef.cost"),
        numbers(&named, "walk.coef.cost")
    );
    for estimator in ["population", "gp"] {
        let more = [&FAMILY[..], &["--estimator", estimator]].concat();
        folder.fit("data.csv", "pair ~ cost | age", &more);
        let own = folder.ok(&["predict", "model.ctx", "data.csv"]);
        folder.fit("data.csv", "pair ~ cost | age", &["--estimator", estimator]);
        let binary = folder.ok(&["predict", "model.ctx", "data.csv"]);
        assert_eq!(numbers(&own, "coef.cost"), numbers(&binary, "coef.cost"));
        assert_eq!(numbers(&own, "pred.yes"), numbers(&binary, "pred.pair"));
    }
}

#[test]
fn tables_are_of_each_class() {
    let folder = trips();
    let more = [&FAMILY[..], &["--estimator", "gp"]].concat();
    folder.fit("data.csv", FORMULA, &more);
    let summary = folder.ok(&["summary", "model.ctx", "--exponentiate"]);
    assert!(summary.contains("odds ratio"), "{summary}");
    assert!(summary.contains("car, walk"), "{summary}");
    let found = folder.ok(&["predict", "model.ctx", "data.csv", "--level", "0.9", "--se"]);
    let of = |column: &str| numbers(&found, column)[3];
    assert!(of("walk.coef.cost.lower") < of("walk.coef.cost"));
    let (header, rows) = table(&found);
    let lower = header.iter().position(|own| own == "pred.car.lower");
    assert_eq!(rows[3][lower.unwrap()], "");
    let link = ["--type", "link", "--level", "0.9"];
    let found = folder.ok(&[&["predict", "model.ctx", "data.csv"], &link[..]].concat());
    let of = |column: &str| numbers(&found, column)[3];
    assert!(of("pred.car.lower") < of("pred.car") && of("pred.car") < of("pred.car.upper"));
    folder.ok(&["effects", "model.ctx"]);
    folder.ok(&["report", "model.ctx", "data.csv", "--out", "report.html"]);
    assert!(folder.read("report.html").contains("log loss"));
}

/// Resampled fits have all classes.
#[test]
fn models_are_bootstrapped() {
    let folder = trips();
    let more = ["--bootstraps", "39"];
    folder.fit("data.csv", FORMULA, &[&FAMILY[..], &more].concat());
    let found = folder.ok(&["predict", "model.ctx", "data.csv", "--level", "0.9"]);
    let of = |column: &str| numbers(&found, column)[0];
    assert!(of("car.coef.cost.lower") < of("car.coef.cost.upper"));
}

#[test]
fn outcomes_that_cannot_be_classes_are_refused() {
    let folder = trips();
    let error = folder.refused(FORMULA, &[]);
    assert!(
        error.contains("--family multinomial") && error.contains("--family ordinal"),
        "{error}"
    );
    let error = folder.refused("cost ~ number | age", &FAMILY);
    assert!(
        error.contains("240 values") && error.contains("at most 30"),
        "{error}"
    );
    let error = folder.refused("cbind(mode, pair) ~ cost | age", &FAMILY);
    assert!(error.contains("one target"), "{error}");
    let data = folder.read("data.csv");
    folder.write("data.csv", format!("{data}tram,0.1,0.2,3,no\n"));
    let error = folder.refused(FORMULA, &FAMILY);
    assert!(
        error.contains("\"tram\"") && error.contains("1 row"),
        "{error}"
    );
    folder.write("data.csv", "mode,cost,age\nbus,1,2\nbus,2,3\nbus,4,5\n");
    let error = folder.refused(FORMULA, &FAMILY);
    assert!(error.contains("nothing to explain"), "{error}");
    // Each has costs of its own.
    let mut text = "mode,cost,age\n".to_owned();
    for i in 0..30 {
        let mode = ["bus", "car", "walk"][i % 3];
        writeln!(text, "{mode},{}.{},{}", i % 3, i / 3, i % 7).unwrap();
    }
    folder.write("data.csv", text);
    let error = folder.refused(FORMULA, &FAMILY);
    assert!(error.contains("separate"), "{error}");
}

/// A class that training did not have is named where rows are compared with their outcomes.
#[test]
fn new_classes_are_refused() {
    let folder = trips();
    folder.fit("data.csv", FORMULA, &FAMILY);
    folder.write("new.csv", "mode,cost,age\nbus,0.1,0.2\ntram,0.2,0.3\n");
    folder.ok(&["predict", "model.ctx", "new.csv"]);
    let error = folder.error(
        1,
        &["report", "model.ctx", "new.csv", "--out", "report.html"],
    );
    assert!(
        error.contains("\"tram\"") && error.contains("bus, car, walk"),
        "{error}"
    );
}
