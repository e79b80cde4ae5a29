//! Section 2 of the demo: what is fitted in each part of it, and what comes out.

use contextualized_baselines::{ClusterNetworks, PopulationBayesianNetwork};
use contextualized_core::{
    Estimator, NetworkDensity, NetworkKind, Networks, NodeDistribution, Result,
    StructuralEquations, VaryingNetworks,
};
use contextualized_graphs::bayesian::{GaussianProcessBayesianNetwork, NeuralBayesianNetwork};
use contextualized_simulation::{NetworkProblem, SimulatedNetworks};
use ndarray::{Array1, Array3, ArrayView2};
use serde::Serialize;
use std::time::Instant;

/// Parts of the demo's second section that fit a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkPart {
    /// One network for all.
    Population,
    /// A network in each of ten clusters.
    Clusters,
    /// Networks as a function of the context, and the anchors: no edge, and the truth.
    Contextualized,
}

impl NetworkPart {
    /// All parts, in the demo's order.
    pub const ALL: [Self; 3] = [Self::Population, Self::Clusters, Self::Contextualized];

    /// The demo's number for it.
    pub fn section(self) -> &'static str {
        match self {
            Self::Population => "2.2",
            Self::Clusters => "2.3",
            Self::Contextualized => "2.4",
        }
    }
}

/// The clusters of the demo.
const CLUSTERS: usize = 10;

/// One line of the table.
#[derive(Debug, Clone, Serialize)]
pub struct NetworkRow {
    /// Section of the demo.
    pub section: &'static str,
    /// Which model, or which anchor.
    pub model: &'static str,
    /// Mean squared error of all 16 weights, on the samples learned from.
    pub parameter_mse_train: f64,
    /// The same on the samples held out.
    pub parameter_mse_test: f64,
    /// Mean squared error of nodes given their parents, on the samples learned from.
    pub reconstruction_mse_train: f64,
    /// The same on the samples held out.
    pub reconstruction_mse_test: f64,
    /// Wall-clock seconds of the fit alone.
    pub seconds: f64,
}

/// A line, and what the figures need of the model behind it.
#[derive(Debug, Clone)]
pub struct NetworkOutcome {
    /// The line.
    pub row: NetworkRow,
    /// The estimated networks of all samples, by context.
    pub networks: Networks,
}

/// Everything one part of the demo fits, on the data given and with models of the seed given.
///
/// # Errors
///
/// Those of the estimators; there are none for these data.
pub fn outcomes(
    part: NetworkPart,
    problem: &NetworkProblem,
    seed: u64,
) -> Result<Vec<NetworkOutcome>> {
    // The truth has no intercepts.
    let population = PopulationBayesianNetwork::new().intercept(false);
    let section = part.section();
    Ok(match part {
        NetworkPart::Population => vec![fitted(problem, section, "population", &population)?],
        NetworkPart::Clusters => {
            let clusters = ClusterNetworks::new(population)
                .clusters(CLUSTERS)
                .seed(seed);
            vec![fitted(problem, section, "cluster", &clusters)?]
        }
        NetworkPart::Contextualized => vec![
            fitted(
                problem,
                section,
                "neural",
                &NeuralBayesianNetwork::new().seed(seed),
            )?,
            fitted(
                problem,
                section,
                "gp",
                &GaussianProcessBayesianNetwork::new(),
            )?,
            judged(problem, section, "empty", &Empty, 0.0)?,
            judged(problem, section, "oracle", &Oracle, 0.0)?,
        ],
    })
}

fn fitted<E>(
    problem: &NetworkProblem,
    section: &'static str,
    name: &'static str,
    estimator: &E,
) -> Result<NetworkOutcome>
where
    E: Estimator,
    E::Model: NetworkDensity,
{
    let start = Instant::now();
    let model = estimator.fit(&problem.train().samples)?;
    let seconds = start.elapsed().as_secs_f64();
    judged(problem, section, name, &model, seconds)
}

fn judged(
    problem: &NetworkProblem,
    section: &'static str,
    name: &'static str,
    model: &dyn NetworkDensity,
    seconds: f64,
) -> Result<NetworkOutcome> {
    let errors = |data: &SimulatedNetworks| -> Result<(f64, f64)> {
        let contexts = data.samples.contexts();
        let networks = model.networks(contexts)?;
        let differences = &data.networks.edges() - &networks.edges();
        let reconstruction = model.reconstruction_errors(contexts, data.samples.features())?;
        Ok((
            differences.mapv(|d| d * d).mean().unwrap_or(0.0),
            reconstruction.mean().unwrap_or(0.0),
        ))
    };
    let (parameter_mse_train, reconstruction_mse_train) = errors(problem.train())?;
    let (parameter_mse_test, reconstruction_mse_test) = errors(problem.test())?;
    Ok(NetworkOutcome {
        row: NetworkRow {
            section,
            model: name,
            parameter_mse_train,
            parameter_mse_test,
            reconstruction_mse_train,
            reconstruction_mse_test,
            seconds,
        },
        networks: model.networks(problem.all().samples.contexts())?,
    })
}

/// No edges.
struct Empty;

/// The true networks.
struct Oracle;

impl VaryingNetworks for Empty {
    fn kind(&self) -> NetworkKind {
        NetworkKind::Directed
    }

    fn networks(&self, contexts: ArrayView2<'_, f64>) -> Result<Networks> {
        let nodes = NetworkProblem::network(0.0).nrows();
        Networks::new(Array3::zeros((contexts.nrows(), nodes, nodes)))
    }
}

impl NetworkDensity for Empty {
    fn distributions(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<NodeDistribution>> {
        Ok(with_unit_noise(&self.networks(contexts)?))
    }
}

impl VaryingNetworks for Oracle {
    fn kind(&self) -> NetworkKind {
        NetworkKind::Directed
    }

    fn networks(&self, contexts: ArrayView2<'_, f64>) -> Result<Networks> {
        let nodes = NetworkProblem::network(0.0).nrows();
        let contexts = contexts.column(0);
        let networks: Vec<_> = contexts
            .iter()
            .copied()
            .map(NetworkProblem::network)
            .collect();
        Networks::stacked(&networks, nodes)
    }
}

impl NetworkDensity for Oracle {
    fn distributions(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<NodeDistribution>> {
        Ok(with_unit_noise(&self.networks(contexts)?))
    }
}

/// Equations without intercepts, whose noise has a variance of one.
fn with_unit_noise(networks: &Networks) -> Vec<NodeDistribution> {
    let equations = |weights: ArrayView2<'_, f64>| {
        NodeDistribution::Structural(StructuralEquations {
            weights: weights.to_owned(),
            intercepts: Array1::zeros(networks.nodes()),
            noise_variances: Array1::ones(networks.nodes()),
        })
    };
    networks.edges().outer_iter().map(equations).collect()
}

/// Asserts what holds for every seed: the order of the models, and that nobody beats the truth by more
/// than chance.
///
/// # Panics
///
/// When it does not hold, naming the claim.
pub fn assert_order(outcomes: &[NetworkOutcome]) {
    let error = |model: &str| {
        outcomes
            .iter()
            .find(|outcome| outcome.row.model == model)
            .map(|outcome| outcome.row.parameter_mse_test)
    };
    let below = |lower: Option<f64>, upper: Option<f64>, claim: &str| {
        if let (Some(lower), Some(upper)) = (lower, upper) {
            assert!(lower < upper, "{claim}: {lower} against {upper}");
        }
    };
    below(
        error("oracle"),
        Some(1e-30),
        "the oracle knows the networks",
    );
    below(error("population"), error("empty"), "a network beats none");
    below(
        error("cluster"),
        error("population"),
        "clusters beat the population",
    );
    below(
        error("neural"),
        error("population"),
        "networks of the context beat the population's",
    );
    below(
        error("gp"),
        error("cluster"),
        "a Gaussian process beats clusters",
    );
    below(
        error("gp"),
        error("neural"),
        "a Gaussian process beats the network",
    );
}
