//! Which rows a replicate sees.

use contextualized_core::validate::{check_probability, check_rows};
use contextualized_core::{Error, Result, Samples};
use ndarray::Array1;
use rand::seq::index;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// How a replicate of the data is drawn: which units, and whether they return.
///
/// A replicate is the *distinct* rows drawn, with the number of times each was drawn as its weight,
/// times the row's own weight. A row of weight 2 counts as two rows in every sum, so this is the
/// bootstrap with repeated rows at less cost. And an estimator that cross-validates or holds rows out
/// while it fits never has copies of one row on both sides of its split.
///
/// Some estimators read weights less literally. Kernels that estimate their noise take weights for
/// inverse variances: they learn about it from distinct rows alone (at known hyperparameters a row of
/// weight 2 is two rows). Networks of correlations are shrunken by the effective number of rows.
/// Clusters are made of distinct contexts.
///
/// Rows of weight zero are never drawn: the rows that count are resampled as if they were all.
///
/// ```
/// use contextualized_analysis::Resampling;
/// use contextualized_core::Samples;
/// use ndarray::array;
///
/// let rows = array![[0.0], [1.0], [2.0], [3.0]];
/// let samples = Samples::new(rows.view(), rows.view(), rows.view())?;
/// let patients = Resampling::groups(&["anna", "ben", "anna", "carl"]);
/// let counts = patients.counts(&samples, 0, 7)?;
/// assert_eq!(counts[0], counts[2]);
/// assert_eq!(counts[0] + counts[1] + counts[3], 3);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Resampling {
    units: Units,
    /// Share of the units that is drawn, each at most once; none where units are drawn with
    /// replacement.
    share: Option<f64>,
}

/// What is drawn as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
enum Units {
    #[default]
    Rows,
    /// Rows, within strata: the stratum of each row.
    Strata(Vec<usize>),
    /// The group of each row.
    Groups(Vec<usize>),
}

impl Resampling {
    /// As many rows as there are, with replacement: the bootstrap (Efron 1979,
    /// doi:10.1214/aos/1176344552); of rows that depend on each other ([`Samples::dependent_rows`]) whole
    /// groups.
    pub fn rows() -> Self {
        Self::default()
    }

    /// Rows within each stratum, a label for each row: every replicate has as many rows of each
    /// stratum as the data, such as cases and controls.
    ///
    /// The variance within a stratum of k rows comes out a factor (k − 1) / k too small, so strata
    /// should not be tiny.
    pub fn strata<L: Ord>(labels: &[L]) -> Self {
        Self {
            units: Units::Strata(numbered(labels)),
            share: None,
        }
    }

    /// Whole groups of rows, a label for each row: the cluster bootstrap, for rows that depend on
    /// others of their group, such as visits of one patient (Field and Welsh 2007,
    /// doi:10.1111/j.1467-9868.2007.00593.x).
    pub fn groups<L: Ord>(labels: &[L]) -> Self {
        Self {
            units: Units::Groups(numbered(labels)),
            share: None,
        }
    }

    /// A share of the rows or groups (of each stratum, where there are strata), each at most once:
    /// subsampling (Politis and Romano 1994, doi:10.1214/aos/1176325770).
    ///
    /// Estimates from m of n units, drawn without replacement, vary (n − m) / m times as much as
    /// estimates from n vary between data sets (Shao and Wu 1989, doi:10.1214/aos/1176347263).
    /// Standard errors and intervals allow for that; with a share of one half nothing is to be
    /// allowed for.
    pub fn without_replacement(mut self, share: f64) -> Self {
        self.share = Some(share);
        self
    }

    /// How often each row is drawn in a replicate, which depends on the seed and the replicate's
    /// number alone.
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`] when there is not one label for each row; [`Error::TooFewRows`] for fewer
    /// than two units; [`Error::InvalidParameter`] for a share outside (0, 1).
    pub fn counts(&self, samples: &Samples, replicate: usize, seed: u64) -> Result<Vec<u32>> {
        Ok(self
            .of(samples)
            .draws(samples.rows(), &uncounted(samples))?
            .counts(replicate, seed))
    }

    /// The same for these samples: of rows that depend on each other whole groups, unless strata or groups
    /// were given.
    pub(crate) fn of(&self, samples: &Samples) -> Self {
        let units = match (&self.units, samples.dependent_rows()) {
            (Units::Rows, Some(groups)) => Units::Groups(groups.into_owned()),
            (units, _) => units.clone(),
        };
        Self {
            units,
            share: self.share,
        }
    }

    /// Sorts the rows into what is drawn; `uncounted` rows, ascending, are never drawn.
    pub(crate) fn draws(&self, rows: usize, uncounted: &[usize]) -> Result<Draws> {
        if let Some(share) = self.share {
            check_probability("share", share)?;
        }
        let counted = (0..rows).filter(|row| uncounted.binary_search(row).is_err());
        let mut groups = None;
        let strata = match &self.units {
            Units::Rows => vec![counted.collect()],
            Units::Strata(labels) => {
                check_rows("strata", rows, labels.len())?;
                by_label(labels, counted)
            }
            Units::Groups(labels) => {
                check_rows("groups", rows, labels.len())?;
                let rows_of_groups = by_label(labels, counted);
                let strata = vec![(0..rows_of_groups.len()).collect()];
                groups = Some(rows_of_groups);
                strata
            }
        };
        let strata: Vec<Stratum> = strata
            .into_iter()
            .map(|units: Vec<usize>| Stratum {
                drawn: match self.share {
                    None => units.len(),
                    Some(share) => drawn_of(units.len(), share),
                },
                units,
            })
            .collect();
        let draws = Draws {
            rows,
            strata,
            groups,
            replacement: self.share.is_none(),
        };
        let found = draws.units();
        let all_drawn = !draws.replacement && draws.drawn() == found;
        if found < 2 || all_drawn {
            return Err(Error::TooFewRows {
                purpose: match (&self.units, all_drawn) {
                    (Units::Groups(_), _) => "resampling, as groups".to_owned(),
                    (Units::Strata(_), true) => "subsampling, in one stratum".to_owned(),
                    (Units::Strata(_), false) | (Units::Rows, _) => "resampling".to_owned(),
                },
                needed: 2,
                found: if all_drawn { 1 } else { found },
            });
        }
        Ok(draws)
    }
}

/// The rows of weight zero.
pub(crate) fn uncounted(samples: &Samples) -> Vec<usize> {
    let Some(weights) = samples.weights() else {
        return Vec::new();
    };
    (0..samples.rows())
        .filter(|&row| weights[row] == 0.0)
        .collect()
}

/// The rows drawn, each once, with their counts and own weights multiplied.
pub(crate) fn resampled(samples: &Samples, counts: &[u32]) -> Result<Samples> {
    let drawn: Vec<usize> = (0..counts.len()).filter(|&row| counts[row] > 0).collect();
    let selected = samples.select(&drawn)?;
    let mut weights: Array1<f64> = drawn.iter().map(|&row| f64::from(counts[row])).collect();
    match selected.weights() {
        Some(own) => weights *= &own,
        None if weights.iter().all(|weight| *weight == 1.0) => return Ok(selected),
        None => {}
    }
    selected.with_weights(weights.view())
}

/// Units to draw from, and how many of them.
#[derive(Debug)]
struct Stratum {
    units: Vec<usize>,
    drawn: usize,
}

/// What is drawn, sorted: units are rows, or groups of rows.
#[derive(Debug)]
pub(crate) struct Draws {
    rows: usize,
    strata: Vec<Stratum>,
    groups: Option<Vec<Vec<usize>>>,
    replacement: bool,
}

impl Draws {
    /// Whether whole groups are drawn.
    pub(crate) fn are_groups(&self) -> bool {
        self.groups.is_some()
    }

    /// See [`Resampling::counts`].
    pub(crate) fn counts(&self, replicate: usize, seed: u64) -> Vec<u32> {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(replicate as u64);
        let mut counts = vec![0; self.rows];
        let mut draw = |unit: usize| match &self.groups {
            None => counts[unit] += 1,
            Some(groups) => groups[unit].iter().for_each(|&row| counts[row] += 1),
        };
        for Stratum { units, drawn } in &self.strata {
            if self.replacement {
                for _ in 0..*drawn {
                    draw(units[generator.gen_range(0..units.len() as u64) as usize]);
                }
            } else {
                index::sample(&mut generator, units.len(), *drawn)
                    .into_iter()
                    .for_each(|unit| draw(units[unit]));
            }
        }
        counts
    }

    /// By how much deviations of replicates from their mean have to be stretched to be those of
    /// estimates between data sets.
    pub(crate) fn stretch(&self) -> f64 {
        if self.replacement {
            return 1.0;
        }
        let (all, drawn) = (self.units() as f64, self.drawn() as f64);
        (drawn / (all - drawn)).sqrt()
    }

    pub(crate) fn units(&self) -> usize {
        self.strata.iter().map(|stratum| stratum.units.len()).sum()
    }

    fn drawn(&self) -> usize {
        self.strata.iter().map(|stratum| stratum.drawn).sum()
    }
}

/// At most so many of the rows, chosen by chance, in ascending order.
pub(crate) fn some_rows(rows: usize, most: usize, seed: u64) -> Vec<usize> {
    if rows <= most {
        return (0..rows).collect();
    }
    let mut chosen = index::sample(&mut ChaCha8Rng::seed_from_u64(seed), rows, most).into_vec();
    chosen.sort_unstable();
    chosen
}

/// The nearest whole number of units: at least one, and at least one left over if there are two.
fn drawn_of(units: usize, share: f64) -> usize {
    match units {
        0 | 1 => units,
        _ => ((units as f64 * share).round() as usize).clamp(1, units - 1),
    }
}

/// Labels in their order, as numbers from 0.
fn numbered<L: Ord>(labels: &[L]) -> Vec<usize> {
    let mut distinct: Vec<&L> = labels.iter().collect();
    distinct.sort_unstable();
    distinct.dedup();
    labels
        .iter()
        .map(|label| distinct.partition_point(|other| *other < label))
        .collect()
}

/// The counted rows of every label that has some.
pub(crate) fn by_label(labels: &[usize], counted: impl Iterator<Item = usize>) -> Vec<Vec<usize>> {
    let mut rows = std::collections::BTreeMap::<usize, Vec<usize>>::new();
    for row in counted {
        rows.entry(labels[row]).or_default().push(row);
    }
    rows.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::Array2;
    use proptest::prelude::*;

    fn samples(rows: usize) -> Samples {
        let table = Array2::from_shape_fn((rows, 1), |(row, _)| row as f64);
        Samples::new(table.view(), table.view(), table.view()).unwrap()
    }

    #[test]
    fn settings_are_checked() {
        let samples = samples(3);
        for share in [0.0, 1.0, -0.5, f64::NAN] {
            assert!(matches!(
                Resampling::rows()
                    .without_replacement(share)
                    .counts(&samples, 0, 0),
                Err(Error::InvalidParameter { .. })
            ));
        }
        for resampling in [Resampling::strata(&[1, 2]), Resampling::groups(&[1, 2])] {
            assert!(matches!(
                resampling.counts(&samples, 0, 0),
                Err(Error::RowCount {
                    expected: 3,
                    found: 2,
                    ..
                })
            ));
        }
        assert_eq!(
            Resampling::groups(&["a", "a", "a"])
                .counts(&samples, 0, 0)
                .unwrap_err()
                .to_string(),
            "2 rows are needed for resampling, as groups, but there are 1"
        );
        assert!(matches!(
            Resampling::strata(&[1, 2, 3])
                .without_replacement(0.5)
                .counts(&samples, 0, 0),
            Err(Error::TooFewRows { .. })
        ));
    }

    #[test]
    fn rows_of_weight_zero_are_never_drawn() {
        let weights = Array1::from(vec![0.0, 1.0, 2.0, 0.0, 1.0]);
        let weighted = samples(5).with_weights(weights.view()).unwrap();
        let without = samples(3);
        for replicate in 0..20 {
            let counts = Resampling::rows().counts(&weighted, replicate, 1).unwrap();
            let fewer = Resampling::rows().counts(&without, replicate, 1).unwrap();
            assert_eq!(counts, [0, fewer[0], fewer[1], 0, fewer[2]]);
        }
    }

    #[test]
    fn a_replicate_has_distinct_rows_with_their_counts_as_weights() {
        let samples = samples(3)
            .with_weights(Array1::from(vec![0.5, 1.0, 3.0]).view())
            .unwrap();
        let replicate = resampled(&samples, &[2, 0, 1]).unwrap();
        assert_eq!(
            replicate.contexts(),
            Array2::from_shape_vec((2, 1), vec![0.0, 2.0]).unwrap()
        );
        assert_eq!(
            replicate.weights().unwrap(),
            Array1::from(vec![1.0, 3.0]).view()
        );
    }

    /// The mean of a replicate has the variance s² (n − 1) / n² of the bootstrap, that of a subsample
    /// s² / n once it is stretched.
    #[test]
    fn spread_of_means() {
        let (rows, replicates) = (12, 4000);
        let samples = samples(rows);
        let variance = (rows * (rows + 1)) as f64 / 12.0;
        for (resampling, expected) in [
            (
                Resampling::rows(),
                variance * (rows - 1) as f64 / (rows * rows) as f64,
            ),
            (
                Resampling::rows().without_replacement(0.75),
                variance / rows as f64,
            ),
        ] {
            let stretch = resampling.draws(rows, &[]).unwrap().stretch();
            let means: Vec<f64> = (0..replicates)
                .map(|replicate| {
                    let counts = resampling.counts(&samples, replicate, 3).unwrap();
                    let total: u32 = counts.iter().sum();
                    let sum: f64 = (0..rows)
                        .map(|row| f64::from(counts[row]) * row as f64)
                        .sum();
                    sum / f64::from(total)
                })
                .collect();
            let center = means.iter().sum::<f64>() / replicates as f64;
            let spread: f64 = means.iter().map(|mean| (mean - center).powi(2)).sum();
            let found = stretch * stretch * spread / replicates as f64;
            // The relative standard error of a variance over 4000 draws is 2.2 %.
            assert_relative_eq!(found, expected, max_relative = 0.08);
        }
    }

    proptest! {
        #[test]
        fn totals(labels in prop::collection::vec(0..4_usize, 8..40), seed in 0..1000_u64, replicate in 0..50_usize) {
            let samples = samples(labels.len());
            let total = |counts: &[u32], label: usize| -> u32 {
                counts.iter().zip(&labels).filter(|(_, own)| **own == label).map(|(count, _)| count).sum()
            };
            let size = |label: usize| labels.iter().filter(|own| **own == label).count() as u32;

            let rows = Resampling::rows().counts(&samples, replicate, seed).unwrap();
            prop_assert_eq!(rows.iter().sum::<u32>() as usize, labels.len());

            let strata = Resampling::strata(&labels).counts(&samples, replicate, seed).unwrap();
            for label in 0..4 {
                prop_assert_eq!(total(&strata, label), size(label));
            }
            let half = Resampling::rows().without_replacement(0.5).counts(&samples, replicate, seed).unwrap();
            prop_assert!(half.iter().all(|count| *count <= 1));
            prop_assert_eq!(half.iter().sum::<u32>() as usize, (labels.len() as f64 / 2.0).round() as usize);

            let present = (0..4).filter(|label| size(*label) > 0).count();
            prop_assume!(present > 1);
            let groups = Resampling::groups(&labels).counts(&samples, replicate, seed).unwrap();
            let drawn: u32 = (0..4).filter(|label| size(*label) > 0).map(|label| total(&groups, label) / size(label)).sum();
            prop_assert_eq!(drawn as usize, present);
            for (count, own) in groups.iter().zip(&labels) {
                prop_assert_eq!(count * size(*own), total(&groups, *own));
            }
        }
    }
}
