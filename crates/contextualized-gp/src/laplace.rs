//! Laplace's approximation: Newton's iteration to the mode of the linear predictors, every step of
//! which is a weighted Gaussian solve with working responses.
//!
//! After Rasmussen and Williams, *Gaussian Processes for Machine Learning* (2006), algorithms 3.1
//! and 5.1, doi:10.7551/mitpress/3206.001.0001, for any family with a log-concave likelihood, with row
//! weights and offsets.

use crate::observations::Observations;
use contextualized_core::{Error, Family, Result};
use ndarray::{Array1, ArrayView1, Axis};

/// Targets of a family whose likelihood is not quadratic.
pub(crate) struct Outcomes<'a> {
    pub(crate) family: Family,
    pub(crate) targets: ArrayView1<'a, f64>,
    pub(crate) weights: Array1<f64>,
    pub(crate) offsets: Array1<f64>,
}

/// Normal responses whose likelihood has the value and the first two derivatives of the outcomes'
/// at some predictors.
pub(crate) struct Working {
    /// Less the offsets.
    pub(crate) responses: Array1<f64>,
    /// Minus the second derivatives.
    pub(crate) precisions: Array1<f64>,
    /// Third derivatives of the log-likelihood.
    pub(crate) thirds: Array1<f64>,
}

/// Parameters, and the linear predictors without offsets that follow from them linearly.
pub(crate) struct Position {
    pub(crate) coordinates: Array1<f64>,
    pub(crate) predictors: Array1<f64>,
}

/// Where Newton's iteration ended.
pub(crate) struct Mode {
    /// Log-likelihood less the penalty.
    pub(crate) objective: f64,
    pub(crate) log_likelihood: f64,
    pub(crate) predictors: Array1<f64>,
    pub(crate) working: Working,
    /// Largest change of a predictor in the last step.
    pub(crate) change: f64,
}

pub(crate) const MAX_ITERATIONS: usize = 100;
/// Largest change of a predictor in a last step, after which the error is its square.
const CHANGE: f64 = 1e-8;
/// The same of steps by expected second derivatives, after which it is a part of it.
const CHANGE_OF_SCORING: f64 = 1e-11;
/// A change below which steps that do not become shorter are rounding.
const SMALL_CHANGE: f64 = 1e-4;
/// Change of the objective that is rounding.
const ROUNDING: f64 = 1e-14;
/// What an objective may fall by in a step, relative to its size.
const FALL: f64 = 1e-10;
const SHORTEST_STEP: f64 = 1e-6;
/// A row whose outcome is certain to rounding says nothing of the curvature.
const LEAST_PRECISION: f64 = 1e-12;

impl<'a> Outcomes<'a> {
    /// The first target of the rows.
    pub(crate) fn of(family: Family, rows: Observations<'a>) -> Self {
        Self {
            family,
            targets: rows.targets.index_axis_move(Axis(1), 0),
            weights: rows.weights_or_ones(),
            offsets: rows.offsets_or_zeros(),
        }
    }

    /// At linear predictors without offsets.
    fn log_likelihood(&self, predictors: &Array1<f64>) -> f64 {
        (predictors.iter().zip(&self.offsets))
            .zip(self.targets.iter().zip(&self.weights))
            .map(|((predictor, offset), (&target, weight))| {
                let at = self.family.derivatives(target, predictor + offset);
                weight * at.log_likelihood
            })
            .sum()
    }

    /// At linear predictors without offsets.
    pub(crate) fn working(&self, predictors: &Array1<f64>) -> Working {
        let rows = predictors.len();
        let mut working = Working {
            responses: predictors.clone(),
            precisions: Array1::zeros(rows),
            thirds: Array1::zeros(rows),
        };
        for row in 0..rows {
            let predictor = predictors[row] + self.offsets[row];
            let at = self.family.derivatives(self.targets[row], predictor);
            let precision = (-at.second * self.weights[row]).max(LEAST_PRECISION);
            working.precisions[row] = precision;
            working.responses[row] += at.first * self.weights[row] / precision;
            working.thirds[row] = at.third * self.weights[row];
        }
        working
    }
}

/// Newton's iteration to the maximum of the log-likelihood less a quadratic penalty, halving steps
/// that lead downhill or to where the objective is not finite. `solve` has the maximum for working
/// responses.
pub(crate) fn newton(
    outcomes: &Outcomes<'_>,
    parameters: usize,
    max_iterations: usize,
    penalty: impl Fn(&Position) -> f64,
    solve: impl Fn(&Working) -> Result<Position>,
) -> Result<Mode> {
    let family = outcomes.family;
    let initial = outcomes.targets.mapv(|y| family.initial_predictor(y));
    let smallest = if family.is_log_concave() {
        CHANGE
    } else {
        CHANGE_OF_SCORING
    };
    let mut working = outcomes.working(&(initial - &outcomes.offsets));
    let mut position = Position {
        coordinates: Array1::zeros(parameters),
        predictors: Array1::zeros(outcomes.targets.len()),
    };
    let mut objective = f64::NEG_INFINITY;
    let mut change = f64::INFINITY;
    for _ in 0..max_iterations {
        let aim = solve(&working)?;
        let direction = Position {
            coordinates: aim.coordinates - &position.coordinates,
            predictors: aim.predictors - &position.predictors,
        };
        let least = objective - FALL * (1.0 + objective.abs());
        let mut step = 1.0;
        let (next, log_likelihood, value) = loop {
            let next = Position {
                coordinates: &position.coordinates + &(&direction.coordinates * step),
                predictors: &position.predictors + &(&direction.predictors * step),
            };
            let log_likelihood = outcomes.log_likelihood(&next.predictors);
            let value = log_likelihood - penalty(&next);
            if value.is_finite() && (value >= least || step < SHORTEST_STEP) {
                break (next, log_likelihood, value);
            }
            if step < SHORTEST_STEP {
                return Err(not_converged(f64::INFINITY, max_iterations));
            }
            step /= 2.0;
        };
        let largest = |values: &Array1<f64>| values.fold(0.0, |most: f64, v| most.max(v.abs()));
        let before = change;
        change = largest(&direction.predictors);
        // Near the mode each step is the square of the one before, until rounding is all there is.
        let rounding = change < SMALL_CHANGE && change > 0.5 * before;
        let settled = rounding
            || change <= smallest * (1.0 + largest(&next.predictors))
            || (family.is_log_concave()
                && (value - objective).abs() <= ROUNDING * (1.0 + value.abs()));
        (position, objective) = (next, value);
        working = outcomes.working(&position.predictors);
        if settled {
            return Ok(Mode {
                objective,
                log_likelihood,
                predictors: position.predictors,
                working,
                change,
            });
        }
    }
    Err(not_converged(change, max_iterations))
}

fn not_converged(value: f64, iterations: usize) -> Error {
    Error::NotConverged {
        algorithm: "Newton's iteration to the posterior mode",
        iterations,
        criterion: "largest change of a linear predictor",
        value,
        tolerance: CHANGE,
    }
}
