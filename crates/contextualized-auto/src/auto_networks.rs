//! Networks whose estimator is chosen by cross-validation.

use crate::choice::{Choice, Comparison};
use crate::{AutoReport, NetworkCandidate, NetworkChoice, NetworkMethod, NetworkModel};
use contextualized_core::cross_validation::HeldOut;
use contextualized_core::{
    Error, Estimator, Family, NetworkDensity, NetworkKind, Networks, NodeDistribution, Result,
    Samples, VaryingNetworks,
};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

/// Contextualized networks by whichever candidate gives held-out rows the highest density.
///
/// As [`crate::AutoRegression`], with minus the logarithm of the density as the loss of a row. The
/// nodes are the features of the samples.
///
/// | setting | default |
/// |---|---|
/// | [`candidates`](Self::candidates) | the default population, kernel (Gaussian process for Bayesian networks), clusters and encoder |
/// | [`folds`](Self::folds) | 5 |
/// | [`most_rows`](Self::most_rows) compared on | 2000 |
/// | [`seed`](Self::seed) | 0 |
#[derive(Debug, Clone, PartialEq)]
pub struct AutoNetworks {
    kind: NetworkChoice,
    comparison: Comparison,
    choice: Choice<NetworkMethod, NetworkCandidate>,
}

impl AutoNetworks {
    /// Networks of this kind, with the default settings.
    pub fn new(kind: NetworkChoice) -> Self {
        Self {
            kind,
            comparison: Comparison::default(),
            choice: Choice::All,
        }
    }

    /// Number of folds, at least two.
    pub fn folds(mut self, folds: usize) -> Self {
        self.comparison.folds = folds;
        self
    }

    /// The most rows that candidates are compared on: of more, this many are drawn by the seed. The one
    /// chosen is fitted to all.
    pub fn most_rows(mut self, rows: usize) -> Self {
        self.comparison.most_rows = rows;
        self
    }

    /// Seed of the folds and of the default candidates.
    pub fn seed(mut self, seed: u64) -> Self {
        self.comparison.seed = seed;
        self
    }

    /// These candidates, those to be preferred first, all of this kind. They keep their own settings
    /// and seeds.
    pub fn candidates(mut self, candidates: Vec<NetworkCandidate>) -> Self {
        self.choice = Choice::Given(candidates);
        self
    }

    /// The default estimator of one method, with nothing to choose.
    pub fn only(mut self, method: NetworkMethod) -> Self {
        self.choice = Choice::Only(method);
        self
    }

    /// The default estimator of a method, for networks of this kind.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a method that this kind of networks does not have.
    pub fn default_of(&self, method: NetworkMethod) -> Result<NetworkCandidate> {
        let all = NetworkCandidate::all(self.kind, self.comparison.seed);
        let names: Vec<_> = all
            .iter()
            .map(|candidate| candidate.method().name())
            .collect();
        let requirement = format!("for {} networks one of {}", self.kind, names.join(", "));
        let own = all
            .into_iter()
            .find(|candidate| candidate.method() == method);
        own.ok_or_else(|| Error::invalid_parameter("estimator", method, requirement))
    }

    /// The candidates that are compared, those to be preferred first.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a method that this kind of networks does not have.
    pub fn listed(&self) -> Result<Vec<NetworkCandidate>> {
        Ok(match &self.choice {
            Choice::Given(candidates) => candidates.clone(),
            Choice::Only(method) => vec![self.default_of(*method)?],
            Choice::All => NetworkCandidate::all(self.kind, self.comparison.seed),
        })
    }
}

const LOSS: &str = "negative log-likelihood";

impl Estimator for AutoNetworks {
    type Model = AutoNetworkModel;

    fn name(&self) -> String {
        let kind = self.kind;
        match &self.choice {
            Choice::Only(method) => format!("auto {kind} networks ({method})"),
            Choice::All | Choice::Given(_) => format!("auto {kind} networks"),
        }
    }

    /// Tells the samples' monitor how many of the fits are done.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for no candidate, fewer than two folds or candidates of another
    /// kind; the first candidate's error if none can be fitted.
    fn fit(&self, samples: &Samples) -> Result<AutoNetworkModel> {
        let samples = samples.rows_that_count()?;
        let candidates = self.listed()?;
        if candidates.is_empty() {
            return Err(Error::invalid_parameter("candidates", 0, "at least 1"));
        }
        if let Some(other) = candidates.iter().find(|other| other.kind() != self.kind) {
            return Err(Error::invalid_parameter(
                "candidate",
                other.name(),
                format!("of networks of one kind, {}", self.kind),
            ));
        }
        let names: Vec<String> = candidates.iter().map(Estimator::name).collect();
        let compared = candidates.len() > 1;
        let progress = self
            .comparison
            .progress(compared, candidates.len(), samples.monitor());
        let report = if compared {
            let job = |candidate: usize, train: &Samples, test: &Samples| {
                let model = candidates[candidate].fit(train)?;
                Ok(HeldOut {
                    losses: -model
                        .inner()
                        .log_densities(test.contexts(), test.features())?,
                    predictions: Array2::zeros((test.rows(), 0)),
                })
            };
            let real = Family::Gaussian;
            let compared = self
                .comparison
                .decide(&samples, real, LOSS, &names, &progress, job)?;
            compared.report
        } else {
            AutoReport::of_one(LOSS, names)
        };
        let (model, report) = report.fitted(|chosen| candidates[chosen].fit(&samples))?;
        progress.step();
        Ok(AutoNetworkModel { model, report })
    }
}

/// Fitted [`AutoNetworks`]: one model, and the table it was chosen from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AutoNetworkModel {
    model: NetworkModel,
    report: AutoReport,
}

impl AutoNetworkModel {
    /// The model that was chosen.
    pub fn model(&self) -> &NetworkModel {
        &self.model
    }

    /// The table it was chosen from.
    pub fn report(&self) -> &AutoReport {
        &self.report
    }

    /// The model in words, for tables.
    pub fn describe(&self) -> String {
        self.report.chosen_candidate().name.clone()
    }
}

impl VaryingNetworks for AutoNetworkModel {
    fn kind(&self) -> NetworkKind {
        self.model.kind()
    }

    fn networks(&self, contexts: ArrayView2<'_, f64>) -> Result<Networks> {
        self.model.networks(contexts)
    }
}

impl NetworkDensity for AutoNetworkModel {
    fn distributions(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<NodeDistribution>> {
        self.model.distributions(contexts)
    }

    fn cluster_sizes(&self) -> Option<Vec<usize>> {
        self.model.cluster_sizes()
    }
}
