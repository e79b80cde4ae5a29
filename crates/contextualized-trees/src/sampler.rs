//! Backfitting by Markov chain Monte Carlo: every tree is drawn given all else, and so is all else.

mod chain;
mod changed;
mod ensemble;
mod log_gamma;
mod member;
mod moves;
mod normal;
mod polya_gamma;
mod scale;
mod shares;
mod split_weights;
#[cfg(test)]
mod tests;
mod tree;

pub(crate) use chain::{Chain, ChainSettings, Groups, Likelihood, Rows};
pub(crate) use ensemble::TreePrior;
pub(crate) use shares::send_right;
pub(crate) use tree::{NodeId, ROOT, Rule, Split, Tree};
