//! The line of outcomes on predictions.

use super::{Measured, PredictedRows, known};
use contextualized_core::{Error, Family, Result};
use ndarray::Array1;

/// Outcomes regressed on predictions on the link scale: intercept 0 and slope 1 where predictions are
/// right.
///
/// A slope below one says that predictions are too extreme, above one that they are not extreme
/// enough. Standard errors are those of the sandwich, which hold whatever the variances of outcomes.
/// Cox (1958), doi:10.1093/biomet/45.3-4.562.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    /// a of ℓ(E y) = a + b ℓ(ŷ), ℓ being the link.
    pub intercept: Measured,
    /// b.
    pub slope: Measured,
}

const ITERATIONS: usize = 100;
/// Of the last step: Newton's method doubles the digits, so what it leaves is rounding error.
const TOLERANCE: f64 = 1e-9;
/// Differences of losses that are rounding error, in shares of their size.
const ROUNDING: f64 = 1e-13;

/// The calibration line, unless predictions are all the same, or the predictions separate outcomes, as
/// zeros from ones, so that no slope is steep enough.
///
/// Means at an end of their range, such as probabilities of 0 and 1, have the farthest predictor of the
/// link.
pub(super) fn recalibration(rows: &PredictedRows, family: Family) -> Result<Option<Calibration>> {
    let farthest = family.link().farthest();
    let predictors = rows.predictions.mapv(|prediction| {
        let predictor = family.link().apply(prediction);
        if predictor.is_finite() {
            predictor
        } else {
            predictor.clamp(-farthest, farthest)
        }
    });
    let total = rows.weights.sum();
    let center = rows.weights.dot(&predictors) / total;
    let deviations = &predictors - center;
    let scale = (rows.weights.dot(&deviations.mapv(|d| d * d)) / total).sqrt();
    let first = predictors[0];
    let same = predictors.iter().all(|value| *value == first);
    if same || scale == 0.0 || separated(rows, &predictors, family) {
        return Ok(None);
    }
    let standardized = deviations / scale;
    let line = Line {
        family,
        rows,
        predictors: &standardized,
    };
    let [intercept, slope] = line.fit()?;
    let covariance = line.covariance([intercept, slope]);
    // Back from (η − center) / scale: b = slope / scale, a = intercept − b center.
    let ratio = center / scale;
    let [[of_intercept, both], [_, of_slope]] = covariance;
    let variance = of_intercept - 2.0 * ratio * both + ratio * ratio * of_slope;
    Ok(Some(Calibration {
        intercept: Measured {
            value: intercept - ratio * slope,
            standard_error: known(variance.sqrt()),
        },
        slope: Measured {
            value: slope / scale,
            standard_error: known(of_slope.sqrt() / scale),
        },
    }))
}

/// Whether some threshold has all outcomes whose likelihood rises with the predictor on one side and all
/// those whose likelihood falls on the other, those that have a maximum on it: then, and only then, the
/// likelihood of the line has no maximum.
fn separated(rows: &PredictedRows, predictors: &Array1<f64>, family: Family) -> bool {
    let range = |direction: f64| {
        let pairs = predictors.iter().zip(&rows.outcomes);
        let own = pairs.filter(|(_, y)| family.unbounded_direction(**y) == direction);
        own.fold(
            (f64::INFINITY, f64::NEG_INFINITY),
            |(low, high), (value, _)| (low.min(*value), high.max(*value)),
        )
    };
    let (falling, bounded, rising) = (range(-1.0), range(0.0), range(1.0));
    let apart =
        |below: (f64, f64), above: (f64, f64)| below.1.max(bounded.1) <= above.0.min(bounded.0);
    apart(falling, rising) || apart(rising, falling)
}

/// The regression of outcomes on one standardised predictor.
struct Line<'a> {
    family: Family,
    rows: &'a PredictedRows,
    predictors: &'a Array1<f64>,
}

type Symmetric = [[f64; 2]; 2];

impl Line<'_> {
    /// Newton's method, with steps halved until the loss falls.
    fn fit(&self) -> Result<[f64; 2]> {
        let total = self.rows.weights.sum();
        let start = self.sum([0.0, 0.0], |weight, _, outcome, _| {
            weight * self.family.initial_predictor(outcome)
        });
        let mut at = [start / total, 0.0];
        let mut loss = self.loss(at);
        let mut largest = f64::INFINITY;
        for _ in 0..ITERATIONS {
            let (gradient, information) = self.derivatives(at);
            let step = times(inverse(information), gradient);
            largest = step[0].abs().max(step[1].abs());
            if largest <= TOLERANCE * (1.0 + at[0].abs().max(at[1].abs())) {
                return Ok([at[0] + step[0], at[1] + step[1]]);
            }
            let mut share = 1.0;
            loop {
                let next = [at[0] + share * step[0], at[1] + share * step[1]];
                let next_loss = self.loss(next);
                if next_loss <= loss + ROUNDING * (total + loss) || share < 1e-10 {
                    (at, loss) = (next, next_loss);
                    break;
                }
                share /= 2.0;
            }
        }
        Err(Error::NotConverged {
            algorithm: "recalibration",
            iterations: ITERATIONS,
            criterion: "the step",
            value: largest,
            tolerance: TOLERANCE,
        })
    }

    /// Sum over rows of weights, predictors, outcomes and linear predictors.
    fn sum(&self, at: [f64; 2], of: impl Fn(f64, f64, f64, f64) -> f64) -> f64 {
        (0..self.predictors.len())
            .map(|row| {
                let z = self.predictors[row];
                let (weight, outcome) = (self.rows.weights[row], self.rows.outcomes[row]);
                of(weight, z, outcome, at[0] + at[1] * z)
            })
            .sum()
    }

    /// Half the deviance: minus the log-likelihood but for a constant.
    fn loss(&self, at: [f64; 2]) -> f64 {
        self.sum(at, |weight, _, outcome, predictor| {
            weight * self.family.deviance(outcome, predictor) / 2.0
        })
    }

    /// Minus the gradient of the loss, and its second derivatives.
    fn derivatives(&self, at: [f64; 2]) -> ([f64; 2], Symmetric) {
        let gradient = [0, 1].map(|power| {
            self.sum(at, |weight, z, outcome, predictor| {
                weight * z.powi(power) * self.family.derivatives(outcome, predictor).first
            })
        });
        let information = symmetric(|power| {
            self.sum(at, |weight, z, outcome, predictor| {
                -weight * z.powi(power) * self.family.derivatives(outcome, predictor).second
            })
        });
        (gradient, information)
    }

    /// H⁻¹ (Σ w² r² z zᵀ) H⁻¹ · n / (n − 2); infinite for two rows.
    fn covariance(&self, at: [f64; 2]) -> Symmetric {
        let inverse = inverse(self.derivatives(at).1);
        let meat = symmetric(|power| {
            self.sum(at, |weight, z, outcome, predictor| {
                let score = self.family.derivatives(outcome, predictor).first;
                (weight * score).powi(2) * z.powi(power)
            })
        });
        let count = self.predictors.len() as f64;
        let factor = count / (count - 2.0);
        let columns = inverse.map(|row| times(meat, row));
        columns.map(|column| times(inverse, column).map(|value| factor * value))
    }
}

/// [[m₀, m₁], [m₁, m₂]] of moments.
fn symmetric(moment: impl Fn(i32) -> f64) -> Symmetric {
    let both = moment(1);
    [[moment(0), both], [both, moment(2)]]
}

fn inverse([[a, b], [_, d]]: Symmetric) -> Symmetric {
    let determinant = a * d - b * b;
    [
        [d / determinant, -b / determinant],
        [-b / determinant, a / determinant],
    ]
}

fn times(matrix: Symmetric, [first, second]: [f64; 2]) -> [f64; 2] {
    matrix.map(|[left, right]| left * first + right * second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Drawn;
    use approx::assert_relative_eq;
    use ndarray::array;
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn a_line_by_hand() {
        let rows =
            PredictedRows::unweighted(array![1.0, 3.0, 5.0, 7.0], array![10.0, 11.0, 12.0, 13.0]);
        let line = recalibration(&rows, Family::Gaussian).unwrap().unwrap();
        assert_relative_eq!(line.slope.value, 2.0, max_relative = 1e-12);
        assert_relative_eq!(line.intercept.value, -19.0, max_relative = 1e-12);
        assert!(line.slope.standard_error.unwrap() < 1e-12);
    }

    #[test]
    fn two_groups_of_probabilities_have_their_own_logits() {
        // Said 0.2 and 0.5, found 1/4 and 3/4.
        let outcomes = array![1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0];
        let said = array![0.2, 0.2, 0.2, 0.2, 0.5, 0.5, 0.5, 0.5];
        let line = recalibration(&PredictedRows::unweighted(outcomes, said), Family::Binomial)
            .unwrap()
            .unwrap();
        assert_relative_eq!(line.intercept.value, 3.0_f64.ln(), max_relative = 1e-9);
        let slope = 2.0 * 3.0_f64.ln() / 4.0_f64.ln();
        assert_relative_eq!(line.slope.value, slope, max_relative = 1e-9);
    }

    #[test]
    fn lines_that_are_not_determined_are_none() {
        let none = |outcomes: Array1<f64>, predictions: Array1<f64>, family| {
            let line =
                recalibration(&PredictedRows::unweighted(outcomes, predictions), family).unwrap();
            assert_eq!(line, None);
        };
        none(array![1.0], array![2.0], Family::Gaussian);
        none(array![1.0, 2.0], array![2.0, 2.0], Family::Gaussian);
        none(
            array![0.0, 1.0, 1.0],
            array![0.3, 0.3, 0.6],
            Family::Binomial,
        );
        none(
            array![1.0, 0.0, 0.0],
            array![0.3, 0.4, 0.6],
            Family::Binomial,
        );
        none(array![1.0, 1.0], array![0.3, 0.6], Family::Binomial);
        let exact = PredictedRows::unweighted(array![1.0, 2.0], array![0.0, 4.0]);
        let line = recalibration(&exact, Family::Gaussian).unwrap().unwrap();
        assert_eq!(line.slope.standard_error, None);
    }

    /// Certain and wrong, certain and right: finite all the same.
    #[test]
    fn probabilities_of_zero_and_one_are_finite() {
        let rows = PredictedRows::unweighted(
            array![0.0, 1.0, 0.0, 1.0, 1.0, 0.0],
            array![0.0, 0.0, 1.0, 1.0, 0.7, 0.6],
        );
        let line = recalibration(&rows, Family::Binomial).unwrap().unwrap();
        assert!(line.slope.value.is_finite() && line.intercept.value.is_finite());
    }

    /// Over data sets whose predictions are right, intervals of ± 1.96 standard errors hold 0 and 1.
    #[test]
    fn standard_errors_are_calibrated() {
        let mut generator = ChaCha8Rng::seed_from_u64(3);
        for family in Family::ALL {
            let mut held = [0.0; 2];
            for _ in 0..400 {
                let predictions =
                    Array1::from_shape_simple_fn(200, || generator.gen_range(0.1..0.9));
                let outcomes = predictions.mapv(|p| {
                    if family.is_quadratic() {
                        // Errors that grow with the prediction.
                        p + p * generator.gen_range(-1.0..1.0)
                    } else {
                        family.draw(p, 1.0, &mut Drawn(&mut generator))
                    }
                });
                let line = recalibration(&PredictedRows::unweighted(outcomes, predictions), family)
                    .unwrap()
                    .unwrap();
                for (held, (truth, found)) in held
                    .iter_mut()
                    .zip([(0.0, line.intercept), (1.0, line.slope)])
                {
                    let margin = 1.96 * found.standard_error.unwrap();
                    *held += f64::from(u8::from((found.value - truth).abs() <= margin)) / 400.0;
                }
            }
            assert!(
                held.iter().all(|share| (0.92..0.98).contains(share)),
                "{held:?}"
            );
        }
    }

    proptest! {
        /// At the maximum residuals are orthogonal to the constant and to the predictor.
        #[test]
        fn the_gradient_vanishes(
            data in prop::collection::vec((0.01..0.99_f64, prop::bool::ANY, 0.5..2.0_f64), 10..60),
        ) {
            let rows = PredictedRows {
                outcomes: data.iter().map(|row| f64::from(u8::from(row.1))).collect(),
                predictions: data.iter().map(|row| row.0).collect(),
                weights: data.iter().map(|row| row.2).collect(),
            };
            for family in [Family::Binomial, Family::Gaussian] {
                let link = family.link();
                let Some(line) = recalibration(&rows, family).unwrap() else {
                    continue;
                };
                let (mut zeroth, mut first) = (0.0, 0.0);
                for row in 0..data.len() {
                    let predictor = link.apply(rows.predictions[row]);
                    let fitted = line.intercept.value + line.slope.value * predictor;
                    let residual = rows.weights[row] * (rows.outcomes[row] - link.inverse(fitted));
                    zeroth += residual;
                    first += residual * predictor;
                }
                prop_assert!(zeroth.abs() < 1e-6 && first.abs() < 1e-6, "{} {}", zeroth, first);
            }
        }
    }
}
