//! Section 1.9 of the demo, its second part: informative contexts and two of noise.
//!
//! ```text
//! W(c, n) = population fit + s Σ_k z_k(c, n) A_k,   z a perceptron 4 → 50 → 50 → 10
//! ```
//!
//! The encoder has to find out which columns matter. The additive one shows what it makes of each.
//! Gaussian process regression gives each column an inverse length scale, which the marginal likelihood may put to zero.
//!
//! ```sh
//! cargo run --release --example section_1_9_some_noise
//! ```

use clap::Parser;
use contextualized_examples::run::{Flags, parts};
use contextualized_examples::section1::Part;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    parts(&[Part::SomeNoise], &Flags::parse(), false)
}
