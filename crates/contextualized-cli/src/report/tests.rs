//! Whole reports of small simulated studies.

use super::{NetworkReport, RegressionReport, Study};
use crate::saved::Tests;
use contextualized_analysis::{average_coefficients, wald_table};
use contextualized_auto::{CandidateOutcome, CandidateReport, CandidateScore};
use contextualized_baselines::{
    ClusterNetworks, ClusterRegression, PopulationBayesianNetwork, PopulationCorrelation,
    PopulationRegression,
};
use contextualized_core::{
    Estimator, Family, PredictorDistribution, Samples, Split, WithPredictions,
};
use contextualized_frame::axes::{ContextAxis, Points};
use contextualized_graphs::bayesian::GaussianProcessBayesianNetwork;
use contextualized_graphs::correlation::KernelCorrelation;
use contextualized_linear::{GaussianProcessRegression, KernelShape};
use contextualized_simulation::{NetworkSimulator, Simulator};
use ndarray::{Array2, array};

fn labelled(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(label, value): &(&str, &str)| ((*label).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

/// The first `train` rows, and the others.
fn split(samples: &Samples, train: usize) -> (Samples, Samples) {
    let split = Split {
        train: (0..train).collect(),
        test: (train..samples.rows()).collect(),
    };
    (
        samples.select(&split.train).unwrap(),
        samples.select(&split.test).unwrap(),
    )
}

fn known(model: &impl WithPredictions, test: &Samples) -> PredictorDistribution {
    model
        .predictor_distribution(test.contexts(), test.features())
        .unwrap()
}

fn save(name: &str, html: &str) {
    if let Ok(folder) = std::env::var("REPORT_OUT") {
        std::fs::write(format!("{folder}/{name}.html"), html).unwrap();
    }
}

/// Tags that are opened and closed, but for those that stand alone.
fn assert_well_formed(html: &str) {
    let mut open = Vec::new();
    let body = html.split_once("<body>").unwrap().1;
    let mut rest = body.rsplit_once("</body>").unwrap().0;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, tail) = after.split_once('>').unwrap();
        rest = tail;
        if tag.ends_with('/') || tag.starts_with('!') {
            continue;
        }
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(
                open.pop(),
                Some(name),
                "before {:?}",
                &tail[..tail.len().min(80)]
            ),
            None => open.push(tag.split_whitespace().next().unwrap()),
        }
    }
    assert!(open.is_empty(), "{open:?}");
    let headings: Vec<char> = html
        .match_indices("<h")
        .filter_map(|(at, _)| html[at + 2..].chars().next())
        .filter(char::is_ascii_digit)
        .collect();
    assert_eq!(headings.iter().filter(|level| **level == '1').count(), 1);
    assert_eq!(headings[..2], ['1', '2']);
    for picture in html.split("<svg ").skip(1) {
        let title = picture.split_once("<title>").unwrap().1;
        assert!(!title.starts_with("</title>") && !title.starts_with("Figure<"));
    }
    assert!(!html.contains("NaN") && !html.contains(">inf"));
}

/// Two numbers and a category of three levels as contexts; the slope of `dose` varies with age and
/// clinic, that of `exercise` with nothing.
fn study(rows: usize, binary: bool, seed: u64) -> Samples {
    let simulator = Simulator::new(rows)
        .contexts(|draws| {
            let clinic = draws.uniform(0.0, 3.0).floor();
            let is = |level: f64| f64::from(u8::from(clinic == level));
            let (age, weight) = (draws.uniform(20.0, 80.0), draws.normal(75.0, 12.0));
            vec![age, weight, is(0.0), is(1.0), is(2.0)]
        })
        .slopes(|c| vec![(c[0] - 50.0) / 15.0 + 1.5 * c[4], 0.8])
        .intercept(|c| 0.5 * c[3])
        .noise(0.7);
    let simulator = if binary {
        simulator.family(Family::Binomial)
    } else {
        simulator
    };
    simulator
        .simulate(seed)
        .unwrap()
        .samples
        .with_context_names(["age", "weight", "clinic[A]", "clinic[B]", "clinic[C & D]"])
        .unwrap()
        .with_feature_names(["dose", "exercise"])
        .unwrap()
        .with_target_names([if binary { "recovered" } else { "pain" }])
        .unwrap()
}

/// A study of these rows, with nothing else to say.
fn of_rows(training: &Samples, test: &Samples, contexts: Vec<ContextAxis>) -> Study {
    Study {
        title: String::new(),
        formula: String::new(),
        data: Vec::new(),
        independence: "rows are independent".into(),
        coefficients: Family::Gaussian.coefficient_description(),
        estimator: Vec::new(),
        training: training.clone(),
        training_rows: training.rows(),
        test: test.clone(),
        contexts,
        cluster_sizes: Vec::new(),
        candidates: Vec::new(),
        chosen: 0,
    }
}

fn axes() -> Vec<ContextAxis> {
    vec![
        ContextAxis::Number {
            column: 0,
            clock: None,
        },
        ContextAxis::Number {
            column: 1,
            clock: None,
        },
        ContextAxis::Coded {
            name: "clinic".into(),
            columns: vec![2, 3, 4],
            at: Points::Levels(["A", "B", "C & D"].map(Into::into).to_vec()),
            codes: Array2::eye(3),
        },
    ]
}

#[test]
fn a_regression_with_everything() {
    let (training, test) = split(&study(240, false, 1), 160);
    let model = GaussianProcessRegression::new()
        .additive(KernelShape::SquaredExponential)
        .fit(&training)
        .unwrap();
    let population = PopulationRegression::new().fit(&training).unwrap();
    let clusters = ClusterRegression::new().clusters(3).fit(&training).unwrap();
    let sizes = clusters
        .report()
        .clusters
        .iter()
        .map(|own| own.rows)
        .collect::<Vec<_>>();
    let tests = wald_table(&model, &training).unwrap();
    let candidates = vec![
        CandidateReport {
            name: "gp".into(),
            outcome: CandidateOutcome::Compared(CandidateScore {
                loss: 0.52,
                standard_error: Some(0.05),
                excess: 0.0,
                excess_error: Some(0.0),
            }),
        },
        CandidateReport {
            name: "neural".into(),
            outcome: CandidateOutcome::Failed("training diverged".into()),
        },
    ];
    let study = Study {
        title: "Pain & dose <2026>".into(),
        formula: "pain ~ dose + exercise | age + weight + clinic".into(),
        data: labelled(&[("Training file", "train.csv"), ("Rows dropped", "3")]),
        independence: "rows are independent".into(),
        estimator: labelled(&[("Estimator", "gp, additive squared exponential")]),
        cluster_sizes: sizes,
        candidates,
        ..of_rows(&training, &test, axes())
    };
    let report = RegressionReport {
        study: &study,
        model: &model,
        bands: Some(&model),
        intercept: true,
        population: &population,
        clusters: Some(&clusters),
        variation: Some(&Tests {
            table: tests,
            rows: 160,
        }),
        averages: &average_coefficients(&model, &training, Some(0.95)).unwrap(),
        summary: &[("Average coefficients".into(), None)],
        known: Some(&known(&model, &test)),
        level: 0.95,
        row: 3,
    };
    let html = report.html().unwrap();
    save("regression", &html);
    assert_well_formed(&html);
    assert_eq!(html, report.html().unwrap());
    // A histogram and three contexts for each of the two coefficients that vary, the large picture twice, the
    // comparison, three of residuals, one row and the distances.
    assert_eq!(html.matches("<svg ").count(), 2 * 4 + 2 + 1 + 3 + 1 + 1);
    for text in [
        "Pain &amp; dose &lt;2026&gt;",
        "Holm’s adjustment, that it varies with age (p &lt; 0.001)",
        "mean squared error is",
        "neural: training diverged",
        "Test row 4: age = ",
        "clinic = B",
        "Residuals and coverage",
        "C &amp; D",
        "coefficient of dose against clinic",
    ] {
        assert!(html.contains(text), "{text}");
    }

    // What is held out has to fit.
    let narrow = of_rows(&training, &test.select_contexts(&[0, 1]).unwrap(), axes());
    let message = RegressionReport {
        study: &narrow,
        ..report
    }
    .html()
    .unwrap_err()
    .to_string();
    assert_eq!(
        message,
        "test contexts: the number of columns is 2, expected 5"
    );
}

#[test]
fn a_model_tested_on_its_own_rows_is_found_out() {
    let training = study(120, false, 2);
    let population = PopulationRegression::new().fit(&training).unwrap();
    let html = RegressionReport {
        study: &Study {
            formula: "pain ~ .".into(),
            ..of_rows(&training, &training, ContextAxis::of_columns(5))
        },
        model: &population,
        bands: None,
        intercept: true,
        population: &population,
        clusters: None,
        variation: None,
        averages: &average_coefficients(&population, &training, Some(0.95)).unwrap(),
        summary: &[],
        known: Some(&known(&population, &training)),
        level: 0.95,
        row: 0,
    }
    .html()
    .unwrap();
    save("population", &html);
    assert_well_formed(&html);
    for text in [
        "100 % of the test rows are identical to training rows",
        "The model’s predictions are exactly those of the population",
        "The model gives every row the same coefficients",
        "was not tested",
    ] {
        assert!(html.contains(text), "{text}");
    }
}

#[test]
fn a_binary_outcome_has_probabilities() {
    let (training, test) = split(&study(420, true, 3), 200);
    let model = GaussianProcessRegression::new()
        .additive(KernelShape::SquaredExponential)
        .family(Family::Binomial)
        .fit(&training)
        .unwrap();
    let population = PopulationRegression::new()
        .family(Family::Binomial)
        .fit(&training)
        .unwrap();
    let html = RegressionReport {
        study: &Study {
            title: "Recovery".into(),
            formula: "recovered ~ dose + exercise | age + weight + clinic".into(),
            data: labelled(&[("Training file", "train.csv")]),
            independence: "rows are independent".into(),
            estimator: labelled(&[("Estimator", "gp")]),
            training_rows: 2 * training.rows(),
            ..of_rows(&training, &test, axes())
        },
        model: &model,
        bands: Some(&model),
        intercept: true,
        population: &population,
        clusters: None,
        variation: None,
        averages: &average_coefficients(&model, &training, Some(0.9)).unwrap(),
        summary: &[],
        known: None,
        level: 0.9,
        row: 0,
    }
    .html()
    .unwrap();
    save("binary", &html);
    assert_well_formed(&html);
    for text in [
        "Calibration",
        "AUROC",
        "Reliability: this model",
        "log loss",
        "200 of all 400",
        "90 % pointwise bands",
    ] {
        assert!(html.contains(text), "{text}");
    }
}

fn nodes(rows: usize) -> Samples {
    NetworkSimulator::new(rows)
        .uniform_contexts(1, 0.0, 1.0)
        .irrelevant_contexts(1)
        .networks(|c| {
            array![
                [0.0, 2.0 * c[0] - 0.5, 0.0, 0.0],
                [0.0, 0.0, 0.8, 0.0],
                [0.0, 0.0, 0.0, -1.5 * c[0]],
                [0.0, 0.0, 0.0, 0.0]
            ]
        })
        .simulate(4)
        .unwrap()
        .samples
        .with_context_names(["stage", "noise"])
        .unwrap()
        .with_feature_names(["Raf", "Mek", "Erk", "Akt"])
        .unwrap()
}

#[test]
fn networks_without_and_with_directions() {
    let (training, test) = split(&nodes(300), 200);
    let correlation = KernelCorrelation::new().fit(&training).unwrap();
    let population = PopulationCorrelation::new().fit(&training).unwrap();
    let clusters = ClusterNetworks::new(PopulationCorrelation::new())
        .clusters(2)
        .fit(&training)
        .unwrap();
    let sizes = clusters
        .report()
        .clusters
        .iter()
        .map(|own| own.rows)
        .collect::<Vec<_>>();
    let study = |cluster_sizes| Study {
        title: "Signalling".into(),
        formula: "~ Raf + Mek + Erk + Akt | stage + noise".into(),
        data: labelled(&[("Training file", "cells.csv")]),
        independence: "rows are independent".into(),
        estimator: labelled(&[("Estimator", "gp")]),
        cluster_sizes,
        ..of_rows(&training, &test, ContextAxis::of_columns(2))
    };
    let report = NetworkReport {
        study: &study(sizes),
        model: &correlation,
        population: &population,
        clusters: Some(&clusters),
    };
    let html = report.html().unwrap();
    save("correlation", &html);
    assert_well_formed(&html);
    // The large picture twice, the comparison, two contexts, two networks, three along the one that matters, the
    // distances.
    assert_eq!(html.matches("<svg ").count(), 2 + 1 + 2 + 2 + 3 + 1);
    for text in [
        "Raf – Mek",
        "negative log-likelihood is",
        "Along stage",
        "correlations of two nodes",
    ] {
        assert!(html.contains(text), "{text}");
    }

    let bayesian = GaussianProcessBayesianNetwork::new()
        .fit(&training)
        .unwrap();
    let population = PopulationBayesianNetwork::new().fit(&training).unwrap();
    let html = NetworkReport {
        study: &study(Vec::new()),
        model: &bayesian,
        population: &population,
        clusters: None,
    }
    .html()
    .unwrap();
    save("bayesian", &html);
    assert_well_formed(&html);
    assert!(html.contains("Raf → Mek") && html.contains("standardised weight"));
}
