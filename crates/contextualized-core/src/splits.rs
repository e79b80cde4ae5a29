//! Seeded splits into training and held-out rows.

use crate::{Error, Result};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Row indices on either side of a split, each in ascending order.
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
        if !(fraction > 0.0 && fraction < 1.0) {
            return Err(Error::invalid_parameter(
                "fraction",
                fraction,
                "between 0 and 1, exclusive",
            ));
        }
        require_rows("a split into training and held-out rows", 2, rows)?;
        let held_out = ((rows as f64 * fraction).round() as usize).clamp(1, rows - 1);
        let order = shuffled(rows, seed, 0);
        Ok(Self::from_held_out(&order[..held_out], rows))
    }

    fn from_held_out(held_out: &[usize], rows: usize) -> Self {
        let mut is_test = vec![false; rows];
        for &row in held_out {
            is_test[row] = true;
        }
        let (test, train) = (0..rows).partition(|&row| is_test[row]);
        Self { train, test }
    }
}

/// K-fold cross-validation, repeated with fresh shuffles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KFold {
    folds: usize,
    repeats: usize,
    seed: u64,
}

impl KFold {
    /// `folds` folds, once, shuffled by `seed`.
    pub fn new(folds: usize, seed: u64) -> Self {
        Self {
            folds,
            repeats: 1,
            seed,
        }
    }

    /// Repeats the cross-validation with a fresh shuffle each time.
    pub fn with_repeats(mut self, repeats: usize) -> Self {
        self.repeats = repeats;
        self
    }

    /// Number of folds.
    pub fn folds(&self) -> usize {
        self.folds
    }

    /// Number of repeats.
    pub fn repeats(&self) -> usize {
        self.repeats
    }

    /// All splits: the folds of the first repeat, then those of the next.
    ///
    /// In every repeat each row is held out exactly once and fold sizes differ by at most one.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for fewer than two folds or no repeat,
    /// [`Error::TooFewRows`] for fewer rows than folds.
    pub fn splits(&self, rows: usize) -> Result<Vec<Split>> {
        if self.folds < 2 {
            return Err(Error::invalid_parameter("folds", self.folds, "at least 2"));
        }
        if self.repeats == 0 {
            return Err(Error::invalid_parameter("repeats", 0, "at least 1"));
        }
        require_rows("cross-validation with as many folds", self.folds, rows)?;
        let mut splits = Vec::with_capacity(self.folds * self.repeats);
        for repeat in 0..self.repeats {
            let order = shuffled(rows, self.seed, repeat as u64);
            for fold in 0..self.folds {
                let (start, end) = (fold * rows / self.folds, (fold + 1) * rows / self.folds);
                splits.push(Split::from_held_out(&order[start..end], rows));
            }
        }
        Ok(splits)
    }
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
        assert!(matches!(
            KFold::new(1, 0).splits(5),
            Err(Error::InvalidParameter { .. })
        ));
        assert!(matches!(
            KFold::new(2, 0).with_repeats(0).splits(5),
            Err(Error::InvalidParameter { .. })
        ));
        assert!(matches!(
            KFold::new(6, 0).splits(5),
            Err(Error::TooFewRows {
                needed: 6,
                found: 5,
                ..
            })
        ));
        for fraction in [0.0, 1.0, f64::NAN] {
            assert!(matches!(
                Split::holdout(5, fraction, 0),
                Err(Error::InvalidParameter { .. })
            ));
        }
        assert!(matches!(
            Split::holdout(1, 0.5, 0),
            Err(Error::TooFewRows { .. })
        ));
    }

    #[test]
    fn streams_are_pinned() {
        let split = Split::holdout(100, 0.05, 0).unwrap();
        assert_eq!(split.test, [16, 28, 30, 95, 99]);
        let last = KFold::new(20, 7)
            .with_repeats(2)
            .splits(100)
            .unwrap()
            .pop()
            .unwrap();
        assert_eq!(last.test, [10, 43, 50, 94, 99]);
    }

    proptest! {
        #[test]
        fn folds_partition_the_rows(rows in 2..60_usize, folds in 2..10_usize, seed: u64) {
            prop_assume!(folds <= rows);
            let splits = KFold::new(folds, seed).with_repeats(2).splits(rows).unwrap();
            prop_assert_eq!(splits.len(), 2 * folds);
            for repeat in splits.chunks(folds) {
                let mut held_out: Vec<usize> = repeat.iter().flat_map(|s| s.test.clone()).collect();
                held_out.sort_unstable();
                prop_assert_eq!(held_out, (0..rows).collect::<Vec<_>>());
                let sizes: Vec<usize> = repeat.iter().map(|s| s.test.len()).collect();
                let spread = sizes.iter().max().unwrap() - sizes.iter().min().unwrap();
                prop_assert!(spread <= 1);
            }
            for split in &splits {
                let mut all = [split.train.clone(), split.test.clone()].concat();
                all.sort_unstable();
                prop_assert_eq!(all, (0..rows).collect::<Vec<_>>());
            }
        }
    }
}
