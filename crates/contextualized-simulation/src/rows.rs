//! Tables assembled from what closures return for one row at a time.

use crate::simulator::{Intercepts, Slopes};
use contextualized_core::validate::{check_columns, check_table};
use contextualized_core::{Coefficients, Result};
use ndarray::{Array2, Array3, ArrayView2};

/// A table (rows × columns) of finite values, as wide as asked for or as its first row.
pub(crate) fn table(
    argument: &'static str,
    rows: usize,
    mut columns: Option<usize>,
    mut values_of: impl FnMut(usize) -> Vec<f64>,
) -> Result<Array2<f64>> {
    let mut values = Vec::new();
    for row in 0..rows {
        let found = values_of(row);
        let expected = *columns.get_or_insert(found.len());
        check_columns(argument, expected, found.len())?;
        values.extend(found);
    }
    let columns = columns.unwrap_or(0);
    let table = Array2::from_shape_fn((rows, columns), |(row, column)| {
        values[row * columns + column]
    });
    check_table(argument, table.view(), None)?;
    Ok(table)
}

/// The coefficients of every row, from functions of its contexts.
pub(crate) fn coefficients(
    contexts: ArrayView2<'_, f64>,
    slopes: &Slopes,
    intercepts: Option<&Intercepts>,
) -> Result<Coefficients> {
    let rows = contexts.nrows();
    let context = |row: usize| contexts.row(row).to_vec();
    let matrices: Vec<Array2<f64>> = (0..rows).map(|row| slopes(&context(row))).collect();
    let (targets, features) = matrices.first().map_or((0, 0), Array2::dim);
    for matrix in &matrices {
        check_columns("targets of slopes", targets, matrix.nrows())?;
        check_columns("features of slopes", features, matrix.ncols())?;
    }
    let slopes = stacked("slopes", &matrices, (targets, features))?;

    let intercepts = match intercepts {
        Some(intercepts) => table("intercepts", rows, Some(targets), |row| {
            intercepts(&context(row))
        })?,
        None => Array2::zeros((rows, targets)),
    };
    Coefficients::new(slopes, intercepts)
}

/// Matrices of finite values (rows × columns) as one table; errors count columns row by row.
pub(crate) fn stacked(
    argument: &'static str,
    matrices: &[Array2<f64>],
    (rows, columns): (usize, usize),
) -> Result<Array3<f64>> {
    for matrix in matrices {
        check_columns(argument, rows, matrix.nrows())?;
        check_columns(argument, columns, matrix.ncols())?;
    }
    let flat = table(argument, matrices.len(), None, |row| {
        matrices[row].iter().copied().collect()
    })?;
    let shape = (matrices.len(), rows, columns);
    Ok(Array3::from_shape_fn(shape, |(matrix, row, column)| {
        flat[[matrix, row * columns + column]]
    }))
}
