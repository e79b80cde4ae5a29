//! What is asked of the posterior.

use super::{Exact, Factored, numerical};
use crate::covariance::{Component, components, dot, row, transposed, with_coefficients};
use crate::fitted::PartialEffect;
use crate::hyperparameters::Hyperparameters;
use crate::process::Likelihood;
use crate::sums::{SharedMoments, Summands};
use contextualized_core::Result;
use contextualized_solvers::{gram, product};
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Contexts whose means are formed at once.
const QUERIES: usize = 64;

/// Rows over which an average is taken at once.
const AVERAGED: usize = 256;

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

    /// Posterior covariances of the coefficients at each context (q × p × p).
    pub(crate) fn covariances(
        &self,
        posterior: &ExactPosterior,
        solver: &Factored,
        hyper: &Hyperparameters,
        at: ArrayView2<'_, f64>,
    ) -> Result<Array3<f64>> {
        let parts = components(&self.kernel, hyper);
        let count = self.design.ncols();
        let cross = self.cross(&parts, posterior, at);
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
        &self,
        posterior: &ExactPosterior,
        solver: &Factored,
        hyper: &Hyperparameters,
        at: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        let parts = components(&self.kernel, hyper);
        let count = self.design.ncols();
        let size = at.nrows() * count;
        let cross = self.cross(&parts, posterior, at);
        let ones =
            Array2::from_shape_fn((count, size), |(j, column)| f64::from(column % count == j));
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

    /// Weighted sums of every coefficient over contexts.
    pub(crate) fn sums(
        &self,
        posterior: &ExactPosterior,
        hyper: &Hyperparameters,
        summands: &Summands<'_>,
    ) -> Result<SharedMoments> {
        let parts = components(&self.kernel, hyper);
        let count = self.design.ncols();
        let mut cross = summands.cross(&parts, self.contexts.view(), self.design.view());
        let mut of_constants = Array2::zeros((count, summands.sums() * count));
        for j in 0..count {
            let weights = summands.weights_of(j).sum_axis(Axis(1));
            of_constants.slice_mut(s![j, j..;count]).assign(&weights);
        }
        let means = numerical(product(cross.view(), posterior.loads.view()))?
            + of_constants.t().dot(&posterior.constants);
        let solver = self.solver(posterior, hyper)?;
        cross *= &posterior.root_precisions;
        let (taken, given) = solver.halves(cross.t(), of_constants)?;
        let prior = summands.prior_variances(&parts, count);
        let mut covariances = Array3::zeros((summands.sums(), count, count));
        for (sum, mut covariance) in covariances.axis_iter_mut(Axis(0)).enumerate() {
            let own = s![.., sum * count..(sum + 1) * count];
            let (taken, given) = (taken.slice(own), given.slice(own));
            covariance.assign(&(given.t().dot(&given) - taken.t().dot(&taken)));
            let mut diagonal = covariance.diag_mut();
            diagonal += &prior.row(sum);
            diagonal.mapv_inplace(|v| v.max(0.0));
        }
        let shape = (summands.sums(), posterior.loads.ncols(), count);
        Ok(SharedMoments {
            means: Array3::from_shape_fn(shape, |(g, t, j)| means[[g * count + j, t]]),
            covariances,
        })
    }

    /// What one term adds to every coefficient, with mean zero over the rows.
    pub(crate) fn partial_effect(
        &self,
        posterior: &ExactPosterior,
        hyper: &Hyperparameters,
        term: usize,
        at: ArrayView2<'_, f64>,
    ) -> Result<PartialEffect> {
        let mut parts = components(&self.kernel, hyper);
        let part = parts.swap_remove(term);
        let (contexts, count) = (self.contexts.view(), self.design.ncols());
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
            line *= &self.design.column(j);
        }
        let means = numerical(product(prior.view(), posterior.loads.view()))?;
        let solver = self.solver(posterior, hyper)?;
        prior *= &posterior.root_precisions;
        let (taken, given) =
            solver.halves(prior.t(), Array2::zeros((count, at.nrows() * count)))?;
        let squares = |table: &Array2<f64>| table.map_axis(Axis(0), |column| column.dot(&column));
        let variances = (variances - squares(&taken) + squares(&given)).mapv(|v: f64| v.max(0.0));
        let targets = posterior.loads.ncols();
        let scale = |target: usize| match self.likelihood {
            Likelihood::Gaussian => hyper.scales[target],
            Likelihood::Bernoulli => 1.0,
        };
        let shape = (at.nrows(), targets, count);
        Ok(PartialEffect {
            means: Array3::from_shape_fn(shape, |(q, t, j)| means[[q * count + j, t]]),
            variances: Array3::from_shape_fn(shape, |(q, t, j)| {
                variances[q * count + j] * scale(t)
            }),
        })
    }
}

/// Prior variances and covariances of the coefficients at one context: a diagonal.
fn prior_variances(parts: &[Component<'_>], context: &[f64], count: usize) -> Vec<f64> {
    (0..count)
        .map(|j| parts.iter().map(|part| part.variance(j, context)).sum())
        .collect()
}
