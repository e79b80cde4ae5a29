//! Seeded splits into training and held-out rows: at random, by groups and levels, and by regions of
//! context space.

mod folds;
mod labels;
mod regions;

pub use folds::KFold;

use crate::validate::check_rows;
use crate::{Error, Result};
use labels::Labels;
use ndarray::ArrayView1;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Row indices on either side of a split.
///
/// Those made here are in ascending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Rows a model is fitted to.
    pub train: Vec<usize>,
    /// Rows held out from it.
    pub test: Vec<usize>,
}

impl Split {
    /// Holds out a random fraction of the rows: the nearest whole number, at least one row
    /// on either side.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a fraction outside (0, 1), [`Error::TooFewRows`].
    pub fn holdout(rows: usize, fraction: f64, seed: u64) -> Result<Self> {
        let held_out = rows_held_out(rows, fraction)?;
        let mut is_test = vec![false; rows];
        for &row in &shuffled(rows, seed, 0)[..held_out] {
            is_test[row] = true;
        }
        Ok(Self::from_mask(&is_test))
    }

    /// Holds out the same random fraction of every level of a label, such as a class: as near to it
    /// as whole rows allow, and as many rows in total as [`Split::holdout`] does.
    ///
    /// # Errors
    ///
    /// Those of [`Split::holdout`]; [`Error::RowCount`] unless there is a level for each row.
    pub(crate) fn stratified_holdout<L: Ord>(
        rows: usize,
        levels: &[L],
        fraction: f64,
        seed: u64,
    ) -> Result<Self> {
        check_rows("levels", rows, levels.len())?;
        let held_out = rows_held_out(rows, fraction)?;
        let mut is_test = vec![false; rows];
        // Rows level after level: evenly spaced ones are a share of each level.
        for (place, row) in Labels::new(levels).shuffled_rows(seed, 0).enumerate() {
            is_test[row] = (place + 1) * held_out / rows > place * held_out / rows;
        }
        Ok(Self::from_mask(&is_test))
    }

    /// Holds out whole groups, such as all rows of a person: groups in random order, as many as come
    /// nearest to the fraction of the rows, at least one on either side.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a fraction outside (0, 1) or fewer than two groups,
    /// [`Error::RowCount`] unless there is a group for each row.
    pub fn group_holdout<L: Ord>(
        rows: usize,
        groups: &[L],
        fraction: f64,
        seed: u64,
    ) -> Result<Self> {
        check_rows("groups", rows, groups.len())?;
        check_fraction(fraction)?;
        let labels = Labels::new(groups);
        labels.require_groups(2)?;
        let wanted = rows as f64 * fraction;
        let mut is_test = vec![false; rows];
        let mut held_out = 0.0;
        for (place, &group) in shuffled(labels.count(), seed, 0).iter().enumerate() {
            let size = labels.rows_of(group).len() as f64;
            let nearer = (held_out + size - wanted).abs() < (wanted - held_out).abs();
            if place + 1 == labels.count() || (place > 0 && !nearer) {
                break;
            }
            held_out += size;
            for &row in labels.rows_of(group) {
                is_test[row] = true;
            }
        }
        Ok(Self::from_mask(&is_test))
    }

    /// Holds out the rows for which the mask is true, such as a region of context space.
    ///
    /// ```
    /// use contextualized_core::Split;
    /// use ndarray::array;
    ///
    /// let contexts = array![[0.1], [0.5], [0.9], [0.6]];
    /// let split = Split::holding_out(contexts.column(0).iter().map(|c| (0.4..0.7).contains(c)))?;
    /// assert_eq!((split.train, split.test), (vec![0, 2], vec![1, 3]));
    /// # Ok::<(), contextualized_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NoRows`] when no row is held out, or every one.
    pub fn holding_out(mask: impl IntoIterator<Item = bool>) -> Result<Self> {
        let split = Self::from_mask(&mask.into_iter().collect::<Vec<_>>());
        split.check_sides()?;
        Ok(split)
    }

    fn from_mask(is_test: &[bool]) -> Self {
        let (test, train) = (0..is_test.len()).partition(|&row| is_test[row]);
        Self { train, test }
    }

    /// One split for each part, which is held out; `parts` says for each row in which part it is.
    fn of_parts(parts: &[usize], count: usize) -> Vec<Self> {
        (0..count)
            .map(|part| Self::from_mask(&parts.iter().map(|own| *own == part).collect::<Vec<_>>()))
            .collect()
    }

    fn check_sides(&self) -> Result<()> {
        for (argument, rows) in [
            ("the training side of a split", &self.train),
            ("the held-out side of a split", &self.test),
        ] {
            if rows.is_empty() {
                return Err(Error::NoRows { argument });
            }
        }
        Ok(())
    }

    /// Checks that a split is of these rows: none out of range, none on both sides, no side empty.
    ///
    /// # Errors
    ///
    /// [`Error::NoRows`], [`Error::RowOutOfRange`]; [`Error::InvalidParameter`], naming the row, for
    /// one that is trained on and held out.
    pub fn check(&self, rows: usize) -> Result<()> {
        self.check_sides()?;
        let all = || self.train.iter().chain(&self.test);
        if let Some(&row) = all().find(|&&row| row >= rows) {
            return Err(Error::RowOutOfRange { row, rows });
        }
        let mut is_trained = vec![false; rows];
        for &row in &self.train {
            is_trained[row] = true;
        }
        match self.test.iter().find(|&&row| is_trained[row]) {
            Some(row) => Err(Error::invalid_parameter(
                "split",
                format!("one with row {} on both sides", row + 1),
                "one that holds out no row it trains on",
            )),
            None => Ok(()),
        }
    }

    /// The same split without the rows whose weight is zero.
    pub(crate) fn of_rows_that_count(&self, weights: Option<ArrayView1<'_, f64>>) -> Result<Self> {
        let counted = |rows: &[usize]| {
            let counts = |row: &usize| weights.is_none_or(|weights| weights[*row] > 0.0);
            rows.iter().copied().filter(counts).collect()
        };
        let split = Self {
            train: counted(&self.train),
            test: counted(&self.test),
        };
        split.check_sides()?;
        Ok(split)
    }
}

fn check_fraction(fraction: f64) -> Result<()> {
    if fraction > 0.0 && fraction < 1.0 {
        return Ok(());
    }
    Err(Error::invalid_parameter(
        "fraction",
        fraction,
        "between 0 and 1, exclusive",
    ))
}

/// The whole number of rows nearest to a fraction of them, with at least one on either side.
fn rows_held_out(rows: usize, fraction: f64) -> Result<usize> {
    check_fraction(fraction)?;
    require_rows("a split into training and held-out rows", 2, rows)?;
    Ok(((rows as f64 * fraction).round() as usize).clamp(1, rows - 1))
}

fn require_rows(purpose: &str, needed: usize, found: usize) -> Result<()> {
    if found >= needed {
        return Ok(());
    }
    Err(Error::TooFewRows {
        purpose: purpose.to_owned(),
        needed,
        found,
    })
}

/// The rows in an order that depends on the seed and the stream alone.
fn shuffled(rows: usize, seed: u64, stream: u64) -> Vec<usize> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(stream);
    let mut order: Vec<usize> = (0..rows).collect();
    order.shuffle(&mut generator);
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn settings_are_checked() {
        for fraction in [0.0, 1.0, f64::NAN] {
            assert!(matches!(
                Split::holdout(5, fraction, 0),
                Err(Error::InvalidParameter { .. })
            ));
            assert!(Split::stratified_holdout(5, &[0; 5], fraction, 0).is_err());
            assert!(Split::group_holdout(3, &[0, 1, 2], fraction, 0).is_err());
        }
        assert!(matches!(
            Split::holdout(1, 0.5, 0),
            Err(Error::TooFewRows { .. })
        ));
        assert!(matches!(
            Split::stratified_holdout(3, &[0, 1], 0.5, 0),
            Err(Error::RowCount {
                argument: "levels",
                ..
            })
        ));
        assert_eq!(
            Split::group_holdout(3, &["a"; 3], 0.5, 0)
                .unwrap_err()
                .to_string(),
            "number of groups is 1, but must be at least 2"
        );
    }

    #[test]
    fn streams_are_pinned() {
        let split = Split::holdout(100, 0.05, 0).unwrap();
        assert_eq!(split.test, [16, 28, 30, 95, 99]);
    }

    #[test]
    fn a_split_that_cannot_be_used_says_why() {
        let error = |train: &[usize], test: &[usize]| {
            let split = Split {
                train: train.to_vec(),
                test: test.to_vec(),
            };
            split.check(4).unwrap_err().to_string()
        };
        assert_eq!(error(&[], &[1]), "the training side of a split has no rows");
        assert_eq!(error(&[1], &[]), "the held-out side of a split has no rows");
        assert_eq!(
            error(&[1, 2], &[4]),
            "row 5 was asked for, but there are only 4"
        );
        assert_eq!(
            error(&[1, 2], &[3, 2]),
            "split is one with row 3 on both sides, but must be one that holds out no row it trains on"
        );
        assert!(Split::holding_out([true, true]).is_err());
        assert!(Split::holding_out([false, false]).is_err());
    }

    proptest! {
        #[test]
        fn strata_and_groups_are_held_out_as_asked(
            labels in prop::collection::vec(0..5_usize, 2..80),
            fraction in 0.05..0.95_f64,
            seed: u64,
        ) {
            let rows = labels.len();
            let split = Split::stratified_holdout(rows, &labels, fraction, seed).unwrap();
            let random = Split::holdout(rows, fraction, seed).unwrap();
            prop_assert_eq!(split.test.len(), random.test.len());
            let share = split.test.len() as f64 / rows as f64;
            for level in 0..5 {
                let of = |rows: &[usize]| rows.iter().filter(|&&r| labels[r] == level).count() as f64;
                let wanted = share * (of(&split.train) + of(&split.test));
                prop_assert!((of(&split.test) - wanted).abs() < 1.0 + 1e-9);
            }
            if let Ok(split) = Split::group_holdout(rows, &labels, fraction, seed) {
                prop_assert!(split.check(rows).is_ok());
                prop_assert_eq!(split.train.len() + split.test.len(), rows);
                prop_assert!(split.test.iter().all(|&t| split.train.iter().all(|&r| labels[r] != labels[t])));
            } else {
                prop_assert!(labels.iter().all(|label| *label == labels[0]));
            }
        }
    }
}
