//! What a population regression cannot estimate, and what only looks so.

use super::population::{assert_close, coefficients, noisy, without_contexts};
use approx::assert_relative_eq;
use contextualized_baselines::PopulationRegression;
use contextualized_core::{Error, Estimator, Family, LocalCoefficients, Samples, WithUncertainty};
use contextualized_simulation::Simulator;
use ndarray::{Array2, array};

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
            &PopulationRegression::new().family(Family::Binomial),
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
                PopulationRegression::new().family(Family::Binomial),
            ] {
                let estimator = estimator.ridge(ridge);
                let slope = |samples: &Samples| estimator.fit(samples).unwrap().slopes()[[0, 0]];
                let centred = without_contexts(&(&features - center), &targets);
                assert_relative_eq!(slope(&samples), slope(&centred), max_relative = 1e-4);
            }
        }
    }
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
    let logistic = PopulationRegression::new().family(Family::Binomial);
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
            .family(Family::Binomial)
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
        let fit = PopulationRegression::new()
            .family(Family::Binomial)
            .fit(&data.samples);
        assert_eq!(fit.is_ok(), overlap, "seed {seed}: {fit:?}");
    }
}

#[test]
fn targets_that_are_not_binary_are_named() {
    let samples = without_contexts(&array![[1.0], [2.0], [4.0]], &array![[0.0], [1.0], [2.0]])
        .with_target_names(["relapse"])
        .unwrap();
    let error = PopulationRegression::new()
        .family(Family::Binomial)
        .fit(&samples)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "target relapse is 2 at row 3, but a binomial target is 0 or 1, or a share of trials"
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
        if binary {
            estimator
                .family(Family::Binomial)
                .fit(&noisy(0, true))
                .unwrap()
        } else {
            estimator.fit(&noisy(0, false)).unwrap()
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
fn counts_without_a_finite_estimate_are_refused() {
    // Whatever x is, y is zero where it is positive: its slope falls for ever.
    let fit = |counts: [f64; 6]| {
        let x = Array2::from_shape_fn((6, 1), |(row, _)| f64::from(u8::from(row >= 3)));
        let counts = Array2::from_shape_fn((6, 1), |(row, _)| counts[row]);
        let samples = Samples::new(Array2::ones((6, 1)).view(), x.view(), counts.view()).unwrap();
        PopulationRegression::new()
            .family(Family::Poisson)
            .fit(&samples)
    };
    assert!(matches!(
        fit([2.0, 0.0, 4.0, 0.0, 0.0, 0.0]),
        Err(Error::Separated { .. })
    ));
    assert!(matches!(fit([0.0; 6]), Err(Error::Separated { .. })));
    assert!(fit([2.0, 0.0, 4.0, 0.0, 1.0, 0.0]).is_ok());
    assert!(matches!(
        fit([2.0, 0.5, 4.0, 0.0, 1.0, 0.0]),
        Err(Error::InvalidTarget { row: 1, .. })
    ));
}

/// A zero at the other end of the world says nothing, however far it is: R's glm has the slope of the others.
#[test]
fn one_zero_count_far_out_is_not_separation() {
    let fit = |far: bool| {
        let rows = 19 + usize::from(far);
        let x = Array2::from_shape_fn((rows, 1), |(i, _)| if i < 19 { i as f64 } else { 1e9 });
        let y = Array2::from_shape_fn(
            (rows, 1),
            |(i, _)| if i < 19 { (20 - i) as f64 } else { 0.0 },
        );
        let samples = Samples::new(Array2::ones((rows, 1)).view(), x.view(), y.view()).unwrap();
        let poisson = PopulationRegression::new().family(Family::Poisson);
        poisson.fit(&samples).unwrap().slopes()[[0, 0]]
    };
    assert!((fit(true) / fit(false) - 1.0).abs() < 1e-6);
}
