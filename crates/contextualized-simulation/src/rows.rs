//! Tables assembled from what closures return for one row at a time.

use crate::simulator::{Offsets, Slopes};
use contextualized_core::validate::check_table;
use contextualized_core::{Coefficients, Error, Result};
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
        check_width(argument, expected, found.len())?;
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
    offsets: Option<&Offsets>,
) -> Result<Coefficients> {
    let rows = contexts.nrows();
    let contexts: Vec<Vec<f64>> = contexts
        .rows()
        .into_iter()
        .map(|row| row.to_vec())
        .collect();

    let matrices: Vec<Array2<f64>> = contexts.iter().map(|context| slopes(context)).collect();
    let (targets, features) = matrices.first().map_or((0, 0), Array2::dim);
    for matrix in &matrices {
        check_width("targets of slopes", targets, matrix.nrows())?;
        check_width("features of slopes", features, matrix.ncols())?;
    }
    let flat = table("slopes", rows, None, |row| {
        matrices[row].iter().copied().collect()
    })?;
    let slopes = Array3::from_shape_fn((rows, targets, features), |(row, target, feature)| {
        flat[[row, target * features + feature]]
    });

    let offsets = match offsets {
        Some(offsets) => table("offsets", rows, Some(targets), |row| {
            offsets(&contexts[row])
        })?,
        None => Array2::zeros((rows, targets)),
    };
    Coefficients::new(slopes, offsets)
}

fn check_width(argument: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        Ok(())
    } else {
        Err(Error::ColumnCount {
            argument,
            expected,
            found,
        })
    }
}
