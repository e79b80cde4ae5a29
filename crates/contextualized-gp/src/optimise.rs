//! The search for hyperparameters.

use crate::engine::Engine;
use crate::hyperparameters::{Kind, Layout};
use crate::numerical;
use crate::priors::Priors;
use argmin::core::{CostFunction, Error as ArgminError, Executor, Gradient, State};
use argmin::core::{TerminationReason, TerminationStatus};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use contextualized_core::{Error, Result};
use contextualized_solvers::symmetric_eigen;
use ndarray::{Array1, Array2, ArrayView1};
use rayon::prelude::*;
use std::sync::Mutex;

/// Minus the second derivatives of the density's logarithm by the free logarithms, from differences
/// of its gradient.
pub(crate) fn information(
    density: &Posterior<'_>,
    logs: &[f64],
    free: &[usize],
) -> Result<Array2<f64>> {
    let size = free.len();
    let gradients = (0..2 * size)
        .into_par_iter()
        .map(|index| {
            let mut logs = logs.to_vec();
            logs[free[index / 2]] += if index % 2 == 0 { STEP } else { -STEP };
            Ok(density.value_and_gradient(&logs)?.1)
        })
        .collect::<Result<Vec<_>>>()?;
    let slope = |a: usize, b: usize| {
        let (up, down) = (&gradients[2 * a], &gradients[2 * a + 1]);
        (down[free[b]] - up[free[b]]) / (2.0 * STEP)
    };
    Ok(Array2::from_shape_fn((size, size), |(a, b)| {
        (slope(a, b) + slope(b, a)) / 2.0
    }))
}

/// Step of the differences of the gradient.
const STEP: f64 = 0.01;

/// Axes along which a density with `factor` times this information falls alike; where there is next
/// to no information, steps of about one.
pub(crate) fn axes_of(information: &Array2<f64>, factor: f64) -> Result<Array2<f64>> {
    let eigen = numerical(symmetric_eigen(information.view()))?;
    let lengths = eigen
        .values
        .mapv(|value| (factor * value).max(LEAST_CURVATURE).sqrt().recip());
    Ok(eigen.vectors * lengths)
}

const LEAST_CURVATURE: f64 = 1.0;

/// The posterior density of hyperparameters, up to a constant.
pub(crate) struct Posterior<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) priors: &'a Priors,
    pub(crate) layout: Layout,
    /// Whether the density is that of the logarithms.
    pub(crate) of_logs: bool,
}

/// Where a search ended.
#[derive(Debug, Clone)]
pub(crate) struct Optimum {
    pub(crate) logs: Vec<f64>,
    pub(crate) log_density: f64,
    pub(crate) iterations: usize,
    pub(crate) converged: bool,
}

/// Logarithms of the smallest and largest hyperparameters searched. Beyond, an inverse length scale or an
/// amplitude is as good as zero or as infinite; the noise stays where the covariance of the rows can
/// be factored to rounding.
pub(crate) const SMALLEST: f64 = 1e-5;
const LARGEST: f64 = 1e3;

impl Posterior<'_> {
    /// Within the bounds of the search.
    pub(crate) fn clamp(&self, logs: &[f64]) -> Vec<f64> {
        let (low, high) = (SMALLEST.ln(), LARGEST.ln());
        let bounds = self.layout.kinds().map(|kind| match kind {
            Kind::Scale => (low * 2.0, high * 2.0),
            Kind::InverseLengthScale | Kind::Amplitude | Kind::Noise => (low, high),
        });
        logs.iter()
            .zip(bounds)
            .map(|(log, (low, high))| log.clamp(low, high))
            .collect()
    }

    /// The logarithm of the density.
    pub(crate) fn value(&self, logs: &[f64]) -> Result<f64> {
        let inside = self.clamp(logs);
        let hyper = self.layout.hyperparameters(&inside, self.engine.targets());
        let prior = self
            .priors
            .log_density(&self.layout, &inside, self.of_logs)
            .0;
        Ok(self.engine.value(&hyper)? + prior - self.penalty(logs, &inside))
    }

    /// The logarithm of the density and its gradient.
    pub(crate) fn value_and_gradient(&self, logs: &[f64]) -> Result<(f64, Vec<f64>)> {
        let inside = self.clamp(logs);
        let hyper = self.layout.hyperparameters(&inside, self.engine.targets());
        let (value, mut gradient) = self.engine.value_and_gradient(&hyper, &self.layout)?;
        let (prior, slopes) = self.priors.log_density(&self.layout, &inside, self.of_logs);
        let unit = self.unit();
        for (index, slope) in slopes.into_iter().enumerate() {
            let beyond = logs[index] - inside[index];
            gradient[index] = if beyond == 0.0 {
                gradient[index] + slope
            } else {
                -2.0 * unit * beyond
            };
        }
        Ok((value + prior - self.penalty(logs, &inside), gradient))
    }

    /// Positions that are not at the lower end of what is searched.
    pub(crate) fn free(&self, logs: &[f64]) -> Vec<usize> {
        let low = SMALLEST.ln() + 0.01;
        let kinds = self.layout.kinds().enumerate();
        kinds
            .filter(|(at, kind)| *kind == Kind::Scale || logs[*at] > low)
            .map(|(at, _)| at)
            .collect()
    }

    /// Inverse length scales and amplitudes raised to at least this.
    pub(crate) fn lifted(&self, logs: &[f64], least: f64) -> Vec<f64> {
        let kinds = self.layout.kinds().zip(logs);
        kinds
            .map(|(kind, &log)| match kind {
                Kind::InverseLengthScale | Kind::Amplitude => log.max(least.ln()),
                Kind::Noise | Kind::Scale => log,
            })
            .collect()
    }

    /// Brings the search back from beyond the bounds.
    fn penalty(&self, logs: &[f64], inside: &[f64]) -> f64 {
        let beyond = logs.iter().zip(inside).map(|(a, b)| (a - b).powi(2));
        self.unit() * beyond.sum::<f64>()
    }

    /// The density's unit: it grows with the rows.
    fn unit(&self) -> f64 {
        (self.engine.rows() * self.engine.targets()) as f64
    }
}

/// A point, its cost and its gradient.
type Evaluated = (Vec<f64>, f64, Vec<f64>);

/// The search in coordinates z, the logarithms being `origin + axes z`.
struct Problem<'a> {
    posterior: &'a Posterior<'a>,
    origin: Array1<f64>,
    axes: Array2<f64>,
    /// What the density is divided by.
    unit: f64,
    /// The optimiser asks for cost and gradient of one point separately.
    last: Mutex<Option<Evaluated>>,
    failure: &'a Mutex<Option<Error>>,
}

impl Problem<'_> {
    fn logs(&self, z: &[f64]) -> Vec<f64> {
        (&self.origin + &self.axes.dot(&ArrayView1::from(z))).to_vec()
    }

    fn evaluate(&self, z: &[f64]) -> Result<(f64, Vec<f64>), ArgminError> {
        if let Ok(guard) = self.last.lock()
            && let Some((at, cost, gradient)) = guard.as_ref()
            && at == z
        {
            return Ok((*cost, gradient.clone()));
        }
        match self.posterior.value_and_gradient(&self.logs(z)) {
            Ok((value, gradient)) => {
                let cost = -value / self.unit;
                let gradient = self.axes.t().dot(&Array1::from_vec(gradient)) / -self.unit;
                let gradient = gradient.to_vec();
                if let Ok(mut guard) = self.last.lock() {
                    *guard = Some((z.to_vec(), cost, gradient.clone()));
                }
                Ok((cost, gradient))
            }
            Err(error) => {
                let message = error.to_string();
                if let Ok(mut guard) = self.failure.lock() {
                    *guard = Some(error);
                }
                Err(ArgminError::msg(message))
            }
        }
    }
}

impl CostFunction for Problem<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, z: &Vec<f64>) -> Result<f64, ArgminError> {
        Ok(self.evaluate(z)?.0)
    }
}

impl Gradient for Problem<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, z: &Vec<f64>) -> Result<Vec<f64>, ArgminError> {
        Ok(self.evaluate(z)?.1)
    }
}

/// Corrections that L-BFGS remembers.
const MEMORY: usize = 10;

/// Climbs from `start` to a maximum of the density, until an iteration gains less than `tolerance`
/// in its logarithm.
///
/// With the density's `information` near the start, d × d, from which [`axes_of`] has its axes, the
/// first steps are Newton's.
pub(crate) fn maximize(
    posterior: &Posterior<'_>,
    start: Vec<f64>,
    axes: Option<&Array2<f64>>,
    tolerance: f64,
    max_iterations: usize,
) -> Result<Optimum> {
    let size = start.len();
    let (axes, unit) = match axes {
        Some(axes) => (axes.clone(), 1.0),
        None => (Array2::eye(size), posterior.unit()),
    };
    let optimiser = |error: ArgminError| Error::Numerical {
        context: "the search for hyperparameters".into(),
        source: error.into(),
    };
    let origin = Array1::from_vec(start);
    let failure = Mutex::new(None);
    let problem = Problem {
        posterior,
        origin: origin.clone(),
        axes: axes.clone(),
        unit,
        last: Mutex::new(None),
        failure: &failure,
    };
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY)
        .with_tolerance_cost(tolerance / unit)
        .and_then(|solver| solver.with_tolerance_grad(1e-3 * tolerance.sqrt() / unit.sqrt()))
        .map_err(optimiser)?;
    let result = Executor::new(problem, solver)
        .configure(|state| {
            state
                .param(vec![0.0; size])
                .max_iters(max_iterations as u64)
        })
        .ctrlc(false)
        .run()
        .map_err(optimiser)?;
    let state = result.state;
    let Some(best) = state.get_best_param() else {
        let failure = failure.into_inner().ok().flatten();
        return Err(failure.unwrap_or_else(|| Error::NotConverged {
            algorithm: "the search for hyperparameters",
            iterations: 0,
            criterion: "gain in the log-posterior",
            value: f64::NAN,
            tolerance,
        }));
    };
    // The optimiser may have lost the problem where a line search failed.
    let logs = (&origin + &axes.dot(&ArrayView1::from(best.as_slice()))).to_vec();
    Ok(Optimum {
        logs: posterior.clamp(&logs),
        log_density: -state.get_best_cost() * unit,
        iterations: state.get_iter() as usize,
        converged: matches!(
            state.get_termination_status(),
            TerminationStatus::Terminated(TerminationReason::SolverConverged)
        ),
    })
}
