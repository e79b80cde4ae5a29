//! K-means on standardised contexts, validated and counted here.

use contextualized_core::validate::{check_finite, check_rows, check_table};
use contextualized_core::{Error, Monitor, Result, Samples, Split, Standardization};
use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_clustering::{KMeans, KMeansInit};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, Zip};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// The most clusters that cross-validation considers.
const MOST_CLUSTERS: usize = 10;

/// Folds of that cross-validation.
pub(crate) const FOLDS: usize = 5;

/// The numbers of clusters that so many rows can be cross-validated with.
pub(crate) fn candidates(rows: usize) -> RangeInclusive<usize> {
    let smallest_fold = rows - rows.div_ceil(FOLDS);
    1..=MOST_CLUSTERS.min(smallest_fold.max(1))
}

/// Regions of context space, each nearest to a centre.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Partition {
    scaling: Standardization,
    /// Clusters × contexts, standardised.
    centers: Array2<f64>,
}

impl Partition {
    /// At most so many clusters of the samples' contexts, and the rows of each.
    pub(crate) fn fit(
        samples: &Samples,
        clusters: usize,
        seed: u64,
    ) -> Result<(Self, Vec<Vec<usize>>)> {
        if clusters == 0 || clusters > samples.rows() {
            return Err(Error::invalid_parameter(
                "clusters",
                clusters,
                format!("between 1 and the number of rows, {}", samples.rows()),
            ));
        }
        samples.check_distances("cluster")?;
        let scaling = samples.warped_context_scaling(None)?;
        let contexts = scaling.apply(samples.contexts())?;
        let centers = centers(contexts.view(), clusters, seed, samples.monitor())?;
        let mut rows = vec![Vec::new(); centers.nrows()];
        for (row, label) in assign(contexts.view(), centers.view())
            .into_iter()
            .enumerate()
        {
            rows[label].push(row);
        }
        Ok((Self { scaling, centers }, rows))
    }

    /// Whether it is one, of so many models and reports on clusters.
    pub(crate) fn check(&self, models: usize, reports: usize) -> Result<()> {
        check_table("centers", self.centers.view(), Some(self.contexts()))?;
        check_rows("models", self.centers.nrows(), models)?;
        check_rows("report", self.centers.nrows(), reports)
    }

    /// Number of contexts.
    pub(crate) fn contexts(&self) -> usize {
        self.scaling.columns()
    }

    /// The cluster of each row of contexts (n × c): that of the nearest centre.
    pub(crate) fn labels(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<usize>> {
        check_table("contexts", contexts, Some(self.contexts()))?;
        let standardized = self.scaling.apply(contexts)?;
        check_finite("standardised contexts", standardized.view())?;
        Ok(assign(standardized.view(), self.centers.view()))
    }

    /// A one in the column of each row's cluster, zeros elsewhere (n × clusters).
    pub(crate) fn indicators(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let mut table = Array2::zeros((contexts.nrows(), self.centers.nrows()));
        for (row, label) in self.labels(contexts)?.into_iter().enumerate() {
            table[[row, label]] = 1.0;
        }
        Ok(table)
    }
}

/// Restarts from fresh k-means++ centres; the lowest inertia wins.
const RESTARTS: u64 = 10;

/// Iterations after which a start that has not settled is an error.
const ITERATIONS: u64 = 300;

/// The most rows that centres are found with, and numbers of clusters compared on: with more rows
/// centres move by a hundredth or two of the spread of contexts, and iterations become many.
const MOST_ROWS: usize = 5_000;

/// So many of the rows as clusters are found with, drawn by the seed; none if that is all of them.
pub(crate) fn drawn(rows: usize, seed: u64) -> Result<Option<Vec<usize>>> {
    if rows > MOST_ROWS {
        let share = MOST_ROWS as f64 / rows as f64;
        Ok(Some(Split::holdout(rows, share, seed)?.test))
    } else {
        Ok(None)
    }
}

/// Centres (k × c) at a fixed point of Lloyd's algorithm, clusters that no row is nearest to left out.
///
/// Of more than [`MOST_ROWS`] rows, that many are used, drawn by the seed.
///
/// The library reports neither whether a run converged nor, over several runs, counts that belong
/// to the run it returns; so each run is started on its own, carried on until no row changes its
/// cluster, and scored here.
fn centers(
    contexts: ArrayView2<'_, f64>,
    clusters: usize,
    seed: u64,
    monitor: &Monitor,
) -> Result<Array2<f64>> {
    let drawn = drawn(contexts.nrows(), seed)?.map(|rows| contexts.select(Axis(0), &rows));
    let contexts = match &drawn {
        Some(drawn) => drawn.view(),
        None => contexts.reborrow(),
    };
    let mut best: Option<(f64, Array2<f64>)> = None;
    for restart in 0..RESTARTS {
        monitor.check()?;
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(restart);
        let (inertia, centers) = one_start(contexts, clusters, generator)?;
        if best.as_ref().is_none_or(|(lowest, _)| inertia < *lowest) {
            best = Some((inertia, centers));
        }
    }
    best.map(|(_, centers)| centers).ok_or(Error::NoRows {
        argument: "contexts",
    })
}

fn one_start(
    contexts: ArrayView2<'_, f64>,
    clusters: usize,
    generator: ChaCha8Rng,
) -> Result<(f64, Array2<f64>)> {
    let mut centers = KMeans::params_with_rng(clusters, generator)
        .init_method(KMeansInit::KMeansPlusPlus)
        .n_runs(1)
        .max_n_iterations(ITERATIONS)
        .tolerance(1e-3)
        .fit(&DatasetBase::from(contexts))
        .map_err(|error| Error::numerical("k-means", error))?
        .centroids()
        .to_owned();
    let mut labels = assign(contexts, centers.view());
    let mut changed = 0;
    for _ in 0..ITERATIONS {
        centers = means(contexts, &labels, centers.nrows());
        let next = assign(contexts, centers.view());
        if next == labels {
            let inertia = contexts
                .rows()
                .into_iter()
                .zip(&labels)
                .map(|(row, &label)| squared_distance(row, centers.row(label)))
                .sum();
            return Ok((inertia, centers));
        }
        changed = labels.iter().zip(&next).filter(|(a, b)| a != b).count();
        labels = next;
    }
    Err(Error::NotConverged {
        algorithm: "k-means",
        iterations: ITERATIONS as usize,
        criterion: "the number of rows that changed cluster",
        value: changed as f64,
        tolerance: 0.0,
    })
}

/// The mean of each cluster's rows; labels are renumbered where a cluster is empty.
fn means(contexts: ArrayView2<'_, f64>, labels: &[usize], clusters: usize) -> Array2<f64> {
    let mut sums = Array2::zeros((clusters, contexts.ncols()));
    let mut counts = vec![0.0; clusters];
    for (row, &label) in contexts.rows().into_iter().zip(labels) {
        let mut sum = sums.row_mut(label);
        sum += &row;
        counts[label] += 1.0;
    }
    for (mut sum, &count) in sums.rows_mut().into_iter().zip(&counts) {
        sum /= f64::max(count, 1.0);
    }
    let occupied: Vec<usize> = (0..clusters).filter(|&label| counts[label] > 0.0).collect();
    sums.select(Axis(0), &occupied)
}

/// The nearest centre of each row, the first of several equally near.
fn assign(contexts: ArrayView2<'_, f64>, centers: ArrayView2<'_, f64>) -> Vec<usize> {
    contexts
        .rows()
        .into_iter()
        .map(|row| {
            let unit = row.fold(1.0_f64, |largest, value| largest.max(value.abs()));
            let mut nearest = 0;
            for label in 1..centers.nrows() {
                if is_nearer(row, centers.row(label), centers.row(nearest), unit) {
                    nearest = label;
                }
            }
            nearest
        })
        .collect()
}

/// Whether x is nearer to a than to b: `‖x − b‖² − ‖x − a‖² = 2 (a − b) · (x − (a + b) / 2)`.
///
/// The squared distances themselves are equal to rounding far away, and overflow farther out; the
/// unit, as large as any entry of x, keeps the sum in range.
fn is_nearer(
    x: ArrayView1<'_, f64>,
    a: ArrayView1<'_, f64>,
    b: ArrayView1<'_, f64>,
    unit: f64,
) -> bool {
    let difference: f64 = Zip::from(x).and(a).and(b).fold(0.0, |sum, x, a, b| {
        sum + (a - b) * (x / unit - (a + b) / 2.0 / unit)
    });
    difference > 0.0
}

fn squared_distance(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}
