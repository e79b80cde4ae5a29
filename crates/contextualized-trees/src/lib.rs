//! x

mod codes;
mod diagnostics;
mod draws;
mod estimator;
mod forest;
mod model;
mod order;
mod relevance;
mod report;
mod sampler;
mod sums;

pub use diagnostics::Convergence;
pub use estimator::TreeRegression;
pub use model::TreeModel;
pub use relevance::ContextRelevance;
pub use report::{TargetConvergence, TreeReport};
