//! Local covariances that are positive definite.

use crate::numerical::numerical;
use contextualized_core::Result;
use contextualized_solvers::{cholesky, cholesky_with_limit, product, symmetric_eigen};
use ndarray::{Array1, Array2, Axis};

/// The least that a local covariance keeps of the population's in any direction.
const LEAST: f64 = 0.01;

/// A matrix that had to be pulled to its target.
pub(super) struct Pulled {
    /// How much of it was kept.
    kept: f64,
    /// The derivative of that by the smallest eigenvalue.
    slope: f64,
    /// The eigenvector, of unit length by the target.
    direction: Array1<f64>,
    /// The matrix less its target.
    difference: Array2<f64>,
    smallest: f64,
}

/// The matrix, if it is at least [`LEAST`] of its target in every direction; else
///
/// ```text
/// target + t (matrix − target),   t = (1 − LEAST) / (1 − λ)
/// ```
///
/// for its smallest eigenvalue λ relative to the target: as much of it as is.
pub(super) fn definite(
    matrix: Array2<f64>,
    target: &Array2<f64>,
) -> Result<(Array2<f64>, Option<Pulled>)> {
    let rest = &matrix - &(target * LEAST);
    if cholesky_with_limit(rest.view(), 0.0).is_ok() {
        return Ok((matrix, None));
    }
    let relative = || {
        let factor = cholesky(target.view())?;
        let half = factor.solve_lower(matrix.view())?;
        let whole = factor.solve_lower(half.t())?;
        let symmetric =
            Array2::from_shape_fn(whole.dim(), |(i, j)| 0.5 * (whole[[i, j]] + whole[[j, i]]));
        let eigen = symmetric_eigen(symmetric.view())?;
        let first = eigen.vectors.column(0).insert_axis(Axis(1)).to_owned();
        let direction = factor.solve_upper(first.view())?;
        Ok((eigen.values[0], direction.column(0).to_owned()))
    };
    let (smallest, direction) = numerical("the eigenvalues of a covariance", relative())?;
    if smallest >= LEAST {
        return Ok((matrix, None));
    }
    let kept = (1.0 - LEAST) / (1.0 - smallest);
    let difference = &matrix - target;
    let pulled = Pulled {
        kept,
        slope: (1.0 - LEAST) / (1.0 - smallest).powi(2),
        direction,
        difference,
        smallest,
    };
    Ok((target + &(&pulled.difference * kept), Some(pulled)))
}

impl Pulled {
    /// From the derivatives of a function by the result, those by the matrix and by the target.
    pub(super) fn gradients(&self, by_result: &Array2<f64>) -> Result<[Array2<f64>; 2]> {
        let by_smallest = (by_result * &self.difference).sum() * self.slope;
        let column = self.direction.view().insert_axis(Axis(1));
        let outer = numerical(
            "a gradient",
            product(column, self.direction.view().insert_axis(Axis(0))),
        )? * by_smallest;
        Ok([
            by_result * self.kept + &outer,
            by_result * (1.0 - self.kept) - &outer * self.smallest,
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn symmetric(values: &[f64]) -> Array2<f64> {
        Array2::from_shape_fn((3, 3), |(i, j)| values[i.max(j) * 3 + i.min(j)])
    }

    proptest! {
        #[test]
        fn any_symmetric_matrix_becomes_definite(
            values in prop::collection::vec(-2.0..2.0_f64, 9),
            factor in prop::collection::vec(-1.0..1.0_f64, 9),
        ) {
            let factor = Array2::from_shape_vec((3, 3), factor).unwrap();
            let target = factor.dot(&factor.t()) + Array2::<f64>::eye(3) * 0.1;
            let target = symmetric(target.as_slice().unwrap());
            let matrix = symmetric(&values);
            let (result, pulled) = definite(matrix.clone(), &target).unwrap();
            let rest = &result - &(&target * (LEAST * 0.999));
            prop_assert!(symmetric_eigen(rest.view()).unwrap().values[0] > -1e-9);

            // Against central differences.
            if let Some(pulled) = pulled {
                let slopes = symmetric(&[0.3, 0.0, 0.0, -1.0, 0.7, 0.0, 0.2, 0.5, -0.4]);
                let value = |matrix: &Array2<f64>, target: &Array2<f64>| {
                    (&definite(matrix.clone(), target).unwrap().0 * &slopes).sum()
                };
                let gradients = pulled.gradients(&slopes).unwrap();
                let moved = |matrix: &Array2<f64>, i: usize, j: usize, step: f64| {
                    let mut matrix = matrix.clone();
                    matrix[[i, j]] += step;
                    if i != j {
                        matrix[[j, i]] += step;
                    }
                    matrix
                };
                for (i, j) in [(0, 0), (1, 0), (2, 1)] {
                    let at = |which: usize, step: f64| match which {
                        0 => value(&moved(&matrix, i, j, step), &target),
                        _ => value(&matrix, &moved(&target, i, j, step)),
                    };
                    for (which, gradient) in gradients.iter().enumerate() {
                        let difference = (at(which, 1e-6) - at(which, -1e-6)) / 2e-6;
                        let slope = if i == j { gradient[[i, i]] } else { gradient[[i, j]] + gradient[[j, i]] };
                        prop_assert!((slope - difference).abs() < 1e-4 * (1.0 + slope.abs()));
                    }
                }
            }
        }
    }
}
