//! Coefficients as one table and back.

use contextualized_core::{Coefficients, Error, Result};
use ndarray::{Array2, Array3, ArrayView2, Axis, ShapeError, concatenate};

/// Slopes and intercepts as one table, rows × (targets · features + targets).
pub(crate) fn flat(coefficients: &Coefficients) -> Result<Array2<f64>> {
    let (rows, targets, features) = coefficients.slopes().dim();
    let slopes = coefficients
        .slopes()
        .to_shape((rows, targets * features))
        .map_err(arranging)?
        .into_owned();
    concatenate(Axis(1), &[slopes.view(), coefficients.intercepts()]).map_err(arranging)
}

/// The inverse of [`flat`].
pub(crate) fn unflat(table: ArrayView2<'_, f64>, features: usize) -> Result<Coefficients> {
    let (rows, width) = table.dim();
    let targets = width / (features + 1);
    let (slopes, intercepts) = table.split_at(Axis(1), targets * features);
    let slopes: Array3<f64> = slopes
        .to_shape((rows, targets, features))
        .map_err(arranging)?
        .into_owned();
    Coefficients::new(slopes, intercepts.to_owned())
}

/// Coefficients of the same rows and features for targets beside each other.
pub(crate) fn joined(parts: &[Coefficients]) -> Result<Coefficients> {
    let slopes: Vec<_> = parts.iter().map(Coefficients::slopes).collect();
    let intercepts: Vec<_> = parts.iter().map(Coefficients::intercepts).collect();
    Coefficients::new(
        concatenate(Axis(1), &slopes).map_err(arranging)?,
        concatenate(Axis(1), &intercepts).map_err(arranging)?,
    )
}

fn arranging(source: ShapeError) -> Error {
    Error::numerical("arranging coefficients", source)
}
