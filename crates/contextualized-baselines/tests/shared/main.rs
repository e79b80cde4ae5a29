//! Tests of the baselines through their public surface.
#![allow(clippy::unwrap_used)]

mod clusters;
mod population;
mod reference;
