//! How much of a function is explained.

use ndarray::{Array1, Array2, ArrayView1};

/// 1 − Σ w r² / Σ w (v − v̄)², or nothing where the values vary by rounding only.
pub(crate) fn share_explained(
    values: ArrayView1<'_, f64>,
    residuals: ArrayView1<'_, f64>,
    weights: ArrayView1<'_, f64>,
) -> Option<f64> {
    let total: f64 = weights.iter().sum();
    let weighted = |of: &dyn Fn(f64) -> f64| -> f64 {
        let pairs = values.iter().zip(weights);
        pairs.map(|(value, weight)| weight * of(*value)).sum()
    };
    let mean = weighted(&|value| value) / total;
    let largest = values.fold(0.0_f64, |l, value| l.max(value.abs()));
    let variation = weighted(&|value| (value - mean).powi(2));
    let pairs = residuals.iter().zip(weights);
    let residual: f64 = pairs
        .map(|(residual, weight)| weight * residual * residual)
        .sum();
    let rounding = 16.0 * f64::EPSILON * largest;
    (variation > total * rounding * rounding).then(|| 1.0 - residual / variation)
}

/// The same of each column, all rows of one weight.
pub(crate) fn shares_explained(values: &Array2<f64>, residuals: &Array2<f64>) -> Vec<Option<f64>> {
    let equal = Array1::ones(values.nrows());
    let columns = values.columns().into_iter().zip(residuals.columns());
    columns
        .map(|(values, residuals)| share_explained(values, residuals, equal.view()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::aview1;

    #[test]
    fn shares_by_hand() {
        // Around the mean 2 the values vary by 1 + 0 + 1; a quarter of that is left.
        let share = |values: [f64; 3], residuals: [f64; 3]| {
            share_explained(aview1(&values), aview1(&residuals), aview1(&[1.0; 3]))
        };
        assert_eq!(share([1.0, 2.0, 3.0], [0.5, 0.0, 0.5]), Some(0.75));
        assert_eq!(share([0.1; 3], [0.0; 3]), None);
    }
}
