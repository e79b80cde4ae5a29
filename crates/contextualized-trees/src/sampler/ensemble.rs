//! The trees that add up to one coefficient, and a sweep over them.

use super::member::{Member, Scratch};
use super::moves::{Move, Proposals, WIDTHS, log_choices_below, log_growth_ratio};
use super::normal::NormalPrior;
use super::scale::HalfCauchyScale;
use super::shares::{self, Column};
use super::split_weights::SplitWeights;
use super::tree::Tree;
use crate::codes::VariableCodes;
use rand::Rng;

/// What makes trees small: a node of depth d is split with probability `base (1 + d)^-power`, by Chipman, George and
/// McCulloch (2010), doi:10.1214/09-AOAS285.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TreePrior {
    pub(crate) base: f64,
    pub(crate) power: f64,
    /// The fewest rows of a leaf, by their shares.
    pub(crate) fewest_rows: f64,
    /// Whether splits may share rows out between their sides.
    pub(crate) soft: bool,
}

/// More than rounding changes a sum of shares by.
const ROUNDING: f64 = 1e-3;

impl TreePrior {
    fn split_probability(&self, depth: u8) -> f64 {
        self.base * (1.0 + f64::from(depth)).powf(-self.power)
    }

    /// Whether a leaf may have so many rows by their shares. Shares are rounded, and a sum that is at the bound would come
    /// out on either side of it, by the moves that led to it: what a tree may be must not depend on that.
    pub(super) fn admits(&self, rows: f64) -> bool {
        rows > self.fewest_rows - ROUNDING
    }

    /// The logarithm of how much likelier a leaf of this depth is with two leaves below than as it is.
    fn log_growth_ratio(&self, depth: u8) -> f64 {
        let below = 1.0 - self.split_probability(depth + 1);
        let here = self.split_probability(depth);
        (here * below * below / (1.0 - here)).ln()
    }
}

/// What a sweep reads of the data.
#[derive(Clone, Copy)]
pub(super) struct SweepData<'a> {
    pub(super) variables: &'a [VariableCodes],
    /// Codes by variable.
    pub(super) codes: &'a [Vec<u16>],
    /// The feature of the coefficient, by row, times the root of the row's weight.
    pub(super) feature: &'a [f64],
    pub(super) squares: &'a [f64],
    pub(super) noise_precision: f64,
}

/// The trees of one coefficient.
pub(crate) struct Ensemble {
    members: Vec<Member>,
    pub(super) weights: SplitWeights,
    /// What is usual of leaf values.
    pub(super) scale: HalfCauchyScale,
    prior: TreePrior,
}

impl Ensemble {
    /// Trees without a split and with values of zero.
    pub(super) fn stumps(
        trees: usize,
        squares: &[f64],
        variables: usize,
        prior: TreePrior,
        scale: HalfCauchyScale,
    ) -> Self {
        Self {
            members: (0..trees).map(|_| Member::stump(squares)).collect(),
            weights: SplitWeights::new(variables, WIDTHS.len()),
            scale,
            prior,
        }
    }

    pub(crate) fn trees(&self) -> impl Iterator<Item = &Tree> {
        self.members.iter().map(|member| &member.tree)
    }

    /// The variances of each leaf's own scale.
    #[cfg(test)]
    pub(super) fn leaf_scales(&self) -> impl Iterator<Item = f64> {
        let scales = self.members.iter().flat_map(|member| &member.scales);
        scales.map(|scale| scale.variance)
    }

    /// Makes the variance of every leaf value this one.
    #[cfg(test)]
    pub(super) fn fix_scales(&mut self, variance: f64) {
        self.scale = HalfCauchyScale::new(1.0, variance);
        for member in &mut self.members {
            member.scales.fill(HalfCauchyScale::new(1.0, 1.0));
        }
    }

    /// The largest difference between sums that are kept up to date and those found anew.
    #[cfg(test)]
    pub(super) fn bookkeeping_error(&self, squares: &[f64]) -> f64 {
        let mut largest = 0.0_f64;
        for member in &self.members {
            let mut gram = Vec::new();
            shares::gram(squares, &member.shares, &mut gram);
            for (kept, found) in member.gram.iter().zip(&gram) {
                largest = largest.max((kept - found).abs());
            }
            for (kept, shares) in member.rows.iter().zip(&member.shares) {
                let found: f64 = shares.iter().map(|share| f64::from(*share)).sum();
                largest = largest.max((kept - found).abs());
            }
        }
        largest
    }

    /// Sums of squares anew, where rows have other weights than before.
    pub(super) fn reweight(&mut self, squares: &[f64]) {
        for member in &mut self.members {
            shares::gram(squares, &member.shares, &mut member.gram);
        }
    }

    /// Updates every tree given the others, whose part of the target is already taken out of the residual.
    pub(super) fn sweep(
        &mut self,
        data: SweepData<'_>,
        residual: &mut [f64],
        scratch: &mut Scratch,
        random: &mut impl Rng,
    ) {
        for member in 0..self.members.len() {
            self.update(member, data, residual, scratch, random);
        }
        let (mut count, mut squares) = (0.0, 0.0);
        for member in &mut self.members {
            for (&leaf, scale) in member.tree.leaves().iter().zip(&mut member.scales) {
                let square = member.tree.node(leaf).value.powi(2);
                scale.update(1.0, square / self.scale.variance, random);
                count += 1.0;
                squares += square / scale.variance;
            }
        }
        self.scale.update(count, squares, random);
    }

    fn update(
        &mut self,
        index: usize,
        data: SweepData<'_>,
        residual: &mut [f64],
        scratch: &mut Scratch,
        random: &mut impl Rng,
    ) {
        let member = &mut self.members[index];
        let column = Column {
            feature: data.feature,
            squares: data.squares,
            residual,
        };
        let usual = self.scale.variance;
        let noise_precision = data.noise_precision;
        member.sums(column, &mut scratch.sums);
        let prior = leaf_prior(
            usual,
            &member.scales,
            noise_precision,
            &mut scratch.variances,
        );
        scratch.posterior.solve(prior, &scratch.sums);
        let proposals = Proposals {
            variables: data.variables,
            weights: &self.weights,
            soft: self.prior.soft,
        };
        if let Some(proposed) = proposals.draw(&member.tree, random) {
            if let Move::Shift { node, .. } = &proposed {
                // The values are drawn anew in any case; without them, no sums of both shifted and unshifted shares
                // are needed.
                member.take_values(*node, data.feature, residual, &mut scratch.values);
            }
            let column = Column {
                feature: data.feature,
                squares: data.squares,
                residual,
            };
            let log_prior_ratio =
                log_prior_ratio(&self.prior, data.variables, &member.tree, &proposed);
            let possible = member.try_on(&proposed, column, data.codes, scratch);
            let mut accepted = false;
            if self.prior.admits(possible) {
                member.try_scales(&proposed, &mut scratch.trial_scales, random);
                let prior = leaf_prior(
                    usual,
                    &scratch.trial_scales,
                    noise_precision,
                    &mut scratch.variances,
                );
                scratch.trial_posterior.solve(prior, &scratch.trial_sums);
                let log_ratio = scratch.trial_posterior.log_evidence
                    - scratch.posterior.log_evidence
                    + log_prior_ratio;
                accepted = (1.0 - random.r#gen::<f64>()).ln() < log_ratio;
            }
            if accepted {
                if let Move::Prune { twig } | Move::Change { twig, .. } = &proposed {
                    member.take_values(*twig, data.feature, residual, &mut scratch.values);
                }
                member.accept(proposed, &mut self.weights, scratch);
            } else {
                for (place, column) in &mut scratch.unshifted {
                    std::mem::swap(&mut member.shares[*place], column);
                }
            }
            let unshifted = scratch.unshifted.drain(..);
            scratch.columns.extend(unshifted.map(|(_, column)| column));
        }
        scratch.posterior.draw(random, &mut scratch.values);
        for (place, value) in scratch.values.iter_mut().enumerate() {
            let leaf = member.tree.leaves()[place];
            let own = &mut member.tree.node_mut(leaf).value;
            let change = *value - *own;
            *own = *value;
            *value = change;
        }
        shares::take_out(data.feature, &member.shares, &scratch.values, residual);
        if random.r#gen::<f64>() < DRAW_LEVELS {
            for at in 0..member.tree.twigs().len() {
                let twig = member.tree.twigs()[at];
                member.draw_levels(twig, data, self.prior, residual, random);
            }
        }
    }
}

/// The probability that a tree's levels are drawn anew given the values of its leaves.
const DRAW_LEVELS: f64 = 0.25;

/// What is believed of leaf values of these scales.
fn leaf_prior<'a>(
    usual: f64,
    scales: &[HalfCauchyScale],
    noise_precision: f64,
    variances: &'a mut Vec<f64>,
) -> NormalPrior<'a> {
    variances.clear();
    variances.extend(scales.iter().map(|own| usual * own.variance));
    NormalPrior {
        variances,
        noise_precision,
    }
}

/// The logarithm of the ratio of prior and proposal probabilities of a move and of its undoing: that of the split
/// itself is proposed as it is believed, and so is not in it; but the fewer rules splits below it may have, the likelier
/// are those they have.
fn log_prior_ratio(
    prior: &TreePrior,
    variables: &[VariableCodes],
    tree: &Tree,
    proposed: &Move,
) -> f64 {
    match proposed {
        Move::Grow { leaf, .. } => {
            prior.log_growth_ratio(tree.node(*leaf).depth)
                - log_growth_ratio(tree.leaves().len(), tree.twigs_grown(*leaf))
        }
        Move::Prune { twig } => {
            log_growth_ratio(tree.leaves().len() - 1, tree.twigs().len())
                - prior.log_growth_ratio(tree.node(*twig).depth)
        }
        Move::Change { .. } => 0.0,
        Move::Shift { node, split } => {
            let mut shifted = tree.clone();
            shifted.node_mut(*node).split = Some(split.clone());
            let [before, after] =
                [tree, &shifted].map(|tree| log_choices_below(tree, *node, variables));
            before
                .zip(after)
                .map_or(f64::NEG_INFINITY, |(before, after)| before - after)
        }
    }
}
