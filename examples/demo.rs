//! The demo of contextualized models, "Death to Cluster Models; Long Live Context Encoders": its first
//! section, on regression, with its published figures beside ours, and its second, on networks.
//!
//! ```text
//! Section 1
//! effects    W0 = C0 + C1²,  W1 = C0² + C1       of two doses X on the response Y = X0 W0 + X1 W1
//! observed   221 of the 5625 contexts of a grid on [-1, 1]²: those within 0.1 of five centres
//! asked      the effects at the 5404 others
//!
//! Section 2
//! edges      X0 → X1: C − 2,  X2 → X1: C²,  X3 → X1: C³,  X3 → X2: C,  noise N(0, 1)
//! observed   800 samples with C from 1 to 2, but not between 1.7 and 1.9
//! asked      the networks of the 200 in between
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
use contextualized_examples::run2::{network_parts, true_networks};
use contextualized_examples::say;
use contextualized_examples::section1::Part;
use contextualized_examples::section2::NetworkPart;
use std::error::Error;

/// Population, cluster and contextualized models on the demo's treatment-effect and network problems.
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
    #[value(name = "2.1")]
    Networks,
    #[value(name = "2.2")]
    PopulationNetwork,
    #[value(name = "2.3")]
    ClusterNetworks,
    #[value(name = "2.4")]
    ContextualizedNetworks,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { flags, section } = Arguments::parse();
    let part = match section {
        None => {
            parts(&Part::ALL, &flags, true)?;
            if !flags.json {
                say!();
            }
            return network_parts(&NetworkPart::ALL, &flags, true);
        }
        Some(Section::Simulation) => return without_model("1.1", &flags, simulation),
        Some(Section::Observed) => return without_model("1.3", &flags, observed),
        Some(Section::Population) => Part::Population,
        Some(Section::Clusters) => Part::Clusters,
        Some(Section::ClustersWithNoise) => Part::ClustersWithNoise,
        Some(Section::Contextualized) => Part::Contextualized,
        Some(Section::NoiseOnly) => Part::NoiseOnly,
        Some(Section::SomeNoise) => Part::SomeNoise,
        Some(Section::Implicit) => Part::Implicit,
        Some(Section::Networks) => return true_networks(&flags),
        Some(Section::PopulationNetwork) => {
            return network_parts(&[NetworkPart::Population], &flags, false);
        }
        Some(Section::ClusterNetworks) => {
            return network_parts(&[NetworkPart::Clusters], &flags, false);
        }
        Some(Section::ContextualizedNetworks) => {
            return network_parts(&[NetworkPart::Contextualized], &flags, false);
        }
    };
    parts(&[part], &flags, false)
}
