//! Simulated truths recovered.

use contextualized_baselines::PopulationRegression;
use contextualized_core::metrics::effect_mse;
use contextualized_core::{Estimator, Family, LocalCoefficients, VaryingCoefficients};
use contextualized_linear::{
    EncoderKind, EncoderLink, MlpSettings, NeuralRegression, Parameterization,
};
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
fn error(simulator: &Simulator, estimator: &NeuralRegression) -> f64 {
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

/// Coefficients that are linear in the context, with an intercept that is too.
#[test]
fn a_linear_truth_is_recovered() {
    let simulator = Simulator::new(400)
        .uniform_contexts(2, -1.0, 1.0)
        .slopes(|c| vec![c[0] - c[1], 1.0 + 0.5 * c[1]])
        .intercept(|c| 2.0 + c[0])
        .noise(0.1);
    for parameterization in [Parameterization::Direct, Parameterization::Archetypes(10)] {
        let estimator = NeuralRegression::new().parameterization(parameterization);
        let error = error(&simulator, &estimator);
        // The slopes vary by 0.67 and 0.08 around their means.
        assert!(error < 0.003, "{parameterization:?}: {error}");
    }
}

/// Test losses of the model and of the population, as a ratio, for the given seed.
fn loss_over_population(simulator: &Simulator, estimator: &NeuralRegression, seed: u64) -> f64 {
    let train = simulator.simulate(seed).unwrap().samples;
    let test = simulator
        .simulate(1000 + seed)
        .unwrap()
        .samples
        .select(&(0..train.rows()).collect::<Vec<_>>());
    let test = test.unwrap();
    let binary = test.targets().iter().all(|y| *y == 0.0 || *y == 1.0);
    let family = if binary {
        Family::Binomial
    } else {
        Family::Gaussian
    };
    let score = |model: &dyn LocalCoefficients| {
        let predictions = model.predict(test.contexts(), test.features()).unwrap();
        family
            .mean_loss(test.targets(), predictions.view(), None)
            .unwrap()
    };
    score(&estimator.clone().seed(seed).fit(&train).unwrap())
        / score(
            &PopulationRegression::new()
                .family(family)
                .fit(&train)
                .unwrap(),
        )
}

/// Where contexts say nothing the default is not worse than the population model: in the median of
/// ten seeds within 3 %, and nowhere by more than 15 %.
#[test]
fn an_uninformative_context_costs_nothing() {
    let constant = |rows| {
        Simulator::new(rows)
            .normal_contexts(2)
            .slopes(|_| vec![1.0, -2.0])
            .intercept(|_| 0.5)
    };
    let binary = NeuralRegression::new().family(Family::Binomial);
    for (simulator, estimator) in [
        (constant(60).noise(0.5), NeuralRegression::new()),
        (constant(200).noise(0.5), NeuralRegression::new()),
        (
            constant(200).noise(0.5),
            NeuralRegression::new().without_early_stopping(),
        ),
        (constant(200).family(Family::Binomial), binary),
    ] {
        let mut ratios: Vec<f64> = (0..10)
            .map(|seed| loss_over_population(&simulator, &estimator, seed))
            .collect();
        ratios.sort_by(f64::total_cmp);
        assert!((ratios[4] + ratios[5]) / 2.0 <= 1.03, "{ratios:?}");
        assert!(ratios[9] <= 1.15, "{ratios:?}");
    }
}

/// Slopes on the logit that vary with the context.
#[test]
fn a_logistic_truth_is_recovered() {
    let simulator = Simulator::new(1500)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(|c| vec![2.0 * c[0], 1.0])
        .family(Family::Binomial);
    let error = error(
        &simulator,
        &NeuralRegression::new().family(Family::Binomial),
    );
    // The slopes vary by 0.67 on average: (4 / 3 + 0) / 2.
    assert!(error < 0.1, "{error}");
}

/// Archetypes mixed by softmax, the first encoder link that is not the identity.
#[test]
fn two_groups_are_recovered_by_soft_weights() {
    let simulator = Simulator::new(400)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(|c| vec![if c[0] < 0.0 { -1.0 } else { 1.0 }])
        .noise(0.1);
    let estimator = NeuralRegression::new()
        .parameterization(Parameterization::Archetypes(2))
        .encoder_link(EncoderLink::Softmax);
    let error = error(&simulator, &estimator);
    assert!(error < 0.06, "{error}");
}

#[test]
fn each_encoder_recovers_what_it_can_express() {
    let linear = Simulator::new(400)
        .uniform_contexts(2, -1.0, 1.0)
        .slopes(|c| vec![c[0] - c[1], 1.0])
        .noise(0.1);
    let additive = Simulator::new(400)
        .uniform_contexts(2, -1.0, 1.0)
        .slopes(|c| vec![c[0].abs() + c[1], 1.0])
        .noise(0.1);
    let estimator = |encoder| NeuralRegression::new().encoder(encoder);
    let size = MlpSettings::default();
    assert!(error(&linear, &estimator(EncoderKind::Linear)) < 0.001);
    assert!(error(&additive, &estimator(EncoderKind::Additive(size))) < 0.005);
}

#[test]
fn the_learning_rate_range_test_runs_on_the_data_of_a_fit() {
    let data = Simulator::new(200)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(|c| vec![c[0]])
        .simulate(0)
        .unwrap();
    let range = NeuralRegression::new()
        .batch_size(16)
        .learning_rate_range(&data.samples, (1e-6, 1.0), 200)
        .unwrap();
    assert!(
        range.suggestion > 1e-5 && range.suggestion < 0.5,
        "{}",
        range.suggestion
    );
}

#[test]
fn several_targets_are_recovered_together() {
    let simulator = Simulator::new(400)
        .uniform_contexts(1, -1.0, 1.0)
        .slope_matrix(|c| array![[c[0]], [-c[0]], [c[0].abs()]])
        .noise(0.1);
    let error = error(&simulator, &NeuralRegression::new());
    assert!(error < 0.01, "{error}");
}

/// Section 1.8 of the demo, two of the seeds that the program `claims` runs.
#[test]
fn the_demo_is_far_better_than_its_published_figure() {
    for seed in 0..2 {
        let problem = TreatmentProblem::new(seed).unwrap();
        let contexts = TreatmentContexts::Informative;
        let test = problem.unobserved(contexts);
        let model = NeuralRegression::new()
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
