//! Minimisation of smooth functions that may have no value everywhere.

use std::collections::VecDeque;

/// Where a search ended.
#[derive(Debug, Clone)]
pub(crate) struct Minimum {
    pub(crate) point: Vec<f64>,
    pub(crate) iterations: usize,
    pub(crate) converged: bool,
}

/// Corrections that are remembered.
const MEMORY: usize = 20;

/// Sufficient decrease, and the share of the slope that may be left (Nocedal and Wright 2006,
/// doi:10.1007/978-0-387-40065-5, section 3.1).
const DECREASE: f64 = 1e-4;
const CURVATURE: f64 = 0.9;

/// Trial steps of one line search.
const TRIALS: usize = 60;

/// L-BFGS from a point where the function has a value, until no entry of the gradient is above the
/// tolerance.
///
/// Outside its domain the function has no value, and the line search bisects back into it: that is why
/// this is not argmin's, whose searches interpolate values and gradients of every point they try. The
/// search is by bisection for the weak Wolfe conditions (Lewis and Overton 2013,
/// doi:10.1007/s10107-012-0514-2), which holds the curvature of every correction positive.
pub(crate) fn minimize(
    mut function: impl FnMut(&[f64]) -> Option<(f64, Vec<f64>)>,
    start: Vec<f64>,
    tolerance: f64,
    most_iterations: usize,
) -> Minimum {
    let mut point = start;
    let Some((mut value, mut gradient)) = function(&point) else {
        return Minimum {
            point,
            iterations: 0,
            converged: false,
        };
    };
    let mut memory: VecDeque<Correction> = VecDeque::new();
    let mut iterations = 0;
    let flat = |gradient: &[f64]| gradient.iter().all(|slope| slope.abs() <= tolerance);
    while iterations < most_iterations && !flat(&gradient) {
        iterations += 1;
        let mut direction = downhill(&gradient, &memory);
        let mut slope = dot(&direction, &gradient);
        if slope >= 0.0 || slope.is_nan() {
            memory.clear();
            direction = gradient.iter().map(|g| -g).collect();
            slope = dot(&direction, &gradient);
        }
        let first = if memory.is_empty() {
            1.0 / dot(&gradient, &gradient).sqrt().max(1.0)
        } else {
            1.0
        };
        match line_search(&mut function, &point, value, &direction, slope, first) {
            Some((next, next_value, next_gradient)) => {
                let correction = Correction::new(
                    next.iter().zip(&point).map(|(a, b)| a - b).collect(),
                    next_gradient
                        .iter()
                        .zip(&gradient)
                        .map(|(a, b)| a - b)
                        .collect(),
                );
                if let Some(correction) = correction {
                    if memory.len() == MEMORY {
                        memory.pop_front();
                    }
                    memory.push_back(correction);
                }
                (point, value, gradient) = (next, next_value, next_gradient);
            }
            // Nothing lower in a direction that is bent by the past: once more without it.
            None if !memory.is_empty() => memory.clear(),
            None => break,
        }
    }
    Minimum {
        converged: flat(&gradient),
        point,
        iterations,
    }
}

struct Correction {
    step: Vec<f64>,
    change: Vec<f64>,
    curvature: f64,
}

impl Correction {
    fn new(step: Vec<f64>, change: Vec<f64>) -> Option<Self> {
        let curvature = dot(&step, &change);
        let noise = f64::EPSILON * dot(&step, &step).sqrt() * dot(&change, &change).sqrt();
        (curvature > noise).then_some(Self {
            step,
            change,
            curvature,
        })
    }
}

/// Minus the inverse Hessian that the corrections imply times the gradient.
fn downhill(gradient: &[f64], memory: &VecDeque<Correction>) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut shares = Vec::with_capacity(memory.len());
    for correction in memory.iter().rev() {
        let share = dot(&correction.step, &direction) / correction.curvature;
        add(&mut direction, -share, &correction.change);
        shares.push(share);
    }
    if let Some(last) = memory.back() {
        let scale = last.curvature / dot(&last.change, &last.change);
        direction.iter_mut().for_each(|entry| *entry *= scale);
    }
    for (correction, share) in memory.iter().zip(shares.into_iter().rev()) {
        let back = dot(&correction.change, &direction) / correction.curvature;
        add(&mut direction, share - back, &correction.step);
    }
    direction
}

type Evaluated = (Vec<f64>, f64, Vec<f64>);

fn line_search(
    function: &mut impl FnMut(&[f64]) -> Option<(f64, Vec<f64>)>,
    point: &[f64],
    value: f64,
    direction: &[f64],
    slope: f64,
    first: f64,
) -> Option<Evaluated> {
    let (mut low, mut high, mut length) = (0.0, f64::INFINITY, first);
    // The last point that was low enough, in case its slope never flattens.
    let mut fallback = None;
    for _ in 0..TRIALS {
        let mut trial = point.to_vec();
        add(&mut trial, length, direction);
        match function(&trial) {
            Some((next, gradient)) if next <= value + DECREASE * length * slope => {
                if dot(&gradient, direction) >= CURVATURE * slope {
                    return Some((trial, next, gradient));
                }
                fallback = Some((trial, next, gradient));
                low = length;
            }
            _ => high = length,
        }
        length = if high.is_finite() {
            0.5 * (low + high)
        } else {
            2.0 * low
        };
    }
    fallback
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [f64], factor: f64, from: &[f64]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += factor * from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curved_valley() {
        let rosenbrock = |x: &[f64]| {
            let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
            let gradient = vec![-2.0 * a - 400.0 * x[0] * b, 200.0 * b];
            Some((a * a + 100.0 * b * b, gradient))
        };
        let found = minimize(rosenbrock, vec![-1.2, 1.0], 1e-10, 200);
        assert!(found.converged && found.iterations < 60, "{found:?}");
        assert!(found.point.iter().all(|x| (x - 1.0).abs() < 1e-9));
    }

    #[test]
    fn the_edge_of_the_domain_is_not_crossed() {
        // x − ln x, with the minimum at 1 and no value at or below zero.
        let barrier = |x: &[f64]| {
            let x = x[0];
            (x > 0.0).then(|| (x - x.ln(), vec![1.0 - 1.0 / x]))
        };
        for start in [1e-6, 50.0] {
            let found = minimize(barrier, vec![start], 1e-9, 200);
            assert!(
                found.converged && (found.point[0] - 1.0).abs() < 1e-8,
                "{found:?}"
            );
        }
        assert!(!minimize(barrier, vec![-1.0], 1e-9, 10).converged);
    }

    #[test]
    fn an_unbounded_function_ends_unconverged() {
        let slope = |x: &[f64]| Some((-x[0], vec![-1.0]));
        assert!(!minimize(slope, vec![0.0], 1e-9, 5).converged);
    }
}
