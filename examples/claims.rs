//! Every figure this project claims, measured against its bar, group by group. The exit status is 1
//! if one bar is not met.
//!
//! ```text
//! demo           errors of every model in Section 1 of the demo, over data seeds
//! interactions   five contexts, two of them irrelevant: does the default search go far enough?
//! million        a million rows: errors, intervals and seconds
//! coverage       how often 95 % intervals hold the truth
//! calibration    whether true coefficients lie evenly in their posterior distributions
//! bootstrap      how often 95 % bootstrap intervals hold the truth, and how often tests reject it
//! conformal      how often 95 % conformal intervals hold a new outcome, whatever the model
//! variation      how often tests of variation reject, where nothing varies and where something does
//! level          how often they reject where easy assumptions fail, and what they find
//! robust         intervals and errors where effects are rough or faint, contexts skewed, rows outside
//! bayesian       errors of every model in Section 2 of the demo, over data seeds
//! families       errors and intervals of effects by family, beside mgcv
//! mixed          random effects: intervals and tests with forty subjects, seconds with five thousand
//! networks       correlation and Markov networks beside those of clusters and encoders; a large case
//! trees          regression by trees: coefficients that jump, effects on discs, nothing at all
//! trees-peers    trees compared with other estimators: a factor of many levels, counts
//! trees-large    trees of ten and fifty thousand rows
//! auto           the automatic choice of a regression beside fixed estimators, on nine problems
//! treatment      effects of a treatment under confounding, beside published learners
//! ```
//!
//! ```sh
//! cargo run --release --example claims
//! cargo run --release --example claims -- --group demo --seeds 50
//! cargo run --release --example claims -- --group coverage --data-sets 20
//! ```

use clap::{Parser, ValueEnum};
use contextualized_examples::claims::{
    auto, bayesian, bootstrap, calibration, conformal, coverage, demo, families, interactions,
    level, million, mixed, networks, robust, treatment, trees, variation,
};
use contextualized_examples::say;
use std::error::Error;
use std::process::ExitCode;

/// Measure every claim.
#[derive(Parser)]
struct Arguments {
    /// Measure this group alone; may be given several times.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<Group>,
    /// Number of data seeds of the demo, from 0.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Number of data sets of each kind that intervals and tests are judged by; levels of tests and ranks
    /// by five times as many.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(2..))]
    data_sets: u64,
}

/// Claims that are measured together.
#[derive(Clone, Copy, ValueEnum)]
enum Group {
    Demo,
    Interactions,
    Million,
    Coverage,
    Calibration,
    Bootstrap,
    Conformal,
    Variation,
    Level,
    Robust,
    Bayesian,
    Families,
    Mixed,
    Networks,
    Trees,
    TreesPeers,
    TreesLarge,
    Auto,
    Treatment,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments = Arguments::parse();
    let groups = match &arguments.groups[..] {
        [] => Group::value_variants(),
        some => some,
    };
    let mut failed = 0;
    for (index, group) in groups.iter().enumerate() {
        let findings = match group {
            Group::Demo => demo::measure(arguments.seeds)?,
            Group::Interactions => interactions::measure()?,
            Group::Million => million::measure()?,
            Group::Coverage => coverage::measure(arguments.data_sets, arguments.seeds)?,
            Group::Calibration => calibration::measure(arguments.data_sets)?,
            Group::Bootstrap => bootstrap::measure(arguments.data_sets)?,
            Group::Conformal => conformal::measure(arguments.data_sets)?,
            Group::Variation => variation::measure(arguments.data_sets)?,
            Group::Level => level::measure(arguments.data_sets)?,
            Group::Robust => robust::measure(arguments.data_sets)?,
            Group::Bayesian => bayesian::measure(arguments.seeds)?,
            Group::Families => families::measure(arguments.data_sets)?,
            Group::Mixed => mixed::measure(arguments.data_sets)?,
            Group::Networks => networks::measure(arguments.seeds)?,
            Group::Trees => trees::measure(arguments.seeds)?,
            Group::TreesPeers => trees::measure_peers(arguments.seeds)?,
            Group::TreesLarge => trees::measure_large(arguments.seeds)?,
            Group::Auto => auto::measure(arguments.seeds)?,
            Group::Treatment => treatment::measure(arguments.seeds)?,
        };
        let gap = if index > 0 { "\n" } else { "" };
        say!("{gap}{}", findings.text);
        failed += findings.failed;
    }
    Ok(ExitCode::from(u8::from(failed > 0)))
}
