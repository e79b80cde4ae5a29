//! # contextualized-encoders
//!
//! Neural encoders that turn a context into the coefficients of a linear model, and the trainer
//! that learns them, on dfdx. An encoder of width `Z` and a head make a model of `Y` targets from
//! `X` features at a context of width `C`:
//!
//! ```text
//! z = E(c)                          E: C → Z, a perceptron, additive, or affine
//! B(c) = Σ_k z_k A_k                A: Z × Y × X archetypes, or
//! B(c) = z                          directly, with Z = Y (X + 1)
//! η = B(c) x + m(c)
//! minimise  mean over rows and targets of w times minus the log-likelihood of y at η
//! ```
//!
//! dfdx differentiates any [`Network`]. One of built-in encoders and heads is trained without its tape,
//! with the same result up to rounding, many times as fast.
//!
//! `contextualized-linear` wraps this into an estimator
//! that standardises its data, has run-time widths and is serialised. Use this crate directly to
//! build a network of your own, or to have its widths checked by the compiler:
//!
//! ```
//! use contextualized_encoders::{
//!     Archetypes, Const, Contextualized, Mlp, MlpSettings, Training, TrainingData, unobserved,
//! };
//! use contextualized_core::Family;
//! use ndarray::Array2;
//!
//! // y = (c0 + c1) x
//! let contexts = Array2::from_shape_fn((100, 2), |(i, j)| ((3 * i + 5 * j) % 13) as f64 / 6.0 - 1.0);
//! let features = Array2::from_shape_fn((100, 1), |(i, _)| ((7 * i) % 11) as f64 / 5.0 - 1.0);
//! let targets = Array2::from_shape_fn((100, 1), |(i, _)| contexts.row(i).sum() * features[[i, 0]]);
//!
//! let encoder = Mlp::new(Const::<2>, Const::<4>, MlpSettings::new(16, 1), 0)?;
//! let head = Archetypes::new(Const::<4>, Const::<1>, Const::<1>, true, 1)?;
//! let mut network = Contextualized::new(encoder, head)?;
//! let data = TrainingData::<Const<2>, Const<1>, Const<1>>::new(
//!     contexts.view(), features.view(), targets.view(), None,
//! )?;
//! let report = Training::default().train(&mut network, &Family::Gaussian, &data, None, &mut unobserved)?;
//! assert!(report.objective < 0.01);
//! # Ok::<(), contextualized_core::Error>(())
//! ```
//!
//! ## Widths that do not match do not compile
//!
//! Each pair below differs in one token. An encoder of two contexts takes data of two contexts:
//!
//! ```
//! # use contextualized_core::Family;
//! # use contextualized_encoders::*;
//! # type Two = Const<2>; type Three = Const<3>;
//! fn train(
//!     network: &mut Contextualized<Two, Two, Two, Two, Mlp<Two, Two>, Archetypes<Two, Two, Two>>,
//!     data: &TrainingData<Two, Two, Two>,
//! ) {
//!     let _ = Training::default().train(network, &Family::Gaussian, data, None, &mut unobserved);
//! }
//! ```
//!
//! and not of three:
//!
//! ```compile_fail,E0277
//! # use contextualized_core::Family;
//! # use contextualized_encoders::*;
//! # type Two = Const<2>; type Three = Const<3>;
//! fn train(
//!     network: &mut Contextualized<Two, Two, Two, Two, Mlp<Two, Two>, Archetypes<Two, Two, Two>>,
//!     data: &TrainingData<Three, Two, Two>,
//! ) {
//!     let _ = Training::default().train(network, &Family::Gaussian, data, None, &mut unobserved);
//! }
//! ```
//!
//! nor of three features:
//!
//! ```compile_fail,E0277
//! # use contextualized_core::Family;
//! # use contextualized_encoders::*;
//! # type Two = Const<2>; type Three = Const<3>;
//! fn train(
//!     network: &mut Contextualized<Two, Two, Two, Two, Mlp<Two, Two>, Archetypes<Two, Two, Two>>,
//!     data: &TrainingData<Two, Three, Two>,
//! ) {
//!     let _ = Training::default().train(network, &Family::Gaussian, data, None, &mut unobserved);
//! }
//! ```
//!
//! nor of three targets:
//!
//! ```compile_fail,E0277
//! # use contextualized_core::Family;
//! # use contextualized_encoders::*;
//! # type Two = Const<2>; type Three = Const<3>;
//! fn train(
//!     network: &mut Contextualized<Two, Two, Two, Two, Mlp<Two, Two>, Archetypes<Two, Two, Two>>,
//!     data: &TrainingData<Two, Two, Three>,
//! ) {
//!     let _ = Training::default().train(network, &Family::Gaussian, data, None, &mut unobserved);
//! }
//! ```
//!
//! A head takes the code its encoder gives:
//!
//! ```
//! # use contextualized_core::Family;
//! # use contextualized_encoders::*;
//! # type Two = Const<2>; type Three = Const<3>;
//! fn join(encoder: Mlp<Two, Two>, head: Archetypes<Two, Two, Two>) {
//!     let _ = Contextualized::new(encoder, head);
//! }
//! ```
//!
//! and no other:
//!
//! ```compile_fail,E0277
//! # use contextualized_core::Family;
//! # use contextualized_encoders::*;
//! # type Two = Const<2>; type Three = Const<3>;
//! fn join(encoder: Mlp<Two, Three>, head: Archetypes<Two, Two, Two>) {
//!     let _ = Contextualized::new(encoder, head);
//! }
//! ```
//!
//! ## Map
//!
//! | item | for |
//! |---|---|
//! | [`Encoder`], [`Mlp`], [`Additive`], [`Linear`], [`Linked`] | from contexts to codes |
//! | [`Activation`] | the function between a perceptron's layers, with its derivatives |
//! | [`Head`], [`Archetypes`], [`Direct`], [`Factors`] | from codes to slopes and intercepts |
//! | [`Contextualized`], [`Network`] | an encoder and a head joined; anything trainable |
//! | [`EncoderSettings`], [`EncoderKind`], [`Parameterization`] | encoders and heads chosen at run time, and your own |
//! | [`NetworkSettings`], [`StoredNetwork`] | a network that is built from settings and stored as plain numbers |
//! | [`Loss`], [`LogVarianceLoss`], [`Penalties`] | what training lowers; every [`Family`](contextualized_core::Family) is a loss |
//! | [`SlopePenalty`], [`Regularized`], [`Masked`] | penalties on slopes with gradients in closed form; slopes that are zero |
//! | [`Training`], [`TrainingData`], [`Progress`] | Adam on shuffled batches, early stopping, progress |
//! | [`shares_by_folds`], [`folds`], [`HeldOutDeviation`], [`ConstantCoefficients`] | how much of what was learned is kept over a constant-coefficient model |
//! | [`LearningRateRange`] | the learning-rate range test |
//! | [`Parameters`], [`Snapshot`] | walking over, saving and restoring trainable tensors |
//! | [`MlpWeights`], [`DenseWeights`], [`ArchetypeWeights`], [`FactorWeights`] | networks made of given numbers |
//! | [`EncoderStructure`], [`HeadStructure`], [`NetworkStructure`] | what built-in parts say of themselves, to be trained without a tape |
//! | [`Taped`] | a network that dfdx trains all the same, for comparison |
//! | [`Const`], [`Dim`], [`Shape`], [`Values`] | dfdx's widths and tensors, under the names used here |

mod activation;
mod adam;
mod additive;
mod data;
mod dense;
mod encoder;
mod engine;
mod factors;
mod fused;
mod heads;
mod kinds;
mod linear;
mod loss;
mod mlp;
mod network;
mod parameters;
mod penalties;
mod range_test;
mod shares;
mod slope_penalty;
mod stored;
mod structure;
mod tensors;
mod training;

pub use activation::Activation;
pub use additive::Additive;
pub use data::TrainingData;
pub use dense::DenseWeights;
pub use dfdx::shapes::{Const, Dim, Shape};
pub use encoder::{Encoder, EncoderLink, EncoderSettings, Linked};
pub use factors::{FactorWeights, Factors};
pub use heads::{ArchetypeWeights, Archetypes, Direct, Generated, Head};
pub use kinds::{AnyEncoder, AnyHead, EncoderKind, Parameterization};
pub use linear::Linear;
pub use loss::{LogVarianceLoss, Loss, Observed};
pub use mlp::{Mlp, MlpSettings, MlpWeights};
pub use network::{Contextualized, Network, Penalized, Taped};
pub use parameters::{ParameterKind, ParameterVisitor, Parameters, Snapshot};
pub use penalties::Penalties;
pub use range_test::LearningRateRange;
pub use shares::{
    ConstantCoefficients, HeldOutDeviation, Prepared, folds, scaled, seeds, shares_by_folds,
};
pub use slope_penalty::{Masked, Regularized, SlopePenalty};
pub use stored::{CoefficientNetwork, NetworkSettings, StoredNetwork};
pub use structure::{EncoderStructure, HeadStructure, NetworkStructure};
pub use tensors::{Recording, Tape, Values};
pub use training::{Observer, Progress, Training, unobserved};
