//! Columns of text.

use crate::program::{Folder, numbers, rows_with, table};

/// A slope that depends on the clinic, and a feature with three levels.
fn clinics() -> String {
    let mut text = "clinic,arm,x,y\n".to_owned();
    for row in 0..90 {
        let clinic = ["north", "south", "east"][row % 3];
        let arm = ["control", "drug A", "drug B"][(row / 3) % 3];
        let x = ((row * 7) % 13) as f64 - 6.0;
        let slope = [1.0, -1.0, 3.0][row % 3];
        let shift = [0.0, 2.0, -1.0][(row / 3) % 3];
        text += &format!("{clinic},{arm},{x},{}\n", slope * x + shift + 0.5);
    }
    text
}

#[test]
fn levels_of_features_are_contrasts_to_the_first() {
    let folder = Folder::new();
    folder.write("clinics.csv", clinics());
    folder.fit(
        "clinics.csv",
        "y ~ x + arm | clinic",
        &["--estimator", "gp"],
    );
    let out = folder.ok(&["predict", "model.ctx", "clinics.csv"]);
    let (header, _) = table(&out);
    assert_eq!(
        header,
        [
            "coef.x",
            "coef.arm[drug A]",
            "coef.arm[drug B]",
            "coef.(intercept)",
            "pred.y"
        ]
    );
    for (row, (slope, drug)) in numbers(&out, "coef.x")
        .into_iter()
        .zip(numbers(&out, "coef.arm[drug A]"))
        .enumerate()
    {
        assert!(
            (slope - [1.0, -1.0, 3.0][row % 3]).abs() < 0.02,
            "row {row}: {slope}"
        );
        assert!((drug - 2.0).abs() < 0.05, "row {row}: {drug}");
    }
    // Without an intercept the first column of levels has one for each.
    folder.fit("clinics.csv", "y ~ arm - 1 | clinic", &[]);
    let (header, _) = table(&folder.ok(&["predict", "model.ctx", "clinics.csv"]));
    assert_eq!(
        header,
        [
            "coef.arm[control]",
            "coef.arm[drug A]",
            "coef.arm[drug B]",
            "pred.y"
        ]
    );
    folder.fit("clinics.csv", "y ~ x * arm | clinic", &[]);
    let (header, _) = table(&folder.ok(&["predict", "model.ctx", "clinics.csv"]));
    assert_eq!(
        header[..5],
        [
            "coef.x",
            "coef.arm[drug A]",
            "coef.arm[drug B]",
            "coef.x:arm[drug A]",
            "coef.x:arm[drug B]"
        ]
    );
}

#[test]
fn a_level_that_training_did_not_have_is_named_or_the_populations() {
    let folder = Folder::new();
    folder.write("clinics.csv", clinics());
    folder.fit(
        "clinics.csv",
        "y ~ x + arm | clinic",
        &["--estimator", "gp"],
    );
    folder.write(
        "new.csv",
        "x,arm,clinic\n1,control,north\n1,control,west\n1,drug C,south\n",
    );
    let message = folder.error(1, &["predict", "model.ctx", "new.csv"]);
    for part in [
        "column clinic",
        "\"west\" in data row 2",
        "east, north, south",
        "--unknown-levels population",
    ] {
        assert!(message.contains(part), "{message}");
    }
    let flag = ["--unknown-levels", "population"];
    let ran = folder.run(&[&["predict", "model.ctx", "new.csv"][..], &flag].concat());
    assert!(ran.err.contains("2 of 3 rows have a level"), "{}", ran.err);
    let out = ran.out;
    let (_, rows) = table(&out);
    let slopes = numbers(&out, "coef.x");
    assert!((slopes[0] - 1.0).abs() < 0.02);
    // The population's slope is near the mean of 1, -1 and 3, and the same for both unknown rows.
    assert!((slopes[1] - 1.0).abs() < 0.5 && slopes[1] == slopes[2]);
    assert_ne!(slopes[0], slopes[1]);
    // What a drug never seen does cannot be predicted.
    assert!(!rows[1][4].is_empty() && rows[2][4].is_empty());

    folder.fit("clinics.csv", "y ~ x + arm | clinic", &[]);
    let all_rows = folder.ok(&["predict", "model.ctx", "clinics.csv"]);
    assert_eq!(numbers(&all_rows, "coef.x")[0], slopes[1]);
}

#[test]
fn codes_may_be_levels() {
    let folder = Folder::new();
    let text = clinics()
        .replace("north", "10")
        .replace("south", "9")
        .replace("east", "100");
    folder.write("codes.csv", text);
    folder.fit(
        "codes.csv",
        "y ~ x + factor(clinic) | factor(clinic)",
        &["--estimator", "cluster"],
    );
    let (header, _) = table(&folder.ok(&["predict", "model.ctx", "codes.csv"]));
    // In the order of numbers, not of texts.
    assert_eq!(
        header[..3],
        ["coef.x", "coef.clinic[10]", "coef.clinic[100]"]
    );
}

#[test]
fn text_that_is_no_group_is_refused() {
    let folder = Folder::new();
    let mut text = "name,x,y\n".to_owned();
    for row in 0..400 {
        text += &format!("person {row},{},{}\n", row % 5, row % 3);
    }
    folder.write("names.csv", &text);
    let message = folder.error(1, &["fit", "names.csv", "y ~ x | name", "--out", "m.ctx"]);
    assert!(
        message.contains("column name") && message.contains("more than 256 levels"),
        "{message}"
    );
    folder.write("one.csv", "site,x,y\nA,1,2\nA,2,3\nA,3,5\nA,4,4\n");
    let message = folder.error(1, &["fit", "one.csv", "y ~ x | site", "--out", "m.ctx"]);
    assert!(message.contains("same value \"A\""), "{message}");
}

#[test]
fn a_context_with_levels_is_one_line() {
    let folder = Folder::new();
    folder.write("clinics.csv", clinics());
    let fit = [
        "fit",
        "clinics.csv",
        "y ~ x | clinic + arm",
        "--out",
        "model.ctx",
    ];
    folder.ok(&[&fit[..], &["--estimator", "gp"]].concat());
    for command in ["effects", "summary"] {
        let said = folder.ok(&[command, "model.ctx"]);
        let lines: Vec<&str> = said
            .lines()
            .filter(|line| line.starts_with(" x  "))
            .collect();
        assert!(
            lines
                .iter()
                .any(|line| line.contains(" clinic ") && line.contains("***")),
            "{said}"
        );
        assert!(lines.iter().any(|line| line.contains(" arm ")), "{said}");
        assert!(!said.contains("clinic["), "{said}");
    }
}

/// The p-value of a factor is that of R's `lm` for all its levels, `t(b) %*% solve(vcov) %*% b / 2` by
/// `pf(…, 2, 24)`.
#[test]
fn a_feature_with_levels_has_a_line_of_its_own() {
    let folder = Folder::new();
    let mut text = "arm,x,y\n".to_owned();
    for row in 0..30 {
        let x = f64::from(row * 7 % 13);
        let noise = f64::from(row * row % 11) / 3.0;
        text += &format!("{},{x},{}\n", ["a", "b", "c"][row as usize % 3], x + noise);
    }
    folder.write("arms.csv", text);
    folder.fit("arms.csv", "y ~ x * arm | x", &[]);
    let said = folder.ok(&["summary", "model.ctx", "--json"]);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    let lines = said["averages"].as_array().unwrap();
    let names: Vec<&str> = lines
        .iter()
        .map(|line| line["coefficient"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "x",
            "arm",
            "arm[b]",
            "arm[c]",
            "x:arm",
            "x:arm[b]",
            "x:arm[c]",
            "(intercept)"
        ]
    );
    assert!(lines[1]["SE"].is_null() && lines[1]["average"].is_null());
    for (line, right) in [(1, 0.255438418065), (4, 0.266588170486)] {
        let p = lines[line]["p"].as_f64().unwrap();
        assert!((p - right).abs() < 1e-9, "{p}");
    }
}

/// Their codes would do as numbers that mean nothing.
#[test]
fn levels_are_no_offsets() {
    let folder = Folder::new();
    folder.write(
        "data.csv",
        rows_with("g", |row| ["a", "b", "c"][row % 3].to_owned()),
    );
    for (formula, more) in [
        ("y ~ x + offset(g) | age", &[][..]),
        ("y ~ x | age", &["--offset", "g"]),
    ] {
        let message = folder.refused(formula, more);
        assert!(
            message.contains("column g contains text where numbers are needed"),
            "{message}"
        );
    }
}

/// Three hundred sites of ten rows, the first ten of them with twenty more: more levels than have columns of their own.
fn many_sites() -> String {
    let mut text = "site,c,x,y\n".to_owned();
    for row in 0..3200 {
        let site = if row < 3000 { row % 300 } else { row % 10 };
        let c = f64::from(row * 7 % 41) / 10.0 - 2.0;
        let x = f64::from(row * 13 % 29) / 7.0 - 2.0;
        let noise = f64::from(row * row % 17) / 17.0 - 0.5;
        let slope = f64::from(site % 7) - 3.0;
        text += &format!("site {site:03},{c},{x},{}\n", slope * x + 0.5 * c + noise);
    }
    text
}

#[test]
fn a_context_of_many_levels_is_fitted_and_shown_in_few_lines() {
    let folder = Folder::new();
    folder.write("sites.csv", many_sites());
    let fit = ["fit", "sites.csv", "y ~ x | site + c", "--out", "model.ctx"];
    let said = folder.ok(&[&fit[..], &["--estimator", "gp"]].concat());
    assert!(
        said.contains("site has 300 levels, 0 of them of fewer than 5 rows"),
        "{said}"
    );

    let new = "site,c,x\nsite 000,0.1,1\nsite 299,0.1,1\nsite X,0.1,1\n";
    folder.write("new.csv", new);
    let message = folder.error(1, &["predict", "model.ctx", "new.csv"]);
    assert!(message.contains("\"site X\" in data row 3"), "{message}");
    let flags = ["--unknown-levels", "population", "--extrapolation"];
    let ran = folder.run(&[&["predict", "model.ctx", "new.csv"][..], &flags].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.err.contains("1 of 3 rows have a level"), "{}", ran.err);
    assert!(!ran.err.contains("beyond"), "{}", ran.err);
    let slopes = numbers(&ran.out, "coef.x");
    assert!((slopes[0] + 3.0).abs() < 0.3, "{slopes:?}");
    assert!((slopes[1] - 2.0).abs() < 0.3, "{slopes:?}");
    assert!(slopes[2].abs() < 0.3, "{slopes:?}");

    for command in ["effects", "summary"] {
        let said = folder.ok(&[command, "model.ctx"]);
        let lines = said.lines();
        let lines = lines.filter(|line| line.starts_with(" x  ") && line.contains(" site "));
        assert_eq!(lines.count(), 1, "{said}");
        assert!(!said.contains("site 0"), "{said}");
        assert!(
            said.contains("No tests of variation: site has 300 levels"),
            "{said}"
        );
    }
    folder.ok(&["effects", "model.ctx", "--curves", "curves.csv"]);
    let curves = folder.read("curves.csv");
    // The ten of most rows, and as many others.
    assert!(curves.contains("site 009"), "{curves}");
    let of_slope = |line: &&str| line.starts_with("y,x,site,");
    assert_eq!(curves.lines().filter(of_slope).count(), 20, "{curves}");
    folder.ok(&["report", "model.ctx", "sites.csv", "--out", "report.html"]);
    let report = folder.read("report.html");
    assert!(report.contains("300 levels") && !report.contains("site 200"));
}

#[test]
fn what_cannot_have_many_levels_says_so() {
    let folder = Folder::new();
    folder.write("sites.csv", many_sites());
    let fit = |formula: &str, estimator: &str| {
        let arguments = ["fit", "sites.csv", formula, "--out", "m.ctx", "--estimator"];
        folder.error(1, &[&arguments[..], &[estimator]].concat())
    };
    for estimator in ["neural", "cluster", "trees"] {
        let message = fit("y ~ x | site + c", estimator);
        assert!(
            message.contains("cannot use the factor site, which has 300 levels"),
            "{message}"
        );
    }
    for formula in ["y ~ x + site | c", "y ~ x + site | site + c"] {
        let message = fit(formula, "gp");
        assert!(message.contains("more than 256 levels"), "{message}");
    }
    let products = ["fit", "sites.csv", "y ~ x | site:c", "--out", "m.ctx"];
    let ran = folder.run(&products);
    assert_ne!(ran.code, Some(0));
    assert!(ran.err.contains("site"), "{}", ran.err);
}
