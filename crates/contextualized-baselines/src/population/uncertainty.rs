//! Standard errors of population coefficients, and what follows from them.

use super::PopulationModel;
use crate::design::Design;
use contextualized_core::validate::{check_columns, check_finite, check_rows, check_table};
use contextualized_core::{
    Assumptions, CoefficientIntervals, CoefficientSums, Coefficients, Error, Family,
    LocalCoefficients, PredictorDistribution, PredictorSums, Result, Standardization, Tail,
    VaryingCoefficients, WeightedContexts, WithPredictions, WithSums, WithUncertainty,
};
use ndarray::{Array1, Array2, Array4, ArrayView1, ArrayView2, Axis, concatenate, s};
use serde::{Deserialize, Serialize};

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

    /// Whether it fits a model of so many features.
    pub(super) fn check(&self, features: usize, intercept: bool, family: Family) -> Result<()> {
        let coefficients = features + usize::from(intercept);
        check_table("covariance", self.matrix.view(), Some(coefficients))?;
        check_rows("covariance", coefficients, self.matrix.nrows())?;
        check_columns("feature scaling", features, self.scaling.columns())?;
        let consistent = match self.noise {
            Some(noise) => family.has_dispersion() && noise >= 0.0 && noise.is_finite(),
            None => !family.has_dispersion(),
        };
        if consistent {
            Ok(())
        } else {
            Err(Error::invalid_parameter(
                "noise",
                format!("{:?}", self.noise),
                "finite, at least zero, and given where the family has a dispersion",
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

/// The covariance of coefficients when rows of one number may depend on each other and their errors may have any
/// variances (Liang and Zeger 1986, doi:10.1093/biomet/73.1.13): `A Σ_g s_g s_gᵀ A G / (G − 1)` with A the
/// inverse information in `unscaled`, and s_g the sum of the scores of the rows of group g: of each row of the
/// design (n × p) times its derivative. None of a single group.
pub(crate) fn clustered(
    unscaled: &Array2<f64>,
    design: ArrayView2<'_, f64>,
    derivatives: ArrayView1<'_, f64>,
    groups: &[usize],
) -> Option<Array2<f64>> {
    let count = number_of(groups);
    if count < 2 {
        return None;
    }
    let mut scores = Array2::<f64>::zeros((count, design.ncols()));
    for ((row, derivative), &group) in design.rows().into_iter().zip(derivatives).zip(groups) {
        scores.row_mut(group).scaled_add(*derivative, &row);
    }
    let parts = scores.dot(unscaled);
    let correction = count as f64 / (count - 1) as f64;
    Some(parts.t().dot(&parts) * correction)
}

/// How many groups there are, numbered from 0.
pub(super) fn number_of(groups: &[usize]) -> usize {
    groups.iter().max().map_or(0, |most| most + 1)
}

/// Gaussian fits: σ̂² (XᵀWX)⁻¹ with σ̂² = Σ w r² / (n − p), n the rows of positive weight, and
/// Student's t with n − p degrees of freedom; weights are inverse variances up to a factor, as in
/// R's `lm`. Fits of other [families](contextualized_core::Family): the inverse information
/// (XᵀWVX)⁻¹ with V the variances of the targets, p (1 − p) for a probability p, and the normal
/// distribution; weights are counts, as in R's `glm`.
/// [`PopulationRegression`](crate::PopulationRegression) says what follows for row weights.
/// Penalised fits are biased and have no standard errors.
///
/// Where rows depend on each other ([`Samples::correlated_rows`](contextualized_core::Samples::correlated_rows))
/// the covariance is that of clusters, which allows for any dependence within a group and for uneven noise, with
/// a correction of G / (G − 1) for G groups; Gaussian fits then have Student's t with at most G − 1 degrees of
/// freedom. Few groups make it too small.
impl WithUncertainty for PopulationModel {
    fn assumes(&self) -> Assumptions {
        Assumptions {
            independent_rows: !self.clustered,
            even_noise: !self.clustered,
        }
    }

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
        let intercepts = if self.intercept {
            errors.row(0).to_owned()
        } else {
            Array1::zeros(errors.ncols())
        };
        Coefficients::constant(
            errors.slice(s![first.., ..]).t(),
            intercepts.view(),
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
                &estimate.intercepts() + &errors.intercepts() * (sign * quantile),
            )
        };
        Ok(CoefficientIntervals {
            lower: end(-1.0)?,
            upper: end(1.0)?,
        })
    }
}

impl WithPredictions for PopulationModel {
    /// Standard errors `√(x̃ᵀ V x̃)`, the estimated variance of the errors as dispersion, and the
    /// residual degrees of freedom.
    ///
    /// # Errors
    ///
    /// Those of [`PopulationModel::standard_errors`], and of tables that do not fit the model.
    fn predictor_distribution(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<PredictorDistribution> {
        let means = self.linear_predictor(contexts, features)?;
        let mut standard_errors = Array2::zeros(means.dim());
        for (target, covariance) in self.covariances()?.iter().enumerate() {
            let variances = covariance.variances(covariance.design(features)?.view());
            let mut own = standard_errors.column_mut(target);
            own.assign(&variances.mapv(f64::sqrt));
        }
        let dispersion = |covariance: &Covariance| covariance.noise.unwrap_or(1.0);
        Ok(PredictorDistribution {
            means,
            standard_errors,
            dispersions: self.covariances.iter().map(dispersion).collect(),
            degrees_of_freedom: self.degrees_of_freedom.map(|degrees| degrees as f64),
        })
    }
}

impl PopulationModel {
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
        self.covariances()?;
        let degrees = self.degrees_of_freedom.map(|degrees| degrees as f64);
        Ok(Tail::new(level, degrees)?.quantile)
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
        let intercepts = &of_one.intercepts() * &totals.view().insert_axis(Axis(1));
        CoefficientSums::new([
            (values.slopes().to_owned(), values.intercepts().to_owned()),
            (slopes.clone(), intercepts.clone()),
            (
                &values.slopes() - &slopes * quantile,
                &values.intercepts() - &intercepts * quantile,
            ),
            (
                &values.slopes() + &slopes * quantile,
                &values.intercepts() + &intercepts * quantile,
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

    fn slope_covariances(&self, sums: &WeightedContexts) -> Result<Array4<f64>> {
        let first = usize::from(self.intercept);
        let totals = sums.weights().sum_axis(Axis(1));
        let covariances = self.covariances()?;
        let features = self.slopes.ncols();
        let shape = (sums.sums(), covariances.len(), features, features);
        Ok(Array4::from_shape_fn(shape, |(sum, target, a, b)| {
            let Covariance {
                scaling, matrix, ..
            } = &covariances[target];
            let scales = scaling.scales();
            let square = totals[sum] * totals[sum];
            square * matrix[[first + a, first + b]] / (scales[a] * scales[b])
        }))
    }
}
