//! Tests of the simulations through their public surface.

mod confounded;
mod errors;
mod networks;
mod simulator;
mod treatment;

use ndarray::ArrayView1;

/// Asserts equality but for the last digit or so, which a mathematical library may round its way.
fn assert_pinned(found: impl IntoIterator<Item = f64>, stored: &[f64]) {
    let found: Vec<f64> = found.into_iter().collect();
    assert_eq!(found.len(), stored.len());
    for (found, stored) in found.iter().zip(stored) {
        assert!(
            (found - stored).abs() <= 1e-15,
            "{found:?} is not {stored:?}"
        );
    }
}

/// Mean of a column and its population variance.
fn moments(column: ArrayView1<'_, f64>) -> (f64, f64) {
    let count = column.len() as f64;
    let mean = column.sum() / count;
    let variance = column.mapv(|v| (v - mean).powi(2)).sum() / count;
    (mean, variance)
}

/// Correlation of two columns.
fn correlation(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    let ((mean_a, variance_a), (mean_b, variance_b)) = (moments(a), moments(b));
    let products = (&a - mean_a) * (&b - mean_b);
    products.sum() / a.len() as f64 / (variance_a * variance_b).sqrt()
}
