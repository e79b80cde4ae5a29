//! The fitted network.

use contextualized_core::validate::{check_finite, check_query, check_table};
use contextualized_core::{
    Error, FitReport, NetworkDensity, NetworkKind, Networks, Result, StructuralNetworks,
    VaryingNetworks,
};
use contextualized_solvers::topological_order;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

/// How a graph was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StructureReport {
    /// Why the search stopped, its inner iterations, and the sum of the mean squared residuals of the
    /// graph returned.
    pub fit: FitReport,
    /// An order of the nodes, causes before effects.
    pub order: Vec<usize>,
    /// By how much the next-best order costs more, in units of the mean variance of the nodes; of a
    /// greedy search, the least by which a step preferred its node to another. None of a continuous
    /// search, and where there was no choice.
    pub margin: Option<f64>,
    /// Whether no order of the nodes costs less.
    pub exact: bool,
    /// The penalty on cycles at the end of a continuous search.
    pub cycles: f64,
    /// The sum of the absolute weights that the projection to an acyclic graph then took out.
    pub removed: f64,
}

/// One directed acyclic network at every context.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "UncheckedModel")]
pub struct PopulationBayesianModel {
    contexts: usize,
    weights: Array2<f64>,
    offsets: Array1<f64>,
    variances: Array1<f64>,
    report: StructureReport,
}

/// What a file may hold, before it is checked.
#[derive(Deserialize)]
pub(crate) struct UncheckedModel {
    pub(crate) contexts: usize,
    pub(crate) weights: Array2<f64>,
    pub(crate) offsets: Array1<f64>,
    pub(crate) variances: Array1<f64>,
    pub(crate) report: StructureReport,
}

impl TryFrom<UncheckedModel> for PopulationBayesianModel {
    type Error = Error;

    fn try_from(unchecked: UncheckedModel) -> Result<Self> {
        let UncheckedModel {
            contexts,
            weights,
            offsets,
            variances,
            report,
        } = unchecked;
        let nodes = weights.nrows();
        check_table("weights", weights.view(), Some(nodes))?;
        for (argument, values) in [("offsets", &offsets), ("variances", &variances)] {
            check_table(argument, values.view().insert_axis(Axis(0)), Some(nodes))?;
        }
        if contexts == 0 {
            return Err(Error::NoColumns {
                argument: "contexts",
            });
        }
        if let Some(variance) = variances.iter().find(|variance| **variance <= 0.0) {
            return Err(Error::invalid_parameter("variance", variance, "above zero"));
        }
        let order = topological_order(weights.view())
            .map_err(|error| Error::numerical("the order of the nodes", error))?;
        if order.is_none() {
            return Err(Error::invalid_parameter("weights", "cyclic", "acyclic"));
        }
        Ok(Self {
            contexts,
            weights,
            offsets,
            variances,
            report,
        })
    }
}

impl PopulationBayesianModel {
    /// The weights (p × p) in the units of the nodes: the edge from node i to node j is in row i, column
    /// j.
    pub fn weights(&self) -> ArrayView2<'_, f64> {
        self.weights.view()
    }

    /// The intercepts (p).
    pub fn intercepts(&self) -> ArrayView1<'_, f64> {
        self.offsets.view()
    }

    /// The residual variance of every node (p).
    pub fn variances(&self) -> ArrayView1<'_, f64> {
        self.variances.view()
    }

    /// How the graph was found.
    pub fn report(&self) -> &StructureReport {
        &self.report
    }

    fn for_rows(
        &self,
        contexts: ArrayView2<'_, f64>,
        of_node: &Array1<f64>,
    ) -> Result<Array2<f64>> {
        check_table("contexts", contexts, Some(self.contexts))?;
        let shape = (contexts.nrows(), of_node.len());
        Ok(Array2::from_shape_fn(shape, |(_, node)| of_node[node]))
    }
}

impl VaryingNetworks for PopulationBayesianModel {
    fn kind(&self) -> NetworkKind {
        NetworkKind::Directed
    }

    fn networks(&self, contexts: ArrayView2<'_, f64>) -> Result<Networks> {
        check_table("contexts", contexts, Some(self.contexts))?;
        let nodes = self.weights.nrows();
        Networks::new(ndarray::Array3::from_shape_fn(
            (contexts.nrows(), nodes, nodes),
            |(_, i, j)| self.weights[[i, j]],
        ))
    }

    fn reconstruct(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        check_query(contexts, self.contexts, features, self.weights.nrows())?;
        let reconstruction = features.dot(&self.weights) + &self.offsets;
        check_finite("reconstruction", reconstruction.view())?;
        Ok(reconstruction)
    }
}

impl NetworkDensity for PopulationBayesianModel {
    fn log_densities(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array1<f64>> {
        self.structural_log_densities(contexts, features)
    }
}

impl StructuralNetworks for PopulationBayesianModel {
    fn offsets(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        self.for_rows(contexts, &self.offsets)
    }

    fn noise_variances(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        self.for_rows(contexts, &self.variances)
    }
}
