use faer::linalg::matmul::matmul;
use faer::{Accum, Par};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use crate::convert::{as_faer, standard, to_faer};
use crate::pivoted_qr::{self, Triangle};
use crate::weights::RowWeights;
use crate::{Result, check};

/// Weighted least squares by column-pivoted Householder QR; of many rows after one pass of Householder QR over
/// blocks of them, which keeps lengths and angles of the columns.
///
/// Minimises `Σᵢ wᵢ ‖yᵢ − Bᵀxᵢ‖²` over `B` (p × m), where `xᵢ` is row i of `design` (n × p), `yᵢ`
/// row i of `targets` (n × m) and `wᵢ` the weights (n values; one each if `None`). A row of weight
/// zero counts as absent. There is no intercept: give a column of ones to have one.
///
/// A design of dependent columns, or of more columns than rows, is not an error here: it gives the
/// basic solution, in which dependent columns have coefficients of exactly zero, and a report.
/// Call [`LeastSquares::full_rank`] to insist.
///
/// # Rank
///
/// The columns of `√W X` are scaled to unit length first, so that the rank does not depend on
/// units. The rank is the number of diagonal entries of R with `|Rₖₖ| > 16 max(n, p) ε |R₀₀|`,
/// ε = 2⁻⁵², where n counts the rows of positive weight.
///
/// # Errors
///
/// [`Error::Empty`](crate::Error::Empty), [`Error::NotFinite`](crate::Error::NotFinite) and
/// [`Error::Shape`](crate::Error::Shape) for matrices that are empty, hold a NaN or an infinity
/// (in rows of weight zero too), or disagree in rows;
/// [`Error::InvalidWeight`](crate::Error::InvalidWeight) for a negative or non-finite weight and
/// [`Error::NoPositiveWeight`](crate::Error::NoPositiveWeight) if all are zero;
/// [`Error::Overflow`](crate::Error::Overflow) if a result does not fit into a float.
///
/// # Example
///
/// ```
/// use contextualized_solvers::least_squares;
/// use ndarray::array;
///
/// // The weighted mean of 1, 2 and 6, the last counted twice.
/// let design = array![[1.0], [1.0], [1.0]];
/// let targets = array![[1.0], [2.0], [6.0]];
/// let fit = least_squares(design.view(), targets.view(), Some(array![1.0, 1.0, 2.0].view()))?;
/// assert!((fit.solution()[[0, 0]] - 3.75).abs() < 1e-14);
/// assert!((fit.unscaled_covariance()?[[0, 0]] - 0.25).abs() < 1e-15);
/// # Ok::<(), contextualized_solvers::Error>(())
/// ```
///
/// # References
///
/// Businger and Golub (1965), Linear least squares solutions by Householder transformations,
/// [doi:10.1007/BF01436084](https://doi.org/10.1007/BF01436084). Golub and Van Loan (2013), Matrix
/// Computations, 4th edition, sections 5.4 and 5.5.
pub fn least_squares(
    design: ArrayView2<f64>,
    targets: ArrayView2<f64>,
    weights: Option<ArrayView1<f64>>,
) -> Result<LeastSquares> {
    check::matrix("design", design)?;
    check::matrix("targets", targets)?;
    check::size("targets", "rows", design.nrows(), targets.nrows())?;
    let rows = RowWeights::new(weights, design.nrows())?;

    let (design, targets) = (standard(&design), standard(&targets));
    let (solution, triangle) =
        pivoted_qr::solve_weighted(&rows, as_faer(design.view()), as_faer(targets.view()))?;
    check::computed("the coefficient", solution.view())?;

    let residual_sum_of_squares =
        weighted_residuals(design.view(), targets.view(), solution.view(), weights);
    check::computed(
        "the residual sum of squares",
        residual_sum_of_squares.view().insert_axis(Axis(0)),
    )?;
    Ok(LeastSquares {
        solution,
        residual_sum_of_squares,
        dependent_columns: triangle.dependent(),
        rows: rows.len(),
        weight_unit: rows.largest(),
        triangle,
    })
}

/// Weighted sums of squares of `targets − design · solution`, one per target.
fn weighted_residuals(
    design: ArrayView2<f64>,
    targets: ArrayView2<f64>,
    solution: ArrayView2<f64>,
    weights: Option<ArrayView1<f64>>,
) -> Array1<f64> {
    let mut residuals = to_faer(targets);
    matmul(
        &mut residuals,
        Accum::Add,
        as_faer(design),
        as_faer(solution),
        -1.0,
        Par::Seq,
    );
    let root = |row: usize| weights.map_or(1.0, |weights| weights[row].sqrt());
    (0..residuals.ncols())
        .map(|target| {
            (0..residuals.nrows())
                // A row without weight may be so far off that its residual overflows.
                .filter(|&row| root(row) > 0.0)
                .map(|row| (root(row) * residuals[(row, target)]).powi(2))
                .sum()
        })
        .collect()
}

/// A least-squares fit, with a report on the rank of its design. See [`least_squares`].
#[derive(Clone, Debug)]
pub struct LeastSquares {
    solution: Array2<f64>,
    residual_sum_of_squares: Array1<f64>,
    dependent_columns: Vec<usize>,
    rows: usize,
    /// The triangle belongs to weights divided by this.
    weight_unit: f64,
    triangle: Triangle,
}

impl LeastSquares {
    /// The coefficients `B`: p × m, a row for each column of the design, a column for each target.
    pub fn solution(&self) -> &Array2<f64> {
        &self.solution
    }

    /// The coefficients `B`, without a copy.
    pub fn into_solution(self) -> Array2<f64> {
        self.solution
    }

    /// Numerical rank of the weighted design.
    pub fn rank(&self) -> usize {
        self.triangle.rank()
    }

    /// Columns of the design that are linear combinations of the others, columns of zeros
    /// included: sorted, p − rank of them, each with a coefficient of exactly zero.
    ///
    /// Of columns that depend on each other, which ones are named is up to the pivoting, which
    /// takes the longest remaining column first, and so up to rounding where lengths are equal.
    pub fn dependent_columns(&self) -> &[usize] {
        &self.dependent_columns
    }

    /// `Σᵢ wᵢ (yᵢₖ − xᵢᵀBₖ)²` for each target k, from the residuals themselves.
    pub fn residual_sum_of_squares(&self) -> &Array1<f64> {
        &self.residual_sum_of_squares
    }

    /// Rows of positive weight minus rank.
    pub fn degrees_of_freedom(&self) -> usize {
        self.rows - self.rank()
    }

    /// The fit itself if no column depends on the others.
    ///
    /// # Errors
    ///
    /// [`Error::RankDeficient`](crate::Error::RankDeficient), with the dependent columns.
    pub fn full_rank(self) -> Result<Self> {
        self.triangle.check_full_rank()?;
        Ok(self)
    }

    /// `(XᵀWX)⁻¹` (p × p, symmetric to the last bit), computed as `R⁻¹R⁻ᵀ` from the triangular
    /// factor alone.
    ///
    /// Times the variance of the noise it is the covariance of the coefficients of one target,
    /// if the weights are inverse variances up to that factor.
    ///
    /// # Errors
    ///
    /// [`Error::RankDeficient`](crate::Error::RankDeficient) if a column depends on the others,
    /// [`Error::Overflow`](crate::Error::Overflow) if an entry does not fit into a float.
    pub fn unscaled_covariance(&self) -> Result<Array2<f64>> {
        let covariance = self.triangle.gram_inverse()? / self.weight_unit;
        check::computed("the covariance", covariance.view())?;
        Ok(covariance)
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use ndarray::array;

    use super::*;
    use crate::Error;
    use crate::testing::assert_close;

    #[test]
    fn a_line_by_hand() {
        // x = 0, 1, 2; y = 1, 3, 4: slope 3/2, intercept 7/6, residuals (-1, 2, -1) / 6.
        let design = array![[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]];
        let targets = array![[1.0, 2.0], [3.0, 2.0], [4.0, 2.0]];
        let fit = least_squares(design.view(), targets.view(), None).unwrap();
        assert_close(fit.solution(), &array![[7.0 / 6.0, 2.0], [1.5, 0.0]], 4e-15);
        assert_close(
            fit.residual_sum_of_squares(),
            &array![1.0 / 6.0, 0.0],
            4e-15,
        );
        assert_eq!((fit.rank(), fit.degrees_of_freedom()), (2, 1));
        // (XᵀX)⁻¹ with XᵀX = [3 3; 3 5].
        assert_close(
            &fit.unscaled_covariance().unwrap(),
            &array![[5.0 / 6.0, -0.5], [-0.5, 0.5]],
            4e-15,
        );
    }

    #[test]
    fn dependent_columns_are_reported_and_get_zero() {
        let design = array![[1.0, 0.0, 1.0], [1.0, 0.0, 2.0], [1.0, 0.0, 4.0]];
        let targets = array![[3.0], [5.0], [9.0]];
        let fit = least_squares(design.view(), targets.view(), None).unwrap();
        assert_eq!(fit.dependent_columns(), [1]);
        assert_close(fit.solution(), &array![[1.0], [0.0], [2.0]], 4e-15);
        assert_eq!(fit.solution()[[1, 0]], 0.0);
        let error = Error::RankDeficient {
            rank: 2,
            columns: 3,
            dependent: vec![1],
        };
        assert_eq!(fit.unscaled_covariance(), Err(error.clone()));
        assert_eq!(fit.full_rank().map(|_| ()), Err(error));
    }

    #[test]
    fn more_columns_than_rows_is_a_report() {
        let design = array![[1.0, 2.0, 5.0], [0.0, 1.0, 3.0]];
        let fit = least_squares(design.view(), array![[1.0], [2.0]].view(), None).unwrap();
        assert_eq!(fit.rank(), 2);
        assert_eq!(fit.dependent_columns().len(), 1);
        assert_eq!(fit.degrees_of_freedom(), 0);
        let fitted = design.dot(fit.solution());
        assert_close(&fitted, &array![[1.0], [2.0]], 1e-14);
    }

    #[test]
    fn a_row_of_weight_zero_is_absent() {
        let design = array![[1.0], [1e308], [1.0]];
        let targets = array![[2.0], [-1e308], [4.0]];
        let weights = array![1.0, 0.0, 1.0];
        let fit = least_squares(design.view(), targets.view(), Some(weights.view())).unwrap();
        assert_relative_eq!(fit.solution()[[0, 0]], 3.0, max_relative = 1e-15);
        assert_relative_eq!(fit.residual_sum_of_squares()[0], 2.0, max_relative = 4e-15);
        assert_eq!(fit.degrees_of_freedom(), 1);
    }

    #[test]
    fn extreme_values_are_solved_or_refused() {
        let ones = array![[1.0], [1.0]];
        let tall = array![[1e200], [1e200]];
        let fit = least_squares(tall.view(), ones.view(), None).unwrap();
        assert_relative_eq!(fit.solution()[[0, 0]], 1e-200, max_relative = 1e-15);
        let flat = array![[1e-200], [1e-200]];
        let fit = least_squares(flat.view(), ones.view(), None).unwrap();
        assert_relative_eq!(fit.solution()[[0, 0]], 1e200, max_relative = 1e-15);

        let overflow = |design: &Array2<f64>, targets: &Array2<f64>| match least_squares(
            design.view(),
            targets.view(),
            None,
        ) {
            Err(Error::Overflow { quantity, .. }) => quantity,
            other => panic!("expected an overflow, found {other:?}"),
        };
        assert_eq!(overflow(&flat, &tall), "the coefficient");
        let apart = array![[1e200], [-1e200]];
        assert_eq!(overflow(&ones, &apart), "the residual sum of squares");
        let fit = least_squares(flat.view(), ones.view(), None).unwrap();
        assert!(matches!(
            fit.unscaled_covariance(),
            Err(Error::Overflow {
                quantity: "the covariance",
                ..
            })
        ));
    }

    #[test]
    fn bad_input_is_named() {
        let good = Array2::ones((3, 2));
        let fails = |design: &Array2<f64>, targets: &Array2<f64>| {
            least_squares(design.view(), targets.view(), None).unwrap_err()
        };
        assert!(matches!(
            fails(&Array2::zeros((0, 2)), &good),
            Error::Empty {
                argument: "design",
                rows: 0,
                columns: 2
            }
        ));
        assert!(matches!(
            fails(&good, &Array2::zeros((3, 0))),
            Error::Empty {
                argument: "targets",
                ..
            }
        ));
        assert!(matches!(
            fails(&good, &Array2::ones((4, 1))),
            Error::Shape {
                argument: "targets",
                dimension: "rows",
                expected: 3,
                found: 4
            }
        ));
        assert!(matches!(
            fails(&good, &(&good * f64::NAN)),
            Error::NotFinite {
                argument: "targets",
                ..
            }
        ));
    }

    #[test]
    fn fits_cross_threads() {
        fn crosses<T: Send + Sync + 'static>() {}
        crosses::<LeastSquares>();
    }
}
