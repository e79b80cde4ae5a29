//! Section 1.10 of the demo: a plain network of contexts and doses, differentiated.
//!
//! ```text
//! Y ≈ g([c, x]),  g a perceptron 4 → 50 → 50 → 1,   W(c) ≈ ∂g/∂x
//! ```
//!
//! Contexts are standardised, doses and response are in their own units. Asserts that the derivatives
//! are better than one pair of effects for all.
//!
//! ```sh
//! cargo run --release --example section_1_10_implicit
//! ```

use clap::Parser;
use contextualized_examples::run::{Flags, parts};
use contextualized_examples::section1::Part;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    parts(&[Part::Implicit], &Flags::parse(), false)
}
