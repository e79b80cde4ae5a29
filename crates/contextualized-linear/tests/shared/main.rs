//! Tests of contextualized regression through its public surface.
#![allow(clippy::unwrap_used)]

mod input;
mod kernel;
mod kernel_effects;
mod kernel_wald;
mod properties;
mod recovery;
