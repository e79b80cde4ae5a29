//! Standard errors of a population's predictions and sums.

use crate::population::{noisy, without_contexts};
use approx::assert_relative_eq;
use contextualized_baselines::{PopulationModel, PopulationRegression};
use contextualized_core::{
    Error, Estimator, Family, LocalCoefficients, Samples, WeightedContexts, WithPredictions,
    WithSums, WithUncertainty,
};
use ndarray::{Array2, array};
use proptest::prelude::*;

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
