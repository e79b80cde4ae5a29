//! What a weighted sum of coefficients over contexts needs of the prior.

mod folded;

use crate::covariance::{Component, of_term, transposed};
use crate::kernel::{Kernel, Term};
use folded::{Folded, Pieces};
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, Zip, s};
use rayon::prelude::*;
use std::ops::Range;

/// Contexts dealt with at once; fixed, so that sums do not depend on the number of threads.
const BLOCK: usize = 64;

/// What is summed: every coefficient at the contexts (q × c, in standard layout), times its column of
/// the design (q × p) if there is one, by the weights (s × q).
pub(crate) struct Summands<'a> {
    pub(crate) contexts: ArrayView2<'a, f64>,
    weights: ArrayView2<'a, f64>,
    design: Option<ArrayView2<'a, f64>>,
    /// The contexts as each term of the kernel sees them. Sum 0 is what most sums have in common, and
    /// sum s + 1 what sum s has besides.
    folded: Vec<Folded>,
}

impl<'a> Summands<'a> {
    pub(crate) fn new(
        kernel: &Kernel,
        contexts: ArrayView2<'a, f64>,
        weights: ArrayView2<'a, f64>,
        design: Option<ArrayView2<'a, f64>>,
    ) -> Self {
        let parted = parted(weights);
        let sums: Vec<Array2<f64>> = match design {
            Some(design) => design.columns().into_iter().map(|x| &parted * &x).collect(),
            None => vec![parted],
        };
        Self {
            contexts,
            weights,
            design,
            folded: kernel
                .terms()
                .par_iter()
                .map(|term| Folded::new(term, contexts, &sums))
                .collect(),
        }
    }

    pub(crate) fn sums(&self) -> usize {
        self.weights.nrows()
    }

    /// Weights of one coefficient (s × q).
    pub(crate) fn weights_of(&self, coefficient: usize) -> Array2<f64> {
        match self.design {
            Some(design) => &self.weights * &design.column(coefficient),
            None => self.weights.to_owned(),
        }
    }

    /// Whether all coefficients have the same weights.
    pub(crate) fn are_alike(&self) -> bool {
        self.design.is_none()
    }

    /// Prior covariances of the sums, without constants, with rows of these contexts and this design
    /// (s p × n, coefficients fastest).
    pub(crate) fn cross(
        &self,
        parts: &[Component<'_>],
        contexts: ArrayView2<'_, f64>,
        design: ArrayView2<'_, f64>,
    ) -> Array2<f64> {
        let (rows, coefficients) = design.dim();
        let others = transposed(contexts);
        let mut parted = Array3::zeros((coefficients, self.sums() + 1, rows));
        for (part, folded) in parts.iter().zip(&self.folded) {
            for (set, squares) in part.squares.iter().enumerate() {
                let left = left_values(part.term, squares, folded, others.view());
                let right = folded.right_squares(squares);
                let members = self.members(part, set);
                let mut products: Vec<Array2<f64>> = members
                    .iter()
                    .map(|(pieces, _)| Array2::zeros((folded.pieces[*pieces].of.len(), rows)))
                    .collect();
                for range in ranges(folded.right.nrows()) {
                    let at = folded.right.slice(s![range.clone(), ..]);
                    let covariances = of_term(part.term, &right, at, others.view());
                    for ((pieces, _), product) in members.iter().zip(&mut products) {
                        let weights = &folded.pieces[*pieces].weights;
                        *product += &weights.slice(s![.., range.clone()]).dot(&covariances);
                    }
                }
                for ((pieces, coefficients), product) in members.iter().zip(&products) {
                    for j in coefficients.clone() {
                        let of = folded.pieces[*pieces].of.iter();
                        for ((sum, kind), line) in of.zip(product.rows()) {
                            Zip::from(parted.slice_mut(s![j, *sum, ..]))
                                .and(line)
                                .and(left.row(*kind))
                                .for_each(|out, product, left| {
                                    *out += part.variances[j] * product * left;
                                });
                        }
                    }
                }
            }
        }
        let mut cross = Array2::zeros((self.sums() * coefficients, rows));
        for (index, mut line) in cross.rows_mut().into_iter().enumerate() {
            let (sum, j) = (index / coefficients, index % coefficients);
            line += &parted.slice(s![j, 0, ..]);
            line += &parted.slice(s![j, sum + 1, ..]);
            line *= &design.column(j);
        }
        cross
    }

    /// Prior variances of the sums without constants (s × p).
    pub(crate) fn prior_variances(
        &self,
        parts: &[Component<'_>],
        coefficients: usize,
    ) -> Array2<f64> {
        let mut variances = Array2::zeros((self.sums(), coefficients));
        for (part, folded) in parts.iter().zip(&self.folded) {
            for (set, squares) in part.squares.iter().enumerate() {
                let others = transposed(folded.left.view());
                let left = left_values(part.term, squares, folded, others.view());
                let members = self.members(part, set);
                let forms = forms(part.term, &folded.right_squares(squares), folded, &members);
                for ((pieces, coefficients), forms) in members.iter().zip(&forms) {
                    let of = &folded.pieces[*pieces].of;
                    let own = self.own_variances(of, left.view(), forms.view());
                    for j in coefficients.clone() {
                        variances.column_mut(j).scaled_add(part.variances[j], &own);
                    }
                }
            }
        }
        variances
    }

    /// Variances of the sums, given the quadratic forms of their pieces.
    fn own_variances(
        &self,
        of: &[(usize, usize)],
        left: ArrayView2<'_, f64>,
        forms: ArrayView2<'_, f64>,
    ) -> Array1<f64> {
        let mut common = 0.0;
        let mut variances = Array1::zeros(self.sums());
        for ((first, second), form) in forms.indexed_iter() {
            let ((a, left_a), (b, left_b)) = (of[first], of[second]);
            let value = form * left[[left_a, left_b]];
            match (a, b) {
                (0, 0) => common += value,
                (0, sum) | (sum, 0) => variances[sum - 1] += value,
                _ if a == b => variances[a - 1] += value,
                _ => {}
            }
        }
        variances + common
    }

    /// The pieces that are of coefficients with a set of inverse length scales, and these coefficients.
    fn members(&self, part: &Component<'_>, set: usize) -> Vec<(usize, Range<usize>)> {
        let members = part.members(set);
        if self.are_alike() {
            vec![(0, members)]
        } else {
            members.map(|j| (j, j..j + 1)).collect()
        }
    }
}

/// What most sums have in common, and what each has besides ((1 + s) × q): the median weight of a
/// context, from which most do not differ if the sums are centred.
fn parted(weights: ArrayView2<'_, f64>) -> Array2<f64> {
    let (sums, contexts) = weights.dim();
    let mut parted = Array2::zeros((sums + 1, contexts));
    if sums > 2 {
        for (column, median) in weights.columns().into_iter().zip(parted.row_mut(0)) {
            let mut column = column.to_vec();
            *median = *column.select_nth_unstable_by(sums / 2, f64::total_cmp).1;
        }
    }
    let besides = &weights - &parted.row(0);
    parted.slice_mut(s![1.., ..]).assign(&besides);
    parted
}

/// The term as a function of l, between the l of folded contexts and others (c × n).
fn left_values(
    term: &Term,
    squares: &[f64],
    folded: &Folded,
    others: ArrayView2<'_, f64>,
) -> Array2<f64> {
    if folded.is_product() {
        of_term(
            term,
            &folded.left_squares(squares),
            folded.left.view(),
            others,
        )
    } else {
        Array2::ones((1, others.ncols()))
    }
}

/// Quadratic forms of the right sides of pieces, `A K A′` with A the weights of the pieces and K the
/// covariances, for each of the members. Of pieces that have no sum in common they may be left out.
fn forms(
    term: &Term,
    squares: &[f64],
    folded: &Folded,
    members: &[(usize, Range<usize>)],
) -> Vec<Array2<f64>> {
    let blocks = ranges(folded.right.nrows());
    let others: Vec<Array2<f64>> = blocks
        .iter()
        .map(|range| transposed(folded.right.slice(s![range.clone(), ..])))
        .collect();
    let pieces: Vec<&Pieces> = members
        .iter()
        .map(|(pieces, _)| &folded.pieces[*pieces])
        .collect();
    let counted: Vec<Vec<Vec<usize>>> = pieces
        .iter()
        .map(|pieces| {
            blocks
                .iter()
                .map(|range| with_weight(pieces, range))
                .collect()
        })
        .collect();
    let none = || -> Vec<Array2<f64>> {
        let size = |pieces: &&Pieces| Array2::zeros((pieces.of.len(), pieces.of.len()));
        pieces.iter().map(size).collect()
    };
    let of_blocks: Vec<Vec<Array2<f64>>> = (0..blocks.len())
        .into_par_iter()
        .map(|first| {
            let mut forms = none();
            let contexts = folded.right.slice(s![blocks[first].clone(), ..]);
            for second in first..blocks.len() {
                let needed = pieces.iter().zip(&counted).any(|(pieces, counted)| {
                    have_a_sum_in_common(pieces, &counted[first], &counted[second])
                });
                if !needed {
                    continue;
                }
                let covariances = of_term(term, squares, contexts, others[second].view());
                for ((pieces, counted), forms) in pieces.iter().zip(&counted).zip(&mut forms) {
                    let weights = |block: usize| {
                        let weights = pieces.weights.slice(s![.., blocks[block].clone()]);
                        weights.select(Axis(0), &counted[block])
                    };
                    let found = weights(first).dot(&covariances).dot(&weights(second).t());
                    for ((a, b), form) in found.indexed_iter() {
                        let (a, b) = (counted[first][a], counted[second][b]);
                        forms[[a, b]] += form;
                        if first != second {
                            forms[[b, a]] += form;
                        }
                    }
                }
            }
            forms
        })
        .collect();
    of_blocks.into_iter().fold(none(), |mut total, block| {
        total
            .iter_mut()
            .zip(block)
            .for_each(|(total, forms)| *total += &forms);
        total
    })
}

/// The pieces with a weight in a block.
fn with_weight(pieces: &Pieces, range: &Range<usize>) -> Vec<usize> {
    let block = pieces.weights.slice(s![.., range.clone()]);
    let lines = block.rows().into_iter().enumerate();
    lines
        .filter(|(_, line)| line.iter().any(|weight| *weight != 0.0))
        .map(|(piece, _)| piece)
        .collect()
}

/// Whether two of the pieces belong to one sum, as those do that all sums have in common.
fn have_a_sum_in_common(pieces: &Pieces, first: &[usize], second: &[usize]) -> bool {
    let sum = |piece: &usize| pieces.of[*piece].0;
    first
        .iter()
        .map(sum)
        .any(|a| second.iter().map(sum).any(|b| a == b || a == 0 || b == 0))
}

fn ranges(rows: usize) -> Vec<Range<usize>> {
    let starts = (0..rows).step_by(BLOCK);
    starts.map(|start| start..rows.min(start + BLOCK)).collect()
}
