//! The estimator.

use super::continuous::{Relaxed, dagma, notears};
use super::model::{PopulationBayesianModel, StructureReport};
use super::moments::Moments;
use contextualized_core::{
    Checked, Error, Estimator, FitReport, NetworkEstimator, Result, Samples, Termination,
};
use contextualized_solvers::{Order, Projection, acyclic_part, exact_order, greedy_order};
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

/// How the graph is found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum StructureSearch {
    /// The order of the nodes with the least sum of residual variances: exact up to 12 nodes, by
    /// dynamic programming, and for more the node that those before it leave the least of comes next
    /// (Chen, Drton and Wang 2019, doi:10.1093/biomet/asz049).
    #[default]
    Order,
    /// NOTEARS: an augmented Lagrangian, each of its problems solved to convergence (Zheng et al. 2018,
    /// arXiv:1803.01422).
    Notears,
    /// DAGMA: a central path inside the domain of its log-determinant, each of its problems solved to
    /// convergence (Bello et al. 2022, arXiv:2209.08037).
    Dagma,
}

/// A Bayesian network without context: linear structural equations of least squares.
///
/// ```text
/// minimise  Σ_j Σ_i w_i (x_ij − m_j − Σ_k W_kj x_ik)²   over graphs W without a cycle
/// ```
///
/// With the same noise variance in all nodes this is the likelihood, and identifies the graph (Peters
/// and Bühlmann 2014, doi:10.1093/biomet/ast043); it depends on the units of the nodes. All searches
/// need the covariance of the nodes alone, so that their time does not depend on the rows. What a
/// continuous search ends with is projected to an acyclic graph, and whatever the search, the weights
/// are then those of least squares on each node's parents.
///
/// | setting | default | range |
/// |---|---|---|
/// | search | order | see [`StructureSearch`] |
/// | threshold | 0 | absolute weights at or below it are no edges |
/// | ridge λ, on squared weights times the variance of the parent | 0 | 0 or more |
/// | intercepts | yes | |
///
/// The noise variance of a node is its sum of squared residuals over n less the coefficients of its
/// equation, of which a ridge leaves less than their number; n is the effective number of rows,
/// (Σw)² / Σw², and at least one remains. The order is judged by mean squares, without that correction.
/// A variance is at least what rounding leaves of the node's own, and 10⁻²⁴ of the mean variance.
///
/// The features of the samples are the nodes; targets are not used.
///
/// ```
/// use contextualized_baselines::PopulationBayesianNetwork;
/// use contextualized_core::{Estimator, VaryingNetworks};
/// use contextualized_simulation::NetworkSimulator;
/// use ndarray::array;
///
/// let data = NetworkSimulator::new(500)
///     .uniform_contexts(1, 0.0, 1.0)
///     .networks(|_| array![[0.0, 0.0, 0.0], [2.0, 0.0, 1.5], [-1.0, 0.0, 0.0]])
///     .simulate(0)?;
/// let model = PopulationBayesianNetwork::new().fit(&data.samples)?;
/// assert!((model.weights()[[1, 0]] - 2.0).abs() < 0.2);
/// assert_eq!(model.report().order, [1, 2, 0]);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PopulationBayesianNetwork {
    search: StructureSearch,
    threshold: f64,
    ridge: f64,
    intercept: bool,
}

impl Default for PopulationBayesianNetwork {
    fn default() -> Self {
        Self {
            search: StructureSearch::Order,
            threshold: 0.0,
            ridge: 0.0,
            intercept: true,
        }
    }
}

/// The most nodes whose orders are searched exactly.
const EXACT_NODES: usize = 12;

impl PopulationBayesianNetwork {
    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// How the graph is found.
    pub fn search(mut self, search: StructureSearch) -> Self {
        self.search = search;
        self
    }

    /// Weights that are no more than this in absolute value are no edges; the others are estimated
    /// again without them.
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.threshold = threshold;
        self
    }

    /// The ridge penalty on squared weights, each times the variance of its parent.
    pub fn ridge(mut self, penalty: f64) -> Self {
        self.ridge = penalty;
        self
    }

    /// Whether nodes have intercepts.
    pub fn intercept(mut self, intercept: bool) -> Self {
        self.intercept = intercept;
        self
    }

    fn validate(&self) -> Result<()> {
        for (parameter, value) in [("threshold", self.threshold), ("ridge", self.ridge)] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(Error::invalid_parameter(
                    parameter,
                    value,
                    "a finite number of at least zero",
                ));
            }
        }
        Ok(())
    }

    /// The parents of every node, and the report without the objective.
    fn structure(&self, moments: &Moments) -> Result<(Vec<Vec<usize>>, StructureReport)> {
        let relaxed = match self.search {
            StructureSearch::Notears => notears(moments)?,
            StructureSearch::Dagma => dagma(moments)?,
            StructureSearch::Order => {
                let order = self.order(moments)?;
                let report = StructureReport {
                    fit: FitReport {
                        termination: Termination::DirectSolve,
                        iterations: 0,
                        objective: 0.0,
                        best_epoch: None,
                    },
                    margin: Some(order.margin).filter(|margin| margin.is_finite()),
                    order: order.nodes.clone(),
                    exact: order.exact,
                    cycles: 0.0,
                    removed: 0.0,
                };
                let mut parents = vec![Vec::new(); moments.nodes()];
                for (place, &node) in order.nodes.iter().enumerate() {
                    parents[node] = order.nodes[..place].to_vec();
                    parents[node].sort_unstable();
                }
                return Ok((parents, report));
            }
        };
        Self::projected(relaxed, self.threshold)
    }

    fn projected(relaxed: Relaxed, threshold: f64) -> Result<(Vec<Vec<usize>>, StructureReport)> {
        let numerical = |error| Error::numerical("the projection to an acyclic graph", error);
        let trimmed = relaxed.weights.mapv(|weight| {
            if weight.abs() > threshold {
                weight
            } else {
                0.0
            }
        });
        let part = acyclic_part(trimmed.view(), Projection::Auto).map_err(numerical)?;
        let order = contextualized_solvers::topological_order(part.weights.view())
            .map_err(numerical)?
            .unwrap_or_default();
        let parents = part
            .weights
            .columns()
            .into_iter()
            .map(|column| {
                let edges = column.indexed_iter().filter(|(_, weight)| **weight != 0.0);
                edges.map(|(from, _)| from).collect()
            })
            .collect();
        let report = StructureReport {
            fit: FitReport {
                termination: if relaxed.converged {
                    Termination::Converged
                } else {
                    Termination::IterationLimit
                },
                iterations: relaxed.iterations,
                objective: 0.0,
                best_epoch: None,
            },
            order,
            margin: None,
            exact: false,
            cycles: relaxed.cycles,
            removed: part.removed,
        };
        Ok((parents, report))
    }

    fn order(&self, moments: &Moments) -> Result<Order> {
        let nodes = moments.nodes();
        let required = Array2::zeros((nodes, nodes));
        if nodes > EXACT_NODES {
            let order = greedy_order(required.view(), |before| {
                let mut costs = vec![f64::INFINITY; nodes];
                for node in (0..nodes).filter(|node| !before.contains(node)) {
                    // Falls back on the whole variance where the solve fails, which loses the step.
                    costs[node] = match moments.regress(node, before, self.ridge) {
                        Ok(regression) => regression.left,
                        Err(_) => moments.covariance[[node, node]],
                    };
                }
                Ok::<_, contextualized_solvers::Error>(costs)
            });
            return order.map_err(|error| Error::numerical("the order search", error));
        }
        let mut table = vec![f64::INFINITY; nodes << nodes];
        for set in 0..1_usize << nodes {
            let before: Vec<usize> = (0..nodes).filter(|&node| set >> node & 1 == 1).collect();
            for node in (0..nodes).filter(|node| set >> node & 1 == 0) {
                table[set * nodes + node] = moments.regress(node, &before, self.ridge)?.left;
            }
        }
        let cost = |set: u32, node: usize| table[set as usize * nodes + node];
        exact_order(required.view(), cost)
            .map_err(|error| Error::numerical("the order search", error))
    }
}

impl NetworkEstimator for PopulationBayesianNetwork {
    fn with_seed(_: u64) -> Self {
        Self::new()
    }
}

impl Estimator for PopulationBayesianNetwork {
    type Model = PopulationBayesianModel;

    fn name(&self) -> String {
        let mut settings = vec![match self.search {
            StructureSearch::Order => "order".to_owned(),
            StructureSearch::Notears => "NOTEARS".to_owned(),
            StructureSearch::Dagma => "DAGMA".to_owned(),
        }];
        if self.ridge != 0.0 {
            settings.push(format!("ridge {}", self.ridge));
        }
        if self.threshold != 0.0 {
            settings.push(format!("threshold {}", self.threshold));
        }
        if !self.intercept {
            settings.push("no intercepts".to_owned());
        }
        format!("population Bayesian network ({})", settings.join(", "))
    }

    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a setting out of range; [`Error::TooFewRows`] for no more rows
    /// than a node may have coefficients, unless a ridge is set; [`Error::NotFinite`] and
    /// [`Error::Numerical`] where a result overflows. A continuous search that reaches its limits is no
    /// error: its report says so.
    fn fit(&self, samples: &Samples) -> Result<PopulationBayesianModel> {
        self.validate()?;
        let samples = samples.rows_that_count()?;
        let nodes = samples.features().ncols();
        let needed = nodes + 1 + usize::from(self.intercept);
        if self.ridge == 0.0 && samples.rows() < needed {
            return Err(Error::TooFewRows {
                purpose: format!("a Bayesian network of {nodes} nodes"),
                needed,
                found: samples.rows(),
            });
        }
        let moments = Moments::of(&samples, self.intercept)?;
        let (mut parents, mut report) = self.structure(&moments)?;
        let mut weights = Array2::zeros((nodes, nodes));
        let mut variances = Array1::zeros(nodes);
        let mut objective = 0.0;
        for node in 0..nodes {
            let mut regression = moments.regress(node, &parents[node], self.ridge)?;
            // Without the weak, others may become weak.
            loop {
                let strong: Vec<usize> = parents[node]
                    .iter()
                    .zip(&regression.weights)
                    .filter(|(_, weight)| self.threshold == 0.0 || weight.abs() > self.threshold)
                    .map(|(parent, _)| *parent)
                    .collect();
                if strong.len() == parents[node].len() {
                    break;
                }
                regression = moments.regress(node, &strong, self.ridge)?;
                parents[node] = strong;
            }
            for (&parent, &weight) in parents[node].iter().zip(&regression.weights) {
                weights[[parent, node]] = weight;
            }
            let left = regression.left * moments.unit * moments.unit;
            objective += left;
            let taken = regression.degrees + f64::from(u8::from(self.intercept));
            let rest = (moments.effective - taken).max(1.0);
            variances[node] = (left * (moments.effective / rest)).max(f64::MIN_POSITIVE);
        }
        report.fit.objective = objective;
        let model = PopulationBayesianModel {
            contexts: samples.contexts().ncols(),
            intercepts: &moments.centers - &moments.centers.dot(&weights),
            weights,
            variances,
            report,
        };
        model.check()?;
        Ok(model)
    }
}
