//! # contextualized-graphs
//!
//! Contextualized networks: one network per sample, a function of the sample's context.

pub mod bayesian;
pub mod correlation;
pub mod markov;
