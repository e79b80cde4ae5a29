//! Bayesian networks: one directed acyclic graph per context.
//!
//! ```text
//! x_j = m_j(c) + Σᵢ W_ij(c) x_i + ε_j            W_ij: the edge from node i to node j
//! ```
//!
//! [`GaussianProcessBayesianNetwork`] finds the causal order of the nodes first, and then the weights as
//! functions of the context along it, both in closed form. [`NeuralBayesianNetwork`] learns all weights
//! at once, with penalties on cycles, and projects what it has learned to acyclic graphs. The orders of nodes, tests of cycles and
//! penalties on them are those of `contextualized-solvers`, re-exported here.

#[cfg(feature = "kernel")]
mod constraints;
#[cfg(feature = "kernel")]
mod context_basis;
#[cfg(feature = "neural")]
mod cycles;
#[cfg(feature = "kernel")]
mod gp_estimator;
#[cfg(feature = "kernel")]
mod gp_model;
#[cfg(feature = "neural")]
mod neural_estimator;
#[cfg(feature = "neural")]
mod neural_model;
#[cfg(feature = "kernel")]
mod order_search;
mod projection;

pub use contextualized_solvers::{
    AcyclicPart, Acyclicity, Projection, acyclic_part, is_acyclic, topological_order,
};
#[cfg(feature = "neural")]
pub use cycles::CyclePenalty;
#[cfg(feature = "kernel")]
pub use gp_estimator::{GaussianProcessBayesianNetwork, OrderScore};
#[cfg(feature = "kernel")]
pub use gp_model::{EdgeMargin, GaussianProcessBayesianModel, OrderReport};
#[cfg(feature = "neural")]
pub use neural_estimator::NeuralBayesianNetwork;
#[cfg(feature = "neural")]
pub use neural_model::{CycleReport, FactorNetworks, NeuralBayesianModel};
pub use projection::{project_networks, projected_mean};
