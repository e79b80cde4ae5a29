//! Correlations in closed form, from kernel-weighted covariances.

use crate::local::{LocalCovariance, LocalReport, LocalSettings, local_setters};
use crate::normal::in_units;
use crate::numerical::numerical;
use contextualized_core::{
    Estimator, NetworkDensity, NetworkEstimator, NetworkKind, Networks, NodeDistribution, Result,
    Samples, VaryingNetworks,
};
use contextualized_solvers::correlation;
use ndarray::{Array1, Array2, Array3, ArrayView2};
use serde::{Deserialize, Serialize};

/// Contextualized correlations in closed form, by context kernels.
///
/// ```text
/// x | c ~ N(m(c), Σ(c))
/// m(c)  = Σᵢ lᵢ(c) xᵢ
/// S(c)  = Σᵢ lᵢ(c) rᵢ rᵢᵀ,   rᵢ = (xᵢ − m(cᵢ)) / √(1 − lᵢ(cᵢ))
/// Σ(c)  = (n(c) S(c) + a T + b diag T) / (n(c) + a + b),   n(c) = 1 / Σᵢ lᵢ(c)²
/// R(c)  = Σ(c), scaled to a unit diagonal
/// ```
///
/// The weights lᵢ(c) of the training rows are those of a local polynomial fit at c under a Gaussian
/// kernel, whose bandwidths, one a context column, are chosen by leave-one-out likelihood: those of
/// the means first, then those of the covariances, together with the numbers a and b of pseudo-rows
/// that the population's covariance T and one without correlations count for. T has its correlations
/// shrunken by a closed form, so that it is positive definite with few rows and many nodes too. Where
/// negative weights leave Σ(c) with less than 0.01 of the mixture of T and diag T in some direction,
/// it is shrunk towards that mixture until it has as much. A column whose absence costs
/// less than one standard error of the likelihood is switched off by an infinite bandwidth: where
/// contexts say nothing, the network is the population's. Outside of the data, where n(c) falls, it
/// goes there.
///
/// | setting | default | range |
/// |---|---|---|
/// | order | [`Quadratic`](crate::Order::Quadratic) | constant, linear or quadratic |
/// | bandwidths | estimated | or given |
/// | evaluation rows | 500 up to 20 nodes, 10 000 / nodes beyond, at least 100 | 2 or more |
/// | seed | 0 | |
///
/// Nodes are the features of the samples; targets are not read. Row weights count rows. Where there
/// are more rows than evaluation rows, bandwidths are chosen by the likelihood of a random sample of
/// so many, each predicted by all others.
///
/// Kernel-weighted covariances after Yin, Geng, Li and Wang (2010), Nonparametric covariance model,
/// Statistica Sinica 20, 469–479; local polynomials after Fan and Gijbels (1996), Local Polynomial
/// Modelling and Its Applications,
/// [doi:10.1201/9780203748725](https://doi.org/10.1201/9780203748725); the closed form of the
/// shrinkage after Schäfer and Strimmer (2005),
/// [doi:10.2202/1544-6115.1175](https://doi.org/10.2202/1544-6115.1175).
///
/// ```
/// use contextualized_core::{Estimator, VaryingNetworks};
/// use contextualized_graphs::correlation::KernelCorrelation;
/// use contextualized_simulation::CovarianceSimulator;
/// use ndarray::array;
///
/// // The correlation is 0.8 times the context.
/// let data = CovarianceSimulator::new(500)
///     .uniform_contexts(1, -1.0, 1.0)
///     .covariance(|c| array![[1.0, 0.8 * c[0]], [0.8 * c[0], 1.0]])
///     .simulate(0)?;
/// let model = KernelCorrelation::new().fit(&data.samples)?;
/// let networks = model.networks(array![[-0.8], [0.0], [0.8]].view())?;
/// let found = |row| networks.edges()[[row, 0, 1]];
/// assert!((found(0) + 0.64).abs() < 0.1 && found(1).abs() < 0.1 && (found(2) - 0.64).abs() < 0.1);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KernelCorrelation {
    settings: LocalSettings,
}

impl KernelCorrelation {
    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    local_setters!();
}

impl NetworkEstimator for KernelCorrelation {
    fn with_seed(seed: u64) -> Self {
        Self::new().seed(seed)
    }
}

impl Estimator for KernelCorrelation {
    type Model = KernelCorrelationModel;

    fn name(&self) -> String {
        match self.settings.order.name() {
            None => "kernel correlation".to_owned(),
            Some(order) => format!("kernel correlation ({order})"),
        }
    }

    /// # Errors
    ///
    /// [`contextualized_core::Error::TooFewRows`] for less than three rows that count;
    /// [`contextualized_core::Error::InvalidParameter`] for a setting out of range, and for a feature
    /// that is the same in every row; [`contextualized_core::Error::ColumnCount`] for bandwidths of
    /// other columns; [`contextualized_core::Error::CodedFactor`]; [`contextualized_core::Error::NotFinite`] and
    /// [`contextualized_core::Error::Numerical`] where a result overflows.
    fn fit(&self, samples: &Samples) -> Result<KernelCorrelationModel> {
        Ok(KernelCorrelationModel {
            local: self.settings.fit(samples)?,
        })
    }
}

/// Fitted kernel correlations. Reloaded through serde they are the same bits; numbers that
/// contradict each other are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KernelCorrelationModel {
    local: LocalCovariance,
}

impl KernelCorrelationModel {
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

    /// The covariances at every row of contexts (n × p × p), in the features' units: n · p² numbers.
    ///
    /// # Errors
    ///
    /// Those of [`VaryingNetworks::networks`].
    pub fn covariances(&self, contexts: ArrayView2<'_, f64>) -> Result<Array3<f64>> {
        let scales = self.local.scaling.scales();
        let covariances = self.local.map_covariances(contexts, |normal| {
            Ok(Array2::from_shape_fn(normal.covariance.dim(), |(i, j)| {
                let (i, j) = (i.max(j), i.min(j));
                normal.covariance[[i, j]] * scales[i] * scales[j]
            }))
        })?;
        Ok(Networks::stacked(&covariances, self.local.nodes())?.into_edges())
    }

    /// How many equally weighted rows the covariance at every context is made of: the smaller, the
    /// nearer the network is to the population's.
    ///
    /// # Errors
    ///
    /// Those of [`VaryingNetworks::networks`].
    pub fn effective_rows(&self, contexts: ArrayView2<'_, f64>) -> Result<Array1<f64>> {
        let rows = self
            .local
            .map_covariances(contexts, |normal| Ok(normal.effective_rows))?;
        Ok(Array1::from_vec(rows))
    }
}

impl VaryingNetworks for KernelCorrelationModel {
    fn kind(&self) -> NetworkKind {
        NetworkKind::Correlation
    }

    /// Correlations.
    fn networks(&self, contexts: ArrayView2<'_, f64>) -> Result<Networks> {
        let correlations = self.local.map_covariances(contexts, |normal| {
            numerical(
                "a correlation matrix",
                correlation(normal.covariance.view()),
            )
        })?;
        Networks::stacked(&correlations, self.local.nodes())
    }
}

impl NetworkDensity for KernelCorrelationModel {
    /// N(m(c), Σ(c)).
    fn distributions(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<NodeDistribution>> {
        self.local.map(contexts, |normal| {
            let normal = in_units(normal.factorised()?, &self.local.scaling)?;
            Ok(NodeDistribution::Normal(normal))
        })
    }
}
