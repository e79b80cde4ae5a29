//! Minimisation of smooth functions.

use argmin::core::{CostFunction, Error as ArgminError, Executor, Gradient, State};
use argmin::core::{TerminationReason, TerminationStatus};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use contextualized_core::{Error, Result};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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

/// Evaluations for each iteration after which a search is stopped.
const EVALUATIONS: usize = 10;

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
        let (best, left) = (
            Mutex::new(None),
            AtomicUsize::new(EVALUATIONS.saturating_mul(self.max_iterations.saturating_add(1))),
        );
        let spent = AtomicBool::new(false);
        let problem = Problem {
            function,
            last: Mutex::new(None),
            failure: &failure,
            best: &best,
            left: &left,
            spent: &spent,
        };
        let solver = LBFGS::new(MoreThuenteLineSearch::new(), self.memory)
            .with_tolerance_cost(self.tolerance / self.unit)
            .and_then(|solver| solver.with_tolerance_grad(self.gradient_tolerance))
            .map_err(failed)?;
        let iterations = self.max_iterations as u64;
        let result = Executor::new(problem, solver)
            .configure(|state| state.param(start).max_iters(iterations))
            .ctrlc(false)
            .run();
        let failure = failure.lock().ok().and_then(|mut own| own.take());
        // Whoever ended the search is told that, and has no use for where it was.
        if let Some(cancelled @ Error::Cancelled) = failure {
            return Err(cancelled);
        }
        let result = match result {
            Ok(result) => result,
            // A line search has no end of its own where rounding makes the function rough.
            Err(_) if spent.load(Ordering::Relaxed) => {
                let best: Option<Evaluated> = best.lock().ok().and_then(|best| best.clone());
                let (point, cost, _) = best.ok_or_else(|| Error::NotConverged {
                    algorithm: self.purpose,
                    iterations: self.max_iterations,
                    criterion: self.criterion,
                    value: f64::NAN,
                    tolerance: self.tolerance,
                })?;
                return Ok(Minimum {
                    point,
                    cost,
                    iterations: self.max_iterations,
                    converged: false,
                });
            }
            Err(error) => return Err(failed(error)),
        };
        let state = result.state;
        let Some(best) = state.get_best_param() else {
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
    /// The lowest cost so far.
    best: &'a Mutex<Option<Evaluated>>,
    /// Evaluations that are left.
    left: &'a AtomicUsize,
    /// Whether more of them were asked for.
    spent: &'a AtomicBool,
}

impl<F: Fn(&[f64]) -> Result<(f64, Vec<f64>)>> Problem<'_, F> {
    fn evaluate(&self, point: &[f64]) -> Result<(f64, Vec<f64>), ArgminError> {
        if let Ok(guard) = self.last.lock()
            && let Some((at, cost, gradient)) = guard.as_ref()
            && at == point
        {
            return Ok((*cost, gradient.clone()));
        }
        let one_less = |left: usize| left.checked_sub(1);
        let (from, to) = (Ordering::Relaxed, Ordering::Relaxed);
        if self.left.fetch_update(from, to, one_less).is_err() {
            self.spent.store(true, Ordering::Relaxed);
            return Err(ArgminError::msg("the search took too many evaluations"));
        }
        match (self.function)(point) {
            Ok((cost, gradient)) => {
                if cost.is_finite()
                    && let Ok(mut best) = self.best.lock()
                    && best.as_ref().is_none_or(|(_, lowest, _)| cost < *lowest)
                {
                    *best = Some((point.to_vec(), cost, gradient.clone()));
                }
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

#[cfg(test)]
mod tests {
    use super::*;

    const SEARCH: QuasiNewton = QuasiNewton {
        purpose: "a test",
        criterion: "gain",
        memory: 5,
        tolerance: 1e-12,
        unit: 1.0,
        gradient_tolerance: 1e-9,
        max_iterations: 50,
    };

    #[test]
    fn a_bowl_has_its_minimum_in_the_middle() {
        let bowl = |x: &[f64]| {
            Ok((
                x[0].powi(2) + 3.0 * x[1].powi(2),
                vec![2.0 * x[0], 6.0 * x[1]],
            ))
        };
        let found = SEARCH.minimize(vec![1.0, -2.0], bowl).unwrap();
        assert!(found.converged && found.cost < 1e-12, "{found:?}");
    }

    #[test]
    fn a_search_that_is_cancelled_says_so() {
        let calls = AtomicUsize::new(0);
        let bowl = |x: &[f64]| match calls.fetch_add(1, Ordering::Relaxed) {
            0..3 => Ok((x[0].powi(4), vec![4.0 * x[0].powi(3)])),
            _ => Err(Error::Cancelled),
        };
        let found = SEARCH.minimize(vec![1.0], bowl);
        assert!(matches!(found, Err(Error::Cancelled)), "{found:?}");
    }

    /// A slope without an end: every step is to be followed by a longer one.
    #[test]
    fn a_search_that_finds_no_end_is_stopped() {
        let calls = AtomicUsize::new(0);
        let slope = |x: &[f64]| {
            calls.fetch_add(1, Ordering::Relaxed);
            Ok((-x[0], vec![-1.0]))
        };
        let search = QuasiNewton {
            max_iterations: 1,
            ..SEARCH
        };
        let found = search.minimize(vec![0.0], slope).unwrap();
        assert_eq!(calls.into_inner(), 2 * EVALUATIONS);
        assert!(!found.converged && found.point[0].is_finite(), "{found:?}");
    }
}
