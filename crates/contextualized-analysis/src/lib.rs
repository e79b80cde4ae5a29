//! Inference and analysis of models whose parameters vary with context.

mod adjustment;
mod bootstrap;
mod conformal;
mod effects;
mod embedding;
mod extrapolation;
mod resampling;
mod subgroups;
mod variation;
