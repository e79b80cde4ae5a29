//! Least squares, ridge and Cholesky at two sizes; factors and inverses as large as the covariance of many rows.
#![allow(missing_docs, clippy::unwrap_used)]

use contextualized_simulation::Simulator;
use contextualized_solvers::{cholesky, cholesky_in_place, least_squares, ridge};
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use ndarray::{Array1, Array2};
use std::cell::Cell;

fn benchmarks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("solvers");
    group.sample_size(10);
    for (rows, columns) in [(1_000, 20), (5_000, 200)] {
        let samples = Simulator::new(rows)
            .uniform_contexts(1, -1.0, 1.0)
            .slopes(move |_| vec![1.0; columns])
            .noise(1.0)
            .simulate(0)
            .unwrap()
            .samples;
        let (design, targets) = (samples.features(), samples.targets());
        let gram = design.t().dot(&design);
        let penalties = Array1::ones(columns);
        let size = format!("{rows} x {columns}");
        group.bench_function(BenchmarkId::new("least squares", &size), |bencher| {
            bencher.iter(|| least_squares(design, targets, None).unwrap());
        });
        group.bench_function(BenchmarkId::new("ridge", &size), |bencher| {
            bencher.iter(|| ridge(design, targets, None, penalties.view()).unwrap());
        });
        group.bench_function(BenchmarkId::new("Cholesky", columns), |bencher| {
            bencher.iter(|| cholesky(gram.view()).unwrap());
        });
    }
    group.finish();
}

/// What an evaluation of the likelihood of a Gaussian process takes besides the kernel: n³ / 3 floating-point operations,
/// and twice as many.
fn covariances(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("covariance of rows");
    group.sample_size(10);
    for rows in [500, 1_500] {
        let matrix = Array2::from_shape_fn((rows, rows), |(a, b)| {
            let distance = (a as f64 - b as f64) / 30.0;
            (-distance * distance).exp() + if a == b { 1.0 } else { 0.0 }
        });
        group.bench_function(BenchmarkId::new("Cholesky", rows), |bencher| {
            bencher.iter_batched(
                || matrix.clone(),
                |own| {
                    let own = Cell::new(Some(own));
                    cholesky_in_place(|| own.take().unwrap_or_else(|| matrix.clone())).unwrap()
                },
                BatchSize::LargeInput,
            );
        });
        let factor = cholesky(matrix.view()).unwrap();
        group.bench_function(BenchmarkId::new("inverse", rows), |bencher| {
            bencher.iter(|| factor.lower_inverse().unwrap());
        });
    }
    group.finish();
}

criterion_group!(all, benchmarks, covariances);
criterion_main!(all);
