//! Section 1.8 of the demo: effects as a learned function of the context.
//!
//! ```text
//! W(c) = population fit + s Σ_k z_k(c) A_k,   z a perceptron 2 → 25 → 25 → 10
//! ```
//!
//! Beside it Gaussian process regression, whose prior of smooth functions suits effects that are smooth and
//! responses without noise; an additive encoder, which reads out what each context does (the truth is
//! additive); and least squares on the true quadratic basis, which is asserted to recover the effects
//! to rounding.
//!
//! ```sh
//! cargo run --release --example section_1_8_contextualized
//! ```

use clap::Parser;
use contextualized_examples::run::{Flags, parts};
use contextualized_examples::section1::Part;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    parts(&[Part::Contextualized], &Flags::parse(), false)
}
