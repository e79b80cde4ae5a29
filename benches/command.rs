//! What a command does: text is read into tables, a formula is fitted, with tests and by the automatic choice.
//!
//! ```sh
//! cargo bench -p contextualized-benches --bench command
//! ```
#![allow(missing_docs, clippy::unwrap_used)]

use contextualized_auto::RegressionMethod;
use contextualized_files::Source;
use contextualized_frame::data::Reading;
use contextualized_frame::design::{Request, read_training};
use contextualized_frame::fitting::{Origin, RegressionFit};
use contextualized_frame::formula;
use contextualized_frame::settings::Estimate;
use contextualized_simulation::Simulator;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::path::PathBuf;

const FORMULA: &str = "y ~ x0 + x1 + x2 + x3 | c0 + c1";

/// A file of two contexts, four features, of which one has a slope that varies, and a target.
fn file(rows: usize) -> PathBuf {
    let samples = Simulator::new(rows)
        .uniform_contexts(2, -1.0, 1.0)
        .slopes(|c| vec![(3.0 * c[0]).sin(), 1.0, 0.5, 0.0])
        .intercept(|c| c[1])
        .noise(0.5)
        .simulate(0)
        .unwrap()
        .samples;
    let mut text = String::from("c0,c1,x0,x1,x2,x3,y\n");
    for row in 0..rows {
        let tables = [samples.contexts(), samples.features(), samples.targets()];
        let cells: Vec<String> = tables
            .iter()
            .flat_map(|table| table.row(row).to_vec())
            .map(|value| value.to_string())
            .collect();
        text += &(cells.join(",") + "\n");
    }
    let name = format!("contextualized-bench-{}-{rows}.csv", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn reading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("text to samples");
    group.sample_size(10);
    let formula = formula::parse(FORMULA).unwrap();
    for rows in [1_000, 100_000] {
        let path = file(rows);
        group.throughput(Throughput::Elements(rows as u64));
        group.bench_function(BenchmarkId::from_parameter(rows), |bencher| {
            bencher.iter(|| {
                let source = Source::open(&path, &Reading::default()).unwrap();
                read_training(&source, &Request::of(&formula)).unwrap()
            });
        });
        std::fs::remove_file(path).unwrap();
    }
    group.finish();
}

/// 300 rows.
fn fits(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fit of 300 rows");
    group.sample_size(10);
    let formula = formula::parse(FORMULA).unwrap();
    let path = file(300);
    let source = Source::open(&path, &Reading::default()).unwrap();
    let gp = Estimate::Only(RegressionMethod::GaussianProcess);
    let trees = Estimate::Only(RegressionMethod::Trees);
    for (name, estimator, tests) in [
        ("gp", gp, false),
        ("gp, tests", gp, true),
        ("trees", trees, false),
        ("auto, tests", Estimate::Auto, true),
    ] {
        let fit = RegressionFit {
            estimator,
            tests,
            ..RegressionFit::default()
        };
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let training = read_training(&source, &Request::of(&formula)).unwrap();
                fit.fit(training, &Origin::default()).unwrap()
            });
        });
    }
    std::fs::remove_file(path).unwrap();
    group.finish();
}

criterion_group!(all, reading, fits);
criterion_main!(all);
