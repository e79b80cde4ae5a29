//! From where a search for hyperparameters stopped to the mode itself.

use crate::coordinates::{Coordinates, by_coordinates};
use crate::hyperparameters::{Kind, SMALLEST};
use crate::minimise::QuasiNewton;
use crate::numerical;
use crate::optimise::{MEMORY, Optimum, Posterior, axes_of};
use contextualized_core::Result;
use contextualized_solvers::symmetric_eigen;
use ndarray::{Array1, Array2, ArrayView1};
use rayon::prelude::*;

/// Goes on from an optimum until a further step would change the density's logarithm by no more than
/// rounding: a search that stops within a tolerance ends elsewhere in other units or another order of the
/// rows.
///
/// What has its mode at zero is set to zero. The rest takes Newton's steps by the information there, kept up to
/// date (Broyden, Fletcher, Goldfarb, Shanno). Nothing is done to a search that did not end.
pub(crate) fn polish(density: &Posterior<'_>, optimum: Optimum) -> Result<Optimum> {
    if !optimum.converged {
        return Ok(optimum);
    }
    let optimum = if optimum.near {
        optimum
    } else {
        climb_near(density, optimum)?
    };
    let mut at = Point::new(density, optimum.logs)?;
    let mut steps = 0;
    for _ in 0..ROUNDS {
        let switched = at.switch_off(density);
        let free = density.free(&at.logs);
        if free.is_empty() {
            break;
        }
        let Ok(information) = at.information(density, &free) else {
            break;
        };
        let Ok(ended) = at.climb(density, &free, &information, &mut steps) else {
            break;
        };
        if ended && !switched {
            break;
        }
    }
    Ok(Optimum {
        logs: at.logs,
        log_density: at.value,
        iterations: optimum.iterations + steps,
        converged: true,
        near: true,
    })
}

/// Goes on from an optimum until a round gains next to nothing, where the information costs little; otherwise the
/// optimum itself, but for what is better zero.
pub(crate) fn climb_near(density: &Posterior<'_>, optimum: Optimum) -> Result<Optimum> {
    let mut at = Point::new(density, optimum.logs)?;
    let mut steps = 0;
    for _ in 0..ROUNDS_NEAR {
        at.switch_off(density);
        // Where rounding keeps a line search from its end, the steps to the mode go on.
        if at.approach(density, &mut steps).unwrap_or(true) {
            break;
        }
    }
    Ok(Optimum {
        logs: at.logs,
        log_density: at.value,
        iterations: optimum.iterations + steps,
        converged: optimum.converged,
        near: true,
    })
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

    /// Sets amplitudes and inverse length scales that are small and better smaller to next to zero: as many of the
    /// smallest as the density allows without falling, by halves.
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
        let (mut start, mut end) = (0, small.len());
        let mut any = false;
        while start < end {
            let mut logs = self.logs.clone();
            small[start..end].iter().for_each(|&at| logs[at] = low);
            let better = |value: f64| value >= self.value;
            if density.value(&logs).is_ok_and(better)
                && let Ok(next) = Self::new(density, logs)
            {
                *self = next;
                any = true;
                // Of the others, too, as many as possible.
                (start, end) = (end, small.len());
            } else {
                end = start + (end - start) / 2;
            }
        }
        any
    }

    /// [`Posterior::quick_information`]. Next to no noise makes a landscape of cliffs, of which the average
    /// information says little.
    fn quick_information(
        &self,
        density: &Posterior<'_>,
        free: &[usize],
    ) -> Result<Option<Array2<f64>>> {
        let noise = density.layout.noise_at().map(|at| self.logs[at]);
        if noise.is_some_and(|log| log < LEAST_NOISE.ln()) {
            return Ok(None);
        }
        density.quick_information(&self.logs, free)
    }

    /// Minus the derivatives of the free slopes by the free logarithms, or about so where that costs little.
    fn information(&self, density: &Posterior<'_>, free: &[usize]) -> Result<Array2<f64>> {
        if let Some(information) = self.quick_information(density, free)? {
            return Ok(information);
        }
        let columns = free
            .par_iter()
            .map(|&moved| {
                let mut logs = self.logs.clone();
                logs[moved] += DIFFERENCE;
                let (_, gradient) = density.value_and_gradient(&logs)?;
                let slopes = free.iter().map(|&at| self.gradient[at] - gradient[at]);
                Ok(slopes.map(|change| change / DIFFERENCE).collect())
            })
            .collect::<Result<Vec<Vec<f64>>>>()?;
        Ok(Array2::from_shape_fn((free.len(), free.len()), |(a, b)| {
            (columns[a][b] + columns[b][a]) / 2.0
        }))
    }

    /// Climbs by all coordinates, whose first steps the information scales, where it costs little; whether there
    /// is no more to be gained than [`NEAR`].
    fn approach(&mut self, density: &Posterior<'_>, steps: &mut usize) -> Result<bool> {
        let all: Vec<usize> = (0..self.logs.len()).collect();
        let Some(information) = self.quick_information(density, &all)? else {
            return Ok(true);
        };
        let coordinates = Coordinates::new(&density.layout, density.of_logs);
        let origin = Array1::from_vec(coordinates.of(&self.logs));
        let slopes = coordinates.slopes(&origin.to_vec());
        let axes = axes_of(&by_coordinates(&information, &slopes))?;
        let at = |z: &[f64]| (&origin + &axes.dot(&ArrayView1::from(z))).to_vec();
        let search = QuasiNewton {
            purpose: "the search for the mode of hyperparameters",
            criterion: "gain in the log-posterior",
            memory: MEMORY,
            tolerance: NEAR,
            unit: 1.0,
            gradient_tolerance: 1e-3 * NEAR.sqrt(),
            max_iterations: ITERATIONS_NEAR,
        };
        let before = self.value;
        let found = search.minimize(vec![0.0; axes.ncols()], |z| {
            let at = at(z);
            let (value, gradient) = density.value_and_gradient(&coordinates.logs(&at))?;
            let gradient = -Array1::from_vec(gradient) * coordinates.slopes(&at);
            Ok((-value, axes.t().dot(&gradient).to_vec()))
        })?;
        *steps += found.iterations;
        if -found.cost > self.value {
            let logs = density.clamp(&coordinates.logs(&at(&found.point)));
            *self = Self::new(density, logs)?;
        }
        Ok(found.converged || self.value - before < NEAR)
    }

    /// Climbs by the free logarithms; whether the top was reached.
    fn climb(
        &mut self,
        density: &Posterior<'_>,
        free: &[usize],
        information: &Array2<f64>,
        steps: &mut usize,
    ) -> Result<bool> {
        let coordinates = Coordinates::new(&density.layout, density.of_logs);
        // Slopes of the density by the free coordinates, and those of the logarithms.
        let slopes = |point: &Self| {
            let all = coordinates.slopes(&coordinates.of(&point.logs));
            let of_logs: Array1<f64> = free.iter().map(|&at| all[at]).collect();
            let gradient = free.iter().map(|&at| point.gradient[at]);
            (Array1::from_iter(gradient) * &of_logs, of_logs)
        };
        let mut inverse = inverse_of(&by_coordinates(information, &slopes(self).1))?;
        let mut before = f64::INFINITY;
        let mut without_gain = 0;
        for _ in 0..STEPS {
            let slope = slopes(self).0;
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
            let Some((next, step)) = self.next(density, &coordinates, free, step) else {
                return Ok(false);
            };
            *steps += 1;
            // Where there is next to no noise, rounding of the density is all that steps lead to.
            let gained = next.value - self.value > ROUNDING * (1.0 + self.value.abs());
            without_gain = if gained { 0 } else { without_gain + 1 };
            if without_gain == STEPS_WITHOUT_GAIN && expected > ROUNDING {
                return Ok(true);
            }
            let change = &slope - &slopes(&next).0;
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
        coordinates: &Coordinates,
        free: &[usize],
        mut step: Array1<f64>,
    ) -> Option<(Self, Array1<f64>)> {
        let own = coordinates.of(&self.logs);
        for _ in 0..HALVINGS {
            let mut moved = own.clone();
            for (&at, step) in free.iter().zip(&step) {
                moved[at] += step;
            }
            let logs = density.clamp(&coordinates.logs(&moved));
            let least = self.value - ROUNDING * (1.0 + self.value.abs());
            if let Ok(next) = Self::new(density, logs)
                && next.value >= least
            {
                let there = coordinates.of(&next.logs);
                let taken = free.iter().map(|&at| there[at] - own[at]);
                let taken = taken.collect();
                return Some((next, taken));
            }
            step *= 0.5;
        }
        None
    }
}

/// The inverse of the information; along axes by which there is next to none, or the density curves upwards, steps
/// of about the slope.
fn inverse_of(information: &Array2<f64>) -> Result<Array2<f64>> {
    let eigen = numerical(symmetric_eigen(information.view()))?;
    let lengths = eigen.values.mapv(|value| {
        if value > LEAST_CURVATURE {
            value.recip()
        } else {
            1.0
        }
    });
    let scaled = &eigen.vectors * &lengths;
    Ok(scaled.dot(&eigen.vectors.t()))
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

/// Noise, in standard deviations of the target, below which it is next to none.
const LEAST_NOISE: f64 = 0.05;
/// Hyperparameters below it may be zero.
const SMALL: f64 = 0.3;
const ROUNDS: usize = 3;
/// Steps of one round.
const STEPS: usize = 20;
const HALVINGS: usize = 5;
/// Steps in a row that gain nothing although they should.
const STEPS_WITHOUT_GAIN: usize = 3;
/// Of a logarithm, for the information.
const DIFFERENCE: f64 = 1e-4;
/// The gain of an iteration below which steps by the information take over.
const NEAR: f64 = 1e-6;
const ROUNDS_NEAR: usize = 12;
const ITERATIONS_NEAR: usize = 15;
/// The longest step of a coordinate.
const LONGEST: f64 = 1.0;
/// An expected gain of which the square root, a distance in standard deviations, is of no consequence.
const ENOUGH: f64 = 1e-12;
/// Relative rounding of the density's logarithm, and the expected gain below which rounding may be all there
/// is.
const ROUNDING: f64 = 1e-10;
/// Curvature that is none.
const LEAST_CURVATURE: f64 = 1e-3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Engine, Part};
    use crate::exact::Exact;
    use crate::hyperparameters::Layout;
    use crate::kernel::Kernel;
    use crate::observations::Observations;
    use crate::optimise::maximize;
    use crate::priors::Priors;
    use contextualized_core::Family;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, StandardNormal};
    use std::sync::Arc;

    /// A slope sin(2 c₀), a context without influence and an intercept that is constant: the slopes of what varies
    /// are zero at the end, and what does not is zero itself.
    #[test]
    fn it_ends_where_the_density_is_flat() {
        let mut generator = ChaCha8Rng::seed_from_u64(2);
        let mut normal = |columns| {
            let draw = || -> f64 { StandardNormal.sample(&mut generator) };
            Array2::from_shape_simple_fn((120, columns), draw)
        };
        let (contexts, mut design, noise) = (normal(2), normal(2), normal(1));
        design.column_mut(1).fill(1.0);
        let targets = Array2::from_shape_fn((120, 1), |(row, _)| {
            (2.0 * contexts[[row, 0]]).sin() * design[[row, 0]] + 0.3 * noise[[row, 0]]
        });
        let rows = Observations::new(contexts.view(), design.view(), targets.view());
        let kernel = Kernel::squared_exponential(0..2);
        let exact = Exact::new(kernel, Family::Gaussian, rows).unwrap();
        let engine = Engine::new(vec![Part::Exact(Arc::new(exact))]);
        let layout = Layout {
            sets: 1,
            inverse_length_scales: 2,
            coefficients: 2,
            terms: 1,
            noise: true,
            scales: 0,
        };
        let priors = Priors::default();
        let density = Posterior {
            engine: &engine,
            priors: &priors,
            layout,
            of_logs: false,
        };
        let near = maximize(&density, vec![-0.7; layout.len()], None, 1e-2, 200).unwrap();
        let near_value = near.log_density;
        let found = polish(&density, near).unwrap();
        assert!(found.log_density >= near_value && found.log_density < near_value + 1.0);
        let (_, gradient) = density.value_and_gradient(&found.logs).unwrap();
        let free = density.free(&found.logs);
        assert!(free.len() < layout.len(), "{:?}", found.logs);
        for &at in &free {
            assert!(gradient[at].abs() < 1e-4, "{at}: {}", gradient[at]);
        }
        // From elsewhere it is the same place.
        let other = maximize(&density, vec![-0.2; layout.len()], None, 1e-2, 200).unwrap();
        let other = polish(&density, other).unwrap();
        for (one, other) in found.logs.iter().zip(&other.logs) {
            assert!((one - other).abs() < 1e-5, "{one} {other}");
        }
    }
}
