//! One regression for everybody.

use crate::design::Design;
use crate::logistic;
use contextualized_core::validate::{check_query, check_table};
use contextualized_core::{
    CoefficientIntervals, Coefficients, Error, Estimator, FitReport, Link, LocalCoefficients,
    Result, Samples, Standardization, Termination, VaryingCoefficients, WithUncertainty,
};
use contextualized_solvers as solvers;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// Linear or logistic regression on the features alone: the same coefficients at every context.
///
/// ```text
/// linear:    minimise  Σ_i w_i (y_i − β·x_i − μ)²                 + λ Σ_j s_j² β_j²
/// logistic:  minimise  −2 Σ_i w_i [y_i η_i − ln(1 + exp η_i)]    + λ Σ_j s_j² β_j²
/// ```
///
/// with s_j the standard deviation of feature j, so that the ridge penalty λ does not depend on
/// units; the offset μ is never penalised. Several targets are fitted one by one.
///
/// | setting | default | range |
/// |---|---|---|
/// | intercept | yes | |
/// | ridge λ | 0 | 0 or more |
/// | outcome | linear | linear, or binary by the logit link |
///
/// Linear fits are solved by pivoted QR, logistic ones by iteratively reweighted least squares.
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
/// let somebody = array![[0.5]];
/// let slope = model.coefficients(somebody.view())?.slopes()[[0, 0, 0]];
/// let error = model.standard_errors(somebody.view())?.slopes()[[0, 0, 0]];
/// assert!((slope - 1.98).abs() < 1e-12 && (error - 0.043).abs() < 0.01);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PopulationRegression {
    intercept: bool,
    ridge: f64,
    link: Link,
}

impl Default for PopulationRegression {
    fn default() -> Self {
        Self {
            intercept: true,
            ridge: 0.0,
            link: Link::Identity,
        }
    }
}

impl PopulationRegression {
    /// Linear regression with an intercept and without a penalty.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is an offset; without one, the linear predictor is zero where features are.
    pub fn intercept(mut self, intercept: bool) -> Self {
        self.intercept = intercept;
        self
    }

    /// The ridge penalty λ on squared coefficients of standardised features.
    pub fn ridge(mut self, penalty: f64) -> Self {
        self.ridge = penalty;
        self
    }

    /// Logistic regression of targets that are 0 or 1.
    pub fn logistic(mut self) -> Self {
        self.link = Link::Logit;
        self
    }

    /// The link between the mean of a target and the linear predictor.
    pub fn link(&self) -> Link {
        self.link
    }

    pub(crate) fn validate(&self) -> Result<()> {
        match self.ridge >= 0.0 && self.ridge.is_finite() {
            true => Ok(()),
            false => Err(Error::invalid_parameter(
                "ridge",
                self.ridge,
                "a finite number of at least zero",
            )),
        }
    }

    /// λ s_j² for every column of the design, or nothing without a penalty.
    fn penalties(&self, samples: &Samples) -> Result<Option<Array1<f64>>> {
        if self.ridge == 0.0 {
            return Ok(None);
        }
        let scales = Standardization::fit(samples.features(), samples.weights())?;
        let of_features = scales.scales().mapv(|scale| self.ridge * scale * scale);
        Ok(Some(match self.intercept {
            true => std::iter::once(0.0).chain(of_features).collect(),
            false => of_features,
        }))
    }
}

impl Estimator for PopulationRegression {
    type Model = PopulationModel;

    fn name(&self) -> String {
        match self.link {
            Link::Logit => "population (logistic)".to_owned(),
            _ => "population".to_owned(),
        }
    }

    /// # Errors
    ///
    /// [`Error::TooFewRows`] and [`Error::RankDeficient`], which names the dependent columns,
    /// unless a ridge penalty is set; for binary targets [`Error::NotBinary`],
    /// [`Error::Separated`] and [`Error::NotConverged`]; [`Error::InvalidParameter`] for a penalty
    /// below zero.
    fn fit(&self, samples: &Samples) -> Result<PopulationModel> {
        self.validate()?;
        let design = Design::new(samples, self.intercept);
        let penalties = self.penalties(samples)?;
        if penalties.is_none() {
            design.require_rows(samples)?;
        }
        let fit = match self.link {
            Link::Logit => fit_logistic(&design, samples, penalties)?,
            _ => fit_linear(&design, samples, penalties)?,
        };
        let first = usize::from(self.intercept);
        let coefficients = fit.solution;
        Ok(PopulationModel {
            link: self.link,
            contexts: samples.contexts().ncols(),
            slopes: coefficients
                .slice(s![first.., ..])
                .t()
                .as_standard_layout()
                .into_owned(),
            offsets: match self.intercept {
                true => coefficients.row(0).to_owned(),
                false => Array1::zeros(coefficients.ncols()),
            },
            intercept: self.intercept,
            errors: fit.errors,
            degrees_of_freedom: fit.degrees_of_freedom,
            report: fit.report,
        })
    }
}

struct Fit {
    /// Coefficients × targets.
    solution: Array2<f64>,
    /// Standard errors, of the same shape.
    errors: Option<Array2<f64>>,
    degrees_of_freedom: Option<usize>,
    report: FitReport,
}

fn fit_linear(design: &Design, samples: &Samples, penalties: Option<Array1<f64>>) -> Result<Fit> {
    let (x, y, weights) = (design.matrix.view(), samples.targets(), samples.weights());
    if let Some(penalties) = penalties {
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
        return Ok(Fit {
            solution,
            errors: None,
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
    let degrees_of_freedom = fit.degrees_of_freedom();
    let squares = fit.residual_sum_of_squares();
    let errors = (degrees_of_freedom > 0).then(|| {
        let deviations = unscaled.diag().mapv(f64::sqrt).insert_axis(Axis(1));
        let noise = squares.mapv(|squares| (squares / degrees_of_freedom as f64).sqrt());
        &deviations * &noise
    });
    Ok(Fit {
        errors,
        degrees_of_freedom: Some(degrees_of_freedom),
        report: direct(squares.sum()),
        solution: fit.into_solution(),
    })
}

fn direct(objective: f64) -> FitReport {
    FitReport {
        termination: Termination::DirectSolve,
        iterations: 0,
        objective,
    }
}

fn fit_logistic(design: &Design, samples: &Samples, penalties: Option<Array1<f64>>) -> Result<Fit> {
    let weights = match samples.weights() {
        Some(weights) => weights.to_owned(),
        None => Array1::ones(samples.rows()),
    };
    let targets = samples.targets();
    let mut solution = Array2::zeros((design.coefficients(), targets.ncols()));
    let mut errors = Array2::zeros(solution.dim());
    let (mut iterations, mut objective) = (0, 0.0);
    for (column, name) in samples.names().targets.iter().enumerate() {
        let target = targets.column(column);
        check_binary(target, name)?;
        let fit = logistic::fit(
            design,
            target,
            name,
            weights.view(),
            penalties.as_ref().map(|penalties| penalties.view()),
        )?;
        solution.column_mut(column).assign(&fit.coefficients);
        if let Some(covariance) = fit.covariance {
            errors
                .column_mut(column)
                .assign(&covariance.diag().mapv(f64::sqrt));
        }
        iterations = iterations.max(fit.iterations);
        objective += fit.objective;
    }
    Ok(Fit {
        solution,
        errors: penalties.is_none().then_some(errors),
        degrees_of_freedom: None,
        report: FitReport {
            termination: Termination::Converged,
            iterations,
            objective,
        },
    })
}

fn check_binary(target: ArrayView1<'_, f64>, name: &str) -> Result<()> {
    match target
        .indexed_iter()
        .find(|(_, value)| **value != 0.0 && **value != 1.0)
    {
        Some((row, &value)) => Err(Error::NotBinary {
            target: name.to_owned(),
            row,
            value,
        }),
        None => Ok(()),
    }
}

/// A fitted population regression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PopulationModel {
    link: Link,
    contexts: usize,
    /// Targets × features.
    slopes: Array2<f64>,
    /// Targets.
    offsets: Array1<f64>,
    intercept: bool,
    /// Standard errors, coefficients × targets, the intercept first if there is one.
    errors: Option<Array2<f64>>,
    degrees_of_freedom: Option<usize>,
    report: FitReport,
}

impl PopulationModel {
    /// Slopes, targets × features.
    pub fn slopes(&self) -> ArrayView2<'_, f64> {
        self.slopes.view()
    }

    /// Offsets, one per target; zeros without an intercept.
    pub fn offsets(&self) -> ArrayView1<'_, f64> {
        self.offsets.view()
    }

    /// How it was fitted; the objective is the penalised sum of squares or deviance.
    pub fn report(&self) -> &FitReport {
        &self.report
    }
}

impl VaryingCoefficients for PopulationModel {
    fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        check_table("contexts", contexts, Some(self.contexts))?;
        Coefficients::constant(self.slopes.view(), self.offsets.view(), contexts.nrows())
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

    fn link(&self) -> Link {
        self.link
    }
}

/// Linear fits: σ̂² (XᵀWX)⁻¹ with σ̂² = Σ w r² / (n − p), n the rows of positive weight, and
/// Student's t with n − p degrees of freedom; weights are inverse variances up to a factor, as in
/// R's `lm`. Logistic fits: the inverse information and the normal distribution. Penalised fits
/// are biased and have no standard errors.
impl WithUncertainty for PopulationModel {
    /// # Errors
    ///
    /// [`Error::TooFewRows`] when as many rows as coefficients leave nothing to estimate the noise
    /// from, [`Error::InvalidParameter`] for a ridge fit.
    fn standard_errors(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        check_table("contexts", contexts, Some(self.contexts))?;
        let Some(errors) = &self.errors else {
            return Err(match self.degrees_of_freedom {
                Some(_) => {
                    let coefficients = self.slopes.ncols() + usize::from(self.intercept);
                    Error::TooFewRows {
                        purpose: "standard errors".to_owned(),
                        needed: coefficients + 1,
                        found: coefficients,
                    }
                }
                None => Error::invalid_parameter("ridge", "positive", "zero for standard errors"),
            });
        };
        let first = usize::from(self.intercept);
        let offsets = match self.intercept {
            true => errors.row(0).to_owned(),
            false => Array1::zeros(errors.ncols()),
        };
        Coefficients::constant(
            errors.slice(s![first.., ..]).t(),
            offsets.view(),
            contexts.nrows(),
        )
    }

    fn intervals(&self, contexts: ArrayView2<'_, f64>, level: f64) -> Result<CoefficientIntervals> {
        if !(level > 0.0 && level < 1.0) {
            return Err(Error::invalid_parameter(
                "level",
                level,
                "between 0 and 1, exclusive",
            ));
        }
        let probability = 0.5 + level / 2.0;
        let quantile = match self.degrees_of_freedom {
            Some(degrees) => StudentsT::new(0.0, 1.0, degrees as f64)
                .map(|t| t.inverse_cdf(probability))
                .map_err(|error| Error::numerical("a quantile of Student's t", error))?,
            None => Normal::standard().inverse_cdf(probability),
        };
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
