//! What there is to choose from: regression estimators with their settings.

use crate::RegressionModel;
use contextualized_baselines::{ClusterRegression, PopulationRegression};
use contextualized_core::{Estimator, Result, Samples};
use contextualized_linear::{GaussianProcessRegression, NeuralRegression};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The four ways to answer what the coefficients, or the networks, are at a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    /// Constant coefficients: the same for all rows.
    Population,
    /// The same within clusters of contexts.
    Cluster,
    /// A function of the context by a neural encoder.
    Neural,
    /// A function of the context by kernels.
    GaussianProcess,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Population => "population",
            Self::Cluster => "cluster",
            Self::Neural => "neural",
            Self::GaussianProcess => "gp",
        })
    }
}

/// One regression estimator with its settings.
///
/// ```
/// use contextualized_auto::{Candidate, Method};
/// use contextualized_core::Estimator;
/// use contextualized_linear::{KernelShape, GaussianProcessRegression};
///
/// let additive = GaussianProcessRegression::new().additive(KernelShape::SquaredExponential);
/// let candidate = Candidate::GaussianProcess(additive);
/// assert_eq!(candidate.method(), Method::GaussianProcess);
/// assert_eq!(candidate.name(), "gp (additive squared exponential)");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Candidate {
    /// Constant coefficients: one regression for all rows.
    Population(PopulationRegression),
    /// A regression for each cluster of contexts.
    Cluster(ClusterRegression),
    /// Coefficients by a neural encoder.
    Neural(NeuralRegression),
    /// Coefficients by kernels.
    GaussianProcess(GaussianProcessRegression),
}

impl Candidate {
    /// Which of the four ways it is.
    pub fn method(&self) -> Method {
        match self {
            Self::Population(_) => Method::Population,
            Self::Cluster(_) => Method::Cluster,
            Self::Neural(_) => Method::Neural,
            Self::GaussianProcess(_) => Method::GaussianProcess,
        }
    }

    /// The same estimator with another seed, where it draws random numbers.
    pub(crate) fn reseeded(self, seed: u64) -> Self {
        match self {
            Self::Cluster(estimator) => Self::Cluster(estimator.seed(seed)),
            Self::Neural(estimator) => Self::Neural(estimator.seed(seed)),
            Self::Population(_) | Self::GaussianProcess(_) => self,
        }
    }
}

impl Estimator for Candidate {
    type Model = RegressionModel;

    fn name(&self) -> String {
        match self {
            Self::Population(estimator) => estimator.name(),
            Self::Cluster(estimator) => estimator.name(),
            Self::Neural(estimator) => estimator.name(),
            Self::GaussianProcess(estimator) => estimator.name(),
        }
    }

    fn fit(&self, samples: &Samples) -> Result<RegressionModel> {
        Ok(match self {
            Self::Population(estimator) => RegressionModel::Population(estimator.fit(samples)?),
            Self::Cluster(estimator) => RegressionModel::Cluster(estimator.fit(samples)?),
            Self::Neural(estimator) => RegressionModel::Neural(estimator.fit(samples)?),
            Self::GaussianProcess(estimator) => {
                RegressionModel::GaussianProcess(estimator.fit(samples)?)
            }
        })
    }
}
