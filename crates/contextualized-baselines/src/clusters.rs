//! A regression per cluster of contexts.

use crate::kmeans::{self, Partition};
use crate::population::{PopulationModel, PopulationRegression, named};
use contextualized_core::comparison::cross_validate;
use contextualized_core::cross_validation::FoldScores;
use contextualized_core::validate::check_query;
use contextualized_core::{
    Checked, Coefficients, DynEstimator, Error, Estimator, Family, FittedPredictors, KFold,
    LocalCoefficients, RegressionEstimator, RegressionSettings, Result, Samples,
    VaryingCoefficients, WithArchetypes, checked_serde,
};
use ndarray::{Array2, Array3, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

/// K-means on standardised contexts, then a [`PopulationRegression`] in each cluster.
///
/// A cluster that does not determine a regression of its own (fewer rows than coefficients,
/// dependent columns, a target that is separated, a fit that does not converge) uses the fit to all rows, and the model's
/// report says so. Clusters that no row belongs to, as with fewer distinct contexts than
/// clusters, are left out. Contexts are clustered unweighted; the regressions use row weights.
///
/// Unless their number is given it is chosen from 1 to 10 by 5-fold cross-validation, as the
/// smallest that is within one standard error (of the paired difference) of the best; one cluster
/// is the population regression. Numbers that some fold cannot be fitted with are not compared; if
/// one cluster is among them, it is chosen.
///
/// | setting | default | range |
/// |---|---|---|
/// | clusters | cross-validated, 1 to 10 | 1 to the number of rows |
/// | regression | [`PopulationRegression::new`] | |
/// | seed | 0 | |
///
/// Of more than 5,000 rows, 5,000 drawn by the seed decide on centres and on the number of
/// clusters; all rows are in the regressions. Each clustering is the best of 10 starts from k-means++
/// (Arthur and Vassilvitskii 2007, doi:10.5555/1283383.1283494).
///
/// ```
/// use contextualized_baselines::ClusterRegression;
/// use contextualized_core::{Estimator, Samples, VaryingCoefficients};
/// use ndarray::{Array2, array};
///
/// // Two groups, at contexts 0 and 1, with slopes 1 and −1.
/// let contexts = Array2::from_shape_fn((40, 1), |(i, _)| (i % 2) as f64);
/// let features = Array2::from_shape_fn((40, 1), |(i, _)| (i / 2) as f64);
/// let targets = &features * &contexts.mapv(|c| 1.0 - 2.0 * c);
/// let samples = Samples::new(contexts.view(), features.view(), targets.view())?;
///
/// let model = ClusterRegression::new().fit(&samples)?;
/// assert_eq!(model.report().clusters.len(), 2);
/// let slopes = model.coefficients(array![[0.1], [0.9]].view())?.slopes().to_owned();
/// assert!((slopes[[0, 0, 0]] - 1.0).abs() < 1e-12 && (slopes[[1, 0, 0]] + 1.0).abs() < 1e-12);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterRegression {
    clusters: Option<usize>,
    regression: PopulationRegression,
    seed: u64,
}

impl Default for ClusterRegression {
    fn default() -> Self {
        Self {
            clusters: None,
            regression: PopulationRegression::new(),
            seed: 0,
        }
    }
}

impl ClusterRegression {
    /// Regressions in a cross-validated number of clusters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Fixes the number of clusters.
    pub fn clusters(mut self, clusters: usize) -> Self {
        self.clusters = Some(clusters);
        self
    }

    /// The regression fitted in each cluster.
    pub fn regression(mut self, regression: PopulationRegression) -> Self {
        self.regression = regression;
        self
    }

    /// The family of the targets; that of the regression.
    pub fn family(mut self, family: Family) -> Self {
        self.regression = self.regression.family(family);
        self
    }

    /// Seed of the clusterings and the folds.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    fn fit_clusters(&self, samples: &Samples, clusters: usize) -> Result<ClusterModel> {
        let family = self.regression.of_family();
        let with_family = |family| self.clone().family(family).fit_known(samples, clusters);
        family.fit_with_shape(samples, None, (1e-3, 20), with_family, |model| {
            let per_cluster = samples.features().ncols() + 1;
            Ok(FittedPredictors {
                coefficients: clusters * per_cluster,
                ..FittedPredictors::of(model, samples)?
            })
        })
    }

    /// The fit where the family has no shape to be estimated, which the clusters have in common.
    fn fit_known(&self, samples: &Samples, clusters: usize) -> Result<ClusterModel> {
        let (partition, members) = Partition::fit(samples, clusters, self.seed)?;
        let population = self.regression.fit(samples)?;
        let mut report = Vec::new();
        let mut models = Vec::new();
        for rows in members {
            let own = samples
                .select(&rows)
                .and_then(|members| self.regression.fit(&members));
            let (model, fallback) = match own {
                Ok(model) => (model, None),
                Err(
                    error @ (Error::TooFewRows { .. }
                    | Error::RankDeficient { .. }
                    | Error::Separated { .. }
                    | Error::NotConverged { .. }
                    | Error::NoWeight),
                ) => (population.clone(), Some(error.to_string())),
                Err(error) => return Err(error),
            };
            report.push(ClusterSummary {
                rows: rows.len(),
                fallback,
            });
            models.push(model);
        }
        Ok(ClusterModel {
            partition,
            models,
            report: ClusterReport {
                clusters: report,
                cross_validation: Vec::new(),
            },
        })
    }

    /// Cross-validated losses by number of clusters, of those that every fold can be fitted with.
    fn losses(&self, samples: &Samples) -> Result<Vec<(usize, FoldScores)>> {
        let drawn = kmeans::drawn(samples.rows(), self.seed)?;
        let drawn = drawn.map(|rows| samples.select(&rows)).transpose()?;
        let samples = drawn.as_ref().unwrap_or(samples);
        let candidates: Vec<Box<dyn DynEstimator>> = kmeans::candidates(samples.rows())
            .map(|clusters| Box::new(self.clone().clusters(clusters)) as Box<dyn DynEstimator>)
            .collect();
        let folds = KFold::new(kmeans::FOLDS, self.seed);
        let compared = cross_validate(&candidates, samples, &folds, self.regression.of_family())?;
        Ok((1..)
            .zip(compared)
            .filter_map(|(clusters, line)| Some((clusters, line.outcome.ok()?)))
            .collect())
    }
}

/// The fewest clusters whose loss is within one standard error of the lowest; one if it is not
/// among those compared.
pub(crate) fn fewest_within_one_error(losses: &[(usize, FoldScores)]) -> Result<usize> {
    let scores: Vec<&FoldScores> = losses.iter().map(|(_, scores)| scores).collect();
    Ok(match losses.first() {
        Some((1, _)) => {
            FoldScores::first_within_one_error(&scores)?.map_or(1, |(at, _)| losses[at].0)
        }
        _ => 1,
    })
}

impl Estimator for ClusterRegression {
    type Model = ClusterModel;

    fn name(&self) -> String {
        let mut settings = self.regression.settings();
        if self.seed != 0 {
            settings.push(format!("seed {}", self.seed));
        }
        match self.clusters {
            Some(1) => named("1 cluster", &settings),
            Some(clusters) => named(&format!("{clusters} clusters"), &settings),
            None => {
                settings.insert(0, "cross-validated".to_owned());
                named("clusters", &settings)
            }
        }
    }

    /// # Errors
    ///
    /// Those of [`PopulationRegression`] on all rows; [`Error::InvalidParameter`] for no cluster
    /// or more clusters than rows; [`Error::TooFewRows`] when there are too few rows to
    /// cross-validate; [`Error::CodedFactor`]; [`Error::NotConverged`].
    fn fit(&self, samples: &Samples) -> Result<ClusterModel> {
        self.regression.validate()?;
        let samples = &*samples.rows_that_count()?;
        match self.clusters {
            Some(clusters) => self.fit_clusters(samples, clusters),
            None => {
                let losses = self.losses(samples)?;
                let mut model = self.fit_clusters(samples, fewest_within_one_error(&losses)?)?;
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

impl RegressionEstimator for ClusterRegression {
    const KNOWS_DISPERSION: bool = false;

    fn with_settings(settings: &RegressionSettings) -> Self {
        Self::new()
            .regression(PopulationRegression::with_settings(settings))
            .seed(settings.seed)
    }

    fn fit_part(&self, samples: &Samples) -> Result<ClusterModel> {
        let own = self.clone();
        let regression = own.regression.clone().or_ridge();
        own.regression(regression).fit(samples)
    }

    fn reseeded(self, seed: u64) -> Self {
        self.seed(seed)
    }
}

/// What became of each cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterReport {
    /// One entry per cluster that has rows.
    pub clusters: Vec<ClusterSummary>,
    /// The numbers of clusters that were compared, in ascending order, where cross-validation
    /// chose; those that could not be fitted in every fold are missing.
    pub cross_validation: Vec<CandidateLoss>,
}

/// How well a number of clusters did in cross-validation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CandidateLoss {
    /// The number of clusters.
    pub clusters: usize,
    /// Its mean loss on held-out folds.
    pub loss: f64,
}

/// What became of one cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterSummary {
    /// Training rows in it.
    pub rows: usize,
    /// Why it uses the population's regression, if it does.
    pub fallback: Option<String>,
}

/// A fitted cluster regression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct ClusterModel {
    partition: Partition,
    models: Vec<PopulationModel>,
    report: ClusterReport,
}

checked_serde!(ClusterModel);

impl Checked for ClusterModel {
    fn check(&self) -> Result<()> {
        let Some(first) = self.models.first() else {
            return Err(Error::NoRows { argument: "models" });
        };
        self.partition
            .check(self.models.len(), self.report.clusters.len())?;
        self.models
            .iter()
            .try_for_each(|model| model.check_matches(self.partition.contexts(), first))
    }
}

impl ClusterModel {
    /// Sizes of the clusters, and which of them fell back on the population.
    pub fn report(&self) -> &ClusterReport {
        &self.report
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
}

impl VaryingCoefficients for ClusterModel {
    fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        let labels = self.labels(contexts)?;
        self.archetypes()?.select(&labels)
    }
}

/// The clusters' regressions, each with a weight of one in its cluster and of zero elsewhere.
impl WithArchetypes for ClusterModel {
    fn archetypes(&self) -> Result<Coefficients> {
        let (targets, features) = self.models[0].slopes().dim();
        let mut slopes = Array3::zeros((self.models.len(), targets, features));
        let mut intercepts = Array2::zeros((self.models.len(), targets));
        for (cluster, model) in self.models.iter().enumerate() {
            let mut own = slopes.index_axis_mut(Axis(0), cluster);
            own.assign(&model.slopes());
            intercepts.row_mut(cluster).assign(&model.intercepts());
        }
        Coefficients::new(slopes, intercepts)
    }

    fn archetype_base(&self) -> Result<Option<Coefficients>> {
        Ok(None)
    }

    fn archetype_weights(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        self.partition.indicators(contexts)
    }
}

impl LocalCoefficients for ClusterModel {
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        let width = self.models[0].slopes().ncols();
        check_query(contexts, self.partition.contexts(), features, width)?;
        self.coefficients(contexts)
    }

    fn family(&self) -> Family {
        self.models[0].family()
    }

    /// The number of clusters, where it was chosen: one that was given is in the name.
    fn found(&self) -> Option<String> {
        let chosen = !self.report.cross_validation.is_empty();
        chosen.then(|| format!("K = {}", self.report.clusters.len()))
    }

    fn as_varying(&self) -> Option<&dyn VaryingCoefficients> {
        Some(self)
    }

    fn as_archetypes(&self) -> Option<&dyn WithArchetypes> {
        Some(self)
    }
}
