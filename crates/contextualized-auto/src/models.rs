//! What was fitted, whichever estimator it was: every question is passed on to the model itself.

use crate::{NetworkModel, RegressionModel};
use contextualized_core::{
    Coefficients, Family, LocalCoefficients, NetworkDensity, NetworkKind, Networks,
    NodeDistribution, Result, Samples, Standardization, VaryingCoefficients, VaryingNetworks,
    WithArchetypes, WithPredictions, WithSums, WithUncertainty, WithWaldTests,
};
use ndarray::{Array2, ArrayView2};

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

    fn linear_predictor(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        self.inner().linear_predictor(contexts, features)
    }

    fn effective_degrees(&self, samples: &Samples) -> Result<Option<Array2<f64>>> {
        self.inner().effective_degrees(samples)
    }

    fn context_scaling(&self) -> Option<&Standardization> {
        self.inner().context_scaling()
    }

    fn length_scales(&self) -> Option<Array2<f64>> {
        self.inner().length_scales()
    }

    fn as_varying(&self) -> Option<&dyn VaryingCoefficients> {
        Some(self)
    }

    fn as_uncertain(&self) -> Option<&dyn WithUncertainty> {
        self.inner().as_uncertain()
    }

    fn as_predictive(&self) -> Option<&dyn WithPredictions> {
        self.inner().as_predictive()
    }

    fn as_sums(&self) -> Option<&dyn WithSums> {
        self.inner().as_sums()
    }

    fn as_wald_tested(&self) -> Option<&dyn WithWaldTests> {
        self.inner().as_wald_tested()
    }

    fn as_archetypes(&self) -> Option<&dyn WithArchetypes> {
        self.inner().as_archetypes()
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
