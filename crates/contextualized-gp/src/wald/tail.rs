//! The distribution of a statistic by its replicates: an F distribution times a scale.

use statrs::distribution::{ContinuousCDF, FisherSnedecor};
use statrs::function::gamma::ln_gamma;

/// A statistic divided by the scale has an F distribution with so many residual degrees of freedom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tail {
    pub(super) scale: f64,
    pub(super) residual_degrees: f64,
}

/// Residual degrees of freedom that are tried: below, a tail would have no variance.
const LEAST_DEGREES: f64 = 4.0;
const MOST_DEGREES: f64 = 1e5;
/// Steps of the search for residual degrees of freedom, and of that for the scale at each.
const STEPS: usize = 20;
const SCALE_STEPS: usize = 40;

impl Tail {
    /// By maximum likelihood of the upper half of the replicates, the others being known to be smaller.
    ///
    /// What matters is the tail: it goes on beyond the largest replicate as that of the F distribution does,
    /// so that p-values far below one over their number are told apart.
    pub(super) fn fit(degrees: usize, mut replicates: Vec<f64>) -> Self {
        replicates.sort_by(f64::total_cmp);
        let half = replicates.split_off(replicates.len() / 2);
        let sample = Censored {
            degrees: degrees as f64,
            smaller: replicates.len() as f64,
            least: half[0].max(f64::MIN_POSITIVE),
            values: half,
        };
        let at = |log: f64| {
            let residual_degrees = log.exp();
            let scale = sample.scale(residual_degrees);
            let tail = Self {
                scale,
                residual_degrees,
            };
            (sample.log_likelihood(&tail), tail)
        };
        // Golden section: the likelihood has one maximum in the degrees.
        let golden = 0.5 * (5_f64.sqrt() - 1.0);
        let (mut low, mut high) = (LEAST_DEGREES.ln(), MOST_DEGREES.ln());
        let mut inner = [high - golden * (high - low), low + golden * (high - low)];
        let mut found = inner.map(at);
        for _ in 0..STEPS {
            if found[0].0 >= found[1].0 {
                high = inner[1];
                inner = [high - golden * (high - low), inner[0]];
                found = [at(inner[0]), found[0]];
            } else {
                low = inner[0];
                inner = [inner[1], low + golden * (high - low)];
                found = [found[1], at(inner[1])];
            }
        }
        found[usize::from(found[1].0 > found[0].0)].1
    }
}

/// Replicates above the median in ascending order, and the number of smaller ones.
struct Censored {
    degrees: f64,
    smaller: f64,
    least: f64,
    values: Vec<f64>,
}

impl Censored {
    /// Probability of less than a value.
    fn below(&self, residual_degrees: f64, value: f64) -> f64 {
        let below = FisherSnedecor::new(self.degrees, residual_degrees)
            .map_or(f64::NAN, |distribution| distribution.cdf(value));
        below.max(f64::MIN_POSITIVE)
    }

    /// Logarithm of the density at a value.
    fn log_density(&self, residual_degrees: f64, value: f64) -> f64 {
        let (d, ratio) = (0.5 * self.degrees, self.degrees / residual_degrees);
        let both = d + 0.5 * residual_degrees;
        ln_gamma(both) - ln_gamma(d) - ln_gamma(0.5 * residual_degrees)
            + d * ratio.ln()
            + (d - 1.0) * value.ln()
            - both * (ratio * value).ln_1p()
    }

    /// The most likely scale: where the derivative of the likelihood by its logarithm, which falls, is zero.
    fn scale(&self, residual_degrees: f64) -> f64 {
        let (d, ratio) = (self.degrees, self.degrees / residual_degrees);
        let slope = |scale: f64| {
            let above: f64 = (self.values.iter())
                .map(|value| {
                    let odds = ratio * value / scale;
                    -0.5 * d + 0.5 * (d + residual_degrees) * odds / (1.0 + odds)
                })
                .sum();
            let least = self.least / scale;
            let density = self.log_density(residual_degrees, least).exp();
            above - self.smaller * least * density / self.below(residual_degrees, least)
        };
        let middle = self.least.ln();
        let (mut low, mut high) = (middle - 5.0, middle + 5.0);
        for _ in 0..SCALE_STEPS {
            let log: f64 = 0.5 * (low + high);
            if slope(log.exp()) > 0.0 {
                low = log;
            } else {
                high = log;
            }
        }
        (0.5 * (low + high)).exp()
    }

    fn log_likelihood(&self, tail: &Tail) -> f64 {
        let (degrees, scale) = (tail.residual_degrees, tail.scale);
        let above = self.values.iter();
        let above: f64 = above
            .map(|value| self.log_density(degrees, value / scale) - scale.ln())
            .sum();
        above + self.smaller * self.below(degrees, self.least / scale).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_an_f_distribution_give_it_back() {
        for (degrees, residual_degrees, scale) in [(1, 12.0, 0.7), (3, 40.0, 1.3), (8, 1e4, 1.0)] {
            let exact = FisherSnedecor::new(degrees as f64, residual_degrees).unwrap();
            let replicates: Vec<f64> = (0..499)
                .map(|i| scale * exact.inverse_cdf((i as f64 + 0.5) / 499.0))
                .collect();
            let tail = Tail::fit(degrees, replicates);
            let fitted = FisherSnedecor::new(degrees as f64, tail.residual_degrees).unwrap();
            for p in [0.2, 0.05, 1e-2, 1e-4, 1e-6] {
                let value = scale * exact.inverse_cdf(1.0 - p);
                let ratio = fitted.sf(value / tail.scale) / p;
                assert!((0.6..1.6).contains(&ratio), "{degrees} {p} {ratio}");
            }
        }
    }
}
