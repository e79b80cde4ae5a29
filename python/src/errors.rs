//! Errors of Rust as exceptions of Python.

use crate::naming::in_python;
use contextualized_core::Error as CoreError;
use contextualized_frame::Error;
use pyo3::PyErr;
use pyo3::exceptions::{PyNotImplementedError, PyRuntimeError, PyValueError};

/// The exception of an error.
pub(crate) fn exception(error: impl Into<Error>) -> PyErr {
    let error = error.into();
    let message = in_python(&error.to_string());
    let Error::Model { source, .. } = &error else {
        return PyValueError::new_err(message);
    };
    match **source {
        CoreError::NoIntervals { .. } => PyNotImplementedError::new_err(message),
        CoreError::NotConverged { .. }
        | CoreError::Diverged { .. }
        | CoreError::Numerical { .. }
        | CoreError::Cancelled => PyRuntimeError::new_err(message),
        CoreError::NoRows { .. }
        | CoreError::NoColumns { .. }
        | CoreError::RowCount { .. }
        | CoreError::ColumnCount { .. }
        | CoreError::NotFinite { .. }
        | CoreError::InvalidWeight { .. }
        | CoreError::NoWeight
        | CoreError::DuplicateName { .. }
        | CoreError::RowOutOfRange { .. }
        | CoreError::InvalidParameter { .. }
        | CoreError::TooFewRows { .. }
        | CoreError::RankDeficient { .. }
        | CoreError::InvalidTarget { .. }
        | CoreError::InvalidSurvival { .. }
        | CoreError::Separated { .. }
        | CoreError::CodedFactor { .. }
        | CoreError::RandomEffects { .. } => PyValueError::new_err(message),
    }
}
