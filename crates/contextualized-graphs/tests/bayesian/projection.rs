//! Networks made acyclic, sample by sample.

use crate::on_threads;
use contextualized_core::{Error, Networks};
use contextualized_graphs::bayesian::{
    Projection, acyclic_part, is_acyclic, project_networks, projected_mean,
};
use ndarray::{Array3, Axis};
use proptest::prelude::*;

fn networks(rows: usize, nodes: usize) -> Networks {
    Networks::new(Array3::from_shape_fn(
        (rows, nodes, nodes),
        |(row, i, j)| {
            let k = ((row * nodes + i) * nodes + j) as f64;
            (k * k * 0.618_033_988_749_895).fract() - 0.5
        },
    ))
    .unwrap()
}

#[test]
fn every_sample_is_its_own_projection_on_any_number_of_threads() {
    let networks = networks(300, 9);
    let project = || project_networks(&networks, Projection::Auto).unwrap();
    let projected = on_threads(1, project);
    assert_eq!(projected, on_threads(2, project));
    let rows = networks.edges();
    for (row, found) in rows
        .axis_iter(Axis(0))
        .zip(projected.edges().axis_iter(Axis(0)))
    {
        assert!(is_acyclic(found).unwrap());
        assert_eq!(acyclic_part(row, Projection::Auto).unwrap().weights, found);
    }
    assert_eq!(
        project_networks(&projected, Projection::Greedy).unwrap(),
        projected
    );
    let nothing = Networks::new(Array3::zeros((0, 3, 3))).unwrap();
    assert_eq!(
        project_networks(&nothing, Projection::Auto).unwrap(),
        nothing
    );
}

/// The mean of acyclic graphs has cycles; its projection has none.
#[test]
fn means_are_projected_after_averaging() {
    let estimates: Vec<Networks> = (0..5)
        .map(|shift| {
            let shifted = networks(40, 5)
                .edges()
                .mapv(|w| (w * (shift + 1) as f64).sin());
            project_networks(&Networks::new(shifted).unwrap(), Projection::Auto).unwrap()
        })
        .collect();
    let mean = estimates
        .iter()
        .fold(Array3::zeros((40, 5, 5)), |sum, estimate| {
            sum + estimate.edges().mapv(|weight| weight / 5.0)
        });
    let cyclic = mean
        .axis_iter(Axis(0))
        .filter(|mean| !is_acyclic(*mean).unwrap())
        .count();
    assert!(cyclic > 20);
    let projected = projected_mean(&estimates, Projection::Auto).unwrap();
    for (projected, mean) in projected
        .edges()
        .axis_iter(Axis(0))
        .zip(mean.axis_iter(Axis(0)))
    {
        assert!(is_acyclic(projected).unwrap());
        for (kept, whole) in projected.iter().zip(mean) {
            assert!(*kept == 0.0 || (kept - whole).abs() < 1e-15);
        }
    }
    assert!(matches!(
        projected_mean(&[], Projection::Auto),
        Err(Error::NoRows { .. })
    ));
    let two = [networks(3, 4), networks(3, 5)];
    assert!(matches!(
        projected_mean(&two, Projection::Auto),
        Err(Error::ColumnCount { .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_weights_become_acyclic(
        values in prop::collection::vec(prop_oneof![Just(0.0), -1e3..1e3_f64], 3 * 49),
    ) {
        let edges = Array3::from_shape_vec((3, 7, 7), values).unwrap();
        for projection in [Projection::Auto, Projection::Exact, Projection::Greedy] {
            let networks = Networks::new(edges.clone()).unwrap();
            let projected = project_networks(&networks, projection).unwrap();
            for network in projected.edges().axis_iter(Axis(0)) {
                prop_assert!(is_acyclic(network).unwrap());
            }
        }
    }
}
