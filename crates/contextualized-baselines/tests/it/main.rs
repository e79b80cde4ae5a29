//! Tests of the baselines through their public surface.
#![allow(clippy::unwrap_used)]

mod clusters;
mod networks;
mod population;
mod population_input;
mod population_intervals;
mod reference;
mod structural;
mod survival;
