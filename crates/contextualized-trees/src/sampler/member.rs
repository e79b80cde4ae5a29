//! One of the trees that add up to a coefficient, with the rows' shares in its leaves.

use super::changed::{divide, merge};
use super::ensemble::{SweepData, TreePrior};
use super::moves::Move;
use super::normal::{NormalPosterior, NormalSums};
use super::scale::HalfCauchyScale;
use super::shares::{self, Column, TrialSums, send_right};
use super::split_weights::SplitWeights;
use super::tree::{NodeId, Split, Tree, has_level};
use rand::Rng;

/// Memory that every tree's update uses anew.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) sums: NormalSums,
    pub(super) trial_sums: NormalSums,
    pub(super) variances: Vec<f64>,
    pub(super) trial_scales: Vec<HalfCauchyScale>,
    pub(super) posterior: NormalPosterior,
    pub(super) trial_posterior: NormalPosterior,
    pub(super) right: Vec<f32>,
    pub(super) right_sums: TrialSums,
    pub(super) values: Vec<f64>,
    /// Places of leaves, and their columns of shares without a shift that is tried on.
    pub(super) unshifted: Vec<(usize, Vec<f32>)>,
    /// Columns of shares that no leaf uses.
    pub(super) columns: Vec<Vec<f32>>,
}

/// A tree with what is known of its rows.
pub(super) struct Member {
    pub(super) tree: Tree,
    /// By how much each leaf's value is larger than is usual in the ensemble, in order of the leaves.
    pub(super) scales: Vec<HalfCauchyScale>,
    /// The share of every row in each leaf, in order of the leaves.
    pub(super) shares: Vec<Vec<f32>>,
    /// The sum of each leaf's shares.
    pub(super) rows: Vec<f64>,
    /// `Σ s s' x²` (leaves × leaves).
    pub(super) gram: Vec<f64>,
}

impl Member {
    /// A tree without a split and with a value of zero.
    pub(super) fn stump(squares: &[f64]) -> Self {
        Self {
            tree: Tree::stump(),
            scales: vec![HalfCauchyScale::new(1.0, 1.0)],
            shares: vec![vec![1.0; squares.len()]],
            rows: vec![squares.len() as f64],
            gram: vec![squares.iter().sum()],
        }
    }

    /// Sums over rows at the residuals without what this tree adds.
    pub(super) fn sums(&self, column: Column<'_>, sums: &mut NormalSums) {
        shares::products(column, &self.shares, &mut sums.products);
        sums.gram.clone_from(&self.gram);
        let leaves = self.shares.len();
        for (place, product) in sums.products.iter_mut().enumerate() {
            let row = &self.gram[place * leaves..(place + 1) * leaves];
            *product += self.fitted(row);
        }
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
    pub(super) fn try_on(
        &mut self,
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
            Move::Shift { node, split } => self.try_shift(*node, split, column, codes, scratch),
        }
    }

    /// Gives the leaves below a node, whose values are zero, the shares that they would have, and finds the sums of all.
    fn try_shift(
        &mut self,
        node: NodeId,
        split: &Split,
        column: Column<'_>,
        codes: &[Vec<u16>],
        scratch: &mut Scratch,
    ) -> f64 {
        let mut whole = scratch.columns.pop().unwrap_or_default();
        whole.clear();
        whole.resize(column.feature.len(), 0.0);
        for place in self.tree.places_within(node) {
            for (sum, share) in whole.iter_mut().zip(&self.shares[place]) {
                *sum += share;
            }
        }
        let mut parts = vec![(node, split, whole)];
        while let Some((node, split, mut left)) = parts.pop() {
            let mut right = scratch.columns.pop().unwrap_or_default();
            right.clone_from(&left);
            send_right(split.rule(), &codes[split.variable()], &mut right);
            for (left, right) in left.iter_mut().zip(&right) {
                *left -= right;
            }
            for (child, share) in self.tree.node(node).children.into_iter().zip([left, right]) {
                if let Some(split) = &self.tree.node(child).split {
                    parts.push((child, split, share));
                } else {
                    let place = self.tree.place(child);
                    let before = std::mem::replace(&mut self.shares[place], share);
                    scratch.unshifted.push((place, before));
                }
            }
        }
        let sums = &mut scratch.trial_sums;
        shares::gram(column.squares, &self.shares, &mut sums.gram);
        shares::products(column, &self.shares, &mut sums.products);
        let leaves = self.shares.len();
        for (place, product) in sums.products.iter_mut().enumerate() {
            *product += self.fitted(&sums.gram[place * leaves..(place + 1) * leaves]);
        }
        scratch
            .unshifted
            .iter()
            .map(|(place, _)| sum_of(&self.shares[*place]))
            .fold(f64::INFINITY, f64::min)
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

    /// The leaves' scales of the tree that would be. Of two new leaves one, by chance, has the scale of the leaf before
    /// them and the other one from the prior; where two become one, it has the scale of either. The chances of both
    /// ways are the same, and the density of the scale that is new is its prior's, so that neither is in the ratio of
    /// a move and its undoing.
    pub(super) fn try_scales(
        &self,
        proposed: &Move,
        scales: &mut Vec<HalfCauchyScale>,
        random: &mut impl Rng,
    ) {
        scales.clone_from(&self.scales);
        match proposed {
            Move::Grow { leaf, .. } => {
                let mut new = HalfCauchyScale::of_prior(1.0, random);
                if random.r#gen() {
                    std::mem::swap(&mut scales[self.tree.place(*leaf)], &mut new);
                }
                scales.push(new);
            }
            Move::Prune { twig } => {
                let [kept, gone] = self.tree.sorted_places_below(*twig);
                let other = scales.remove(gone);
                if random.r#gen() {
                    scales[kept] = other;
                }
            }
            Move::Change { .. } | Move::Shift { .. } => {}
        }
    }

    /// Draws the side of every level of a twig's factor given the values of its leaves: all levels at once, for no row
    /// is of two levels, so that their sides are independent, and either is as likely before data are seen. Sides that
    /// leave a leaf too few rows have a probability of zero: then all stay, by the rule of Metropolis.
    pub(super) fn draw_levels(
        &mut self,
        twig: NodeId,
        data: SweepData<'_>,
        prior: TreePrior,
        residual: &mut [f64],
        random: &mut impl Rng,
    ) {
        let Some(Split::Levels { variable, right }) = &self.tree.node(twig).split else {
            return;
        };
        let children = self.tree.node(twig).children;
        let [left_value, right_value] = children.map(|leaf| self.tree.node(leaf).value);
        let difference = right_value - left_value;
        let [left_place, right_place] = self.tree.places_below(twig);
        let codes = &data.codes[usize::from(*variable)];
        // By level: rows, squares and products with the residual, by the twig's share.
        let levels = data.variables[usize::from(*variable)].observed_codes();
        let mut sums = vec![[0.0; 3]; levels];
        for (row, code) in codes.iter().enumerate() {
            let share = f64::from(self.shares[left_place][row] + self.shares[right_place][row]);
            let [rows, square, product] = &mut sums[usize::from(*code)];
            *rows += share;
            *square += share * share * data.squares[row];
            *product += share * data.feature[row] * residual[row];
        }
        let mut drawn = right.clone();
        let mut rows = [0.0; 2];
        for (level, [count, square, product]) in (0_u16..).zip(&sums) {
            let on_right = has_level(right, level);
            let change = if on_right { -difference } else { difference };
            let log_odds = data.noise_precision * change * (product - 0.5 * change * square);
            let moves = random.r#gen::<f64>() * (1.0 + (-log_odds).exp()) < 1.0;
            if moves {
                drawn[usize::from(level / 64)] ^= 1 << (level % 64);
            }
            rows[usize::from(on_right != moves)] += count;
        }
        if !prior.admits(rows[0].min(rows[1])) || drawn == *right {
            return;
        }
        for (row, code) in codes.iter().enumerate() {
            let before = self.shares[right_place][row];
            let whole = self.shares[left_place][row] + before;
            let after = whole * f32::from(u8::from(has_level(&drawn, *code)));
            self.shares[left_place][row] = whole - after;
            self.shares[right_place][row] = after;
            residual[row] -= data.feature[row] * difference * f64::from(after - before);
        }
        [self.rows[left_place], self.rows[right_place]] = rows;
        shares::gram(data.squares, &self.shares, &mut self.gram);
        let variable = *variable;
        self.tree.node_mut(twig).split = Some(Split::Levels {
            variable,
            right: drawn,
        });
    }

    /// Gives the leaves below a node values of zero, and the residuals what they added.
    pub(super) fn take_values(
        &mut self,
        node: NodeId,
        feature: &[f64],
        residual: &mut [f64],
        values: &mut Vec<f64>,
    ) {
        values.clear();
        values.resize(self.shares.len(), 0.0);
        for place in self.tree.places_within(node) {
            let leaf = self.tree.leaves()[place];
            values[place] = -std::mem::take(&mut self.tree.node_mut(leaf).value);
        }
        shares::take_out(feature, &self.shares, values, residual);
    }

    /// Makes a move that was tried on.
    pub(super) fn accept(
        &mut self,
        proposed: Move,
        weights: &mut SplitWeights,
        scratch: &mut Scratch,
    ) {
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
            Move::Shift { node, split } => {
                for (place, _) in &scratch.unshifted {
                    self.rows[*place] = sum_of(&self.shares[*place]);
                }
                weights.add(&split);
                if let Some(before) = self.tree.node_mut(node).split.replace(split) {
                    weights.remove(&before);
                }
            }
        }
        self.gram.clone_from(&scratch.trial_sums.gram);
        std::mem::swap(&mut self.scales, &mut scratch.trial_scales);
        std::mem::swap(&mut scratch.posterior, &mut scratch.trial_posterior);
    }
}

fn sum_of(shares: &[f32]) -> f64 {
    shares.iter().map(|share| f64::from(*share)).sum()
}
