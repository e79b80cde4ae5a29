//! Laplace's approximation of binary outcomes.
//!
//! After Rasmussen and Williams, *Gaussian Processes for Machine Learning* (2006), algorithms 3.1
//! and 5.1, doi:10.7551/mitpress/3206.001.0001, with the logistic likelihood and row weights.

use crate::exact::{add_outer, numerical};
use contextualized_core::{Error, Link, Result};
use contextualized_solvers::{Cholesky, cholesky, product};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

/// The mode of the linear predictors' posterior, and the likelihood around it.
pub(crate) struct Mode {
    /// Derivatives of the log-likelihood at the mode, `w (y − π)`.
    pub(crate) slopes: Array1<f64>,
    /// Minus its second derivatives, `w π (1 − π)`.
    pub(crate) precisions: Array1<f64>,
    /// Third derivatives.
    thirds: Array1<f64>,
    /// Factor of `B = I + R K R`, R the roots of the precisions.
    pub(crate) factor: Cholesky,
    /// Laplace's approximation of the logarithm of the marginal likelihood.
    pub(crate) evidence: f64,
}

const MAX_ITERATIONS: usize = 100;
const TOLERANCE: f64 = 1e-10;

/// Newton's iteration to the mode for predictors with this prior covariance.
pub(crate) fn mode(
    prior: ArrayView2<'_, f64>,
    target: ArrayView1<'_, f64>,
    weights: ArrayView1<'_, f64>,
) -> Result<Mode> {
    let rows = target.len();
    let mut loads = Array1::zeros(rows);
    let mut predictors = Array1::zeros(rows);
    let mut objective = objective_at(&loads, &predictors, target, weights);
    let mut change = f64::INFINITY;
    for _ in 0..MAX_ITERATIONS {
        let (slopes, precisions) = derivatives(&predictors, target, weights);
        let roots = precisions.mapv(f64::sqrt);
        let factor = factored(prior, &roots)?;
        if change < TOLERANCE * (1.0 + objective.abs()) {
            let thirds = predictors
                .iter()
                .zip(weights)
                .map(|(&f, w)| {
                    let p = Link::Logit.inverse(f);
                    -w * p * (1.0 - p) * (1.0 - 2.0 * p)
                })
                .collect();
            let evidence = objective - 0.5 * factor.log_determinant();
            return Ok(Mode {
                slopes,
                precisions,
                thirds,
                factor,
                evidence,
            });
        }
        // The Newton step in the loads a with f = K a, which avoids K⁻¹.
        let linear = &precisions * &predictors + &slopes;
        let scaled = &roots * &prior.dot(&linear);
        let solved = numerical(factor.solve(scaled.view().insert_axis(Axis(1))))?;
        let full = &linear - &(&roots * &solved.column(0));
        let direction = full - &loads;
        let moved = prior.dot(&direction);
        let mut step = 1.0;
        loop {
            let next_loads = &loads + &(&direction * step);
            let next = &predictors + &(&moved * step);
            let value = objective_at(&next_loads, &next, target, weights);
            if value >= objective - TOLERANCE * (1.0 + objective.abs()) || step < 1e-6 {
                change = (value - objective).abs();
                (loads, predictors, objective) = (next_loads, next, value);
                break;
            }
            step /= 2.0;
        }
    }
    Err(Error::NotConverged {
        algorithm: "Newton's iteration to the posterior mode",
        iterations: MAX_ITERATIONS,
        criterion: "change of the log-posterior",
        value: change,
        tolerance: TOLERANCE,
    })
}

fn factored(prior: ArrayView2<'_, f64>, roots: &Array1<f64>) -> Result<Cholesky> {
    let mut matrix = &prior * &roots.view().insert_axis(Axis(1)) * roots;
    matrix.diag_mut().mapv_inplace(|value| value + 1.0);
    numerical(cholesky(matrix.view()))
}

fn objective_at(
    loads: &Array1<f64>,
    predictors: &Array1<f64>,
    target: ArrayView1<'_, f64>,
    weights: ArrayView1<'_, f64>,
) -> f64 {
    log_likelihood(predictors, target, weights) - 0.5 * loads.dot(predictors)
}

/// Of linear predictors.
pub(crate) fn log_likelihood(
    predictors: &Array1<f64>,
    target: ArrayView1<'_, f64>,
    weights: ArrayView1<'_, f64>,
) -> f64 {
    (predictors.iter().zip(target).zip(weights))
        .map(|((&f, &y), w)| w * (y * f - softplus(f)))
        .sum()
}

/// `log(1 + exp(f))` without overflow.
fn softplus(f: f64) -> f64 {
    f.max(0.0) + (-f.abs()).exp().ln_1p()
}

/// First derivatives of the log-likelihood, and minus the second.
pub(crate) fn derivatives(
    predictors: &Array1<f64>,
    target: ArrayView1<'_, f64>,
    weights: ArrayView1<'_, f64>,
) -> (Array1<f64>, Array1<f64>) {
    let probabilities = predictors.mapv(|f| Link::Logit.inverse(f));
    let slopes = (&target - &probabilities) * weights;
    let precisions = &probabilities * &(1.0 - &probabilities) * weights;
    (slopes, precisions)
}

impl Mode {
    /// The symmetric W with `∂ log q / ∂θ = Σ_ab W_ab ∂K_ab / ∂θ`, the movement of the mode
    /// included.
    pub(crate) fn weights_of_derivatives(&self, prior: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let roots = self.precisions.mapv(f64::sqrt);
        let scaled = &prior * &roots.view().insert_axis(Axis(1));
        let half = numerical(self.factor.solve_lower(scaled.view()))?;
        let explained = half.map_axis(Axis(0), |column| column.dot(&column));
        // ∂ log q / ∂f: half the posterior variance times the third derivative. (Algorithm 5.1 has the
        // opposite sign, for precisions that grow with their second derivative; they fall.)
        let shift = (&prior.diag() - &explained) * &self.thirds * 0.5;
        // R = roots B⁻¹ roots = (K + W⁻¹)⁻¹.
        let mut inverse = numerical(self.factor.inverse())?;
        inverse *= &roots.view().insert_axis(Axis(1));
        inverse *= &roots;
        let moved = prior.dot(&shift);
        let moved = numerical(product(inverse.view(), moved.view().insert_axis(Axis(1))))?;
        let moved = shift - moved.column(0);
        let mut weights = inverse * -0.5;
        let slopes = self.slopes.view();
        add_outer(&mut weights, 0.5, slopes, slopes);
        add_outer(&mut weights, 0.5, moved.view(), slopes);
        add_outer(&mut weights, 0.5, slopes, moved.view());
        Ok(weights)
    }
}
