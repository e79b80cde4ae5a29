//! Networks: made acyclic, and estimated by kernels.
//!
//! ```sh
//! cargo bench -p contextualized-benches --bench graphs
//! ```
#![allow(missing_docs, clippy::unwrap_used)]

use contextualized_core::{Estimator, Networks, VaryingNetworks};
use contextualized_graphs::bayesian::{
    GaussianProcessBayesianNetwork, Projection, project_networks,
};
use contextualized_graphs::markov::KernelMarkov;
use contextualized_simulation::{CovarianceSimulator, NetworkProblem, NetworkSimulator, RandomDag};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ndarray::{Array2, Array3};
use std::hint::black_box;

/// Weights without a pattern, of which the share given is not zero.
fn networks(count: usize, nodes: usize, share: f64) -> Networks {
    let edges = Array3::from_shape_fn((count, nodes, nodes), |(row, i, j)| {
        let k = (row * nodes + i) * nodes + j;
        let draw = (k as f64 * 0.618_033_988_749_895).fract();
        if i != j && draw < share {
            (k as f64 * 0.414_213_562_373_095).fract() - 0.5
        } else {
            0.0
        }
    });
    Networks::new(edges).unwrap()
}

fn projection(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("10,000 graphs of 20 nodes made acyclic");
    group.sample_size(10);
    for (name, share) in [("dense", 1.0), ("an edge in ten", 0.1)] {
        let networks = networks(10_000, 20, share);
        group.bench_function(name, |bencher| {
            bencher.iter(|| project_networks(black_box(&networks), Projection::Auto).unwrap());
        });
    }
    group.finish();
}

/// The demo's problem, and random graphs of more nodes with a weight that varies.
fn bayesian(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("Gaussian process Bayesian network");
    group.sample_size(10);
    let problem = NetworkProblem::new(0).unwrap();
    let demo = &problem.train().samples;
    group.bench_function("demo 2.4", |bencher| {
        bencher.iter(|| GaussianProcessBayesianNetwork::new().fit(demo).unwrap());
    });
    for nodes in [6, 12] {
        let graph: Array2<f64> = RandomDag::erdos_renyi(nodes, 1.5 * nodes as f64)
            .simulate(0)
            .unwrap();
        let data = NetworkSimulator::new(1000)
            .uniform_contexts(1, -1.0, 1.0)
            .networks(move |c| &graph * (1.0 + 0.5 * c[0]))
            .simulate(0)
            .unwrap();
        group.bench_function(BenchmarkId::new("1000 rows, nodes", nodes), |bencher| {
            bencher.iter(|| {
                GaussianProcessBayesianNetwork::new()
                    .fit(&data.samples)
                    .unwrap()
            });
        });
    }
    group.finish();
}

/// Precision matrices of eight nodes: bandwidths and all, and at new contexts.
fn markov(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernel Markov networks");
    group.sample_size(10);
    for rows in [300, 1200] {
        let data = CovarianceSimulator::new(rows)
            .uniform_contexts(2, -1.0, 1.0)
            .factors(|c| Array2::from_shape_fn((8, 2), |(j, k)| (1.5 * c[k] + j as f64).sin()))
            .simulate(0)
            .unwrap();
        group.bench_function(BenchmarkId::new("fit, rows", rows), |bencher| {
            bencher.iter(|| KernelMarkov::new().fit(&data.samples).unwrap());
        });
        let model = KernelMarkov::new().fit(&data.samples).unwrap();
        group.bench_function(BenchmarkId::new("networks of all rows", rows), |bencher| {
            bencher.iter(|| model.networks(data.samples.contexts()).unwrap());
        });
    }
    group.finish();
}

criterion_group!(all, projection, bayesian, markov);
criterion_main!(all);
