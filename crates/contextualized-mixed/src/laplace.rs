//! Laplace's approximation of the likelihood of other families than the Gaussian.
//!
//! ```text
//! −2 log L(β, Λ) ≈ min_u (−2 Σ w ℓ(y, Xβ + ZΛu) + |u|²) + log|ΛᵀZᵀWZΛ + I|
//! ```
//!
//! with W the negative second derivatives at the minimum, which Newton's method finds; β and Λ are sought together.
//! The derivatives of the outer search are differences.

use crate::model::FittedTarget;
use crate::problem::{Problem, Rows, Solved};
use crate::structure::Structure;
use contextualized_core::{Error, Family, FitReport, Monitor, Result, Samples, Termination};
use contextualized_gp::QuasiNewton;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, s};

/// The search for fixed effects and covariances.
const SEARCH: QuasiNewton = QuasiNewton {
    purpose: "the search for fixed effects and variances of random effects",
    criterion: "the gain in the approximate likelihood",
    memory: 20,
    tolerance: 1e-11,
    unit: 1.0,
    gradient_tolerance: 1e-5,
    max_iterations: 300,
};

/// Step of its differences.
const STEP: f64 = 1e-4;

/// Newton's method has arrived when no linear predictor moves by more.
const NEWTON_TOLERANCE: f64 = 1e-9;
const NEWTON_ITERATIONS: usize = 100;
const NEWTON_HALVINGS: usize = 30;

/// The least information of a row, which keeps working responses finite.
const LEAST_INFORMATION: f64 = 1e-12;

pub(crate) struct Laplace<'a> {
    family: Family,
    targets: Array1<f64>,
    weights: Array1<f64>,
    offsets: Array1<f64>,
    structure: Structure<'a>,
    rows: Rows<'a>,
    monitor: &'a Monitor,
}

/// Where Newton's method ended.
struct Mode<'p> {
    solved: Solved<'p>,
    deviance: f64,
}

/// Effects in units in which their prior is standard normal, and fixed effects behind them.
#[derive(Clone)]
struct State {
    levels: Array2<f64>,
    dense: Array1<f64>,
}

impl<'a> Laplace<'a> {
    pub(crate) fn new(
        family: Family,
        samples: &'a Samples,
        structure: Structure<'a>,
        rows: Rows<'a>,
        target: usize,
    ) -> Result<Self> {
        let n = samples.rows();
        Ok(Self {
            family,
            targets: samples.targets().column(target).to_owned(),
            weights: samples
                .weights()
                .map_or(Array1::ones(n), |own| own.to_owned()),
            offsets: samples
                .offsets()
                .map_or(Array1::zeros(n), |own| own.to_owned()),
            structure,
            rows,
            monitor: samples.monitor(),
        })
    }

    fn penalised(&self) -> usize {
        self.structure.penalised()
    }

    /// Dense columns that are sought: all of them, or the penalised ones given fixed effects.
    fn with_dense(&self, width: usize) -> Rows<'a> {
        Rows {
            dense: self.rows.dense.slice_move(s![.., ..width]),
            ..self.rows
        }
    }

    /// `Zb + Dw` of effects in units of their priors.
    fn effects(&self, rows: &Rows<'_>, state: &State, parameters: &[f64]) -> Result<Array1<f64>> {
        let (root, penalties) = self.structure.roots(parameters)?;
        let own = state.levels.dot(&root.t());
        let mut dense = state.dense.clone();
        for penalty in &penalties {
            let width = penalty.root.nrows();
            for repeat in 0..penalty.repeats {
                let start = penalty.start + repeat * width;
                let moved = penalty.root.dot(&dense.slice(s![start..start + width]));
                dense.slice_mut(s![start..start + width]).assign(&moved);
            }
        }
        let mut sum = if dense.is_empty() {
            Array1::zeros(rows.design.nrows())
        } else {
            rows.dense.dot(&dense)
        };
        for ((sum, z), &level) in sum.iter_mut().zip(rows.design.rows()).zip(rows.levels) {
            *sum += z.dot(&own.row(level));
        }
        Ok(sum)
    }

    /// −2 Σ w ℓ + |u|².
    fn penalised_deviance(&self, predictor: &Array1<f64>, state: &State) -> f64 {
        let penalised = state.dense.slice(s![..self.penalised()]);
        let of_rows = (0..predictor.len()).map(|row| {
            let own = self.family.derivatives(self.targets[row], predictor[row]);
            -2.0 * self.weights[row] * own.log_likelihood
        });
        let squares = state.levels.iter().chain(penalised).map(|u| u * u);
        of_rows.sum::<f64>() + squares.sum::<f64>()
    }

    /// The mode of the effects at a known part of the predictor, with or without fixed effects among the dense columns;
    /// what is done there is given to `then`.
    fn mode<T>(
        &self,
        parameters: &[f64],
        known: &Array1<f64>,
        width: usize,
        state: &mut State,
        then: impl FnOnce(Mode<'_>) -> Result<T>,
    ) -> Result<T> {
        let rows = self.with_dense(width);
        let (root, penalties) = self.structure.roots(parameters)?;
        let mut effects = self.effects(&rows, state, parameters)?;
        let mut predictor = known + &effects;
        let mut deviance = self.penalised_deviance(&predictor, state);
        let mut moved = f64::INFINITY;
        for _ in 0..NEWTON_ITERATIONS {
            let mut information = Array1::zeros(predictor.len());
            let mut moments = Array1::zeros(predictor.len());
            for row in 0..predictor.len() {
                let own = self.family.derivatives(self.targets[row], predictor[row]);
                let weight = self.weights[row];
                information[row] = (-own.second * weight).max(LEAST_INFORMATION);
                moments[row] = information[row] * effects[row] + weight * own.first;
            }
            let problem = Problem::gather(rows, information.view(), moments.view(), 0.0)?;
            let solved = problem.solve(&root, &penalties)?;
            if moved <= NEWTON_TOLERANCE {
                let deviance = deviance + solved.log_determinant;
                return then(Mode { solved, deviance });
            }
            let (levels, dense) = solved.unit_effects()?;
            let full = State { levels, dense };
            let mut share = 1.0;
            moved = 0.0;
            for _ in 0..NEWTON_HALVINGS {
                let tried = State {
                    levels: &state.levels + &((&full.levels - &state.levels) * share),
                    dense: &state.dense + &((&full.dense - &state.dense) * share),
                };
                let own = self.effects(&rows, &tried, parameters)?;
                let at = known + &own;
                let value = self.penalised_deviance(&at, &tried);
                let rounding = 1e-12 * deviance.abs();
                if value.is_finite() && value <= deviance + rounding {
                    moved = (&at - &predictor)
                        .iter()
                        .fold(0.0_f64, |most, own| most.max(own.abs()));
                    (*state, effects, predictor, deviance) = (tried, own, at, value);
                    break;
                }
                share *= 0.5;
            }
        }
        Err(Error::NotConverged {
            algorithm: "Newton's method for the random effects",
            iterations: NEWTON_ITERATIONS,
            criterion: "the largest change of a linear predictor",
            value: moved,
            tolerance: NEWTON_TOLERANCE,
        })
    }

    fn nothing(&self, width: usize) -> State {
        State {
            levels: Array2::zeros((self.rows.level_count, self.rows.design.ncols())),
            dense: Array1::zeros(width),
        }
    }

    /// The approximate deviance at numbers of the covariances and fixed effects behind them.
    fn value(&self, numbers: &[f64], fixed: ArrayView2<'_, f64>, state: &mut State) -> Result<f64> {
        let (parameters, effects) = numbers.split_at(numbers.len() - self.structure.coefficients);
        let known = &self.offsets + &fixed.dot(&ArrayView1::from(effects));
        let width = self.penalised();
        let deviance = self.mode(parameters, &known, width, state, |mode| Ok(mode.deviance))?;
        let prior = self.structure.functions.map_or(0.0, |functions| {
            let first = self.structure.of_factors();
            functions.penalty(&parameters[first..], self.structure.coefficients)
        });
        Ok(deviance + prior)
    }

    pub(crate) fn fit(&self, fixed: &Array2<f64>) -> Result<FittedTarget> {
        let (p, penalised) = (self.structure.coefficients, self.penalised());
        let start = self.structure.start();
        let mut all = self.nothing(penalised + p);
        let joint = self.mode(&start, &self.offsets, penalised + p, &mut all, |mode| {
            Ok(mode.solved.means.slice(s![penalised..]).to_owned())
        });
        let mut numbers = start;
        numbers.extend(joint?);
        let fixed = fixed.view();
        let search = |point: &[f64]| -> Result<(f64, Vec<f64>)> {
            self.monitor.check()?;
            let mut state = self.nothing(penalised);
            let value = self.value(point, fixed, &mut state)?;
            let mut gradient = Vec::with_capacity(point.len());
            for at in 0..point.len() {
                let mut moved = point.to_vec();
                let mut value_at = |step: f64| {
                    moved[at] = point[at] + step;
                    self.value(&moved, fixed, &mut state.clone())
                };
                gradient.push((value_at(STEP)? - value_at(-STEP)?) / (2.0 * STEP));
            }
            Ok((value, gradient))
        };
        let found = SEARCH.minimize(numbers, search)?;
        let (parameters, effects) = found.point.split_at(found.point.len() - p);
        // Effects given the fixed ones, and then the covariance of both.
        let mut state = self.nothing(penalised);
        let known = &self.offsets + &fixed.dot(&ArrayView1::from(effects));
        let (level_means, others) =
            self.mode(parameters, &known, penalised, &mut state, |mode| {
                Ok((mode.solved.level_effects().means, mode.solved.means.clone()))
            })?;
        let mut means = others.to_vec();
        means.extend(effects);
        let predictor = known + &self.effects(&self.with_dense(penalised), &state, parameters)?;
        let information = Array1::from_shape_fn(predictor.len(), |row| {
            let own = self.family.derivatives(self.targets[row], predictor[row]);
            (-own.second * self.weights[row]).max(LEAST_INFORMATION)
        });
        let nothing = Array1::zeros(predictor.len());
        let problem = Problem::gather(self.rows, information.view(), nothing.view(), 0.0)?;
        let (root, penalties) = self.structure.roots(parameters)?;
        let solved = problem.solve(&root, &penalties)?;
        let levels = solved.level_effects();
        Ok(FittedTarget {
            means: Array1::from(means),
            half_covariance: solved.half_covariance()?,
            level_means,
            level_covariances: levels.covariances,
            gains: levels.gains,
            noise: 1.0,
            dispersion: 1.0,
            parameters: parameters.to_vec(),
            uncertain: None,
            report: FitReport {
                termination: if found.converged {
                    Termination::Converged
                } else {
                    Termination::IterationLimit
                },
                iterations: found.iterations,
                objective: found.cost,
                best_epoch: None,
            },
        })
    }
}
