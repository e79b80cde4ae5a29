//! Cycles and orders of a weighted adjacency matrix.

use ndarray::ArrayView2;

use crate::{Result, check};

/// Whether a graph (p × p weights, an edge for every entry that is not zero) has no cycle.
///
/// # Errors
///
/// Those of [`topological_order`].
///
/// ```
/// use contextualized_solvers::is_acyclic;
/// use ndarray::array;
///
/// assert!(is_acyclic(array![[0.0, 1.0], [0.0, 0.0]].view())?);
/// assert!(!is_acyclic(array![[0.1]].view())?);
/// # Ok::<(), contextualized_solvers::Error>(())
/// ```
pub fn is_acyclic(weights: ArrayView2<f64>) -> Result<bool> {
    Ok(topological_order(weights)?.is_some())
}

/// An order of the nodes in which every edge leads forward, or nothing if there is a cycle.
///
/// Of all nodes that could come next, the one with the smallest number does (Kahn 1962,
/// [doi:10.1145/368996.369025](https://doi.org/10.1145/368996.369025)).
///
/// # Errors
///
/// [`Error::Empty`](crate::Error::Empty), [`Error::NotSquare`](crate::Error::NotSquare) and
/// [`Error::NotFinite`](crate::Error::NotFinite) for what is not a finite square matrix.
pub fn topological_order(weights: ArrayView2<f64>) -> Result<Option<Vec<usize>>> {
    check::square("weights", weights)?;
    Ok(order(weights))
}

pub(crate) fn order(weights: ArrayView2<f64>) -> Option<Vec<usize>> {
    let nodes = weights.nrows();
    let mut incoming: Vec<usize> = weights
        .columns()
        .into_iter()
        .map(|column| column.iter().filter(|weight| **weight != 0.0).count())
        .collect();
    let mut placed = vec![false; nodes];
    let mut order = Vec::with_capacity(nodes);
    while let Some(node) = (0..nodes).find(|&node| !placed[node] && incoming[node] == 0) {
        placed[node] = true;
        order.push(node);
        for (to, weight) in weights.row(node).iter().enumerate() {
            if *weight != 0.0 {
                incoming[to] -= 1;
            }
        }
    }
    (order.len() == nodes).then_some(order)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;
    use crate::Error;

    #[test]
    fn the_smallest_free_node_comes_first() {
        let mut weights = Array2::zeros((4, 4));
        weights[[3, 0]] = 1.0;
        weights[[2, 1]] = -1.0;
        let order = topological_order(weights.view()).unwrap();
        assert_eq!(order, Some(vec![2, 1, 3, 0]));
        weights[[0, 2]] = 1e-300;
        weights[[1, 3]] = 1.0;
        assert_eq!(topological_order(weights.view()).unwrap(), None);
    }

    #[test]
    fn a_loop_is_a_cycle_and_bad_input_is_named() {
        assert!(!is_acyclic(array![[0.0, 0.0], [0.0, 1.0]].view()).unwrap());
        assert!(matches!(
            is_acyclic(array![[0.0, f64::NAN], [0.0, 1.0]].view()),
            Err(Error::NotFinite {
                argument: "weights",
                row: 0,
                column: 1,
                ..
            })
        ));
        assert!(is_acyclic(Array2::zeros((2, 3)).view()).is_err());
    }
}
