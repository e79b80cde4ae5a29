//! Positive numbers whose standard deviation grows with their mean.

use super::averages::quantile;
use super::shape::{Fitted, Shape};
use super::{Derivatives, Outcome, PredictorBelief, RandomNumbers};
use crate::predictions::Tail;
use crate::{Family, Link};
use serde::{Deserialize, Serialize};
use statrs::function::gamma::{gamma_lr, ln_gamma};

/// The gamma distribution of mean μ and dispersion φ, the variance being φμ²; log link.
///
/// The logarithm of the mean has the linear predictor, and φ is estimated from Pearson's statistic (McCullagh and
/// Nelder 1989, doi:10.1007/978-1-4899-3242-6, chapter 8).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Gamma {
    dispersion: Shape,
}

impl Gamma {
    pub(super) const TO_BE_ESTIMATED: Self = Self {
        dispersion: Shape::TO_BE_ESTIMATED,
    };

    /// The shape of the distribution: 1 / φ.
    fn precision(&self) -> f64 {
        self.dispersion.value().recip()
    }
}

/// A quantile of the distribution of mean one, in logarithms, is no farther from zero than this.
const FARTHEST: f64 = 800.0;

impl Outcome for Gamma {
    fn name(&self) -> &'static str {
        "gamma"
    }

    fn description(&self) -> &'static str {
        "positive numbers, gamma distribution, log link"
    }

    fn qualifier(&self) -> Option<&'static str> {
        Some("gamma")
    }

    fn link(&self) -> Link {
        Link::Log
    }

    fn requirement(&self) -> &'static str {
        "a number above zero"
    }

    fn admits(&self, target: f64) -> bool {
        target.is_finite() && target >= f64::MIN_POSITIVE
    }

    fn mean_range(&self) -> (f64, f64) {
        (0.0, f64::INFINITY)
    }

    fn derivatives(&self, target: f64, predictor: f64) -> Derivatives {
        let precision = self.precision();
        let log_ratio = target.ln() - predictor;
        let ratio = Link::Log.inverse(log_ratio);
        let constant = precision * precision.ln() - ln_gamma(precision) - target.ln();
        Derivatives {
            log_likelihood: constant + precision * (log_ratio - ratio),
            first: precision * (ratio - 1.0),
            second: -precision * ratio,
            third: precision * ratio,
        }
    }

    fn information(&self, _: f64, _: f64) -> f64 {
        self.precision()
    }

    fn deviance(&self, target: f64, predictor: f64) -> f64 {
        let log_ratio = target.ln() - predictor;
        (2.0 * (Link::Log.inverse(log_ratio) - 1.0 - log_ratio)).max(0.0)
    }

    /// Of a mean of zero it is that of a small number above, and of one too large that of 10¹⁰⁰: large and finite.
    fn loss(&self, target: f64, mean: f64) -> f64 {
        self.deviance(target, mean.clamp(target * 1e-100, 1e100).ln())
    }

    fn loss_name(&self) -> &'static str {
        "mean gamma deviance"
    }

    fn loss_description(&self) -> &'static str {
        "Loss is the mean gamma deviance 2 [(y − μ) / μ − ln(y / μ)]: about the squared relative error."
    }

    fn coefficient_description(&self) -> &'static str {
        "Coefficients are logarithms of ratios of means per unit of a feature."
    }

    fn ratio_name(&self) -> Option<&'static str> {
        Some("ratio of means")
    }

    fn initial_predictor(&self, target: f64) -> f64 {
        target.ln()
    }

    fn variance(&self, mean: f64) -> f64 {
        self.dispersion.value() * mean * mean
    }

    fn draw(&self, mean: f64, _: f64, random: &mut dyn RandomNumbers) -> f64 {
        let uniform = random.uniform();
        if !self.admits_mean(mean) {
            return f64::NAN;
        }
        let belief = PredictorBelief {
            mean: mean.ln(),
            standard_error: 0.0,
            dispersion: 1.0,
        };
        self.quantile(&belief, uniform)
    }

    fn cumulative(&self, target: f64, mean: f64) -> (f64, f64) {
        let precision = self.precision();
        let probability = gamma_lr(precision, precision * target / mean);
        (probability, probability)
    }

    fn predictive_interval(&self, tail: &Tail, belief: &PredictorBelief) -> Option<(f64, f64)> {
        let upper = 1.0 - tail.probability;
        Some((
            self.quantile(belief, tail.probability),
            self.quantile(belief, upper),
        ))
    }

    fn shape(&self) -> Option<Shape> {
        Some(self.dispersion)
    }

    fn shape_description(&self) -> (&'static str, &'static str) {
        ("dispersion φ", "the variance is φ μ²")
    }

    fn with_shape(&self, dispersion: Shape) -> Option<Family> {
        Some(Family::Gamma(Self { dispersion }))
    }

    /// Pearson's statistic over the residual degrees of freedom.
    fn estimate_shape(&self, fitted: &Fitted<'_>) -> Option<f64> {
        let square = |target: f64, predictor: f64| {
            (Link::Log.inverse(target.ln() - predictor) - 1.0).powi(2)
        };
        Some(fitted.per_degree(square))
    }
}

impl Gamma {
    fn quantile(&self, belief: &PredictorBelief, probability: f64) -> f64 {
        let precision = self.precision();
        let reach = FARTHEST + 10.0 * belief.standard_error;
        let ends = (belief.mean - reach, belief.mean + reach);
        let log = quantile(
            belief,
            precision.sqrt().recip(),
            ends,
            probability,
            |log, predictor| gamma_lr(precision, precision * Link::Log.inverse(log - predictor)),
        );
        Link::Log.inverse(log)
    }
}
