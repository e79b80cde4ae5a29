//! Analyses of every kind of model through the shared traits.
#![allow(clippy::unwrap_used)]

mod conformal;
mod heterogeneity;
mod effects;
mod subgroups;
mod variation;
