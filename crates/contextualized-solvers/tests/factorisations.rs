//! Properties of the Cholesky factorisation and of log-determinants, on random matrices.
//!
//! Cholesky's factor belongs to a matrix off by at most (n + 1) ε √(aᵢᵢ aⱼⱼ) in each entry
//! (Higham 2002, theorem 10.3), and the tolerances follow from that.

#![allow(clippy::unwrap_used)]

use contextualized_solvers::{Error, cholesky, cholesky_with_limit, log_determinant};
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

/// D + N with |dᵢᵢ| from 2 to 4 and the rows of N summing to at most one: ‖A⁻¹‖∞ ≤ 1.
fn dominant(size: usize) -> impl Strategy<Value = Array2<f64>> {
    matrix(size, size).prop_map(move |noise| {
        let diagonal = noise.diag().mapv(|v| {
            if v < 0.0 {
                2.0 * v - 2.0
            } else {
                2.0 * v + 2.0
            }
        });
        let mut matrix = noise / size as f64;
        matrix.diag_mut().assign(&diagonal);
        matrix
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
    fn cholesky_and_lu_agree_on_the_determinant(
        matrix in semidefinite().prop_map(|a| &a + &(Array2::<f64>::eye(a.nrows()) * 0.01)),
    ) {
        let n = matrix.nrows() as f64;
        let factor = cholesky_with_limit(matrix.view(), 0.0).unwrap();
        let determinant = log_determinant(matrix.view()).unwrap();
        prop_assert_eq!(determinant.sign, 1.0);
        // d log det A = tr(A⁻¹ dA), with |dA| ≤ 2 n ε max|A| in either factorisation: elimination
        // does not let entries of a positive definite matrix grow.
        let inverse = factor.solve(Array2::eye(matrix.nrows()).view()).unwrap();
        let largest = matrix.fold(0.0, |largest: f64, value| largest.max(value.abs()));
        let sensitivity = inverse.mapv(f64::abs).sum() * largest;
        let logarithms: f64 = factor.lower().diag().iter().map(|l| 2.0 * l.ln().abs() + 1.0).sum();
        let bound = 4.0 * n * f64::EPSILON * (sensitivity + logarithms);
        let error = (factor.log_determinant() - determinant.log_abs).abs();
        prop_assert!(error <= bound, "{error:e} > {bound:e}");
    }

    #[test]
    fn the_determinant_of_a_product_is_the_product(
        (a, b) in (1..=20_usize).prop_flat_map(|size| (dominant(size), dominant(size))),
    ) {
        let of = |matrix: &Array2<f64>| log_determinant(matrix.view()).unwrap();
        let (first, second, product) = (of(&a), of(&b), of(&a.dot(&b)));
        prop_assert_eq!(product.sign, first.sign * second.sign);
        let negative = a.diag().iter().filter(|v| **v < 0.0).count();
        prop_assert_eq!(first.sign, if negative % 2 == 0 { 1.0 } else { -1.0 });
        // |tr(A⁻¹ dA)| ≤ n ‖A⁻¹‖∞ ‖dA‖∞ with ‖A⁻¹‖∞ ≤ 1 and ‖dA‖∞ ≤ 2 n ε ‖A‖∞, ‖A‖∞ ≤ 5, and
        // 25 for the product.
        let n = a.nrows() as f64;
        let bound = n * 2.0 * n * f64::EPSILON * (5.0 + 5.0 + 25.0);
        let error = (first.log_abs + second.log_abs - product.log_abs).abs();
        prop_assert!(error <= bound, "{error:e} > {bound:e}");
    }

    #[test]
    fn transposing_and_swapping_change_at_most_the_sign(
        matrix in (2..=20_usize).prop_flat_map(dominant),
    ) {
        let determinant = log_determinant(matrix.view()).unwrap();
        let transposed = log_determinant(matrix.t()).unwrap();
        prop_assert_eq!(transposed.sign, determinant.sign);
        let n = matrix.nrows() as f64;
        let bound = n * 2.0 * n * f64::EPSILON * 10.0;
        prop_assert!((transposed.log_abs - determinant.log_abs).abs() <= bound);

        let mut swapped = matrix.clone();
        let (first, second) = swapped.multi_slice_mut((ndarray::s![0, ..], ndarray::s![1, ..]));
        ndarray::Zip::from(first).and(second).for_each(std::mem::swap);
        let swapped = log_determinant(swapped.view()).unwrap();
        prop_assert_eq!(swapped.sign, -determinant.sign);
        prop_assert!((swapped.log_abs - determinant.log_abs).abs() <= bound);
    }
}
