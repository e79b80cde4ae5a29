//! The fitted equations of a kernel Bayesian network.

use super::constraints::check_order;
use super::gp_estimator::OrderScore;
use contextualized_core::validate::check_columns;
use contextualized_core::{
    Checked, ColumnNames, Error, NetworkDensity, NetworkKind, Networks, NodeDistribution, Result,
    Standardization, StructuralEquations, StructuralNetworks, VaryingNetworks, checked_serde,
};
use contextualized_gp::{FittedProcess, ProcessReport};
use ndarray::{Array1, Array2, Array3, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How the order of the nodes was found, and by what margin.
///
/// Costs are means over rows of squared leave-one-out residuals, in units of the mean variance of the
/// nodes, summed over nodes; or, by the likelihood, sums of the logarithms of these means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderReport {
    /// What orders were judged by.
    pub score: OrderScore,
    /// The nodes, causes before effects.
    pub order: Vec<usize>,
    /// The cost of the order.
    pub cost: f64,
    /// The next-best order, where the search was exact. It may differ only in nodes between which there
    /// is no edge.
    pub runner_up: Option<Vec<usize>>,
    /// By how much that costs more; of a greedy search, the least by which a step preferred its node to
    /// another. None where there was no choice.
    pub margin: Option<f64>,
    /// Whether a search of all orders has shown that none costs less.
    pub exact: bool,
    /// The evidence for the direction of every edge.
    pub edges: Vec<EdgeMargin>,
}

/// The evidence for the direction of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EdgeMargin {
    /// The cause.
    pub from: usize,
    /// The effect.
    pub to: usize,
    /// By how much the best of all orders with the effect before the cause costs more; none for greedy
    /// and known orders, and where the constraints leave no such order.
    pub margin: Option<f64>,
}

/// A node as a function of its parents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct NodeEquation {
    /// In ascending order.
    pub(crate) parents: Vec<usize>,
    /// Of the standardised parents and an intercept.
    pub(crate) process: FittedProcess,
}

/// Weights and intercepts of directed acyclic networks as functions of context, by kernels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct GaussianProcessBayesianModel {
    pub(super) names: ColumnNames,
    pub(super) contexts: Standardization,
    pub(super) features: Standardization,
    pub(super) equations: Vec<NodeEquation>,
    pub(super) report: OrderReport,
}

checked_serde!(GaussianProcessBayesianModel);

impl Checked for GaussianProcessBayesianModel {
    fn check(&self) -> Result<()> {
        let (columns, nodes) = (self.contexts.columns(), self.features.columns());
        check_columns("equations", nodes, self.equations.len())?;
        check_columns("context names", columns, self.names.contexts.len())?;
        check_columns("feature names", nodes, self.names.features.len())?;
        let order = &self.report.order;
        check_order(order, nodes)?;
        for (place, &node) in order.iter().enumerate() {
            let NodeEquation { parents, process } = &self.equations[node];
            let before = &order[..place];
            let ascending = parents.windows(2).all(|pair| pair[0] < pair[1]);
            if !ascending || parents.iter().any(|parent| !before.contains(parent)) {
                return Err(Error::invalid_parameter(
                    "parents",
                    format!("{parents:?} of node {node}"),
                    "different nodes before it in the order",
                ));
            }
            let (of_process, coefficients, targets) = process.widths();
            check_columns("contexts of an equation", columns, of_process)?;
            check_columns("parents of an equation", parents.len() + 1, coefficients)?;
            check_columns("targets of an equation", 1, targets)?;
        }
        Ok(())
    }
}

impl GaussianProcessBayesianModel {
    /// How the order was found.
    pub fn report(&self) -> &OrderReport {
        &self.report
    }

    /// Names of contexts and nodes.
    pub fn names(&self) -> &ColumnNames {
        &self.names
    }

    /// The parents of a node, those whose weight is zero in some contexts included.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a node there is not.
    pub fn parents(&self, node: usize) -> Result<&[usize]> {
        Ok(&self.equation(node)?.parents)
    }

    /// How the equation of a node was fitted.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a node there is not.
    pub fn process_report(&self, node: usize) -> Result<&ProcessReport> {
        Ok(self.equation(node)?.process.report())
    }

    /// Contexts in units of the fit, factors by codes of their levels.
    fn standardized(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let standardized = self.contexts.apply_to_contexts(contexts)?;
        Ok(self.names.coded(contexts, standardized))
    }

    /// Posterior standard deviations of all weights (n × p × p) at contexts (n × c), given the order and
    /// the edges; zero where there is no edge.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`], [`Error::NotFinite`], [`Error::Numerical`].
    pub fn edge_deviations(&self, contexts: ArrayView2<'_, f64>) -> Result<Array3<f64>> {
        let standardized = self.standardized(contexts)?;
        let nodes = self.equations.len();
        let scales = self.features.scales();
        let mut deviations = Array3::zeros((contexts.nrows(), nodes, nodes));
        for (node, equation) in self.equations.iter().enumerate() {
            if equation.parents.is_empty() {
                continue;
            }
            let covariances = equation.process.covariances(standardized.view())?;
            for (place, &parent) in equation.parents.iter().enumerate() {
                for row in 0..contexts.nrows() {
                    let variance = covariances[[row, 0, place, place]].max(0.0);
                    deviations[[row, parent, node]] =
                        variance.sqrt() * scales[node] / scales[parent];
                }
            }
        }
        Ok(deviations)
    }

    fn equation(&self, node: usize) -> Result<&NodeEquation> {
        self.equations.get(node).ok_or_else(|| {
            Error::invalid_parameter(
                "node",
                node,
                format!("below {}, the number of nodes", self.equations.len()),
            )
        })
    }

    /// The same at every context, in the nodes' units.
    fn noise_variances(&self) -> Array1<f64> {
        let scales = self.features.scales().into_iter();
        let variance = |(equation, scale): (&NodeEquation, &f64)| {
            let relative: f64 = equation.process.noise_variances().iter().sum();
            (relative * scale * scale).max(f64::MIN_POSITIVE)
        };
        self.equations.iter().zip(scales).map(variance).collect()
    }
}

impl VaryingNetworks for GaussianProcessBayesianModel {
    fn kind(&self) -> NetworkKind {
        NetworkKind::Directed
    }

    fn networks(&self, contexts: ArrayView2<'_, f64>) -> Result<Networks> {
        let equations = self.equations(contexts)?.into_iter();
        let weights: Vec<_> = equations.map(|row| row.weights).collect();
        Networks::stacked(&weights, self.equations.len())
    }
}

impl NetworkDensity for GaussianProcessBayesianModel {
    fn distributions(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<NodeDistribution>> {
        let equations = self.equations(contexts)?.into_iter();
        Ok(equations.map(NodeDistribution::Structural).collect())
    }
}

impl StructuralNetworks for GaussianProcessBayesianModel {
    /// Their noise variances are the same at every context.
    fn equations(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<StructuralEquations>> {
        let standardized = self.standardized(contexts)?;
        let coefficients = self
            .equations
            .par_iter()
            .map(|equation| equation.process.coefficients(standardized.view()))
            .collect::<Result<Vec<_>>>()?;
        let (scales, centers) = (self.features.scales(), self.features.centers());
        let nodes = self.equations.len();
        let noise_variances = self.noise_variances();
        let equations = |row: usize| {
            let mut weights = Array2::zeros((nodes, nodes));
            let mut intercepts = Array1::zeros(nodes);
            for (node, (equation, of_node)) in self.equations.iter().zip(&coefficients).enumerate()
            {
                let parents = &equation.parents;
                let mut intercept = centers[node] + scales[node] * of_node[[row, 0, parents.len()]];
                for (place, &parent) in parents.iter().enumerate() {
                    let weight = of_node[[row, 0, place]] * (scales[node] / scales[parent]);
                    weights[[parent, node]] = weight;
                    intercept -= weight * centers[parent];
                }
                intercepts[node] = intercept;
            }
            StructuralEquations {
                weights,
                intercepts,
                noise_variances: noise_variances.clone(),
            }
        };
        Ok((0..contexts.nrows()).map(equations).collect())
    }
}
