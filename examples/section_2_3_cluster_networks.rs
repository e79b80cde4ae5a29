//! Section 2.3 of the demo: k-means on the context, a Bayesian network in each of ten clusters.
//!
//! ```text
//! W(c) = W_k,  k the nearest of ten centres
//! ```
//!
//! With one context and 80 samples to a cluster this is a good model, once each network is solved to
//! convergence; clusters break where they are thin.
//!
//! ```sh
//! cargo run --release --example section_2_3_cluster_networks
//! ```

use clap::Parser;
use contextualized_examples::run::Flags;
use contextualized_examples::run2::network_parts;
use contextualized_examples::section2::NetworkPart;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    network_parts(&[NetworkPart::Clusters], &Flags::parse(), false)
}
