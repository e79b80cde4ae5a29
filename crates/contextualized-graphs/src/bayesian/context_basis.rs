//! A fixed low-rank basis of functions of the context.

use contextualized_core::Standardization;
use contextualized_core::{Error, Result};
use ndarray::{Array2, ArrayView1, ArrayView2, s};

/// The constant, and functions that span smooth functions of standardised contexts: the pivoted
/// Cholesky factor of the squared exponential kernel, at a length scale of √c standard deviations for c
/// contexts, among the rows.
///
/// Nothing is estimated, so that every order of the nodes is judged by the same functions.
pub(crate) fn functions(contexts: ArrayView2<'_, f64>, most: usize) -> Result<Array2<f64>> {
    let standardized = Standardization::fit(contexts, None)?.apply(contexts)?;
    let (rows, columns) = standardized.dim();
    let scale = columns as f64;
    let kernel = |a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>| {
        let square: f64 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
        (-0.5 * square / scale).exp()
    };
    let mut left = vec![1.0; rows];
    let mut factor = Array2::<f64>::zeros((rows, most.min(rows)));
    let mut count = 0;
    while count < factor.ncols() {
        let (pivot, remains) =
            left.iter().enumerate().fold(
                (0, 0.0),
                |best, (row, &left)| {
                    if left > best.1 { (row, left) } else { best }
                },
            );
        if remains <= TOLERANCE {
            break;
        }
        let known = factor.slice(s![pivot, ..count]).to_owned();
        let root = f64::sqrt(remains);
        for row in 0..rows {
            let whole = kernel(standardized.row(row), standardized.row(pivot));
            let entry = (whole - factor.slice(s![row, ..count]).dot(&known)) / root;
            factor[[row, count]] = entry;
            left[row] = f64::max(left[row] - entry * entry, 0.0);
        }
        left[pivot] = 0.0;
        count += 1;
    }
    let mut functions = Array2::ones((rows, count + 1));
    functions
        .slice_mut(s![.., 1..])
        .assign(&factor.slice(s![.., ..count]));
    if functions.iter().all(|value| value.is_finite()) {
        Ok(functions)
    } else {
        Err(Error::invalid_parameter(
            "contexts",
            "out of range",
            "of a spread that fits into a float",
        ))
    }
}

/// The share of the kernel that may be left out everywhere.
const TOLERANCE: f64 = 1e-4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_basis_spans_the_kernel_and_no_more() {
        let contexts = Array2::from_shape_fn((300, 1), |(i, _)| (i % 100) as f64 / 50.0);
        let basis = functions(contexts.view(), 50).unwrap();
        assert!((5..15).contains(&basis.ncols()), "{}", basis.ncols());
        assert!(basis.column(0).iter().all(|value| *value == 1.0));
        let rest = basis.slice(s![.., 1..]);
        let kept = rest.dot(&rest.t());
        assert!(
            kept.diag()
                .iter()
                .all(|value| (value - 1.0).abs() <= TOLERANCE)
        );
        assert_eq!(functions(contexts.view(), 3).unwrap().ncols(), 4);
        let constant = Array2::from_elem((20, 2), 7.0);
        assert_eq!(functions(constant.view(), 9).unwrap().ncols(), 2);
    }
}
