//! Section 1.6 of the demo: one regression for all rows.
//!
//! ```text
//! Y = X0 w0 + X1 w1,  w by least squares over the observed
//! ```
//!
//! Asserts that no constant, this one included, beats the mean of the true effects it is asked for.
//!
//! ```sh
//! cargo run --release --example section_1_6_population
//! ```

use clap::Parser;
use contextualized_examples::run::{Flags, parts};
use contextualized_examples::section1::Part;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    parts(&[Part::Population], &Flags::parse(), false)
}
