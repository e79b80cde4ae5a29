//! `fit`: a regression whose coefficients vary with context.

use crate::arguments::{DataFlags, EstimatorKind, Fit, Global, RegressionFlags};
use crate::data::Source;
use crate::design::{Design, Request, TargetKind, Training, read_training};
use crate::error::{Error, Result};
use crate::formula::{self, Formula};
use crate::model_file;
use crate::output::{Cell, Table, print};
use crate::progress::Progress;
use crate::saved::{Baseline, DataSummary, Fitted, Regression, Saved, Tests, TrainingRows, spread};
use contextualized_analysis::wald_table;
use contextualized_auto::{AutoRegression, AutoReport, CandidateOutcome, CandidateReport, Method};
use contextualized_baselines::{ClusterRegression, PopulationRegression};
use contextualized_core::{Estimator, Samples};
use contextualized_linear::{GaussianProcessRegression, KernelShape, Sharing};

/// The most rows that tests of variation are made with: their kernel has length scales for every
/// coefficient with every context, and with as many rows power is ample.
const MOST_TESTED: usize = 5000;

pub(crate) fn run(arguments: &Fit, global: &Global) -> Result<()> {
    arguments.check()?;
    let settings = &arguments.settings;
    let formula = formula::parse(&arguments.formula)?;
    if formula.targets.is_empty() {
        return Err(Error::usage(
            "the formula has no target before `~`; `contextualized networks` fits formulas without one",
        ));
    }
    let progress = Progress::new(global, "reading");
    let training = read_regression(&arguments.data, &formula, settings, &arguments.flags)?;
    let design = &training.design;
    let samples = &training.samples;

    progress.say("fitting");
    let estimator =
        estimator(design, settings, arguments.estimator).bootstraps(arguments.bootstraps);
    let model = estimator.fit_observed(samples, &|done, total| progress.at(done, total))?;
    let choice = model.report().clone();
    let described = model.describe();
    let (population, clusters) = baselines(design, settings.seed);
    let regression = Regression {
        model,
        population: Baseline::new(population.fit(samples)),
        clusters: Baseline::new(clusters.fit(samples)),
        variation: if arguments.no_tests {
            Baseline::Failed("it was fitted with --no-tests".to_owned())
        } else {
            progress.say("testing what varies");
            Baseline::new(tests(design, samples))
        },
    };
    let saved = Saved {
        data: summary(&arguments.data, &training, settings.weights.as_deref()),
        training: TrainingRows::of(samples)?,
        fitted: Fitted::Regression(Box::new(regression)),
        design: training.design,
    };
    progress.say("writing");
    model_file::save(&saved, &arguments.out)?;
    drop(progress);

    let mut sections = vec![(rows_in_words(&saved), None)];
    sections.extend(kind_in_words(&saved.design).map(|text| (text, None)));
    sections.extend(choice_section(&choice));
    sections.push((format!("Fitted: {described}"), None));
    if let Fitted::Regression(regression) = &saved.fitted
        && let Baseline::Failed(reason) = &regression.variation
        && !arguments.no_tests
    {
        sections.push((format!("No tests of variation: {reason}"), None));
    }
    sections.push((format!("Model written to {}", arguments.out), None));
    if global.quiet {
        Ok(())
    } else {
        print(&sections, global.json)
    }
}

/// The rows of a regression.
pub(super) fn read_regression(
    data: &str,
    formula: &Formula,
    settings: &RegressionFlags,
    flags: &DataFlags,
) -> Result<Training> {
    read_training(
        &Source::open(data, &flags.reading())?,
        &Request {
            formula,
            weights: settings.weights.as_deref(),
            target_kind: settings.target_kind.map(TargetKind::from),
            drop_missing: flags.drop_missing,
        },
    )
}

/// The estimator that was asked for.
pub(super) fn estimator(
    design: &Design,
    settings: &RegressionFlags,
    kind: EstimatorKind,
) -> AutoRegression {
    let mut estimator = AutoRegression::new()
        .intercept(design.intercept)
        .folds(settings.folds)
        .seed(settings.seed);
    if design.target_kind == TargetKind::Binary {
        estimator = estimator.logistic();
    }
    match method(kind) {
        Some(method) => estimator.only(method),
        None => estimator,
    }
}

pub(super) fn method(kind: EstimatorKind) -> Option<Method> {
    match kind {
        EstimatorKind::Auto => None,
        EstimatorKind::Population => Some(Method::Population),
        EstimatorKind::Cluster => Some(Method::Cluster),
        EstimatorKind::Neural => Some(Method::Neural),
        EstimatorKind::GaussianProcess => Some(Method::GaussianProcess),
    }
}

/// What every model is compared with.
fn baselines(design: &Design, seed: u64) -> (PopulationRegression, ClusterRegression) {
    let mut population = PopulationRegression::new().intercept(design.intercept);
    if design.target_kind == TargetKind::Binary {
        population = population.logistic();
    }
    let clusters = ClusterRegression::new()
        .regression(population.clone())
        .seed(seed);
    (population, clusters)
}

/// Which coefficients vary with which contexts, by one procedure whatever estimator was chosen: a
/// choice made by looking at the same rows would make the tests of the chosen model optimistic.
fn tests(design: &Design, samples: &Samples) -> contextualized_core::Result<Tests> {
    let samples = spread(samples, MOST_TESTED)?;
    let mut kernel = GaussianProcessRegression::new()
        .additive(KernelShape::SquaredExponential)
        .sharing(Sharing::PerCoefficient)
        .intercept(design.intercept);
    if design.target_kind == TargetKind::Binary {
        kernel = kernel.logistic();
    }
    let model = kernel.fit(&samples)?;
    Ok(Tests {
        table: wald_table(&model, &samples)?,
        rows: samples.rows(),
    })
}

/// A file without its folder, which is nobody else's business.
pub(super) fn file_name(path: &str) -> String {
    match std::path::Path::new(path).file_name() {
        Some(_) if path == "-" => "standard input".to_owned(),
        Some(name) => name.to_string_lossy().into_owned(),
        None => path.to_owned(),
    }
}

pub(super) fn summary(data: &str, training: &Training, weights: Option<&str>) -> DataSummary {
    DataSummary {
        file: file_name(data),
        rows: training.samples.rows(),
        dropped: training.dropped,
        weights: weights.map(str::to_owned),
    }
}

/// How many rows of which file, and what they are.
pub(super) fn rows_in_words(saved: &Saved) -> String {
    let DataSummary {
        file,
        rows,
        dropped,
        ..
    } = &saved.data;
    let left_out = match dropped {
        0 => String::new(),
        dropped => format!(" ({dropped} with missing values left out)"),
    };
    format!("{rows} rows of {file}{left_out}: {}", saved.design.formula)
}

/// What a binary outcome is the probability of.
fn kind_in_words(design: &Design) -> Option<String> {
    if design.target_kind != TargetKind::Binary {
        return None;
    }
    let targets: Vec<String> = design
        .targets
        .iter()
        .map(|target| match &target.levels {
            Some(levels) => format!("{} is {:?}", target.name, levels[1]),
            None => format!("{} is 1", target.name),
        })
        .collect();
    Some(format!(
        "Binary outcome: probabilities that {}",
        targets.join(", that ")
    ))
}

/// The table an automatic choice was made from, if there was a choice.
pub(super) fn choice_section(report: &AutoReport) -> Option<(String, Option<Table>)> {
    if report.candidates().len() < 2 {
        return None;
    }
    let mut table = Table::new(
        "choice",
        &[
            "estimator",
            "loss",
            "standard error",
            "difference",
            "SE",
            "chosen",
        ],
    );
    for (position, candidate) in report.candidates().iter().enumerate() {
        let mut row: Vec<Cell> = vec![candidate.name.as_str().into()];
        let chosen = if position == report.chosen() { "*" } else { "" };
        row.extend(match &candidate.outcome {
            CandidateOutcome::Compared(score) => [
                score.loss.into(),
                score.standard_error.into(),
                score.excess.into(),
                score.excess_error.into(),
                chosen.into(),
            ],
            CandidateOutcome::NotCompared(_) => unknown("stopped early".to_owned()),
            CandidateOutcome::Failed(reason) => unknown(format!("failed: {reason}")),
        });
        table.push(row);
    }
    let stopped_early =
        |candidate: &CandidateReport| matches!(candidate.outcome, CandidateOutcome::NotCompared(_));
    let early = if report.candidates().iter().any(stopped_early) {
        " Candidates far behind after the first folds were stopped early."
    } else {
        ""
    };
    let note = format!(
        "Held-out {} in {} folds of {} rows. Chosen (*): {}{early}",
        report.loss(),
        report.folds(),
        report.rows(),
        report.reason()
    );
    Some((note, Some(table)))
}

/// The cells of a candidate without a loss.
fn unknown(why: String) -> [Cell; 5] {
    [
        Cell::Missing,
        Cell::Missing,
        Cell::Missing,
        Cell::Missing,
        why.into(),
    ]
}
