//! Counts.

use super::{Derivatives, Outcome, PredictorBelief, RandomNumbers};
use crate::Link;
use crate::predictions::Tail;
use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::gamma::{gamma_ur, ln_gamma};

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

    /// Of a mean of zero it is that of the smallest number above: large and finite.
    fn loss(&self, target: f64, mean: f64) -> f64 {
        self.deviance(target, mean.max(f64::MIN_POSITIVE).ln())
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

    fn initial_predictor(&self, target: f64) -> f64 {
        (target + 0.1).ln()
    }

    fn unbounded_direction(&self, target: f64) -> f64 {
        if target == 0.0 { -1.0 } else { 0.0 }
    }

    fn draw(&self, mean: f64, _: f64, random: &mut dyn RandomNumbers) -> f64 {
        let uniform = random.uniform();
        if self.admits_mean(mean) {
            Rates::known(mean).quantile(uniform)
        } else {
            f64::NAN
        }
    }

    /// Quantiles of a Poisson count whose rate is log-normal.
    fn predictive_interval(&self, tail: &Tail, belief: &PredictorBelief) -> Option<(f64, f64)> {
        let rates = Rates::log_normal(belief.mean, belief.standard_error);
        let upper = 1.0 - tail.probability;
        Some((rates.quantile(tail.probability), rates.quantile(upper)))
    }
}

/// Rates of a count with their probabilities.
struct Rates(Vec<(f64, f64)>);

/// Standard deviations on either side of the mean of a log-rate, and the distance of its points: the
/// trapezoidal rule for a normal density, exact to rounding.
const REACH: f64 = 7.0;
const STEP: f64 = 0.5;

impl Rates {
    fn known(rate: f64) -> Self {
        Self(vec![(1.0, rate)])
    }

    fn log_normal(mean: f64, deviation: f64) -> Self {
        if deviation == 0.0 {
            return Self::known(Link::Log.inverse(mean));
        }
        let points = (2.0 * REACH / STEP) as usize;
        let at = |point: usize| point as f64 * STEP - REACH;
        let total: f64 = (0..=points)
            .map(|point| (-0.5 * at(point).powi(2)).exp())
            .sum();
        let rate = |point: usize| {
            let probability = (-0.5 * at(point).powi(2)).exp() / total;
            (probability, Link::Log.inverse(mean + deviation * at(point)))
        };
        Self((0..=points).map(rate).collect())
    }

    /// Probability of at most this count.
    fn cumulative(&self, count: f64) -> f64 {
        let terms = self.0.iter().map(|(p, rate)| p * cumulative(count, *rate));
        terms.sum()
    }

    /// The smallest count that has at least this cumulative probability.
    fn quantile(&self, probability: f64) -> f64 {
        let reaches = |count: f64| count >= 0.0 && self.cumulative(count) >= probability;
        let mean: f64 = self.0.iter().map(|(p, rate)| p * rate).sum();
        // Steps that double find a count on either side, and halves between them the one.
        let mut step = mean.sqrt().max(1.0).floor();
        let (mut low, mut high) = (mean.floor(), mean.floor());
        while low >= 0.0 && reaches(low) {
            low -= step;
            step *= 2.0;
        }
        step = mean.sqrt().max(1.0).floor();
        while !reaches(high) && high < f64::MAX / 4.0 {
            high += step;
            step *= 2.0;
        }
        low = low.max(-1.0);
        while high - low > 1.0 {
            let middle = (low + 0.5 * (high - low)).floor();
            // Beyond 2⁵³ neighbouring counts are the same number.
            if middle == low || middle == high {
                break;
            }
            if reaches(middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        high
    }
}

/// Rates from which the cube root of a gamma variable counts as normal (Wilson and Hilferty 1931,
/// doi:10.1073/pnas.17.12.684).
const LARGE: f64 = 1e4;

/// Probability of at most this count at a rate: that of a gamma variable of shape count + 1 above the
/// rate.
fn cumulative(count: f64, rate: f64) -> f64 {
    if count < 0.0 {
        return 0.0;
    }
    if rate == 0.0 {
        return 1.0;
    }
    let shape = count + 1.0;
    if rate < LARGE && count < LARGE {
        return gamma_ur(shape, rate);
    }
    let root = (rate / shape).cbrt();
    let standard = 3.0 * shape.sqrt() * (root - 1.0 + 1.0 / (9.0 * shape));
    Normal::standard().sf(standard)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn quantiles_are_those_of_r() {
        // qpois(c(.025, .5, .975), rate) of R 4.2.2.
        for (rate, expected) in [
            (0.01, [0.0, 0.0, 0.0]),
            (1.0, [0.0, 1.0, 3.0]),
            (7.5, [3.0, 7.0, 13.0]),
            (1000.0, [938.0, 1000.0, 1062.0]),
            (123_456.0, [122_768.0, 123_456.0, 124_145.0]),
        ] {
            let found = [0.025, 0.5, 0.975].map(|p| Rates::known(rate).quantile(p));
            assert_eq!(found, expected, "rate {rate}");
        }
    }

    #[test]
    fn a_rate_that_is_not_known_widens_intervals_as_it_should() {
        let rates = Rates::log_normal(2.0, 0.4);
        let mean: f64 = rates.0.iter().map(|(p, rate)| p * rate).sum();
        assert_relative_eq!(mean, (2.0_f64 + 0.08).exp(), max_relative = 1e-9);
        // The variance of counts: mean + that of the rates.
        let variance = |count: f64| {
            let p = rates.cumulative(count) - rates.cumulative(count - 1.0);
            p * (count - mean).powi(2)
        };
        let found: f64 = (0..400).map(|count| variance(f64::from(count))).sum();
        let expected = mean + mean * mean * (0.16_f64.exp() - 1.0);
        assert_relative_eq!(found, expected, max_relative = 1e-9);
    }

    #[test]
    fn both_cumulative_probabilities_agree_where_they_meet() {
        for offset in [-300.0, -100.0, 0.0, 100.0, 300.0] {
            let (below, above) = (
                cumulative(LARGE + offset, LARGE - 0.5),
                cumulative(LARGE + offset, LARGE + 0.5),
            );
            assert_relative_eq!(below, above, epsilon = 0.005);
            let exact = gamma_ur(LARGE + offset + 1.0, LARGE);
            assert_relative_eq!(cumulative(LARGE + offset, LARGE), exact, epsilon = 1e-5);
        }
    }

    #[test]
    fn extreme_rates_have_finite_intervals() {
        for (mean, deviation) in [(-800.0, 1.0), (0.0, 30.0), (700.0, 0.1)] {
            let rates = Rates::log_normal(mean, deviation);
            for probability in [1e-9, 0.025, 0.975] {
                assert!(rates.quantile(probability).is_finite());
            }
        }
    }
}
