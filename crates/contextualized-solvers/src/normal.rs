use ndarray::{Array1, Array2, ArrayView2, Axis};

use crate::{Result, check, cholesky, correlation, graphical_lasso};

/// A multivariate normal distribution, by its mean and its precision.
///
/// ```
/// use contextualized_solvers::Normal;
/// use ndarray::array;
///
/// let covariance = array![[4.0, 1.0], [1.0, 1.0]];
/// let normal = Normal::from_covariance(array![1.0, 0.0], covariance.view())?;
/// assert!((normal.precision()[[0, 1]] + 1.0 / 3.0).abs() < 1e-14);
/// # Ok::<(), contextualized_solvers::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Normal {
    mean: Array1<f64>,
    precision: Array2<f64>,
    log_determinant: f64,
}

impl Normal {
    /// From its mean (p) and its covariance (p × p).
    ///
    /// # Errors
    ///
    /// Those of [`cholesky`]; [`crate::Error::NotFinite`] and [`crate::Error::Shape`] for a mean that
    /// is not finite or of other than p values; [`crate::Error::Overflow`].
    pub fn from_covariance(mean: Array1<f64>, covariance: ArrayView2<f64>) -> Result<Self> {
        check_mean(&mean, covariance.nrows())?;
        let factor = cholesky(covariance)?;
        Ok(Self {
            mean,
            precision: factor.inverse()?,
            log_determinant: -factor.log_determinant(),
        })
    }

    /// From its mean (p) and its precision (p × p), the inverse of its covariance.
    ///
    /// # Errors
    ///
    /// Those of [`Normal::from_covariance`].
    pub fn from_precision(mean: Array1<f64>, precision: Array2<f64>) -> Result<Self> {
        check_mean(&mean, precision.nrows())?;
        let factor = cholesky(precision.view())?;
        Ok(Self {
            mean,
            precision,
            log_determinant: factor.log_determinant(),
        })
    }

    /// From its mean (p) and a covariance (p × p) whose inverse is made sparse: the precision is that of
    /// [`graphical_lasso`](crate::graphical_lasso) with this penalty for nodes of unit variance.
    ///
    /// # Errors
    ///
    /// Those of [`correlation`](crate::correlation()), of [`graphical_lasso`](crate::graphical_lasso) and
    /// of [`Normal::from_covariance`].
    pub fn sparse(mean: Array1<f64>, covariance: ArrayView2<f64>, penalty: f64) -> Result<Self> {
        let deviations = covariance.diag().mapv(f64::sqrt);
        let sparse = graphical_lasso(correlation(covariance)?.view(), penalty)?;
        let precision = Array2::from_shape_fn(covariance.dim(), |(i, j)| {
            // One triangle, so that rounding keeps the matrix symmetric.
            let (i, j) = (i.max(j), i.min(j));
            sparse.precision[[i, j]] / deviations[i] / deviations[j]
        });
        Self::from_precision(mean, precision)
    }

    /// Its precision (p × p).
    pub fn precision(&self) -> &Array2<f64> {
        &self.precision
    }

    /// Its mean (p), its precision (p × p) and the logarithm of the precision's determinant.
    pub fn into_parts(self) -> (Array1<f64>, Array2<f64>, f64) {
        (self.mean, self.precision, self.log_determinant)
    }
}

fn check_mean(mean: &Array1<f64>, size: usize) -> Result<()> {
    check::matrix("mean", mean.view().insert_axis(Axis(0)))?;
    check::size("mean", "values", size, mean.len())
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;
    use ndarray::array;

    use super::*;
    use crate::Error;

    #[test]
    fn a_covariance_and_its_inverse_make_the_same() {
        let covariance = array![[4.0, 1.0], [1.0, 0.5]];
        let normal = Normal::from_covariance(array![1.0, -1.0], covariance.view()).unwrap();
        let (mean, precision, determinant) = normal.into_parts();
        assert_abs_diff_eq!(precision, array![[0.5, -1.0], [-1.0, 4.0]], epsilon = 1e-14);
        assert_abs_diff_eq!(determinant, 0.0, epsilon = 1e-14);
        let again = Normal::from_precision(mean.clone(), precision.clone()).unwrap();
        let (same_mean, same_precision, again) = again.into_parts();
        assert_eq!((same_mean, same_precision), (mean, precision));
        assert_abs_diff_eq!(again, determinant, epsilon = 1e-13);
    }

    #[test]
    fn a_penalty_is_on_the_scale_of_correlations() {
        let (unit, scales) = (array![[1.0, 0.5], [0.5, 1.0]], array![3.0, 0.1]);
        let covariance =
            Array2::from_shape_fn((2, 2), |(i, j)| unit[[i, j]] * scales[i] * scales[j]);
        let of = |covariance: &Array2<f64>, penalty| {
            let normal = Normal::sparse(array![0.0, 0.0], covariance.view(), penalty).unwrap();
            normal.precision().to_owned()
        };
        let expected = of(&unit, 0.2)[[0, 1]] / scales[0] / scales[1];
        assert_abs_diff_eq!(of(&covariance, 0.2)[[0, 1]], expected, epsilon = 1e-10);
        assert_eq!(of(&covariance, 0.6)[[0, 1]], 0.0);
    }

    #[test]
    fn bad_input_is_named() {
        let eye = Array2::<f64>::eye(2);
        assert!(matches!(
            Normal::from_covariance(array![0.0], eye.view()),
            Err(Error::Shape {
                argument: "mean",
                ..
            })
        ));
        assert!(Normal::from_precision(array![0.0, 0.0], -eye).is_err());
    }
}
