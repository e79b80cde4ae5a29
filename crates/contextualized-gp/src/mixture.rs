//! The uncertainty of the hyperparameters: a few of them, with weights.

mod sampled;

use crate::numerical;
use crate::optimise::{Optimum, Posterior, axes_of, information, maximize};
use crate::polish::polish;
use contextualized_core::Result;
use contextualized_solvers::symmetric_eigen;
use ndarray::{Array1, Array2};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

/// Weights, which sum to one, and logarithms of hyperparameters.
type Members = Vec<(f64, Vec<f64>)>;

/// Hyperparameters, as logarithms, at which their posterior is represented, with weights that sum to
/// one.
///
/// About the mode of the density of the logarithms, a point on either side along each of the d
/// principal axes of the normal approximation there, a little beyond √d standard deviations: the
/// cubature rule of third degree. Each point's weight is the ratio of the density to the normal one.
/// Hyperparameters at the lower bound of the search stay there. Of few hyperparameters of few rows it is that of
/// [`sampled::sampled`], of more than [`MOST_AXES`] that of [`spread`].
pub(crate) fn mixture(
    density: &Posterior<'_>,
    start: &[f64],
    tolerance: f64,
    max_iterations: usize,
) -> Result<Members> {
    let start = lifted(density, start)?;
    let free = density.free(&start);
    let near = density.quick_information(&start, &free)?;
    let axes = near.map(|near| axes_among(&near, &free, start.len()));
    // Points all around are not much further from a place near the mode than from the mode itself.
    let near_enough = if free.len() > MOST_AXES {
        tolerance.max(NEAR_ENOUGH)
    } else {
        tolerance
    };
    let mode = maximize(
        density,
        start,
        axes.transpose()?.as_ref(),
        near_enough,
        max_iterations,
    )?;
    let mode = polished(density, mode)?;
    let free = density.free(&mode.logs);
    if free.len() > MOST_AXES
        && let Some(information) = density.quick_information(&mode.logs, &free)?
    {
        return spread(&mode.logs, &information, &free);
    }
    let center = Array1::from_vec(mode.logs);
    let size = free.len();
    let information = information(density, center.as_slice().unwrap_or_default(), &free)?;
    if let Some(members) = sampled::sampled(density, &center, &information, &free)? {
        return Ok(members);
    }
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
    Ok(weighed(points, total))
}

/// Points with weights above next to nothing, which sum to one.
fn weighed(mut points: Members, total: f64) -> Members {
    points.retain(|(weight, _)| *weight > LEAST_WEIGHT * total);
    let total: f64 = points.iter().map(|(weight, _)| weight).sum();
    points.iter_mut().for_each(|(weight, _)| *weight /= total);
    points
}

/// The mode itself, where differences of the gradient cost little.
fn polished(density: &Posterior<'_>, mode: Optimum) -> Result<Optimum> {
    if density.engine.size() <= POLISHED {
        polish(density, mode)
    } else {
        Ok(mode)
    }
}

/// Axes of the free hyperparameters among all, along which a density with this information falls alike.
fn axes_among(information: &Array2<f64>, free: &[usize], all: usize) -> Result<Array2<f64>> {
    let mut axes = Array2::zeros((all, free.len()));
    for (row, &at) in axes_of(information)?.rows().into_iter().zip(free) {
        axes.row_mut(at).assign(&row);
    }
    Ok(axes)
}

/// Of many hyperparameters: points of equal weight about the mode in directions of chance, in pairs on either
/// side. Each changes all hyperparameters by as much as the normal approximation expects, while one on an axis
/// would change a single one by √d of that.
fn spread(mode: &[f64], information: &Array2<f64>, free: &[usize]) -> Result<Members> {
    let own = axes_of(information)?;
    let mut generator = ChaCha8Rng::seed_from_u64(0);
    let mut points = Vec::with_capacity(2 * PAIRS);
    for _ in 0..PAIRS {
        let normal = || -> f64 { StandardNormal.sample(&mut generator) };
        let normal = Array1::from_shape_simple_fn(free.len(), normal);
        let radius = (free.len() as f64 / normal.dot(&normal)).sqrt();
        let step = own.dot(&(normal * radius));
        for sign in [1.0, -1.0] {
            let mut logs = mode.to_vec();
            for (&at, step) in free.iter().zip(&step) {
                logs[at] += sign * step;
            }
            points.push((0.5 / PAIRS as f64, logs));
        }
    }
    Ok(points)
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

/// The most hyperparameters that have points on axes of their own.
const MOST_AXES: usize = 40;

/// The gain of an iteration below which the search for the mode of so many hyperparameters ends.
const NEAR_ENOUGH: f64 = 1.0;
/// Pairs of points where there are more.
const PAIRS: usize = 4;
const LIFTS: [f64; 2] = [0.1, 0.01];
/// Axes along which less than this is known are cut off there.
const LEAST_INFORMATION: f64 = 0.1;
/// Beyond the radius of the rule, for tails that are heavier than normal ones.
const STRETCH: f64 = 1.1;
const MOST_RATIO: f64 = 3.0;
/// Size of the systems up to which the mode is found to rounding.
const POLISHED: usize = 512;
const LEAST_WEIGHT: f64 = 1e-6;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Engine, Part};
    use crate::exact::Exact;
    use crate::hyperparameters::Layout;
    use crate::kernel::Kernel;
    use crate::observations::Observations;
    use crate::posterior::Moments;
    use crate::priors::Priors;
    use contextualized_core::Family;
    use std::sync::Arc;

    #[test]
    fn weights_sum_to_one_without_those_of_next_to_nothing() {
        let points = [2.0, 1e-7, 1.0, 3e-9].map(|weight| (weight, vec![weight]));
        let kept = weighed(points.to_vec(), 3.0);
        assert_eq!(kept.len(), 2);
        let total: f64 = kept.iter().map(|(weight, _)| weight).sum();
        assert!((total - 1.0).abs() < 1e-15);
        assert!((kept[0].0 - 2.0 / 3.0).abs() < 1e-15);
    }

    /// Variances of a slope sin(2 c₀) at the rows' contexts, by points on the axes and by points in
    /// directions of chance.
    #[test]
    fn points_in_directions_of_chance_are_as_uncertain_as_those_on_axes() {
        let mut generator = ChaCha8Rng::seed_from_u64(5);
        let mut normal = |columns| {
            let draw = || -> f64 { StandardNormal.sample(&mut generator) };
            Array2::from_shape_simple_fn((120, columns), draw)
        };
        let (contexts, design, noise) = (normal(6), normal(1), normal(1));
        let slope = contexts.column(0).mapv(|c| (2.0 * c).sin());
        let targets = &design * &slope.insert_axis(ndarray::Axis(1)) + 0.5 * &noise;
        let rows = Observations::new(contexts.view(), design.view(), targets.view());
        let kernel = Kernel::squared_exponential(0..6);
        let exact = Exact::new(kernel, Family::Gaussian, rows).unwrap();
        let engine = Engine::new(vec![Part::Exact(Arc::new(exact))]);
        let layout = Layout {
            sets: 1,
            inverse_length_scales: 6,
            coefficients: 1,
            terms: 1,
            noise: true,
            scales: 0,
        };
        let priors = Priors::default();
        let density = Posterior {
            engine: &engine,
            priors: &priors,
            layout,
            of_logs: true,
        };
        let start = lifted(&density, &vec![-1.0; layout.len()]).unwrap();
        let on_axes = mixture(&density, &start, 1e-3, 200).unwrap();
        let mode = maximize(&density, start, None, 1e-3, 200).unwrap();
        let mode = polished(&density, mode).unwrap().logs;
        let free = density.free(&mode);
        let information = density.quick_information(&mode, &free).unwrap().unwrap();
        let by_chance = spread(&mode, &information, &free).unwrap();
        let variances = |points: &[(f64, Vec<f64>)]| {
            let of = |logs: &[f64]| {
                let hyper = layout.hyperparameters(&density.clamp(logs), 1);
                let posterior = engine.posteriors(&hyper).unwrap().remove(0);
                Moments::joined(vec![(
                    posterior.coefficients(contexts.view()).unwrap(),
                    &[1.0],
                )])
            };
            let mut means = of(&points[0].1).means * points[0].0;
            for (weight, logs) in &points[1..] {
                means.scaled_add(*weight, &of(logs).means);
            }
            let mut all = Moments {
                means,
                covariances: ndarray::Array4::zeros((120, 1, 1, 1)),
            };
            for (weight, logs) in points {
                all.add_member(*weight, &of(logs));
            }
            all.variances().mean().unwrap()
        };
        let ratio = variances(&by_chance) / variances(&on_axes);
        assert!((0.7..1.4).contains(&ratio), "{ratio}");
    }
}
