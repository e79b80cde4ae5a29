//! Section 1 of the demo over data seeds: the median and quartiles of every error.

use super::{Findings, quartiles, verdict};
use crate::section1::{Part, Row, kernel, outcomes};
use crate::table::{number, table};
use contextualized_core::{Estimator, Result};
use contextualized_simulation::{TreatmentContexts, TreatmentProblem};
use rayon::prelude::*;
use std::ops::RangeInclusive;
use std::time::Instant;

/// What has to be in a range.
#[derive(Clone, Copy)]
enum Statistic {
    /// The median over seeds of the error.
    Median,
    /// The median over seeds of the error's ratio to the population's.
    MedianOverPopulation,
    /// The largest such ratio.
    LargestOverPopulation,
}

/// A bar for the response and the effect errors of one model.
struct Bar {
    section: &'static str,
    model: &'static str,
    statistic: Statistic,
    response: RangeInclusive<f64>,
    effect: RangeInclusive<f64>,
}

/// A bar on medians.
const fn median(
    section: &'static str,
    model: &'static str,
    response: RangeInclusive<f64>,
    effect: RangeInclusive<f64>,
) -> Bar {
    Bar {
        section,
        model,
        statistic: Statistic::Median,
        response,
        effect,
    }
}

/// A bar on ratios to the population model, for contexts that are noise.
const fn over_population(model: &'static str, statistic: Statistic, most: f64) -> Bar {
    Bar {
        section: "1.9-noise-only",
        model,
        statistic,
        response: 0.0..=most,
        effect: 0.0..=most,
    }
}

const BARS: [Bar; 15] = [
    median("1.6", "population", 0.28..=0.34, 0.44..=0.49),
    median("1.7", "cluster", 0.0..=0.105, 0.0..=0.155),
    median("1.7-noise", "cluster", 0.0..=0.155, 0.0..=0.23),
    median("1.8", "neural", 0.0..=0.019, 0.0..=0.028),
    median("1.8", "gp", 0.0..=1e-4, 0.0..=1e-4),
    median("1.8", "oracle-basis", 0.0..=1e-20, 0.0..=1e-20),
    over_population("neural", Statistic::MedianOverPopulation, 1.03),
    over_population("neural", Statistic::LargestOverPopulation, 1.15),
    over_population("gp", Statistic::MedianOverPopulation, 1.02),
    over_population("gp", Statistic::LargestOverPopulation, 1.15),
    over_population("neural-50-epochs", Statistic::MedianOverPopulation, 1.03),
    over_population("neural-50-epochs", Statistic::LargestOverPopulation, 1.15),
    median("1.9-some-noise", "neural", 0.0..=0.027, 0.0..=0.04),
    median("1.9-some-noise", "gp", 0.0..=3e-4, 0.0..=3e-4),
    median("1.10", "implicit", 0.0..=0.062, 0.0..=0.115),
];

/// Models without a bar that are reported all the same.
const REPORTED: [(&str, &str); 2] = [("1.8", "additive"), ("1.9-some-noise", "additive")];

/// Everything the parts of the demo fit, on data and with models of this many seeds.
///
/// # Errors
///
/// Those of the estimators; there are none for these data.
pub fn measure(seeds: u64) -> Result<Findings> {
    let runs = (0..seeds)
        .into_par_iter()
        .map(all_rows)
        .collect::<Result<Vec<Vec<Row>>>>()?;
    let mut lines = Vec::new();
    let mut failed = 0;
    for bar in &BARS {
        for (error, range) in [
            (Measure::Response, &bar.response),
            (Measure::Effect, &bar.effect),
        ] {
            let values = values(&runs, bar, error);
            let [first, middle, third] = quartiles(&values);
            let (what, found) = match bar.statistic {
                Statistic::Median => (error.name().to_owned(), middle),
                Statistic::MedianOverPopulation => {
                    (format!("{} / population's", error.name()), middle)
                }
                Statistic::LargestOverPopulation => {
                    let largest = values.iter().copied().fold(0.0, f64::max);
                    (format!("{} / population's, largest", error.name()), largest)
                }
            };
            let passes = range.contains(&found);
            failed += usize::from(!passes);
            lines.push([
                bar.section.to_owned(),
                bar.model.to_owned(),
                what,
                super::bar(range),
                number(found),
                format!("{} to {}", number(first), number(third)),
                verdict(passes).to_owned(),
            ]);
        }
    }
    for (section, model) in REPORTED {
        let reported = median(section, model, 0.0..=0.0, 0.0..=0.0);
        for error in [Measure::Response, Measure::Effect] {
            let [first, middle, third] = quartiles(&values(&runs, &reported, error));
            lines.push([
                section.to_owned(),
                model.to_owned(),
                error.name().to_owned(),
                String::new(),
                number(middle),
                format!("{} to {}", number(first), number(third)),
                String::new(),
            ]);
        }
    }
    let seconds = (0..seeds).map(kernel_seconds).collect::<Result<Vec<_>>>()?;
    let [first, middle, third] = quartiles(&seconds);
    lines.push([
        "1.8".to_owned(),
        "gp".to_owned(),
        "seconds of the fit".to_owned(),
        String::new(),
        number(middle),
        format!("{} to {}", number(first), number(third)),
        String::new(),
    ]);
    let header = [
        "section",
        "model",
        "error",
        "bar",
        "median",
        "quartiles",
        "",
    ];
    let title = format!("Data seeds 0 to {}, errors on unobserved rows.", seeds - 1);
    Ok(Findings {
        text: format!("{title}\n\n{}", table(header, 4, lines)),
        failed,
    })
}

fn all_rows(seed: u64) -> Result<Vec<Row>> {
    let problem = TreatmentProblem::new(seed)?;
    let mut rows = Vec::new();
    for part in Part::ALL {
        rows.extend(
            outcomes(part, &problem, seed)?
                .into_iter()
                .map(|outcome| outcome.row),
        );
    }
    Ok(rows)
}

/// Seconds of a kernel fit of Section 1.8 that has the machine to itself.
fn kernel_seconds(seed: u64) -> Result<f64> {
    let problem = TreatmentProblem::new(seed)?;
    let train = &problem.observed(TreatmentContexts::Informative).samples;
    let start = Instant::now();
    kernel().fit(train)?;
    Ok(start.elapsed().as_secs_f64())
}

#[derive(Clone, Copy)]
enum Measure {
    Response,
    Effect,
}

impl Measure {
    fn name(self) -> &'static str {
        match self {
            Self::Response => "response MSE",
            Self::Effect => "effect MSE",
        }
    }

    fn of(self, row: &Row) -> f64 {
        match self {
            Self::Response => row.response_mse,
            Self::Effect => row.effect_mse,
        }
    }
}

/// The bar's error, or its ratio to the population's, for each seed.
fn values(runs: &[Vec<Row>], bar: &Bar, measure: Measure) -> Vec<f64> {
    let find = |rows: &[Row], section: &str, model: &str| {
        rows.iter()
            .find(|row| row.section == section && row.model == model)
            .map_or(f64::NAN, |row| measure.of(row))
    };
    runs.iter()
        .map(|rows| {
            let own = find(rows, bar.section, bar.model);
            match bar.statistic {
                Statistic::Median => own,
                _ => own / find(rows, "1.6", "population"),
            }
        })
        .collect()
}
