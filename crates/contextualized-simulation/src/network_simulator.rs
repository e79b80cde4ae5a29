//! Samples whose directed acyclic graph varies with context.

use crate::contexts::{Contexts, context_setters};
use crate::rows::{stacked, table};
use crate::simulator::Intercepts;
use crate::{Draws, StructuralModel};
use contextualized_core::{Error, Networks, Result, Samples, Split};
use ndarray::{Array2, ArrayView2, Axis};
use std::sync::Arc;

type NetworkAt = dyn Fn(&[f64]) -> Array2<f64> + Send + Sync;

/// Samples with the true network and intercepts of each row.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedNetworks {
    /// Contexts, and the nodes as features; targets are the features once more.
    pub samples: Samples,
    /// The true weights of each row: the edge from node i to node j is in row i, column j.
    pub networks: Networks,
    /// The true intercepts m, rows × nodes.
    pub intercepts: Array2<f64>,
}

impl SimulatedNetworks {
    /// Number of samples.
    pub fn rows(&self) -> usize {
        self.samples.rows()
    }

    /// Number of nodes.
    pub fn nodes(&self) -> usize {
        self.networks.nodes()
    }

    /// What the true networks say of each node given the others, `x W + m` (rows × nodes).
    pub fn reconstruction(&self) -> Array2<f64> {
        let mut reconstruction = self.intercepts.clone();
        for (row, network) in self.networks.edges().axis_iter(Axis(0)).enumerate() {
            let mut sample = reconstruction.row_mut(row);
            sample += &self.samples.features().row(row).dot(&network);
        }
        reconstruction
    }

    /// The given rows, in the given order; a row may be repeated.
    ///
    /// # Errors
    ///
    /// [`Error::RowOutOfRange`]; [`Error::NoRows`] for an empty selection.
    pub fn select(&self, rows: &[usize]) -> Result<Self> {
        let samples = self.samples.select(rows)?;
        // The fields are public, so these tables may have been replaced by shorter ones.
        let least = self.networks.rows().min(self.intercepts.nrows());
        if let Some(&row) = rows.iter().find(|&&row| row >= least) {
            return Err(Error::RowOutOfRange { row, rows: least });
        }
        Ok(Self {
            samples,
            networks: Networks::new(self.networks.edges().select(Axis(0), rows))?,
            intercepts: self.intercepts.select(Axis(0), rows),
        })
    }

    /// The rows on either side of a split: for training, then held out.
    ///
    /// # Errors
    ///
    /// Those of [`SimulatedNetworks::select`].
    pub fn split(&self, split: &Split) -> Result<(Self, Self)> {
        Ok((self.select(&split.train)?, self.select(&split.test)?))
    }
}

/// A recipe for samples from directed acyclic graphs that vary with context.
///
/// For each row contexts c are drawn, then the nodes from a [`StructuralModel`] with the weights W(c)
/// and, if set, the intercepts m(c). The graphs are required, and contexts, drawn or given.
///
/// ```
/// use contextualized_simulation::NetworkSimulator;
/// use ndarray::array;
///
/// // An edge that turns round where the context changes its sign.
/// let data = NetworkSimulator::new(200)
///     .uniform_contexts(1, -1.0, 1.0)
///     .networks(|c| match c[0] > 0.0 {
///         true => array![[0.0, c[0]], [0.0, 0.0]],
///         false => array![[0.0, 0.0], [c[0], 0.0]],
///     })
///     .simulate(0)?;
/// assert_eq!(data.networks.edges().dim(), (200, 2, 2));
/// assert_eq!(data.samples.features(), data.samples.targets());
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Clone)]
pub struct NetworkSimulator {
    contexts: Contexts,
    networks: Option<Arc<NetworkAt>>,
    intercepts: Option<Arc<Intercepts>>,
    model: StructuralModel,
}

impl NetworkSimulator {
    /// A simulation of this many rows, whose contexts are still to be chosen.
    pub fn new(rows: usize) -> Self {
        Self {
            contexts: Contexts::missing(rows),
            networks: None,
            intercepts: None,
            model: StructuralModel::new(),
        }
    }

    context_setters!();

    /// The weights W(c) (p × p) of the edges from rows to columns.
    pub fn networks(
        mut self,
        networks: impl Fn(&[f64]) -> Array2<f64> + Send + Sync + 'static,
    ) -> Self {
        self.networks = Some(Arc::new(networks));
        self
    }

    /// The intercepts m(c) (p).
    pub fn intercepts(
        mut self,
        intercepts: impl Fn(&[f64]) -> Vec<f64> + Send + Sync + 'static,
    ) -> Self {
        self.intercepts = Some(Arc::new(intercepts));
        self
    }

    /// The noise of the nodes.
    pub fn model(mut self, model: StructuralModel) -> Self {
        self.model = model;
        self
    }

    /// Draws the data: the same seed gives the same data.
    ///
    /// # Errors
    ///
    /// [`Error::NoRows`]; [`Error::InvalidParameter`] when contexts or networks were not set, for a
    /// network with a cycle and for scales out of range; [`Error::ColumnCount`] when a function returns
    /// another number of values for one row than for the first; [`Error::NotFinite`] for a value that
    /// is not finite.
    pub fn simulate(&self, seed: u64) -> Result<SimulatedNetworks> {
        let Some(network_at) = &self.networks else {
            return Err(Error::invalid_parameter(
                "networks",
                "missing",
                "a function of the context",
            ));
        };
        let contexts = self.contexts.draw(seed)?;
        let context = |row: usize| contexts.row(row).to_vec();
        let rows = contexts.nrows();
        let matrices: Vec<_> = (0..rows).map(|row| network_at(&context(row))).collect();
        let nodes = matrices.first().map_or(0, Array2::nrows);
        let networks = Networks::new(stacked("networks", &matrices, (nodes, nodes))?)?;
        let intercepts = match &self.intercepts {
            Some(intercepts) => table("intercepts", rows, Some(nodes), |row| {
                intercepts(&context(row))
            })?,
            None => Array2::zeros((rows, nodes)),
        };
        let features = self
            .model
            .simulate_with_intercepts(&networks, intercepts.view(), seed)?;
        let visible = self.contexts.with_irrelevant(contexts.view(), seed);
        let samples = Samples::of_nodes(visible.view(), features.view())?;
        Ok(SimulatedNetworks {
            samples: self.contexts.name(samples)?,
            networks,
            intercepts,
        })
    }
}
