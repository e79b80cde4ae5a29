//! Stored values of statsmodels, made by `tests/reference/population.py`, and of R, made by
//! `tests/reference/families.R`.

use approx::assert_relative_eq;
use contextualized_baselines::{PopulationModel, PopulationRegression};
use contextualized_core::{
    Coefficients, Estimator, Family, LocalCoefficients, Samples, VaryingCoefficients,
    WithUncertainty,
};
use ndarray::{Array1, Array2, array};
use serde_json::Value;

const ROWS: usize = 60;

fn features() -> Array2<f64> {
    Array2::from_shape_fn((ROWS, 3), |(row, column)| {
        let i = row as f64;
        match column {
            0 => (1.3 * i).sin(),
            1 => (0.7 * i * i % 11.0).cos(),
            _ => (row % 7) as f64 / 3.0,
        }
    })
}

fn samples(targets: &Array2<f64>) -> Samples {
    let contexts = Array2::ones((ROWS, 1));
    Samples::new(contexts.view(), features().view(), targets.view()).unwrap()
}

fn linear_targets() -> Array2<f64> {
    let x = features();
    Array2::from_shape_fn((ROWS, 2), |(row, column)| {
        let i = row as f64;
        match column {
            0 => 1.0 + 2.0 * x[[row, 0]] - x[[row, 1]] + (5.1 * i).sin(),
            _ => x[[row, 2]] - 3.0 + (3.3 * i).cos(),
        }
    })
}

fn binary_target() -> Array2<f64> {
    let x = features();
    Array2::from_shape_fn((ROWS, 1), |(row, _)| {
        f64::from((2.9 * row as f64).sin() + 0.8 * x[[row, 0]] > 0.1)
    })
}

fn stored(fit: &str, what: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("../reference/population.json")).unwrap();
    all[fit][what].clone()
}

/// Compares with stored numbers: per target, the intercept first if the model has one.
fn assert_stored(coefficients: &Coefficients, intercept: bool, stored: &Value) {
    for target in 0..coefficients.targets() {
        let intercept = intercept.then(|| coefficients.intercepts()[[0, target]]);
        let slopes = (0..coefficients.features()).map(|j| coefficients.slopes()[[0, target, j]]);
        let found: Vec<f64> = intercept.into_iter().chain(slopes).collect();
        let expected: Vec<f64> = serde_json::from_value(stored[target].clone()).unwrap();
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert_relative_eq!(found, expected, max_relative = 1e-9, epsilon = 1e-11);
        }
    }
}

fn check(model: &PopulationModel, fit: &str) {
    let anyone = array![[1.0]];
    let coefficients = model.coefficients(anyone.view()).unwrap();
    assert_stored(&coefficients, true, &stored(fit, "coefficients"));
    let errors = model.standard_errors(anyone.view()).unwrap();
    assert_stored(&errors, true, &stored(fit, "standard_errors"));
}

#[test]
fn linear_regression_equals_the_reference() {
    let model = PopulationRegression::new()
        .fit(&samples(&linear_targets()))
        .unwrap();
    check(&model, "unweighted");
}

#[test]
fn weighted_regression_equals_the_reference() {
    let weights = Array1::from_shape_fn(ROWS, |row| 0.5 + (row % 4) as f64);
    let samples = samples(&linear_targets())
        .with_weights(weights.view())
        .unwrap();
    let model = PopulationRegression::new().fit(&samples).unwrap();
    check(&model, "weighted");
}

#[test]
fn intervals_equal_the_reference() {
    let model = PopulationRegression::new()
        .fit(&samples(&linear_targets()))
        .unwrap();
    let intervals = model.intervals(array![[1.0]].view(), 0.9).unwrap();
    for (end, coefficients) in [(0, &intervals.lower), (1, &intervals.upper)] {
        let per_target: Vec<Vec<f64>> = (0..2)
            .map(|target| {
                let pairs: Vec<[f64; 2]> =
                    serde_json::from_value(stored("unweighted", "interval_90")[target].clone())
                        .unwrap();
                pairs.iter().map(|pair| pair[end]).collect()
            })
            .collect();
        assert_stored(coefficients, true, &serde_json::json!(per_target));
    }
}

#[test]
fn regression_without_intercept_equals_the_reference() {
    let model = PopulationRegression::new()
        .intercept(false)
        .fit(&samples(&linear_targets()))
        .unwrap();
    let coefficients = model.coefficients(array![[1.0]].view()).unwrap();
    assert_stored(
        &coefficients,
        false,
        &stored("without_intercept", "coefficients"),
    );
    assert!(
        coefficients
            .intercepts()
            .iter()
            .all(|intercept| *intercept == 0.0)
    );
}

#[test]
fn logistic_regression_equals_the_reference() {
    let model = PopulationRegression::new()
        .family(Family::Binomial)
        .fit(&samples(&binary_target()))
        .unwrap();
    check(&model, "logistic");
}

/// Targets of `families.R`, with its offsets and weights.
fn stored_samples(stored: &Value, offset: bool, weights: bool) -> Samples {
    let targets: Vec<f64> = serde_json::from_value(stored["targets"].clone()).unwrap();
    let targets = Array1::from_vec(targets).insert_axis(ndarray::Axis(1));
    let mut samples = samples(&targets);
    if offset {
        let offsets = Array1::from_shape_fn(ROWS, |row| (1.0 + (row % 5) as f64).ln());
        samples = samples.with_offsets(offsets.view()).unwrap();
    }
    if weights {
        let weights = Array1::from_shape_fn(ROWS, |row| 1.0 + (row % 3) as f64);
        samples = samples.with_weights(weights.view()).unwrap();
    }
    samples
}

/// The four fits of `families.R`, to a relative precision.
fn check_family(name: &str, precision: f64) {
    let all: Value = serde_json::from_str(include_str!("../reference/families.json")).unwrap();
    let stored = &all[name];
    for (fit, offset, weights, intercept) in [
        ("plain", false, false, true),
        ("offset", true, false, true),
        ("weights", true, true, true),
        ("no intercept", true, false, false),
    ] {
        let family: Family = name.parse().unwrap();
        let estimator = PopulationRegression::new().family(family);
        let samples = stored_samples(stored, offset, weights);
        let model = estimator.intercept(intercept).fit(&samples).unwrap();
        let at = Array2::ones((1, 1));
        let coefficients = model.coefficients(at.view()).unwrap();
        let errors = model.standard_errors(at.view()).unwrap();
        let close = |found: f64, expected: f64, what: &str| {
            let difference = (found - expected).abs();
            let allowed = precision * expected.abs().max(1.0);
            assert!(
                difference <= allowed,
                "{name}, {fit}, {what}: {found}, not {expected}"
            );
        };
        for (found, what) in [
            (&coefficients, "coefficients"),
            (&errors, "standard_errors"),
        ] {
            let expected: Vec<f64> = serde_json::from_value(stored[fit][what].clone()).unwrap();
            let first = intercept.then(|| found.intercepts()[[0, 0]]);
            let slopes = found.slopes();
            let found = first.into_iter().chain(slopes.iter().copied());
            for (found, expected) in found.zip(expected) {
                close(found, expected, what);
            }
        }
        let deviance = stored[fit]["deviance"].as_f64().unwrap();
        close(model.report().objective, deviance, "deviance");
        if let Some(expected) = stored[fit]["shape"].as_f64() {
            let shape = model.family().shape().unwrap();
            close(shape.get().unwrap(), expected, "shape");
        }
    }
}

#[test]
fn poisson_regressions_are_those_of_r() {
    check_family("poisson", 1e-8);
}

#[test]
fn negative_binomial_regressions_are_those_of_r() {
    check_family("negative-binomial", 1e-7);
}

/// Shares of trials, whose numbers are the weights.
#[test]
fn regressions_of_trials_are_those_of_r() {
    let all: Value = serde_json::from_str(include_str!("../reference/families.json")).unwrap();
    let stored = &all["trials"];
    let numbers = |what: &str| -> Array1<f64> {
        let numbers: Vec<f64> = serde_json::from_value(stored[what].clone()).unwrap();
        Array1::from_vec(numbers)
    };
    let (successes, failures) = (numbers("successes"), numbers("failures"));
    let trials = &successes + &failures;
    let shares = (successes / &trials).insert_axis(ndarray::Axis(1));
    let samples = samples(&shares).with_weights(trials.view()).unwrap();
    let estimator = PopulationRegression::new().family(Family::Binomial);
    let model = estimator.fit(&samples).unwrap();
    let at = Array2::ones((1, 1));
    let coefficients = model.coefficients(at.view()).unwrap();
    let errors = model.standard_errors(at.view()).unwrap();
    for (found, what) in [
        (&coefficients, "coefficients"),
        (&errors, "standard_errors"),
    ] {
        let slopes = found.slopes();
        let found = std::iter::once(found.intercepts()[[0, 0]]).chain(slopes.iter().copied());
        for (found, expected) in found.zip(numbers(what)) {
            assert_relative_eq!(found, expected, epsilon = 1e-8, max_relative = 1e-8);
        }
    }
    let deviance = stored["deviance"].as_f64().unwrap();
    assert_relative_eq!(model.report().objective, deviance, max_relative = 1e-8);
}

#[test]
fn gamma_regressions_are_those_of_r() {
    check_family("gamma", 1e-8);
}
