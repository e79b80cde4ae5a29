//! Coefficients of one linear model per sample.

use crate::validate::{check_columns, check_finite, check_rows, check_table};
use crate::{Checked, Error, Result, Standardization, checked_serde};
use ndarray::{Array2, Array3, ArrayView1, ArrayView2, ArrayView3, Axis, Zip, s};
use serde::{Deserialize, Serialize};

/// Slopes and intercepts of n linear models: `η_i = B_i x_i + m_i`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Coefficients {
    slopes: Array3<f64>,
    intercepts: Array2<f64>,
}

checked_serde!(Coefficients);

impl Checked for Coefficients {
    fn check(&self) -> Result<()> {
        check_rows("intercepts", self.slopes.dim().0, self.intercepts.nrows())?;
        check_columns("intercepts", self.slopes.dim().1, self.intercepts.ncols())?;
        let slopes_of_row = self.slopes.dim().2;
        if let Some(((row, target, feature), &value)) = self
            .slopes
            .indexed_iter()
            .find(|(_, slope)| !slope.is_finite())
        {
            return Err(Error::NotFinite {
                argument: "slopes",
                row,
                column: target * slopes_of_row + feature,
                value,
            });
        }
        check_finite("intercepts", self.intercepts.view())?;
        Ok(())
    }
}

impl Coefficients {
    /// Joins slopes (rows × targets × features) and intercepts (rows × targets).
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`] or [`Error::ColumnCount`] when the two differ in rows or targets;
    /// [`Error::NotFinite`] for a coefficient that is not finite, a slope's column being its
    /// position in the row's targets × features.
    pub fn new(slopes: Array3<f64>, intercepts: Array2<f64>) -> Result<Self> {
        let coefficients = Self { slopes, intercepts };
        coefficients.check()?;
        Ok(coefficients)
    }

    /// The same slopes (targets × features) and intercepts (targets) in every row.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`] when the two differ in targets, [`Error::NotFinite`].
    pub fn constant(
        slopes: ArrayView2<'_, f64>,
        intercepts: ArrayView1<'_, f64>,
        rows: usize,
    ) -> Result<Self> {
        let (targets, features) = slopes.dim();
        check_columns("intercepts", targets, intercepts.len())?;
        let mut all_slopes = Array3::zeros((rows, targets, features));
        all_slopes.assign(&slopes);
        let mut all_intercepts = Array2::zeros((rows, targets));
        all_intercepts.assign(&intercepts);
        Self::new(all_slopes, all_intercepts)
    }

    /// Slopes, rows × targets × features: change of the linear predictor per unit of a feature.
    pub fn slopes(&self) -> ArrayView3<'_, f64> {
        self.slopes.view()
    }

    /// Intercepts, rows × targets: the linear predictor where all features are zero.
    pub fn intercepts(&self) -> ArrayView2<'_, f64> {
        self.intercepts.view()
    }

    /// Slopes with the intercepts behind them, rows × targets × (features + 1).
    pub fn joined(&self) -> Array3<f64> {
        let (rows, targets, features) = self.slopes.dim();
        let mut all = Array3::zeros((rows, targets, features + 1));
        all.slice_mut(s![.., .., ..features]).assign(&self.slopes);
        all.slice_mut(s![.., .., features]).assign(&self.intercepts);
        all
    }

    /// Number of models.
    pub fn rows(&self) -> usize {
        self.slopes.dim().0
    }

    /// Number of targets.
    pub fn targets(&self) -> usize {
        self.slopes.dim().1
    }

    /// Number of features.
    pub fn features(&self) -> usize {
        self.slopes.dim().2
    }

    /// `B_i x_i + m_i` for every row, rows × targets.
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`], [`Error::ColumnCount`], [`Error::NotFinite`] for features
    /// that do not fit the coefficients, and the last also for a predictor that overflows.
    pub fn linear_predictor(&self, features: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        check_table("features", features, Some(self.features()))?;
        check_rows("features", self.rows(), features.nrows())?;
        let mut predictor = self.intercepts.clone();
        Zip::from(predictor.rows_mut())
            .and(self.slopes.outer_iter())
            .and(features.rows())
            .for_each(|mut row, slopes, x| row += &slopes.dot(&x));
        check_finite("the linear predictor", predictor.view())?;
        Ok(predictor)
    }

    /// Rows chosen by index, which must be below [`Coefficients::rows`].
    ///
    /// # Errors
    ///
    /// [`Error::RowOutOfRange`].
    pub fn select(&self, rows: &[usize]) -> Result<Self> {
        if let Some(&row) = rows.iter().find(|&&row| row >= self.rows()) {
            return Err(Error::RowOutOfRange {
                row,
                rows: self.rows(),
            });
        }
        Ok(Self {
            slopes: self.slopes.select(Axis(0), rows),
            intercepts: self.intercepts.select(Axis(0), rows),
        })
    }

    /// Maps coefficients of standardised features and targets to the users' units.
    ///
    /// With x̃ = (x − a) / s and ỹ = (y − b) / t, `ỹ = B̃ x̃ + m̃` is `y = B x + m` with
    /// `B = diag(t) B̃ diag(1/s)` and `m = b + diag(t) m̃ − B a`.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`] when a standardisation has another width; [`Error::NotFinite`] when
    /// a coefficient overflows in the users' units.
    pub fn to_original_units(
        mut self,
        features: &Standardization,
        targets: &Standardization,
    ) -> Result<Self> {
        for (argument, expected, found) in [
            ("features", features.columns(), self.features()),
            ("targets", targets.columns(), self.targets()),
        ] {
            check_columns(argument, expected, found)?;
        }
        let scales = targets.scales().insert_axis(Axis(1));
        for (mut slopes, mut intercepts) in self
            .slopes
            .outer_iter_mut()
            .zip(self.intercepts.outer_iter_mut())
        {
            slopes *= &scales;
            slopes /= &features.scales();
            intercepts *= &targets.scales();
            intercepts += &targets.centers();
            intercepts -= &slopes.dot(&features.centers());
        }
        Self::new(self.slopes, self.intercepts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::array;
    use proptest::prelude::*;

    #[test]
    fn linear_predictor_is_slopes_times_features_plus_intercepts() {
        let slopes = array![[[1.0, 2.0]], [[3.0, 4.0]]];
        let coefficients = Coefficients::new(slopes, array![[10.0], [20.0]]).unwrap();
        let predictor = coefficients
            .linear_predictor(array![[1.0, 1.0], [2.0, 0.5]].view())
            .unwrap();
        assert_eq!(predictor, array![[13.0], [28.0]]);
    }

    #[test]
    fn shapes_are_checked() {
        let slopes = Array3::zeros((2, 1, 2));
        assert!(matches!(
            Coefficients::new(slopes.clone(), Array2::zeros((3, 1))),
            Err(Error::RowCount {
                expected: 2,
                found: 3,
                ..
            })
        ));
        assert!(matches!(
            Coefficients::new(slopes.clone(), Array2::zeros((2, 2))),
            Err(Error::ColumnCount {
                expected: 1,
                found: 2,
                ..
            })
        ));
        let coefficients = Coefficients::new(slopes, Array2::zeros((2, 1))).unwrap();
        assert!(matches!(
            coefficients.linear_predictor(Array2::zeros((2, 3)).view()),
            Err(Error::ColumnCount {
                expected: 2,
                found: 3,
                ..
            })
        ));
        assert!(matches!(
            coefficients.linear_predictor(Array2::zeros((1, 2)).view()),
            Err(Error::RowCount {
                expected: 2,
                found: 1,
                ..
            })
        ));
        assert!(matches!(
            coefficients.select(&[0, 2]),
            Err(Error::RowOutOfRange { row: 2, rows: 2 })
        ));
    }

    #[test]
    fn no_result_is_nan_or_infinite() {
        let slopes = array![[[1.0, 2.0]], [[f64::NAN, 4.0]]];
        assert!(matches!(
            Coefficients::new(slopes, Array2::zeros((2, 1))),
            Err(Error::NotFinite {
                argument: "slopes",
                row: 1,
                column: 0,
                ..
            })
        ));
        let large =
            Coefficients::constant(array![[1e200, 1.0]].view(), array![0.0].view(), 1).unwrap();
        assert_eq!(
            large
                .linear_predictor(array![[1e200, 0.0]].view())
                .unwrap_err()
                .to_string(),
            "the linear predictor contains inf at row 1, column 1"
        );
        assert!(
            serde_json::from_str::<Coefficients>(
                &serde_json::to_string(&large)
                    .unwrap()
                    .replace("\"dim\":[1,1]", "\"dim\":[1,0]")
            )
            .is_err()
        );
    }

    #[test]
    fn constant_repeats_one_model() {
        let coefficients =
            Coefficients::constant(array![[1.0, 2.0]].view(), array![3.0].view(), 4).unwrap();
        assert_eq!(coefficients.rows(), 4);
        let predictor = coefficients
            .linear_predictor(Array2::ones((4, 2)).view())
            .unwrap();
        assert_eq!(predictor, Array2::from_elem((4, 1), 6.0));
    }

    proptest! {
        /// Predicting in standardised units and mapping back equals predicting in the users' units.
        #[test]
        fn units_are_restored(values in prop::collection::vec(-3.0..3.0_f64, 5 * 2 + 5 * 2 + 4 + 2)) {
            let x = Array2::from_shape_vec((5, 2), values[..10].to_vec()).unwrap();
            let y = Array2::from_shape_vec((5, 2), values[10..20].to_vec()).unwrap();
            let slopes = Array2::from_shape_vec((2, 2), values[20..24].to_vec()).unwrap();
            let intercepts = array![values[24], values[25]];
            let features = Standardization::fit(x.view(), None).unwrap();
            let targets = Standardization::fit(y.view(), None).unwrap();
            let standardized = Coefficients::constant(slopes.view(), intercepts.view(), 5).unwrap();
            let x_standardized = features.apply(x.view()).unwrap();
            let expected = targets
                .invert(standardized.linear_predictor(x_standardized.view()).unwrap().view())
                .unwrap();
            let restored = standardized.to_original_units(&features, &targets).unwrap();
            let found = restored.linear_predictor(x.view()).unwrap();
            let scale = 1.0 + restored.slopes().iter().fold(0.0_f64, |a, b| a.max(b.abs()));
            assert_relative_eq!(found, expected, epsilon = 1e-12 * scale);
        }
    }
}
