//! Minimisation of smooth functions.

use argmin::core::{CostFunction, Error as ArgminError, Executor, Gradient, State};
use argmin::core::{TerminationReason, TerminationStatus};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use contextualized_core::{Error, Result};
use std::sync::Mutex;

/// L-BFGS with the line search of Moré and Thuente, for functions that have a value everywhere near
/// the way from their start to a minimum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuasiNewton {
    /// What is searched, for errors.
    pub purpose: &'static str,
    /// What the tolerance is compared with, for errors.
    pub criterion: &'static str,
    /// Corrections that are remembered.
    pub memory: usize,
    /// The gain of an iteration below which the search stops, times the unit.
    pub tolerance: f64,
    /// What the function was divided by.
    pub unit: f64,
    /// The length of the gradient below which the search stops.
    pub gradient_tolerance: f64,
    /// The most iterations.
    pub max_iterations: usize,
}

/// Where a search ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Minimum {
    /// The best point.
    pub point: Vec<f64>,
    /// The function there.
    pub cost: f64,
    /// Iterations taken.
    pub iterations: usize,
    /// Whether a tolerance was met.
    pub converged: bool,
}

impl QuasiNewton {
    /// Searches for a minimum of a function, of which value and gradient are given.
    ///
    /// # Errors
    ///
    /// The function's first, if the start has no value; [`Error::NotConverged`] if the value there is
    /// not finite; [`Error::Numerical`] if the search fails.
    pub fn minimize(
        &self,
        start: Vec<f64>,
        function: impl Fn(&[f64]) -> Result<(f64, Vec<f64>)>,
    ) -> Result<Minimum> {
        let failed = |error: ArgminError| Error::Numerical {
            context: self.purpose.into(),
            source: error.into(),
        };
        let failure = Mutex::new(None);
        let problem = Problem {
            function,
            last: Mutex::new(None),
            failure: &failure,
        };
        let solver = LBFGS::new(MoreThuenteLineSearch::new(), self.memory)
            .with_tolerance_cost(self.tolerance / self.unit)
            .and_then(|solver| solver.with_tolerance_grad(self.gradient_tolerance))
            .map_err(failed)?;
        let iterations = self.max_iterations as u64;
        let result = Executor::new(problem, solver)
            .configure(|state| state.param(start).max_iters(iterations))
            .ctrlc(false)
            .run()
            .map_err(failed)?;
        let state = result.state;
        let Some(best) = state.get_best_param() else {
            let failure = failure.into_inner().ok().flatten();
            return Err(failure.unwrap_or(Error::NotConverged {
                algorithm: self.purpose,
                iterations: 0,
                criterion: self.criterion,
                value: f64::NAN,
                tolerance: self.tolerance,
            }));
        };
        Ok(Minimum {
            point: best.clone(),
            cost: state.get_best_cost(),
            iterations: state.get_iter() as usize,
            converged: matches!(
                state.get_termination_status(),
                TerminationStatus::Terminated(TerminationReason::SolverConverged)
            ),
        })
    }
}

/// A point, its cost and its gradient.
type Evaluated = (Vec<f64>, f64, Vec<f64>);

struct Problem<'a, F> {
    function: F,
    /// The optimiser asks for cost and gradient of one point separately.
    last: Mutex<Option<Evaluated>>,
    failure: &'a Mutex<Option<Error>>,
}

impl<F: Fn(&[f64]) -> Result<(f64, Vec<f64>)>> Problem<'_, F> {
    fn evaluate(&self, point: &[f64]) -> Result<(f64, Vec<f64>), ArgminError> {
        if let Ok(guard) = self.last.lock()
            && let Some((at, cost, gradient)) = guard.as_ref()
            && at == point
        {
            return Ok((*cost, gradient.clone()));
        }
        match (self.function)(point) {
            Ok((cost, gradient)) => {
                if let Ok(mut guard) = self.last.lock() {
                    *guard = Some((point.to_vec(), cost, gradient.clone()));
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

impl<F: Fn(&[f64]) -> Result<(f64, Vec<f64>)>> CostFunction for Problem<'_, F> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, point: &Vec<f64>) -> Result<f64, ArgminError> {
        Ok(self.evaluate(point)?.0)
    }
}

impl<F: Fn(&[f64]) -> Result<(f64, Vec<f64>)>> Gradient for Problem<'_, F> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, point: &Vec<f64>) -> Result<Vec<f64>, ArgminError> {
        Ok(self.evaluate(point)?.1)
    }
}
