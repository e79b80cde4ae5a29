//! Tests of correlation and Markov networks through their public surface.
#![allow(clippy::unwrap_used)]

mod data;
mod kernel;
mod neural;
