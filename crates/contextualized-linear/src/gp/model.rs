//! The fitted model: coefficients, their uncertainty, and what they depend on.

use super::estimator::{known_terms, row_weights, with_known_terms, with_noise_times};
use contextualized_core::validate::{
    check_columns, check_finite, check_query, check_rows, check_table, check_weights,
};
use contextualized_core::{
    Checked, CoefficientIntervals, Coefficients, ColumnNames, Error, Family, FitReport,
    LocalCoefficients, PredictorDistribution, Result, Samples, Scaling, Tail, VaryingCoefficients,
    WeightedContexts, WithPredictions, WithSums, WithUncertainty, WithWaldTests, checked_serde,
    normalized_weights,
};
use contextualized_gp::{
    Constancy, FittedProcess, Hyperparameters, Kernel, Moments, Observations, ProcessReport,
    WaldStatistic,
};
use ndarray::{Array1, Array2, Array3, Array4, ArrayView1, ArrayView2, Axis, concatenate, s};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A fitted [`super::GaussianProcessRegression`].
///
/// Reloaded through serde it predicts the same bits; numbers that contradict each other are
/// refused. The uncertainty of the hyperparameters is explored when an interval is first asked for,
/// which takes about as long as the fit, and then kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct GaussianProcessModel {
    family: Family,
    intercept: bool,
    scaling: Scaling,
    names: ColumnNames,
    process: FittedProcess,
    /// Mean weight of the rows, of which the process knows the noise.
    mean_weight: f64,
    /// Standardised contexts that stand for those fitted, in an order of chance.
    typical: Array2<f64>,
}

checked_serde!(GaussianProcessModel);

/// Contexts kept for averages over typical rows.
const TYPICAL: usize = 500;

/// What single contexts add to every coefficient, in the users' units.
#[derive(Debug, Clone, PartialEq)]
pub struct PartialEffect {
    /// Posterior means, one row per context asked for, with mean zero over the rows fitted. The
    /// offset's is at average features.
    pub effects: Coefficients,
    /// Posterior standard deviations.
    pub standard_errors: Coefficients,
}

/// Rows predicted from all others.
#[derive(Debug, Clone, PartialEq)]
pub struct LeaveOneOut {
    /// Residuals (n × y), in the targets' units.
    pub residuals: Array2<f64>,
    /// Mean of their squares over rows, by weight, and targets.
    pub mean_squared_error: f64,
}

impl GaussianProcessModel {
    pub(super) fn new(
        family: Family,
        intercept: bool,
        scaling: Scaling,
        names: ColumnNames,
        process: FittedProcess,
        mean_weight: f64,
        contexts: ArrayView2<'_, f64>,
    ) -> Result<Self> {
        // In an order of chance, the same each time: rows may come sorted, or in cycles.
        let mut chosen: Vec<_> = (0..contexts.nrows()).collect();
        chosen.sort_by_key(|&row| scattered(row as u64));
        chosen.truncate(TYPICAL);
        Ok(Self {
            family,
            intercept,
            scaling,
            names,
            process,
            mean_weight,
            typical: contexts.select(Axis(0), &chosen),
        })
    }

    /// Why the search for hyperparameters stopped, its iterations over all starts, and minus the
    /// logarithm of the marginal likelihood of the standardised data as the objective.
    pub fn report(&self) -> &FitReport {
        &self.process.report().fit
    }

    /// More of how the fit went: the likelihood, how the rows were dealt with, jitter.
    pub fn process_report(&self) -> &ProcessReport {
        self.process.report()
    }

    /// The kernel, its periods in units of standardised contexts.
    pub fn kernel(&self) -> &Kernel {
        self.process.kernel()
    }

    /// The hyperparameters, in units of standardised data: one row for each feature and, with an
    /// intercept, a last one for the offset. The noise is that of a row of weight one.
    pub fn hyperparameters(&self) -> Hyperparameters {
        with_noise_times(self.process.hyperparameters(), self.mean_weight.sqrt())
    }

    /// Estimated standard deviation of the noise of each target, for a row of weight one.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a family without dispersion.
    pub fn noise(&self) -> Result<Array1<f64>> {
        if self.family.has_dispersion() {
            return Ok(self.dispersions().mapv(f64::sqrt));
        }
        let requirement = "one with a dispersion";
        Err(Error::invalid_parameter("family", self.family, requirement))
    }

    /// Dispersion of each target for a row of weight one, in its units.
    fn dispersions(&self) -> Array1<f64> {
        let variances = Array1::from_vec(self.process.noise_variances()) * self.mean_weight;
        variances * self.scaling.targets.scales().mapv(|scale| scale * scale)
    }

    /// Draws of all coefficients at all contexts from their joint posterior: functions of the
    /// context that the data leave possible.
    ///
    /// # Errors
    ///
    /// Those of [`VaryingCoefficients::coefficients`]; [`Error::InvalidParameter`] for more than
    /// [`FittedProcess::MOST_JOINT`] coefficients at once.
    pub fn draws(
        &self,
        contexts: ArrayView2<'_, f64>,
        draws: usize,
        seed: u64,
    ) -> Result<Vec<Coefficients>> {
        let contexts = self.standardized(contexts)?;
        self.process
            .draws(contexts.view(), draws, seed)?
            .axis_iter(Axis(0))
            .map(|draw| self.in_units(draw.to_owned()))
            .collect()
    }

    /// What one context adds to every coefficient at these values of it, with its standard error.
    ///
    /// If no term of the kernel has the context together with others, as under
    /// [`super::GaussianProcessRegression::additive`], this is the context's own function, with mean zero over
    /// the rows fitted. Otherwise it is an average: of the coefficients over typical rows of the other
    /// contexts, less their mean.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a column that the kernel does not have; [`Error::NotFinite`].
    pub fn partial_effect(
        &self,
        context: usize,
        values: ArrayView1<'_, f64>,
    ) -> Result<PartialEffect> {
        let values = values.insert_axis(Axis(1));
        check_finite("values", values.view())?;
        let terms = self.kernel().terms().iter().map(|term| term.columns());
        let with_it: Vec<_> = terms
            .enumerate()
            .filter(|(_, columns)| columns.contains(&context))
            .collect();
        match with_it.as_slice() {
            [] => Err(absent(context)),
            [(term, columns)] if columns.iter().all(|column| *column == context) => {
                let mut contexts = Array2::zeros((values.nrows(), self.scaling.contexts.columns()));
                let standardized = self.standardized_column(context, values.column(0));
                contexts.column_mut(context).assign(&standardized);
                self.effect_in_units(&self.process.partial_effect(*term, contexts.view())?)
            }
            _ => self.averaged(
                &[context],
                values.view(),
                &[(&[true], 1.0), (&[false], -1.0)],
            ),
        }
    }

    /// What two contexts do to every coefficient together beyond what each does, at these pairs of
    /// values (g × 2), averaged over typical rows of the other contexts: coefficients with both
    /// changed, less those with either, plus those with none.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a pair that no term of the kernel has;
    /// [`Error::ColumnCount`], [`Error::NotFinite`].
    pub fn interaction(
        &self,
        contexts: (usize, usize),
        values: ArrayView2<'_, f64>,
    ) -> Result<PartialEffect> {
        check_table("values", values, Some(2))?;
        let both =
            |columns: Vec<usize>| columns.contains(&contexts.0) && columns.contains(&contexts.1);
        let mut terms = self.kernel().terms().iter();
        if contexts.0 == contexts.1 || !terms.any(|term| both(term.columns())) {
            return Err(absent(format!("{contexts:?}")));
        }
        self.averaged(
            &[contexts.0, contexts.1],
            values,
            &[
                (&[true, true], 1.0),
                (&[true, false], -1.0),
                (&[false, true], -1.0),
                (&[false, false], 1.0),
            ],
        )
    }

    /// Signed sums of mean coefficients over typical rows, in each of which the columns marked have
    /// the values asked for.
    fn averaged(
        &self,
        columns: &[usize],
        values: ArrayView2<'_, f64>,
        signed: &[(&[bool], f64)],
    ) -> Result<PartialEffect> {
        let rows = self.typical.nrows().min(AVERAGED);
        let typical = self.typical.slice(s![..rows, ..]);
        let standardized: Vec<_> = columns
            .iter()
            .enumerate()
            .map(|(position, &column)| self.standardized_column(column, values.column(position)))
            .collect();
        // For each set of values a block of rows for each part.
        let blocks = values.nrows() * signed.len();
        let mut contexts = Array2::zeros((blocks * rows, typical.ncols()));
        let mut weights = Array2::zeros((values.nrows(), blocks * rows));
        for (g, mut sum) in weights.rows_mut().into_iter().enumerate() {
            for (part, (changed, sign)) in signed.iter().enumerate() {
                let start = (g * signed.len() + part) * rows;
                let range = start..start + rows;
                let mut block = contexts.slice_mut(s![range.clone(), ..]);
                block.assign(&typical);
                for (position, &column) in columns.iter().enumerate() {
                    if changed[position] {
                        block.column_mut(column).fill(standardized[position][g]);
                    }
                }
                sum.slice_mut(s![range]).fill(sign / rows as f64);
            }
        }
        let sums = WeightedContexts::new(contexts, weights)?;
        self.effect_in_units(&self.process.sums(&sums, None)?)
    }

    fn standardized_column(&self, column: usize, values: ArrayView1<'_, f64>) -> Array1<f64> {
        let scaling = &self.scaling.contexts;
        values.mapv(|value| (value - scaling.centers()[column]) / scaling.scales()[column])
    }

    fn effect_in_units(&self, moments: &Moments) -> Result<PartialEffect> {
        let in_units = |table: Array3<f64>| {
            let (slopes, offsets) = self.split(table);
            Coefficients::new(slopes, offsets)?.to_original_units(
                &self.scaling.features.clone().without_centering(),
                &self.scaling.targets.clone().without_centering(),
            )
        };
        Ok(PartialEffect {
            effects: in_units(moments.means.clone())?,
            standard_errors: in_units(moments.variances().mapv(f64::sqrt))?,
        })
    }

    /// Statistics of hypotheses, each for every target, from the samples it was fitted to.
    pub(super) fn wald_statistics(
        &self,
        hypotheses: &[Constancy],
        samples: &Samples,
    ) -> Result<Vec<WaldStatistic>> {
        let samples = with_known_terms(Cow::Borrowed(samples), self.family)?;
        let standardized = self.scaling.apply(&samples)?;
        let design = self.design(standardized.features());
        let weights = row_weights(&samples, self.family)?;
        let (contexts, targets) = (standardized.contexts(), standardized.targets());
        let rows = Observations::new(contexts, design.view(), targets)
            .with_weights(weights.as_ref().map(|weights| weights.view()))
            .with_offsets(known_terms(&samples, self.family));
        self.process.wald_tests(hypotheses, rows)
    }

    /// Every row of the samples it was fitted to, predicted from all others in closed form, at the
    /// hyperparameters of all.
    ///
    /// # Errors
    ///
    /// Those of [`FittedProcess::leave_one_out`].
    pub fn leave_one_out(&self, samples: &Samples) -> Result<LeaveOneOut> {
        let samples = with_known_terms(samples.rows_that_count()?, self.family)?;
        let standardized = self.scaling.apply(&samples)?;
        let rows = samples.rows();
        let design = self.design(standardized.features());
        let weights = normalized_weights(samples.weights(), rows)?;
        let (contexts, targets) = (standardized.contexts(), standardized.targets());
        let observations = Observations::new(contexts, design.view(), targets)
            .with_weights(samples.weights().map(|_| weights.view()));
        let residuals = self.process.leave_one_out(observations)?;
        let residuals = residuals * self.scaling.targets.scales();
        let squares = residuals
            .mapv(|r| r * r)
            .mean_axis(Axis(1))
            .unwrap_or_default();
        Ok(LeaveOneOut {
            residuals,
            mean_squared_error: squares.dot(&weights) / rows as f64,
        })
    }

    pub(super) fn names(&self) -> &ColumnNames {
        &self.names
    }

    pub(super) fn typical(&self) -> ArrayView2<'_, f64> {
        self.typical.view()
    }

    pub(super) fn process(&self) -> &FittedProcess {
        &self.process
    }

    pub(super) fn scaling(&self) -> &Scaling {
        &self.scaling
    }

    /// Names of the coefficients, in the order of the hyperparameters.
    pub(super) fn coefficient_names(&self) -> Vec<String> {
        let intercept = self.intercept.then(|| "(intercept)".to_owned());
        self.names
            .features
            .iter()
            .cloned()
            .chain(intercept)
            .collect()
    }

    pub(super) fn standardized(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        check_table("contexts", contexts, Some(self.scaling.contexts.columns()))?;
        let standardized = self.scaling.contexts.apply(contexts)?;
        check_finite("contexts, standardised,", standardized.view())?;
        Ok(standardized)
    }

    pub(super) fn design(&self, features: ArrayView2<'_, f64>) -> Array2<f64> {
        let ones = Array2::ones((features.nrows(), usize::from(self.intercept)));
        concatenate(Axis(1), &[features.view(), ones.view()])
            .expect("features and ones have the same rows")
    }

    /// Slopes (n × y × x) and offsets (n × y) of coefficients (n × y × p), offsets last.
    fn split(&self, coefficients: Array3<f64>) -> (Array3<f64>, Array2<f64>) {
        let features = self.scaling.features.columns();
        let slopes = coefficients.slice(s![.., .., ..features]).to_owned();
        let offsets = if self.intercept {
            coefficients.slice(s![.., .., features]).to_owned()
        } else {
            Array2::zeros((coefficients.dim().0, coefficients.dim().1))
        };
        (slopes, offsets)
    }

    fn in_units(&self, coefficients: Array3<f64>) -> Result<Coefficients> {
        let (slopes, offsets) = self.split(coefficients);
        Coefficients::new(slopes, offsets)?
            .to_original_units(&self.scaling.features, &self.scaling.targets)
    }

    /// Standard deviations in the users' units, of covariances in units of the fit.
    pub(super) fn deviations(&self, covariances: &Array4<f64>) -> Result<Coefficients> {
        let (rows, targets, ..) = covariances.dim();
        let (features, scales) = (&self.scaling.features, self.scaling.targets.scales());
        let slopes = Array3::from_shape_fn((rows, targets, features.columns()), |(q, t, j)| {
            covariances[[q, t, j, j]].max(0.0).sqrt() * scales[t] / features.scales()[j]
        });
        // The offset at features of zero is the one at average features minus the slopes there.
        let at_zero = self.design(
            (-&features.centers() / features.scales())
                .insert_axis(Axis(0))
                .view(),
        );
        let at_zero = at_zero.row(0);
        let offsets = Array2::from_shape_fn((rows, targets), |(q, t)| {
            if self.intercept {
                let covariance = covariances.slice(s![q, t, .., ..]);
                at_zero.dot(&covariance.dot(&at_zero)).max(0.0).sqrt() * scales[t]
            } else {
                0.0
            }
        });
        Coefficients::new(slopes, offsets)
    }
}

/// Numbers that look like chance, another one for each row: SplitMix64.
pub(super) fn scattered(row: u64) -> u64 {
    let mut z = (row + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Typical rows over which effects are averaged.
const AVERAGED: usize = 100;

fn absent(context: impl std::fmt::Display) -> Error {
    Error::invalid_parameter("context", context, "one that a term of the kernel has")
}

impl VaryingCoefficients for GaussianProcessModel {
    fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        let contexts = self.standardized(contexts)?;
        self.in_units(self.process.coefficients(contexts.view())?)
    }
}

impl WithUncertainty for GaussianProcessModel {
    /// Posterior standard deviations.
    ///
    /// # Errors
    ///
    /// Those of [`VaryingCoefficients::coefficients`], and [`Error::Numerical`].
    fn standard_errors(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        let contexts = self.standardized(contexts)?;
        self.deviations(&self.process.covariances(contexts.view())?)
    }

    fn intervals(&self, contexts: ArrayView2<'_, f64>, level: f64) -> Result<CoefficientIntervals> {
        let quantile = Tail::new(level, None)?.quantile;
        let contexts = self.standardized(contexts)?;
        let posterior = self.process.posterior_at(contexts.view())?;
        let errors = self.deviations(&posterior.covariances)?;
        let center = self.in_units(posterior.means)?;
        let end = |sign: f64| {
            Coefficients::new(
                &center.slopes() + &(&errors.slopes() * (sign * quantile)),
                &center.offsets() + &(&errors.offsets() * (sign * quantile)),
            )
        };
        Ok(CoefficientIntervals {
            lower: end(-1.0)?,
            upper: end(1.0)?,
        })
    }
}

impl WithPredictions for GaussianProcessModel {
    /// Posterior means and standard deviations, and the variance of the noise as dispersion.
    fn predictor_distribution(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<PredictorDistribution> {
        check_rows("features", contexts.nrows(), features.nrows())?;
        let contexts = self.standardized(contexts)?;
        let design = self.design(self.scaling.features.apply(features)?.view());
        let moments = self.process.predictors_at(contexts.view(), design.view())?;
        let targets = &self.scaling.targets;
        Ok(PredictorDistribution {
            means: targets.invert(moments.means.view())?,
            standard_errors: moments.variances.mapv(f64::sqrt) * targets.scales(),
            dispersions: self.dispersions(),
            degrees_of_freedom: None,
        })
    }
}

impl LocalCoefficients for GaussianProcessModel {
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        check_query(
            contexts,
            self.scaling.contexts.columns(),
            features,
            self.scaling.features.columns(),
        )?;
        self.coefficients(contexts)
    }

    fn family(&self) -> Family {
        self.family
    }

    fn as_varying(&self) -> Option<&dyn VaryingCoefficients> {
        Some(self)
    }

    fn as_uncertain(&self) -> Option<&dyn WithUncertainty> {
        Some(self)
    }

    fn as_predictive(&self) -> Option<&dyn WithPredictions> {
        Some(self)
    }

    fn as_sums(&self) -> Option<&dyn WithSums> {
        Some(self)
    }

    fn as_wald_tested(&self) -> Option<&dyn WithWaldTests> {
        Some(self)
    }
}

impl Checked for GaussianProcessModel {
    fn check(&self) -> Result<()> {
        let (contexts, coefficients, targets) = self.process.widths();
        let (scaling, names) = (&self.scaling, &self.names);
        let features = scaling.features.columns();
        let with_intercept = features + usize::from(self.intercept);
        for (argument, expected, found) in [
            ("context scaling", contexts, scaling.contexts.columns()),
            ("feature scaling", coefficients, with_intercept),
            ("target scaling", targets, scaling.targets.columns()),
            ("context names", contexts, names.contexts.len()),
            ("feature names", features, names.features.len()),
            ("target names", targets, names.targets.len()),
        ] {
            check_columns(argument, expected, found)?;
        }
        if self.family != self.process.family() {
            let requirement = format!("{}, as of the process", self.process.family());
            return Err(Error::invalid_parameter("family", self.family, requirement));
        }
        check_table("typical contexts", self.typical.view(), Some(contexts))?;
        check_weights(ArrayView1::from(&[self.mean_weight]), 1)
    }
}
