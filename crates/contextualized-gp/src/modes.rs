//! Laplace's approximation by passes over the rows, for engines that hold sums over these.

use crate::laplace::{MAX_ITERATIONS, Outcomes, Position, Working, newton};
use crate::observations::Observations;
use contextualized_core::{Family, Result};
use ndarray::Axis;

/// The sums of the normal responses that Laplace's approximation has at the mode of the first target, found
/// by Newton's iteration, each step a pass over the rows; and what the logarithm of its marginal
/// likelihood has beyond that of these responses.
///
/// `gather` makes sums of rows, `solve` has the position of so many coordinates that is most likely given
/// sums: coordinates in units of their prior deviations, zero where the prior is flat.
pub(crate) fn at_mode<S>(
    family: Family,
    rows: Observations<'_>,
    coordinates: usize,
    gather: impl Fn(Observations<'_>) -> Result<S>,
    solve: impl Fn(&S) -> Result<Position>,
) -> Result<(S, f64)> {
    let outcomes = Outcomes::of(family, rows);
    let gather = |working: &Working| {
        let responses = working.responses.view().insert_axis(Axis(1));
        let responses = Observations::new(rows.contexts.view(), rows.design.view(), responses)
            .with_weights(Some(working.precisions.view()));
        gather(responses)
    };
    let mode = newton(
        &outcomes,
        coordinates,
        MAX_ITERATIONS,
        |position| 0.5 * position.coordinates.dot(&position.coordinates),
        |working| solve(&gather(working)?),
    )?;
    let sums = gather(&mode.working)?;
    let precisions = &mode.working.precisions;
    let residuals = (&mode.working.responses - &mode.predictors).mapv(|r| r * r);
    let constant = precisions.mapv(|p| (p / std::f64::consts::TAU).ln()).sum();
    let quadratic = residuals.dot(precisions);
    Ok((sums, mode.log_likelihood + 0.5 * (quadratic - constant)))
}
