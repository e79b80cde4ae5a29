//! Counts whose rate is known up to a log-normal factor: cumulative probabilities and quantiles.

use super::averages::{LEAST_STEP, STEP, average};
use crate::Link;
use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::beta::beta_reg;
use statrs::function::gamma::{gamma_lr, gamma_ur};

/// A count whose rate is log-normal: mean and standard deviation of its logarithm.
pub(super) struct Count {
    pub(super) mean: f64,
    pub(super) deviation: f64,
    /// Size of a negative binomial distribution; infinite of Poisson's.
    pub(super) size: f64,
}

/// Counts from which the logarithm of a gamma variable of that shape has light tails.
const LIGHT: f64 = 100.0;

impl Count {
    pub(super) fn of_rate(rate: f64, size: f64) -> Self {
        Self {
            mean: rate.ln(),
            deviation: 0.0,
            size,
        }
    }

    /// Probability of at most this count.
    ///
    /// Of Poisson's that is `P(G > λ)`, λ the rate and G a gamma variable of shape count + 1: an average over
    /// whichever of the two is the wider, as a function of which the probability is smooth.
    fn cumulative(&self, count: f64) -> f64 {
        let at_rate = |log: f64| {
            let rate = Link::Log.inverse(log);
            if self.size.is_finite() {
                negative_binomial(count, rate, self.size)
            } else {
                poisson(count, rate)
            }
        };
        if self.deviation == 0.0 {
            return at_rate(self.mean);
        }
        let shape = count.max(0.0) + 1.0;
        let of_gamma = shape.sqrt().recip();
        let own = (of_gamma * of_gamma + self.size.recip()).sqrt();
        let ratio = own / self.deviation;
        if self.size.is_infinite() && shape > LIGHT && ratio < 1.0 {
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
        average(step, density, |z| at_rate(self.mean + self.deviation * z))
    }

    /// Probabilities of less than this count, and of at most it.
    pub(super) fn below_and_up_to(&self, count: f64) -> (f64, f64) {
        (self.cumulative(count - 1.0), self.cumulative(count))
    }

    /// The smallest count that has at least this cumulative probability.
    pub(super) fn quantile(&self, probability: f64) -> f64 {
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

/// Rates from which the cube root of a gamma variable counts as normal (Wilson and Hilferty 1931,
/// doi:10.1073/pnas.17.12.684).
const LARGE: f64 = 1e4;

/// Probability of at most this count at a rate: that of a gamma variable of shape count + 1 above the
/// rate.
fn poisson(count: f64, rate: f64) -> f64 {
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

/// Sizes up to which many counts are as their gamma-distributed rates.
const SMALL_SIZE: f64 = 20.0;

/// Probability of at most this count of a negative binomial distribution of this mean and size, that of a beta
/// variable; of large ones by cube roots (Paulson 1942, doi:10.1214/aoms/1177731608).
fn negative_binomial(count: f64, rate: f64, size: f64) -> f64 {
    if count < 0.0 {
        return 0.0;
    }
    if rate == 0.0 {
        return 1.0;
    }
    let shape = count + 1.0;
    if count < LARGE && size < LARGE {
        return beta_reg(size, shape, size / (size + rate));
    }
    if size < SMALL_SIZE {
        return gamma_lr(size, size * (count + 0.5) / rate);
    }
    let root = (shape / rate).cbrt();
    let (of_size, of_count) = ((9.0 * size).recip(), (9.0 * shape).recip());
    let standard =
        ((1.0 - of_count) * root - (1.0 - of_size)) / (of_count * root * root + of_size).sqrt();
    Normal::standard().cdf(standard)
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
            let found =
                [0.025, 0.5, 0.975].map(|p| Count::of_rate(rate, f64::INFINITY).quantile(p));
            assert_eq!(found, expected, "rate {rate}");
        }
    }

    #[test]
    fn a_rate_that_is_not_known_widens_intervals_as_it_should() {
        let rates = Count {
            mean: 2.0,
            deviation: 0.4,
            size: f64::INFINITY,
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
            size: f64::INFINITY,
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
            let size = f64::INFINITY;
            let count = Count {
                mean,
                deviation,
                size,
            };
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
    fn both_cumulative_probabilities_agree_where_they_meet() {
        for offset in [-300.0, -100.0, 0.0, 100.0, 300.0] {
            let (below, above) = (
                poisson(LARGE + offset, LARGE - 0.5),
                poisson(LARGE + offset, LARGE + 0.5),
            );
            assert_relative_eq!(below, above, epsilon = 0.005);
            let exact = gamma_ur(LARGE + offset + 1.0, LARGE);
            assert_relative_eq!(poisson(LARGE + offset, LARGE), exact, epsilon = 1e-5);
        }
    }

    #[test]
    fn extreme_rates_have_finite_intervals() {
        for (mean, deviation) in [(-800.0, 1.0), (0.0, 30.0), (700.0, 0.1)] {
            let size = f64::INFINITY;
            let rates = Count {
                mean,
                deviation,
                size,
            };
            for probability in [1e-9, 0.025, 0.975] {
                assert!(rates.quantile(probability).is_finite());
            }
        }
    }
}
