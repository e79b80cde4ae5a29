//! Tests of the public surface: what the drawings contain, and what is refused.
#![allow(clippy::unwrap_used)]

mod calibration;
mod effects;
mod errors;
mod ready_made;
mod simulation;
mod structure;
mod xml;
