//! The fitted model: coefficients, their uncertainty, and what they depend on.

use super::rows::{ScaledRows, design, with_known_terms};
use contextualized_core::validate::{
    check_columns, check_finite, check_query, check_rows, check_table, check_weights,
};
use contextualized_core::{
    Checked, CoefficientIntervals, Coefficients, ColumnNames, Error, Family, FitReport,
    LocalCoefficients, Monitor, PredictorDistribution, Result, Samples, Scaling, Standardization,
    Tail, VaryingCoefficients, WeightedContexts, WithDraws, WithPredictions, WithSums,
    WithUncertainty, checked_serde, normalized_weights,
};
use contextualized_gp::{FittedProcess, Hyperparameters, Kernel, Moments, ProcessReport};
use ndarray::{Array1, Array2, Array3, Array4, ArrayView1, ArrayView2, Axis, s};
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
    pub(super) family: Family,
    pub(super) intercept: bool,
    pub(super) scaling: Scaling,
    pub(super) names: ColumnNames,
    pub(super) process: FittedProcess,
    /// Mean weight of the rows, of which the process knows the noise.
    pub(super) mean_weight: f64,
    /// Degrees of freedom that the noise is estimated with, where that matters.
    #[serde(default)]
    pub(super) residual_degrees: Option<f64>,
    /// Standardised contexts that stand for those fitted, in an order of chance.
    pub(super) typical: Array2<f64>,
}

checked_serde!(GaussianProcessModel);

/// What single contexts add to every coefficient, in the users' units.
#[derive(Debug, Clone, PartialEq)]
pub struct PartialEffect {
    /// Posterior means, one row per context asked for, with mean zero over the rows fitted. The
    /// intercept's is at average features.
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
    /// intercept, a last one for it. The noise is that of a row of weight one.
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
        check_finite("values", values.insert_axis(Axis(1)))?;
        if context >= self.scaling.contexts.columns() {
            return Err(absent(context));
        }
        let (context, values) = self.in_kernel(context, values);
        let terms = self.kernel().terms().iter().map(|term| term.columns());
        let with_it: Vec<_> = terms
            .enumerate()
            .filter(|(_, columns)| columns.contains(&context))
            .collect();
        match with_it.as_slice() {
            [] => Err(absent(context)),
            [(term, columns)] if columns.iter().all(|column| *column == context) => {
                let mut contexts = Array2::zeros((values.len(), self.scaling.contexts.columns()));
                contexts.column_mut(context).assign(&values);
                self.effect_in_units(&self.process.partial_effect(*term, contexts.view())?)
            }
            _ => self.averaged(&[(context, values)], &[(&[true], 1.0), (&[false], -1.0)]),
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
        let mut terms = self.kernel().terms().iter();
        let most = self.scaling.contexts.columns();
        if contexts.0 >= most || contexts.1 >= most {
            return Err(absent(format!("{contexts:?}")));
        }
        let first = self.in_kernel(contexts.0, values.column(0));
        let second = self.in_kernel(contexts.1, values.column(1));
        let both = |columns: Vec<usize>| columns.contains(&first.0) && columns.contains(&second.0);
        if first.0 == second.0 || !terms.any(|term| both(term.columns())) {
            return Err(absent(format!("{contexts:?}")));
        }
        self.averaged(
            &[first, second],
            &[
                (&[true, true], 1.0),
                (&[true, false], -1.0),
                (&[false, true], -1.0),
                (&[false, false], 1.0),
            ],
        )
    }

    /// Signed sums of mean coefficients over typical rows, in each of which the columns of the kernel that are
    /// marked have the values asked for.
    fn averaged(
        &self,
        columns: &[(usize, Array1<f64>)],
        signed: &[(&[bool], f64)],
    ) -> Result<PartialEffect> {
        let rows = self.typical.nrows().min(AVERAGED);
        let typical = self.typical.slice(s![..rows, ..]);
        let asked = columns.first().map_or(0, |(_, values)| values.len());
        // For each set of values a block of rows for each part.
        let blocks = asked * signed.len();
        let mut contexts = Array2::zeros((blocks * rows, typical.ncols()));
        let mut weights = Array2::zeros((asked, blocks * rows));
        for (g, mut sum) in weights.rows_mut().into_iter().enumerate() {
            for (part, (changed, sign)) in signed.iter().enumerate() {
                let start = (g * signed.len() + part) * rows;
                let range = start..start + rows;
                let mut block = contexts.slice_mut(s![range.clone(), ..]);
                block.assign(&typical);
                for ((column, values), changed) in columns.iter().zip(*changed) {
                    if *changed {
                        block.column_mut(*column).fill(values[g]);
                    }
                }
                sum.slice_mut(s![range]).fill(sign / rows as f64);
            }
        }
        let sums = WeightedContexts::new(contexts, weights)?;
        self.effect_in_units(&self.process.sums(&sums, None)?)
    }

    fn effect_in_units(&self, moments: &Moments) -> Result<PartialEffect> {
        let in_units = |table: Array3<f64>| {
            self.split(table)?.to_original_units(
                &self.scaling.features.clone().without_centering(),
                &self.scaling.targets.clone().without_centering(),
            )
        };
        Ok(PartialEffect {
            effects: in_units(moments.means.clone())?,
            standard_errors: in_units(moments.variances().mapv(f64::sqrt))?,
        })
    }

    /// Every row of the samples it was fitted to, predicted from all others in closed form, at the
    /// hyperparameters of all.
    ///
    /// # Errors
    ///
    /// Those of [`FittedProcess::leave_one_out`].
    pub fn leave_one_out(&self, samples: &Samples) -> Result<LeaveOneOut> {
        let samples = with_known_terms(samples.rows_that_count()?, self.family)?;
        let rows = ScaledRows::new(&samples, self.family, self.intercept, &self.scaling)?;
        let residuals = self.process.leave_one_out(rows.observations())?;
        let residuals = residuals * self.scaling.targets.scales();
        let rows = samples.rows();
        let weights = normalized_weights(samples.weights(), rows)?;
        let squares = residuals
            .mapv(|r| r * r)
            .mean_axis(Axis(1))
            .unwrap_or_default();
        Ok(LeaveOneOut {
            residuals,
            mean_squared_error: squares.dot(&weights) / rows as f64,
        })
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
        let standardized = self.scaling.contexts.apply_to_contexts(contexts)?;
        Ok(self.names.coded(contexts, standardized))
    }

    /// Values of a context column in units of the fit, and the column of the kernel that has them: of a factor they
    /// are codes of levels in its first column.
    fn in_kernel(&self, context: usize, values: ArrayView1<'_, f64>) -> (usize, Array1<f64>) {
        let Some(factor) = self.names.factor_of(context) else {
            let standardized = self.scaling.contexts.apply_to_column(context, values);
            return (context, standardized);
        };
        if factor.coded_levels.is_some() {
            return (context, values.to_owned());
        }
        let level = factor.columns.iter().position(|own| *own == context);
        let code = level.map_or(0.0, |level| (level + 1) as f64);
        let coded = values.mapv(|value| if value > 0.5 { code } else { 0.0 });
        (factor.first(), coded)
    }

    pub(super) fn design(&self, features: ArrayView2<'_, f64>) -> Array2<f64> {
        design(features, self.intercept)
    }

    /// Slopes (n × y × x) and intercepts (n × y) of coefficients (n × y × p), intercepts last.
    fn split(&self, coefficients: Array3<f64>) -> Result<Coefficients> {
        let features = self.scaling.features.columns();
        let slopes = coefficients.slice(s![.., .., ..features]).to_owned();
        let intercepts = if self.intercept {
            coefficients.slice(s![.., .., features]).to_owned()
        } else {
            Array2::zeros((coefficients.dim().0, coefficients.dim().1))
        };
        Coefficients::new(slopes, intercepts)
    }

    fn in_units(&self, coefficients: Array3<f64>) -> Result<Coefficients> {
        self.split(coefficients)?
            .to_original_units(&self.scaling.features, &self.scaling.targets)
    }

    /// Standard deviations in the users' units, of covariances in units of the fit.
    pub(super) fn deviations(&self, covariances: &Array4<f64>) -> Result<Coefficients> {
        let (rows, targets, ..) = covariances.dim();
        let (features, scales) = (&self.scaling.features, self.scaling.targets.scales());
        let slopes = Array3::from_shape_fn((rows, targets, features.columns()), |(q, t, j)| {
            covariances[[q, t, j, j]].max(0.0).sqrt() * scales[t] / features.scales()[j]
        });
        // The intercept at features of zero is the one at average features minus the slopes there.
        let at_zero = self.design(
            (-&features.centers() / features.scales())
                .insert_axis(Axis(0))
                .view(),
        );
        let at_zero = at_zero.row(0);
        let intercepts = Array2::from_shape_fn((rows, targets), |(q, t)| {
            if self.intercept {
                let covariance = covariances.slice(s![q, t, .., ..]);
                at_zero.dot(&covariance.dot(&at_zero)).max(0.0).sqrt() * scales[t]
            } else {
                0.0
            }
        });
        Coefficients::new(slopes, intercepts)
    }
}

/// The same hyperparameters with another unit of noise.
pub(super) fn with_noise_times(hyperparameters: &Hyperparameters, factor: f64) -> Hyperparameters {
    Hyperparameters {
        noise: hyperparameters.noise * factor,
        ..hyperparameters.clone()
    }
}

/// Coefficients less and plus a multiple of their standard errors.
pub(super) fn ends(
    values: &Coefficients,
    errors: &Coefficients,
    quantile: f64,
) -> Result<[Coefficients; 2]> {
    let end = |factor: f64| {
        Coefficients::new(
            &values.slopes() + &(&errors.slopes() * factor),
            &values.intercepts() + &(&errors.intercepts() * factor),
        )
    };
    Ok([end(-quantile)?, end(quantile)?])
}

/// Some of the rows in an order of chance, the same each time: rows may come sorted, or in cycles.
pub(super) fn by_chance(rows: usize, most: usize) -> Vec<usize> {
    let mut chosen: Vec<usize> = (0..rows).collect();
    chosen.sort_by_key(|&row| scattered(row as u64));
    chosen.truncate(most);
    chosen
}

/// Pseudo-random numbers, another one for each row: SplitMix64.
fn scattered(row: u64) -> u64 {
    let mut z = (row + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The most rows by which effective degrees of freedom are found: they cost a posterior covariance each.
const MOST_WITH_DEGREES: usize = 2000;

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
        let quantile = Tail::new(level, self.residual_degrees)?.quantile;
        let contexts = self.standardized(contexts)?;
        let posterior = self.process.posterior_at(contexts.view())?;
        let errors = self.deviations(&posterior.covariances)?;
        let center = self.in_units(posterior.means)?;
        let [lower, upper] = ends(&center, &errors, quantile)?;
        Ok(CoefficientIntervals { lower, upper })
    }
}

impl WithPredictions for GaussianProcessModel {
    /// Posterior means and standard deviations, the variance of the noise as dispersion, and the degrees of
    /// freedom that it is estimated with.
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
            degrees_of_freedom: self.residual_degrees,
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

    /// At the mode of the hyperparameters; of more than 2,000 rows estimated by as many.
    fn effective_degrees(&self, samples: &Samples) -> Result<Option<Array2<f64>>> {
        let samples = with_known_terms(samples.rows_that_count()?, self.family)?;
        let samples = match samples.rows() {
            rows if rows > MOST_WITH_DEGREES => {
                Cow::Owned(samples.select(&by_chance(rows, MOST_WITH_DEGREES))?)
            }
            _ => samples,
        };
        let rows = ScaledRows::new(&samples, self.family, self.intercept, &self.scaling)?;
        let own = self.process.effective_degrees(rows.observations())?;
        let mut degrees = Array2::zeros((own.nrows(), self.names.features.len() + 1));
        degrees.slice_mut(s![.., ..own.ncols()]).assign(&own);
        Ok(Some(degrees))
    }

    fn context_scaling(&self) -> Option<&Standardization> {
        Some(&self.scaling.contexts)
    }

    fn length_scales(&self) -> Option<Array2<f64>> {
        let variables = self.names.context_variables();
        let shape = (self.names.features.len() + 1, variables.len());
        Some(Array2::from_shape_fn(shape, |(coefficient, variable)| {
            if coefficient < self.coefficient_names().len() {
                self.length_scale(coefficient, &variables[variable])
            } else {
                f64::INFINITY
            }
        }))
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

    fn as_draws(&self) -> Option<&dyn WithDraws> {
        Some(self)
    }
}

/// From the joint posterior.
impl WithDraws for GaussianProcessModel {
    /// # Errors
    ///
    /// Those of [`VaryingCoefficients::coefficients`]; [`Error::InvalidParameter`] for more than
    /// [`FittedProcess::MOST_JOINT`] coefficients at once.
    fn coefficient_draws(
        &self,
        contexts: ArrayView2<'_, f64>,
        draws: usize,
        seed: u64,
        monitor: Option<&Monitor>,
    ) -> Result<Vec<Coefficients>> {
        let contexts = self.standardized(contexts)?;
        self.process
            .draws(contexts.view(), draws, seed, monitor)?
            .axis_iter(Axis(0))
            .map(|draw| self.in_units(draw.to_owned()))
            .collect()
    }
}

impl Checked for GaussianProcessModel {
    fn check(&self) -> Result<()> {
        let (contexts, coefficients, targets) = self.process.widths();
        let (scaling, names) = (&self.scaling, &self.names);
        let features = scaling.features.columns();
        let with_intercept = features + usize::from(self.intercept);
        check_columns("context scaling", contexts, scaling.contexts.columns())?;
        check_columns("feature scaling", coefficients, with_intercept)?;
        check_columns("target scaling", targets, scaling.targets.columns())?;
        check_columns("context names", contexts, names.contexts.len())?;
        check_columns("feature names", features, names.features.len())?;
        check_columns("target names", targets, names.targets.len())?;
        if self.family != self.process.family() {
            let requirement = format!("{}, as of the process", self.process.family());
            return Err(Error::invalid_parameter("family", self.family, requirement));
        }
        if let Some(degrees) = self.residual_degrees
            && !(degrees.is_finite() && degrees >= 1.0)
        {
            return Err(Error::invalid_parameter(
                "residual_degrees",
                degrees,
                "at least 1",
            ));
        }
        check_table("typical contexts", self.typical.view(), Some(contexts))?;
        check_weights(ArrayView1::from(&[self.mean_weight]), 1)
    }
}
