use ndarray::{Array2, ArrayView1, ArrayView2};

use crate::convert::{as_faer, standard};
use crate::pivoted_qr;
use crate::weights::RowWeights;
use crate::{Error, Result, check};

/// Weighted ridge regression with a penalty for each column, by QR of the augmented design.
///
/// Minimises `Σᵢ wᵢ ‖yᵢ − Bᵀxᵢ‖² + Σⱼ λⱼ ‖Bⱼ‖²` over `B` (p × m, returned), where `xᵢ` is row i of
/// `design` (n × p), `yᵢ` row i of `targets` (n × m), `wᵢ` the weights (n values; one each if
/// `None`) and `λⱼ` the `penalties` (p values). A penalty of zero leaves its column free, as an
/// intercept should be; with all penalties zero this is [`least_squares`](crate::least_squares),
/// bit for bit. The sum over rows is not divided by n, so that penalties grow with the data if
/// the fit is to stay as smooth.
///
/// The rows `diag(√λ)` below `√W X` make it a least-squares problem (Golub and Van Loan 2013,
/// section 6.1.4), whose condition number is the root of the normal equations'.
///
/// # Errors
///
/// Those of [`least_squares`](crate::least_squares), and
/// [`Error::InvalidPenalty`] for a negative or non-finite penalty,
/// [`Error::RankDeficient`] if columns are dependent and their penalties too small to tell them
/// apart.
///
/// # Example
///
/// ```
/// use contextualized_solvers::ridge;
/// use ndarray::array;
///
/// // One column of ones: the sum of the targets over n + λ.
/// let design = array![[1.0], [1.0], [1.0]];
/// let targets = array![[1.0], [2.0], [6.0]];
/// let solution = ridge(design.view(), targets.view(), None, array![1.5].view())?;
/// assert!((solution[[0, 0]] - 2.0).abs() < 1e-14);
/// # Ok::<(), contextualized_solvers::Error>(())
/// ```
///
/// # References
///
/// Hoerl and Kennard (1970), Ridge regression: biased estimation for nonorthogonal problems,
/// [doi:10.1080/00401706.1970.10488634](https://doi.org/10.1080/00401706.1970.10488634).
pub fn ridge(
    design: ArrayView2<f64>,
    targets: ArrayView2<f64>,
    weights: Option<ArrayView1<f64>>,
    penalties: ArrayView1<f64>,
) -> Result<Array2<f64>> {
    check::matrix("design", design)?;
    check::matrix("targets", targets)?;
    check::size("targets", "rows", design.nrows(), targets.nrows())?;
    check::size("penalties", "values", design.ncols(), penalties.len())?;
    let rows = RowWeights::new(weights, design.nrows())?;
    let roots = penalty_roots(penalties, rows.largest())?;

    let (design, targets) = (standard(&design), standard(&targets));
    let mut augmented = rows.apply(as_faer(design.view()), roots.len());
    for (k, &(column, root)) in roots.iter().enumerate() {
        augmented[(rows.len() + k, column)] = root;
    }
    let targets = rows.apply(as_faer(targets.view()), roots.len());
    let all = augmented.nrows();
    let (solution, triangle) = pivoted_qr::solve(augmented, targets, all)?;
    triangle.check_full_rank()?;
    check::computed("the coefficient", solution.view())?;
    Ok(solution)
}

/// The penalised columns and the square roots of their penalties, in units of the largest weight.
fn penalty_roots(penalties: ArrayView1<f64>, unit: f64) -> Result<Vec<(usize, f64)>> {
    let mut roots = Vec::new();
    for (column, &value) in penalties.iter().enumerate() {
        if !value.is_finite() || value < 0.0 {
            return Err(Error::InvalidPenalty { column, value });
        }
        if value > 0.0 {
            // Root by root, because the ratio may leave the range of a float.
            roots.push((column, value.sqrt() / unit.sqrt()));
        }
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::testing::assert_close;

    #[test]
    fn a_line_with_a_free_intercept_by_hand() {
        // Around the mean x is -1, 0, 1 and y is -5/3, 1/3, 4/3: the slope is 3 / (2 + λ).
        let design = array![[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]];
        let targets = array![[1.0], [3.0], [4.0]];
        let penalties = array![0.0, 4.0];
        let solution = ridge(design.view(), targets.view(), None, penalties.view()).unwrap();
        assert_close(&solution, &array![[8.0 / 3.0 - 0.5], [0.5]], 4e-15);
    }

    #[test]
    fn weights_and_penalties_scale_together() {
        let design = array![[1.0, 0.5], [2.0, -1.0], [0.0, 3.0]];
        let targets = array![[1.0], [3.0], [4.0]];
        let (weights, penalties) = (array![1.0, 2.0, 0.5], array![0.25, 2.0]);
        let solve = |factor: f64| {
            let (weights, penalties) = (&weights * factor, &penalties * factor);
            let weights = Some(weights.view());
            ridge(design.view(), targets.view(), weights, penalties.view()).unwrap()
        };
        for factor in [1e-290, 1e290] {
            assert_close(&solve(factor), &solve(1.0), 1e-14);
        }
    }

    #[test]
    fn a_penalty_tells_equal_columns_apart() {
        let design = array![[1.0, 1.0], [2.0, 2.0]];
        let targets = array![[1.0], [2.0]];
        let solve = |penalty: f64| {
            let penalties = array![penalty, penalty];
            ridge(design.view(), targets.view(), None, penalties.view())
        };
        // By symmetry b₁ = b₂ = 5 / (10 + λ).
        let solution = solve(2.5).unwrap();
        assert_close(&solution, &array![[0.4], [0.4]], 4e-15);
        for penalty in [0.0, 1e-40] {
            assert!(matches!(
                solve(penalty),
                Err(Error::RankDeficient { rank: 1, columns: 2, dependent }) if dependent.len() == 1
            ));
        }
    }

    #[test]
    fn fewer_rows_than_columns_can_be_solved() {
        let design = array![[3.0, 4.0]];
        let penalties = array![25.0, 25.0];
        let solution = ridge(design.view(), array![[10.0]].view(), None, penalties.view());
        assert_close(&solution.unwrap(), &array![[0.6], [0.8]], 4e-15);
    }

    #[test]
    fn bad_input_is_named() {
        let design = Array2::<f64>::ones((3, 2));
        let targets = Array2::<f64>::ones((3, 1));
        let fails = |penalties: &[f64]| {
            let penalties = ArrayView1::from(penalties);
            ridge(design.view(), targets.view(), None, penalties).unwrap_err()
        };
        assert_eq!(
            fails(&[1.0, -1.0]),
            Error::InvalidPenalty {
                column: 1,
                value: -1.0
            }
        );
        assert!(matches!(
            fails(&[f64::NAN, 1.0]),
            Error::InvalidPenalty { column: 0, value } if value.is_nan()
        ));
        assert_eq!(
            fails(&[1.0]),
            Error::Shape {
                argument: "penalties",
                dimension: "values",
                expected: 2,
                found: 1
            }
        );
        let short = Array2::<f64>::ones((2, 1));
        assert!(matches!(
            ridge(design.view(), short.view(), None, array![1.0, 1.0].view()),
            Err(Error::Shape {
                argument: "targets",
                dimension: "rows",
                expected: 3,
                found: 2
            })
        ));
        let weights = array![1.0, -2.0, 1.0];
        assert_eq!(
            ridge(
                design.view(),
                targets.view(),
                Some(weights.view()),
                array![1.0, 1.0].view()
            ),
            Err(Error::InvalidWeight {
                row: 1,
                value: -2.0
            })
        );
    }

    #[test]
    fn an_overflow_is_an_error() {
        let tiny = array![[1e-200], [1e-200]];
        let huge = array![[1e200], [1e200]];
        assert_eq!(
            ridge(tiny.view(), huge.view(), None, array![0.0].view()),
            Err(Error::Overflow {
                quantity: "the coefficient",
                row: 0,
                column: 0
            })
        );
    }
}
