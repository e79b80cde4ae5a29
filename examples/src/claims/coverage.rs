//! How often intervals hold the truth.

use super::truth::{DataSet, Truth, hits};
use super::{Findings, quartiles, verdict};
use crate::section1::kernel;
use crate::table::table;
use contextualized_core::{Estimator, Result, WithUncertainty};
use contextualized_linear::{GaussianProcessModel, GaussianProcessRegression};
use contextualized_simulation::{TreatmentContexts, TreatmentProblem};
use rayon::prelude::*;
use std::ops::RangeInclusive;

const LEVEL: f64 = 0.95;
/// Contexts at which each data set's intervals are judged.
const NEW_ROWS: usize = 50;

/// Per cent that have to be held, of the truth drawn from the prior.
const KNOWN: RangeInclusive<f64> = 94.0..=96.0;
/// The same where hyperparameters are estimated.
const ESTIMATED: RangeInclusive<f64> = 92.0..=97.0;
/// The same of a truth that the prior does not make.
const SMOOTH: RangeInclusive<f64> = 90.0..=99.0;

/// For each coefficient, the share of one data set's contexts whose interval holds the truth.
type Shares = [f64; 3];

/// What the models of one data set hold.
struct Held {
    known: Option<Shares>,
    estimated: Shares,
    plug_in: Shares,
}

/// Pointwise intervals of every coefficient over this many data sets of each kind, and of the
/// unobserved patients of the demo over this many seeds.
///
/// # Errors
///
/// Those of the estimator; there are none for these data.
pub fn measure(data_sets: u64, seeds: u64) -> Result<Findings> {
    let mut lines = Vec::new();
    let mut failed = 0;
    for truth in [Truth::Prior, Truth::Smooth] {
        for contexts in [1, 2] {
            for rows in [60, 150, 400] {
                let held = (0..data_sets)
                    .into_par_iter()
                    .map(|seed| held(truth, contexts, rows, seed))
                    .collect::<Result<Vec<_>>>()?;
                let known: Vec<Shares> = held.iter().filter_map(|held| held.known).collect();
                let estimated: Vec<Shares> = held.iter().map(|held| held.estimated).collect();
                let plug_in: Vec<Shares> = held.iter().map(|held| held.plug_in).collect();
                let mut line = |hyperparameters: &str, bar, shares: &[Shares], plug_in| {
                    let (line, met) = line(
                        [truth_name(truth), hyperparameters],
                        [contexts, rows],
                        bar,
                        shares,
                        plug_in,
                    );
                    lines.push(line);
                    failed += usize::from(!met);
                };
                match truth {
                    Truth::Prior => {
                        line("known", KNOWN, &known, None);
                        line("estimated", ESTIMATED, &estimated, Some(&plug_in));
                    }
                    Truth::Smooth => line("estimated", SMOOTH, &estimated, Some(&plug_in)),
                }
            }
        }
    }
    let header = [
        "truth",
        "hyperparameters",
        "contexts",
        "rows",
        "bar, %",
        "held, %",
        "±",
        "w0",
        "w1",
        "intercept",
        "plug-in",
        "",
    ];
    let [first, median, third] = patients(seeds)?;
    Ok(Findings {
        text: format!(
            "Per cent of true coefficients in {:.0} % intervals at {NEW_ROWS} new contexts, {data_sets} data sets \
             a line (± one\nstandard error); plug-in intervals take estimated hyperparameters for known.\n\n{}\n\n\
             Of the effects of the unobserved patients of Section 1.8, the intervals hold {median:.1} % (median of\n\
             seeds 0 to {}; quartiles {first:.1} % to {third:.1} %).",
            100.0 * LEVEL,
            table(header, 2, lines),
            seeds - 1
        ),
        failed,
    })
}

fn truth_name(truth: Truth) -> &'static str {
    match truth {
        Truth::Prior => "from the prior",
        Truth::Smooth => "smooth functions",
    }
}

fn held(truth: Truth, contexts: usize, rows: usize, seed: u64) -> Result<Held> {
    let data = DataSet::simulate(truth, contexts, rows, NEW_ROWS, seed)?;
    let shares = |model: &GaussianProcessModel| -> Result<Shares> {
        let held = hits(&model.intervals(data.new.view(), LEVEL)?, &data.truth);
        Ok(std::array::from_fn(|j| held[j] as f64 / NEW_ROWS as f64))
    };
    let given = |hyperparameters| {
        GaussianProcessRegression::new()
            .hyperparameters(hyperparameters)
            .fit(&data.samples)
    };
    let model = GaussianProcessRegression::new().fit(&data.samples)?;
    Ok(Held {
        known: match truth {
            Truth::Prior => Some(shares(&given(data.known()?)?)?),
            Truth::Smooth => None,
        },
        estimated: shares(&model)?,
        plug_in: shares(&given(model.hyperparameters())?)?,
    })
}

/// A line of the table, and whether its bar is met.
fn line(
    names: [&str; 2],
    sizes: [usize; 2],
    bar: RangeInclusive<f64>,
    shares: &[Shares],
    plug_in: Option<&[Shares]>,
) -> ([String; 12], bool) {
    let of_all = |shares: &[Shares]| mean(shares.iter().map(|s| s.iter().sum::<f64>() / 3.0));
    let per_cent = |share: f64| format!("{:.1}", 100.0 * share);
    let (share, error) = of_all(shares);
    let [w0, w1, intercept] = [0, 1, 2].map(|j| per_cent(mean(shares.iter().map(|s| s[j])).0));
    let met = bar.contains(&(100.0 * share));
    let line = [
        names[0].to_owned(),
        names[1].to_owned(),
        sizes[0].to_string(),
        sizes[1].to_string(),
        format!("{} to {}", bar.start(), bar.end()),
        per_cent(share),
        per_cent(error),
        w0,
        w1,
        intercept,
        plug_in
            .map(|shares| per_cent(of_all(shares).0))
            .unwrap_or_default(),
        verdict(met).to_owned(),
    ];
    (line, met)
}

/// The mean of independent values and its standard error.
fn mean(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / count;
    let squares: f64 = values.map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (count - 1.0) / count).sqrt())
}

/// Quartiles over seeds of the per cent of both effects of the unobserved patients that the kernel
/// model of Section 1.8 holds.
fn patients(seeds: u64) -> Result<[f64; 3]> {
    let informative = TreatmentContexts::Informative;
    let shares = (0..seeds)
        .into_par_iter()
        .map(|seed| {
            let problem = TreatmentProblem::new(seed)?;
            let model = kernel().fit(&problem.observed(informative).samples)?;
            let unobserved = problem.unobserved(informative);
            let intervals = model.intervals(unobserved.samples.contexts(), LEVEL)?;
            let held = hits(&intervals, &unobserved.coefficients);
            Ok(100.0 * (held[0] + held[1]) as f64 / (2 * unobserved.rows()) as f64)
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(quartiles(&shares))
}
