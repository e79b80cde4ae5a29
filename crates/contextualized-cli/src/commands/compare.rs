//! `compare`: estimators on held-out rows.

use super::fit::{file_name, read_regression, regression_fit};
use crate::arguments::{Compare, Global};
use crate::design::{Encoder, Training};
use crate::error::{Error, Result};
use crate::fitting::{Origin, check_folds};
use crate::formula;
use crate::output::{Cell, Section, Table, capital, print};
use crate::progress::Progress;
use crate::saved::DataSummary;
use crate::settings::Estimate;
use contextualized_auto::RegressionMethod;
use contextualized_core::comparison::{Compared, compare_on_test, cross_validate_on};
use contextualized_core::{DynEstimator, KFold};
use contextualized_files::Source;
use std::path::Path;

pub(crate) fn run(arguments: &Compare, global: &Global) -> Result<()> {
    let settings = &arguments.settings;
    check_folds(settings.folds)?;
    let formula = formula::parse(&arguments.formula)?;
    if formula.targets.is_empty() {
        return Err(Error::usage(
            "the formula has no target before `~`; `contextualized networks` compares its estimators by itself",
        ));
    }
    let progress = Progress::new(global, "reading");
    let training = read_regression(&arguments.data, &formula, settings, &arguments.flags)?;
    arguments.of_estimators.check(&arguments.estimators)?;
    let any = regression_fit(settings, &arguments.of_estimators, Estimate::Auto, 0, false);
    let (training, _) = any.residuals(training)?;
    let mut chosen = Vec::new();
    // Those that have nothing to do with the formula are left out of all, and fail where they are asked for.
    let all = RegressionMethod::ALL.len() == arguments.estimators.len();
    let suits = |estimate: &Estimate<RegressionMethod>| match estimate {
        Estimate::Only(method) => !all || method.suits(&training.samples),
        Estimate::Auto => true,
    };
    for estimate in arguments.estimators.iter().filter(|own| suits(own)) {
        if !chosen.contains(estimate) {
            chosen.push(*estimate);
        }
    }
    let estimators: Vec<Box<dyn DynEstimator>> = chosen
        .iter()
        .map(|estimate| -> Box<dyn DynEstimator> {
            let any = regression_fit(settings, &arguments.of_estimators, *estimate, 0, false)
                .estimator(&training.design, &training.samples);
            match estimate {
                Estimate::Only(_) => match any.listed_for(&training.samples).into_iter().next() {
                    Some(only) => Box::new(only),
                    None => Box::new(any),
                },
                Estimate::Auto => Box::new(any),
            }
        })
        .collect();
    progress.say("comparing");
    let section = match &arguments.test {
        None => by_folds(arguments, &training, &estimators)?,
        Some(test) => on_test(arguments, &training, &estimators, test)?,
    };
    drop(progress);
    let origin = Origin {
        file: &file_name(&arguments.data),
        weights: settings.weights.as_deref(),
        groups: settings.groups.as_deref(),
    };
    let data = DataSummary::of(&training, &origin);
    let mut sections = vec![section];
    sections.extend(data.kept_together().map(|text| (capital(&text), None)));
    let facts = [
        ("formula", training.design.formula.as_str().into()),
        (
            "rows",
            training
                .design
                .survival
                .as_ref()
                .map_or(data.rows, |survival| survival.subjects)
                .into(),
        ),
        ("rows_left_out", data.dropped.into()),
        ("family", training.design.outcome_name().into()),
    ];
    print(&facts, &sections, global.json)
}

fn by_folds(
    arguments: &Compare,
    training: &Training,
    estimators: &[Box<dyn DynEstimator>],
) -> Result<Section> {
    let settings = &arguments.settings;
    let family = training.design.family;
    let samples = training.samples.rows_that_count()?;
    let splits = KFold::new(settings.folds, settings.seed).splits_for(&samples, family)?;
    let compared = cross_validate_on(estimators, &samples, &splits, family)?;
    let reference = compared.first().and_then(|line| line.outcome.as_ref().ok());
    let mut table = Table::new(
        "comparison",
        &[
            "estimator",
            "loss",
            "standard error",
            "difference",
            "SE of difference",
        ],
    );
    for line in &compared {
        table.push(row(line, |scores| {
            let score = scores.score();
            let difference = reference.and_then(|first| scores.minus(first).ok());
            [
                score.mean.into(),
                score.standard_error.into(),
                difference.map(|difference| difference.mean).into(),
                difference
                    .map(|difference| difference.standard_error)
                    .into(),
            ]
        }));
    }
    Ok((
        format!(
            "{} of rows held out in {} folds of {} rows; differences are to the first line, in the same folds.",
            capital(family.loss_of(&samples)?.name()),
            splits.len(),
            training.samples.rows()
        ),
        Some(table),
    ))
}

fn on_test(
    arguments: &Compare,
    training: &Training,
    estimators: &[Box<dyn DynEstimator>],
    path: &Path,
) -> Result<Section> {
    let source = Source::open(path, &arguments.flags.reading()?)?;
    let (test, _) = Encoder::samples(
        &training.design,
        &source,
        arguments.flags.drop_missing,
        arguments.drop_unknown_levels,
    )?;
    let compared = compare_on_test(
        estimators,
        &training.samples,
        &test,
        None,
        training.design.family,
    );
    let mut table = Table::new(
        "comparison",
        &["estimator", "loss", "standard error", "fit seconds"],
    );
    for line in &compared {
        table.push(row(line, |score| {
            [
                score.response.mean.into(),
                score.response.standard_error.into(),
                score.fit_time.as_secs_f64().into(),
            ]
        }));
    }
    Ok((
        format!(
            "{} of {} test rows by models of {} rows.",
            capital(training.design.family.loss_of(&training.samples)?.name()),
            test.rows(),
            training.samples.rows()
        ),
        Some(table),
    ))
}

/// An estimator's name and numbers, or why there are none.
fn row<S, const N: usize>(line: &Compared<S>, numbers: impl Fn(&S) -> [Cell; N]) -> Vec<Cell> {
    let (name, numbers) = match &line.outcome {
        Ok(achieved) => (line.name.clone(), numbers(achieved).to_vec()),
        Err(error) => {
            let name = format!("{} (failed: {error})", line.name);
            (name, vec![Cell::Missing; N])
        }
    };
    [vec![name.into()], numbers].concat()
}
