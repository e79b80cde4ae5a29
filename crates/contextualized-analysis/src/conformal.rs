//! Split-conformal prediction intervals.

mod quantile;
mod scale;

use contextualized_core::validate::{check_columns, check_probability, check_query, check_rows};
use contextualized_core::{
    Checked, Coefficients, Error, Estimator, Family, KFold, LocalCoefficients, PredictionIntervals,
    Result, Samples, Split, VaryingCoefficients, checked_serde, normalized_weights,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use quantile::conformal_quantile;
use rayon::prelude::*;
use scale::LocalScale;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Folds that give each training row a residual of a model that has not seen it.
const FOLDS: usize = 5;

/// Prediction intervals for any regression, right whatever the model gets wrong.
///
/// Some rows are set apart, the model is fitted to the others, and the errors it makes on the rows
/// set apart say how wide an interval has to be:
///
/// ```text
/// sᵢ = |yᵢ − ŷ(cᵢ, xᵢ)| / σ̂(cᵢ)                     scores of m calibration rows
/// q  = the ⌈(m + 1) · level⌉-th smallest of them
/// ŷ(c, x) ± q σ̂(c)                                 holds a new y with probability ≥ level
/// ```
///
/// The probability is over training, calibration and new rows alike, and the only thing assumed is
/// that calibration and new rows are exchangeable: drawn in the same way, such as independently. It
/// is at most level + 1/(m + 1) unless scores tie. It is a *marginal* probability: over all
/// contexts, not at each. With σ̂ = 1 intervals are as wide where outcomes are certain as where they
/// are not; with [`SplitConformal::adaptive`] widths follow the errors that the training rows have
/// nearby, and the marginal probability stays what it was, because σ̂ has not seen the calibration
/// rows.
///
/// Several targets have intervals each, every one at the level; all at once are held less often.
///
/// A row of weight 2 counts as two rows, one of weight 0 not at all.
///
/// | setting | default |
/// |---|---|
/// | [`level`](Self::level) | 0.95 |
/// | [`share`](Self::share) of rows set apart | 0.25 |
/// | [`adaptive`](Self::adaptive) | no |
/// | [`seed`](Self::seed) | 0 |
///
/// The probability that one fitted model's intervals hold new outcomes varies about the level with a
/// standard deviation of √(level (1 − level) / m): 0.02 for 100 calibration rows. A quarter of a few
/// hundred rows brings that, and leaves the model most of its data.
///
/// # References
///
/// Vovk, Gammerman and Shafer (2005), *Algorithmic Learning in a Random World*,
/// doi:10.1007/b106715; Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018),
/// doi:10.1080/01621459.2017.1307116.
///
/// ```
/// use contextualized_analysis::SplitConformal;
/// use contextualized_baselines::PopulationRegression;
/// use contextualized_core::Estimator;
/// use contextualized_simulation::Simulator;
///
/// let simulator = Simulator::new(400)
///     .uniform_contexts(1, -1.0, 1.0)
///     .slopes(|c| vec![c[0]]) // which the model does not know of
///     .noise(0.3);
/// let (train, new) = (simulator.simulate(1)?.samples, simulator.simulate(2)?.samples);
///
/// let model = SplitConformal::new(PopulationRegression::new()).level(0.9).fit(&train)?;
/// let intervals = model.intervals(new.contexts(), new.features())?;
/// let held = (0..400).filter(|&row| {
///     let ends = intervals.lower[[row, 0]]..=intervals.upper[[row, 0]];
///     ends.contains(&new.targets()[[row, 0]])
/// });
/// assert!((340..=380).contains(&held.count()));
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SplitConformal<E> {
    estimator: E,
    level: f64,
    share: f64,
    adaptive: bool,
    seed: u64,
}

impl<E> SplitConformal<E> {
    /// Intervals of 95 % around the predictions of this estimator.
    pub fn new(estimator: E) -> Self {
        Self {
            estimator,
            level: 0.95,
            share: 0.25,
            adaptive: false,
            seed: 0,
        }
    }

    /// The probability with which an interval has to hold a new outcome.
    pub fn level(mut self, level: f64) -> Self {
        self.level = level;
        self
    }

    /// The share of rows, or of rows in groups, that calibrate and are not trained on.
    pub fn share(mut self, share: f64) -> Self {
        self.share = share;
        self
    }

    /// Makes intervals wide where errors are large and narrow where they are small.
    ///
    /// The scale σ̂(c) is the mean absolute error of the n^⅔ training rows whose standardised contexts
    /// are nearest to c, n being the number trained on, and at least 20; the errors are those of
    /// models that have not seen the row, which takes five further fits.
    pub fn adaptive(mut self) -> Self {
        self.adaptive = true;
        self
    }

    /// The seed of the rows that are set apart.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }
}

impl<E> Estimator for SplitConformal<E>
where
    E: Estimator,
    E::Model: LocalCoefficients,
{
    type Model = ConformalModel<E::Model>;

    fn name(&self) -> String {
        let kind = if self.adaptive { "adaptive" } else { "split" };
        format!("{} with {kind}-conformal intervals", self.estimator.name())
    }

    /// Fits the estimator to a part of the rows and calibrates its intervals on the others; where rows depend
    /// on each other ([`Samples::dependent_rows`]) as [`SplitConformal::fit_groups`] does.
    ///
    /// # Errors
    ///
    /// Those of the estimator; [`Error::InvalidParameter`] for a level or share outside (0, 1);
    /// [`Error::NoIntervals`] for a model of binary targets, which differ from any prediction by an error of two values: an interval
    /// between 0 and 1 says nothing of them; [`Error::TooFewRows`], naming the rows needed, when there
    /// are too few to calibrate the level: m rows reach m / (m + 1); [`Error::CodedFactor`] for intervals whose width
    /// follows the contexts.
    fn fit(&self, samples: &Samples) -> Result<Self::Model> {
        self.check()?;
        let samples = samples.rows_that_count()?;
        if let Some(groups) = samples.dependent_rows() {
            return self.fit_groups(&samples, &groups);
        }
        let rows = samples.rows();
        let split = Split::holdout(rows, self.share, self.seed)?;
        let folds = |rows: &[usize]| self.folds(rows.len()).splits(rows.len());
        // Of all rows, so that it does not matter what all weights are multiplied by.
        let masses = normalized_weights(samples.weights(), rows)?.select(Axis(0), &split.test);
        self.fit_split(&samples, &split, masses, "calibration rows", folds)
    }
}

impl<E> SplitConformal<E>
where
    E: Estimator,
    E::Model: LocalCoefficients,
{
    /// As [`Estimator::fit`], where rows come in groups, such as several of a person: a group is
    /// trained on or calibrates as a whole.
    ///
    /// Each group then counts as one, its rows sharing its weight equally, or by their weights, and q
    /// is such that the intervals hold an outcome of a *new group* with probability at least `level`,
    /// if groups are exchangeable. So there have to be as many calibration groups as otherwise rows:
    /// 19 for 95 %. Nothing is said of new rows of the groups trained on, for which intervals will be
    /// too wide. Lee, Barber and Willett (2023), arXiv:2306.06342.
    ///
    /// # Errors
    ///
    /// Those of [`Estimator::fit`]; [`Error::RowCount`] unless there is a group for each row.
    pub fn fit_groups<L: Ord>(
        &self,
        samples: &Samples,
        groups: &[L],
    ) -> Result<ConformalModel<E::Model>> {
        self.check()?;
        check_rows("groups", samples.rows(), groups.len())?;
        let counted: Vec<usize> = (0..samples.rows())
            .filter(|&row| samples.weights().is_none_or(|weights| weights[row] > 0.0))
            .collect();
        let groups: Vec<&L> = counted.iter().map(|&row| &groups[row]).collect();
        let samples = samples.select(&counted)?;
        let split = Split::group_holdout(samples.rows(), &groups, self.share, self.seed)?;
        let weight = |row: usize| samples.weights().map_or(1.0, |weights| weights[row]);
        let mut totals = BTreeMap::<&L, f64>::new();
        for &row in &split.test {
            *totals.entry(groups[row]).or_default() += weight(row);
        }
        let masses = split.test.iter();
        let masses = masses
            .map(|&row| weight(row) / totals[groups[row]])
            .collect();
        self.fit_split(&samples, &split, masses, "calibration groups", |rows| {
            let own: Vec<&L> = rows.iter().map(|&row| groups[row]).collect();
            let distinct = own.iter().collect::<std::collections::BTreeSet<_>>().len();
            self.folds(distinct).group_splits(rows.len(), &own)
        })
    }

    fn check(&self) -> Result<()> {
        check_probability("level", self.level)?;
        check_probability("share", self.share)
    }

    /// Folds of this many rows or groups to be trained on.
    fn folds(&self, count: usize) -> KFold {
        KFold::new(FOLDS.min(count), self.seed.wrapping_add(1))
    }

    fn fit_split(
        &self,
        samples: &Samples,
        split: &Split,
        masses: Array1<f64>,
        units: &str,
        folds: impl Fn(&[usize]) -> Result<Vec<Split>>,
    ) -> Result<ConformalModel<E::Model>> {
        if !quantile::reaches(masses.sum(), self.level) {
            return Err(self.too_few(masses.sum(), units));
        }
        let train = samples.select(&split.train)?;
        let calibration = samples.select(&split.test)?;
        let model = self.estimator.fit(&train)?;
        if !model.family().has_outcome_intervals() {
            return Err(Error::NoIntervals {
                model: format!("a {} outcome", model.family()),
                remedy: Some("it has a probability, not an interval"),
            });
        }
        if self.adaptive {
            samples.check_distances("a scale of errors that follows the contexts")?;
        }
        let adaptive = self
            .adaptive
            .then(|| self.local_scale(&train, &folds(&split.train)?));
        let scale = adaptive.transpose()?;
        let mut scores = absolute_errors(&model, &calibration)?;
        if let Some(scale) = &scale {
            scores /= &scale.at(calibration.contexts())?;
        }
        let radii = scores
            .columns()
            .into_iter()
            .map(|scores| conformal_quantile(scores, masses.view(), self.level))
            .collect::<Option<Array1<f64>>>()
            .ok_or_else(|| self.too_few(masses.sum(), units))?;
        Ok(ConformalModel {
            model,
            level: self.level,
            widths: [samples.contexts().ncols(), samples.features().ncols()],
            radii,
            scale,
        })
    }

    fn too_few(&self, mass: f64, units: &str) -> Error {
        Error::TooFewRows {
            purpose: format!(
                "intervals of level {}: {units}, which are a share of {} of all",
                self.level, self.share
            ),
            needed: quantile::least(self.level),
            // Shares of a group's weight add up to one but for rounding.
            found: (mass * (1.0 + 1e-12)) as usize,
        }
    }

    /// The scale of out-of-fold errors on the rows trained on.
    fn local_scale(&self, train: &Samples, folds: &[Split]) -> Result<LocalScale> {
        let errors = folds
            .par_iter()
            .map(|fold| {
                let model = self.estimator.fit(&train.select(&fold.train)?)?;
                absolute_errors(&model, &train.select(&fold.test)?)
            })
            .collect::<Vec<Result<Array2<f64>>>>();
        let mut out_of_fold = Array2::zeros(train.targets().dim());
        for (fold, errors) in folds.iter().zip(errors) {
            for (&row, errors) in fold.test.iter().zip(errors?.rows()) {
                out_of_fold.row_mut(row).assign(&errors);
            }
        }
        let weights = normalized_weights(train.weights(), train.rows())?;
        LocalScale::fit(train.contexts(), out_of_fold, Some(weights.view()))
    }
}

fn absolute_errors(model: &impl LocalCoefficients, samples: &Samples) -> Result<Array2<f64>> {
    let predictions = model.predict_samples(samples)?;
    Ok((predictions - samples.targets()).mapv_into(f64::abs))
}

/// A model with prediction intervals, itself a model: the one fitted to the rows that did not
/// calibrate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct ConformalModel<M> {
    model: M,
    level: f64,
    /// Numbers of contexts and of features.
    widths: [usize; 2],
    /// Half an interval's width for each target, where the scale is one.
    radii: Array1<f64>,
    scale: Option<LocalScale>,
}

checked_serde!(ConformalModel<M>);

impl<M> Checked for ConformalModel<M> {
    fn check(&self) -> Result<()> {
        check_probability("level", self.level)?;
        let negative = |radius: &&f64| !(radius.is_finite() && **radius >= 0.0);
        if let Some(radius) = self.radii.iter().find(negative) {
            return Err(Error::invalid_parameter(
                "radius",
                radius,
                "a finite number of at least zero",
            ));
        }
        match &self.scale {
            Some(scale) => scale.check(self.widths[0], self.radii.len()),
            None => Ok(()),
        }
    }
}

impl<M> ConformalModel<M> {
    /// The model whose predictions the intervals are around.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// The probability with which intervals hold a new outcome.
    pub fn level(&self) -> f64 {
        self.level
    }

    /// For each target half the width of an interval, or what it is in units of the local scale.
    pub fn radii(&self) -> ArrayView1<'_, f64> {
        self.radii.view()
    }
}

impl<M: LocalCoefficients> ConformalModel<M> {
    /// Intervals that hold new outcomes at these contexts (n × c) and features (n × x).
    ///
    /// # Errors
    ///
    /// Those of [`LocalCoefficients::coefficients_at`].
    pub fn intervals(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<PredictionIntervals> {
        check_query(contexts, self.widths[0], features, self.widths[1])?;
        self.around(contexts, self.model.predict(contexts, features)?)
    }

    /// Intervals that hold new outcomes at the contexts, features and offsets of samples.
    ///
    /// # Errors
    ///
    /// Those of [`LocalCoefficients::coefficients_at`].
    pub fn intervals_of_samples(&self, samples: &Samples) -> Result<PredictionIntervals> {
        self.around(samples.contexts(), self.model.predict_samples(samples)?)
    }

    fn around(
        &self,
        contexts: ArrayView2<'_, f64>,
        means: Array2<f64>,
    ) -> Result<PredictionIntervals> {
        check_columns("predictions", self.radii.len(), means.ncols())?;
        let half = match &self.scale {
            Some(scale) => scale.at(contexts)? * &self.radii,
            None => Array2::ones(means.dim()) * &self.radii,
        };
        let (lowest, highest) = self.model.family().mean_range();
        Ok(PredictionIntervals {
            lower: (&means - &half).mapv(|end| end.clamp(lowest, highest)),
            upper: (means + half).mapv(|end| end.clamp(lowest, highest)),
        })
    }
}

impl<M: LocalCoefficients> LocalCoefficients for ConformalModel<M> {
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        self.model.coefficients_at(contexts, features)
    }

    fn family(&self) -> Family {
        self.model.family()
    }

    fn wrapped(&self) -> Option<&dyn LocalCoefficients> {
        Some(&self.model)
    }
}

impl<M: VaryingCoefficients> VaryingCoefficients for ConformalModel<M> {
    fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        self.model.coefficients(contexts)
    }
}
