//! The posterior of what levels have in common and of their own.

use super::gather::fill_products;
use super::whiten::{Whitened, times_roots};
use super::{Levels, Solved};
use crate::basis::{Prior, TermBasis};
use crate::covariance::components;
use crate::hyperparameters::Hyperparameters;
use crate::numerical;
use crate::observations::Observations;
use crate::posterior::{Posterior, SharedMoments, along, blocks, by_blocks, remainder};
use crate::sums::Summands;
use contextualized_core::Result;
use contextualized_solvers::{cholesky_with_limit, gram, product};
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, s};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// Rows predicted at once.
const BLOCK: usize = 1024;

#[derive(Debug)]
pub(super) struct LevelsPosterior {
    levels: Arc<Levels>,
    hyper: Hyperparameters,
    prior: Prior,
    /// Roots of the prior covariance of each coefficient's weights, in common and of a level's own.
    common: Vec<Array2<f64>>,
    own: Vec<Array2<f64>>,
    /// Prior covariances of each coefficient's weights of a level's own, `Ψ₁`.
    covariances: Vec<Array2<f64>>,
    whitened: Whitened,
    /// Means of the weights in common (M × T).
    means: Array2<f64>,
    /// Means of the weights of each level, those in common included (levels × M × T).
    of_levels: Array3<f64>,
    /// H with `H Hᵀ` the covariance of the weights in common (M × M).
    half: Array2<f64>,
    jitter: f64,
}

/// The average over all rows of a term of every coefficient.
#[derive(Debug)]
struct Average {
    /// p × T.
    means: Array2<f64>,
    /// What it depends on of the weights in common (p × M).
    common: Array2<f64>,
    /// Covariance that levels have of their own (p × p).
    covariance: Array2<f64>,
}

/// Combinations of a level's own weights, `a` in lines.
struct Own {
    /// a Ψ₁ (k × M).
    prior: Array2<f64>,
    /// `a Ψ₁ Zᵀ L⁻ᵀ / σ` (k × rows of the level); none of a level without rows.
    seen: Option<Array2<f64>>,
}

impl Levels {
    /// `E[v | y]` of the whitened weights that levels have of their own, of the first target.
    pub(super) fn whitened_of_levels(&self, solved: &Solved) -> Result<Array1<f64>> {
        let size = self.weights();
        let means = solved.weights.means(&solved.common);
        let mut found = Array1::zeros(size * self.ends.len());
        for block in &solved.whitened.blocks {
            if block.rows.is_empty() {
                continue;
            }
            let residuals = self.residuals(block, &means)?;
            let halves = times_roots(self.split(block.rows.view()).0, &solved.own);
            for level in block.levels.clone() {
                let range = block.range(self, level);
                let own = halves.slice(s![range.clone(), ..]);
                let weights = own.t().dot(&residuals.slice(s![range, 0]));
                found
                    .slice_mut(s![level * size..(level + 1) * size])
                    .assign(&weights);
            }
        }
        Ok(found)
    }
}

impl LevelsPosterior {
    pub(super) fn new(levels: Arc<Levels>, hyper: &Hyperparameters) -> Result<Self> {
        let solved = levels.solve(hyper)?;
        Self::of(levels, hyper, solved)
    }

    pub(super) fn of(levels: Arc<Levels>, hyper: &Hyperparameters, solved: Solved) -> Result<Self> {
        let means = solved.weights.means(&solved.common);
        let mut posterior = Self {
            half: solved.weights.half(&solved.common)?,
            jitter: solved.weights.factor.jitter(),
            covariances: solved.own.iter().map(|root| root.dot(&root.t())).collect(),
            of_levels: Array3::zeros((0, 0, 0)),
            hyper: hyper.clone(),
            prior: solved.prior,
            common: solved.common,
            own: solved.own,
            whitened: solved.whitened,
            means,
            levels,
        };
        posterior.of_levels = posterior.means_of_levels()?;
        Ok(posterior)
    }

    /// Means of all weights of each level: `w + Ψ₁ Zᵀ L⁻ᵀ L⁻¹ (y − Z w) / σ²`.
    fn means_of_levels(&self) -> Result<Array3<f64>> {
        let levels = &self.levels;
        let found = self
            .whitened
            .blocks
            .par_iter()
            .map(|block| {
                let shape = (block.levels.len(), levels.weights(), self.means.ncols());
                let mut means = Array3::zeros(shape);
                if block.rows.is_empty() {
                    means += &self.means;
                    return Ok(means);
                }
                let residuals = levels.residuals(block, &self.means)?;
                let (rows, _) = levels.split(block.rows.view());
                for (level, mut means) in block.levels.clone().zip(means.outer_iter_mut()) {
                    let range = block.range(levels, level);
                    let loads = residuals.slice(s![range.clone(), ..]);
                    let seen = rows.slice(s![range, ..]).t().dot(&loads);
                    means.assign(&times_roots(seen.t(), &self.covariances).t());
                    means += &self.means;
                }
                Ok(means)
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(along(Axis(0), found.iter().map(Array3::view)))
    }

    fn coefficients_count(&self) -> usize {
        self.levels.coefficients
    }

    /// The level of each of some contexts, if it is one of those fitted.
    fn levels_at(&self, at: ArrayView2<'_, f64>) -> Vec<Option<usize>> {
        let factor = &self.levels.factor;
        let codes = at.column(factor.column);
        codes.iter().map(|code| factor.level(*code)).collect()
    }

    /// Means of the weights of a level (M × T), or of one that was not fitted.
    fn weights_of(&self, level: Option<usize>) -> ArrayView2<'_, f64> {
        match level {
            Some(level) => self.of_levels.index_axis(Axis(0), level),
            None => self.means.view(),
        }
    }

    /// Positions of the contexts of each level, those not fitted being told apart by their codes: they are
    /// independent of each other, too.
    fn members(&self, at: ArrayView2<'_, f64>) -> BTreeMap<(Option<usize>, u64), Vec<usize>> {
        let mut members = BTreeMap::<_, Vec<usize>>::new();
        for (q, level) in self.levels_at(at).into_iter().enumerate() {
            let code = at[[q, self.levels.factor.column]] + 0.0;
            members.entry((level, code.to_bits())).or_default().push(q);
        }
        members
    }

    /// Combinations of the weights of a level.
    fn of_level(&self, level: Option<usize>, combinations: ArrayView2<'_, f64>) -> Own {
        let prior = times_roots(combinations, &self.covariances);
        let seen = level.map(|level| {
            let rows = self.whitened.level(&self.levels, level);
            prior.dot(&self.levels.split(rows).0.t())
        });
        Own { prior, seen }
    }

    /// What is left of the dependence on the weights in common once what the rows of a level say of its own
    /// weights is known (k × M).
    fn less_seen(&self, common: &mut Array2<f64>, level: Option<usize>, own: &Own) {
        if let (Some(level), Some(seen)) = (level, &own.seen) {
            let rows = self.whitened.level(&self.levels, level);
            *common -= &seen.dot(&self.levels.split(rows).0);
        }
    }

    /// Products of each row's functions with every coefficient alone (q p × M, coefficients fastest).
    fn each_coefficient(&self, values: &Array2<f64>) -> Array2<f64> {
        let (rows, functions) = values.dim();
        let count = self.coefficients_count();
        let mut table = Array2::zeros((rows * count, count * functions));
        for j in 0..count {
            table
                .slice_mut(s![j..;count, j * functions..(j + 1) * functions])
                .assign(values);
        }
        table
    }

    /// Moments of groups of combinations of weights at one level each, and of what the basis leaves out (q × k).
    fn moments_of(
        &self,
        levels: &[Option<usize>],
        combinations: Array2<f64>,
        left: &Array2<f64>,
    ) -> Result<SharedMoments> {
        let (groups, size) = left.dim();
        let mut means = Array3::zeros((groups, self.means.ncols(), size));
        let mut covariances = Array3::zeros((groups, size, size));
        let mut common = combinations.clone();
        for (group, &level) in levels.iter().enumerate() {
            let lines = s![group * size..(group + 1) * size, ..];
            let own = combinations.slice(lines);
            means
                .index_axis_mut(Axis(0), group)
                .assign(&own.dot(&self.weights_of(level)).t());
            let of_level = self.of_level(level, own);
            covariances
                .index_axis_mut(Axis(0), group)
                .assign(&of_level.covariance(own));
            let mut left = own.to_owned();
            self.less_seen(&mut left, level, &of_level);
            common.slice_mut(lines).assign(&left);
        }
        self.add_common(&common, left, &mut covariances)?;
        Ok(SharedMoments { means, covariances })
    }

    /// Adds to covariances of groups what they have by the weights in common, on which they depend like this
    /// (q k × M), and what the basis leaves out (q × k).
    fn add_common(
        &self,
        common: &Array2<f64>,
        left: &Array2<f64>,
        covariances: &mut Array3<f64>,
    ) -> Result<()> {
        let size = left.ncols();
        let halves = numerical(product(common.view(), self.half.view()))?;
        for (group, mut covariance) in covariances.outer_iter_mut().enumerate() {
            let own = halves.slice(s![group * size..(group + 1) * size, ..]);
            covariance += &own.dot(&own.t());
            let mut diagonal = covariance.diag_mut();
            diagonal.mapv_inplace(|value| value.max(0.0));
            diagonal += &left.row(group);
        }
        Ok(())
    }

    fn left_out(&self, at: ArrayView2<'_, f64>, values: &Array2<f64>) -> Array2<f64> {
        let basis = &self.levels.basis;
        self.prior.left_out(basis, &self.hyper, at, values.view())
    }

    /// Products of the design with the functions at some rows (q × M).
    fn products(
        &self,
        at: ArrayView2<'_, f64>,
        design: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        let values = self.levels.basis.at(at)?;
        let mut table = Array2::zeros((at.nrows(), self.levels.weights()));
        fill_products(&mut table, values.view(), design);
        Ok(table)
    }

    /// Linear predictors of rows (n × T).
    pub(super) fn fitted(&self, rows: Observations<'_>) -> Result<Array2<f64>> {
        let mut fitted = Array2::zeros((rows.rows(), self.means.ncols()));
        let parts: Vec<_> = fitted
            .axis_chunks_iter_mut(Axis(0), BLOCK)
            .zip(rows.contexts.axis_chunks_iter(Axis(0), BLOCK))
            .zip(rows.design.axis_chunks_iter(Axis(0), BLOCK))
            .collect();
        parts
            .into_par_iter()
            .try_for_each(|((mut out, contexts), design)| {
                let means = self.means(contexts)?;
                for (mut out, means) in out.columns_mut().into_iter().zip(means.axis_iter(Axis(1)))
                {
                    out.assign(&(&means * &design).sum_axis(Axis(1)));
                }
                Ok(())
            })?;
        Ok(fitted)
    }

    /// A term of each coefficient, of functions of it alone (q p × M, coefficients fastest).
    fn of_term(&self, term: usize, values: &Array2<f64>) -> Array2<f64> {
        let terms = &self.levels.basis.terms;
        let start = 1 + terms[..term].iter().map(TermBasis::len).sum::<usize>();
        let own = s![.., start..start + terms[term].len()];
        let mut alone = Array2::zeros(values.dim());
        alone.slice_mut(own).assign(&values.slice(own));
        self.each_coefficient(&alone)
    }

    /// The average of a term over the rows.
    fn average(&self, term: usize) -> Average {
        let levels = &self.levels;
        let count = self.coefficients_count();
        let mut average = Average {
            means: Array2::zeros((count, self.means.ncols())),
            common: Array2::zeros((count, levels.weights())),
            covariance: Array2::zeros((count, count)),
        };
        for level in 0..levels.ends.len() {
            let own = self.averaged(term, level);
            let of_level = self.of_level(Some(level), own.view());
            average.means += &own.dot(&self.weights_of(Some(level)));
            average.covariance += &of_level.covariance(own.view());
            let mut common = own;
            self.less_seen(&mut common, Some(level), &of_level);
            average.common += &common;
        }
        average
    }

    /// What the rows of a level have of the average of a term over all rows (p × M).
    fn averaged(&self, term: usize, level: usize) -> Array2<f64> {
        let means = self.levels.mean_functions.slice(s![level..=level, ..]);
        self.of_term(term, &(&means * self.levels.shares[level]))
    }
}

impl Own {
    /// Posterior covariance given the weights in common (k × k).
    fn covariance(&self, combinations: ArrayView2<'_, f64>) -> Array2<f64> {
        self.covariance_with(self, combinations)
    }

    /// That of some of the combinations.
    fn covariance_of(&self, combinations: ArrayView2<'_, f64>, lines: Range<usize>) -> Array2<f64> {
        let lines = s![lines, ..];
        let prior = self.prior.slice(lines);
        let prior = prior.dot(&combinations.slice(lines).t());
        match &self.seen {
            Some(seen) => prior - seen.slice(lines).dot(&seen.slice(lines).t()),
            None => prior,
        }
    }

    /// The same with other combinations of the same level.
    fn covariance_with(&self, other: &Self, combinations: ArrayView2<'_, f64>) -> Array2<f64> {
        let prior = self.prior.dot(&combinations.t());
        match (&self.seen, &other.seen) {
            (Some(seen), Some(others)) => prior - seen.dot(&others.t()),
            _ => prior,
        }
    }
}

impl Posterior for LevelsPosterior {
    fn hyperparameters(&self) -> &Hyperparameters {
        &self.hyper
    }

    fn jitter(&self) -> f64 {
        self.jitter
    }

    fn means(&self, at: ArrayView2<'_, f64>) -> Result<Array3<f64>> {
        let (count, functions) = (self.coefficients_count(), self.levels.basis.functions());
        let found = blocks(at.nrows(), |range| {
            let at = at.slice(s![range, ..]);
            let at = at.as_standard_layout();
            let values = self.levels.basis.at(at.view())?;
            let mut means = Array3::zeros((at.nrows(), self.means.ncols(), count));
            let levels = self.levels_at(at.view());
            for (q, level) in levels.into_iter().enumerate() {
                let weights = self.weights_of(level);
                for j in 0..count {
                    let own = weights.slice(s![j * functions..(j + 1) * functions, ..]);
                    means
                        .slice_mut(s![q, .., j])
                        .assign(&values.row(q).dot(&own));
                }
            }
            Ok(means)
        })?;
        Ok(along(Axis(0), found.iter().map(Array3::view)))
    }

    fn coefficients(&self, at: ArrayView2<'_, f64>) -> Result<SharedMoments> {
        by_blocks(at.nrows(), |range| {
            let at = at.slice(s![range, ..]);
            let values = self.levels.basis.at(at)?;
            let left = self.left_out(at, &values);
            let combinations = self.each_coefficient(&values);
            self.moments_of(&self.levels_at(at), combinations, &left)
        })
    }

    fn predictors(
        &self,
        at: ArrayView2<'_, f64>,
        design: ArrayView2<'_, f64>,
    ) -> Result<SharedMoments> {
        by_blocks(at.nrows(), |range| {
            let (at, design) = (at.slice(s![range.clone(), ..]), design.slice(s![range, ..]));
            let values = self.levels.basis.at(at)?;
            let left = (self.left_out(at, &values) * design * design).sum_axis(Axis(1));
            let mut combinations = Array2::zeros((at.nrows(), self.levels.weights()));
            fill_products(&mut combinations, values.view(), design);
            let left = left.insert_axis(Axis(1));
            self.moments_of(&self.levels_at(at), combinations, &left)
        })
    }

    /// What the basis leaves out of the prior is added to the variances.
    fn sums(&self, summands: &Summands<'_>) -> Result<SharedMoments> {
        let levels = &self.levels;
        let (count, functions) = (self.coefficients_count(), levels.basis.functions());
        let values = levels.basis.at(summands.contexts)?;
        let weights: Vec<Array2<f64>> = (0..count).map(|j| summands.weights_of(j)).collect();
        let kernel = levels.basis.kernel();
        let prior = summands.prior_variances(&components(&kernel, &self.hyper), count);
        let members = self.members(summands.contexts);
        // Of the constant the basis leaves nothing out.
        let mut common_roots = self.common.clone();
        common_roots.iter_mut().for_each(|root| root[[0, 0]] = 0.0);
        by_blocks(summands.sums(), |range| {
            // Of some of the contexts: sums of functions, with coefficients fastest.
            let combined = |chosen: &[usize]| {
                let values = values.select(Axis(0), chosen);
                let mut table = Array2::zeros((range.len() * count, levels.weights()));
                for (j, weights) in weights.iter().enumerate() {
                    let own = weights.slice(s![range.clone(), ..]);
                    let own = own.select(Axis(1), chosen).dot(&values);
                    let block = j * functions..(j + 1) * functions;
                    table.slice_mut(s![j..;count, block]).assign(&own);
                }
                table
            };
            let all = combined(&(0..values.nrows()).collect::<Vec<_>>());
            let mut covariances = Array3::zeros((range.len(), count, count));
            let mut seen = squares(&times_roots(all.view(), &common_roots));
            let mut means = Array2::zeros((all.nrows(), self.means.ncols()));
            let mut common = all;
            for ((level, _), chosen) in &members {
                let own = combined(chosen);
                let of_level = self.of_level(*level, own.view());
                means += &own.dot(&self.weights_of(*level));
                for (sum, mut covariance) in covariances.outer_iter_mut().enumerate() {
                    let lines = sum * count..(sum + 1) * count;
                    covariance += &of_level.covariance_of(own.view(), lines);
                }
                seen += &squares(&times_roots(own.view(), &self.own));
                self.less_seen(&mut common, *level, &of_level);
            }
            let left = Array2::from_shape_fn((range.len(), count), |(sum, j)| {
                (prior[[range.start + sum, j]] - seen[sum * count + j]).max(0.0)
            });
            self.add_common(&common, &left, &mut covariances)?;
            let means =
                Array3::from_shape_fn((range.len(), means.ncols(), count), |(sum, t, j)| {
                    means[[sum * count + j, t]]
                });
            Ok(SharedMoments { means, covariances })
        })
    }

    fn partial_effect(&self, term: usize, at: ArrayView2<'_, f64>) -> Result<SharedMoments> {
        let count = self.coefficients_count();
        let average = self.average(term);
        by_blocks(at.nrows(), |range| {
            let at = at.slice(s![range, ..]);
            let values = self.levels.basis.at(at)?;
            let terms = &self.levels.basis.terms;
            let start = 1 + terms[..term].iter().map(TermBasis::len).sum::<usize>();
            let own = values.slice(s![.., start..start + terms[term].len()]);
            let basis = &self.levels.basis;
            let left = self.prior.left_out_of(basis, &self.hyper, term, at, own);
            let combinations = self.of_term(term, &values);
            let mut common = combinations.clone();
            let mut means = Array3::zeros((at.nrows(), self.means.ncols(), count));
            let mut covariances = Array3::zeros((at.nrows(), count, count));
            for (q, level) in self.levels_at(at).into_iter().enumerate() {
                let lines = s![q * count..(q + 1) * count, ..];
                let own = combinations.slice(lines);
                let of_level = self.of_level(level, own);
                let own_means = own.dot(&self.weights_of(level));
                means
                    .index_axis_mut(Axis(0), q)
                    .assign(&(own_means - &average.means).t());
                let mut covariance = of_level.covariance(own) + &average.covariance;
                if let Some(level) = level {
                    let averaged = self.averaged(term, level);
                    let of_average = self.of_level(Some(level), averaged.view());
                    let both = of_level.covariance_with(&of_average, averaged.view());
                    covariance -= &both;
                    covariance -= &both.t();
                }
                covariances.index_axis_mut(Axis(0), q).assign(&covariance);
                let mut left = own.to_owned();
                self.less_seen(&mut left, level, &of_level);
                common.slice_mut(lines).assign(&(left - &average.common));
            }
            self.add_common(&common, &left, &mut covariances)?;
            Ok(SharedMoments { means, covariances })
        })
    }

    fn joint_root(&self, at: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let count = self.coefficients_count();
        let values = self.levels.basis.at(at)?;
        let combinations = self.each_coefficient(&values);
        let mut common = combinations.clone();
        let mut covariance = Array2::<f64>::zeros((combinations.nrows(), combinations.nrows()));
        for ((level, _), chosen) in self.members(at) {
            let lines = chosen.into_iter().flat_map(|q| q * count..(q + 1) * count);
            let lines: Vec<usize> = lines.collect();
            let own = combinations.select(Axis(0), &lines);
            let of_level = self.of_level(level, own.view());
            let block = of_level.covariance(own.view());
            for ((a, b), value) in block.indexed_iter() {
                covariance[[lines[a], lines[b]]] = *value;
            }
            let mut left = own;
            self.less_seen(&mut left, level, &of_level);
            for (line, left) in lines.iter().zip(left.rows()) {
                common.row_mut(*line).assign(&left);
            }
        }
        let halves = numerical(product(common.view(), self.half.view()))?;
        covariance += &numerical(gram(halves.t()))?;
        let mut covariance = (&covariance + &covariance.t()) / 2.0;
        // Semi-definite to rounding; the prior's scale sets what rounding is.
        let prior: f64 = self.hyper.amplitudes.iter().map(|s| s * s).sum();
        let least = 1e-12 * prior.max(f64::MIN_POSITIVE);
        let left = self.left_out(at, &values);
        for (value, left) in covariance.diag_mut().iter_mut().zip(&left) {
            *value = value.max(0.0) + left + least;
        }
        let factor = numerical(cholesky_with_limit(covariance.view(), 1e-3))?;
        Ok(factor.lower().clone())
    }

    /// The residual over one less the leverage.
    fn leave_one_out(&self, rows: Observations<'_>) -> Result<Array2<f64>> {
        let mut residuals = &rows.adjusted_targets() - &self.fitted(rows)?;
        let variance = self.hyper.noise.powi(2);
        let parts: Vec<_> = residuals
            .axis_chunks_iter_mut(Axis(0), BLOCK)
            .zip((0..rows.rows()).step_by(BLOCK))
            .collect();
        parts.into_par_iter().try_for_each(|(mut out, start)| {
            let range = start..start + out.nrows();
            let at = rows.contexts.slice(s![range.clone(), ..]);
            let design = rows.design.slice(s![range.clone(), ..]);
            let nothing = Array2::zeros((range.len(), 1));
            let products = self.products(at, design)?;
            let moments = self.moments_of(&self.levels_at(at), products, &nothing)?;
            for (offset, mut line) in out.rows_mut().into_iter().enumerate() {
                let row = start + offset;
                let weight = rows.weights.map_or(1.0, |w| w[row]);
                let leverage = weight * moments.covariances[[offset, 0, 0]] / variance;
                line /= remainder(row, 1.0 - leverage)?;
            }
            Ok(())
        })?;
        Ok(residuals)
    }
}

/// Sums of squares of lines.
fn squares(table: &Array2<f64>) -> Array1<f64> {
    table.map_axis(Axis(1), |line| line.dot(&line))
}
