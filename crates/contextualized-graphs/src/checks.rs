//! Checks of numbers and of contexts.

use contextualized_core::validate::{check_finite, check_table};
use contextualized_core::{Error, Result, Standardization};
use ndarray::{Array2, ArrayView2};

pub(crate) fn check_not_negative(parameter: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    let requirement = "a finite number of at least zero";
    Err(Error::invalid_parameter(parameter, value, requirement))
}

/// A share of what a network learned.
#[cfg(feature = "neural")]
pub(crate) fn check_share(share: f64) -> Result<()> {
    if (0.0..=1.0).contains(&share) {
        return Ok(());
    }
    Err(Error::invalid_parameter("share", share, "between 0 and 1"))
}

/// Contexts that a model is asked for, in units of its fit.
pub(crate) fn standardized(
    scaling: &Standardization,
    contexts: ArrayView2<'_, f64>,
) -> Result<Array2<f64>> {
    check_table("contexts", contexts, Some(scaling.columns()))?;
    let standardized = scaling.apply(contexts)?;
    check_finite("contexts, standardised,", standardized.view())?;
    Ok(standardized)
}
