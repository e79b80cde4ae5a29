//! Samples prepared for neural networks: standardised tables and the population's covariance.

use crate::numerical::numerical;
use contextualized_core::{
    Error, Monitor, Result, Samples, Split, Standardization, normalized_weights,
};
use contextualized_encoders::folds;
use contextualized_solvers::{Normal, shrunken_covariance};
use ndarray::{Array1, Array2, ArrayView1, Axis};
use std::borrow::Cow;

/// Standardised contexts and nodes.
pub(crate) struct Nodes {
    pub(crate) context_scaling: Standardization,
    pub(crate) scaling: Standardization,
    pub(crate) contexts: Array2<f64>,
    pub(crate) nodes: Array2<f64>,
    pub(crate) weights: Array1<f64>,
    /// Numbers of rows that depend on each other, the same within a group.
    pub(crate) groups: Option<Vec<usize>>,
    pub(crate) monitor: Monitor,
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
        let data = Self::standardized(&samples)?;
        let columns = data.nodes.columns().into_iter();
        for (column, name) in columns.zip(&samples.names().features) {
            if is_constant(column) {
                return Err(Error::invalid_parameter(
                    "features",
                    format!("the same in every row of {name}"),
                    "a feature that varies, to have a network",
                ));
            }
        }
        Ok(data)
    }

    /// The same of some rows alone, as if there were no others: scalings and covariance are theirs, in
    /// units of these nodes. A column that does not vary among them keeps its unit.
    pub(crate) fn of_rows(&self, rows: &[usize]) -> Result<Self> {
        Self::standardized(&self.samples()?.select(rows)?)
    }

    /// Folds of the rows, or of their groups.
    pub(crate) fn folds(&self, seed: u64) -> Result<Vec<Split>> {
        folds(&self.samples()?, seed)
    }

    fn samples(&self) -> Result<Samples> {
        let samples = Samples::of_nodes(self.contexts.view(), self.nodes.view())?
            .with_weights(self.weights.view())?
            .with_monitor(self.monitor.clone());
        match &self.groups {
            Some(groups) => samples.with_groups(groups),
            None => Ok(samples),
        }
    }

    fn standardized(samples: &Samples) -> Result<Self> {
        samples.check_distances("neural")?;
        let (contexts, features) = (samples.contexts(), samples.features());
        let weights = samples.weights();
        let context_scaling = samples.context_scaling(weights)?;
        let scaling = Standardization::fit(features, weights)?;
        let nodes = scaling.apply(features)?;
        let weights = normalized_weights(weights, nodes.nrows())?;
        let covariance = covariance(&nodes, weights.view())?;
        let normal = numerical(
            "the population's precision",
            Normal::from_covariance(Array1::zeros(nodes.ncols()), covariance.view()),
        )?;
        Ok(Self {
            contexts: context_scaling.apply(contexts)?,
            precision: normal.precision().to_owned(),
            context_scaling,
            scaling,
            nodes,
            weights,
            groups: samples.dependent_rows().map(Cow::into_owned),
            monitor: samples.monitor().clone(),
            covariance,
        })
    }

    /// Logarithms of the mean squares of a table, which are never minus infinity.
    pub(crate) fn log_mean_squares(&self, table: &Array2<f64>) -> Array1<f64> {
        let total = self.weights.sum();
        let squares = table * table;
        (self.weights.dot(&squares) / total).mapv(|square: f64| square.max(1e-12).ln())
    }
}

fn is_constant(column: ArrayView1<'_, f64>) -> bool {
    column.iter().all(|value| *value == column[0])
}

/// The shrunken covariance of standardised nodes. One that does not vary, as a rare one may not in a
/// part of the rows, has the variance of one that does and depends on no other.
fn covariance(nodes: &Array2<f64>, weights: ArrayView1<'_, f64>) -> Result<Array2<f64>> {
    let varying: Vec<usize> = (0..nodes.ncols())
        .filter(|&node| !is_constant(nodes.column(node)))
        .collect();
    let mut covariance = Array2::eye(nodes.ncols());
    if varying.is_empty() {
        return Ok(covariance);
    }
    let among = numerical(
        "the population's covariance",
        shrunken_covariance(nodes.select(Axis(1), &varying).view(), Some(weights)),
    )?;
    for ((i, j), value) in among.matrix.indexed_iter() {
        covariance[[varying[i], varying[j]]] = *value;
    }
    Ok(covariance)
}

/// Logarithms of variances stay within these: beyond, no standardised node has been seen.
pub(crate) const LOG_VARIANCES: (f64, f64) = (-20.0, 20.0);
