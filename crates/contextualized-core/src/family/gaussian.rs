//! Real numbers with normal errors.

use super::{Derivatives, Outcome, PredictorBelief, RandomNumbers};
use crate::Link;
use crate::predictions::Tail;
use statrs::distribution::{ContinuousCDF, Normal};

pub(super) struct Gaussian;

impl Outcome for Gaussian {
    fn name(&self) -> &'static str {
        "gaussian"
    }

    fn description(&self) -> &'static str {
        "real-valued, normal errors, identity link"
    }

    fn qualifier(&self) -> Option<&'static str> {
        None
    }

    fn link(&self) -> Link {
        Link::Identity
    }

    fn requirement(&self) -> &'static str {
        "a finite number"
    }

    fn admits(&self, target: f64) -> bool {
        target.is_finite()
    }

    fn derivatives(&self, target: f64, predictor: f64) -> Derivatives {
        let residual = target - predictor;
        Derivatives {
            log_likelihood: -0.5 * (residual * residual + std::f64::consts::TAU.ln()),
            first: residual,
            second: -1.0,
            third: 0.0,
        }
    }

    fn log_density(&self, target: f64, predictor: f64, dispersion: f64) -> f64 {
        let square = (target - predictor).powi(2) / dispersion;
        -0.5 * (square + (std::f64::consts::TAU * dispersion).ln())
    }

    fn deviance(&self, target: f64, predictor: f64) -> f64 {
        (target - predictor).powi(2)
    }

    fn loss(&self, target: f64, mean: f64) -> f64 {
        (target - mean).powi(2)
    }

    fn loss_name(&self) -> &'static str {
        "mean squared error"
    }

    fn relative_loss_name(&self) -> &'static str {
        "mean squared error, in units of each target's variance,"
    }

    fn loss_description(&self) -> &'static str {
        "Loss is the mean squared error, in squared units of the target. R² is the share of variance \
         among test rows that predictions explain; it can be below zero."
    }

    fn coefficient_description(&self) -> &'static str {
        "Coefficients are changes of the outcome per unit of a feature."
    }

    fn variance(&self, _: f64) -> f64 {
        1.0
    }

    fn draw(&self, mean: f64, dispersion: f64, random: &mut dyn RandomNumbers) -> f64 {
        // The root of a negative dispersion is NaN.
        mean + dispersion.sqrt() * random.standard_normal()
    }

    fn cumulative(&self, target: f64, mean: f64) -> (f64, f64) {
        let probability = Normal::standard().cdf(target - mean);
        (probability, probability)
    }

    fn has_dispersion(&self) -> bool {
        true
    }

    fn is_quadratic(&self) -> bool {
        true
    }

    fn predictive_interval(&self, tail: &Tail, belief: &PredictorBelief) -> Option<(f64, f64)> {
        let variance = belief.standard_error.powi(2) + belief.dispersion;
        let half = tail.quantile * variance.sqrt();
        Some((belief.mean - half, belief.mean + half))
    }
}
