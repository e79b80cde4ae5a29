//! Standard errors of population coefficients, and what follows from them.

use super::PopulationModel;
use crate::design::Design;
use contextualized_core::validate::{check_finite, check_rows, check_table};
use contextualized_core::{
    CoefficientIntervals, CoefficientSums, Coefficients, Error, Link, LocalCoefficients,
    PredictionIntervals, PredictorSums, Result, Standardization, VaryingCoefficients,
    WeightedContexts, WithSums, WithUncertainty,
};
use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate, s};
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// The covariance of one target's coefficients, of standardised features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Covariance {
    scaling: Standardization,
    /// Of the intercept first, if there is one, and the slopes.
    matrix: Array2<f64>,
    /// Estimated variance of the noise of a row of weight one, of linear fits.
    noise: Option<f64>,
}

impl Covariance {
    /// Of coefficients in units of the design.
    pub(crate) fn new(design: &Design<'_>, matrix: Array2<f64>) -> Self {
        Self {
            scaling: design.scaling().clone(),
            matrix,
            noise: None,
        }
    }

    /// With the variance of the noise of a row of weight one.
    pub(super) fn with_noise(mut self, variance: f64) -> Self {
        self.noise = Some(variance);
        self
    }

    /// Whether it fits a model of this many features.
    pub(super) fn check(&self, features: usize, intercept: bool, link: Link) -> Result<()> {
        let coefficients = features + usize::from(intercept);
        check_table("covariance", self.matrix.view(), Some(coefficients))?;
        check_rows("covariance", coefficients, self.matrix.nrows())?;
        if self.scaling.columns() != features {
            return Err(Error::ColumnCount {
                argument: "feature scaling",
                expected: features,
                found: self.scaling.columns(),
            });
        }
        let consistent = match self.noise {
            Some(noise) => link == Link::Identity && noise >= 0.0 && noise.is_finite(),
            None => link != Link::Identity,
        };
        if consistent {
            Ok(())
        } else {
            Err(Error::invalid_parameter(
                "noise",
                format!("{:?}", self.noise),
                "finite, at least zero, and there for linear fits alone",
            ))
        }
    }

    /// The columns that the coefficients are of, for these features (n × x).
    fn design(&self, features: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let standardized = self.scaling.apply(features)?;
        if self.matrix.nrows() == features.ncols() {
            return Ok(standardized);
        }
        let ones = Array2::ones((features.nrows(), 1));
        concatenate(Axis(1), &[ones.view(), standardized.view()])
            .map_err(|error| Error::numerical("joining the intercept to the features", error))
    }

    /// Variances of sums of the coefficients, one for each row of a design (n).
    fn variances(&self, design: ArrayView2<'_, f64>) -> Array1<f64> {
        let spread = design.dot(&self.matrix) * design;
        spread.sum_axis(Axis(1)).mapv(|variance| variance.max(0.0))
    }
}

/// Linear fits: σ̂² (XᵀWX)⁻¹ with σ̂² = Σ w r² / (n − p), n the rows of positive weight, and
/// Student's t with n − p degrees of freedom; weights are inverse variances up to a factor, as in
/// R's `lm`. Logistic fits: the inverse information (XᵀWVX)⁻¹ with V the variances p (1 − p), and
/// the normal distribution; weights are counts, as in R's `glm`.
/// [`PopulationRegression`](crate::PopulationRegression) says what follows for row weights. Penalised fits are biased and have
/// no standard errors.
impl WithUncertainty for PopulationModel {
    /// # Errors
    ///
    /// [`Error::TooFewRows`] when as many rows as coefficients leave nothing to estimate the noise
    /// from, [`Error::InvalidParameter`] for a ridge fit.
    fn standard_errors(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        check_table("contexts", contexts, Some(self.contexts))?;
        let Some(errors) = &self.errors else {
            return Err(self.without_errors());
        };
        let first = usize::from(self.intercept);
        let offsets = if self.intercept {
            errors.row(0).to_owned()
        } else {
            Array1::zeros(errors.ncols())
        };
        Coefficients::constant(
            errors.slice(s![first.., ..]).t(),
            offsets.view(),
            contexts.nrows(),
        )
    }

    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a level outside (0, 1), or so close to 1 that its quantile
    /// is infinite; those of [`PopulationModel::standard_errors`]; [`Error::NotFinite`] for an end
    /// that overflows.
    fn intervals(&self, contexts: ArrayView2<'_, f64>, level: f64) -> Result<CoefficientIntervals> {
        let quantile = self.quantile(level)?;
        let estimate = self.coefficients(contexts)?;
        let errors = self.standard_errors(contexts)?;
        let end = |sign: f64| {
            Coefficients::new(
                &estimate.slopes() + &errors.slopes() * (sign * quantile),
                &estimate.offsets() + &errors.offsets() * (sign * quantile),
            )
        };
        Ok(CoefficientIntervals {
            lower: end(-1.0)?,
            upper: end(1.0)?,
        })
    }
}

impl PopulationModel {
    /// Intervals that should hold the mean of every target with probability `level`: of
    /// probabilities, for binary targets.
    ///
    /// # Errors
    ///
    /// Those of [`WithUncertainty::intervals`], and of tables that do not fit the model.
    pub fn mean_intervals(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
        level: f64,
    ) -> Result<PredictionIntervals> {
        self.prediction_intervals(contexts, features, level, |_| Ok(0.0))
    }

    /// Intervals that should hold a new outcome of a row of weight one with probability `level`:
    /// those of Student's t, `ŷ ± t √(s² + x̃ᵀ V x̃)`.
    ///
    /// # Errors
    ///
    /// Those of [`PopulationModel::mean_intervals`]; [`Error::InvalidParameter`] for binary targets,
    /// which have no noise.
    pub fn outcome_intervals(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
        level: f64,
    ) -> Result<PredictionIntervals> {
        self.prediction_intervals(contexts, features, level, |covariance| {
            covariance.noise.ok_or_else(|| {
                Error::invalid_parameter(
                    "link",
                    format!("{:?}", self.link),
                    "the identity: binary targets have no noise",
                )
            })
        })
    }

    fn prediction_intervals(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
        level: f64,
        noise: impl Fn(&Covariance) -> Result<f64>,
    ) -> Result<PredictionIntervals> {
        let quantile = self.quantile(level)?;
        let means = self
            .coefficients_at(contexts, features)?
            .linear_predictor(features)?;
        let mut half = Array2::zeros(means.dim());
        for (target, covariance) in self.covariances()?.iter().enumerate() {
            let noise = noise(covariance)?;
            let variances = covariance.variances(covariance.design(features)?.view());
            half.column_mut(target)
                .assign(&variances.mapv(|variance| quantile * (variance + noise).sqrt()));
        }
        check_finite("half the width of intervals", half.view())?;
        Ok(PredictionIntervals {
            lower: self.link.inverse_table((&means - &half).view()),
            upper: self.link.inverse_table((&means + &half).view()),
        })
    }

    fn covariances(&self) -> Result<&[Covariance]> {
        if self.covariances.is_empty() {
            Err(self.without_errors())
        } else {
            Ok(&self.covariances)
        }
    }

    fn without_errors(&self) -> Error {
        match self.degrees_of_freedom {
            Some(_) => {
                let coefficients = self.slopes.ncols() + usize::from(self.intercept);
                Error::TooFewRows {
                    purpose: "standard errors".to_owned(),
                    needed: coefficients + 1,
                    found: coefficients,
                }
            }
            None => Error::invalid_parameter("ridge", "positive", "zero for standard errors"),
        }
    }

    /// Of Student's t, or the normal distribution, for a two-sided interval.
    fn quantile(&self, level: f64) -> Result<f64> {
        if !(level > 0.0 && level < 1.0) {
            return Err(Error::invalid_parameter(
                "level",
                level,
                "between 0 and 1, exclusive",
            ));
        }
        // Of the lower tail, which floating-point numbers resolve where they round the upper to 1.
        let tail = (1.0 - level) / 2.0;
        let quantile = match self.degrees_of_freedom {
            Some(0) => return Err(self.without_errors()),
            Some(degrees) => StudentsT::new(0.0, 1.0, degrees as f64)
                .map(|t| -t.inverse_cdf(tail))
                .map_err(|error| Error::numerical("a quantile of Student's t", error))?,
            None => -Normal::standard().inverse_cdf(tail),
        };
        if !quantile.is_finite() {
            return Err(Error::invalid_parameter(
                "level",
                level,
                "so far below 1 that its quantile is finite",
            ));
        }
        Ok(quantile)
    }
}

/// Those of the one regression there is, whatever the contexts.
impl WithSums for PopulationModel {
    fn coefficient_sums(&self, sums: &WeightedContexts, level: f64) -> Result<CoefficientSums> {
        let quantile = self.quantile(level)?;
        let values = sums.coefficients(self)?;
        let anywhere = Array2::zeros((1, self.contexts));
        let of_one = self.standard_errors(anywhere.view())?;
        // Each sum is the regression times the sum of its weights.
        let totals = sums.weights().sum_axis(Axis(1)).mapv(f64::abs);
        let slopes = &of_one.slopes() * &totals.view().insert_axis(Axis(1)).insert_axis(Axis(2));
        let offsets = &of_one.offsets() * &totals.view().insert_axis(Axis(1));
        CoefficientSums::new([
            (values.slopes().to_owned(), values.offsets().to_owned()),
            (slopes.clone(), offsets.clone()),
            (
                &values.slopes() - &slopes * quantile,
                &values.offsets() - &offsets * quantile,
            ),
            (
                &values.slopes() + &slopes * quantile,
                &values.offsets() + &offsets * quantile,
            ),
        ])
    }

    fn predictor_sums(
        &self,
        sums: &WeightedContexts,
        features: ArrayView2<'_, f64>,
        level: f64,
    ) -> Result<PredictorSums> {
        let quantile = self.quantile(level)?;
        let values = sums.predictor(self, features)?;
        let mut standard_errors = Array2::zeros(values.dim());
        for (target, covariance) in self.covariances()?.iter().enumerate() {
            let summed = sums.weights().dot(&covariance.design(features)?);
            let errors = covariance.variances(summed.view()).mapv(f64::sqrt);
            standard_errors.column_mut(target).assign(&errors);
        }
        check_finite("standard errors", standard_errors.view())?;
        Ok(PredictorSums {
            lower: &values - &standard_errors * quantile,
            upper: &values + &standard_errors * quantile,
            values,
            standard_errors,
        })
    }
}
