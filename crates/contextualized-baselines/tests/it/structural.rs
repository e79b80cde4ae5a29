//! One Bayesian network for all rows, and one per cluster.

use contextualized_baselines::{
    ClusterNetworks, PopulationBayesianModel, PopulationBayesianNetwork, StructureSearch,
};
use contextualized_core::edge_metrics::{edge_counts, network_mse};
use contextualized_core::{
    Error, Estimator, NetworkDensity, Networks, Samples, StructuralNetworks, Termination,
    VaryingNetworks,
};
use contextualized_simulation::{
    NetworkProblem, NetworkSimulator, RandomDag, SimulatedNetworks, StructuralModel,
};
use contextualized_solvers::is_acyclic;
use ndarray::{Array1, Array2, Axis, array};
use proptest::prelude::*;

const SEARCHES: [StructureSearch; 3] = [
    StructureSearch::Order,
    StructureSearch::Notears,
    StructureSearch::Dagma,
];

/// Rows of one random graph.
fn constant(nodes: usize, edges: f64, rows: usize, seed: u64) -> SimulatedNetworks {
    let weights = RandomDag::erdos_renyi(nodes, edges).simulate(seed).unwrap();
    NetworkSimulator::new(rows)
        .uniform_contexts(1, 0.0, 1.0)
        .networks(move |_| weights.clone())
        .intercepts(move |_| (0..nodes).map(|node| node as f64).collect())
        .simulate(seed)
        .unwrap()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    0.5 * (values[middle] + values[(values.len() - 1) / 2])
}

#[test]
fn every_search_finds_the_graph_of_equal_variances() {
    for seed in 0..5 {
        let data = constant(6, 8.0, 2000, seed);
        for search in SEARCHES {
            let estimator = PopulationBayesianNetwork::new()
                .search(search)
                .threshold(0.2);
            let model = estimator.fit(&data.samples).unwrap();
            let estimate = model.networks(data.samples.contexts()).unwrap();
            let counts = edge_counts(&data.networks, &estimate, 0.0).unwrap();
            assert_eq!(counts.hamming_distance(), 0.0, "seed {seed}, {search:?}");
            assert!(network_mse(&data.networks, &estimate).unwrap() < 2e-3);
            for (variance, node) in model.variances().iter().zip(0..) {
                assert!((variance - 1.0).abs() < 0.2);
                assert!((model.intercepts()[node] - node as f64).abs() < 0.4);
            }
            let report = model.report();
            let expected = match search {
                StructureSearch::Order => Termination::DirectSolve,
                _ => Termination::Converged,
            };
            assert_eq!(report.fit.termination, expected, "{search:?}");
            assert!(report.cycles <= 1e-6 && report.removed < 0.01);
        }
    }
}

/// With the same order all searches end at the same least squares; no graph has a smaller sum of
/// variances than that of the exact order.
#[test]
fn no_search_is_below_the_exact_order() {
    for seed in 0..5 {
        let data = constant(5, 6.0, 60, seed);
        let objective = |search| {
            let model = PopulationBayesianNetwork::new()
                .search(search)
                .fit(&data.samples);
            model.unwrap().report().fit.objective
        };
        let exact = objective(StructureSearch::Order);
        for search in SEARCHES {
            let other = objective(search);
            assert!(
                other >= exact * (1.0 - 1e-9),
                "{search:?}: {other} below {exact}"
            );
            assert!(
                other <= exact * 1.2,
                "{search:?}: {other} far above {exact}"
            );
        }
    }
}

#[test]
fn many_nodes_are_ordered_greedily() {
    let data = constant(16, 20.0, 4000, 2);
    let model = PopulationBayesianNetwork::new()
        .threshold(0.2)
        .fit(&data.samples)
        .unwrap();
    assert!(!model.report().exact);
    let estimate = model.networks(data.samples.contexts()).unwrap();
    let counts = edge_counts(&data.networks, &estimate, 0.0).unwrap();
    assert_eq!(counts.hamming_distance(), 0.0);
}

/// The published baselines are near the empty graph, with an error of 3.06 and 2.96.
#[test]
fn the_bars_of_the_demo() {
    let (mut population, mut clusters) = (Vec::new(), Vec::new());
    for seed in 0..10 {
        let problem = NetworkProblem::new(seed).unwrap();
        let error = |networks: Networks| network_mse(&problem.test().networks, &networks).unwrap();
        let contexts = problem.test().samples.contexts();
        let estimator = PopulationBayesianNetwork::new();
        let model = estimator.fit(&problem.train().samples).unwrap();
        population.push(error(model.networks(contexts).unwrap()));
        let estimator = ClusterNetworks::new(estimator).clusters(10);
        let model = estimator.fit(&problem.train().samples).unwrap();
        clusters.push(error(model.networks(contexts).unwrap()));
    }
    let (population, clusters) = (median(population), median(clusters));
    assert!(population <= 1.0, "{population}");
    assert!(clusters <= 0.13, "{clusters}");
}

#[test]
fn clusters_answer_for_their_rows() {
    let problem = NetworkProblem::new(0).unwrap();
    let train = &problem.train().samples;
    let model = ClusterNetworks::new(PopulationBayesianNetwork::new())
        .clusters(4)
        .fit(train)
        .unwrap();
    let contexts = train.contexts();
    let (intercepts, variances) = (
        model.intercepts(contexts).unwrap(),
        model.noise_variances(contexts).unwrap(),
    );
    let networks = model.networks(contexts).unwrap();
    for (row, &label) in model.labels(contexts).unwrap().iter().enumerate() {
        let own = &model.models()[label];
        assert_eq!(intercepts.row(row), own.intercepts());
        assert_eq!(variances.row(row), own.variances());
        assert_eq!(networks.edges().index_axis(Axis(0), row), own.weights());
    }
    let text = serde_json::to_string(&model).unwrap();
    assert_eq!(model, serde_json::from_str(&text).unwrap());
}

/// With a context that says nothing, cross-validation finds one cluster.
#[test]
fn no_clusters_where_there_are_none() {
    let data = constant(4, 4.0, 400, 1);
    let model = ClusterNetworks::new(PopulationBayesianNetwork::new())
        .fit(&data.samples)
        .unwrap();
    assert_eq!(model.models().len(), 1);
}

#[test]
fn weights_count_rows() {
    let data = constant(3, 3.0, 40, 5);
    let samples = data.samples;
    let weights: Array1<f64> = (0..40).map(|row| f64::from(row % 3)).collect();
    let weighted = samples.clone().with_weights(weights.view()).unwrap();
    let rows: Vec<usize> = (0..40)
        .flat_map(|row| std::iter::repeat_n(row, row % 3))
        .collect();
    let repeated = samples.select(&rows).unwrap();
    let fit = |samples: &Samples| PopulationBayesianNetwork::new().fit(samples).unwrap();
    let (a, b) = (fit(&weighted), fit(&repeated));
    for (a, b) in a.weights().iter().zip(b.weights()) {
        assert!((a - b).abs() < 1e-10);
    }
    let left = |model: &PopulationBayesianModel| model.report().fit.objective;
    assert!((left(&a) - left(&b)).abs() < 1e-10 * left(&b));
    // Multiplied, they say the same.
    let scaled = samples.clone().with_weights((&weights * 1e-3).view());
    let c = fit(&scaled.unwrap());
    for (a, c) in a.variances().iter().zip(c.variances()) {
        assert!((a - c).abs() < 1e-10 * a);
    }
}

/// Twelve rows and six nodes in a chain without noise of their own but the first's: on average over
/// data, variances are those of the noise.
#[test]
fn variances_count_the_coefficients() {
    let mut sum = 0.0;
    for seed in 0..200 {
        let data = constant(6, 6.0, 12, seed);
        let model = PopulationBayesianNetwork::new().fit(&data.samples).unwrap();
        // The last of the order has all others as parents: 12 rows less 5 weights and an intercept.
        let last = model.report().order[5];
        let reconstruction = model
            .reconstruct(data.samples.contexts(), data.samples.features())
            .unwrap();
        let residuals = &data.samples.features() - &reconstruction;
        let squares = residuals.column(last).dot(&residuals.column(last));
        assert!((model.variances()[last] - squares / 6.0).abs() < 1e-9 * squares);
        sum += model.variances()[last];
    }
    // The order takes the least, so that the mean is somewhat below one.
    assert!(sum / 200.0 > 0.5, "{}", sum / 200.0);
}

#[test]
fn what_is_left_of_determined_and_constant_nodes_is_rounding() {
    let samples = constant(3, 3.0, 60, 2).samples;
    let mut nodes = Array2::zeros((60, 4));
    nodes
        .slice_mut(ndarray::s![.., ..2])
        .assign(&samples.features().slice(ndarray::s![.., ..2]));
    let sum = 0.3 * &nodes.column(0) - 1.7 * &nodes.column(1);
    nodes.column_mut(2).assign(&sum);
    nodes.column_mut(3).fill(5.0);
    let samples = Samples::of_nodes(samples.contexts(), nodes.view()).unwrap();
    let model = PopulationBayesianNetwork::new().fit(&samples).unwrap();
    let variances = model.variances();
    assert!(
        variances.iter().all(|variance| *variance > 1e-26),
        "{variances}"
    );
    let densities = model
        .log_densities(samples.contexts(), samples.features())
        .unwrap();
    assert!(
        densities
            .iter()
            .all(|density| density.is_finite() && *density > -50.0)
    );
}

/// What a threshold leaves is above it, also after weights were estimated again.
#[test]
fn no_weight_is_below_the_threshold() {
    for seed in 0..20 {
        let samples = constant(5, 5.0, 25, seed).samples;
        let threshold = 0.4;
        let model = PopulationBayesianNetwork::new()
            .threshold(threshold)
            .fit(&samples)
            .unwrap();
        let weights = model.weights();
        assert!(
            weights
                .iter()
                .all(|weight| *weight == 0.0 || weight.abs() > threshold)
        );
    }
}

#[test]
fn likelihoods_are_those_of_the_covariance() {
    let data = constant(3, 3.0, 500, 3);
    let samples = &data.samples;
    let model = PopulationBayesianNetwork::new().fit(samples).unwrap();
    let density = model
        .log_densities(samples.contexts(), samples.features())
        .unwrap();
    let scales = model.variances().mapv(f64::sqrt).to_vec();
    let covariance = StructuralModel::new()
        .scales(scales)
        .covariance(model.weights())
        .unwrap();
    let factor = contextualized_solvers::cholesky(covariance.view()).unwrap();
    // Means: the intercepts carried along the edges.
    let effects = contextualized_simulation::total_effects(model.weights()).unwrap();
    let mean = model.intercepts().dot(&effects);
    for (row, density) in density.iter().enumerate().take(20) {
        let off = (&samples.features().row(row) - &mean).insert_axis(Axis(1));
        let white = factor.solve_lower(off.view()).unwrap();
        let expected = -0.5
            * (3.0 * std::f64::consts::TAU.ln()
                + factor.log_determinant()
                + white.iter().map(|z| z * z).sum::<f64>());
        assert!((density - expected).abs() < 1e-9 * expected.abs());
    }
}

#[test]
fn bad_input_is_named() {
    let samples = constant(4, 4.0, 5, 0).samples;
    assert!(matches!(
        PopulationBayesianNetwork::new().fit(&samples),
        Err(Error::TooFewRows {
            needed: 6,
            found: 5,
            ..
        })
    ));
    assert!(
        PopulationBayesianNetwork::new()
            .ridge(1.0)
            .fit(&samples)
            .is_ok()
    );
    for estimator in [
        PopulationBayesianNetwork::new().ridge(-1.0),
        PopulationBayesianNetwork::new().threshold(f64::NAN),
    ] {
        assert!(matches!(
            estimator.fit(&samples),
            Err(Error::InvalidParameter { .. })
        ));
    }
    let model = PopulationBayesianNetwork::new()
        .ridge(1.0)
        .fit(&samples)
        .unwrap();
    assert!(model.networks(array![[0.0, 1.0]].view()).is_err());
    assert!(
        model
            .reconstruct(array![[0.0]].view(), array![[0.0, 1.0]].view())
            .is_err()
    );
}

#[test]
fn a_file_that_was_altered_is_an_error() {
    let samples = constant(3, 3.0, 50, 0).samples;
    let model = PopulationBayesianNetwork::new().fit(&samples).unwrap();
    let text = serde_json::to_string(&model).unwrap();
    let read = |text: &str| serde_json::from_str::<PopulationBayesianModel>(text);
    assert_eq!(read(&text).unwrap(), model);
    let mut file: serde_json::Value = serde_json::from_str(&text).unwrap();
    for place in 0..9 {
        file["weights"]["data"][place] = serde_json::json!(1.0);
    }
    let error = read(&file.to_string()).unwrap_err().to_string();
    assert!(error.contains("cyclic"), "{error}");
    let mut file: serde_json::Value = serde_json::from_str(&text).unwrap();
    file["variances"]["data"][1] = serde_json::json!(0.0);
    assert!(read(&file.to_string()).is_err());
}

#[test]
fn constant_and_dependent_nodes_are_no_failure() {
    let nodes = Array2::from_shape_fn((30, 3), |(row, node)| match node {
        0 => 2.0,
        _ => (node * row) as f64,
    });
    let samples = Samples::of_nodes(Array2::zeros((30, 1)).view(), nodes.view()).unwrap();
    for search in SEARCHES {
        let model = PopulationBayesianNetwork::new()
            .search(search)
            .ridge(1e-3)
            .fit(&samples);
        assert!(model.is_ok(), "{search:?}: {model:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Units that nodes have in common change nothing but the units.
    #[test]
    fn a_common_unit_changes_nothing(seed: u64, unit in prop_oneof![Just(1e-6), Just(1e5)]) {
        let data = constant(4, 4.0, 50, seed);
        let scaled = Samples::of_nodes(
            data.samples.contexts(),
            (&data.samples.features() * unit).view(),
        )
        .unwrap();
        for search in SEARCHES {
            let fit = |samples: &Samples| {
                PopulationBayesianNetwork::new().search(search).fit(samples).unwrap()
            };
            let (a, b) = (fit(&data.samples), fit(&scaled));
            prop_assert!(is_acyclic(b.weights()).unwrap());
            for (a, b) in a.weights().iter().zip(b.weights()) {
                prop_assert!((a - b).abs() < 1e-6 * (1.0 + a.abs()), "{:?}", search);
            }
            for (a, b) in a.variances().iter().zip(b.variances()) {
                prop_assert!((a * unit * unit - b).abs() < 1e-6 * b);
            }
        }
    }
}
