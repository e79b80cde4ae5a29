//! Checks at the boundary: every table that enters an estimator or a model passes here.

use crate::{Error, Result};
use ndarray::{ArrayView1, ArrayView2, Axis};

/// Checks that a table has columns, the expected number of them if one is given (which may be none),
/// and only finite entries.
///
/// No rows are allowed: predicting for nobody gives an empty table.
///
/// # Errors
///
/// [`Error::NoColumns`], [`Error::ColumnCount`], [`Error::NotFinite`].
pub fn check_table(
    argument: &'static str,
    table: ArrayView2<'_, f64>,
    columns: Option<usize>,
) -> Result<()> {
    if table.ncols() == 0 && columns != Some(0) {
        return Err(Error::NoColumns { argument });
    }
    if let Some(expected) = columns {
        check_columns(argument, expected, table.ncols())?;
    }
    check_finite(argument, table)
}

/// Checks that there are as many columns, or as much else that belongs to columns, as expected.
///
/// # Errors
///
/// [`Error::ColumnCount`].
pub fn check_columns(argument: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::ColumnCount {
        argument,
        expected,
        found,
    })
}

/// Checks that a table, of whatever shape, has only finite entries.
///
/// # Errors
///
/// [`Error::NotFinite`] for the first that is not.
pub fn check_finite(argument: &'static str, table: ArrayView2<'_, f64>) -> Result<()> {
    // Without a way out of the loop, several are looked at together.
    let all = |values: &[f64]| {
        values
            .iter()
            .fold(true, |all, value| all & value.is_finite())
    };
    if table.as_slice_memory_order().is_some_and(all) {
        return Ok(());
    }
    match table.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((row, column), &value)) => Err(Error::NotFinite {
            argument,
            row,
            column,
            value,
        }),
        None => Ok(()),
    }
}

/// Checks that a table has as many rows as the table it belongs with.
///
/// # Errors
///
/// [`Error::RowCount`].
pub fn check_rows(argument: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        Ok(())
    } else {
        Err(Error::RowCount {
            argument,
            expected,
            found,
        })
    }
}

/// Checks contexts and features that a model is asked to predict for.
///
/// # Errors
///
/// Those of [`check_table`] and [`check_rows`], naming `contexts` or `features`.
pub fn check_query(
    contexts: ArrayView2<'_, f64>,
    context_columns: usize,
    features: ArrayView2<'_, f64>,
    feature_columns: usize,
) -> Result<()> {
    check_table("contexts", contexts, Some(context_columns))?;
    check_table("features", features, Some(feature_columns))?;
    check_rows("features", contexts.nrows(), features.nrows())
}

/// Checks a probability that is neither 0 nor 1, such as the level of an interval.
///
/// # Errors
///
/// [`Error::InvalidParameter`].
pub fn check_probability(parameter: &'static str, value: f64) -> Result<()> {
    if value > 0.0 && value < 1.0 {
        return Ok(());
    }
    let requirement = "between 0 and 1, exclusive";
    Err(Error::invalid_parameter(parameter, value, requirement))
}

/// Checks row weights: one a row, finite, none negative, not all zero.
///
/// # Errors
///
/// [`Error::RowCount`], [`Error::InvalidWeight`], [`Error::NoWeight`].
pub fn check_weights(weights: ArrayView1<'_, f64>, rows: usize) -> Result<()> {
    check_rows("weights", rows, weights.len())?;
    let invalid = |value: f64| !(value.is_finite() && value >= 0.0);
    if let Some((row, &value)) = weights.indexed_iter().find(|(_, value)| invalid(**value)) {
        return Err(Error::InvalidWeight { row, value });
    }
    if rows > 0 && weights.iter().all(|&weight| weight == 0.0) {
        return Err(Error::NoWeight);
    }
    Ok(())
}

/// Checks offsets of the linear predictor: one a row, finite.
///
/// # Errors
///
/// [`Error::RowCount`], [`Error::NotFinite`].
pub fn check_offsets(offsets: ArrayView1<'_, f64>, rows: usize) -> Result<()> {
    check_rows("offsets", rows, offsets.len())?;
    check_finite("offsets", offsets.insert_axis(Axis(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn a_cell_that_is_not_finite_is_named() {
        let table = array![[1.0, 2.0], [3.0, f64::NEG_INFINITY]];
        let error = check_table("contexts", table.view(), None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "contexts contains -inf at row 2, column 2"
        );
    }

    #[test]
    fn widths_are_compared() {
        let table = Array2::<f64>::zeros((2, 3));
        let error = check_table("features", table.view(), Some(4)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "features: the number of columns is 3, expected 4"
        );
        let empty = Array2::<f64>::zeros((2, 0));
        assert!(matches!(
            check_table("features", empty.view(), None),
            Err(Error::NoColumns {
                argument: "features"
            })
        ));
    }

    #[test]
    fn weights_are_checked() {
        assert!(check_weights(array![1.0, 0.0].view(), 2).is_ok());
        assert!(matches!(
            check_weights(array![1.0, -1.0].view(), 2),
            Err(Error::InvalidWeight { row: 1, .. })
        ));
        assert!(matches!(
            check_weights(array![f64::NAN].view(), 1),
            Err(Error::InvalidWeight { row: 0, .. })
        ));
        assert!(matches!(
            check_weights(array![0.0, 0.0].view(), 2),
            Err(Error::NoWeight)
        ));
        assert!(matches!(
            check_weights(array![1.0].view(), 2),
            Err(Error::RowCount {
                expected: 2,
                found: 1,
                ..
            })
        ));
    }
}
