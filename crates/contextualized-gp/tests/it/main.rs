//! Tests of Gaussian-process priors on coefficients through the public surface.
#![allow(clippy::unwrap_used)]

mod binary;
mod constants;
mod errors;
mod identities;
mod levels;
mod low_rank;
mod problem;
mod reference;
mod same_bits;
mod search;
mod sums;
