//! A network per cluster of contexts.

use crate::clusters::{CandidateLoss, ClusterReport, ClusterSummary, fewest_within_one_error};
use crate::kmeans::{self, Partition};
use contextualized_core::cross_validation::{CrossValidation, FoldScores, HeldOut};
use contextualized_core::validate::check_columns;
use contextualized_core::{
    Checked, Error, Estimator, KFold, MarkovNetworks, NetworkDensity, NetworkEstimator,
    NetworkKind, Networks, NodeDistribution, Result, Samples, Split, StructuralEquations,
    StructuralNetworks, VaryingNetworks, WithNetworkArchetypes, checked_serde,
};
use ndarray::{Array2, ArrayView2, Axis, concatenate};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// K-means on standardised contexts, then an estimator of networks, such as
/// [`PopulationCorrelation`](crate::PopulationCorrelation), in each cluster.
///
/// A cluster with fewer rows than `smallest`, or one whose rows do not determine a network of their
/// own, uses the population network, and the model's report says so. Clusters that no row belongs
/// to are left out. Contexts are clustered unweighted; the networks use row weights.
///
/// Unless their number is given it is chosen from 1 to 10 by 5-fold cross-validation of the
/// log-density, as the smallest that is within one standard error of the best; one cluster is the
/// population network. Of more than 5,000 rows, 5,000 drawn by the seed decide on
/// centres and on the number of clusters; all rows are in the networks.
///
/// | setting | default | range |
/// |---|---|---|
/// | clusters | cross-validated, 1 to 10 | 1 to the number of rows |
/// | smallest | 10 | |
/// | seed | 0 | |
///
/// ```
/// use contextualized_baselines::{ClusterNetworks, PopulationCorrelation};
/// use contextualized_core::{Estimator, Samples, VaryingNetworks};
/// use ndarray::{Array2, array};
///
/// // The second node is the first one, or its opposite.
/// let contexts = Array2::from_shape_fn((60, 1), |(i, _)| (i % 2) as f64);
/// let nodes = Array2::from_shape_fn((60, 2), |(i, j)| {
///     let sign = if j == 1 && i % 2 == 1 { -1.0 } else { 1.0 };
///     sign * ((7 * (i / 2)) % 11) as f64 + 0.5 * ((5 * i * (j + 1)) % 3) as f64
/// });
/// let samples = Samples::of_nodes(contexts.view(), nodes.view())?;
/// let model = ClusterNetworks::new(PopulationCorrelation::new()).clusters(2).fit(&samples)?;
/// let networks = model.networks(array![[0.1], [0.9]].view())?;
/// assert!(networks.edges()[[0, 0, 1]] > 0.9 && networks.edges()[[1, 0, 1]] < -0.9);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterNetworks<E> {
    clusters: Option<usize>,
    smallest: usize,
    estimator: E,
    seed: u64,
}

impl<E> ClusterNetworks<E> {
    /// This estimator in each of a cross-validated number of clusters.
    pub fn new(estimator: E) -> Self {
        Self {
            clusters: None,
            smallest: 10,
            estimator,
            seed: 0,
        }
    }

    /// Fixes the number of clusters.
    pub fn clusters(mut self, clusters: usize) -> Self {
        self.clusters = Some(clusters);
        self
    }

    /// The fewest rows of a cluster that has a network of its own.
    pub fn smallest(mut self, rows: usize) -> Self {
        self.smallest = rows;
        self
    }

    /// Seed of the clusterings and the folds.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }
}

impl<E> ClusterNetworks<E>
where
    E: Estimator,
    E::Model: NetworkDensity + Clone,
{
    fn fit_clusters(
        &self,
        samples: &Samples,
        clusters: usize,
    ) -> Result<ClusterNetworkModel<E::Model>> {
        let (partition, members) = Partition::fit(samples, clusters, self.seed)?;
        let population = self.estimator.fit(samples)?;
        let fitted = members
            .into_par_iter()
            .map(|rows| {
                let own = if rows.len() < self.smallest {
                    Err(Error::TooFewRows {
                        purpose: "a network of the cluster's own".to_owned(),
                        needed: self.smallest,
                        found: rows.len(),
                    })
                } else {
                    samples
                        .select(&rows)
                        .and_then(|members| self.estimator.fit(&members))
                };
                let (model, fallback) = match own {
                    Ok(model) => (model, None),
                    // Settings are right: they have fitted all rows.
                    Err(error) => (population.clone(), Some(error.to_string())),
                };
                let summary = ClusterSummary {
                    rows: rows.len(),
                    fallback,
                };
                (model, summary)
            })
            .collect::<Vec<_>>();
        let (models, report) = fitted.into_iter().unzip();
        Ok(ClusterNetworkModel {
            partition,
            models,
            report: ClusterReport {
                clusters: report,
                cross_validation: Vec::new(),
            },
        })
    }

    /// Folds of which the rows trained on have a network: those without, as where a feature varies in
    /// held-out rows alone, cannot judge any number of clusters.
    fn folds(&self, samples: &Samples) -> Result<Vec<Split>> {
        let mut usable = Vec::new();
        let mut failure = None;
        for split in KFold::new(kmeans::FOLDS, self.seed).splits_of(samples)? {
            match self.estimator.fit(&samples.select(&split.train)?) {
                Ok(_) => usable.push(split),
                Err(error) => failure = Some(error),
            }
        }
        match (usable.is_empty(), failure) {
            // Not for want of rows in the folds, if all rows together have none either.
            (true, Some(error)) => Err(self.estimator.fit(samples).err().unwrap_or(error)),
            _ => Ok(usable),
        }
    }

    /// Minus the log-density of held-out rows, by number of clusters.
    fn losses(&self, samples: &Samples) -> Result<Vec<(usize, FoldScores)>> {
        let drawn = kmeans::drawn(samples.rows(), self.seed)?;
        let drawn = drawn.map(|rows| samples.select(&rows)).transpose()?;
        let samples = drawn.as_ref().unwrap_or(samples);
        let numbers: Vec<usize> = kmeans::candidates(samples.rows()).collect();
        let job = |candidate: usize, train: &Samples, test: &Samples| {
            let model = self.fit_clusters(train, numbers[candidate])?;
            Ok(HeldOut {
                losses: -model.log_densities(test.contexts(), test.features())?,
                predictions: Array2::zeros((test.rows(), 0)),
            })
        };
        let compared = CrossValidation::new(samples, &self.folds(samples)?)?;
        let name = "negative log-likelihood";
        let results = compared.run(numbers.len(), name, None, &|_| (), job)?;
        let scored = numbers.into_iter().zip(results);
        scored
            .map(|(clusters, result)| Ok((clusters, result.into_scores()?)))
            .collect()
    }
}

impl<E> NetworkEstimator for ClusterNetworks<E>
where
    E: NetworkEstimator,
    E::Model: NetworkDensity + Clone + Send + Sync,
{
    fn with_seed(seed: u64) -> Self {
        Self::new(E::with_seed(seed)).seed(seed)
    }
}

impl<E> Estimator for ClusterNetworks<E>
where
    E: Estimator,
    E::Model: NetworkDensity + Clone,
{
    type Model = ClusterNetworkModel<E::Model>;

    fn name(&self) -> String {
        let inner = self.estimator.name();
        match self.clusters {
            Some(clusters) => format!("{clusters} clusters, {inner}"),
            None => format!("clusters, {inner}"),
        }
    }

    /// # Errors
    ///
    /// Those of the estimator on all rows; [`Error::InvalidParameter`] for no cluster or more
    /// clusters than rows; [`Error::TooFewRows`] when there are too few rows to cross-validate;
    /// [`Error::CodedFactor`]; [`Error::NotConverged`].
    fn fit(&self, samples: &Samples) -> Result<Self::Model> {
        let samples = samples.rows_that_count()?;
        match self.clusters {
            Some(clusters) => self.fit_clusters(&samples, clusters),
            None => {
                let losses = self.losses(&samples)?;
                let chosen = fewest_within_one_error(&losses)?;
                let mut model = self.fit_clusters(&samples, chosen)?;
                model.report.cross_validation = losses
                    .iter()
                    .map(|(clusters, scores)| CandidateLoss {
                        clusters: *clusters,
                        loss: scores.score().mean,
                    })
                    .collect();
                Ok(model)
            }
        }
    }
}

/// Fitted networks of clusters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct ClusterNetworkModel<M> {
    partition: Partition,
    models: Vec<M>,
    report: ClusterReport,
}

checked_serde!(ClusterNetworkModel<M: VaryingNetworks>);

impl<M: VaryingNetworks> Checked for ClusterNetworkModel<M> {
    fn check(&self) -> Result<()> {
        let Some(first) = self.models.first() else {
            return Err(Error::NoRows { argument: "models" });
        };
        self.partition
            .check(self.models.len(), self.report.clusters.len())?;
        let zero = Array2::zeros((1, self.partition.contexts()));
        let expected = first.networks(zero.view())?.nodes();
        self.models.iter().try_for_each(|model| {
            check_columns("models", expected, model.networks(zero.view())?.nodes())
        })
    }
}

impl<M> ClusterNetworkModel<M> {
    /// Sizes of the clusters, and which of them use the population network.
    pub fn report(&self) -> &ClusterReport {
        &self.report
    }

    /// The networks of the clusters, one model each.
    pub fn models(&self) -> &[M] {
        &self.models
    }

    /// The cluster of each row of contexts (n × c): that of the nearest centre.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`]; [`Error::NotFinite`], also for a context that overflows when it is
    /// standardised.
    pub fn labels(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<usize>> {
        self.partition.labels(contexts)
    }

    /// What its cluster's model says of every row.
    fn of_rows<T>(
        &self,
        contexts: ArrayView2<'_, f64>,
        of: impl Fn(&M, ArrayView2<'_, f64>) -> Result<Vec<T>>,
    ) -> Result<Vec<T>> {
        let labels = self.labels(contexts)?;
        let mut found = Vec::with_capacity(labels.len());
        for (cluster, model) in self.models.iter().enumerate() {
            let of_cluster = |row: &usize| labels[*row] == cluster;
            let rows: Vec<usize> = (0..labels.len()).filter(of_cluster).collect();
            let own = of(model, contexts.select(Axis(0), &rows).view())?;
            found.extend(rows.into_iter().zip(own));
        }
        found.sort_by_key(|(row, _)| *row);
        Ok(found.into_iter().map(|(_, own)| own).collect())
    }
}

impl<M: VaryingNetworks> VaryingNetworks for ClusterNetworkModel<M> {
    fn kind(&self) -> NetworkKind {
        self.models
            .first()
            .map_or(NetworkKind::Directed, VaryingNetworks::kind)
    }

    fn networks(&self, contexts: ArrayView2<'_, f64>) -> Result<Networks> {
        let nodes = match self.models.first() {
            Some(model) => model
                .networks(Array2::zeros((0, contexts.ncols())).view())?
                .nodes(),
            None => 0,
        };
        let networks = self.of_rows(contexts, |model, contexts| {
            let networks = model.networks(contexts)?;
            Ok(networks
                .edges()
                .outer_iter()
                .map(|edges| edges.to_owned())
                .collect())
        })?;
        Networks::stacked(&networks, nodes)
    }
}

/// The clusters' networks, each with a weight of one in its cluster and of zero elsewhere.
impl<M: VaryingNetworks> WithNetworkArchetypes for ClusterNetworkModel<M> {
    fn archetypes(&self) -> Result<Networks> {
        // A cluster's network is the same at every context.
        let anywhere = Array2::zeros((1, self.partition.contexts()));
        let networks = self
            .models
            .iter()
            .map(|model| model.networks(anywhere.view()))
            .collect::<Result<Vec<_>>>()?;
        let edges: Vec<_> = networks.iter().map(Networks::edges).collect();
        let edges = concatenate(Axis(0), &edges)
            .map_err(|error| Error::numerical("collecting networks", error))?;
        Networks::new(edges)
    }

    fn archetype_base(&self) -> Result<Option<Networks>> {
        Ok(None)
    }

    fn archetype_weights(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        self.partition.indicators(contexts)
    }
}

impl<M: NetworkDensity> NetworkDensity for ClusterNetworkModel<M> {
    fn distributions(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<NodeDistribution>> {
        self.of_rows(contexts, |model, contexts| model.distributions(contexts))
    }

    fn cluster_sizes(&self) -> Option<Vec<usize>> {
        let clusters = self.report.clusters.iter();
        Some(clusters.map(|cluster| cluster.rows).collect())
    }
}

impl<M: MarkovNetworks> MarkovNetworks for ClusterNetworkModel<M> {}

impl<M: StructuralNetworks> StructuralNetworks for ClusterNetworkModel<M> {
    fn equations(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<StructuralEquations>> {
        self.of_rows(contexts, |model, contexts| model.equations(contexts))
    }
}
