//! How far a context is from those fitted.

use crate::neighbours::Neighbours;
use contextualized_core::validate::{check_finite, check_table};
use contextualized_core::{Error, Result, Standardization};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Training contexts, as the measure of how far a model is asked to extrapolate.
///
/// Contexts are standardised, and the distance of a context from the training rows is that to its k-th
/// nearest. A training row has such a distance too, from the other rows. Their median is the unit:
///
/// ```text
/// dₖ(c)                                              distance to the k-th nearest training row
/// d₍ᵢ₎ = dₖ(cᵢ) without row i                        of a training row, from the others
/// distance(c) = dₖ(c) / median d₍ᵢ₎
/// share(c)    = (1 + #{i : d₍ᵢ₎ ≥ dₖ(c)}) / (n + 1)
/// ```
///
/// A distance of 1 is that of a typical training row, whatever the number of rows and columns. The
/// share says how many training rows are at least as far from the others. If a context is drawn in the
/// same way as the training rows, its share is at most α with a probability of about α, as for a
/// p-value: a small share says that the context lies where there were no rows, and a model's answer
/// there is its assumption. It says nothing of whether the model is wrong. (It approximates a conformal
/// p-value, Bates et al. 2023, doi:10.1214/22-AOS2244, without setting rows apart.)
///
/// All contexts count alike, relevant or not: a column of noise dilutes the distance in the others. A
/// constant column counts in its own units, so that what was never seen to vary counts as far when it
/// does.
///
/// Neighbours are found by a k-d tree: fast in a few dimensions, no faster than all pairs from about
/// twenty. The same contexts, whatever their number, are looked up once.
///
/// Reloaded through serde it gives the same bits.
///
/// ```
/// use contextualized_analysis::Extrapolation;
/// use ndarray::{Array2, array};
///
/// let training = Array2::from_shape_fn((200, 1), |(row, _)| row as f64 / 200.0);
/// let scores = Extrapolation::fit(training.view())?.scores(array![[0.5], [1.5]].view())?;
/// assert!(scores.distances[0] < 1.1 && scores.distances[1] > 30.0);
/// assert_eq!(scores.beyond(0.01), [false, true]);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Training", into = "Training")]
pub struct Extrapolation {
    kept: Training,
    standardization: Standardization,
    neighbours: Neighbours,
    /// Distances of the training rows from the others, ascending.
    distances: Vec<f64>,
    unit: f64,
}

/// What was fitted, and all that a file contains: the rest follows from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Training {
    contexts: Array2<f64>,
    nearest: usize,
}

/// How far contexts are from the training rows, an entry for each.
#[derive(Debug, Clone, PartialEq)]
pub struct ExtrapolationScores {
    /// Distance to the k-th nearest training row, 1 for a typical training row.
    pub distances: Array1<f64>,
    /// The share of training rows that are at least as far from the others, between 1 / (n + 1) and 1.
    pub shares: Array1<f64>,
}

impl ExtrapolationScores {
    /// Which contexts lie beyond the training rows: those whose share is at most this.
    pub fn beyond(&self, share: f64) -> Vec<bool> {
        self.shares.iter().map(|own| *own <= share).collect()
    }
}

impl PartialEq for Extrapolation {
    fn eq(&self, other: &Self) -> bool {
        self.kept == other.kept
    }
}

impl From<Extrapolation> for Training {
    fn from(extrapolation: Extrapolation) -> Self {
        extrapolation.kept
    }
}

impl TryFrom<Training> for Extrapolation {
    type Error = Error;

    fn try_from(kept: Training) -> Result<Self> {
        check_table("contexts", kept.contexts.view(), None)?;
        let rows = kept.contexts.nrows();
        if kept.nearest == 0 {
            return Err(Error::invalid_parameter("nearest", 0, "at least 1"));
        }
        if rows <= kept.nearest {
            return Err(Error::TooFewRows {
                purpose: format!("the distance to neighbour {} of a row", kept.nearest),
                needed: kept.nearest + 1,
                found: rows,
            });
        }
        let standardization = Standardization::fit(kept.contexts.view(), None)?;
        let standardized = standardization.apply(kept.contexts.view())?;
        let neighbours = Neighbours::new(standardized.view(), None)?;
        // A row is its own nearest neighbour, and is left out by asking for one more.
        let of_distinct = kth_distances(&neighbours, &neighbours.distinct, kept.nearest + 1)?;
        let mut distances: Vec<f64> = neighbours
            .places
            .iter()
            .map(|&place| of_distinct[place])
            .collect();
        distances.sort_by(f64::total_cmp);
        let unit = unit(&distances);
        Ok(Self {
            kept,
            standardization,
            neighbours,
            distances,
            unit,
        })
    }
}

/// The median of ascending distances. Where more than half of them are zero, as for contexts with few
/// levels, the smallest that is not, or one standard deviation if all are.
fn unit(distances: &[f64]) -> f64 {
    let (below, above) = (
        distances[(distances.len() - 1) / 2],
        distances[distances.len() / 2],
    );
    let positive = || distances.iter().copied().find(|distance| *distance > 0.0);
    match (below + above) / 2.0 {
        0.0 => positive().unwrap_or(1.0),
        median => median,
    }
}

/// Distance of each row to its k-th nearest training row, itself included if it is one.
fn kth_distances(neighbours: &Neighbours, rows: &Array2<f64>, nearest: usize) -> Result<Vec<f64>> {
    let rows: Vec<ArrayView1<'_, f64>> = rows.rows().into_iter().collect();
    rows.into_par_iter()
        .map(|row| {
            let found = neighbours.nearest(row, nearest as f64)?;
            Ok(found.last().map_or(0.0, |(distance, _)| *distance))
        })
        .collect::<Vec<Result<f64>>>()
        .into_iter()
        .collect()
}

impl Extrapolation {
    /// Neighbours among which the distance is the last, unless set.
    const NEAREST: usize = 5;

    /// From the contexts (n × c) a model was fitted to, by the fifth nearest neighbour.
    ///
    /// # Errors
    ///
    /// Those of [`Extrapolation::with_nearest`].
    pub fn fit(contexts: ArrayView2<'_, f64>) -> Result<Self> {
        Self::with_nearest(contexts, Self::NEAREST)
    }

    /// By the k-th nearest neighbour: a small k finds gaps between rows, but takes a few odd rows for
    /// company; a large one asks for a crowd.
    ///
    /// # Errors
    ///
    /// [`Error::NoColumns`], [`Error::NotFinite`]; [`Error::InvalidParameter`] for k = 0;
    /// [`Error::TooFewRows`] unless there are more than k.
    pub fn with_nearest(contexts: ArrayView2<'_, f64>, nearest: usize) -> Result<Self> {
        Self::try_from(Training {
            contexts: contexts.to_owned(),
            nearest,
        })
    }

    /// How far the training rows are from the others, ascending, with which the distances of
    /// [`Extrapolation::scores`] compare.
    pub fn training_distances(&self) -> Array1<f64> {
        let own = self.distances.iter();
        own.map(|distance| distance / self.unit).collect()
    }

    /// How far contexts (q × c) are from the training rows.
    ///
    /// A training row is asked about like any other: its distance counts the row itself as the
    /// nearest, and so is a little smaller than that of the row from the others.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`], [`Error::NotFinite`].
    pub fn scores(&self, contexts: ArrayView2<'_, f64>) -> Result<ExtrapolationScores> {
        check_table("contexts", contexts, Some(self.standardization.columns()))?;
        let contexts = self.standardization.apply(contexts)?;
        check_finite("standardised contexts", contexts.view())?;
        let distances = kth_distances(&self.neighbours, &contexts, self.kept.nearest)?;
        let rows = self.distances.len();
        let shares = distances.iter().map(|distance| {
            let nearer = self.distances.partition_point(|other| other < distance);
            (1 + rows - nearer) as f64 / (rows + 1) as f64
        });
        Ok(ExtrapolationScores {
            shares: shares.collect(),
            distances: distances
                .iter()
                .map(|distance| distance / self.unit)
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn distances_and_shares_by_hand() {
        // Standard deviation √2. From the others the rows are 1, 1, 1, 1, 1 away.
        let contexts = array![[0.0], [1.0], [2.0], [3.0], [4.0]];
        let extrapolation = Extrapolation::with_nearest(contexts.view(), 1).unwrap();
        let scores = extrapolation
            .scores(array![[0.5], [6.0], [5.0]].view())
            .unwrap();
        for (found, expected) in scores.distances.iter().zip([0.5, 2.0, 1.0]) {
            assert!((found - expected).abs() < 1e-12);
        }
        assert_eq!(scores.shares[0], 1.0);
        assert_eq!(scores.shares[1], 1.0 / 6.0);
        assert_eq!(scores.beyond(0.2), [false, true, false]);
        let own = extrapolation.training_distances();
        assert!(own.iter().all(|distance| (distance - 1.0).abs() < 1e-12) && own.len() == 5);
    }

    #[test]
    fn columns_and_rows_that_do_not_vary() {
        let constant = Array2::from_elem((10, 2), 3.0);
        let extrapolation = Extrapolation::fit(constant.view()).unwrap();
        let scores = extrapolation
            .scores(array![[3.0, 3.0], [3.0, 5.0]].view())
            .unwrap();
        assert_eq!(scores.distances, array![0.0, 2.0]);
        assert_eq!(scores.shares, array![1.0, 1.0 / 11.0]);
        // Levels: most rows have company at distance zero.
        let levels = Array2::from_shape_fn((20, 1), |(row, _)| f64::from(u8::from(row == 0)));
        let extrapolation = Extrapolation::fit(levels.view()).unwrap();
        let scores = extrapolation.scores(array![[0.0], [1.0]].view()).unwrap();
        assert_eq!(scores.distances, array![0.0, 1.0]);
    }

    #[test]
    fn bad_input_is_named() {
        let contexts = Array2::<f64>::zeros((5, 1));
        assert!(matches!(
            Extrapolation::fit(contexts.view()),
            Err(Error::TooFewRows {
                needed: 6,
                found: 5,
                ..
            })
        ));
        assert!(Extrapolation::with_nearest(contexts.view(), 0).is_err());
        let extrapolation = Extrapolation::with_nearest(contexts.view(), 2).unwrap();
        assert!(matches!(
            extrapolation.scores(array![[1.0, 2.0]].view()),
            Err(Error::ColumnCount { .. })
        ));
        assert!(matches!(
            extrapolation.scores(array![[f64::NAN]].view()),
            Err(Error::NotFinite { .. })
        ));
        let file = serde_json::to_string(&extrapolation).unwrap();
        let altered = file.replace("\"nearest\":2", "\"nearest\":9");
        assert!(serde_json::from_str::<Extrapolation>(&altered).is_err());
    }

    fn normal(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        Array2::from_shape_simple_fn((rows, columns), || {
            generator.sample::<f64, _>(rand_distr::StandardNormal)
        })
    }

    /// Shares of new rows of the same distribution are uniform.
    #[test]
    fn shares_are_calibrated() {
        for columns in [1, 3] {
            let extrapolation = Extrapolation::fit(normal(2000, columns, 1).view()).unwrap();
            let scores = extrapolation
                .scores(normal(4000, columns, 2).view())
                .unwrap();
            for level in [0.05, 0.2, 0.5] {
                let beyond = scores.beyond(level).into_iter().filter(|beyond| *beyond);
                let share = beyond.count() as f64 / 4000.0;
                // Three standard errors of both samples.
                let margin = 3.0 * (level * (1.0 - level) * (1.0 / 2000.0 + 1.0 / 4000.0)).sqrt();
                assert!((share - level).abs() < margin, "{share} of {level}");
            }
        }
    }

    #[test]
    fn a_file_gives_the_same_bits() {
        let extrapolation = Extrapolation::fit(normal(50, 2, 1).view()).unwrap();
        let file = serde_json::to_string(&extrapolation).unwrap();
        let read: Extrapolation = serde_json::from_str(&file).unwrap();
        let queries = normal(20, 2, 2);
        assert_eq!(read, extrapolation);
        assert_eq!(
            read.scores(queries.view()).unwrap(),
            extrapolation.scores(queries.view()).unwrap()
        );
    }

    #[test]
    fn the_same_bits_on_one_and_two_threads() {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.unwrap().install(|| {
                let extrapolation = Extrapolation::fit(normal(2000, 3, 1).view()).unwrap();
                extrapolation.scores(normal(500, 3, 2).view()).unwrap()
            })
        };
        assert_eq!(run(1), run(2));
    }

    proptest! {
        #[test]
        fn training_rows_are_near_one(seed: u64, columns in 1..4_usize) {
            let contexts = normal(150, columns, seed);
            let scores = Extrapolation::fit(contexts.view()).unwrap().scores(contexts.view()).unwrap();
            let mut sorted = scores.distances.to_vec();
            sorted.sort_by(f64::total_cmp);
            // A row is its own nearest, so that the fifth is the fourth of the others.
            prop_assert!((0.6..=1.0).contains(&sorted[75]), "{}", sorted[75]);
            prop_assert!(scores.shares.iter().all(|share| *share > 0.0 && *share <= 1.0));
        }

        #[test]
        fn units_and_origins_do_not_matter(seed: u64, scale in 0.01..100.0_f64, shift in -50.0..50.0_f64) {
            let (contexts, queries) = (normal(60, 2, seed), 2.0 * normal(30, 2, seed ^ 1));
            let scores = |contexts: Array2<f64>, queries: Array2<f64>| {
                Extrapolation::fit(contexts.view()).unwrap().scores(queries.view()).unwrap()
            };
            let plain = scores(contexts.clone(), queries.clone());
            let moved = |table: &Array2<f64>| table * &array![scale, 3.0] + shift;
            let other = scores(moved(&contexts), moved(&queries));
            for (a, b) in plain.distances.iter().zip(&other.distances) {
                prop_assert!((a - b).abs() <= 1e-8 * a.max(1.0), "{} {}", a, b);
            }
        }

        /// Away from all rows along a ray, distances grow and shares fall.
        #[test]
        fn distances_grow_outwards(seed: u64, angle in 0.0..6.2_f64) {
            let extrapolation = Extrapolation::fit(normal(60, 2, seed).view()).unwrap();
            let ray = Array2::from_shape_fn((10, 2), |(step, column)| {
                let direction = if column == 0 { angle.cos() } else { angle.sin() };
                (6.0 + step as f64) * direction
            });
            let scores = extrapolation.scores(ray.view()).unwrap();
            for step in 1..10 {
                prop_assert!(scores.distances[step] > scores.distances[step - 1]);
                prop_assert!(scores.shares[step] <= scores.shares[step - 1]);
            }
        }
    }
}
