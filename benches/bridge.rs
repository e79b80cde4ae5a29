//! Coefficients of networks by differentiation.
#![allow(missing_docs, clippy::unwrap_used)]

use contextualized_bridge::{CoefficientChanges, Lime, NetworkModel, Plain, jacobian, linearity};
use contextualized_encoders::{Activation, MlpSettings};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ndarray::{Array1, Array2, s};

const CONTEXTS: usize = 5;
const FEATURES: usize = 5;

fn table(rows: usize, columns: usize, step: usize) -> Array2<f64> {
    Array2::from_shape_fn((rows, columns), |(i, j)| {
        ((step * i + 31 * j) % 101) as f64 / 50.0 - 1.0
    })
}

/// All coefficients of 100,000 rows of two layers of 50 units, five contexts and five features, and
/// what else is asked of a network, at fewer rows.
fn bridge(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("bridge");
    group.sample_size(10);
    for activation in [Activation::Relu, Activation::Tanh] {
        let settings = MlpSettings::new(50, 2).activation(activation);
        let network = Plain::new(CONTEXTS, FEATURES, 1, settings, 0).unwrap();
        let rows = 100_000;
        let (contexts, features) = (table(rows, CONTEXTS, 7), table(rows, FEATURES, 13));
        let (c, x) = (contexts.view(), features.view());
        group.throughput(Throughput::Elements(rows as u64));
        group.bench_function(
            BenchmarkId::new(format!("coefficients, {activation:?}"), rows),
            |bencher| bencher.iter(|| jacobian(&network, c, x).unwrap()),
        );
        let rows = 10_000;
        let some = s![..rows, ..];
        let (c, x) = (contexts.slice(some), features.slice(some));
        group.throughput(Throughput::Elements(rows as u64));
        group.bench_function(
            BenchmarkId::new(format!("their change, exact, {activation:?}"), rows),
            |bencher| bencher.iter(|| network.coefficient_changes(c, x).unwrap()),
        );
        let model = NetworkModel::new(network);
        let scales = Array1::ones(CONTEXTS);
        group.bench_function(
            BenchmarkId::new(format!("their change, differences, {activation:?}"), rows),
            |bencher| {
                bencher.iter(|| {
                    CoefficientChanges::by_differences(&model, c, x, scales.view()).unwrap()
                });
            },
        );
        let rows = 100;
        let some = s![..rows, ..];
        let (c, x) = (contexts.slice(some), features.slice(some));
        group.throughput(Throughput::Elements(rows as u64));
        group.bench_function(
            BenchmarkId::new(format!("LIME, 1000 draws, {activation:?}"), rows),
            |bencher| bencher.iter(|| Lime::new(0.1).explain(&model, c, x).unwrap()),
        );
        let reference = features.slice(s![..500, ..]);
        group.bench_function(
            BenchmarkId::new(format!("linearity over 500 features, {activation:?}"), rows),
            |bencher| bencher.iter(|| linearity(&model, c, x, reference, None).unwrap()),
        );
    }
    group.finish();
}

criterion_group!(all, bridge);
criterion_main!(all);
