//! Population and cluster correlations and precisions.

use approx::assert_relative_eq;
use contextualized_baselines::{
    ClusterNetworkModel, ClusterNetworks, PopulationCorrelation, PopulationCorrelationModel,
    PopulationMarkov, PopulationMarkovModel,
};
use contextualized_core::{
    Error, Estimator, MarkovNetworks, NetworkDensity, Samples, VaryingNetworks,
    WithNetworkArchetypes,
};
use contextualized_simulation::CovarianceSimulator;
use contextualized_solvers::{cholesky_with_limit, symmetric_eigen};
use ndarray::{Array1, Array2, Axis, array};
use proptest::prelude::*;

/// Two groups of contexts; nodes 0 and 1 go together in one and against each other in the other.
fn two_groups(rows: usize, seed: u64) -> Samples {
    CovarianceSimulator::new(rows)
        .contexts(|draws| vec![draws.bernoulli(0.5) + draws.uniform(-0.1, 0.1)])
        .covariance(|c| {
            let covariance = if c[0] > 0.5 { 0.8 } else { -0.8 };
            let mut matrix = Array2::eye(3);
            matrix[[0, 1]] = covariance;
            matrix[[1, 0]] = covariance;
            matrix
        })
        .means(|c| vec![c[0], 0.0, 2.0])
        .simulate(seed)
        .unwrap()
        .samples
}

proptest! {
    #[test]
    fn networks_of_any_table_are_valid(
        values in prop::collection::vec(-5.0..5.0_f64, 24),
        columns in 1..8_usize,
    ) {
        let rows = 24 / columns;
        prop_assume!(rows >= 3);
        let nodes = Array2::from_shape_vec((rows, columns), values[..rows * columns].to_vec()).unwrap();
        let samples = Samples::of_nodes(Array2::zeros((rows, 1)).view(), nodes.view()).unwrap();
        let at = array![[3.0]];
        let correlation = PopulationCorrelation::new().fit(&samples).unwrap();
        let network = correlation.networks(at.view()).unwrap();
        let network = network.edges().index_axis(Axis(0), 0).to_owned();
        prop_assert!(network.diag().iter().all(|value| *value == 1.0));
        prop_assert!(symmetric_eigen(network.view()).unwrap().values[0] > -1e-12);
        for estimator in [PopulationMarkov::new(), PopulationMarkov::new().penalty(0.1)] {
            let precision = estimator.fit(&samples).unwrap().networks(at.view()).unwrap();
            let precision = precision.edges().index_axis(Axis(0), 0).to_owned();
            prop_assert!(cholesky_with_limit(precision.view(), 0.0).is_ok());
        }
    }
}

/// Against the regression of every node on the others.
#[test]
fn a_reconstruction_is_a_regression() {
    let samples = two_groups(500, 0);
    let model = PopulationMarkov::new().fit(&samples).unwrap();
    let (contexts, features) = (samples.contexts(), samples.features());
    let found = model.reconstruct(contexts, features).unwrap();
    let mut design = features.to_owned();
    design.column_mut(2).fill(1.0);
    let fit = contextualized_solvers::least_squares(
        design.slice(ndarray::s![.., 1..]),
        features.slice(ndarray::s![.., ..1]),
        None,
    )
    .unwrap();
    // Node 2 is independent of both, so leaving it out changes little.
    let expected = design.slice(ndarray::s![.., 1..]).dot(fit.solution());
    let difference = &found.column(0) - &expected.column(0);
    assert!(difference.mapv(f64::abs).mean().unwrap() < 0.1);
    assert_eq!(
        model
            .reconstruction_errors(contexts, features)
            .unwrap()
            .len(),
        500
    );
}

#[test]
fn clusters_find_groups_and_are_denser_there() {
    let (samples, new) = (two_groups(300, 1), two_groups(200, 2));
    let clusters = ClusterNetworks::new(PopulationMarkov::new())
        .fit(&samples)
        .unwrap();
    assert!(clusters.report().clusters.len() >= 2);
    assert_eq!(clusters.report().cross_validation.len(), 10);
    let population = PopulationMarkov::new().fit(&samples).unwrap();
    let density = |model: &dyn NetworkDensity| {
        let densities = model.log_densities(new.contexts(), new.features());
        densities.unwrap().mean().unwrap()
    };
    assert!(density(&clusters) > density(&population) + 0.3);
    let partial = clusters
        .partial_correlations(array![[0.0], [1.0]].view())
        .unwrap();
    assert!(partial[[0, 0, 1]] < -0.7 && partial[[1, 0, 1]] > 0.7);
}

#[test]
fn small_clusters_use_the_population_network() {
    let samples = two_groups(60, 3);
    let estimator = ClusterNetworks::new(PopulationCorrelation::new()).clusters(2);
    let model = estimator.clone().smallest(1000).fit(&samples).unwrap();
    assert!(
        model
            .report()
            .clusters
            .iter()
            .all(|cluster| cluster.fallback.is_some())
    );
    let at = array![[0.0], [1.0]];
    let population = PopulationCorrelation::new().fit(&samples).unwrap();
    assert_eq!(
        model.networks(at.view()).unwrap(),
        population.networks(at.view()).unwrap()
    );
    assert!(matches!(
        estimator.clusters(61).fit(&samples),
        Err(Error::InvalidParameter {
            parameter: "clusters",
            ..
        })
    ));
}

#[test]
fn weights_matter_relative_to_each_other() {
    let samples = CovarianceSimulator::new(30)
        .uniform_contexts(1, -1.0, 1.0)
        .covariance(|_| array![[1.0, 0.8], [0.8, 1.0]])
        .simulate(4)
        .unwrap()
        .samples;
    let weights = Array1::from_shape_fn(30, |row| 1.0 + (row % 4) as f64);
    let fit = |weights: Array1<f64>| {
        let samples = samples.clone().with_weights(weights.view()).unwrap();
        let model = PopulationMarkov::new().fit(&samples).unwrap();
        model
            .networks(array![[0.0]].view())
            .unwrap()
            .edges()
            .to_owned()
    };
    let plain = fit(weights.clone());
    assert!(plain[[0, 0, 1]].abs() > 1e-3);
    for factor in [1.0 / weights.sum(), 1e-200, 7.0] {
        assert_relative_eq!(fit(&weights * factor), plain, max_relative = 1e-9);
    }
}

/// One row alone has a rare feature: a fold without it cannot judge, the others can.
#[test]
fn a_rare_feature_does_not_stop_the_choice_of_clusters() {
    let samples = two_groups(60, 4);
    let mut nodes = samples.features().to_owned();
    nodes.column_mut(0).fill(0.0);
    nodes[[11, 0]] = 1.0;
    let rare = Samples::of_nodes(samples.contexts(), nodes.view()).unwrap();
    let model = ClusterNetworks::new(PopulationCorrelation::new()).fit(&rare);
    assert!(model.unwrap().networks(samples.contexts()).is_ok());
}

#[test]
fn files_change_nothing_and_are_checked() {
    let samples = two_groups(100, 5);
    let at = array![[0.0], [1.0]];
    let correlation = PopulationCorrelation::new().fit(&samples).unwrap();
    let file = serde_json::to_string(&correlation).unwrap();
    assert_eq!(
        serde_json::from_str::<PopulationCorrelationModel>(&file).unwrap(),
        correlation
    );
    let markov = PopulationMarkov::new().fit(&samples).unwrap();
    let file = serde_json::to_string(&markov).unwrap();
    assert_eq!(
        serde_json::from_str::<PopulationMarkovModel>(&file).unwrap(),
        markov
    );
    let broken = file.replacen("\"contexts\":1", "\"contexts\":0", 1);
    assert!(serde_json::from_str::<PopulationMarkovModel>(&broken).is_err());
    let clusters = ClusterNetworks::new(PopulationMarkov::new())
        .clusters(2)
        .fit(&samples)
        .unwrap();
    let file = serde_json::to_string(&clusters).unwrap();
    let again: ClusterNetworkModel<PopulationMarkovModel> = serde_json::from_str(&file).unwrap();
    assert_eq!(
        again.networks(at.view()).unwrap(),
        clusters.networks(at.view()).unwrap()
    );
}

#[test]
fn bad_input_is_named() {
    let samples = two_groups(20, 6);
    assert!(matches!(
        PopulationMarkov::new().penalty(f64::NAN).fit(&samples),
        Err(Error::InvalidParameter {
            parameter: "penalty",
            ..
        })
    ));
    assert!(matches!(
        PopulationCorrelation::new().fit(&samples.select(&[0, 1]).unwrap()),
        Err(Error::TooFewRows { .. })
    ));
    let model = PopulationCorrelation::new().fit(&samples).unwrap();
    assert!(matches!(
        model.networks(Array2::zeros((1, 2)).view()),
        Err(Error::ColumnCount { .. })
    ));
}

#[test]
fn clusters_are_archetypes_of_weight_one_or_zero() {
    let samples = two_groups(200, 1);
    let model = ClusterNetworks::new(PopulationCorrelation::new())
        .clusters(2)
        .fit(&samples)
        .unwrap();
    let contexts = samples.contexts();
    let weights = model.archetype_weights(contexts).unwrap();
    let archetypes = model.archetypes().unwrap();
    assert!(model.archetype_base().unwrap().is_none());
    let networks = model.networks(contexts).unwrap();
    for (row, label) in model.labels(contexts).unwrap().into_iter().enumerate() {
        assert_eq!((weights[[row, label]], weights.row(row).sum()), (1.0, 1.0));
        assert_eq!(
            networks.edges().index_axis(Axis(0), row),
            archetypes.edges().index_axis(Axis(0), label)
        );
    }
}
