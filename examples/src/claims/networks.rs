//! Correlation and Markov networks: errors on held-out contexts beside those of clusters and encoders,
//! and the time of a large case.

use super::{Bar, Claim, Findings, findings};
use contextualized_baselines::{ClusterNetworks, PopulationCorrelation, PopulationMarkov};
use contextualized_core::{
    Estimator, MarkovNetworks, NetworkDensity, Result, Samples, VaryingNetworks,
};
use contextualized_graphs::Bandwidths;
use contextualized_graphs::correlation::{KernelCorrelation, NeuralCorrelation};
use contextualized_graphs::markov::{KernelMarkov, NeuralMarkov};
use contextualized_simulation::{CovarianceSimulator, SimulatedCovariances};
use ndarray::{Array2, Array3, ArrayView3, Axis, s};
use std::time::Instant;

const NODES: usize = 8;
const ROWS: usize = 1200;
const NEW_ROWS: usize = 800;
const CLUSTERS: usize = 10;

/// `Σ(c) = L(c) L(c)ᵀ + I`, with a smooth wave of phase j along each of two contexts as its columns.
///
/// ```text
/// L_j0 = sin(1.5 c0 + 0.9 j)    L_j1 = sin(1.5 c1 + 1.8 j + 1)
/// ```
fn simulator(rows: usize, nodes: usize, contexts: usize) -> CovarianceSimulator {
    CovarianceSimulator::new(rows)
        .uniform_contexts(contexts, -1.0, 1.0)
        .factors(move |c| {
            Array2::from_shape_fn((nodes, 2), |(j, k)| {
                (1.5 * c[k] + 0.9 * ((k + 1) * j) as f64 + k as f64).sin()
            })
        })
}

/// The mean squared error of all entries off the diagonal.
fn off_diagonal_mse(truth: ArrayView3<'_, f64>, estimate: ArrayView3<'_, f64>) -> f64 {
    let (rows, nodes, _) = truth.dim();
    let mut squares = 0.0;
    for ((row, i, j), value) in truth.indexed_iter() {
        if i != j {
            squares += (value - estimate[[row, i, j]]).powi(2);
        }
    }
    squares / (rows * nodes * (nodes - 1)) as f64
}

/// Training samples, new samples, and the new samples' true correlations and partial correlations.
struct Problem {
    train: Samples,
    new: SimulatedCovariances,
    correlations: Array3<f64>,
    partial: Array3<f64>,
}

impl Problem {
    fn new(seed: u64) -> Result<Self> {
        let new = simulator(NEW_ROWS, NODES, 2).simulate(10_000 + seed)?;
        Ok(Self {
            train: simulator(ROWS, NODES, 2).simulate(seed)?.samples,
            correlations: new.correlations()?,
            partial: new.partial_correlations()?,
            new,
        })
    }

    /// Errors of correlations and of partial correlations, the mean log-density of the Markov network,
    /// and seconds of both fits.
    fn errors<C, M>(&self, correlation: &C, markov: &M) -> Result<[f64; 4]>
    where
        C: Estimator,
        C::Model: VaryingNetworks,
        M: Estimator,
        M::Model: MarkovNetworks,
    {
        let start = Instant::now();
        let (correlation, markov) = (correlation.fit(&self.train)?, markov.fit(&self.train)?);
        let seconds = start.elapsed().as_secs_f64();
        let contexts = self.new.samples.contexts();
        let networks = correlation.networks(contexts)?;
        let partial = markov.partial_correlations(contexts)?;
        let densities = markov.log_densities(contexts, self.new.samples.features())?;
        Ok([
            off_diagonal_mse(self.correlations.view(), networks.edges()),
            off_diagonal_mse(self.partial.view(), partial.view()),
            densities.sum() / densities.len() as f64,
            seconds,
        ])
    }
}

/// Errors over this many data seeds, and the seconds of a large case.
///
/// # Errors
///
/// Those of the estimators; there are none for these data.
pub fn measure(seeds: u64) -> Result<Findings> {
    let names = ["population", "10 clusters", "neural", "kernel"];
    let mut found: Vec<Vec<[f64; 4]>> = vec![Vec::new(); names.len()];
    for seed in 0..seeds {
        let problem = Problem::new(seed)?;
        found[0].push(problem.errors(&PopulationCorrelation::new(), &PopulationMarkov::new())?);
        found[1].push(problem.errors(
            &ClusterNetworks::new(PopulationCorrelation::new()).clusters(CLUSTERS),
            &ClusterNetworks::new(PopulationMarkov::new()).clusters(CLUSTERS),
        )?);
        found[2].push(problem.errors(&NeuralCorrelation::new(), &NeuralMarkov::new())?);
        found[3].push(problem.errors(&KernelCorrelation::new(), &KernelMarkov::new())?);
    }
    let of = |model: usize, figure: usize| found[model].iter().map(|row| row[figure]).collect();
    let mut claims = Vec::new();
    for (model, name) in names.iter().enumerate() {
        for (figure, what) in [
            "correlation MSE",
            "partial correlation MSE",
            "log-density of a new row",
            "seconds of both fits",
        ]
        .into_iter()
        .enumerate()
        {
            claims.push(Claim {
                data: (*name).to_owned(),
                what,
                bar: Bar::Reported,
                values: of(model, figure),
            });
        }
    }
    let ratios = |other: usize, figure: usize| -> Vec<f64> {
        let pairs = found[3].iter().zip(&found[other]);
        pairs
            .map(|(kernel, other)| kernel[figure] / other[figure])
            .collect()
    };
    for (other, most, of_correlations, of_partial) in [
        (
            1,
            0.75,
            "correlations: kernel / clusters",
            "partial correlations: kernel / clusters",
        ),
        (
            2,
            1.0,
            "correlations: kernel / neural",
            "partial correlations: kernel / neural",
        ),
    ] {
        for (figure, what) in [(0, of_correlations), (1, of_partial)] {
            claims.push(Claim {
                data: "kernel".to_owned(),
                what,
                bar: Bar::Within(0.0..=most),
                values: ratios(other, figure),
            });
        }
    }
    claims.extend(large()?);
    let title = format!(
        "Networks of {NODES} nodes from {ROWS} rows, seeds 0 to {}: errors at {NEW_ROWS} new contexts. \
         Then {LARGE_NODES} nodes and {LARGE_ROWS} rows.",
        seeds - 1
    );
    Ok(findings(&title, &claims))
}

const LARGE_NODES: usize = 100;
const LARGE_ROWS: usize = 10_000;

/// Networks that are held at once.
const BLOCK: usize = 1024;

/// The seconds of many nodes and rows: all networks given bandwidths, and the choice of bandwidths.
fn large() -> Result<Vec<Claim>> {
    let data = simulator(LARGE_ROWS, LARGE_NODES, 3).simulate(0)?;
    let samples = &data.samples;
    let bandwidths = Bandwidths {
        means: vec![0.5; 3],
        covariances: vec![0.5, 0.5, f64::INFINITY],
        pseudo_rows: 10.0,
        independent_rows: 50.0,
    };
    let start = Instant::now();
    let correlation = KernelCorrelation::new()
        .bandwidths(bandwidths.clone())
        .fit(samples)?;
    let mut error = 0.0;
    correlation.visit_networks(samples.contexts(), BLOCK, &mut |first, networks| {
        // Every fiftieth network is compared with the truth.
        for row in (0..networks.rows()).filter(|row| (first + row) % 50 == 0) {
            let covariance = data.covariances.index_axis(Axis(0), first + row);
            let truth = Array2::from_shape_fn((LARGE_NODES, LARGE_NODES), |(i, j)| {
                covariance[[i, j]] / (covariance[[i, i]] * covariance[[j, j]]).sqrt()
            });
            let network = networks.edges();
            let found = network.slice(s![row..=row, .., ..]);
            error += off_diagonal_mse(truth.view().insert_axis(Axis(0)), found);
        }
        Ok(())
    })?;
    let markov = KernelMarkov::new().bandwidths(bandwidths).fit(samples)?;
    markov.visit_networks(samples.contexts(), BLOCK, &mut |_, _| Ok(()))?;
    let networks = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let searched = KernelCorrelation::new().fit(samples)?;
    let search = start.elapsed().as_secs_f64();
    let claim = |what, bar, value| Claim {
        data: "100 nodes".to_owned(),
        what,
        bar,
        values: vec![value],
    };
    Ok(vec![
        claim(
            "seconds of all networks of both kinds",
            Bar::Seconds(60.0),
            networks,
        ),
        claim(
            "seconds of the choice of bandwidths",
            Bar::Seconds(60.0),
            search,
        ),
        claim(
            "rows that bandwidths were chosen by",
            Bar::Within(0.0..=500.0),
            searched.report().evaluated_rows.len() as f64,
        ),
        claim(
            "correlation MSE",
            Bar::Reported,
            error / (LARGE_ROWS / 50) as f64,
        ),
    ])
}
