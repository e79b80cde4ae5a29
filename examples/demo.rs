//! The first section of the demo of contextualized regression, "Death to Cluster Models; Long Live
//! Context Encoders", with its published figures beside ours.
//!
//! ```text
//! effects    W0 = C0 + C1²,  W1 = C0² + C1       of two doses X on the response Y = X0 W0 + X1 W1
//! observed   221 of the 5625 contexts of a grid on [-1, 1]²: those within 0.1 of five centres
//! asked      the effects at the 5404 others
//! ```
//!
//! ```sh
//! cargo run --release --example demo -- --seed 3
//! cargo run --release --example demo -- --json
//! ```
#![allow(clippy::print_stdout)]

use clap::Parser;
use contextualized_examples::section1::{Row, rows};
use contextualized_examples::table::{number, table};
use std::error::Error;

/// Population, cluster and contextualized regression on the demo's treatment-effect problem.
#[derive(Parser)]
struct Arguments {
    /// Seed of the data and the models.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print one JSON object a line, and nothing else.
    #[arg(long)]
    json: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let rows = rows(arguments.seed)?;
    if arguments.json {
        for row in &rows {
            println!("{}", serde_json::to_string(row)?);
        }
    } else {
        print_report(&rows, arguments.seed);
    }
    assert_order(&rows);
    Ok(())
}

fn print_report(rows: &[Row], seed: u64) {
    let published = |value: Option<f64>| value.map(number).unwrap_or_default();
    let lines = rows
        .iter()
        .map(|row| {
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
    println!(
        "Treatment effects of 5404 unobserved patients, learned from 221 observed ones (seed {seed}).\n"
    );
    println!(
        "{}",
        table(
            [
                "section",
                "model",
                "response MSE",
                "published",
                "effect MSE",
                "published",
                "fit, s"
            ],
            2,
            lines
        )
    );
    println!(
        "\nAnchors: mean and best-constant know the true effects (averaged over the observed, the\n\
         unobserved) but not the context; oracle-basis knows that effects are quadratic in it."
    );
}

/// What holds for every seed, whatever the draw of the doses.
fn assert_order(rows: &[Row]) {
    let effect = |section: &str, model: &str| {
        rows.iter()
            .find(|row| row.section == section && row.model == model)
            .map_or(f64::NAN, |row| row.effect_mse)
    };
    let best_constant = effect("1.6", "best-constant");
    let (population, neural) = (effect("1.6", "population"), effect("1.8", "neural"));
    let (clusters, noisy) = (effect("1.7", "cluster"), effect("1.7-noise", "cluster"));
    assert!(
        effect("1.8", "oracle-basis") < 1e-20,
        "the true basis recovers the effects"
    );
    assert!(
        best_constant <= population,
        "no constant is better than the best"
    );
    assert!(
        clusters < population && noisy < population,
        "clusters beat the population"
    );
    assert!(clusters < noisy, "noise contexts cost the clusters");
    assert!(neural < clusters, "a function of context beats clusters");
}
