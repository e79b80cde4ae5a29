//! The fitted equations of a kernel Bayesian network.

use super::gp_estimator::OrderScore;
use contextualized_core::validate::{check_query, check_table};
use contextualized_core::{
    ColumnNames, Error, NetworkDensity, NetworkKind, Networks, Result, Standardization,
    StructuralNetworks, VaryingNetworks,
};
use contextualized_gp::{FittedProcess, ProcessReport};
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis};
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
#[serde(try_from = "UncheckedModel")]
pub struct GaussianProcessBayesianModel {
    names: ColumnNames,
    contexts: Standardization,
    features: Standardization,
    equations: Vec<NodeEquation>,
    report: OrderReport,
}

/// What a file may hold, before it is checked.
#[derive(Deserialize)]
pub(crate) struct UncheckedModel {
    pub(crate) names: ColumnNames,
    pub(crate) contexts: Standardization,
    pub(crate) features: Standardization,
    pub(crate) equations: Vec<NodeEquation>,
    pub(crate) report: OrderReport,
}

impl TryFrom<UncheckedModel> for GaussianProcessBayesianModel {
    type Error = Error;

    fn try_from(unchecked: UncheckedModel) -> Result<Self> {
        let UncheckedModel {
            names,
            contexts,
            features,
            equations,
            report,
        } = unchecked;
        let nodes = features.columns();
        let count = |argument, expected, found| {
            if expected == found {
                Ok(())
            } else {
                Err(Error::ColumnCount {
                    argument,
                    expected,
                    found,
                })
            }
        };
        count("equations", nodes, equations.len())?;
        count("context names", contexts.columns(), names.contexts.len())?;
        count("feature names", nodes, names.features.len())?;
        let mut sorted = report.order.clone();
        sorted.sort_unstable();
        if sorted != (0..nodes).collect::<Vec<_>>() {
            return Err(Error::invalid_parameter(
                "order",
                format!("{:?}", report.order),
                format!("each of {nodes} nodes once"),
            ));
        }
        for (place, &node) in report.order.iter().enumerate() {
            let NodeEquation { parents, process } = &equations[node];
            let before = &report.order[..place];
            let ascending = parents.windows(2).all(|pair| pair[0] < pair[1]);
            if !ascending || parents.iter().any(|parent| !before.contains(parent)) {
                return Err(Error::invalid_parameter(
                    "parents",
                    format!("{parents:?} of node {node}"),
                    "different nodes before it in the order",
                ));
            }
            let (columns, coefficients, targets) = process.widths();
            count("contexts of an equation", contexts.columns(), columns)?;
            count("parents of an equation", parents.len() + 1, coefficients)?;
            count("targets of an equation", 1, targets)?;
        }
        Ok(Self {
            names,
            contexts,
            features,
            equations,
            report,
        })
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

    /// Posterior standard deviations of all weights (n × p × p) at contexts (n × c), given the order and
    /// the edges; zero where there is no edge.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`], [`Error::NotFinite`], [`Error::Numerical`].
    pub fn edge_deviations(&self, contexts: ArrayView2<'_, f64>) -> Result<Array3<f64>> {
        check_table("contexts", contexts, Some(self.contexts.columns()))?;
        let standardized = self.contexts.apply(contexts)?;
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

    /// Weights (n × p × p) and intercepts (n × p) in the users' units.
    fn weights_and_offsets(
        &self,
        contexts: ArrayView2<'_, f64>,
    ) -> Result<(Array3<f64>, Array2<f64>)> {
        check_table("contexts", contexts, Some(self.contexts.columns()))?;
        let standardized = self.contexts.apply(contexts)?;
        let coefficients = self
            .equations
            .par_iter()
            .map(|equation| equation.process.coefficients(standardized.view()))
            .collect::<Result<Vec<_>>>()?;
        let (rows, nodes) = (contexts.nrows(), self.equations.len());
        let (scales, centers) = (self.features.scales(), self.features.centers());
        let mut weights = Array3::zeros((rows, nodes, nodes));
        let mut offsets = Array2::zeros((rows, nodes));
        for (node, (equation, of_node)) in self.equations.iter().zip(&coefficients).enumerate() {
            let parents = &equation.parents;
            for row in 0..rows {
                let mut offset = centers[node] + scales[node] * of_node[[row, 0, parents.len()]];
                for (place, &parent) in parents.iter().enumerate() {
                    let weight = of_node[[row, 0, place]] * (scales[node] / scales[parent]);
                    weights[[row, parent, node]] = weight;
                    offset -= weight * centers[parent];
                }
                offsets[[row, node]] = offset;
            }
        }
        Ok((weights, offsets))
    }
}

impl VaryingNetworks for GaussianProcessBayesianModel {
    fn kind(&self) -> NetworkKind {
        NetworkKind::Directed
    }

    fn networks(&self, contexts: ArrayView2<'_, f64>) -> Result<Networks> {
        Networks::new(self.weights_and_offsets(contexts)?.0)
    }

    fn reconstruct(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        let (columns, nodes) = (self.contexts.columns(), self.equations.len());
        check_query(contexts, columns, features, nodes)?;
        let (weights, mut reconstruction) = self.weights_and_offsets(contexts)?;
        for (row, network) in weights.axis_iter(Axis(0)).enumerate() {
            let mut sample = reconstruction.row_mut(row);
            sample += &features.row(row).dot(&network);
        }
        check_table("reconstruction", reconstruction.view(), None)?;
        Ok(reconstruction)
    }
}

impl NetworkDensity for GaussianProcessBayesianModel {
    fn log_densities(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array1<f64>> {
        self.structural_log_densities(contexts, features)
    }
}

impl StructuralNetworks for GaussianProcessBayesianModel {
    fn offsets(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        Ok(self.weights_and_offsets(contexts)?.1)
    }

    /// The same at every context.
    fn noise_variances(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        check_table("contexts", contexts, Some(self.contexts.columns()))?;
        let variances: Array1<f64> = self
            .equations
            .iter()
            .zip(self.features.scales())
            .map(|(equation, scale)| {
                let relative: f64 = equation.process.noise_variances().iter().sum();
                (relative * scale * scale).max(f64::MIN_POSITIVE)
            })
            .collect();
        Ok(Array2::from_shape_fn(
            (contexts.nrows(), variances.len()),
            |(_, node)| variances[node],
        ))
    }
}
