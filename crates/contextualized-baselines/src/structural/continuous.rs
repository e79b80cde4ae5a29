//! Structure searches by continuous optimisation: NOTEARS and DAGMA, solved to convergence.

use super::minimize::{Minimum, minimize};
use super::moments::Moments;
use contextualized_core::{Error, Result};
use contextualized_solvers::Acyclicity;
use ndarray::Array2;

/// Weights at the end of a search, before they are made a graph.
pub(crate) struct Relaxed {
    pub(crate) weights: Array2<f64>,
    /// The penalty on cycles that is left.
    pub(crate) cycles: f64,
    pub(crate) iterations: usize,
    pub(crate) converged: bool,
}

/// What is left of cycles at the end: of a cycle of two, edges of 1 and 0.001.
const CYCLES: f64 = 1e-6;

/// Largest entry of the gradient at the end of an inner search, in units in which variances are about
/// one.
const GRADIENT: f64 = 1e-6;

/// The most iterations of one inner search.
const INNER: usize = 5000;

/// `min L(W) + α h(W) + ½ ρ h(W)²`, α and ρ raised until h is zero.
///
/// ρ grows tenfold where h has not fallen to a quarter, and only after the inner problem has converged.
pub(crate) fn notears(moments: &Moments) -> Result<Relaxed> {
    const GROWTH: f64 = 10.0;
    const PROGRESS: f64 = 0.25;
    const MOST_STAGES: usize = 60;
    const MOST_RHO: f64 = 1e14;
    let size = moments.nodes();
    let mut point = vec![0.0; size * size.saturating_sub(1)];
    let (mut alpha, mut rho, mut previous) = (0.0, 1.0, f64::INFINITY);
    let mut iterations = 0;
    for _ in 0..MOST_STAGES {
        let objective = |entries: &[f64]| {
            let weights = unpacked(entries, size);
            let (loss, mut gradient) = moments.loss(&weights);
            let (h, slope) = Acyclicity::Notears
                .value_and_gradient(weights.view())
                .ok()?;
            gradient.scaled_add(alpha + rho * h, &slope);
            finite(loss + alpha * h + 0.5 * rho * h * h, packed(&gradient))
        };
        let inner: Minimum = minimize(objective, point, GRADIENT, INNER);
        iterations += inner.iterations;
        point = inner.point;
        let weights = unpacked(&point, size);
        let h = value(Acyclicity::Notears, &weights)?;
        if h <= CYCLES || rho >= MOST_RHO {
            return Ok(Relaxed {
                weights,
                cycles: h,
                iterations,
                converged: h <= CYCLES && inner.converged,
            });
        }
        alpha += rho * h;
        if h > PROGRESS * previous {
            rho *= GROWTH;
        }
        previous = h;
    }
    let weights = unpacked(&point, size);
    Ok(Relaxed {
        cycles: value(Acyclicity::Notears, &weights)?,
        weights,
        iterations,
        converged: false,
    })
}

/// `min μ L(W) + h_s(W)` inside the domain, along a path of μ to zero and s to 0.7.
pub(crate) fn dagma(moments: &Moments) -> Result<Relaxed> {
    const SHRINKAGE: f64 = 0.1;
    const MOST_STAGES: usize = 12;
    const RADII: [f64; 4] = [1.0, 0.9, 0.8, 0.7];
    let size = moments.nodes();
    let mut point = vec![0.0; size * size.saturating_sub(1)];
    let mut mu = 1.0;
    let mut s = RADII[0];
    let mut iterations = 0;
    let mut cycles = 0.0;
    let mut converged = false;
    for stage in 0..MOST_STAGES {
        let next = RADII[stage.min(RADII.len() - 1)];
        // A smaller domain only once the point is inside it.
        let inside = Acyclicity::Dagma { s: next }.contains(unpacked(&point, size).view());
        if matches!(inside, Ok(true)) {
            s = next;
        }
        let penalty = Acyclicity::Dagma { s };
        let objective = |entries: &[f64]| {
            let weights = unpacked(entries, size);
            let (loss, mut gradient) = moments.loss(&weights);
            let (h, slope) = penalty.value_and_gradient(weights.view()).ok()?;
            gradient *= mu;
            gradient += &slope;
            finite(mu * loss + h, packed(&gradient))
        };
        let inner: Minimum = minimize(objective, point, GRADIENT * mu, INNER);
        iterations += inner.iterations;
        point = inner.point;
        cycles = value(penalty, &unpacked(&point, size))?;
        if cycles <= CYCLES {
            converged = inner.converged;
            break;
        }
        mu *= SHRINKAGE;
    }
    Ok(Relaxed {
        weights: unpacked(&point, size),
        cycles,
        iterations,
        converged,
    })
}

fn value(penalty: Acyclicity, weights: &Array2<f64>) -> Result<f64> {
    penalty
        .value(weights.view())
        .map_err(|error| Error::numerical("the penalty on cycles", error))
}

/// A value and a gradient, if both are finite.
fn finite(value: f64, gradient: Vec<f64>) -> Option<(f64, Vec<f64>)> {
    let all = value.is_finite() && gradient.iter().all(|slope| slope.is_finite());
    all.then_some((value, gradient))
}

/// The entries off the diagonal, row by row.
fn packed(matrix: &Array2<f64>) -> Vec<f64> {
    matrix
        .indexed_iter()
        .filter(|((i, j), _)| i != j)
        .map(|(_, entry)| *entry)
        .collect()
}

fn unpacked(entries: &[f64], size: usize) -> Array2<f64> {
    let mut entries = entries.iter().copied();
    Array2::from_shape_fn((size, size), |(i, j)| {
        if i == j {
            0.0
        } else {
            entries.next().unwrap_or_default()
        }
    })
}
