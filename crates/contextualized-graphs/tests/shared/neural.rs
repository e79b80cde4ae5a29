//! Neural correlation and Markov networks.

use crate::data::{bits, data, off_diagonal_mse, queries, uninformative};
use crate::kernel::{assert_correlations, assert_precisions};
use contextualized_baselines::{PopulationCorrelation, PopulationMarkov};
use contextualized_core::{Error, Estimator, MarkovNetworks, NetworkDensity, VaryingNetworks};
use contextualized_graphs::correlation::{NeuralCorrelation, NeuralCorrelationModel};
use contextualized_graphs::markov::{EdgeRule, NeuralMarkov, NeuralMarkovModel};
use ndarray::{Axis, s};

#[test]
fn networks_are_recovered_and_valid_everywhere() {
    let (train, new) = (data(500, 4, 1), data(200, 4, 2));
    let contexts = new.samples.contexts();
    let model = NeuralCorrelation::new()
        .epochs(30)
        .fit(&train.samples)
        .unwrap();
    assert_correlations(&model.networks(queries().view()).unwrap());
    let population = PopulationCorrelation::new().fit(&train.samples).unwrap();
    let truth = new.correlations().unwrap();
    let error = |model: &dyn VaryingNetworks| {
        off_diagonal_mse(truth.view(), model.networks(contexts).unwrap().edges())
    };
    assert!(
        error(&model) < 0.5 * error(&population),
        "{} {}",
        error(&model),
        error(&population)
    );
    assert!(model.share() > 0.5);

    let model = NeuralMarkov::new().epochs(30).fit(&train.samples).unwrap();
    assert_precisions(&model.networks(queries().view()).unwrap());
    let kept = model.shrinkage(queries().view()).unwrap();
    assert!(kept.iter().all(|kept| (0.0..=1.0).contains(kept)));
    let population = PopulationMarkov::new().fit(&train.samples).unwrap();
    let truth = new.partial_correlations().unwrap();
    let error = |model: &dyn MarkovNetworks| {
        let partial = model.partial_correlations(contexts).unwrap();
        off_diagonal_mse(truth.view(), partial.view())
    };
    assert!(
        error(&model) < 0.7 * error(&population),
        "{} {}",
        error(&model),
        error(&population)
    );
    let density = |model: &dyn NetworkDensity| {
        model
            .log_densities(contexts, new.samples.features())
            .unwrap()
            .mean()
            .unwrap()
    };
    assert!(density(&model) > density(&population) + 0.3);
}

#[test]
fn contexts_that_say_nothing_leave_the_population() {
    let (samples, new) = (uninformative(200, 0), uninformative(400, 1));
    let model = NeuralMarkov::new().epochs(20).fit(&samples).unwrap();
    let population = PopulationMarkov::new().fit(&samples).unwrap();
    let error = |model: &dyn VaryingNetworks| {
        let errors = model.reconstruction_errors(new.contexts(), new.features());
        errors.unwrap().mean().unwrap()
    };
    assert!(
        error(&model) < 1.1 * error(&population),
        "{:?}",
        model.shares()
    );
}

/// A chain of four nodes and two that are alone.
#[test]
fn a_lasso_leaves_exact_zeros_and_rules_nest() {
    let samples = data(10, 2, 0).samples.contexts().to_owned();
    assert_eq!(samples.ncols(), 2);
    let data = crate::data::simulator(600, 6)
        .means(|_| vec![0.0; 6])
        .precision(|c| {
            let mut precision = ndarray::Array2::eye(6);
            for j in 0..3 {
                let edge = -0.35 - 0.1 * c[0];
                precision[[j, j + 1]] = edge;
                precision[[j + 1, j]] = edge;
            }
            precision
        })
        .simulate(3)
        .unwrap();
    let fit = |rule| {
        let estimator = NeuralMarkov::new().lasso(0.2).rule(rule).epochs(30);
        estimator.fit(&data.samples).unwrap()
    };
    let (and, or) = (fit(EdgeRule::And), fit(EdgeRule::Or));
    let at = data.samples.contexts().slice(s![..20, ..]).to_owned();
    let (and_edges, or_edges) = (
        and.edges(at.view(), 0.0).unwrap(),
        or.edges(at.view(), 0.0).unwrap(),
    );
    assert!(and_edges.iter().zip(&or_edges).all(|(and, or)| !and || *or));
    let absent = or_edges.iter().filter(|edge| !**edge).count();
    assert!(absent > 20 * 6, "no exact zeros off the diagonal: {absent}");
    for (row, network) in and_edges.axis_iter(Axis(0)).enumerate() {
        assert!(
            network[[0, 1]] && network[[1, 2]] && network[[2, 3]],
            "row {row}"
        );
    }
    assert_precisions(&or.networks(at.view()).unwrap());
}

#[test]
fn threads_and_files_change_nothing() {
    let samples = data(300, 3, 6).samples;
    let at = samples.contexts().to_owned();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let correlation = NeuralCorrelation::new().epochs(3).fit(&samples).unwrap();
            let markov = NeuralMarkov::new().epochs(3).fit(&samples).unwrap();
            let networks = correlation.networks(at.view()).unwrap().edges().to_owned();
            let precisions = markov.networks(at.view()).unwrap().edges().to_owned();
            (correlation, markov, bits(&networks), bits(&precisions))
        })
    };
    let (one, two) = (run(1), run(2));
    assert!(one == two);
    let (correlation, markov, networks, precisions) = one;
    let file = serde_json::to_string(&correlation).unwrap();
    let again: NeuralCorrelationModel = serde_json::from_str(&file).unwrap();
    assert_eq!(
        bits(&again.networks(at.view()).unwrap().edges().to_owned()),
        networks
    );
    let file = serde_json::to_string(&markov).unwrap();
    let again: NeuralMarkovModel = serde_json::from_str(&file).unwrap();
    assert_eq!(
        bits(&again.networks(at.view()).unwrap().edges().to_owned()),
        precisions
    );
    let broken = file.replacen("\"share\":", "\"share\":2", 1);
    assert!(serde_json::from_str::<NeuralMarkovModel>(&broken).is_err());
}

#[test]
fn bad_input_is_named() {
    let samples = data(50, 3, 8).samples;
    assert!(matches!(
        NeuralCorrelation::new().archetypes(0).fit(&samples),
        Err(Error::InvalidParameter {
            parameter: "archetypes",
            ..
        })
    ));
    assert!(matches!(
        NeuralMarkov::new().lasso(0.0).fit(&samples),
        Err(Error::InvalidParameter {
            parameter: "lasso",
            ..
        })
    ));
    assert!(matches!(
        NeuralMarkov::new().fit(&samples.select(&[0, 1, 2]).unwrap()),
        Err(Error::TooFewRows { .. })
    ));
}
