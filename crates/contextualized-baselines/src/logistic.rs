//! Logistic regression by iteratively reweighted least squares.

use crate::design::Design;
use crate::population::Covariance;
use crate::separation::is_separated;
use contextualized_core::{Error, Link, Result};
use contextualized_solvers as solvers;
use ndarray::{Array1, Array2, ArrayView1, Axis, Zip};

/// Iterations before giving up. Newton's method needs about ten, and about five more for every
/// power of ten by which one row lies farther out than the others.
const ITERATIONS: usize = 100;

/// Iterations after which to ask whether the target is separated and would move on for ever.
const PATIENCE: usize = 25;

/// Converged when no row's linear predictor moves by more than this, relative to its size.
const TOLERANCE: f64 = 1e-10;

/// Differences up to this multiple of the terms of a row's linear predictor may be rounding.
const ROUNDING: f64 = 1e-13;

/// The maximum-likelihood fit of one binary target, in the users' units.
pub(crate) struct LogisticFit {
    pub(crate) slopes: Array1<f64>,
    pub(crate) offset: f64,
    /// Standard errors from the inverse of the information matrix, the intercept first if there is
    /// one, and that inverse; none of a penalised fit.
    pub(crate) errors: Option<(Array1<f64>, Covariance)>,
    /// −2 log-likelihood, plus the penalty.
    pub(crate) objective: f64,
    pub(crate) iterations: usize,
}

/// Minimises `−2 Σ w [y η − ln(1 + e^η)] + λ Σ_j β_j²`, with β_j the slopes of features in units of
/// the design, by Newton's method with step halving: each step is a weighted least-squares fit of
/// the working response (Green 1984, doi:10.1111/j.2517-6161.1984.tb01288.x). Every weight is above
/// zero.
///
/// Each step standardises features by its own weights. Once the probability of a row far out is
/// certain its weight vanishes, and the others are told apart as if it were not there.
pub(crate) fn fit(
    design: &Design<'_>,
    target: ArrayView1<'_, f64>,
    target_name: &str,
    weights: ArrayView1<'_, f64>,
    ridge: f64,
) -> Result<LogisticFit> {
    // The sign that each row's linear predictor should have.
    let sides = target.mapv(|y| 2.0 * y - 1.0);
    let objective = |slopes: &Array1<f64>, predictor: &Array1<f64>| {
        let deviance: f64 = Zip::from(predictor)
            .and(&sides)
            .and(&weights)
            .fold(0.0, |sum, &eta, &side, &w| {
                sum + 2.0 * w * softplus(-side * eta)
            });
        deviance + ridge * slopes.dot(slopes)
    };
    let require_overlap = || {
        let separated = ridge == 0.0
            && is_separated(&design.matrix, &sides).map_err(|error| design.name_columns(error))?;
        if separated {
            Err(Error::Separated {
                target: target_name.to_owned(),
            })
        } else {
            Ok(())
        }
    };
    let mut slopes = Array1::zeros(design.scales().len());
    let mut predictor = Array1::zeros(target.len());
    let mut value = objective(&slopes, &predictor);
    let mut movement = f64::INFINITY;
    let mut iterations = 0;
    for iteration in 1..=ITERATIONS {
        let (local, solution) = match newton(design, &predictor, &sides, weights, ridge) {
            Ok(found) => found,
            // The design had full rank with all weights; certain probabilities took it.
            Err(Error::RankDeficient { .. } | Error::NoWeight) if iteration > 1 => break,
            Err(error) => return Err(error),
        };
        iterations = iteration;
        let terms = local.matrix.mapv(f64::abs).dot(&solution.mapv(f64::abs));
        let shift = local.matrix.dot(&solution) - &predictor;
        let turn = &solution.slice_axis(Axis(0), local.features()) * &design.scales()
            / local.scales()
            - &slopes;
        let mut step = 1.0;
        loop {
            let moved = &slopes + &(&turn * step);
            let moved_predictor = &predictor + &(&shift * step);
            let moved_value = objective(&moved, &moved_predictor);
            // Close to the minimum the objective is flat to rounding; a full Newton step is safe.
            if moved_value <= value + 1e-12 * value.abs() || step < 1e-6 {
                (slopes, predictor, value) = (moved, moved_predictor, moved_value);
                break;
            }
            step /= 2.0;
        }
        movement = Zip::from(&shift).and(&predictor).and(&terms).fold(
            0.0_f64,
            |largest, shift, eta, terms| {
                let moved = (shift.abs() - ROUNDING * terms).max(0.0);
                largest.max(moved / (1.0 + eta.abs()))
            },
        );
        if movement <= TOLERANCE {
            let (slopes, offsets) =
                local.to_original_units(solution.view().insert_axis(Axis(1)))?;
            let errors = if ridge > 0.0 {
                None
            } else {
                Some(standard_errors(&local, &predictor, weights)?)
            };
            return Ok(LogisticFit {
                slopes: slopes.row(0).to_owned(),
                offset: offsets[0],
                errors,
                objective: value,
                iterations,
            });
        }
        if iteration == PATIENCE {
            require_overlap()?;
        }
    }
    if iterations < PATIENCE {
        require_overlap()?;
    }
    Err(Error::NotConverged {
        algorithm: "iteratively reweighted least squares",
        iterations,
        criterion: "the relative change of the linear predictor",
        value: movement,
        tolerance: TOLERANCE,
    })
}

/// The full Newton step: the design as the working weights standardise it, and the solution in its
/// units.
fn newton<'a>(
    design: &Design<'a>,
    predictor: &Array1<f64>,
    sides: &Array1<f64>,
    weights: ArrayView1<'_, f64>,
    ridge: f64,
) -> Result<(Design<'a>, Array1<f64>)> {
    let working_weights = variances(predictor) * weights;
    let working_response = Zip::from(predictor)
        .and(sides)
        .and(&working_weights)
        .map_collect(|&eta, &side, &weight| {
            if weight > 0.0 {
                eta + side / Link::Logit.inverse(side * eta)
            } else {
                eta
            }
        })
        .insert_axis(Axis(1));
    let local = design.reweighted(working_weights.view())?;
    let (x, response) = (local.matrix.view(), working_response.view());
    let working_weights = Some(working_weights.view());
    let solution = if ridge > 0.0 {
        let units = &design.scales() / &local.scales();
        let penalties = local.penalties((&units * &units * ridge).view());
        solvers::ridge(x, response, working_weights, penalties.view())
    } else {
        solvers::least_squares(x, response, working_weights)
            .and_then(|fit| fit.full_rank())
            .map(|fit| fit.into_solution())
    };
    let solution = solution.map_err(|error| local.name_columns(error))?;
    Ok((local, solution.remove_axis(Axis(1))))
}

/// ln(1 + e^η) without overflow.
fn softplus(eta: f64) -> f64 {
    eta.max(0.0) + (-eta.abs()).exp().ln_1p()
}

/// p (1 − p) of every row.
fn variances(predictor: &Array1<f64>) -> Array1<f64> {
    predictor.mapv(|eta| Link::Logit.inverse(eta) * Link::Logit.inverse(-eta))
}

fn standard_errors(
    design: &Design<'_>,
    predictor: &Array1<f64>,
    weights: ArrayView1<'_, f64>,
) -> Result<(Array1<f64>, Covariance)> {
    let zeros = Array2::zeros((predictor.len(), 1));
    let working = variances(predictor) * weights;
    let covariance =
        solvers::least_squares(design.matrix.view(), zeros.view(), Some(working.view()))
            .and_then(|fit| fit.unscaled_covariance())
            .map_err(|error| design.name_columns(error))?;
    let deviations = design.deviations(&covariance);
    Ok((deviations, Covariance::new(design, covariance)))
}
