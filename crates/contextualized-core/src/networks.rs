//! The shared question for networks: one p × p network per sample.

use crate::validate::{check_columns, check_finite, check_query, check_table};
use crate::{Checked, Error, NodeDistribution, Result, checked_serde};
use ndarray::{Array1, Array2, Array3, ArrayView2, ArrayView3, Axis, s};
use serde::{Deserialize, Serialize};

/// n networks over the same p nodes; entry (i, j, k) is the edge from node j to node k in sample i.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Networks {
    edges: Array3<f64>,
}

checked_serde!(Networks);

impl Checked for Networks {
    fn check(&self) -> Result<()> {
        let (_, from, to) = self.edges.dim();
        check_columns("edges", from, to)?;
        let mut edges = self.edges.indexed_iter();
        match edges.find(|(_, value)| !value.is_finite()) {
            Some(((row, j, k), &value)) => Err(Error::NotFinite {
                argument: "edges",
                row,
                column: j * to + k,
                value,
            }),
            None => Ok(()),
        }
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
        let networks = Self { edges };
        networks.check()?;
        Ok(networks)
    }

    /// One network (p × p) a row.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`] for a network of other than `nodes` nodes; [`Error::NotFinite`].
    pub fn stacked(networks: &[Array2<f64>], nodes: usize) -> Result<Self> {
        let mut edges = Array3::zeros((networks.len(), nodes, nodes));
        for (mut edges, network) in edges.outer_iter_mut().zip(networks) {
            check_columns("edges", nodes, network.nrows())?;
            check_columns("edges", nodes, network.ncols())?;
            edges.assign(network);
        }
        Self::new(edges)
    }

    /// The same network (p × p) in every row.
    ///
    /// # Errors
    ///
    /// Those of [`Networks::new`].
    pub fn constant(network: ArrayView2<'_, f64>, rows: usize) -> Result<Self> {
        let shape = (rows, network.nrows(), network.ncols());
        Self::new(Array3::from_shape_fn(shape, |(_, i, j)| network[[i, j]]))
    }

    /// Edges, rows × p × p.
    pub fn edges(&self) -> ArrayView3<'_, f64> {
        self.edges.view()
    }

    /// The edges themselves.
    pub fn into_edges(self) -> Array3<f64> {
        self.edges
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
pub enum NetworkKind {
    /// Correlations: symmetric, ones on the diagonal, no eigenvalue below zero.
    Correlation,
    /// Precisions: symmetric and positive definite.
    Precision,
    /// Weights of a directed acyclic network, from the node of the row to that of the column.
    Directed,
}

impl NetworkKind {
    /// Whether an edge leads from one node to another, and not in both directions.
    pub fn is_directed(self) -> bool {
        match self {
            Self::Correlation | Self::Precision => false,
            Self::Directed => true,
        }
    }
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

/// A fitted model of the distribution of the nodes at every context.
///
/// Held-out rows compare such models with each other, whatever their networks mean. A model says what
/// the distributions are; what follows from them for rows of nodes is here.
pub trait NetworkDensity: VaryingNetworks {
    /// The distribution of the nodes at every row of contexts (n × c), all at once: about n · p²
    /// numbers.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`], [`Error::NotFinite`], [`Error::Numerical`].
    fn distributions(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<NodeDistribution>>;

    /// Training rows of each cluster, of a model of clusters.
    fn cluster_sizes(&self) -> Option<Vec<usize>> {
        None
    }

    /// The mean of each feature given the others, n × p: of a normal distribution given all others,
    /// of structural equations given its parents.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`], [`Error::RowCount`], [`Error::NotFinite`], and those of
    /// [`NetworkDensity::distributions`].
    fn reconstruct(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        let mut means = Array2::zeros(features.dim());
        visit_distributions(self, contexts, features, |row, distribution| {
            let mean = distribution.conditional_means(features.row(row));
            means.row_mut(row).assign(&mean);
        })?;
        check_finite("reconstruction", means.view())?;
        Ok(means)
    }

    /// How far the reconstruction of every row is from it: the mean over features of squared
    /// differences (n).
    ///
    /// # Errors
    ///
    /// Those of [`NetworkDensity::reconstruct`].
    fn reconstruction_errors(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array1<f64>> {
        let differences = &features - &self.reconstruct(contexts, features)?;
        let nodes = features.ncols() as f64;
        Ok((&differences * &differences).sum_axis(Axis(1)) / nodes)
    }

    /// The logarithm of the density of every row of features (n × p) at its context (n × c).
    ///
    /// # Errors
    ///
    /// Those of [`NetworkDensity::reconstruct`].
    fn log_densities(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array1<f64>> {
        let mut densities = Array1::zeros(features.nrows());
        visit_distributions(self, contexts, features, |row, distribution| {
            densities[row] = distribution.log_density(features.row(row));
        })?;
        check_finite("log-densities", densities.view().insert_axis(Axis(1)))?;
        Ok(densities)
    }
}

/// Numbers of the matrices that are held at once.
const AT_ONCE: usize = 1 << 22;

/// The distribution of every row of features, in blocks whose size depends on the number of nodes
/// alone.
fn visit_distributions<M: NetworkDensity + ?Sized>(
    model: &M,
    contexts: ArrayView2<'_, f64>,
    features: ArrayView2<'_, f64>,
    mut visitor: impl FnMut(usize, &NodeDistribution),
) -> Result<()> {
    check_query(contexts, contexts.ncols(), features, features.ncols())?;
    let rows = contexts.nrows();
    let block = (AT_ONCE / features.ncols().pow(2)).clamp(128, 1024);
    // A table without rows is a block, too: the model then checks its columns.
    for first in (0..rows.max(1)).step_by(block) {
        let last = (first + block).min(rows);
        let distributions = model.distributions(contexts.slice(s![first..last, ..]))?;
        for (row, distribution) in (first..last).zip(&distributions) {
            check_columns("features", distribution.nodes(), features.ncols())?;
            visitor(row, distribution);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StructuralEquations;
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
    }

    impl NetworkDensity for OneEdge {
        fn distributions(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<NodeDistribution>> {
            let networks = self.networks(contexts)?;
            let edges = networks.edges();
            let equations = edges.outer_iter().map(|weights| {
                NodeDistribution::Structural(StructuralEquations {
                    weights: weights.to_owned(),
                    intercepts: Array1::zeros(2),
                    noise_variances: Array1::ones(2),
                })
            });
            Ok(equations.collect())
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
    fn rows_of_other_nodes_are_refused() {
        let contexts = array![[3.0]];
        assert!(matches!(
            OneEdge.reconstruct(contexts.view(), array![[1.0]].view()),
            Err(Error::ColumnCount {
                argument: "features",
                expected: 2,
                found: 1
            })
        ));
        let none = Array2::<f64>::zeros((0, 2));
        assert!(OneEdge.log_densities(none.view(), none.view()).is_err());
        let far = array![[1e200, 0.0]];
        assert!(matches!(
            OneEdge.log_densities(contexts.view(), far.view()),
            Err(Error::NotFinite { row: 0, .. })
        ));
    }

    /// More rows than a block.
    #[test]
    fn every_row_has_the_distribution_of_its_context() {
        let contexts = Array2::from_shape_fn((2500, 1), |(row, _)| row as f64);
        let found = OneEdge.reconstruct(contexts.view(), Array2::ones((2500, 2)).view());
        assert_eq!(found.unwrap().column(1), contexts.column(0));
    }

    #[test]
    fn rows_are_stacked_and_repeated() {
        let network = array![[0.0, 1.0], [0.0, 0.0]];
        let stacked = Networks::stacked(&[network.clone(), network.clone()], 2).unwrap();
        assert_eq!(stacked, Networks::constant(network.view(), 2).unwrap());
        assert_eq!(Networks::stacked(&[], 3).unwrap().edges().dim(), (0, 3, 3));
        assert!(Networks::stacked(&[network], 3).is_err());
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
