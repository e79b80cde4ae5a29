//! Functions of context that are learned by encoders: what neural correlation and Markov networks
//! are made of.

mod learned;
mod nodes;
mod settings;
mod task;

pub(crate) use learned::{Learned, check_learned};
pub(crate) use nodes::{LOG_VARIANCES, Nodes};
pub(crate) use settings::{NeuralSettings, neural_setters};
pub(crate) use task::{Task, pairs};
