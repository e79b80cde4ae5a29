//! The choice among networks.

use crate::data::nodes;
use contextualized_auto::{AutoNetworkModel, AutoNetworks, Method};
use contextualized_core::{Estimator, NetworkDensity, NetworkKind, VaryingNetworks};

#[test]
fn networks_of_every_kind_and_method_are_read_again() {
    let samples = nodes(60, 1);
    for (auto, kind) in [
        (AutoNetworks::correlation(), NetworkKind::Correlation),
        (AutoNetworks::markov(), NetworkKind::Precision),
        (AutoNetworks::bayesian(), NetworkKind::Directed),
    ] {
        for method in [
            Method::Population,
            Method::Cluster,
            Method::Neural,
            Method::GaussianProcess,
        ] {
            let model = auto.clone().only(method).fit(&samples).unwrap();
            assert_eq!(model.kind(), kind);
            assert_eq!(model.model().method(), method);
            assert_eq!(
                model.model().as_markov().is_some(),
                kind == NetworkKind::Precision
            );
            assert_eq!(
                model.model().as_structural().is_some(),
                kind == NetworkKind::Directed
            );
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
    let auto = AutoNetworks::correlation();
    let model = auto.fit(&train).unwrap();
    assert_ne!(model.model().method(), Method::Population);
    let population = auto.only(Method::Population).fit(&train).unwrap();
    assert!(density(&model) > density(&population) + 0.1);
}

#[test]
fn candidates_of_another_kind_are_refused() {
    let markov = AutoNetworks::markov().default_of(Method::Population);
    let error = AutoNetworks::correlation()
        .candidates(vec![markov])
        .fit(&nodes(30, 1))
        .unwrap_err();
    assert!(error.to_string().contains("of networks of one kind"));
}
