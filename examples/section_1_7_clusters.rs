//! Section 1.7 of the demo: k-means on the contexts, a regression in each of 15 clusters.
//!
//! ```text
//! W(c) = w_k,  k the nearest of 15 centres
//! ```
//!
//! Between the observed groups the nearest cluster answers, so effects come in steps.
//!
//! ```sh
//! cargo run --release --example section_1_7_clusters
//! ```

use clap::Parser;
use contextualized_examples::run::{Flags, parts};
use contextualized_examples::section1::Part;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    parts(&[Part::Clusters], &Flags::parse(), false)
}
