//! Precisions in closed form, from kernel-weighted covariances.

use crate::checks::check_not_negative;
use crate::local::{LocalCovariance, LocalNormal, LocalReport, LocalSettings, local_setters};
use crate::normal::in_units;
use crate::numerical::numerical;
use contextualized_core::{
    Checked, Estimator, MarkovNetworks, NetworkDensity, NetworkEstimator, NetworkKind, Networks,
    NodeDistribution, NodeNormal, Result, Samples, VaryingNetworks, checked_serde,
};
use contextualized_solvers::Normal;
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

/// Contextualized precision matrices in closed form, by context kernels.
///
/// ```text
/// Ω(c) = Σ(c)⁻¹                                                          or, with a penalty,
/// Ω(c) = argmin  − log det Ω + tr(Σ(c) Ω) + λ Σ_{i≠j} √(Σᵢᵢ Σⱼⱼ) |Ωᵢⱼ|
/// ```
///
/// with the covariances Σ(c) of [`KernelCorrelation`](crate::correlation::KernelCorrelation), their
/// bandwidths and their shrinkage, which keeps Σ(c) positive definite with few rows and many nodes.
/// The penalty is in units of correlations: what is penalised is the precision of nodes scaled to
/// unit variance at their context.
///
/// | setting | default | range |
/// |---|---|---|
/// | order | [`Quadratic`](crate::Order::Quadratic) | constant, linear or quadratic |
/// | penalty λ | none | 0 or more |
/// | bandwidths | estimated | or given |
/// | evaluation rows | 500 up to 20 nodes, 10 000 / nodes beyond, at least 100 | 2 or more |
/// | seed | 0 | |
///
/// Bandwidths are chosen for the covariances, without the penalty. Nodes are the features of the
/// samples; targets are not read. Row weights count rows.
///
/// The graphical lasso after Friedman, Hastie and Tibshirani (2008),
/// [doi:10.1093/biostatistics/kxm045](https://doi.org/10.1093/biostatistics/kxm045).
///
/// ```
/// use contextualized_core::{Estimator, MarkovNetworks, VaryingNetworks};
/// use contextualized_graphs::markov::KernelMarkov;
/// use contextualized_simulation::CovarianceSimulator;
/// use ndarray::array;
///
/// // A chain 0 – 1 – 2: its ends depend on each other through the middle alone.
/// let data = CovarianceSimulator::new(500)
///     .uniform_contexts(1, -1.0, 1.0)
///     .precision(|c| {
///         let edge = -0.5 * c[0];
///         array![[1.0, edge, 0.0], [edge, 1.0, -0.5], [0.0, -0.5, 1.0]]
///     })
///     .simulate(0)?;
/// let at = array![[-0.8], [0.8]];
///
/// let model = KernelMarkov::new().fit(&data.samples)?;
/// let partial = model.partial_correlations(at.view())?;
/// assert!((partial[[0, 0, 1]] + 0.4).abs() < 0.15 && (partial[[1, 0, 1]] - 0.4).abs() < 0.15);
/// assert!(partial[[1, 0, 2]].abs() < 0.15);
///
/// // With a penalty the edge that is not there is exactly zero.
/// let sparse = KernelMarkov::new().penalty(0.15).fit(&data.samples)?;
/// let networks = sparse.networks(at.view())?;
/// assert!(networks.edges()[[1, 0, 2]] == 0.0 && networks.edges()[[1, 0, 1]] != 0.0);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KernelMarkov {
    settings: LocalSettings,
    penalty: Option<f64>,
}

impl KernelMarkov {
    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// The penalty λ of a graphical lasso, on the scale of correlations.
    pub fn penalty(mut self, penalty: f64) -> Self {
        self.penalty = Some(penalty);
        self
    }

    local_setters!();
}

fn check_penalty(penalty: Option<f64>) -> Result<()> {
    penalty.map_or(Ok(()), |penalty| check_not_negative("penalty", penalty))
}

impl NetworkEstimator for KernelMarkov {
    fn with_seed(seed: u64) -> Self {
        Self::new().seed(seed)
    }
}

impl Estimator for KernelMarkov {
    type Model = KernelMarkovModel;

    fn name(&self) -> String {
        let mut settings: Vec<String> = self.settings.order.name().into_iter().collect();
        if let Some(penalty) = self.penalty {
            settings.push(format!("penalty {penalty}"));
        }
        if settings.is_empty() {
            "kernel Markov".to_owned()
        } else {
            format!("kernel Markov ({})", settings.join(", "))
        }
    }

    /// # Errors
    ///
    /// [`Error::InvalidParameter`](contextualized_core::Error::InvalidParameter) for a penalty below zero, and those of
    /// [`KernelCorrelation`](crate::correlation::KernelCorrelation).
    fn fit(&self, samples: &Samples) -> Result<KernelMarkovModel> {
        check_penalty(self.penalty)?;
        Ok(KernelMarkovModel {
            local: self.settings.fit(samples)?,
            penalty: self.penalty,
        })
    }
}

/// Fitted kernel precisions. Reloaded through serde they are the same bits; numbers that contradict
/// each other are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct KernelMarkovModel {
    local: LocalCovariance,
    penalty: Option<f64>,
}

checked_serde!(KernelMarkovModel);

impl Checked for KernelMarkovModel {
    fn check(&self) -> Result<()> {
        check_penalty(self.penalty)
    }
}

impl KernelMarkovModel {
    /// Bandwidths, and how they were found.
    pub fn report(&self) -> &LocalReport {
        &self.local.report
    }

    /// The means at every row of contexts (n × p), in the features' units.
    ///
    /// # Errors
    ///
    /// Those of [`VaryingNetworks::networks`].
    pub fn means(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        self.local.means(contexts)
    }

    fn normal(&self, local: LocalNormal) -> Result<NodeNormal> {
        let normal = match self.penalty {
            None => local.factorised()?,
            Some(penalty) => numerical(
                "a sparse precision",
                Normal::sparse(local.mean, local.covariance.view(), penalty),
            )?,
        };
        in_units(normal, &self.local.scaling)
    }
}

impl VaryingNetworks for KernelMarkovModel {
    fn kind(&self) -> NetworkKind {
        NetworkKind::Precision
    }

    /// Precisions, in the inverse of the features' units.
    ///
    /// # Errors
    ///
    /// [`Error::NotFinite`](contextualized_core::Error::NotFinite) also where features are so small that their precision overflows.
    fn networks(&self, contexts: ArrayView2<'_, f64>) -> Result<Networks> {
        let precisions = self
            .local
            .map_covariances(contexts, |local| Ok(self.normal(local)?.precision()))?;
        Networks::stacked(&precisions, self.local.nodes())
    }
}

impl MarkovNetworks for KernelMarkovModel {}

impl NetworkDensity for KernelMarkovModel {
    /// N(m(c), Ω(c)⁻¹).
    fn distributions(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<NodeDistribution>> {
        self.local.map(contexts, |local| {
            Ok(NodeDistribution::Normal(self.normal(local)?))
        })
    }
}
