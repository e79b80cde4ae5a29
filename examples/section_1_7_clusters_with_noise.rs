//! Section 1.7 of the demo, its second part: clusters of contexts that are partly noise.
//!
//! ```text
//! W(c, n) = w_k,  k the nearest of 10 centres in (c, n),  n two standard-normal columns
//! ```
//!
//! Clusters are found without looking at the response, so noise shapes them as much as diet.
//!
//! ```sh
//! cargo run --release --example section_1_7_clusters_with_noise
//! ```

use clap::Parser;
use contextualized_examples::run::{Flags, parts};
use contextualized_examples::section1::Part;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    parts(&[Part::ClustersWithNoise], &Flags::parse(), false)
}
