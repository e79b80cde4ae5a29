//! Rows that are copies of each other, and rows that depend on each other.

use crate::Samples;
use ndarray::{ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// Share of the rows that chance may be expected to make equal where copies count as copies.
const BY_CHANCE: f64 = 0.01;

impl Samples {
    /// Which rows are copies of each other, where chance does not make such: the same number for rows equal
    /// in all contexts, features, targets and offsets.
    ///
    /// None where no two rows are equal, and where equal rows are to be expected, as of factors and counts:
    /// those are observations of their own. They are to be expected if
    ///
    /// * no target or context is continuous: none has half as many values as there are distinct rows; or
    /// * outcomes that have nothing to do with contexts and features would make more than a hundredth of the
    ///   rows equal: of distinct rows, the share of pairs with the same contexts and features times that of
    ///   pairs with the same targets is the chance of one pair.
    ///
    /// Copies tell nothing new of each other: a model tested on a copy of a row that it was fitted to is
    /// tested on that row. Parts of [subjects](Samples::with_subjects) are no copies.
    pub fn copies(&self) -> Option<Vec<usize>> {
        if self.subjects_are_correlated().is_some() {
            return None;
        }
        let offsets = self.offsets().map(|offsets| offsets.insert_axis(Axis(1)));
        let mut tables = vec![self.contexts(), self.features()];
        tables.extend(offsets);
        let (inputs, targets) = (hashes(&tables), hashes(&[self.targets()]));
        // Of measurements no two rows are equal, which sorting one number for each tells soonest.
        let pairs = || inputs.iter().copied().zip(targets.iter().copied());
        let mut sorted: Vec<u64> = pairs()
            .map(|(input, target)| input ^ target.rotate_left(32))
            .collect();
        sorted.par_sort_unstable();
        if sorted.windows(2).all(|pair| pair[0] != pair[1]) {
            return None;
        }
        let whole: Vec<(u64, u64)> = pairs().collect();
        let labels = numbered(&whole);
        let first = first_rows(&labels);
        let distinct = first.len();
        if distinct < 2 {
            return None;
        }
        let is_continuous = |column: ArrayView1<'_, f64>| {
            let values: HashSet<u64> = first.iter().map(|&row| bits(column[row])).collect();
            2 * values.len() >= distinct
        };
        let (outcomes, contexts) = (self.targets(), self.contexts());
        let mut columns = outcomes.columns().into_iter().chain(contexts.columns());
        if !columns.any(is_continuous) {
            return None;
        }
        let of_first =
            |hashes: &[u64]| -> Vec<u64> { first.iter().map(|&row| hashes[row]).collect() };
        let chance = equal_pairs(&of_first(&inputs)) * equal_pairs(&of_first(&targets));
        let rows = self.rows() as f64;
        // A row is equal to some other one: at most so likely.
        (chance * (rows - 1.0) < BY_CHANCE).then_some(labels)
    }

    /// Numbers for rows that depend on each other: those of one group, if there are groups, and
    /// [`copies`](Samples::copies), which join the groups that they are in. What is held out, resampled or
    /// tested is all rows of a number.
    pub fn dependent_rows(&self) -> Option<Cow<'_, [usize]>> {
        match (self.groups(), self.copies()) {
            (Some(groups), None) => Some(Cow::Borrowed(groups)),
            (Some(groups), Some(copies)) => Some(Cow::Owned(joined(groups, &copies))),
            (None, copies) => copies.map(Cow::Owned),
        }
    }

    /// Those of [`Samples::dependent_rows`] that standard errors and tests have to allow for: all, but of
    /// [subjects](Samples::with_subjects) whose rows are uncorrelated none.
    pub fn correlated_rows(&self) -> Option<Cow<'_, [usize]>> {
        match self.subjects_are_correlated() {
            Some(false) => None,
            Some(true) | None => self.dependent_rows(),
        }
    }
}

/// One hash of every row's values in all tables.
fn hashes(tables: &[ArrayView2<'_, f64>]) -> Vec<u64> {
    let rows = tables.first().map_or(0, |table| table.nrows());
    let of_row = |row: usize| {
        let values = tables.iter().flat_map(|table| table.row(row).into_iter());
        values.fold(0, |hash, &value| mixed(hash, bits(value)))
    };
    (0..rows).into_par_iter().map(of_row).collect()
}

/// A hash of what was hashed before and a number, every bit of which depends on every bit of both: the finalizer of
/// splitmix64, by Steele, Lea and Flood (2014), doi:10.1145/2660193.2660195.
fn mixed(before: u64, number: u64) -> u64 {
    let mut z = (before ^ number).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A value; both zeros are the same.
pub(crate) fn bits(value: f64) -> u64 {
    (value + 0.0).to_bits()
}

/// The number of each label, in the order in which they come.
pub(crate) fn numbered<L: Hash + Eq>(labels: &[L]) -> Vec<usize> {
    let mut known = HashMap::<&L, usize>::new();
    labels
        .iter()
        .map(|label| {
            let next = known.len();
            *known.entry(label).or_insert(next)
        })
        .collect()
}

/// Numbers for rows that are connected by a number of either kind.
fn joined(one: &[usize], other: &[usize]) -> Vec<usize> {
    let first_of = |numbers: &[usize]| -> Vec<usize> {
        let mut known = HashMap::new();
        let rows = numbers.iter().enumerate();
        rows.map(|(row, number)| *known.entry(*number).or_insert(row))
            .collect()
    };
    // Every row points at an earlier one it belongs with, or at itself.
    let mut before: Vec<usize> = (0..one.len()).collect();
    fn root(before: &mut [usize], mut row: usize) -> usize {
        while before[row] != row {
            before[row] = before[before[row]];
            row = before[row];
        }
        row
    }
    for first in [first_of(one), first_of(other)] {
        for (row, &first) in first.iter().enumerate() {
            let (a, b) = (root(&mut before, row), root(&mut before, first));
            before[a.max(b)] = a.min(b);
        }
    }
    let roots: Vec<usize> = (0..one.len()).map(|row| root(&mut before, row)).collect();
    numbered(&roots)
}

/// The first row of every number.
fn first_rows(numbers: &[usize]) -> Vec<usize> {
    let mut next = 0;
    let is_first = |row: &usize| {
        let first = numbers[*row] == next;
        next += usize::from(first);
        first
    };
    (0..numbers.len()).filter(is_first).collect()
}

/// Share of the pairs of labels that are equal.
fn equal_pairs<L: Hash + Eq>(labels: &[L]) -> f64 {
    let numbers = numbered(labels);
    let mut counts = vec![0.0_f64; first_rows(&numbers).len()];
    numbers.iter().for_each(|&number| counts[number] += 1.0);
    let all = labels.len() as f64;
    let pairs = counts
        .iter()
        .map(|count| count * (count - 1.0))
        .sum::<f64>();
    pairs / (all * (all - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn samples(rows: usize, seed: u64, draw: impl Fn(&mut ChaCha8Rng) -> [f64; 3]) -> Samples {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        let table: Vec<f64> = (0..rows).flat_map(|_| draw(&mut generator)).collect();
        let table = Array2::from_shape_vec((rows, 3), table).unwrap();
        let (c, rest) = table.view().split_at(Axis(1), 1);
        let (x, y) = rest.split_at(Axis(1), 1);
        Samples::new(c, x, y).unwrap()
    }

    fn fourfold(samples: &Samples) -> Samples {
        let rows: Vec<usize> = (0..4 * samples.rows()).map(|row| row / 4).collect();
        samples.select(&rows).unwrap()
    }

    #[test]
    fn continuous_rows_are_copies_and_discrete_ones_are_not() {
        for seed in 0..20 {
            let continuous = samples(50, seed, |g| [g.r#gen(), g.r#gen(), g.r#gen()]);
            assert_eq!(continuous.copies(), None);
            let copied = fourfold(&continuous).copies().unwrap();
            assert_eq!(copied, (0..200).map(|row| row / 4).collect::<Vec<_>>());

            // Of years, and rounded measurements.
            let rounded = |g: &mut ChaCha8Rng| {
                let mut whole = |most: u32| f64::from(g.gen_range(0..most));
                [whole(60), whole(40), whole(300)]
            };
            let rounded = fourfold(&samples(60, seed, rounded));
            assert_eq!(rounded.copies().unwrap().iter().max(), Some(&59));

            // A binary outcome of a continuous context.
            let binary = |g: &mut ChaCha8Rng| [g.r#gen(), g.r#gen(), f64::from(g.gen_bool(0.5))];
            assert!(fourfold(&samples(50, seed, binary)).copies().is_some());

            for (levels, most) in [(3, 2), (5, 2), (20, 8), (100, 2)] {
                let discrete = |g: &mut ChaCha8Rng| {
                    let mut whole = |most: u32| f64::from(g.gen_range(0..most));
                    [whole(levels), whole(2), whole(most)]
                };
                let discrete = samples(300, seed, discrete);
                assert_eq!(discrete.copies(), None, "{levels} {most} {seed}");
            }
        }
    }

    #[test]
    fn copies_join_groups() {
        assert_eq!(joined(&[0, 0, 1, 2, 3], &[0, 1, 2, 0, 4]), [0, 0, 1, 0, 2]);
        assert_eq!(joined(&[0, 1, 2, 3], &[0, 1, 1, 0]), [0, 1, 1, 0]);
        assert_eq!(joined(&[0, 1, 0, 1], &[0, 0, 1, 1]), [0, 0, 0, 0]);
    }

    #[test]
    fn groups_go_before_copies() {
        let all = fourfold(&samples(50, 0, |g| [g.r#gen(), g.r#gen(), g.r#gen()]));
        let labels: Vec<usize> = (0..200).map(|row| row / 8).collect();
        let grouped = all.with_groups(&labels).unwrap();
        assert_eq!(grouped.dependent_rows().unwrap()[..], labels[..]);
        let some = grouped.select(&[199, 0, 8]).unwrap();
        assert_eq!(some.groups().unwrap(), [24, 0, 1]);
        assert!(grouped.clone().with_groups(&labels[1..]).is_err());
    }
}
