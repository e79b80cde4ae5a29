//! Checks of numbers.

use contextualized_core::{Error, Result};

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
