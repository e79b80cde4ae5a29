//! # contextualized-graphs
//!
//! Contextualized networks: one network per sample, a function of the sample's context.
//!
//! ```text
//! correlation   R(c)    entry (i, j) the correlation of nodes i and j at context c
//! Markov        Ω(c)    the inverse of a covariance: zero where two nodes are independent given the rest
//! Bayesian      W(c)    acyclic: x = m(c) + x W(c) + ε
//! ```
//!
//! Each kind is learned in closed form by context kernels, and by a neural encoder. Whatever the
//! weights, what comes out is what it is called: a correlation matrix has a unit diagonal and no
//! negative eigenvalue, a precision matrix has a Cholesky factor, a Bayesian network has no cycle.
//! Where contexts say nothing, the networks are the population's.
//!
//! ```text
//! kernel   Σ(c) = (n(c) S(c) + a T + b diag T) / (n(c) + a + b),  S(c) = Σᵢ lᵢ(c) rᵢ rᵢᵀ
//! neural   xᵢ ≈ μᵢⱼ(c) + βᵢⱼ(c) xⱼ, or xᵢ ≈ μᵢ(c) + Σⱼ βᵢⱼ(c) xⱼ,   [β, μ] = population + s · Σₖ zₖ(c) Aₖ
//! ```
//!
//! Local sums S(c) of residuals' products, with the weights of a local polynomial, are shrunk towards the
//! population's covariance T and to independence; bandwidths, a and b are chosen by leave-one-out
//! likelihood. Archetypes A are mixed by an encoder z, and held-out folds choose the share s.
//!
//! ```
//! use contextualized_baselines::PopulationMarkov;
//! use contextualized_core::{Estimator, MarkovNetworks, NetworkDensity, Samples};
//! use contextualized_graphs::markov::KernelMarkov;
//! use contextualized_simulation::CovarianceSimulator;
//! use ndarray::array;
//!
//! // Three nodes; the edge between the first two is there at one end of the context alone.
//! let simulator = CovarianceSimulator::new(400)
//!     .uniform_contexts(1, 0.0, 1.0)
//!     .precision(|c| {
//!         let edge = -0.7 * c[0];
//!         array![[1.0, edge, 0.0], [edge, 1.0, 0.3], [0.0, 0.3, 1.0]]
//!     });
//! let (train, new) = (simulator.simulate(1)?.samples, simulator.simulate(2)?.samples);
//!
//! let model = KernelMarkov::new().fit(&train)?;
//! let partial = model.partial_correlations(array![[0.05], [0.95]].view())?;
//! assert!(partial[[0, 0, 1]].abs() < 0.25 && partial[[1, 0, 1]] > 0.4);
//!
//! // New rows are likelier under the networks of their contexts than under one for all rows.
//! let population = PopulationMarkov::new().fit(&train)?;
//! let density = |model: &dyn NetworkDensity| -> Result<f64, contextualized_core::Error> {
//!     Ok(model.log_densities(new.contexts(), new.features())?.sum())
//! };
//! assert!(density(&model)? > density(&population)?);
//! # Ok::<(), contextualized_core::Error>(())
//! ```
//!
//! ## Map
//!
//! | item | for |
//! |---|---|
//! | [`correlation::KernelCorrelation`], [`markov::KernelMarkov`] | closed form: the ones to reach for first |
//! | [`Bandwidths`], [`Order`], [`LocalReport`] | how far they look, by what surface, and how that was found |
//! | [`correlation::NeuralCorrelation`], [`markov::NeuralMarkov`] | pairwise and neighbourhood regressions by an encoder |
//! | [`bayesian`] | directed acyclic networks, kernel and neural |
//!
//! Models are compared through the traits of `contextualized-core`: `VaryingNetworks` (networks,
//! reconstruction and its errors), `MarkovNetworks` (partial correlations, edges), `NetworkDensity`
//! (log-densities of held-out rows).

// The documentation describes all features: with fewer, links to the missing items are not errors.
#![cfg_attr(
    not(all(feature = "kernel", feature = "neural")),
    allow(rustdoc::broken_intra_doc_links)
)]

#[cfg(any(feature = "kernel", feature = "neural"))]
mod checks;
#[cfg(any(feature = "kernel", feature = "neural"))]
mod normal;
mod numerical;
#[cfg(any(feature = "kernel", feature = "neural"))]
mod rows;

#[cfg(feature = "kernel")]
mod local;
#[cfg(feature = "neural")]
mod neural;

pub mod bayesian;
pub mod correlation;
pub mod markov;

#[cfg(feature = "kernel")]
pub use local::{Bandwidths, LocalReport, Order};
