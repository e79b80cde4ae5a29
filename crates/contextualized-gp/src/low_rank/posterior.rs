//! The posterior of the weights of a basis.

use super::LowRank;
use crate::basis::{Prior, TermBasis};
use crate::covariance::components;
use crate::hyperparameters::Hyperparameters;
use crate::numerical;
use crate::observations::Observations;
use crate::posterior::{Posterior, SharedMoments, by_blocks, remainder};
use crate::sums::Summands;
use contextualized_core::Result;
use contextualized_solvers::product;
use ndarray::{Array2, Array3, ArrayView2, Axis, s};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// Rows predicted from all others at once.
const BLOCK: usize = 1024;

#[derive(Debug)]
pub(super) struct LowRankPosterior {
    sums: Arc<LowRank>,
    hyper: Hyperparameters,
    prior: Prior,
    /// Roots of the prior covariance of each coefficient's weights.
    roots: Vec<Array2<f64>>,
    /// Means of the weights (M × T).
    weights: Array2<f64>,
    /// H with covariance `H Hᵀ` (M × M).
    half: Array2<f64>,
    jitter: f64,
}

impl LowRank {
    pub(super) fn block(&self, coefficient: usize) -> Range<usize> {
        let functions = self.basis.functions();
        coefficient * functions..(coefficient + 1) * functions
    }

    /// Means of all coefficients (q × T × p), given those of the weights.
    pub(super) fn means(
        &self,
        weights: &Array2<f64>,
        at: ArrayView2<'_, f64>,
    ) -> Result<Array3<f64>> {
        let values = self.basis.at(at)?;
        let mut means = Array3::zeros((at.nrows(), weights.ncols(), self.coefficients));
        for j in 0..self.coefficients {
            let block = weights.slice(s![self.block(j), ..]);
            let of_coefficient = numerical(product(values.view(), block))?;
            means.slice_mut(s![.., .., j]).assign(&of_coefficient);
        }
        Ok(means)
    }
}

impl LowRankPosterior {
    pub(super) fn new(sums: Arc<LowRank>, hyper: &Hyperparameters) -> Result<Self> {
        let solved = sums.solve(hyper)?;
        Ok(Self {
            weights: solved.weights.means(&solved.roots),
            half: solved.weights.half(&solved.roots)?,
            jitter: solved.weights.factor.jitter(),
            prior: solved.prior,
            roots: solved.roots,
            hyper: hyper.clone(),
            sums,
        })
    }

    /// What the basis leaves out at each of some contexts (q × p).
    fn left_out(&self, at: ArrayView2<'_, f64>, values: &Array2<f64>) -> Array2<f64> {
        let basis = &self.sums.basis;
        self.prior.left_out(basis, &self.hyper, at, values.view())
    }

    /// Means (q × T) of some combinations of one coefficient's functions (q × m), and their halves
    /// (q × M), whose products are covariances.
    fn of_coefficient(
        &self,
        coefficient: usize,
        values: ArrayView2<'_, f64>,
    ) -> Result<(Array2<f64>, Array2<f64>)> {
        let part = s![self.sums.block(coefficient), ..];
        Ok((
            numerical(product(values, self.weights.slice(part)))?,
            numerical(product(values, self.half.slice(part)))?,
        ))
    }

    /// Moments of a combination of each coefficient's functions, and of what the basis leaves out
    /// (q × p).
    fn moments_of<'a>(
        &self,
        values: impl Fn(usize) -> ArrayView2<'a, f64>,
        left: &Array2<f64>,
    ) -> Result<SharedMoments> {
        let (rows, count) = left.dim();
        let mut means = Array3::zeros((rows, self.weights.ncols(), count));
        let mut halves = Vec::with_capacity(count);
        for j in 0..count {
            let (mean, half) = self.of_coefficient(j, values(j))?;
            means.slice_mut(s![.., .., j]).assign(&mean);
            halves.push(half);
        }
        let mut covariances = Array3::zeros((rows, count, count));
        for (q, mut covariance) in covariances.outer_iter_mut().enumerate() {
            for j in 0..count {
                for l in 0..=j {
                    let value = halves[j].row(q).dot(&halves[l].row(q));
                    covariance[[j, l]] = value;
                    covariance[[l, j]] = value;
                }
                covariance[[j, j]] += left[[q, j]];
            }
        }
        Ok(SharedMoments { means, covariances })
    }
}

impl Posterior for LowRankPosterior {
    fn hyperparameters(&self) -> &Hyperparameters {
        &self.hyper
    }

    fn jitter(&self) -> f64 {
        self.jitter
    }

    fn means(&self, at: ArrayView2<'_, f64>) -> Result<Array3<f64>> {
        self.sums.means(&self.weights, at)
    }

    fn coefficients(&self, at: ArrayView2<'_, f64>) -> Result<SharedMoments> {
        by_blocks(at.nrows(), |range| {
            let at = at.slice(s![range, ..]);
            let values = self.sums.basis.at(at)?;
            self.moments_of(|_| values.view(), &self.left_out(at, &values))
        })
    }

    fn predictors(
        &self,
        at: ArrayView2<'_, f64>,
        design: ArrayView2<'_, f64>,
    ) -> Result<SharedMoments> {
        by_blocks(at.nrows(), |range| {
            let (at, design) = (at.slice(s![range.clone(), ..]), design.slice(s![range, ..]));
            let values = self.sums.basis.at(at)?;
            let mut means = Array2::zeros((at.nrows(), self.weights.ncols()));
            let mut half = Array2::zeros((at.nrows(), self.half.ncols()));
            for (j, x) in design.columns().into_iter().enumerate() {
                let values = &values * &x.insert_axis(Axis(1));
                let (mean, own) = self.of_coefficient(j, values.view())?;
                means += &mean;
                half += &own;
            }
            let left = self.left_out(at, &values) * design * design;
            let explained = half.map_axis(Axis(1), |line| line.dot(&line));
            let variances = explained + left.sum_axis(Axis(1));
            Ok(SharedMoments {
                means: means.insert_axis(Axis(2)),
                covariances: variances.insert_axis(Axis(1)).insert_axis(Axis(2)),
            })
        })
    }

    /// What the basis leaves out of the prior is added to the variances.
    fn sums(&self, summands: &Summands<'_>) -> Result<SharedMoments> {
        let basis = &self.sums.basis;
        let values = basis.at(summands.contexts)?;
        let count = self.sums.coefficients;
        let of_coefficient = |j: usize| summands.weights_of(j).dot(&values);
        let sums: Vec<Array2<f64>> = if summands.are_alike() {
            vec![of_coefficient(0)]
        } else {
            (0..count).map(of_coefficient).collect()
        };
        let of = |j: usize| &sums[j.min(sums.len() - 1)];
        let kernel = basis.kernel();
        let mut left = summands.prior_variances(&components(&kernel, &self.hyper), count);
        for (j, root) in self.roots.iter().enumerate() {
            // What is left of the prior once the basis has its part; the constant is all the basis's.
            let seen = of(j).slice(s![.., 1..]).dot(&root.slice(s![1.., 1..]));
            for (left, seen) in left.column_mut(j).iter_mut().zip(seen.rows()) {
                *left = (*left - seen.dot(&seen)).max(0.0);
            }
        }
        self.moments_of(|j| of(j).view(), &left)
    }

    fn partial_effect(&self, term: usize, at: ArrayView2<'_, f64>) -> Result<SharedMoments> {
        let basis = &self.sums.basis;
        let before: usize = basis.terms[..term].iter().map(TermBasis::len).sum();
        let own = s![.., 1 + before..1 + before + basis.terms[term].len()];
        let values = basis.at(at)?;
        let mut centered = Array2::zeros(values.dim());
        centered
            .slice_mut(own)
            .assign(&(&values - &self.sums.mean_functions).slice(own));
        let of_term = values.slice(own);
        let left = self
            .prior
            .left_out_of(basis, &self.hyper, term, at, of_term);
        self.moments_of(|_| centered.view(), &left)
    }

    fn joint_root(&self, at: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let values = self.sums.basis.at(at)?;
        let (rows, count, size) = (at.nrows(), self.sums.coefficients, self.half.ncols());
        let mut root = Array2::zeros((rows * count, size + rows * count));
        for j in 0..count {
            let (_, half) = self.of_coefficient(j, values.view())?;
            root.slice_mut(s![j..;count, ..size]).assign(&half);
        }
        for ((q, j), left) in self.left_out(at, &values).indexed_iter() {
            root[[q * count + j, size + q * count + j]] = left.sqrt();
        }
        Ok(root)
    }

    /// The residual over one less the leverage.
    fn leave_one_out(&self, rows: Observations<'_>) -> Result<Array2<f64>> {
        let mut residuals = rows.adjusted_targets().into_owned();
        let variance = self.hyper.noise.powi(2);
        let blocks: Vec<_> = residuals
            .axis_chunks_iter_mut(Axis(0), BLOCK)
            .zip((0..rows.rows()).step_by(BLOCK))
            .collect();
        blocks.into_par_iter().try_for_each(|(mut out, start)| {
            let range = start..start + out.nrows();
            let values = self
                .sums
                .basis
                .at(rows.contexts.slice(s![range.clone(), ..]))?;
            let mut half = Array2::zeros((range.len(), self.half.ncols()));
            let design = rows.design.slice(s![range, ..]);
            for (j, x) in design.columns().into_iter().enumerate() {
                let values = &values * &x.insert_axis(Axis(1));
                let (mean, own) = self.of_coefficient(j, values.view())?;
                out -= &mean;
                half += &own;
            }
            for (offset, mut line) in out.rows_mut().into_iter().enumerate() {
                let weight = rows.weights.map_or(1.0, |w| w[start + offset]);
                let half = half.row(offset);
                let leverage = weight * half.dot(&half) / variance;
                line /= remainder(start + offset, 1.0 - leverage)?;
            }
            Ok(())
        })?;
        Ok(residuals)
    }
}
