//! Regression by context kernels: fitting against rows, contexts and features; predicting.
//!
//! ```sh
//! cargo bench -p contextualized-benches --bench kernels
//! cargo bench -p contextualized-benches --bench kernels -- 'kernel fit' --sample-size 10 \
//!     --warm-up-time 0.5 --measurement-time 1
//! ```
#![allow(missing_docs, clippy::unwrap_used)]

use contextualized_core::{Estimator, Samples, VaryingCoefficients, WithUncertainty};
use contextualized_linear::{GaussianProcessRegression, Size};
use contextualized_simulation::Simulator;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

/// Slopes that vary with the first two contexts, in turn, and an intercept that varies with the last.
fn data(rows: usize, contexts: usize, features: usize) -> Samples {
    let slope = |c: &[f64], feature: usize| match feature % 3 {
        0 => (3.0 * c[0]).sin() + c[c.len().min(2) - 1],
        1 => c[0] * c[c.len().min(2) - 1],
        _ => 1.0,
    };
    Simulator::new(rows)
        .uniform_contexts(contexts, -1.0, 1.0)
        .slopes(move |c| (0..features).map(|feature| slope(c, feature)).collect())
        .intercept(|c| (2.0 * c[c.len() - 1]).cos())
        .noise(0.5)
        .simulate(0)
        .unwrap()
        .samples
}

/// Two contexts, three features and an intercept: by the covariance of all rows, by a basis, and by the
/// same basis at hyperparameters that are given, which leaves the sums over rows.
fn rows(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gp fit");
    group.sample_size(10);
    for rows in [100, 200, 400, 800] {
        let samples = data(rows, 2, 3);
        group.throughput(Throughput::Elements(rows as u64));
        for (name, estimator) in [
            (
                "all rows",
                GaussianProcessRegression::new().size(Size::Exact),
            ),
            ("default", GaussianProcessRegression::new()),
        ] {
            group.bench_function(BenchmarkId::new(name, rows), |bencher| {
                bencher.iter(|| estimator.fit(&samples).unwrap());
            });
        }
    }
    for rows in [10_000, 100_000, 1_000_000] {
        let samples = data(rows, 2, 3);
        group.throughput(Throughput::Elements(rows as u64));
        let estimator = GaussianProcessRegression::new();
        group.bench_function(BenchmarkId::new("default", rows), |bencher| {
            bencher.iter(|| estimator.fit(&samples).unwrap());
        });
        let known = estimator.fit(&samples).unwrap().hyperparameters();
        let estimator = estimator.hyperparameters(known);
        group.bench_function(BenchmarkId::new("hyperparameters given", rows), |bencher| {
            bencher.iter(|| estimator.fit(&samples).unwrap())
        });
    }
    group.finish();
}

/// 400 rows, by their covariance.
fn columns(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gp columns");
    group.sample_size(10);
    let estimator = GaussianProcessRegression::new().size(Size::Exact);
    for contexts in [1, 2, 4, 8] {
        let samples = data(400, contexts, 3);
        group.bench_function(BenchmarkId::new("contexts", contexts), |bencher| {
            bencher.iter(|| estimator.fit(&samples).unwrap());
        });
    }
    for features in [1, 2, 4, 8] {
        let samples = data(400, 2, features);
        group.bench_function(BenchmarkId::new("features", features), |bencher| {
            bencher.iter(|| estimator.fit(&samples).unwrap());
        });
    }
    group.finish();
}

/// 1000 new contexts: coefficients; intervals the first time, which explores the hyperparameters'
/// posterior, and after that.
fn predict(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gp predict");
    group.sample_size(10);
    let new = data(1_000, 2, 3);
    let contexts = new.contexts();
    for (rows, size) in [
        (100, Size::Exact),
        (200, Size::Exact),
        (400, Size::Exact),
        (800, Size::Exact),
        (10_000, Size::Auto),
        (100_000, Size::Auto),
    ] {
        let fresh = GaussianProcessRegression::new()
            .size(size)
            .fit(&data(rows, 2, 3))
            .unwrap();
        group.bench_function(BenchmarkId::new("coefficients", rows), |bencher| {
            bencher.iter(|| fresh.coefficients(black_box(contexts)).unwrap());
        });
        group.bench_function(BenchmarkId::new("intervals, first", rows), |bencher| {
            bencher.iter_batched_ref(
                || fresh.clone(),
                |model| model.intervals(contexts, 0.95).unwrap(),
                BatchSize::PerIteration,
            );
        });
        let explored = fresh.clone();
        explored.intervals(contexts, 0.95).unwrap();
        group.bench_function(BenchmarkId::new("intervals", rows), |bencher| {
            bencher.iter(|| explored.intervals(contexts, 0.95).unwrap());
        });
    }
    group.finish();
}

criterion_group!(all, rows, columns, predict);
criterion_main!(all);
