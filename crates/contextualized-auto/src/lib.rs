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
//! | [`AutoReport`], [`CandidateReport`] | the table a choice was made from |
//! | [`Candidate`], [`NetworkCandidate`], [`Method`], [`ByMethod`] | what there is to choose from |
//! | [`RegressionModel`], [`NetworkModel`] | what was fitted, whichever estimator it was |

mod auto_model;
mod auto_networks;
mod auto_regression;
mod candidate;
mod contest;
mod network_candidate;
mod network_model;
mod progress;
mod regression_model;
mod report;

pub use auto_model::AutoModel;
pub use auto_networks::{AutoNetworkModel, AutoNetworks};
pub use auto_regression::AutoRegression;
pub use candidate::{Candidate, Method};
pub use network_candidate::{
    BayesianCandidate, ByMethod, CorrelationCandidate, MarkovCandidate, NetworkCandidate,
};
pub use network_model::{BayesianModel, CorrelationModel, MarkovModel, NetworkModel};
pub use regression_model::RegressionModel;
pub use report::{AutoReport, CandidateOutcome, CandidateReport, CandidateScore};
