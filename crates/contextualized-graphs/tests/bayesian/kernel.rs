//! Bayesian networks in closed form.

use crate::{median, on_threads};
use contextualized_baselines::PopulationBayesianNetwork;
use contextualized_core::edge_metrics::{edge_auroc, edge_counts, network_mse};
use contextualized_core::{
    Error, Estimator, NetworkDensity, Samples, StructuralNetworks, VaryingNetworks,
};
use contextualized_graphs::bayesian::{
    GaussianProcessBayesianModel, GaussianProcessBayesianNetwork, OrderScore, is_acyclic,
};
use contextualized_simulation::{
    NetworkProblem, NetworkSimulator, NodeNoise, RandomDag, SimulatedNetworks, StructuralModel,
};
use ndarray::{Array2, Axis, array};

/// A random graph all of whose weights turn with the first of two contexts.
fn turning(nodes: usize, edges: f64, rows: usize, seed: u64) -> SimulatedNetworks {
    let weights = RandomDag::erdos_renyi(nodes, edges).simulate(seed).unwrap();
    NetworkSimulator::new(rows)
        .uniform_contexts(2, -1.0, 1.0)
        .networks(move |c| &weights * (1.0 + 0.5 * (2.0 * c[0]).sin()))
        .intercepts(move |c| vec![c[1]; nodes])
        .simulate(seed)
        .unwrap()
}

fn fit(
    estimator: &GaussianProcessBayesianNetwork,
    samples: &Samples,
) -> GaussianProcessBayesianModel {
    estimator.fit(samples).unwrap()
}

#[test]
fn the_bars_of_the_demo() {
    let (mut errors, mut ratios) = (Vec::new(), Vec::new());
    for seed in 0..10 {
        let problem = NetworkProblem::new(seed).unwrap();
        let (train, test) = (problem.train(), problem.test());
        let model = fit(&GaussianProcessBayesianNetwork::new(), &train.samples);
        let networks = model.networks(test.samples.contexts()).unwrap();
        errors.push(network_mse(&test.networks, &networks).unwrap());
        let counts = edge_counts(&test.networks, &networks, 0.0).unwrap();
        assert_eq!(counts.hamming_distance(), 0.0, "seed {seed}");
        let (contexts, nodes) = (test.samples.contexts(), test.samples.features());
        let found = model.reconstruction_errors(contexts, nodes).unwrap();
        let oracle = (&nodes - &test.reconstruction()).mapv(|r| r * r);
        ratios.push(found.mean().unwrap() / oracle.mean().unwrap());
    }
    let (errors, ratios) = (median(errors), median(ratios));
    assert!(errors <= 0.006, "{errors}");
    assert!(ratios <= 1.01, "{ratios}");
}

#[test]
fn a_turning_graph_is_recovered() {
    let data = turning(6, 8.0, 1500, 4);
    let (train, test) = (
        data.select(&(0..1000).collect::<Vec<_>>()).unwrap(),
        data.select(&(1000..1500).collect::<Vec<_>>()).unwrap(),
    );
    let model = fit(&GaussianProcessBayesianNetwork::new(), &train.samples);
    let contexts = test.samples.contexts();
    let networks = model.networks(contexts).unwrap();
    let counts = edge_counts(&test.networks, &networks, 0.0).unwrap();
    assert_eq!(counts.hamming_distance(), 0.0);
    assert_eq!(edge_auroc(&test.networks, &networks).unwrap(), Some(1.0));
    assert!(network_mse(&test.networks, &networks).unwrap() < 5e-3);
    let intercepts = model.intercepts(contexts).unwrap() - &test.intercepts;
    assert!((&intercepts * &intercepts).mean().unwrap() < 0.02);
    let variances = model.noise_variances(contexts).unwrap();
    assert!(variances.iter().all(|v| (v - 1.0).abs() < 0.2));
    // Weights are where their deviations say, mostly.
    let deviations = model.edge_deviations(contexts).unwrap();
    let off = &networks.edges() - &test.networks.edges();
    let (mut inside, mut all) = (0.0, 0.0);
    for (off, deviation) in off.iter().zip(&deviations).filter(|(_, d)| **d > 0.0) {
        inside += f64::from(off.abs() < 2.0 * deviation);
        all += 1.0;
    }
    assert!(inside / all > 0.85, "{}", inside / all);
    // Held-out likelihood: better than the population's.
    let population = PopulationBayesianNetwork::new()
        .fit(&train.samples)
        .unwrap();
    let nodes = test.samples.features();
    let mean = |densities: ndarray::Array1<f64>| densities.mean().unwrap();
    let ours = mean(model.log_densities(contexts, nodes).unwrap());
    let theirs = mean(population.log_densities(contexts, nodes).unwrap());
    assert!(ours > theirs + 0.1, "{ours} against {theirs}");
    // Directions are sure, and the report says so.
    let report = model.report();
    assert!(report.exact && report.edges.len() == counts.found / test.rows());
    assert!(report.edges.iter().all(|edge| edge.margin.unwrap() > 1e-3));
    assert!(report.margin.unwrap() >= 0.0 && report.runner_up.is_some());
}

/// Networks at all rows are acyclic, in blocks as well as at once.
#[test]
fn blocks_join_and_files_keep_every_bit() {
    let data = turning(4, 4.0, 200, 1);
    let model = fit(&GaussianProcessBayesianNetwork::new(), &data.samples);
    let contexts = data.samples.contexts();
    let whole = model.networks(contexts).unwrap();
    model
        .visit_networks(contexts, 64, &mut |first, block| {
            for (place, network) in block.edges().axis_iter(Axis(0)).enumerate() {
                assert_eq!(network, whole.edges().index_axis(Axis(0), first + place));
                assert!(is_acyclic(network).unwrap());
            }
            Ok(())
        })
        .unwrap();
    let text = serde_json::to_string(&model).unwrap();
    let read: GaussianProcessBayesianModel = serde_json::from_str(&text).unwrap();
    assert_eq!(read.networks(contexts).unwrap(), whole);
    assert_eq!(
        model
            .networks(contexts.slice(ndarray::s![..0, ..]))
            .unwrap()
            .rows(),
        0
    );

    let altered = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut file: serde_json::Value = serde_json::from_str(&text).unwrap();
        change(&mut file);
        serde_json::from_str::<GaussianProcessBayesianModel>(&file.to_string())
    };
    let first = model.report().order[0];
    let last = model.report().order[3];
    assert!(altered(&|_| {}).is_ok());
    // A parent that comes later would close a cycle.
    assert!(
        altered(&|file| file["equations"][first]["parents"] = serde_json::json!([last])).is_err()
    );
    assert!(altered(&|file| file["report"]["order"] = serde_json::json!([0, 0, 1, 2])).is_err());
    assert!(
        altered(&|file| {
            let equation = file["equations"][last].clone();
            file["equations"][first]["process"] = equation["process"].clone();
        })
        .is_err()
            || model.parents(first).unwrap().len() == model.parents(last).unwrap().len()
    );
}

#[test]
fn the_same_bits_on_any_number_of_threads() {
    let data = turning(5, 6.0, 300, 2);
    let model = |threads| {
        on_threads(threads, || {
            let model = fit(&GaussianProcessBayesianNetwork::new(), &data.samples);
            let networks = model.networks(data.samples.contexts()).unwrap();
            (model.report().clone(), networks)
        })
    };
    assert_eq!(model(1), model(2));
}

#[test]
fn known_edges_and_orders_are_kept() {
    let data = turning(4, 5.0, 300, 3);
    let order = fit(&GaussianProcessBayesianNetwork::new(), &data.samples)
        .report()
        .order
        .clone();
    let (cause, effect) = (order[0], order[3]);
    let forced = fit(
        &GaussianProcessBayesianNetwork::new().require(effect, cause),
        &data.samples,
    );
    assert!(forced.parents(cause).unwrap().contains(&effect));
    let without = fit(
        &GaussianProcessBayesianNetwork::new()
            .dense()
            .forbid(cause, effect),
        &data.samples,
    );
    assert!(!without.parents(effect).unwrap().contains(&cause));
    let reversed: Vec<usize> = order.iter().rev().copied().collect();
    let backwards = fit(
        &GaussianProcessBayesianNetwork::new()
            .known_order(reversed.clone())
            .dense(),
        &data.samples,
    );
    assert_eq!(backwards.report().order, reversed);
    assert!(backwards.report().margin.is_none());
    for (place, &node) in reversed.iter().enumerate() {
        assert_eq!(backwards.parents(node).unwrap().len(), place);
    }
    let bad = |estimator: GaussianProcessBayesianNetwork| estimator.fit(&data.samples).unwrap_err();
    for estimator in [
        GaussianProcessBayesianNetwork::new().require(0, 4),
        GaussianProcessBayesianNetwork::new()
            .require(0, 1)
            .forbid(0, 1),
        GaussianProcessBayesianNetwork::new()
            .require(0, 1)
            .require(1, 0),
        GaussianProcessBayesianNetwork::new().known_order([0, 1, 2]),
        GaussianProcessBayesianNetwork::new().sparsity(-1.0),
    ] {
        assert!(matches!(bad(estimator), Error::InvalidParameter { .. }));
    }
}

/// The likelihood knows no direction where nothing varies: both orders cost the same.
#[test]
fn a_constant_graph_has_no_order_by_its_likelihood() {
    let data = NetworkSimulator::new(2000)
        .uniform_contexts(1, -1.0, 1.0)
        .networks(|_| array![[0.0, 0.8], [0.0, 0.0]])
        .model(StructuralModel::new().scales(vec![1.0, 0.5]))
        .simulate(1)
        .unwrap();
    let cost = |score, order: [usize; 2]| {
        let estimator = GaussianProcessBayesianNetwork::new()
            .functions(0)
            .score(score)
            .known_order(order);
        fit(&estimator, &data.samples).report().cost
    };
    let by_likelihood = |order| cost(OrderScore::GaussianLikelihood, order);
    let difference = by_likelihood([0, 1]) - by_likelihood([1, 0]);
    // Exactly equal but for the ridge and for leaving rows out, of order 1/n.
    assert!(difference.abs() < 2e-3, "{difference}");
    // Of equal variances, which these are not, the sum of squares would be certain of the wrong order.
    let by_squares = |order| cost(OrderScore::EqualVariances, order);
    assert!(by_squares([1, 0]) < by_squares([0, 1]) - 0.05);
}

/// A weight that varies tells the direction, whatever the variances and the units.
#[test]
fn a_turning_weight_is_ordered_by_its_likelihood() {
    for seed in 0..5 {
        let data = NetworkSimulator::new(1500)
            .uniform_contexts(1, -1.0, 1.0)
            .networks(|c| array![[0.0, 2.0 * c[0]], [0.0, 0.0]])
            .model(StructuralModel::new().scales(vec![1.0, 0.3]))
            .simulate(seed)
            .unwrap();
        for unit in [1.0, 1e3] {
            let nodes = data.samples.features().to_owned() * array![[1.0, unit]];
            let samples = Samples::of_nodes(data.samples.contexts(), nodes.view()).unwrap();
            let estimator =
                GaussianProcessBayesianNetwork::new().score(OrderScore::GaussianLikelihood);
            assert_eq!(
                fit(&estimator, &samples).report().order,
                [0, 1],
                "seed {seed}"
            );
        }
    }
}

/// Noise that is not normal changes nothing about squares.
#[test]
fn other_noise_is_no_harm() {
    for noise in [
        NodeNoise::Exponential,
        NodeNoise::Gumbel,
        NodeNoise::Uniform,
    ] {
        let data = NetworkSimulator::new(1000)
            .uniform_contexts(1, -1.0, 1.0)
            .networks(|c| array![[0.0, 1.5 + c[0], 0.0], [0.0, 0.0, 0.0], [0.0, -1.5, 0.0]])
            .model(StructuralModel::new().noise(noise))
            .simulate(5)
            .unwrap();
        let model = fit(&GaussianProcessBayesianNetwork::new(), &data.samples);
        let networks = model.networks(data.samples.contexts()).unwrap();
        let counts = edge_counts(&data.networks, &networks, 0.0).unwrap();
        assert_eq!(counts.hamming_distance(), 0.0, "{noise:?}");
    }
}

#[test]
fn more_than_a_dozen_nodes_are_ordered_greedily() {
    let data = turning(14, 14.0, 800, 6);
    let model = fit(
        &GaussianProcessBayesianNetwork::new().functions(3),
        &data.samples,
    );
    assert!(!model.report().exact);
    let networks = model.networks(data.samples.contexts()).unwrap();
    let counts = edge_counts(&data.networks, &networks, 0.0).unwrap();
    assert!(
        counts.recall().unwrap() > 0.95 && counts.precision().unwrap() > 0.85,
        "{counts:?}"
    );
}

#[test]
fn weights_count_and_small_data_are_named() {
    let data = turning(3, 3.0, 120, 7);
    let weights = ndarray::Array1::from_shape_fn(120, |row| f64::from(row < 100));
    let weighted = data.samples.clone().with_weights(weights.view()).unwrap();
    let fewer = data.samples.select(&(0..100).collect::<Vec<_>>()).unwrap();
    let contexts = data.samples.contexts();
    let a = fit(&GaussianProcessBayesianNetwork::new(), &weighted);
    let b = fit(&GaussianProcessBayesianNetwork::new(), &fewer);
    assert_eq!(a.report().order, b.report().order);
    let (a, b) = (a.networks(contexts).unwrap(), b.networks(contexts).unwrap());
    assert!(network_mse(&a, &b).unwrap() < 1e-6);
    let two = data.samples.select(&[0, 1]).unwrap();
    assert!(matches!(
        GaussianProcessBayesianNetwork::new().fit(&two),
        Err(Error::TooFewRows { needed: 3, .. })
    ));
    // One node, and nodes that do not vary, are no failure.
    let one = Samples::of_nodes(
        fewer.contexts(),
        fewer.features().slice(ndarray::s![.., ..1]),
    )
    .unwrap();
    assert_eq!(
        fit(&GaussianProcessBayesianNetwork::new(), &one)
            .report()
            .order,
        [0]
    );
    let mut constant = fewer.features().to_owned();
    constant.column_mut(0).fill(3.0);
    let constant = Samples::of_nodes(fewer.contexts(), constant.view()).unwrap();
    let model = fit(&GaussianProcessBayesianNetwork::new(), &constant);
    let networks = model.networks(Array2::zeros((1, 2)).view()).unwrap();
    assert!(networks.edges().iter().all(|weight| weight.is_finite()));
}

/// Where contexts say nothing, no worse than the population's network.
#[test]
fn contexts_of_noise_do_no_harm() {
    let mut ratios = Vec::new();
    for seed in 0..5 {
        let data = NetworkSimulator::new(500)
            .uniform_contexts(2, -1.0, 1.0)
            .networks(|_| array![[0.0, 1.2, 0.0], [0.0, 0.0, -1.0], [0.0, 0.0, 0.0]])
            .simulate(seed)
            .unwrap();
        let train = data.select(&(0..250).collect::<Vec<_>>()).unwrap();
        let test = data.select(&(250..500).collect::<Vec<_>>()).unwrap();
        let (contexts, nodes) = (test.samples.contexts(), test.samples.features());
        let error = |model: &dyn NetworkDensity| {
            let errors = model.reconstruction_errors(contexts, nodes).unwrap();
            errors.mean().unwrap()
        };
        let population = PopulationBayesianNetwork::new()
            .fit(&train.samples)
            .unwrap();
        let kernel = fit(&GaussianProcessBayesianNetwork::new(), &train.samples);
        ratios.push(error(&kernel) / error(&population));
    }
    assert!(ratios.iter().all(|ratio| *ratio <= 1.15), "{ratios:?}");
    assert!(median(ratios.clone()) <= 1.03, "{ratios:?}");
}
