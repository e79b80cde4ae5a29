//! The trees that add up to one coefficient, and a sweep over them.

use super::moves::{Move, Proposals, WIDTHS, log_growth_ratio};
use super::normal::{NormalPosterior, NormalPrior, NormalSums};
use super::scale::HalfCauchyScale;
use super::shares::{self, Column, TrialSums};
use super::split_weights::SplitWeights;
use super::tree::{NodeId, Split, Tree};
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

impl TreePrior {
    fn split_probability(&self, depth: u8) -> f64 {
        self.base * (1.0 + f64::from(depth)).powf(-self.power)
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

/// Memory that every tree's update uses anew.
#[derive(Default)]
pub(super) struct Scratch {
    sums: NormalSums,
    trial_sums: NormalSums,
    posterior: NormalPosterior,
    trial_posterior: NormalPosterior,
    right: Vec<f32>,
    right_sums: TrialSums,
    values: Vec<f64>,
    /// Columns of shares that no leaf uses.
    columns: Vec<Vec<f32>>,
}

/// A tree with what is known of its rows.
struct Member {
    tree: Tree,
    /// By how much its leaf values are larger than is usual in the ensemble.
    scale: HalfCauchyScale,
    /// The share of every row in each leaf, in order of the leaves.
    shares: Vec<Vec<f32>>,
    /// The sum of each leaf's shares.
    rows: Vec<f64>,
    /// `Σ s s' x²` (leaves × leaves).
    gram: Vec<f64>,
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
        let rows = squares.len();
        let member = || Member {
            tree: Tree::stump(),
            scale: HalfCauchyScale::new(1.0, 1.0),
            shares: vec![vec![1.0; rows]],
            rows: vec![rows as f64],
            gram: vec![squares.iter().sum()],
        };
        Self {
            members: (0..trees).map(|_| member()).collect(),
            weights: SplitWeights::new(variables, WIDTHS.len()),
            scale,
            prior,
        }
    }

    pub(crate) fn trees(&self) -> impl Iterator<Item = &Tree> {
        self.members.iter().map(|member| &member.tree)
    }

    /// The variances of each tree's own scale.
    #[cfg(test)]
    pub(super) fn tree_scales(&self) -> impl Iterator<Item = f64> {
        self.members.iter().map(|member| member.scale.variance)
    }

    /// Makes the variance of every leaf value this one.
    #[cfg(test)]
    pub(super) fn fix_scales(&mut self, variance: f64) {
        self.scale = HalfCauchyScale::new(1.0, variance);
        for member in &mut self.members {
            member.scale = HalfCauchyScale::new(1.0, 1.0);
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
            let leaves = member.tree.leaves().len() as f64;
            let own = member.squared_values();
            count += leaves;
            member
                .scale
                .update(leaves, own / self.scale.variance, random);
            squares += own / member.scale.variance;
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
        let leaf_prior = NormalPrior {
            variance: self.scale.variance * member.scale.variance,
            noise_precision: data.noise_precision,
        };
        member.sums(column, &mut scratch.sums);
        scratch.posterior.solve(leaf_prior, &scratch.sums);
        let proposals = Proposals {
            variables: data.variables,
            weights: &self.weights,
            soft: self.prior.soft,
        };
        if let Some(proposed) = proposals.draw(&member.tree, random) {
            let possible = member.try_on(&proposed, column, data.codes, scratch);
            if possible >= self.prior.fewest_rows {
                scratch
                    .trial_posterior
                    .solve(leaf_prior, &scratch.trial_sums);
                let log_ratio = scratch.trial_posterior.log_evidence
                    - scratch.posterior.log_evidence
                    + log_prior_ratio(&self.prior, &member.tree, &proposed);
                if (1.0 - random.r#gen::<f64>()).ln() < log_ratio {
                    if let Move::Prune { twig } | Move::Change { twig, .. } = &proposed {
                        member.take_values(*twig, data.feature, residual, &mut scratch.values);
                    }
                    member.accept(proposed, &mut self.weights, scratch);
                }
            }
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
    }
}

/// The logarithm of the ratio of prior and proposal probabilities of a move and of its undoing: that of the split
/// itself is proposed as it is believed, and so is not in it.
fn log_prior_ratio(prior: &TreePrior, tree: &Tree, proposed: &Move) -> f64 {
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
    }
}

impl Member {
    /// Sums over rows at the residuals without what this tree adds.
    fn sums(&self, column: Column<'_>, sums: &mut NormalSums) {
        shares::products(column, &self.shares, &mut sums.products);
        sums.gram.clone_from(&self.gram);
        let leaves = self.shares.len();
        for (place, product) in sums.products.iter_mut().enumerate() {
            let row = &self.gram[place * leaves..(place + 1) * leaves];
            *product += self.fitted(row);
        }
    }

    /// The sum of the squares of the leaves' values.
    fn squared_values(&self) -> f64 {
        let leaves = self.tree.leaves().iter();
        leaves.map(|&leaf| self.tree.node(leaf).value.powi(2)).sum()
    }

    /// The sum over leaves of their values times these.
    fn fitted(&self, by_leaf: &[f64]) -> f64 {
        let leaves = self.tree.leaves().iter();
        leaves
            .zip(by_leaf)
            .map(|(&leaf, entry)| self.tree.node(leaf).value * entry)
            .sum()
    }

    /// The sums of the tree that would be; returns the rows of its smallest new leaf.
    fn try_on(
        &self,
        proposed: &Move,
        column: Column<'_>,
        codes: &[Vec<u16>],
        scratch: &mut Scratch,
    ) -> f64 {
        match proposed {
            Move::Grow { leaf, split } => {
                let place = self.tree.place(*leaf);
                self.try_split([place; 2], split, column, codes, scratch)
            }
            Move::Prune { twig } => {
                merge(
                    &scratch.sums,
                    self.tree.sorted_places_below(*twig),
                    &mut scratch.trial_sums,
                );
                f64::INFINITY
            }
            Move::Change { twig, split } => {
                let places = self.tree.places_below(*twig);
                self.try_split(places, split, column, codes, scratch)
            }
        }
    }

    fn try_split(
        &self,
        places: [usize; 2],
        split: &Split,
        column: Column<'_>,
        codes: &[Vec<u16>],
        scratch: &mut Scratch,
    ) -> f64 {
        let [first, second] = places;
        let codes = &codes[split.variable()];
        scratch.right.resize(codes.len(), 0.0);
        let right = &mut scratch.right;
        shares::try_split(
            column,
            &self.shares,
            places,
            split.rule(),
            codes,
            right,
            &mut scratch.right_sums,
        );
        let sums = &mut scratch.right_sums;
        sums.product += self.fitted(&sums.cross);
        divide(&scratch.sums, places, sums, &mut scratch.trial_sums);
        let whole = if first == second {
            self.rows[first]
        } else {
            self.rows[first] + self.rows[second]
        };
        sums.rows.min(whole - sums.rows)
    }

    /// Gives the leaves of a twig values of zero, and the residuals what they added.
    fn take_values(
        &mut self,
        twig: NodeId,
        feature: &[f64],
        residual: &mut [f64],
        values: &mut Vec<f64>,
    ) {
        values.clear();
        values.resize(self.shares.len(), 0.0);
        for leaf in self.tree.node(twig).children {
            let value = std::mem::take(&mut self.tree.node_mut(leaf).value);
            values[self.tree.place(leaf)] = -value;
        }
        shares::take_out(feature, &self.shares, values, residual);
    }

    /// Makes a move that was tried on.
    fn accept(&mut self, proposed: Move, weights: &mut SplitWeights, scratch: &mut Scratch) {
        match proposed {
            Move::Grow { leaf, split } => {
                let place = self.tree.place(leaf);
                let mut own = scratch.columns.pop().unwrap_or_default();
                own.clone_from(&scratch.right);
                for (left, right) in self.shares[place].iter_mut().zip(&own) {
                    *left -= right;
                }
                self.shares.push(own);
                self.rows[place] -= scratch.right_sums.rows;
                self.rows.push(scratch.right_sums.rows);
                weights.add(&split);
                self.tree.grow(leaf, split);
            }
            Move::Prune { twig } => {
                let [kept, gone] = self.tree.sorted_places_below(twig);
                let column = self.shares.remove(gone);
                for (own, other) in self.shares[kept].iter_mut().zip(&column) {
                    *own += other;
                }
                scratch.columns.push(column);
                let rows = self.rows.remove(gone);
                self.rows[kept] += rows;
                if let Some(split) = &self.tree.node(twig).split {
                    weights.remove(split);
                }
                self.tree.prune(twig);
            }
            Move::Change { twig, split } => {
                let [left, right] = self.tree.places_below(twig);
                let mut before = std::mem::take(&mut self.shares[right]);
                for ((left, before), right) in self.shares[left]
                    .iter_mut()
                    .zip(&mut before)
                    .zip(&scratch.right)
                {
                    *left += *before - right;
                    *before = *right;
                }
                self.shares[right] = before;
                let whole = self.rows[left] + self.rows[right];
                self.rows[left] = whole - scratch.right_sums.rows;
                self.rows[right] = scratch.right_sums.rows;
                weights.add(&split);
                if let Some(before) = self.tree.node_mut(twig).split.replace(split) {
                    weights.remove(&before);
                }
            }
        }
        self.gram.clone_from(&scratch.trial_sums.gram);
        std::mem::swap(&mut scratch.posterior, &mut scratch.trial_posterior);
    }
}

/// The sums where two leaves are one, in the place of the first.
fn merge(sums: &NormalSums, [kept, gone]: [usize; 2], merged: &mut NormalSums) {
    let leaves = sums.products.len();
    let places = || (0..leaves).filter(|place| *place != gone);
    let parts = |place: usize| std::iter::once(place).chain((place == kept).then_some(gone));
    merged.gram.clear();
    merged.products.clear();
    for row in places() {
        let products = parts(row).map(|part| sums.products[part]);
        merged.products.push(products.sum());
        for column in places() {
            let of_part = |part: usize| -> f64 {
                let entries = parts(column).map(|other| sums.gram[part * leaves + other]);
                entries.sum()
            };
            merged.gram.push(parts(row).map(of_part).sum());
        }
    }
}

/// The sums where one leaf is divided, or two together are divided anew: the left part has the place of the first, the
/// right part that of the second, or a new one at the end.
fn divide(
    sums: &NormalSums,
    [first, second]: [usize; 2],
    right: &TrialSums,
    divided: &mut NormalSums,
) {
    let before = sums.products.len();
    let (leaves, right_place) = if first == second {
        (before + 1, before)
    } else {
        (before, second)
    };
    // The two together, and what they share with the others.
    let whole = |by_leaf: &dyn Fn(usize) -> f64| {
        by_leaf(first)
            + if first == second {
                0.0
            } else {
                by_leaf(second)
            }
    };
    let entry = |row: usize, column: usize| sums.gram[row * before + column];
    let whole_with = |other: usize| whole(&|part| entry(part, other));
    let whole_square = whole(&whole_with);
    let right_with_whole = whole(&|part| right.cross[part]);
    let right_with_left = right_with_whole - right.square;
    let left_square = whole_square - 2.0 * right_with_left - right.square;

    divided.gram.clear();
    divided.products.clear();
    for row in 0..leaves {
        divided.products.push(if row == right_place {
            right.product
        } else if row == first {
            whole(&|part| sums.products[part]) - right.product
        } else {
            sums.products[row]
        });
        for column in 0..leaves {
            let parts = [row, column].map(|place| {
                if place == right_place {
                    Part::Right
                } else if place == first {
                    Part::Left
                } else {
                    Part::Other(place)
                }
            });
            divided.gram.push(match parts {
                [Part::Right, Part::Right] => right.square,
                [Part::Left, Part::Left] => left_square,
                [Part::Left, Part::Right] | [Part::Right, Part::Left] => right_with_left,
                [Part::Right, Part::Other(other)] | [Part::Other(other), Part::Right] => {
                    right.cross[other]
                }
                [Part::Left, Part::Other(other)] | [Part::Other(other), Part::Left] => {
                    whole_with(other) - right.cross[other]
                }
                [Part::Other(one), Part::Other(other)] => entry(one, other),
            });
        }
    }
}

/// What a leaf of a divided tree is.
#[derive(Clone, Copy)]
enum Part {
    Left,
    Right,
    /// A leaf that was there before, in this place.
    Other(usize),
}
