//! `networks`: networks that vary with context.

use super::fit::{finish, summary};
use crate::arguments::{Estimate, Global, Networks, check_folds};
use crate::data::Source;
use crate::design::{Request, read_training};
use crate::error::{Error, Result};
use crate::formula;
use crate::output::OutputFile;
use crate::progress::Progress;
use crate::saved::{self, Baseline, Fitted, Saved, TrainingRows};
use contextualized_auto::{AutoNetworks, NetworkChoice, NetworkMethod};
use contextualized_core::{Estimator, Samples, Standardization};

/// The most nodes of a network.
const MOST_NODES: usize = 500;

pub(crate) fn run(arguments: &Networks, global: &Global) -> Result<()> {
    check_folds(arguments.folds)?;
    OutputFile::check(&arguments.out)?;
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
    let source = Source::open(&arguments.data, &arguments.flags.reading()?)?;
    let mut training = read_training(
        &source,
        &Request {
            formula: &formula,
            weights: arguments.weights.as_deref(),
            groups: arguments.groups.as_deref(),
            offset: None,
            family: None,
            drop_missing: arguments.flags.drop_missing,
        },
    )?;
    training.samples = training.samples.with_monitor(progress.monitor());
    let samples = &training.samples;
    if samples.features().ncols() < 2 {
        return Err(Error::usage(
            "the formula has one node; a network needs at least two",
        ));
    }

    let nodes = samples.features().ncols();
    if nodes > MOST_NODES {
        return Err(Error::failure(format!(
            "{nodes} nodes have {} pairs, and every row has a network of its own; choose at most {MOST_NODES} nodes",
            nodes * (nodes - 1) / 2
        )));
    }

    let units = units_of_nodes(arguments.kind, samples);
    progress.say("fitting");
    let any = AutoNetworks::new(arguments.kind)
        .folds(arguments.folds)
        .seed(arguments.seed);
    let estimator = match arguments.estimator {
        Estimate::Auto => any.clone(),
        Estimate::Only(method) => {
            // A method that this kind of networks does not have is a mistake of the command line.
            let checked = any.default_of(method);
            checked.map_err(|error| Error::usage(error.to_string()))?;
            any.clone().only(method)
        }
    };
    let candidates = estimator.listed()?;
    let estimator = estimator.candidates(arguments.of_estimators.of_networks(candidates)?);
    let model = estimator.fit(samples)?;
    let baseline = |method| {
        let fitted = any
            .default_of(method)
            .and_then(|estimator| estimator.fit(samples));
        Baseline::new(fitted)
    };
    let mut data = summary(
        &arguments.data,
        &training,
        arguments.weights.as_deref(),
        arguments.groups.as_deref(),
    );
    data.remarks.extend(units);
    let saved = Saved {
        data,
        training: TrainingRows::of(samples)?,
        fitted: Fitted::Networks(Box::new(saved::Networks {
            model,
            population: baseline(NetworkMethod::Population),
            clusters: baseline(NetworkMethod::Cluster),
        })),
        design: training.design,
        reading: training.reading,
    };
    finish(&saved, &arguments.out, progress, global, false)
}

/// A warning, where nodes of a directed network are measured in very different units: the order of nodes is found
/// from their variances.
fn units_of_nodes(kind: NetworkChoice, samples: &Samples) -> Option<String> {
    const RATIO: f64 = 10.0;
    if kind != NetworkChoice::Bayesian {
        return None;
    }
    let scales = Standardization::fit(samples.features(), samples.weights()).ok()?;
    let names = samples.names().features.iter();
    let mut nodes: Vec<(&String, f64)> = names.zip(scales.scales().iter().copied()).collect();
    nodes.sort_by(|a, b| a.1.total_cmp(&b.1));
    let (least, most) = (nodes.first()?, nodes.last()?);
    let ratio = most.1 / least.1;
    (ratio > RATIO).then(|| {
        format!(
            "Directions depend on the units of the nodes, and the standard deviation of {} is {ratio:.0} times that of {}: measure nodes in units in which their noise is about the same, or write scale({}) and so on for nodes in standard deviations",
            most.0, least.0, most.0
        )
    })
}
