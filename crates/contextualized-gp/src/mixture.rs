//! The uncertainty of the hyperparameters: a few of them, with weights.

use crate::numerical;
use crate::optimise::{Posterior, information, maximize};
use contextualized_core::Result;
use contextualized_solvers::symmetric_eigen;
use ndarray::Array1;
use rayon::prelude::*;

/// Hyperparameters, as logarithms, at which their posterior is represented, with weights that sum to
/// one.
///
/// About the mode of the density of the logarithms, a point on either side along each of the d
/// principal axes of the normal approximation there, a little beyond √d standard deviations: the
/// cubature rule of third degree. Each point's weight is the ratio of the density to the normal one.
/// Hyperparameters at the lower bound of the search stay there.
pub(crate) fn mixture(
    density: &Posterior<'_>,
    start: &[f64],
    tolerance: f64,
    max_iterations: usize,
) -> Result<Vec<(f64, Vec<f64>)>> {
    let start = lifted(density, start)?;
    let mode = maximize(density, start, None, tolerance, max_iterations)?;
    let center = Array1::from_vec(mode.logs);
    let free = density.free(center.as_slice().unwrap_or_default());
    let size = free.len();
    let information = information(density, center.as_slice().unwrap_or_default(), &free)?;
    let axes = numerical(symmetric_eigen(information.view()))?;
    let peak = density.value(center.as_slice().unwrap_or_default())?;
    let radius = STRETCH * (size as f64).sqrt();
    let points = (0..2 * size)
        .into_par_iter()
        .map(|index| {
            let sign = if index % 2 == 0 { 1.0 } else { -1.0 };
            let information = axes.values[index / 2].max(LEAST_INFORMATION);
            let length = sign * radius / information.sqrt();
            let mut logs = center.clone();
            for (&at, direction) in free.iter().zip(axes.vectors.column(index / 2)) {
                logs[at] += length * direction;
            }
            let logs = logs.to_vec();
            // A point at which the rows' covariance cannot be factored has no weight.
            let fall = density
                .value(&logs)
                .map_or(f64::INFINITY, |value| peak - value);
            let log_ratio = (0.5 * radius * radius - fall).min(MOST_RATIO);
            Ok((log_ratio.exp(), logs))
        })
        .collect::<Result<Vec<_>>>()?;
    let total: f64 = points.iter().map(|(weight, _)| weight).sum();
    if !(total.is_finite() && total > 0.0) {
        return Ok(vec![(1.0, center.to_vec())]);
    }
    Ok(points
        .into_iter()
        .map(|(weight, logs)| (weight / total, logs))
        .filter(|(weight, _)| *weight > LEAST_WEIGHT)
        .collect())
}

/// Away from zero, where the density of the logarithms has no slope to climb: by much or by little,
/// whichever is the more likely.
fn lifted(density: &Posterior<'_>, start: &[f64]) -> Result<Vec<f64>> {
    let mut best: Option<(f64, Vec<f64>)> = None;
    for least in LIFTS {
        let logs = density.lifted(start, least);
        let value = density.value(&logs)?;
        if best.as_ref().is_none_or(|(most, _)| value > *most) {
            best = Some((value, logs));
        }
    }
    Ok(best.map_or_else(|| start.to_vec(), |(_, logs)| logs))
}

const LIFTS: [f64; 2] = [0.1, 0.01];
/// Axes along which less than this is known are cut off there.
const LEAST_INFORMATION: f64 = 0.1;
/// Beyond the radius of the rule, for tails that are heavier than normal ones.
const STRETCH: f64 = 1.1;
const MOST_RATIO: f64 = 3.0;
const LEAST_WEIGHT: f64 = 1e-6;
