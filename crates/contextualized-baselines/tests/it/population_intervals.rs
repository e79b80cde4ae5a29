//! Standard errors of a population's predictions and sums.

use crate::population::{noisy, without_contexts};
use approx::assert_relative_eq;
use contextualized_baselines::{PopulationModel, PopulationRegression};
use contextualized_core::{
    Error, Estimator, Family, LocalCoefficients, Samples, WeightedContexts, WithPredictions,
    WithSums, WithUncertainty,
};
use ndarray::{Array1, Array2, Axis, array, concatenate};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

fn fitted(seed: u64, binary: bool, intercept: bool) -> (Samples, PopulationModel) {
    let samples = noisy(seed, binary);
    let estimator = PopulationRegression::new().intercept(intercept);
    let model = if binary {
        estimator.family(Family::Binomial).fit(&samples).unwrap()
    } else {
        estimator.fit(&samples).unwrap()
    };
    (samples, model)
}

/// Of the simple regression: s² (1/n + (x − x̄)² / Σ (x − x̄)²), plus s² for a new outcome.
#[test]
fn intervals_of_a_simple_regression_by_hand() {
    let x = array![[0.0], [1.0], [2.0], [5.0]];
    let y = array![[1.0], [0.0], [4.0], [5.0]];
    let model = PopulationRegression::new()
        .fit(&without_contexts(&x, &y))
        .unwrap();
    // x̄ = 2, Σ (x − x̄)² = 14, Σ (x − x̄)(y − ȳ) = 13; residuals leave 17 − 13² / 14 for 2 degrees.
    let noise = (17.0 - 169.0 / 14.0) / 2.0;
    // The 97.5 % quantile of Student's t with two degrees of freedom.
    let quantile = 4.302_652_729_749_464;
    let (at, context) = (array![[3.0]], array![[0.0]]);
    let mean = 2.5 + 13.0 / 14.0;
    let of_mean: f64 = noise * (1.0 / 4.0 + 1.0 / 14.0);
    let found = model
        .mean_intervals(context.view(), at.view(), 0.95)
        .unwrap();
    let half = quantile * of_mean.sqrt();
    assert_relative_eq!(found.lower[[0, 0]], mean - half, max_relative = 1e-9);
    assert_relative_eq!(found.upper[[0, 0]], mean + half, max_relative = 1e-9);
    let found = model
        .outcome_intervals(context.view(), at.view(), 0.95)
        .unwrap();
    let half = quantile * (of_mean + noise).sqrt();
    assert_relative_eq!(found.lower[[0, 0]], mean - half, max_relative = 1e-9);
    assert_relative_eq!(found.upper[[0, 0]], mean + half, max_relative = 1e-9);
}

#[test]
fn predictions_without_errors_say_why() {
    let (samples, model) = fitted(0, true, true);
    let (contexts, features) = (samples.contexts(), samples.features());
    assert!(matches!(
        model.outcome_intervals(contexts, features, 0.9),
        Err(Error::NoIntervals { .. })
    ));
    assert!(model.mean_intervals(contexts, features, 1.0).is_err());
    let ridge = PopulationRegression::new().ridge(1.0);
    let model = ridge.fit(&noisy(0, false)).unwrap();
    assert!(matches!(
        model.mean_intervals(contexts, features, 0.9),
        Err(Error::InvalidParameter {
            parameter: "ridge",
            ..
        })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// At features of zero the predictor is the intercept, and one feature more adds its slope.
    #[test]
    fn predictors_are_as_sure_as_the_coefficients_they_are(seed in 0..1000_u64, binary: bool) {
        let (_, model) = fitted(seed, binary, true);
        let contexts = array![[0.0]];
        let errors = model.standard_errors(contexts.view()).unwrap();
        let zero = WeightedContexts::mean_of(contexts.clone()).unwrap();
        let intercept = model.predictor_sums(&zero, array![[0.0, 0.0]].view(), 0.9).unwrap();
        assert_relative_eq!(
            intercept.standard_errors[[0, 0]], errors.intercepts()[[0, 0]], max_relative = 1e-9
        );
        let step = WeightedContexts::new(array![[0.0], [0.0]], array![[1.0, -1.0]]).unwrap();
        let features = array![[4.0, 7.0], [3.0, 7.0]];
        let slope = model.predictor_sums(&step, features.view(), 0.9).unwrap();
        assert_relative_eq!(
            slope.standard_errors[[0, 0]], errors.slopes()[[0, 0, 0]], max_relative = 1e-9
        );
        assert_relative_eq!(
            slope.values[[0, 0]], model.slopes()[[0, 0]], max_relative = 1e-9
        );
    }

    #[test]
    fn sums_of_one_row_are_its_intervals(seed in 0..1000_u64, binary: bool, intercept: bool) {
        let (samples, model) = fitted(seed, binary, intercept);
        let (contexts, features) = (samples.contexts(), samples.features());
        let rows = samples.rows();
        let each = WeightedContexts::new(contexts.to_owned(), Array2::eye(rows)).unwrap();
        let sums = model.predictor_sums(&each, features, 0.8).unwrap();
        let intervals = model.mean_intervals(contexts, features, 0.8).unwrap();
        let family: Family = model.family();
        assert_relative_eq!(
            family.link().inverse_table(sums.lower.view()), intervals.lower, max_relative = 1e-9
        );
        assert_relative_eq!(
            family.link().inverse_table(sums.upper.view()), intervals.upper, max_relative = 1e-9
        );
        let coefficients = model.coefficient_sums(&each, 0.8).unwrap();
        let ends = model.intervals(contexts, 0.8).unwrap();
        assert_relative_eq!(
            coefficients.lower.slopes(), ends.lower.slopes(), epsilon = 1e-12
        );
        assert_relative_eq!(
            coefficients.upper.intercepts(), ends.upper.intercepts(), epsilon = 1e-12
        );
    }
}

/// Rows of so many groups, with a feature that is the same in a group and one that is not.
fn grouped(groups: usize, of_each: usize, seed: u64) -> (Samples, Vec<usize>) {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut normal = || -> f64 { StandardNormal.sample(&mut generator) };
    let of_groups: Vec<[f64; 2]> = (0..groups).map(|_| [normal(), normal()]).collect();
    let labels: Vec<usize> = (0..groups * of_each).map(|row| row / of_each).collect();
    let features = Array2::from_shape_fn((labels.len(), 2), |(row, column)| match column {
        0 => of_groups[labels[row]][0],
        _ => normal(),
    });
    let targets = Array2::from_shape_fn((labels.len(), 1), |(row, _)| {
        of_groups[labels[row]][1] + normal()
    });
    let contexts = Array2::from_shape_simple_fn((labels.len(), 1), normal);
    let samples = Samples::new(contexts.view(), features.view(), targets.view()).unwrap();
    (samples, labels)
}

/// `A Σ s sᵀ A G / (G − 1)` in the users' units, by the definition.
#[test]
fn standard_errors_of_groups_are_those_of_clusters() {
    let (samples, labels) = grouped(12, 5, 4);
    let model = PopulationRegression::new()
        .fit(&samples.clone().with_groups(&labels).unwrap())
        .unwrap();
    let at = array![[0.0]];
    let found = model.standard_errors(at.view()).unwrap();
    let ones = Array2::ones((60, 1));
    let x = concatenate![Axis(1), samples.features(), ones];
    let residuals = samples.targets().to_owned() - model.predict_samples(&samples).unwrap();
    let inverse = {
        let gram = x.t().dot(&x);
        let factor = contextualized_solvers::cholesky(gram.view()).unwrap();
        factor.solve(Array2::eye(3).view()).unwrap()
    };
    let mut meat = Array2::<f64>::zeros((3, 3));
    for group in 0..12 {
        let mut score = Array1::<f64>::zeros(3);
        for row in (0..60).filter(|&row| labels[row] == group) {
            score.scaled_add(residuals[[row, 0]], &x.row(row));
        }
        for a in 0..3 {
            for b in 0..3 {
                meat[[a, b]] += score[a] * score[b];
            }
        }
    }
    let covariance = inverse.dot(&meat).dot(&inverse) * (12.0 / 11.0);
    let expected = [0, 1, 2].map(|at| covariance[[at, at]].sqrt());
    let found = [
        found.slopes()[[0, 0, 0]],
        found.slopes()[[0, 0, 1]],
        found.intercepts()[[0, 0]],
    ];
    for (found, expected) in found.iter().zip(expected) {
        assert_relative_eq!(*found, expected, max_relative = 1e-9);
    }
    assert!(!model.assumes().independent_rows);
    let plain = PopulationRegression::new().fit(&samples).unwrap();
    assert!(plain.assumes().independent_rows);
}

/// Features of groups that matter to nothing: rejected at 5 % in how many of 200 data sets.
#[test]
fn groups_keep_the_level_of_a_feature_of_theirs() {
    let rejected = |with: bool| {
        (0..200)
            .filter(|&seed| {
                let (samples, labels) = grouped(40, 5, seed);
                let samples = if with {
                    samples.with_groups(&labels).unwrap()
                } else {
                    samples
                };
                let model = PopulationRegression::new().fit(&samples).unwrap();
                let ends = model.intervals(array![[0.0]].view(), 0.95).unwrap();
                let at = [0, 0, 0];
                ends.lower.slopes()[at] > 0.0 || ends.upper.slopes()[at] < 0.0
            })
            .count()
    };
    let (with, without) = (rejected(true), rejected(false));
    assert!(with <= 20 && without >= 40, "{with} {without}");
}

/// Copies of rows tell nothing new.
#[test]
fn copies_do_not_narrow_intervals() {
    let (samples, _) = grouped(50, 1, 2);
    let copied: Vec<usize> = (0..200).map(|row| row % 50).collect();
    let once = PopulationRegression::new()
        .fit(&samples.clone().with_groups(&copied[..50]).unwrap())
        .unwrap();
    let fourfold = PopulationRegression::new()
        .fit(&samples.select(&copied).unwrap())
        .unwrap();
    let error = |model: &PopulationModel| {
        model
            .standard_errors(array![[0.0]].view())
            .unwrap()
            .slopes()[[0, 0, 0]]
    };
    assert_relative_eq!(error(&once), error(&fourfold), max_relative = 1e-9);
}
