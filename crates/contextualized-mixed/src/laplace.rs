//! Laplace's approximation of the likelihood of other families than the Gaussian.
//!
//! ```text
//! −2 log L(β, Λ) ≈ min_u (−2 Σ w ℓ(y, Xβ + ZΛu) + |u|²) + log|ΛᵀZᵀWZΛ + I|
//! ```
//!
//! with W the negative second derivatives at the minimum, which Newton's method finds; β and Λ are sought together, and
//! with them the logarithm of the shape of a family that has one to be estimated. The derivatives of the outer search
//! are differences.

use crate::model::FittedTarget;
use crate::problem::{Problem, Rows, Solved};
use crate::structure::Structure;
use contextualized_core::{Error, Family, FitReport, Monitor, Result, Samples, Shape, Termination};
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

/// Logarithms of shapes between which it is sought: beyond, outcomes do not tell them apart.
const SHAPES: (f64, f64) = (-14.0, 16.0);

/// Newton's method has arrived when no linear predictor moves by more.
const NEWTON_TOLERANCE: f64 = 1e-9;
const NEWTON_ITERATIONS: usize = 100;
const NEWTON_HALVINGS: usize = 30;

/// The least information of a row, which keeps working responses finite.
const LEAST_INFORMATION: f64 = 1e-12;

pub(crate) struct Laplace<'a> {
    /// With the shape that the search starts from, if it seeks one.
    family: Family,
    /// How many values of the shape it seeks.
    shape_values: usize,
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

/// What the numbers that are searched stand for.
struct Point<'n> {
    parameters: &'n [f64],
    fixed: ArrayView1<'n, f64>,
    family: Family,
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
        let start = family.without_predictors(samples)?;
        let values = |shape: Shape| shape.get().map_or(0, <[f64]>::len);
        let shape_values = if family.is_known() {
            0
        } else {
            start.shape().map_or(0, values)
        };
        Ok(Self {
            family: start,
            shape_values,
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

    /// Numbers of the covariances, fixed effects, and logarithms of the values of the shape.
    fn point<'n>(&self, numbers: &'n [f64]) -> Result<Point<'n>> {
        let (others, shape) = numbers.split_at(numbers.len() - self.shape_values);
        let family = if shape.is_empty() {
            self.family
        } else {
            let values = shape
                .iter()
                .map(|value| value.clamp(SHAPES.0, SHAPES.1).exp());
            self.family.with_shape(&values.collect::<Vec<f64>>())?
        };
        let (parameters, fixed) = others.split_at(others.len() - self.structure.coefficients);
        Ok(Point {
            parameters,
            fixed: ArrayView1::from(fixed),
            family,
        })
    }

    /// The known part of the linear predictor.
    fn known(&self, point: &Point<'_>, fixed: ArrayView2<'_, f64>) -> Array1<f64> {
        &self.offsets + &fixed.dot(&point.fixed)
    }

    /// What a row says of its linear predictor, and the derivative of its log-likelihood, by weight.
    fn of_row(&self, family: Family, row: usize, predictor: f64) -> (f64, f64) {
        let own = family.derivatives(self.targets[row], predictor);
        let weight = self.weights[row];
        let information = (-own.second * weight).max(LEAST_INFORMATION);
        (information, weight * own.first)
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
    fn penalised_deviance(&self, family: Family, predictor: &Array1<f64>, state: &State) -> f64 {
        let penalised = state.dense.slice(s![..self.penalised()]);
        let of_rows = (0..predictor.len()).map(|row| {
            let own = family.derivatives(self.targets[row], predictor[row]);
            -2.0 * self.weights[row] * own.log_likelihood
        });
        let squares = state.levels.iter().chain(penalised).map(|u| u * u);
        of_rows.sum::<f64>() + squares.sum::<f64>()
    }

    /// The mode of the effects at a known part of the predictor, with or without fixed effects among the dense columns;
    /// what is done there is given to `then`.
    fn mode<T>(
        &self,
        (family, parameters): (Family, &[f64]),
        known: &Array1<f64>,
        width: usize,
        state: &mut State,
        then: impl FnOnce(Mode<'_>) -> Result<T>,
    ) -> Result<T> {
        let rows = self.with_dense(width);
        let (root, penalties) = self.structure.roots(parameters)?;
        let mut effects = self.effects(&rows, state, parameters)?;
        let mut predictor = known + &effects;
        let mut deviance = self.penalised_deviance(family, &predictor, state);
        let mut moved = f64::INFINITY;
        for _ in 0..NEWTON_ITERATIONS {
            let mut information = Array1::zeros(predictor.len());
            let mut moments = Array1::zeros(predictor.len());
            for row in 0..predictor.len() {
                let (own, slope) = self.of_row(family, row, predictor[row]);
                information[row] = own;
                moments[row] = own * effects[row] + slope;
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
                let value = self.penalised_deviance(family, &at, &tried);
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

    /// The approximate deviance at the numbers that are searched.
    fn value(&self, numbers: &[f64], fixed: ArrayView2<'_, f64>, state: &mut State) -> Result<f64> {
        let point = self.point(numbers)?;
        let known = self.known(&point, fixed);
        let (width, at) = (self.penalised(), (point.family, point.parameters));
        let deviance = self.mode(at, &known, width, state, |mode| Ok(mode.deviance))?;
        let prior = self.structure.functions.map_or(0.0, |functions| {
            let first = self.structure.of_factors();
            functions.penalty(&point.parameters[first..], self.structure.coefficients)
        });
        Ok(deviance + prior)
    }

    /// The family with its shape, and what was found.
    pub(crate) fn fit(&self, fixed: &Array2<f64>) -> Result<(Family, FittedTarget)> {
        let (p, penalised) = (self.structure.coefficients, self.penalised());
        let start = self.structure.start();
        let mut all = self.nothing(penalised + p);
        let at = (self.family, &start[..]);
        let joint = self.mode(at, &self.offsets, penalised + p, &mut all, |mode| {
            Ok(mode.solved.means.slice(s![penalised..]).to_owned())
        })?;
        let mut numbers = start;
        numbers.extend(joint);
        if self.shape_values > 0 {
            let shape = self.family.shape();
            let values = shape.as_ref().and_then(Shape::get).unwrap_or_default();
            numbers.extend(values.iter().map(|value| value.ln()));
        }
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
        let point = self.point(&found.point)?;
        let (family, parameters) = (point.family, point.parameters);
        // Effects given the fixed ones, and then the covariance of both.
        let mut state = self.nothing(penalised);
        let known = self.known(&point, fixed);
        let at = (family, parameters);
        let (level_means, others) = self.mode(at, &known, penalised, &mut state, |mode| {
            Ok((mode.solved.level_effects().means, mode.solved.means.clone()))
        })?;
        let mut means = others.to_vec();
        means.extend(point.fixed);
        let predictor = known + &self.effects(&self.with_dense(penalised), &state, parameters)?;
        let information = Array1::from_shape_fn(predictor.len(), |row| {
            self.of_row(family, row, predictor[row]).0
        });
        let nothing = Array1::zeros(predictor.len());
        let problem = Problem::gather(self.rows, information.view(), nothing.view(), 0.0)?;
        let (root, penalties) = self.structure.roots(parameters)?;
        let solved = problem.solve(&root, &penalties)?;
        let levels = solved.level_effects();
        let fitted = FittedTarget {
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
        };
        Ok((family, fitted))
    }
}
