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
//! cargo run --release --example demo -- --section 1.8
//! cargo run --release --example demo -- --json
//! ```

use clap::Parser;
use contextualized_examples::run::{Flags, parts};
use contextualized_examples::section1::Part;
use std::error::Error;

/// Population, cluster and contextualized regression on the demo's treatment-effect problem.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    flags: Flags,
    /// Run one section alone.
    #[arg(long)]
    section: Option<Part>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { flags, section } = Arguments::parse();
    match section {
        Some(part) => parts(&[part], &flags, false),
        None => parts(&Part::ALL, &flags, true),
    }
}
