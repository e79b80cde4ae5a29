//! # contextualized-linear
//!
//! Contextualized linear regression: one linear model per sample, its coefficients a learned
//! function of the sample's context.
//!
//! ```text
//! ℓ(E[y | x, c]) = B(c) x + m(c)
//! [B(c), m(c)] = population fit + s · deviation(c)
//! deviation(c) = E(c) directly, or Σ_k z_k(c) A_k by archetypes, z(c) = E(c)
//! ```
//!
//! E is a perceptron, additive or linear encoder, trained together with the archetypes A by Adam on
//! the squared error of y, or for other [families](contextualized_core::Family) on the negative
//! log-likelihood. The share s of what was learned is chosen on held-out folds: where contexts say
//! nothing the model is the population's. All samples share E and A, so a context never seen gets
//! coefficients too, and a thin region of contexts borrows from its neighbours.
//!
//! ```
//! use contextualized_core::metrics::effect_mse;
//! use contextualized_core::{Estimator, VaryingCoefficients};
//! use contextualized_linear::NeuralRegression;
//! use contextualized_simulation::Simulator;
//!
//! // Slopes c and c², observed with noise in 300 samples.
//! let simulator = Simulator::new(300)
//!     .uniform_contexts(1, -1.0, 1.0)
//!     .slopes(|c| vec![c[0], c[0] * c[0]])
//!     .noise(0.1);
//! let (train, new) = (simulator.simulate(1)?, simulator.simulate(2)?);
//!
//! let model = NeuralRegression::new().fit(&train.samples)?;
//! let coefficients = model.coefficients(new.samples.contexts())?;
//! assert!(effect_mse(&new.coefficients, &coefficients)? < 0.01);
//! # Ok::<(), contextualized_core::Error>(())
//! ```
//!
//! ## Map
//!
//! | item | for |
//! |---|---|
//! | [`GaussianProcessRegression`], [`GaussianProcessModel`] | closed form, with uncertainty: the one to reach for first |
//! | [`WithWaldTests`](contextualized_core::WithWaldTests) of a [`GaussianProcessModel`] | which coefficient varies with which context |
//! | [`Kernel`], [`KernelShape`], [`Sharing`], [`Priors`], [`Size`] | what its functions may look like, and how they are found |
//! | [`VariationExplained`], [`PartialEffect`], [`LeaveOneOut`], [`PredictionIntervals`] | what it tells |
//! | [`NeuralRegression`], [`NeuralModel`] | neural: for many contexts that interact, archetypes, jumps |
//! | [`Parameterization`], [`EncoderKind`], [`EncoderLink`] | direct coefficients or archetypes; how contexts are encoded |
//! | [`Penalties`] | on coefficients, encoder weights and context columns |

// The documentation describes all features: with fewer, links to the missing items are not errors.
#![cfg_attr(
    not(all(feature = "gp", feature = "neural")),
    allow(rustdoc::broken_intra_doc_links)
)]

#[cfg(feature = "gp")]
mod gp;
#[cfg(feature = "neural")]
mod neural;

#[cfg(feature = "gp")]
pub use gp::*;
#[cfg(feature = "neural")]
pub use neural::*;
