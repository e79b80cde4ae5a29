//! Regression by Gaussian processes: fitting against rows, contexts, features and levels of factors; predicting.
//!
//! ```sh
//! cargo bench -p contextualized-benches --bench gp
//! cargo bench -p contextualized-benches --bench gp -- 'gp levels' --sample-size 10 \
//!     --warm-up-time 0.5 --measurement-time 1
//! ```
#![allow(missing_docs, clippy::unwrap_used)]

use contextualized_core::{Estimator, Samples, VaryingCoefficients, WithUncertainty};
use contextualized_gp::{CoefficientProcess, Kernel, Observations};
use contextualized_linear::{GaussianProcessRegression, Size};
use contextualized_simulation::Simulator;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
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

/// Rows whose contexts are codes of levels and, where there is a last one without levels, a number: a slope that differs
/// between levels of the first factor and follows the number, an intercept that differs between those of the second.
fn with_levels(rows: usize, levels: &[usize], number: bool) -> [Array2<f64>; 3] {
    let mut generator = ChaCha8Rng::seed_from_u64(0);
    let mut normal = |rows, columns| -> Array2<f64> {
        let draw = || StandardNormal.sample(&mut generator);
        Array2::from_shape_simple_fn((rows, columns), draw)
    };
    let effects = normal(*levels.iter().max().unwrap(), 2);
    let (numbers, mut design, noise) = (normal(rows, 1), normal(rows, 2), normal(rows, 1));
    design.column_mut(1).fill(1.0);
    let mut generator = ChaCha8Rng::seed_from_u64(1);
    let contexts =
        Array2::from_shape_fn(
            (rows, levels.len() + usize::from(number)),
            |(i, k)| match levels.get(k) {
                Some(levels) => generator.gen_range(0..*levels) as f64,
                None => numbers[[i, 0]],
            },
        );
    let targets = Array2::from_shape_fn((rows, 1), |(i, _)| {
        let effect = |k: usize| effects[[contexts[[i, k]] as usize, k]];
        let slope = effect(0) + if number { numbers[[i, 0]].sin() } else { 0.0 };
        let intercept = if levels.len() > 1 { effect(1) } else { 0.0 };
        slope * design[[i, 0]] + intercept + noise[[i, 0]]
    });
    [contexts, design, targets]
}

/// Factors alone, by their combinations, and a factor of very many levels beside a number.
fn levels(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gp levels");
    group.sample_size(10);
    let number = || Kernel::squared_exponential([1]);
    for (name, rows, levels, kernel) in [
        (
            "50 x 12",
            50_000,
            &[50, 12][..],
            Kernel::categorical([0]) * Kernel::categorical([1]),
        ),
        (
            "12 and a number",
            50_000,
            &[12],
            number() * Kernel::categorical([0]),
        ),
        (
            "10,000 and a number",
            100_000,
            &[10_000],
            number() * Kernel::categorical([0]),
        ),
    ] {
        let has_number = levels.len() == 1;
        let [contexts, design, targets] = with_levels(rows, levels, has_number);
        let process = CoefficientProcess::new(kernel);
        group.throughput(Throughput::Elements(rows as u64));
        group.bench_function(BenchmarkId::new(name, rows), |bencher| {
            let rows = Observations::new(contexts.view(), design.view(), targets.view());
            bencher.iter(|| process.fit(rows).unwrap());
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

criterion_group!(all, rows, columns, levels, predict);
criterion_main!(all);
