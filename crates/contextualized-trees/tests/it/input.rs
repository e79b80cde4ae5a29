//! What cannot be fitted is an error that says why; what can is, however odd.

use super::properties::{quick, samples};
use contextualized_core::{
    Error, Estimator, Family, LocalCoefficients, RegressionEstimator, RegressionSettings, Samples,
    VaryingCoefficients, WithUncertainty,
};
use contextualized_trees::{TreeModel, TreeRegression};
use ndarray::{Array2, array};

#[test]
fn settings_out_of_range_are_named() {
    let samples = samples(30, 0);
    for (estimator, parameter) in [
        (quick().trees(0), "trees is 0, but must be 1 to 10000"),
        (quick().trees(usize::MAX), "trees is 18446744073709551615"),
        (quick().chains(0), "chains is 0"),
        (
            quick().burn_in(usize::MAX),
            "burn_in is 18446744073709551615",
        ),
        (quick().sweeps(0), "sweeps is 0"),
        (quick().draws(0), "draws is 0"),
        (
            quick().sweeps(10).draws(11),
            "draws is 11, but must be 1 to 10, the number of sweeps",
        ),
    ] {
        let error = estimator.fit(&samples).unwrap_err().to_string();
        assert!(error.contains(parameter), "{error}");
    }
    for family in [Family::Binomial, Family::Poisson] {
        let error = quick().family(family).fit(&samples).unwrap_err();
        assert!(matches!(error, Error::InvalidTarget { .. }));
    }
}

#[test]
fn families_with_an_augmentation_are_among_the_candidates() {
    for family in Family::ALL {
        let settings = RegressionSettings {
            family,
            intercept: true,
            seed: 3,
        };
        let candidates = TreeRegression::candidates(&settings, 2);
        let augmented = family.is_quadratic() || family.is_binary() || family.counts_events();
        let expected = augmented.then(|| TreeRegression::new().family(family).seed(3));
        assert_eq!(candidates, expected.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn names_tell_estimators_apart() {
    assert_eq!(TreeRegression::new().name(), "trees");
    let other = TreeRegression::new()
        .family(Family::Binomial)
        .trees(9)
        .soft(false)
        .seed(2);
    assert_eq!(
        other.name(),
        "trees (logistic, 9 trees each, hard splits, seed 2)"
    );
    let short = TreeRegression::new().burn_in(10).sweeps(20).draws(5);
    assert_eq!(short.name(), "trees (burn-in: 10, sweeps: 20, draws: 5)");
}

#[test]
fn queries_that_do_not_fit_are_errors() {
    let samples = samples(30, 1);
    let model = quick().fit(&samples).unwrap();
    let narrow = Array2::zeros((2, 3));
    assert!(matches!(
        model.coefficients(narrow.view()),
        Err(Error::ColumnCount { .. })
    ));
    let mut wild = Array2::zeros((2, 4));
    wild[[1, 2]] = f64::NAN;
    assert!(matches!(
        model.coefficients(wild.view()),
        Err(Error::NotFinite {
            row: 1,
            column: 2,
            ..
        })
    ));
    let features = Array2::zeros((1, 2));
    assert!(model.predict(samples.contexts(), features.view()).is_err());
    for level in [0.0, 1.0, f64::NAN] {
        assert!(model.intervals(samples.contexts(), level).is_err());
        assert!(model.relevance(level).is_err());
    }
    // Forty draws know no quantile of one in a thousand.
    let error = model
        .intervals(samples.contexts(), 0.999)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("draws is 40, but must be at least 1999"),
        "{error}"
    );
    // No rows have no coefficients.
    let none = Array2::zeros((0, 4));
    assert_eq!(model.coefficients(none.view()).unwrap().rows(), 0);
    assert_eq!(model.standard_errors(none.view()).unwrap().rows(), 0);
}

/// Constant, collinear and enormous columns, one row, one context value.
#[test]
fn degenerate_data_have_finite_coefficients() {
    type OfRow = fn(usize) -> f64;
    let column = |rows: usize, of: OfRow| Array2::from_shape_fn((rows, 1), |(row, _)| of(row));
    let cases: Vec<(usize, OfRow, OfRow, OfRow)> = vec![
        (1, |_| 0.0, |_| 1.0, |_| 2.0),
        (2, |row| row as f64, |row| row as f64, |row| row as f64),
        (30, |_| 5.0, |row| row as f64, |row| row as f64),
        (30, |row| row as f64, |_| 3.0, |row| (row % 2) as f64),
        (30, |row| row as f64, |row| row as f64, |_| 7.0),
        (
            30,
            |row| row as f64 * 1e300,
            |row| row as f64 * 1e-60,
            |row| (row as f64).sin() * 1e60,
        ),
        (
            30,
            |row| -(row as f64) * 1e-300,
            |row| row as f64 * 1e100,
            |row| (row as f64).cos() * 1e-100,
        ),
    ];
    for (case, (rows, c, x, y)) in cases.into_iter().enumerate() {
        let x = column(rows, x);
        // Twice the same feature.
        let features = ndarray::concatenate![ndarray::Axis(1), x, x];
        let samples = Samples::new(
            column(rows, c).view(),
            features.view(),
            column(rows, y).view(),
        )
        .unwrap();
        let model = quick().fit(&samples).unwrap();
        let found = model.coefficients(samples.contexts()).unwrap();
        assert!(
            found.slopes().iter().all(|slope| slope.is_finite()),
            "case {case}"
        );
        let errors = model.standard_errors(samples.contexts()).unwrap();
        assert!(
            errors
                .slopes()
                .iter()
                .all(|error| error.is_finite() && *error >= 0.0),
            "case {case}"
        );
        assert!(model.report().targets[0].coefficients_r_hat >= 0.0);
    }
}

#[test]
fn outcomes_of_one_class_are_fitted() {
    let samples = samples(30, 2);
    let ones = samples
        .replace_targets(Array2::ones((30, 2)).view())
        .unwrap();
    let model = quick().family(Family::Binomial).fit(&ones).unwrap();
    let means = model.predict(ones.contexts(), ones.features()).unwrap();
    assert!(means.iter().all(|mean| (0.5..=1.0).contains(mean)));
    assert!(model.noise().is_err());
}

#[test]
fn counts_of_nothing_and_large_counts_are_fitted() {
    let samples = samples(30, 2);
    for count in [0.0, 1e9] {
        let counts = Array2::from_elem((30, 2), count);
        let counts = samples.replace_targets(counts.view()).unwrap();
        let model = quick().family(Family::Poisson).fit(&counts).unwrap();
        let means = model.predict(counts.contexts(), counts.features()).unwrap();
        let expected = if count == 0.0 { 0.0..=0.5 } else { 9e8..=1.1e9 };
        assert!(means.iter().all(|mean| expected.contains(mean)), "{means}");
        assert!(model.noise().is_err());
    }
}

#[test]
fn numbers_that_contradict_each_other_are_refused() {
    let model = quick().fit(&samples(30, 3)).unwrap();
    let whole = serde_json::to_value(&model).unwrap();
    assert!(serde_json::from_value::<TreeModel>(whole.clone()).is_ok());
    let altered = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut value = whole.clone();
        change(&mut value);
        serde_json::from_value::<TreeModel>(value)
    };
    let number = |value: u64| serde_json::Value::from(value);
    // A split by a variable that is not there, a tree that is cut off, a leaf that is not a number.
    assert!(altered(&|value| value["forests"][0]["nodes"][0] = number(9)).is_err());
    assert!(altered(&|value| value["forests"][0]["nodes"][0] = number(1 | 1 << 63)).is_err());
    let infinite = u64::from(f32::INFINITY.to_bits()) << 32;
    assert!(altered(&|value| value["forests"][0]["nodes"][0] = number(infinite)).is_err());
    assert!(
        altered(&|value| {
            let nodes = value["forests"][0]["nodes"].as_array_mut().unwrap();
            nodes.pop();
        })
        .is_err()
    );
    assert!(altered(&|value| value["forests"][0]["ends"][0] = number(u64::MAX)).is_err());
    assert!(altered(&|value| value["forests"][0]["coefficients"] = number(0)).is_err());
    assert!(
        altered(&|value| {
            value["forests"].as_array_mut().unwrap().pop();
        })
        .is_err()
    );
    assert!(altered(&|value| value["report"]["chains"] = number(7)).is_err());
}

/// A level that no row had, and a value between those observed.
#[test]
fn contexts_that_were_not_observed_have_coefficients() {
    let samples = samples(60, 4);
    let model = quick().fit(&samples).unwrap();
    let new = array![
        [1e9, 0.0, 0.0, 0.0],
        [-1e9, 1.0, 0.0, 0.0],
        [200.123, 0.0, 0.0, 1.0]
    ];
    let found = model.coefficients(new.view()).unwrap();
    assert!(
        found
            .intercepts()
            .iter()
            .all(|intercept| intercept.is_finite())
    );
}
