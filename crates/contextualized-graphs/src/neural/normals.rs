//! What normal distributions of standardised nodes, one a row, say of rows in the nodes' units.

use crate::normal::log_density;
use crate::numerical::numerical;
use crate::rows::stacked_vectors;
use contextualized_core::{Result, Standardization};
use contextualized_solvers::Normal;
use ndarray::{Array1, Array2, ArrayView2, Axis};

/// The log-density of every row of features (n × p).
pub(crate) fn log_densities(
    normals: &[Normal],
    features: ArrayView2<'_, f64>,
    scaling: &Standardization,
) -> Result<Array1<f64>> {
    let standardized = scaling.apply(features)?;
    normals
        .iter()
        .zip(standardized.axis_iter(Axis(0)))
        .map(|(normal, row)| log_density(normal, row, scaling))
        .collect()
}

/// The mean of every feature given the others (n × p).
pub(crate) fn given_others(
    normals: &[Normal],
    features: ArrayView2<'_, f64>,
    scaling: &Standardization,
) -> Result<Array2<f64>> {
    let standardized = scaling.apply(features)?;
    let rows = normals
        .iter()
        .zip(standardized.axis_iter(Axis(0)))
        .map(|(normal, row)| numerical("a conditional mean", normal.given_others(row)))
        .collect::<Result<Vec<_>>>()?;
    scaling.invert(stacked_vectors(rows, scaling.columns())?.view())
}
