//! Recovery, bad input, seeds and files.

use contextualized_bridge::{ImplicitModel, ImplicitRegression};
use contextualized_core::metrics::effect_mse;
use contextualized_core::{DynEstimator, Error, Estimator, Family, LocalCoefficients, Samples};
use contextualized_simulation::Simulator;
use ndarray::{Array2, array};

fn simulator(rows: usize) -> Simulator {
    Simulator::new(rows)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(|c| vec![c[0], 1.0])
}

fn samples(rows: usize) -> Samples {
    simulator(rows).noise(0.1).simulate(0).unwrap().samples
}

fn quick() -> ImplicitRegression {
    ImplicitRegression::new().epochs(3).without_early_stopping()
}

#[test]
fn effects_are_recovered_where_there_are_data() {
    let simulator = simulator(800).noise(0.1);
    let (train, test) = (
        simulator.simulate(1).unwrap(),
        simulator.simulate(2).unwrap(),
    );
    let model = ImplicitRegression::new().fit(&train.samples).unwrap();
    let local = model
        .coefficients_at(test.samples.contexts(), test.samples.features())
        .unwrap();
    let error = effect_mse(&test.coefficients, &local).unwrap();
    assert!(error < 0.02, "{error}");
}

#[test]
fn binary_coefficients_are_on_the_logit() {
    let simulator = simulator(3000).family(Family::Binomial);
    let (train, test) = (
        simulator.simulate(1).unwrap(),
        simulator.simulate(2).unwrap(),
    );
    let model = ImplicitRegression::new()
        .family(Family::Binomial)
        .fit(&train.samples)
        .unwrap();
    assert_eq!(model.family(), Family::Binomial);
    let probabilities = model
        .predict(test.samples.contexts(), test.samples.features())
        .unwrap();
    assert!(probabilities.iter().all(|p| (0.0..=1.0).contains(p)));
    let local = model
        .coefficients_at(test.samples.contexts(), test.samples.features())
        .unwrap();
    let error = effect_mse(&test.coefficients, &local).unwrap();
    // On the scale of probabilities slopes would be at most a quarter of the truth.
    assert!(error < 0.1, "{error}");
    assert!(matches!(
        quick().family(Family::Binomial).fit(&samples(30)),
        Err(Error::InvalidTarget { row: 0, .. })
    ));
}

#[test]
fn settings_and_queries_are_checked() {
    let data = samples(20);
    for (estimator, message) in [
        (quick().epochs(0), "epochs is 0"),
        (quick().batch_size(0), "batch_size is 0"),
        (quick().mlp(0, 1), "width is 0"),
        (quick().learning_rate(f64::NAN), "learning_rate is NaN"),
        (quick().early_stopping(2.0, 1), "fraction is 2"),
    ] {
        let error = estimator.fit(&data).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
    assert!(matches!(
        quick().learning_rate(1e4).epochs(50).fit(&data),
        Err(Error::Diverged { .. })
    ));
    let model = quick().fit(&data).unwrap();
    let (one, two) = (array![[0.0]], array![[0.0, 0.0]]);
    assert!(matches!(
        model.predict(two.view(), two.view()),
        Err(Error::ColumnCount {
            argument: "contexts",
            expected: 1,
            found: 2
        })
    ));
    assert!(matches!(
        model.coefficients_at(one.view(), array![[0.0, f64::NAN]].view()),
        Err(Error::NotFinite {
            argument: "features",
            row: 0,
            column: 1,
            ..
        })
    ));
    let (no_contexts, no_features) = (Array2::zeros((0, 1)), Array2::zeros((0, 2)));
    assert_eq!(
        model
            .predict(no_contexts.view(), no_features.view())
            .unwrap()
            .dim(),
        (0, 1)
    );
}

#[test]
fn a_reloaded_model_predicts_the_same_bits_and_an_altered_one_is_refused() {
    let data = samples(40);
    let model = quick().fit(&data).unwrap();
    let text = serde_json::to_string(&model).unwrap();
    let reloaded: ImplicitModel = serde_json::from_str(&text).unwrap();
    assert_eq!(
        model.predict(data.contexts(), data.features()).unwrap(),
        reloaded.predict(data.contexts(), data.features()).unwrap()
    );
    let mut altered: serde_json::Value = serde_json::from_str(&text).unwrap();
    altered
        .pointer_mut("/network/layers")
        .unwrap()
        .as_array_mut()
        .unwrap()
        .pop();
    assert!(serde_json::from_value::<ImplicitModel>(altered).is_err());
}

#[test]
fn it_stands_in_a_list_of_estimators_and_gives_the_same_bits_on_any_threads() {
    let data = samples(2000);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let estimator: Box<dyn DynEstimator> = Box::new(quick().batch_size(500));
            let model = estimator.fit_boxed(&data).unwrap();
            model
                .coefficients_at(data.contexts(), data.features())
                .unwrap()
        })
    };
    assert_eq!(run(1), run(2));
}
