//! Tables from what was made row by row.

use contextualized_core::{Error, Result};
use ndarray::{Array1, Array2};

/// n vectors of p numbers as n × p.
pub(crate) fn stacked_vectors(rows: Vec<Array1<f64>>, size: usize) -> Result<Array2<f64>> {
    let shape = (rows.len(), size);
    Array2::from_shape_vec(shape, rows.into_iter().flatten().collect())
        .map_err(|error| Error::numerical("collecting rows", error))
}
