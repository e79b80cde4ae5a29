//! Contextualized regression: section 1.8 of the demo, epochs at two sizes, and predicting.
#![allow(missing_docs, clippy::unwrap_used)]

use contextualized_core::{Estimator, LocalCoefficients};
use contextualized_linear::ContextualizedRegression;
use contextualized_simulation::{Simulator, TreatmentContexts, TreatmentProblem};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// 50 epochs of 221 single rows: 11 050 gradient steps.
fn demo(criterion: &mut Criterion) {
    let problem = TreatmentProblem::new(0).unwrap();
    let samples = &problem.observed(TreatmentContexts::Informative).samples;
    let estimator = ContextualizedRegression::new()
        .intercept(false)
        .without_early_stopping();
    let mut group = criterion.benchmark_group("demo 1.8");
    group.sample_size(10);
    group.bench_function("fit", |bencher| {
        bencher.iter(|| estimator.fit(samples).unwrap());
    });
    group.finish();
}

fn sizes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("contextualized");
    group.sample_size(10);
    for rows in [1_000, 10_000] {
        let samples = Simulator::new(rows)
            .uniform_contexts(5, -1.0, 1.0)
            .slopes(|c| vec![c[0], c[1] * c[2], 1.0, -1.0, 0.5])
            .noise(0.5)
            .simulate(0)
            .unwrap()
            .samples;
        group.throughput(Throughput::Elements(rows as u64));
        for batch_size in [1, 64] {
            let epoch = ContextualizedRegression::new()
                .epochs(1)
                .batch_size(batch_size)
                .without_early_stopping();
            group.bench_function(
                BenchmarkId::new(format!("epoch, batch {batch_size}"), rows),
                |bencher| bencher.iter(|| epoch.fit(&samples).unwrap()),
            );
        }
        let model = ContextualizedRegression::new()
            .epochs(1)
            .without_early_stopping()
            .fit(&samples)
            .unwrap();
        group.bench_function(BenchmarkId::new("predict", rows), |bencher| {
            bencher.iter(|| {
                model
                    .predict(samples.contexts(), samples.features())
                    .unwrap()
            });
        });
    }
    group.finish();
}

criterion_group!(all, demo, sizes);
criterion_main!(all);
