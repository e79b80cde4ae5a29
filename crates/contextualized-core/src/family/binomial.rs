//! Outcomes that happen or do not: 0 or 1, or the share of trials in which they did.
//!
//! A share has the number of trials as its weight: its likelihood is then that of the trials one by one.

use super::{Derivatives, Outcome, PredictorBelief, RandomNumbers, Tail};
use crate::Link;
use crate::link::softplus;

pub(super) struct Binomial;

impl Outcome for Binomial {
    fn name(&self) -> &'static str {
        "binomial"
    }

    fn description(&self) -> &'static str {
        "binary, logit link"
    }

    fn qualifier(&self) -> Option<&'static str> {
        Some("logistic")
    }

    fn link(&self) -> Link {
        Link::Logit
    }

    fn requirement(&self) -> &'static str {
        "0 or 1, or a share of trials"
    }

    fn admits(&self, target: f64) -> bool {
        (0.0..=1.0).contains(&target)
    }

    fn admits_single(&self, target: f64) -> bool {
        target == 0.0 || target == 1.0
    }

    fn derivatives(&self, target: f64, predictor: f64) -> Derivatives {
        let probability = Link::Logit.inverse(predictor);
        let other = Link::Logit.inverse(-predictor);
        let variance = probability * other;
        Derivatives {
            log_likelihood: -cross_entropy(target, predictor),
            // Without cancellation where the outcome is all but certain.
            first: target * other - (1.0 - target) * probability,
            second: -variance,
            third: -variance * (other - probability),
        }
    }

    fn deviance(&self, target: f64, predictor: f64) -> f64 {
        let least = if target > 0.0 && target < 1.0 {
            -target * target.ln() - (1.0 - target) * (-target).ln_1p()
        } else {
            0.0
        };
        (2.0 * (cross_entropy(target, predictor) - least)).max(0.0)
    }

    /// Of a probability below ½ ε = 1.1e-16 given to what happened it is that of ½ ε: large and
    /// finite.
    fn loss(&self, target: f64, mean: f64) -> f64 {
        let surprise = |share: f64, probability: f64| {
            if share > 0.0 {
                -share * probability.max(f64::EPSILON / 2.0).ln()
            } else {
                0.0
            }
        };
        surprise(target, mean) + surprise(1.0 - target, 1.0 - mean)
    }

    fn loss_name(&self) -> &'static str {
        "log loss"
    }

    fn loss_description(&self) -> &'static str {
        "Loss is the log loss −y ln p − (1 − y) ln(1 − p): 0.693 is that of always predicting one \
         half. The Brier score is the mean squared error of probabilities."
    }

    fn coefficient_description(&self) -> &'static str {
        "Coefficients are log-odds ratios per unit of a feature."
    }

    fn ratio_name(&self) -> Option<&'static str> {
        Some("odds ratio")
    }

    /// Of a dispersion of 1 / n the share of n trials.
    fn draw(&self, mean: f64, dispersion: f64, random: &mut dyn RandomNumbers) -> f64 {
        const MOST: f64 = 1e9;
        let trials = dispersion.recip().round().max(1.0);
        if !self.admits_mean(mean) || trials > MOST {
            return f64::NAN;
        }
        let successes = (0..trials as u64).filter(|_| random.uniform() < mean);
        successes.count() as f64 / trials
    }

    /// Of a new outcome of 0 or 1 it would be both, or one of them.
    fn predictive_interval(&self, _: &Tail, _: &PredictorBelief) -> Option<(f64, f64)> {
        None
    }

    /// Of a single outcome.
    fn cumulative(&self, target: f64, mean: f64) -> (f64, f64) {
        if target < 0.5 {
            (0.0, 1.0 - mean)
        } else {
            (1.0 - mean, 1.0)
        }
    }

    fn has_outcome_intervals(&self) -> bool {
        false
    }

    fn variance(&self, mean: f64) -> f64 {
        mean * (1.0 - mean)
    }

    fn is_discrete(&self) -> bool {
        true
    }

    fn unbounded_direction(&self, target: f64) -> f64 {
        if target == 0.0 {
            -1.0
        } else {
            f64::from(target == 1.0)
        }
    }

    fn mean_range(&self) -> (f64, f64) {
        (0.0, 1.0)
    }

    fn is_binary(&self) -> bool {
        true
    }
}

/// −y ln p − (1 − y) ln(1 − p) at a linear predictor.
fn cross_entropy(target: f64, predictor: f64) -> f64 {
    if target == 0.0 {
        softplus(predictor)
    } else if target == 1.0 {
        softplus(-predictor)
    } else {
        target * softplus(-predictor) + (1.0 - target) * softplus(predictor)
    }
}
