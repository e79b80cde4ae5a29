//! `fit`: a regression whose coefficients vary with context.

use crate::arguments::{DataFlags, Fit, Global, RegressionFlags};
use crate::design::{Request, Training, read_training};
use crate::error::Result;
use crate::fitting::{Origin, RegressionFit};
use crate::formula::{self, Formula};
use crate::model_files;
use crate::output::{OutputFile, capital, say};
use crate::progress::Progress;
use crate::saved::{Fitted, Saved};
use crate::settings::{Estimate, EstimatorSettings};
use contextualized_auto::RegressionMethod;
use contextualized_files::Source;
use contextualized_files::{is_standard, shown};
use contextualized_frame::account::{
    choice_section, family_in_words, rows_in_words, treatment_sections,
};
use std::path::Path;

/// The probability of intervals of which nothing else is said.
const DEFAULT_LEVEL: f64 = 0.95;

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
    if let Fitted::Regression(regression) = &saved.fitted {
        sections.extend(treatment_sections(saved, regression, DEFAULT_LEVEL)?);
    }
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
            treatment: settings.treatment.as_deref(),
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
