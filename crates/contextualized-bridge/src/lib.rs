//! # contextualized-bridge
//!
//! The bridge between implicit models, networks g([c, x]) that predict from contexts and features
//! together, and explicit ones, whose coefficients are a function of the context: the coefficients of
//! the first are its derivatives in the *features*, on the link scale.
//!
//! ```text
//! ℓ(E[y | x, c]) = g([c, x])
//! B(c, x) = ∂g/∂x,    m(c, x) = g − (∂g/∂x) x          the coefficients: y × x slopes, y intercepts
//! ∂g/∂c                                                how predictions change with the context: y × c
//! ∂²g/∂x∂c                                             how coefficients change with the context: y × x × c
//! ```
//!
//! # When the two are the same
//!
//! If g = B(c) x + m(c), then ∂g/∂x = B(c) for every x, while ∂g/∂c = B'(c)ᵀx + m'(c) is not: for a
//! constant B it is m'(c), whatever B is. Both kinds of model minimise E (y − ·)², whose minimiser over
//! all functions is E\[y | x, c\]. Suppose that
//!
//! 1. the loss is the squared error, or one with the same minimiser, and the minimum is reached;
//! 2. E\[y | x, c\] = B(c) x + m(c), and the network's class contains it;
//! 3. E\[\[x, 1\]\[x, 1\]ᵀ | c\] is positive definite, so that no other B(c), m(c) predict the same;
//! 4. c lies inside the support, where a derivative is determined.
//!
//! Then ∂g/∂x = B(c), the minimiser of the explicit model. Of trained networks this holds as nearly as
//! they have been trained; the network does not know that its output is linear in x, and needs more
//! data than a model that says so. Outside the support nothing follows. Where E\[y | x, c\] is not
//! linear in x, coefficients have to be chosen: see [`linearity`].
//!
//! # Example
//!
//! ```
//! use contextualized_bridge::{Distillation, EncoderStudent, ImplicitRegression, Lime, linearity};
//! use contextualized_core::metrics::effect_mse;
//! use contextualized_core::{Estimator, LocalCoefficients, VaryingCoefficients};
//! use contextualized_encoders::Activation;
//! use contextualized_simulation::Simulator;
//!
//! let simulator = Simulator::new(500).uniform_contexts(1, -1.0, 1.0).slopes(|c| vec![c[0]]);
//! let (train, new) = (simulator.simulate(1)?, simulator.simulate(2)?);
//! let (c, x) = (new.samples.contexts(), new.samples.features());
//!
//! // A network that knows nothing of coefficients has them all the same.
//! let model = ImplicitRegression::new().activation(Activation::Tanh).fit(&train.samples)?;
//! let local = model.coefficients_at(c, x)?;
//! assert!(effect_mse(&new.coefficients, &local)? < 0.03); // the slopes vary by 0.33
//! // They change with the context by about one per unit.
//! let changes = model.coefficient_changes(c, x)?;
//! assert!((changes.slopes().mean().unwrap_or(0.0) - 1.0).abs() < 0.1);
//!
//! // How linear in the features is it? Four estimators nearly agree.
//! let diagnostic = linearity(&model, c, x, train.samples.features(), None)?;
//! assert!(diagnostic.disagreement.mean() < Some(0.2));
//! // Sampling around a point finds what differentiating does.
//! let sampled = Lime::new(0.01).explain(&model, c, x)?;
//! assert!(effect_mse(&sampled.coefficients, &local)? < 1e-4);
//! // And coefficients of the context alone are distilled from it.
//! let student = Distillation::Encoder(EncoderStudent::new());
//! let explicit = student.distil(&model, &train.samples)?;
//! assert!(effect_mse(&new.coefficients, &explicit.coefficients(c)?)? < 0.01);
//! # Ok::<(), contextualized_core::Error>(())
//! ```
//!
//! # Map
//!
//! | item | for |
//! |---|---|
//! | [`ImplicitRegression`], [`ImplicitModel`] | a plain network fitted to samples: predictions, coefficients and their changes |
//! | [`Differentiable`], [`NetworkModel`] | a forward pass of the user's on dfdx, and that as a model among others |
//! | [`jacobian`], [`local_coefficients`] | ∂g/∂x and intercepts: all rows at once, and as typed tensors |
//! | [`ContextSensitivities`] | ∂g/∂c, which are not coefficients: exact, or of any model by differences |
//! | [`CoefficientChanges`] | ∂²g/∂x∂c: likewise |
//! | [`Plain`] | the network g([c, x]): its second derivatives, curvature bound and affine radius |
//! | [`TaylorSurrogate`], [`neighbours`] | the local model at a point, its remainder and local R² |
//! | [`linearity`], [`averaged_coefficients`] | four estimators of coefficients at a row, and how far they disagree |
//! | [`Lime`], [`Ridge`], [`Explanations`] | a sampled surrogate of any function, with its sampling error |
//! | [`Distillation`], [`EncoderStudent`], [`DistilledModel`], [`DistilledRegression`], [`Fidelity`] | from implicit to explicit |
//!
//! What takes a model takes any of the toolkit's, boxed or not, as [`contextualized_core::LocalCoefficients`].
//! The feature `gp`, on by default, adds distillation by Gaussian processes.

// The documentation describes all features: with fewer, links to the missing items are not errors.
#![cfg_attr(not(feature = "gp"), allow(rustdoc::broken_intra_doc_links))]

mod closed_form;
mod context_function;
mod differentiable;
mod distillation;
mod estimator;
mod explained;
mod jacobian;
mod lime;
mod linearity;
mod model;
mod neighbourhood;
mod network_model;
mod plain;
mod sensitivities;
mod taylor;

#[cfg(feature = "gp")]
pub use contextualized_gp::KernelShape;
pub use differentiable::{Differentiable, local_coefficients};
pub use distillation::{
    Distillation, DistilledModel, DistilledRegression, EncoderStudent, Fidelity,
};
pub use estimator::ImplicitRegression;
pub use jacobian::jacobian;
pub use lime::{Explanations, Lime, Ridge};
pub use linearity::{Linearity, averaged_coefficients, linearity};
pub use model::ImplicitModel;
pub use neighbourhood::neighbours;
pub use network_model::NetworkModel;
pub use plain::Plain;
pub use sensitivities::{CoefficientChanges, ContextSensitivities};
pub use taylor::TaylorSurrogate;
