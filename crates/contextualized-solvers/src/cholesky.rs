use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{
    LltError, cholesky_in_place as factor_in_place, cholesky_in_place_scratch as factor_scratch,
};
use faer::linalg::cholesky::llt::inverse::{inverse, inverse_scratch};
use faer::linalg::cholesky::llt::solve::{solve_in_place, solve_in_place_scratch};
use faer::linalg::triangular_solve::{
    solve_lower_triangular_in_place, solve_upper_triangular_in_place,
};
use faer::{Mat, MatMut, Par};
use ndarray::{Array2, ArrayView2, ShapeBuilder};

use crate::convert::{
    as_faer, contiguous, in_rows, mirror_lower, square, standard, to_faer, to_ndarray,
};
use crate::{Error, Result, check};

/// The largest jitter that [`cholesky`] adds, relative to the mean absolute diagonal entry.
pub const DEFAULT_JITTER_LIMIT: f64 = 1e-6;

/// The first jitter tried after none, relative to the mean absolute diagonal entry.
const SMALLEST_JITTER: f64 = 1e-14;

/// The Cholesky factor of a symmetric matrix, with jitter up to [`DEFAULT_JITTER_LIMIT`].
///
/// See [`cholesky_with_limit`] for the rules and the errors.
///
/// # Example
///
/// ```
/// use contextualized_solvers::cholesky;
/// use ndarray::array;
///
/// let factor = cholesky(array![[4.0, 2.0], [2.0, 10.0]].view())?;
/// assert_eq!(factor.lower(), array![[2.0, 0.0], [1.0, 3.0]]);
/// assert_eq!(factor.jitter(), 0.0);
/// assert!((factor.log_determinant() - 36_f64.ln()).abs() < 1e-15);
///
/// // Two equal points under a kernel: singular, repaired, and said so.
/// let factor = cholesky(array![[1.0, 1.0], [1.0, 1.0]].view())?;
/// assert_eq!(factor.jitter(), 1e-14);
/// # Ok::<(), contextualized_solvers::Error>(())
/// ```
pub fn cholesky(matrix: ArrayView2<f64>) -> Result<Cholesky> {
    cholesky_with_limit(matrix, DEFAULT_JITTER_LIMIT)
}

/// The Cholesky factor of a symmetric matrix, with jitter up to `limit`; zero allows none.
///
/// Finds the lower triangular `L` (n × n) with `L Lᵀ = A + δ I` for the first `δ` that makes
/// `matrix` A positive definite: zero, then 10⁻¹⁴ times the mean absolute diagonal entry of `A`,
/// growing tenfold up to `limit` times it. `A` is taken for symmetric: one triangle is read.
///
/// A pivot counts as positive if it is above `n ε` times its diagonal entry, ε = 2⁻⁵²: below, it
/// is the rounding error of what was subtracted from that entry, and dividing by it gives a
/// finite answer that means nothing.
///
/// # Errors
///
/// [`Error::Empty`], [`Error::NotSquare`] and [`Error::NotFinite`] for what is not a finite square
/// matrix; [`Error::NotSymmetric`] if mirrored entries differ by more than 10⁻¹⁰ of the larger of
/// them and `√(aᵢᵢ aⱼⱼ)`; [`Error::InvalidJitterLimit`] for a negative or non-finite limit;
/// [`Error::NotPositiveDefinite`], with the failing pivot, if the limit does not suffice.
///
/// # References
///
/// Higham (2002), Accuracy and Stability of Numerical Algorithms, 2nd edition, chapter 10,
/// [doi:10.1137/1.9780898718027](https://doi.org/10.1137/1.9780898718027).
pub fn cholesky_with_limit(matrix: ArrayView2<f64>, limit: f64) -> Result<Cholesky> {
    check::square("matrix", matrix)?;
    check::symmetric("matrix", matrix)?;
    if !limit.is_finite() || limit < 0.0 {
        return Err(Error::InvalidJitterLimit { value: limit });
    }
    factorise(|| Ok(standard(&matrix).into_owned()), limit)
}

/// The same as [`cholesky`], in the place of a matrix of which the upper triangle alone is read, and which is made anew
/// for every jitter: for large ones, of which every copy takes time.
///
/// # Errors
///
/// [`Error::Empty`], [`Error::NotSquare`], [`Error::NotFinite`] and [`Error::NotPositiveDefinite`] as for
/// [`cholesky_with_limit`].
pub fn cholesky_in_place(make: impl Fn() -> Array2<f64>) -> Result<Cholesky> {
    let checked = || {
        let matrix = make();
        check::shape("matrix", matrix.view())?;
        Ok(matrix)
    };
    factorise(checked, DEFAULT_JITTER_LIMIT).map_err(|error| {
        // A value that is not finite makes no pivot positive that comes after it.
        match check::finite("matrix", make().view()) {
            Err(cause) => cause,
            Ok(()) => error,
        }
    })
}

/// Tries one jitter after the other.
fn factorise(make: impl Fn() -> Result<Array2<f64>>, limit: f64) -> Result<Cholesky> {
    let mut step = 0.0;
    loop {
        let matrix = make()?;
        let diagonal = matrix.diag().to_vec();
        let size = diagonal.len();
        let unit: f64 = diagonal.iter().map(|a| a.abs() / size as f64).sum();
        let jitter = step * unit;
        match factorise_once(in_rows(matrix), &diagonal, jitter) {
            Ok(lower) => return Ok(Cholesky { lower, jitter }),
            Err(pivot) if step >= limit => {
                return Err(Error::NotPositiveDefinite {
                    pivot,
                    size,
                    jitter,
                });
            }
            Err(_) => step = (step * 10.0).max(SMALLEST_JITTER).min(limit),
        }
    }
}

/// L with `L Lᵀ = A + jitter I` in columns, in the place of A, of which the upper triangle is read row by row; or the
/// index of the first pivot that is not positive.
fn factorise_once(
    mut values: Vec<f64>,
    diagonal: &[f64],
    jitter: f64,
) -> Result<Array2<f64>, usize> {
    let size = diagonal.len();
    let mut factor = MatMut::from_column_major_slice_mut(&mut values, size, size);
    for (k, own) in diagonal.iter().enumerate() {
        factor[(k, k)] = own + jitter;
    }
    let scratch = factor_scratch::<f64>(size, Par::Seq, Default::default());
    factor_in_place(
        factor.as_mut(),
        Default::default(),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .map_err(|LltError::NonPositivePivot { index }| index)?;

    let noise = size as f64 * f64::EPSILON;
    let is_noise = |k: usize| factor[(k, k)].powi(2) <= noise * (diagonal[k] + jitter);
    if let Some(pivot) = (0..size).find(|&k| is_noise(k)) {
        return Err(pivot);
    }
    // Above the diagonal there are remains of the matrix.
    for column in 1..size {
        values[column * size..column * size + column].fill(0.0);
    }
    let lower = Array2::from_shape_vec((size, size).f(), values);
    Ok(lower.expect("as many values as entries"))
}

/// A lower triangular `L` with `L Lᵀ = A + δ I`. See [`cholesky`].
#[derive(Clone, Debug, PartialEq)]
pub struct Cholesky {
    /// Column by column, as faer likes it.
    lower: Array2<f64>,
    jitter: f64,
}

impl Cholesky {
    /// The factor `L` (n × n), zero above the diagonal.
    pub fn lower(&self) -> &Array2<f64> {
        &self.lower
    }

    /// The jitter `δ` that was added to the diagonal, in the matrix's own units; zero for a
    /// positive definite matrix.
    pub fn jitter(&self) -> f64 {
        self.jitter
    }

    /// The solution `Z` (n × m) of `(A + δ I) Z = rhs` (n × m).
    ///
    /// # Errors
    ///
    /// [`Error::Empty`], [`Error::NotFinite`] and [`Error::Shape`] for a right-hand side that is
    /// empty, not finite, or of other than n rows; [`Error::Overflow`] if the solution does not
    /// fit into a float.
    pub fn solve(&self, rhs: ArrayView2<f64>) -> Result<Array2<f64>> {
        let mut solution = checked_copy(self.lower.view(), rhs)?;
        let scratch = solve_in_place_scratch::<f64>(rhs.nrows(), rhs.ncols(), Par::Seq);
        solve_in_place(
            as_faer(self.lower.view()),
            solution.as_mut(),
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(scratch)),
        );
        checked_solution(&solution)
    }

    /// The solution `Z` (n × m) of `L Z = rhs` (n × m): whitened by `A + δ I`, so that
    /// `Zᵀ Z = rhsᵀ (A + δ I)⁻¹ rhs`.
    ///
    /// # Errors
    ///
    /// Those of [`Cholesky::solve`].
    pub fn solve_lower(&self, rhs: ArrayView2<f64>) -> Result<Array2<f64>> {
        let mut solution = checked_copy(self.lower.view(), rhs)?;
        solve_lower_triangular_in_place(as_faer(self.lower.view()), solution.as_mut(), Par::Seq);
        checked_solution(&solution)
    }

    /// The solution `Z` (n × m) of `Lᵀ Z = rhs` (n × m): standard normal columns on the right give
    /// columns of covariance `(A + δ I)⁻¹`.
    ///
    /// # Errors
    ///
    /// Those of [`Cholesky::solve`].
    pub fn solve_upper(&self, rhs: ArrayView2<f64>) -> Result<Array2<f64>> {
        let mut solution = checked_copy(self.lower.view(), rhs)?;
        solve_upper_triangular_in_place(
            as_faer(self.lower.view()).transpose(),
            solution.as_mut(),
            Par::Seq,
        );
        checked_solution(&solution)
    }

    /// `(A + δ I)⁻¹` (n × n), symmetric to the last bit, for traces that need its entries. A product
    /// with it is better done by [`Cholesky::solve`].
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] if an entry does not fit into a float.
    pub fn inverse(&self) -> Result<Array2<f64>> {
        let mut inverse = self.lower_inverse()?;
        mirror_lower(&mut inverse);
        Ok(inverse)
    }

    /// The lower triangle of [`Cholesky::inverse`], with zeros above.
    ///
    /// # Errors
    ///
    /// Those of [`Cholesky::inverse`].
    pub fn lower_inverse(&self) -> Result<Array2<f64>> {
        let size = self.lower.nrows();
        let mut values = vec![0.0; size * size];
        inverse(
            MatMut::from_row_major_slice_mut(&mut values, size, size),
            as_faer(self.lower.view()),
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(inverse_scratch::<f64>(size, Par::Seq))),
        );
        let inverse = square(values, size);
        // No entry is larger than the larger of the two on the diagonal in its row and its column.
        match inverse.diag().iter().position(|value| !value.is_finite()) {
            Some(place) => Err(Error::Overflow {
                quantity: "the inverse",
                row: place,
                column: place,
            }),
            None => Ok(inverse),
        }
    }

    /// `log det(A + δ I) = 2 Σₖ log Lₖₖ`.
    pub fn log_determinant(&self) -> f64 {
        2.0 * self.lower.diag().iter().map(|l| l.ln()).sum::<f64>()
    }
}

/// The solution `Z` (n × m) of `L Z = rhs` (n × m) for a lower triangular `L` (n × n), of which the
/// lower triangle is read.
///
/// # Errors
///
/// [`Error::NotSquare`] for an `L` that is not; otherwise those of [`Cholesky::solve`], overflow
/// by a zero on the diagonal included.
pub fn solve_lower(lower: ArrayView2<f64>, rhs: ArrayView2<f64>) -> Result<Array2<f64>> {
    check::square("lower", lower)?;
    let mut solution = checked_copy(lower, rhs)?;
    let contiguous = contiguous(&lower);
    solve_lower_triangular_in_place(as_faer(contiguous.view()), solution.as_mut(), Par::Seq);
    checked_solution(&solution)
}

fn checked_copy(lower: ArrayView2<f64>, rhs: ArrayView2<f64>) -> Result<Mat<f64>> {
    check::matrix("rhs", rhs)?;
    check::size("rhs", "rows", lower.nrows(), rhs.nrows())?;
    Ok(to_faer(rhs))
}

fn checked_solution(solution: &Mat<f64>) -> Result<Array2<f64>> {
    let solution = to_ndarray(solution.as_ref());
    check::computed("the solution", solution.view())?;
    Ok(solution)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, array};

    use super::*;
    use crate::testing::assert_close;

    #[test]
    fn a_factor_by_hand() {
        let matrix = array![[4.0, 2.0, -2.0], [2.0, 10.0, 5.0], [-2.0, 5.0, 6.0]];
        let factor = cholesky(matrix.view()).unwrap();
        let lower = array![[2.0, 0.0, 0.0], [1.0, 3.0, 0.0], [-1.0, 2.0, 1.0]];
        assert_eq!(factor.lower(), lower);
        assert_eq!(factor.jitter(), 0.0);
        approx::assert_relative_eq!(factor.log_determinant(), 36_f64.ln());
        // A (1, -1, 2) = (-2, 2, 5).
        let solution = factor.solve(array![[-2.0], [2.0], [5.0]].view()).unwrap();
        assert_close(&solution, &array![[1.0], [-1.0], [2.0]], 1e-14);
    }

    #[test]
    fn triangular_solves_and_the_inverse_agree_with_the_solve() {
        let matrix = array![[4.0, 2.0, -2.0], [2.0, 10.0, 5.0], [-2.0, 5.0, 6.0]];
        let factor = cholesky(matrix.view()).unwrap();
        let rhs = array![[1.0, 0.5], [2.0, -1.0], [3.0, 0.0]];
        let half = factor.solve_lower(rhs.view()).unwrap();
        assert_close(&factor.lower().dot(&half), &rhs, 1e-14);
        let upper = factor.solve_upper(half.view()).unwrap();
        let solution = factor.solve(rhs.view()).unwrap();
        assert_close(&upper, &solution, 1e-14);
        let inverse = factor.inverse().unwrap();
        assert_eq!(inverse, inverse.t());
        assert_close(&inverse.dot(&rhs), &solution, 1e-14);
        let singular = array![[1.0, 0.0], [1.0, 0.0]];
        assert!(matches!(
            solve_lower(singular.view(), array![[1.0], [2.0]].view()),
            Err(Error::Overflow { .. })
        ));
    }

    #[test]
    fn a_factor_in_place_is_the_same() {
        let matrix = array![[4.0, 2.0, -2.0], [2.0, 10.0, 5.0], [-2.0, 5.0, 6.0]];
        let factor = cholesky(matrix.view()).unwrap();
        assert_eq!(cholesky_in_place(|| matrix.clone()).unwrap(), factor);
        let turned = || matrix.clone().reversed_axes();
        assert_eq!(cholesky_in_place(turned).unwrap(), factor);
        for size in [2, 40] {
            let repaired = cholesky_in_place(|| Array2::ones((size, size))).unwrap();
            let product = repaired.lower().dot(&repaired.lower().t());
            let expected =
                Array2::<f64>::ones((size, size)) + Array2::<f64>::eye(size) * repaired.jitter();
            assert_close(&product, &expected, 1e-15);
            assert!(repaired.jitter() > 0.0);
        }
        let error = cholesky_in_place(|| -Array2::<f64>::eye(3)).unwrap_err();
        assert!(matches!(error, Error::NotPositiveDefinite { pivot: 0, .. }));
        assert!(cholesky_in_place(|| array![[f64::NAN]]).is_err());
    }

    #[test]
    fn a_singular_matrix_gets_the_smallest_jitter_that_suffices() {
        // Mean diagonal 4, so the ladder starts at 4e-14.
        let matrix = Array2::from_elem((3, 3), 4.0);
        let factor = cholesky(matrix.view()).unwrap();
        approx::assert_relative_eq!(factor.jitter(), 4e-14);
        assert_eq!(
            cholesky_with_limit(matrix.view(), 0.0),
            Err(Error::NotPositiveDefinite {
                pivot: 1,
                size: 3,
                jitter: 0.0
            })
        );
    }

    #[test]
    fn jitter_grows_tenfold() {
        // The smallest eigenvalue is -5e-14: ten times the first step suffices.
        let factor = cholesky(array![[1.0, 1.0 + 5e-14], [1.0 + 5e-14, 1.0]].view()).unwrap();
        approx::assert_relative_eq!(factor.jitter(), 1e-13);
    }

    #[test]
    fn a_pivot_of_rounding_error_is_not_positive() {
        // The second pivot is 2⁻⁵², the last bit of what was subtracted.
        let matrix = array![[1.0, 1.0], [1.0, 1.0 + f64::EPSILON]];
        let error = cholesky_with_limit(matrix.view(), 0.0).unwrap_err();
        assert!(matches!(error, Error::NotPositiveDefinite { pivot: 1, .. }));
    }

    #[test]
    fn the_limit_itself_is_tried_and_nothing_beyond() {
        // The smallest eigenvalue is -1e-3, the mean diagonal 1.
        let matrix = array![[1.0, 1.001], [1.001, 1.0]];
        let factor = cholesky_with_limit(matrix.view(), 1.5e-3).unwrap();
        assert_eq!(factor.jitter(), 1.5e-3);
        assert_eq!(
            cholesky_with_limit(matrix.view(), 0.5e-3),
            Err(Error::NotPositiveDefinite {
                pivot: 1,
                size: 2,
                jitter: 0.5e-3
            })
        );
        assert!(cholesky(matrix.view()).is_err());
    }

    #[test]
    fn the_failing_pivot_is_named_in_large_matrices() {
        for pivot in [0, 63, 64, 150, 199] {
            let mut matrix = Array2::eye(200) + 0.1;
            matrix[[pivot, pivot]] = -1.0;
            assert!(matches!(
                cholesky(matrix.view()),
                Err(Error::NotPositiveDefinite { pivot: found, .. }) if found == pivot
            ));
        }
        let zeros = Array2::zeros((2, 2));
        assert_eq!(
            cholesky(zeros.view()),
            Err(Error::NotPositiveDefinite {
                pivot: 0,
                size: 2,
                jitter: 0.0
            })
        );
    }

    #[test]
    fn units_may_differ_between_rows() {
        let scales = Array1::from_vec(vec![1e-150, 1.0, 1e150]);
        let correlation = array![[1.0, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 1.0]];
        let matrix = &correlation * &scales * scales.view().insert_axis(ndarray::Axis(1));
        let factor = cholesky_with_limit(matrix.view(), 0.0).unwrap();
        let expected = cholesky(correlation.view()).unwrap().log_determinant();
        approx::assert_relative_eq!(factor.log_determinant(), expected, epsilon = 1e-12);
    }

    #[test]
    fn bad_input_is_named() {
        let eye = Array2::eye(2);
        assert!(matches!(
            cholesky(array![[2.0, 1.0], [0.5, 2.0]].view()),
            Err(Error::NotSymmetric {
                argument: "matrix",
                row: 1,
                column: 0,
                ..
            })
        ));
        assert!(matches!(
            cholesky(Array2::zeros((2, 3)).view()),
            Err(Error::NotSquare {
                argument: "matrix",
                rows: 2,
                columns: 3
            })
        ));
        assert!(matches!(
            cholesky(array![[f64::NAN]].view()),
            Err(Error::NotFinite {
                argument: "matrix",
                row: 0,
                column: 0,
                ..
            })
        ));
        assert_eq!(
            cholesky_with_limit(eye.view(), -1.0),
            Err(Error::InvalidJitterLimit { value: -1.0 })
        );
        assert!(cholesky_with_limit(eye.view(), f64::NAN).is_err());

        let factor = cholesky(eye.view()).unwrap();
        assert_eq!(
            factor.solve(Array2::zeros((3, 1)).view()),
            Err(Error::Shape {
                argument: "rhs",
                dimension: "rows",
                expected: 2,
                found: 3
            })
        );
        assert!(matches!(
            factor.solve(Array2::zeros((2, 0)).view()),
            Err(Error::Empty {
                argument: "rhs",
                ..
            })
        ));
        let tiny = cholesky((eye * 1e-200).view()).unwrap();
        assert_eq!(
            tiny.solve(array![[1e200], [1.0]].view()),
            Err(Error::Overflow {
                quantity: "the solution",
                row: 0,
                column: 0
            })
        );
    }
}
