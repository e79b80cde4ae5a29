//! # contextualized-baselines
//!
//! What a contextualized model has to beat: one regression for all rows (constant coefficients), and one
//! per cluster of contexts.
//!
//! ```text
//! population:  B(c) = B
//! clusters:    B(c) = B_k,  k the nearest of K centres that k-means finds among standardised contexts
//! ```
//!
//! Both are fitted to minimise squared error, or the deviance for other
//! [families](contextualized_core::Family), and both are compared with any other estimator through
//! the traits of `contextualized-core`:
//!
//! ```
//! use contextualized_baselines::{ClusterRegression, PopulationRegression};
//! use contextualized_core::comparison::cross_validate;
//! use contextualized_core::{DynEstimator, Family, KFold, Samples};
//! use ndarray::Array2;
//!
//! // The slope is the context, from −1 to 1.
//! let contexts = Array2::from_shape_fn((90, 1), |(i, _)| (i % 10) as f64 / 4.5 - 1.0);
//! let features = Array2::from_shape_fn((90, 1), |(i, _)| ((7 * i) % 9) as f64 - 4.0);
//! let targets = &contexts * &features;
//! let samples = Samples::new(contexts.view(), features.view(), targets.view())?;
//!
//! let estimators: Vec<Box<dyn DynEstimator>> = vec![
//!     Box::new(PopulationRegression::new()),
//!     Box::new(ClusterRegression::new().clusters(5)),
//! ];
//! let lines = cross_validate(&estimators, &samples, &KFold::new(5, 0), Family::Gaussian)?;
//! let loss = |line: usize| lines[line].outcome.as_ref().map(|scores| scores.score().mean).ok();
//! assert!(loss(1) < loss(0));
//! # Ok::<(), contextualized_core::Error>(())
//! ```
//!
//! ## Map
//!
//! | item | for |
//! |---|---|
//! | [`PopulationRegression`], [`PopulationModel`] | generalised linear models, ridge, standard errors |
//! | [`CoxRegression`], [`CoxModel`] | Cox's regression of survival times, with Breslow's baseline hazard |
//! | [`ClusterRegression`], [`ClusterModel`] | k-means, then a regression per cluster |
//! | [`PopulationCorrelation`], [`PopulationMarkov`] | one correlation or precision matrix |
//! | [`PopulationBayesianNetwork`], [`PopulationBayesianModel`] | one directed acyclic graph: order search, NOTEARS, DAGMA |
//! | [`ClusterNetworks`], [`ClusterNetworkModel`] | k-means, then a network of any kind per cluster |
//! | [`ClusterReport`], [`ClusterSummary`], [`CandidateLoss`] | cluster sizes and fallbacks, numbers of clusters compared |

mod cluster_networks;
mod clusters;
mod cox;
mod design;
mod glm;
mod joint;
mod kmeans;
mod population;
mod population_networks;
mod separation;
mod structural;

pub use cluster_networks::{ClusterNetworkModel, ClusterNetworks};
pub use clusters::{CandidateLoss, ClusterModel, ClusterRegression, ClusterReport, ClusterSummary};
pub use cox::{CoxModel, CoxRegression, Ties};
pub use population::{PopulationModel, PopulationRegression};
pub use population_networks::{
    PopulationCorrelation, PopulationCorrelationModel, PopulationMarkov, PopulationMarkovModel,
};
pub use structural::{
    PopulationBayesianModel, PopulationBayesianNetwork, StructureReport, StructureSearch,
};
