//! Identities, recovery, calibration and bad input of the population regressions.

use approx::assert_relative_eq;
use contextualized_baselines::PopulationRegression;
use contextualized_core::{
    Coefficients, Error, Estimator, Link, LocalCoefficients, Samples, Termination,
    VaryingCoefficients, WithUncertainty,
};
use contextualized_simulation::Simulator;
use ndarray::{Array1, Array2, array};
use proptest::prelude::*;

fn coefficients(estimator: &PopulationRegression, samples: &Samples) -> Coefficients {
    let contexts = Array2::zeros((1, samples.contexts().ncols()));
    estimator
        .fit(samples)
        .unwrap()
        .coefficients(contexts.view())
        .unwrap()
}

fn assert_close(a: &Coefficients, b: &Coefficients, tolerance: f64) {
    assert_relative_eq!(a.slopes(), b.slopes(), epsilon = tolerance);
    assert_relative_eq!(a.offsets(), b.offsets(), epsilon = tolerance);
}

/// 40 noisy rows; binary targets overlap for every seed used.
fn noisy(seed: u64, binary: bool) -> Samples {
    let simulator = Simulator::new(120)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(|_| vec![1.0, -0.5])
        .offset(|_| 0.3);
    let simulator = if binary {
        simulator.binary()
    } else {
        simulator.noise(1.0)
    };
    simulator.simulate(seed).unwrap().samples
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn row_order_does_not_matter(seed in 0..1000_u64, binary: bool, ridge in 0.0..5.0_f64) {
        let samples = noisy(seed, binary);
        let mut estimator = PopulationRegression::new().ridge(ridge);
        if binary {
            estimator = estimator.logistic();
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
            estimator = estimator.logistic();
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

    /// At the maximum of the likelihood the score is zero.
    #[test]
    fn logistic_score_is_zero(seed in 0..1000_u64) {
        let samples = noisy(seed, true);
        let model = PopulationRegression::new().logistic().fit(&samples).unwrap();
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
        .logistic()
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
            .offset(|_| 0.3)
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
        .offset(|_| 0.4)
        .binary()
        .simulate(1)
        .unwrap();
    let model = PopulationRegression::new()
        .logistic()
        .fit(&data.samples)
        .unwrap();
    let errors = model.standard_errors(array![[0.0]].view()).unwrap();
    for (j, truth) in [1.5, -0.7].into_iter().enumerate() {
        assert!((model.slopes()[[0, j]] - truth).abs() < 3.0 * errors.slopes()[[0, 0, j]]);
        assert!(errors.slopes()[[0, 0, j]] < 0.03);
    }
    assert_eq!(model.link(), Link::Logit);
    assert_eq!(model.report().termination, Termination::Converged);
}

fn four_rows(features: &Array2<f64>, targets: &Array2<f64>) -> Samples {
    let contexts = Array2::zeros((features.nrows(), 1));
    Samples::new(contexts.view(), features.view(), targets.view()).unwrap()
}

#[test]
fn dependent_columns_are_named_unless_there_is_a_ridge() {
    let features = array![
        [1.0, 2.0, 7.0],
        [2.0, 4.0, 7.0],
        [3.0, 6.0, 7.0],
        [5.0, 10.0, 7.0]
    ];
    let samples = four_rows(&features, &array![[1.0], [2.0], [2.0], [4.0]])
        .with_feature_names(["dose", "dose in mg", "always 7"])
        .unwrap();
    match PopulationRegression::new().fit(&samples) {
        Err(Error::RankDeficient {
            rank,
            coefficients,
            columns,
        }) => {
            assert_eq!((rank, coefficients), (2, 4));
            assert_eq!(columns.len(), 2);
            assert!(columns.contains(&"always 7".to_owned()));
            assert!(columns.iter().any(|name| name.starts_with("dose")));
        }
        other => panic!("{other:?}"),
    }
    let model = PopulationRegression::new()
        .ridge(1e-3)
        .fit(&samples)
        .unwrap();
    assert!(model.slopes().iter().all(|slope| slope.is_finite()));
    // The two doses, equal but for their unit, share the effect equally in standardised units.
    assert_relative_eq!(
        model.slopes()[[0, 0]],
        2.0 * model.slopes()[[0, 1]],
        max_relative = 1e-6
    );
    assert!(matches!(
        model.standard_errors(array![[0.0]].view()),
        Err(Error::InvalidParameter {
            parameter: "ridge",
            ..
        })
    ));
}

#[test]
fn fewer_rows_than_coefficients_are_an_error() {
    let samples = four_rows(&array![[1.0, 0.0], [0.0, 1.0]], &array![[1.0], [2.0]]);
    match PopulationRegression::new().fit(&samples) {
        Err(Error::TooFewRows {
            needed: 3,
            found: 2,
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
    // Rows of weight zero do not count.
    let samples = four_rows(
        &array![[1.0, 0.0], [0.0, 1.0], [2.0, 1.0]],
        &array![[1.0], [2.0], [3.0]],
    )
    .with_weights(array![1.0, 0.0, 1.0].view())
    .unwrap();
    assert!(matches!(
        PopulationRegression::new().fit(&samples),
        Err(Error::TooFewRows {
            needed: 3,
            found: 2,
            ..
        })
    ));
    // As many rows as coefficients fit exactly, and leave nothing for standard errors.
    let model = PopulationRegression::new()
        .intercept(false)
        .fit(&samples)
        .unwrap();
    assert!(matches!(
        model.standard_errors(array![[0.0]].view()),
        Err(Error::TooFewRows {
            needed: 3,
            found: 2,
            ..
        })
    ));
}

#[test]
fn identical_rows_are_an_error_or_a_ridge() {
    let samples = four_rows(&Array2::ones((5, 2)), &Array2::ones((5, 1)));
    assert!(matches!(
        PopulationRegression::new().fit(&samples),
        Err(Error::RankDeficient { rank: 1, .. })
    ));
    let model = PopulationRegression::new()
        .ridge(1.0)
        .fit(&samples)
        .unwrap();
    let predictions = model
        .predict(samples.contexts(), samples.features())
        .unwrap();
    assert_relative_eq!(predictions, Array2::ones((5, 1)), epsilon = 1e-9);
}

#[test]
fn separation_is_an_error_unless_there_is_a_ridge() {
    let column = |values: [f64; 6]| Array2::from_shape_vec((6, 1), values.to_vec()).unwrap();
    let x = column([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let complete = column([0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
    // Both classes at x = 3 and 4 alone: the estimate is infinite all the same.
    let quasi_x = column([1.0, 2.0, 3.0, 3.0, 5.0, 6.0]);
    let quasi = column([0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
    let logistic = PopulationRegression::new().logistic();
    for samples in [
        four_rows(&x, &complete),
        four_rows(&quasi_x, &quasi),
        four_rows(&x, &Array2::ones((6, 1))),
    ] {
        assert!(matches!(
            logistic.fit(&samples),
            Err(Error::Separated { .. })
        ));
    }
    let model = logistic
        .clone()
        .ridge(0.1)
        .fit(&four_rows(&x, &complete))
        .unwrap();
    assert!(model.slopes()[[0, 0]] > 0.0 && model.slopes()[[0, 0]].is_finite());
}

#[test]
fn overlapping_classes_are_not_called_separated() {
    for seed in 0..50 {
        let data = Simulator::new(30)
            .uniform_contexts(1, -1.0, 1.0)
            .slopes(|_| vec![2.0])
            .binary()
            .simulate(seed)
            .unwrap();
        let x = data.samples.features();
        let class = |wanted: f64| {
            let targets = data.samples.targets();
            let values: Vec<f64> = (0..30)
                .filter(|&i| targets[[i, 0]] == wanted)
                .map(|i| x[[i, 0]])
                .collect();
            let low = values.iter().copied().fold(f64::INFINITY, f64::min);
            let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            (low, high)
        };
        let ((low0, high0), (low1, high1)) = (class(0.0), class(1.0));
        let overlap = low0 < high1 && low1 < high0;
        let fit = PopulationRegression::new().logistic().fit(&data.samples);
        assert_eq!(fit.is_ok(), overlap, "seed {seed}: {fit:?}");
    }
}

#[test]
fn targets_that_are_not_binary_are_named() {
    let samples = four_rows(&array![[1.0], [2.0], [4.0]], &array![[0.0], [1.0], [2.0]])
        .with_target_names(["relapse"])
        .unwrap();
    let error = PopulationRegression::new()
        .logistic()
        .fit(&samples)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "binary target relapse holds 2 at row 2, which is neither 0 nor 1"
    );
}

#[test]
fn settings_out_of_range_are_errors() {
    let samples = noisy(0, false);
    for ridge in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(
            PopulationRegression::new().ridge(ridge).fit(&samples),
            Err(Error::InvalidParameter {
                parameter: "ridge",
                ..
            })
        ));
    }
    let model = PopulationRegression::new().fit(&samples).unwrap();
    for level in [0.0, 1.0, f64::NAN] {
        assert!(matches!(
            model.intervals(array![[0.0]].view(), level),
            Err(Error::InvalidParameter {
                parameter: "level",
                ..
            })
        ));
    }
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
