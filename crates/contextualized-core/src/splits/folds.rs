//! K-fold cross-validation.

use super::labels::Labels;
use super::regions::cells;
use super::{Split, require_rows, shuffled};
use crate::validate::{check_rows, check_table};
use crate::{Error, Result};
use ndarray::ArrayView2;

/// K-fold cross-validation, repeated with fresh shuffles.
///
/// What a fold is made of says which error is estimated:
///
/// | folds of | estimate the error at |
/// |---|---|
/// | rows, [`KFold::splits`] | new rows like those there are |
/// | rows with even shares of a label, [`KFold::stratified_splits`] | the same, with less variation where a class is rare |
/// | whole groups, [`KFold::group_splits`] | rows of new groups, such as new persons |
/// | regions of context space, [`KFold::region_splits`] | contexts beyond those trained on |
///
/// ```
/// use contextualized_core::KFold;
/// use ndarray::array;
///
/// let folds = KFold::new(2, 0);
/// for split in folds.group_splits(4, &["ann", "bob", "ann", "bob"])? {
///     assert!(split.test == [0, 2] || split.test == [1, 3]);
/// }
/// for split in folds.region_splits(array![[0.9], [0.2], [0.7], [0.1]].view())? {
///     assert!(split.test == [0, 2] || split.test == [1, 3]);
/// }
/// # Ok::<(), contextualized_core::Error>(())
/// ```
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

    /// The same with fewer folds, if there are more than so many.
    pub(crate) fn at_most(self, folds: usize) -> Self {
        Self {
            folds: self.folds.min(folds),
            ..self
        }
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
        self.repeated(rows, |repeat| {
            let order = shuffled(rows, self.seed, repeat);
            let mut folds = vec![0; rows];
            for fold in 0..self.folds {
                let (start, end) = (fold * rows / self.folds, (fold + 1) * rows / self.folds);
                for &row in &order[start..end] {
                    folds[row] = fold;
                }
            }
            Ok(folds)
        })
    }

    /// Splits that leave groups whole, such as all rows of a person: a group is either trained on or
    /// held out.
    ///
    /// Folds are balanced by rows: the largest group goes first, each to the fold with the fewest
    /// rows. Groups of equal size are shuffled, so that repeats differ; where all groups differ in
    /// size there is but one way to balance them, and repeats say nothing new.
    ///
    /// # Errors
    ///
    /// Those of [`KFold::splits`]; [`Error::RowCount`] unless there is a group for each row,
    /// [`Error::InvalidParameter`] for fewer groups than folds.
    #[doc(alias = "GroupKFold")]
    pub fn group_splits<L: Ord>(&self, rows: usize, groups: &[L]) -> Result<Vec<Split>> {
        check_rows("groups", rows, groups.len())?;
        let labels = Labels::new(groups);
        labels.require_groups(self.folds)?;
        self.repeated(rows, |repeat| {
            Ok(labels.balanced_parts(self.folds, self.seed, repeat))
        })
    }

    /// Splits that spread each level of a label, such as a class, evenly over folds.
    ///
    /// Of every level the folds hold the same number of rows, or one more, and likewise of all rows;
    /// a level with fewer rows than there are folds is missing from some.
    ///
    /// # Errors
    ///
    /// Those of [`KFold::splits`]; [`Error::RowCount`] unless there is a level for each row.
    #[doc(alias = "StratifiedKFold")]
    pub fn stratified_splits<L: Ord>(&self, rows: usize, levels: &[L]) -> Result<Vec<Split>> {
        check_rows("levels", rows, levels.len())?;
        let labels = Labels::new(levels);
        self.repeated(rows, |repeat| {
            let mut folds = vec![0; rows];
            // Dealt on from level to level, so that no fold has the larger share of every level.
            for (place, row) in labels.shuffled_rows(self.seed, repeat).enumerate() {
                folds[row] = place % self.folds;
            }
            Ok(folds)
        })
    }

    /// Splits that hold out regions of context space: the error of extrapolation.
    ///
    /// Contexts (n × c) are cut into as many cells of nearly equal size as there are folds, by
    /// bisection: standardised contexts are halved at a hyperplane across a random direction, then
    /// either half across another, and so on. Each cell is held out in turn. Rows with the same
    /// context are in the same cell. Repeats cut in other directions; of a single context there is
    /// only one, and they say nothing new.
    ///
    /// Nothing but the contexts is used, and of them only to say where regions are.
    ///
    /// # Errors
    ///
    /// Those of [`KFold::splits`]; [`Error::NoColumns`], [`Error::NotFinite`];
    /// [`Error::InvalidParameter`] for fewer distinct contexts than folds.
    pub fn region_splits(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<Split>> {
        check_table("contexts", contexts, None)?;
        self.repeated(contexts.nrows(), |repeat| {
            cells(contexts, self.folds, self.seed, repeat)
        })
    }

    /// The splits of every repeat, from the fold that each row is in.
    fn repeated(
        &self,
        rows: usize,
        folds_of_rows: impl Fn(u64) -> Result<Vec<usize>>,
    ) -> Result<Vec<Split>> {
        if self.folds < 2 {
            return Err(Error::invalid_parameter("folds", self.folds, "at least 2"));
        }
        if self.repeats == 0 {
            return Err(Error::invalid_parameter("repeats", 0, "at least 1"));
        }
        require_rows("cross-validation with as many folds", self.folds, rows)?;
        let mut splits = Vec::with_capacity(self.folds * self.repeats);
        for repeat in 0..self.repeats {
            splits.extend(Split::of_parts(&folds_of_rows(repeat as u64)?, self.folds));
        }
        Ok(splits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, Axis, array};
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
        for folds in [0, 1] {
            let folds = KFold::new(folds, 0);
            assert!(folds.group_splits(3, &[0, 1, 2]).is_err());
            assert!(folds.stratified_splits(3, &[0, 1, 2]).is_err());
            assert!(
                folds
                    .region_splits(array![[0.0], [1.0], [2.0]].view())
                    .is_err()
            );
        }
    }

    #[test]
    fn labels_and_contexts_that_cannot_be_divided_say_so() {
        let folds = KFold::new(3, 0);
        let error = |result: Result<Vec<Split>>| result.unwrap_err().to_string();
        assert_eq!(
            error(folds.group_splits(5, &[0, 1, 0, 1, 0])),
            "number of groups is 2, but must be at least 3"
        );
        assert_eq!(
            error(folds.group_splits(5, &[0, 1, 2])),
            "groups: the number of rows is 3, expected 5"
        );
        assert_eq!(
            error(folds.stratified_splits(5, &[0, 1, 2])),
            "levels: the number of rows is 3, expected 5"
        );
        let contexts = array![[1.0, 0.0], [2.0, 0.0], [1.0, 0.0], [2.0, 0.0]];
        assert!(error(folds.region_splits(contexts.view())).starts_with("folds is 3, but must be"));
        assert!(matches!(
            folds.region_splits(array![[1.0], [f64::NAN], [3.0]].view()),
            Err(Error::NotFinite { row: 1, .. })
        ));
    }

    #[test]
    fn streams_are_pinned() {
        let last = KFold::new(20, 7)
            .with_repeats(2)
            .splits(100)
            .unwrap()
            .pop()
            .unwrap();
        assert_eq!(last.test, [10, 43, 50, 94, 99]);
    }

    /// A context that is categorical: its levels are the regions, however unequal.
    #[test]
    fn regions_keep_equal_contexts_together() {
        let levels = [0.0, 1.0, 0.0, 2.0, 0.0, 0.0, 1.0, 0.0];
        let contexts = Array2::from_shape_fn((8, 2), |(row, column)| match column {
            0 => levels[row],
            _ => 7.0, // says nothing
        });
        let splits = KFold::new(3, 4).region_splits(contexts.view()).unwrap();
        let mut regions: Vec<Vec<usize>> = splits.into_iter().map(|split| split.test).collect();
        regions.sort();
        assert_eq!(
            regions,
            [vec![0, 2, 4, 5, 7], vec![1, 6], vec![3]].map(Vec::from)
        );
    }

    #[test]
    fn repeats_cut_regions_in_other_directions() {
        let contexts = Array2::from_shape_fn((100, 2), |(row, column)| match column {
            0 => (row % 10) as f64,
            _ => (row / 10) as f64,
        });
        let splits = KFold::new(4, 0)
            .with_repeats(2)
            .region_splits(contexts.view())
            .unwrap();
        assert_ne!(splits[0], splits[4]);
        assert_eq!(
            splits,
            KFold::new(4, 0)
                .with_repeats(2)
                .region_splits((100.0 * contexts).view())
                .unwrap(),
            "units of contexts do not matter"
        );
    }

    /// The sizes of a repeat's folds, once they are seen to partition the rows.
    fn sizes(repeat: &[Split], rows: usize) -> std::result::Result<Vec<usize>, TestCaseError> {
        let mut held_out: Vec<usize> = repeat.iter().flat_map(|s| s.test.clone()).collect();
        held_out.sort_unstable();
        prop_assert_eq!(held_out, (0..rows).collect::<Vec<_>>());
        for split in repeat {
            prop_assert!(split.check(rows).is_ok());
            prop_assert_eq!(split.train.len() + split.test.len(), rows);
            prop_assert!(split.train.is_sorted() && split.test.is_sorted());
        }
        Ok(repeat.iter().map(|split| split.test.len()).collect())
    }

    fn spread(sizes: &[usize]) -> usize {
        sizes.iter().max().unwrap() - sizes.iter().min().unwrap()
    }

    proptest! {
        #[test]
        fn folds_partition_the_rows(rows in 2..60_usize, folds in 2..10_usize, seed: u64) {
            prop_assume!(folds <= rows);
            let splits = KFold::new(folds, seed).with_repeats(2).splits(rows).unwrap();
            prop_assert_eq!(splits.len(), 2 * folds);
            for repeat in splits.chunks(folds) {
                prop_assert!(spread(&sizes(repeat, rows)?) <= 1);
            }
        }

        #[test]
        fn groups_never_straddle(
            groups in prop::collection::vec(0..12_u8, 12..80),
            folds in 2..5_usize,
            seed: u64,
        ) {
            let rows = groups.len();
            let size = |group: u8| groups.iter().filter(|other| **other == group).count();
            let largest = groups.iter().map(|group| size(*group)).max().unwrap();
            let folding = KFold::new(folds, seed).with_repeats(2);
            let Ok(splits) = folding.group_splits(rows, &groups) else {
                prop_assert!((0..12).filter(|group| size(*group) > 0).count() < folds);
                return Ok(());
            };
            for repeat in splits.chunks(folds) {
                prop_assert!(spread(&sizes(repeat, rows)?) <= largest);
                for split in repeat {
                    let trained: Vec<u8> = split.train.iter().map(|&row| groups[row]).collect();
                    prop_assert!(split.test.iter().all(|&row| !trained.contains(&groups[row])));
                }
            }
        }

        #[test]
        fn every_level_is_spread_evenly(
            levels in prop::collection::vec(0..4_u8, 6..80),
            folds in 2..6_usize,
            seed: u64,
        ) {
            let rows = levels.len();
            let folding = KFold::new(folds, seed).with_repeats(2);
            for repeat in folding.stratified_splits(rows, &levels).unwrap().chunks(folds) {
                prop_assert!(spread(&sizes(repeat, rows)?) <= 1);
                for level in 0..4 {
                    let of_level = |split: &Split| {
                        split.test.iter().filter(|&&row| levels[row] == level).count()
                    };
                    let counts: Vec<usize> = repeat.iter().map(of_level).collect();
                    prop_assert!(spread(&counts) <= 1, "level {}: {:?}", level, counts);
                }
            }
        }

        /// Of one context regions are intervals of nearly equal size.
        #[test]
        fn regions_of_one_context_are_intervals(
            contexts in prop::collection::hash_set(-1000..1000_i32, 8..80),
            folds in 2..8_usize,
            seed: u64,
        ) {
            let contexts: Vec<f64> = contexts.into_iter().map(f64::from).collect();
            let rows = contexts.len();
            let table = ndarray::ArrayView1::from(&contexts[..]).insert_axis(Axis(1));
            let splits = KFold::new(folds, seed).region_splits(table).unwrap();
            // Half of an odd number of cells is cut off rounded down, at most once a level.
            prop_assert!(spread(&sizes(&splits, rows)?) <= 1);
            for split in &splits {
                let held_out: Vec<f64> = split.test.iter().map(|&row| contexts[row]).collect();
                let low = held_out.iter().copied().fold(f64::INFINITY, f64::min);
                let high = held_out.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                prop_assert!(split.train.iter().all(|&row| !(low..=high).contains(&contexts[row])));
            }
        }

        /// Of two contexts, any two regions have disjoint convex hulls: some line separates them. Two
        /// finite sets can be separated if and only if a line through one point of either does,
        /// those on it apart.
        #[test]
        fn regions_of_two_contexts_are_separated_by_lines(
            contexts in prop::collection::vec((-1.0..1.0_f64, -1.0..1.0_f64), 10..40),
            folds in 2..6_usize,
            seed: u64,
        ) {
            let table = Array2::from_shape_fn((contexts.len(), 2), |(row, column)| match column {
                0 => contexts[row].0,
                _ => contexts[row].1,
            });
            let splits = KFold::new(folds, seed).region_splits(table.view()).unwrap();
            for (number, a) in splits.iter().enumerate() {
                for b in &splits[..number] {
                    prop_assert!(separated(&contexts, &a.test, &b.test));
                }
            }
        }
    }

    fn separated(points: &[(f64, f64)], a: &[usize], b: &[usize]) -> bool {
        a.iter().any(|&i| {
            b.iter().any(|&k| {
                let (from, to) = (points[i], points[k]);
                let side = |row: &usize| {
                    let point = points[*row];
                    (to.0 - from.0) * (point.1 - from.1) - (to.1 - from.1) * (point.0 - from.0)
                };
                let within =
                    |rows: &[usize], sign: f64| rows.iter().all(|r| sign * side(r) >= -1e-9);
                [1.0, -1.0]
                    .into_iter()
                    .any(|sign| within(a, sign) && within(b, -sign))
            })
        })
    }
}
