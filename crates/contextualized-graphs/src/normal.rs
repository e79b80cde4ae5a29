//! Normal distributions of standardised nodes, in the nodes' units.

use crate::numerical::numerical;
use contextualized_core::{Result, Standardization};
use contextualized_solvers::Normal;
use ndarray::{Array2, ArrayView1};

/// The log-density of standardised features, in the features' units.
pub(crate) fn log_density(
    normal: &Normal,
    row: ArrayView1<'_, f64>,
    scaling: &Standardization,
) -> Result<f64> {
    let units: f64 = scaling.scales().iter().map(|scale| scale.ln()).sum();
    Ok(numerical("a density", normal.log_density(row))? - units)
}

/// A precision of standardised features in the features' units.
pub(crate) fn precision_in_units(
    precision: &Array2<f64>,
    scales: ArrayView1<'_, f64>,
) -> Array2<f64> {
    Array2::from_shape_fn(precision.dim(), |(i, j)| {
        // One triangle, so that rounding keeps the matrix symmetric.
        let (i, j) = (i.max(j), i.min(j));
        precision[[i, j]] / scales[i] / scales[j]
    })
}
