//! Sparse precision matrices.

use ndarray::{Array1, Array2, ArrayView2};

use crate::{Error, Result, check, cholesky_with_limit};

/// A sparse precision matrix. See [`graphical_lasso`].
#[derive(Clone, Debug, PartialEq)]
pub struct GraphicalLasso {
    /// The precision matrix Ω (p × p), positive definite, with exact zeros.
    pub precision: Array2<f64>,
    /// Its inverse, the fitted covariance matrix.
    pub covariance: Array2<f64>,
    /// Passes over the columns.
    pub sweeps: usize,
    /// The largest violation of the conditions of optimality, relative to the largest variance.
    pub violation: f64,
}

/// The largest violation of the conditions of optimality that is accepted, relative to the largest
/// variance.
const TOLERANCE: f64 = 1e-8;

/// The most passes over the columns.
const SWEEPS: usize = 1000;

/// The most passes over the entries of one column.
const INNER_SWEEPS: usize = 1000;

/// The precision matrix Ω that minimises
///
/// ```text
/// − log det Ω + tr(S Ω) + λ Σ_{i≠j} |Ωᵢⱼ|
/// ```
///
/// for a covariance matrix `S` (p × p) and a penalty λ, in the units of S. It is optimal where, for
/// W = Ω⁻¹, `Wᵢᵢ = Sᵢᵢ`, `Wᵢⱼ − Sᵢⱼ = λ sign Ωᵢⱼ` for every entry that is not zero, and
/// `|Wᵢⱼ − Sᵢⱼ| ≤ λ` for every one that is; sweeps end when no entry violates this by more than 10⁻⁸
/// of the largest variance.
///
/// Ω itself descends, a column at a time, by a lasso whose quadratic form is the inverse of the rest
/// of Ω; each step keeps Ω positive definite and W its inverse.
///
/// # Errors
///
/// [`Error::Empty`], [`Error::NotSquare`], [`Error::NotFinite`], [`Error::NotSymmetric`];
/// [`Error::NoVariance`] for a diagonal entry that is not positive; [`Error::InvalidSetting`] for a
/// penalty that is negative or not finite; [`Error::NotPositiveDefinite`] and
/// [`Error::NotConverged`] if there is no minimum, as for a singular S without a penalty, or it is
/// not reached in 1000 sweeps.
///
/// # References
///
/// Friedman, Hastie and Tibshirani (2008), Sparse inverse covariance estimation with the graphical
/// lasso, [doi:10.1093/biostatistics/kxm045](https://doi.org/10.1093/biostatistics/kxm045); the primal
/// form after Mazumder and Hastie (2012), The graphical lasso: new insights and alternatives,
/// [doi:10.1214/12-EJS740](https://doi.org/10.1214/12-EJS740).
///
/// ```
/// use contextualized_solvers::graphical_lasso;
/// use ndarray::array;
///
/// let covariance = array![[1.0, 0.5, 0.1], [0.5, 1.0, 0.05], [0.1, 0.05, 1.0]];
/// let sparse = graphical_lasso(covariance.view(), 0.2)?;
/// // Weak covariances are explained away; the strong one loses the penalty.
/// assert_eq!(sparse.precision[[0, 2]], 0.0);
/// assert!((sparse.covariance[[0, 1]] - 0.3).abs() < 1e-8);
/// # Ok::<(), contextualized_solvers::Error>(())
/// ```
pub fn graphical_lasso(covariance: ArrayView2<f64>, penalty: f64) -> Result<GraphicalLasso> {
    check::square("covariance", covariance)?;
    check::symmetric("covariance", covariance)?;
    if let Some(column) = covariance.diag().iter().position(|&value| value <= 0.0) {
        return Err(Error::NoVariance { column });
    }
    if !(penalty >= 0.0 && penalty.is_finite()) {
        return Err(Error::InvalidSetting {
            argument: "penalty",
            value: penalty,
            expected: "a finite number of at least zero",
        });
    }
    let unit = covariance.diag().iter().copied().fold(0.0, f64::max);
    let (mut precision, mut inverse) = start(covariance, penalty)?;
    let mut violation = f64::INFINITY;
    let mut sweeps = 0;
    for sweep in 1..=SWEEPS {
        sweeps = sweep;
        for column in 0..covariance.nrows() {
            descend(covariance, penalty, column, &mut precision, &mut inverse);
        }
        violation = violation_of(covariance, penalty, &precision, &inverse) / unit;
        if violation <= TOLERANCE {
            // Rank-one updates drift from the inverse: what is reported is computed afresh.
            inverse = cholesky_with_limit(precision.view(), 0.0)?.inverse()?;
            violation = violation_of(covariance, penalty, &precision, &inverse) / unit;
            if violation <= TOLERANCE {
                return Ok(GraphicalLasso {
                    precision,
                    covariance: inverse,
                    sweeps: sweep,
                    violation,
                });
            }
        }
        if !violation.is_finite() {
            break;
        }
    }
    Err(Error::NotConverged {
        algorithm: "the graphical lasso",
        iterations: sweeps,
        value: violation,
        tolerance: TOLERANCE,
    })
}

/// Where sweeps start: Ω = W⁻¹ for the covariance W whose entries off the diagonal are those of S
/// less a share, so that none differs by more than the penalty. It is the minimum where there is no
/// penalty, and where the penalty is so large that W is diagonal; and it is near where S is close to
/// singular, from where a diagonal start has far to go.
fn start(covariance: ArrayView2<f64>, penalty: f64) -> Result<(Array2<f64>, Array2<f64>)> {
    let largest = covariance
        .indexed_iter()
        .filter(|((i, j), _)| i != j)
        .fold(0.0_f64, |largest, (_, value)| largest.max(value.abs()));
    let share = if penalty < largest {
        penalty / largest
    } else {
        1.0
    };
    let inverse = Array2::from_shape_fn(covariance.dim(), |(i, j)| {
        if i == j {
            covariance[[i, i]]
        } else {
            (1.0 - share) * covariance[[i, j]]
        }
    });
    match (share == 1.0, cholesky_with_limit(inverse.view(), 0.0)) {
        (false, Ok(factor)) => Ok((factor.inverse()?, inverse)),
        (false, Err(error)) if penalty == 0.0 => Err(error),
        // A matrix that is no covariance to rounding.
        _ => Ok((
            Array2::from_diag(&covariance.diag().mapv(f64::recip)),
            Array2::from_diag(&covariance.diag()),
        )),
    }
}

/// Minimises over one column of Ω (and its mirror), and brings W = Ω⁻¹ along.
fn descend(
    covariance: ArrayView2<f64>,
    penalty: f64,
    column: usize,
    precision: &mut Array2<f64>,
    inverse: &mut Array2<f64>,
) {
    let size = covariance.nrows();
    let others: Vec<usize> = (0..size).filter(|&row| row != column).collect();
    let variance = covariance[[column, column]];
    // The inverse of Ω without the column: W₁₁ − w₁₂ w₁₂ᵀ / w₂₂.
    let own = inverse.column(column).to_owned();
    let last = own[column];
    for &i in &others {
        let factor = own[i] / last;
        for &j in &others {
            inverse[[i, j]] -= factor * own[j];
        }
    }
    // Minimise s₂₂ θᵀ M θ + 2 s₁₂ᵀ θ + 2 λ |θ|₁, with the product M θ at hand.
    let mut theta = precision.column(column).to_owned();
    theta[column] = 0.0;
    let mut product = Array1::<f64>::zeros(size);
    for &j in &others {
        if theta[j] != 0.0 {
            for &i in &others {
                product[i] += inverse[[i, j]] * theta[j];
            }
        }
    }
    for _ in 0..INNER_SWEEPS {
        let mut largest = 0.0_f64;
        for &k in &others {
            let curvature = inverse[[k, k]];
            let rest = covariance[[k, column]] + variance * (product[k] - curvature * theta[k]);
            let next = soft(-rest, penalty) / (variance * curvature);
            let step = next - theta[k];
            if step != 0.0 {
                theta[k] = next;
                for &i in &others {
                    product[i] += inverse[[i, k]] * step;
                }
                largest = largest.max(step.abs() * curvature * variance);
            }
        }
        if largest <= 1e-2 * TOLERANCE * variance {
            break;
        }
    }
    let quadratic: f64 = others.iter().map(|&i| theta[i] * product[i]).sum();
    for &i in &others {
        precision[[i, column]] = theta[i];
        precision[[column, i]] = theta[i];
        inverse[[i, column]] = -variance * product[i];
        inverse[[column, i]] = inverse[[i, column]];
    }
    precision[[column, column]] = variance.recip() + quadratic;
    inverse[[column, column]] = variance;
    for &i in &others {
        let factor = variance * product[i];
        for &j in &others {
            inverse[[i, j]] += factor * product[j];
        }
    }
}

fn soft(value: f64, threshold: f64) -> f64 {
    value.signum() * (value.abs() - threshold).max(0.0)
}

/// The largest violation of the conditions of optimality.
fn violation_of(
    covariance: ArrayView2<f64>,
    penalty: f64,
    precision: &Array2<f64>,
    inverse: &Array2<f64>,
) -> f64 {
    let mut largest = 0.0_f64;
    for ((i, j), entry) in precision.indexed_iter() {
        let excess = inverse[[i, j]] - covariance[[i, j]];
        let violation = match (i == j, *entry == 0.0) {
            (true, _) => excess.abs(),
            (false, true) => (excess.abs() - penalty).max(0.0),
            (false, false) => (excess - penalty * entry.signum()).abs(),
        };
        if !violation.is_finite() {
            return f64::INFINITY;
        }
        largest = largest.max(violation);
    }
    largest
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;
    use ndarray::array;
    use proptest::prelude::*;

    use super::*;
    use crate::cholesky;
    use crate::testing::assert_close;

    fn covariance(size: usize, values: &[f64]) -> Array2<f64> {
        let factor = Array2::from_shape_fn((size, size), |(i, j)| values[i * size + j]);
        factor.dot(&factor.t()) + Array2::<f64>::eye(size) * 0.1
    }

    proptest! {
        /// The conditions of optimality, written out.
        #[test]
        fn conditions_of_optimality_hold(
            values in prop::collection::vec(-1.0..1.0_f64, 36),
            size in 2..7_usize,
            penalty in 0.0..0.5_f64,
        ) {
            let covariance = covariance(size, &values);
            let fit = graphical_lasso(covariance.view(), penalty).unwrap();
            prop_assert!(cholesky(fit.precision.view()).unwrap().jitter() == 0.0);
            let identity = fit.precision.dot(&fit.covariance);
            let unit = covariance.diag().iter().copied().fold(0.0, f64::max);
            for i in 0..size {
                for j in 0..size {
                    prop_assert!((identity[[i, j]] - f64::from(i == j)).abs() < 1e-9);
                    let excess = fit.covariance[[i, j]] - covariance[[i, j]];
                    let sign = fit.precision[[i, j]].signum();
                    if i == j {
                        prop_assert!(excess.abs() < 1e-7 * unit);
                    } else if fit.precision[[i, j]] != 0.0 {
                        prop_assert!((excess - penalty * sign).abs() < 1e-7 * unit);
                    } else {
                        prop_assert!(excess.abs() < penalty + 1e-7 * unit);
                    }
                }
            }
        }

        #[test]
        fn units_of_single_columns_matter_only_through_the_penalty(
            values in prop::collection::vec(-1.0..1.0_f64, 9),
        ) {
            let covariance = covariance(3, &values);
            let fit = graphical_lasso(covariance.view(), 0.1).unwrap();
            let scaled = graphical_lasso((&covariance * 4.0).view(), 0.4).unwrap();
            for (a, b) in fit.precision.iter().zip(&scaled.precision) {
                prop_assert!((a - 4.0 * b).abs() < 1e-5 * fit.precision[[0, 0]].max(1.0));
            }
        }
    }

    #[test]
    fn without_a_penalty_it_is_the_inverse() {
        let covariance = array![[2.0, 0.5, 0.2], [0.5, 1.0, -0.3], [0.2, -0.3, 1.5]];
        let fit = graphical_lasso(covariance.view(), 0.0).unwrap();
        let inverse = cholesky(covariance.view()).unwrap().inverse().unwrap();
        assert_close(&fit.precision, &inverse, 1e-7);
    }

    #[test]
    fn a_column_twice_is_solved_for_small_penalties() {
        let size = 8;
        let rows = Array2::from_shape_fn((200, size), |(i, j)| {
            // The last column is the first once more.
            let j = j % (size - 1);
            ((i * (2 * j + 3) * 7919 + 31 * j * i * i) % 199) as f64 / 99.0 - 1.0
        });
        let covariance = crate::correlation((rows.t().dot(&rows) / 200.0).view()).unwrap();
        for penalty in [1e-2, 1e-3, 1e-4] {
            let fit = graphical_lasso(covariance.view(), penalty).unwrap();
            assert!(fit.sweeps < 300, "{penalty}: {}", fit.sweeps);
            assert_abs_diff_eq!(fit.covariance[[0, size - 1]], 1.0 - penalty, epsilon = 1e-7);
        }
    }

    #[test]
    fn a_large_penalty_leaves_the_diagonal() {
        let covariance = array![[2.0, 0.5], [0.5, 4.0]];
        let fit = graphical_lasso(covariance.view(), 0.5).unwrap();
        assert_eq!(fit.precision, array![[0.5, 0.0], [0.0, 0.25]]);
        assert_eq!(fit.sweeps, 1);
    }

    #[test]
    fn a_singular_matrix_has_a_solution_with_a_penalty_only() {
        let singular = array![[1.0, 1.0], [1.0, 1.0]];
        let fit = graphical_lasso(singular.view(), 0.1).unwrap();
        assert_abs_diff_eq!(fit.covariance[[0, 1]], 0.9, epsilon = 1e-8);
        assert!(graphical_lasso(singular.view(), 0.0).is_err());
    }

    #[test]
    fn bad_input_is_named() {
        let eye = Array2::<f64>::eye(2);
        assert!(matches!(
            graphical_lasso(eye.view(), -1.0),
            Err(Error::InvalidSetting {
                argument: "penalty",
                ..
            })
        ));
        assert!(matches!(
            graphical_lasso(array![[0.0]].view(), 0.1),
            Err(Error::NoVariance { column: 0 })
        ));
    }
}
