//! Covariances with few rows, and what is and is not a correlation matrix.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis};

use crate::products::weighted_gram;
use crate::{Error, Result, check, symmetric_eigen};

/// The correlation matrix of a covariance matrix (p × p): `Sᵢⱼ / √(Sᵢᵢ Sⱼⱼ)`, with a diagonal of
/// exactly one.
///
/// # Errors
///
/// [`Error::Empty`], [`Error::NotSquare`], [`Error::NotFinite`], [`Error::NotSymmetric`];
/// [`Error::NoVariance`] for a diagonal entry that is not positive.
///
/// ```
/// use contextualized_solvers::correlation;
/// use ndarray::array;
///
/// let matrix = correlation(array![[4.0, 3.0], [3.0, 9.0]].view())?;
/// assert_eq!(matrix, array![[1.0, 0.5], [0.5, 1.0]]);
/// # Ok::<(), contextualized_solvers::Error>(())
/// ```
pub fn correlation(covariance: ArrayView2<f64>) -> Result<Array2<f64>> {
    check::square("covariance", covariance)?;
    check::symmetric("covariance", covariance)?;
    if let Some(column) = covariance.diag().iter().position(|&value| value <= 0.0) {
        return Err(Error::NoVariance { column });
    }
    let deviations = covariance.diag().mapv(f64::sqrt);
    Ok(Array2::from_shape_fn(covariance.dim(), |(i, j)| {
        if i == j {
            1.0
        } else {
            let (i, j) = (i.max(j), i.min(j));
            (covariance[[i, j]] / deviations[i] / deviations[j]).clamp(-1.0, 1.0)
        }
    }))
}

/// A covariance matrix with its correlations shrunken towards zero. See [`shrunken_covariance`].
#[derive(Clone, Debug, PartialEq)]
pub struct ShrunkenCovariance {
    /// Covariances (p × p), positive definite.
    pub matrix: Array2<f64>,
    /// The share λ that every correlation lost, in (0, 1].
    pub intensity: f64,
    /// The effective number of rows, `(Σw)² / Σw²`.
    pub rows: f64,
}

/// The least share that correlations lose, so that columns which determine each other leave a
/// positive definite matrix.
const LEAST_INTENSITY: f64 = 1e-6;

/// The covariance of centred `rows` (n × p), positive definite also where there are fewer rows than
/// columns: variances stay, and correlations lose the share
///
/// ```text
/// λ = Σ_{i≠j} Var(rᵢⱼ) / Σ_{i≠j} rᵢⱼ²,     at least 10⁻⁶, at most 1,
/// ```
///
/// which minimises the expected squared error to first order. Rows are taken as they are: subtract
/// the means first.
///
/// Weights matter relative to each other: a row of weight 2 moves variances and correlations as two
/// rows of weight 1 do, and multiplying all weights changes nothing. The precision of correlations is
/// judged by the effective number of rows after Kish, `(Σw)² / Σw²`, which no weight can make more than the rows
/// there are; if it is one, they are not, and λ is 1.
///
/// # Errors
///
/// [`Error::Empty`], [`Error::NotFinite`], [`Error::Shape`], [`Error::InvalidWeight`],
/// [`Error::NoPositiveWeight`]; [`Error::NoVariance`] for a column of zeros; [`Error::Overflow`].
///
/// # References
///
/// Schäfer and Strimmer (2005), A shrinkage approach to large-scale covariance matrix estimation and
/// implications for functional genomics, [doi:10.2202/1544-6115.1175](https://doi.org/10.2202/1544-6115.1175).
///
/// ```
/// use contextualized_solvers::{cholesky, shrunken_covariance};
/// use ndarray::array;
///
/// // Two rows of three columns: a matrix of rank two, but for the shrinkage.
/// let rows = array![[1.0, -1.0, 0.5], [-1.0, 1.0, 0.5]];
/// let shrunken = shrunken_covariance(rows.view(), None)?;
/// assert!(cholesky(shrunken.matrix.view())?.jitter() == 0.0);
/// # Ok::<(), contextualized_solvers::Error>(())
/// ```
pub fn shrunken_covariance(
    rows: ArrayView2<f64>,
    weights: Option<ArrayView1<f64>>,
) -> Result<ShrunkenCovariance> {
    check::matrix("rows", rows)?;
    let count = rows.nrows();
    let weights = match weights {
        None => ndarray::Array1::ones(count),
        Some(weights) => {
            check::size("weights", "values", count, weights.len())?;
            if let Some((row, &value)) = weights
                .indexed_iter()
                .find(|&(_, &weight)| !weight.is_finite() || weight < 0.0)
            {
                return Err(Error::InvalidWeight { row, value });
            }
            let largest = weights.fold(0.0_f64, |largest, &weight| largest.max(weight));
            if largest == 0.0 {
                return Err(Error::NoPositiveWeight { rows: count });
            }
            // Sums of weights as they are may overflow.
            &weights / largest
        }
    };
    let total = weights.sum();
    let effective = total * total / weights.dot(&weights);
    let mut matrix = weighted_gram(rows, weights.view())? / total;
    let raw = correlation(matrix.view())?;
    let squares = off_diagonal_squares(&raw);
    let intensity = if !(effective > 1.0 && squares > 0.0) {
        1.0
    } else {
        // Σ_{i≠j} of the mean of (z_i z_j)², which is of (Σ z²)² − Σ z⁴.
        let variances = matrix.diag().to_owned();
        let mut fourth = 0.0;
        for (row, weight) in rows.axis_iter(Axis(0)).zip(&weights) {
            let scaled: Vec<f64> = row.iter().zip(&variances).map(|(x, s)| x * x / s).collect();
            let sum: f64 = scaled.iter().sum();
            fourth += weight * (sum * sum - scaled.iter().map(|z| z * z).sum::<f64>());
        }
        let variance = (fourth / total - squares) / (effective - 1.0);
        (variance / squares).clamp(LEAST_INTENSITY, 1.0)
    };
    for ((i, j), value) in matrix.indexed_iter_mut() {
        if i != j {
            *value *= 1.0 - intensity;
        }
    }
    Ok(ShrunkenCovariance {
        matrix,
        intensity,
        rows: effective,
    })
}

fn off_diagonal_squares(matrix: &Array2<f64>) -> f64 {
    matrix
        .indexed_iter()
        .filter(|((i, j), _)| i != j)
        .map(|(_, value)| value * value)
        .sum()
}

/// Alternating projections end when a step changes no entry by more than this.
const TOLERANCE: f64 = 1e-10;

/// The most projections; what they leave undone, the last step does.
const PROJECTIONS: usize = 200;

/// The correlation matrix nearest to a symmetric `matrix` (p × p), with no eigenvalue below `least`.
///
/// Nearest in the sum of squared differences, by alternating projections on the matrices with no
/// eigenvalue below `least` and on those with a unit diagonal, with Dykstra's correction. The last
/// step mixes in as much of the identity as is still needed, so that the result is a correlation
/// matrix whatever the input: its diagonal is exactly one, it is symmetric to the last bit, and no
/// eigenvalue is below `least` by more than rounding. A matrix that is one already comes back as it
/// is. The diagonal of the input is read as one.
///
/// # Errors
///
/// [`Error::Empty`], [`Error::NotSquare`], [`Error::NotFinite`], [`Error::NotSymmetric`];
/// [`Error::InvalidSetting`] unless `least` is in [0, 1).
///
/// # References
///
/// Higham (2002), Computing the nearest correlation matrix — a problem from finance,
/// [doi:10.1093/imanum/22.3.329](https://doi.org/10.1093/imanum/22.3.329).
///
/// ```
/// use contextualized_solvers::{nearest_correlation, symmetric_eigen};
/// use ndarray::array;
///
/// // Higham's example: x like y, y like z, but x unlike z.
/// let matrix = array![[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]];
/// let nearest = nearest_correlation(matrix.view(), 0.0)?;
/// assert!((nearest[[0, 1]] - 0.7607).abs() < 1e-4 && (nearest[[0, 2]] - 0.1573).abs() < 1e-4);
/// assert!(symmetric_eigen(nearest.view())?.values[0] > -1e-15);
/// # Ok::<(), contextualized_solvers::Error>(())
/// ```
pub fn nearest_correlation(matrix: ArrayView2<f64>, least: f64) -> Result<Array2<f64>> {
    check::square("matrix", matrix)?;
    check::symmetric("matrix", matrix)?;
    if !(0.0..1.0).contains(&least) {
        return Err(Error::InvalidSetting {
            argument: "least",
            value: least,
            expected: "at least 0 and below 1",
        });
    }
    let mut unit = Array2::from_shape_fn(matrix.dim(), |(i, j)| {
        if i == j {
            1.0
        } else {
            matrix[[i.max(j), i.min(j)]]
        }
    });
    let size = unit.nrows();
    let mut smallest = symmetric_eigen(unit.view())?.values[0];
    if smallest >= least - size as f64 * f64::EPSILON {
        return Ok(unit);
    }
    let mut correction = Array2::<f64>::zeros(unit.dim());
    for _ in 0..PROJECTIONS {
        let shifted = &unit - &correction;
        let definite = with_eigenvalues_from(&shifted, least)?;
        correction = &definite - &shifted;
        let mut next = definite;
        next.diag_mut().fill(1.0);
        let change = (&next - &unit)
            .iter()
            .fold(0.0_f64, |largest, value| largest.max(value.abs()));
        unit = next;
        if change <= TOLERANCE {
            break;
        }
    }
    smallest = symmetric_eigen(unit.view())?.values[0];
    if smallest < least {
        // (1 − t) R + t I has the eigenvalues (1 − t) λ + t.
        let kept = (1.0 - least) / (1.0 - smallest);
        unit.mapv_inplace(|value| value * kept);
        unit.diag_mut().fill(1.0);
    }
    Ok(unit)
}

/// The nearest symmetric matrix with no eigenvalue below `least`.
fn with_eigenvalues_from(matrix: &Array2<f64>, least: f64) -> Result<Array2<f64>> {
    let eigen = symmetric_eigen(matrix.view())?;
    let scaled = &eigen.vectors * &eigen.values.mapv(|value| value.max(least));
    let product = scaled.dot(&eigen.vectors.t());
    Ok(Array2::from_shape_fn(matrix.dim(), |(i, j)| {
        product[[i.max(j), i.min(j)]]
    }))
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;
    use ndarray::array;
    use proptest::prelude::*;

    use super::*;

    fn symmetric(size: usize, values: &[f64]) -> Array2<f64> {
        Array2::from_shape_fn((size, size), |(i, j)| values[i.max(j) * size + i.min(j)])
    }

    proptest! {
        #[test]
        fn what_comes_back_is_a_correlation_matrix(
            values in prop::collection::vec(-2.0..2.0_f64, 36),
            size in 1..7_usize,
            least in prop::sample::select(vec![0.0, 1e-3, 0.2]),
        ) {
            let nearest = nearest_correlation(symmetric(size, &values).view(), least).unwrap();
            prop_assert!(nearest.diag().iter().all(|&value| value == 1.0));
            prop_assert_eq!(&nearest, &nearest.t());
            let smallest = symmetric_eigen(nearest.view()).unwrap().values[0];
            prop_assert!(smallest >= least - 1e-14);
            // What is one already stays as it is, to the bit, but for a rounded eigenvalue.
            let again = nearest_correlation(nearest.view(), least).unwrap();
            prop_assert!((&again - &nearest).iter().all(|value| value.abs() < 1e-13));
        }

        /// No correlation matrix on the way to another one is nearer: the obtuse angle that marks a
        /// projection on a convex set.
        #[test]
        fn no_other_correlation_matrix_is_nearer(
            values in prop::collection::vec(-1.5..1.5_f64, 16),
            other in prop::collection::vec(-1.0..1.0_f64, 16),
        ) {
            let mut matrix = symmetric(4, &values);
            matrix.diag_mut().fill(1.0);
            let nearest = nearest_correlation(matrix.view(), 0.0).unwrap();
            let factor = Array2::from_shape_vec((4, 4), other).unwrap() + Array2::<f64>::eye(4) * 1e-3;
            let other = correlation(factor.dot(&factor.t()).view()).unwrap();
            let angle = ((&matrix - &nearest) * (&other - &nearest)).sum();
            prop_assert!(angle < 1e-6);
        }
    }

    #[test]
    fn a_shrinkage_by_hand() {
        // z₁z₂ is 1, 1, 1, −1: r = ½, its squares' mean 1, so Var(r) = (1 − ¼) / 3 and λ = 1.
        let rows = array![[1.0, 2.0], [-1.0, -2.0], [1.0, 2.0], [-1.0, 2.0]];
        let shrunken = shrunken_covariance(rows.view(), None).unwrap();
        assert_abs_diff_eq!(shrunken.intensity, 1.0, epsilon = 1e-15);
        assert_abs_diff_eq!(shrunken.matrix[[1, 1]], 4.0, epsilon = 1e-15);
        // Ten times the rows: (1 − ¼) / 39 / ¼.
        let rows = Array2::from_shape_fn((40, 2), |(i, j)| rows[[i % 4, j]]);
        let shrunken = shrunken_covariance(rows.view(), None).unwrap();
        assert_abs_diff_eq!(shrunken.intensity, 3.0 / 39.0, epsilon = 1e-15);
        assert_abs_diff_eq!(shrunken.matrix[[0, 1]], 36.0 / 39.0, epsilon = 1e-14);
    }

    #[test]
    fn a_row_of_weight_two_moves_moments_as_two_rows() {
        let rows = array![[1.0, 0.3], [-2.0, 0.4], [0.5, -0.7], [-0.1, 0.8]];
        let twice = array![
            [1.0, 0.3],
            [1.0, 0.3],
            [-2.0, 0.4],
            [0.5, -0.7],
            [-0.1, 0.8]
        ];
        let weighted = shrunken_covariance(rows.view(), Some(array![2.0, 1.0, 1.0, 1.0].view()));
        let (weighted, repeated) = (
            weighted.unwrap(),
            shrunken_covariance(twice.view(), None).unwrap(),
        );
        assert_abs_diff_eq!(
            weighted.matrix.diag().to_owned(),
            repeated.matrix.diag().to_owned(),
            epsilon = 1e-14
        );
        let unshrunken =
            |of: &ShrunkenCovariance| of.matrix[[0, 1]] / (1.0 - of.intensity).max(1e-9);
        if weighted.intensity < 1.0 && repeated.intensity < 1.0 {
            assert_abs_diff_eq!(
                unshrunken(&weighted),
                unshrunken(&repeated),
                epsilon = 1e-12
            );
        }
        // Four rows, of which one counts twice, are no five.
        assert_abs_diff_eq!(weighted.rows, 25.0 / 7.0, epsilon = 1e-14);
        assert_abs_diff_eq!(repeated.rows, 5.0, epsilon = 1e-14);
    }

    proptest! {
        /// Weights that sum to one, or to next to nothing, are as good as any.
        #[test]
        fn weights_matter_relative_to_each_other(
            values in prop::collection::vec(-2.0..2.0_f64, 40),
            weights in prop::collection::vec(0.1..3.0_f64, 10),
            exponent in -300..300_i32,
        ) {
            // One column depends on another, so that there are correlations to lose.
            let rows = Array2::from_shape_fn((10, 4), |(i, j)| match j {
                1 => values[4 * i] + 0.5 * values[4 * i + 1],
                _ => values[4 * i + j],
            });
            let weights = ndarray::Array1::from_vec(weights);
            let plain = shrunken_covariance(rows.view(), Some(weights.view())).unwrap();
            let scaled = &weights * 10_f64.powi(exponent);
            let scaled = shrunken_covariance(rows.view(), Some(scaled.view())).unwrap();
            prop_assert!((plain.intensity - scaled.intensity).abs() < 1e-12);
            for (a, b) in plain.matrix.iter().zip(&scaled.matrix) {
                prop_assert!((a - b).abs() < 1e-12);
            }
            let shares = &weights / weights.sum();
            let shares = shrunken_covariance(rows.view(), Some(shares.view())).unwrap();
            prop_assert!((plain.intensity - shares.intensity).abs() < 1e-12);
            prop_assert!(shares.rows <= 10.0 + 1e-12);
        }
    }

    #[test]
    fn bad_input_is_named() {
        assert_eq!(
            shrunken_covariance(array![[1.0, 0.0], [2.0, 0.0]].view(), None),
            Err(Error::NoVariance { column: 1 })
        );
        assert_eq!(
            correlation(array![[1.0, 0.0], [0.0, -1.0]].view()),
            Err(Error::NoVariance { column: 1 })
        );
        assert!(matches!(
            nearest_correlation(Array2::eye(2).view(), 1.0),
            Err(Error::InvalidSetting {
                argument: "least",
                ..
            })
        ));
        assert!(matches!(
            nearest_correlation(array![[1.0, f64::NAN], [0.0, 1.0]].view(), 0.0),
            Err(Error::NotFinite { .. })
        ));
    }
}
