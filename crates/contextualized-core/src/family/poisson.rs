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
            Count::of_rate(mean).quantile(uniform)
        } else {
            f64::NAN
        }
    }

    /// Quantiles of a Poisson count whose rate is log-normal.
    fn predictive_interval(&self, tail: &Tail, belief: &PredictorBelief) -> Option<(f64, f64)> {
        let count = Count {
            mean: belief.mean,
            deviation: belief.standard_error,
        };
        let upper = 1.0 - tail.probability;
        Some((count.quantile(tail.probability), count.quantile(upper)))
    }
}

/// A Poisson count whose rate is log-normal: mean and standard deviation of its logarithm.
struct Count {
    mean: f64,
    deviation: f64,
}

/// Standard deviations on either side of a mean, and the distance of points in them: the trapezoidal rule
/// for a normal density and what is as smooth, exact to rounding.
const REACH: f64 = 7.0;
const STEP: f64 = 0.5;
/// The shortest step.
const LEAST_STEP: f64 = 1.0 / 128.0;
/// Counts from which the logarithm of a gamma variable of that shape has light tails.
const LIGHT: f64 = 100.0;

impl Count {
    fn of_rate(rate: f64) -> Self {
        Self {
            mean: rate.ln(),
            deviation: 0.0,
        }
    }

    /// Probability of at most this count.
    ///
    /// That is `P(G > λ)`, λ the rate and G a gamma variable of shape count + 1: an average over whichever
    /// of the two is the wider, as a function of which the probability is smooth.
    fn cumulative(&self, count: f64) -> f64 {
        if self.deviation == 0.0 {
            return cumulative(count, Link::Log.inverse(self.mean));
        }
        let shape = count.max(0.0) + 1.0;
        let of_gamma = shape.sqrt().recip();
        let ratio = of_gamma / self.deviation;
        if shape > LIGHT && ratio < 1.0 {
            let density = |z: f64| {
                let log = of_gamma * z;
                (shape * (log - log.exp_m1())).exp()
            };
            return average(STEP, density, |z| {
                let standard = (shape.ln() + of_gamma * z - self.mean) / self.deviation;
                Normal::standard().cdf(standard)
            });
        }
        let step = (STEP * ratio.min(1.0)).max(LEAST_STEP);
        let density = |z: f64| (-0.5 * z * z).exp();
        average(step, density, |z| {
            cumulative(count, Link::Log.inverse(self.mean + self.deviation * z))
        })
    }

    /// The smallest count that has at least this cumulative probability.
    fn quantile(&self, probability: f64) -> f64 {
        let reaches = |count: f64| count >= 0.0 && self.cumulative(count) >= probability;
        let middle = Link::Log.inverse(self.mean).floor();
        let first_step = middle.sqrt().max(1.0).floor();
        // Steps that double find a count on either side, and halves between them the one.
        let mut step = first_step;
        let (mut low, mut high) = (middle, middle);
        while low >= 0.0 && reaches(low) {
            low -= step;
            step *= 2.0;
        }
        step = first_step;
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

/// The mean of a function under a density, which needs no normaliser.
fn average(step: f64, density: impl Fn(f64) -> f64, of: impl Fn(f64) -> f64) -> f64 {
    let points = (2.0 * REACH / step) as usize;
    let (mut sum, mut whole) = (0.0, 0.0);
    for point in 0..=points {
        let at = point as f64 * step - REACH;
        let weight = density(at);
        sum += weight * of(at);
        whole += weight;
    }
    sum / whole
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
            let found = [0.025, 0.5, 0.975].map(|p| Count::of_rate(rate).quantile(p));
            assert_eq!(found, expected, "rate {rate}");
        }
    }

    #[test]
    fn a_rate_that_is_not_known_widens_intervals_as_it_should() {
        let rates = Count {
            mean: 2.0,
            deviation: 0.4,
        };
        let mean = (2.0_f64 + 0.08).exp();
        // The variance of counts: mean + that of the rates.
        let variance = |count: f64| {
            let p = rates.cumulative(count) - rates.cumulative(count - 1.0);
            p * (count - mean).powi(2)
        };
        let found: f64 = (0..400).map(|count| variance(f64::from(count))).sum();
        let expected = mean + mean * mean * (0.16_f64.exp() - 1.0);
        assert_relative_eq!(found, expected, max_relative = 1e-9);
    }

    /// Where rates are known less well than their logarithm's noise, quantiles are nearly those of the rates.
    #[test]
    fn large_counts_are_as_wide_as_their_rates() {
        let count = Count {
            mean: 1e4_f64.ln(),
            deviation: 0.5,
        };
        for probability in [0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975] {
            let z = Normal::standard().inverse_cdf(probability);
            let expected = 1e4 * (z * 0.5).exp();
            let found = count.quantile(probability);
            assert_relative_eq!(found, expected, max_relative = 2e-3);
        }
    }

    #[test]
    fn both_ways_to_average_agree() {
        for (mean, deviation) in [(5.0_f64, 0.1), (5.0, 0.3), (7.0, 0.05), (6.0, 1.0)] {
            let count = Count { mean, deviation };
            for z in [-2.0, -0.5, 0.0, 1.0, 2.5] {
                let at = (mean + deviation * z).exp().floor().max(101.0);
                let fine = average(
                    LEAST_STEP,
                    |z| (-0.5 * z * z).exp(),
                    |z| gamma_ur(at + 1.0, (mean + deviation * z).exp()),
                );
                assert_relative_eq!(count.cumulative(at), fine, epsilon = 1e-6);
            }
        }
    }

    #[test]
    fn losses_are_finite_and_so_are_their_squares() {
        for mean in [0.0, 1e-300, 1e200, f64::MAX] {
            let loss = Poisson.loss(3.0, mean);
            assert!((loss * loss).is_finite() && loss > 0.0);
        }
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
            let rates = Count { mean, deviation };
            for probability in [1e-9, 0.025, 0.975] {
                assert!(rates.quantile(probability).is_finite());
            }
        }
    }
}
