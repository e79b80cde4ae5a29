//! Logistic regression by iteratively reweighted least squares.

use crate::design::Design;
use contextualized_core::{Error, Link, Result};
use contextualized_solvers as solvers;
use ndarray::{Array1, Array2, ArrayView1, Axis};

/// Iterations before giving up. Newton's method needs about ten; a separated target moves on
/// for ever.
const ITERATIONS: usize = 100;

/// Converged when no linear predictor moves by more than this, relative to the largest.
const TOLERANCE: f64 = 1e-10;

/// The maximum-likelihood fit of one binary target.
pub(crate) struct LogisticFit {
    pub(crate) coefficients: Array1<f64>,
    /// Inverse of the information matrix, for an unpenalised fit.
    pub(crate) covariance: Option<Array2<f64>>,
    /// −2 log-likelihood, plus the penalty.
    pub(crate) objective: f64,
    pub(crate) iterations: usize,
}

/// Minimises `−2 Σ w [y η − ln(1 + e^η)] + Σ_j penalty_j β_j²` by Newton's method with step halving:
/// each step is a weighted least-squares fit of the working response
/// (Green 1984, doi:10.1111/j.2517-6161.1984.tb01288.x).
pub(crate) fn fit(
    design: &Design,
    target: ArrayView1<'_, f64>,
    target_name: &str,
    weights: ArrayView1<'_, f64>,
    penalties: Option<ArrayView1<'_, f64>>,
) -> Result<LogisticFit> {
    let separated = || Error::Separated {
        target: target_name.to_owned(),
    };
    let x = &design.matrix;
    let objective = |coefficients: &Array1<f64>, predictor: &Array1<f64>| {
        let deviance: f64 = predictor
            .iter()
            .zip(&target)
            .zip(weights)
            .map(|((&eta, &y), &w)| {
                if w > 0.0 {
                    2.0 * w * (softplus(eta) - y * eta)
                } else {
                    0.0
                }
            })
            .sum();
        let penalty: f64 = penalties
            .iter()
            .flat_map(|penalties| penalties.iter().zip(coefficients))
            .map(|(penalty, coefficient)| penalty * coefficient * coefficient)
            .sum();
        deviance + penalty
    };
    let mut coefficients = Array1::zeros(design.coefficients());
    let mut predictor = Array1::zeros(x.nrows());
    let mut value = objective(&coefficients, &predictor);
    let mut movement = f64::INFINITY;
    for iteration in 1..=ITERATIONS {
        let means = predictor.mapv(|eta| Link::Logit.inverse(eta));
        let working_weights = working_weights(&predictor, weights);
        let working_response = Array1::from_shape_fn(x.nrows(), |row| {
            let variance = working_weights[row] / weights[row];
            match variance > 0.0 {
                true => predictor[row] + (target[row] - means[row]) / variance,
                false => predictor[row],
            }
        })
        .insert_axis(Axis(1));
        let solution = match penalties {
            None => solvers::least_squares(
                x.view(),
                working_response.view(),
                Some(working_weights.view()),
            )
            .and_then(|fit| fit.full_rank())
            .map(|fit| fit.into_solution()),
            Some(penalties) => solvers::ridge(
                x.view(),
                working_response.view(),
                Some(working_weights.view()),
                penalties,
            ),
        };
        let solution = match solution {
            Ok(solution) => solution.remove_axis(Axis(1)),
            // The design had full rank with all weights; probabilities that reached 0 and 1 took it.
            Err(solvers::Error::RankDeficient { .. } | solvers::Error::NoPositiveWeight { .. })
                if iteration > 1 =>
            {
                return Err(separated());
            }
            Err(error) => return Err(design.name_columns(error)),
        };
        let direction = &solution - &coefficients;
        let shift = x.dot(&direction);
        let mut step = 1.0;
        loop {
            let moved = &coefficients + &(&direction * step);
            let moved_predictor = &predictor + &(&shift * step);
            let moved_value = objective(&moved, &moved_predictor);
            // Close to the minimum the objective is flat to rounding; a full Newton step is safe.
            if moved_value <= value + 1e-12 * value.abs() || step < 1e-6 {
                (coefficients, predictor, value) = (moved, moved_predictor, moved_value);
                break;
            }
            step /= 2.0;
        }
        let scale = 1.0
            + predictor
                .iter()
                .fold(0.0_f64, |largest, eta| largest.max(eta.abs()));
        movement = shift
            .iter()
            .fold(0.0_f64, |largest, s| largest.max((s * step).abs()))
            / scale;
        if movement <= TOLERANCE {
            let covariance = match penalties {
                Some(_) => None,
                None => Some(information_inverse(design, &predictor, weights)?),
            };
            return Ok(LogisticFit {
                coefficients,
                covariance,
                objective: value,
                iterations: iteration,
            });
        }
        if penalties.is_none() && separates(&shift, target, weights) {
            return Err(separated());
        }
    }
    Err(Error::NotConverged {
        algorithm: "iteratively reweighted least squares",
        iterations: ITERATIONS,
        criterion: "the relative change of the linear predictor",
        value: movement,
        tolerance: TOLERANCE,
    })
}

/// ln(1 + e^η) without overflow.
fn softplus(eta: f64) -> f64 {
    eta.max(0.0) + (-eta.abs()).exp().ln_1p()
}

fn working_weights(predictor: &Array1<f64>, weights: ArrayView1<'_, f64>) -> Array1<f64> {
    let variance = |eta: f64| Link::Logit.inverse(eta) * Link::Logit.inverse(-eta);
    predictor.mapv(variance) * weights
}

/// A direction along which no row's likelihood falls and some rise without end: the definition of
/// (quasi-complete) separation (Albert and Anderson 1984, doi:10.1093/biomet/71.1.1).
///
/// A Newton step from a fit that has a maximum does not point this way in its last digits: there
/// some row always pays.
fn separates(
    shift: &Array1<f64>,
    target: ArrayView1<'_, f64>,
    weights: ArrayView1<'_, f64>,
) -> bool {
    let largest = shift
        .iter()
        .fold(0.0_f64, |largest, s| largest.max(s.abs()));
    let gain = |(s, y): (&f64, &f64)| if *y == 1.0 { *s } else { -s };
    largest > 0.0
        && shift
            .iter()
            .zip(&target)
            .zip(weights)
            .filter(|(_, weight)| **weight > 0.0)
            .all(|(row, _)| gain(row) >= -1e-9 * largest)
}

fn information_inverse(
    design: &Design,
    predictor: &Array1<f64>,
    weights: ArrayView1<'_, f64>,
) -> Result<Array2<f64>> {
    let zeros = Array2::zeros((predictor.len(), 1));
    let working = working_weights(predictor, weights);
    solvers::least_squares(design.matrix.view(), zeros.view(), Some(working.view()))
        .and_then(|fit| fit.unscaled_covariance())
        .map_err(|error| design.name_columns(error))
}
