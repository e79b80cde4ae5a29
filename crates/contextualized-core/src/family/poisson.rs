//! Counts.

use super::counts::Count;
use super::{Derivatives, NegativeBinomial, Outcome, PredictorBelief, RandomNumbers};
use crate::predictions::Tail;
use crate::{Family, Link};
use statrs::function::gamma::ln_gamma;

pub(super) struct Poisson;

impl Outcome for Poisson {
    fn name(&self) -> &'static str {
        "poisson"
    }

    fn description(&self) -> &'static str {
        "counts, Poisson distribution, log link"
    }

    fn qualifier(&self) -> Option<&'static str> {
        Some("Poisson")
    }

    fn link(&self) -> Link {
        Link::Log
    }

    fn requirement(&self) -> &'static str {
        "a count: 0, 1, 2, …"
    }

    fn admits(&self, target: f64) -> bool {
        target.is_finite() && target >= 0.0 && target.fract() == 0.0
    }

    fn mean_range(&self) -> (f64, f64) {
        (0.0, f64::INFINITY)
    }

    fn derivatives(&self, target: f64, predictor: f64) -> Derivatives {
        let mean = Link::Log.inverse(predictor);
        Derivatives {
            log_likelihood: target * predictor - mean - ln_gamma(target + 1.0),
            first: target - mean,
            second: -mean,
            third: -mean,
        }
    }

    fn deviance(&self, target: f64, predictor: f64) -> f64 {
        let mean = Link::Log.inverse(predictor);
        let ratio = if target > 0.0 {
            target * (target.ln() - predictor)
        } else {
            0.0
        };
        (2.0 * (ratio - (target - mean))).max(0.0)
    }

    /// Of a mean of zero it is that of the smallest number above, of one too large to square that of
    /// 10¹⁰⁰: large and finite.
    fn loss(&self, target: f64, mean: f64) -> f64 {
        self.deviance(target, mean.clamp(f64::MIN_POSITIVE, 1e100).ln())
    }

    fn loss_name(&self) -> &'static str {
        "mean Poisson deviance"
    }

    fn loss_description(&self) -> &'static str {
        "Loss is the mean Poisson deviance 2 [y ln(y / μ) − (y − μ)]: about 1 where counts vary no more \
         than their means say."
    }

    fn coefficient_description(&self) -> &'static str {
        "Coefficients are logarithms of rate ratios per unit of a feature."
    }

    fn wider(&self) -> Option<Family> {
        Some(Family::NegativeBinomial(NegativeBinomial::TO_BE_ESTIMATED))
    }

    fn ratio_name(&self) -> Option<&'static str> {
        Some("rate ratio")
    }

    fn initial_predictor(&self, target: f64) -> f64 {
        (target + 0.1).ln()
    }

    fn unbounded_direction(&self, target: f64) -> f64 {
        if target == 0.0 { -1.0 } else { 0.0 }
    }

    fn variance(&self, mean: f64) -> f64 {
        mean
    }

    fn is_discrete(&self) -> bool {
        true
    }

    fn counts_events(&self) -> bool {
        true
    }

    fn draw(&self, mean: f64, _: f64, random: &mut dyn RandomNumbers) -> f64 {
        let uniform = random.uniform();
        if self.admits_mean(mean) {
            Count::of_rate(mean, f64::INFINITY).quantile(uniform)
        } else {
            f64::NAN
        }
    }

    fn cumulative(&self, target: f64, mean: f64) -> (f64, f64) {
        Count::of_rate(mean, f64::INFINITY).below_and_up_to(target)
    }

    /// Quantiles of a Poisson count whose rate is log-normal.
    fn predictive_interval(&self, tail: &Tail, belief: &PredictorBelief) -> Option<(f64, f64)> {
        let count = Count {
            mean: belief.mean,
            deviation: belief.standard_error,
            size: f64::INFINITY,
        };
        let upper = 1.0 - tail.probability;
        Some((count.quantile(tail.probability), count.quantile(upper)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_finite_and_so_are_their_squares() {
        for mean in [0.0, 1e-300, 1e200, f64::MAX] {
            let loss = Poisson.loss(3.0, mean);
            assert!((loss * loss).is_finite() && loss > 0.0);
        }
    }
}
