//! Tests of contextualized regression through its public surface.
#![allow(clippy::unwrap_used)]

mod gp;
mod gp_effects;
mod gp_factors;
mod gp_families;
mod gp_intervals;
mod gp_wald;
mod input;
mod properties;
mod recovery;
