//! # contextualized-simulation
//!
//! Simulated data whose true coefficients are known, so that an estimator of context-varying
//! coefficients can be judged by what it is for: not only its predictions, but its coefficients.
//!
//! Row i has contexts `c_i` and features `x_i`, and a linear model of its own:
//!
//! ```text
//! η_i = B(c_i) x_i + m(c_i)                 B(c): y × x slopes,  m(c): y intercepts
//!
//! y_i = η_i + σ ε_i,  ε_i ~ N(0, 1)         Gaussian targets
//! y_i drawn from its family, mean ℓ⁻¹(η_i)  other families, ℓ the link
//! ```
//!
//! [`Family`](contextualized_core::Family) lists the families.
//!
//! [`Simulator`] takes `B` and `m` as closures, and any distribution of contexts and features.
//! [`TreatmentProblem`] is one such problem, the treatment effects of the published demo of
//! contextualized regression. Both give [`SimulatedData`]: the samples, and beside them
//! `B(c_i)`, `m(c_i)` and `E[y_i | x_i, c_i]`.
//!
//! ```
//! use contextualized_core::metrics::effect_mse;
//! use contextualized_core::Coefficients;
//! use contextualized_simulation::Simulator;
//! use ndarray::array;
//!
//! // Two features whose slopes turn with the first context; the other two are irrelevant.
//! let data = Simulator::new(1000)
//!     .uniform_contexts(1, -1.0, 1.0)
//!     .irrelevant_contexts(2)
//!     .slopes(|c| vec![c[0], 1.0 - c[0] * c[0]])
//!     .intercept(|_| 0.5)
//!     .noise(0.1)
//!     .simulate(42)?;
//! assert_eq!(data.samples.names().contexts, ["c0", "noise0", "noise1"]);
//!
//! // The best that a model without context can do: the mean slopes, E[c] = 0 and E[1 − c²] = 2/3.
//! let mean = array![[0.0, 2.0 / 3.0]];
//! let population = Coefficients::constant(mean.view(), array![0.5].view(), data.rows())?;
//! // Half of Var(c) + Var(c²) = 1/3 + 4/45.
//! let error = effect_mse(&data.coefficients, &population)?;
//! assert!((error - 19.0 / 90.0).abs() < 0.02);
//! # Ok::<(), contextualized_core::Error>(())
//! ```
//!
//! Everything random follows from a `u64` seed and stays as it is from version to version:
//! a test holds stored values of every stream.
//!
//! [`NetworkSimulator`] does the same for directed graphs: every row has a graph of its own, a function
//! of its context, and nodes drawn from it by a [`StructuralModel`].
//!
//! ## Map
//!
//! | item | for |
//! |---|---|
//! | [`Simulator`] | data from any coefficient field, with noise and irrelevant contexts |
//! | [`Draws`] | random numbers for the closures that draw contexts and features |
//! | [`SimulatedData`] | samples beside the true coefficients and means of their rows |
//! | [`CovarianceSimulator`], [`SimulatedCovariances`] | nodes whose covariance varies with context |
//! | [`TreatmentProblem`] | effects of two treatments, observed in five small discs |
//! | [`TreatmentContexts`] | its variants: informative contexts, with noise, noise alone |
//! | [`Patients`] | its two patients of interest |
//! | [`ConfoundedSetting`], [`ConfoundedData`] | effects of a treatment that was not assigned at random |
//! | [`NetworkSimulator`], [`SimulatedNetworks`] | data from any field of directed acyclic graphs, and their truth |
//! | [`StructuralModel`], [`NodeNoise`], [`total_effects`] | linear structural equation models, their covariance |
//! | [`RandomDag`] | random acyclic graphs |
//! | [`NetworkProblem`] | a graph of four nodes that varies with one context, with a gap |

mod confounded;
mod contexts;
mod covariances;
mod data;
mod draws;
mod network_problem;
mod network_simulator;
mod random_dag;
mod rows;
mod simulator;
mod structural;
pub mod treatment;

pub use confounded::{ConfoundedData, ConfoundedSetting};
pub use covariances::{CovarianceSimulator, SimulatedCovariances};
pub use data::SimulatedData;
pub use draws::Draws;
pub use network_problem::NetworkProblem;
pub use network_simulator::{NetworkSimulator, SimulatedNetworks};
pub use random_dag::RandomDag;
pub use simulator::Simulator;
pub use structural::{NodeNoise, StructuralModel, total_effects};
pub use treatment::{Patients, TreatmentContexts, TreatmentProblem};
