//! Regression by trees: sweeps and predictions at three sizes.
#![allow(missing_docs, clippy::unwrap_used)]

use contextualized_core::{Estimator, Samples, VaryingCoefficients, WithUncertainty};
use contextualized_simulation::Simulator;
use contextualized_trees::TreeRegression;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const SWEEPS: usize = 20;

fn samples(rows: usize) -> Samples {
    Simulator::new(rows)
        .uniform_contexts(10, 0.0, 1.0)
        .slopes(|c| vec![(6.0 * c[0]).sin(), if c[1] > 0.5 { 1.0 } else { -1.0 }])
        .intercept(|c| c[0] * c[2])
        .noise(0.5)
        .simulate(0)
        .unwrap()
        .samples
}

/// One chain from its beginning: trees are as small as they ever are.
fn sweeps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("trees");
    group.sample_size(10);
    for rows in [1000, 10_000, 100_000] {
        let samples = samples(rows);
        let chain = TreeRegression::new()
            .chains(1)
            .burn_in(0)
            .sweeps(SWEEPS)
            .draws(1);
        group.throughput(Throughput::Elements((SWEEPS * rows) as u64));
        group.bench_function(BenchmarkId::new("sweeps", rows), |bencher| {
            bencher.iter(|| chain.fit(&samples).unwrap());
        });
    }
    group.finish();
}

/// Means and intervals of 400 draws.
fn predictions(criterion: &mut Criterion) {
    let samples = samples(1000);
    let model = TreeRegression::new()
        .burn_in(100)
        .sweeps(100)
        .fit(&samples)
        .unwrap();
    let mut group = criterion.benchmark_group("trees, predictions");
    group.sample_size(10);
    group.bench_function("means", |bencher| {
        bencher.iter(|| model.coefficients(samples.contexts()).unwrap());
    });
    group.bench_function("intervals", |bencher| {
        bencher.iter(|| model.intervals(samples.contexts(), 0.95).unwrap());
    });
    group.finish();
}

criterion_group!(all, sweeps, predictions);
criterion_main!(all);
