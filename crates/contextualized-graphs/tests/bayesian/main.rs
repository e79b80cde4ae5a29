//! Tests of Bayesian networks through the public surface.
#![allow(clippy::unwrap_used)]

mod kernel;
mod neural;
mod projection;

/// The middle of some values.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    0.5 * (values[middle] + values[(values.len() - 1) / 2])
}

/// What a closure gives in a pool of so many threads.
fn on_threads<T: Send>(threads: usize, job: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap()
        .install(job)
}
