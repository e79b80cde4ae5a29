//! Counts that vary more than Poisson's.

use super::counts::Count;
use super::shape::{Fitted, Shape, root};
use super::{Derivatives, Outcome, PredictorBelief, RandomNumbers};
use crate::link::softplus;
use crate::predictions::Tail;
use crate::{Family, Link};
use serde::{Deserialize, Serialize};
use statrs::function::gamma::{digamma, ln_gamma};

/// The negative binomial distribution of mean μ and size θ, the variance being μ + μ²/θ; log link.
///
/// Its logarithm of the mean has the linear predictor, and θ is estimated by maximum likelihood (Hilbe 2011,
/// doi:10.1017/CBO9780511973420).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NegativeBinomial {
    size: Shape,
}

impl NegativeBinomial {
    pub(super) const TO_BE_ESTIMATED: Self = Self {
        size: Shape::TO_BE_ESTIMATED,
    };
}

/// Sizes between which it is searched for: above, counts are as Poisson's.
const SIZES: (f64, f64) = (1e-4, 1e6);

impl Outcome for NegativeBinomial {
    fn name(&self) -> &'static str {
        "negative-binomial"
    }

    fn description(&self) -> &'static str {
        "counts that vary more than Poisson's, negative binomial distribution, log link"
    }

    fn qualifier(&self) -> Option<&'static str> {
        Some("negative binomial")
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
        let size = self.size.value();
        let odds = predictor - size.ln();
        // Shares of the mean and of the size in their sum.
        let (of_mean, of_size) = (Link::Logit.inverse(odds), Link::Logit.inverse(-odds));
        let total = target + size;
        let second = -total * of_mean * of_size;
        let constant = ln_gamma(total) - ln_gamma(size) - ln_gamma(target + 1.0);
        Derivatives {
            log_likelihood: constant - size * softplus(odds) - target * softplus(-odds),
            first: target * of_size - size * of_mean,
            second,
            third: second * (of_size - of_mean),
        }
    }

    /// The expected one, as R's `glm.nb` has it.
    fn information(&self, _: f64, predictor: f64) -> f64 {
        let size = self.size.value();
        size * Link::Logit.inverse(predictor - size.ln())
    }

    fn deviance(&self, target: f64, predictor: f64) -> f64 {
        let size = self.size.value();
        let mean = Link::Log.inverse(predictor);
        let ratio = if target > 0.0 {
            target * (target.ln() - predictor)
        } else {
            0.0
        };
        let sizes = (target + size) * ((target - mean) / (mean + size)).ln_1p();
        (2.0 * (ratio - sizes)).max(0.0)
    }

    /// Poisson's deviance: smallest, on average, at the mean of any distribution of counts, whatever its size is.
    fn loss(&self, target: f64, mean: f64) -> f64 {
        super::poisson::Poisson.loss(target, mean)
    }

    fn loss_name(&self) -> &'static str {
        "mean Poisson deviance"
    }

    fn loss_description(&self) -> &'static str {
        "Loss is the mean Poisson deviance 2 [y ln(y / μ) − (y − μ)], which is smallest at the mean of counts \
         whatever their dispersion: above 1 where they vary more than Poisson counts."
    }

    fn coefficient_description(&self) -> &'static str {
        "Coefficients are logarithms of rate ratios per unit of a feature."
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
        mean + mean * mean / self.size.value()
    }

    fn is_discrete(&self) -> bool {
        true
    }

    fn draw(&self, mean: f64, _: f64, random: &mut dyn RandomNumbers) -> f64 {
        let uniform = random.uniform();
        if self.admits_mean(mean) {
            Count::of_rate(mean, self.size.value()).quantile(uniform)
        } else {
            f64::NAN
        }
    }

    fn cumulative(&self, target: f64, mean: f64) -> (f64, f64) {
        Count::of_rate(mean, self.size.value()).below_and_up_to(target)
    }

    fn predictive_interval(&self, tail: &Tail, belief: &PredictorBelief) -> Option<(f64, f64)> {
        let count = Count {
            mean: belief.mean,
            deviation: belief.standard_error,
            size: self.size.value(),
        };
        let upper = 1.0 - tail.probability;
        Some((count.quantile(tail.probability), count.quantile(upper)))
    }

    fn shape(&self) -> Option<Shape> {
        Some(self.size)
    }

    fn shape_description(&self) -> (&'static str, &'static str) {
        ("size θ", "the variance is μ + μ²/θ")
    }

    fn with_shape(&self, size: Shape) -> Option<Family> {
        Some(Family::NegativeBinomial(Self { size }))
    }

    /// Of maximum likelihood.
    fn estimate_shape(&self, fitted: &Fitted<'_>) -> Option<f64> {
        Some(root(SIZES, |size| {
            fitted.mean(|target, predictor| {
                let mean = Link::Log.inverse(predictor);
                let excess = (target - mean) / (mean + size);
                rise(target, size) - (mean / size).ln_1p() - excess
            })
        }))
    }
}

/// ψ(y + θ) − ψ(θ), ψ the derivative of ln Γ.
fn rise(count: f64, size: f64) -> f64 {
    const FEW: f64 = 50.0;
    if count < FEW {
        (0..count as u32)
            .map(|j| (size + f64::from(j)).recip())
            .sum()
    } else {
        digamma(count + size) - digamma(size)
    }
}
