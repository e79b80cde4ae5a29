//! `networks`: networks that vary with context.

use super::fit::{choice_section, method, rows_in_words, summary};
use crate::arguments::{Global, NetworkKindName, Networks, check_folds};
use crate::data::Source;
use crate::design::{Request, read_training};
use crate::error::{Error, Result};
use crate::formula;
use crate::model_file;
use crate::output::print;
use crate::progress::Progress;
use crate::saved::{self, Baseline, Fitted, Saved, TrainingRows};
use contextualized_auto::{AutoNetworks, Method};
use contextualized_core::Estimator;

pub(crate) fn run(arguments: &Networks, global: &Global) -> Result<()> {
    check_folds(arguments.folds)?;
    let formula = formula::parse(&arguments.formula)?;
    if !formula.targets.is_empty() {
        return Err(Error::usage(
            "the formula of networks has nothing before `~`: its nodes are the columns before the bar, as in `~ x0 + x1 | c0`",
        ));
    }
    if formula.features.intercept_named {
        return Err(Error::usage(
            "the formula of networks has a number among its nodes; networks have no intercept to drop",
        ));
    }
    let progress = Progress::new(global, "reading");
    let source = Source::open(&arguments.data, &arguments.flags.reading())?;
    let training = read_training(
        &source,
        &Request {
            formula: &formula,
            weights: arguments.weights.as_deref(),
            target_kind: None,
            drop_missing: arguments.flags.drop_missing,
        },
    )?;
    let samples = &training.samples;
    if samples.features().ncols() < 2 {
        return Err(Error::usage(
            "the formula has one node; a network needs at least two",
        ));
    }

    progress.say("fitting");
    let any = match arguments.kind {
        NetworkKindName::Correlation => AutoNetworks::correlation(),
        NetworkKindName::Markov => AutoNetworks::markov(),
        NetworkKindName::Bayesian => AutoNetworks::bayesian(),
    }
    .folds(arguments.folds)
    .seed(arguments.seed);
    let estimator = match method(arguments.estimator) {
        Some(method) => any.clone().only(method),
        None => any.clone(),
    };
    let model = estimator.fit_observed(samples, &|done, total| progress.at(done, total))?;
    let choice = model.report().clone();
    let described = model.describe();
    let baseline = |method: Method| Baseline::new(any.default_of(method).fit(samples));
    let saved = Saved {
        data: summary(&arguments.data, &training, arguments.weights.as_deref()),
        training: TrainingRows::of(samples)?,
        fitted: Fitted::Networks(Box::new(saved::Networks {
            model,
            population: baseline(Method::Population),
            clusters: baseline(Method::Cluster),
        })),
        design: training.design,
    };
    progress.say("writing");
    model_file::save(&saved, &arguments.out)?;
    drop(progress);

    let mut sections = vec![(rows_in_words(&saved), None)];
    sections.extend(choice_section(&choice));
    sections.push((format!("Fitted: {described}"), None));
    sections.push((format!("Model written to {}", arguments.out), None));
    if global.quiet {
        Ok(())
    } else {
        print(&sections, global.json)
    }
}
