//! Where true coefficients lie in their posterior distributions, as histograms: even, if hyperparameters are known;
//! about so, if they are estimated.
//!
//! ```sh
//! cargo run --release --example calibration
//! ```

use clap::Parser;
use contextualized_examples::claims::calibration::Ranks;
use contextualized_examples::figures1::Folder;
use contextualized_examples::say;
use contextualized_plot::{Band, Figure, Line, Panel};
use std::error::Error;
use std::path::PathBuf;

/// Histograms of the ranks of true coefficients.
#[derive(Parser)]
struct Arguments {
    /// Data sets, of 60 rows.
    #[arg(long, default_value_t = 1000)]
    data_sets: u64,
    /// Folder that the figure is written to, as SVG.
    #[arg(long, value_name = "DIR", default_value = "target/figures")]
    figures: PathBuf,
}

const BINS: usize = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let ranks = Ranks::simulate(arguments.data_sets)?;
    let figure = Figure::new(2)
        .panels([
            panel("known hyperparameters", &ranks.known),
            panel("estimated hyperparameters", &ranks.estimated),
        ])
        .shared_ranges()
        .x_label("posterior probability below the true coefficient")
        .y_label("share, %")
        .name("Ranks of true coefficients")
        .description("Two histograms of twenty bins: even for known hyperparameters, nearly so for estimated ones.");
    Folder::new(&arguments.figures)?.write("calibration", &figure)?;
    say!("{}", arguments.figures.join("calibration.svg").display());
    Ok(())
}

/// Shares in equal bins, below the line that all would reach if they were even.
fn panel(title: &str, tests: &[Vec<f64>]) -> Panel {
    let mut shares = [0.0; BINS];
    let count = tests.iter().flatten().count() as f64;
    for rank in tests.iter().flatten() {
        shares[((rank * BINS as f64) as usize).min(BINS - 1)] += 100.0 / count;
    }
    let edge = |bin: usize| bin as f64 / BINS as f64;
    let outline: Vec<(f64, f64)> = shares
        .iter()
        .enumerate()
        .flat_map(|(bin, &share)| {
            [
                (edge(bin), 0.0),
                (edge(bin), share),
                (edge(bin + 1), share),
                (edge(bin + 1), 0.0),
            ]
        })
        .collect();
    let (x, tops): (Vec<f64>, Vec<f64>) = outline.iter().copied().unzip();
    Panel::new(title)
        .layer(Band::new(&x, &vec![0.0; x.len()], &tops).opacity(0.45))
        .layer(Line::new(&outline).width(1.0))
        .layer(Line::horizontal(100.0 / BINS as f64))
}
