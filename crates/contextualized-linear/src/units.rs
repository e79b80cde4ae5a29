//! Contexts in units of training.

use contextualized_core::validate::{check_finite, check_table};
use contextualized_core::{Result, Standardization};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

/// Contexts that a model is asked for.
///
/// # Errors
///
/// Those of [`check_table`]; [`contextualized_core::Error::NotFinite`] where units overflow.
pub(crate) fn standardized(
    scaling: &Standardization,
    contexts: ArrayView2<'_, f64>,
) -> Result<Array2<f64>> {
    check_table("contexts", contexts, Some(scaling.columns()))?;
    let standardized = scaling.apply(contexts)?;
    check_finite("contexts, standardised,", standardized.view())?;
    Ok(standardized)
}

/// Values of one column.
pub(crate) fn standardized_column(
    scaling: &Standardization,
    column: usize,
    values: ArrayView1<'_, f64>,
) -> Array1<f64> {
    values.mapv(|value| (value - scaling.centers()[column]) / scaling.scales()[column])
}
