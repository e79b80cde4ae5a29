//! What is asked of a fitted model: settings of its estimator, curves, figures, archetypes, coordinates, a report.

use crate::program::{Folder, numbers, plane, table};

/// Rows whose slope follows `hour` around the clock and differs by `site`, on consecutive days.
fn clinic(rows: usize) -> String {
    let mut text = "x,hour,site,day,y\n".to_owned();
    for row in 0..rows {
        let x = ((row * 13) % 17) as f64 / 4.0 - 2.0;
        let hour = ((row * 7) % 24) as f64;
        let site = ["A", "B", "C"][row % 3];
        let slope = (std::f64::consts::TAU * hour / 24.0).sin() + (row % 3) as f64;
        let noise = ((row * 29) % 31) as f64 / 31.0 - 0.5;
        let day = format!("2021-{:02}-{:02}", 1 + row % 12, 1 + (row * 5) % 28);
        text.push_str(&format!(
            "{x},{hour},{site},{day},{}\n",
            slope * x + 0.3 * noise
        ));
    }
    text
}

#[test]
fn settings_reach_their_estimator_and_no_other() {
    let folder = Folder::new();
    folder.write("data.csv", plane());
    let fitted = |more: &[&str]| {
        let out = folder.fit("data.csv", "y ~ a + b | c", more);
        let line = out.lines().find(|line| line.starts_with("Fitted: "));
        line.unwrap().to_owned()
    };
    let neural = fitted(&[
        "--estimator",
        "neural",
        "--archetypes",
        "3",
        "--width",
        "4",
        "--layers",
        "1",
        "--epochs",
        "2",
        "--batch-size",
        "20",
    ]);
    assert!(neural.contains("3 archetypes"), "{neural}");
    assert!(neural.contains("MLP 4 × 1"), "{neural}");
    let direct = fitted(&[
        "--estimator",
        "neural",
        "--archetypes",
        "0",
        "--encoder",
        "linear",
        "--epochs",
        "1",
    ]);
    assert!(direct.contains("direct") && direct.contains("linear encoder"));
    let gp = fitted(&["--estimator", "gp", "--kernel", "matern32"]);
    assert!(gp.contains("Matérn 3/2"), "{gp}");
    let short = [
        "--chains",
        "2",
        "--burn-in",
        "20",
        "--sweeps",
        "30",
        "--draws",
        "10",
    ];
    let sums = ["--estimator", "trees", "--trees", "5", "--splits", "hard"];
    let trees = fitted(&[&sums[..], &short].concat());
    let said = "trees (5 trees each, hard splits, chains: 2, burn-in: 20, sweeps: 30, draws: 10)";
    assert!(trees.contains(said), "{trees}");
    let clusters = fitted(&["--estimator", "cluster", "--clusters", "2"]);
    assert!(clusters.contains('2'), "{clusters}");
    // A ridge penalty makes coefficients smaller.
    fitted(&[]);
    let plain = numbers(&folder.ok(&["predict", "model.ctx", "data.csv"]), "coef.a")[0];
    fitted(&["--ridge", "10"]);
    let ridge = numbers(&folder.ok(&["predict", "model.ctx", "data.csv"]), "coef.a")[0];
    assert!(ridge.abs() < 0.9 * plain.abs(), "{ridge} {plain}");

    let fit = ["fit", "data.csv", "y ~ a | c", "--out", "m.ctx"];
    let wrong = [&fit[..], &["--estimator", "gp", "--epochs", "5"]].concat();
    let message = folder.error(2, &wrong);
    assert!(
        message.contains("--epochs is a setting of the estimator neural"),
        "{message}"
    );
    let bad = [&fit[..], &["--estimator", "neural", "--epochs", "0"]].concat();
    assert!(folder.error(1, &bad).contains("epochs is 0"));
    for (option, value, message) in [
        ("--trees", "0", "trees is 0, but must be 1 to"),
        ("--chains", "0", "chains is 0, but must be 1 to"),
        ("--burn-in", "1000000000000", "but must be 0 to"),
        ("--sweeps", "0", "sweeps is 0, but must be 1 to"),
        (
            "--draws",
            "3001",
            "draws is 3001, but must be 1 to 3000, the number of sweeps",
        ),
    ] {
        let bad = [&fit[..], &["--estimator", "trees", option, value]].concat();
        let said = folder.error(1, &bad);
        assert!(said.contains(message), "{said}");
        let message = folder.error(
            2,
            &[&fit[..], &["--estimator", "gp", option, value]].concat(),
        );
        assert!(message.contains(&format!("{option} is a setting of the estimator trees")));
    }
    // The automatic choice compares what is left with the settings.
    let out = folder.ok(&[
        &fit[..],
        &["--structure", "additive", "--epochs", "1", "--no-tests"],
    ]
    .concat());
    assert!(out.contains("gp (additive squared exponential)"), "{out}");
    assert!(!out.contains("gp (squared exponential)"), "{out}");

    let networks = ["networks", "data.csv", "~ a + b + y | c", "--out", "n.ctx"];
    let message = folder.error(
        2,
        &[&networks[..], &["--estimator", "kernel", "--epochs", "5"]].concat(),
    );
    assert!(message.contains("--epochs"), "{message}");
    let out = folder.ok(&[
        &networks[..],
        &[
            "--estimator",
            "neural",
            "--epochs",
            "1",
            "--archetypes",
            "2",
        ],
    ]
    .concat());
    assert!(out.contains("2 archetypes"), "{out}");
}

/// Whatever is asked of a Gaussian process can be asked of trees.
#[test]
fn trees_have_effects_intervals_and_reports() {
    let folder = Folder::new();
    folder.write("data.csv", clinic(120));
    let out = folder.fit("data.csv", "y ~ x | hour + site", &["--estimator", "trees"]);
    assert!(out.contains("Fitted: trees"), "{out}");
    let out = folder.ok(&["summary", "model.ctx"]);
    assert!(out.contains("x"), "{out}");
    folder.ok(&["effects", "model.ctx", "--curves", "curves.csv"]);
    let curve = numbers(&folder.read("curves.csv"), "average");
    assert!(curve.iter().all(|average| average.is_finite()));
    let outcome = ["--interval", "outcome", "--level", "0.9", "--quiet"];
    let out = folder.ok(&[&["predict", "model.ctx", "data.csv"], &outcome[..]].concat());
    let observed = numbers(&folder.read("data.csv"), "y");
    let ends = numbers(&out, "pred.y.lower")
        .into_iter()
        .zip(numbers(&out, "pred.y.upper"));
    let inside = ends
        .zip(observed)
        .filter(|((low, high), y)| low <= y && y <= high);
    assert!(inside.count() > 100);
    folder.ok(&["report", "model.ctx", "data.csv", "--out", "report.html"]);
    assert!(folder.read("report.html").contains("trees"));
}

/// Counts have rates, intervals and a comparison, offsets included.
#[test]
fn trees_of_counts_are_fitted_and_compared() {
    let folder = Folder::new();
    let mut text = "x,c,log_days,y\n".to_owned();
    for row in 0..120 {
        let (x, c) = ((row % 7) as f64 / 3.0 - 1.0, (row * 11 % 120) as f64);
        let days = 1.0 + 3.0 * (row % 2) as f64;
        let rate = days * (0.5 + if c < 60.0 { 0.5 * x } else { -0.5 * x }).exp();
        text.push_str(&format!("{x},{c},{},{}\n", days.ln(), rate.round()));
    }
    folder.write("data.csv", text);
    let family = ["--family", "poisson", "--offset", "log_days"];
    let short = ["--burn-in", "200", "--sweeps", "200"];
    let trees = [&["--estimator", "trees"], &family[..], &short[..]].concat();
    let out = folder.fit("data.csv", "y ~ x | c", &trees);
    assert!(out.contains("Fitted: trees (Poisson"), "{out}");
    let interval = ["--interval", "outcome", "--level", "0.9", "--quiet"];
    let out = folder.ok(&[&["predict", "model.ctx", "data.csv"], &interval[..]].concat());
    let observed = numbers(&folder.read("data.csv"), "y");
    let inside = numbers(&out, "pred.y.lower")
        .into_iter()
        .zip(numbers(&out, "pred.y.upper"))
        .zip(observed)
        .filter(|((low, high), y)| low <= y && y <= high);
    assert!(inside.count() > 110);
    let slopes = numbers(&out, "coef.x");
    assert!(slopes[0] > 0.3 && slopes[10] < -0.3, "{slopes:?}");
    folder.ok(&["summary", "model.ctx"]);
    folder.ok(&["report", "model.ctx", "data.csv", "--out", "report.html"]);
    // The automatic choice has them among its candidates.
    let fit = [
        "fit",
        "data.csv",
        "y ~ x | c",
        "--out",
        "chosen.ctx",
        "--no-tests",
    ];
    let out = folder.ok(&[&fit[..], &family[..], &short[..], &["--epochs", "1"]].concat());
    assert!(
        out.lines()
            .any(|line| line.trim_start().starts_with("trees (Poisson")),
        "{out}"
    );
}

#[test]
fn curves_are_written_and_drawn() {
    let folder = Folder::new();
    folder.write("data.csv", clinic(120));
    folder.fit(
        "data.csv",
        "y ~ x | cyclic(hour, 24) + site + day",
        &["--estimator", "gp"],
    );
    let out = folder.ok(&[
        "effects",
        "model.ctx",
        "--curves",
        "curves.csv",
        "--figures",
        "figures",
    ]);
    assert!(out.contains("Curves written to curves.csv"), "{out}");
    let (header, rows) = table(&folder.read("curves.csv"));
    assert_eq!(
        header,
        [
            "target",
            "coefficient",
            "context",
            "at",
            "value",
            "average",
            "lower",
            "upper",
            "population"
        ]
    );
    // A number that a basis is made of is one context, in its own unit; dates are dates.
    let of = |context: &str| -> Vec<&Vec<String>> {
        let own = rows.iter().filter(|row| row[1] == "x" && row[2] == context);
        own.collect()
    };
    assert_eq!(of("hour").len(), 20);
    assert_eq!(of("hour")[0][4], "0.0");
    assert_eq!(of("hour")[19][4], "24.0");
    let value = |row: &[String], column: usize| row[column].parse::<f64>().unwrap();
    // It returns to where it began, and is the sine's.
    let ends = [value(of("hour")[0], 5), value(of("hour")[19], 5)];
    assert!((ends[0] - ends[1]).abs() < 1e-9);
    let six = of("hour")
        .into_iter()
        .find(|row| (value(row, 4) - 6.0).abs() < 0.7);
    let eighteen = of("hour")
        .into_iter()
        .find(|row| (value(row, 4) - 18.0).abs() < 0.7);
    let difference = value(six.unwrap(), 5) - value(eighteen.unwrap(), 5);
    assert!((difference - 2.0).abs() < 0.4, "{difference}");
    assert_eq!(of("site")[1][3], "B");
    assert!(of("site")[1][4].is_empty());
    assert!(of("day").iter().all(|row| row[3].starts_with("2021-")));
    for row in of("site") {
        assert!(value(row, 6) < value(row, 5) && value(row, 5) < value(row, 7));
    }
    // Two coefficients and three contexts, each as SVG and PNG.
    let figures = std::fs::read_dir(folder.path("figures")).unwrap();
    assert_eq!(figures.count(), 2 * 3 * 2);
    let svg = folder.read("figures/x_by_day.svg");
    assert!(svg.contains("2021-") && svg.contains("coefficient of x"));
    let png = std::fs::read(folder.path("figures/x_by_site.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG"));
    // A wide figure at three dots a px.
    let width = u32::from_be_bytes([png[16], png[17], png[18], png[19]]);
    assert!(width > 1200, "{width}");

    // Edges of networks likewise, without bands.
    folder.write("plane.csv", plane());
    folder.ok(&[
        "networks",
        "plane.csv",
        "~ a + b + y | c",
        "--out",
        "n.ctx",
        "--estimator",
        "kernel",
    ]);
    folder.ok(&["effects", "n.ctx", "--curves", "edges.parquet"]);
    folder.ok(&["effects", "n.ctx", "--curves", "edges.csv"]);
    let (_, rows) = table(&folder.read("edges.csv"));
    assert!(
        rows.iter()
            .any(|row| row[1] == "a – b" && row[0].is_empty())
    );
    assert!(rows.iter().all(|row| row[6].is_empty()));
}

#[test]
fn archetypes_and_coordinates_are_shown() {
    let folder = Folder::new();
    folder.write("data.csv", clinic(90));
    folder.fit(
        "data.csv",
        "y ~ x | hour + site",
        &["--estimator", "cluster", "--clusters", "3"],
    );
    let json = folder.ok(&["archetypes", "model.ctx", "--json"]);
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    let rows = found["archetypes"].as_array().unwrap();
    let sizes: f64 = rows
        .iter()
        .filter(|row| row["context"] == "hour")
        .map(|row| row["rows"].as_f64().unwrap())
        .sum();
    assert!((sizes - 90.0).abs() < 1e-6, "{json}");
    assert!(found["coefficients"].as_array().unwrap().len() >= 6);

    let out = folder.ok(&[
        "embed",
        "model.ctx",
        "data.csv",
        "--dimensions",
        "1",
        "--out",
        "e.csv",
    ]);
    assert!(out.contains("100.0 %") || out.contains("explain"), "{out}");
    assert_eq!(numbers(&folder.read("e.csv"), "component1").len(), 90);
    let plane = folder.ok(&["embed", "model.ctx", "data.csv", "--method", "tsne"]);
    assert_eq!(numbers(&plane, "tsne2").len(), 90);
    for (method, flag, other) in [
        ("tsne", "--dimensions", "pca"),
        ("pca", "--perplexity", "tsne"),
    ] {
        let message = folder.error(
            2,
            &[
                "embed",
                "model.ctx",
                "data.csv",
                "--method",
                method,
                flag,
                "3",
            ],
        );
        assert!(message.contains(&format!("--method {other}")), "{message}");
    }
    let linear = [
        "fit",
        "data.csv",
        "y ~ x | hour",
        "--estimator",
        "neural",
        "--encoder",
        "linear",
        "--width",
        "9",
        "--out",
        "other.ctx",
    ];
    let message = folder.error(2, &linear);
    assert!(message.contains("hidden layers"), "{message}");

    folder.fit("data.csv", "y ~ x | hour", &[]);
    let message = folder.error(1, &["archetypes", "model.ctx"]);
    assert!(message.contains("--estimator cluster"), "{message}");
}

#[test]
fn predictions_are_json_where_that_is_asked_for() {
    let folder = Folder::new();
    folder.write("data.csv", plane());
    folder.fit("data.csv", "y ~ a + b | c", &[]);
    let out = folder.ok(&["predict", "model.ctx", "data.csv", "--json", "--keep"]);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
    assert_eq!(rows.len(), 60);
    let csv = folder.ok(&["predict", "model.ctx", "data.csv"]);
    let predicted = numbers(&csv, "pred.y");
    assert_eq!(rows[7]["pred.y"].as_f64().unwrap(), predicted[7]);
    assert!(rows[7]["y"].is_number());
    folder.write("empty.csv", "a,b,c,y\n");
    assert_eq!(
        folder.ok(&["predict", "model.ctx", "empty.csv", "--json"]),
        "[]\n"
    );
    folder.ok(&["predict", "model.ctx", "data.csv", "--out", "p.json"]);
    assert!(folder.read("p.json").starts_with("[\n{"));
}

#[test]
fn a_report_shows_the_row_asked_for_and_leaves_out_unknown_levels() {
    let folder = Folder::new();
    folder.write("data.csv", clinic(120));
    folder.write("test.csv", clinic(40).replace(",C,", ",D,"));
    folder.fit(
        "data.csv",
        "y ~ x | cyclic(hour, 24) + site + day",
        &["--estimator", "cluster", "--clusters", "4"],
    );
    let report = ["report", "model.ctx", "test.csv", "--out", "r.html"];
    let message = folder.error(1, &report);
    assert!(message.contains("--drop-unknown-levels"), "{message}");
    folder.ok(&[&report[..], &["--drop-unknown-levels", "--row", "5"]].concat());
    let html = folder.read("r.html");
    for text in [
        "13 with levels that training did not have",
        "Test row 5: hour = about ",
        "site = A, day = 2021-07-03",
        "coefficient of x against hour",
        "Coefficients averaged over the contexts of 120 training rows",
    ] {
        assert!(html.contains(text), "{text}");
    }
    // Dates are marked as such.
    assert!(html.contains(">2021-0"));
    let far = [&report[..], &["--drop-unknown-levels", "--row", "500"]].concat();
    assert!(
        folder
            .error(1, &far)
            .contains("row is 500, but must be at most 27")
    );
    let compare = [
        "compare",
        "data.csv",
        "y ~ x | site",
        "--test",
        "test.csv",
        "--estimators",
        "population",
    ];
    assert!(folder.error(1, &compare).contains("--drop-unknown-levels"));
    folder.ok(&[&compare[..], &["--drop-unknown-levels"]].concat());
}

#[test]
fn manuals_and_help_have_examples() {
    let folder = Folder::new();
    folder.ok(&["man", "--out", "pages"]);
    let page = folder.read("pages/contextualized-fit.1");
    for heading in ["EXAMPLES", "FORMULAS", "\"EXIT STATUS\""] {
        assert!(page.contains(&format!(".SH {heading}")), "{heading}");
    }
    assert!(
        folder
            .read("pages/contextualized.1")
            .contains("contextualized\\-report")
    );
    let help = folder.ok(&["fit", "--help"]);
    assert!(
        help.contains("Examples:") && help.contains("--out y.ctx"),
        "{help}"
    );
}

/// Each level of the factor with the most is dealt with by itself: these 600 combinations take about a second.
#[test]
fn many_combinations_of_levels_are_fitted_by_a_gaussian_process() {
    let folder = Folder::new();
    let mut text = "x,shop,month,y\n".to_owned();
    for row in 0..2_400 {
        let (x, shop, month) = ((row * 13) % 17, row % 40, (row / 40) % 15);
        let y = (shop as f64 / 20.0 - 1.0) * x as f64 + ((row * 7) % 23) as f64 / 5.0;
        text.push_str(&format!("{x},s{shop},m{month},{y}\n"));
    }
    folder.write("data.csv", text);
    let fit = [
        "fit",
        "data.csv",
        "y ~ x | shop + month",
        "--no-tests",
        "--estimator",
        "gp",
        "--out",
        "m.ctx",
    ];
    let out = folder.ok(&fit);
    assert!(out.contains("Fitted: gp"), "{out}");
    // Slopes of the first shop and of the last.
    folder.write(
        "new.csv",
        "x,shop,month\n0,s0,m3\n1,s0,m3\n0,s39,m3\n1,s39,m3\n",
    );
    let predicted = numbers(&folder.ok(&["predict", "m.ctx", "new.csv"]), "pred.y");
    assert!(
        (predicted[1] - predicted[0] + 1.0).abs() < 0.2,
        "{predicted:?}"
    );
    assert!(
        (predicted[3] - predicted[2] - 0.95).abs() < 0.2,
        "{predicted:?}"
    );
}

#[test]
fn directions_that_rest_on_units_are_warned_of() {
    let folder = Folder::new();
    folder.write("data.csv", plane());
    let fit = [
        "networks",
        "data.csv",
        "--kind",
        "bayesian",
        "--estimator",
        "population",
        "--out",
        "n.ctx",
    ];
    let out = folder.ok(&[&fit[..], &["~ a + b + I(1000 * y) | c"]].concat());
    assert!(out.contains("Directions depend on the units"), "{out}");
    assert!(out.contains("scale(I(1000 * y))"), "{out}");
    let out = folder.ok(&[
        &fit[..],
        &["~ scale(a) + scale(b) + scale(I(1000 * y)) | c"],
    ]
    .concat());
    assert!(!out.contains("Directions depend"), "{out}");
}
