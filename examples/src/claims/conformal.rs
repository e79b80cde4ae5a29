//! How often conformal intervals hold a new outcome.

use super::{Findings, verdict};
use crate::table::{number, table};
use contextualized_analysis::SplitConformal;
use contextualized_baselines::{ClusterRegression, PopulationRegression};
use contextualized_bridge::ImplicitRegression;
use contextualized_core::{DynEstimator, Estimator, Result, Samples};
use contextualized_linear::{GaussianProcessRegression, NeuralRegression};
use contextualized_simulation::Simulator;
use rayon::prelude::*;
use std::ops::RangeInclusive;

const LEVEL: f64 = 0.95;
/// Rows to train on and to calibrate with. A quarter is 39, for which the exact probability is the
/// level.
const ROWS: usize = 156;
/// New outcomes for each data set.
const NEW_ROWS: usize = 500;
/// Per cent of new outcomes that have to be held.
const BAR: RangeInclusive<f64> = 94.0..=96.0;

/// Whether the noise varies with the first context.
#[derive(Clone, Copy)]
enum Noise {
    Constant,
    Varying,
}

/// What one data set's intervals hold: of all outcomes, and of those in each quarter of the first
/// context; and how wide they are.
struct Held {
    all: f64,
    quarters: [f64; 4],
    width: f64,
}

/// Intervals of five models with constant and with local scales, over this many data sets of either
/// noise.
///
/// # Errors
///
/// Those of the estimators; there are none for these data.
pub fn measure(data_sets: u64) -> Result<Findings> {
    let mut lines = Vec::new();
    let mut failed = 0;
    for noise in [Noise::Constant, Noise::Varying] {
        for (name, estimator) in estimators() {
            for adaptive in [false, true] {
                let held = (0..data_sets)
                    .into_par_iter()
                    .map(|seed| held(noise, estimator(seed), adaptive, seed))
                    .collect::<Vec<Result<Held>>>()
                    .into_iter()
                    .collect::<Result<Vec<Held>>>()?;
                let (line, met) = line(noise, name, adaptive, &held);
                lines.push(line);
                failed += usize::from(!met);
            }
        }
    }
    let header = [
        "noise",
        "model",
        "scale",
        "bar, %",
        "held, %",
        "±",
        "worst quarter, %",
        "mean width",
        "",
    ];
    Ok(Findings {
        text: format!(
            "Per cent of {NEW_ROWS} new outcomes in {:.0} % conformal intervals of {ROWS} rows, a quarter of \
             which calibrate,\n{data_sets} data sets a line (± one standard error); of outcomes in the worst \
             quarter of the first\ncontext; and widths.\n\n{}",
            100.0 * LEVEL,
            table(header, 3, lines)
        ),
        failed,
    })
}

/// An estimator of this seed.
type Seeded = fn(u64) -> Box<dyn DynEstimator>;

/// Networks are small and not shrunken, so that thousands of them are trained in minutes: intervals
/// have to be right for any model.
fn estimators() -> [(&'static str, Seeded); 5] {
    [
        ("population", |_| Box::new(PopulationRegression::new())),
        ("clusters", |seed| {
            Box::new(ClusterRegression::new().clusters(5).seed(seed))
        }),
        ("neural", |seed| {
            let neural = NeuralRegression::new().mlp(10, 1).epochs(20);
            Box::new(neural.without_shrinkage().seed(seed))
        }),
        ("gp", |_| {
            Box::new(GaussianProcessRegression::new().tolerance(1e-3))
        }),
        ("implicit", |seed| {
            let implicit = ImplicitRegression::new().mlp(10, 1).epochs(20);
            Box::new(implicit.without_shrinkage().seed(seed))
        }),
    ]
}

fn held(noise: Noise, estimator: Box<dyn DynEstimator>, adaptive: bool, seed: u64) -> Result<Held> {
    let conformal = SplitConformal::new(estimator).level(LEVEL).seed(seed);
    let conformal = if adaptive {
        conformal.adaptive()
    } else {
        conformal
    };
    let model = conformal.fit(&simulate(noise, ROWS, seed)?)?;
    let new = simulate(noise, NEW_ROWS, seed + (1 << 32))?;
    let intervals = model.intervals(new.contexts(), new.features())?;
    let (mut held, mut counts, mut width) = ([0.0; 4], [0.0; 4], 0.0);
    for row in 0..NEW_ROWS {
        let (lower, upper) = (intervals.lower[[row, 0]], intervals.upper[[row, 0]]);
        let quarter = (2.0 * (new.contexts()[[row, 0]] + 1.0)) as usize;
        counts[quarter.min(3)] += 1.0;
        width += (upper - lower) / NEW_ROWS as f64;
        if (lower..=upper).contains(&new.targets()[[row, 0]]) {
            held[quarter.min(3)] += 1.0;
        }
    }
    Ok(Held {
        all: held.iter().sum::<f64>() / NEW_ROWS as f64,
        quarters: std::array::from_fn(|quarter| held[quarter] / counts[quarter]),
        width,
    })
}

/// Two contexts uniform on [−1, 1], two normal features with slopes sin(3 c₀) and c₀ c₁, noise of 0.5
/// or of e^{c₀} / 2.
fn simulate(noise: Noise, rows: usize, seed: u64) -> Result<Samples> {
    let part = |slope: f64, noise: f64| {
        Simulator::new(rows)
            .uniform_contexts(2, -1.0, 1.0)
            .slopes(move |c| vec![slope * (3.0 * c[0]).sin(), slope * c[0] * c[1]])
            .noise(noise)
            .simulate(seed)
    };
    // The same contexts and features twice: streams are the same for the same seed.
    let (signal, unit) = (part(1.0, 0.0)?.samples, part(0.0, 1.0)?.samples);
    let first = signal.contexts().column(0).mapv(|c| match noise {
        Noise::Constant => 0.5,
        Noise::Varying => 0.5 * c.exp(),
    });
    let deviations = first.insert_axis(ndarray::Axis(1));
    let targets = &signal.targets() + &(&unit.targets() * &deviations);
    Samples::new(signal.contexts(), signal.features(), targets.view())
}

/// A line of the table, and whether its bar is met.
fn line(noise: Noise, name: &str, adaptive: bool, held: &[Held]) -> ([String; 9], bool) {
    let count = held.len() as f64;
    let mean = |of: &dyn Fn(&Held) -> f64| held.iter().map(of).sum::<f64>() / count;
    let all = mean(&|held| held.all);
    let squares = mean(&|held| (held.all - all).powi(2));
    let worst = (0..4)
        .map(|quarter| mean(&|held| held.quarters[quarter]))
        .fold(f64::INFINITY, f64::min);
    let per_cent = |share: f64| format!("{:.1}", 100.0 * share);
    let met = BAR.contains(&(100.0 * all));
    let line = [
        match noise {
            Noise::Constant => "constant",
            Noise::Varying => "varying",
        }
        .to_owned(),
        name.to_owned(),
        if adaptive { "local" } else { "constant" }.to_owned(),
        format!("{} to {}", BAR.start(), BAR.end()),
        per_cent(all),
        format!("{:.2}", 100.0 * (squares / (count - 1.0)).sqrt()),
        per_cent(worst),
        number(mean(&|held| held.width)),
        verdict(met).to_owned(),
    ];
    (line, met)
}
