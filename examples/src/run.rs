//! What every example of Section 1 does: read flags, fit, print, draw, assert.

use crate::figures1::{self, Folder};
use crate::say;
use crate::section1::{Outcome, Part, assert_order, outcomes};
use crate::table::{number, table};
use clap::Parser;
use contextualized_simulation::TreatmentProblem;
use serde::Serialize;
use std::error::Error;
use std::path::PathBuf;

/// Flags of every example of Section 1.
#[derive(Debug, Parser)]
pub struct Flags {
    /// Seed of the data and the models.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Print one JSON object a line, and nothing else.
    #[arg(long)]
    pub json: bool,
    /// Folder that figures are written to, as SVG.
    #[arg(long, value_name = "DIR", default_value = "target/figures")]
    pub figures: PathBuf,
}

/// Runs parts that fit a model; `overview` draws all of them side by side too.
///
/// # Errors
///
/// Those of estimators, figures and files.
pub fn parts(parts: &[Part], flags: &Flags, overview: bool) -> Result<(), Box<dyn Error>> {
    let problem = TreatmentProblem::new(flags.seed)?;
    let folder = Folder::new(&flags.figures)?;
    let mut all: Vec<Outcome> = Vec::new();
    for &part in parts {
        all.extend(outcomes(part, &problem, flags.seed)?);
    }
    print(&all, flags)?;
    figures1::models(&folder, &problem, &all)?;
    if overview {
        figures1::simulation(&folder, &problem)?;
        figures1::observed(&folder, &problem)?;
        figures1::overview(&folder, &problem, &all)?;
    }
    if !flags.json {
        say!("\nFigures are in {}.", flags.figures.display());
    }
    assert_order(&all);
    Ok(())
}

fn print(outcomes: &[Outcome], flags: &Flags) -> Result<(), Box<dyn Error>> {
    if flags.json {
        for outcome in outcomes {
            say!("{}", serde_json::to_string(&outcome.row)?);
        }
        return Ok(());
    }
    let published = |value: Option<f64>| value.map(number).unwrap_or_default();
    let lines = outcomes
        .iter()
        .map(|outcome| {
            let row = &outcome.row;
            [
                row.section.to_owned(),
                row.model.to_owned(),
                number(row.response_mse),
                published(row.published_response_mse),
                number(row.effect_mse),
                published(row.published_effect_mse),
                format!("{:.3}", row.seconds),
            ]
        })
        .collect();
    say!(
        "Treatment effects of 5404 unobserved patients, learned from 221 observed ones (seed {}).\n",
        flags.seed
    );
    let header = [
        "section",
        "model",
        "response MSE",
        "published",
        "effect MSE",
        "published",
        "fit, s",
    ];
    say!("{}", table(header, 2, lines));
    if outcomes.iter().any(|outcome| outcome.patients.is_empty()) {
        say!(
            "\nAnchors: mean and best-constant know the true effects (averaged over the observed, the\n\
             unobserved) but not the context; oracle-basis knows that effects are quadratic in it."
        );
    }
    Ok(())
}

/// The line of a part without a model.
#[derive(Serialize)]
struct Counts<'a> {
    section: &'a str,
    rows: usize,
    observed: usize,
}

/// What a part without a model draws.
type Draw = fn(&Folder, &TreatmentProblem) -> Result<(), Box<dyn Error>>;

/// Runs a part that fits nothing: it counts rows and draws.
///
/// # Errors
///
/// Those of figures and files.
pub fn without_model(section: &str, flags: &Flags, draw: Draw) -> Result<(), Box<dyn Error>> {
    let problem = TreatmentProblem::new(flags.seed)?;
    draw(&Folder::new(&flags.figures)?, &problem)?;
    let (rows, observed) = (problem.all().rows(), problem.observed_rows().len());
    if flags.json {
        let line = Counts {
            section,
            rows,
            observed,
        };
        say!("{}", serde_json::to_string(&line)?);
    } else {
        say!(
            "{rows} patients, {observed} of them observed. Figure in {}.",
            flags.figures.display()
        );
    }
    assert_eq!((rows, observed), (5625, 221));
    Ok(())
}
