//! Samples prepared for neural networks: standardised tables and the population's covariance.

use crate::numerical::numerical;
use contextualized_core::{Error, Result, Samples, Standardization};
use contextualized_solvers::{Normal, shrunken_covariance};
use ndarray::{Array1, Array2};

/// Standardised contexts and nodes.
pub(crate) struct Nodes {
    pub(crate) context_scaling: Standardization,
    pub(crate) scaling: Standardization,
    pub(crate) contexts: Array2<f64>,
    pub(crate) nodes: Array2<f64>,
    pub(crate) weights: Array1<f64>,
    /// Of the population, standardised: covariance, and its inverse.
    pub(crate) covariance: Array2<f64>,
    pub(crate) precision: Array2<f64>,
}

/// Rows below which folds say nothing.
const FEWEST_ROWS: usize = 20;

impl Nodes {
    pub(crate) fn new(samples: &Samples) -> Result<Self> {
        let samples = samples.rows_that_count()?;
        let rows = samples.rows();
        if rows < FEWEST_ROWS {
            return Err(Error::TooFewRows {
                purpose: "a network learned by an encoder".to_owned(),
                needed: FEWEST_ROWS,
                found: rows,
            });
        }
        if samples.features().ncols() < 2 {
            return Err(Error::ColumnCount {
                argument: "features",
                expected: 2,
                found: samples.features().ncols(),
            });
        }
        let context_scaling = Standardization::fit(samples.contexts(), samples.weights())?;
        let scaling = Standardization::fit(samples.features(), samples.weights())?;
        let nodes = scaling.apply(samples.features())?;
        let columns = nodes.columns().into_iter().zip(&samples.names().features);
        for (column, name) in columns {
            if column.iter().all(|value| *value == column[0]) {
                return Err(Error::invalid_parameter(
                    "features",
                    format!("the same in every row of {name}"),
                    "a feature that varies, to have a network",
                ));
            }
        }
        let covariance = numerical(
            "the population's covariance",
            shrunken_covariance(nodes.view(), samples.weights()),
        )?
        .matrix;
        let zeros = Array1::zeros(nodes.ncols());
        let normal = numerical(
            "the population's precision",
            Normal::from_covariance(zeros, covariance.view()),
        )?;
        Ok(Self {
            contexts: context_scaling.apply(samples.contexts())?,
            weights: contextualized_core::normalized_weights(samples.weights(), rows)?,
            precision: normal.precision().to_owned(),
            context_scaling,
            scaling,
            nodes,
            covariance,
        })
    }

    /// Offsets alone: a column of zeros as the feature, and no slopes.
    pub(crate) fn no_features(&self) -> (Array2<f64>, Array2<bool>, Array2<f64>) {
        let (rows, nodes) = self.nodes.dim();
        (
            Array2::zeros((rows, 1)),
            Array2::from_elem((nodes, 1), false),
            Array2::zeros((nodes, 1)),
        )
    }

    /// Logarithms of the mean squares of a table, which are never minus infinity.
    pub(crate) fn log_mean_squares(&self, table: &Array2<f64>) -> Array1<f64> {
        let total = self.weights.sum();
        let squares = table * table;
        (self.weights.dot(&squares) / total).mapv(|square: f64| square.max(1e-12).ln())
    }
}

/// Logarithms of variances stay within these: beyond, no standardised node has been seen.
pub(crate) const LOG_VARIANCES: (f64, f64) = (-20.0, 20.0);
