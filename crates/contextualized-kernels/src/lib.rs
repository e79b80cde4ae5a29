//! # contextualized-kernels
mod basis;
mod covariance;
mod engine;
mod evidence;
mod exact;
mod fitted;
mod hyperparameters;
mod kernel;
mod laplace;
mod low_rank;
mod mixture;
mod optimise;
mod priors;
mod process;

pub use fitted::{FittedProcess, Method, PartialEffect, ProcessReport};
pub use hyperparameters::Hyperparameters;
pub use kernel::{Family, Kernel, Term};
pub use priors::Priors;
pub use process::{CoefficientProcess, Likelihood, Sharing, Size};
