//! Varying-coefficient models: regressions and networks whose parameters are functions of context.
//!
//! This crate re-exports the crates of the workspace as modules, together with the [`ndarray`] that their
//! signatures use, so that one dependency suffices.
//!
//! # The mathematics
//!
//! Given n rows of contexts `C` (n × c), features `X` (n × x) and targets `Y` (n × y), a varying-coefficient
//! model is linear in the features, and its coefficients are functions of the contexts:
//!
//! ```text
//! link(E[y | x, c]) = B(c) x + m(c)        B(c): y × x slopes,  m(c): y intercepts
//! ```
//!
//! Estimators differ in what they let `B` be. A population model has one `B` for all rows, a cluster model
//! one for each cluster of contexts, a Gaussian process a smooth function with a posterior distribution, trees
//! one that may jump, with a posterior distribution too, and a neural model a function that an encoder learns. Networks (correlations, precision matrices, directed
//! acyclic graphs) vary with context in the same way.
//!
//! # Example
//!
//! ```
//! use contextualized::ndarray::{Array2, array};
//! use contextualized::prelude::*;
//!
//! // The effect of a dose falls with age, and changes its sign at 50.
//! let age = Array2::from_shape_fn((200, 1), |(i, _)| (i % 40) as f64 + 30.0);
//! let dose = Array2::from_shape_fn((200, 1), |(i, _)| ((7 * i) % 11) as f64);
//! let response = &dose * (50.0 - &age) / 10.0;
//! let samples = Samples::new(age.view(), dose.view(), response.view())?;
//!
//! let model = GaussianProcessRegression::new().fit(&samples)?;
//! let effect = model.coefficients(array![[35.0], [65.0]].view())?;
//! assert!((effect.slopes()[[0, 0, 0]] - 1.5).abs() < 0.01); // per unit of dose, at 35
//! assert!((effect.slopes()[[1, 0, 0]] + 1.5).abs() < 0.01); // and at 65
//!
//! let intervals = model.intervals(array![[35.0]].view(), 0.95)?;
//! assert!(intervals.lower.slopes()[[0, 0, 0]] > 1.0);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Map
//!
//! | module | for | feature |
//! |---|---|---|
//! | [`prelude`] | the names that most programs import | |
//! | [`core`] | samples, traits, metrics, cross-validation, errors | |
//! | [`baselines`] | population and cluster models: constant coefficients, or one set for each cluster | |
//! | [`linear`] | Gaussian process and neural regression | `gp`, `neural` |
//! | [`mixed`] | linear and generalised linear mixed models, whose coefficients may vary with the context | `mixed` |
//! | [`trees`] | regression by Bayesian additive regression trees | `trees` |
//! | [`graphs`] | correlation, Markov and Bayesian networks that vary with context | `gp`, `neural` |
//! | [`analysis`] | tests of what varies, bootstraps, effects, conformal intervals, subgroups | |
//! | [`simulation`] | data whose true coefficients are known | |
//! | [`auto`] | the choice among all estimators by held-out folds | `auto` |
//! | [`bridge`] | coefficients by differentiating a plain network | `bridge` |
//! | [`gp`] | the Gaussian processes themselves, for designs of one's own | `gp` |
//! | [`encoders`] | encoders with typed widths and their trainer, for networks of one's own | `neural` |
//! | [`plot`] | figures as SVG | `plot` |
//!
//! All features are on by default. The program `contextualized`, which needs no Rust, is in the crate
//! `contextualized-cli`.

// The documentation describes all features: with fewer, links to the missing items are not errors.
#![cfg_attr(
    not(all(feature = "auto", feature = "bridge", feature = "plot")),
    allow(rustdoc::broken_intra_doc_links)
)]

pub use contextualized_analysis as analysis;
#[cfg(feature = "auto")]
pub use contextualized_auto as auto;
pub use contextualized_baselines as baselines;
#[cfg(feature = "bridge")]
pub use contextualized_bridge as bridge;
pub use contextualized_core as core;
#[cfg(feature = "neural")]
pub use contextualized_encoders as encoders;
#[cfg(feature = "gp")]
pub use contextualized_gp as gp;
pub use contextualized_graphs as graphs;
pub use contextualized_linear as linear;
#[cfg(feature = "mixed")]
pub use contextualized_mixed as mixed;
#[cfg(feature = "plot")]
pub use contextualized_plot as plot;
pub use contextualized_simulation as simulation;
#[cfg(feature = "trees")]
pub use contextualized_trees as trees;
pub use ndarray;

/// The names that most programs import: `use contextualized::prelude::*;`.
pub mod prelude {
    #[cfg(feature = "auto")]
    pub use contextualized_auto::{AutoNetworks, AutoRegression, TreatmentRegression};
    pub use contextualized_baselines::{
        ClusterNetworks, ClusterRegression, PopulationBayesianNetwork, PopulationCorrelation,
        PopulationMarkov, PopulationRegression,
    };
    pub use contextualized_core::{
        Coefficients, DynEstimator, Error, Estimator, KFold, LocalCoefficients, MarkovNetworks,
        NetworkDensity, RandomTerm, Result, Samples, StructuralNetworks, VaryingCoefficients,
        VaryingNetworks, WithRandomEffects, WithSums, WithUncertainty, WithWaldTests,
    };
    #[cfg(feature = "gp")]
    pub use contextualized_graphs::{
        bayesian::GaussianProcessBayesianNetwork, correlation::KernelCorrelation,
        markov::KernelMarkov,
    };
    #[cfg(feature = "neural")]
    pub use contextualized_graphs::{
        bayesian::NeuralBayesianNetwork, correlation::NeuralCorrelation, markov::NeuralMarkov,
    };
    #[cfg(feature = "neural")]
    pub use contextualized_linear::{EncoderKind, NeuralRegression};
    #[cfg(feature = "gp")]
    pub use contextualized_linear::{GaussianProcessRegression, Kernel, KernelShape};
    #[cfg(feature = "mixed")]
    pub use contextualized_mixed::MixedRegression;
    #[cfg(feature = "trees")]
    pub use contextualized_trees::TreeRegression;
}
