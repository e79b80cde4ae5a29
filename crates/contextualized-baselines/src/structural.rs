//! One directed acyclic network for all rows: linear structural equations that do not vary.

mod continuous;
mod estimator;
mod minimize;
mod model;
mod moments;

pub use estimator::{PopulationBayesianNetwork, StructureSearch};
pub use model::{PopulationBayesianModel, StructureReport};
