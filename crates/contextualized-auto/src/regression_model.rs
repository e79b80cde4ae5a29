//! What was fitted, whichever estimator it was.

use crate::Method;
use contextualized_analysis::Ensemble;
use contextualized_baselines::{ClusterModel, PopulationModel};
use contextualized_core::{
    CoefficientIntervals, Coefficients, Error, Link, LocalCoefficients, Result,
    VaryingCoefficients, WithArchetypes, WithSums, WithUncertainty,
};
use contextualized_linear::{GaussianProcessModel, NeuralModel};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

/// A fitted [`crate::Candidate`], or a bootstrap of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RegressionModel {
    /// Constant coefficients: one regression for all rows.
    Population(PopulationModel),
    /// A regression for each cluster of contexts.
    Cluster(ClusterModel),
    /// Coefficients by a neural encoder.
    Neural(NeuralModel),
    /// Coefficients by kernels.
    GaussianProcess(GaussianProcessModel),
    /// A bootstrap of one of these.
    Ensemble(Box<Ensemble<RegressionModel>>),
}

impl RegressionModel {
    /// Which of the four ways it is; of a bootstrap, that of its members.
    pub fn method(&self) -> Method {
        match self {
            Self::Population(_) => Method::Population,
            Self::Cluster(_) => Method::Cluster,
            Self::Neural(_) => Method::Neural,
            Self::GaussianProcess(_) => Method::GaussianProcess,
            Self::Ensemble(ensemble) => ensemble.original().method(),
        }
    }

    /// The model's sums of coefficients with their intervals, which effects with bands need: those of
    /// a population, a kernel and a bootstrap.
    pub fn as_with_sums(&self) -> Option<&dyn WithSums> {
        match self {
            Self::Population(model) => Some(model),
            Self::GaussianProcess(model) => Some(model),
            Self::Ensemble(ensemble) => Some(&**ensemble),
            Self::Cluster(_) | Self::Neural(_) => None,
        }
    }

    /// The model as one that mixes archetypes, where it may do so: clusters and encoders.
    pub fn as_with_archetypes(&self) -> Option<&dyn WithArchetypes> {
        match self {
            Self::Cluster(model) => Some(model),
            Self::Neural(model) => Some(model),
            Self::Population(_) | Self::GaussianProcess(_) | Self::Ensemble(_) => None,
        }
    }

    fn varying(&self) -> &dyn VaryingCoefficients {
        match self {
            Self::Population(model) => model,
            Self::Cluster(model) => model,
            Self::Neural(model) => model,
            Self::GaussianProcess(model) => model,
            Self::Ensemble(ensemble) => &**ensemble,
        }
    }

    fn with_uncertainty(&self) -> Result<&dyn WithUncertainty> {
        match self {
            Self::Population(model) => Ok(model),
            Self::GaussianProcess(model) => Ok(model),
            Self::Ensemble(ensemble) => Ok(&**ensemble),
            Self::Cluster(_) | Self::Neural(_) => Err(self.without_intervals()),
        }
    }

    /// The error of a model without standard errors of its coefficients.
    pub(crate) fn without_intervals(&self) -> Error {
        Error::invalid_parameter(
            "estimator",
            format!("{}, which has no intervals of its own", self.method()),
            "fitted with bootstraps to have intervals",
        )
    }
}

impl LocalCoefficients for RegressionModel {
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        self.varying().coefficients_at(contexts, features)
    }

    fn link(&self) -> Link {
        self.varying().link()
    }

    fn predict(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        self.varying().predict(contexts, features)
    }
}

impl VaryingCoefficients for RegressionModel {
    fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        self.varying().coefficients(contexts)
    }
}

/// Those of the model: of Student's t for a population, of the posterior for a kernel, of its members
/// for a bootstrap.
impl WithUncertainty for RegressionModel {
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for clusters and encoders that were fitted without bootstraps;
    /// those of the model.
    fn standard_errors(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        self.with_uncertainty()?.standard_errors(contexts)
    }

    /// # Errors
    ///
    /// Those of [`RegressionModel::standard_errors`]; [`Error::InvalidParameter`] for a level outside
    /// (0, 1).
    fn intervals(&self, contexts: ArrayView2<'_, f64>, level: f64) -> Result<CoefficientIntervals> {
        self.with_uncertainty()?.intervals(contexts, level)
    }
}
