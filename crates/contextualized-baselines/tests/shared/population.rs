//! Identities, recovery, calibration and bad input of the population regressions.

use approx::assert_relative_eq;
use contextualized_baselines::{PopulationModel, PopulationRegression};
use contextualized_core::{
    Coefficients, Error, Estimator, Link, LocalCoefficients, Samples, Termination,
    VaryingCoefficients, WithUncertainty,
};
use contextualized_simulation::Simulator;
use ndarray::{Array1, Array2, array};
use proptest::prelude::*;
use serde_json::json;

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

/// 120 noisy rows; binary targets overlap for every seed used.
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

    /// Where a feature's zero is does not matter to slopes, predictions and their certainty.
    #[test]
    fn features_far_from_zero_are_as_good(seed in 0..1000_u64, binary: bool, ridge: bool) {
        let samples = noisy(seed, binary);
        let mut estimator = PopulationRegression::new().ridge(if ridge { 2.0 } else { 0.0 });
        if binary {
            estimator = estimator.logistic();
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
        let model = PopulationRegression::new().logistic().fit(&samples).unwrap();
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

fn without_contexts(features: &Array2<f64>, targets: &Array2<f64>) -> Samples {
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
    let samples = without_contexts(&features, &array![[1.0], [2.0], [2.0], [4.0]])
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
    let samples = without_contexts(&array![[1.0, 0.0], [0.0, 1.0]], &array![[1.0], [2.0]]);
    match PopulationRegression::new().fit(&samples) {
        Err(Error::TooFewRows {
            needed: 3,
            found: 2,
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
    // Rows of weight zero do not count.
    let samples = without_contexts(
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

/// Not the intercept, whatever the constant.
#[test]
fn a_constant_feature_is_named_itself() {
    for k in 1..200_u32 {
        let rows = 5 + k as usize;
        let value = 0.1 + 0.37 * f64::from(k);
        let features = Array2::from_shape_fn((rows, 2), |(i, j)| match j {
            0 => value,
            _ => (i * i % 13) as f64,
        });
        let samples = without_contexts(&features, &Array2::zeros((rows, 1)));
        match PopulationRegression::new().fit(&samples) {
            Err(Error::RankDeficient { columns, .. }) => assert_eq!(columns, ["x0"]),
            other => panic!("{other:?}"),
        }
    }
}

/// Centring must not make independent what differs by rounding alone.
#[test]
fn features_dependent_up_to_rounding_are_named() {
    let far = |row: usize, k: f64| 1e6 + (k * row as f64).sin();
    let features = Array2::from_shape_fn((50, 4), |(row, column)| match column {
        0 => far(row, 1.1),
        1 => far(row, 2.3),
        2 => far(row, 1.1) + far(row, 2.3),
        // Constant but for the last digit.
        _ => [0.3, 0.1 + 0.2][row % 2],
    });
    let samples = without_contexts(&features, &Array2::zeros((50, 1)));
    match PopulationRegression::new().fit(&samples) {
        Err(Error::RankDeficient {
            rank,
            coefficients,
            columns,
        }) => assert_eq!(
            (rank, coefficients, columns.join(" ")),
            (3, 5, "x2 x3".to_owned())
        ),
        other => panic!("{other:?}"),
    }
    let model = PopulationRegression::new().ridge(1.0).fit(&samples);
    assert!(model.is_ok());
}

/// Twenty overlapping rows decide alone once the outlier's probability is one.
#[test]
fn an_outlier_of_certain_class_changes_nothing() {
    let x = |row: usize| (row % 10) as f64 / 10.0 - 0.45;
    let y = |row: usize| f64::from(u8::from(x(row) + 0.6 * (2.3 * row as f64).sin() > 0.0));
    let fit = |outlier: Option<f64>| {
        let rows = 20 + usize::from(outlier.is_some());
        let at = |row: usize| if row < 20 { x(row) } else { outlier.unwrap() };
        let features = Array2::from_shape_fn((rows, 1), |(row, _)| at(row));
        let targets =
            Array2::from_shape_fn((rows, 1), |(row, _)| if row < 20 { y(row) } else { 1.0 });
        coefficients(
            &PopulationRegression::new().logistic(),
            &without_contexts(&features, &targets),
        )
    };
    let without = fit(None);
    assert!(without.slopes()[[0, 0, 0]] > 0.5);
    for outlier in [1e3, 1e6, 1e9, 1e12] {
        assert_close(&fit(Some(outlier)), &without, 1e-8);
    }
}

/// Timestamps in seconds, and a feature with eleven digits in front of what varies.
#[test]
fn a_feature_may_vary_little_around_a_large_value() {
    let steps = [-1.0, 1.0, 3.0, -2.0, 2.0, 0.0, -3.0, 1.0, -1.0, 2.0];
    let targets = Array2::from_shape_fn((10, 1), |(row, _)| f64::from(u8::from(row % 3 == 0)));
    for center in [0.0, 1e8, 1.7e9, 1e11] {
        let features = Array2::from_shape_fn((10, 1), |(row, _)| center + steps[row]);
        let samples = without_contexts(&features, &targets);
        for ridge in [0.0, 1.0] {
            for estimator in [
                PopulationRegression::new(),
                PopulationRegression::new().logistic(),
            ] {
                let estimator = estimator.ridge(ridge);
                let slope = |samples: &Samples| estimator.fit(samples).unwrap().slopes()[[0, 0]];
                let centred = without_contexts(&(&features - center), &targets);
                assert_relative_eq!(slope(&samples), slope(&centred), max_relative = 1e-4);
            }
        }
    }
}

/// By hand: y = a + b x at x = c ± 1, two rows each, so that the slope's variance is σ²/4 and the
/// offset's σ² (1 + c²) / 4.
#[test]
fn the_standard_error_of_the_offset_takes_all_covariances() {
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
        let offset = noise / 2.0 * (1.0 + center * center).sqrt();
        assert_relative_eq!(errors.offsets()[[0, 0]], offset, max_relative = 1e-12);
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
        PopulationRegression::new().logistic(),
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
    assert_relative_eq!(&four.offsets() * 2.0, one.offsets(), epsilon = 1e-12);
}

#[test]
fn identical_rows_are_an_error_or_a_ridge() {
    let samples = without_contexts(&Array2::ones((5, 2)), &Array2::ones((5, 1)));
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
    // Both classes at x = 3 alone: the estimate is infinite all the same.
    let quasi_x = column([1.0, 2.0, 3.0, 3.0, 5.0, 6.0]);
    let quasi = column([0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
    let logistic = PopulationRegression::new().logistic();
    // One row alone has the dummy; without it the classes overlap.
    let overlapping = column([0.0, 1.0, 0.0, 1.0, 0.0, 1.0]);
    let dummy = array![
        [1.0, 0.0],
        [2.0, 0.0],
        [3.0, 0.0],
        [4.0, 0.0],
        [5.0, 0.0],
        [6.0, 1.0]
    ];
    let mut far = x.clone();
    far[[5, 0]] = 1e9;
    for samples in [
        without_contexts(&x, &complete),
        without_contexts(&quasi_x, &quasi),
        without_contexts(&x, &Array2::ones((6, 1))),
        without_contexts(&dummy, &overlapping),
        without_contexts(&far, &complete),
        without_contexts(&(&x + 1e8), &complete),
        without_contexts(&(&quasi_x + 1e8), &quasi),
    ] {
        assert!(matches!(
            logistic.fit(&samples),
            Err(Error::Separated { .. })
        ));
    }
    let model = logistic
        .clone()
        .ridge(0.1)
        .fit(&without_contexts(&x, &complete))
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
    let samples = without_contexts(&array![[1.0], [2.0], [4.0]], &array![[0.0], [1.0], [2.0]])
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
fn intervals_of_a_saturated_fit_say_why_there_are_none() {
    let x = array![[0.0], [1.0]];
    let model = PopulationRegression::new()
        .fit(&without_contexts(&x, &x))
        .unwrap();
    assert!(matches!(
        model.intervals(array![[0.0]].view(), 0.9),
        Err(Error::TooFewRows {
            needed: 3,
            found: 2,
            ..
        })
    ));
}

/// The level next to one still has a finite quantile, and no interval is infinite.
#[test]
fn intervals_are_finite_or_an_error() {
    let level = 1.0_f64.next_down();
    let model = |binary: bool| {
        let estimator = PopulationRegression::new();
        match binary {
            true => estimator.logistic().fit(&noisy(0, true)).unwrap(),
            false => estimator.fit(&noisy(0, false)).unwrap(),
        }
    };
    for binary in [false, true] {
        let model = model(binary);
        let intervals = model.intervals(array![[0.0]].view(), level).unwrap();
        let errors = model.standard_errors(array![[0.0]].view()).unwrap();
        let quantile = (intervals.upper.slopes()[[0, 0, 0]] - model.slopes()[[0, 0]])
            / errors.slopes()[[0, 0, 0]];
        // Of the tail 2⁻⁵⁴: 8.29 of the normal, 9.70 of Student's t with 117 degrees of freedom.
        let expected = if binary { 8.29 } else { 9.70 };
        assert!((quantile - expected).abs() < 0.01, "{quantile}");
    }
    // One degree of freedom: the quantile is 6 · 10¹⁵ standard errors, here of 10³⁰⁴ or so.
    let x = array![[-1.0], [0.0], [1.0]];
    let wide = without_contexts(&(&x * 1e-205), &array![[0.0], [1e100], [0.0]]);
    let model = PopulationRegression::new().fit(&wide).unwrap();
    match model.intervals(array![[0.0]].view(), level) {
        Err(Error::NotFinite {
            argument: "slopes", ..
        }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_result_that_overflows_is_named() {
    let x = array![[-1.0], [0.0], [1.0], [2.0]];
    let y = array![[0.0], [1.0], [0.0], [3.0]];
    let slope = without_contexts(&(&x * 1e-300), &(&y * 1e100));
    assert!(matches!(
        PopulationRegression::new().fit(&slope),
        Err(Error::NotFinite {
            argument: "slopes",
            ..
        })
    ));
    let objective = without_contexts(&x, &(&y * 1e200));
    for ridge in [0.0, 1.0] {
        let error = PopulationRegression::new()
            .ridge(ridge)
            .fit(&objective)
            .unwrap_err();
        let source = std::error::Error::source(&error).map(ToString::to_string);
        let text = format!("{error} {source:?}");
        assert!(
            text.contains("objective") || text.contains("sum of squares"),
            "{text}"
        );
    }
}

#[test]
fn names_tell_settings_apart() {
    let new = PopulationRegression::new;
    assert_eq!(new().name(), "population");
    assert_eq!(new().logistic().name(), "population (logistic)");
    assert_eq!(
        new().ridge(5.0).intercept(false).name(),
        "population (ridge 5, no intercept)"
    );
    assert_eq!(
        new().logistic().ridge(0.5).name(),
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
            "offsets",
            json!(Array1::<f64>::zeros(2)),
            "offsets: the number of columns is 2, expected 1",
        ),
        (
            "slopes",
            json!(Array2::<f64>::zeros((0, 2))),
            "slopes has no rows",
        ),
        ("contexts", json!(0), "contexts has no columns"),
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
