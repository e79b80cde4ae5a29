//! Elimination of what each level has of its own.

use super::Levels;
use crate::numerical;
use contextualized_core::Result;
use contextualized_solvers::gram;
use ndarray::{Array2, ArrayView2, s};
use rayon::prelude::*;
use std::ops::Range;

/// Rows of levels that are dealt with at once; fixed, so that the bits do not depend on the number of threads.
const BLOCK: usize = 512;

/// Rows over the deviation of the noise, `L⁻¹ [z y] / σ`, where `L Lᵀ = I + Z Ψ Zᵀ / σ²` for the rows Z of a
/// level and the prior covariance Ψ of what the level has of its own: to the weights that all levels have in
/// common these are independent rows with noise of unit variance.
#[derive(Debug)]
pub(super) struct Whitened {
    pub(super) blocks: Vec<Block>,
    /// Sums of products of all rows.
    pub(super) products: Array2<f64>,
    /// Sum of the logarithms of the determinants of `L Lᵀ`.
    pub(super) log_determinant: f64,
}

/// Some levels with all their rows.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) levels: Range<usize>,
    pub(super) rows: Array2<f64>,
}

impl Levels {
    /// Rows of a level among all.
    pub(super) fn rows_of(&self, level: usize) -> Range<usize> {
        level.checked_sub(1).map_or(0, |before| self.ends[before])..self.ends[level]
    }

    /// Levels that are dealt with at once.
    fn blocks(&self) -> Vec<Range<usize>> {
        let mut blocks = Vec::new();
        let mut start = 0;
        for level in 0..self.ends.len() {
            let rows = self.ends[level] - self.rows_of(start).start;
            if rows > BLOCK && level > start {
                blocks.push(start..level);
                start = level;
            }
        }
        blocks.push(start..self.ends.len());
        blocks
    }

    /// Given roots S of Ψ for each coefficient.
    pub(super) fn whitened(&self, own: &[Array2<f64>], noise: f64) -> Result<Whitened> {
        let found = self
            .blocks()
            .into_par_iter()
            .map(|levels| {
                let rows = self.rows_of(levels.start).start..self.rows_of(levels.end - 1).end;
                let mut rows = &self.rows.slice(s![rows, ..]) / noise;
                if rows.is_empty() {
                    let products = Array2::zeros(self.rest.dim());
                    return Ok((Block { levels, rows }, products, 0.0));
                }
                let halves = times_roots(rows.view(), own);
                let first = self.rows_of(levels.start).start;
                let mut log_determinant = 0.0;
                for level in levels.clone() {
                    let range = self.rows_of(level);
                    let range = range.start - first..range.end - first;
                    let half = halves.slice(s![range.clone(), ..]);
                    let covariance = half.dot(&half.t());
                    let width = rows.ncols();
                    let all = rows.as_slice_mut().expect("rows are in standard layout");
                    let own = &mut all[range.start * width..range.end * width];
                    log_determinant += whiten(covariance, own, width);
                }
                let products = numerical(gram(rows.view()))?;
                Ok((Block { levels, rows }, products, log_determinant))
            })
            .collect::<Result<Vec<_>>>()?;
        let mut whitened = Whitened {
            blocks: Vec::with_capacity(found.len()),
            products: &self.rest / (noise * noise),
            log_determinant: 0.0,
        };
        for (block, products, log_determinant) in found {
            whitened.blocks.push(block);
            whitened.products += &products;
            whitened.log_determinant += log_determinant;
        }
        Ok(whitened)
    }
}

impl Whitened {
    /// Rows of a level.
    pub(super) fn level(&self, levels: &Levels, level: usize) -> ArrayView2<'_, f64> {
        let at = self.blocks.partition_point(|own| own.levels.end <= level);
        let block = &self.blocks[at];
        block.rows.slice(s![block.range(levels, level), ..])
    }
}

impl Block {
    /// Where the rows of a level are among those of the block.
    pub(super) fn range(&self, levels: &Levels, level: usize) -> Range<usize> {
        let first = levels.rows_of(self.levels.start).start;
        let range = levels.rows_of(level);
        range.start - first..range.end - first
    }
}

/// What rows multiply weights with, times a root of each coefficient's covariance.
pub(super) fn times_roots(rows: ArrayView2<'_, f64>, roots: &[Array2<f64>]) -> Array2<f64> {
    let functions = roots.first().map_or(0, Array2::nrows);
    let mut halves = Array2::zeros((rows.nrows(), roots.len() * functions));
    for (j, root) in roots.iter().enumerate() {
        let block = s![.., j * functions..(j + 1) * functions];
        halves.slice_mut(block).assign(&rows.slice(block).dot(root));
    }
    halves
}

/// Turns rows y into `L⁻¹ y`, where `L Lᵀ = I + K`, and returns the logarithm of the determinant.
///
/// A level seldom has more than some ten rows, for which a factorisation by blocks would take longer.
fn whiten(mut covariance: Array2<f64>, rows: &mut [f64], width: usize) -> f64 {
    let size = covariance.nrows();
    covariance.diag_mut().mapv_inplace(|value| value + 1.0);
    // Of a symmetric matrix the order in memory does not matter.
    let matrix = covariance
        .as_slice_memory_order_mut()
        .expect("a product is contiguous");
    let mut log_determinant = 0.0;
    for k in 0..size {
        let (before, after) = matrix.split_at_mut((k + 1) * size);
        let (own, below) = rows.split_at_mut((k + 1) * width);
        let (pivots, own) = (&mut before[k * size..], &mut own[k * width..]);
        // Of the sum of the identity and a covariance no pivot is less than one.
        let root = pivots[k].max(1.0).sqrt();
        log_determinant += 2.0 * root.ln();
        pivots[k..].iter_mut().for_each(|value| *value /= root);
        own.iter_mut().for_each(|value| *value /= root);
        for i in k + 1..size {
            let factor = pivots[i];
            let start = (i - k - 1) * size;
            subtract(&mut after[start + i..start + size], factor, &pivots[i..]);
            let start = (i - k - 1) * width;
            subtract(&mut below[start..start + width], factor, own);
        }
    }
    log_determinant
}

fn subtract(out: &mut [f64], factor: f64, values: &[f64]) {
    for (out, value) in out.iter_mut().zip(values) {
        *out -= factor * value;
    }
}
