//! Tests of mixed models.
#![allow(clippy::unwrap_used)]

mod data;
mod functions;
mod identities;
mod laplace;
mod reference;
mod simulated;
