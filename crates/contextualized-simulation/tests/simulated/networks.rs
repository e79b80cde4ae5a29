//! Directed graphs and the samples drawn from them.

use crate::{assert_pinned, moments};
use contextualized_core::{Error, Networks, Split};
use contextualized_simulation::{
    NetworkProblem, NetworkSimulator, NodeNoise, RandomDag, StructuralModel, total_effects,
};
use contextualized_solvers::is_acyclic;
use ndarray::{Array2, Axis, array};
use proptest::prelude::*;

const ROWS: usize = 40_000;

fn repeated(weights: &Array2<f64>, rows: usize) -> Networks {
    let (from, to) = weights.dim();
    let edges = weights
        .broadcast((rows, from, to))
        .expect("networks broadcast over rows")
        .to_owned();
    Networks::new(edges).expect("valid networks")
}

/// 2 → 0 → 1, 2 → 1.
fn chain() -> Array2<f64> {
    array![[0.0, -0.8, 0.0], [0.0, 0.0, 0.0], [1.5, 0.5, 0.0]]
}

#[test]
fn samples_have_the_covariance_and_the_mean_promised() {
    for noise in NodeNoise::ALL
        .into_iter()
        .filter(|noise| noise.is_additive())
    {
        let model = StructuralModel::new()
            .noise(noise)
            .scales(vec![1.0, 0.5, 2.0]);
        let covariance = model.covariance(chain().view()).expect("additive noise");
        let networks = repeated(&chain(), ROWS);
        let raw = model.simulate(&networks, 3).expect("a valid model");
        let centered = model
            .centered()
            .simulate(&networks, 3)
            .expect("a valid model");
        let found = centered.t().dot(&centered) / ROWS as f64;
        for ((place, found), expected) in found.indexed_iter().zip(&covariance) {
            let (i, j) = place;
            let scale = (covariance[[i, i]] * covariance[[j, j]]).sqrt();
            assert!(
                (found - expected).abs() < 0.05 * scale,
                "{noise:?} {place:?}: {found} is not {expected}"
            );
        }
        for (node, column) in centered.columns().into_iter().enumerate() {
            let error = (covariance[[node, node]] / ROWS as f64).sqrt();
            assert!(moments(column).0.abs() < 5.0 * error, "{noise:?}");
        }
        let skewed = matches!(noise, NodeNoise::Exponential | NodeNoise::Gumbel);
        assert_eq!(raw != centered, skewed);
    }
}

#[test]
fn binary_nodes_and_counts_follow_their_parents() {
    let edges = repeated(&array![[0.0, 2.0], [0.0, 0.0]], ROWS);
    let intercepts =
        Array2::from_shape_fn((ROWS, 2), |(_, node)| if node == 0 { 0.0 } else { -1.0 });
    let draw = |noise| {
        StructuralModel::new()
            .noise(noise)
            .simulate_with_intercepts(&edges, intercepts.view(), 1)
            .expect("a valid model")
    };
    let mean_where = |table: &Array2<f64>, parent: f64| {
        let chosen: Vec<f64> = table
            .rows()
            .into_iter()
            .filter(|row| row[0] == parent)
            .map(|row| row[1])
            .collect();
        chosen.iter().sum::<f64>() / chosen.len() as f64
    };
    let binary = draw(NodeNoise::Logistic);
    assert!(binary.iter().all(|value| *value == 0.0 || *value == 1.0));
    let sigma = |eta: f64| 1.0 / (1.0 + (-eta).exp());
    for (parent, eta) in [(0.0, -1.0), (1.0, 1.0)] {
        assert!((mean_where(&binary, parent) - sigma(eta)).abs() < 0.015);
    }
    let counts = draw(NodeNoise::Poisson);
    for (parent, eta) in [(0.0, -1.0_f64), (1.0, 1.0)] {
        assert!((mean_where(&counts, parent) - eta.exp()).abs() < 0.1);
    }
    // A weight that would give a rate of e^(100 x).
    let steep = repeated(&array![[0.0, 100.0], [0.0, 0.0]], 200);
    let capped = StructuralModel::new()
        .noise(NodeNoise::Poisson)
        .simulate(&steep, 0)
        .expect("rates are capped");
    let most = StructuralModel::MOST_RATE;
    let far = capped
        .column(1)
        .fold(0.0_f64, |most, value| most.max(*value));
    assert!((far - most).abs() < 6.0 * most.sqrt());
}

#[test]
fn bad_models_are_named() {
    let networks = repeated(&chain(), 4);
    let parameter = |model: StructuralModel| match model.simulate(&networks, 0) {
        Err(Error::InvalidParameter { parameter, .. }) => parameter,
        other => panic!("{other:?}"),
    };
    assert_eq!(parameter(StructuralModel::new().scale(-1.0)), "scale");
    let two = StructuralModel::new().scales(vec![1.0, 2.0]);
    assert_eq!(parameter(two), "number of scales");
    let mut edges = networks.edges().to_owned();
    edges[[2, 1, 0]] = 0.1;
    let cyclic = Networks::new(edges).expect("finite");
    let error = StructuralModel::new()
        .simulate(&cyclic, 0)
        .expect_err("a cycle");
    assert_eq!(
        error.to_string(),
        "network is cyclic in row 3, but must be acyclic"
    );
    let counts = StructuralModel::new().noise(NodeNoise::Poisson);
    assert!(counts.covariance(chain().view()).is_err());
    let overflow = repeated(&array![[0.0, 1e308], [0.0, 0.0]], 50);
    let model = StructuralModel::new().scale(100.0);
    assert!(matches!(
        model.simulate(&overflow, 0),
        Err(Error::NotFinite { column: 1, .. })
    ));
    let short = Array2::zeros((3, 3));
    assert!(matches!(
        StructuralModel::new().simulate_with_intercepts(&networks, short.view(), 0),
        Err(Error::RowCount { .. })
    ));
}

#[test]
fn what_a_network_simulation_lacks_is_named() {
    let simulator = NetworkSimulator::new(3).uniform_contexts(1, 0.0, 1.0);
    let error = |simulator: &NetworkSimulator| match simulator.simulate(0) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("an invalid simulation"),
    };
    assert_eq!(
        error(&simulator),
        "networks is missing, but must be a function of the context"
    );
    assert_eq!(
        error(&NetworkSimulator::new(3).networks(|_| Array2::zeros((2, 2)))),
        "contexts is missing, but must be drawn or given"
    );
    assert_eq!(
        error(&simulator.clone().networks(|_| Array2::zeros((2, 3)))),
        "networks: the number of columns is 3, expected 2"
    );
    let two = simulator.networks(|_| Array2::zeros((2, 2)));
    assert_eq!(
        error(&two.clone().intercepts(|_| vec![0.0])),
        "intercepts: the number of columns is 1, expected 2"
    );
    assert!(two.simulate(0).is_ok());
}

#[test]
fn rows_follow_from_their_own_networks() {
    let data = NetworkSimulator::new(300)
        .uniform_contexts(2, -1.0, 1.0)
        .irrelevant_contexts(1)
        .networks(|c| array![[0.0, c[0], 0.0], [0.0, 0.0, 0.0], [0.0, 1.0 + c[1], 0.0]])
        .intercepts(|c| vec![c[0], 0.0, 5.0])
        .simulate(4)
        .expect("a valid simulation");
    let x = data.samples.features();
    let residuals = &x - &data.reconstruction();
    for column in residuals.columns() {
        let (mean, variance) = moments(column);
        assert!(mean.abs() < 0.25 && (variance - 1.0).abs() < 0.35);
    }
    assert_eq!(data.samples.names().contexts, ["c0", "c1", "noise0"]);
    let some = data.select(&[7, 0]).expect("rows there are");
    assert_eq!(some.samples.features().row(0), x.row(7));
    assert_eq!(
        some.networks.edges().index_axis(Axis(0), 0),
        data.networks.edges().index_axis(Axis(0), 7)
    );
    assert!(data.select(&[300]).is_err());
    let split = Split::holdout(300, 0.1, 0).expect("a split");
    let (train, test) = data.split(&split).expect("a split");
    assert_eq!((train.rows(), test.rows(), train.nodes()), (270, 30, 3));
}

#[test]
fn the_problem_of_the_demo() {
    let problem = NetworkProblem::new(0).expect("a problem");
    let test = problem.test();
    assert!(
        test.samples
            .contexts()
            .iter()
            .all(|c| (1.7..1.9).contains(c) && *c > 1.7)
    );
    let c = test.samples.contexts()[[50, 0]];
    let truth = test.networks.edges();
    assert_eq!(truth[[50, 0, 1]], c - 2.0);
    assert_eq!(truth[[50, 2, 1]], c * c);
    assert_eq!(truth[[50, 3, 1]], c * c * c);
    assert_eq!(truth[[50, 3, 2]], c);
    // The empty graph, on average over the noise.
    let error: f64 = (0..10)
        .map(|seed| {
            let problem = NetworkProblem::new(seed).expect("a problem");
            let x = problem.test().samples.features().to_owned();
            (&x * &x).mean().unwrap_or_default() / 10.0
        })
        .sum();
    assert!((error - 39.0).abs() < 3.0, "{error}");
    assert_pinned(problem.all().samples.features().row(0).to_vec(), &PINNED);
}

/// Stored values of the first sample.
const PINNED: [f64; 4] = [
    1.288602073872997,
    -2.983823737513197,
    -0.6014077450733539,
    -0.2736331672522944,
];

proptest! {
    #[test]
    fn random_graphs_are_acyclic(nodes in 1_usize..30, share in 0.0..1.0_f64, parents in 0_usize..5, seed: u64) {
        let edges = share * (nodes * (nodes - 1) / 2) as f64;
        let scale_free = RandomDag::scale_free(nodes, parents).weights(0.1, 0.2);
        let expected: usize = (0..nodes).map(|node| node.min(parents)).sum();
        for dag in [RandomDag::erdos_renyi(nodes, edges), scale_free] {
            let weights = dag.simulate(seed).expect("a valid graph");
            prop_assert!(is_acyclic(weights.view()).expect("a square matrix"));
        }
        let weights = scale_free.simulate(seed).expect("a valid graph");
        let there: Vec<f64> = weights.iter().copied().filter(|w| *w != 0.0).collect();
        prop_assert_eq!(there.len(), expected);
        prop_assert!(there.iter().all(|w| (0.1..=0.2).contains(&w.abs())));
    }

    #[test]
    fn total_effects_invert(seed: u64) {
        let weights = RandomDag::erdos_renyi(8, 14.0).simulate(seed).expect("a valid graph");
        let effects = total_effects(weights.view()).expect("acyclic");
        let identity = (Array2::eye(8) - &weights).dot(&effects);
        for (found, expected) in identity.iter().zip(&Array2::<f64>::eye(8)) {
            prop_assert!((found - expected).abs() < 1e-10);
        }
    }
}

#[test]
fn graphs_that_cannot_be_are_named() {
    let fails = |dag: RandomDag| match dag.simulate(0) {
        Err(Error::InvalidParameter { parameter, .. }) => parameter,
        other => panic!("{other:?}"),
    };
    assert_eq!(fails(RandomDag::scale_free(0, 1)), "nodes");
    assert_eq!(fails(RandomDag::erdos_renyi(3, 4.0)), "edges");
    assert_eq!(
        fails(RandomDag::scale_free(3, 1).weights(0.0, 1.0)),
        "weights"
    );
    // On average as many edges as asked for.
    let edges: usize = (0..400)
        .map(|seed| {
            let weights = RandomDag::erdos_renyi(10, 15.0)
                .simulate(seed)
                .expect("a graph");
            weights.iter().filter(|w| **w != 0.0).count()
        })
        .sum();
    assert!((edges as f64 / 400.0 - 15.0).abs() < 0.8);
}
