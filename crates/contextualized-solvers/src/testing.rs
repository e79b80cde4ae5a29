//! Comparison of arrays for the unit tests.

use approx::assert_abs_diff_eq;
use ndarray::{Array, Dimension};

/// Same shape, and no entry further off than `tolerance` times the largest expected entry.
#[track_caller]
pub(crate) fn assert_close<D: Dimension>(
    found: &Array<f64, D>,
    expected: &Array<f64, D>,
    tolerance: f64,
) {
    assert_eq!(found.shape(), expected.shape());
    let largest = expected.fold(0.0, |largest: f64, value| largest.max(value.abs()));
    for (found, expected) in found.iter().zip(expected) {
        assert_abs_diff_eq!(found, expected, epsilon = tolerance * largest);
    }
}
