//! The Python package: fits, predictions and model files of `contextualized-frame` for numpy arrays and Arrow tables.
//!
//! Everything that follows scikit-learn's protocol is in Python (`python/contextualized_rs`); this module takes arrays
//! and settings, and gives arrays and tables of numbers back.

mod arguments;
mod bridge;
mod drawing;
mod errors;
mod facts;
mod fits;
mod interrupt;
mod model;
mod naming;
mod table;

use pyo3::prelude::*;

/// Keeps the memory of large matrices for the next ones, which the system's allocator gives back and asks for again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The compiled part of the package.
#[pymodule(name = "_core")]
mod core {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::arguments::registry;
    #[pymodule_export]
    use super::bridge::{Distilled, Implicit};
    #[pymodule_export]
    use super::drawing::svg;
    #[pymodule_export]
    use super::fits::{fit_arrays, fit_formula, fit_networks};
    #[pymodule_export]
    use super::model::Model;
    #[pymodule_export]
    use super::naming::{in_python, options};

    /// Damaged files are errors, which need no messages of panics besides.
    #[pymodule_init]
    fn init(_module: &Bound<'_, PyModule>) -> PyResult<()> {
        contextualized_files::without_panic_messages();
        Ok(())
    }
}
