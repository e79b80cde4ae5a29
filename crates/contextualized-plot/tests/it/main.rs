//! Tests of the public surface: what the drawings contain, and what is refused.
#![allow(clippy::unwrap_used)]

mod errors;
mod figures;
mod structure;
mod xml;
