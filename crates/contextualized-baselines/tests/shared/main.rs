//! Tests of the baselines through their public surface.
#![allow(clippy::unwrap_used)]

mod clusters;
mod networks;
mod population;
mod reference;
mod structural;
