//! Population and cluster regressions: fitting and predicting at two sizes.
#![allow(missing_docs, clippy::unwrap_used)]

use contextualized_baselines::{ClusterRegression, PopulationRegression};
use contextualized_core::{DynEstimator, Family, LocalCoefficients};
use contextualized_simulation::{SimulatedData, Simulator};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

fn data(rows: usize, binary: bool) -> SimulatedData {
    let simulator = Simulator::new(rows)
        .uniform_contexts(2, -1.0, 1.0)
        .slopes(|c| vec![c[0], c[1], 1.0, -1.0, 0.5]);
    let simulator = if binary {
        simulator.family(Family::Binomial)
    } else {
        simulator.noise(0.5)
    };
    simulator.simulate(0).unwrap()
}

fn benchmarks(criterion: &mut Criterion) {
    let cases: [(&str, bool, Box<dyn DynEstimator>); 3] = [
        ("population", false, Box::new(PopulationRegression::new())),
        (
            "logistic",
            true,
            Box::new(PopulationRegression::new().family(Family::Binomial)),
        ),
        (
            "clusters",
            false,
            Box::new(ClusterRegression::new().clusters(10)),
        ),
    ];
    for (name, binary, estimator) in cases {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(20);
        for rows in [1_000, 10_000] {
            let samples = data(rows, binary).samples;
            group.bench_function(BenchmarkId::new("fit", rows), |bencher| {
                bencher.iter(|| estimator.fit_boxed(&samples).unwrap());
            });
            let model = estimator.fit_boxed(&samples).unwrap();
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
}

criterion_group!(all, benchmarks);
criterion_main!(all);
