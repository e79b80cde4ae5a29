//! Against lme4 and lmerTest: values of `tests/data/reference.R`.

use crate::data::{correlated, ones, read, sleepstudy};
use approx::assert_relative_eq;
use contextualized_core::{
    Estimator, LocalCoefficients, RandomTerm, Samples, VaryingCoefficients, WithRandomEffects,
    WithUncertainty,
};
use contextualized_mixed::{MixedModel, MixedRegression};
use ndarray::{Array2, Axis, array};

fn fit(samples: Samples, terms: Vec<RandomTerm>) -> MixedModel {
    let samples = samples.with_random_terms(terms).unwrap();
    MixedRegression::new().fit(&samples).unwrap()
}

fn nowhere() -> Array2<f64> {
    Array2::zeros((1, 0))
}

/// Intercept, slopes, their standard errors.
fn fixed(model: &MixedModel) -> (Vec<f64>, Vec<f64>) {
    let of = |own: contextualized_core::Coefficients| {
        let mut all = vec![own.intercepts()[[0, 0]]];
        all.extend(own.slopes().iter());
        all
    };
    (
        of(model.coefficients(nowhere().view()).unwrap()),
        of(model.standard_errors(nowhere().view()).unwrap()),
    )
}

fn objective(model: &MixedModel) -> f64 {
    model.reports().next().unwrap().objective
}

#[test]
fn independent_intercepts_and_slopes_of_sleepstudy() {
    let (samples, subjects, days) = sleepstudy();
    let intercepts = RandomTerm::new("Subject", &subjects, ones(180).view()).unwrap();
    let slopes = RandomTerm::new("Subject", &subjects, days.view()).unwrap();
    let model = fit(samples.clone(), vec![intercepts, slopes]);
    let effects = model.random_effects();
    assert_relative_eq!(
        effects[0].covariances[[0, 0, 0]],
        627.569116871,
        max_relative = 1e-5
    );
    assert_relative_eq!(
        effects[1].covariances[[0, 0, 0]],
        35.858201805,
        max_relative = 1e-5
    );
    assert_relative_eq!(model.dispersions()[0], 653.583804890, max_relative = 1e-6);
    let (values, errors) = fixed(&model);
    assert_relative_eq!(values[0], 251.40510485, max_relative = 1e-9);
    assert_relative_eq!(values[1], 10.46728596, max_relative = 1e-8);
    assert_relative_eq!(errors[0], 6.8853815076, max_relative = 1e-6);
    assert_relative_eq!(errors[1], 1.5595659963, max_relative = 1e-6);
    assert_relative_eq!(objective(&model), 1743.669294, max_relative = 1e-9);
    // The same as effects of one term that are not correlated.
    let both = correlated(&subjects, &days).uncorrelated();
    let one = fit(samples, vec![both]);
    let covariance = &one.random_effects()[0].covariances;
    assert_relative_eq!(covariance[[0, 0, 0]], 627.569116871, max_relative = 1e-5);
    assert_eq!(covariance[[0, 0, 1]], 0.0);
}

#[test]
fn correlated_intercepts_and_slopes_of_sleepstudy() {
    let (samples, subjects, days) = sleepstudy();
    let model = fit(samples, vec![correlated(&subjects, &days)]);
    let effects = &model.random_effects()[0];
    let covariance = effects.covariances.index_axis(Axis(0), 0);
    assert_relative_eq!(covariance[[0, 0]], 612.0897482747, max_relative = 1e-5);
    assert_relative_eq!(covariance[[1, 1]], 35.0716623442, max_relative = 1e-5);
    assert_relative_eq!(covariance[[0, 1]], 9.6043354748, max_relative = 1e-4);
    assert_relative_eq!(model.dispersions()[0], 654.9410406820, max_relative = 1e-6);
    let (values, errors) = fixed(&model);
    assert_relative_eq!(values[0], 251.40510485, max_relative = 1e-9);
    assert_relative_eq!(errors[0], 6.8245557763, max_relative = 1e-6);
    assert_relative_eq!(errors[1], 1.5457889324, max_relative = 1e-6);
    assert_relative_eq!(objective(&model), 1743.628272, max_relative = 1e-9);
    // Predicted effects of subjects 308 and 309.
    for (own, expected) in
        effects
            .predicted
            .iter()
            .zip([2.2585655006, 9.1989719042, -40.3985769249, -8.6197031830])
    {
        assert_relative_eq!(*own, expected, max_relative = 1e-5);
    }
    let degrees = model.degrees_of_freedom().unwrap();
    assert_relative_eq!(degrees[[0, 0]], 16.99998373, max_relative = 1e-3);
    assert_relative_eq!(degrees[[0, 1]], 16.99972629, max_relative = 1e-3);
}

#[test]
fn degrees_of_freedom_of_random_intercepts() {
    let (samples, subjects, _) = sleepstudy();
    let intercepts = RandomTerm::new("Subject", &subjects, ones(180).view()).unwrap();
    let model = fit(samples, vec![intercepts]);
    let degrees = model.degrees_of_freedom().unwrap();
    assert_relative_eq!(degrees[[0, 0]], 161.0, max_relative = 1e-4);
    assert_relative_eq!(degrees[[0, 1]], 22.81019896, max_relative = 1e-4);
    assert_relative_eq!(fixed(&model).1[0], 9.7467162692, max_relative = 1e-6);
}

#[test]
fn weights_are_inverse_variances() {
    let (samples, subjects, days) = sleepstudy();
    let weights = days.column(0).mapv(|day| 1.0 + day % 3.0);
    let samples = samples.with_weights(weights.view()).unwrap();
    let model = fit(samples, vec![correlated(&subjects, &days)]);
    let covariance = &model.random_effects()[0].covariances;
    assert_relative_eq!(covariance[[0, 0, 0]], 693.087456656, max_relative = 1e-4);
    assert_relative_eq!(covariance[[0, 1, 1]], 42.939833126, max_relative = 1e-4);
    assert_relative_eq!(covariance[[0, 0, 1]], -17.163427676, max_relative = 1e-3);
    assert_relative_eq!(model.dispersions()[0], 1011.624541920, max_relative = 1e-5);
    assert_relative_eq!(fixed(&model).0[1], 10.67736864, max_relative = 1e-6);
    assert_relative_eq!(objective(&model), 1733.543546, max_relative = 1e-8);
}

#[test]
fn crossed_and_nested_factors() {
    for (name, target, [first, second], [one, other, noise], error, criterion) in [
        (
            "penicillin",
            "diameter",
            ["plate", "sample"],
            [0.71690817960, 3.73091797882, 0.30241546114],
            0.80857340091,
            330.860589,
        ),
        (
            "pastes",
            "strength",
            ["sample", "batch"],
            [8.43366658125, 1.65730912951, 0.67799998453],
            0.67687009985,
            246.9907459,
        ),
    ] {
        let file = read(name);
        let targets = file.numbers(target).insert_axis(Axis(1));
        let rows = targets.nrows();
        let features = Array2::zeros((rows, 0));
        let samples = Samples::without_contexts(features.view(), targets.view()).unwrap();
        let term =
            |column: &str| RandomTerm::new(column, &file.text(column), ones(rows).view()).unwrap();
        // In either order.
        for names in [[first, second], [second, first]] {
            let terms = names.map(term).to_vec();
            let model = fit(samples.clone(), terms);
            for own in model.random_effects() {
                let expected = if own.group == first { one } else { other };
                assert_relative_eq!(own.covariances[[0, 0, 0]], expected, max_relative = 1e-4);
            }
            assert_relative_eq!(model.dispersions()[0], noise, max_relative = 1e-5);
            assert_relative_eq!(fixed(&model).1[0], error, max_relative = 1e-5);
            assert_relative_eq!(objective(&model), criterion, max_relative = 1e-8);
        }
    }
}

#[test]
fn predictions_of_known_and_of_new_subjects() {
    let (samples, subjects, days) = sleepstudy();
    let term = correlated(&subjects, &days);
    let model = fit(samples.clone(), vec![term.clone()]);
    let with = samples.clone().with_random_terms(vec![term]).unwrap();
    let predicted = model.predict_samples(&with).unwrap();
    let (values, _) = fixed(&model);
    // Subject 308 at day 0: fixed effects and its own.
    assert_relative_eq!(
        predicted[[0, 0]],
        values[0] + 2.2585655006,
        max_relative = 1e-6
    );

    let (contexts, features) = (Array2::zeros((2, 0)), array![[3.0], [3.0]]);
    let design = array![[1.0, 3.0], [1.0, 3.0]];
    let of = |levels| {
        let term = RandomTerm::of_levels("Subject", levels, 18, design.view()).unwrap();
        model
            .predictor_distribution_with(contexts.view(), features.view(), &[term])
            .unwrap()
    };
    let known = of(vec![Some(0), None]);
    let covariance = model.random_effects()[0]
        .covariances
        .index_axis(Axis(0), 0)
        .to_owned();
    let z = design.row(0);
    let of_new = z.dot(&covariance.dot(&z));
    let population = values[0] + 3.0 * values[1];
    assert_relative_eq!(known.means[[1, 0]], population, max_relative = 1e-9);
    let plain = contextualized_core::WithPredictions::predictor_distribution(
        &model,
        contexts.view(),
        features.view(),
    )
    .unwrap();
    let square = |own: f64| own * own;
    assert_relative_eq!(
        square(known.standard_errors[[1, 0]]),
        square(plain.standard_errors[[1, 0]]) + of_new,
        max_relative = 1e-9
    );
    assert!(known.standard_errors[[0, 0]] < 0.5 * known.standard_errors[[1, 0]]);
}
