//! Least squares, ridge and Cholesky at two sizes.
#![allow(missing_docs, clippy::unwrap_used)]

use contextualized_simulation::Simulator;
use contextualized_solvers::{cholesky, least_squares, ridge};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ndarray::Array1;

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

criterion_group!(all, benchmarks);
criterion_main!(all);
