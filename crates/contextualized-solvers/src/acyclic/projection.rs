//! The acyclic subgraph of the largest weight.

use ndarray::{Array2, ArrayView2};

use super::graph;
use super::reachability::Reachability;
use crate::{Error, Result, check};

/// How the edges that stay are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Projection {
    /// Exact in strongly connected components of up to 12 nodes, greedy in larger ones.
    #[default]
    Auto,
    /// Exact, in components of up to [`MOST_PROJECTED_NODES`].
    Exact,
    /// From the strongest edge down, each unless it closes a cycle with those before it.
    Greedy,
}

/// The most nodes of a strongly connected component that [`Projection::Exact`] takes: its time and
/// memory double with every node, to about a second here.
pub const MOST_PROJECTED_NODES: usize = 22;

/// The most nodes of a component that [`Projection::Auto`] solves exactly: a tenth of a millisecond.
const EXACT_NODES: usize = 12;

/// The acyclic part of a graph. See [`acyclic_part`].
#[derive(Clone, Debug, PartialEq)]
pub struct AcyclicPart {
    /// The weights that stay (p × p), each as it was, and zeros.
    pub weights: Array2<f64>,
    /// The sum of the absolute weights that were taken out, the diagonal included.
    pub removed: f64,
    /// Whether no acyclic subgraph keeps more.
    pub exact: bool,
}

/// The acyclic subgraph that keeps the largest sum of absolute weights (p × p).
///
/// An acyclic graph is returned as it is, to the last bit. Otherwise the diagonal is cleared, and
/// edges are taken out within strongly connected components only, for no other edge is part of a
/// cycle. In small components that is exact: an acyclic subgraph is the edges that lead forward in
/// some order of its nodes, and the best order is found by dynamic programming over the set of nodes
/// that come first (Lawler 1964,
/// [doi:10.1287/mnsc.11.2.280](https://doi.org/10.1287/mnsc.11.2.280)). In large ones edges are put in
/// from the strongest down, unless a path leads back; equally strong ones in the order of rows, then
/// columns. Among orders equally good to rounding, the one whose last node, then last but one and so
/// on, has the smaller number wins. The same weights always give the same graph.
///
/// # Errors
///
/// [`Error::Empty`], [`Error::NotSquare`] and [`Error::NotFinite`] for what is not a finite square
/// matrix; [`Error::TooManyNodes`] for [`Projection::Exact`] and a component too large for it.
///
/// ```
/// use contextualized_solvers::{Projection, acyclic_part};
/// use ndarray::array;
///
/// let cycle = array![[0.0, 2.0, 0.0], [0.0, 0.0, -0.5], [1.0, 0.0, 0.0]];
/// let part = acyclic_part(cycle.view(), Projection::Auto)?;
/// assert_eq!(part.weights, array![[0.0, 2.0, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]);
/// assert_eq!((part.removed, part.exact), (0.5, true));
/// # Ok::<(), contextualized_solvers::Error>(())
/// ```
pub fn acyclic_part(weights: ArrayView2<f64>, projection: Projection) -> Result<AcyclicPart> {
    check::square("weights", weights)?;
    let mut kept = weights.to_owned();
    if graph::order(weights).is_some() {
        return Ok(AcyclicPart {
            weights: kept,
            removed: 0.0,
            exact: true,
        });
    }
    kept.diag_mut().fill(0.0);
    let mut exact = true;
    for component in components(weights) {
        let nodes = component.len();
        let most = match projection {
            Projection::Auto => EXACT_NODES,
            Projection::Exact => MOST_PROJECTED_NODES,
            Projection::Greedy => 0,
        };
        if nodes <= most {
            keep_forward(&mut kept, &best_order(weights, &component));
        } else if projection == Projection::Exact {
            return Err(Error::TooManyNodes { nodes, most });
        } else {
            keep_strongest(&mut kept, &component);
            exact = false;
        }
    }
    let removed = weights.iter().zip(&kept).map(|(w, kept)| (w - kept).abs());
    Ok(AcyclicPart {
        removed: removed.sum(),
        weights: kept,
        exact,
    })
}

/// Strongly connected components of more than one node, each in ascending order.
fn components(weights: ArrayView2<f64>) -> Vec<Vec<usize>> {
    let nodes = weights.nrows();
    let mut reach = Reachability::new(nodes);
    for ((from, to), weight) in weights.indexed_iter() {
        if *weight != 0.0 {
            reach.add(from, to);
        }
    }
    let mut seen = vec![false; nodes];
    let mut components = Vec::new();
    for first in 0..nodes {
        if seen[first] {
            continue;
        }
        let component: Vec<usize> = (first..nodes)
            .filter(|&other| {
                other == first || reach.reaches(first, other) && reach.reaches(other, first)
            })
            .collect();
        component.iter().for_each(|&node| seen[node] = true);
        if component.len() > 1 {
            components.push(component);
        }
    }
    components
}

/// The order of a component's nodes with the most weight forward.
fn best_order(weights: ArrayView2<f64>, component: &[usize]) -> Vec<usize> {
    let size = component.len();
    let strength = relative_strengths(weights, component);
    // What a node last in a set has from the others: sums over the lower and the upper half of them.
    let half = size / 2;
    let lower = half_sums(&strength, 0..half);
    let upper = half_sums(&strength, half..size);
    let (lower_sets, upper_sets) = (1 << half, 1 << (size - half));
    let mut best = vec![0.0_f64; 1 << size];
    let mut last = vec![0_u8; 1 << size];
    for set in 1..1_usize << size {
        let mut most = f64::NEG_INFINITY;
        let mut left = set;
        while left > 0 {
            let node = left.trailing_zeros() as usize;
            left &= left - 1;
            let before = set & !(1 << node);
            let forward = lower[node * lower_sets + (before & (lower_sets - 1))]
                + upper[node * upper_sets + (before >> half)];
            let total = best[before] + forward;
            if total > most {
                most = total;
                last[set] = node as u8;
            }
        }
        best[set] = most;
    }
    let mut order = Vec::with_capacity(size);
    let mut set = (1 << size) - 1;
    while set > 0 {
        let node = last[set] as usize;
        order.push(component[node]);
        set &= !(1 << node);
    }
    order.reverse();
    order
}

/// Absolute weights among a component's nodes, relative to the largest so that no sum overflows.
fn relative_strengths(weights: ArrayView2<f64>, component: &[usize]) -> Array2<f64> {
    let size = component.len();
    let strength = Array2::from_shape_fn((size, size), |(i, j)| {
        if i == j {
            0.0
        } else {
            weights[[component[i], component[j]]].abs()
        }
    });
    let largest = strength.fold(f64::MIN_POSITIVE, |largest, weight| largest.max(*weight));
    strength / largest
}

/// For every node and every subset of a range of others, the sum of the weights from these to it.
fn half_sums(strength: &Array2<f64>, range: std::ops::Range<usize>) -> Vec<f64> {
    let sets = 1_usize << range.len();
    let mut sums = vec![0.0; strength.nrows() * sets];
    for (node, sums) in sums.chunks_exact_mut(sets).enumerate() {
        for set in 1..sets {
            let first = set.trailing_zeros() as usize;
            sums[set] = sums[set & (set - 1)] + strength[[range.start + first, node]];
        }
    }
    sums
}

/// Clears the edges that lead back in an order.
fn keep_forward(weights: &mut Array2<f64>, order: &[usize]) {
    for (place, &later) in order.iter().enumerate() {
        for &earlier in &order[..place] {
            weights[[later, earlier]] = 0.0;
        }
    }
}

/// Clears the edges of a component that close a cycle with stronger ones.
fn keep_strongest(weights: &mut Array2<f64>, component: &[usize]) {
    let size = component.len();
    let mut edges: Vec<(f64, usize, usize)> = Vec::new();
    for (i, &from) in component.iter().enumerate() {
        for (j, &to) in component.iter().enumerate() {
            let weight = weights[[from, to]];
            if weight != 0.0 {
                edges.push((weight.abs(), i, j));
            }
        }
    }
    // Stable: equally strong edges stay in the order of rows, then columns.
    edges.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut reach = Reachability::new(size);
    for (_, i, j) in edges {
        if reach.reaches(j, i) {
            weights[[component[i], component[j]]] = 0.0
        } else {
            reach.add(i, j)
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn ties_are_broken_as_documented() {
        let pair = array![[0.0, 1.0], [-1.0, 0.0]];
        for projection in [Projection::Auto, Projection::Exact] {
            let part = acyclic_part(pair.view(), projection).unwrap();
            // Node 0 comes last.
            assert_eq!(part.weights, array![[0.0, 0.0], [-1.0, 0.0]]);
        }
        let greedy = acyclic_part(pair.view(), Projection::Greedy).unwrap();
        assert_eq!(greedy.weights, array![[0.0, 1.0], [0.0, 0.0]]);
        assert!(!greedy.exact);
    }

    #[test]
    fn only_components_lose_edges() {
        // 0 ⇄ 1 → 2 ⇄ 3, and a loop on 3.
        let mut weights = Array2::zeros((4, 4));
        for (i, j, weight) in [
            (0, 1, 1.0),
            (1, 0, 2.0),
            (1, 2, 0.1),
            (2, 3, -3.0),
            (3, 2, 0.5),
            (3, 3, 9.0),
        ] {
            weights[[i, j]] = weight;
        }
        let part = acyclic_part(weights.view(), Projection::Auto).unwrap();
        let mut expected = weights.clone();
        for place in [[0, 1], [3, 2], [3, 3]] {
            expected[place] = 0.0;
        }
        assert_eq!((part.weights, part.removed), (expected, 10.5));
    }

    #[test]
    fn greed_loses_where_two_weak_edges_outweigh_a_strong_one() {
        // Keeping 0 → 1 costs both ways back, which weigh more together.
        let mut weights = array![[0.0, 1.0, 0.0], [0.9, 0.0, 0.9], [0.9, 0.0, 0.0]];
        weights[[0, 1]] = 1.0;
        let greedy = acyclic_part(weights.view(), Projection::Greedy).unwrap();
        let exact = acyclic_part(weights.view(), Projection::Exact).unwrap();
        assert!((greedy.removed - 1.8).abs() < 1e-15);
        assert!((exact.removed - 1.0).abs() < 1e-15);
    }

    #[test]
    fn extreme_weights_do_not_overflow_and_large_components_are_refused() {
        let weights = Array2::from_shape_fn((4, 4), |(i, j)| {
            f64::MAX * if (i + 2 * j) % 3 == 0 { 1.0 } else { -0.5 }
        });
        let part = acyclic_part(weights.view(), Projection::Exact).unwrap();
        assert!(graph::order(part.weights.view()).is_some());
        assert!(matches!(
            acyclic_part(Array2::ones((23, 23)).view(), Projection::Exact),
            Err(Error::TooManyNodes {
                nodes: 23,
                most: 22
            })
        ));
    }
}
