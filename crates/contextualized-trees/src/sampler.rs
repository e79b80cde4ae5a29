//! Backfitting by Markov chain Monte Carlo.

pub(crate) mod chain;
mod ensemble;
mod leaf;
mod moves;
mod scale;
mod split_weights;
mod shares;
pub(crate) mod tree;

pub(crate) use chain::{Chain, ChainSettings, Rows};
