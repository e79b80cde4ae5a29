//! Section 2.4 of the demo, seen: the true and all estimated networks at four contexts, as tables and
//! as graphs.
//!
//! ```text
//! section_2_4_tables.svg   rows from, columns to, one colour scale
//! section_2_4_graphs.svg   edges as wide as their weights
//! weights_2.*.svg          each edge against the context, over the truth
//! ```
//!
//! ```sh
//! cargo run --release --example section_2_4_visualize
//! ```

use clap::Parser;
use contextualized_examples::run::Flags;
use contextualized_examples::run2::network_parts;
use contextualized_examples::section2::NetworkPart;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    network_parts(&NetworkPart::ALL, &Flags::parse(), true)
}
