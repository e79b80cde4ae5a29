//! `networks`: networks that vary with context.

use super::fit::{file_name, finish};
use crate::arguments::{Global, Networks};
use crate::design::{Request, read_training};
use crate::error::Result;
use crate::fitting::{NetworksFit, Origin, check_folds};
use crate::formula;
use crate::output::OutputFile;
use crate::progress::Progress;
use contextualized_files::Source;

pub(crate) fn run(arguments: &Networks, global: &Global) -> Result<()> {
    check_folds(arguments.folds)?;
    OutputFile::check(&arguments.out)?;
    let formula = formula::parse(&arguments.formula)?;
    NetworksFit::check_formula(&formula)?;
    let progress = Progress::new(global, "reading");
    let source = Source::open(&arguments.data, &arguments.flags.reading()?)?;
    let mut training = read_training(
        &source,
        &Request {
            formula: &formula,
            weights: arguments.weights.as_deref(),
            groups: arguments.groups.as_deref(),
            offset: None,
            treatment: None,
            family: None,
            drop_missing: arguments.flags.drop_missing,
        },
    )?;
    training.samples = training.samples.with_monitor(progress.monitor());
    NetworksFit::check_nodes(&training.samples)?;
    progress.say("fitting");
    let file = file_name(&arguments.data);
    let origin = Origin {
        file: &file,
        weights: arguments.weights.as_deref(),
        groups: arguments.groups.as_deref(),
    };
    let fit = NetworksFit {
        kind: arguments.kind,
        estimator: arguments.estimator,
        settings: arguments.of_estimators.clone(),
        folds: arguments.folds,
        seed: arguments.seed,
    };
    let saved = fit.fit(training, &origin)?;
    finish(&saved, &arguments.out, progress, global, false)
}
