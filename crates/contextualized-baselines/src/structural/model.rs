//! The fitted network.

use contextualized_core::validate::check_table;
use contextualized_core::{
    Checked, Error, FitReport, NetworkDensity, NetworkKind, Networks, NodeDistribution, Result,
    StructuralEquations, StructuralNetworks, VaryingNetworks, checked_serde,
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
#[serde(remote = "Self")]
pub struct PopulationBayesianModel {
    pub(super) contexts: usize,
    pub(super) weights: Array2<f64>,
    pub(super) intercepts: Array1<f64>,
    pub(super) variances: Array1<f64>,
    pub(super) report: StructureReport,
}

checked_serde!(PopulationBayesianModel);

impl Checked for PopulationBayesianModel {
    fn check(&self) -> Result<()> {
        let nodes = self.weights.nrows();
        check_table("weights", self.weights.view(), Some(nodes))?;
        for (argument, values) in [
            ("intercepts", &self.intercepts),
            ("variances", &self.variances),
        ] {
            check_table(argument, values.view().insert_axis(Axis(0)), Some(nodes))?;
        }
        if self.contexts == 0 {
            return Err(Error::NoColumns {
                argument: "contexts",
            });
        }
        if let Some(variance) = self.variances.iter().find(|variance| **variance <= 0.0) {
            return Err(Error::invalid_parameter("variance", variance, "above zero"));
        }
        let order = topological_order(self.weights.view())
            .map_err(|error| Error::numerical("the order of the nodes", error))?;
        if order.is_none() {
            return Err(Error::invalid_parameter("weights", "cyclic", "acyclic"));
        }
        Ok(())
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
        self.intercepts.view()
    }

    /// The residual variance of every node (p).
    pub fn variances(&self) -> ArrayView1<'_, f64> {
        self.variances.view()
    }

    /// How the graph was found.
    pub fn report(&self) -> &StructureReport {
        &self.report
    }
}

impl VaryingNetworks for PopulationBayesianModel {
    fn kind(&self) -> NetworkKind {
        NetworkKind::Directed
    }

    fn networks(&self, contexts: ArrayView2<'_, f64>) -> Result<Networks> {
        check_table("contexts", contexts, Some(self.contexts))?;
        Networks::constant(self.weights.view(), contexts.nrows())
    }
}

impl NetworkDensity for PopulationBayesianModel {
    fn distributions(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<NodeDistribution>> {
        let equations = self.equations(contexts)?.into_iter();
        Ok(equations.map(NodeDistribution::Structural).collect())
    }
}

impl StructuralNetworks for PopulationBayesianModel {
    fn equations(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<StructuralEquations>> {
        check_table("contexts", contexts, Some(self.contexts))?;
        let equations = StructuralEquations {
            weights: self.weights.clone(),
            intercepts: self.intercepts.clone(),
            noise_variances: self.variances.clone(),
        };
        Ok(vec![equations; contexts.nrows()])
    }
}
