//! Section 2.4 of the demo: Bayesian networks as a function of the context.
//!
//! ```text
//! kernel   the order with the least leave-one-out error, then W_ij(c) Gaussian processes along it
//! neural   W(c) = Σ_k z_k(c) A_k,  z an encoder of the context, with penalties on cycles
//! empty    no edges at all
//! oracle   the true networks
//! ```
//!
//! ```sh
//! cargo run --release --example section_2_4_contextualized_networks
//! ```

use clap::Parser;
use contextualized_examples::run::Flags;
use contextualized_examples::run2::network_parts;
use contextualized_examples::section2::NetworkPart;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    network_parts(&[NetworkPart::Contextualized], &Flags::parse(), false)
}
