//! What was fitted, whichever estimator it was: every question is passed on to the model itself.

use crate::{NetworkModel, RegressionModel};
use contextualized_core::{
    Coefficients, Family, LocalCoefficients, NetworkDensity, NetworkKind, Networks,
    NodeDistribution, Result, VaryingCoefficients, VaryingNetworks,
};
use ndarray::ArrayView2;

impl LocalCoefficients for RegressionModel {
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        self.inner().coefficients_at(contexts, features)
    }

    fn family(&self) -> Family {
        self.inner().family()
    }

    fn wrapped(&self) -> Option<&dyn LocalCoefficients> {
        Some(self.inner())
    }

    fn as_varying(&self) -> Option<&dyn VaryingCoefficients> {
        Some(self)
    }
}

impl VaryingCoefficients for RegressionModel {
    fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        self.inner().coefficients(contexts)
    }
}

impl VaryingNetworks for NetworkModel {
    fn kind(&self) -> NetworkKind {
        self.inner().kind()
    }

    fn networks(&self, contexts: ArrayView2<'_, f64>) -> Result<Networks> {
        self.inner().networks(contexts)
    }
}

impl NetworkDensity for NetworkModel {
    fn distributions(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<NodeDistribution>> {
        self.inner().distributions(contexts)
    }

    fn cluster_sizes(&self) -> Option<Vec<usize>> {
        self.inner().cluster_sizes()
    }
}
