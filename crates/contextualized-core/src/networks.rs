//! The shared question for networks: one p × p network per sample.

use crate::validate::check_table;
use crate::{Error, Result};
use ndarray::{Array1, Array2, Array3, ArrayView2, ArrayView3, Axis, s};
use serde::{Deserialize, Serialize};

/// n networks over the same p nodes; entry (i, j, k) is the edge from node j to node k in sample i.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Networks {
    edges: Array3<f64>,
}

/// What a file may hold, before it is checked.
#[derive(Deserialize)]
struct Unchecked {
    edges: Array3<f64>,
}

impl TryFrom<Unchecked> for Networks {
    type Error = Error;

    fn try_from(Unchecked { edges }: Unchecked) -> Result<Self> {
        Self::new(edges)
    }
}

impl Networks {
    /// Wraps edges, rows × p × p.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`] when a network is not square; [`Error::NotFinite`] for an
    /// entry that is not finite, at its sample and its position in the row-major network.
    pub fn new(edges: Array3<f64>) -> Result<Self> {
        let (_, from, to) = edges.dim();
        if from != to {
            return Err(Error::ColumnCount {
                argument: "edges",
                expected: from,
                found: to,
            });
        }
        match edges.indexed_iter().find(|(_, value)| !value.is_finite()) {
            Some(((row, j, k), &value)) => Err(Error::NotFinite {
                argument: "edges",
                row,
                column: j * to + k,
                value,
            }),
            None => Ok(Self { edges }),
        }
    }

    /// Edges, rows × p × p.
    pub fn edges(&self) -> ArrayView3<'_, f64> {
        self.edges.view()
    }

    /// Number of networks.
    pub fn rows(&self) -> usize {
        self.edges.dim().0
    }

    /// Number of nodes.
    pub fn nodes(&self) -> usize {
        self.edges.dim().1
    }
}

/// What the entries of a model's networks are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum NetworkKind {
    /// Correlations: symmetric, ones on the diagonal, no eigenvalue below zero.
    Correlation,
    /// Precisions: symmetric and positive definite.
    Precision,
    /// Weights of a directed acyclic network, from the node of the row to that of the column.
    Directed,
}

/// A fitted model of one network per context.
pub trait VaryingNetworks: Send + Sync {
    /// What the entries of the networks are, and so what always holds of them.
    fn kind(&self) -> NetworkKind;

    /// The networks at every row of contexts (n × c), all at once: n · p² numbers.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`], [`Error::NotFinite`].
    fn networks(&self, contexts: ArrayView2<'_, f64>) -> Result<Networks>;

    /// What the networks at the contexts say of each feature given the others, n × p.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`], [`Error::RowCount`], [`Error::NotFinite`].
    fn reconstruct(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>>;

    /// How far the reconstruction of every row is from it: the mean over features of squared
    /// differences (n).
    ///
    /// # Errors
    ///
    /// Those of [`VaryingNetworks::reconstruct`].
    fn reconstruction_errors(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array1<f64>> {
        let differences = &features - &self.reconstruct(contexts, features)?;
        let nodes = features.ncols() as f64;
        Ok((&differences * &differences).sum_axis(Axis(1)) / nodes)
    }

    /// Visits the networks in blocks of at most `block` rows, with each block's first row,
    /// so that no more than `block` · p² numbers are held.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for an empty block, those of
    /// [`VaryingNetworks::networks`], and the first error of the visitor.
    fn visit_networks(
        &self,
        contexts: ArrayView2<'_, f64>,
        block: usize,
        visitor: &mut dyn FnMut(usize, &Networks) -> Result<()>,
    ) -> Result<()> {
        if block == 0 {
            return Err(Error::invalid_parameter("block", block, "at least 1"));
        }
        check_table("contexts", contexts, None)?;
        for first in (0..contexts.nrows()).step_by(block) {
            let last = (first + block).min(contexts.nrows());
            visitor(first, &self.networks(contexts.slice(s![first..last, ..]))?)?;
        }
        Ok(())
    }
}

/// A fitted model that gives features a density at every context.
///
/// Held-out rows compare such models with each other, whatever their networks mean.
pub trait NetworkDensity: VaryingNetworks {
    /// The logarithm of the density of every row of features (n × p) at its context (n × c).
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`], [`Error::RowCount`], [`Error::NotFinite`].
    fn log_densities(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array1<f64>>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// Two nodes; the edge 0 → 1 has the context as its weight.
    struct OneEdge;

    impl VaryingNetworks for OneEdge {
        fn kind(&self) -> NetworkKind {
            NetworkKind::Directed
        }

        fn networks(&self, contexts: ArrayView2<'_, f64>) -> Result<Networks> {
            check_table("contexts", contexts, Some(1))?;
            let mut edges = Array3::zeros((contexts.nrows(), 2, 2));
            edges.slice_mut(s![.., 0, 1]).assign(&contexts.column(0));
            Networks::new(edges)
        }

        fn reconstruct(
            &self,
            contexts: ArrayView2<'_, f64>,
            features: ArrayView2<'_, f64>,
        ) -> Result<Array2<f64>> {
            let networks = self.networks(contexts)?;
            let mut reconstruction = Array2::zeros(features.dim());
            for (row, network) in networks.edges().axis_iter(Axis(0)).enumerate() {
                reconstruction
                    .row_mut(row)
                    .assign(&features.row(row).dot(&network));
            }
            Ok(reconstruction)
        }
    }

    #[test]
    fn blocks_join_to_the_whole() {
        let contexts = Array2::from_shape_fn((7, 1), |(row, _)| row as f64);
        let whole = OneEdge.networks(contexts.view()).unwrap();
        let mut rows = 0;
        OneEdge
            .visit_networks(contexts.view(), 3, &mut |first, block| {
                assert_eq!(first, rows);
                for row in 0..block.rows() {
                    assert_eq!(
                        block.edges().index_axis(Axis(0), row),
                        whole.edges().index_axis(Axis(0), first + row)
                    );
                }
                rows += block.rows();
                Ok(())
            })
            .unwrap();
        assert_eq!(rows, 7);
        assert!(matches!(
            OneEdge.visit_networks(contexts.view(), 0, &mut |_, _| Ok(())),
            Err(Error::InvalidParameter { .. })
        ));
    }

    #[test]
    fn an_edge_carries_its_source_to_its_target() {
        let reconstruction = OneEdge
            .reconstruct(array![[3.0]].view(), array![[2.0, 5.0]].view())
            .unwrap();
        assert_eq!(reconstruction, array![[0.0, 6.0]]);
        let errors = OneEdge
            .reconstruction_errors(array![[3.0]].view(), array![[2.0, 5.0]].view())
            .unwrap();
        assert_eq!(errors, array![2.5]);
    }

    #[test]
    fn networks_are_square_and_finite() {
        assert!(matches!(
            Networks::new(Array3::zeros((1, 2, 3))),
            Err(Error::ColumnCount {
                expected: 2,
                found: 3,
                ..
            })
        ));
        let mut edges = Array3::zeros((2, 2, 2));
        edges[[1, 1, 0]] = f64::NAN;
        assert!(matches!(
            Networks::new(edges),
            Err(Error::NotFinite {
                row: 1,
                column: 2,
                ..
            })
        ));
    }
}
