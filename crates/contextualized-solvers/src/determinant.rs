use faer::Par;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::lu::partial_pivoting::factor::{lu_in_place, lu_in_place_scratch};
use ndarray::{Array2, ArrayView2, ArrayViewMut1};

use crate::convert::to_faer;
use crate::{Result, check};

/// A determinant as `sign · exp(log_abs)`. See [`log_determinant`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogDeterminant {
    /// −1, 0 or 1; 0 for a singular matrix.
    pub sign: f64,
    /// Logarithm of the absolute value; −∞ for a singular matrix.
    pub log_abs: f64,
}

impl LogDeterminant {
    const SINGULAR: Self = Self {
        sign: 0.0,
        log_abs: f64::NEG_INFINITY,
    };
}

/// Sign and logarithm of the determinant of a square matrix (n × n), by LU with partial pivoting.
///
/// Rows, then columns, are first divided by powers of two that bring their largest entries to
/// between one and two, which costs no accuracy and lets values from 10⁻³⁰⁰ to 10³⁰⁰ stand in one
/// matrix. A pivot of at most `n ε` (ε = 2⁻⁵²) is then rounding error, and the matrix counts as
/// singular: sign 0 and logarithm −∞, which is an answer and not an error.
///
/// # Errors
///
/// [`Error::Empty`](crate::Error::Empty), [`Error::NotSquare`](crate::Error::NotSquare) and
/// [`Error::NotFinite`](crate::Error::NotFinite) for what is not a finite square matrix;
/// [`Error::Overflow`](crate::Error::Overflow) if elimination leaves the range of a float, which
/// takes a matrix of a thousand rows made for it.
///
/// # Example
///
/// ```
/// use contextualized_solvers::log_determinant;
/// use ndarray::array;
///
/// let determinant = log_determinant(array![[0.0, 2.0], [3.0, 1.0]].view())?; // -6
/// assert_eq!(determinant.sign, -1.0);
/// assert!((determinant.log_abs - 6_f64.ln()).abs() < 1e-15);
///
/// let singular = log_determinant(array![[1.0, 2.0], [2.0, 4.0]].view())?;
/// assert_eq!((singular.sign, singular.log_abs), (0.0, f64::NEG_INFINITY));
/// # Ok::<(), contextualized_solvers::Error>(())
/// ```
///
/// # References
///
/// Golub and Van Loan (2013), Matrix Computations, 4th edition, sections 3.4 and 3.5.
pub fn log_determinant(matrix: ArrayView2<f64>) -> Result<LogDeterminant> {
    check::square("matrix", matrix)?;
    let mut scaled = matrix.to_owned();
    let Some(log_scale) = equilibrate(&mut scaled) else {
        return Ok(LogDeterminant::SINGULAR);
    };
    let (pivots, swaps) = pivots(scaled.view());
    let pivot_row =
        ArrayView2::from_shape((1, pivots.len()), &pivots).expect("one row holds all the pivots");
    check::computed("the pivot", pivot_row)?;

    let noise = pivots.len() as f64 * f64::EPSILON;
    if pivots.iter().any(|pivot| pivot.abs() <= noise) {
        return Ok(LogDeterminant::SINGULAR);
    }
    let negative = pivots.iter().filter(|pivot| **pivot < 0.0).count();
    Ok(LogDeterminant {
        sign: if (negative + swaps).is_multiple_of(2) {
            1.0
        } else {
            -1.0
        },
        log_abs: log_scale + pivots.iter().map(|pivot| pivot.abs().ln()).sum::<f64>(),
    })
}

/// Divides rows and columns by powers of two; returns the logarithm of the product of those, or
/// nothing if a row or a column holds only zeros.
fn equilibrate(matrix: &mut Array2<f64>) -> Option<f64> {
    let mut exponents = 0;
    for row in matrix.rows_mut() {
        exponents += take_out_exponent(row)?;
    }
    for column in matrix.columns_mut() {
        exponents += take_out_exponent(column)?;
    }
    Some(f64::from(exponents) * std::f64::consts::LN_2)
}

/// Divides `values` by the power of two that brings the largest to between one and two; returns
/// its exponent.
fn take_out_exponent(mut values: ArrayViewMut1<f64>) -> Option<i32> {
    let largest = values.fold(0.0, |largest: f64, value| largest.max(value.abs()));
    if largest == 0.0 {
        return None;
    }
    let exponent = largest.log2().floor() as i32;
    // In two steps, because the power of two itself may be out of range (2⁻¹⁰⁷⁴).
    let half = exponent / 2;
    let (first, second) = (2_f64.powi(-half), 2_f64.powi(half - exponent));
    values.mapv_inplace(|value| value * first * second);
    Some(exponent)
}

/// The diagonal of U and the number of row swaps.
fn pivots(matrix: ArrayView2<f64>) -> (Vec<f64>, usize) {
    let size = matrix.nrows();
    let mut factor = to_faer(matrix);
    let (mut order, mut places) = (vec![0_usize; size], vec![0_usize; size]);
    let scratch = lu_in_place_scratch::<usize, f64>(size, size, Par::Seq, Default::default());
    let (info, _) = lu_in_place(
        factor.as_mut(),
        &mut order,
        &mut places,
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    );
    let diagonal = (0..size).map(|k| factor[(k, k)]).collect();
    (diagonal, info.transposition_count)
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;
    use ndarray::{Array2, array};

    use super::*;
    use crate::Error;

    fn of(matrix: &Array2<f64>) -> LogDeterminant {
        log_determinant(matrix.view()).unwrap()
    }

    #[test]
    fn determinants_by_hand() {
        let one = of(&array![[-3.0]]);
        assert_eq!(one.sign, -1.0);
        assert_abs_diff_eq!(one.log_abs, 3_f64.ln(), epsilon = 1e-15);
        let three = of(&array![[2.0, 0.0, 1.0], [3.0, -2.0, 3.0], [-3.0, 1.0, 1.0]]);
        // 2 (-2 - 3) - 0 + 1 (3 - 6) = -13.
        assert_eq!(three.sign, -1.0);
        assert_abs_diff_eq!(three.log_abs, 13_f64.ln(), epsilon = 1e-14);
    }

    #[test]
    fn the_sign_of_a_permutation_is_its_parity() {
        for size in [2, 3, 17, 40, 150] {
            // Reversal takes n (n - 1) / 2 swaps of neighbours, a cycle n - 1.
            let swap = |rows: Vec<usize>| of(&Array2::eye(size).select(ndarray::Axis(0), &rows));
            let sign = |swaps: usize| if swaps.is_multiple_of(2) { 1.0 } else { -1.0 };
            let reversal = swap((0..size).rev().collect());
            assert_eq!(reversal.sign, sign(size * (size - 1) / 2), "size {size}");
            let cycle = swap((0..size).map(|row| (row + 1) % size).collect());
            assert_eq!(cycle.sign, sign(size - 1), "size {size}");
            assert_eq!((reversal.log_abs, cycle.log_abs), (0.0, 0.0));
        }
    }

    #[test]
    fn singular_matrices_have_sign_zero() {
        for singular in [
            array![[0.0]],
            array![[1.0, 0.0], [5.0, 0.0]],
            array![[0.0, 0.0], [1.0, 5.0]],
            // Singular up to rounding: elimination leaves a last pivot that is not zero.
            array![[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]],
        ] {
            assert_eq!(of(&singular), LogDeterminant::SINGULAR);
        }
    }

    #[test]
    fn extreme_values_keep_their_logarithm() {
        let ten = 10_f64.ln();
        for (first, second) in [(300, 300), (300, -300), (-300, -300), (-320, 5)] {
            let entries = [first, second].map(|power| format!("1e{power}").parse().unwrap());
            let diagonal = Array2::from_diag(&array![entries[0], entries[1]]);
            let determinant = of(&diagonal);
            assert_eq!(determinant.sign, 1.0);
            let expected = f64::from(first + second) * ten;
            // 1e-320 is subnormal and known to four digits alone.
            assert_abs_diff_eq!(determinant.log_abs, expected, epsilon = 1e-4);
        }
        let smallest = of(&array![[f64::from_bits(1)]]);
        assert_abs_diff_eq!(smallest.log_abs, -1074.0 * 2_f64.ln(), epsilon = 1e-12);
        let largest = of(&array![[f64::MAX]]);
        assert_abs_diff_eq!(largest.log_abs, f64::MAX.ln(), epsilon = 1e-12);
    }

    #[test]
    fn elimination_out_of_range_is_an_error() {
        // Wilkinson's matrix doubles its last column in each of n - 1 steps.
        let mut matrix = Array2::<f64>::eye(1100);
        for ((row, column), value) in matrix.indexed_iter_mut() {
            if column + 1 == 1100 {
                *value = 1.0;
            } else if column < row {
                *value = -1.0;
            }
        }
        assert_eq!(
            log_determinant(matrix.view()),
            Err(Error::Overflow {
                quantity: "the pivot",
                row: 0,
                column: 1099
            })
        );
    }

    #[test]
    fn bad_input_is_named() {
        assert!(matches!(
            log_determinant(Array2::zeros((0, 0)).view()),
            Err(Error::Empty {
                argument: "matrix",
                rows: 0,
                columns: 0
            })
        ));
        assert!(matches!(
            log_determinant(Array2::zeros((3, 2)).view()),
            Err(Error::NotSquare {
                argument: "matrix",
                rows: 3,
                columns: 2
            })
        ));
        assert!(matches!(
            log_determinant(array![[1.0, f64::NAN], [0.0, 1.0]].view()),
            Err(Error::NotFinite {
                argument: "matrix",
                row: 0,
                column: 1,
                ..
            })
        ));
    }
}
