//! What is regressed on what.

use super::nodes::Nodes;
use contextualized_core::{Family, Standardization};
use contextualized_encoders::{ConstantCoefficients, LogVarianceLoss, Loss};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

/// What an encoder learns of standardised nodes.
#[derive(Clone, Copy)]
pub(crate) enum Task<'a> {
    /// Every node by every other one alone; targets are those of [`pairs`].
    Pairs,
    /// Every node by all others.
    Others {
        /// How far archetypes of slopes are shrunk towards zero after each epoch, in units of the learning
        /// rate times its steps; there is no population to start from then.
        lasso: Option<f64>,
    },
    /// Means of the nodes.
    Means,
    /// Logarithms of the variances of residuals (rows × nodes), of rows in their order.
    LogVariances(&'a Array2<f64>),
}

/// The pairs (i, j), i ≠ j: node i by node j.
pub(crate) fn pairs(nodes: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..nodes).flat_map(move |i| (0..nodes).filter(move |&j| j != i).map(move |j| (i, j)))
}

impl Task<'_> {
    /// The seed's stream of the task: tasks of one seed, and those of the next, do not share numbers.
    pub(crate) fn stream(&self) -> u64 {
        match self {
            Self::Pairs | Self::Others { .. } => 0,
            Self::Means => 1,
            Self::LogVariances(_) => 2,
        }
    }

    /// What predictions of the task lower.
    pub(crate) fn loss(&self) -> &'static dyn Loss {
        match self {
            Self::Pairs | Self::Others { .. } | Self::Means => &Family::Gaussian,
            Self::LogVariances(_) => &LogVarianceLoss,
        }
    }

    pub(crate) fn lasso(&self) -> f64 {
        match self {
            Self::Others { lasso } => lasso.unwrap_or(0.0),
            Self::Pairs | Self::Means | Self::LogVariances(_) => 0.0,
        }
    }

    /// Which slopes there are, targets × features.
    pub(crate) fn mask(&self, nodes: usize) -> Array2<bool> {
        match self {
            Self::Pairs => {
                let mut mask = Array2::from_elem((nodes * (nodes - 1), nodes), false);
                for (place, (_, j)) in pairs(nodes).enumerate() {
                    mask[[place, j]] = true;
                }
                mask
            }
            Self::Others { .. } => Array2::from_shape_fn((nodes, nodes), |(i, j)| i != j),
            Self::Means | Self::LogVariances(_) => Array2::from_elem((nodes, 1), false),
        }
    }

    /// The population's coefficients, with slopes of zero where the mask is not true, as these rows
    /// have them.
    pub(crate) fn population(&self, data: &Nodes, rows: &[usize]) -> ConstantCoefficients {
        let size = data.nodes.ncols();
        let slopes = match self {
            Self::Pairs => {
                let mut slopes = Array2::zeros((size * (size - 1), size));
                for (place, (i, j)) in pairs(size).enumerate() {
                    slopes[[place, j]] = data.covariance[[i, j]] / data.covariance[[j, j]];
                }
                slopes
            }
            Self::Others { lasso: Some(_) } => Array2::zeros((size, size)),
            Self::Others { lasso: None } => Array2::from_shape_fn((size, size), |(i, j)| {
                if i == j {
                    0.0
                } else {
                    -data.precision[[i, j]] / data.precision[[i, i]]
                }
            }),
            Self::Means | Self::LogVariances(_) => Array2::zeros((size, 1)),
        };
        let intercepts = match self {
            Self::Pairs | Self::Others { .. } | Self::Means => Array1::zeros(slopes.nrows()),
            Self::LogVariances(residuals) => {
                data.log_mean_squares(&residuals.select(Axis(0), rows))
            }
        };
        ConstantCoefficients { slopes, intercepts }
    }

    /// Features and targets of some rows, whose nodes are given as standardised.
    pub(crate) fn tables(
        &self,
        nodes: ArrayView2<'_, f64>,
        rows: &[usize],
    ) -> (Array2<f64>, Array2<f64>) {
        // Intercepts alone: a column of zeros, which has no slopes.
        let nothing = Array2::zeros((nodes.nrows(), 1));
        match self {
            Self::Pairs => {
                let size = nodes.ncols();
                let mut targets = Array2::zeros((nodes.nrows(), size * (size - 1)));
                for (place, (i, _)) in pairs(size).enumerate() {
                    targets.column_mut(place).assign(&nodes.column(i));
                }
                (nodes.to_owned(), targets)
            }
            Self::Others { .. } => (nodes.to_owned(), nodes.to_owned()),
            Self::Means => (nothing, nodes.to_owned()),
            Self::LogVariances(residuals) => {
                let squares = residuals.select(Axis(0), rows).mapv(|value| value * value);
                (nothing, squares)
            }
        }
    }

    /// Centres and scales of the targets, by those of the nodes.
    pub(crate) fn units(&self, scaling: &Standardization) -> (Array1<f64>, Array1<f64>) {
        let (centers, scales) = (scaling.centers(), scaling.scales());
        match self {
            Self::Pairs => {
                let of_pairs = |of_nodes: ArrayView1<'_, f64>| -> Array1<f64> {
                    pairs(of_nodes.len()).map(|(i, _)| of_nodes[i]).collect()
                };
                (of_pairs(centers), of_pairs(scales))
            }
            Self::Others { .. } | Self::Means => (centers.to_owned(), scales.to_owned()),
            // Residuals are given in units of all rows.
            Self::LogVariances(_) => (
                Array1::zeros(scaling.columns()),
                Array1::ones(scaling.columns()),
            ),
        }
    }
}
