//! Simulated truths recovered.

use contextualized_core::metrics::effect_mse;
use contextualized_core::{Estimator, VaryingCoefficients};
use contextualized_linear::{ContextualizedRegression, Parameterization};
use contextualized_simulation::{Simulator, TreatmentContexts, TreatmentProblem};
use ndarray::array;

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() % 2 {
        0 => (values[half - 1] + values[half]) / 2.0,
        _ => values[half],
    }
}

/// Effect error on fresh contexts, the median of five seeds.
fn error(simulator: &Simulator, estimator: &ContextualizedRegression) -> f64 {
    median(
        (0..5)
            .map(|seed| {
                let train = simulator.simulate(seed).unwrap();
                let test = simulator.simulate(100 + seed).unwrap();
                let model = estimator.clone().seed(seed).fit(&train.samples).unwrap();
                let estimate = model.coefficients(test.samples.contexts()).unwrap();
                effect_mse(&test.coefficients, &estimate).unwrap()
            })
            .collect(),
    )
}

/// Coefficients that are linear in the context, with an offset that is too.
#[test]
fn a_linear_truth_is_recovered() {
    let simulator = Simulator::new(400)
        .uniform_contexts(2, -1.0, 1.0)
        .slopes(|c| vec![c[0] - c[1], 1.0 + 0.5 * c[1]])
        .offset(|c| 2.0 + c[0])
        .noise(0.1);
    for parameterization in [Parameterization::Direct, Parameterization::Archetypes(10)] {
        let estimator = ContextualizedRegression::new().parameterization(parameterization);
        let error = error(&simulator, &estimator);
        // The slopes vary by 0.67 and 0.08 around their means.
        assert!(error < 0.003, "{parameterization:?}: {error}");
    }
}

/// A population truth, without any variation, is recovered to the noise of the data.
#[test]
fn a_constant_truth_is_recovered() {
    let simulator = Simulator::new(400)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(|_| vec![1.0, -2.0])
        .offset(|_| 0.5)
        .noise(0.3);
    let error = error(&simulator, &ContextualizedRegression::new());
    assert!(error < 0.01, "{error}");
}

#[test]
fn several_targets_are_recovered_together() {
    let simulator = Simulator::new(400)
        .uniform_contexts(1, -1.0, 1.0)
        .slope_matrix(|c| array![[c[0]], [-c[0]], [c[0].abs()]])
        .noise(0.1);
    let error = error(&simulator, &ContextualizedRegression::new());
    assert!(error < 0.01, "{error}");
}

/// Section 1.8 of the demo, two of the seeds that the program `claims` runs.
#[test]
fn the_demo_is_far_better_than_its_published_figure() {
    for seed in 0..2 {
        let problem = TreatmentProblem::new(seed).unwrap();
        let contexts = TreatmentContexts::Informative;
        let test = problem.unobserved(contexts);
        let model = ContextualizedRegression::new()
            .intercept(false)
            .without_early_stopping()
            .seed(seed)
            .fit(&problem.observed(contexts).samples)
            .unwrap();
        let estimate = model.coefficients(test.samples.contexts()).unwrap();
        let error = effect_mse(&test.coefficients, &estimate).unwrap();
        assert!(error < 0.04, "{error}, published 0.048");
    }
}
