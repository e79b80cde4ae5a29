//! Linear structural equation models: data from directed acyclic graphs.

use crate::Draws;
use crate::draws::Stream;
use contextualized_core::validate::{check_columns, check_rows};
use contextualized_core::{Error, Networks, Result};
use contextualized_solvers::topological_order;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use std::f64::consts::PI;

/// What is random about a node, given its parents.
///
/// With `η = m + Σᵢ wᵢⱼ xᵢ` over the parents and s the node's scale:
///
/// | noise | x given η | mean | variance |
/// |---|---|---|---|
/// | Gaussian | η + N(0, s²) | η | s² |
/// | Exponential | η + s Exp(1) | η + s | s² |
/// | Gumbel | η + s Gumbel | η + 0.5772 s | π² s² / 6 |
/// | Uniform | η + U(−s, s) | η | s² / 3 |
/// | Logistic | Bernoulli(1 / (1 + e^−η)) | | |
/// | Poisson | Poisson(e^η), the rate at most [`StructuralModel::MOST_RATE`] | | |
///
/// The last two are not additive: they have no scale, cannot be centred, and no covariance in closed
/// form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeNoise {
    /// Normal.
    Gaussian,
    /// Exponential, skewed to the right.
    Exponential,
    /// Extreme values, skewed to the right.
    Gumbel,
    /// Uniform.
    Uniform,
    /// Binary nodes.
    Logistic,
    /// Counts.
    Poisson,
}

impl NodeNoise {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::Gaussian,
        Self::Exponential,
        Self::Gumbel,
        Self::Uniform,
        Self::Logistic,
        Self::Poisson,
    ];

    /// Whether x is η plus noise.
    pub fn is_additive(self) -> bool {
        match self {
            Self::Gaussian | Self::Exponential | Self::Gumbel | Self::Uniform => true,
            Self::Logistic | Self::Poisson => false,
        }
    }

    /// Mean and variance of additive noise of scale one.
    fn moments(self) -> (f64, f64) {
        match self {
            Self::Exponential => (1.0, 1.0),
            Self::Gumbel => (EULER, PI * PI / 6.0),
            Self::Uniform => (0.0, 1.0 / 3.0),
            Self::Gaussian | Self::Logistic | Self::Poisson => (0.0, 1.0),
        }
    }
}

/// The mean of the standard Gumbel distribution.
const EULER: f64 = 0.577_215_664_901_532_9;

/// A linear structural equation model, every sample with a graph of its own.
///
/// `x_j = m_j + Σᵢ W_ij x_i + z_j`: the edge from node i to node j is in row i, column j, and the graph
/// has no cycle.
///
/// | setting | default |
/// |---|---|
/// | noise | Gaussian |
/// | scales | 1, of all nodes or each |
/// | centring of additive noise | no |
///
/// ```
/// use contextualized_core::Networks;
/// use contextualized_simulation::StructuralModel;
/// use ndarray::{Array3, array};
///
/// // 0 → 1, with a weight that grows from sample to sample.
/// let mut edges = Array3::zeros((5, 2, 2));
/// for sample in 0..5 {
///     edges[[sample, 0, 1]] = sample as f64;
/// }
/// let model = StructuralModel::new().scales(vec![1.0, 0.0]);
/// let x = model.simulate(&Networks::new(edges)?, 7)?;
/// assert_eq!(x[[3, 1]], 3.0 * x[[3, 0]]);
///
/// let covariance = model.covariance(array![[0.0, 2.0], [0.0, 0.0]].view())?;
/// assert_eq!(covariance, array![[1.0, 2.0], [2.0, 4.0]]);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct StructuralModel {
    noise: NodeNoise,
    scales: Vec<f64>,
    centered: bool,
}

impl Default for StructuralModel {
    fn default() -> Self {
        Self {
            noise: NodeNoise::Gaussian,
            scales: vec![1.0],
            centered: false,
        }
    }
}

impl StructuralModel {
    /// The largest rate of a Poisson node. Rates are exponentials of sums of counts, so that a chain of
    /// a few nodes would leave any range; above this, all rates are this one.
    pub const MOST_RATE: f64 = 1e4;

    /// Gaussian noise of unit variance.
    pub fn new() -> Self {
        Self::default()
    }

    /// The kind of noise.
    pub fn noise(mut self, noise: NodeNoise) -> Self {
        self.noise = noise;
        self
    }

    /// One scale of the noise for all nodes.
    pub fn scale(self, scale: f64) -> Self {
        self.scales(vec![scale])
    }

    /// A scale for every node; zero for a node that follows from its parents.
    pub fn scales(mut self, scales: Vec<f64>) -> Self {
        self.scales = scales;
        self
    }

    /// Takes the mean from additive noise that has one.
    pub fn centered(mut self) -> Self {
        self.centered = true;
        self
    }

    /// One row (n × p) for every network, without intercepts.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a network with a cycle, which is named, or scales that are
    /// negative, not finite, or neither one nor one for each node; [`Error::NotFinite`] where weights
    /// are so large that a value is.
    pub fn simulate(&self, networks: &Networks, seed: u64) -> Result<Array2<f64>> {
        let intercepts = Array2::zeros((networks.rows(), networks.nodes()));
        self.simulate_with_intercepts(networks, intercepts.view(), seed)
    }

    /// The same with intercepts m (n × p).
    ///
    /// Additive noise is drawn row by row and node by node, whatever the graphs.
    ///
    /// # Errors
    ///
    /// Those of [`StructuralModel::simulate`], and [`Error::RowCount`] and [`Error::ColumnCount`] for
    /// other than n × p intercepts.
    pub fn simulate_with_intercepts(
        &self,
        networks: &Networks,
        intercepts: ArrayView2<'_, f64>,
        seed: u64,
    ) -> Result<Array2<f64>> {
        let (rows, nodes) = (networks.rows(), networks.nodes());
        let scales = self.checked_scales(nodes)?;
        check_rows("intercepts", rows, intercepts.nrows())?;
        check_columns("intercepts", nodes, intercepts.ncols())?;
        let mut draws = Draws::new(seed, Stream::Noise);
        let mut values = Array2::zeros((rows, nodes));
        for (row, network) in networks.edges().axis_iter(Axis(0)).enumerate() {
            let order = order_of(network, row)?;
            let mut sample = values.row_mut(row);
            if self.noise.is_additive() {
                sample.assign(&self.additive(&mut draws, scales.view()));
            }
            for node in order {
                // Weights of nodes that come later are zero.
                let predictor = intercepts[[row, node]] + network.column(node).dot(&sample.view());
                sample[node] = match self.noise {
                    NodeNoise::Logistic => draws.bernoulli(logistic(predictor)),
                    NodeNoise::Poisson => draws.poisson(predictor.exp().min(Self::MOST_RATE)),
                    NodeNoise::Gaussian
                    | NodeNoise::Exponential
                    | NodeNoise::Gumbel
                    | NodeNoise::Uniform => sample[node] + predictor,
                };
            }
            if let Some((column, &value)) =
                sample.indexed_iter().find(|(_, value)| !value.is_finite())
            {
                return Err(Error::NotFinite {
                    argument: "features",
                    row,
                    column,
                    value,
                });
            }
        }
        Ok(values)
    }

    /// The covariance (p × p) of a sample whose network this is, `(I − W)⁻ᵀ S (I − W)⁻¹` with S the
    /// diagonal of the noise variances.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for noise that is not additive, a network with a cycle, and scales
    /// as in [`StructuralModel::simulate`].
    pub fn covariance(&self, weights: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        if !self.noise.is_additive() {
            return Err(Error::invalid_parameter(
                "noise",
                format!("{:?}", self.noise),
                "additive for the covariance to have a closed form",
            ));
        }
        let scales = self.checked_scales(weights.ncols())?;
        let (_, variance) = self.noise.moments();
        let effects = total_effects(weights)?;
        let weighted = &effects * &scales.mapv(|s| s * s * variance).insert_axis(Axis(1));
        Ok(effects.t().dot(&weighted))
    }

    fn additive(&self, draws: &mut Draws, scales: ArrayView1<'_, f64>) -> Array1<f64> {
        let mean = if self.centered {
            self.noise.moments().0
        } else {
            0.0
        };
        scales.mapv(|scale| {
            let standard = match self.noise {
                NodeNoise::Exponential => draws.exponential(1.0),
                NodeNoise::Gumbel => draws.gumbel(1.0),
                NodeNoise::Uniform => draws.uniform(-1.0, 1.0),
                NodeNoise::Gaussian | NodeNoise::Logistic | NodeNoise::Poisson => {
                    draws.normal(0.0, 1.0)
                }
            };
            scale * (standard - mean)
        })
    }

    fn checked_scales(&self, nodes: usize) -> Result<Array1<f64>> {
        if let Some(scale) = self
            .scales
            .iter()
            .find(|scale| !(scale.is_finite() && **scale >= 0.0))
        {
            return Err(Error::invalid_parameter(
                "scale",
                scale,
                "a finite number of at least zero",
            ));
        }
        match self.scales[..] {
            [scale] => Ok(Array1::from_elem(nodes, scale)),
            _ if self.scales.len() == nodes => Ok(Array1::from_vec(self.scales.clone())),
            _ => Err(Error::invalid_parameter(
                "number of scales",
                self.scales.len(),
                format!("1 or the number of nodes, {nodes}"),
            )),
        }
    }
}

/// What a unit of noise in each node (rows) adds to each node (columns), `(I − W)⁻¹` (p × p).
///
/// # Errors
///
/// [`Error::InvalidParameter`] for a network with a cycle; [`Error::Numerical`] for what is not a
/// finite square matrix.
pub fn total_effects(weights: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let order = order_of(weights, 0)?;
    let mut effects = Array2::eye(weights.nrows());
    for &node in &order {
        let mut column = Array1::zeros(weights.nrows());
        for &parent in &order {
            let weight = weights[[parent, node]];
            if weight != 0.0 {
                column.scaled_add(weight, &effects.column(parent));
            }
        }
        column[node] += 1.0;
        effects.column_mut(node).assign(&column);
    }
    Ok(effects)
}

fn order_of(network: ArrayView2<'_, f64>, row: usize) -> Result<Vec<usize>> {
    topological_order(network)
        .map_err(|error| Error::numerical("the order of the nodes", error))?
        .ok_or_else(|| {
            Error::invalid_parameter("network", format!("cyclic in row {}", row + 1), "acyclic")
        })
}

/// Without overflow for any predictor.
fn logistic(predictor: f64) -> f64 {
    0.5 * (1.0 + (0.5 * predictor).tanh())
}
