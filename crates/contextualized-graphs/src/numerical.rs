//! Errors of the solvers, with what they were computing.

use contextualized_core::{Error, Result};

pub(crate) fn numerical<T>(
    context: impl Into<String>,
    result: Result<T, contextualized_solvers::Error>,
) -> Result<T> {
    result.map_err(|error| Error::numerical(context, error))
}
