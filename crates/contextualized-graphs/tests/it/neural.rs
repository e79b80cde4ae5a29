//! Neural correlation and Markov networks.

use crate::data::{bits, data, off_diagonal_mse, queries, uninformative};
use crate::kernel::{assert_correlations, assert_precisions};
use contextualized_baselines::{PopulationCorrelation, PopulationMarkov};
use contextualized_core::{
    Error, Estimator, MarkovNetworks, NetworkDensity, Samples, VaryingNetworks,
};
use contextualized_graphs::correlation::{NeuralCorrelation, NeuralCorrelationModel};
use contextualized_graphs::markov::{EdgeRule, NeuralMarkov, NeuralMarkovModel};
use contextualized_simulation::CovarianceSimulator;
use ndarray::{Array2, Axis, s};

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
    let kept = model.partial_correlation_shares(queries().view()).unwrap();
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
    let error = |model: &dyn NetworkDensity| {
        let errors = model.reconstruction_errors(new.contexts(), new.features());
        errors.unwrap().mean().unwrap()
    };
    assert!(
        error(&model) < 1.1 * error(&population),
        "{:?}",
        model.shares()
    );
}

/// Few rows and many nodes: a population that had seen the rows held out would leave them a third of
/// their variance.
#[test]
fn residual_variances_are_those_of_new_rows() {
    let nodes = 40;
    let simulator = CovarianceSimulator::new(60)
        .uniform_contexts(1, -1.0, 1.0)
        .factors(move |_| {
            Array2::from_shape_fn((nodes, 2), |(j, k)| ((k + 1) * j) as f64 % 1.7 - 0.8)
        });
    let train = simulator.simulate(5).unwrap().samples;
    let new = simulator.simulate(6).unwrap().samples;
    let model = NeuralMarkov::new().epochs(5).fit(&train).unwrap();
    let (contexts, features) = (new.contexts(), new.features());
    let residuals = &features - &model.reconstruct(contexts, features).unwrap();
    let networks = model.networks(contexts).unwrap();
    let precisions = networks.edges();
    let squares: f64 = residuals
        .indexed_iter()
        .map(|((row, node), residual)| residual * residual * precisions[[row, node, node]])
        .sum();
    let mean = squares / residuals.len() as f64;
    assert!((0.75..1.25).contains(&mean), "{mean}");
}

/// A node that moves in one row alone is constant in the fold that holds it out.
#[test]
fn a_rare_node_is_fitted() {
    let samples = data(60, 3, 2).samples;
    let mut nodes = samples.features().to_owned();
    nodes.column_mut(1).fill(0.0);
    nodes[[7, 1]] = 1e6;
    let samples = Samples::of_nodes(samples.contexts(), nodes.view()).unwrap();
    let at = samples.contexts();
    let correlation = NeuralCorrelation::new().epochs(2).fit(&samples).unwrap();
    assert_correlations(&correlation.networks(at).unwrap());
    let markov = NeuralMarkov::new().epochs(2).fit(&samples).unwrap();
    assert_precisions(&markov.networks(at).unwrap());
}

/// A chain of four nodes and two that are alone.
#[test]
fn a_lasso_leaves_exact_zeros_and_rules_nest() {
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
