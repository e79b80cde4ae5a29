//! Outcomes that are counts, with an exposure.

use crate::program::{Folder, numbers, table};

/// Counts whose rate doubles with x and depends on c, each over an exposure of its own, with the
/// logarithm of the exposure as an offset.
fn counts(rows: usize, first: usize) -> String {
    let mut text = "x,c,log_days,y\n".to_owned();
    for row in first..first + rows {
        let x = (1.3 * row as f64).sin();
        let c = (0.7 * (row * row) as f64).cos();
        let days = 1.0 + (row % 5) as f64;
        let rate = (0.5 + c.sin() + std::f64::consts::LN_2 * x).exp();
        // Between half and one and a half of the mean.
        let around = 1.0 + 0.5 * (2.1 * row as f64).sin();
        let y = (rate * days * around).round();
        text += &format!("{x},{c},{},{y}\n", days.ln());
    }
    text
}

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("train.csv", counts(150, 0));
    folder.write("test.csv", counts(60, 1000));
    folder
}

const FAMILY: [&str; 4] = ["--family", "poisson", "--offset", "log_days"];

fn with<'a>(first: &[&'a str]) -> Vec<&'a str> {
    first.iter().chain(&FAMILY).copied().collect()
}

#[test]
fn every_estimator_predicts_counts() {
    let folder = folder();
    for estimator in ["population", "cluster", "gp", "neural"] {
        let mut more = with(&["--estimator", estimator]);
        if estimator == "neural" {
            more.extend(["--seed", "1"]);
        }
        folder.fit("train.csv", "y ~ x | c", &more);
        let out = folder.ok(&["predict", "model.ctx", "test.csv"]);
        let (means, slopes) = (numbers(&out, "pred.y"), numbers(&out, "coef.x"));
        let truth = numbers(&folder.read("test.csv"), "y");
        assert!(means.iter().all(|mean| *mean > 0.0), "{estimator}");
        let off: f64 = means.iter().zip(&truth).map(|(m, y)| (m - y).abs()).sum();
        let total: f64 = truth.iter().sum();
        // Outcomes are a third of the mean away from it on average; the population misses c.
        assert!(off < 0.75 * total, "{estimator}: {off} of {total}");
        let slope = slopes.iter().sum::<f64>() / slopes.len() as f64;
        assert!((slope - 0.69).abs() < 0.2, "{estimator}: {slope}");
    }
}

#[test]
fn intervals_of_counts_are_counts_and_follow_the_exposure() {
    let folder = folder();
    folder.fit("train.csv", "y ~ x | c", &with(&["--estimator", "gp"]));
    let out = folder.ok(&["predict", "model.ctx", "test.csv", "--level", "0.9"]);
    let truth = numbers(&folder.read("test.csv"), "y");
    let (lower, upper) = (numbers(&out, "pred.y.lower"), numbers(&out, "pred.y.upper"));
    let covered = truth.iter().zip(lower.iter().zip(&upper));
    let covered = covered.filter(|(y, (l, u))| *l <= y && y <= u).count();
    assert!(covered >= 50, "{covered} of 60");
    let are_counts = |ends: &[f64]| ends.iter().all(|end| *end >= 0.0 && end.fract() == 0.0);
    assert!(are_counts(&lower) && are_counts(&upper));
    // A known term of the linear predictor multiplies means, and no coefficient.
    let means = numbers(&out, "pred.y");
    let (header, rows) = table(&folder.read("test.csv"));
    let mut ten_times = header.join(",") + "\n";
    for mut row in rows {
        let days: f64 = row[2].parse().unwrap();
        row[2] = (days + 10_f64.ln()).to_string();
        ten_times += &(row.join(",") + "\n");
    }
    folder.write("ten_times.csv", ten_times);
    let ten = folder.ok(&["predict", "model.ctx", "ten_times.csv", "--level", "0.9"]);
    for (ten, one) in numbers(&ten, "pred.y").iter().zip(&means) {
        assert!((ten / one - 10.0).abs() < 1e-6);
    }
    assert_eq!(numbers(&ten, "coef.x"), numbers(&out, "coef.x"));
}

#[test]
fn counts_are_chosen_compared_explained_and_reported() {
    let folder = folder();
    let chosen = folder.ok(&with(&[
        "fit",
        "train.csv",
        "y ~ x | c",
        "--out",
        "model.ctx",
    ]));
    assert!(chosen.contains("ean Poisson deviance"), "{chosen}");
    assert!(chosen.contains("offset log_days"), "{chosen}");
    let compared = folder.ok(&with(&[
        "compare",
        "train.csv",
        "y ~ x | c",
        "--estimators",
        "population,gp",
    ]));
    assert!(compared.contains("ean Poisson deviance"), "{compared}");
    let effects = folder.ok(&["effects", "model.ctx"]);
    assert!(effects.contains("rate ratios"), "{effects}");
    folder.ok(&["report", "model.ctx", "test.csv", "--out", "report.html"]);
    let report = folder.read("report.html");
    assert!(report.contains("ean Poisson deviance") && report.contains("rate ratios"));
}

#[test]
fn what_is_no_count_and_what_is_no_offset_is_named() {
    let folder = folder();
    let text = counts(40, 0);
    let negative: String = text
        .lines()
        .enumerate()
        .map(|(line, row)| match line {
            7 => row.rsplit_once(',').unwrap().0.to_owned() + ",-2\n",
            _ => row.to_owned() + "\n",
        })
        .collect();
    folder.write("negative.csv", negative);
    let fit = |data, offset| {
        [
            "fit",
            data,
            "y ~ x | c",
            "--out",
            "m.ctx",
            "--family",
            "poisson",
            "--offset",
            offset,
        ]
    };
    let message = folder.error(1, &fit("negative.csv", "log_days"));
    assert!(
        message.contains("is -2 in data row 7, but a poisson target is a count"),
        "{message}"
    );
    let message = folder.error(1, &fit("train.csv", "days"));
    assert!(message.contains("\"days\""), "{message}");
    // An offset is part of the model: data without it are refused.
    folder.fit("train.csv", "y ~ x | c", &FAMILY);
    let without: String = counts(20, 0)
        .lines()
        .map(|row| {
            let cells: Vec<&str> = row.split(',').collect();
            format!("{},{},{}\n", cells[0], cells[1], cells[3])
        })
        .collect();
    folder.write("without.csv", without);
    let message = folder.error(1, &["predict", "model.ctx", "without.csv"]);
    assert!(message.contains("log_days"), "{message}");
}

/// The average of the mean's derivative by x, which is ln 2 times the average rate of all days.
#[test]
fn marginal_effects_are_changes_of_the_mean() {
    let folder = folder();
    let mut fit = with(&["fit", "train.csv", "y ~ x | c", "--estimator", "gp"]);
    fit.extend(["--no-tests", "--out", "model.ctx"]);
    folder.ok(&fit);
    let plain = folder.ok(&["summary", "model.ctx"]);
    assert!(!plain.contains("marginal effects"), "{plain}");
    let summary = folder.ok(&["summary", "model.ctx", "--marginal"]);
    let effects = summary.split("Average marginal effects").nth(1).unwrap();
    let line = effects
        .lines()
        .find(|line| line.starts_with(" x "))
        .unwrap();
    let numbers: Vec<f64> = line
        .split_whitespace()
        .skip(1)
        .take(4)
        .map(|cell| cell.parse().unwrap())
        .collect();
    let [effect, error, lower, upper] = numbers[..] else {
        panic!("{line}");
    };
    let train = folder.read("train.csv");
    let (mut sum, mut rows) = (0.0, 0.0);
    for line in train.lines().skip(1) {
        sum += line.rsplit(',').next().unwrap().parse::<f64>().unwrap();
        rows += 1.0;
    }
    let expected = std::f64::consts::LN_2 * sum / rows;
    assert!(
        (effect - expected).abs() < 3.0 * error,
        "{line}, {expected}"
    );
    assert!(
        error < 0.2 * effect && lower < effect && effect < upper,
        "{line}"
    );
}
