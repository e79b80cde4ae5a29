//! Bayesian networks by an encoder.

use crate::{median, on_threads};
use contextualized_baselines::PopulationBayesianNetwork;
use contextualized_core::edge_metrics::network_mse;
use contextualized_core::{
    Error, Estimator, NetworkDensity, Samples, StructuralNetworks, VaryingNetworks,
    WithNetworkArchetypes,
};
use contextualized_encoders::EncoderLink;
use contextualized_graphs::bayesian::{
    CyclePenalty, NeuralBayesianModel, NeuralBayesianNetwork, is_acyclic,
};
use contextualized_simulation::{NetworkProblem, NetworkSimulator, SimulatedNetworks};
use ndarray::{Array2, Array3, Axis, array};

fn turning(rows: usize, seed: u64) -> SimulatedNetworks {
    NetworkSimulator::new(rows)
        .uniform_contexts(1, -1.0, 1.0)
        .networks(|c| array![[0.0, 1.0 + c[0], 0.0], [0.0, 0.0, 1.5], [0.0, 0.0, 0.0]])
        .intercepts(|c| vec![0.0, 5.0 * c[0], 0.0])
        .simulate(seed)
        .unwrap()
}

fn quick() -> NeuralBayesianNetwork {
    NeuralBayesianNetwork::new()
        .mlp(12, 1)
        .archetypes(3)
        .epochs(30)
        .learning_rate(1e-2)
        .without_shrinkage()
}

#[test]
fn the_bars_of_the_demo() {
    let (mut parameters, mut reconstructions) = (Vec::new(), Vec::new());
    for seed in 0..3 {
        let problem = NetworkProblem::new(seed).unwrap();
        let test = problem.test();
        let estimator = NeuralBayesianNetwork::new().without_shrinkage();
        let model = estimator.fit(&problem.train().samples).unwrap();
        let (contexts, nodes) = (test.samples.contexts(), test.samples.features());
        let networks = model.networks(contexts).unwrap();
        parameters.push(network_mse(&test.networks, &networks).unwrap());
        let errors = model.reconstruction_errors(contexts, nodes).unwrap();
        reconstructions.push(errors.mean().unwrap());
    }
    let (parameters, reconstructions) = (median(parameters), median(reconstructions));
    assert!(parameters <= 0.09, "{parameters}");
    assert!(reconstructions <= 1.6, "{reconstructions}");
}

#[test]
fn networks_are_acyclic_whatever_the_penalty() {
    let data = turning(200, 1);
    let penalties = [
        None,
        Some(CyclePenalty::notears()),
        Some(CyclePenalty::dagma()),
        Some(CyclePenalty::polynomial().fixed()),
    ];
    let mut cycles = Vec::new();
    for penalty in penalties {
        let model = quick()
            .cycle_penalty(penalty)
            .archetype_cycle_penalty(penalty)
            .fit(&data.samples)
            .unwrap();
        let contexts = data.samples.contexts();
        let networks = model.networks(contexts).unwrap();
        for network in networks.edges().axis_iter(Axis(0)) {
            assert!(is_acyclic(network).unwrap());
        }
        // Before the projection, edges of the diagonal are zero, too.
        let raw = model.unprojected(contexts).unwrap();
        for network in raw.edges().axis_iter(Axis(0)) {
            assert!(network.diag().iter().all(|weight| *weight == 0.0));
        }
        let lost = (&raw.edges() - &networks.edges()).mapv(f64::abs).sum();
        cycles.push(lost);
    }
    // The penalty trains: without one, the projection has more to take out.
    assert!(cycles[1] < 0.8 * cycles[0], "{cycles:?}");
    assert!(cycles[2] < 0.8 * cycles[0], "{cycles:?}");
}

#[test]
fn means_that_vary_do_not_leak_into_edges() {
    let data = turning(600, 2);
    let model = NeuralBayesianNetwork::new()
        .without_shrinkage()
        .fit(&data.samples)
        .unwrap();
    let contexts = data.samples.contexts();
    let networks = model.networks(contexts).unwrap();
    let error = network_mse(&data.networks, &networks).unwrap();
    assert!(error < 0.05, "{error}");
    let off = model.intercepts(contexts).unwrap() - &data.intercepts;
    assert!((&off * &off).mean().unwrap() < 0.15);
    let variances = model.noise_variances(contexts).unwrap();
    assert!(
        variances.iter().all(|v| (v - 1.0).abs() < 0.35),
        "{}",
        variances.row(0)
    );
    let densities = model
        .log_densities(contexts, data.samples.features())
        .unwrap();
    assert!(densities.mean().unwrap() > -4.6);
}

/// Where contexts say nothing, the population's network stays.
#[test]
fn shrinkage_protects_from_contexts_of_noise() {
    let mut ratios = Vec::new();
    for seed in 0..3 {
        let data = NetworkSimulator::new(600)
            .uniform_contexts(2, -1.0, 1.0)
            .networks(|_| array![[0.0, 1.2, 0.0], [0.0, 0.0, -1.0], [0.0, 0.0, 0.0]])
            .simulate(seed)
            .unwrap();
        let train = data.select(&(0..300).collect::<Vec<_>>()).unwrap();
        let test = data.select(&(300..600).collect::<Vec<_>>()).unwrap();
        let (contexts, nodes) = (test.samples.contexts(), test.samples.features());
        let error = |model: &dyn NetworkDensity| {
            let errors = model.reconstruction_errors(contexts, nodes).unwrap();
            errors.mean().unwrap()
        };
        let neural = NeuralBayesianNetwork::new()
            .epochs(60)
            .fit(&train.samples)
            .unwrap();
        let population = PopulationBayesianNetwork::new()
            .fit(&train.samples)
            .unwrap();
        ratios.push(error(&neural) / error(&population));
    }
    assert!(ratios.iter().all(|ratio| *ratio <= 1.15), "{ratios:?}");
    assert!(median(ratios.clone()) <= 1.03, "{ratios:?}");
}

#[test]
fn the_same_bits_on_any_number_of_threads_and_from_a_file() {
    let data = turning(120, 3);
    let estimator = NeuralBayesianNetwork::new()
        .mlp(6, 1)
        .archetypes(2)
        .epochs(5);
    let fit = |threads| on_threads(threads, || estimator.fit(&data.samples).unwrap());
    let model = fit(1);
    assert_eq!(model, fit(2));
    let text = serde_json::to_string(&model).unwrap();
    let read: NeuralBayesianModel = serde_json::from_str(&text).unwrap();
    let contexts = data.samples.contexts();
    assert_eq!(
        read.networks(contexts).unwrap(),
        model.networks(contexts).unwrap()
    );
    let altered = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut file: serde_json::Value = serde_json::from_str(&text).unwrap();
        change(&mut file);
        serde_json::from_str::<NeuralBayesianModel>(&file.to_string())
    };
    assert!(altered(&|_| {}).is_ok());
    assert!(altered(&|file| file["share"] = serde_json::json!(2.0)).is_err());
    assert!(altered(&|file| file["unit"] = serde_json::json!(0.0)).is_err());
    assert!(altered(&|file| file["variances"]["data"][0] = serde_json::json!(-1.0)).is_err());
    assert!(altered(&|file| file["deviation"]["settings"]["intercept"] = false.into()).is_err());
}

#[test]
fn bad_settings_and_data_are_named() {
    let data = turning(40, 4).samples;
    for estimator in [
        quick().archetypes(0),
        quick().epochs(0),
        quick().archetypes_l1(-1.0),
        quick().cycle_penalty(Some(CyclePenalty::notears().strengths(f64::NAN, 0.0))),
    ] {
        assert!(matches!(
            estimator.fit(&data),
            Err(Error::InvalidParameter { .. })
        ));
    }
    let model = quick().epochs(1).fit(&data).unwrap();
    assert!(model.networks(array![[0.0, 1.0]].view()).is_err());
    // Few rows have the population's network.
    let few = data.select(&(0..12).collect::<Vec<_>>()).unwrap();
    let model = NeuralBayesianNetwork::new().epochs(1).fit(&few).unwrap();
    assert_eq!(model.share(), 0.0);
    let expected = model.population().weights().to_owned();
    let networks = model.networks(Array2::zeros((1, 1)).view()).unwrap();
    assert_eq!(networks.edges().index_axis(Axis(0), 0), expected);
    let tiny: Samples = data.select(&[0, 1]).unwrap();
    assert!(NeuralBayesianNetwork::new().epochs(1).fit(&tiny).is_ok());
}

/// Six nodes that follow two hidden ones, one of which drives the other the more the larger the context.
#[test]
fn factors_stand_for_many_nodes() {
    let data = NetworkSimulator::new(600)
        .uniform_contexts(1, -1.0, 1.0)
        .networks(|c| {
            Array2::from_shape_fn((6, 6), |(i, j)| {
                if i < 3 && j >= 3 {
                    0.3 * (1.0 + c[0])
                } else {
                    0.0
                }
            })
        })
        .simulate(8)
        .unwrap();
    let train = data.select(&(0..400).collect::<Vec<_>>()).unwrap();
    let test = data.select(&(400..600).collect::<Vec<_>>()).unwrap();
    let model = quick().factors(2).epochs(80).fit(&train.samples).unwrap();
    let contexts = test.samples.contexts();
    let networks = model.networks(contexts).unwrap();
    for network in networks.edges().axis_iter(Axis(0)) {
        assert!(is_acyclic(network).unwrap());
    }
    let population = PopulationBayesianNetwork::new()
        .fit(&train.samples)
        .unwrap();
    let constant = population.networks(contexts).unwrap();
    let error = |networks| network_mse(&test.networks, networks).unwrap();
    assert!(error(&networks) < error(&constant), "{}", error(&networks));
    // What the encoder adds is what the factors say.
    let factors = model.factor_networks(contexts).unwrap().unwrap();
    let loadings = &factors.loadings;
    let sums = loadings.sum_axis(Axis(1)).insert_axis(Axis(1));
    let means = loadings / &sums;
    let raw = model.unprojected(contexts).unwrap();
    for row in [0, 57] {
        let latent = factors.networks.edges().index_axis(Axis(0), row).to_owned();
        let spread = loadings.t().dot(&latent).dot(&means);
        for ((place, raw), base) in raw
            .edges()
            .index_axis(Axis(0), row)
            .indexed_iter()
            .zip(&population.weights())
        {
            let expected = if place.0 == place.1 {
                0.0
            } else {
                spread[place] + base
            };
            assert!((raw - expected).abs() < 1e-9);
        }
    }
    let text = serde_json::to_string(&model).unwrap();
    let read: NeuralBayesianModel = serde_json::from_str(&text).unwrap();
    assert_eq!(read.networks(contexts).unwrap(), networks);
    assert!(
        quick()
            .fit(&train.samples)
            .unwrap()
            .factor_networks(contexts)
            .unwrap()
            .is_none()
    );
    assert!(quick().factors(6).fit(&train.samples).is_err());
}

#[test]
fn archetypes_add_up_to_the_networks_before_projection() {
    let data = turning(200, 3);
    let contexts = data.samples.contexts();
    let estimators = [
        quick(),
        quick().factors(2),
        quick().encoder_link(EncoderLink::Softmax),
    ];
    for (place, estimator) in estimators.into_iter().enumerate() {
        let model = estimator.epochs(5).fit(&data.samples).unwrap();
        let weights = model.archetype_weights(contexts).unwrap();
        let archetypes = model.archetypes().unwrap();
        let mut mixed = Array3::zeros((contexts.nrows(), 3, 3));
        let base = model.archetype_base().unwrap();
        assert_eq!(base.is_none(), place == 2);
        if let Some(base) = base {
            mixed += &base.edges();
        }
        for ((row, k), &weight) in weights.indexed_iter() {
            let mut own = mixed.index_axis_mut(Axis(0), row);
            own.scaled_add(weight, &archetypes.edges().index_axis(Axis(0), k));
        }
        let found = model.unprojected(contexts).unwrap();
        assert!(found.edges().iter().any(|edge| edge.abs() > 0.1));
        for (mixed, found) in mixed.iter().zip(found.edges()) {
            assert!((mixed - found).abs() < 1e-12, "{mixed} {found}");
        }
    }
}
