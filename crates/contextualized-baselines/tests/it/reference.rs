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
            close(shape.get().unwrap()[0], expected, "shape");
        }
    }
}

/// Coefficients and distances of thresholds to a relative precision.
#[test]
fn ordinal_regressions_are_those_of_polr() {
    const PRECISION: f64 = 1e-6;
    let all: Value = serde_json::from_str(include_str!("../reference/families.json")).unwrap();
    let stored = &all["ordinal"];
    for (fit, offset, weights) in [
        ("plain", false, false),
        ("offset", true, false),
        ("weights", true, true),
    ] {
        let family: Family = "ordinal".parse().unwrap();
        let estimator = PopulationRegression::new().family(family);
        let samples = stored_samples(stored, offset, weights);
        let model = estimator.fit(&samples).unwrap();
        let expected =
            |what: &str| -> Vec<f64> { serde_json::from_value(stored[fit][what].clone()).unwrap() };
        let at = Array2::ones((1, 1));
        let flat = |found: &Coefficients| {
            let first = std::iter::once(found.intercepts()[[0, 0]]);
            first
                .chain(found.slopes().iter().copied())
                .collect::<Vec<f64>>()
        };
        let found = model.coefficients(at.view()).unwrap();
        let family = model.family();
        let shape = family.shape().unwrap();
        for (found, expected) in [
            (flat(&found), expected("coefficients")),
            (shape.get().unwrap().to_vec(), expected("shape")),
        ] {
            for (found, expected) in found.into_iter().zip(expected) {
                assert_relative_eq!(
                    found,
                    expected,
                    epsilon = PRECISION,
                    max_relative = PRECISION
                );
            }
        }
        let predictors = model
            .linear_predictor(samples.contexts(), samples.features())
            .unwrap();
        let predictors = predictors.column(0).to_owned()
            + &samples
                .offsets()
                .map_or(Array1::zeros(ROWS), |offsets| offsets.to_owned());
        let likelihood = family
            .log_likelihood(
                samples.targets().column(0),
                predictors.view(),
                samples.weights(),
            )
            .unwrap();
        let expected_likelihood = stored[fit]["log_likelihood"].as_f64().unwrap();
        assert_relative_eq!(likelihood, expected_likelihood, max_relative = 1e-10);
        // Its second derivatives are differences.
        let errors = flat(&model.standard_errors(at.view()).unwrap());
        for (found, expected) in errors.into_iter().zip(expected("standard_errors")) {
            assert_relative_eq!(found, expected, max_relative = 1e-4);
        }
    }
}

/// Of the joint likelihood of all classes, with its own information.
#[test]
fn multinomial_regressions_are_those_of_multinom() {
    const PRECISION: f64 = 1e-6;
    let all: Value = serde_json::from_str(include_str!("../reference/families.json")).unwrap();
    let stored = &all["multinomial"];
    let classes: Vec<f64> = serde_json::from_value(stored["targets"].clone()).unwrap();
    let indicators = Array2::from_shape_fn((ROWS, 2), |(row, target)| {
        f64::from(classes[row] == (target + 1) as f64)
    });
    let weights = Array1::from_shape_fn(ROWS, |row| (1 + row % 3) as f64);
    for fit in ["plain", "weights"] {
        let mut samples = samples(&indicators);
        if fit == "weights" {
            samples = samples.with_weights(weights.view()).unwrap();
        }
        let estimator = PopulationRegression::new().family(Family::Multinomial);
        let model = estimator.fit(&samples).unwrap();
        let at = Array2::ones((1, 1));
        let coefficients = model.coefficients(at.view()).unwrap();
        let errors = model.standard_errors(at.view()).unwrap();
        for (found, what) in [
            (&coefficients, "coefficients"),
            (&errors, "standard_errors"),
        ] {
            let by_target = (0..2).flat_map(|target| {
                let first = std::iter::once(found.intercepts()[[0, target]]);
                first.chain((0..3).map(move |feature| found.slopes()[[0, target, feature]]))
            });
            let expected: Vec<f64> = serde_json::from_value(stored[fit][what].clone()).unwrap();
            assert_eq!(expected.len(), 8);
            for (found, expected) in by_target.zip(expected) {
                assert_relative_eq!(
                    found,
                    expected,
                    epsilon = PRECISION,
                    max_relative = PRECISION
                );
            }
        }
        let predictors = model.predictor_of_samples(&samples).unwrap();
        let log_likelihood: f64 = (0..ROWS)
            .map(|row| {
                let (own, targets) = (predictors.row(row), samples.targets());
                let at = Family::Multinomial.row_derivatives(targets.row(row), own);
                samples.weights().map_or(1.0, |weights| weights[row]) * at.log_likelihood
            })
            .sum();
        let expected = stored[fit]["log_likelihood"].as_f64().unwrap();
        assert_relative_eq!(log_likelihood, expected, max_relative = 1e-9);
        assert_relative_eq!(
            model.report().objective,
            -2.0 * expected,
            max_relative = 1e-9
        );
    }
}

/// A feature that tells one class from the others leaves no estimate, nor does a class without rows; with a ridge
/// there is one.
#[test]
fn separated_classes_are_refused() {
    use contextualized_core::Error;
    let overlapping =
        Array2::from_shape_fn((ROWS, 2), |(row, target)| f64::from(row % 3 == target + 1));
    let mut separated = samples(&overlapping);
    let mut x = features();
    for (row, mut own) in x.rows_mut().into_iter().enumerate() {
        own[0] = f64::from(row % 3 == 1) + 0.3 * own[0];
    }
    separated = separated
        .replace_features(x.view(), ["a", "b", "c"])
        .unwrap();
    let without = overlapping.clone() * &array![[1.0, 0.0]];
    let estimator = PopulationRegression::new().family(Family::Multinomial);
    assert!(estimator.fit(&samples(&overlapping)).is_ok());
    for refused in [separated, samples(&without)] {
        let error = estimator.fit(&refused).unwrap_err();
        assert!(matches!(error, Error::Separated { .. }), "{error}");
        let model = estimator.fit_or_ridge(&refused).unwrap();
        assert!(model.slopes().iter().all(|own| own.is_finite()));
        assert!(model.intercepts().iter().all(|own| own.abs() < 20.0));
    }
}

/// Of two classes the fit is that of the binary outcome, to the last bit.
#[test]
fn of_two_classes_it_is_the_binary_regression() {
    let samples = samples(&binary_target());
    let fit = |family: Family| PopulationRegression::new().family(family).fit(&samples);
    let (own, binary) = (fit(Family::Multinomial), fit(Family::Binomial));
    let (own, binary) = (own.unwrap(), binary.unwrap());
    let at = Array2::ones((1, 1));
    assert_eq!(own.slopes(), binary.slopes());
    assert_eq!(
        own.standard_errors(at.view()).unwrap(),
        binary.standard_errors(at.view()).unwrap()
    );
    let (contexts, features) = (samples.contexts(), samples.features());
    assert_eq!(
        own.predict(contexts, features).unwrap(),
        binary.predict(contexts, features).unwrap()
    );
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
