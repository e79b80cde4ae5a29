//! What a weighted sum of coefficients over contexts needs of the prior.

use crate::covariance::{Component, row, transposed};
use ndarray::{Array2, Array3, Array4, ArrayView2, Axis, s};
use rayon::prelude::*;
use std::ops::Range;

/// Contexts dealt with at once; fixed, so that sums do not depend on the number of threads.
const BLOCK: usize = 64;

/// Means and covariances of weighted sums of the coefficients of each target.
#[derive(Debug, Clone, PartialEq)]
pub struct SumMoments {
    /// Posterior means (s × T × p).
    pub means: Array3<f64>,
    /// Posterior covariances of the coefficients' sums with each other (s × T × p × p).
    pub covariances: Array4<f64>,
}

/// The same of targets that share a posterior, the covariances (s × p × p) at unit scale.
pub(crate) struct SharedMoments {
    pub(crate) means: Array3<f64>,
    pub(crate) covariances: Array3<f64>,
}

/// What is summed: every coefficient at the contexts (q × c, in standard layout), times its column of
/// the design (q × p) if there is one, by the weights (s × q).
pub(crate) struct Summands<'a> {
    pub(crate) contexts: ArrayView2<'a, f64>,
    pub(crate) weights: ArrayView2<'a, f64>,
    pub(crate) design: Option<ArrayView2<'a, f64>>,
}

/// Contexts next to each other, and the sums to which they contribute.
pub(crate) struct Block {
    pub(crate) range: Range<usize>,
    pub(crate) sums: Vec<usize>,
}

impl Summands<'_> {
    pub(crate) fn sums(&self) -> usize {
        self.weights.nrows()
    }

    /// All contexts.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        let rows = self.contexts.nrows();
        (0..rows)
            .step_by(BLOCK)
            .map(|start| {
                let range = start..rows.min(start + BLOCK);
                let weights = self.weights.slice(s![.., range.clone()]);
                let contributes = |sum: &usize| weights.row(*sum).iter().any(|&w| w != 0.0);
                Block {
                    range,
                    sums: (0..self.sums()).filter(contributes).collect(),
                }
            })
            .collect()
    }

    /// Weights of one coefficient at some contexts in some sums.
    pub(crate) fn weights_of(
        &self,
        coefficient: usize,
        sums: &[usize],
        range: Range<usize>,
    ) -> Array2<f64> {
        let weights = self.weights.slice(s![.., range.clone()]);
        let mut weights = weights.select(Axis(0), sums);
        if let Some(design) = self.design {
            weights *= &design.slice(s![range, coefficient]);
        }
        weights
    }

    /// Prior variances of the sums without constants (s × p).
    pub(crate) fn prior_variances(
        &self,
        parts: &[Component<'_>],
        coefficients: usize,
    ) -> Array2<f64> {
        let blocks = self.blocks();
        let others: Vec<Array2<f64>> = blocks
            .iter()
            .map(|block| transposed(self.contexts.slice(s![block.range.clone(), ..])))
            .collect();
        let of_blocks: Vec<Array2<f64>> = (0..blocks.len())
            .into_par_iter()
            .map(|first| {
                let mut variances = Array2::zeros((self.sums(), coefficients));
                for second in first..blocks.len() {
                    let pair = (&blocks[first], &blocks[second]);
                    self.add_pair(parts, pair, others[second].view(), &mut variances);
                }
                variances
            })
            .collect();
        of_blocks.iter().fold(
            Array2::zeros((self.sums(), coefficients)),
            |total, block| total + block,
        )
    }

    /// Adds what a pair of blocks contributes; blocks that differ count twice, for both orders.
    fn add_pair(
        &self,
        parts: &[Component<'_>],
        (first, second): (&Block, &Block),
        others: ArrayView2<'_, f64>,
        variances: &mut Array2<f64>,
    ) {
        let shared = |sum: &usize| second.sums.binary_search(sum).is_ok();
        let common: Vec<usize> = first.sums.iter().copied().filter(shared).collect();
        if common.is_empty() {
            return;
        }
        let times = if first.range == second.range {
            1.0
        } else {
            2.0
        };
        let mut covariances = Array2::zeros((first.range.len(), second.range.len()));
        let mut spare = vec![0.0; second.range.len()];
        for part in parts {
            for (set, squares) in part.squares.iter().enumerate() {
                for (q, mut line) in first.range.clone().zip(covariances.rows_mut()) {
                    let line = line.as_slice_mut().expect("a row is contiguous");
                    let context = row(&self.contexts, q);
                    part.term.values(squares, context, others, line, &mut spare);
                }
                let forms = |coefficient: usize| -> Vec<f64> {
                    let left = self.weights_of(coefficient, &common, first.range.clone());
                    let right = self.weights_of(coefficient, &common, second.range.clone());
                    let products = left.dot(&covariances);
                    let rows = products.rows().into_iter().zip(right.rows());
                    rows.map(|(a, b)| times * a.dot(&b)).collect()
                };
                let mut found = Vec::new();
                for coefficient in part.members(set) {
                    // Without a design all coefficients have the same weights.
                    if found.is_empty() || self.design.is_some() {
                        found = forms(coefficient);
                    }
                    for (&sum, form) in common.iter().zip(&found) {
                        variances[[sum, coefficient]] += part.variances[coefficient] * form;
                    }
                }
            }
        }
    }
}
