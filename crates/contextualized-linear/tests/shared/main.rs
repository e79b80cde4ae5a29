//! Tests of contextualized regression through its public surface.
#![allow(clippy::unwrap_used)]

mod input;
mod kernel;
mod properties;
mod recovery;
