//! The choice among networks.

use crate::data::nodes;
use contextualized_auto::{
    AutoNetworkModel, AutoNetworks, NetworkCandidate, NetworkChoice, NetworkMethod,
};
use contextualized_core::{Estimator, NetworkDensity, NetworkKind, VaryingNetworks};

#[test]
fn networks_of_every_kind_and_method_are_read_again() {
    let samples = nodes(60, 1);
    for (choice, kind) in [
        (NetworkChoice::Correlation, NetworkKind::Correlation),
        (NetworkChoice::Markov, NetworkKind::Precision),
        (NetworkChoice::Bayesian, NetworkKind::Directed),
    ] {
        let auto = AutoNetworks::new(choice);
        let candidates = NetworkCandidate::all(choice, 0);
        assert_eq!(candidates.len(), 4);
        for method in candidates.iter().map(NetworkCandidate::method) {
            let model = auto.clone().only(method).fit(&samples).unwrap();
            assert_eq!(model.kind(), kind);
            assert_eq!(model.model().method(), method);
            let text = serde_json::to_string(&model).unwrap();
            let read: AutoNetworkModel = serde_json::from_str(&text).unwrap();
            assert_eq!(
                read.networks(samples.contexts()).unwrap(),
                model.networks(samples.contexts()).unwrap()
            );
        }
    }
}

#[test]
fn the_density_of_held_out_rows_chooses() {
    let (train, test) = (nodes(150, 1), nodes(500, 2));
    let density = |model: &dyn NetworkDensity| {
        model
            .log_densities(test.contexts(), test.features())
            .unwrap()
            .mean()
            .unwrap()
    };
    let auto = AutoNetworks::new(NetworkChoice::Correlation);
    let model = auto.fit(&train).unwrap();
    assert_ne!(model.model().method(), NetworkMethod::Population);
    let population = auto.only(NetworkMethod::Population).fit(&train).unwrap();
    assert!(density(&model) > density(&population) + 0.1);
}

#[test]
fn candidates_of_another_kind_are_refused() {
    let markov = AutoNetworks::new(NetworkChoice::Markov)
        .default_of(NetworkMethod::Population)
        .unwrap();
    let error = AutoNetworks::new(NetworkChoice::Correlation)
        .candidates(vec![markov])
        .fit(&nodes(30, 1))
        .unwrap_err();
    assert!(error.to_string().contains("of networks of one kind"));
}

#[test]
fn a_method_that_a_kind_does_not_have_is_named() {
    let auto = AutoNetworks::new(NetworkChoice::Markov).only(NetworkMethod::GaussianProcess);
    let error = auto.fit(&nodes(30, 1)).unwrap_err().to_string();
    assert!(
        error.contains("for markov networks one of population, kernel, cluster, neural"),
        "{error}"
    );
}
