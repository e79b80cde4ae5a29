//! How much of a function is explained.

/// 1 − Σ w r² / Σ w (v − v̄)², or nothing where the values vary by rounding only.
pub(crate) fn share_explained(
    values: impl Iterator<Item = f64> + Clone,
    residuals: impl Iterator<Item = f64>,
    weights: impl Iterator<Item = f64> + Clone,
) -> Option<f64> {
    let total: f64 = weights.clone().sum();
    let weighted = |of: &dyn Fn(f64) -> f64| -> f64 {
        values
            .clone()
            .zip(weights.clone())
            .map(|(value, weight)| weight * of(value))
            .sum()
    };
    let mean = weighted(&|value| value) / total;
    let largest = values.clone().fold(0.0_f64, |l, value| l.max(value.abs()));
    let variation = weighted(&|value| (value - mean).powi(2));
    let residual: f64 = residuals
        .zip(weights.clone())
        .map(|(residual, weight)| weight * residual * residual)
        .sum();
    let rounding = 16.0 * f64::EPSILON * largest;
    (variation > total * rounding * rounding).then(|| 1.0 - residual / variation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_by_hand() {
        // Around the mean 2 the values vary by 1 + 0 + 1; a quarter of that is left.
        let share = |values: [f64; 3], residuals: [f64; 3]| {
            share_explained(
                values.into_iter(),
                residuals.into_iter(),
                [1.0; 3].into_iter(),
            )
        };
        assert_eq!(share([1.0, 2.0, 3.0], [0.5, 0.0, 0.5]), Some(0.75));
        assert_eq!(share([0.1; 3], [0.0; 3]), None);
    }
}
