//! Precisions in closed form, from kernel-weighted covariances.

use crate::local::{Bandwidths, LocalCovariance, LocalNormal, LocalReport, LocalSettings, Order};
use crate::normal::{log_density, precision_in_units};
use crate::numerical::numerical;
use crate::rows::{stacked, stacked_vectors};
use contextualized_core::validate::check_query;
use contextualized_core::{
    Error, Estimator, MarkovNetworks, NetworkDensity, NetworkKind, Networks, Result, Samples,
    VaryingNetworks,
};
use contextualized_solvers::{Normal, graphical_lasso};
use ndarray::{Array1, Array2, ArrayView2, Axis};
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
/// | order | [`Order::Quadratic`] | constant, linear or quadratic |
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

    /// How estimates follow their contexts.
    pub fn order(mut self, order: Order) -> Self {
        self.settings.order = order;
        self
    }

    /// The penalty λ of a graphical lasso, on the scale of correlations.
    pub fn penalty(mut self, penalty: f64) -> Self {
        self.penalty = Some(penalty);
        self
    }

    /// These bandwidths, known: nothing is searched. Those of a
    /// [report](KernelMarkovModel::report) are an example.
    pub fn bandwidths(mut self, bandwidths: Bandwidths) -> Self {
        self.settings.bandwidths = Some(bandwidths);
        self
    }

    /// The most rows whose likelihood bandwidths are chosen by.
    pub fn evaluation_rows(mut self, rows: usize) -> Self {
        self.settings.evaluation_rows = Some(rows);
        self
    }

    /// Seed of the choice of evaluation rows.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }
}

fn check_penalty(penalty: Option<f64>) -> Result<()> {
    match penalty {
        Some(penalty) if !(penalty >= 0.0 && penalty.is_finite()) => Err(Error::invalid_parameter(
            "penalty",
            penalty,
            "a finite number of at least zero",
        )),
        _ => Ok(()),
    }
}

impl Estimator for KernelMarkov {
    type Model = KernelMarkovModel;

    fn name(&self) -> String {
        let mut settings: Vec<String> = self.settings.order.name().into_iter().collect();
        if let Some(penalty) = self.penalty {
            settings.push(format!("penalty {penalty}"));
        }
        match &settings[..] {
            [] => "kernel Markov".to_owned(),
            _ => format!("kernel Markov ({})", settings.join(", ")),
        }
    }

    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a penalty below zero, and those of
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
#[serde(try_from = "Unchecked")]
pub struct KernelMarkovModel {
    local: LocalCovariance,
    penalty: Option<f64>,
}

/// What a file may hold, before it is checked.
#[derive(Deserialize)]
struct Unchecked {
    local: LocalCovariance,
    penalty: Option<f64>,
}

impl TryFrom<Unchecked> for KernelMarkovModel {
    type Error = Error;

    fn try_from(Unchecked { local, penalty }: Unchecked) -> Result<Self> {
        check_penalty(penalty)?;
        Ok(Self { local, penalty })
    }
}

impl KernelMarkovModel {
    /// Bandwidths, and how they were found.
    pub fn report(&self) -> &LocalReport {
        self.local.report()
    }

    /// The means at every row of contexts (n × p), in the features' units.
    ///
    /// # Errors
    ///
    /// Those of [`VaryingNetworks::networks`].
    pub fn means(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let means = self
            .local
            .map(contexts, |_, normal| Ok(self.local.in_units(&normal).0))?;
        stacked_vectors(means, self.local.nodes())
    }

    fn normal(&self, local: LocalNormal) -> Result<Normal> {
        let Some(penalty) = self.penalty else {
            return self.local.normal(local);
        };
        let deviations = local.covariance.diag().mapv(f64::sqrt);
        let correlation = numerical(
            "a correlation matrix",
            contextualized_solvers::correlation(local.covariance.view()),
        )?;
        let sparse = numerical(
            "a sparse precision",
            graphical_lasso(correlation.view(), penalty),
        )?;
        let precision = precision_in_units(&sparse.precision, deviations.view());
        numerical(
            "the factorisation of a precision",
            Normal::from_precision(local.mean, precision),
        )
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
    /// [`Error::NotFinite`] also where features are so small that their precision overflows.
    fn networks(&self, contexts: ArrayView2<'_, f64>) -> Result<Networks> {
        let scales = self.local.scaling().scales();
        let precisions = self.local.map_covariances(contexts, |_, normal| {
            let normal = self.normal(normal)?;
            Ok(precision_in_units(normal.precision(), scales))
        })?;
        Networks::new(stacked(precisions, self.local.nodes())?)
    }

    /// The mean of every feature given the others under N(m(c), Ω(c)⁻¹).
    fn reconstruct(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        check_query(
            contexts,
            self.local.contexts(),
            features,
            self.local.nodes(),
        )?;
        let standardized = self.local.scaling().apply(features)?;
        let rows = self.local.map(contexts, |row, normal| {
            let normal = self.normal(normal)?;
            let row = standardized.index_axis(Axis(0), row);
            numerical("a conditional mean", normal.given_others(row))
        })?;
        self.local
            .scaling()
            .invert(stacked_vectors(rows, self.local.nodes())?.view())
    }
}

impl MarkovNetworks for KernelMarkovModel {}

impl NetworkDensity for KernelMarkovModel {
    /// Of N(m(c), Ω(c)⁻¹).
    fn log_densities(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array1<f64>> {
        check_query(
            contexts,
            self.local.contexts(),
            features,
            self.local.nodes(),
        )?;
        let standardized = self.local.scaling().apply(features)?;
        let densities = self.local.map(contexts, |row, normal| {
            let normal = self.normal(normal)?;
            log_density(
                &normal,
                standardized.index_axis(Axis(0), row),
                self.local.scaling(),
            )
        })?;
        Ok(Array1::from_vec(densities))
    }
}
