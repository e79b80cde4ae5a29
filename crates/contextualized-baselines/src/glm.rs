//! Generalised linear models by iteratively reweighted least squares.

use crate::design::Design;
use crate::population::{Covariance, clustered};
use crate::separation::is_separated;
use contextualized_core::{Error, Family, Result};
use contextualized_solvers as solvers;
use ndarray::{Array1, Array2, ArrayView1, Axis, Zip};

/// Most iterations. Newton's method needs about ten, and about five more for every
/// power of ten by which one row lies farther out than the others.
const ITERATIONS: usize = 100;

/// Iterations after which to ask whether the target is separated and would move on for ever.
const PATIENCE: usize = 25;

/// Converged when no row's linear predictor moves by more than this, relative to its size.
const TOLERANCE: f64 = 1e-10;

/// Differences up to this multiple of the terms of a row's linear predictor may be rounding.
const ROUNDING: f64 = 1e-13;

/// The maximum-likelihood fit of one target, in the users' units.
pub(crate) struct GlmFit {
    pub(crate) slopes: Array1<f64>,
    pub(crate) intercept: f64,
    /// Standard errors from the inverse of the information matrix, the intercept first if there is
    /// one, and that inverse; none of a penalised fit.
    pub(crate) errors: Option<(Array1<f64>, Covariance)>,
    /// The deviance, plus the penalty.
    pub(crate) objective: f64,
    pub(crate) iterations: usize,
}

/// A target with what its likelihood depends on besides coefficients; every weight is above zero.
pub(crate) struct Outcomes<'a> {
    pub(crate) family: Family,
    pub(crate) target: ArrayView1<'a, f64>,
    pub(crate) name: &'a str,
    pub(crate) weights: ArrayView1<'a, f64>,
    /// Known terms of the linear predictor.
    pub(crate) offsets: ArrayView1<'a, f64>,
    /// Numbers of groups of rows that may depend on each other.
    pub(crate) groups: Option<&'a [usize]>,
}

/// Minimises `Σ w D(y, η) + λ Σ_j β_j²`, D the unit deviance and β_j the slopes of features in units
/// of the design, by Newton's method with step halving: each step is a weighted least-squares fit
/// of the working response (Green 1984, doi:10.1111/j.2517-6161.1984.tb01288.x).
///
/// Each step standardises features by its own weights. Once the mean of a row far out is certain
/// its weight vanishes, and the others are distinguished as if it were not there.
///
/// A penalised fit whose targets are all at the same bound has no finite intercept of its own: see
/// [`at_the_bound`].
pub(crate) fn fit(design: &Design<'_>, outcomes: &Outcomes<'_>, ridge: f64) -> Result<GlmFit> {
    let Outcomes { family, target, .. } = *outcomes;
    if ridge > 0.0
        && design.has_intercept()
        && let Some(intercept) = at_the_bound(outcomes)
    {
        let predictor = &outcomes.offsets + intercept;
        let deviances = predictor.iter().zip(target).zip(outcomes.weights);
        return Ok(GlmFit {
            slopes: Array1::zeros(design.scales().len()),
            intercept,
            errors: None,
            objective: deviances
                .map(|((&eta, &y), &w)| w * family.deviance(y, eta))
                .sum(),
            iterations: 0,
        });
    }
    let objective = |slopes: &Array1<f64>, predictor: &Array1<f64>| {
        let deviance = Zip::from(predictor)
            .and(target)
            .and(outcomes.weights)
            .fold(0.0, |sum, &eta, &y, &w| sum + w * family.deviance(y, eta));
        deviance + ridge * slopes.dot(slopes)
    };
    let require_overlap = || {
        let sides = target.mapv(|y| family.unbounded_direction(y));
        // Rows that must not move are told apart in units of their own, however far out the others are.
        let fixed = sides.mapv(|side| f64::from(u8::from(side == 0.0)));
        let local = if fixed.sum() > 0.0 {
            Some(design.reweighted(fixed.view())?)
        } else {
            None
        };
        let matrix = local.as_ref().map_or(&design.matrix, |local| &local.matrix);
        let separated = ridge == 0.0
            && is_separated(matrix, &sides).map_err(|error| design.name_columns(error))?;
        if separated {
            Err(Error::Separated {
                target: outcomes.name.to_owned(),
            })
        } else {
            Ok(())
        }
    };
    // Where it starts is no linear combination of features, so the first step is taken in full.
    let mut slopes = Array1::zeros(design.scales().len());
    let mut predictor = target.mapv(|y| family.initial_predictor(y));
    let mut value = f64::INFINITY;
    let mut movement = f64::INFINITY;
    let mut iterations = 0;
    for iteration in 1..=ITERATIONS {
        let (local, solution) = match newton(design, &predictor, outcomes, ridge) {
            Ok(found) => found,
            // The design had full rank with all weights; certain means took it.
            Err(Error::RankDeficient { .. } | Error::NoWeight) if iteration > 1 => break,
            Err(error) => return Err(error),
        };
        iterations = iteration;
        let terms = local.matrix.mapv(f64::abs).dot(&solution.mapv(f64::abs));
        let shift = local.matrix.dot(&solution) + outcomes.offsets - &predictor;
        let turn = &solution.slice_axis(Axis(0), local.features()) * &design.scales()
            / local.scales()
            - &slopes;
        let mut step = 1.0;
        loop {
            let moved = &slopes + &(&turn * step);
            let moved_predictor = &predictor + &(&shift * step);
            let moved_value = objective(&moved, &moved_predictor);
            // Close to the minimum the objective is flat to rounding; a full Newton step is safe.
            let good = moved_value <= value + 1e-12 * value.abs();
            if good || iteration == 1 || step < 1e-6 {
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
            let (slopes, intercepts) =
                local.to_original_units(solution.view().insert_axis(Axis(1)))?;
            let errors = if ridge > 0.0 {
                None
            } else {
                Some(standard_errors(&local, &predictor, outcomes)?)
            };
            return Ok(GlmFit {
                slopes: slopes.row(0).to_owned(),
                intercept: intercepts[0],
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

/// The intercept, without slopes, of targets that are all at the same bound, as counts that are all zero: the
/// mode under Jeffreys's prior, half the logarithm of the information (Firth 1993, doi:10.1093/biomet/80.1.27).
/// None of other targets.
fn at_the_bound(outcomes: &Outcomes<'_>) -> Option<f64> {
    const FARTHEST: f64 = 50.0;
    const HALVINGS: usize = 60;
    let family = outcomes.family;
    let direction = family.unbounded_direction(*outcomes.target.first()?);
    let all = |side: f64| side == direction;
    if direction == 0.0
        || !outcomes
            .target
            .iter()
            .all(|y| all(family.unbounded_direction(*y)))
    {
        return None;
    }
    let slope = |intercept: f64| {
        let (mut score, mut information, mut change) = (0.0, 0.0, 0.0);
        let rows = outcomes.target.iter().zip(&outcomes.weights);
        for ((target, weight), offset) in rows.zip(&outcomes.offsets) {
            let at = family.derivatives(*target, intercept + offset);
            score += weight * at.first;
            information -= weight * at.second;
            change -= weight * at.third;
        }
        score + 0.5 * change / information.max(f64::MIN_POSITIVE)
    };
    let (mut low, mut high) = (-FARTHEST, FARTHEST);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if slope(middle) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(0.5 * (low + high))
}

/// The full Newton step: the design as the working weights standardise it, and the solution in its
/// units.
fn newton<'a>(
    design: &Design<'a>,
    predictor: &Array1<f64>,
    outcomes: &Outcomes<'_>,
    ridge: f64,
) -> Result<(Design<'a>, Array1<f64>)> {
    let working_weights = curvatures(predictor, outcomes);
    let mut working_response = predictor - &outcomes.offsets;
    Zip::from(&mut working_response)
        .and(predictor)
        .and(outcomes.target)
        .and(&working_weights)
        .for_each(|response, &eta, &y, &weight| {
            if weight > 0.0 {
                let at = outcomes.family.derivatives(y, eta);
                *response -= at.first / at.second;
            }
        });
    let local = design.reweighted(working_weights.view())?;
    let x = local.matrix.view();
    let response = working_response.view().insert_axis(Axis(1));
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

/// Minus the second derivative of every row by its linear predictor, times its weight.
fn curvatures(predictor: &Array1<f64>, outcomes: &Outcomes<'_>) -> Array1<f64> {
    Zip::from(predictor)
        .and(outcomes.target)
        .and(outcomes.weights)
        .map_collect(|&eta, &y, &w| -w * outcomes.family.derivatives(y, eta).second)
}

fn standard_errors(
    design: &Design<'_>,
    predictor: &Array1<f64>,
    outcomes: &Outcomes<'_>,
) -> Result<(Array1<f64>, Covariance)> {
    let zeros = Array2::zeros((predictor.len(), 1));
    let working = Zip::from(predictor)
        .and(outcomes.target)
        .and(outcomes.weights)
        .map_collect(|&eta, &y, &w| w * outcomes.family.information(y, eta));
    let covariance =
        solvers::least_squares(design.matrix.view(), zeros.view(), Some(working.view()))
            .and_then(|fit| fit.unscaled_covariance())
            .map_err(|error| design.name_columns(error))?;
    let covariance = with_unknown_shape(covariance, design, predictor, outcomes);
    let derivatives = Zip::from(predictor)
        .and(outcomes.target)
        .and(outcomes.weights)
        .map_collect(|&eta, &y, &w| w * outcomes.family.derivatives(y, eta).first);
    let robust = outcomes.groups.and_then(|groups| {
        clustered(
            &covariance,
            design.matrix.view(),
            derivatives.view(),
            groups,
        )
    });
    let covariance = robust.unwrap_or(covariance);
    let deviations = design.deviations(&covariance);
    Ok((deviations, Covariance::new(design, covariance)))
}

/// The inverse information A of the coefficients, with what is not known of the shape of the family allowed for: by
/// the inverse of D − CᵀAC, D the information of the shape and C that between it and the coefficients.
fn with_unknown_shape(
    mut covariance: Array2<f64>,
    design: &Design<'_>,
    predictor: &Array1<f64>,
    outcomes: &Outcomes<'_>,
) -> Array2<f64> {
    let Some(count) = outcomes
        .family
        .shape()
        .and_then(|shape| Some(shape.get()?.len()))
    else {
        return covariance;
    };
    let mut crossed = Array2::<f64>::zeros((design.matrix.ncols(), count));
    let mut own = Array2::<f64>::zeros((count, count));
    for (row, features) in design.matrix.rows().into_iter().enumerate() {
        let weight = outcomes.weights[row];
        let at = outcomes
            .family
            .by_shape(outcomes.target[row], predictor[row]);
        let Some(at) = at.filter(|_| weight > 0.0) else {
            continue;
        };
        for (value, mut crossed) in crossed.columns_mut().into_iter().enumerate() {
            crossed.scaled_add(weight * at.with_predictor[value], &features);
        }
        let information = at.information.iter().map(|of| weight * of);
        own.iter_mut()
            .zip(information)
            .for_each(|(own, of)| *own += of);
    }
    let parts = covariance.dot(&crossed);
    let rest = own - crossed.t().dot(&parts);
    if crossed.iter().all(|value| *value == 0.0) {
        return covariance;
    }
    // A level that no row has leaves nothing to be known of its threshold.
    let Ok(solved) = solvers::cholesky(rest.view()).and_then(|factor| factor.solve(parts.t()))
    else {
        return covariance;
    };
    covariance += &parts.dot(&solved);
    covariance
}
