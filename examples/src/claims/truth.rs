//! Data whose coefficient functions are drawn from the prior or are given, and what of them intervals
//! hold.

use contextualized_core::{CoefficientIntervals, Coefficients, Error, Result, Samples, Scaling};
use contextualized_linear::Hyperparameters;
use contextualized_simulation::Simulator;
use contextualized_solvers::cholesky;
use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate, s};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Features; an intercept is the last coefficient.
const FEATURES: usize = 2;
/// Standard deviation of the noise.
const NOISE: f64 = 0.5;
/// Length scale of functions drawn from the prior, whose amplitude is 1.
const LENGTH_SCALE: f64 = 0.6;

/// Where the coefficient functions come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    /// Drawn from the prior: constants `N(0, 1)` and functions of a squared exponential kernel.
    Prior,
    /// Given: `sin(3 c0) + c1`, `c0 c1` and the intercept `cos(2 c0)`; of one context `sin(3 c0)`, `c0²`
    /// and the same intercept.
    Smooth,
}

/// Rows to learn from, and the truth at contexts of the same distribution.
#[derive(Debug, Clone)]
pub(super) struct DataSet {
    pub(super) samples: Samples,
    pub(super) new: Array2<f64>,
    pub(super) truth: Coefficients,
}

impl DataSet {
    /// Contexts uniform on [−1, 1], two standard normal features less their means, noise of 0.5.
    ///
    /// The means are taken away so that the intercept is the one at average features, about which a
    /// model of standardised data has its prior.
    pub(super) fn simulate(
        truth: Truth,
        contexts: usize,
        rows: usize,
        new_rows: usize,
        seed: u64,
    ) -> Result<Self> {
        let noise = Simulator::new(rows + new_rows)
            .uniform_contexts(contexts, -1.0, 1.0)
            .slopes(|_| vec![0.0; FEATURES])
            .noise(NOISE)
            .simulate(seed)?
            .samples;
        let coefficients = match truth {
            Truth::Prior => from_prior(noise.contexts(), seed)?,
            Truth::Smooth => smooth(noise.contexts()),
        };
        let features = noise.features().slice(s![..rows, ..]).to_owned();
        let means = features.mean_axis(Axis(0)).ok_or(Error::NoRows {
            argument: "features",
        })?;
        let features = features - means;
        let ones = Array2::ones((rows, 1));
        let design = concatenate![Axis(1), features, ones];
        let signal = (design * coefficients.slice(s![..rows, ..])).sum_axis(Axis(1));
        let targets = &noise.targets().slice(s![..rows, ..]) + &signal.insert_axis(Axis(1));
        let at_new = coefficients.slice(s![rows.., ..]);
        Ok(Self {
            samples: Samples::new(
                noise.contexts().slice(s![..rows, ..]),
                features.view(),
                targets.view(),
            )?,
            new: noise.contexts().slice(s![rows.., ..]).to_owned(),
            truth: Coefficients::new(
                at_new
                    .slice(s![.., ..FEATURES])
                    .to_owned()
                    .insert_axis(Axis(1)),
                at_new.slice(s![.., FEATURES..]).to_owned(),
            )?,
        })
    }

    /// What the truth of [`Truth::Prior`] was drawn with, in the units of standardised data.
    ///
    /// A context divided by its scale has a length scale divided by it; a slope of a feature divided
    /// by its scale, of a target divided by its own, is multiplied by the one and divided by the
    /// other.
    pub(super) fn known(&self) -> Result<Hyperparameters> {
        let scaling = Scaling::fit(&self.samples)?;
        let contexts = scaling.contexts.scales().insert_axis(Axis(0)).to_owned();
        let target = scaling.targets.scales()[0];
        let features = scaling.features.scales();
        Ok(Hyperparameters {
            inverse_length_scales: contexts / LENGTH_SCALE,
            amplitudes: Array2::from_shape_fn((FEATURES + 1, 1), |(j, _)| {
                features.get(j).copied().unwrap_or(1.0) / target
            }),
            noise: NOISE / target,
            scales: Array1::ones(1),
        })
    }
}

/// Coefficients (rows × 3) drawn jointly at all contexts.
fn from_prior(contexts: ArrayView2<'_, f64>, seed: u64) -> Result<Array2<f64>> {
    let rows = contexts.nrows();
    let covariance = Array2::from_shape_fn((rows, rows), |(i, k)| {
        let difference = &contexts.row(i) - &contexts.row(k);
        (-0.5 * difference.dot(&difference) / (LENGTH_SCALE * LENGTH_SCALE)).exp()
    });
    let root = cholesky(covariance.view())
        .map_err(|source| Error::numerical("drawing from the prior", source))?;
    // Apart from the streams of the simulator, which has drawn contexts, features and noise.
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(1 << 40);
    let mut standard = || -> f64 { StandardNormal.sample(&mut generator) };
    let constants = Array1::from_shape_simple_fn(FEATURES + 1, &mut standard);
    let functions = Array2::from_shape_simple_fn((rows, FEATURES + 1), &mut standard);
    Ok(root.lower().dot(&functions) + constants)
}

/// Coefficients (rows × 3) that the prior does not make.
fn smooth(contexts: ArrayView2<'_, f64>) -> Array2<f64> {
    Array2::from_shape_fn((contexts.nrows(), FEATURES + 1), |(row, coefficient)| {
        let first = contexts[[row, 0]];
        let second = contexts.row(row).get(1).copied();
        match coefficient {
            0 => (3.0 * first).sin() + second.unwrap_or(0.0),
            1 => first * second.unwrap_or(first),
            _ => (2.0 * first).cos(),
        }
    })
}

/// For each slope of the first target, and its intercept last, the number of rows whose interval holds
/// the truth.
pub(super) fn hits(intervals: &CoefficientIntervals, truth: &Coefficients) -> Vec<usize> {
    let (lower, upper) = (&intervals.lower, &intervals.upper);
    let count = |held: &dyn Fn(usize) -> bool| (0..truth.rows()).filter(|&row| held(row)).count();
    (0..truth.features())
        .map(|j| {
            let at = |c: &Coefficients, row| c.slopes()[[row, 0, j]];
            count(&|row| (at(lower, row)..=at(upper, row)).contains(&at(truth, row)))
        })
        .chain([{
            let at = |c: &Coefficients, row| c.intercepts()[[row, 0]];
            count(&|row| (at(lower, row)..=at(upper, row)).contains(&at(truth, row)))
        }])
        .collect()
}
