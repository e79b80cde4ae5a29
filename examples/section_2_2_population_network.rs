//! Section 2.2 of the demo: one Bayesian network for all samples.
//!
//! ```text
//! minimise  Σ_j RSS_j  over acyclic graphs,  x = x W + ε
//! ```
//!
//! The order of the nodes with the least sum of residual variances, found exactly, and least squares
//! along it. The network published with the demo is next to empty, for its optimiser had not
//! converged.
//!
//! ```sh
//! cargo run --release --example section_2_2_population_network
//! ```

use clap::Parser;
use contextualized_examples::run::Flags;
use contextualized_examples::run2::network_parts;
use contextualized_examples::section2::NetworkPart;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    network_parts(&[NetworkPart::Population], &Flags::parse(), false)
}
