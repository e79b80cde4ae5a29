//! One regression for all rows: constant coefficients.

mod uncertainty;

use uncertainty::number_of;
pub(crate) use uncertainty::{Covariance, clustered};

use crate::design::Design;
use crate::glm::{self, Outcomes};
use crate::joint;
use contextualized_core::validate::{
    check_columns, check_finite, check_query, check_rows, check_table,
};
use contextualized_core::{
    Checked, Coefficients, Error, Estimator, Family, FitReport, FittedPredictors,
    LocalCoefficients, RegressionEstimator, RegressionSettings, Result, Samples, Termination,
    VaryingCoefficients, WithPredictions, WithSums, WithUncertainty, checked_serde,
};
use contextualized_solvers as solvers;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, array};
use serde::{Deserialize, Serialize};

/// A generalised linear model of the features alone: the same coefficients at every context.
///
/// ```text
/// Gaussian:  minimise  Σ_i w_i (y_i − β·x_i − μ)²     + λ Σ_j s_j² β_j²
/// others:    minimise  Σ_i w_i D(y_i, β·x_i + μ)      + λ Σ_j s_j² β_j²
/// ```
///
/// with D the unit deviance of the family and s_j the standard deviation of feature j, so that the
/// ridge penalty λ does not depend on units; the intercept μ is never penalised. Several targets are fitted one by one, unless they
/// are the indicators of one outcome ([`Family::has_classes`]): D is then twice what the log-likelihood of a row lacks to
/// zero.
///
/// | setting | default | range |
/// |---|---|---|
/// | intercept | yes | |
/// | ridge λ | 0 | 0 or more |
/// | family | Gaussian | any [`Family`] |
///
/// Gaussian fits are solved by pivoted QR, those of classes by Newton's method for all predictors together, others by iteratively reweighted least squares, both on
/// standardised features.
///
/// # Row weights
///
/// For estimates a row of weight 2 counts as two rows; a row of weight 0 is absent. For
/// [standard errors](contextualized_core::WithUncertainty) and intervals families read weights differently, as
/// R's `lm` and `glm` do. The noise of a Gaussian fit is estimated, so weights are inverse variances
/// up to a factor: multiplying all of them changes nothing, and a row of weight 2 is still one
/// observation, of half the variance. A family without a dispersion has known noise, so weights are counts:
/// multiplying all of them by 4 halves the standard errors, and a row of weight 2 is two
/// observations.
///
/// ```
/// use contextualized_baselines::PopulationRegression;
/// use contextualized_core::{Estimator, Samples, VaryingCoefficients, WithUncertainty};
/// use ndarray::array;
///
/// let contexts = array![[0.0], [0.0], [1.0], [1.0]];
/// let features = array![[0.0], [1.0], [2.0], [3.0]];
/// let targets = array![[1.0], [3.1], [4.9], [7.0]];
/// let samples = Samples::new(contexts.view(), features.view(), targets.view())?;
///
/// let model = PopulationRegression::new().fit(&samples)?;
/// let context = array![[0.5]];
/// let slope = model.coefficients(context.view())?.slopes()[[0, 0, 0]];
/// let error = model.standard_errors(context.view())?.slopes()[[0, 0, 0]];
/// assert!((slope - 1.98).abs() < 1e-12 && (error - 0.043).abs() < 0.01);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PopulationRegression {
    intercept: bool,
    ridge: f64,
    family: Family,
    /// Whether a fit falls back on a ridge, see [`PopulationRegression::fit_or_ridge`].
    or_ridge: bool,
}

impl Default for PopulationRegression {
    fn default() -> Self {
        Self {
            intercept: true,
            ridge: 0.0,
            family: Family::Gaussian,
            or_ridge: false,
        }
    }
}

/// The relative change of a family's shape that is none, and most fits until then.
const SHAPE_PRECISION: (f64, usize) = (1e-10, 200);

/// Pseudo-rows of average weight that pull standardised coefficients to zero, where rows do not determine
/// them without.
const FALLBACK_RIDGE: f64 = 1.0;

impl PopulationRegression {
    /// Linear regression with an intercept and without a penalty.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is an intercept; without one, the linear predictor is zero where features are.
    pub fn intercept(mut self, intercept: bool) -> Self {
        self.intercept = intercept;
        self
    }

    /// The ridge penalty λ on squared coefficients of standardised features.
    pub fn ridge(mut self, penalty: f64) -> Self {
        self.ridge = penalty;
        self
    }

    /// The family of the targets; Gaussian until set.
    pub fn family(mut self, family: Family) -> Self {
        self.family = family;
        self
    }

    /// Fits, with a ridge of one pseudo-row of average weight where the rows do not determine the coefficients
    /// without: there are too few, columns depend on each other, or features separate the
    /// target.
    ///
    /// # Errors
    ///
    /// All others of [`Estimator::fit`].
    pub fn fit_or_ridge(&self, samples: &Samples) -> Result<PopulationModel> {
        match self.fit_as_it_is(samples) {
            Err(
                Error::TooFewRows { .. }
                | Error::RankDeficient { .. }
                | Error::Separated { .. }
                | Error::NotConverged { .. },
            ) => {
                let samples = samples.rows_that_count()?;
                // Weights that are inverse variances are so up to a factor.
                let weights = samples.weights().filter(|_| self.family.has_dispersion());
                let unit = weights.and_then(|weights| weights.mean()).unwrap_or(1.0);
                let penalised = self.clone().ridge(FALLBACK_RIDGE * unit);
                penalised.fit_as_it_is(&samples)
            }
            fit => fit,
        }
    }

    /// The family with its shape, if it has one and no value was given, as [`PopulationRegression::fit_or_ridge`]
    /// estimates it.
    ///
    /// # Errors
    ///
    /// Those of [`PopulationRegression::fit_or_ridge`].
    pub fn known_family(&self, samples: &Samples) -> Result<Family> {
        if self.family.is_known() {
            Ok(self.family)
        } else {
            Ok(self.fit_or_ridge(samples)?.family())
        }
    }

    fn fit_as_it_is(&self, samples: &Samples) -> Result<PopulationModel> {
        self.validate()?;
        samples.check_no_random_effects("population")?;
        let samples = samples.rows_that_count()?;
        self.family.check(&samples)?;
        let design = Design::new(&samples, self.intercept)?;
        if self.ridge == 0.0 {
            design.require_rows()?;
            design.require_independent()?;
        }
        // A penalised fit has no standard errors that would allow for them.
        let groups = (self.ridge == 0.0)
            .then(|| samples.correlated_rows())
            .flatten();
        let groups = groups.as_deref();
        let of_family = |family: Family| {
            let fit = if family.is_quadratic() {
                fit_linear(&design, &samples, self.ridge, groups)?
            } else if family.has_classes() && samples.targets().ncols() > 1 {
                joint::fit(&design, &samples, family, self.ridge, groups)?
            } else {
                fit_glm(&design, &samples, family, self.ridge, groups)?
            };
            Ok((family, fit))
        };
        let predictors = |(_, fit): &(Family, Fit)| {
            Ok(FittedPredictors {
                means: samples.features().dot(&fit.slopes.row(0)) + fit.intercepts[0],
                deviations: None,
                coefficients: design.coefficients(),
            })
        };
        let (family, fit) =
            self.family
                .fit_with_shape(&samples, None, SHAPE_PRECISION, of_family, predictors)?;
        let model = PopulationModel {
            family,
            contexts: samples.contexts().ncols(),
            slopes: fit.slopes,
            intercepts: fit.intercepts,
            intercept: self.intercept,
            errors: fit.errors,
            covariances: fit.covariances,
            degrees_of_freedom: fit.degrees_of_freedom,
            clustered: groups.is_some(),
            report: fit.report,
        };
        model.check()?;
        Ok(model)
    }

    /// The same, falling back on a ridge.
    pub(crate) fn or_ridge(mut self) -> Self {
        self.or_ridge = true;
        self
    }

    /// The family it fits.
    pub(crate) fn of_family(&self) -> Family {
        self.family
    }

    pub(crate) fn validate(&self) -> Result<()> {
        if self.ridge >= 0.0 && self.ridge.is_finite() {
            Ok(())
        } else {
            Err(Error::invalid_parameter(
                "ridge",
                self.ridge,
                "a finite number of at least zero",
            ))
        }
    }

    /// What a name says of settings that are not the default.
    pub(crate) fn settings(&self) -> Vec<String> {
        [
            self.family.qualifier().map(str::to_owned),
            (self.ridge != 0.0).then(|| format!("ridge {}", self.ridge)),
            (!self.intercept).then(|| "no intercept".to_owned()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// A name with settings behind it, if there are any.
pub(crate) fn named(name: &str, settings: &[String]) -> String {
    match settings {
        [] => name.to_owned(),
        _ => format!("{name} ({})", settings.join(", ")),
    }
}

impl Estimator for PopulationRegression {
    type Model = PopulationModel;

    fn name(&self) -> String {
        named("population", &self.settings())
    }

    /// # Errors
    ///
    /// [`Error::TooFewRows`] and [`Error::RankDeficient`], which names the dependent columns,
    /// unless a ridge penalty is set; for families other than the Gaussian [`Error::InvalidTarget`],
    /// [`Error::Separated`] and [`Error::NotConverged`]; [`Error::InvalidParameter`] for a penalty
    /// below zero; [`Error::NotFinite`] and [`Error::Numerical`] where a result overflows.
    fn fit(&self, samples: &Samples) -> Result<PopulationModel> {
        if self.or_ridge {
            self.fit_or_ridge(samples)
        } else {
            self.fit_as_it_is(samples)
        }
    }
}

impl RegressionEstimator for PopulationRegression {
    const KNOWS_DISPERSION: bool = true;

    fn with_settings(settings: &RegressionSettings) -> Self {
        Self::new()
            .family(settings.family)
            .intercept(settings.intercept)
    }

    fn fit_part(&self, samples: &Samples) -> Result<PopulationModel> {
        self.fit_or_ridge(samples)
    }
}

/// What the fits of all families have in common, in the users' units.
pub(crate) struct Fit {
    /// Targets × features.
    pub(crate) slopes: Array2<f64>,
    pub(crate) intercepts: Array1<f64>,
    /// Coefficients × targets, the intercept first if there is one.
    pub(crate) errors: Option<Array2<f64>>,
    /// One for each target where there are standard errors.
    pub(crate) covariances: Vec<Covariance>,
    pub(crate) degrees_of_freedom: Option<usize>,
    pub(crate) report: FitReport,
}

fn fit_linear(
    design: &Design<'_>,
    samples: &Samples,
    ridge: f64,
    groups: Option<&[usize]>,
) -> Result<Fit> {
    let (x, weights) = (design.matrix.view(), samples.weights());
    let without_offsets = samples.targets_without_offsets();
    let y = without_offsets.view();
    if ridge > 0.0 {
        let of_features = Array1::from_elem(samples.features().ncols(), ridge);
        let penalties = design.penalties(of_features.view());
        let solution = solvers::ridge(x, y, weights, penalties.view())
            .map_err(|error| design.name_columns(error))?;
        let penalty = (&solution * &solution).sum_axis(Axis(1)).dot(&penalties);
        let residuals = &y - &x.dot(&solution);
        let squares = (&residuals * &residuals).sum_axis(Axis(1));
        let objective = penalty
            + match weights {
                Some(weights) => squares.dot(&weights),
                None => squares.sum(),
            };
        let (slopes, intercepts) = design.to_original_units(solution.view())?;
        return Ok(Fit {
            slopes,
            intercepts,
            errors: None,
            covariances: Vec::new(),
            degrees_of_freedom: None,
            report: direct(objective),
        });
    }
    let fit = solvers::least_squares(x, y, weights)
        .and_then(|fit| fit.full_rank())
        .map_err(|error| design.name_columns(error))?;
    let unscaled = fit
        .unscaled_covariance()
        .map_err(|error| design.name_columns(error))?;
    let residual_degrees = fit.degrees_of_freedom();
    let squares = fit.residual_sum_of_squares();
    let degrees_of_freedom = match groups {
        Some(groups) => residual_degrees.min(number_of(groups).saturating_sub(1)),
        None => residual_degrees,
    };
    let (errors, covariances) = match degrees_of_freedom {
        0 => (None, Vec::new()),
        _ => {
            let residuals = &y - &x.dot(fit.solution());
            let mut errors = Array2::zeros((design.coefficients(), y.ncols()));
            let mut covariances = Vec::with_capacity(y.ncols());
            for (target, squares) in squares.iter().enumerate() {
                // Without overflow of a square.
                let noise = (squares / residual_degrees as f64).sqrt();
                let mut scores = &residuals.column(target) / noise.max(f64::MIN_POSITIVE);
                if let Some(weights) = weights {
                    scores *= &weights;
                }
                let robust =
                    groups.and_then(|groups| clustered(&unscaled, x, scores.view(), groups));
                let relative = robust.as_ref().unwrap_or(&unscaled);
                errors
                    .column_mut(target)
                    .assign(&(design.deviations(relative) * noise));
                let variance = noise * noise;
                covariances.push(Covariance::new(design, relative * variance).with_noise(variance));
            }
            (Some(errors), covariances)
        }
    };
    let (slopes, intercepts) = design.to_original_units(fit.solution().view())?;
    Ok(Fit {
        slopes,
        intercepts,
        errors,
        covariances,
        degrees_of_freedom: Some(degrees_of_freedom),
        report: direct(squares.sum()),
    })
}

fn direct(objective: f64) -> FitReport {
    FitReport {
        termination: Termination::DirectSolve,
        iterations: 0,
        objective,
        best_epoch: None,
    }
}

/// Row weights, ones where there are none.
pub(crate) fn weights_of(samples: &Samples) -> Array1<f64> {
    let ones = || Array1::ones(samples.rows());
    samples.weights().map_or_else(ones, |own| own.to_owned())
}

/// Offsets, zeros where there are none.
pub(crate) fn offsets_of(samples: &Samples) -> Array1<f64> {
    let zeros = || Array1::zeros(samples.rows());
    samples.offsets().map_or_else(zeros, |own| own.to_owned())
}

fn fit_glm(
    design: &Design<'_>,
    samples: &Samples,
    family: Family,
    ridge: f64,
    groups: Option<&[usize]>,
) -> Result<Fit> {
    let weights = weights_of(samples);
    let known_terms = offsets_of(samples);
    let targets = samples.targets();
    let mut slopes = Array2::zeros((targets.ncols(), samples.features().ncols()));
    let mut intercepts = Array1::zeros(targets.ncols());
    let mut errors = Array2::zeros((design.coefficients(), targets.ncols()));
    let mut covariances = Vec::new();
    let (mut iterations, mut objective) = (0, 0.0);
    for (column, name) in samples.names().targets.iter().enumerate() {
        let outcomes = Outcomes {
            family,
            target: targets.column(column),
            name,
            weights: weights.view(),
            offsets: known_terms.view(),
            groups,
        };
        let fit = glm::fit(design, &outcomes, ridge)?;
        slopes.row_mut(column).assign(&fit.slopes);
        intercepts[column] = fit.intercept;
        if let Some((own, covariance)) = fit.errors {
            errors.column_mut(column).assign(&own);
            covariances.push(covariance);
        }
        iterations = iterations.max(fit.iterations);
        objective += fit.objective;
    }
    Ok(Fit {
        slopes,
        intercepts,
        errors: (ridge == 0.0).then_some(errors),
        covariances,
        degrees_of_freedom: None,
        report: FitReport {
            termination: Termination::Converged,
            iterations,
            objective,
            best_epoch: None,
        },
    })
}

/// A fitted population regression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct PopulationModel {
    family: Family,
    contexts: usize,
    /// Targets × features.
    slopes: Array2<f64>,
    /// Targets.
    intercepts: Array1<f64>,
    intercept: bool,
    /// Standard errors, coefficients × targets, the intercept first if there is one.
    errors: Option<Array2<f64>>,
    /// One for each target where there are standard errors.
    covariances: Vec<Covariance>,
    degrees_of_freedom: Option<usize>,
    /// Whether the covariances allow for rows that depend on each other.
    #[serde(default)]
    clustered: bool,
    report: FitReport,
}

checked_serde!(PopulationModel);

impl Checked for PopulationModel {
    fn check(&self) -> Result<()> {
        check_finite("slopes", self.slopes.view())?;
        let (targets, features) = self.slopes.dim();
        if targets == 0 {
            return Err(Error::NoRows { argument: "slopes" });
        }
        let intercepts = self.intercepts.view().insert_axis(Axis(0));
        check_table("intercepts", intercepts, Some(targets))?;
        if !self.intercept && self.intercepts.iter().any(|intercept| *intercept != 0.0) {
            return Err(Error::invalid_parameter(
                "intercept",
                &self.intercepts,
                "zero without an intercept",
            ));
        }
        if let Some(errors) = &self.errors {
            check_table("standard errors", errors.view(), Some(targets))?;
            let coefficients = features + usize::from(self.intercept);
            check_rows("standard errors", coefficients, errors.nrows())?;
            if let Some(error) = errors.iter().find(|error| **error < 0.0) {
                return Err(Error::invalid_parameter(
                    "standard error",
                    error,
                    "at least zero",
                ));
            }
        }
        // Where the dispersion is estimated, standard errors have degrees of freedom.
        let has_errors = self.errors.is_some();
        let consistent = match self.degrees_of_freedom {
            Some(degrees) => self.family.has_dispersion() && has_errors == (degrees > 0),
            None => !self.family.has_dispersion() || !has_errors,
        };
        if !consistent {
            return Err(Error::invalid_parameter(
                "degrees_of_freedom",
                format!("{:?}", self.degrees_of_freedom),
                "in keeping with the family and the standard errors",
            ));
        }
        let covariances = self.errors.as_ref().map_or(0, Array2::ncols);
        check_rows("covariances", covariances, self.covariances.len())?;
        for covariance in &self.covariances {
            covariance.check(features, self.intercept, self.family)?;
        }
        check_finite("objective", array![[self.report.objective]].view())
    }
}

impl PopulationModel {
    /// Slopes, targets × features.
    pub fn slopes(&self) -> ArrayView2<'_, f64> {
        self.slopes.view()
    }

    /// Intercepts, one per target; zeros without an intercept.
    pub fn intercepts(&self) -> ArrayView1<'_, f64> {
        self.intercepts.view()
    }

    /// Contexts, targets, features and link agree with those of a model used beside this one.
    pub(crate) fn check_matches(&self, contexts: usize, other: &Self) -> Result<()> {
        for (argument, expected, found) in [
            ("contexts", contexts, self.contexts),
            ("targets", other.slopes.nrows(), self.slopes.nrows()),
            ("features", other.slopes.ncols(), self.slopes.ncols()),
        ] {
            check_columns(argument, expected, found)?;
        }
        if self.family == other.family {
            Ok(())
        } else {
            Err(Error::invalid_parameter(
                "family",
                self.family,
                format!("{}, as in the first cluster", other.family),
            ))
        }
    }

    /// How it was fitted; the objective is the penalised sum of squares or deviance.
    pub fn report(&self) -> &FitReport {
        &self.report
    }
}

impl VaryingCoefficients for PopulationModel {
    fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        check_table("contexts", contexts, Some(self.contexts))?;
        Coefficients::constant(self.slopes.view(), self.intercepts.view(), contexts.nrows())
    }
}

impl LocalCoefficients for PopulationModel {
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        check_query(contexts, self.contexts, features, self.slopes.ncols())?;
        self.coefficients(contexts)
    }

    fn family(&self) -> Family {
        self.family
    }

    /// One for each coefficient, unless a penalty takes some of it.
    fn effective_degrees(&self, _samples: &Samples) -> Result<Option<Array2<f64>>> {
        if self.errors.is_none() && self.degrees_of_freedom.is_none() {
            return Ok(None);
        }
        let (targets, features) = self.slopes.dim();
        let mut degrees = Array2::ones((targets, features + 1));
        if !self.intercept {
            degrees.column_mut(features).fill(0.0);
        }
        Ok(Some(degrees))
    }

    fn as_varying(&self) -> Option<&dyn VaryingCoefficients> {
        Some(self)
    }

    fn as_uncertain(&self) -> Option<&dyn WithUncertainty> {
        self.errors.as_ref().map(|_| self as _)
    }

    fn as_predictive(&self) -> Option<&dyn WithPredictions> {
        self.errors.as_ref().map(|_| self as _)
    }

    fn as_sums(&self) -> Option<&dyn WithSums> {
        self.errors.as_ref().map(|_| self as _)
    }
}
