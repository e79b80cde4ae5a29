//! Samples whose directed acyclic graph varies with context.

use crate::contexts::{Contexts, names, with_irrelevant};
use crate::rows::table;
use crate::simulator::Offsets;
use crate::{Draws, StructuralModel};
use contextualized_core::{Error, Networks, Result, Samples, Split};
use ndarray::{Array2, Array3, ArrayView2, Axis};
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
    pub offsets: Array2<f64>,
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
        let mut reconstruction = self.offsets.clone();
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
        let least = self.networks.rows().min(self.offsets.nrows());
        if let Some(&row) = rows.iter().find(|&&row| row >= least) {
            return Err(Error::RowOutOfRange { row, rows: least });
        }
        Ok(Self {
            samples,
            networks: Networks::new(self.networks.edges().select(Axis(0), rows))?,
            offsets: self.offsets.select(Axis(0), rows),
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
    rows: usize,
    contexts: Contexts,
    irrelevant: usize,
    networks: Option<Arc<NetworkAt>>,
    offsets: Option<Arc<Offsets>>,
    model: StructuralModel,
}

impl NetworkSimulator {
    /// A simulation of this many rows, whose contexts are still to be chosen.
    pub fn new(rows: usize) -> Self {
        Self {
            rows,
            contexts: Contexts::Missing,
            irrelevant: 0,
            networks: None,
            offsets: None,
            model: StructuralModel::new(),
        }
    }

    /// A simulation at these contexts (n × c), one row each.
    pub fn at_contexts(contexts: ArrayView2<'_, f64>) -> Self {
        Self {
            contexts: Contexts::Given(contexts.to_owned()),
            ..Self::new(contexts.nrows())
        }
    }

    /// Draws the contexts of a row.
    pub fn contexts(
        mut self,
        draw: impl Fn(&mut Draws) -> Vec<f64> + Send + Sync + 'static,
    ) -> Self {
        self.contexts = Contexts::Drawn(Arc::new(draw));
        self
    }

    /// This many independent contexts, uniform between `low` and `high`.
    pub fn uniform_contexts(self, columns: usize, low: f64, high: f64) -> Self {
        self.contexts(move |draws| (0..columns).map(|_| draws.uniform(low, high)).collect())
    }

    /// Appends this many independent standard normal contexts, named `noise0`, `noise1`, …, which
    /// nothing depends on.
    pub fn irrelevant_contexts(mut self, columns: usize) -> Self {
        self.irrelevant = columns;
        self
    }

    /// The weights W(c) (p × p) of the edges from rows to columns.
    pub fn networks(
        mut self,
        networks: impl Fn(&[f64]) -> Array2<f64> + Send + Sync + 'static,
    ) -> Self {
        self.networks = Some(Arc::new(networks));
        self
    }

    /// The intercepts m(c) (p).
    pub fn offsets(mut self, offsets: impl Fn(&[f64]) -> Vec<f64> + Send + Sync + 'static) -> Self {
        self.offsets = Some(Arc::new(offsets));
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
        let contexts = self.contexts.draw(self.rows, seed)?;
        let context = |row: usize| contexts.row(row).to_vec();
        let rows = contexts.nrows();
        let mut nodes = None;
        let mut square = Ok(());
        let flat = table("networks", rows, None, |row| {
            let network = network_at(&context(row));
            let expected = *nodes.get_or_insert(network.nrows());
            for found in [network.nrows(), network.ncols()] {
                if found != expected && square.is_ok() {
                    square = Err(Error::ColumnCount {
                        argument: "networks",
                        expected,
                        found,
                    });
                }
            }
            network.iter().copied().collect()
        });
        square?;
        let (flat, nodes) = (flat?, nodes.unwrap_or_default());
        let edges = Array3::from_shape_fn((rows, nodes, nodes), |(row, from, to)| {
            flat[[row, from * nodes + to]]
        });
        let networks = Networks::new(edges)?;
        let offsets = match &self.offsets {
            Some(offsets) => table("offsets", rows, Some(nodes), |row| offsets(&context(row)))?,
            None => Array2::zeros((rows, nodes)),
        };
        let features = self
            .model
            .simulate_with_offsets(&networks, offsets.view(), seed)?;
        let visible = with_irrelevant(contexts.view(), self.irrelevant, seed);
        let samples = Samples::of_nodes(visible.view(), features.view())?
            .with_context_names(names(contexts.ncols(), self.irrelevant))?;
        Ok(SimulatedNetworks {
            samples,
            networks,
            offsets,
        })
    }
}
