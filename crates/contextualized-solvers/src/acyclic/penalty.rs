//! Smooth penalties on cycles, with their gradients in closed form.

use ndarray::{Array2, ArrayView2};

use crate::{Error, Result, check};

/// A smooth function h(W) ≥ 0 of a weighted adjacency matrix (p × p) that is zero for acyclic graphs
/// and positive for all others.
///
/// With `A = W ∘ W`, entrywise:
///
/// | penalty | h(W) | ∂h/∂W |
/// |---|---|---|
/// | [`Notears`](Self::Notears) | tr exp(A) − p | 2 W ∘ exp(A)ᵀ |
/// | [`Dagma`](Self::Dagma) | p ln s − ln det(sI − A) | 2 W ∘ (sI − A)⁻ᵀ |
/// | [`Polynomial`](Self::Polynomial) | tr (I + A/p)ᵖ − p | 2 W ∘ ((I + A/p)ᵖ⁻¹)ᵀ |
///
/// All three sum the weights of closed walks by their length, so that for an acyclic graph h and its
/// rounding error are exactly zero: the sums are formed without the identity, and have no negative
/// terms. DAGMA's sum converges where the spectral radius of A is below s, which is where sI − A is
/// an M-matrix; outside there is no value, see [`Acyclicity::contains`].
///
/// # References
///
/// Zheng, Aragam, Ravikumar and Xing (2018), DAGs with NO TEARS,
/// [arXiv:1803.01422](https://doi.org/10.48550/arXiv.1803.01422); Bello, Aragam and Ravikumar (2022),
/// DAGMA, [arXiv:2209.08037](https://doi.org/10.48550/arXiv.2209.08037); Yu, Chen, Gao and Yu (2019),
/// DAG-GNN, [arXiv:1904.10098](https://doi.org/10.48550/arXiv.1904.10098) for the polynomial.
///
/// ```
/// use contextualized_solvers::Acyclicity;
/// use ndarray::array;
///
/// let acyclic = array![[0.0, 3.0], [0.0, 0.0]];
/// let cycle = array![[0.0, 0.5], [-0.5, 0.0]];
/// for penalty in [Acyclicity::Notears, Acyclicity::Dagma { s: 1.0 }, Acyclicity::Polynomial] {
///     assert_eq!(penalty.value(acyclic.view())?, 0.0);
///     let (value, gradient) = penalty.value_and_gradient(cycle.view())?;
///     // Signs do not matter to the value, and a step against the gradient shortens both edges.
///     assert!(value > 0.0 && gradient[[0, 1]] > 0.0 && gradient[[1, 0]] < 0.0);
/// }
/// # Ok::<(), contextualized_solvers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Acyclicity {
    /// The trace of the matrix exponential.
    Notears,
    /// The log-determinant, inside its domain.
    Dagma {
        /// The bound on the spectral radius of W ∘ W, above zero.
        s: f64,
    },
    /// The trace of a matrix power.
    Polynomial,
}

/// Terms of the exponential series, and the norm up to which they suffice: 2⁻¹⁵ / 15! < 10⁻¹⁶.
const TERMS: usize = 14;
const SERIES_NORM: f64 = 0.5;

impl Acyclicity {
    /// h(W).
    ///
    /// # Errors
    ///
    /// Those of [`Acyclicity::value_and_gradient`].
    pub fn value(self, weights: ArrayView2<f64>) -> Result<f64> {
        let (value, _) = self.value_and_walks(weights)?;
        Ok(value)
    }

    /// h(W) and ∂h/∂W (p × p).
    ///
    /// # Errors
    ///
    /// [`Error::Empty`], [`Error::NotSquare`] and [`Error::NotFinite`] for what is not a finite square
    /// matrix; [`Error::InvalidRadius`] for an s that is not a positive number;
    /// [`Error::OutsideDomain`] where DAGMA has no value; [`Error::Overflow`] for weights so large that
    /// the result does not fit into a float.
    pub fn value_and_gradient(self, weights: ArrayView2<f64>) -> Result<(f64, Array2<f64>)> {
        let (value, walks) = self.value_and_walks(weights)?;
        let mut gradient = walks.reversed_axes();
        gradient.zip_mut_with(&weights, |walks, weight| *walks *= 2.0 * weight);
        check::computed("the gradient of the penalty", gradient.view())?;
        Ok((value, gradient))
    }

    /// Whether h has a value at W: always, but for DAGMA outside the M-matrices.
    ///
    /// # Errors
    ///
    /// Those of [`Acyclicity::value_and_gradient`] for what is not a finite square matrix or not a
    /// positive s.
    pub fn contains(self, weights: ArrayView2<f64>) -> Result<bool> {
        check::square("weights", weights)?;
        let Self::Dagma { s } = self else {
            return Ok(true);
        };
        check_radius(s)?;
        Ok(invert_m_matrix(&scaled_squares(weights, s.recip())).is_ok())
    }

    /// The value, and the sums of walks whose transpose the gradient holds.
    fn value_and_walks(self, weights: ArrayView2<f64>) -> Result<(f64, Array2<f64>)> {
        check::square("weights", weights)?;
        let nodes = weights.nrows();
        let (value, walks) = match self {
            Self::Notears => {
                let mut walks = exponential_minus_identity(scaled_squares(weights, 1.0))?;
                let value = walks.diag().sum();
                walks.diag_mut().mapv_inplace(|walks| walks + 1.0);
                (value, walks)
            }
            Self::Polynomial => {
                let step = scaled_squares(weights, (nodes as f64).recip());
                let mut walks = power_minus_identity(&step, nodes - 1);
                let value = one_more(&walks, &step).diag().sum();
                walks.diag_mut().mapv_inplace(|walks| walks + 1.0);
                (value, walks)
            }
            Self::Dagma { s } => {
                check_radius(s)?;
                let (log_determinant, inverse) =
                    invert_m_matrix(&scaled_squares(weights, s.recip()))
                        .map_err(|pivot| Error::OutsideDomain { s, pivot })?;
                (-log_determinant, inverse / s)
            }
        };
        check::computed("the penalty", ArrayView2::from(&[[value]]))?;
        check::computed("the gradient of the penalty", walks.view())?;
        Ok((value, walks))
    }
}

fn check_radius(s: f64) -> Result<()> {
    // Nor may 1 / s overflow, which zeros would be multiplied by.
    if s.is_finite() && s > 0.0 && s.recip().is_finite() {
        Ok(())
    } else {
        Err(Error::InvalidRadius { value: s })
    }
}

fn scaled_squares(weights: ArrayView2<f64>, factor: f64) -> Array2<f64> {
    weights.mapv(|weight| weight * weight * factor)
}

/// `(I + M) (I + N) − I`.
fn one_more(m: &Array2<f64>, n: &Array2<f64>) -> Array2<f64> {
    let mut product = m.dot(n);
    product += m;
    product += n;
    product
}

/// `exp(A) − I` of a matrix without negative entries, by Taylor's series of `A / 2ᵏ` and k squarings:
/// nothing is ever subtracted.
fn exponential_minus_identity(matrix: Array2<f64>) -> Result<Array2<f64>> {
    check::computed("the squared weights", matrix.view())?;
    let norm = matrix
        .rows()
        .into_iter()
        .map(|row| row.sum())
        .fold(0.0, f64::max);
    // Of finite squares the sum may still not be finite, nor would be the squarings.
    check::computed(
        "the row sums of squared weights",
        ArrayView2::from(&[[norm]]),
    )?;
    let squarings = (norm / SERIES_NORM).log2().ceil().max(0.0);
    let scaled = matrix * 0.5_f64.powf(squarings);
    // Horner: E = A (I + A/2 (I + A/3 (…))).
    let mut series = scaled.clone() / TERMS as f64;
    for term in (1..TERMS).rev() {
        let mut next = scaled.dot(&series);
        next += &scaled;
        next /= term as f64;
        series = next;
    }
    for _ in 0..squarings as usize {
        series = one_more(&series, &series);
        check::computed("the matrix exponential", series.view())?;
    }
    Ok(series)
}

/// `(I + M)ᵏ − I`, by squaring.
fn power_minus_identity(matrix: &Array2<f64>, exponent: usize) -> Array2<f64> {
    let mut result = Array2::zeros(matrix.dim());
    let mut base = matrix.clone();
    let mut left = exponent;
    while left > 0 {
        if left % 2 == 1 {
            result = one_more(&result, &base);
        }
        left /= 2;
        if left > 0 {
            base = one_more(&base, &base);
        }
    }
    result
}

/// `ln det(I − A)` and `(I − A)⁻¹` of an A without negative entries, if `I − A` is an M-matrix;
/// otherwise the first pivot that is not positive.
///
/// Elimination without pivoting is stable for M-matrices: only diagonal entries are ever subtracted
/// from, and they stay positive exactly there. What has been subtracted from a pivot stands on the
/// diagonal until its turn, so that its logarithm is exact for the weakest of cycles.
fn invert_m_matrix(matrix: &Array2<f64>) -> Result<(f64, Array2<f64>), usize> {
    let size = matrix.nrows();
    let mut table = matrix.mapv(|entry| -entry);
    let noise = size as f64 * f64::EPSILON;
    let mut log_determinant = 0.0;
    for k in 0..size {
        let (less, pivot) = (table[[k, k]], 1.0 + table[[k, k]]);
        // NaN, from an overflow, is outside too.
        if !(pivot.is_finite() && pivot > noise) {
            return Err(k);
        }
        log_determinant += less.ln_1p();
        table[[k, k]] = 1.0;
        for j in 0..size {
            table[[k, j]] /= pivot;
        }
        for i in (0..size).filter(|&i| i != k) {
            let factor = table[[i, k]];
            if factor == 0.0 {
                continue;
            }
            table[[i, k]] = 0.0;
            for j in 0..size {
                table[[i, j]] -= factor * table[[k, j]];
            }
        }
    }
    Ok((log_determinant, table))
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use ndarray::array;

    use super::*;

    const ALL: [Acyclicity; 3] = [
        Acyclicity::Notears,
        Acyclicity::Dagma { s: 1.5 },
        Acyclicity::Polynomial,
    ];

    #[test]
    fn squares_whose_sum_overflows_are_an_error() {
        let large = 1.3e154;
        let weights = array![[0.0, large, large], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]];
        assert!(Acyclicity::Notears.value(weights.view()).is_err());
        let tiny = Acyclicity::Dagma { s: 1e-309 };
        assert!(matches!(
            tiny.contains(Array2::zeros((2, 2)).view()),
            Err(Error::InvalidRadius { .. })
        ));
    }

    #[test]
    fn a_cycle_of_two_by_hand() {
        // Closed walks of even length 2m weigh a^m, a = w₁² w₂², from either node.
        let weights = array![[0.0, 0.6], [-0.5, 0.0]];
        let product: f64 = 0.36 * 0.25;
        let value = |penalty: Acyclicity| penalty.value(weights.view()).unwrap();
        assert_relative_eq!(
            value(Acyclicity::Notears),
            2.0 * product.sqrt().cosh() - 2.0,
            max_relative = 1e-14
        );
        assert_relative_eq!(
            value(Acyclicity::Dagma { s: 2.0 }),
            -(1.0 - product / 4.0).ln(),
            max_relative = 1e-14
        );
        assert_relative_eq!(
            value(Acyclicity::Polynomial),
            product / 2.0,
            max_relative = 1e-14
        );
    }

    #[test]
    fn acyclic_graphs_are_zero_to_the_last_bit() {
        let weights = array![[0.0, 0.0, 0.0], [3.0, 0.0, -2.0], [1.5, 0.0, 0.0]];
        for penalty in ALL {
            let (value, gradient) = penalty.value_and_gradient(weights.view()).unwrap();
            assert_eq!(value, 0.0);
            // The gradient is W times the walks back, of which there are none.
            assert!(gradient.iter().all(|slope| *slope == 0.0));
        }
    }

    #[test]
    fn the_domain_ends_where_the_spectral_radius_is_s() {
        let dagma = |s| Acyclicity::Dagma { s };
        let cycle = array![[0.0, 2.0], [1.0, 0.0]]; // radius 2 of the squares
        assert!(dagma(2.01).contains(cycle.view()).unwrap());
        assert!(!dagma(1.99).contains(cycle.view()).unwrap());
        assert!(matches!(
            dagma(1.99).value(cycle.view()),
            Err(Error::OutsideDomain { pivot: 1, .. })
        ));
        // A determinant alone does not tell: two such cycles have a positive one.
        let mut two = Array2::zeros((4, 4));
        for first in [0, 2] {
            two[[first, first + 1]] = 2.0;
            two[[first + 1, first]] = 1.0;
        }
        assert!(!dagma(1.0).contains(two.view()).unwrap());
        assert!(matches!(
            dagma(0.0).value(cycle.view()),
            Err(Error::InvalidRadius { value: 0.0 })
        ));
    }

    #[test]
    fn large_weights_overflow_with_an_error() {
        let weights = array![[0.0, 1e3], [1e3, 0.0]];
        for penalty in [Acyclicity::Notears, Acyclicity::Polynomial] {
            let huge = &weights * 1e200;
            assert!(matches!(
                penalty.value(huge.view()),
                Err(Error::Overflow { .. })
            ));
        }
        assert!(matches!(
            Acyclicity::Notears.value(weights.view()),
            Err(Error::Overflow { .. })
        ));
    }
}
