//! Identities, recovery and calibration of the population regressions.

use approx::assert_relative_eq;
use contextualized_baselines::{PopulationModel, PopulationRegression};
use contextualized_core::{
    Coefficients, Estimator, Family, LocalCoefficients, Samples, Termination, VaryingCoefficients,
    WithUncertainty,
};
use contextualized_simulation::Simulator;
use ndarray::{Array1, Array2, array};
use proptest::prelude::*;
use serde_json::json;

pub(super) fn coefficients(estimator: &PopulationRegression, samples: &Samples) -> Coefficients {
    let contexts = Array2::zeros((1, samples.contexts().ncols()));
    estimator
        .fit(samples)
        .unwrap()
        .coefficients(contexts.view())
        .unwrap()
}

pub(super) fn assert_close(a: &Coefficients, b: &Coefficients, tolerance: f64) {
    assert_relative_eq!(a.slopes(), b.slopes(), epsilon = tolerance);
    assert_relative_eq!(a.intercepts(), b.intercepts(), epsilon = tolerance);
}

/// 120 noisy rows; binary targets overlap for every seed used.
pub(super) fn noisy(seed: u64, binary: bool) -> Samples {
    let simulator = Simulator::new(120)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(|_| vec![1.0, -0.5])
        .intercept(|_| 0.3);
    let simulator = if binary {
        simulator.family(Family::Binomial)
    } else {
        simulator.noise(1.0)
    };
    simulator.simulate(seed).unwrap().samples
}

pub(super) fn without_contexts(features: &Array2<f64>, targets: &Array2<f64>) -> Samples {
    let contexts = Array2::zeros((features.nrows(), 1));
    Samples::new(contexts.view(), features.view(), targets.view()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn row_order_does_not_matter(seed in 0..1000_u64, binary: bool, ridge in 0.0..5.0_f64) {
        let samples = noisy(seed, binary);
        let mut estimator = PopulationRegression::new().ridge(ridge);
        if binary {
            estimator = estimator.family(Family::Binomial);
        }
        let reversed: Vec<usize> = (0..samples.rows()).rev().collect();
        let other = samples.select(&reversed).unwrap();
        assert_close(&coefficients(&estimator, &samples), &coefficients(&estimator, &other), 1e-10);
    }

    #[test]
    fn a_weight_counts_rows(seed in 0..1000_u64, binary: bool) {
        let samples = noisy(seed, binary);
        let counts: Vec<usize> = (0..samples.rows()).map(|row| row % 3).collect();
        let repeated: Vec<usize> =
            (0..samples.rows()).flat_map(|row| std::iter::repeat_n(row, counts[row])).collect();
        let weights: Array1<f64> = counts.iter().map(|&count| count as f64).collect();
        let mut estimator = PopulationRegression::new();
        if binary {
            estimator = estimator.family(Family::Binomial);
        }
        assert_close(
            &coefficients(&estimator, &samples.clone().with_weights(weights.view()).unwrap()),
            &coefficients(&estimator, &samples.select(&repeated).unwrap()),
            1e-9,
        );
    }

    /// Features in other units give the same predictions, with a penalty too.
    #[test]
    fn predictions_do_not_depend_on_units(seed in 0..1000_u64, unit in 1e-3..1e3_f64, ridge in 0.0..5.0_f64) {
        let samples = noisy(seed, false);
        let features = &samples.features() * &array![unit, 1.0];
        let other = Samples::new(samples.contexts(), features.view(), samples.targets()).unwrap();
        let estimator = PopulationRegression::new().ridge(ridge);
        let predict = |samples: &Samples| {
            estimator.fit(samples).unwrap().predict(samples.contexts(), samples.features()).unwrap()
        };
        assert_relative_eq!(predict(&samples), predict(&other), epsilon = 1e-9);
    }

    /// Where a feature's zero is does not matter to slopes, predictions and their certainty.
    #[test]
    fn features_far_from_zero_are_as_good(seed in 0..1000_u64, binary: bool, ridge: bool) {
        let samples = noisy(seed, binary);
        let mut estimator = PopulationRegression::new().ridge(if ridge { 2.0 } else { 0.0 });
        if binary {
            estimator = estimator.family(Family::Binomial);
        }
        // Multiples of 2⁻²⁰, so that moving them to 10⁸ and back is exact.
        let near = samples.features().mapv(|x| (x * 1048576.0).round() / 1048576.0);
        let far = &near + &array![1e8, -1e8];
        let with = |features: &Array2<f64>| {
            Samples::new(samples.contexts(), features.view(), samples.targets()).unwrap()
        };
        let (near, far) = (with(&near), with(&far));
        let (at_zero, away) = (estimator.fit(&near).unwrap(), estimator.fit(&far).unwrap());
        let context = array![[0.0]];
        assert_relative_eq!(at_zero.slopes(), away.slopes(), epsilon = 1e-7);
        if !ridge {
            let errors = |model: &PopulationModel| model.standard_errors(context.view()).unwrap();
            let (at_zero, away) = (errors(&at_zero), errors(&away));
            assert_relative_eq!(at_zero.slopes(), away.slopes(), max_relative = 1e-6);
        }
    }

    /// A row far out leaves the fit finite as long as the others overlap.
    #[test]
    fn a_far_outlier_is_not_separation(seed in 0..1000_u64, power in 3..10_i32, class: bool) {
        let samples = noisy(seed, true);
        let mut features = samples.features().to_owned();
        features[[0, 0]] = 10.0_f64.powi(power);
        let mut targets = samples.targets().to_owned();
        targets[[0, 0]] = f64::from(u8::from(class));
        let samples = Samples::new(samples.contexts(), features.view(), targets.view()).unwrap();
        let model = PopulationRegression::new().family(Family::Binomial).fit(&samples).unwrap();
        let residuals =
            &samples.targets() - &model.predict(samples.contexts(), samples.features()).unwrap();
        let score = samples.features().t().dot(&residuals);
        let size = samples.features().mapv(f64::abs).sum_axis(ndarray::Axis(0));
        prop_assert!(residuals.sum().abs() < 1e-6);
        prop_assert!((score[[0, 0]] / size[0]).abs() < 1e-6 && score[[1, 0]].abs() < 1e-6);
    }

    /// At the maximum of the likelihood the score is zero.
    #[test]
    fn logistic_score_is_zero(seed in 0..1000_u64) {
        let samples = noisy(seed, true);
        let model = PopulationRegression::new().family(Family::Binomial).fit(&samples).unwrap();
        let residuals =
            &samples.targets() - &model.predict(samples.contexts(), samples.features()).unwrap();
        prop_assert!(residuals.sum().abs() < 1e-8);
        let score = samples.features().t().dot(&residuals);
        prop_assert!(score.iter().all(|s| s.abs() < 1e-8));
    }
}

#[test]
fn the_optimum_of_a_penalised_logistic_fit_balances_score_and_penalty() {
    let samples = noisy(3, true);
    let ridge = 2.0;
    let model = PopulationRegression::new()
        .family(Family::Binomial)
        .ridge(ridge)
        .fit(&samples)
        .unwrap();
    let residuals = &samples.targets()
        - &model
            .predict(samples.contexts(), samples.features())
            .unwrap();
    let score = samples.features().t().dot(&residuals);
    for (j, column) in samples.features().columns().into_iter().enumerate() {
        let pull = ridge * column.var(0.0) * model.slopes()[[0, j]];
        assert_relative_eq!(score[[j, 0]], pull, epsilon = 1e-8);
    }
    assert!(residuals.sum().abs() < 1e-8);
}

/// The intervals of a linear fit hold the truth as often as they say.
#[test]
fn intervals_are_calibrated() {
    let (mut covered, mut count) = (0.0, 0.0);
    for seed in 0..600 {
        let data = Simulator::new(20)
            .uniform_contexts(1, -1.0, 1.0)
            .slopes(|_| vec![1.0, -0.5])
            .intercept(|_| 0.3)
            .noise(1.0)
            .simulate(seed)
            .unwrap();
        let model = PopulationRegression::new().fit(&data.samples).unwrap();
        let intervals = model.intervals(array![[0.0]].view(), 0.9).unwrap();
        for (j, truth) in [1.0, -0.5].into_iter().enumerate() {
            let inside = intervals.lower.slopes()[[0, 0, j]] <= truth
                && truth <= intervals.upper.slopes()[[0, 0, j]];
            covered += f64::from(u8::from(inside));
            count += 1.0;
        }
    }
    // Three standard errors of a share of 0.9 among 1200.
    let share: f64 = covered / count;
    assert!(
        (share - 0.9).abs() < 3.0 * (0.09_f64 / count).sqrt(),
        "{share}"
    );
}

#[test]
fn logistic_regression_recovers_its_truth() {
    let data = Simulator::new(20_000)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(|_| vec![1.5, -0.7])
        .intercept(|_| 0.4)
        .family(Family::Binomial)
        .simulate(1)
        .unwrap();
    let model = PopulationRegression::new()
        .family(Family::Binomial)
        .fit(&data.samples)
        .unwrap();
    let errors = model.standard_errors(array![[0.0]].view()).unwrap();
    for (j, truth) in [1.5, -0.7].into_iter().enumerate() {
        assert!((model.slopes()[[0, j]] - truth).abs() < 3.0 * errors.slopes()[[0, 0, j]]);
        assert!(errors.slopes()[[0, 0, j]] < 0.03);
    }
    assert_eq!(model.family(), Family::Binomial);
    assert_eq!(model.report().termination, Termination::Converged);
}

/// By hand: y = a + b x at x = c ± 1, two rows each, so that the slope's variance is σ²/4 and the
/// intercept's σ² (1 + c²) / 4.
#[test]
fn the_standard_error_of_the_intercept_takes_all_covariances() {
    for center in [0.0, 3.0, 1e6] {
        let features = array![[-1.0], [-1.0], [1.0], [1.0]] + center;
        let targets = array![[0.0], [2.0], [3.0], [5.0]];
        let model = PopulationRegression::new()
            .fit(&without_contexts(&features, &targets))
            .unwrap();
        let errors = model.standard_errors(array![[0.0]].view()).unwrap();
        let noise = (4.0_f64 / 2.0).sqrt();
        assert_relative_eq!(
            errors.slopes()[[0, 0, 0]],
            noise / 2.0,
            max_relative = 1e-12
        );
        let intercept = noise / 2.0 * (1.0 + center * center).sqrt();
        assert_relative_eq!(errors.intercepts()[[0, 0]], intercept, max_relative = 1e-12);
    }
}

/// What the documentation says of the two meanings of row weights.
#[test]
fn weights_are_inverse_variances_or_counts() {
    let errors = |estimator: &PopulationRegression, samples: &Samples, weight: f64| {
        let weights = Array1::from_elem(samples.rows(), weight);
        let samples = samples.clone().with_weights(weights.view()).unwrap();
        let model = estimator.fit(&samples).unwrap();
        model.standard_errors(array![[0.0]].view()).unwrap()
    };
    let (linear, logistic) = (
        PopulationRegression::new(),
        PopulationRegression::new().family(Family::Binomial),
    );
    let samples = noisy(1, false);
    assert_close(
        &errors(&linear, &samples, 4.0),
        &errors(&linear, &samples, 1.0),
        1e-14,
    );
    let samples = noisy(1, true);
    let (four, one) = (
        errors(&logistic, &samples, 4.0),
        errors(&logistic, &samples, 1.0),
    );
    assert_relative_eq!(&four.slopes() * 2.0, one.slopes(), epsilon = 1e-12);
    assert_relative_eq!(&four.intercepts() * 2.0, one.intercepts(), epsilon = 1e-12);
}

#[test]
fn names_tell_settings_apart() {
    let new = PopulationRegression::new;
    assert_eq!(new().name(), "population");
    assert_eq!(
        new().family(Family::Binomial).name(),
        "population (logistic)"
    );
    assert_eq!(
        new().ridge(5.0).intercept(false).name(),
        "population (ridge 5, no intercept)"
    );
    assert_eq!(
        new().family(Family::Binomial).ridge(0.5).name(),
        "population (logistic, ridge 0.5)"
    );
}

#[test]
fn the_same_bits_on_one_and_two_threads() {
    let samples = Simulator::new(2000)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(|_| (0..600).map(f64::from).collect())
        .noise(1.0)
        .simulate(1)
        .unwrap()
        .samples;
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| PopulationRegression::new().fit(&samples).unwrap())
    };
    assert_eq!(run(1), run(2));
}

#[test]
fn a_reloaded_model_predicts_the_same_bits() {
    let samples = noisy(2, false);
    let model = PopulationRegression::new().fit(&samples).unwrap();
    let text = serde_json::to_string(&model).unwrap();
    let reloaded = serde_json::from_str(&text).unwrap();
    assert_eq!(model, reloaded);
}

#[test]
fn a_file_that_was_altered_is_an_error() {
    let model = PopulationRegression::new().fit(&noisy(2, false)).unwrap();
    let good = serde_json::to_value(&model).unwrap();
    for (field, value, expected) in [
        (
            "errors",
            json!(Array2::<f64>::zeros((0, 1))),
            "standard errors: the number of rows is 0, expected 3",
        ),
        (
            "errors",
            json!(Array2::<f64>::zeros((3, 2))),
            "standard errors: the number of columns is 2, expected 1",
        ),
        (
            "errors",
            json!(Array2::from_elem((3, 1), -1.0)),
            "standard error is -1, but must be at least zero",
        ),
        ("errors", json!(null), "degrees_of_freedom is Some(117)"),
        (
            "intercepts",
            json!(Array1::<f64>::zeros(2)),
            "intercepts: the number of columns is 2, expected 1",
        ),
        (
            "slopes",
            json!(Array2::<f64>::zeros((0, 2))),
            "slopes has no rows",
        ),
        (
            "covariances",
            json!([]),
            "covariances: the number of rows is 0, expected 1",
        ),
        ("intercept", json!(false), "zero without an intercept"),
        (
            "degrees_of_freedom",
            json!(0),
            "degrees_of_freedom is Some(0)",
        ),
    ] {
        let mut altered = good.clone();
        altered[field] = value;
        let error = serde_json::from_value::<PopulationModel>(altered).unwrap_err();
        assert!(error.to_string().contains(expected), "{field}: {error}");
    }
}

/// Two equal columns, which are the target too.
fn equal_columns() -> Samples {
    let features = Array2::from_shape_fn((8, 2), |(row, _)| row as f64);
    let targets = features.column(0).insert_axis(ndarray::Axis(1)).to_owned();
    without_contexts(&features, &targets)
}

/// They have no coefficients of their own, but a prediction.
#[test]
fn what_rows_do_not_determine_a_ridge_does() {
    let samples = equal_columns();
    let regression = PopulationRegression::new();
    assert!(regression.fit(&samples).is_err());
    let fit = regression.fit_or_ridge(&samples).unwrap();
    assert_relative_eq!(fit.slopes()[[0, 0]], fit.slopes()[[0, 1]], epsilon = 1e-12);
}

/// Weights are inverse variances up to a factor, with a ridge of a pseudo-row of their mean too.
#[test]
fn a_factor_of_all_weights_does_not_change_the_ridge() {
    let samples = equal_columns();
    let slope = |weight: f64| {
        let weights = Array1::from_shape_fn(8, |row| weight * (1 + row % 2) as f64);
        let samples = samples.clone().with_weights(weights.view()).unwrap();
        let fit = PopulationRegression::new().fit_or_ridge(&samples).unwrap();
        fit.slopes()[[0, 0]]
    };
    assert_relative_eq!(slope(1.0), slope(1e-6), max_relative = 1e-12);
}

/// Where all outcomes are the same the fallback is the mode under Jeffreys's prior: half an event more.
#[test]
fn outcomes_at_one_bound_have_a_finite_fallback() {
    let x = Array2::from_shape_fn((40, 1), |(i, _)| (1.3 * i as f64).sin());
    for (family, value, mean) in [
        (Family::Binomial, 0.0, 0.5 / 41.0),
        (Family::Binomial, 1.0, 40.5 / 41.0),
        (Family::Poisson, 0.0, 0.5 / 40.0),
    ] {
        let y = Array2::from_elem((40, 1), value);
        let samples = Samples::new(x.view(), x.view(), y.view()).unwrap();
        let estimator = PopulationRegression::new().family(family);
        assert!(estimator.fit(&samples).is_err());
        let model = estimator.fit_or_ridge(&samples).unwrap();
        let found = model.predict_samples(&samples).unwrap();
        for found in &found {
            assert_relative_eq!(*found, mean, max_relative = 1e-9);
        }
    }
}
