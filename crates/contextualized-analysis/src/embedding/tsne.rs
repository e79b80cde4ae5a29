//! t-distributed stochastic neighbour embedding.

use super::check_rows_and_columns;
use super::neighbours::{all_nearest, squared_distances};
use super::principal_components::PrincipalComponents;
use bhtsne::{Neighbor, SparseAffinities, tSNE};
use contextualized_core::validate::check_finite;
use contextualized_core::{Error, Result};
use ndarray::{Array2, ArrayView2, s};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;

/// Rows of a table in the plane such that near rows stay near: t-SNE by the Barnes-Hut method.
///
/// It shows groups. Distances between groups, and their sizes, mean little; rows that come later cannot
/// be put in, which [`PrincipalComponents`] can. [`faithfulness`](super::faithfulness) says how much of
/// the neighbourhoods is kept.
///
/// It starts from the first two principal components, which keeps more of the large picture than a
/// random start does (Kobak and Berens 2019, doi:10.1038/s41467-019-13056-x), scaled to a deviation of
/// 1e-4, with a hundredth of noise that tells apart rows that are the same. Neighbours are exact, of all
/// n² distances. The descent runs on one thread, so that it gives the same bits everywhere.
///
/// | setting | default | range |
/// |---|---|---|
/// | perplexity | 30 | 1 or more, below a third of the number of rows |
/// | iterations | 1000 | 1 or more |
/// | seed | 0 | |
///
/// After van der Maaten (2014, Journal of Machine Learning Research 15:3221).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tsne {
    perplexity: f64,
    iterations: usize,
    seed: u64,
}

/// Rows in the plane.
#[derive(Debug, Clone, PartialEq)]
pub struct TsneEmbedding {
    /// Coordinates, n × 2; without a unit.
    pub points: Array2<f64>,
    /// The Kullback-Leibler divergence that was reached: what t-SNE makes small. It compares
    /// embeddings of the same table and perplexity only.
    pub divergence: f64,
}

impl Default for Tsne {
    fn default() -> Self {
        Self {
            perplexity: 30.0,
            iterations: 1000,
            seed: 0,
        }
    }
}

/// The ratio of a cell's size to its distance below which its points act as one.
const THETA: f64 = 0.5;

/// Iterations at most in which rows that are near attract each other twelvefold, to find their groups.
const MOST_EXAGGERATED: usize = 250;

/// The standard deviation of the first coordinates, and of noise on them.
const START: (f64, f64) = (1e-4, 1e-6);

impl Tsne {
    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many neighbours a row has, softly counted.
    #[must_use]
    pub fn perplexity(mut self, perplexity: f64) -> Self {
        self.perplexity = perplexity;
        self
    }

    /// Steps of gradient descent.
    #[must_use]
    pub fn iterations(mut self, iterations: usize) -> Self {
        self.iterations = iterations;
        self
    }

    /// The seed of the noise on the start.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Neighbours that enter: three times the perplexity.
    fn neighbours(&self, rows: usize) -> Result<usize> {
        let most = (rows as f64 - 1.0) / 3.0;
        if !(self.perplexity >= 1.0 && self.perplexity <= most) {
            return Err(Error::invalid_parameter(
                "perplexity",
                self.perplexity,
                format!("between 1 and a third of one less than the number of rows, {most:.1}"),
            ));
        }
        match self.iterations {
            0 => Err(Error::invalid_parameter("iterations", 0, "at least 1")),
            _ => Ok((3.0 * self.perplexity) as usize),
        }
    }

    /// The rows of a table (n × columns) in the plane.
    ///
    /// # Errors
    ///
    /// [`Error::NoRows`], [`Error::NoColumns`], [`Error::NotFinite`]; [`Error::InvalidParameter`] for a
    /// perplexity too large for the rows; [`Error::Numerical`].
    pub fn fit(&self, table: ArrayView2<'_, f64>) -> Result<TsneEmbedding> {
        check_rows_and_columns(table)?;
        let rows = table.nrows();
        let count = self.neighbours(rows)?;
        let start = self.start(table)?;
        let neighbours: Vec<Vec<Neighbor<f64>>> = all_nearest(table, count)
            .into_iter()
            .map(|row| {
                row.into_iter()
                    .map(|(squared, index)| Neighbor {
                        index,
                        distance: squared.sqrt(),
                    })
                    .collect()
            })
            .collect();
        // Its sums over rows are split by the number of threads.
        let pool = ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .map_err(|error| Error::numerical("a thread for t-SNE", error))?;
        let exaggerated = (self.iterations / 4).min(MOST_EXAGGERATED);
        let (points, affinities) = pool.install(|| {
            // Neighbours are given: of the data only their number is used.
            let numbers = vec![(); rows];
            let mut tsne: tSNE<'_, f64, (), 2> = tSNE::new(&numbers);
            tsne.perplexity(self.perplexity)
                .epochs(self.iterations)
                .stop_lying_epoch(exaggerated)
                .momentum_switch_epoch(exaggerated)
                .initial_embedding(start)
                .barnes_hut_with_neighbors(THETA, &neighbours);
            (tsne.embedding(), tsne.affinities())
        });
        let points = Array2::from_shape_vec((rows, 2), points)
            .map_err(|error| Error::numerical("t-SNE", error))?;
        check_finite("the embedding", points.view())?;
        let Some(affinities) = affinities else {
            return Err(Error::NoRows {
                argument: "affinities",
            });
        };
        Ok(TsneEmbedding {
            divergence: divergence(&affinities, points.view()),
            points,
        })
    }

    /// The first two principal components, small, row after row.
    fn start(&self, table: ArrayView2<'_, f64>) -> Result<Vec<f64>> {
        let components = table.ncols().min(2);
        let names = vec![""; table.ncols()];
        let model = PrincipalComponents::new()
            .components(components)
            .fit(table, &names)?;
        let mut start = Array2::<f64>::zeros((table.nrows(), 2));
        start
            .slice_mut(s![.., ..components])
            .assign(&model.transform(table)?);
        let first = model.variances()[0].sqrt();
        if first > 0.0 {
            start *= START.0 / first;
        }
        let noise = Normal::new(0.0, START.1).map_err(|error| Error::numerical("noise", error))?;
        let mut generator = ChaCha8Rng::seed_from_u64(self.seed);
        start.mapv_inplace(|value| value + noise.sample(&mut generator));
        Ok(start.into_iter().collect())
    }
}

/// Σ p ln(p / q) over pairs of rows, q falling with their distance in the plane as 1 / (1 + d²); exact.
///
/// The library's own number takes the wrong affinities of a row.
fn divergence(affinities: &SparseAffinities<f64>, points: ArrayView2<'_, f64>) -> f64 {
    let closeness = |squared: f64| 1.0 / (1.0 + squared);
    let by_row: Vec<(f64, f64)> = (0..points.nrows())
        .into_par_iter()
        .map(|row| {
            let mut near: Vec<f64> = vec![1.0; points.nrows()];
            for (squared, other) in squared_distances(points, row) {
                near[other] = closeness(squared);
            }
            let own = affinities.rows()[row]..affinities.rows()[row + 1];
            let columns = &affinities.columns()[own.clone()];
            let cross: f64 = columns
                .iter()
                .zip(&affinities.values()[own])
                .filter(|(_, p)| **p > 0.0)
                .map(|(&column, p)| p * (p.ln() - near[column as usize].ln()))
                .sum();
            // Its own closeness does not count.
            (cross, near.iter().sum::<f64>() - 1.0)
        })
        .collect();
    let mass: f64 = affinities.values().iter().sum();
    let cross: f64 = by_row.iter().map(|row| row.0).sum();
    let closenesses: f64 = by_row.iter().map(|row| row.1).sum();
    // Affinities are scaled to add up to one.
    cross / mass - mass.ln() + closenesses.ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Axis;

    /// Three groups of 30 rows around corners in five dimensions.
    fn groups() -> Array2<f64> {
        let mut generator = ChaCha8Rng::seed_from_u64(1);
        let noise = Normal::new(0.0, 0.3).unwrap();
        Array2::from_shape_fn((90, 5), |(row, column)| {
            let corner = if column == row % 3 { 4.0 } else { 0.0 };
            corner + noise.sample(&mut generator)
        })
    }

    #[test]
    fn groups_stay_together() {
        let embedding = Tsne::new().perplexity(10.0).fit(groups().view()).unwrap();
        assert_eq!(embedding.points.dim(), (90, 2));
        assert!(
            embedding.divergence > 0.0 && embedding.divergence < 1.0,
            "{}",
            embedding.divergence
        );
        let nearest = all_nearest(embedding.points.view(), 10);
        for (row, neighbours) in nearest.iter().enumerate() {
            assert!(neighbours.iter().all(|(_, other)| other % 3 == row % 3));
        }
    }

    #[test]
    fn the_same_bits_on_any_number_of_threads() {
        let table = groups();
        let fit = |threads, seed| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build();
            let tsne = Tsne::new().perplexity(8.0).iterations(300).seed(seed);
            pool.unwrap().install(|| tsne.fit(table.view()).unwrap())
        };
        assert_eq!(fit(1, 3), fit(2, 3));
        assert_ne!(fit(2, 3), fit(2, 4));
    }

    #[test]
    fn rows_that_are_the_same_are_no_trouble() {
        // A model of two clusters has two distinct rows.
        let two = Array2::from_shape_fn((60, 3), |(row, _)| (row % 2) as f64);
        let embedding = Tsne::new().perplexity(5.0).fit(two.view()).unwrap();
        let side = |row: usize| embedding.points.row(row).to_owned();
        assert!(embedding.points.iter().all(|value| value.is_finite()));
        assert_ne!(side(0), side(1));
        let one = Array2::from_elem((60, 1), 2.5);
        let embedding = Tsne::new().perplexity(5.0).fit(one.view()).unwrap();
        assert_eq!(embedding.points.len_of(Axis(0)), 60);
    }

    #[test]
    fn bad_settings_are_named() {
        let table = groups();
        for tsne in [
            Tsne::new().perplexity(30.0),
            Tsne::new().perplexity(0.5),
            Tsne::new().perplexity(f64::NAN),
            Tsne::new().perplexity(5.0).iterations(0),
        ] {
            assert!(matches!(
                tsne.fit(table.view()),
                Err(Error::InvalidParameter { .. })
            ));
        }
        assert!(Tsne::new().fit(Array2::zeros((0, 2)).view()).is_err());
        assert!(Tsne::new().perplexity(29.6).fit(table.view()).is_ok());
    }
}
