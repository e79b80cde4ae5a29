//! # contextualized-bridge
//!
//! Implicit regression: a plain network predicts the targets from contexts and features together,
//! and the coefficients are recovered by differentiating it with respect to the *features*:
//!
//! ```text
//! ℓ(E[y | x, c]) = g([c, x])
//! B(c, x) = ∂g/∂x,    m(c, x) = g − (∂g/∂x) x
//! ```
//!
//! If g = B(c) x + m(c), then ∂g/∂x is B(c), for every x. A network that has learned such a truth
//! well has nearly these derivatives where it has seen data; elsewhere nothing follows. What the
//! network does not know is that its output should be linear in x, so it needs more data than a
//! model that says so.
//!
//! ```
//! use contextualized_bridge::ImplicitRegression;
//! use contextualized_core::metrics::effect_mse;
//! use contextualized_core::{Estimator, LocalCoefficients};
//! use contextualized_simulation::Simulator;
//!
//! let simulator = Simulator::new(500).uniform_contexts(1, -1.0, 1.0).slopes(|c| vec![c[0]]);
//! let (train, new) = (simulator.simulate(1)?, simulator.simulate(2)?);
//!
//! let model = ImplicitRegression::new().fit(&train.samples)?;
//! let local = model.coefficients_at(new.samples.contexts(), new.samples.features())?;
//! assert!(effect_mse(&new.coefficients, &local)? < 0.03); // the slopes vary by 0.33
//! # Ok::<(), contextualized_core::Error>(())
//! ```
//!
//! ## Map
//!
//! | item | for |
//! |---|---|
//! | [`ImplicitRegression`] | the settings, with their defaults |
//! | [`ImplicitModel`] | predictions, and coefficients at a context and features |
//! | [`Plain`] | the network g([c, x]), trainable by `contextualized-encoders` |
//! | [`jacobian`] | ∂g/∂x of any network, all rows at once |

mod estimator;
mod jacobian;
mod model;
mod plain;

pub use estimator::ImplicitRegression;
pub use jacobian::jacobian;
pub use model::ImplicitModel;
pub use plain::Plain;
