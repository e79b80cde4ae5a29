//! The Python package: fits, predictions and model files of `contextualized-frame` for numpy arrays and Arrow tables.
//!
//! Everything that follows scikit-learn's protocol is in Python (`python/contextualized_rs`); this module takes arrays
//! and settings, and gives arrays and tables of numbers back.

mod arguments;
mod errors;
mod interrupt;
mod model;
mod table;

use pyo3::prelude::*;

/// The compiled part of the package.
#[pymodule(name = "_core")]
mod core {
    #[pymodule_export]
    use super::arguments::registry;
    #[pymodule_export]
    use super::model::{Model, fit_arrays, fit_formula, fit_networks};
}
