//! Tests of the shared machinery through its public surface.
#![allow(clippy::unwrap_used)]

mod boxed_models;
mod comparison;
mod models;
