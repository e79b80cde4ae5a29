//! `fit`: a regression whose coefficients vary with context.

use crate::arguments::{DataFlags, Fit, Global, RegressionFlags};
use crate::data::Source;
use crate::design::{Design, Request, Training, read_training};
use crate::error::Result;
use crate::fitting::{Origin, RegressionFit};
use crate::formula::{self, Formula};
use crate::model_files;
use crate::output::{Cell, OutputFile, Section, Table, capital, say};
use crate::paths::{is_standard, shown};
use crate::progress::Progress;
use crate::saved::{DataSummary, Fitted, Saved};
use crate::settings::{Estimate, EstimatorSettings};
use contextualized_auto::{AutoReport, CandidateOutcome, CandidateReport, RegressionMethod};
use std::path::Path;

pub(crate) fn run(arguments: &Fit, global: &Global) -> Result<()> {
    let settings = &arguments.settings;
    let fit = regression_fit(
        settings,
        &arguments.of_estimators,
        arguments.estimator,
        arguments.bootstraps,
        !arguments.no_tests,
    );
    fit.check()?;
    let formula = formula::parse(&arguments.formula)?;
    OutputFile::check(&arguments.out)?;
    RegressionFit::check_formula(&formula)?;
    let progress = Progress::new(global, "reading");
    let mut training = read_regression(&arguments.data, &formula, settings, &arguments.flags)?;
    training.samples = training.samples.with_monitor(progress.monitor());
    progress.say("fitting");
    let file = file_name(&arguments.data);
    let origin = Origin {
        file: &file,
        weights: settings.weights.as_deref(),
        groups: settings.groups.as_deref(),
    };
    let saved = fit.fit(training, &origin)?;
    finish(
        &saved,
        &arguments.out,
        progress,
        global,
        !arguments.no_tests,
    )
}

/// How a regression is to be fitted.
pub(crate) fn regression_fit(
    settings: &RegressionFlags,
    of_estimators: &EstimatorSettings,
    estimator: Estimate<RegressionMethod>,
    bootstraps: usize,
    tests: bool,
) -> RegressionFit {
    RegressionFit {
        estimator,
        settings: of_estimators.clone(),
        folds: settings.folds,
        seed: settings.seed,
        bootstraps,
        tests,
    }
}

/// Writes a model, and says what was done; also why there are no tests, where they were asked for.
pub(super) fn finish(
    saved: &Saved,
    out: &Path,
    progress: Progress,
    global: &Global,
    tested: bool,
) -> Result<()> {
    progress.say("writing");
    model_files::save(saved, out)?;
    drop(progress);
    let mut sections = vec![(rows_in_words(saved), None)];
    let said = saved.data.remarks.iter().chain(&saved.data.wild);
    sections.extend(said.map(|text| (text.clone(), None)));
    sections.extend(
        saved
            .data
            .kept_together()
            .map(|text| (capital(&text), None)),
    );
    sections.extend(family_in_words(&saved.design).map(|text| (text, None)));
    sections.extend(choice_section(saved.fitted.choice()));
    sections.push((format!("Fitted: {}", saved.fitted.describe()), None));
    sections.extend(saved.transformed().map(|text| (text, None)));
    if let Fitted::Regression(regression) = &saved.fitted
        && let Some(reason) = regression.variation.failure()
        && tested
    {
        sections.push((format!("No tests of variation: {reason}"), None));
    }
    sections.push((format!("Model written to {}", shown(out)), None));
    say(&saved.facts(), &sections, global)
}

/// The rows of a regression.
pub(crate) fn read_regression(
    data: &Path,
    formula: &Formula,
    settings: &RegressionFlags,
    flags: &DataFlags,
) -> Result<Training> {
    Ok(read_training(
        &Source::open(data, &flags.reading()?)?,
        &Request {
            formula,
            weights: settings.weights.as_deref(),
            groups: settings.groups.as_deref(),
            offset: settings.offset.as_deref(),
            family: settings.family,
            drop_missing: flags.drop_missing,
        },
    )?)
}

/// The name of a file without its folder, which a model file should not tell.
pub(crate) fn file_name(path: &Path) -> String {
    match path.file_name() {
        Some(_) if is_standard(path) => "standard input".to_owned(),
        Some(name) => shown(name.as_ref()),
        None => shown(path),
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

/// What outcomes are, and of a binary one what it is the probability of.
pub(super) fn family_in_words(design: &Design) -> Option<String> {
    if design.family.is_quadratic() && design.offset.is_none() {
        return None;
    }
    let mut text = format!("Outcome: {}", design.family.description());
    if design.family.is_binary() {
        let targets: Vec<String> = design
            .targets
            .iter()
            .map(|target| match &target.levels {
                Some(levels) => format!("{} is {:?}", target.name, levels[1]),
                None => format!("{} is 1", target.name),
            })
            .collect();
        text = format!(
            "Binary outcome: probabilities that {}",
            targets.join(", that ")
        );
    }
    if let Some(offset) = design.offset {
        text = format!("{text}; offset {}", design.variables[offset].name);
    }
    Some(text)
}

/// The table an automatic choice was made from, if there was a choice.
fn choice_section(report: &AutoReport) -> Option<Section> {
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
            "SE of difference",
            "chosen",
        ],
    );
    for (position, candidate) in report.candidates().iter().enumerate() {
        let mut row: Vec<Cell> = vec![candidate.name.as_str().into()];
        let chosen = if position == report.chosen() { "*" } else { "" };
        let (score, note) = match &candidate.outcome {
            CandidateOutcome::Compared(score) => (Some(score), chosen.to_owned()),
            CandidateOutcome::StoppedEarly(_) => (None, "stopped early".to_owned()),
            CandidateOutcome::NotCompared(_) => (None, chosen.to_owned()),
            CandidateOutcome::Failed(reason) => (None, format!("failed: {reason}")),
        };
        row.extend([
            score.map(|score| score.loss).into(),
            score.and_then(|score| score.standard_error).into(),
            score.map(|score| score.excess).into(),
            score.and_then(|score| score.excess_error).into(),
            note.into(),
        ]);
        table.push(row);
    }
    let stopped = |candidate: &CandidateReport| {
        matches!(candidate.outcome, CandidateOutcome::StoppedEarly(_))
    };
    let early = if report.candidates().iter().any(stopped) {
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
