//! Tests of encoders, heads and trainer through the public surface.
#![allow(clippy::unwrap_used)]

mod factors;
mod gradients;
mod penalties;
mod shapes;
mod slope_penalties;
mod training;
