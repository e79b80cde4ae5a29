use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use crate::{Result, check, cholesky};

/// log 2π
const LOG_TWO_PI: f64 = 1.837_877_066_409_345_3;

/// A multivariate normal distribution, by its mean and its precision.
///
/// ```
/// use contextualized_solvers::Normal;
/// use ndarray::array;
///
/// let covariance = array![[4.0, 1.0], [1.0, 1.0]];
/// let normal = Normal::from_covariance(array![1.0, 0.0], covariance.view())?;
/// // The first given the second: 1 + (1 / 1) (2 − 0); the second given the first: ¼ (5 − 1).
/// let given = normal.given_others(array![5.0, 2.0].view())?;
/// assert!((given[0] - 3.0).abs() < 1e-14 && (given[1] - 1.0).abs() < 1e-14);
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

    /// Its mean (p).
    pub fn mean(&self) -> &Array1<f64> {
        &self.mean
    }

    /// Its precision (p × p).
    pub fn precision(&self) -> &Array2<f64> {
        &self.precision
    }

    /// The logarithm of its density at a point (p).
    ///
    /// # Errors
    ///
    /// [`crate::Error::NotFinite`], [`crate::Error::Shape`]; [`crate::Error::Overflow`] for a point so
    /// far away that its density does not fit into a float.
    pub fn log_density(&self, point: ArrayView1<f64>) -> Result<f64> {
        let (residual, pull) = self.pull(point)?;
        let exponent = self.log_determinant - residual.dot(&pull);
        let density = 0.5 * (exponent - point.len() as f64 * LOG_TWO_PI);
        check::computed("the density", ndarray::arr2(&[[density]]).view())?;
        Ok(density)
    }

    /// The mean of every entry of a point (p) given all others.
    ///
    /// # Errors
    ///
    /// Those of [`Normal::log_density`].
    pub fn given_others(&self, point: ArrayView1<f64>) -> Result<Array1<f64>> {
        // xᵢ − E[xᵢ | others] = (Ω r)ᵢ / Ωᵢᵢ.
        let (_, pull) = self.pull(point)?;
        let given =
            Array1::from_shape_fn(point.len(), |i| point[i] - pull[i] / self.precision[[i, i]]);
        check::computed("the conditional mean", given.view().insert_axis(Axis(0)))?;
        Ok(given)
    }

    /// The residual r, and Ω r.
    fn pull(&self, point: ArrayView1<f64>) -> Result<(Array1<f64>, Array1<f64>)> {
        check::matrix("point", point.insert_axis(Axis(0)))?;
        check::size("point", "values", self.mean.len(), point.len())?;
        let residual = &point - &self.mean;
        let pull = self.precision.dot(&residual);
        Ok((residual, pull))
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
    fn a_density_by_hand() {
        // Independent: the sum of two univariate log-densities.
        let covariance = array![[4.0, 0.0], [0.0, 0.25]];
        let normal = Normal::from_covariance(array![1.0, -1.0], covariance.view()).unwrap();
        let expected = -LOG_TWO_PI - 0.5 * (4.0 * 0.25_f64).ln() - 0.5 * (1.0 + 16.0);
        let point = array![3.0, 1.0];
        assert_abs_diff_eq!(
            normal.log_density(point.view()).unwrap(),
            expected,
            epsilon = 1e-13
        );
        let again = Normal::from_precision(array![1.0, -1.0], array![[0.25, 0.0], [0.0, 4.0]]);
        let again = again.unwrap().log_density(point.view()).unwrap();
        assert_abs_diff_eq!(again, expected, epsilon = 1e-13);
    }

    #[test]
    fn bad_input_is_named() {
        let eye = Array2::<f64>::eye(2);
        let normal = Normal::from_covariance(array![0.0, 0.0], eye.view()).unwrap();
        assert!(matches!(
            normal.log_density(array![1.0].view()),
            Err(Error::Shape {
                argument: "point",
                ..
            })
        ));
        assert!(matches!(
            normal.log_density(array![1e200, 0.0].view()),
            Err(Error::Overflow { .. })
        ));
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
