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

use clap::{Parser, ValueEnum};
use contextualized_examples::figures1::{observed, simulation};
use contextualized_examples::run::{Flags, parts, without_model};
use contextualized_examples::section1::Part;
use std::error::Error;

/// Population, cluster and contextualized regression on the demo's treatment-effect problem.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    flags: Flags,
    /// Run one section alone.
    #[arg(long)]
    section: Option<Section>,
}

/// A section of the demo.
#[derive(Clone, Copy, ValueEnum)]
enum Section {
    #[value(name = "1.1")]
    Simulation,
    #[value(name = "1.3")]
    Observed,
    #[value(name = "1.6")]
    Population,
    #[value(name = "1.7")]
    Clusters,
    #[value(name = "1.7-noise")]
    ClustersWithNoise,
    #[value(name = "1.8")]
    Contextualized,
    #[value(name = "1.9-noise-only")]
    NoiseOnly,
    #[value(name = "1.9-some-noise")]
    SomeNoise,
    #[value(name = "1.10")]
    Implicit,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { flags, section } = Arguments::parse();
    let part = match section {
        None => return parts(&Part::ALL, &flags, true),
        Some(Section::Simulation) => return without_model("1.1", &flags, simulation),
        Some(Section::Observed) => return without_model("1.3", &flags, observed),
        Some(Section::Population) => Part::Population,
        Some(Section::Clusters) => Part::Clusters,
        Some(Section::ClustersWithNoise) => Part::ClustersWithNoise,
        Some(Section::Contextualized) => Part::Contextualized,
        Some(Section::NoiseOnly) => Part::NoiseOnly,
        Some(Section::SomeNoise) => Part::SomeNoise,
        Some(Section::Implicit) => Part::Implicit,
    };
    parts(&[part], &flags, false)
}
