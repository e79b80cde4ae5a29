//! Acyclic graphs through the public surface: gradients, projections and their distance from exact.

#![allow(clippy::unwrap_used)]

use approx::assert_abs_diff_eq;
use contextualized_solvers::{
    Acyclicity, Projection, acyclic_part, exact_order, greedy_order, is_acyclic, topological_order,
};
use ndarray::Array2;
use proptest::prelude::*;

/// Matrices of up to this many nodes, about half of whose entries are zero.
fn weights(most: usize, bound: f64) -> impl Strategy<Value = Array2<f64>> {
    (1..=most).prop_flat_map(move |nodes| {
        let entry = prop_oneof![Just(0.0), -bound..bound];
        prop::collection::vec(entry, nodes * nodes)
            .prop_map(move |values| Array2::from_shape_vec((nodes, nodes), values).unwrap())
    })
}

/// The same without the edges that lead back, nodes renumbered.
fn acyclic(most: usize) -> impl Strategy<Value = Array2<f64>> {
    (weights(most, 2.0), any::<prop::sample::Index>()).prop_map(|(weights, shift)| {
        let nodes = weights.nrows();
        let shift = shift.index(nodes);
        Array2::from_shape_fn((nodes, nodes), |(i, j)| {
            let (from, to) = ((i + shift) % nodes, (j + shift) % nodes);
            if from < to { weights[[from, to]] } else { 0.0 }
        })
    })
}

fn total(weights: &Array2<f64>) -> f64 {
    weights.iter().map(|weight| weight.abs()).sum()
}

/// Values that are neither random nor regular, in ±½.
fn quadratic(nodes: usize, graph: usize) -> Array2<f64> {
    Array2::from_shape_fn((nodes, nodes), |(i, j)| {
        let k = ((graph * nodes + i) * nodes + j) as f64;
        (k * k * 0.618_033_988_749_895).fract() - 0.5
    })
}

proptest! {
    #[test]
    fn gradients_are_central_differences(weights in weights(5, 0.4)) {
        // Squares sum to at most 0.8 a row, which bounds the spectral radius.
        for penalty in [
            Acyclicity::Notears,
            Acyclicity::Dagma { s: 1.0 },
            Acyclicity::Dagma { s: 0.9 },
            Acyclicity::Polynomial,
        ] {
            let (value, gradient) = penalty.value_and_gradient(weights.view()).unwrap();
            prop_assert!(value >= 0.0);
            prop_assert_eq!(value, penalty.value(weights.view()).unwrap());
            for place in 0..weights.len() {
                let at = |step: f64| {
                    let mut moved = weights.clone();
                    *moved.iter_mut().nth(place).unwrap() += step;
                    penalty.value(moved.view()).unwrap()
                };
                let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
                let slope = *gradient.iter().nth(place).unwrap();
                assert_abs_diff_eq!(slope, difference, epsilon = 1e-7 * (1.0 + slope.abs()));
            }
        }
    }

    #[test]
    fn penalties_are_zero_exactly_without_cycles(weights in weights(6, 0.3)) {
        let without = is_acyclic(weights.view()).unwrap();
        for penalty in [
            Acyclicity::Notears,
            Acyclicity::Dagma { s: 1.0 },
            Acyclicity::Polynomial,
        ] {
            let value = penalty.value(weights.view()).unwrap();
            prop_assert_eq!(value == 0.0, without, "{:?}: {}", penalty, value);
        }
    }

    #[test]
    fn an_order_leads_forward(weights in acyclic(12)) {
        let order = topological_order(weights.view()).unwrap().unwrap();
        let mut place = vec![0; order.len()];
        order.iter().enumerate().for_each(|(at, &node)| place[node] = at);
        for ((i, j), weight) in weights.indexed_iter() {
            prop_assert!(*weight == 0.0 || place[i] < place[j]);
        }
    }

    #[test]
    fn acyclic_in_identical_out(weights in acyclic(16)) {
        for projection in [Projection::Auto, Projection::Exact, Projection::Greedy] {
            let part = acyclic_part(weights.view(), projection).unwrap();
            prop_assert_eq!(&part.weights, &weights);
            prop_assert_eq!((part.removed, part.exact), (0.0, true));
        }
    }

    #[test]
    fn projections_are_acyclic_subgraphs_to_which_nothing_can_be_added(weights in weights(15, 1.0)) {
        for projection in [Projection::Auto, Projection::Exact, Projection::Greedy] {
            let part = acyclic_part(weights.view(), projection).unwrap();
            prop_assert!(is_acyclic(part.weights.view()).unwrap());
            assert_abs_diff_eq!(total(&weights) - total(&part.weights), part.removed, epsilon = 1e-12);
            let again = acyclic_part(part.weights.view(), projection).unwrap();
            prop_assert_eq!(&again.weights, &part.weights);
            for ((place, &before), &after) in weights.indexed_iter().zip(&part.weights) {
                prop_assert!(after == before || after == 0.0);
                if after != before {
                    let mut more = part.weights.clone();
                    more[place] = before;
                    prop_assert!(!is_acyclic(more.view()).unwrap());
                }
            }
        }
    }

    #[test]
    fn exact_keeps_the_most_of_all_orders(weights in weights(5, 1.0)) {
        let nodes = weights.nrows();
        let exact = acyclic_part(weights.view(), Projection::Exact).unwrap();
        // The same by the order search: an order costs what leads back in it.
        let back = |before: u32, node: usize| {
            (0..nodes)
                .filter(|&other| before >> other & 1 == 1)
                .map(|other| weights[[node, other]].abs())
                .sum::<f64>()
        };
        let order = exact_order(Array2::zeros((nodes, nodes)).view(), back).unwrap();
        let loops: f64 = weights.diag().iter().map(|weight| weight.abs()).sum();
        assert_abs_diff_eq!(exact.removed, order.cost + loops, epsilon = 1e-12);
        let greedy = acyclic_part(weights.view(), Projection::Greedy).unwrap();
        prop_assert!(greedy.removed >= exact.removed - 1e-12);
    }

    #[test]
    fn exact_orders_cost_no_more_than_greedy_ones(costs in prop::collection::vec(0.0..1.0_f64, 6 * 64)) {
        let cost = |before: u32, node: usize| costs[before as usize * 6 + node];
        let required = Array2::zeros((6, 6));
        let exact = exact_order(required.view(), cost).unwrap();
        let greedy = greedy_order(required.view(), |before| {
            let before = before.iter().fold(0, |set, node| set | 1 << node);
            Ok::<_, contextualized_solvers::Error>((0..6).map(|node| cost(before, node)).collect())
        })
        .unwrap();
        prop_assert!(exact.cost <= greedy.cost);
        prop_assert!(exact.margin >= 0.0);
    }
}

/// What greed costs on dense graphs without any order in them, the worst case.
#[test]
fn the_distance_of_greedy_from_exact() {
    for (nodes, most) in [(4, 0.03), (8, 0.06), (12, 0.08)] {
        let (mut exact, mut greedy) = (0.0, 0.0);
        for graph in 0..100 {
            let weights = quadratic(nodes, graph);
            let kept =
                |projection| total(&acyclic_part(weights.view(), projection).unwrap().weights);
            exact += kept(Projection::Exact);
            greedy += kept(Projection::Greedy);
        }
        let loss = 1.0 - greedy / exact;
        assert!((0.0..most).contains(&loss), "{nodes} nodes: {loss}");
    }
}

/// A graph with noise on it, as averages of estimates are.
#[test]
fn greedy_is_exact_where_cycles_are_weak() {
    for graph in 0..50 {
        let noise = quadratic(10, graph);
        let weights = Array2::from_shape_fn((10, 10), |(i, j)| {
            if i < j {
                1.0 + noise[[i, j]]
            } else {
                0.1 * noise[[i, j]]
            }
        });
        let part = |projection| acyclic_part(weights.view(), projection).unwrap().weights;
        assert_eq!(part(Projection::Greedy), part(Projection::Exact));
    }
}
