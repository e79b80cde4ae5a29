//! What networks there are to choose from.

use crate::{Method, NetworkModel};
use contextualized_baselines::{
    ClusterNetworks, PopulationBayesianNetwork, PopulationCorrelation, PopulationMarkov,
};
use contextualized_core::{Estimator, Result, Samples};
use contextualized_graphs::bayesian::{GaussianProcessBayesianNetwork, NeuralBayesianNetwork};
use contextualized_graphs::correlation::{KernelCorrelation, NeuralCorrelation};
use contextualized_graphs::markov::{KernelMarkov, NeuralMarkov};
use serde::{Deserialize, Serialize};

/// One of the four ways: an estimator of networks, or what it has fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ByMethod<P, C, N, K> {
    /// One network for all rows.
    Population(P),
    /// A network for each cluster of contexts.
    Cluster(C),
    /// Networks by a neural encoder.
    Neural(N),
    /// Networks by kernels.
    GaussianProcess(K),
}

impl<P, C, N, K> ByMethod<P, C, N, K> {
    /// Which of the four ways it is.
    pub fn method(&self) -> Method {
        match self {
            Self::Population(_) => Method::Population,
            Self::Cluster(_) => Method::Cluster,
            Self::Neural(_) => Method::Neural,
            Self::GaussianProcess(_) => Method::GaussianProcess,
        }
    }
}

impl<P: Estimator, C: Estimator, N: Estimator, K: Estimator> Estimator for ByMethod<P, C, N, K> {
    type Model = ByMethod<P::Model, C::Model, N::Model, K::Model>;

    fn name(&self) -> String {
        match self {
            Self::Population(estimator) => estimator.name(),
            Self::Cluster(estimator) => estimator.name(),
            Self::Neural(estimator) => estimator.name(),
            Self::GaussianProcess(estimator) => estimator.name(),
        }
    }

    fn fit(&self, samples: &Samples) -> Result<Self::Model> {
        Ok(match self {
            Self::Population(estimator) => ByMethod::Population(estimator.fit(samples)?),
            Self::Cluster(estimator) => ByMethod::Cluster(estimator.fit(samples)?),
            Self::Neural(estimator) => ByMethod::Neural(estimator.fit(samples)?),
            Self::GaussianProcess(estimator) => ByMethod::GaussianProcess(estimator.fit(samples)?),
        })
    }
}

/// Estimators of correlation networks.
pub type CorrelationCandidate = ByMethod<
    PopulationCorrelation,
    ClusterNetworks<PopulationCorrelation>,
    NeuralCorrelation,
    KernelCorrelation,
>;

/// Estimators of Markov networks.
pub type MarkovCandidate =
    ByMethod<PopulationMarkov, ClusterNetworks<PopulationMarkov>, NeuralMarkov, KernelMarkov>;

/// Estimators of Bayesian networks.
pub type BayesianCandidate = ByMethod<
    PopulationBayesianNetwork,
    ClusterNetworks<PopulationBayesianNetwork>,
    NeuralBayesianNetwork,
    GaussianProcessBayesianNetwork,
>;

/// One estimator of networks with its settings.
#[derive(Debug, Clone, PartialEq)]
pub enum NetworkCandidate {
    /// Of correlations.
    Correlation(CorrelationCandidate),
    /// Of precision matrices.
    Markov(MarkovCandidate),
    /// Of directed acyclic networks.
    Bayesian(BayesianCandidate),
}

impl NetworkCandidate {
    /// Which of the four ways it is.
    pub fn method(&self) -> Method {
        match self {
            Self::Correlation(estimator) => estimator.method(),
            Self::Markov(estimator) => estimator.method(),
            Self::Bayesian(estimator) => estimator.method(),
        }
    }
}

impl Estimator for NetworkCandidate {
    type Model = NetworkModel;

    fn name(&self) -> String {
        match self {
            Self::Correlation(estimator) => estimator.name(),
            Self::Markov(estimator) => estimator.name(),
            Self::Bayesian(estimator) => estimator.name(),
        }
    }

    fn fit(&self, samples: &Samples) -> Result<NetworkModel> {
        Ok(match self {
            Self::Correlation(estimator) => {
                NetworkModel::Correlation(Box::new(estimator.fit(samples)?))
            }
            Self::Markov(estimator) => NetworkModel::Markov(Box::new(estimator.fit(samples)?)),
            Self::Bayesian(estimator) => NetworkModel::Bayesian(Box::new(estimator.fit(samples)?)),
        })
    }
}
