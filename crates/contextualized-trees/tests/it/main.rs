//! Tests of regression by trees through its public surface.
#![allow(clippy::unwrap_used)]

mod input;
mod properties;
mod recovery;
