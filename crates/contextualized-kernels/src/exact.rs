//! Every row kept: solves with the n × n covariance of the rows.

use crate::covariance::{
    Component, components, contract, dot, of_rows, row, transposed, with_coefficients,
};
use crate::engine::inconsistent;
use crate::evidence::Evidence;
use crate::fitted::PartialEffect;
use crate::hyperparameters::{Hyperparameters, Layout};
use crate::kernel::Kernel;
use crate::laplace;
use crate::process::Likelihood;
use contextualized_core::{Error, Result};
use contextualized_solvers::{Cholesky, cholesky, gram, product};
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The rows, and what does not depend on the hyperparameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Exact {
    pub(crate) kernel: Kernel,
    pub(crate) likelihood: Likelihood,
    /// Prior standard deviation τ of constants.
    pub(crate) constant: f64,
    /// n × c.
    pub(crate) contexts: Array2<f64>,
    /// n × p; of Gaussian rows times the square roots of their weights.
    pub(crate) design: Array2<f64>,
    /// n × T; of Gaussian rows times the square roots of their weights.
    pub(crate) targets: Array2<f64>,
    /// Of binary rows; ones for Gaussian ones, whose weights are in design and targets.
    pub(crate) weights: Array1<f64>,
    /// Sum of the logarithms of Gaussian rows' weights.
    pub(crate) log_weights: f64,
}

/// `B = I + R K R`, R the roots of the rows' precisions and K the covariance without constants,
/// factored, and what the constants need.
pub(crate) struct Factored {
    lower: Cholesky,
    /// L⁻¹ R X (n × p).
    design: Array2<f64>,
    /// Factor of `Xᵀ R B⁻¹ R X + I / τ²` (p × p).
    constants: Cholesky,
}

/// The posterior of the coefficient functions at given hyperparameters, for targets that share it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ExactPosterior {
    /// Weights of the rows in every coefficient's mean (n × T).
    pub(crate) loads: Array2<f64>,
    /// Means of the constants (p × T).
    pub(crate) constants: Array2<f64>,
    /// Roots of the rows' precisions (n).
    pub(crate) root_precisions: Array1<f64>,
    /// The largest jitter that a factorisation needed.
    pub(crate) jitter: f64,
}

impl Exact {
    pub(crate) fn new(
        kernel: Kernel,
        likelihood: Likelihood,
        constant: f64,
        contexts: ArrayView2<'_, f64>,
        design: ArrayView2<'_, f64>,
        targets: ArrayView2<'_, f64>,
        weights: Option<ArrayView1<'_, f64>>,
    ) -> Self {
        let rows = contexts.nrows();
        let own = |table: ArrayView2<'_, f64>| table.as_standard_layout().into_owned();
        let weights = weights.map_or_else(|| Array1::ones(rows), |w| w.to_owned());
        let (mut design, mut targets) = (own(design), own(targets));
        let mut exact_weights = weights.clone();
        let mut log_weights = 0.0;
        if likelihood == Likelihood::Gaussian {
            let roots = weights.mapv(f64::sqrt).insert_axis(Axis(1));
            design *= &roots;
            targets *= &roots;
            log_weights = weights.iter().map(|w| w.ln()).sum();
            exact_weights.fill(1.0);
        }
        Self {
            kernel,
            likelihood,
            constant,
            contexts: own(contexts),
            design,
            targets,
            weights: exact_weights,
            log_weights,
        }
    }

    /// Posteriors: one for all targets or, binary, one for each.
    pub(crate) fn parts(&self) -> usize {
        match self.likelihood {
            Likelihood::Gaussian => 1,
            Likelihood::Bernoulli => self.targets.ncols(),
        }
    }

    /// Whether tables read from a file fit together.
    pub(crate) fn validate(&self, kernel: &Kernel, contexts: usize) -> Result<()> {
        let rows = self.contexts.nrows();
        let fits = self.kernel == *kernel
            && self.contexts.ncols() == contexts
            && self.design.nrows() == rows
            && self.targets.nrows() == rows
            && self.weights.len() == rows
            && self.targets.ncols() > 0;
        if fits {
            Ok(())
        } else {
            Err(inconsistent("rows"))
        }
    }

    /// The design in units of the noise.
    fn scaled_design(&self, root_precisions: &Array1<f64>) -> Array2<f64> {
        &self.design * &root_precisions.view().insert_axis(Axis(1))
    }

    fn factor(&self, hyper: &Hyperparameters, design: ArrayView2<'_, f64>) -> Result<Factored> {
        let mut covariance = of_rows(&self.kernel, hyper, self.contexts.view(), design);
        covariance.diag_mut().mapv_inplace(|value| value + 1.0);
        let lower = numerical(cholesky(covariance.view()))?;
        let design = numerical(lower.solve_lower(design))?;
        let mut precision = numerical(gram(design.view()))?;
        precision
            .diag_mut()
            .mapv_inplace(|value| value + self.constant.powi(-2));
        let constants = numerical(cholesky(precision.view()))?;
        Ok(Factored {
            lower,
            design,
            constants,
        })
    }

    fn root_precision(&self, hyper: &Hyperparameters) -> Array1<f64> {
        Array1::from_elem(self.contexts.nrows(), 1.0 / hyper.noise)
    }

    /// Solves with Gaussian noise: the pieces of the likelihood and of the posterior.
    fn gaussian(&self, hyper: &Hyperparameters) -> Result<Gaussian> {
        let roots = self.root_precision(hyper);
        let design = self.scaled_design(&roots);
        let factored = self.factor(hyper, design.view())?;
        let targets = &self.targets / hyper.noise;
        let whitened = numerical(factored.lower.solve_lower(targets.view()))?;
        let projected = factored.design.t().dot(&whitened);
        let half = numerical(factored.constants.solve_lower(projected.view()))?;
        let constants = numerical(factored.constants.solve_upper(half.view()))?;
        let residual = &whitened - &factored.design.dot(&constants);
        let loads = numerical(factored.lower.solve_upper(residual.view()))?;
        let squares = |table: &Array2<f64>| table.map_axis(Axis(0), |column| column.dot(&column));
        // yᵀ P y, by the residual and what the prior of the constants costs: no cancellation.
        let quadratic = squares(&residual) + squares(&constants) / self.constant.powi(2);
        let (rows, targets) = self.targets.dim();
        let (n, count) = (rows as f64, targets as f64);
        let p = self.design.ncols() as f64;
        let log_determinant = factored.lower.log_determinant()
            + factored.constants.log_determinant()
            + 2.0 * p * self.constant.ln()
            + 2.0 * n * hyper.noise.ln()
            - self.log_weights
            + n * std::f64::consts::TAU.ln();
        let value = -0.5
            * (count * log_determinant
                + quadratic
                    .iter()
                    .zip(&hyper.scales)
                    .map(|(quadratic, scale)| quadratic / scale + n * scale.ln())
                    .sum::<f64>());
        Ok(Gaussian {
            design,
            factored,
            loads,
            constants,
            quadratic,
            value,
        })
    }

    /// `P = B⁻¹ − B⁻¹ X (Xᵀ B⁻¹ X + I / τ²)⁻¹ Xᵀ B⁻¹` in units of the noise.
    fn projection(&self, factored: &Factored) -> Result<Array2<f64>> {
        let solved = numerical(factored.lower.solve_upper(factored.design.view()))?;
        let half = numerical(factored.constants.solve_lower(solved.t()))?;
        let mut projection = numerical(factored.lower.inverse())?;
        projection -= &numerical(gram(half.view()))?;
        Ok(projection)
    }

    /// The posterior at these hyperparameters, one for all targets or, if binary, one for each.
    pub(crate) fn posteriors(&self, hyper: &Hyperparameters) -> Result<Vec<ExactPosterior>> {
        match self.likelihood {
            Likelihood::Gaussian => {
                let solved = self.gaussian(hyper)?;
                Ok(vec![ExactPosterior {
                    loads: solved.loads / hyper.noise,
                    constants: solved.constants,
                    root_precisions: self.root_precision(hyper),
                    jitter: solved.factored.jitter(),
                }])
            }
            Likelihood::Bernoulli => {
                let prior = self.prior_of_predictors(hyper);
                self.targets
                    .columns()
                    .into_iter()
                    .map(|target| {
                        let mode = laplace::mode(prior.view(), target, self.weights.view())?;
                        let loads = mode.slopes.insert_axis(Axis(1));
                        Ok(ExactPosterior {
                            constants: self.design.t().dot(&loads) * self.constant.powi(2),
                            loads,
                            root_precisions: mode.precisions.mapv(f64::sqrt),
                            jitter: mode.factor.jitter(),
                        })
                    })
                    .collect()
            }
        }
    }

    /// Prior covariance of the rows' linear predictors, constants included.
    fn prior_of_predictors(&self, hyper: &Hyperparameters) -> Array2<f64> {
        let design = self.design.view();
        let mut prior = of_rows(&self.kernel, hyper, self.contexts.view(), design);
        prior.scaled_add(self.constant.powi(2), &design.dot(&design.t()));
        prior
    }

    /// Residuals of every row predicted from all others, in the targets' units (n × T); closed form
    /// for Gaussian rows at these hyperparameters.
    pub(crate) fn leave_one_out(&self, hyper: &Hyperparameters) -> Result<Array2<f64>> {
        let solved = self.gaussian(hyper)?;
        let projection = self.projection(&solved.factored)?;
        let diagonal = projection.diag().insert_axis(Axis(1)).to_owned();
        Ok(solved.loads / diagonal * hyper.noise)
    }

    /// Means of all coefficients (q × T × p).
    pub(crate) fn means(
        &self,
        posterior: &ExactPosterior,
        hyper: &Hyperparameters,
        at: ArrayView2<'_, f64>,
    ) -> Array3<f64> {
        let parts = components(&self.kernel, hyper);
        let (targets, coefficients) = (posterior.loads.ncols(), self.design.ncols());
        let mut means = Array3::zeros((at.nrows(), targets, coefficients));
        let queries: Vec<_> = means
            .axis_chunks_iter_mut(Axis(0), QUERIES)
            .zip(at.axis_chunks_iter(Axis(0), QUERIES))
            .collect();
        queries.into_par_iter().for_each(|(mut mean, at)| {
            let cross = with_coefficients(&parts, self.contexts.view(), self.design.view(), at);
            let products = cross.dot(&posterior.loads);
            for (index, product) in products.rows().into_iter().enumerate() {
                let (q, j) = (index / coefficients, index % coefficients);
                for (target, product) in product.iter().enumerate() {
                    mean[[q, target, j]] = posterior.constants[[j, target]] + product;
                }
            }
        });
        means
    }

    /// What covariances of the posterior need, factored once.
    pub(crate) fn solver(
        &self,
        posterior: &ExactPosterior,
        hyper: &Hyperparameters,
    ) -> Result<Factored> {
        let design = self.scaled_design(&posterior.root_precisions);
        self.factor(hyper, design.view())
    }

    /// Covariances with the rows of every coefficient at these contexts, in units of the noise
    /// (q p × n, coefficients fastest).
    pub(crate) fn cross(
        &self,
        parts: &[Component<'_>],
        posterior: &ExactPosterior,
        at: ArrayView2<'_, f64>,
    ) -> Array2<f64> {
        let design = self.scaled_design(&posterior.root_precisions);
        with_coefficients(parts, self.contexts.view(), design.view(), at)
    }
}

struct Gaussian {
    design: Array2<f64>,
    factored: Factored,
    /// P y, in units of the noise (n × T).
    loads: Array2<f64>,
    constants: Array2<f64>,
    /// yᵀ P y of each target.
    quadratic: Array1<f64>,
    value: f64,
}

impl Factored {
    fn jitter(&self) -> f64 {
        self.lower.jitter().max(self.constants.jitter())
    }

    /// What the data take from the prior covariance of some quantities, and what not knowing the
    /// constants gives back, as two tables A and B with `posterior = prior − AᵀA + BᵀB`.
    ///
    /// `cross` has the quantities' covariances with the rows in its columns, `constants` (p × m)
    /// how the quantities depend on the constants.
    pub(crate) fn halves(
        &self,
        cross: ArrayView2<'_, f64>,
        constants: Array2<f64>,
    ) -> Result<(Array2<f64>, Array2<f64>)> {
        let taken = numerical(self.lower.solve_lower(cross))?;
        let unexplained = constants - numerical(product(self.design.t(), taken.view()))?;
        let given = numerical(self.constants.solve_lower(unexplained.view()))?;
        Ok((taken, given))
    }
}

impl Evidence for Exact {
    fn targets(&self) -> usize {
        self.targets.ncols()
    }

    fn rows(&self) -> usize {
        self.targets.nrows()
    }

    fn value(&self, hyper: &Hyperparameters) -> Result<f64> {
        match self.likelihood {
            Likelihood::Gaussian => Ok(self.gaussian(hyper)?.value),
            Likelihood::Bernoulli => {
                let prior = self.prior_of_predictors(hyper);
                self.targets
                    .columns()
                    .into_iter()
                    .try_fold(0.0, |sum, target| {
                        Ok(
                            sum + laplace::mode(prior.view(), target, self.weights.view())?
                                .evidence,
                        )
                    })
            }
        }
    }

    fn value_and_gradient(
        &self,
        hyper: &Hyperparameters,
        layout: &Layout,
    ) -> Result<(f64, Vec<f64>)> {
        match self.likelihood {
            Likelihood::Gaussian => {
                let solved = self.gaussian(hyper)?;
                let mut weights = self.projection(&solved.factored)?;
                weights *= -0.5 * self.targets.ncols() as f64;
                for (loads, scale) in solved.loads.columns().into_iter().zip(&hyper.scales) {
                    add_outer(&mut weights, 0.5 / scale, loads, loads);
                }
                let design = solved.design.view();
                let contexts = self.contexts.view();
                let mut gradient = contract(
                    &self.kernel,
                    hyper,
                    layout,
                    contexts,
                    design,
                    weights.view(),
                );
                if layout.noise {
                    gradient.push(2.0 * weights.diag().sum());
                }
                let rows = self.targets.nrows() as f64;
                for target in 0..layout.scales {
                    let quadratic = solved.quadratic[target] / hyper.scales[target];
                    gradient.push(0.5 * (quadratic - rows));
                }
                Ok((solved.value, gradient))
            }
            Likelihood::Bernoulli => {
                let prior = self.prior_of_predictors(hyper);
                let (contexts, design) = (self.contexts.view(), self.design.view());
                let mut weights = Array2::zeros(prior.dim());
                let mut value = 0.0;
                for target in self.targets.columns() {
                    let mode = laplace::mode(prior.view(), target, self.weights.view())?;
                    weights += &mode.weights_of_derivatives(prior.view())?;
                    value += mode.evidence;
                }
                let gradient = contract(
                    &self.kernel,
                    hyper,
                    layout,
                    contexts,
                    design,
                    weights.view(),
                );
                Ok((value, gradient))
            }
        }
    }
}

/// `matrix += factor a bᵀ`.
pub(crate) fn add_outer(
    matrix: &mut Array2<f64>,
    factor: f64,
    a: ArrayView1<'_, f64>,
    b: ArrayView1<'_, f64>,
) {
    for (mut line, a) in matrix.rows_mut().into_iter().zip(a) {
        line.scaled_add(factor * a, &b);
    }
}

/// A failure of a solve as the workspace's error.
pub(crate) fn numerical<T>(result: contextualized_solvers::Result<T>) -> Result<T> {
    result.map_err(|source| Error::numerical("a solve with the covariance of the rows", source))
}

/// Prior variances and covariances of the coefficients at one context: a diagonal.
pub(crate) fn prior_variances(parts: &[Component<'_>], context: &[f64], count: usize) -> Vec<f64> {
    (0..count)
        .map(|j| parts.iter().map(|part| part.variance(j, context)).sum())
        .collect()
}

/// Posterior covariances of the coefficients at each context (q × p × p).
pub(crate) fn covariances(
    exact: &Exact,
    posterior: &ExactPosterior,
    solver: &Factored,
    hyper: &Hyperparameters,
    at: ArrayView2<'_, f64>,
) -> Result<Array3<f64>> {
    let parts = components(&exact.kernel, hyper);
    let count = exact.design.ncols();
    let cross = exact.cross(&parts, posterior, at);
    let ones = Array2::from_shape_fn((count, at.nrows() * count), |(j, column)| {
        f64::from(column % count == j)
    });
    let (taken, given) = solver.halves(cross.t(), ones)?;
    let (taken, given) = (transposed(taken.view()), transposed(given.view()));
    let mut out = Array3::zeros((at.nrows(), count, count));
    for (q, mut covariance) in out.axis_iter_mut(Axis(0)).enumerate() {
        let prior = prior_variances(&parts, row(&at, q), count);
        for j in 0..count {
            for l in 0..=j {
                let (a, b) = (q * count + j, q * count + l);
                let pair = |table: &Array2<f64>| {
                    dot(
                        table.row(a).to_slice().unwrap_or_default(),
                        table.row(b).to_slice().unwrap_or_default(),
                    )
                };
                let prior = if j == l { prior[j] } else { 0.0 };
                let mut value = prior - pair(&taken) + pair(&given);
                if j == l {
                    value = value.max(0.0);
                }
                covariance[[j, l]] = value;
                covariance[[l, j]] = value;
            }
        }
    }
    Ok(out)
}

/// Joint posterior covariance of all coefficients at all contexts (q p × q p, coefficients fastest).
pub(crate) fn joint_covariance(
    exact: &Exact,
    posterior: &ExactPosterior,
    solver: &Factored,
    hyper: &Hyperparameters,
    at: ArrayView2<'_, f64>,
) -> Result<Array2<f64>> {
    let parts = components(&exact.kernel, hyper);
    let count = exact.design.ncols();
    let size = at.nrows() * count;
    let cross = exact.cross(&parts, posterior, at);
    let ones = Array2::from_shape_fn((count, size), |(j, column)| f64::from(column % count == j));
    let (taken, given) = solver.halves(cross.t(), ones)?;
    let mut covariance = numerical(gram(given.view()))? - numerical(gram(taken.view()))?;
    let others = transposed(at);
    for a in 0..at.nrows() {
        for part in &parts {
            for j in 0..count {
                let values = part.values(j, row(&at, a), others.view());
                for (b, value) in values.into_iter().enumerate() {
                    covariance[[a * count + j, b * count + j]] += value;
                }
            }
        }
    }
    Ok((&covariance + &covariance.t()) / 2.0)
}

/// What one term adds to every coefficient, with mean zero over the rows.
pub(crate) fn partial_effect(
    exact: &Exact,
    posterior: &ExactPosterior,
    hyper: &Hyperparameters,
    term: usize,
    at: ArrayView2<'_, f64>,
) -> Result<PartialEffect> {
    let mut parts = components(&exact.kernel, hyper);
    let part = parts.swap_remove(term);
    let (contexts, count) = (exact.contexts.view(), exact.design.ncols());
    let rows = contexts.nrows();
    let others = transposed(contexts);
    // Prior covariance of each coefficient at some contexts with itself at each row.
    let own = |at: ArrayView2<'_, f64>| -> Array2<f64> {
        let lines: Vec<Vec<f64>> = (0..at.nrows() * count)
            .into_par_iter()
            .map(|index| part.values(index % count, row(&at, index / count), others.view()))
            .collect();
        Array2::from_shape_fn((at.nrows() * count, rows), |(line, a)| lines[line][a])
    };
    let mut prior = own(at);
    let mut average = Array2::<f64>::zeros((count, rows));
    for start in (0..rows).step_by(AVERAGED) {
        let block = contexts.slice(s![start..rows.min(start + AVERAGED), ..]);
        for (index, line) in own(block).rows().into_iter().enumerate() {
            average
                .row_mut(index % count)
                .scaled_add(1.0 / rows as f64, &line);
        }
    }
    let mut variances = Array1::zeros(at.nrows() * count);
    for (index, mut line) in prior.rows_mut().into_iter().enumerate() {
        let (q, j) = (index / count, index % count);
        variances[index] = part.variance(j, row(&at, q)) - 2.0 * line.sum() / rows as f64
            + average.row(j).sum() / rows as f64;
        line -= &average.row(j);
        line *= &exact.design.column(j);
    }
    let means = numerical(product(prior.view(), posterior.loads.view()))?;
    let solver = exact.solver(posterior, hyper)?;
    prior *= &posterior.root_precisions;
    let (taken, given) = solver.halves(prior.t(), Array2::zeros((count, at.nrows() * count)))?;
    let squares = |table: &Array2<f64>| table.map_axis(Axis(0), |column| column.dot(&column));
    let variances = (variances - squares(&taken) + squares(&given)).mapv(|v: f64| v.max(0.0));
    let targets = posterior.loads.ncols();
    let scale = |target: usize| match exact.likelihood {
        Likelihood::Gaussian => hyper.scales[target],
        Likelihood::Bernoulli => 1.0,
    };
    let shape = (at.nrows(), targets, count);
    Ok(PartialEffect {
        means: Array3::from_shape_fn(shape, |(q, t, j)| means[[q * count + j, t]]),
        variances: Array3::from_shape_fn(shape, |(q, t, j)| variances[q * count + j] * scale(t)),
    })
}

/// Contexts whose means are formed at once.
const QUERIES: usize = 64;

/// Rows over which an average is taken at once.
const AVERAGED: usize = 256;
