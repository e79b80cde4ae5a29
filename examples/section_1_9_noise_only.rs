//! Section 1.9 of the demo: contexts that say nothing at all.
//!
//! ```text
//! W(n) = population fit + s Σ_k z_k(n) A_k,   n two standard-normal columns
//! ```
//!
//! The share s of the deviation that is kept is chosen on held-out folds, so that the demo's claim, "we
//! can do no worse than the population model", holds but for noise. Trained for the demo's 2 epochs and for 50.
//! Gaussian process regression has no folds: its priors have their mode where nothing varies.
//!
//! ```sh
//! cargo run --release --example section_1_9_noise_only
//! ```

use clap::Parser;
use contextualized_examples::run::{Flags, parts};
use contextualized_examples::section1::Part;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    parts(&[Part::NoiseOnly], &Flags::parse(), false)
}
