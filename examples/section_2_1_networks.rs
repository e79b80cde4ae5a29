//! Section 2.1 of the demo: samples whose Bayesian network changes with context.
//!
//! ```text
//! contexts   C = 1, …, 2 in 1000 equal steps; those strictly between 1.7 and 1.9 are held out
//! edges      X0 → X1: C − 2,  X2 → X1: C²,  X3 → X1: C³,  X3 → X2: C
//! noise      standard normal in every node
//! ```
//!
//! Asserts that 800 samples are to learn from and 200 held out.
//!
//! ```sh
//! cargo run --release --example section_2_1_networks
//! ```

use clap::Parser;
use contextualized_examples::run::Flags;
use contextualized_examples::run2::true_networks;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    true_networks(&Flags::parse())
}
