//! Data that several tests use.

use contextualized_core::Samples;
use contextualized_simulation::{CovarianceSimulator, SimulatedCovariances};
use ndarray::{Array2, Array3, ArrayView3};

/// Two smooth factors, one along each of two contexts.
pub(crate) fn simulator(rows: usize, nodes: usize) -> CovarianceSimulator {
    CovarianceSimulator::new(rows)
        .uniform_contexts(2, -1.0, 1.0)
        .factors(move |c| {
            Array2::from_shape_fn((nodes, 2), |(j, k)| {
                (1.5 * c[k] + 0.9 * ((k + 1) * j) as f64 + k as f64).sin()
            })
        })
        .means(move |c| (0..nodes).map(|j| c[0] * j as f64).collect())
}

pub(crate) fn data(rows: usize, nodes: usize, seed: u64) -> SimulatedCovariances {
    simulator(rows, nodes).simulate(seed).unwrap()
}

/// The same covariance everywhere, and two contexts that say nothing.
pub(crate) fn uninformative(rows: usize, seed: u64) -> Samples {
    CovarianceSimulator::new(rows)
        .uniform_contexts(1, -1.0, 1.0)
        .irrelevant_contexts(1)
        .factors(|_| Array2::from_shape_fn((5, 1), |(j, _)| 1.0 - 0.4 * j as f64))
        .simulate(seed)
        .unwrap()
        .samples
}

pub(crate) fn off_diagonal_mse(truth: ArrayView3<'_, f64>, estimate: ArrayView3<'_, f64>) -> f64 {
    let (rows, nodes, _) = truth.dim();
    let mut squares = 0.0;
    for ((row, i, j), value) in truth.indexed_iter() {
        if i != j {
            squares += (value - estimate[[row, i, j]]).powi(2);
        }
    }
    squares / (rows * nodes * (nodes - 1)) as f64
}

/// Contexts inside the data, at its edge, and far away.
pub(crate) fn queries() -> Array2<f64> {
    ndarray::array![
        [0.0, 0.0],
        [-0.9, 0.95],
        [1.5, -2.0],
        [40.0, -1e9],
        [1e200, 0.0]
    ]
}

pub(crate) fn bits(values: &Array3<f64>) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}
