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
//! minimise  mean over rows and targets of w (y − η)²
//! ```
//!
//! `contextualized-linear` wraps this into an estimator
//! that standardises its data, has run-time widths and is serialised. Use this crate directly to
//! build a network of your own, or to have its widths checked by the compiler:
//!
//! ```
//! use contextualized_encoders::{
//!     Archetypes, Const, Contextualized, Mlp, MlpSize, SquaredError, Trainer, TrainingData,
//!     unobserved,
//! };
//! use ndarray::Array2;
//!
//! // y = (c0 + c1) x
//! let contexts = Array2::from_shape_fn((100, 2), |(i, j)| ((3 * i + 5 * j) % 13) as f64 / 6.0 - 1.0);
//! let features = Array2::from_shape_fn((100, 1), |(i, _)| ((7 * i) % 11) as f64 / 5.0 - 1.0);
//! let targets = Array2::from_shape_fn((100, 1), |(i, _)| contexts.row(i).sum() * features[[i, 0]]);
//!
//! let encoder = Mlp::new(Const::<2>, Const::<4>, MlpSize { width: 16, layers: 1 }, 0)?;
//! let head = Archetypes::new(Const::<4>, Const::<1>, Const::<1>, true, 1)?;
//! let mut network = Contextualized::new(encoder, head)?;
//! let data = TrainingData::<Const<2>, Const<1>, Const<1>>::new(
//!     contexts.view(), features.view(), targets.view(), None,
//! )?;
//! let report = Trainer::default().train(&mut network, &SquaredError, &data, None, &mut unobserved)?;
//! assert!(report.objective < 0.01);
//! # Ok::<(), contextualized_core::Error>(())
//! ```
//!
//! ## Widths that do not match do not compile
//!
//! Each pair below differs in one token. An encoder of two contexts takes data of two contexts:
//!
//! ```
//! # use contextualized_encoders::*;
//! # type Two = Const<2>; type Three = Const<3>;
//! fn train(
//!     network: &mut Contextualized<Two, Two, Two, Two, Mlp<Two, Two>, Archetypes<Two, Two, Two>>,
//!     data: &TrainingData<Two, Two, Two>,
//! ) {
//!     let _ = Trainer::default().train(network, &SquaredError, data, None, &mut unobserved);
//! }
//! ```
//!
//! and not of three:
//!
//! ```compile_fail,E0277
//! # use contextualized_encoders::*;
//! # type Two = Const<2>; type Three = Const<3>;
//! fn train(
//!     network: &mut Contextualized<Two, Two, Two, Two, Mlp<Two, Two>, Archetypes<Two, Two, Two>>,
//!     data: &TrainingData<Three, Two, Two>,
//! ) {
//!     let _ = Trainer::default().train(network, &SquaredError, data, None, &mut unobserved);
//! }
//! ```
//!
//! nor of three features:
//!
//! ```compile_fail,E0277
//! # use contextualized_encoders::*;
//! # type Two = Const<2>; type Three = Const<3>;
//! fn train(
//!     network: &mut Contextualized<Two, Two, Two, Two, Mlp<Two, Two>, Archetypes<Two, Two, Two>>,
//!     data: &TrainingData<Two, Three, Two>,
//! ) {
//!     let _ = Trainer::default().train(network, &SquaredError, data, None, &mut unobserved);
//! }
//! ```
//!
//! nor of three targets:
//!
//! ```compile_fail,E0277
//! # use contextualized_encoders::*;
//! # type Two = Const<2>; type Three = Const<3>;
//! fn train(
//!     network: &mut Contextualized<Two, Two, Two, Two, Mlp<Two, Two>, Archetypes<Two, Two, Two>>,
//!     data: &TrainingData<Two, Two, Three>,
//! ) {
//!     let _ = Trainer::default().train(network, &SquaredError, data, None, &mut unobserved);
//! }
//! ```
//!
//! A head takes the code its encoder gives:
//!
//! ```
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
//! | [`Head`], [`Archetypes`], [`Direct`], [`Factors`] | from codes to slopes and offsets |
//! | [`Contextualized`], [`Network`] | an encoder and a head joined; anything trainable |
//! | [`Loss`], [`SquaredError`], [`LogisticLoss`], [`LogVarianceLoss`], [`Penalties`] | what training lowers |
//! | [`SlopePenalty`], [`Regularized`], [`Masked`] | penalties on slopes with gradients in closed form; slopes that are zero |
//! | [`Trainer`], [`TrainingData`], [`Progress`] | Adam on shuffled batches, early stopping, progress |
//! | [`LearningRateRange`] | the learning-rate range test |
//! | [`Parameters`], [`Snapshot`] | walking over, saving and restoring trainable tensors |
//! | [`MlpWeights`], [`AdditiveWeights`], [`DenseWeights`], [`ArchetypeWeights`] | the same as plain, serialisable numbers |
//! | [`Const`], [`Dim`], [`Shape`], [`Values`] | dfdx's widths and tensors, under the names used here |

mod activation;
mod adam;
mod additive;
mod data;
mod dense;
mod encoder;
mod factors;
mod heads;
mod linear;
mod loss;
mod mlp;
mod network;
mod parameters;
mod penalties;
mod range_test;
mod slope_penalty;
mod tensors;
mod trainer;

pub use activation::Activation;
pub use additive::{Additive, AdditiveWeights};
pub use data::TrainingData;
pub use dense::DenseWeights;
pub use dfdx::shapes::{Const, Dim, Shape};
pub use encoder::{Encoder, EncoderLink, Linked};
pub use factors::{FactorWeights, Factors};
pub use heads::{ArchetypeWeights, Archetypes, Direct, Generated, Head};
pub use linear::Linear;
pub use loss::{LogVarianceLoss, LogisticLoss, Loss, SquaredError};
pub use mlp::{Mlp, MlpSize, MlpWeights};
pub use network::{Contextualized, Network, Penalized};
pub use parameters::{ParameterKind, ParameterVisitor, Parameters, Snapshot};
pub use penalties::Penalties;
pub use range_test::LearningRateRange;
pub use slope_penalty::{Masked, Regularized, SlopePenalty};
pub use tensors::{Recording, Tape, Values};
pub use trainer::{Progress, Trainer, unobserved};
