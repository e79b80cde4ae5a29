//! Section 1.3 of the demo: only patients in five small groups were observed.
//!
//! ```text
//! observed   |C − m| < 0.1 for one of the centres m = (0, 0), (±½, ±½)
//! ```
//!
//! Two patients of interest are followed through the sections: one at (0.6, −0.6), near an observed
//! group, one at (−1, 0), far from all. Asserts the number of rows.
//!
//! ```sh
//! cargo run --release --example section_1_3_observed_populations
//! ```

use clap::Parser;
use contextualized_examples::figures1::observed;
use contextualized_examples::run::{Flags, without_model};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    without_model("1.3", &Flags::parse(), observed)
}
