//! Properties of the Cholesky factorisation on random matrices.
//!
//! Cholesky's factor belongs to a matrix off by at most (n + 1) ε √(aᵢᵢ aⱼⱼ) in each entry
//! (Higham 2002, theorem 10.3), and the tolerances follow from that.

#![allow(clippy::unwrap_used)]

use contextualized_solvers::{Error, cholesky, cholesky_with_limit, symmetric_eigen};
use ndarray::Array2;
use proptest::prelude::*;

fn matrix(rows: usize, columns: usize) -> impl Strategy<Value = Array2<f64>> {
    proptest::collection::vec(-1.0..1.0_f64, rows * columns)
        .prop_map(move |values| Array2::from_shape_vec((rows, columns), values).unwrap())
}

/// G Gᵀ + δ I with G of random width: singular whenever G is narrow and δ zero.
fn semidefinite() -> impl Strategy<Value = Array2<f64>> {
    (
        1..=12_usize,
        1..=12_usize,
        prop::sample::select(vec![0.0, 0.01, 1.0]),
    )
        .prop_flat_map(|(size, width, ridge)| {
            matrix(size, width).prop_map(move |g| g.dot(&g.t()) + Array2::<f64>::eye(size) * ridge)
        })
}

/// The size of entry (i, j) in a semidefinite matrix with this diagonal: √(aᵢᵢ aⱼⱼ).
fn sizes(matrix: &Array2<f64>) -> Array2<f64> {
    let roots = matrix.diag().mapv(f64::sqrt);
    Array2::from_shape_fn(matrix.dim(), |(i, j)| roots[i] * roots[j])
}

proptest! {
    #[test]
    fn the_factor_restores_the_matrix(matrix in semidefinite()) {
        let n = matrix.nrows();
        let factor = cholesky(matrix.view()).unwrap();
        let jittered = &matrix + &(Array2::<f64>::eye(n) * factor.jitter());
        let product = factor.lower().dot(&factor.lower().t());
        let sizes = sizes(&jittered);
        for ((i, j), value) in product.indexed_iter() {
            // n + 1 roundings in the factor, n in the product here.
            let bound = (2 * n + 1) as f64 * f64::EPSILON * sizes[[i, j]];
            prop_assert!((value - jittered[[i, j]]).abs() <= bound);
            prop_assert!(j <= i || factor.lower()[[i, j]] == 0.0);
        }
    }

    #[test]
    fn jitter_comes_only_with_need(matrix in semidefinite()) {
        let factor = cholesky(matrix.view()).unwrap();
        match cholesky_with_limit(matrix.view(), 0.0) {
            Ok(exact) => prop_assert_eq!(exact, factor),
            Err(Error::NotPositiveDefinite { pivot, .. }) => {
                prop_assert!(pivot < matrix.nrows());
                let unit = matrix.diag().mean().unwrap();
                // Rounding in G Gᵀ moves eigenvalues by n ε trace; the ladder overshoots tenfold.
                let enough = 1e-14_f64.max(40.0 * (matrix.nrows().pow(2) as f64) * f64::EPSILON);
                prop_assert!(factor.jitter() > 0.0 && factor.jitter() <= enough * unit);
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn solutions_have_small_residuals(
        (matrix, rhs) in semidefinite().prop_flat_map(|a| {
            let rows = a.nrows();
            (Just(a), matrix(rows, 3))
        }),
    ) {
        let n = matrix.nrows();
        let factor = cholesky(matrix.view()).unwrap();
        let solution = factor.solve(rhs.view()).unwrap();
        let jittered = &matrix + &(Array2::<f64>::eye(n) * factor.jitter());
        let residual = &rhs - jittered.dot(&solution);
        // 3 n + 1 roundings in the solution (theorem 10.4), n + 1 in the residual here.
        let bounds = (4 * n + 2) as f64
            * f64::EPSILON
            * (sizes(&jittered).dot(&solution.mapv(f64::abs)) + rhs.mapv(f64::abs));
        for (value, bound) in residual.iter().zip(&bounds) {
            prop_assert!(value.abs() <= *bound, "{value:e} > {bound:e}");
        }
    }

    #[test]
    fn cholesky_and_eigenvalues_agree_on_the_determinant(
        matrix in semidefinite().prop_map(|a| &a + &(Array2::<f64>::eye(a.nrows()) * 0.01)),
    ) {
        let n = matrix.nrows() as f64;
        let factor = cholesky_with_limit(matrix.view(), 0.0).unwrap();
        let eigen = symmetric_eigen(matrix.view()).unwrap();
        let determinant: f64 = eigen.values.iter().map(|value| value.ln()).sum();
        // d log det A = tr(A⁻¹ dA), with |dA| ≤ 2 n ε max|A| in either factorisation: elimination
        // does not let entries of a positive definite matrix grow.
        let inverse = factor.solve(Array2::eye(matrix.nrows()).view()).unwrap();
        let largest = matrix.fold(0.0, |largest: f64, value| largest.max(value.abs()));
        let sensitivity = inverse.mapv(f64::abs).sum() * largest;
        let logarithms: f64 = factor.lower().diag().iter().map(|l| 2.0 * l.ln().abs() + 1.0).sum();
        let bound = 4.0 * n * f64::EPSILON * (sensitivity + logarithms);
        let error = (factor.log_determinant() - determinant).abs();
        prop_assert!(error <= bound, "{error:e} > {bound:e}");
    }
}
