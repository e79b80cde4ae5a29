//! How often bootstrap intervals hold the truth, and how often bootstrap tests reject it.

use super::truth::{DataSet, Truth, hits};
use super::{Bar, Claim, Findings, findings};
use contextualized_analysis::Bootstrap;
use contextualized_baselines::PopulationRegression;
use contextualized_core::{
    Coefficients, Estimator, Result, Samples, WeightedContexts, WithUncertainty,
};
use contextualized_linear::{GaussianProcessRegression, Hyperparameters};
use contextualized_simulation::Simulator;
use ndarray::array;
use rayon::prelude::*;

const LEVEL: f64 = 0.95;
/// Rows of every data set whose intervals are judged.
const ROWS: usize = 150;
/// Contexts at which they are.
const NEW_ROWS: usize = 25;
/// Data sets without an effect.
const NULL_DATA_SETS: u64 = 1000;
/// Rows of each, for the population and for the kernel.
const NULL_ROWS: [usize; 2] = [200, 100];
/// Replicates of the population and of the kernel: 2.5 % is a whole number of shares of one more.
const REPLICATES: [usize; 2] = [199, 119];

/// Coverage over this many data sets, and the level of tests over 1000 null data sets.
///
/// # Errors
///
/// Those of the estimators; there are none for these data.
pub fn measure(data_sets: u64) -> Result<Findings> {
    let population = (0..data_sets)
        .into_par_iter()
        .map(population_coverage)
        .collect::<Result<Vec<f64>>>()?;
    let kernel = (0..data_sets)
        .into_par_iter()
        .map(kernel_coverage)
        .collect::<Result<Vec<[f64; 2]>>>()?;
    let known = GaussianProcessRegression::new()
        .fit(&null_samples(NULL_ROWS[1], 0, 1.0)?)?
        .hyperparameters();
    let rejected = (0..NULL_DATA_SETS)
        .into_par_iter()
        .map(|seed| rejections(seed, &known))
        .collect::<Result<Vec<[bool; 3]>>>()?;
    let per_cent = |shares: &mut dyn Iterator<Item = f64>, count: usize| {
        vec![100.0 * shares.sum::<f64>() / count as f64]
    };
    let mean = |values: &mut dyn Iterator<Item = f64>| per_cent(values, data_sets as usize);
    let level = |test: usize| {
        per_cent(
            &mut rejected.iter().map(|rejected| f64::from(rejected[test])),
            rejected.len(),
        )
    };
    let claim = |data: &str, what, bar, values| Claim {
        data: data.to_owned(),
        what,
        bar,
        values,
    };
    Ok(findings(
        &format!(
            "Bootstraps of {} replicates of a population and {} of a gp, at the hyperparameters of its fit to all\n\
             rows: per cent of true coefficients in {:.0} % intervals, {data_sets} data sets of {ROWS} rows; and per cent of\n\
             {NULL_DATA_SETS} data sets of {} and {} rows where a true null is rejected at 5 %.",
            REPLICATES[0],
            REPLICATES[1],
            100.0 * LEVEL,
            NULL_ROWS[0],
            NULL_ROWS[1],
        ),
        &[
            claim(
                "population",
                "coefficients held",
                Bar::Within(93.0..=97.0),
                mean(&mut population.into_iter()),
            ),
            claim(
                "gp, new contexts",
                "coefficients held",
                Bar::Reported,
                mean(&mut kernel.iter().map(|held| held[0])),
            ),
            claim(
                "gp, new contexts",
                "held by its posterior",
                Bar::Reported,
                mean(&mut kernel.iter().map(|held| held[1])),
            ),
            claim(
                "population",
                "slope of zero rejected",
                Bar::Within(4.0..=6.0),
                level(0),
            ),
            claim(
                "gp",
                "average slope of zero rejected",
                Bar::Within(4.0..=6.0),
                level(1),
            ),
            claim(
                "gp",
                "equal slopes at two contexts rejected",
                Bar::Within(4.0..=6.0),
                level(2),
            ),
        ],
    ))
}

/// Share of the two slopes and the intercept of a population that its bootstrap intervals hold.
fn population_coverage(seed: u64) -> Result<f64> {
    let data = Simulator::new(ROWS)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(|_| vec![1.0, -0.5])
        .intercept(|_| 2.0)
        .noise(0.5)
        .simulate(seed)?;
    let here = data.samples.contexts().slice_move(ndarray::s![..1, ..]);
    let intervals = Bootstrap::new(PopulationRegression::new())
        .replicates(REPLICATES[0])
        .seed(seed)
        .fit(&data.samples)?
        .intervals(here, LEVEL)?;
    let held = hits(&intervals, &data.coefficients.select(&[0])?);
    Ok(held.iter().sum::<usize>() as f64 / held.len() as f64)
}

/// Share of coefficients at new contexts that the bootstrap of a Gaussian process regression contains, at the
/// hyperparameters of the fit to all rows, and that its posterior holds.
fn kernel_coverage(seed: u64) -> Result<[f64; 2]> {
    let data = DataSet::simulate(Truth::Smooth, 1, ROWS, NEW_ROWS, seed)?;
    let fit = GaussianProcessRegression::new().fit(&data.samples)?;
    let known = GaussianProcessRegression::new().hyperparameters(fit.hyperparameters());
    let bootstrap = Bootstrap::new(known)
        .replicates(REPLICATES[1])
        .seed(seed)
        .fit(&data.samples)?;
    let share = |intervals| {
        let held = hits(&intervals, &data.truth);
        held.iter().sum::<usize>() as f64 / (held.len() * NEW_ROWS) as f64
    };
    Ok([
        share(bootstrap.intervals(data.new.view(), LEVEL)?),
        share(fit.intervals(data.new.view(), LEVEL)?),
    ])
}

/// A slope that varies about zero by `varying` times the context, and one that is 1.
fn null_samples(rows: usize, seed: u64, varying: f64) -> Result<Samples> {
    Ok(Simulator::new(rows)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(move |c| vec![varying * c[0], 1.0])
        .intercept(move |c| varying * c[0])
        .noise(0.5)
        .simulate(seed)?
        .samples)
}

/// Whether tests of no effect reject it: of a population's slope, of a kernel's average slope, and of
/// a kernel's slope being the same at two contexts.
fn rejections(seed: u64, known: &Hyperparameters) -> Result<[bool; 3]> {
    let [samples, fewer] = [
        null_samples(NULL_ROWS[0], seed, 0.0)?,
        null_samples(NULL_ROWS[1], seed, 0.0)?,
    ];
    let average = |samples: &Samples| WeightedContexts::mean_of(samples.contexts().to_owned());
    let difference = WeightedContexts::new(array![[0.5], [-0.5]], array![[1.0, -1.0]])?;
    let rejected = |p_values: &Coefficients| p_values.slopes()[[0, 0, 0]] <= 0.05 + 1e-9;
    let population = Bootstrap::new(PopulationRegression::new())
        .replicates(REPLICATES[0])
        .seed(seed)
        .fit(&samples)?;
    let kernel = Bootstrap::new(GaussianProcessRegression::new().hyperparameters(known.clone()))
        .replicates(REPLICATES[1])
        .seed(seed)
        .fit(&fewer)?;
    Ok([
        rejected(&population.test_sums(&average(&samples)?)?.p_values),
        rejected(&kernel.test_sums(&average(&fewer)?)?.p_values),
        rejected(&kernel.test_sums(&difference)?.p_values),
    ])
}
