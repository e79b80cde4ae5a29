//! `compare`: estimators on held-out rows.

use super::fit::{estimator, method, read_regression};
use crate::arguments::{Compare, EstimatorKind, Global, check_folds};
use crate::data::Source;
use crate::design::{Encoder, TargetKind, Training};
use crate::error::{Error, Result};
use crate::formula;
use crate::output::{Cell, Table, print};
use crate::progress::Progress;
use contextualized_core::comparison::{Compared, compare_on_test, cross_validate};
use contextualized_core::metrics::{Loss, Score};
use contextualized_core::{DynEstimator, KFold};

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
    let mut kinds: Vec<EstimatorKind> = Vec::new();
    for kind in &arguments.estimators {
        if !kinds.contains(kind) {
            kinds.push(*kind);
        }
    }
    let estimators: Vec<Box<dyn DynEstimator>> = kinds
        .iter()
        .map(|kind| -> Box<dyn DynEstimator> {
            let any = estimator(&training.design, settings, *kind);
            match method(*kind) {
                Some(method) => Box::new(any.default_of(method)),
                None => Box::new(any),
            }
        })
        .collect();
    let loss = match training.design.target_kind {
        TargetKind::Gaussian => Loss::Squared,
        TargetKind::Binary => Loss::Log,
    };
    progress.say("comparing");
    let section = match &arguments.test {
        None => by_folds(arguments, &training, &estimators, loss)?,
        Some(test) => on_test(arguments, &training, &estimators, loss, test)?,
    };
    drop(progress);
    print(&[section], global.json)
}

fn loss_name(loss: Loss) -> &'static str {
    match loss {
        Loss::Log => "log-loss",
        _ => "mean squared error",
    }
}

fn by_folds(
    arguments: &Compare,
    training: &Training,
    estimators: &[Box<dyn DynEstimator>],
    loss: Loss,
) -> Result<(String, Option<Table>)> {
    let settings = &arguments.settings;
    let folds = KFold::new(settings.folds, settings.seed);
    let compared = cross_validate(estimators, &training.samples, &folds, loss)?;
    let reference = compared.first().and_then(|line| line.outcome.as_ref().ok());
    let mut table = Table::new(
        "comparison",
        &["estimator", "loss", "standard error", "difference", "SE"],
    );
    for line in &compared {
        let outcome = line.outcome.as_ref().map(|scores| {
            let difference = reference.and_then(|first| scores.minus(first).ok());
            (scores.score(), difference)
        });
        table.push(line_of(line, outcome));
    }
    Ok((
        format!(
            "{} of rows held out in {} folds of {} rows; differences are to the first line, in the same folds.",
            capital(loss_name(loss)),
            settings.folds,
            training.samples.rows()
        ),
        Some(table),
    ))
}

fn on_test(
    arguments: &Compare,
    training: &Training,
    estimators: &[Box<dyn DynEstimator>],
    loss: Loss,
    path: &str,
) -> Result<(String, Option<Table>)> {
    let source = Source::open(path, &arguments.flags.reading())?;
    let (test, _) = Encoder::samples(&training.design, &source, arguments.flags.drop_missing)?;
    let compared = compare_on_test(estimators, &training.samples, &test, None, loss);
    let mut table = Table::new(
        "comparison",
        &["estimator", "loss", "standard error", "fit seconds"],
    );
    for line in &compared {
        let row = match &line.outcome {
            Ok(score) => vec![
                line.name.as_str().into(),
                score.response.mean.into(),
                score.response.standard_error.into(),
                score.fit_time.as_secs_f64().into(),
            ],
            Err(error) => failed(&line.name, error, 3),
        };
        table.push(row);
    }
    Ok((
        format!(
            "{} of {} test rows by models of {} rows.",
            capital(loss_name(loss)),
            test.rows(),
            training.samples.rows()
        ),
        Some(table),
    ))
}

fn line_of<S>(
    line: &Compared<S>,
    outcome: std::result::Result<(Score, Option<Score>), &contextualized_core::Error>,
) -> Vec<Cell> {
    match outcome {
        Ok((score, difference)) => vec![
            line.name.as_str().into(),
            score.mean.into(),
            score.standard_error.into(),
            difference.as_ref().map(|difference| difference.mean).into(),
            difference
                .map(|difference| difference.standard_error)
                .into(),
        ],
        Err(error) => failed(&line.name, error, 4),
    }
}

fn failed(name: &str, error: &contextualized_core::Error, columns: usize) -> Vec<Cell> {
    let mut row: Vec<Cell> = vec![format!("{name} (failed: {error})").into()];
    row.extend(vec![Cell::Missing; columns]);
    row
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}
