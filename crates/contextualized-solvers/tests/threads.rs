//! The same bits on any number of threads, on a problem large enough for faer to split.

#![allow(clippy::unwrap_used)]

use contextualized_solvers::{cholesky, least_squares, ridge};
use ndarray::{Array1, Array2};
use rayon::ThreadPoolBuilder;

/// Values that are neither random nor regular: the fractional parts of a quadratic sequence.
fn matrix(rows: usize, columns: usize) -> Array2<f64> {
    Array2::from_shape_fn((rows, columns), |(i, j)| {
        let k = (i * columns + j) as f64;
        (k * k * 0.618_033_988_749_895).fract() - 0.5
    })
}

fn on_threads<T: Send>(threads: usize, job: impl FnOnce() -> T + Send) -> T {
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
    pool.install(job)
}

#[test]
fn every_solver_gives_the_same_bits_on_one_and_on_two_threads() {
    let (design, targets) = (matrix(2000, 600), matrix(2000, 2));
    let penalties = Array1::ones(600);
    let gram = design.t().dot(&design);

    let solve = || {
        let fit = least_squares(design.view(), targets.view(), None).unwrap();
        let factor = cholesky(gram.view()).unwrap();
        let numbers = [
            fit.unscaled_covariance().unwrap(),
            fit.solution().clone(),
            ridge(design.view(), targets.view(), None, penalties.view()).unwrap(),
            factor.lower().clone(),
            factor.solve(gram.view()).unwrap(),
        ];
        let sums = [fit.residual_sum_of_squares()[0], factor.log_determinant()];
        let numbers = numbers.iter().flatten().chain(&sums);
        numbers.map(|value| value.to_bits()).collect::<Vec<_>>()
    };
    assert!(on_threads(1, solve) == on_threads(2, solve));
}
