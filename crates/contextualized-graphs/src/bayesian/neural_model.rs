//! The fitted neural networks of networks.

use super::project_networks;
use crate::checks::check_share;
use contextualized_baselines::PopulationBayesianModel;
use contextualized_core::validate::{check_columns, check_table};
use contextualized_core::{
    Checked, Coefficients, ColumnNames, Error, FitReport, NetworkDensity, NetworkKind, Networks,
    NodeDistribution, Result, Samples, Standardization, StructuralEquations, StructuralNetworks,
    VaryingNetworks, WithNetworkArchetypes, checked_serde,
};
use contextualized_encoders::{AnyHead, Contextualized, EncoderLink, Network, StoredNetwork};
use contextualized_solvers::Projection;
use ndarray::{Array1, Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

/// How training went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CycleReport {
    /// Why it stopped, its epochs, and the mean squared error of reconstruction in training units.
    pub fit: FitReport,
    /// The mean of the penalty function h over the samples in the last epoch, before projection.
    pub cycles: f64,
}

/// Networks of factors, and what is loaded on them.
#[derive(Debug, Clone, PartialEq)]
pub struct FactorNetworks {
    /// The weights of factors on factors (n), the share that is kept of them.
    pub networks: Networks,
    /// Loadings (factors × nodes): positive, and those of a node sum to one.
    pub loadings: Array2<f64>,
}

/// [`Projection`] as it stands in a file.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Projection")]
enum StoredProjection {
    Auto,
    Exact,
    Greedy,
}

/// Networks as functions of context: those of the population, and a share of the deviation from them
/// that an encoder learned, made acyclic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct NeuralBayesianModel {
    pub(crate) names: ColumnNames,
    pub(crate) contexts: Standardization,
    /// Means of the nodes.
    pub(crate) centers: Array1<f64>,
    /// The unit of training.
    pub(crate) unit: f64,
    pub(crate) population: PopulationBayesianModel,
    pub(crate) deviation: StoredNetwork,
    pub(crate) share: f64,
    pub(crate) variances: Array1<f64>,
    #[serde(with = "StoredProjection")]
    pub(crate) projection: Projection,
    pub(crate) report: CycleReport,
}

checked_serde!(NeuralBayesianModel);

impl Checked for NeuralBayesianModel {
    fn check(&self) -> Result<()> {
        let nodes = self.population.weights().nrows();
        let columns = self.contexts.columns();
        let contexts = Array2::zeros((1, columns));
        self.population.networks(contexts.view())?;
        for (argument, values) in [("centers", &self.centers), ("variances", &self.variances)] {
            check_table(argument, values.view().insert_axis(Axis(0)), Some(nodes))?;
        }
        if let Some(variance) = self.variances.iter().find(|value| **value <= 0.0) {
            return Err(Error::invalid_parameter("variance", variance, "above zero"));
        }
        if !(self.unit.is_finite() && self.unit > 0.0) {
            return Err(Error::invalid_parameter(
                "unit",
                self.unit,
                "a positive number",
            ));
        }
        check_share(self.share)?;
        check_columns("context names", columns, self.names.contexts.len())?;
        check_columns("feature names", nodes, self.names.features.len())?;
        let network = self.deviation.network()?;
        network.coefficients_at(contexts.view())?;
        let (c, x, y) = network.widths();
        check_columns("contexts of the deviation", columns, c)?;
        check_columns("slopes of the deviation", nodes, x)?;
        check_columns("targets of the deviation", nodes, y)
    }
}

impl NeuralBayesianModel {
    /// How training went.
    pub fn report(&self) -> &CycleReport {
        &self.report
    }

    /// Names of contexts and nodes.
    pub fn names(&self) -> &ColumnNames {
        &self.names
    }

    /// The share of the learned deviation from the population's network that is kept.
    pub fn share(&self) -> f64 {
        self.share
    }

    /// The population's network.
    pub fn population(&self) -> &PopulationBayesianModel {
        &self.population
    }

    /// The networks (n) before they are made acyclic, as averages over replicates need them.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`], [`Error::NotFinite`].
    pub fn unprojected(&self, contexts: ArrayView2<'_, f64>) -> Result<Networks> {
        self.shared(&self.coefficients(contexts)?, true)
    }

    /// The networks of factors behind the encoder's part of the weights, where there are factors. See
    /// [`super::NeuralBayesianNetwork::factors`].
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`], [`Error::NotFinite`].
    pub fn factor_networks(&self, contexts: ArrayView2<'_, f64>) -> Result<Option<FactorNetworks>> {
        let standardized = self.contexts.apply_to_contexts(contexts)?;
        let network = self.deviation.network()?;
        let AnyHead::Factors(head) = network.head().head() else {
            return Ok(None);
        };
        let codes = network.codes_at(standardized.view())?;
        let latent = Contextualized::new(network.encoder().clone(), head.latent().clone())?;
        Ok(Some(FactorNetworks {
            networks: self.shared(&latent.coefficients_of_codes(codes.view())?, false)?,
            loadings: head.to_weights()?.loadings(),
        }))
    }

    /// The share of slopes of nodes on others that is kept, as networks, the population's added or not.
    fn shared(&self, coefficients: &Coefficients, with_population: bool) -> Result<Networks> {
        let mut weights = coefficients.slopes().to_owned();
        weights.swap_axes(1, 2);
        weights *= self.share;
        if with_population {
            weights += &self.population.weights();
        }
        Networks::new(weights.as_standard_layout().into_owned())
    }

    fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        let standardized = self.contexts.apply_to_contexts(contexts)?;
        let network = self.deviation.network()?;
        network.coefficients_at(standardized.view())
    }

    /// Noise variances from the residuals of the rows trained on.
    pub(crate) fn estimate_variances(&mut self, samples: &Samples) -> Result<()> {
        let reconstruction = self.reconstruct(samples.contexts(), samples.features())?;
        let residuals = &samples.features() - &reconstruction;
        let squares = &residuals * &residuals;
        let weights = contextualized_core::normalized_weights(samples.weights(), samples.rows())?;
        let sums = squares.t().dot(&weights) / samples.rows() as f64;
        self.variances = sums.mapv(|variance| variance.max(f64::MIN_POSITIVE));
        Ok(())
    }
}

impl VaryingNetworks for NeuralBayesianModel {
    fn kind(&self) -> NetworkKind {
        NetworkKind::Directed
    }

    fn networks(&self, contexts: ArrayView2<'_, f64>) -> Result<Networks> {
        project_networks(&self.unprojected(contexts)?, self.projection)
    }
}

/// Mixtures are [`NeuralBayesianModel::unprojected`]: cycles are taken out after mixing. With a softmax
/// link archetypes are networks, with another one they are deviations from the population's. Where
/// there are factors they are those of the nodes that factors stand for.
impl WithNetworkArchetypes for NeuralBayesianModel {
    fn archetypes(&self) -> Result<Networks> {
        let archetypes = self.deviation.network()?.archetypes()?;
        let whole = self.deviation.settings().link == EncoderLink::Softmax;
        self.shared(&archetypes, whole)
    }

    fn archetype_base(&self) -> Result<Option<Networks>> {
        if self.deviation.settings().link == EncoderLink::Softmax {
            return Ok(None);
        }
        let weights = self.population.weights().insert_axis(Axis(0));
        Networks::new(weights.to_owned()).map(Some)
    }

    fn archetype_weights(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let standardized = self.contexts.apply_to_contexts(contexts)?;
        self.deviation.network()?.codes_at(standardized.view())
    }
}

impl NetworkDensity for NeuralBayesianModel {
    fn distributions(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<NodeDistribution>> {
        let equations = self.equations(contexts)?.into_iter();
        Ok(equations.map(NodeDistribution::Structural).collect())
    }
}

impl StructuralNetworks for NeuralBayesianModel {
    /// Their noise variances are the same at every context.
    fn equations(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<StructuralEquations>> {
        let networks = self.networks(contexts)?;
        let coefficients = self.coefficients(contexts)?;
        let mut intercepts = coefficients.intercepts().to_owned() * (self.share * self.unit);
        intercepts += &self.centers;
        let edges = networks.edges();
        let rows = edges.outer_iter().zip(intercepts.rows());
        Ok(rows
            .map(|(weights, intercepts)| StructuralEquations {
                intercepts: &intercepts - &self.centers.dot(&weights),
                weights: weights.to_owned(),
                noise_variances: self.variances.clone(),
            })
            .collect())
    }
}
