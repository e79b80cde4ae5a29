//! Section 1.1 of the demo: patients whose response to two treatments depends on who they are.
//!
//! ```text
//! contexts   a 75 × 75 grid on [-1, 1]²: diet C0 and exercise C1
//! doses      X0, X1 uniform on [-1, 1]
//! effects    W0 = C0 + C1²,  W1 = C0² + C1
//! response   Y = X0 W0 + X1 W1, without noise
//! ```
//!
//! Asserts that there are 5625 patients, of whom 221 are observed.
//!
//! ```sh
//! cargo run --release --example section_1_1_simulation
//! ```

use clap::Parser;
use contextualized_examples::figures1::simulation;
use contextualized_examples::run::{Flags, without_model};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    without_model("1.1", &Flags::parse(), simulation)
}
