//! From where a search for hyperparameters stopped to the mode itself.

use crate::hyperparameters::Kind;
use crate::optimise::{Optimum, Posterior, SMALLEST, axes_of, information};
use contextualized_core::Result;
use ndarray::{Array1, Array2, ArrayView1, Axis};

/// Goes on from an optimum until a further step would change the density's logarithm by no more than
/// rounding: a search that stops within a tolerance ends elsewhere in other units or another order of the
/// rows.
///
/// What has its mode at zero is set to zero. The rest takes quasi-Newton steps (Broyden, Fletcher, Goldfarb,
/// Shanno) that begin with the average information, with `curvature`, or with what differences say, whichever
/// is there first; near the mode each squares the distance, about. Nothing is done where there is none of
/// them, nor to a search that did not end.
pub(crate) fn polish(
    density: &Posterior<'_>,
    optimum: Optimum,
    curvature: Option<&Array2<f64>>,
) -> Result<Optimum> {
    if !optimum.converged {
        return Ok(optimum);
    }
    let mut at = Point::new(density, optimum.logs.clone())?;
    let mut steps = 0;
    for _ in 0..ROUNDS {
        let switched = at.switch_off(density);
        let free = density.free(&at.logs);
        if free.is_empty() {
            break;
        }
        let Some(information) = information_near(density, &at.logs, &free, curvature)? else {
            return Ok(optimum);
        };
        let ended = at.climb(density, &free, &information, &mut steps)?;
        if ended && !switched {
            break;
        }
    }
    Ok(Optimum {
        logs: at.logs,
        log_density: at.value,
        iterations: optimum.iterations + steps,
        converged: true,
    })
}

/// The information about the free logarithms, at the cost of a gradient, or as far as it is known, or by
/// differences where these cost little.
fn information_near(
    density: &Posterior<'_>,
    logs: &[f64],
    free: &[usize],
    curvature: Option<&Array2<f64>>,
) -> Result<Option<Array2<f64>>> {
    if let Some(quick) = density.quick_information(logs, free)? {
        return Ok(Some(quick));
    }
    if let Some(all) = curvature {
        return Ok(Some(all.select(Axis(0), free).select(Axis(1), free)));
    }
    let cheap = density.engine.size() <= CHEAP_SIZE;
    cheap.then(|| information(density, logs, free)).transpose()
}

/// Logarithms of hyperparameters and the density there.
struct Point {
    logs: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
}

impl Point {
    fn new(density: &Posterior<'_>, logs: Vec<f64>) -> Result<Self> {
        let (value, gradient) = density.value_and_gradient(&logs)?;
        Ok(Self {
            logs,
            value,
            gradient,
        })
    }

    /// Sets amplitudes and inverse length scales that are small and better smaller to next to zero, all of
    /// them or else one at a time, where the density is no lower there.
    fn switch_off(&mut self, density: &Posterior<'_>) -> bool {
        let low = SMALLEST.ln();
        let mut small: Vec<usize> = density
            .layout
            .kinds()
            .enumerate()
            .filter(|(at, kind)| match kind {
                Kind::Amplitude | Kind::InverseLengthScale => {
                    (low + 0.01..SMALL.ln()).contains(&self.logs[*at]) && self.gradient[*at] < 0.0
                }
                Kind::Noise | Kind::Scale => false,
            })
            .map(|(at, _)| at)
            .collect();
        small.sort_by(|a, b| self.logs[*a].total_cmp(&self.logs[*b]));
        let mut trials = vec![small.clone()];
        if small.len() > 1 {
            trials.extend(small.into_iter().map(|at| vec![at]));
        }
        let mut any = false;
        for trial in trials {
            let mut logs = self.logs.clone();
            trial.iter().for_each(|&at| logs[at] = low);
            let better = |value: f64| value >= self.value;
            if logs != self.logs
                && density.value(&logs).is_ok_and(better)
                && let Ok(next) = Self::new(density, logs)
            {
                *self = next;
                any = true;
            }
        }
        any
    }

    /// Climbs by the free logarithms; whether the top was reached.
    fn climb(
        &mut self,
        density: &Posterior<'_>,
        free: &[usize],
        information: &Array2<f64>,
        steps: &mut usize,
    ) -> Result<bool> {
        let axes = axes_of(information)?;
        let mut inverse = axes.dot(&axes.t());
        let slopes =
            |point: &Self| -> Array1<f64> { free.iter().map(|&at| point.gradient[at]).collect() };
        let mut before = f64::INFINITY;
        for _ in 0..STEPS {
            let slope = slopes(self);
            let mut step = inverse.dot(&slope);
            let expected = slope.dot(&step);
            let rounding = expected < ROUNDING && expected > 0.5 * before;
            if expected < ENOUGH || rounding {
                return Ok(true);
            }
            before = expected;
            let longest = step.iter().fold(0.0_f64, |most, s| most.max(s.abs()));
            if longest > LONGEST {
                step *= LONGEST / longest;
            }
            let Some((next, step)) = self.next(density, free, step) else {
                return Ok(false);
            };
            *steps += 1;
            let change = &slope - &slopes(&next);
            *self = next;
            update(&mut inverse, step.view(), change.view());
        }
        Ok(false)
    }

    /// The point a step further, or a part of the step, where the density is not lower by more than rounding; none
    /// where there is no such point or the covariance of the rows cannot be factored there.
    fn next(
        &self,
        density: &Posterior<'_>,
        free: &[usize],
        mut step: Array1<f64>,
    ) -> Option<(Self, Array1<f64>)> {
        for _ in 0..HALVINGS {
            let mut logs = self.logs.clone();
            for (&at, step) in free.iter().zip(&step) {
                logs[at] += step;
            }
            let least = self.value - ROUNDING * (1.0 + self.value.abs());
            if let Ok(next) = Self::new(density, density.clamp(&logs))
                && next.value >= least
            {
                let taken = free.iter().map(|&at| next.logs[at] - self.logs[at]);
                let taken = taken.collect();
                return Some((next, taken));
            }
            step *= 0.5;
        }
        None
    }
}

/// The inverse of the information after a step that changed the slope by so much.
fn update(inverse: &mut Array2<f64>, step: ArrayView1<'_, f64>, change: ArrayView1<'_, f64>) {
    let product = step.dot(&change);
    if product <= 0.0 {
        return;
    }
    let moved = inverse.dot(&change);
    let factor = (1.0 + change.dot(&moved) / product) / product;
    for ((a, b), entry) in inverse.indexed_iter_mut() {
        *entry += factor * step[a] * step[b] - (moved[a] * step[b] + step[a] * moved[b]) / product;
    }
}

/// Hyperparameters below it may be zero.
const SMALL: f64 = 0.3;
const ROUNDS: usize = 3;
/// Steps of one round.
const STEPS: usize = 20;
const HALVINGS: usize = 5;
/// The longest step of a logarithm.
const LONGEST: f64 = 1.0;
/// An expected gain of which the square root, a distance in standard deviations, is of no consequence.
const ENOUGH: f64 = 1e-12;
/// Relative rounding of the density's logarithm, and the expected gain below which rounding may be all there
/// is.
const ROUNDING: f64 = 1e-10;
/// Size of the systems up to which differences cost little.
const CHEAP_SIZE: usize = 400;
