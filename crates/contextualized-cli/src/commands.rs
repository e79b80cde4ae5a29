//! The commands, one in each file.

pub(crate) mod archetypes;
pub(crate) mod compare;
mod curves;
pub(crate) mod effects;
pub(crate) mod embed;
pub(crate) mod fit;
pub(crate) mod manual;
pub(crate) mod networks;
pub(crate) mod predict;
pub(crate) mod report;
pub(crate) mod simulate;
pub(crate) mod summary;

use crate::arguments::{Arguments, Command};
use crate::error::Result;

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let global = &arguments.global;
    match &arguments.command {
        Command::Fit(fit) => fit::run(fit, global),
        Command::Predict(predict) => predict::run(predict, global),
        Command::Compare(compare) => compare::run(compare, global),
        Command::Networks(networks) => networks::run(networks, global),
        Command::Summary(summary) => summary::run(summary, global),
        Command::Effects(effects) => effects::run(effects, global),
        Command::Archetypes(archetypes) => archetypes::run(archetypes, global),
        Command::Embed(embed) => embed::run(embed, global),
        Command::Report(report) => report::run(report, global),
        Command::Simulate(simulate) => simulate::run(simulate, global),
        Command::Completions { shell } => manual::completions(*shell),
        Command::Man { out } => manual::pages(out),
    }
}
