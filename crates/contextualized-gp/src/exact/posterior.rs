//! The posterior given every row.

use super::{Exact, Factored, squares};
use crate::covariance::{Component, between, components, row, transposed, with_coefficients};
use crate::hyperparameters::Hyperparameters;
use crate::numerical;
use crate::observations::Observations;
use crate::posterior::{Posterior, SharedMoments, along, blocks, by_blocks, remainder};
use crate::sums::Summands;
use contextualized_core::Result;
use contextualized_solvers::{cholesky_with_limit, gram, product};
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, s};
use rayon::prelude::*;
use std::sync::Arc;

/// Rows over which an average is taken at once.
const AVERAGED: usize = 256;

#[derive(Debug)]
pub(super) struct ExactPosterior {
    exact: Arc<Exact>,
    hyper: Hyperparameters,
    /// Roots of the rows' precisions (n).
    roots: Array1<f64>,
    factored: Factored,
    /// Weights of the rows in every coefficient's mean (n × T).
    loads: Array2<f64>,
    /// Means of the constants (p × T).
    constants: Array2<f64>,
}

impl ExactPosterior {
    pub(super) fn new(exact: Arc<Exact>, hyper: &Hyperparameters) -> Result<Self> {
        let conditioned = exact.conditioned(hyper)?;
        let roots = conditioned.roots;
        Ok(Self {
            loads: conditioned.solved.loads * roots.view().insert_axis(Axis(1)),
            constants: conditioned.solved.constants,
            factored: conditioned.factored,
            roots,
            hyper: hyper.clone(),
            exact,
        })
    }

    fn components(&self) -> Vec<Component<'_>> {
        components(&self.exact.kernel, &self.hyper)
    }

    /// Covariances with the rows of every coefficient at these contexts (q p × n, coefficients
    /// fastest), and how these depend on the constants (p × q p).
    fn of_coefficients(
        &self,
        parts: &[Component<'_>],
        at: ArrayView2<'_, f64>,
    ) -> (Array2<f64>, Array2<f64>) {
        let (contexts, design) = (self.exact.contexts.view(), self.exact.design.view());
        let count = design.ncols();
        let ones = Array2::from_shape_fn((count, at.nrows() * count), |(j, column)| {
            f64::from(column % count == j)
        });
        (with_coefficients(parts, contexts, design, at), ones)
    }

    /// Means (q × T) of quantities with these covariances with the rows (q × n) and this dependence on
    /// the constants (p × q).
    fn means_of(&self, cross: &Array2<f64>, constants: &Array2<f64>) -> Result<Array2<f64>> {
        let varying = numerical(product(cross.view(), self.loads.view()))?;
        Ok(varying + constants.t().dot(&self.constants))
    }

    /// Moments of groups of k quantities each, given their prior variances (q × k), which do not
    /// covary.
    fn moments_of(
        &self,
        mut cross: Array2<f64>,
        constants: Array2<f64>,
        prior: &Array2<f64>,
    ) -> Result<SharedMoments> {
        let (groups, size) = prior.dim();
        let means = self.means_of(&cross, &constants)?;
        cross *= &self.roots;
        let (taken, given) = self.factored.halves(cross.t(), constants)?;
        let mut covariances = Array3::zeros((groups, size, size));
        for (group, mut covariance) in covariances.outer_iter_mut().enumerate() {
            let own = s![.., group * size..(group + 1) * size];
            let (taken, given) = (taken.slice(own), given.slice(own));
            covariance.assign(&(given.t().dot(&given) - taken.t().dot(&taken)));
            let mut diagonal = covariance.diag_mut();
            diagonal += &prior.row(group);
            diagonal.mapv_inplace(|v| v.max(0.0));
        }
        Ok(SharedMoments {
            means: grouped(&means, size),
            covariances,
        })
    }
}

/// Means (q × T × k) of groups of k quantities that follow each other.
fn grouped(means: &Array2<f64>, size: usize) -> Array3<f64> {
    let shape = (means.nrows() / size, means.ncols(), size);
    Array3::from_shape_fn(shape, |(q, t, j)| means[[q * size + j, t]])
}

impl Posterior for ExactPosterior {
    fn hyperparameters(&self) -> &Hyperparameters {
        &self.hyper
    }

    fn jitter(&self) -> f64 {
        let (rows, constants) = (&self.factored.lower, &self.factored.constants);
        rows.jitter().max(constants.jitter())
    }

    fn means(&self, at: ArrayView2<'_, f64>) -> Result<Array3<f64>> {
        let parts = self.components();
        let means = blocks(at.nrows(), |range| {
            let (cross, ones) = self.of_coefficients(&parts, at.slice(s![range, ..]));
            Ok(grouped(&self.means_of(&cross, &ones)?, ones.nrows()))
        })?;
        Ok(along(Axis(0), means.iter().map(Array3::view)))
    }

    fn coefficients(&self, at: ArrayView2<'_, f64>) -> Result<SharedMoments> {
        let parts = self.components();
        let count = self.exact.design.ncols();
        by_blocks(at.nrows(), |range| {
            let at = at.slice(s![range, ..]);
            let (cross, ones) = self.of_coefficients(&parts, at);
            self.moments_of(cross, ones, &prior_variances(&parts, at, count))
        })
    }

    fn predictors(
        &self,
        at: ArrayView2<'_, f64>,
        design: ArrayView2<'_, f64>,
    ) -> Result<SharedMoments> {
        let parts = self.components();
        let rows = (self.exact.contexts.view(), self.exact.design.view());
        by_blocks(at.nrows(), |range| {
            let (at, design) = (at.slice(s![range.clone(), ..]), design.slice(s![range, ..]));
            let variances = prior_variances(&parts, at, design.ncols()) * design * design;
            let prior = variances.sum_axis(Axis(1)).insert_axis(Axis(1));
            self.moments_of(
                between(&parts, (at, design), rows),
                design.t().to_owned(),
                &prior,
            )
        })
    }

    fn sums(&self, summands: &Summands<'_>) -> Result<SharedMoments> {
        let parts = self.components();
        let (contexts, design) = (self.exact.contexts.view(), self.exact.design.view());
        let count = design.ncols();
        let mut constants = Array2::zeros((count, summands.sums() * count));
        for j in 0..count {
            let weights = summands.weights_of(j).sum_axis(Axis(1));
            constants.slice_mut(s![j, j..;count]).assign(&weights);
        }
        let prior = summands.prior_variances(&parts, count);
        self.moments_of(summands.cross(&parts, contexts, design), constants, &prior)
    }

    fn partial_effect(&self, term: usize, at: ArrayView2<'_, f64>) -> Result<SharedMoments> {
        let part = self.components().swap_remove(term);
        let (contexts, count) = (self.exact.contexts.view(), self.exact.design.ncols());
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
        let mut cross = own(at);
        let mut average = Array2::<f64>::zeros((count, rows));
        for start in (0..rows).step_by(AVERAGED) {
            let block = contexts.slice(s![start..rows.min(start + AVERAGED), ..]);
            for (index, line) in own(block).rows().into_iter().enumerate() {
                average
                    .row_mut(index % count)
                    .scaled_add(1.0 / rows as f64, &line);
            }
        }
        let mut prior = Array2::zeros((at.nrows(), count));
        for (index, mut line) in cross.rows_mut().into_iter().enumerate() {
            let (q, j) = (index / count, index % count);
            prior[[q, j]] = part.variance(j, row(&at, q)) - 2.0 * line.sum() / rows as f64
                + average.row(j).sum() / rows as f64;
            line -= &average.row(j);
            line *= &self.exact.design.column(j);
        }
        let constants = Array2::zeros((count, at.nrows() * count));
        self.moments_of(cross, constants, &prior)
    }

    fn joint_root(&self, at: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let parts = self.components();
        let count = self.exact.design.ncols();
        let (mut cross, ones) = self.of_coefficients(&parts, at);
        cross *= &self.roots;
        let (taken, given) = self.factored.halves(cross.t(), ones)?;
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
        let mut covariance = (&covariance + &covariance.t()) / 2.0;
        // Semi-definite to rounding; the prior's scale sets what rounding is.
        let prior: f64 = parts.iter().flat_map(|part| &part.variances).sum();
        let least = 1e-12 * prior.max(f64::MIN_POSITIVE);
        let lift = |value: f64| value.max(0.0) + least;
        covariance.diag_mut().mapv_inplace(lift);
        let factor = numerical(cholesky_with_limit(covariance.view(), 1e-3))?;
        Ok(factor.lower().clone())
    }

    fn leave_one_out(&self, rows: Observations<'_>) -> Result<Array2<f64>> {
        let inverse = numerical(self.factored.lower.inverse())?.diag().to_owned();
        let mut left = &inverse - &squares(&self.factored.of_constants()?);
        for (row, (left, inverse)) in left.iter_mut().zip(&inverse).enumerate() {
            *left = inverse * remainder(row, *left / inverse)?;
        }
        let scaled = &self.loads / &(&self.roots * &self.roots * left).insert_axis(Axis(1));
        Ok(match rows.weights {
            Some(weights) => scaled / weights.mapv(f64::sqrt).insert_axis(Axis(1)),
            None => scaled,
        })
    }
}

/// Prior variances of the coefficients at contexts (q × p), which do not covary.
fn prior_variances(parts: &[Component<'_>], at: ArrayView2<'_, f64>, count: usize) -> Array2<f64> {
    Array2::from_shape_fn((at.nrows(), count), |(q, j)| {
        let of_part = |part: &Component<'_>| part.variance(j, row(&at, q));
        parts.iter().map(of_part).sum()
    })
}
