//! A fitted model in numbers: average coefficients with their evidence, and how well it fits.

use contextualized_core::validate::check_probability;
use contextualized_core::{
    Error, Family, LocalCoefficients, Result, Samples, Standardization, Tail, VaryingCoefficients,
    WeightedContexts,
};
use contextualized_solvers::symmetric_eigen;
use ndarray::{Array1, Array2, ArrayView1, Axis, s};
use serde::{Deserialize, Serialize};
use statrs::distribution::{ChiSquared, ContinuousCDF, FisherSnedecor, Normal, StudentsT};

/// The average of one coefficient of one target over the contexts of some rows, by weight.
#[derive(Debug, Clone, PartialEq)]
pub struct AverageCoefficient {
    /// Name of the target.
    pub target: String,
    /// Name of the feature, or `(intercept)` for the intercept at average features.
    pub coefficient: String,
    /// The average.
    pub average: f64,
    /// How well it is known, by a model that says so.
    pub evidence: Option<Evidence>,
    /// Standard deviation of the coefficient in the model over the rows, by weight.
    pub deviation: f64,
    /// Effective degrees of freedom of the coefficient, of a model that knows them: one if it does not vary.
    pub effective_degrees: Option<f64>,
}

/// What is known of a number: by Student's t distribution where a dispersion is estimated, else by the normal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Standard error, or posterior standard deviation.
    pub standard_error: f64,
    /// Lower end of an interval.
    pub lower: f64,
    /// Upper end of the interval.
    pub upper: f64,
    /// The number in standard errors.
    pub statistic: f64,
    /// The two-sided p-value of the hypothesis that the number is zero.
    pub p_value: f64,
}

/// The average coefficients of a model over the rows of samples, in general those it was fitted to: of every
/// target the slopes, and the intercept if there is one. Intervals have probability `level`.
///
/// All are at average features: the intercept is the linear predictor there. Without a level there is no
/// evidence, which may take as long as the fit.
///
/// # Errors
///
/// [`Error::InvalidParameter`] for a level outside (0, 1); those of the model.
pub fn average_coefficients(
    model: &(impl VaryingCoefficients + ?Sized),
    samples: &Samples,
    level: Option<f64>,
) -> Result<Vec<AverageCoefficient>> {
    if let Some(level) = level {
        check_probability("level", level)?;
    }
    let samples = samples.rows_that_count()?;
    let weights = shares(&samples);
    let sums = average_over(&samples)?;
    let features = Standardization::fit(samples.features(), samples.weights())?;
    let mut at_average = Array2::zeros(samples.features().dim());
    at_average.assign(&features.centers());

    let all = model.coefficients(samples.contexts())?;
    let intercepts = all.linear_predictor(at_average.view())?;
    let has_intercept = all.intercepts().iter().any(|intercept| *intercept != 0.0);
    let degrees = model.effective_degrees(&samples)?;
    let known = match (model.as_sums(), level) {
        (None, _) | (_, None) => None,
        (Some(model), Some(level)) => {
            let slopes = model.coefficient_sums(&sums, level)?;
            let intercepts = model.predictor_sums(&sums, at_average.view(), level)?;
            let degrees = residual_degrees(model, &samples)?;
            Some((slopes, intercepts, degrees, level))
        }
    };

    let names = samples.names();
    let last = names.features.len();
    let mut averages = Vec::new();
    for (target, target_name) in names.targets.iter().enumerate() {
        for coefficient in 0..=last {
            if coefficient == last && !has_intercept {
                continue;
            }
            let values = match coefficient {
                intercept if intercept == last => intercepts.column(target).to_owned(),
                slope => all.slopes().slice(s![.., target, slope]).to_owned(),
            };
            // Of a constant neither is left to rounding.
            let constant = values.iter().all(|value| *value == values[0]);
            let average = if constant {
                values[0]
            } else {
                values.dot(&weights)
            };
            let evidence = match &known {
                None => None,
                Some((slopes, intercepts, degrees, level)) => {
                    let error = match coefficient {
                        intercept if intercept == last => intercepts.standard_errors[[0, target]],
                        slope => slopes.standard_errors.slopes()[[0, target, slope]],
                    };
                    Some(Evidence::new(average, error, *degrees, *level)?)
                }
            };
            let square: f64 = (&values - average).mapv(|d| d * d).dot(&weights);
            averages.push(AverageCoefficient {
                target: target_name.clone(),
                coefficient: match names.features.get(coefficient) {
                    Some(name) => name.clone(),
                    None => "(intercept)".to_owned(),
                },
                average,
                evidence,
                deviation: square.sqrt(),
                effective_degrees: degrees
                    .as_ref()
                    .map(|degrees| degrees[[target, coefficient]]),
            });
        }
    }
    Ok(averages)
}

/// The hypothesis that several average coefficients of one target are all zero.
#[derive(Debug, Clone, PartialEq)]
pub struct JointTest {
    /// Name of the target.
    pub target: String,
    /// The quadratic form of the averages in their inverse covariance over the degrees.
    pub statistic: f64,
    /// How many of the averages are known apart from each other.
    pub degrees: usize,
    /// Degrees of freedom of the covariance, where a dispersion is estimated.
    pub residual_degrees: Option<f64>,
    /// Of a larger statistic if all are zero: by the F distribution, or by χ² over its degrees where there are no
    /// residual degrees. One if nothing is known of any.
    pub p_value: f64,
}

/// Tests of whether the averages of some features' slopes over the rows of samples are all zero, such as those of
/// the levels of a factor: a Wald test for each target. None of a model without standard errors.
///
/// # Errors
///
/// [`Error::InvalidParameter`] for no features, or one that there is not; those of the model.
pub fn joint_tests(
    model: &(impl VaryingCoefficients + ?Sized),
    samples: &Samples,
    features: &[usize],
) -> Result<Option<Vec<JointTest>>> {
    let there = samples.features().ncols();
    if features.is_empty() || features.iter().any(|feature| *feature >= there) {
        return Err(Error::invalid_parameter(
            "features of a joint test",
            format!("{features:?}"),
            format!("one at least, each below {there}"),
        ));
    }
    let samples = samples.rows_that_count()?;
    let Some(model) = model.as_sums() else {
        return Ok(None);
    };
    let sums = average_over(&samples)?;
    let averages = sums.coefficients(model)?;
    let covariances = model.slope_covariances(&sums)?;
    let residual_degrees = residual_degrees(model, &samples)?;
    let of_target = |(target, name): (usize, &String)| {
        let averages = averages
            .slopes()
            .slice(s![0, target, ..])
            .select(Axis(0), features);
        let covariance = covariances.slice(s![0, target, .., ..]);
        let covariance = covariance
            .select(Axis(0), features)
            .select(Axis(1), features);
        let (form, degrees) = quadratic_form(&averages, &covariance)?;
        let statistic = form / degrees.max(1) as f64;
        let p_value = if degrees == 0 {
            1.0
        } else {
            const WHAT: &str = "the distribution of a joint test";
            match residual_degrees {
                Some(residual) => FisherSnedecor::new(degrees as f64, residual)
                    .map_err(|error| Error::numerical(WHAT, error))?
                    .sf(statistic),
                None => ChiSquared::new(degrees as f64)
                    .map_err(|error| Error::numerical(WHAT, error))?
                    .sf(form),
            }
        };
        Ok(JointTest {
            target: name.clone(),
            statistic,
            degrees,
            residual_degrees,
            p_value,
        })
    };
    let names = samples.names().targets.iter();
    names
        .enumerate()
        .map(of_target)
        .collect::<Result<_>>()
        .map(Some)
}

/// `aᵀ C⁺ a` and the rank of C: directions of which less than rounding is known are left out.
fn quadratic_form(a: &Array1<f64>, covariance: &Array2<f64>) -> Result<(f64, usize)> {
    const ROUNDING: f64 = 1e-12;
    // In standard errors, so that no feature's unit counts.
    let errors = covariance.diag().mapv(|variance| variance.max(0.0).sqrt());
    let unit = errors.mapv(|error| if error > 0.0 { error } else { 1.0 });
    let columns = unit.view().insert_axis(Axis(0));
    let correlation = covariance / &columns / columns.t();
    let correlation = (&correlation + &correlation.t()) / 2.0;
    let failed = |error| Error::numerical("the covariance of average coefficients", error);
    let axes = symmetric_eigen(correlation.view()).map_err(failed)?;
    let along = axes.vectors.t().dot(&(a / &unit));
    let most = axes.values.iter().copied().fold(0.0, f64::max);
    let known = along.iter().zip(&axes.values);
    let known = known.filter(|(_, value)| **value > ROUNDING * most);
    Ok(known.fold((0.0, 0), |(form, rank), (along, value)| {
        (form + along * along / value, rank + 1)
    }))
}

/// The share of each row in an average.
pub(crate) fn shares(samples: &Samples) -> Array1<f64> {
    match samples.weights() {
        Some(weights) => &weights / weights.sum(),
        None => Array1::from_elem(samples.rows(), 1.0 / samples.rows() as f64),
    }
}

/// The average over rows, by weight.
fn average_over(samples: &Samples) -> Result<WeightedContexts> {
    let weights = shares(samples).insert_axis(Axis(0));
    let sums = WeightedContexts::new(samples.contexts().to_owned(), weights)?;
    Ok(sums.with_monitor(samples.monitor().clone()))
}

/// Degrees of freedom of a model's standard errors; none where it estimates no dispersion.
pub(crate) fn residual_degrees(
    model: &(impl VaryingCoefficients + ?Sized),
    samples: &Samples,
) -> Result<Option<f64>> {
    let Some(model) = model.as_predictive() else {
        return Ok(None);
    };
    let nobody = s![..0, ..];
    let contexts = samples.contexts().slice_move(nobody);
    let features = samples.features().slice_move(nobody);
    let known = model.predictor_distribution(contexts, features)?;
    Ok(known.degrees_of_freedom)
}

impl Evidence {
    /// Of an estimate with a standard error, by Student's t with these degrees of freedom or the normal
    /// distribution.
    ///
    /// # Errors
    ///
    /// Those of [`Tail::new`].
    pub(crate) fn new(
        value: f64,
        standard_error: f64,
        degrees: Option<f64>,
        level: f64,
    ) -> Result<Self> {
        let half = Tail::new(level, degrees)?.quantile * standard_error;
        let statistic = if value == 0.0 {
            0.0
        } else {
            value / standard_error
        };
        let p_value = match degrees {
            Some(degrees) => {
                let t = StudentsT::new(0.0, 1.0, degrees)
                    .map_err(|error| Error::numerical("the distribution of an average", error))?;
                2.0 * t.sf(statistic.abs())
            }
            None => 2.0 * Normal::standard().sf(statistic.abs()),
        };
        Ok(Self {
            standard_error,
            lower: value - half,
            upper: value + half,
            statistic,
            p_value: p_value.min(1.0),
        })
    }
}

/// How well a model fits one target of the rows it was fitted to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoodnessOfFit {
    /// Name of the target; of classes, whose indicators are one outcome, the names of all.
    pub target: String,
    /// Share of the deviance that the model explains, 1 − D / D₀, where the null model has nothing but an
    /// intercept, or predicts zero if the model has no intercept: R² of a linear model. None where there is no
    /// deviance to explain.
    pub deviance_explained: Option<f64>,
    /// See [`Family::log_likelihood`]. None where the model is exact: it then has no bound.
    pub log_likelihood: Option<f64>,
}

/// How well a model fits every target of the rows of samples.
///
/// # Errors
///
/// Those of the model.
pub fn goodness_of_fit(
    model: &(impl LocalCoefficients + ?Sized),
    samples: &Samples,
) -> Result<Vec<GoodnessOfFit>> {
    let samples = samples.rows_that_count()?;
    let family = model.family();
    let coefficients = model.coefficients_at(samples.contexts(), samples.features())?;
    let has_intercept = coefficients.intercepts().iter().any(|own| *own != 0.0);
    let mut predictors = coefficients.linear_predictor(samples.features())?;
    let mut offsets = Array1::zeros(samples.rows());
    if let Some(own) = samples.offsets() {
        offsets.assign(&own);
        predictors += &own.insert_axis(Axis(1));
    }
    let weight = |row: usize| samples.weights().map_or(1.0, |weights| weights[row]);
    if family.has_classes() && samples.targets().ncols() > 1 {
        return Ok(vec![of_classes(family, &samples, &predictors, &weight)]);
    }
    let deviance = |targets: ArrayView1<'_, f64>, predictors: ArrayView1<'_, f64>| -> f64 {
        (0..targets.len())
            .map(|row| weight(row) * family.deviance(targets[row], predictors[row]))
            .sum()
    };
    let of_target = |(target, name): (usize, &String)| {
        let targets = samples.targets().index_axis_move(Axis(1), target);
        let own = predictors.column(target);
        let constant = if has_intercept {
            constant(family, targets, offsets.view(), &weight)
        } else {
            0.0
        };
        let null = deviance(targets, (&offsets + constant).view());
        Ok(GoodnessOfFit {
            target: name.clone(),
            deviance_explained: (null > 0.0).then(|| 1.0 - deviance(targets, own) / null),
            log_likelihood: Some(family.log_likelihood(targets, own, samples.weights())?)
                .filter(|value| value.is_finite()),
        })
    };
    let names = samples.names().targets.iter();
    names.enumerate().map(of_target).collect()
}

/// How well a model fits classes, whose targets are one outcome: the null model has the shares of the classes, whatever
/// the offsets.
fn of_classes(
    family: Family,
    samples: &Samples,
    predictors: &Array2<f64>,
    weight: &impl Fn(usize) -> f64,
) -> GoodnessOfFit {
    let targets = samples.targets();
    let likelihood = |row: usize, predictors: ArrayView1<'_, f64>| {
        let at = family.row_derivatives(targets.row(row), predictors);
        weight(row) * at.log_likelihood
    };
    let rows = 0..samples.rows();
    let fitted: f64 = rows
        .clone()
        .map(|row| likelihood(row, predictors.row(row)))
        .sum();
    let total: f64 = rows.clone().map(weight).sum();
    let sizes = Array1::from_shape_fn(targets.ncols(), |class| {
        let own = rows.clone().map(|row| weight(row) * targets[[row, class]]);
        own.sum::<f64>()
    });
    let of_size = |size: f64| {
        if size > 0.0 {
            size * (size / total).ln()
        } else {
            0.0
        }
    };
    let null = sizes.iter().copied().map(of_size).sum::<f64>() + of_size(total - sizes.sum());
    GoodnessOfFit {
        target: samples.names().targets.join(", "),
        deviance_explained: (null < 0.0).then(|| 1.0 - fitted / null),
        log_likelihood: Some(fitted),
    }
}

/// The constant that with the offsets makes the targets most likely, by Newton's method.
fn constant(
    family: Family,
    targets: ArrayView1<'_, f64>,
    offsets: ArrayView1<'_, f64>,
    weight: &impl Fn(usize) -> f64,
) -> f64 {
    // Where the likelihood rises for ever the steps do not shrink.
    const STEPS: usize = 100;
    const LARGEST: f64 = 5.0;
    let rows = targets.len() as f64;
    let initial = targets.iter().zip(offsets);
    let mut constant = initial
        .map(|(target, offset)| family.initial_predictor(*target) - offset)
        .sum::<f64>()
        / rows;
    for _ in 0..STEPS {
        let (mut first, mut second) = (0.0, 0.0);
        for (row, target) in targets.iter().enumerate() {
            let derivatives = family.derivatives(*target, constant + offsets[row]);
            first += weight(row) * derivatives.first;
            second += weight(row) * derivatives.second;
        }
        let step = -first / second;
        if !step.is_finite() {
            break;
        }
        // A quadratic likelihood has no step that is too long.
        constant += if family.is_quadratic() {
            step
        } else {
            step.clamp(-LARGEST, LARGEST)
        };
        if step.abs() <= 1e-12 * constant.abs().max(1.0) {
            break;
        }
    }
    constant
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;
    use ndarray::array;

    /// Of two averages that are the same one adds no degree, in whatever unit.
    #[test]
    fn what_is_known_twice_counts_once() {
        let covariance = array![[4.0, 400.0, 0.0], [400.0, 40_000.0, 0.0], [0.0, 0.0, 1.0]];
        let (form, rank) = quadratic_form(&array![1.0, 100.0, 3.0], &covariance).unwrap();
        assert_eq!(rank, 2);
        assert_abs_diff_eq!(form, 0.25 + 9.0, epsilon = 1e-9);
        let nothing = Array2::zeros((1, 1));
        assert_eq!(quadratic_form(&array![0.0], &nothing).unwrap(), (0.0, 0));
    }
}
