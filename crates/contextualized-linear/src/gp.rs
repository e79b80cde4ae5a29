//! Coefficient functions from a Gaussian-process prior, in closed form.

mod estimator;
mod model;
mod rows;
mod sums;
mod variation_explained;
mod wald;

pub use contextualized_core::PredictionIntervals;
pub use contextualized_gp::{
    Hyperparameters, Kernel, KernelShape, Method, Priors, ProcessReport, ProcessSettings, Sharing,
    Size,
};
pub use estimator::GaussianProcessRegression;
pub use model::{GaussianProcessModel, LeaveOneOut, PartialEffect};
pub use variation_explained::VariationExplained;
