//! Centring and scaling, learned on training rows and applied to any.

use crate::validate::{check_rows, check_table, check_weights};
use crate::{Error, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

/// Columnwise `z = (v − center) / scale`.
///
/// ```
/// use contextualized_core::Standardization;
/// use ndarray::array;
///
/// let train = array![[1.0, 5.0], [3.0, 5.0]];
/// let standardization = Standardization::fit(train.view(), None)?;
/// let z = standardization.apply(array![[5.0, 6.0]].view())?;
/// assert_eq!(z, array![[3.0, 1.0]]); // a constant column is only centred
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standardization {
    centers: Array1<f64>,
    scales: Array1<f64>,
}

/// A column counts as constant when its deviation is rounding error of its values.
const CONSTANT: f64 = 1e-13;

impl Standardization {
    /// Centres at the (weighted) mean and scales by the (weighted) population
    /// standard deviation, the one that divides by n.
    ///
    /// A constant column is centred and left unscaled.
    ///
    /// # Errors
    ///
    /// [`Error::NoRows`], and those of [`crate::validate::check_table`] and
    /// [`crate::validate::check_weights`].
    pub fn fit(table: ArrayView2<'_, f64>, weights: Option<ArrayView1<'_, f64>>) -> Result<Self> {
        check_table("table", table, None)?;
        if table.nrows() == 0 {
            return Err(Error::NoRows { argument: "table" });
        }
        let weights = match weights {
            Some(weights) => {
                check_weights(weights, table.nrows())?;
                weights.to_owned()
            }
            None => Array1::ones(table.nrows()),
        };
        let total = weights.sum();
        let centers = weights.dot(&table) / total;
        let largest = table.fold_axis(Axis(0), 0.0_f64, |largest, v| largest.max(v.abs()));
        let scales = Array1::from_shape_fn(table.ncols(), |column| {
            let squares = table
                .column(column)
                .iter()
                .zip(&weights)
                .map(|(value, weight)| weight * (value - centers[column]).powi(2))
                .sum::<f64>();
            let deviation = (squares / total).sqrt();
            if deviation > CONSTANT * largest[column] {
                deviation
            } else {
                1.0
            }
        });
        Ok(Self { centers, scales })
    }

    /// The standardisation that changes nothing.
    pub fn identity(columns: usize) -> Self {
        Self {
            centers: Array1::zeros(columns),
            scales: Array1::ones(columns),
        }
    }

    /// The same scales without centring, for models that have no offset to absorb it.
    pub fn without_centering(mut self) -> Self {
        self.centers.fill(0.0);
        self
    }

    /// What is subtracted from each column.
    pub fn centers(&self) -> ArrayView1<'_, f64> {
        self.centers.view()
    }

    /// What each column is divided by.
    pub fn scales(&self) -> ArrayView1<'_, f64> {
        self.scales.view()
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.centers.len()
    }

    /// Standardises a table.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`], [`Error::NotFinite`].
    pub fn apply(&self, table: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        check_table("table", table, Some(self.columns()))?;
        Ok((&table - &self.centers) / &self.scales)
    }

    /// Takes a standardised table back to its units.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`], [`Error::NotFinite`].
    pub fn invert(&self, table: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        check_table("table", table, Some(self.columns()))?;
        Ok(&table * &self.scales + &self.centers)
    }
}

/// Row weights scaled to mean one, or ones where there are none.
///
/// # Errors
///
/// Those of [`check_weights`].
pub fn normalized_weights(
    weights: Option<ArrayView1<'_, f64>>,
    rows: usize,
) -> Result<Array1<f64>> {
    match weights {
        None => Ok(Array1::ones(rows)),
        Some(weights) => {
            check_rows("weights", rows, weights.len())?;
            check_weights(weights, rows)?;
            Ok(&weights * (rows as f64 / weights.sum()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::array;
    use proptest::prelude::*;

    #[test]
    fn mean_and_population_deviation() {
        let standardization =
            Standardization::fit(array![[1.0], [2.0], [6.0]].view(), None).unwrap();
        assert_relative_eq!(standardization.centers()[0], 3.0);
        assert_relative_eq!(standardization.scales()[0], (14.0_f64 / 3.0).sqrt());
    }

    #[test]
    fn weights_count_rows() {
        let weighted =
            Standardization::fit(array![[1.0], [4.0]].view(), Some(array![2.0, 1.0].view()))
                .unwrap();
        let repeated = Standardization::fit(array![[1.0], [1.0], [4.0]].view(), None).unwrap();
        assert_relative_eq!(weighted.centers()[0], repeated.centers()[0]);
        assert_relative_eq!(weighted.scales()[0], repeated.scales()[0]);
    }

    #[test]
    fn a_column_constant_up_to_rounding_is_not_blown_up() {
        let column = Array2::from_shape_fn((7, 1), |_| 0.1 * 3.0);
        let standardization = Standardization::fit(column.view(), None).unwrap();
        assert_eq!(standardization.scales()[0], 1.0);
        let z = standardization.apply(column.view()).unwrap();
        assert!(z.iter().all(|v| v.abs() < 1e-15));
    }

    #[test]
    fn normalized_weights_have_mean_one() {
        let weights = normalized_weights(Some(array![1.0, 0.0, 5.0].view()), 3).unwrap();
        assert_eq!(weights, array![0.5, 0.0, 2.5]);
    }

    proptest! {
        #[test]
        fn round_trip(values in prop::collection::vec(-1e3..1e3_f64, 12), shift in -1e3..1e3_f64) {
            let table = Array2::from_shape_vec((4, 3), values).unwrap() + shift;
            let standardization = Standardization::fit(table.view(), None).unwrap();
            let z = standardization.apply(table.view()).unwrap();
            for column in z.columns() {
                prop_assert!(column.mean().unwrap().abs() < 1e-9);
            }
            let back = standardization.invert(z.view()).unwrap();
            assert_relative_eq!(back, table, epsilon = 1e-11);
        }
    }
}
