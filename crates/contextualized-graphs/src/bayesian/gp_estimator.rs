//! The kernel estimator: an order, then the weights along it.

use super::constraints::Constraints;
use super::gp_model::{EdgeMargin, GaussianProcessBayesianModel, NodeEquation, OrderReport};
use super::order_search::{Regressions, search, sparse_parents};
use crate::checks::check_not_negative;
use contextualized_core::{
    Checked, ContextVariable, Error, Estimator, Monitor, NetworkEstimator, Result, Samples,
    Standardization, normalized_weights,
};
use contextualized_gp::{
    CoefficientProcess, Kernel, KernelShape, Observations, ProcessSettings, Sharing,
    process_setters,
};
use ndarray::{Array2, Axis, concatenate};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// What an order of the nodes is judged by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderScore {
    /// Σ_j RSS_j. If all nodes have the same noise variance, the order is identified (Peters and
    /// Bühlmann 2014, doi:10.1093/biomet/ast043): an effect varies more than its cause. It depends on
    /// the units of the nodes.
    #[default]
    EqualVariances,
    /// Σ_j log RSS_j, the Gaussian likelihood with a noise variance for each node, constant over
    /// contexts.
    ///
    /// The order is then identified only by how weights vary with context: a regression in the wrong
    /// direction has residuals whose variance varies, and fits worse on average. For weights that are
    /// constant all orders of the same graph have the same score, and nothing tells cause from effect.
    /// It does not depend on units.
    GaussianLikelihood,
}

impl OrderScore {
    pub(crate) fn of(self, error: f64) -> f64 {
        match self {
            Self::EqualVariances => error,
            Self::GaussianLikelihood => error.max(f64::MIN_POSITIVE).ln(),
        }
    }
}

/// Contextualized Bayesian networks in closed form.
///
/// ```text
/// x_j = m_j(c) + Σ_{i before j} W_ij(c) x_i + ε_j
/// order:      minimise  Σ_j RSS_j,  leave-one-out, W and m in a fixed basis of the contexts
/// W_ij, m_j:  constants plus Gaussian processes of the context, by marginal likelihood
/// ```
///
/// The order is one for all contexts, so that every network has no cycle, whatever its weights; the
/// weights, and with them which edges there are, vary. It is exact up to 12 nodes, by dynamic
/// programming over the sets of nodes that come first; for more, each next node is the one that those
/// before it leave the least of. Edges whose absence costs less than one standard error of the squared
/// leave-one-out error are left out. Then every node is regressed on its parents once, by
/// [`CoefficientProcess`], on standardised tables.
///
/// | setting | default |
/// |---|---|
/// | score of an order | equal noise variances, see [`OrderScore`] |
/// | functions of the contexts that judge it | a constant and at most 8 |
/// | forbidden edges, required edges, the order itself | none |
/// | standard errors an edge is worth | 1 |
/// | kernel of the weights | squared exponential of all contexts |
/// | length scales | shared by the weights of a node |
/// | tolerance of the search for them | 0.1 in the logarithm of the posterior density |
///
/// The features of the samples are the nodes; targets are not used.
///
/// ```
/// use contextualized_core::{Estimator, VaryingNetworks};
/// use contextualized_graphs::bayesian::GaussianProcessBayesianNetwork;
/// use contextualized_simulation::NetworkSimulator;
/// use ndarray::array;
///
/// let data = NetworkSimulator::new(300)
///     .uniform_contexts(1, -1.0, 1.0)
///     .networks(|c| array![[0.0, 1.0 + c[0]], [0.0, 0.0]])
///     .simulate(0)?;
/// let model = GaussianProcessBayesianNetwork::new().fit(&data.samples)?;
/// assert_eq!(model.report().order, [0, 1]);
/// let networks = model.networks(array![[0.5]].view())?;
/// assert!((networks.edges()[[0, 0, 1]] - 1.5).abs() < 0.2);
/// assert_eq!(networks.edges()[[0, 1, 0]], 0.0);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianProcessBayesianNetwork {
    score: OrderScore,
    functions: usize,
    sparsity: Option<f64>,
    constraints: Constraints,
    kernel: Option<Kernel>,
    settings: ProcessSettings,
}

impl Default for GaussianProcessBayesianNetwork {
    fn default() -> Self {
        Self {
            score: OrderScore::EqualVariances,
            functions: 8,
            sparsity: Some(1.0),
            constraints: Constraints::default(),
            kernel: None,
            settings: ProcessSettings {
                sharing: Sharing::Shared,
                tolerance: 0.1,
                ..ProcessSettings::default()
            },
        }
    }
}

impl GaussianProcessBayesianNetwork {
    process_setters!();

    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// What an order is judged by.
    pub fn score(mut self, score: OrderScore) -> Self {
        self.score = score;
        self
    }

    /// The most functions of the contexts, beside a constant, by which orders and edges are judged; 0
    /// for weights that are constant there.
    pub fn functions(mut self, functions: usize) -> Self {
        self.functions = functions;
        self
    }

    /// Leaves out edges whose absence costs less than so many standard errors of the squared
    /// leave-one-out error.
    pub fn sparsity(mut self, standard_errors: f64) -> Self {
        self.sparsity = Some(standard_errors);
        self
    }

    /// Keeps every edge that the order allows.
    pub fn dense(mut self) -> Self {
        self.sparsity = None;
        self
    }

    /// There is no edge between these nodes, in this direction.
    pub fn forbid(mut self, from: usize, to: usize) -> Self {
        self.constraints.forbidden.push((from, to));
        self
    }

    /// There is an edge between these nodes, in this direction.
    pub fn require(mut self, from: usize, to: usize) -> Self {
        self.constraints.required.push((from, to));
        self
    }

    /// The order of all nodes, causes before effects, where it is known.
    pub fn known_order(mut self, order: impl IntoIterator<Item = usize>) -> Self {
        self.constraints.order = Some(order.into_iter().collect());
        self
    }

    /// The kernel of weights and intercepts; its columns are those of the contexts, periods are in
    /// their units.
    pub fn kernel(mut self, kernel: Kernel) -> Self {
        self.kernel = Some(kernel);
        self
    }

    fn validate(&self, nodes: usize) -> Result<()> {
        if let Some(sparsity) = self.sparsity {
            check_not_negative("sparsity", sparsity)?;
        }
        self.constraints.validate(nodes)
    }

    /// The equation of one node, given its parents.
    fn fit_node(
        &self,
        standardized: &Standardized,
        node: usize,
        parents: Vec<usize>,
    ) -> Result<NodeEquation> {
        let rows = standardized.features.nrows();
        let design = concatenate![
            Axis(1),
            standardized.features.select(Axis(1), &parents),
            Array2::ones((rows, 1))
        ];
        let target = standardized.features.select(Axis(1), &[node]);
        let kernel = match &self.kernel {
            Some(kernel) => kernel.rescaled(&standardized.context_scales),
            None => Kernel::of_variables(KernelShape::SquaredExponential, &standardized.variables),
        };
        let contexts = standardized.contexts.view();
        let rows = Observations::new(contexts, design.view(), target.view())
            .with_weights(standardized.weights.as_ref().map(|weights| weights.view()))
            .with_monitor(Some(&standardized.monitor));
        let process = CoefficientProcess::new(kernel)
            .settings(self.settings)
            .fit(rows)?;
        Ok(NodeEquation { parents, process })
    }
}

struct Standardized {
    /// Factors by codes of their levels.
    contexts: Array2<f64>,
    variables: Vec<ContextVariable>,
    context_scales: Vec<f64>,
    features: Array2<f64>,
    weights: Option<ndarray::Array1<f64>>,
    monitor: Monitor,
}

/// Rows that an order can be asked of.
const FEWEST_ROWS: usize = 3;

impl NetworkEstimator for GaussianProcessBayesianNetwork {
    fn with_seed(_: u64) -> Self {
        Self::new()
    }
}

impl Estimator for GaussianProcessBayesianNetwork {
    type Model = GaussianProcessBayesianModel;

    fn name(&self) -> String {
        let mut settings = Vec::new();
        if self.score == OrderScore::GaussianLikelihood {
            settings.push("order by likelihood");
        }
        if self.constraints.order.is_some() {
            settings.push("known order");
        }
        if self.sparsity.is_none() {
            settings.push("dense");
        }
        if settings.is_empty() {
            "Gaussian process Bayesian network".to_owned()
        } else {
            format!(
                "Gaussian process Bayesian network ({})",
                settings.join(", ")
            )
        }
    }

    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a setting out of range, and edges or an order that contradict
    /// each other; [`Error::TooFewRows`] for fewer than three; [`Error::CodedFactor`]; [`Error::Numerical`] and
    /// [`Error::NotConverged`] if a solve fails; [`Error::NotFinite`] for data whose units overflow.
    fn fit(&self, samples: &Samples) -> Result<GaussianProcessBayesianModel> {
        let samples = samples.rows_that_count()?;
        let nodes = samples.features().ncols();
        self.validate(nodes)?;
        if samples.rows() < FEWEST_ROWS {
            return Err(Error::TooFewRows {
                purpose: "a Bayesian network".to_owned(),
                needed: FEWEST_ROWS,
                found: samples.rows(),
            });
        }
        // Orders are judged by smooth functions of all contexts at once.
        samples.check_distances("gp of networks")?;
        let regressions = Regressions::new(&samples, self.functions)?;
        let found = search(&regressions, &self.constraints, self.score)?;
        let parents = sparse_parents(
            &regressions,
            &self.constraints,
            &found.order.nodes,
            self.sparsity,
        )?;
        // A kernel that was given is in units of the contexts as they are.
        let context_scaling = match self.kernel {
            Some(_) => samples.context_scaling(samples.weights())?,
            None => samples.warped_context_scaling(samples.weights())?,
        };
        let scaling = Standardization::fit(samples.features(), samples.weights())?;
        let weights = samples.weights();
        let standardized = Standardized {
            contexts: samples.names().coded(
                samples.contexts(),
                context_scaling.apply(samples.contexts())?,
            ),
            variables: samples.names().context_variables(),
            context_scales: context_scaling.scales().to_vec(),
            monitor: samples.monitor().clone(),
            features: scaling.apply(samples.features())?,
            weights: weights
                .map(|_| normalized_weights(weights, samples.rows()))
                .transpose()?,
        };
        let equations = parents
            .into_par_iter()
            .enumerate()
            .map(|(node, parents)| self.fit_node(&standardized, node, parents))
            .collect::<Result<Vec<_>>>()?;
        let margins = |(node, equation): (usize, &NodeEquation)| {
            let of = |&from: &usize| EdgeMargin {
                from,
                to: node,
                margin: found.reversal[[from, node]],
            };
            equation.parents.iter().map(of).collect::<Vec<_>>()
        };
        let edges = equations.iter().enumerate().flat_map(margins).collect();
        let model = GaussianProcessBayesianModel {
            names: samples.names().clone(),
            contexts: context_scaling,
            features: scaling,
            equations,
            report: OrderReport {
                score: self.score,
                cost: found.order.cost,
                margin: Some(found.order.margin).filter(|margin| margin.is_finite()),
                order: found.order.nodes,
                runner_up: found.order.runner_up,
                exact: found.order.exact,
                edges,
            },
        };
        model.check()?;
        Ok(model)
    }
}
