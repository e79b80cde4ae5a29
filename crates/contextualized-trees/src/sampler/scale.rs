//! Scales with half-Cauchy priors, drawn in closed form.

use rand::Rng;
use rand_distr::{Distribution, Gamma};
use std::f64::consts::FRAC_PI_2;

/// A standard deviation with a half-Cauchy prior, as a mixture of inverse gamma distributions: Wand, Ormerod, Padoan
/// and Frühwirth (2011), doi:10.1214/11-BA631.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HalfCauchyScale {
    /// The median of the prior.
    pub(crate) median: f64,
    pub(crate) variance: f64,
    /// The other variable of the mixture.
    mixing: f64,
}

/// Variances stay within what can be divided by.
const SMALLEST: f64 = 1e-30;
const LARGEST: f64 = 1e30;

impl HalfCauchyScale {
    pub(crate) fn new(median: f64, variance: f64) -> Self {
        Self {
            median,
            variance,
            mixing: median * median,
        }
    }

    /// A draw from the prior.
    pub(crate) fn of_prior(median: f64, random: &mut impl Rng) -> Self {
        let root = median * (FRAC_PI_2 * random.r#gen::<f64>()).tan();
        Self::new(median, (root * root).clamp(SMALLEST, LARGEST))
    }

    /// A draw given so many normal deviates whose squares have this sum.
    pub(crate) fn update(&mut self, count: f64, squares: f64, random: &mut impl Rng) {
        let known = self.median * self.median;
        self.mixing = inverse_gamma(1.0, self.variance.recip() + known.recip(), random);
        let rate = 0.5 * squares + self.mixing.recip();
        self.variance = inverse_gamma(0.5 * (count + 1.0), rate, random).clamp(SMALLEST, LARGEST);
    }
}

fn inverse_gamma(shape: f64, rate: f64, random: &mut impl Rng) -> f64 {
    // Shapes are at least a half and the scale is one, which are always in range.
    Gamma::new(shape, 1.0).map_or(rate, |gamma| rate / gamma.sample(random))
}
