//! # contextualized-auto
//!
//! Contextualized regressions and networks whose estimator is chosen by cross-validation.
//!
//! ## Map
//!
//! | item | for |
//! |---|---|
//! | [`AutoRegression`], [`AutoModel`] | a regression chosen by the loss of held-out rows |
//! | [`AutoNetworks`], [`AutoNetworkModel`] | networks chosen by the density of held-out rows |
//! | [`TreatmentRegression`], [`TreatmentModel`] | the effect of a treatment under confounding |
//! | [`AutoReport`], [`CandidateReport`] | the table a choice was made from |
//! | [`Candidate`], [`NetworkCandidate`], [`RegressionMethod`], [`NetworkMethod`] | what there is to choose from |
//! | [`RegressionModel`], [`NetworkModel`] | what was fitted, whichever estimator it was |

mod auto_model;
mod auto_networks;
mod auto_regression;
mod choice;
mod models;
mod progress;
mod registry;
mod report;
mod treatment;

pub use auto_model::AutoModel;
pub use auto_networks::{AutoNetworkModel, AutoNetworks};
pub use auto_regression::AutoRegression;
pub use registry::{
    Candidate, NetworkCandidate, NetworkChoice, NetworkMethod, NetworkModel, RegressionMethod,
    RegressionModel,
};
pub use report::{AutoReport, CandidateOutcome, CandidateReport, CandidateScore};
pub use treatment::{
    AverageEffect, Nuisances, Overlap, Residuals, TreatmentMeans, TreatmentModel,
    TreatmentRegression,
};
