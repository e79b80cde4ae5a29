//! Correlations from pairwise regressions whose coefficients an encoder mixes.

use crate::neural::{
    LOG_VARIANCES, Learned, NeuralSettings, Nodes, Task, check_learned, neural_setters, pairs,
};
use crate::normal::in_units;
use crate::numerical::numerical;
use contextualized_core::{
    Checked, Estimator, FitReport, NetworkDensity, NetworkEstimator, NetworkKind, Networks,
    NodeDistribution, NodeNormal, Result, Samples, Standardization, VaryingNetworks, checked_serde,
};
use contextualized_encoders::Training;
use contextualized_solvers::{Normal, nearest_correlation};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

/// Contextualized correlations by a neural encoder: every node is regressed on every other one alone.
///
/// ```text
/// xᵢ ≈ βᵢⱼ(c) xⱼ + μᵢⱼ(c)        β, μ: the population's, plus a share of Σₖ zₖ(c) Aₖ
/// rᵢⱼ = sign(βᵢⱼ) √(βᵢⱼ βⱼᵢ)     where signs agree and at most 1; 0 where they differ
/// R(c) = the correlation matrix nearest to r
/// ```
///
/// Encoder and archetypes A are trained by Adam on the squared error over all pairs i ≠ j, in units
/// of standardised nodes. The share in \[0, 1\] that is kept is the one that predicts best on five
/// held-out folds: where contexts say nothing, the network is the population's. Two regressions that
/// are estimated apart need not fit each other; the nearest correlation matrix, by alternating
/// projections after Higham (2002, [doi:10.1093/imanum/22.3.329](https://doi.org/10.1093/imanum/22.3.329))
/// and with no eigenvalue below 0.001, is what they become.
///
/// Means and variances, which densities need, are learned in the same way from the nodes and from
/// their squared held-out residuals. All pairs of p nodes have targets of their own, and an archetype
/// holds p slopes for each, of which all but one are zero: time and memory grow with p³ (at 100 nodes
/// 8 MB for every archetype and every row of a batch). This is for some tens of nodes.
///
/// | setting | default | range |
/// |---|---|---|
/// | archetypes | 10 | 1 or more |
/// | encoder | perceptron, 2 hidden layers of 25 | |
/// | epochs | 100 | 1 or more |
/// | batch size | 16 | 1 or more |
/// | learning rate | 0.002 | above 0 |
/// | early stopping | on a random fifth of the rows, patience 10 epochs | fraction in (0, 1) |
/// | seed | 0 | |
///
/// Nodes are the features of the samples; targets are not read.
///
/// ```
/// use contextualized_core::{Estimator, VaryingNetworks};
/// use contextualized_graphs::correlation::NeuralCorrelation;
/// use contextualized_simulation::CovarianceSimulator;
/// use ndarray::array;
///
/// // The correlation is 0.8 times the context.
/// let data = CovarianceSimulator::new(400)
///     .uniform_contexts(1, -1.0, 1.0)
///     .covariance(|c| array![[1.0, 0.8 * c[0]], [0.8 * c[0], 1.0]])
///     .simulate(0)?;
/// let model = NeuralCorrelation::new().epochs(40).fit(&data.samples)?;
/// let networks = model.networks(array![[-0.8], [0.8]].view())?;
/// assert!(networks.edges()[[0, 0, 1]] < -0.3 && networks.edges()[[1, 0, 1]] > 0.3);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NeuralCorrelation {
    settings: NeuralSettings,
    training: Training,
}

impl Default for NeuralCorrelation {
    fn default() -> Self {
        Self {
            settings: NeuralSettings::default(),
            training: NeuralSettings::training(),
        }
    }
}

impl NeuralCorrelation {
    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    neural_setters!();
}

/// The least eigenvalue of a correlation matrix.
const LEAST: f64 = 1e-3;

impl NetworkEstimator for NeuralCorrelation {
    fn with_seed(seed: u64) -> Self {
        Self::new().seed(seed)
    }
}

impl Estimator for NeuralCorrelation {
    type Model = NeuralCorrelationModel;

    fn name(&self) -> String {
        format!(
            "neural correlation ({} archetypes)",
            self.settings.archetypes
        )
    }

    /// # Errors
    ///
    /// [`Error::TooFewRows`](contextualized_core::Error::TooFewRows) for less than 20 rows that count; [`Error::ColumnCount`](contextualized_core::Error::ColumnCount) for a single
    /// node; [`Error::InvalidParameter`](contextualized_core::Error::InvalidParameter) for a setting out of range and for a feature that is the same
    /// in every row; [`Error::CodedFactor`](contextualized_core::Error::CodedFactor); [`Error::Diverged`](contextualized_core::Error::Diverged); [`Error::NotFinite`](contextualized_core::Error::NotFinite) for data whose units overflow.
    fn fit(&self, samples: &Samples) -> Result<NeuralCorrelationModel> {
        self.training.validate()?;
        let data = Nodes::new(samples)?;
        let regressions = Task::Pairs.fit(&data, &self.settings, &self.training)?;
        let means = Task::Means.fit(&data, &self.settings, &self.training)?;
        let residuals = &data.nodes - &means.held_out;
        let variances =
            Task::LogVariances(&residuals).fit(&data, &self.settings, &self.training)?;
        Ok(NeuralCorrelationModel {
            context_scaling: data.context_scaling,
            scaling: data.scaling,
            regressions: regressions.learned,
            means: means.learned,
            log_variances: variances.learned,
            report: regressions.report,
        })
    }
}

/// Fitted neural correlations. Reloaded through serde they are the same bits; numbers that contradict
/// each other are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct NeuralCorrelationModel {
    context_scaling: Standardization,
    scaling: Standardization,
    regressions: Learned,
    means: Learned,
    log_variances: Learned,
    report: FitReport,
}

checked_serde!(NeuralCorrelationModel);

impl Checked for NeuralCorrelationModel {
    fn check(&self) -> Result<()> {
        let (contexts, size) = (self.context_scaling.columns(), self.scaling.columns());
        let pairs = size * (size.max(1) - 1);
        check_learned(&[
            ("regressions", &self.regressions, (contexts, size, pairs)),
            ("means", &self.means, (contexts, 1, size)),
            ("log-variances", &self.log_variances, (contexts, 1, size)),
        ])
    }
}

/// The correlation matrix that the regressions of all pairs make.
fn joined(slopes: &Array2<f64>, size: usize) -> Result<Array2<f64>> {
    let mut own = Array2::zeros((size, size));
    for (place, (i, j)) in pairs(size).enumerate() {
        own[[i, j]] = slopes[[place, j]];
    }
    let raw = Array2::from_shape_fn((size, size), |(i, j)| {
        let product = own[[i, j]] * own[[j, i]];
        if i == j {
            1.0
        } else if product > 0.0 {
            own[[i, j]].signum() * product.sqrt().min(1.0)
        } else {
            0.0
        }
    });
    numerical(
        "the nearest correlation matrix",
        nearest_correlation(raw.view(), LEAST),
    )
}

impl NeuralCorrelationModel {
    /// Why training of the regressions stopped, after how many epochs, and the mean squared error that
    /// it reached on the rows trained on, in units of standardised nodes.
    pub fn report(&self) -> &FitReport {
        &self.report
    }

    /// The share of the learned deviation from the population's regressions that is kept.
    pub fn share(&self) -> f64 {
        self.regressions.share()
    }

    /// Correlation matrices at standardised contexts.
    fn correlations(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<Array2<f64>>> {
        let size = self.scaling.columns();
        self.regressions
            .map(contexts, |_, slopes, _| joined(&slopes, size))
    }

    fn normals(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<NodeNormal>> {
        let means = self.means.intercepts(contexts)?;
        let logs = self.log_variances.intercepts(contexts)?;
        let deviations = logs.mapv(|log| (0.5 * log.clamp(LOG_VARIANCES.0, LOG_VARIANCES.1)).exp());
        self.correlations(contexts)?
            .into_iter()
            .enumerate()
            .map(|(row, correlation)| {
                let covariance = Array2::from_shape_fn(correlation.dim(), |(i, j)| {
                    correlation[[i, j]] * (deviations[[row, i]] * deviations[[row, j]])
                });
                let normal = numerical(
                    "the inverse of a covariance",
                    Normal::from_covariance(means.row(row).to_owned(), covariance.view()),
                )?;
                in_units(normal, &self.scaling)
            })
            .collect()
    }
}

impl VaryingNetworks for NeuralCorrelationModel {
    fn kind(&self) -> NetworkKind {
        NetworkKind::Correlation
    }

    /// Correlations.
    fn networks(&self, contexts: ArrayView2<'_, f64>) -> Result<Networks> {
        let contexts = self.context_scaling.apply_to_contexts(contexts)?;
        let correlations = self.correlations(contexts.view())?;
        Networks::stacked(&correlations, self.scaling.columns())
    }
}

impl NetworkDensity for NeuralCorrelationModel {
    fn distributions(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<NodeDistribution>> {
        let normals = self.normals(self.context_scaling.apply_to_contexts(contexts)?.view())?;
        Ok(normals.into_iter().map(NodeDistribution::Normal).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contextualized_solvers::symmetric_eigen;
    use proptest::prelude::*;

    proptest! {
        /// Whatever the regressions, which nothing was fitted to.
        #[test]
        fn any_regressions_make_a_correlation_matrix(
            values in prop::collection::vec(-3.0..3.0_f64, 60),
            size in 2..6_usize,
        ) {
            let slopes = Array2::from_shape_fn((size * (size - 1), size), |(place, _)| values[place]);
            let matrix = joined(&slopes, size).unwrap();
            prop_assert!(matrix.diag().iter().all(|entry| *entry == 1.0));
            prop_assert_eq!(&matrix, &matrix.t());
            prop_assert!(matrix.iter().all(|entry| entry.abs() <= 1.0));
            prop_assert!(symmetric_eigen(matrix.view()).unwrap().values[0] >= LEAST - 1e-12);
        }
    }
}
