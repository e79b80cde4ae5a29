//! Contexts in units of training.

use contextualized_core::Standardization;
use ndarray::{Array1, ArrayView1};

/// Values of one column.
pub(crate) fn standardized_column(
    scaling: &Standardization,
    column: usize,
    values: ArrayView1<'_, f64>,
) -> Array1<f64> {
    values.mapv(|value| (value - scaling.centers()[column]) / scaling.scales()[column])
}
