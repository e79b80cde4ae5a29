//! Column-pivoted QR on columns of unit length: the one solver behind least squares and ridge.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::householder::{
    apply_block_householder_sequence_transpose_on_the_left_in_place_scratch as apply_scratch,
    apply_block_householder_sequence_transpose_on_the_left_in_place_with_conj as apply_transpose,
};
use faer::linalg::matmul::matmul;
use faer::linalg::qr::col_pivoting::factor::{
    qr_in_place, qr_in_place_scratch, recommended_block_size,
};
use faer::linalg::qr::no_pivoting::factor as unpivoted;
use faer::linalg::triangular_solve::solve_upper_triangular_in_place;
use faer::{Accum, Conj, Mat, MatRef, Par};
use ndarray::Array2;

use crate::weights::RowWeights;
use crate::{Error, Result};

/// A diagonal entry of R counts as zero up to this multiple of max(n, p) ε |R₀₀|.
///
/// Householder QR itself stays below max(n, p) ε in practice; the factor leaves room for columns
/// that were rounded before they came, as centring and standardising do.
const RANK_SAFETY: f64 = 16.0;

/// Rows that are brought to a triangle at a time: few enough for a cache.
const BLOCK: usize = 4096;

/// R of a matrix of p columns, cut down to its numerical rank.
#[derive(Clone, Debug)]
pub(crate) struct Triangle {
    /// The leading rank × rank block of R.
    r: Mat<f64>,
    /// The column of the matrix behind each column of `r`.
    pivots: Vec<usize>,
    /// The length that each column of the matrix had.
    norms: Vec<f64>,
}

/// The basic least-squares solution of `design · B = targets` (p × m) in weighted rows, zero for dependent columns.
///
/// Of many rows the triangle of `[design | targets]` comes first, block by block: one pass over the rows, where
/// pivoting needs one for each column. An orthogonal transformation changes no column's length and no angle.
///
/// The solution is not yet checked for overflow.
pub(crate) fn solve_weighted(
    rows: &RowWeights,
    design: MatRef<'_, f64>,
    targets: MatRef<'_, f64>,
) -> Result<(Array2<f64>, Triangle)> {
    let (columns, all) = (design.ncols(), design.ncols() + targets.ncols());
    let block = BLOCK.max(4 * all);
    if rows.len() <= 2 * block {
        return solve(rows.apply(design, 0), rows.apply(targets, 0), rows.len());
    }
    let triangle = joint_triangle(rows, design, targets, block);
    let (matrix, rhs) = triangle.as_ref().split_at_col(columns);
    solve(matrix.to_owned(), rhs.to_owned(), rows.len())
}

/// R of `[design | targets]` in weighted rows, where there are more than twice as many as in a block.
fn joint_triangle(
    rows: &RowWeights,
    design: MatRef<'_, f64>,
    targets: MatRef<'_, f64>,
    block: usize,
) -> Mat<f64> {
    let all = design.ncols() + targets.ncols();
    let size = unpivoted::recommended_block_size::<f64>(block + all, all);
    let scratch =
        unpivoted::qr_in_place_scratch::<f64>(block + all, all, size, Par::Seq, Default::default());
    let mut memory = MemBuffer::new(scratch);
    let mut reflectors = Mat::zeros(size, all);
    let mut triangle = Mat::<f64>::zeros(0, all);
    for start in (0..rows.len()).step_by(block) {
        let own = start..(start + block).min(rows.len());
        let above = triangle.nrows();
        let mut joint = Mat::zeros(above + own.len(), all);
        joint.get_mut(..above, ..).copy_from(&triangle);
        let (left, right) = joint.get_mut(above.., ..).split_at_col_mut(design.ncols());
        rows.write(design, own.clone(), left);
        rows.write(targets, own, right);
        unpivoted::qr_in_place(
            joint.as_mut(),
            reflectors.as_mut(),
            Par::Seq,
            MemStack::new(&mut memory),
            Default::default(),
        );
        let size = all.min(joint.nrows());
        triangle = Mat::from_fn(size, all, |i, j| if i > j { 0.0 } else { joint[(i, j)] });
    }
    triangle
}

/// The basic least-squares solution of `matrix · B = rhs` (p × m), zero for dependent columns. `rows` is the number
/// of rows that the two were made of.
///
/// The solution is not yet checked for overflow.
pub(crate) fn solve(
    mut matrix: Mat<f64>,
    mut rhs: Mat<f64>,
    rows: usize,
) -> Result<(Array2<f64>, Triangle)> {
    let norms = normalise_columns(&mut matrix)?;
    let (reflectors, mut pivots) = factorise(&mut matrix);
    apply_reflectors(matrix.as_ref(), reflectors.as_ref(), &mut rhs);

    let rank = numerical_rank(matrix.as_ref(), rows);
    pivots.truncate(rank);
    let r = matrix.get(..rank, ..rank).to_owned();
    let mut basic = rhs.get(..rank, ..).to_owned();
    solve_upper_triangular_in_place(r.as_ref(), basic.as_mut(), Par::Seq);

    let mut solution = Array2::zeros((norms.len(), rhs.ncols()));
    for (k, &column) in pivots.iter().enumerate() {
        for target in 0..rhs.ncols() {
            solution[[column, target]] = basic[(k, target)] / norms[column];
        }
    }
    Ok((solution, Triangle { r, pivots, norms }))
}

impl Triangle {
    pub(crate) fn rank(&self) -> usize {
        self.pivots.len()
    }

    /// The columns that pivoting left to the end, sorted.
    pub(crate) fn dependent(&self) -> Vec<usize> {
        (0..self.norms.len())
            .filter(|column| !self.pivots.contains(column))
            .collect()
    }

    pub(crate) fn check_full_rank(&self) -> Result<()> {
        if self.rank() < self.norms.len() {
            return Err(Error::RankDeficient {
                rank: self.rank(),
                columns: self.norms.len(),
                dependent: self.dependent(),
            });
        }
        Ok(())
    }

    /// (AᵀA)⁻¹ of a matrix A of full rank, which is D⁻¹ P R⁻¹ R⁻ᵀ Pᵀ D⁻¹.
    pub(crate) fn gram_inverse(&self) -> Result<Array2<f64>> {
        self.check_full_rank()?;
        let size = self.rank();
        let mut inverse = Mat::<f64>::identity(size, size);
        solve_upper_triangular_in_place(self.r.as_ref(), inverse.as_mut(), Par::Seq);
        let mut product = Mat::<f64>::zeros(size, size);
        matmul(
            &mut product,
            Accum::Replace,
            &inverse,
            inverse.transpose(),
            1.0,
            Par::Seq,
        );
        let mut gram_inverse = Array2::zeros((size, size));
        for (k, &row) in self.pivots.iter().enumerate() {
            for (l, &column) in self.pivots.iter().enumerate() {
                // One triangle fills both, so that the result is symmetric to the last bit.
                let entry = product[(k.max(l), k.min(l))];
                let (first, second) = (row.max(column), row.min(column));
                gram_inverse[[row, column]] = entry / self.norms[first] / self.norms[second];
            }
        }
        Ok(gram_inverse)
    }
}

/// Divides each column by its length, so that rank does not depend on units.
fn normalise_columns(matrix: &mut Mat<f64>) -> Result<Vec<f64>> {
    (0..matrix.ncols())
        .map(|column| {
            let norm = matrix.col(column).norm_l2();
            if !norm.is_finite() {
                return Err(Error::Overflow {
                    quantity: "the length of a column of `design`",
                    row: 0,
                    column,
                });
            }
            if norm > 0.0 {
                for value in matrix.col_mut(column).iter_mut() {
                    *value /= norm;
                }
            }
            Ok(norm)
        })
        .collect()
}

/// Overwrites `matrix` by R and the Householder vectors below it; returns the block reflectors
/// and the column behind each pivot.
fn factorise(matrix: &mut Mat<f64>) -> (Mat<f64>, Vec<usize>) {
    let (rows, columns) = matrix.shape();
    let block = recommended_block_size::<f64>(rows, columns);
    let mut reflectors = Mat::zeros(block, rows.min(columns));
    let (mut pivots, mut places) = (vec![0_usize; columns], vec![0_usize; columns]);
    let scratch =
        qr_in_place_scratch::<usize, f64>(rows, columns, block, Par::Seq, Default::default());
    qr_in_place(
        matrix.as_mut(),
        reflectors.as_mut(),
        &mut pivots,
        &mut places,
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    );
    (reflectors, pivots)
}

/// Overwrites `rhs` by Qᵀ `rhs`.
fn apply_reflectors(factor: MatRef<'_, f64>, reflectors: MatRef<'_, f64>, rhs: &mut Mat<f64>) {
    let scratch = apply_scratch::<f64>(factor.nrows(), reflectors.nrows(), rhs.ncols());
    apply_transpose(
        factor,
        reflectors,
        Conj::No,
        rhs.as_mut(),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
    );
}

/// Number of leading diagonal entries of R above rounding error, of a matrix that was made of `rows` rows.
fn numerical_rank(factor: MatRef<'_, f64>, rows: usize) -> usize {
    let (own, columns) = factor.shape();
    let threshold = RANK_SAFETY * rows.max(columns) as f64 * f64::EPSILON * factor[(0, 0)].abs();
    // faer divides by the largest column norm: a matrix of zeros leaves NaN on the diagonal,
    // which is above no threshold, and so has rank zero.
    (0..own.min(columns))
        .take_while(|&k| factor[(k, k)].abs() > threshold)
        .count()
}

#[cfg(test)]
mod tests {
    use faer::mat;
    use ndarray::{Array1, array};

    use super::*;
    use crate::testing::assert_close;

    #[test]
    fn solves_a_system_by_hand() {
        // Columns (3, 4) and (4, -3): orthogonal, of length 5.
        let matrix = mat![[3.0, 4.0], [4.0, -3.0]];
        let (solution, triangle) = solve(matrix, mat![[25.0], [0.0]], 2).unwrap();
        assert_close(&solution, &array![[3.0], [4.0]], 1e-15);
        assert_close(
            &triangle.gram_inverse().unwrap(),
            &array![[0.04, 0.0], [0.0, 0.04]],
            1e-15,
        );
    }

    #[test]
    fn a_matrix_of_zeros_has_rank_zero() {
        let (solution, triangle) = solve(Mat::zeros(3, 2), mat![[1.0], [2.0], [3.0]], 3).unwrap();
        assert_eq!(solution, array![[0.0], [0.0]]);
        assert_eq!(triangle.rank(), 0);
        assert_eq!(triangle.dependent(), [0, 1]);
        assert!(triangle.gram_inverse().is_err());
    }

    #[test]
    fn rank_does_not_depend_on_units() {
        let matrix = mat![[1e200, 1e-200], [1e200, 2e-200], [1e200, 4e-200]];
        let (_, triangle) = solve(matrix, Mat::zeros(3, 1), 3).unwrap();
        assert_eq!(triangle.rank(), 2);
    }

    #[test]
    fn centred_columns_are_dependent_up_to_their_rounding() {
        let centred = |values: [f64; 6]| {
            let mean = values.iter().sum::<f64>() / 6.0;
            values.map(|value| value - mean)
        };
        for case in 0..200 {
            // Two temperatures around 20 degrees, and their sum.
            let at = |k: usize| 20.0 + 3.0 * ((12 * case + k) as f64 * 0.618_034).fract();
            let first: [f64; 6] = std::array::from_fn(at);
            let second: [f64; 6] = std::array::from_fn(|i| at(6 + i));
            let sum: [f64; 6] = std::array::from_fn(|i| first[i] + second[i]);
            let columns = [centred(first), centred(second), centred(sum)];
            let matrix = Mat::from_fn(6, 3, |i, j| columns[j][i]);
            let (_, triangle) = solve(matrix, Mat::zeros(6, 1), 6).unwrap();
            assert_eq!(triangle.rank(), 2, "case {case}");
        }
    }

    #[test]
    fn an_ill_conditioned_basis_has_full_rank() {
        // Monomials on [0, 1]: the last entry of R is about 1e-8 of the first.
        let matrix = Mat::from_fn(30, 13, |i, j| (i as f64 / 29.0).powi(j as i32));
        let (_, triangle) = solve(matrix, Mat::zeros(30, 1), 30).unwrap();
        let r = &triangle.r;
        let ratio = (r[(r.nrows() - 1, r.nrows() - 1)] / r[(0, 0)]).abs();
        assert_eq!(triangle.rank(), 13, "ratio {ratio:e}");
        assert!(ratio < 1e-7, "ratio {ratio:e}");
    }

    #[test]
    fn blocks_of_rows_tell_what_all_rows_tell() {
        let (n, block) = (501, 60);
        let wave = |i: usize, j: usize| (1.7 * i as f64 * (j + 1) as f64 + j as f64).sin();
        // The last column depends on two others, units differ.
        let design = Mat::from_fn(n, 4, |i, j| match j {
            3 => 1e6 * (wave(i, 0) - 1e3 * wave(i, 1)),
            _ => 1e3_f64.powi(j as i32) * wave(i, j),
        });
        let targets = Mat::from_fn(n, 2, |i, j| wave(i, 7 + j));
        let weights: Array1<f64> = (0..n).map(|i| (i % 5) as f64).collect();
        let rows = RowWeights::new(Some(weights.view()), n).unwrap();
        let (design, targets) = (design.as_ref(), targets.as_ref());
        let triangle = joint_triangle(&rows, design, targets, block);
        assert_eq!(triangle.shape(), (6, 6));
        let (matrix, rhs) = triangle.as_ref().split_at_col(4);
        let (by_blocks, found) = solve(matrix.to_owned(), rhs.to_owned(), rows.len()).unwrap();
        let (at_once, expected) =
            solve(rows.apply(design, 0), rows.apply(targets, 0), rows.len()).unwrap();
        assert_eq!((found.rank(), expected.rank()), (3, 3));
        assert_eq!(found.dependent(), expected.dependent());
        for (a, b) in by_blocks.iter().zip(&at_once) {
            assert!((a - b).abs() <= 1e-12 * b.abs(), "{a} {b}");
        }
        for (a, b) in found.norms.iter().zip(&expected.norms) {
            assert!((a - b).abs() <= 1e-13 * b, "{a} {b}");
        }
    }

    #[test]
    fn a_column_too_long_for_a_float_is_an_error() {
        let matrix = mat![[1.0, 1.5e308], [1.0, 1.5e308]];
        assert_eq!(
            solve(matrix, Mat::zeros(2, 1), 2).map(|_| ()),
            Err(Error::Overflow {
                quantity: "the length of a column of `design`",
                row: 0,
                column: 1
            })
        );
    }
}
