//! What is asked of the weights' posterior.

use super::{LowRank, Prior, Rows};
use crate::basis::TermBasis;
use crate::covariance::{components, row};
use crate::exact::numerical;
use crate::fitted::PartialEffect;
use crate::hyperparameters::Hyperparameters;
use crate::kernel::Kernel;
use crate::sums::{SharedMoments, Summands};
use contextualized_core::Result;
use contextualized_solvers::product;
use ndarray::{Array2, Array3, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Rows dealt with at once.
const BLOCK: usize = 1024;

/// The posterior of the weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LowRankPosterior {
    /// Means (M × T).
    pub(crate) weights: Array2<f64>,
    /// H with covariance `H Hᵀ` (M × M).
    pub(crate) half: Array2<f64>,
    pub(crate) jitter: f64,
}

impl LowRank {
    /// The posterior at these hyperparameters.
    pub(crate) fn posterior(&self, hyper: &Hyperparameters) -> Result<LowRankPosterior> {
        let solved = self.solve(hyper)?;
        let functions = self.basis.functions();
        let mut weights = Array2::zeros(self.moments.dim());
        // Rows of S L⁻ᵀ, whose products are covariances of the weights.
        let identity = Array2::eye(self.size());
        let upper = numerical(solved.factor.solve_upper(identity.view()))?;
        let mut half = Array2::zeros((self.size(), self.size()));
        for (j, root) in solved.roots.iter().enumerate() {
            let block = j * functions..(j + 1) * functions;
            let part = s![block.clone(), ..];
            weights
                .slice_mut(part)
                .assign(&root.dot(&solved.whitened.slice(part)));
            half.slice_mut(part)
                .assign(&numerical(product(root.view(), upper.slice(part)))?);
        }
        Ok(LowRankPosterior {
            weights,
            half,
            jitter: solved.factor.jitter(),
        })
    }

    /// What the basis leaves out of each coefficient's prior variance at a context whose functions
    /// are given.
    pub(crate) fn left_out(
        &self,
        prior: &Prior,
        hyper: &Hyperparameters,
        context: &[f64],
        functions: ArrayView1<'_, f64>,
    ) -> Vec<f64> {
        let mut left = vec![0.0; self.coefficients];
        let mut start = 1;
        for (index, term) in self.basis.terms().iter().enumerate() {
            let end = start + term.len();
            let values = functions.slice(s![start..end]);
            let of_term = self.left_out_of(prior, hyper, index, context, values);
            left.iter_mut().zip(of_term).for_each(|(l, t)| *l += t);
            start = end;
        }
        left
    }

    /// The same of one term, whose functions are given.
    fn left_out_of(
        &self,
        prior: &Prior,
        hyper: &Hyperparameters,
        index: usize,
        context: &[f64],
        values: ArrayView1<'_, f64>,
    ) -> Vec<f64> {
        let term = &self.basis.terms()[index];
        let residuals: Vec<f64> = prior.terms[index]
            .iter()
            .map(|set| {
                let half = values.dot(&set.whitened);
                (term.variance(&set.squares, context) - half.dot(&half)).max(0.0)
            })
            .collect();
        (0..self.coefficients)
            .map(|j| hyper.amplitudes[[j, index]].powi(2) * residuals[hyper.set_of(j)])
            .collect()
    }

    /// Means of all coefficients (q × T × p).
    pub(crate) fn means(
        &self,
        posterior: &LowRankPosterior,
        at: ArrayView2<'_, f64>,
    ) -> Result<Array3<f64>> {
        let values = self.basis.at(at)?;
        let functions = self.basis.functions();
        let targets = posterior.weights.ncols();
        let mut means = Array3::zeros((at.nrows(), targets, self.coefficients));
        for j in 0..self.coefficients {
            let block = posterior
                .weights
                .slice(s![j * functions..(j + 1) * functions, ..]);
            means
                .slice_mut(s![.., .., j])
                .assign(&numerical(product(values.view(), block))?);
        }
        Ok(means)
    }

    /// Posterior covariances of the coefficients at each context (q × p × p).
    pub(crate) fn covariances(
        &self,
        posterior: &LowRankPosterior,
        prior: &Prior,
        hyper: &Hyperparameters,
        at: ArrayView2<'_, f64>,
    ) -> Result<Array3<f64>> {
        let values = self.basis.at(at)?;
        let functions = self.basis.functions();
        let halves = (0..self.coefficients)
            .map(|j| {
                let block = posterior
                    .half
                    .slice(s![j * functions..(j + 1) * functions, ..]);
                numerical(product(values.view(), block))
            })
            .collect::<Result<Vec<_>>>()?;
        let count = self.coefficients;
        let mut out = Array3::zeros((at.nrows(), count, count));
        for (q, mut covariance) in out.axis_iter_mut(Axis(0)).enumerate() {
            for j in 0..count {
                for l in 0..=j {
                    let value = halves[j].row(q).dot(&halves[l].row(q));
                    covariance[[j, l]] = value;
                    covariance[[l, j]] = value;
                }
            }
            let left = self.left_out(prior, hyper, row(&at, q), values.row(q));
            for (j, left) in left.into_iter().enumerate() {
                covariance[[j, j]] += left;
            }
        }
        Ok(out)
    }

    /// A root of the joint posterior covariance of all coefficients at these contexts
    /// (q p × M + q p), coefficients fastest.
    pub(crate) fn joint_root(
        &self,
        posterior: &LowRankPosterior,
        hyper: &Hyperparameters,
        at: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        let prior = self.prior(hyper)?;
        let values = self.basis.at(at)?;
        let functions = self.basis.functions();
        let (rows, count, size) = (at.nrows(), self.coefficients, self.size());
        let mut root = Array2::zeros((rows * count, size + rows * count));
        for j in 0..count {
            let block = posterior
                .half
                .slice(s![j * functions..(j + 1) * functions, ..]);
            root.slice_mut(s![j..;count, ..size])
                .assign(&numerical(product(values.view(), block))?);
        }
        for q in 0..rows {
            let left = self.left_out(&prior, hyper, row(&at, q), values.row(q));
            for (j, left) in left.into_iter().enumerate() {
                root[[q * count + j, size + q * count + j]] = left.sqrt();
            }
        }
        Ok(root)
    }

    /// Weighted sums of every coefficient over contexts. What the basis leaves out of their prior is
    /// added to their variances.
    pub(crate) fn sums(
        &self,
        posterior: &LowRankPosterior,
        hyper: &Hyperparameters,
        kernel: &Kernel,
        summands: &Summands<'_>,
    ) -> Result<SharedMoments> {
        let prior = self.prior(hyper)?;
        let values = self.basis.at(summands.contexts)?;
        let functions = self.basis.functions();
        let (targets, count) = (posterior.weights.ncols(), self.coefficients);
        let mut means = Array3::zeros((summands.sums(), targets, count));
        let mut variances = summands.prior_variances(&components(kernel, hyper), count);
        let mut halves = Vec::with_capacity(count);
        let mut sums = Array2::zeros((summands.sums(), functions));
        for j in 0..count {
            if j == 0 || !summands.are_alike() {
                sums = summands.weights_of(j).dot(&values);
            }
            let part = s![j * functions..(j + 1) * functions, ..];
            means
                .slice_mut(s![.., .., j])
                .assign(&sums.dot(&posterior.weights.slice(part)));
            halves.push(sums.dot(&posterior.half.slice(part)));
            // What is left of the prior once the basis has its part; the constant is all the basis's.
            let root = self.root(&prior, hyper, j);
            let seen = sums.slice(s![.., 1..]).dot(&root.slice(s![1.., 1..]));
            for (left, seen) in variances.column_mut(j).iter_mut().zip(seen.rows()) {
                *left = (*left - seen.dot(&seen)).max(0.0);
            }
        }
        let covariances = Array3::from_shape_fn((summands.sums(), count, count), |(g, j, l)| {
            let left = if j == l { variances[[g, j]] } else { 0.0 };
            halves[j].row(g).dot(&halves[l].row(g)) + left
        });
        Ok(SharedMoments { means, covariances })
    }

    /// What one term adds to every coefficient, with mean zero over the rows.
    pub(crate) fn partial_effect(
        &self,
        posterior: &LowRankPosterior,
        hyper: &Hyperparameters,
        term: usize,
        at: ArrayView2<'_, f64>,
    ) -> Result<PartialEffect> {
        let prior = self.prior(hyper)?;
        let before: usize = self.basis.terms()[..term].iter().map(TermBasis::len).sum();
        let range = 1 + before..1 + before + self.basis.terms()[term].len();
        let values = self.basis.at(at)?;
        let own = values.slice(s![.., range.clone()]);
        let centered = &own - &self.mean_functions.slice(s![range.clone()]);
        let functions = self.basis.functions();
        let shape = (at.nrows(), posterior.weights.ncols(), self.coefficients);
        let (mut means, mut variances) = (Array3::zeros(shape), Array3::zeros(shape));
        for j in 0..self.coefficients {
            let block = j * functions + range.start..j * functions + range.end;
            let part = s![block, ..];
            let mean = centered.dot(&posterior.weights.slice(part));
            let half = centered.dot(&posterior.half.slice(part));
            means.slice_mut(s![.., .., j]).assign(&mean);
            let explained = half.map_axis(Axis(1), |line| line.dot(&line));
            for q in 0..at.nrows() {
                let context = row(&at, q);
                let left = self.left_out_of(&prior, hyper, term, context, own.row(q))[j];
                for target in 0..shape.1 {
                    variances[[q, target, j]] = (explained[q] + left) * self.scale(hyper, target);
                }
            }
        }
        Ok(PartialEffect { means, variances })
    }

    fn scale(&self, hyper: &Hyperparameters, target: usize) -> f64 {
        match self.correction {
            Some(_) => 1.0,
            None => hyper.scales[target],
        }
    }

    /// Residuals of the rows it was made from, each predicted from all others: the residual over one
    /// less the leverage.
    pub(crate) fn leave_one_out(
        &self,
        posterior: &LowRankPosterior,
        hyper: &Hyperparameters,
        rows: Rows<'_>,
    ) -> Result<Array2<f64>> {
        let mut residuals = rows.targets.to_owned();
        let starts: Vec<_> = (0..rows.contexts.nrows()).step_by(BLOCK).collect();
        let blocks: Vec<_> = residuals
            .axis_chunks_iter_mut(Axis(0), BLOCK)
            .zip(starts)
            .collect();
        blocks.into_par_iter().try_for_each(|(mut out, start)| {
            let range = start..start + out.nrows();
            let contexts = rows.contexts.slice(s![range.clone(), ..]);
            let design = rows.design.slice(s![range.clone(), ..]);
            let values = self.basis.at(contexts)?;
            let functions = self.basis.functions();
            let mut products = Array2::zeros((range.len(), self.size()));
            for j in 0..self.coefficients {
                let column = design.column(j).insert_axis(Axis(1));
                products
                    .slice_mut(s![.., j * functions..(j + 1) * functions])
                    .assign(&(&values * &column));
            }
            out -= &numerical(product(products.view(), posterior.weights.view()))?;
            let half = numerical(product(products.view(), posterior.half.view()))?;
            for (offset, mut line) in out.rows_mut().into_iter().enumerate() {
                let weight = rows.weights.as_ref().map_or(1.0, |w| w[start + offset]);
                let half = half.row(offset);
                let leverage = weight * half.dot(&half) / (hyper.noise * hyper.noise);
                line /= 1.0 - leverage;
            }
            Ok(())
        })?;
        Ok(residuals)
    }
}
