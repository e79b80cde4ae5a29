//! Analyses of every kind of model through the shared traits.
#![allow(clippy::unwrap_used)]

mod bootstrap;
mod conformal;
mod effects;
mod heterogeneity;
mod marginal;
mod out_of_bag;
mod subgroups;
mod summary;
mod variation;
mod weights;
