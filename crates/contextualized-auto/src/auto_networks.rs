//! Networks whose estimator is chosen by cross-validation.

use crate::contest::{Contest, HeldOut};
use crate::progress::Progress;
use crate::{AutoReport, ByMethod, Method, NetworkCandidate, NetworkModel};
use contextualized_baselines::{
    ClusterNetworks, PopulationBayesianNetwork, PopulationCorrelation, PopulationMarkov,
};
use contextualized_core::{
    Error, Estimator, NetworkDensity, NetworkKind, Networks, Result, Samples, VaryingNetworks,
};
use contextualized_graphs::bayesian::{GaussianProcessBayesianNetwork, NeuralBayesianNetwork};
use contextualized_graphs::correlation::{KernelCorrelation, NeuralCorrelation};
use contextualized_graphs::markov::{KernelMarkov, NeuralMarkov};
use ndarray::{Array1, Array2, ArrayView2};
use serde::{Deserialize, Serialize};

/// Contextualized networks by whichever candidate gives held-out rows the highest density.
///
/// As [`crate::AutoRegression`], with minus the logarithm of the density as the loss of a row. The
/// nodes are the features of the samples.
///
/// | setting | default |
/// |---|---|
/// | [`candidates`](Self::candidates) | the default population, kernel, clusters and encoder |
/// | [`folds`](Self::folds) | 5 |
/// | [`most_rows`](Self::most_rows) compared on | 2000 |
/// | [`seed`](Self::seed) | 0 |
#[derive(Debug, Clone, PartialEq)]
pub struct AutoNetworks {
    kind: Kind,
    folds: usize,
    most_rows: usize,
    seed: u64,
    choice: Choice,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Correlation,
    Markov,
    Bayesian,
}

#[derive(Debug, Clone, PartialEq)]
enum Choice {
    All,
    Only(Method),
    Given(Vec<NetworkCandidate>),
}

impl AutoNetworks {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            folds: 5,
            most_rows: 2000,
            seed: 0,
            choice: Choice::All,
        }
    }

    /// Correlation networks.
    pub fn correlation() -> Self {
        Self::new(Kind::Correlation)
    }

    /// Markov networks: precision matrices and partial correlations.
    pub fn markov() -> Self {
        Self::new(Kind::Markov)
    }

    /// Bayesian networks: directed and without cycles.
    pub fn bayesian() -> Self {
        Self::new(Kind::Bayesian)
    }

    /// Number of folds, at least two.
    pub fn folds(mut self, folds: usize) -> Self {
        self.folds = folds;
        self
    }

    /// The most rows that candidates are compared on: of more, this many are drawn by the seed. The one
    /// chosen is fitted to all.
    pub fn most_rows(mut self, rows: usize) -> Self {
        self.most_rows = rows;
        self
    }

    /// Seed of the folds and of the default candidates.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// These candidates, those to be preferred first, all of this kind. They keep their own settings and seeds.
    pub fn candidates(mut self, candidates: Vec<NetworkCandidate>) -> Self {
        self.choice = Choice::Given(candidates);
        self
    }

    /// The default estimator of one method, with nothing to choose.
    pub fn only(mut self, method: Method) -> Self {
        self.choice = Choice::Only(method);
        self
    }

    /// The default estimator of a method, for networks of this kind.
    pub fn default_of(&self, method: Method) -> NetworkCandidate {
        let seed = self.seed;
        match self.kind {
            Kind::Correlation => NetworkCandidate::Correlation(match method {
                Method::Population => ByMethod::Population(PopulationCorrelation::new()),
                Method::Cluster => {
                    ByMethod::Cluster(ClusterNetworks::new(PopulationCorrelation::new()).seed(seed))
                }
                Method::Neural => ByMethod::Neural(NeuralCorrelation::new().seed(seed)),
                Method::GaussianProcess => {
                    ByMethod::GaussianProcess(KernelCorrelation::new().seed(seed))
                }
            }),
            Kind::Markov => NetworkCandidate::Markov(match method {
                Method::Population => ByMethod::Population(PopulationMarkov::new()),
                Method::Cluster => {
                    ByMethod::Cluster(ClusterNetworks::new(PopulationMarkov::new()).seed(seed))
                }
                Method::Neural => ByMethod::Neural(NeuralMarkov::new().seed(seed)),
                Method::GaussianProcess => {
                    ByMethod::GaussianProcess(KernelMarkov::new().seed(seed))
                }
            }),
            Kind::Bayesian => NetworkCandidate::Bayesian(match method {
                Method::Population => ByMethod::Population(PopulationBayesianNetwork::new()),
                Method::Cluster => {
                    let population = PopulationBayesianNetwork::new();
                    ByMethod::Cluster(ClusterNetworks::new(population).seed(seed))
                }
                Method::Neural => ByMethod::Neural(NeuralBayesianNetwork::new().seed(seed)),
                Method::GaussianProcess => {
                    ByMethod::GaussianProcess(GaussianProcessBayesianNetwork::new())
                }
            }),
        }
    }

    fn listed(&self) -> Vec<NetworkCandidate> {
        match &self.choice {
            Choice::Given(candidates) => candidates.clone(),
            Choice::Only(method) => vec![self.default_of(*method)],
            Choice::All => [
                Method::Population,
                Method::GaussianProcess,
                Method::Cluster,
                Method::Neural,
            ]
            .map(|method| self.default_of(method))
            .into(),
        }
    }

    fn kind_of(candidate: &NetworkCandidate) -> Kind {
        match candidate {
            NetworkCandidate::Correlation(_) => Kind::Correlation,
            NetworkCandidate::Markov(_) => Kind::Markov,
            NetworkCandidate::Bayesian(_) => Kind::Bayesian,
        }
    }

    /// Fits while telling an observer how many of the fits are done; it is called from several
    /// threads, one at a time, with counts that grow from zero to the total.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for no candidate, fewer than two folds or candidates of another
    /// kind; the first candidate's error if none can be fitted; those of the chosen candidate on all
    /// rows.
    pub fn fit_observed(
        &self,
        samples: &Samples,
        observer: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<AutoNetworkModel> {
        let samples = samples.rows_that_count()?;
        let candidates = self.listed();
        if candidates.is_empty() {
            return Err(Error::invalid_parameter("candidates", 0, "at least 1"));
        }
        if let Some(other) = candidates
            .iter()
            .find(|candidate| Self::kind_of(candidate) != self.kind)
        {
            return Err(Error::invalid_parameter(
                "candidate",
                other.name(),
                format!("of networks of one kind, {:?}", self.kind),
            ));
        }
        let names: Vec<String> = candidates.iter().map(Estimator::name).collect();
        let compared = candidates.len() > 1;
        let fits = if compared {
            candidates.len() * self.folds
        } else {
            0
        };
        let progress = Progress::new(fits + 1, observer);
        let report = if compared {
            self.compare(&samples, &candidates, names, &progress)?
        } else {
            AutoReport::of_one(LOSS, names)
        };
        let model = candidates[report.chosen()].fit(&samples)?;
        progress.step();
        Ok(AutoNetworkModel { model, report })
    }

    fn compare(
        &self,
        samples: &Samples,
        candidates: &[NetworkCandidate],
        names: Vec<String>,
        progress: &Progress<'_>,
    ) -> Result<AutoReport> {
        let contest = Contest::new(samples, None, self.folds, self.most_rows, self.seed)?;
        let decision = contest.decide(LOSS, names, progress, |candidate, train, test| {
            let model = candidates[candidate].fit(train)?;
            Ok(HeldOut {
                losses: -model.log_densities(test.contexts(), test.features())?,
                predictions: Array2::zeros((test.rows(), 0)),
            })
        })?;
        Ok(decision.report)
    }
}

const LOSS: &str = "negative log-likelihood";

impl Estimator for AutoNetworks {
    type Model = AutoNetworkModel;

    fn name(&self) -> String {
        let kind = match self.kind {
            Kind::Correlation => "correlation",
            Kind::Markov => "Markov",
            Kind::Bayesian => "Bayesian",
        };
        match &self.choice {
            Choice::Only(method) => format!("auto {kind} networks ({method})"),
            _ => format!("auto {kind} networks"),
        }
    }

    /// # Errors
    ///
    /// Those of [`AutoNetworks::fit_observed`].
    fn fit(&self, samples: &Samples) -> Result<AutoNetworkModel> {
        self.fit_observed(samples, &|_, _| ())
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

    fn reconstruct(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        self.model.reconstruct(contexts, features)
    }

    fn reconstruction_errors(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array1<f64>> {
        self.model.reconstruction_errors(contexts, features)
    }
}

impl NetworkDensity for AutoNetworkModel {
    fn log_densities(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array1<f64>> {
        self.model.log_densities(contexts, features)
    }
}
