//! How much of the learned deviation from the population to keep.

use contextualized_core::Link;
use ndarray::{Array1, ArrayView1};

/// What a fold's model says of rows it has not seen, for one target in units of training.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeldOut {
    /// Targets.
    pub(crate) targets: Vec<f64>,
    /// The population's linear predictor.
    pub(crate) base: Vec<f64>,
    /// The deviation from it that the network learned.
    pub(crate) deviation: Vec<f64>,
    /// Row weights.
    pub(crate) weights: Vec<f64>,
}

impl HeldOut {
    pub(crate) fn extend(
        &mut self,
        targets: ArrayView1<'_, f64>,
        base: ArrayView1<'_, f64>,
        deviation: ArrayView1<'_, f64>,
        weights: &Array1<f64>,
    ) {
        self.targets.extend(targets);
        self.base.extend(base);
        self.deviation.extend(deviation);
        self.weights.extend(weights);
    }

    /// The share s in [0, 1] of the deviation that minimises the held-out loss of base + s · deviation.
    ///
    /// The loss is convex in s, so its derivative tells: a deviation that does not help at s = 0 is
    /// left out, one that still helps at s = 1 is kept whole.
    pub(crate) fn best_share(&self, link: Link) -> f64 {
        let slope = |share: f64| -> f64 {
            (0..self.targets.len())
                .map(|row| {
                    let predictor = self.base[row] + share * self.deviation[row];
                    let residual = link.inverse(predictor) - self.targets[row];
                    self.weights[row] * residual * self.deviation[row]
                })
                .sum()
        };
        if slope(0.0) >= 0.0 {
            return 0.0;
        }
        if slope(1.0) <= 0.0 {
            return 1.0;
        }
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..50 {
            let middle = 0.5 * (low + high);
            if slope(middle) < 0.0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        0.5 * (low + high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    fn held_out(targets: Vec<f64>, deviation: Vec<f64>) -> HeldOut {
        HeldOut {
            base: vec![0.25; targets.len()],
            weights: (0..targets.len())
                .map(|row| 1.0 + (row % 3) as f64)
                .collect(),
            targets,
            deviation,
        }
    }

    proptest! {
        /// For squared errors the share is the least-squares slope of residuals on deviations, in [0, 1].
        #[test]
        fn linear_shares_are_least_squares(
            targets in prop::collection::vec(-2.0..2.0_f64, 12),
            deviation in prop::collection::vec(-2.0..2.0_f64, 12),
        ) {
            let data = held_out(targets, deviation);
            let sum = |of: &dyn Fn(usize) -> f64| (0..12).map(|row| data.weights[row] * of(row)).sum::<f64>();
            let slope = sum(&|row| (data.targets[row] - data.base[row]) * data.deviation[row])
                / sum(&|row| data.deviation[row].powi(2));
            assert_relative_eq!(data.best_share(Link::Identity), slope.clamp(0.0, 1.0), epsilon = 1e-12);
        }

        /// No other share has a lower log-likelihood loss.
        #[test]
        fn logistic_shares_are_optimal(
            binary in prop::collection::vec(any::<bool>(), 12),
            deviation in prop::collection::vec(-2.0..2.0_f64, 12),
            other in 0.0..1.0_f64,
        ) {
            let data = held_out(binary.into_iter().map(f64::from).collect(), deviation);
            let loss = |share: f64| -> f64 {
                (0..12)
                    .map(|row| {
                        let eta = data.base[row] + share * data.deviation[row];
                        data.weights[row] * (eta.exp().ln_1p() - data.targets[row] * eta)
                    })
                    .sum()
            };
            prop_assert!(loss(data.best_share(Link::Logit)) <= loss(other) + 1e-12);
        }
    }

    #[test]
    fn a_deviation_that_says_nothing_gets_no_share() {
        let data = held_out(vec![1.0, 2.0], vec![0.0, 0.0]);
        assert_eq!(data.best_share(Link::Identity), 0.0);
    }
}
