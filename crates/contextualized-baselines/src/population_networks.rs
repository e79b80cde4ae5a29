//! One correlation matrix, or one precision matrix, for all rows.

use crate::population::named;
use contextualized_core::validate::{check_rows, check_table};
use contextualized_core::{
    Checked, Error, Estimator, MarkovNetworks, NetworkDensity, NetworkEstimator, NetworkKind,
    Networks, NodeDistribution, NodeNormal, Result, Samples, Standardization, VaryingNetworks,
    checked_serde,
};
use contextualized_solvers::{Normal, correlation, shrunken_covariance};
use ndarray::{Array1, Array2, ArrayView2};
use serde::{Deserialize, Serialize};

/// One correlation matrix for all rows, shrunken towards independence.
///
/// ```text
/// R_ij = (1 − λ) r_ij for i ≠ j
/// ```
///
/// with sample correlations r and the share λ that minimises the expected squared error; with many
/// rows it is next to zero. Nodes are the features of the samples; contexts and targets are not
/// read. Weights matter relative to each other, and rows count by their effective number, (Σw)² / Σw²;
/// see [`contextualized_solvers::shrunken_covariance`].
///
/// Schäfer and Strimmer (2005), A shrinkage approach to large-scale covariance matrix estimation and
/// implications for functional genomics, doi:10.2202/1544-6115.1175.
///
/// ```
/// use contextualized_baselines::PopulationCorrelation;
/// use contextualized_core::{Estimator, Samples, VaryingNetworks};
/// use ndarray::{Array2, array};
///
/// let contexts = Array2::zeros((100, 1));
/// let nodes = Array2::from_shape_fn((100, 2), |(i, j)| ((7 * i) % 11 + j * ((3 * i) % 5)) as f64);
/// let model = PopulationCorrelation::new().fit(&Samples::of_nodes(contexts.view(), nodes.view())?)?;
/// let network = model.networks(array![[0.3]].view())?;
/// assert_eq!(network.edges()[[0, 0, 0]], 1.0);
/// assert!(network.edges()[[0, 0, 1]] > 0.8 && model.intensity() < 0.01);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PopulationCorrelation;

impl PopulationCorrelation {
    /// There is nothing to set.
    pub fn new() -> Self {
        Self
    }
}

/// One precision matrix for all rows: the inverse of a covariance whose correlations are those of
/// [`PopulationCorrelation`], or a sparse one, by the graphical lasso
///
/// ```text
/// Ω = argmin − log det Ω + tr(Σ Ω) + λ Σ_{i≠j} √(Σᵢᵢ Σⱼⱼ) |Ωᵢⱼ|
/// ```
///
/// | setting | default | range |
/// |---|---|---|
/// | penalty λ | none | 0 or more |
///
/// Friedman, Hastie and Tibshirani (2008), Sparse inverse covariance estimation with the graphical
/// lasso, doi:10.1093/biostatistics/kxm045.
///
/// ```
/// use contextualized_baselines::PopulationMarkov;
/// use contextualized_core::{Estimator, MarkovNetworks};
/// use contextualized_simulation::CovarianceSimulator;
/// use ndarray::array;
///
/// // A chain 0 – 1 – 2: its ends depend on each other through the middle alone.
/// let data = CovarianceSimulator::new(500)
///     .uniform_contexts(1, -1.0, 1.0)
///     .precision(|_| array![[1.0, -0.5, 0.0], [-0.5, 1.0, -0.5], [0.0, -0.5, 1.0]])
///     .simulate(0)?;
/// let model = PopulationMarkov::new().penalty(0.1).fit(&data.samples)?;
/// let edges = model.edges(array![[0.0]].view(), 0.0)?;
/// assert!(edges[[0, 0, 1]] && edges[[0, 1, 2]] && !edges[[0, 0, 2]]);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PopulationMarkov {
    penalty: Option<f64>,
}

impl PopulationMarkov {
    /// The inverse of the shrunken covariance.
    pub fn new() -> Self {
        Self::default()
    }

    /// The penalty λ of a graphical lasso, on the scale of correlations.
    pub fn penalty(mut self, penalty: f64) -> Self {
        self.penalty = Some(penalty);
        self
    }
}

/// Rows that a correlation needs.
const FEWEST_ROWS: usize = 3;

/// One normal distribution of standardised features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
struct Distribution {
    contexts: usize,
    scaling: Standardization,
    covariance: Array2<f64>,
    precision: Array2<f64>,
    intensity: f64,
}

checked_serde!(Distribution);

impl Checked for Distribution {
    fn check(&self) -> Result<()> {
        let size = self.scaling.columns();
        if self.contexts == 0 {
            return Err(Error::NoColumns {
                argument: "contexts",
            });
        }
        for (argument, matrix) in [
            ("covariance", &self.covariance),
            ("precision", &self.precision),
        ] {
            check_table(argument, matrix.view(), Some(size))?;
            check_rows(argument, size, matrix.nrows())?;
        }
        self.normal()?;
        numerical(correlation(self.covariance.view()))?;
        Ok(())
    }
}

impl Distribution {
    fn fit(samples: &Samples, penalty: Option<f64>) -> Result<Self> {
        if let Some(penalty) = penalty
            && !(penalty >= 0.0 && penalty.is_finite())
        {
            return Err(Error::invalid_parameter(
                "penalty",
                penalty,
                "a finite number of at least zero",
            ));
        }
        let samples = samples.rows_that_count()?;
        if samples.rows() < FEWEST_ROWS {
            return Err(Error::TooFewRows {
                purpose: "correlations".to_owned(),
                needed: FEWEST_ROWS,
                found: samples.rows(),
            });
        }
        let features = samples.features();
        for (column, name) in features
            .columns()
            .into_iter()
            .zip(&samples.names().features)
        {
            if column.iter().all(|value| *value == column[0]) {
                return Err(Error::invalid_parameter(
                    "features",
                    format!("{} in every row of {name}", column[0]),
                    "a feature that varies, to have correlations",
                ));
            }
        }
        let scaling = Standardization::fit(features, samples.weights())?;
        let standardized = scaling.apply(features)?;
        let shrunken = numerical(shrunken_covariance(standardized.view(), samples.weights()))?;
        // The mean is estimated, too.
        let rows = shrunken.rows;
        let covariance = if rows > 1.0 {
            shrunken.matrix * (rows / (rows - 1.0))
        } else {
            shrunken.matrix
        };
        let mean = Array1::zeros(scaling.columns());
        let normal = numerical(match penalty {
            None => Normal::from_covariance(mean, covariance.view()),
            Some(penalty) => Normal::sparse(mean, covariance.view(), penalty),
        })?;
        let distribution = Self {
            contexts: samples.contexts().ncols(),
            scaling,
            covariance,
            precision: normal.precision().to_owned(),
            intensity: shrunken.intensity,
        };
        distribution.check()?;
        Ok(distribution)
    }

    /// In the features' units.
    fn normal(&self) -> Result<NodeNormal> {
        let mean = Array1::zeros(self.scaling.columns());
        let normal = numerical(Normal::from_precision(mean, self.precision.clone()))?;
        let (mean, precision, log_determinant) = normal.into_parts();
        NodeNormal::new(&self.scaling, mean, precision, log_determinant)
    }

    /// The same matrix for every context.
    fn everywhere(&self, contexts: ArrayView2<'_, f64>, matrix: &Array2<f64>) -> Result<Networks> {
        check_table("contexts", contexts, Some(self.contexts))?;
        Networks::constant(matrix.view(), contexts.nrows())
    }

    /// The same normal distribution for every context.
    fn distributions(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<NodeDistribution>> {
        check_table("contexts", contexts, Some(self.contexts))?;
        let normal = NodeDistribution::Normal(self.normal()?);
        Ok(vec![normal; contexts.nrows()])
    }
}

fn numerical<T>(result: Result<T, contextualized_solvers::Error>) -> Result<T> {
    result.map_err(|error| Error::numerical("a network of the population", error))
}

impl NetworkEstimator for PopulationCorrelation {
    fn with_seed(_: u64) -> Self {
        Self::new()
    }
}

impl Estimator for PopulationCorrelation {
    type Model = PopulationCorrelationModel;

    fn name(&self) -> String {
        "population correlation".to_owned()
    }

    /// # Errors
    ///
    /// [`Error::TooFewRows`] for less than three rows that count; [`Error::InvalidParameter`] for a
    /// feature that is the same in every row; [`Error::NotFinite`] and [`Error::Numerical`] where a
    /// result overflows.
    fn fit(&self, samples: &Samples) -> Result<PopulationCorrelationModel> {
        Ok(PopulationCorrelationModel {
            distribution: Distribution::fit(samples, None)?,
        })
    }
}

/// A fitted population correlation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PopulationCorrelationModel {
    distribution: Distribution,
}

impl PopulationCorrelationModel {
    /// The share λ that sample correlations lost.
    pub fn intensity(&self) -> f64 {
        self.distribution.intensity
    }
}

impl VaryingNetworks for PopulationCorrelationModel {
    fn kind(&self) -> NetworkKind {
        NetworkKind::Correlation
    }

    fn networks(&self, contexts: ArrayView2<'_, f64>) -> Result<Networks> {
        let matrix = numerical(correlation(self.distribution.covariance.view()))?;
        self.distribution.everywhere(contexts, &matrix)
    }
}

impl NetworkDensity for PopulationCorrelationModel {
    fn distributions(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<NodeDistribution>> {
        self.distribution.distributions(contexts)
    }
}

impl NetworkEstimator for PopulationMarkov {
    fn with_seed(_: u64) -> Self {
        Self::new()
    }
}

impl Estimator for PopulationMarkov {
    type Model = PopulationMarkovModel;

    fn name(&self) -> String {
        let settings: Vec<String> = self
            .penalty
            .iter()
            .map(|penalty| format!("penalty {penalty}"))
            .collect();
        named("population Markov", &settings)
    }

    /// # Errors
    ///
    /// Those of [`PopulationCorrelation`], and [`Error::InvalidParameter`] for a penalty below zero.
    fn fit(&self, samples: &Samples) -> Result<PopulationMarkovModel> {
        Ok(PopulationMarkovModel {
            distribution: Distribution::fit(samples, self.penalty)?,
        })
    }
}

/// A fitted population Markov network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PopulationMarkovModel {
    distribution: Distribution,
}

impl VaryingNetworks for PopulationMarkovModel {
    fn kind(&self) -> NetworkKind {
        NetworkKind::Precision
    }

    /// Precisions, in the inverse of the features' units.
    fn networks(&self, contexts: ArrayView2<'_, f64>) -> Result<Networks> {
        let precision = self.distribution.normal()?.precision();
        self.distribution.everywhere(contexts, &precision)
    }
}

impl NetworkDensity for PopulationMarkovModel {
    fn distributions(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<NodeDistribution>> {
        self.distribution.distributions(contexts)
    }
}

impl MarkovNetworks for PopulationMarkovModel {}
