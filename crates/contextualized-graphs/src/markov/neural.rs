//! Precisions from neighbourhood regressions whose coefficients an encoder mixes.

use crate::neural::{
    LOG_VARIANCES, Learned, NeuralSettings, Nodes, Task, check_learned, neural_setters,
};
use crate::numerical::numerical;
use contextualized_core::validate::check_rows;
use contextualized_core::{
    Checked, Error, Estimator, FitReport, MarkovNetworks, NetworkDensity, NetworkEstimator,
    NetworkKind, Networks, NodeDistribution, NodeNormal, Result, Samples, Standardization,
    VaryingNetworks, checked_serde,
};
use contextualized_encoders::Training;
use contextualized_solvers::symmetric_eigen;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

/// When two regressions of a pair make an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum EdgeRule {
    /// Both nodes have the other among their neighbours, and signs agree.
    #[default]
    And,
    /// At least one has. Where the other has not, the partial correlation is that of the one alone,
    /// `βᵢⱼ √(vⱼ / vᵢ)`.
    Or,
}

/// Contextualized precision matrices by a neural encoder: every node is regressed on all others.
///
/// ```text
/// xᵢ = μᵢ(c) + Σ_{j≠i} βᵢⱼ(c) xⱼ + εᵢ,   εᵢ ~ N(0, vᵢ(c))
/// pᵢⱼ = sign(βᵢⱼ) √(βᵢⱼ βⱼᵢ)             where signs agree and at most 1; 0 where they differ
/// Ω = D^½ (I − t P) D^½,   Dᵢᵢ = 1 / vᵢ,  P = (pᵢⱼ) with a zero diagonal
/// ```
///
/// β and μ are the population's plus a share of Σₖ zₖ(c) Aₖ, trained by Adam on the squared error in
/// units of standardised nodes; log v likewise, by likelihood on the squared held-out residuals. The
/// shares in \[0, 1\] are those that predict best on five held-out folds: where contexts say nothing,
/// the network is the population's. The factor t is the largest, at most 1, for which no eigenvalue of
/// I − t P is below 0.01; [`NeuralMarkovModel::partial_correlation_shares`] returns it.
///
/// With [a lasso](NeuralMarkov::lasso) there is no population to start from, and after each epoch the
/// archetypes of every pair are shortened together, those of pairs that do not earn their place to
/// exactly zero: neighbourhood selection, whose edges follow from the rule.
///
/// | setting | default | range |
/// |---|---|---|
/// | lasso | none | above 0, below 1 as a rule |
/// | rule | [`EdgeRule::And`] | and, or |
/// | archetypes | 10 | 1 or more |
/// | encoder | perceptron, 2 hidden layers of 25 | |
/// | epochs | 100 | 1 or more |
/// | batch size | 16 | 1 or more |
/// | learning rate | 0.002 | above 0 |
/// | early stopping | on a random fifth of the rows, patience 10 epochs | fraction in (0, 1) |
/// | seed | 0 | |
///
/// Nodes are the features of the samples; targets are not read. Neighbourhood selection after
/// Meinshausen and Bühlmann (2006), High-dimensional graphs and variable selection with the lasso,
/// [doi:10.1214/009053606000000281](https://doi.org/10.1214/009053606000000281).
///
/// ```
/// use contextualized_core::{Estimator, MarkovNetworks};
/// use contextualized_graphs::markov::NeuralMarkov;
/// use contextualized_simulation::CovarianceSimulator;
/// use ndarray::array;
///
/// let data = CovarianceSimulator::new(400)
///     .uniform_contexts(1, -1.0, 1.0)
///     .precision(|c| {
///         let edge = -0.7 * c[0];
///         array![[1.0, edge, 0.0], [edge, 1.0, 0.0], [0.0, 0.0, 1.0]]
///     })
///     .simulate(0)?;
/// let model = NeuralMarkov::new().epochs(40).fit(&data.samples)?;
/// let partial = model.partial_correlations(array![[-0.9], [0.9]].view())?;
/// assert!(partial[[0, 0, 1]] < -0.3 && partial[[1, 0, 1]] > 0.3 && partial[[1, 0, 2]].abs() < 0.3);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NeuralMarkov {
    settings: NeuralSettings,
    training: Training,
    lasso: Option<f64>,
    rule: EdgeRule,
}

/// The least eigenvalue of I − t P.
const LEAST: f64 = 0.01;

impl Default for NeuralMarkov {
    fn default() -> Self {
        Self {
            settings: NeuralSettings::default(),
            training: NeuralSettings::training(),
            lasso: None,
            rule: EdgeRule::default(),
        }
    }
}

impl NeuralMarkov {
    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Shortens the archetypes of every pair after each epoch by this, times the learning rate, times
    /// the epoch's steps. Since Adam divides gradients by their own size, it is a threshold on how
    /// steadily a pair's gradients point one way, between 0, noise, and 1, always.
    pub fn lasso(mut self, lasso: f64) -> Self {
        self.lasso = Some(lasso);
        self
    }

    /// When two regressions of a pair make an edge.
    pub fn rule(mut self, rule: EdgeRule) -> Self {
        self.rule = rule;
        self
    }

    neural_setters!();
}

impl NetworkEstimator for NeuralMarkov {
    fn with_seed(seed: u64) -> Self {
        Self::new().seed(seed)
    }
}

impl Estimator for NeuralMarkov {
    type Model = NeuralMarkovModel;

    fn name(&self) -> String {
        let mut settings = vec![format!("{} archetypes", self.settings.archetypes)];
        if let Some(lasso) = self.lasso {
            settings.push(format!("lasso {lasso}"));
        }
        if self.rule == EdgeRule::Or {
            settings.push("or".to_owned());
        }
        format!("neural Markov ({})", settings.join(", "))
    }

    /// # Errors
    ///
    /// [`Error::TooFewRows`] for less than 20 rows that count; [`Error::ColumnCount`] for a single
    /// node; [`Error::InvalidParameter`] for a setting out of range and for a feature that is the same
    /// in every row; [`Error::CodedFactor`]; [`Error::Diverged`]; [`Error::NotFinite`] for data whose units overflow.
    fn fit(&self, samples: &Samples) -> Result<NeuralMarkovModel> {
        self.training.validate()?;
        if let Some(lasso) = self.lasso
            && !(lasso > 0.0 && lasso.is_finite())
        {
            return Err(Error::invalid_parameter(
                "lasso",
                lasso,
                "a finite number above 0",
            ));
        }
        let data = Nodes::new(samples)?;
        let regressions =
            Task::Others { lasso: self.lasso }.fit(&data, &self.settings, &self.training)?;
        let residuals = &data.nodes - &regressions.held_out;
        let variances =
            Task::LogVariances(&residuals).fit(&data, &self.settings, &self.training)?;
        Ok(NeuralMarkovModel {
            context_scaling: data.context_scaling,
            scaling: data.scaling,
            rule: self.rule,
            regressions: regressions.learned,
            log_variances: variances.learned,
            report: regressions.report,
        })
    }
}

/// Fitted neural precisions. Reloaded through serde they are the same bits; numbers that contradict
/// each other are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct NeuralMarkovModel {
    context_scaling: Standardization,
    scaling: Standardization,
    rule: EdgeRule,
    regressions: Learned,
    log_variances: Learned,
    report: FitReport,
}

checked_serde!(NeuralMarkovModel);

impl Checked for NeuralMarkovModel {
    fn check(&self) -> Result<()> {
        let (contexts, size) = (self.context_scaling.columns(), self.scaling.columns());
        check_learned(&[
            ("regressions", &self.regressions, (contexts, size, size)),
            ("log-variances", &self.log_variances, (contexts, 1, size)),
        ])
    }
}

/// A precision of standardised nodes with the intercepts of their regressions.
struct LocalPrecision {
    /// The mean that the regressions' intercepts amount to.
    mean: Array1<f64>,
    precision: Array2<f64>,
    log_determinant: f64,
    kept: f64,
}

/// The precision that neighbourhood regressions make.
fn joined(
    rule: EdgeRule,
    slopes: &Array2<f64>,
    intercepts: &Array1<f64>,
    logs: ArrayView1<'_, f64>,
) -> Result<LocalPrecision> {
    let deviations = logs.mapv(|log| (0.5 * log.clamp(LOG_VARIANCES.0, LOG_VARIANCES.1)).exp());
    let mut partial = Array2::from_shape_fn(slopes.dim(), |(i, j)| {
        if i == j {
            return 0.0;
        }
        // One triangle, so that rounding keeps the matrix symmetric.
        let (i, j) = (i.max(j), i.min(j));
        let (own, other) = (slopes[[i, j]], slopes[[j, i]]);
        let value = if own * other > 0.0 {
            own.signum() * (own * other).sqrt()
        } else if rule == EdgeRule::Or && own == 0.0 {
            other * deviations[i] / deviations[j]
        } else if rule == EdgeRule::Or && other == 0.0 {
            own * deviations[j] / deviations[i]
        } else {
            0.0
        };
        value.clamp(-1.0, 1.0)
    });
    let eigen = numerical(
        "the eigenvalues of partial correlations",
        symmetric_eigen(partial.view()),
    )?;
    let largest = eigen.values[eigen.values.len() - 1];
    let kept = if largest > 1.0 - LEAST {
        (1.0 - LEAST) / largest
    } else {
        1.0
    };
    partial *= kept;
    let precision = Array2::from_shape_fn(partial.dim(), |(i, j)| {
        let unit = if i == j { 1.0 } else { -partial[[i, j]] };
        unit / (deviations[i] * deviations[j])
    });
    // The intercepts are those of x̂ᵢ = mᵢ + Σⱼ βᵢⱼ (xⱼ − mⱼ) with β = −Ωᵢⱼ / Ωᵢᵢ: D μ = Ω m.
    let pull = Array2::from_shape_fn((slopes.nrows(), 1), |(i, _)| {
        intercepts[i] * precision[[i, i]]
    });
    let factor = numerical(
        "the factorisation of a precision",
        contextualized_solvers::cholesky(precision.view()),
    )?;
    let mean = numerical("the mean of a network", factor.solve(pull.view()))?;
    Ok(LocalPrecision {
        mean: mean.column(0).to_owned(),
        precision,
        log_determinant: factor.log_determinant(),
        kept,
    })
}

impl NeuralMarkovModel {
    /// Why training of the regressions stopped, after how many epochs, and the mean squared error that
    /// it reached on the rows trained on, in units of standardised nodes.
    pub fn report(&self) -> &FitReport {
        &self.report
    }

    /// The shares of the learned deviations from the population that are kept: of the regressions, and
    /// of the logarithms of the residual variances.
    pub fn shares(&self) -> (f64, f64) {
        (self.regressions.share(), self.log_variances.share())
    }

    /// The share t of the partial correlations that is kept at every row of contexts (n), so that the
    /// precision is positive definite: 1 where all of them are.
    ///
    /// # Errors
    ///
    /// Those of [`VaryingNetworks::networks`].
    pub fn partial_correlation_shares(&self, contexts: ArrayView2<'_, f64>) -> Result<Array1<f64>> {
        let local = self.local(self.context_scaling.apply_to_contexts(contexts)?.view())?;
        Ok(local.into_iter().map(|local| local.kept).collect())
    }

    fn local(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<LocalPrecision>> {
        let logs = self.log_variances.intercepts(contexts)?;
        check_rows("log-variances", contexts.nrows(), logs.nrows())?;
        self.regressions.map(contexts, |row, slopes, intercepts| {
            joined(self.rule, &slopes, &intercepts, logs.row(row))
        })
    }

    fn normals(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<NodeNormal>> {
        self.local(contexts)?
            .into_iter()
            .map(|local| {
                let (mean, precision) = (local.mean, local.precision);
                NodeNormal::new(&self.scaling, mean, precision, local.log_determinant)
            })
            .collect()
    }
}

impl VaryingNetworks for NeuralMarkovModel {
    fn kind(&self) -> NetworkKind {
        NetworkKind::Precision
    }

    /// Precisions, in the inverse of the features' units.
    fn networks(&self, contexts: ArrayView2<'_, f64>) -> Result<Networks> {
        let normals = self.normals(self.context_scaling.apply_to_contexts(contexts)?.view())?;
        let precisions: Vec<_> = normals.iter().map(NodeNormal::precision).collect();
        Networks::stacked(&precisions, self.scaling.columns())
    }
}

impl MarkovNetworks for NeuralMarkovModel {}

impl NetworkDensity for NeuralMarkovModel {
    fn distributions(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<NodeDistribution>> {
        let normals = self.normals(self.context_scaling.apply_to_contexts(contexts)?.view())?;
        Ok(normals.into_iter().map(NodeDistribution::Normal).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever the regressions, which nothing was fitted to.
        #[test]
        fn any_regressions_make_a_precision(
            values in prop::collection::vec(-3.0..3.0_f64, 30),
            zeros in prop::collection::vec(prop::bool::weighted(0.3), 30),
            logs in prop::collection::vec(-25.0..25.0_f64, 5),
            rule in prop::sample::select(vec![EdgeRule::And, EdgeRule::Or]),
        ) {
            let slopes = Array2::from_shape_fn((5, 5), |(i, j)| if zeros[5 * i + j] { 0.0 } else { values[5 * i + j] });
            let intercepts = Array1::from_shape_fn(5, |i| values[25 + i]);
            let logs = Array1::from_vec(logs);
            let local = joined(rule, &slopes, &intercepts, logs.view()).unwrap();
            prop_assert!(local.kept > 0.0 && local.kept <= 1.0);
            prop_assert_eq!(&local.precision, &local.precision.t());
            let scales = local.precision.diag().mapv(f64::sqrt);
            let unit = Array2::from_shape_fn((5, 5), |(i, j)| {
                local.precision[[i.max(j), i.min(j)]] / scales[i.max(j)] / scales[i.min(j)]
            });
            prop_assert!(symmetric_eigen(unit.view()).unwrap().values[0] > LEAST - 1e-12);
            // An edge is there by the rule alone.
            for i in 0..5 {
                for j in 0..i {
                    let (own, other) = (slopes[[i, j]], slopes[[j, i]]);
                    let edge = match rule {
                        EdgeRule::And => own * other > 0.0,
                        EdgeRule::Or => own * other > 0.0 || (own == 0.0) != (other == 0.0),
                    };
                    prop_assert_eq!(local.precision[[i, j]] != 0.0, edge);
                }
            }
            prop_assert!(local.mean.iter().all(|mean| mean.is_finite()));
        }
    }
}
