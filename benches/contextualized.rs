//! Contextualized regression: section 1.8 of the demo, steps of training by each engine,
//! epochs at two sizes, and predicting.
#![allow(missing_docs, clippy::unwrap_used)]

use contextualized_analysis::Bootstrap;
use contextualized_bridge::ImplicitRegression;
use contextualized_core::{Estimator, Family, LocalCoefficients};
use contextualized_encoders::{
    AnyEncoder, CoefficientNetwork, EncoderLink, Network, NetworkSettings, Parameterization, Taped,
    Training, TrainingData, unobserved,
};
use contextualized_linear::{EncoderKind, MlpSettings, NeuralRegression};
use contextualized_simulation::{Simulator, TreatmentContexts, TreatmentProblem};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// 50 epochs of 221 single rows: 11 050 gradient steps, alone and with the five folds that choose
/// how much of the deviation to keep; and a hundred bootstraps.
fn demo(criterion: &mut Criterion) {
    let problem = TreatmentProblem::new(0).unwrap();
    let samples = &problem.observed(TreatmentContexts::Informative).samples;
    let estimator = NeuralRegression::new()
        .intercept(false)
        .without_early_stopping();
    let mut group = criterion.benchmark_group("demo 1.8");
    group.sample_size(10);
    for (name, estimator) in [
        ("one fit", estimator.clone().without_shrinkage()),
        ("with folds", estimator),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| estimator.fit(samples).unwrap());
        });
    }
    let bootstrap = Bootstrap::seeded(|seed| {
        let estimator = NeuralRegression::new().intercept(false);
        estimator.without_early_stopping().seed(seed)
    });
    let bootstrap = bootstrap.replicates(100);
    group.bench_function("100 bootstraps, with folds", |bencher| {
        bencher.iter(|| bootstrap.fit(samples).unwrap());
    });
    group.finish();
}

/// An epoch of section 1.8, without a tape and by dfdx, per row; `step_time` prints the same per step.
fn steps(criterion: &mut Criterion) {
    let problem = TreatmentProblem::new(0).unwrap();
    let samples = &problem.observed(TreatmentContexts::Informative).samples;
    let data = TrainingData::of(samples).unwrap();
    let settings = NetworkSettings {
        encoder: EncoderKind::default(),
        link: EncoderLink::Identity,
        head: Parameterization::Archetypes(10),
        intercept: false,
        mask: None,
    };
    let network: CoefficientNetwork<AnyEncoder> = settings.build((2, 2, 1), (0, 1)).unwrap();
    let mut group = criterion.benchmark_group("steps");
    group.throughput(Throughput::Elements(data.rows() as u64));
    for batch_size in [1, 8, 32] {
        let training = Training {
            epochs: 1,
            batch_size,
            ..Training::default()
        };
        group.bench_function(BenchmarkId::new("fused", batch_size), |bencher| {
            bencher.iter(|| epoch(training, network.clone(), &data));
        });
        group.bench_function(BenchmarkId::new("dfdx", batch_size), |bencher| {
            bencher.iter(|| epoch(training, Taped(network.clone()), &data));
        });
    }
    group.finish();
}

fn epoch(
    training: Training,
    mut network: impl Network<usize, usize, usize>,
    data: &TrainingData<usize, usize, usize>,
) {
    training
        .train(&mut network, &Family::Gaussian, data, None, &mut unobserved)
        .unwrap();
}

/// One epoch of each encoder, predicting, and the Jacobian of a plain network, at two sizes.
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
        let size = MlpSettings::default();
        for (encoder, name) in [
            (EncoderKind::Mlp(size), "perceptron"),
            (EncoderKind::Additive(size), "additive"),
            (EncoderKind::Linear, "linear"),
        ] {
            for batch_size in [1, 64] {
                let epoch = NeuralRegression::new()
                    .encoder(encoder)
                    .epochs(1)
                    .batch_size(batch_size)
                    .without_early_stopping()
                    .without_shrinkage();
                group.bench_function(
                    BenchmarkId::new(format!("epoch, {name}, batch {batch_size}"), rows),
                    |bencher| bencher.iter(|| epoch.fit(&samples).unwrap()),
                );
                if batch_size == 64 {
                    let model = epoch.fit(&samples).unwrap();
                    group.bench_function(
                        BenchmarkId::new(format!("predict, {name}"), rows),
                        |bencher| {
                            bencher.iter(|| {
                                model
                                    .predict(samples.contexts(), samples.features())
                                    .unwrap()
                            });
                        },
                    );
                }
            }
        }
        let implicit = ImplicitRegression::new()
            .epochs(1)
            .without_early_stopping()
            .fit(&samples)
            .unwrap();
        group.bench_function(BenchmarkId::new("Jacobian", rows), |bencher| {
            bencher.iter(|| {
                implicit
                    .coefficients_at(samples.contexts(), samples.features())
                    .unwrap()
            });
        });
    }
    group.finish();
}

criterion_group!(all, demo, steps, sizes);
criterion_main!(all);
