//! Tests of the shared machinery through its public surface.

mod boxed_models;
mod comparison;
mod models;
