//! Tests of implicit regression through its public surface.
#![allow(clippy::unwrap_used)]

mod derivatives;
mod estimator;
