//! Errors of predictions and of coefficients.

use crate::validate::{check_columns, check_rows, check_table};
use crate::{Coefficients, Error, Family, Result, Standardization, normalized_weights};
use ndarray::{Array2, ArrayView1, ArrayView2};

/// Checks that predictions (n × y) are finite and fit their targets.
pub(crate) fn check_predictions(
    targets: ArrayView2<'_, f64>,
    predictions: ArrayView2<'_, f64>,
) -> Result<()> {
    check_table("targets", targets, None)?;
    check_table("predictions", predictions, Some(targets.ncols()))?;
    check_rows("predictions", targets.nrows(), predictions.nrows())
}

impl Family {
    /// The mean of [`Family::losses`] over rows, weighted if weights are given.
    ///
    /// # Errors
    ///
    /// Those of [`Family::losses`], [`Error::NoRows`], and those of
    /// [`crate::validate::check_weights`].
    pub fn mean_loss(
        self,
        targets: ArrayView2<'_, f64>,
        means: ArrayView2<'_, f64>,
        weights: Option<ArrayView1<'_, f64>>,
    ) -> Result<f64> {
        Ok(Score::of_rows(self.losses(targets, means)?.view(), weights)?.mean)
    }
}

/// A mean and its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// The mean.
    pub mean: f64,
    /// Its standard error; NaN where a single number leaves it unknown.
    pub standard_error: f64,
}

impl Score {
    /// The (weighted) mean of independent losses with its standard error.
    ///
    /// With weights w summing to one over n rows of positive weight the variance is
    /// Σ w² (ℓ − ℓ̄)² · n / (n − 1), which is s² / n for equal weights.
    ///
    /// # Errors
    ///
    /// [`Error::NoRows`] and those of [`crate::validate::check_weights`].
    pub fn of_rows(
        losses: ArrayView1<'_, f64>,
        weights: Option<ArrayView1<'_, f64>>,
    ) -> Result<Self> {
        if losses.is_empty() {
            return Err(Error::NoRows { argument: "losses" });
        }
        let shares = normalized_weights(weights, losses.len())? / losses.len() as f64;
        let rows = shares.iter().filter(|share| **share > 0.0).count() as f64;
        let mean = shares.dot(&losses);
        let variance = losses
            .iter()
            .zip(&shares)
            .map(|(loss, share)| (share * (loss - mean)).powi(2))
            .sum::<f64>()
            * rows
            / (rows - 1.0);
        Ok(Self {
            mean,
            standard_error: variance.sqrt(),
        })
    }
}

/// Mean squared error over all slopes: of treatment effects, where features are treatments.
///
/// # Errors
///
/// [`Error::RowCount`] or [`Error::ColumnCount`] when the two differ in shape,
/// [`Error::NoRows`] when there is nothing to average.
pub fn effect_mse(truth: &Coefficients, estimate: &Coefficients) -> Result<f64> {
    check_rows("estimate", truth.rows(), estimate.rows())?;
    for (argument, expected, found) in [
        ("estimated targets", truth.targets(), estimate.targets()),
        ("estimated features", truth.features(), estimate.features()),
    ] {
        check_columns(argument, expected, found)?;
    }
    let difference = &truth.slopes() - &estimate.slopes();
    difference
        .mapv(|d| d * d)
        .mean()
        .ok_or(Error::NoRows { argument: "truth" })
}

/// The share of (weighted) variance that predictions explain, over all targets:
/// 1 − Σ w (y − ŷ)² / Σ w (y − ȳ)².
///
/// # Errors
///
/// Those of [`Family::mean_loss`]; [`Error::InvalidParameter`] when all targets are constant.
pub fn r_squared(
    targets: ArrayView2<'_, f64>,
    predictions: ArrayView2<'_, f64>,
    weights: Option<ArrayView1<'_, f64>>,
) -> Result<f64> {
    let unexplained = Family::Gaussian.mean_loss(targets, predictions, weights)?;
    let scaling = Standardization::fit(targets, weights)?;
    let means = scaling.invert(Array2::zeros(targets.dim()).view())?;
    let total = Family::Gaussian.mean_loss(targets, means.view(), weights)?;
    if total == 0.0 {
        return Err(Error::invalid_parameter(
            "targets",
            "constant",
            "varying for their explained share to be defined",
        ));
    }
    Ok(1.0 - unexplained / total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::Array1;
    use ndarray::{Array3, array};

    #[test]
    fn squared_and_log_losses_by_hand() {
        let squared = Family::Gaussian
            .losses(
                array![[1.0, 2.0], [0.0, 0.0]].view(),
                array![[0.0, 4.0], [0.0, 1.0]].view(),
            )
            .unwrap();
        assert_eq!(squared, array![2.5, 0.5]);
        let log = Family::Binomial
            .losses(array![[1.0], [0.0]].view(), array![[0.25], [0.25]].view())
            .unwrap();
        assert_relative_eq!(log, array![4.0_f64.ln(), (4.0_f64 / 3.0).ln()]);
    }

    #[test]
    fn certainty_in_the_wrong_is_large_and_finite() {
        let log = Family::Binomial
            .losses(array![[1.0]].view(), array![[0.0]].view())
            .unwrap();
        assert!(log[0] > 36.0 && log[0] < 37.0);
        assert!(matches!(
            Family::Binomial.losses(array![[1.5]].view(), array![[0.5]].view()),
            Err(Error::InvalidTarget { row: 0, .. })
        ));
        assert!(matches!(
            Family::Binomial.losses(array![[1.0]].view(), array![[1.5]].view()),
            Err(Error::InvalidParameter { .. })
        ));
    }

    #[test]
    fn weighted_mean_counts_rows() {
        let (targets, predictions) = (array![[1.0], [3.0]], array![[0.0], [0.0]]);
        let weighted = Family::Gaussian
            .mean_loss(
                targets.view(),
                predictions.view(),
                Some(array![3.0, 1.0].view()),
            )
            .unwrap();
        assert_relative_eq!(weighted, 3.0);
    }

    #[test]
    fn standard_error_of_equal_weights_is_the_usual_one() {
        let score = Score::of_rows(array![1.0, 2.0, 3.0, 6.0].view(), None).unwrap();
        assert_relative_eq!(score.mean, 3.0);
        assert_relative_eq!(score.standard_error, (14.0_f64 / 3.0 / 4.0).sqrt());
    }

    #[test]
    fn rows_of_weight_zero_do_not_count() {
        let score = |losses: &[f64], weights: &[f64]| {
            let (losses, weights) = (
                Array1::from(losses.to_vec()),
                Array1::from(weights.to_vec()),
            );
            Score::of_rows(losses.view(), Some(weights.view())).unwrap()
        };
        let with = score(&[1.0, 2.0, 4.0, 9.0], &[1.0, 1.0, 1.0, 0.0]);
        assert_eq!(with, score(&[1.0, 2.0, 4.0], &[1.0, 1.0, 1.0]));
        assert!(score(&[1.0, 5.0], &[1.0, 0.0]).standard_error.is_nan());
    }

    #[test]
    fn effect_mse_averages_all_slopes() {
        let coefficients = |value: f64| {
            Coefficients::new(Array3::from_elem((2, 1, 3), value), Array2::zeros((2, 1))).unwrap()
        };
        assert_relative_eq!(
            effect_mse(&coefficients(1.0), &coefficients(3.0)).unwrap(),
            4.0
        );
        let narrow = Coefficients::new(Array3::zeros((2, 1, 2)), Array2::zeros((2, 1))).unwrap();
        assert!(matches!(
            effect_mse(&coefficients(1.0), &narrow),
            Err(Error::ColumnCount {
                expected: 3,
                found: 2,
                ..
            })
        ));
    }

    #[test]
    fn explained_share() {
        let targets = array![[1.0], [2.0], [3.0]];
        assert_relative_eq!(
            r_squared(targets.view(), targets.view(), None).unwrap(),
            1.0
        );
        let mean = array![[2.0], [2.0], [2.0]];
        assert_relative_eq!(r_squared(targets.view(), mean.view(), None).unwrap(), 0.0);
        for constant in [2.0, 0.1, 37.2] {
            let targets = Array2::from_elem((3, 1), constant);
            assert!(r_squared(targets.view(), mean.view(), None).is_err());
        }
    }
}
