//! The networks that were fitted, whichever estimator it was.

use crate::{ByMethod, Method};
use contextualized_baselines::{
    ClusterNetworkModel, PopulationBayesianModel, PopulationCorrelationModel, PopulationMarkovModel,
};
use contextualized_core::{
    MarkovNetworks, NetworkDensity, NetworkKind, Networks, Result, StructuralNetworks,
    VaryingNetworks,
};
use contextualized_graphs::bayesian::{GaussianProcessBayesianModel, NeuralBayesianModel};
use contextualized_graphs::correlation::{KernelCorrelationModel, NeuralCorrelationModel};
use contextualized_graphs::markov::{KernelMarkovModel, NeuralMarkovModel};
use ndarray::{Array1, Array2, ArrayView2};
use serde::{Deserialize, Serialize};

/// Fitted correlation networks.
pub type CorrelationModel = ByMethod<
    PopulationCorrelationModel,
    ClusterNetworkModel<PopulationCorrelationModel>,
    NeuralCorrelationModel,
    KernelCorrelationModel,
>;

/// Fitted Markov networks.
pub type MarkovModel = ByMethod<
    PopulationMarkovModel,
    ClusterNetworkModel<PopulationMarkovModel>,
    NeuralMarkovModel,
    KernelMarkovModel,
>;

/// Fitted Bayesian networks.
pub type BayesianModel = ByMethod<
    PopulationBayesianModel,
    ClusterNetworkModel<PopulationBayesianModel>,
    NeuralBayesianModel,
    GaussianProcessBayesianModel,
>;

/// A fitted [`crate::NetworkCandidate`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum NetworkModel {
    /// Correlations.
    Correlation(Box<CorrelationModel>),
    /// Precision matrices.
    Markov(Box<MarkovModel>),
    /// Directed acyclic networks.
    Bayesian(Box<BayesianModel>),
}

impl NetworkModel {
    /// Which of the four ways it is.
    pub fn method(&self) -> Method {
        match self {
            Self::Correlation(model) => model.method(),
            Self::Markov(model) => model.method(),
            Self::Bayesian(model) => model.method(),
        }
    }

    /// The model as Markov networks, which have partial correlations, if it is of them.
    pub fn as_markov(&self) -> Option<&dyn MarkovNetworks> {
        let Self::Markov(model) = self else {
            return None;
        };
        Some(match &**model {
            ByMethod::Population(model) => model,
            ByMethod::Cluster(model) => model,
            ByMethod::Neural(model) => model,
            ByMethod::GaussianProcess(model) => model,
        })
    }

    /// The model as structural equations, which have offsets and noise variances, if its networks are
    /// directed.
    pub fn as_structural(&self) -> Option<&dyn StructuralNetworks> {
        let Self::Bayesian(model) = self else {
            return None;
        };
        Some(match &**model {
            ByMethod::Population(model) => model,
            ByMethod::Cluster(model) => model,
            ByMethod::Neural(model) => model,
            ByMethod::GaussianProcess(model) => model,
        })
    }

    fn density(&self) -> &dyn NetworkDensity {
        match self {
            Self::Correlation(model) => match &**model {
                ByMethod::Population(model) => model,
                ByMethod::Cluster(model) => model,
                ByMethod::Neural(model) => model,
                ByMethod::GaussianProcess(model) => model,
            },
            Self::Markov(model) => match &**model {
                ByMethod::Population(model) => model,
                ByMethod::Cluster(model) => model,
                ByMethod::Neural(model) => model,
                ByMethod::GaussianProcess(model) => model,
            },
            Self::Bayesian(model) => match &**model {
                ByMethod::Population(model) => model,
                ByMethod::Cluster(model) => model,
                ByMethod::Neural(model) => model,
                ByMethod::GaussianProcess(model) => model,
            },
        }
    }
}

impl VaryingNetworks for NetworkModel {
    fn kind(&self) -> NetworkKind {
        self.density().kind()
    }

    fn networks(&self, contexts: ArrayView2<'_, f64>) -> Result<Networks> {
        self.density().networks(contexts)
    }

    fn reconstruct(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        self.density().reconstruct(contexts, features)
    }

    fn reconstruction_errors(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array1<f64>> {
        self.density().reconstruction_errors(contexts, features)
    }
}

impl NetworkDensity for NetworkModel {
    fn log_densities(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array1<f64>> {
        self.density().log_densities(contexts, features)
    }
}
