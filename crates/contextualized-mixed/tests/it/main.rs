//! Tests of mixed models.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod data;
mod functions;
mod identities;
mod laplace;
mod reference;
mod simulated;
