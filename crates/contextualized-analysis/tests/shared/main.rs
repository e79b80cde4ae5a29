//! Analyses of every kind of model through the shared traits.
#![allow(clippy::unwrap_used)]

mod conformal;
mod effects;
mod heterogeneity;
mod subgroups;
mod variation;
