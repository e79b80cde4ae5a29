//! Coefficient functions from a Gaussian-process prior, in closed form.

mod estimator;
mod model;
mod relevance;
mod sums;
mod wald;

pub use contextualized_core::PredictionIntervals;
pub use contextualized_kernels::{
    Family, Hyperparameters, Kernel, Method, Priors, ProcessReport, Sharing, Size,
};
pub use estimator::KernelRegression;
pub use model::{KernelModel, LeaveOneOut, PartialEffect};
pub use relevance::Relevance;
