//! Survival times: the lung cancer trial of R's `survival::veteran`, and transplants of `survival::heart`.

use crate::program::{Folder, numbers};

const FORMULA: &str = "Surv(time, event) ~ test + karno | age";

fn data(name: &str) -> String {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../contextualized-baselines/tests/data/"
    );
    std::fs::read_to_string(format!("{folder}{name}")).unwrap()
}

fn veterans() -> Folder {
    let folder = Folder::new();
    folder.write("data.csv", data("veteran.csv"));
    folder
}

/// Constant coefficients are those of `survreg(dist = "exponential")`, and so are probabilities of surviving.
#[test]
fn constant_hazards_are_those_of_survreg() {
    let folder = veterans();
    let formula = "Surv(time, event) ~ test + karno + age | age";
    let said = folder.fit("data.csv", formula, &["--estimator", "population"]);
    assert!(
        said.contains("137 rows of data.csv: Surv(time, event) ~"),
        "{said}"
    );
    assert!(said.contains("128 events in 137 rows"), "{said}");
    assert!(said.contains("12 intervals of time"), "{said}");
    assert!(said.contains("137 subjects"), "{said}");
    let predict = [
        "predict",
        "model.ctx",
        "data.csv",
        "--times",
        "50,100.5",
        "--level",
        "0.95",
    ];
    let found = folder.ok(&predict);
    let first = |column: &str| numbers(&found, column)[0];
    let expected = [
        ("coef.test", 0.128_182_407_776),
        ("coef.karno", -0.035_299_074_254_7),
        ("coef.age", -0.000_586_173_282_62),
        ("coef.(intercept)", -2.663_831_185_886),
    ];
    for (column, own) in expected {
        assert!((first(column) - own).abs() < 1e-7, "{column}: {found}");
    }
    // The first is 69 years old, with a score of 60 and the standard treatment.
    let rate =
        (-2.663_831_185_886 - 60.0 * 0.035_299_074_254_7 - 69.0 * 0.000_586_173_282_62_f64).exp();
    assert!((first("pred.Surv(time, event)") - rate).abs() < 1e-8);
    let [lower, upper] =
        ["lower", "upper"].map(|end| first(&format!("pred.Surv(time, event).{end}")));
    assert!(0.0 < lower && lower < rate && rate < upper, "{found}");
    for (name, time) in [("surv.50", 50.0), ("surv.100.5", 100.5)] {
        let survival = first(name);
        assert!((survival - (-rate * time).exp()).abs() < 1e-7, "{found}");
        let [lower, upper] = ["lower", "upper"].map(|end| first(&format!("{name}.{end}")));
        assert!(0.0 < lower && lower < survival && survival < upper && upper < 1.0);
        // As symmetric around ln H as the normal distribution is.
        let log = |own: f64| (-own.ln()).ln();
        assert!((log(lower) + log(upper) - 2.0 * log(survival)).abs() < 1e-6);
    }
    let summary = folder.ok(&["summary", "model.ctx", "--exponentiate"]);
    assert!(summary.contains("hazard ratio"), "{summary}");
    let refused = folder.error(1, &["summary", "model.ctx", "--marginal"]);
    assert!(
        refused.contains("marginal effects are of means"),
        "{refused}"
    );
    assert!(
        summary.contains("they assume independent subjects"),
        "{summary}"
    );
}

/// Karnofsky's score has an effect that fades with time, which is the best known departure from proportional hazards.
#[test]
fn proportional_hazards_are_tested() {
    let folder = veterans();
    folder.ok(&[
        "fit",
        "data.csv",
        FORMULA,
        "--estimator",
        "gp",
        "--out",
        "model.ctx",
    ]);
    let effects = folder.ok(&["effects", "model.ctx"]);
    assert!(
        effects.contains("Hazards are proportional in a feature"),
        "{effects}"
    );
    assert!(effects.contains("logarithms of hazard ratios"), "{effects}");
    let of = |coefficient: &str| {
        let lines = effects
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>());
        let line = lines
            .into_iter()
            .find(|words| words.first() == Some(&coefficient) && words.get(1) == Some(&"time"))
            .unwrap();
        line[5].trim_start_matches('<').parse::<f64>().unwrap()
    };
    assert!(of("karno") < 0.05, "{effects}");
    assert!(of("karno") < of("test"), "{effects}");
    // The score means more early than late.
    let at = |time: &str| {
        let found = folder.ok(&["predict", "model.ctx", "data.csv", "--at", time]);
        numbers(&found, "coef.karno")[0]
    };
    assert!(at("5") < at("400") - 0.01, "{} {}", at("5"), at("400"));
    let report = ["report", "model.ctx", "data.csv", "--out", "report.html"];
    folder.ok(&report);
    let report = folder.read("report.html");
    assert!(report.contains("logarithms of hazard ratios"));
    assert!(!report.contains("Residuals and coverage"));
}

#[test]
fn probabilities_fall_with_time_from_one() {
    let folder = veterans();
    folder.fit("data.csv", FORMULA, &["--estimator", "gp"]);
    let times = ["0", "10", "50", "200", "999"];
    let found = folder.ok(&[
        "predict",
        "model.ctx",
        "data.csv",
        "--times",
        &times.join(","),
        "--level",
        "0.9",
    ]);
    let columns: Vec<Vec<f64>> = times
        .iter()
        .map(|time| numbers(&found, &format!("surv.{time}")))
        .collect();
    assert!(columns[0].iter().all(|own| *own == 1.0));
    for pair in columns.windows(2) {
        assert!(
            pair[0]
                .iter()
                .zip(&pair[1])
                .all(|(before, after)| after < before)
        );
    }
    let lower = numbers(&found, "surv.50.lower");
    let upper = numbers(&found, "surv.50.upper");
    let all = lower.iter().zip(&upper).zip(&columns[2]);
    assert!(
        all.into_iter()
            .all(|((low, high), own)| low < own && own < high)
    );
    // Without times there are no such columns, and new rows need no column of time.
    folder.write("new.csv", "test,karno,age\n0,60,60\n");
    let found = folder.ok(&["predict", "model.ctx", "new.csv"]);
    assert!(!found.contains("surv."), "{found}");
    let said = folder.error(2, &["predict", "model.ctx", "new.csv", "--times", "1000"]);
    assert!(
        said.contains("--times 1000") && said.contains("999"),
        "{said}"
    );
    let said = folder.error(2, &["predict", "model.ctx", "new.csv", "--at", "-1"]);
    assert!(said.contains("--at -1"), "{said}");
}

/// Rows with entry, several for each patient: transplants change with time.
#[test]
fn times_with_entry() {
    let folder = Folder::new();
    folder.write("data.csv", data("heart.csv"));
    let formula = "Surv(start, stop, event) ~ transplant + surgery | age";
    let said = folder.fit("data.csv", formula, &["--estimator", "gp"]);
    assert!(said.contains("75 events in 172 rows"), "{said}");
    folder.write("new.csv", "transplant,surgery,age\n1,0,-5\n");
    let found = folder.ok(&["predict", "model.ctx", "new.csv", "--times", "100"]);
    let survival = numbers(&found, "surv.100")[0];
    assert!(0.2 < survival && survival < 0.95, "{found}");
}

/// Without contexts coefficients depend on time alone.
#[test]
fn time_is_a_context() {
    let folder = veterans();
    let said = folder.fit(
        "data.csv",
        "Surv(time, event) ~ karno",
        &["--estimator", "gp"],
    );
    assert!(said.contains("Coefficients may depend on time"), "{said}");
    folder.write("new.csv", "karno\n60\n");
    let at = |time: &str| {
        let found = folder.ok(&["predict", "model.ctx", "new.csv", "--at", time]);
        numbers(&found, "coef.karno")[0]
    };
    assert!(at("5") < at("400") - 0.01, "{} {}", at("5"), at("400"));
    let said = folder.error(2, &["fit", "data.csv", "time ~ karno", "--out", "m.ctx"]);
    assert!(said.contains("no contexts"), "{said}");
}

#[test]
fn events_may_be_true_or_false_and_computed() {
    let folder = veterans();
    let text = data("veteran.csv");
    let mut lines = text.lines();
    let mut other = format!("{},died,code\n", lines.next().unwrap());
    for line in lines {
        let event = line.split(',').nth(1).unwrap() == "1";
        let (died, code) = if event { ("TRUE", 2) } else { ("FALSE", 1) };
        other.push_str(&format!("{line},{died},{code}\n"));
    }
    folder.write("data.csv", other);
    let predicted = |event: &str| {
        let formula = format!("Surv(time, {event}) ~ karno | age");
        let options = ["--estimator", "population", "--family", "survival"];
        folder.fit("data.csv", &formula, &options);
        numbers(
            &folder.ok(&["predict", "model.ctx", "data.csv"]),
            "coef.karno",
        )[0]
    };
    let own = predicted("event");
    assert_eq!(predicted("died"), own);
    assert_eq!(predicted("code == 2"), own);
    // Test rows are cut into intervals as training rows are.
    let formula = "Surv(time, died) ~ karno | age";
    let compare = [
        "compare",
        "data.csv",
        formula,
        "--test",
        "data.csv",
        "--estimators",
        "population,gp",
    ];
    let said = folder.ok(&compare);
    assert!(said.contains("test rows by models of"), "{said}");
}

#[test]
fn what_cannot_be_is_said_with_row_and_value() {
    let folder = veterans();
    let refused = |row: &str, formula: &str| {
        folder.write(
            "data.csv",
            format!(
                "start,time,event,x,c\n0,3,1,0.5,1\n1,4,0,0.1,2\n{row}\n0,5,1,0.2,4\n0,6,1,0.7,1\n"
            ),
        );
        folder.error(1, &["fit", "data.csv", formula, "--out", "model.ctx"])
    };
    let (two, three) = (
        "Surv(time, event) ~ x | c",
        "Surv(start, time, event) ~ x | c",
    );
    for (row, formula, part) in [
        (
            "0,4,2,0.1,3",
            two,
            "the event event of data.csv is 2 in data row 3",
        ),
        (
            "0,-4,1,0.1,3",
            two,
            "the time time of data.csv is -4 in data row 3",
        ),
        ("0,0,1,0.1,3", two, "add half a day"),
        ("4,4,1,0.1,3", three, "must be a time above the start, 4"),
        (
            "-1,4,1,0.1,3",
            three,
            "the start start of data.csv is -1 in data row 3",
        ),
        ("0,4,dead,0.1,3", two, "\"dead\" in data row 3 is not one"),
        ("0,4,,0.1,3", two, "event 1"),
    ] {
        let said = refused(row, formula);
        assert!(said.contains(part), "{part}: {said}");
    }
    folder.write(
        "data.csv",
        "time,event,x,c\n3,alive,0.5,1\n4,dead,0.1,2\n5,dead,0.2,4\n",
    );
    let said = folder.error(1, &["fit", "data.csv", two, "--out", "model.ctx"]);
    assert!(
        said.contains("text (alive, dead); an event is 1 or 0, or TRUE or FALSE"),
        "{said}"
    );
    folder.write(
        "data.csv",
        "time,event,x,c\n3,0,0.5,1\n4,0,0.1,2\n5,0,0.2,4\n",
    );
    let said = folder.error(1, &["fit", "data.csv", two, "--out", "model.ctx"]);
    assert!(said.contains("has no event"), "{said}");
    folder.write("data.csv", data("veteran.csv"));
    for (formula, options, part) in [
        (FORMULA, vec!["--family", "poisson"], "leave --family out"),
        (
            "time ~ test | age",
            vec!["--family", "survival"],
            "Surv(time, event) ~",
        ),
        ("Surv(time) ~ test | age", vec![], "is of 1 columns"),
        (
            "Surv(time, factor(event)) ~ test | age",
            vec![],
            "takes columns of numbers",
        ),
        ("Surv(time, event) ~ time | age", vec![], "both sides"),
    ] {
        let mut arguments = vec!["fit", "data.csv", formula, "--out", "model.ctx"];
        arguments.extend(options);
        let said = folder.error(2, &arguments);
        assert!(said.contains(part), "{part}: {said}");
    }
    folder.fit(
        "data.csv",
        "time ~ test | age",
        &["--estimator", "population"],
    );
    let said = folder.error(2, &["predict", "model.ctx", "data.csv", "--times", "5"]);
    assert!(said.contains("about survival times"), "{said}");
}

/// The choice among all estimators, and intervals of their bootstrap.
#[test]
fn any_estimator_of_counts_does() {
    let folder = veterans();
    let said = folder.fit("data.csv", FORMULA, &["--estimator", "auto"]);
    assert!(said.contains("Held-out mean Poisson deviance"), "{said}");
    let options = ["--estimator", "cluster", "--bootstraps", "40"];
    folder.fit("data.csv", FORMULA, &options);
    let predict = [
        "predict",
        "model.ctx",
        "data.csv",
        "--times",
        "80",
        "--level",
        "0.9",
    ];
    let found = folder.ok(&predict);
    let (lower, upper) = (
        numbers(&found, "surv.80.lower"),
        numbers(&found, "surv.80.upper"),
    );
    assert!(lower.iter().zip(&upper).all(|(low, high)| low < high));
    folder.fit("data.csv", FORMULA, &["--estimator", "cluster"]);
    let said = folder.error(1, &predict);
    assert!(said.contains("has no intervals"), "{said}");
}
