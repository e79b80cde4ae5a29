//! Shares that are measured, not counted: numbers between 0 and 1.

use super::averages::quantile;
use super::shape::{Fitted, Shape, root};
use super::{Derivatives, Outcome, PredictorBelief, RandomNumbers};
use crate::predictions::Tail;
use crate::{Family, Link};
use serde::{Deserialize, Serialize};
use statrs::function::beta::{beta_reg, ln_beta};
use statrs::function::gamma::digamma;

/// The beta distribution of mean μ and precision φ, the variance being μ (1 − μ) / (1 + φ); logit link.
///
/// The logit of the mean has the linear predictor, and φ is estimated by maximum likelihood (Ferrari and Cribari-Neto
/// 2004, doi:10.1080/0266476042000214501). The likelihood is not log-concave: in the place of second derivatives are
/// expected ones, as in Fisher's scoring, also where Laplace's approximation needs them (Hartmann and Vanhatalo
/// 2019, doi:10.1007/s11222-018-9836-0).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Beta {
    precision: Shape,
}

/// Precisions between which it is searched for.
const PRECISIONS: (f64, f64) = (1e-3, 1e8);
/// Distance from 0 and 1 up to which means and targets count as these.
const EDGE: f64 = 1e-12;

impl Beta {
    pub(super) const TO_BE_ESTIMATED: Self = Self {
        precision: Shape::TO_BE_ESTIMATED,
    };

    /// Both parameters of the distribution.
    fn parameters(&self, predictor: f64) -> (f64, f64) {
        let precision = self.precision.value();
        let (mean, other) = (
            Link::Logit.inverse(predictor),
            Link::Logit.inverse(-predictor),
        );
        (mean.max(EDGE) * precision, other.max(EDGE) * precision)
    }

    fn log_density(&self, target: f64, predictor: f64) -> f64 {
        let (a, b) = self.parameters(predictor);
        (a - 1.0) * target.ln() + (b - 1.0) * (-target).ln_1p() - ln_beta(a, b)
    }

    /// The predictor at which a target is most likely.
    fn most_likely(&self, target: f64) -> f64 {
        const STEPS: usize = 50;
        const LONGEST: f64 = 2.0;
        let mut predictor = Link::Logit.apply(target);
        for _ in 0..STEPS {
            let at = self.derivatives(target, predictor);
            let step = -at.first / at.second;
            if !step.is_finite() {
                break;
            }
            predictor += step.clamp(-LONGEST, LONGEST);
            if step.abs() < 1e-12 {
                break;
            }
        }
        predictor
    }

    fn quantile(&self, belief: &PredictorBelief, probability: f64) -> f64 {
        let precision = self.precision.value();
        let width = 2.0 / (1.0 + precision).sqrt();
        quantile(
            belief,
            width,
            (0.0, 1.0),
            probability,
            |share, predictor| {
                let (a, b) = self.parameters(predictor);
                beta_reg(a, b, share)
            },
        )
    }
}

impl Outcome for Beta {
    fn name(&self) -> &'static str {
        "beta"
    }

    fn description(&self) -> &'static str {
        "shares between 0 and 1, beta distribution, logit link"
    }

    fn qualifier(&self) -> Option<&'static str> {
        Some("beta")
    }

    fn link(&self) -> Link {
        Link::Logit
    }

    fn requirement(&self) -> &'static str {
        "a share above 0 and below 1"
    }

    fn admits(&self, target: f64) -> bool {
        target > 0.0 && target < 1.0
    }

    fn mean_range(&self) -> (f64, f64) {
        (0.0, 1.0)
    }

    fn derivatives(&self, target: f64, predictor: f64) -> Derivatives {
        let precision = self.precision.value();
        let (a, b) = self.parameters(predictor);
        let (mean, other) = (
            Link::Logit.inverse(predictor),
            Link::Logit.inverse(-predictor),
        );
        let slope = mean * other * precision;
        let score = Link::Logit.apply(target) - digamma(a) + digamma(b);
        let (of_mean, of_other) = (
            [polygamma::<1>(a), polygamma::<1>(b)],
            [polygamma::<2>(a), polygamma::<2>(b)],
        );
        let trigammas = of_mean[0] + of_mean[1];
        // The expected information, and its derivative by the predictor.
        let information = slope * slope * trigammas;
        let change = 2.0 * slope * slope * (other - mean) * trigammas
            + slope.powi(3) * (of_other[0] - of_other[1]);
        Derivatives {
            log_likelihood: self.log_density(target, predictor),
            first: slope * score,
            second: -information,
            third: -change,
        }
    }

    fn deviance(&self, target: f64, predictor: f64) -> f64 {
        let best = self.log_density(target, self.most_likely(target));
        (2.0 * (best - self.log_density(target, predictor))).max(0.0)
    }

    /// The log loss: smallest, on average, at the mean of any share.
    fn loss(&self, target: f64, mean: f64) -> f64 {
        super::binomial::Binomial.loss(target, mean)
    }

    fn loss_name(&self) -> &'static str {
        "log loss"
    }

    fn loss_description(&self) -> &'static str {
        "Loss is the log loss −y ln μ − (1 − y) ln(1 − μ), which is smallest at the mean of shares whatever their \
         dispersion."
    }

    fn coefficient_description(&self) -> &'static str {
        "Coefficients are changes of the logit of the mean share per unit of a feature."
    }

    fn ratio_name(&self) -> Option<&'static str> {
        Some("odds ratio")
    }

    fn initial_predictor(&self, target: f64) -> f64 {
        Link::Logit.apply(target)
    }

    fn variance(&self, mean: f64) -> f64 {
        mean * (1.0 - mean) / (1.0 + self.precision.value())
    }

    fn draw(&self, mean: f64, _: f64, random: &mut dyn RandomNumbers) -> f64 {
        let uniform = random.uniform();
        if !self.admits_mean(mean) {
            return f64::NAN;
        }
        let belief = PredictorBelief {
            mean: Link::Logit.apply(mean),
            standard_error: 0.0,
            dispersion: 1.0,
        };
        self.quantile(&belief, uniform).clamp(EDGE, 1.0 - EDGE)
    }

    fn cumulative(&self, target: f64, mean: f64) -> (f64, f64) {
        let (a, b) = self.parameters(Link::Logit.apply(mean));
        let probability = beta_reg(a, b, target);
        (probability, probability)
    }

    fn predictive_interval(&self, tail: &Tail, belief: &PredictorBelief) -> Option<(f64, f64)> {
        let upper = 1.0 - tail.probability;
        Some((
            self.quantile(belief, tail.probability),
            self.quantile(belief, upper),
        ))
    }

    fn is_log_concave(&self) -> bool {
        false
    }

    fn shape(&self) -> Option<Shape> {
        Some(self.precision)
    }

    fn shape_description(&self) -> (&'static str, &'static str) {
        ("precision φ", "the variance is μ (1 − μ) / (1 + φ)")
    }

    fn with_shape(&self, precision: Shape) -> Option<Family> {
        Some(Family::Beta(Self { precision }))
    }

    /// Of maximum likelihood.
    fn estimate_shape(&self, fitted: &Fitted<'_>) -> Option<f64> {
        Some(root(PRECISIONS, |precision| {
            fitted.mean(|target, predictor| {
                let mean = Link::Logit.inverse(predictor).clamp(EDGE, 1.0 - EDGE);
                let (a, b) = (mean * precision, (1.0 - mean) * precision);
                digamma(precision) - mean * digamma(a) - (1.0 - mean) * digamma(b)
                    + mean * target.ln()
                    + (1.0 - mean) * (-target).ln_1p()
            })
        }))
    }
}

/// The derivative of this order, 1 or 2, of the digamma function: by recurrence to where the asymptotic series
/// holds (Abramowitz and Stegun 1964, 6.4.6 and 6.4.11).
fn polygamma<const ORDER: i32>(x: f64) -> f64 {
    const FAR: f64 = 12.0;
    let (mut at, mut sum) = (x, 0.0);
    while at < FAR {
        sum += if ORDER == 1 {
            at.powi(-2)
        } else {
            -2.0 * at.powi(-3)
        };
        at += 1.0;
    }
    let r = at.recip();
    let r2 = r * r;
    let series = if ORDER == 1 {
        r + 0.5 * r2
            + r * r2
                * (1.0 / 6.0
                    + r2 * (-1.0 / 30.0
                        + r2 * (1.0 / 42.0 + r2 * (-1.0 / 30.0 + r2 * (5.0 / 66.0)))))
    } else {
        -r2 - r * r2
            - r2 * r2
                * (0.5 + r2 * (-1.0 / 6.0 + r2 * (1.0 / 6.0 + r2 * (-0.3 + r2 * (5.0 / 6.0)))))
    };
    sum + series
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn polygammas_are_those_of_tables() {
        let pi2 = std::f64::consts::PI.powi(2);
        assert_relative_eq!(polygamma::<1>(1.0), pi2 / 6.0, max_relative = 1e-13);
        assert_relative_eq!(polygamma::<1>(0.5), pi2 / 2.0, max_relative = 1e-13);
        // −2 ζ(3).
        let zeta = 1.202_056_903_159_594_2;
        assert_relative_eq!(polygamma::<2>(1.0), -2.0 * zeta, max_relative = 1e-13);
        assert_relative_eq!(polygamma::<2>(0.5), -14.0 * zeta, max_relative = 1e-13);
        for x in [0.3, 5.0, 11.9, 40.0] {
            let slope = (digamma(x + 1e-5) - digamma(x - 1e-5)) / 2e-5;
            assert_relative_eq!(polygamma::<1>(x), slope, max_relative = 1e-7);
        }
    }

    /// The mean of squared scores is the information, and its derivative the third.
    #[test]
    fn the_information_is_expected() {
        const POINTS: usize = 20_000;
        let family = Beta {
            precision: Shape::known(6.0).unwrap(),
        };
        for predictor in [-1.0, 0.4] {
            let (a, b) = family.parameters(predictor);
            let mean_square: f64 = (0..POINTS)
                .map(|point| {
                    let share = (point as f64 + 0.5) / POINTS as f64;
                    let density = ((a - 1.0) * share.ln() + (b - 1.0) * (-share).ln_1p()
                        - ln_beta(a, b))
                    .exp();
                    density * family.derivatives(share, predictor).first.powi(2) / POINTS as f64
                })
                .sum();
            let at = |predictor| family.derivatives(0.4, predictor);
            assert_relative_eq!(mean_square, -at(predictor).second, max_relative = 1e-5);
            let slope = (at(predictor + 1e-4).second - at(predictor - 1e-4).second) / 2e-4;
            assert_relative_eq!(slope, at(predictor).third, max_relative = 1e-6);
        }
    }
}
