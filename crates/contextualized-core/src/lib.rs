//! # contextualized-core
//!
//! What the crates of the `contextualized` workspace share. Given n samples of contexts `C` (n × c),
//! features `X` (n × x) and targets `Y` (n × y), every regression estimator answers one question:
//! *what are the coefficients at this context?*
//!
//! ```text
//! ℓ(E[y | x, c]) = B(c) x + m(c)        B(c): y × x slopes,  m(c): y intercepts
//! ```
//!
//! Population, cluster and neural models are different answers to it, so they share one set of
//! traits, one data type, one comparison and one error type.
//!
//! ```
//! use contextualized_core::{
//!     Coefficients, Estimator, Family, LocalCoefficients, Result, Samples, VaryingCoefficients,
//! };
//! use contextualized_core::validate::{check_query, check_table};
//! use ndarray::{ArrayView2, array, Array2, Array1};
//!
//! /// The mean of the targets, whatever the context: the smallest possible estimator.
//! struct MeanOnly;
//!
//! struct Mean { mean: Array1<f64>, contexts: usize, features: usize }
//!
//! impl Estimator for MeanOnly {
//!     type Model = Mean;
//!     fn name(&self) -> String { "mean".into() }
//!     fn fit(&self, samples: &Samples) -> Result<Mean> {
//!         Ok(Mean {
//!             mean: samples.targets().sum_axis(ndarray::Axis(0)) / samples.rows() as f64,
//!             contexts: samples.contexts().ncols(),
//!             features: samples.features().ncols(),
//!         })
//!     }
//! }
//!
//! impl VaryingCoefficients for Mean {
//!     fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
//!         check_table("contexts", contexts, Some(self.contexts))?;
//!         let slopes = Array2::zeros((self.mean.len(), self.features));
//!         Coefficients::constant(slopes.view(), self.mean.view(), contexts.nrows())
//!     }
//! }
//!
//! impl LocalCoefficients for Mean {
//!     fn coefficients_at(&self, c: ArrayView2<'_, f64>, x: ArrayView2<'_, f64>) -> Result<Coefficients> {
//!         check_query(c, self.contexts, x, self.features)?;
//!         self.coefficients(c)
//!     }
//!     fn family(&self) -> Family { Family::Gaussian }
//! }
//!
//! let (c, x, y) = (array![[0.0], [1.0]], array![[2.0], [3.0]], array![[1.0], [5.0]]);
//! let model = MeanOnly.fit(&Samples::new(c.view(), x.view(), y.view())?)?;
//! assert_eq!(model.predict(c.view(), x.view())?, array![[3.0], [3.0]]);
//! # Ok::<(), contextualized_core::Error>(())
//! ```
//!
//! ## Map
//!
//! | item | for |
//! |---|---|
//! | [`Samples`] | validated data: contexts, features, targets, weights, names |
//! | [`Estimator`], [`DynEstimator`] | a configuration that can be fitted; its object-safe companion |
//! | [`RegressionEstimator`], [`NetworkEstimator`] | one that can be chosen by name |
//! | [`LocalCoefficients`], [`VaryingCoefficients`], [`WithUncertainty`], [`WithDraws`] | fitted regressions |
//! | [`Family`], [`Link`] | what kind of number a target is: its link, likelihood, loss, intervals and draws |
//! | [`Coefficients`] | slopes and intercepts per sample |
//! | [`WithPredictions`], [`PredictorDistribution`] | intervals of means and of new outcomes |
//! | [`Networks`], [`VaryingNetworks`], [`NetworkKind`] | one p × p network per sample |
//! | [`NetworkDensity`], [`NodeDistribution`] | the distribution of the nodes at a context: reconstruction and log-density |
//! | [`WithArchetypes`], [`WithNetworkArchetypes`] | models that mix a few coefficients or networks by context |
//! | [`WeightedContexts`], [`WithSums`] | weighted sums over contexts, such as averages and effects, with standard errors |
//! | [`SurvivalTimes`], [`TimeIntervals`] | survival times, and the Poisson rows of the piecewise exponential model |
//! | [`WaldTest`], [`WithWaldTests`] | whether a coefficient varies with a context, as a model tests it by itself |
//! | [`Standardization`], [`Scaling`] | centring and scaling learned on training rows, of a table and of samples |
//! | [`Split`], [`KFold`] | seeded splits and folds: of rows, strata, groups and regions of context space |
//! | [`MarkovNetworks`], [`partial_correlations`] | precision matrices and what they say of pairs of nodes |
//! | [`StructuralNetworks`], [`edge_metrics`] | directed acyclic networks; errors of networks and of their edges |
//! | [`metrics`] | losses, effect error, standard errors |
//! | [`comparison`] | estimators compared on a test set and by cross-validation |
//! | [`cross_validation`] | candidates on the same held-out folds, with one standard error and paired differences |
//! | [`FitReport`] | why an estimator stopped |
//! | [`Monitor`] | how far a fit is, and ending it from outside |
//! | [`enum@Error`] | what can go wrong, with the row, column, shape or value at fault |

pub mod comparison;
pub mod cross_validation;
pub mod edge_metrics;
pub mod metrics;
pub mod validate;

mod archetypes;
mod checked;
mod coefficients;
mod copies;
mod error;
mod family;
mod link;
mod markov;
mod monitor;
mod networks;
mod nodes;
mod predictions;
mod random_effects;
mod report;
mod samples;
mod scaling;
mod splits;
mod standardization;
mod structural;
mod sums;
mod survival;
mod traits;
mod wald;
mod warp;

pub use archetypes::{WithArchetypes, WithNetworkArchetypes};
pub use checked::Checked;
pub use coefficients::Coefficients;
pub use error::{Error, Result};
pub use family::{
    Beta, Derivatives, Family, FittedPredictors, Gamma, Loss, NegativeBinomial, Ordinal,
    PredictorBelief, RandomNumbers, RowDerivatives, Shape, ShapeDerivatives, Thresholds,
};
pub use link::Link;
pub use markov::{MarkovNetworks, partial_correlations};
pub use monitor::Monitor;
pub use networks::{NetworkDensity, NetworkKind, Networks, VaryingNetworks};
pub use nodes::{NodeDistribution, NodeNormal, StructuralEquations};
pub use predictions::{PredictionIntervals, PredictorDistribution, Tail, WithPredictions};
pub use random_effects::{RandomEffects, WithRandomEffects};
pub use report::{FitReport, Termination};
pub use samples::{ColumnNames, ContextVariable, RandomTerm, Samples};
pub use scaling::Scaling;
pub use splits::{KFold, Split};
pub use standardization::{Standardization, normalized_weights, typical_weight};
pub use structural::StructuralNetworks;
pub use sums::{CoefficientSums, PredictorSums, WeightedContexts, WithSums};
pub use survival::{PiecewiseRows, SurvivalPart, SurvivalTimes, TimeIntervals};
pub use traits::{
    Assumptions, CoefficientIntervals, DynEstimator, Estimator, LocalCoefficients,
    NetworkEstimator, RegressionEstimator, RegressionSettings, VaryingCoefficients, WithDraws,
    WithUncertainty,
};
pub use wald::{WaldTest, WithWaldTests};
pub use warp::{Warp, WildValue};
