//! Centring and scaling, learned on training rows and applied to any.

use crate::validate::{check_finite, check_table, check_weights};
use crate::{Checked, Error, Result, Warp, checked_serde};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Columnwise `z = (v − center) / scale`, or of a transformed v: see [`Warp`].
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
#[serde(remote = "Self")]
pub struct Standardization {
    centers: Array1<f64>,
    scales: Array1<f64>,
    /// What comes before, of every column; empty if nothing does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warps: Vec<Warp>,
}

/// A column whose deviation is rounding error of its values counts as constant.
const CONSTANT: f64 = 1e-13;

checked_serde!(Standardization);

impl Checked for Standardization {
    fn check(&self) -> Result<()> {
        let (centers, scales) = (self.centers.view(), self.scales.view());
        check_finite("centers", centers.insert_axis(Axis(0)))?;
        let columns = Some(self.centers.len());
        check_table("scales", scales.insert_axis(Axis(0)), columns)?;
        let known = self.warps.is_empty() || self.warps.len() == self.centers.len();
        if !known || !self.warps.iter().all(Warp::is_valid) {
            let requirement = "one for each column, of finite numbers";
            return Err(Error::invalid_parameter(
                "warps",
                format!("{:?}", self.warps),
                requirement,
            ));
        }
        match self.scales.iter().find(|scale| **scale <= 0.0) {
            Some(scale) => Err(Error::invalid_parameter("scale", scale, "above zero")),
            None => Ok(()),
        }
    }
}

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
        check_finite("table", table)?;
        if table.nrows() == 0 {
            return Err(Error::NoRows { argument: "table" });
        }
        let tempered = weights.map(|weights| tempered(weights).0);
        let weights = tempered.as_ref().map(|weights| weights.view());
        let shares = normalized_weights(weights, table.nrows())? / table.nrows() as f64;
        let (centers, scales) = (0..table.ncols())
            .into_par_iter()
            .map(|column| center_and_scale(table.column(column), shares.view()))
            .unzip::<_, _, Vec<f64>, Vec<f64>>();
        let (centers, scales) = (Array1::from_vec(centers), Array1::from_vec(scales));
        Ok(Self {
            centers,
            scales,
            warps: Vec::new(),
        })
    }

    /// The standardisation that changes nothing.
    pub fn identity(columns: usize) -> Self {
        Self {
            centers: Array1::zeros(columns),
            scales: Array1::ones(columns),
            warps: Vec::new(),
        }
    }

    /// The same scales without centring, for models that have no intercept to absorb it.
    pub fn without_centering(mut self) -> Self {
        self.centers.fill(0.0);
        self
    }

    /// The same with another scale of one column.
    pub(crate) fn with_scale(mut self, column: usize, scale: f64) -> Self {
        self.scales[column] = scale;
        self
    }

    /// The same with another centre and scale of one column.
    pub(crate) fn with_unit(mut self, column: usize, center: f64, scale: f64) -> Self {
        self.centers[column] = center;
        self.scales[column] = scale;
        self
    }

    /// Transforms columns before they are centred and scaled.
    pub(crate) fn with_warps(mut self, warps: Vec<Warp>) -> Self {
        self.warps = warps;
        self
    }

    /// What a column is transformed by before it is centred and scaled.
    pub fn warp(&self, column: usize) -> Warp {
        self.warps.get(column).copied().unwrap_or_default()
    }

    /// Values of one column, standardised.
    ///
    /// # Panics
    ///
    /// If there is no such column.
    pub fn apply_to_column(&self, column: usize, values: ArrayView1<'_, f64>) -> Array1<f64> {
        let (warp, center) = (self.warp(column), self.centers[column]);
        values.mapv(|value| (warp.apply(value) - center) / self.scales[column])
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
        if self.warps.is_empty() {
            return Ok((&table - &self.centers) / &self.scales);
        }
        let mut standardized = Array2::zeros(table.dim());
        for (column, mut own) in standardized.columns_mut().into_iter().enumerate() {
            own.assign(&self.apply_to_column(column, table.column(column)));
        }
        Ok(standardized)
    }

    /// Contexts (n × c) that a fitted model is asked for, in units of its fit.
    ///
    /// # Errors
    ///
    /// Those of [`check_table`]; [`Error::NotFinite`](crate::Error::NotFinite) where units overflow.
    pub fn apply_to_contexts(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        check_table("contexts", contexts, Some(self.columns()))?;
        let standardized = self.apply(contexts)?;
        check_finite("contexts, standardised,", standardized.view())?;
        Ok(standardized)
    }

    /// Takes a standardised table back to its units.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`], [`Error::NotFinite`]; [`Error::InvalidParameter`] where columns are transformed.
    pub fn invert(&self, table: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        check_table("table", table, Some(self.columns()))?;
        if self.warps.iter().any(|warp| *warp != Warp::None) {
            return Err(Error::invalid_parameter(
                "table",
                "transformed",
                "one that was only centred and scaled",
            ));
        }
        Ok(&table * &self.scales + &self.centers)
    }
}

/// Mean and population deviation of a column, or its value and one where it is constant.
///
/// Values are divided by the largest first, so that squares neither overflow nor vanish, and the
/// mean is corrected by the mean residual, so that its rounding error does not grow with the rows.
fn center_and_scale(column: ArrayView1<'_, f64>, shares: ArrayView1<'_, f64>) -> (f64, f64) {
    let with_shares = column.iter().copied().zip(shares.iter().copied());
    // Copied once: the values of a column are far apart in a table.
    let counted: Vec<(f64, f64)> = with_shares.filter(|(_, share)| *share > 0.0).collect();
    let counted = || counted.iter().copied();
    let largest = counted().fold(0.0_f64, |largest, (value, _)| largest.max(value.abs()));
    let first = counted().next().map_or(0.0, |(value, _)| value);
    if counted().all(|(value, _)| value == first) {
        return (first, 1.0);
    }
    let total: f64 = counted().map(|(_, share)| share).sum();
    let mean = |of: &dyn Fn(f64) -> f64| -> f64 {
        counted()
            .map(|(value, share)| share * of(value / largest))
            .sum::<f64>()
            / total
    };
    let rough = mean(&|value| value);
    let center = rough + mean(&|value| value - rough);
    let deviation = mean(&|value| (value - center).powi(2)).sqrt();
    let scale = deviation * largest;
    if deviation > CONSTANT && scale > 0.0 {
        (center * largest, scale)
    } else {
        (center * largest, 1.0)
    }
}

/// The most that a weight counts for in units of the median of those above zero.
const HEAVIEST: f64 = 1000.0;

/// Weights with those that are far above all others brought down, and the mean of what is left: units should not
/// be those of a single row.
fn tempered(weights: ArrayView1<'_, f64>) -> (Array1<f64>, f64) {
    let mut positive: Vec<f64> = weights.iter().copied().filter(|w| *w > 0.0).collect();
    positive.sort_by(f64::total_cmp);
    let most = positive
        .get(positive.len() / 2)
        .map_or(f64::INFINITY, |median| median * HEAVIEST);
    let tempered = weights.mapv(|weight| weight.min(most));
    // Divided first: the sum may overflow.
    let rows = weights.len() as f64;
    let mean = tempered.iter().map(|weight| weight / rows).sum();
    (tempered, mean)
}

/// The weight of a typical row: the mean, in which those that are more than a thousand times the median count as
/// that.
pub fn typical_weight(weights: ArrayView1<'_, f64>) -> f64 {
    tempered(weights).1
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
            check_weights(weights, rows)?;
            // Divided by the largest first: the sum of weights may overflow, or be subnormal.
            let largest = weights.fold(0.0_f64, |largest, weight| largest.max(*weight));
            let relative = &weights / largest;
            let total = relative.sum();
            Ok(relative * (rows as f64 / total))
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

    /// A sum of a million equal numbers is not a million times the number.
    #[test]
    fn a_long_constant_column_stays_constant() {
        for value in [0.1, 1.0 / 3.0, 3.7, 1234.567] {
            let column = Array2::from_elem((1_000_000, 1), value);
            let standardization = Standardization::fit(column.view(), None).unwrap();
            assert_eq!(
                (standardization.centers()[0], standardization.scales()[0]),
                (value, 1.0)
            );
        }
    }

    #[test]
    fn rows_of_weight_zero_do_not_make_a_column_vary() {
        let column = array![[2.0], [2.0], [9.0]];
        let weights = array![1.0, 3.0, 0.0];
        let standardization = Standardization::fit(column.view(), Some(weights.view())).unwrap();
        assert_eq!(
            (standardization.centers()[0], standardization.scales()[0]),
            (2.0, 1.0)
        );
    }

    #[test]
    fn large_and_small_units_are_as_good_as_any() {
        let column = array![[1.0], [2.0], [6.0]];
        let z = |unit: f64| {
            let scaled = &column * unit;
            Standardization::fit(scaled.view(), None)
                .unwrap()
                .apply(scaled.view())
                .unwrap()
        };
        for unit in [1e-300, 1e-200, 1e200, 1e307] {
            assert_relative_eq!(z(unit), z(1.0), max_relative = 1e-12);
        }
    }

    #[test]
    fn a_file_that_was_altered_is_an_error() {
        let load = |text: &str| serde_json::from_str::<Standardization>(text);
        let good = serde_json::to_string(&Standardization::identity(2)).unwrap();
        assert!(load(&good).is_ok());
        assert!(load(&good.replace("[1.0,1.0]", "[1.0,0.0]")).is_err());
        assert!(
            load(&good.replace(
                "\"dim\":[2],\"data\":[1.0,1.0]",
                "\"dim\":[1],\"data\":[1.0]"
            ))
            .is_err()
        );
    }

    #[test]
    fn weights_of_any_magnitude_are_normalized() {
        for unit in [1e-320, 1e-300, 1e308] {
            let weights = normalized_weights(Some(array![unit, unit].view()), 2).unwrap();
            assert_eq!(weights, array![1.0, 1.0]);
        }
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
