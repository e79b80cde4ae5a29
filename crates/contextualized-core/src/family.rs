//! Outcome families: everything that depends on what kind of number a target is.
//!
//! A family is one file: it says which targets it admits, how the mean follows from the linear
//! predictor, how likely an outcome is, and how far predictions are from it. Nothing outside this
//! module asks *which* family a model has; it asks what it needs to know of it.

mod averages;
mod beta;
mod binomial;
mod counts;
mod gamma;
mod gaussian;
mod multinomial;
mod negative_binomial;
mod ordinal;
mod poisson;
mod shape;

pub use beta::Beta;
pub use gamma::Gamma;
pub use negative_binomial::NegativeBinomial;
pub use ordinal::{Ordinal, Thresholds};
pub use shape::{FittedPredictors, Shape};

use crate::predictions::Tail;
use crate::validate::{check_columns, check_rows};
use crate::{Error, Link, Result, Samples, Standardization};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Zip};
use serde::{Deserialize, Serialize};
use shape::Fitted;
use statrs::distribution::{ContinuousCDF, Normal};
use std::fmt;
use std::str::FromStr;

/// The distribution of a target given its linear predictor η, with its link.
///
/// All are exponential dispersion families (Jørgensen 1987,
/// doi:10.1111/j.2517-6161.1987.tb01685.x), as in generalised linear models: the density has the
/// mean μ = ℓ⁻¹(η), and a dispersion φ that divides its logarithm. Some have a [`Shape`], another parameter,
/// which fits estimate unless it is given.
///
/// ```
/// use contextualized_core::{Family, Link};
///
/// let family: Family = "binomial".parse()?;
/// assert_eq!(family.link(), Link::Logit);
/// // ln p of what happened, and its derivatives by the linear predictor.
/// let derivatives = family.derivatives(1.0, 0.0);
/// assert_eq!(derivatives.log_likelihood, 0.5_f64.ln());
/// assert_eq!((derivatives.first, derivatives.second), (0.5, -0.25));
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Real numbers with normal errors; identity link. The dispersion is the variance of the errors.
    #[default]
    Gaussian,
    /// 0 or 1, or shares of trials whose numbers are the weights; logit link. The dispersion is 1.
    Binomial,
    /// Counts; log link. The dispersion is 1.
    Poisson,
    /// Counts that vary more; log link.
    NegativeBinomial(NegativeBinomial),
    /// Positive numbers; log link.
    Gamma(Gamma),
    /// Shares that are measured, between 0 and 1; logit link.
    Beta(Beta),
    /// Ordered levels 0, 1, …; cumulative logit, of which the mean is the expected level.
    Ordinal(Ordinal),
    /// Classes without an order: the targets of a row are indicators of the classes besides the reference, with the
    /// log-odds against it as predictors. The dispersion is 1.
    Multinomial,
}

impl Family {
    /// All families, in the order in which they are listed to users.
    pub const ALL: [Self; 8] = [
        Self::Gaussian,
        Self::Binomial,
        Self::Poisson,
        Self::NegativeBinomial(NegativeBinomial::TO_BE_ESTIMATED),
        Self::Gamma(Gamma::TO_BE_ESTIMATED),
        Self::Beta(Beta::TO_BE_ESTIMATED),
        Self::Ordinal(Ordinal::TO_BE_ESTIMATED),
        Self::Multinomial,
    ];

    /// The one place that tells families apart.
    fn outcome(&self) -> &dyn Outcome {
        match self {
            Self::Gaussian => &gaussian::Gaussian,
            Self::Binomial => &binomial::Binomial,
            Self::Poisson => &poisson::Poisson,
            Self::NegativeBinomial(own) => own,
            Self::Gamma(own) => own,
            Self::Beta(own) => own,
            Self::Ordinal(own) => own,
            Self::Multinomial => &multinomial::Multinomial,
        }
    }
}

/// A log-density and its derivatives by the linear predictor, at a dispersion of one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Derivatives {
    /// The logarithm of the density, or probability, of the target.
    pub log_likelihood: f64,
    /// Its first derivative; for a canonical link the residual y − μ.
    pub first: f64,
    /// Its second derivative; for a canonical link minus the variance function of μ. Of a likelihood that is not
    /// log-concave its expectation.
    pub second: f64,
    /// The derivative of the second.
    pub third: f64,
}

/// A log-density of the targets of a row and its derivatives by their linear predictors, at a dispersion of one.
#[derive(Debug, Clone, PartialEq)]
pub struct RowDerivatives {
    /// The logarithm of the density, or probability, of all targets.
    pub log_likelihood: f64,
    /// Its first derivatives (y).
    pub first: Array1<f64>,
    /// Its second derivatives (y × y).
    pub second: Array2<f64>,
}

/// Derivatives of the log-likelihood of a row by the values of a [`Shape`].
#[derive(Debug, Clone, PartialEq)]
pub struct ShapeDerivatives {
    /// By each value.
    pub score: Vec<f64>,
    /// Minus the second derivative by each value and the linear predictor, or its expectation.
    pub with_predictor: Vec<f64>,
    /// Minus the second derivatives by pairs of values, row by row, or their expectation.
    pub information: Vec<f64>,
}

impl ShapeDerivatives {
    fn zeros(count: usize) -> Self {
        Self {
            score: vec![0.0; count],
            with_predictor: vec![0.0; count],
            information: vec![0.0; count * count],
        }
    }
}

/// A loss by which models of the same samples are compared: see [`Family::loss_of`].
#[derive(Debug, Clone, PartialEq)]
pub struct Loss {
    family: Family,
    /// What the loss of each target is divided by.
    units: Array1<f64>,
}

impl Loss {
    /// What it is called.
    pub fn name(&self) -> &'static str {
        let outcome = self.family.outcome();
        if self.units.len() > 1 {
            outcome.relative_loss_name()
        } else {
            outcome.loss_name()
        }
    }

    /// Of each row (n), averaged over its targets.
    ///
    /// # Errors
    ///
    /// Those of [`Family::losses`].
    pub fn of_rows(
        &self,
        targets: ArrayView2<'_, f64>,
        means: ArrayView2<'_, f64>,
    ) -> Result<Array1<f64>> {
        self.family.losses_in(targets, means, self.units.view())
    }
}

/// Random numbers from which outcomes are drawn.
pub trait RandomNumbers {
    /// Uniform between 0, included, and 1, excluded.
    fn uniform(&mut self) -> f64;

    /// Normal with mean 0 and standard deviation 1.
    fn standard_normal(&mut self) -> f64;
}

/// What is known of the linear predictor of one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PredictorBelief {
    /// Mean, offset included.
    pub mean: f64,
    /// Standard error, or posterior standard deviation.
    pub standard_error: f64,
    /// Dispersion of the outcome.
    pub dispersion: f64,
}

/// The smallest difference between values of a target: its square can still be divided.
const SMALLEST_RANGE: f64 = 1e-140;

/// What a family knows of itself. A new one implements this in a file of its own.
trait Outcome: Sync {
    fn name(&self) -> &'static str;
    fn description(&self) -> &'static str;
    fn qualifier(&self) -> Option<&'static str>;
    fn link(&self) -> Link;
    fn requirement(&self) -> &'static str;
    fn admits(&self, target: f64) -> bool;

    /// Whether it is one outcome and not the share of several.
    fn admits_single(&self, target: f64) -> bool {
        self.admits(target)
    }

    /// Whether targets that are admitted one by one can be those of a row.
    fn admits_row(&self, _targets: ArrayView1<'_, f64>) -> bool {
        true
    }

    /// Whether the targets of a row are one outcome, the indicators of its class.
    fn has_classes(&self) -> bool {
        false
    }

    fn derivatives(&self, target: f64, predictor: f64) -> Derivatives;

    /// Of targets that are independent, given their predictors, unless the family says otherwise.
    fn row_derivatives(
        &self,
        targets: ArrayView1<'_, f64>,
        predictors: ArrayView1<'_, f64>,
    ) -> RowDerivatives {
        let each = targets.iter().zip(predictors);
        let each: Vec<_> = each.map(|(y, eta)| self.derivatives(*y, *eta)).collect();
        let second: Array1<f64> = each.iter().map(|own| own.second).collect();
        RowDerivatives {
            log_likelihood: each.iter().map(|own| own.log_likelihood).sum(),
            first: each.iter().map(|own| own.first).collect(),
            second: Array2::from_diag(&second),
        }
    }

    fn deviance(&self, target: f64, predictor: f64) -> f64;
    fn loss(&self, target: f64, mean: f64) -> f64;

    /// The mean loss of the targets of a row, each over its unit.
    fn row_loss(
        &self,
        targets: ArrayView1<'_, f64>,
        means: ArrayView1<'_, f64>,
        units: ArrayView1<'_, f64>,
    ) -> f64 {
        let each = targets.iter().zip(means).zip(units);
        let total: f64 = each
            .map(|((&target, &mean), unit)| self.loss(target, mean) / unit)
            .sum();
        total / targets.len() as f64
    }

    fn loss_name(&self) -> &'static str;
    fn loss_description(&self) -> &'static str;

    /// What the loss of several targets is called, each in units of its variance if the family has a dispersion.
    fn relative_loss_name(&self) -> &'static str {
        self.loss_name()
    }

    fn coefficient_description(&self) -> &'static str;

    /// What the exponential of a coefficient is, if it is something.
    fn ratio_name(&self) -> Option<&'static str> {
        None
    }

    fn draw(&self, mean: f64, dispersion: f64, random: &mut dyn RandomNumbers) -> f64;

    /// All targets of a row.
    fn draw_row(
        &self,
        means: ArrayView1<'_, f64>,
        dispersion: f64,
        random: &mut dyn RandomNumbers,
    ) -> Array1<f64> {
        means.mapv(|mean| self.draw(mean, dispersion, random))
    }

    /// Lower and upper end for a new outcome; none where an interval of outcomes says nothing.
    fn predictive_interval(&self, tail: &Tail, belief: &PredictorBelief) -> Option<(f64, f64)>;

    /// Probabilities, given the mean and a dispersion of one, of less than the target and of at most the target.
    fn cumulative(&self, target: f64, mean: f64) -> (f64, f64);

    /// Whether [`Outcome::predictive_interval`] gives one.
    fn has_outcome_intervals(&self) -> bool {
        true
    }

    /// The variance of an outcome of this mean at a dispersion of one.
    fn variance(&self, mean: f64) -> f64;

    /// Whether outcomes are whole numbers, so that intervals contain more of them than they say.
    fn is_discrete(&self) -> bool {
        false
    }

    /// Where Newton's method starts: a linear predictor near which the target is likely.
    fn initial_predictor(&self, _target: f64) -> f64 {
        0.0
    }

    /// The direction in which the log-likelihood rises for ever, as a sign; 0 where it has a maximum.
    fn unbounded_direction(&self, _target: f64) -> f64 {
        0.0
    }

    /// The logarithm of the density, or probability, of a target whose dispersion is this.
    fn log_density(&self, target: f64, predictor: f64, _dispersion: f64) -> f64 {
        self.derivatives(target, predictor).log_likelihood
    }

    /// Lowest and highest mean: the range of the inverse link.
    fn mean_range(&self) -> (f64, f64) {
        (f64::NEG_INFINITY, f64::INFINITY)
    }

    /// Whether a mean can be predicted.
    fn admits_mean(&self, mean: f64) -> bool {
        let (lowest, highest) = self.mean_range();
        mean.is_finite() && lowest <= mean && mean <= highest
    }

    fn has_dispersion(&self) -> bool {
        false
    }

    fn is_quadratic(&self) -> bool {
        false
    }

    fn is_binary(&self) -> bool {
        false
    }

    /// What a row is expected to say of its linear predictor, or what it does: minus the second derivative.
    fn information(&self, target: f64, predictor: f64) -> f64 {
        -self.derivatives(target, predictor).second
    }

    /// The family of the same outcomes that vary more than this one lets them.
    fn wider(&self) -> Option<Family> {
        None
    }

    /// Whether the log-likelihood is concave in the linear predictor.
    fn is_log_concave(&self) -> bool {
        true
    }

    /// The parameter besides the mean.
    fn shape(&self) -> Option<Shape> {
        None
    }

    /// What the shape is, with its symbol, and what the variance is by it.
    fn shape_description(&self) -> (&'static str, &'static str) {
        ("", "")
    }

    fn with_shape(&self, _shape: Shape) -> Option<Family> {
        None
    }

    /// Whether a shape has as many values as this family needs.
    fn admits_shape(&self, values: &[f64]) -> bool {
        values.len() == 1
    }

    /// The shape by what is known of the rows.
    fn estimate_shape(&self, _fitted: &Fitted<'_>) -> Option<Vec<f64>> {
        None
    }

    /// Derivatives by the shape, where what is not known of it makes what is known of the predictor less.
    fn by_shape(&self, _target: f64, _predictor: f64) -> Option<ShapeDerivatives> {
        None
    }

    /// The same of so many ordered levels, if it has levels.
    fn with_levels(&self, _levels: usize) -> Option<Result<Family>> {
        None
    }

    /// The probability of each level.
    fn probabilities(&self, _predictor: f64) -> Option<Vec<f64>> {
        None
    }

    /// Whether the log-likelihood is y η − exp(η), as of counts of independent events.
    fn counts_events(&self) -> bool {
        false
    }
}

impl Family {
    /// The name by which users choose it, such as `gaussian`.
    pub fn name(self) -> &'static str {
        self.outcome().name()
    }

    /// What its targets are, its errors and its link, in a few words.
    pub fn description(self) -> &'static str {
        self.outcome().description()
    }

    /// What names of estimators say of it, such as `logistic`; nothing of the Gaussian family.
    pub fn qualifier(self) -> Option<&'static str> {
        self.outcome().qualifier()
    }

    /// The link between mean and linear predictor.
    pub fn link(self) -> Link {
        self.outcome().link()
    }

    /// Checks that every target of the samples can be an outcome of this family.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidTarget`], naming the target, the row and the value; [`Error::InvalidParameter`] for a
    /// target whose variance is too small for a number.
    pub fn check(self, samples: &Samples) -> Result<()> {
        let names = &samples.names().targets;
        self.check_targets(samples.targets(), |column| names[column].clone())?;
        if !self.has_dispersion() {
            return Ok(());
        }
        // Dispersions are squares, which have to be numbers.
        for (name, column) in names.iter().zip(samples.targets().columns()) {
            let ends = column
                .iter()
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
                    (v.min(low), v.max(high))
                });
            let range = ends.1 - ends.0;
            if range > 0.0 && range < SMALLEST_RANGE {
                return Err(Error::invalid_parameter(
                    "target",
                    format!("{name}, whose values differ by at most {range:.1e}"),
                    format!(
                        "one whose variance is a number; in a smaller unit it differs by {SMALLEST_RANGE:e} or more"
                    ),
                ));
            }
        }
        Ok(())
    }

    /// The same of a table of targets (n × y), whose columns are named in errors.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidTarget`].
    pub fn check_targets(
        self,
        targets: ArrayView2<'_, f64>,
        name: impl Fn(usize) -> String,
    ) -> Result<()> {
        let outcome = self.outcome();
        let wrong = |(row, targets): (usize, ArrayView1<'_, f64>)| {
            let alone = targets.iter().position(|value| !outcome.admits(*value));
            let together = || (!outcome.admits_row(targets)).then(|| targets.len() - 1);
            let column = alone.or_else(together)?;
            Some((row, column, targets[column]))
        };
        match targets.rows().into_iter().enumerate().find_map(wrong) {
            Some((row, column, value)) => Err(Error::InvalidTarget {
                family: Box::new(self),
                target: name(column),
                row,
                value,
            }),
            None => Ok(()),
        }
    }

    /// The same for an estimator that fits targets one by one.
    ///
    /// # Errors
    ///
    /// Those of [`Family::check`]; [`Error::InvalidParameter`] for a family whose targets of a row are one outcome.
    pub fn check_single(self, samples: &Samples) -> Result<()> {
        if self.has_classes() {
            return Err(Error::invalid_parameter(
                "family",
                self,
                "one whose targets are fitted one by one; classes are fitted by IndividualLogits, or by the population",
            ));
        }
        self.check(samples)
    }

    /// Lowest and highest mean, which its outcomes do not leave either.
    pub fn mean_range(self) -> (f64, f64) {
        self.outcome().mean_range()
    }

    /// Whether a number can be a target of this family.
    pub fn admits(self, target: f64) -> bool {
        self.outcome().admits(target)
    }

    /// Whether a number can be a single outcome of this family, not a share of several.
    pub fn admits_single(self, target: f64) -> bool {
        self.outcome().admits_single(target)
    }

    /// What a target has to be, such as `0 or 1`.
    pub fn requirement(self) -> &'static str {
        self.outcome().requirement()
    }

    /// The log-density of a target at a linear predictor, with its first three derivatives, at a
    /// dispersion of one. At another dispersion φ derivatives are these over φ.
    pub fn derivatives(&self, target: f64, predictor: f64) -> Derivatives {
        self.outcome().derivatives(target, predictor)
    }

    /// The log-density of all targets of a row (y) at their linear predictors (y), with its derivatives, at a dispersion
    /// of one.
    pub fn row_derivatives(
        &self,
        targets: ArrayView1<'_, f64>,
        predictors: ArrayView1<'_, f64>,
    ) -> RowDerivatives {
        self.outcome().row_derivatives(targets, predictors)
    }

    /// The information of a row about its linear predictor from which standard errors follow: expected, as R's `glm`
    /// has it, or minus the second derivative.
    pub fn information(&self, target: f64, predictor: f64) -> f64 {
        self.outcome().information(target, predictor)
    }

    /// Derivatives of the log-likelihood of a row by the values of the shape; none of a family without one, nor where
    /// what is estimated of it and of linear predictors does not depend on each other.
    pub fn by_shape(&self, target: f64, predictor: f64) -> Option<ShapeDerivatives> {
        self.outcome().by_shape(target, predictor)
    }

    /// The unit deviance of a target at a linear predictor: twice what the log-likelihood lacks to
    /// that of a mean that equals the target, at a dispersion of one.
    pub fn deviance(&self, target: f64, predictor: f64) -> f64 {
        self.outcome().deviance(target, predictor)
    }

    /// The log-likelihood of targets (n) at linear predictors (n), by weight, as R's `logLik` has it: a
    /// dispersion is the one of the largest likelihood, and weights are then inverse variances; else they are
    /// counts. Infinite where a dispersion would be zero.
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`] for lengths that differ.
    pub fn log_likelihood(
        self,
        targets: ArrayView1<'_, f64>,
        predictors: ArrayView1<'_, f64>,
        weights: Option<ArrayView1<'_, f64>>,
    ) -> Result<f64> {
        check_rows("predictors", targets.len(), predictors.len())?;
        if let Some(weights) = weights {
            check_rows("weights", targets.len(), weights.len())?;
        }
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let counted = || (0..targets.len()).filter(|row| weight(*row) > 0.0);
        let outcome = self.outcome();
        if !self.has_dispersion() {
            return Ok(counted()
                .map(|row| weight(row) * outcome.log_density(targets[row], predictors[row], 1.0))
                .sum());
        }
        let deviance: f64 = counted()
            .map(|row| weight(row) * self.deviance(targets[row], predictors[row]))
            .sum();
        if deviance == 0.0 {
            return Ok(f64::INFINITY);
        }
        let dispersion = deviance / counted().count() as f64;
        Ok(counted()
            .map(|row| outcome.log_density(targets[row], predictors[row], dispersion / weight(row)))
            .sum())
    }

    /// What an outcome differs from its mean by, in standard deviations at a dispersion of one: Pearson's residual.
    pub fn pearson_residual(&self, target: f64, mean: f64) -> f64 {
        (target - mean) / self.outcome().variance(mean).sqrt()
    }

    /// The quantile of the standard normal distribution that is as probable as the target is in its own, given its
    /// mean and a dispersion of one: a randomised quantile residual (Dunn and Smyth 1996,
    /// doi:10.1080/10618600.1996.10474708). A uniform random number places whole numbers within their step.
    pub fn quantile_residual(&self, target: f64, mean: f64, uniform: f64) -> f64 {
        let (below, at) = self.outcome().cumulative(target, mean);
        let probability = below + uniform * (at - below);
        let least = f64::MIN_POSITIVE;
        Normal::standard().inverse_cdf(probability.clamp(least, 1.0 - f64::EPSILON / 2.0))
    }

    /// Whether new outcomes have intervals; those of binary ones would say nothing.
    pub fn has_outcome_intervals(self) -> bool {
        self.outcome().has_outcome_intervals()
    }

    /// Whether outcomes are whole numbers, so that intervals contain more of them than they say.
    pub fn is_discrete(self) -> bool {
        self.outcome().is_discrete()
    }

    /// The family of the same outcomes that may vary more.
    pub fn wider(self) -> Option<Self> {
        self.outcome().wider()
    }

    /// What the loss of [`Family::losses`] is called.
    pub fn loss_name(self) -> &'static str {
        self.outcome().loss_name()
    }

    /// How the loss is computed and read, in a sentence or two.
    pub fn loss_description(self) -> &'static str {
        self.outcome().loss_description()
    }

    /// What a coefficient is per unit of its feature, in a sentence.
    pub fn coefficient_description(self) -> &'static str {
        self.outcome().coefficient_description()
    }

    /// What the exponential of a coefficient is, such as an odds ratio.
    pub fn ratio_name(self) -> Option<&'static str> {
        self.outcome().ratio_name()
    }

    /// The loss by which predictions of held-out rows are judged, of each row (n), averaged over
    /// its targets: a proper score of the predicted means (n × y).
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`], [`Error::ColumnCount`], [`Error::NotFinite`] for tables that do not
    /// match; [`Error::InvalidTarget`]; [`Error::InvalidParameter`] for a mean out of range.
    pub fn losses(
        self,
        targets: ArrayView2<'_, f64>,
        means: ArrayView2<'_, f64>,
    ) -> Result<Array1<f64>> {
        self.losses_in(targets, means, Array1::ones(targets.ncols()).view())
    }

    /// The same in units of each target (y).
    fn losses_in(
        self,
        targets: ArrayView2<'_, f64>,
        means: ArrayView2<'_, f64>,
        units: ArrayView1<'_, f64>,
    ) -> Result<Array1<f64>> {
        let outcome = self.outcome();
        self.check_targets(targets, |column| format!("in column {}", column + 1))?;
        check_columns("targets", units.len(), targets.ncols())?;
        crate::metrics::check_predictions(targets, means)?;
        if let Some(((row, column), mean)) = means
            .indexed_iter()
            .find(|(_, mean)| !outcome.admits_mean(**mean))
        {
            return Err(Error::invalid_parameter(
                "prediction",
                format!("{mean} at row {}, column {}", row + 1, column + 1),
                format!("the mean of a {} outcome", self.name()),
            ));
        }
        Ok(Zip::from(targets.rows())
            .and(means.rows())
            .map_collect(|targets, means| outcome.row_loss(targets, means, units)))
    }

    /// The loss by which models of these samples are compared: [`Family::losses`], of several targets with a
    /// dispersion each in units of its own variance, so that what is chosen does not depend on their units.
    ///
    /// # Errors
    ///
    /// Those of [`Standardization::fit`](crate::Standardization::fit).
    pub fn loss_of(self, samples: &Samples) -> Result<Loss> {
        let targets = samples.targets().ncols();
        let units = if targets > 1 && self.has_dispersion() {
            let scaling = Standardization::fit(samples.targets(), samples.weights())?;
            scaling.scales().mapv(|scale| scale * scale)
        } else {
            Array1::ones(targets)
        };
        Ok(Loss {
            family: self,
            units,
        })
    }

    /// Whether the dispersion is unknown and estimated; otherwise it is one, and row weights count
    /// rows instead of standing for inverse variances.
    pub fn has_dispersion(self) -> bool {
        self.outcome().has_dispersion()
    }

    /// Whether the log-likelihood is quadratic in the linear predictor, so that fits and posteriors
    /// have a closed form, and targets can be standardised.
    pub fn is_quadratic(self) -> bool {
        self.outcome().is_quadratic()
    }

    /// Whether the log-likelihood is concave in the linear predictor, so that second derivatives are its own.
    pub fn is_log_concave(self) -> bool {
        self.outcome().is_log_concave()
    }

    /// Whether the targets are 0 or 1, or shares of trials, and their means probabilities.
    pub fn is_binary(self) -> bool {
        self.outcome().is_binary()
    }

    /// Whether the targets of a row are one outcome: the indicators of its class, of which the reference has none.
    pub fn has_classes(self) -> bool {
        self.outcome().has_classes()
    }

    /// Whether each target is 0 or 1, or a share of trials, and its mean a probability, be it one of several classes.
    pub fn has_probabilities(self) -> bool {
        self.is_binary() || self.has_classes()
    }

    /// Whether the targets are ordered levels, numbered from 0.
    pub fn has_levels(self) -> bool {
        self.outcome().with_levels(3).is_some()
    }

    /// The same of so many levels, where these are not to be those of the targets; others as they are.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for fewer levels than three, and for too many.
    pub fn with_levels(self, levels: usize) -> Result<Self> {
        self.outcome().with_levels(levels).unwrap_or(Ok(self))
    }

    /// The probability of each level at a linear predictor, of a family that is binary or has levels.
    pub fn probabilities(&self, predictor: f64) -> Option<Vec<f64>> {
        self.outcome().probabilities(predictor)
    }

    /// Whether the targets are counts of independent events, whose log-likelihood is y η − exp(η) but for a constant.
    pub fn counts_events(self) -> bool {
        self.outcome().counts_events()
    }

    /// A linear predictor near which the target is likely, from which Newton's method starts.
    pub fn initial_predictor(&self, target: f64) -> f64 {
        self.outcome().initial_predictor(target)
    }

    /// The sign of the direction in which the log-likelihood of this target rises for ever as the
    /// linear predictor moves; 0 where it has a maximum. Directions of the coefficients along which
    /// no row falls and some row rises for ever leave no finite maximum-likelihood estimate.
    pub fn unbounded_direction(&self, target: f64) -> f64 {
        self.outcome().unbounded_direction(target)
    }

    /// Lower and upper quantile of a new outcome, given what is known of its linear predictor; none
    /// for families of which only means have intervals.
    pub fn predictive_interval(&self, tail: &Tail, belief: &PredictorBelief) -> Option<(f64, f64)> {
        self.outcome().predictive_interval(tail, belief)
    }

    /// An outcome with this mean and dispersion; NaN for parameters that have no distribution.
    pub fn draw(&self, mean: f64, dispersion: f64, random: &mut dyn RandomNumbers) -> f64 {
        self.outcome().draw(mean, dispersion, random)
    }

    /// The targets of a row with these means (y): independent of each other, unless they are indicators of one class.
    pub fn draw_row(
        &self,
        means: ArrayView1<'_, f64>,
        dispersion: f64,
        random: &mut dyn RandomNumbers,
    ) -> Array1<f64> {
        self.outcome().draw_row(means, dispersion, random)
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Family {
    type Err = Error;

    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a name that no family has.
    fn from_str(name: &str) -> Result<Self> {
        let named = Self::ALL.into_iter().find(|family| family.name() == name);
        named.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::invalid_parameter("family", name, format!("one of {names}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use proptest::prelude::*;
    use statrs::distribution::{ContinuousCDF, Normal};

    /// The quantile of this probability, in place of a random number.
    struct Quantile(f64);

    impl RandomNumbers for Quantile {
        fn uniform(&mut self) -> f64 {
            self.0
        }

        fn standard_normal(&mut self) -> f64 {
            Normal::standard().inverse_cdf(self.0)
        }
    }

    /// All families, those with a shape at several.
    fn families() -> Vec<Family> {
        let of_shapes = |family: Family| {
            // A beta distribution of a small precision is all but zero and one.
            let unit = if family.is_log_concave() { 1.0 } else { 10.0 };
            [0.3, 1.0, 7.0].map(|shape| family.with_shape(&[unit * shape]).unwrap())
        };
        let mut all: Vec<_> = Family::ALL.into_iter().flat_map(of_shapes).collect();
        all.dedup();
        all
    }

    /// A target of each family from any number.
    fn target_of(family: Family, number: f64) -> f64 {
        [
            number,
            number.abs().round(),
            number.abs(),
            0.5 + number / 10.0,
            f64::from(number > 0.0),
        ]
        .into_iter()
        .find(|target| family.outcome().admits(*target))
        .unwrap()
    }

    proptest! {
        #[test]
        fn derivatives_are_those_of_the_log_likelihood(number in -4.0..4.0_f64, predictor in -4.0..4.0_f64) {
            for family in families() {
                let target = target_of(family, number);
                let step = 1e-4;
                let at = |predictor| family.derivatives(target, predictor);
                let (here, left, right) = (at(predictor), at(predictor - step), at(predictor + step));
                let central = |of: fn(Derivatives) -> f64| (of(right) - of(left)) / (2.0 * step);
                assert_relative_eq!(central(|d| d.log_likelihood), here.first, epsilon = 1e-5, max_relative = 1e-6);
                if family.is_log_concave() {
                    assert_relative_eq!(central(|d| d.first), here.second, epsilon = 1e-5, max_relative = 1e-6);
                }
                assert_relative_eq!(central(|d| d.second), here.third, epsilon = 1e-5, max_relative = 1e-6);
                prop_assert!(here.second <= 0.0);
            }
        }

        #[test]
        fn deviances_are_differences_of_log_likelihoods(number in -4.0..4.0_f64, predictor in -4.0..4.0_f64) {
            for family in families() {
                let target = target_of(family, number);
                let deviance = |predictor| family.deviance(target, predictor);
                // The unit deviance is that of a dispersion of one.
                let scale = match family {
                    Family::Gamma(_) => family.shape().unwrap().values()[0],
                    _ => 1.0,
                };
                let fit = |predictor| -2.0 * scale * family.derivatives(target, predictor).log_likelihood;
                let difference = deviance(predictor) - deviance(0.3);
                assert_relative_eq!(difference, fit(predictor) - fit(0.3), epsilon = 1e-9, max_relative = 1e-9);
                prop_assert!(deviance(predictor) >= 0.0);
            }
        }
    }

    /// They are scores in units of their standard deviation, the root of the information, where the link is that of
    /// the mean alone.
    #[test]
    fn pearson_residuals_are_those_of_the_derivatives() {
        for family in families()
            .into_iter()
            .filter(|family| family.is_log_concave() && !family.has_levels())
        {
            let target = target_of(family, 3.0);
            for predictor in [-1.2, 0.4] {
                let at = family.derivatives(target, predictor);
                let mean = family.link().inverse(predictor);
                let residual = family.pearson_residual(target, mean);
                let information = family.information(target, predictor);
                assert!((residual - at.first / information.sqrt()).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn every_family_is_found_by_its_name() {
        for family in Family::ALL {
            assert_eq!(family.name().parse::<Family>().unwrap(), family);
        }
        for family in families() {
            let stored = serde_json::to_string(&family).unwrap();
            assert_eq!(serde_json::from_str::<Family>(&stored).unwrap(), family);
            assert!(stored.contains(family.name()), "{stored}");
        }
        for shape in ["0", "-1.5", "\"one\""] {
            let stored = format!("{{\"gamma\":{shape}}}");
            assert!(serde_json::from_str::<Family>(&stored).is_err(), "{stored}");
        }
        let error = "normal".parse::<Family>().unwrap_err().to_string();
        assert!(error.contains("gaussian, binomial, poisson"), "{error}");
    }

    #[test]
    fn targets_that_grow_in_likelihood_for_ever_are_marked() {
        for family in Family::ALL {
            for target in [0.0, 1.0, 3.0] {
                if family.outcome().admits(target) {
                    let sign = family.unbounded_direction(target);
                    let slope = |predictor: f64| family.derivatives(target, predictor).first;
                    assert_eq!(sign > 0.0, slope(25.0) >= 0.0, "{family} {target}");
                    assert_eq!(sign < 0.0, slope(-25.0) <= 0.0, "{family} {target}");
                }
            }
        }
    }

    /// Of a thousand quantiles of the distribution, the shape by which they were drawn.
    #[test]
    fn shapes_are_estimated() {
        use crate::{FittedPredictors, Samples};
        use ndarray::{Array1, Array2};

        const ROWS: usize = 1000;
        let contexts = Array2::from_shape_fn((ROWS, 1), |(row, _)| row as f64);
        for family in families()
            .into_iter()
            .filter(|family| family.shape().is_some())
        {
            let shape = family.shape().unwrap().values()[0];
            let predictor = |row: usize| if row.is_multiple_of(2) { 1.1 } else { 2.5 };
            let mean = |row: usize| family.link().inverse(predictor(row));
            let targets = Array2::from_shape_fn((ROWS, 1), |(row, _)| {
                let uniform = (row as f64 + 0.5) / ROWS as f64;
                family.draw(mean(row), 1.0, &mut Quantile(uniform))
            });
            let samples = Samples::new(contexts.view(), contexts.view(), targets.view()).unwrap();
            let predictors = FittedPredictors {
                means: Array1::from_shape_fn(ROWS, predictor),
                deviations: None,
                coefficients: 0,
            };
            let found = family.estimated(&samples, predictors).unwrap();
            let estimate = found.shape().unwrap().values()[0];
            assert_relative_eq!(estimate, shape, max_relative = 0.05);
        }
    }

    /// Outcomes of a known mean are in their intervals as often as these say, and those of an uncertain one too.
    #[test]
    fn predictive_intervals_have_their_probability() {
        let tail = Tail::new(0.9, None).unwrap();
        for family in families()
            .into_iter()
            .filter(|family| family.shape().is_some())
        {
            for standard_error in [0.0, 0.4] {
                let belief = PredictorBelief {
                    mean: 2.0,
                    standard_error,
                    dispersion: 1.0,
                };
                let (low, high) = family.predictive_interval(&tail, &belief).unwrap();
                let draws = 4000;
                let inside = (0..draws)
                    .filter(|draw| {
                        // A golden-ratio sequence in two dimensions.
                        let at = |step: f64| (f64::from(*draw) * step + 0.5).fract();
                        let z = Normal::standard().inverse_cdf(at(0.754_877_666_246_693));
                        let mean = family.link().inverse(belief.mean + standard_error * z);
                        let outcome =
                            family.draw(mean, 1.0, &mut Quantile(at(0.569_840_290_998_053)));
                        low <= outcome && outcome <= high
                    })
                    .count();
                let share = inside as f64 / f64::from(draws);
                let most = match (family.has_levels(), family.is_discrete()) {
                    (true, _) => 1.01,
                    (false, true) => 0.97,
                    (false, false) => 0.91,
                };
                assert!((0.89..most).contains(&share), "{family:?}: {share}");
            }
        }
    }

    /// Quantiles of a distribution have those of the normal one as residuals.
    #[test]
    fn quantile_residuals_are_standard_normal() {
        const DRAWS: usize = 2000;
        for family in families() {
            let most = family.mean_range().1;
            let mean = if most.is_finite() { 0.3 * most } else { 2.5 };
            let residuals = (0..DRAWS).map(|draw| {
                let at = |step: f64| (draw as f64 * step + 0.5).fract();
                let outcome = family.draw(mean, 1.0, &mut Quantile(at(0.754_877_666_246_693)));
                family.quantile_residual(outcome, mean, at(0.569_840_290_998_053))
            });
            let squares = residuals.clone().map(|residual| residual * residual);
            let (sum, squares): (f64, f64) = (residuals.sum(), squares.sum());
            assert!((sum / DRAWS as f64).abs() < 0.02, "{family:?}");
            assert_relative_eq!(squares / DRAWS as f64, 1.0, epsilon = 0.05);
        }
    }
}
