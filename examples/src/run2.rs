//! What every example of Section 2 does: fit, print, draw, assert.

use crate::figures1::Folder;
use crate::figures2;
use crate::run::Flags;
use crate::say;
use crate::section2::{NetworkOutcome, NetworkPart, assert_order, outcomes};
use crate::table::{number, table};
use contextualized_simulation::NetworkProblem;
use std::error::Error;

/// Runs parts that fit a model; `side_by_side` draws the networks of all beside each other too.
///
/// # Errors
///
/// Those of estimators, figures and files.
pub fn network_parts(
    parts: &[NetworkPart],
    flags: &Flags,
    side_by_side: bool,
) -> Result<(), Box<dyn Error>> {
    let problem = NetworkProblem::new(flags.seed)?;
    let folder = Folder::new(&flags.figures)?;
    let mut all: Vec<NetworkOutcome> = Vec::new();
    for &part in parts {
        all.extend(outcomes(part, &problem, flags.seed)?);
    }
    print(&all, flags)?;
    figures2::models(&folder, &problem, &all)?;
    if side_by_side {
        figures2::truth(&folder, &problem)?;
        figures2::side_by_side(&folder, &problem, &all)?;
    }
    if !flags.json {
        say!("\nFigures are in {}.", flags.figures.display());
    }
    assert_order(&all);
    Ok(())
}

/// The networks themselves: counts and draws, and fits nothing.
///
/// # Errors
///
/// Those of figures and files.
pub fn true_networks(flags: &Flags) -> Result<(), Box<dyn Error>> {
    let problem = NetworkProblem::new(flags.seed)?;
    figures2::truth(&Folder::new(&flags.figures)?, &problem)?;
    let (train, test) = (problem.train().rows(), problem.test().rows());
    if flags.json {
        say!("{{\"section\":\"2.1\",\"rows\":{train},\"held_out\":{test}}}");
    } else {
        say!(
            "{train} samples to learn from, {test} held out. Figures in {}.",
            flags.figures.display()
        );
    }
    assert_eq!((train, test), (800, 200));
    Ok(())
}

fn print(outcomes: &[NetworkOutcome], flags: &Flags) -> Result<(), Box<dyn Error>> {
    if flags.json {
        for outcome in outcomes {
            say!("{}", serde_json::to_string(&outcome.row)?);
        }
        return Ok(());
    }
    let lines = outcomes
        .iter()
        .map(|outcome| {
            let row = &outcome.row;
            [
                row.section.to_owned(),
                row.model.to_owned(),
                number(row.parameter_mse_train),
                number(row.parameter_mse_test),
                number(row.reconstruction_mse_train),
                number(row.reconstruction_mse_test),
                format!("{:.3}", row.seconds),
            ]
        })
        .collect();
    say!(
        "Networks of 200 samples with contexts between 1.7 and 1.9, learned from 800 others (seed {}).\n",
        flags.seed
    );
    let header = [
        "section",
        "model",
        "weights MSE, train",
        "held out",
        "reconstruction MSE, train",
        "held out",
        "fit, s",
    ];
    say!("{}", table(header, 2, lines));
    Ok(())
}
