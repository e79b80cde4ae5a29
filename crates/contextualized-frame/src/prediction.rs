//! What a regression says of rows: coefficients and outcomes, with intervals and standard errors where they are asked
//! for.

mod survival;
mod tables;
mod unknown;

pub use tables::TableContexts;

use crate::design::{Encoded, selected};
use crate::error::{Error, Result};
use crate::saved::Regression;
use contextualized_core::{
    CoefficientIntervals, Coefficients, Family, Link, LocalCoefficients, Monitor,
    PredictionIntervals, PredictorDistribution, RandomTerm, VaryingCoefficients, WithDraws,
    WithSums, WithUncertainty,
};
use ndarray::{Array2, Array3, ArrayView1, ArrayView2, Axis, concatenate, s};
use std::ops::Range;

/// Scale of predictions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Scale {
    /// That of the linear predictor, such as log-odds.
    Link,
    /// That of the outcome, such as probabilities.
    Response,
}

/// What intervals of predictions are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Interval {
    /// The expected outcome.
    Mean,
    /// A new outcome; of a binary one its probability.
    Outcome,
}

/// What is asked of rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Asked {
    /// Whether coefficients are.
    pub coefficients: bool,
    /// Whether outcomes are, which need features.
    pub outcomes: bool,
    /// The scale of outcomes.
    pub scale: Scale,
    /// What their intervals are of.
    pub interval: Interval,
    /// The probability of intervals, of coefficients and of outcomes.
    pub level: Option<f64>,
    /// Whether standard errors are.
    pub standard_errors: bool,
}

impl Asked {
    /// Coefficients alone.
    pub const COEFFICIENTS: Self = Self {
        coefficients: true,
        outcomes: false,
        ..Self::OUTCOMES
    };

    /// Expected outcomes alone.
    pub const OUTCOMES: Self = Self {
        coefficients: false,
        outcomes: true,
        scale: Scale::Response,
        interval: Interval::Outcome,
        level: None,
        standard_errors: false,
    };
}

/// Rows of contexts (n × c) and features (n × x), with offsets (n) on the scale of the link, and who watches what is
/// said of them.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// Contexts.
    pub contexts: ArrayView2<'a, f64>,
    /// Features.
    pub features: ArrayView2<'a, f64>,
    /// Offsets, if there are any.
    pub offsets: Option<ArrayView1<'a, f64>>,
    /// Random effects; without them rows are of nobody in particular.
    pub random: &'a [RandomTerm],
    /// Who may end it, if somebody watches.
    pub monitor: Option<&'a Monitor>,
}

impl Rows<'_> {
    fn slice(&self, rows: Range<usize>) -> Rows<'_> {
        Rows {
            contexts: self.contexts.slice(s![rows.clone(), ..]),
            features: self.features.slice(s![rows.clone(), ..]),
            offsets: self.offsets.as_ref().map(|own| own.slice(s![rows])),
            random: &[],
            monitor: self.monitor,
        }
    }
}

/// Rows whose intervals are found before anyone can end it.
const BLOCK: usize = 4096;

/// Estimates (n × targets × quantities), and of the same shape what was asked for besides: NaN where nothing can be
/// said.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimates {
    /// The estimates.
    pub values: Array3<f64>,
    /// Lower and upper ends of intervals.
    pub interval: Option<[Array3<f64>; 2]>,
    /// Standard errors.
    pub standard_errors: Option<Array3<f64>>,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Predicted {
    /// Coefficients of the features, and behind them the intercept.
    pub coefficients: Option<Estimates>,
    /// Outcomes: one quantity.
    pub outcomes: Option<Estimates>,
}

impl Estimates {
    /// All tables: the estimates, ends of intervals, standard errors.
    pub fn tables(&self) -> impl Iterator<Item = &Array3<f64>> {
        let ends = self.interval.iter().flatten();
        std::iter::once(&self.values)
            .chain(ends)
            .chain(&self.standard_errors)
    }

    fn map(&self, table: impl Fn(&Array3<f64>) -> Array3<f64>) -> Self {
        Self {
            values: table(&self.values),
            interval: self
                .interval
                .as_ref()
                .map(|ends| ends.each_ref().map(&table)),
            standard_errors: self.standard_errors.as_ref().map(table),
        }
    }

    /// The same estimates below each other. There is at least one.
    fn joined(parts: &[&Self]) -> Result<Self> {
        let join = |tables: Vec<&Array3<f64>>| {
            let views: Vec<_> = tables.iter().map(|table| table.view()).collect();
            concatenate(Axis(0), &views).map_err(uneven)
        };
        let of = |table: fn(&Self) -> Option<&Array3<f64>>| {
            let tables: Option<Vec<_>> = parts.iter().map(|part| table(part)).collect();
            tables.map(join).transpose()
        };
        let lower = of(|part| part.interval.as_ref().map(|[lower, _]| lower))?;
        let upper = of(|part| part.interval.as_ref().map(|[_, upper]| upper))?;
        Ok(Self {
            values: join(parts.iter().map(|part| &part.values).collect())?,
            interval: lower.zip(upper).map(|(lower, upper)| [lower, upper]),
            standard_errors: of(|part| part.standard_errors.as_ref())?,
        })
    }
}

impl Predicted {
    fn map(&self, table: impl Fn(&Array3<f64>) -> Array3<f64>) -> Self {
        Self {
            coefficients: self.coefficients.as_ref().map(|own| own.map(&table)),
            outcomes: self.outcomes.as_ref().map(|own| own.map(&table)),
        }
    }

    fn joined(parts: &[Self]) -> Result<Self> {
        let of = |estimates: fn(&Self) -> Option<&Estimates>| {
            let own: Option<Vec<_>> = parts.iter().map(estimates).collect();
            own.map(|own| Estimates::joined(&own)).transpose()
        };
        Ok(Self {
            coefficients: of(|part| part.coefficients.as_ref())?,
            outcomes: of(|part| part.outcomes.as_ref())?,
        })
    }
}

impl Regression {
    /// What is asked of rows. Many are predicted block by block, so that whoever watches them can end it.
    ///
    /// # Errors
    ///
    /// [`Error::Model`]: [`NoIntervals`](contextualized_core::Error::NoIntervals) where outcomes have no intervals or
    /// standard errors; [`Cancelled`](contextualized_core::Error::Cancelled); those of the model. Where coefficients
    /// have none they are NaN.
    pub fn predict(&self, asked: &Asked, rows: Rows<'_>) -> Result<Predicted> {
        let model = Model {
            coefficients: &self.model,
            uncertain: self.model.as_uncertain(),
            regression: Some(self),
        };
        if let Some(treatment) = &self.treatment
            && asked.outcomes
        {
            return Err(Error::usage(format!(
                "the model is of the effect of {}, and predicts no outcomes; ask for coefficients, which are effects",
                treatment.column
            )));
        }
        let count = rows.contexts.nrows();
        // Intervals take longer than what they are of.
        let uncertain = asked.level.is_some() || asked.standard_errors;
        let block = if uncertain { BLOCK } else { 4 * BLOCK };
        if count <= block {
            return model.predict(asked, rows);
        }
        let parts = (0..count).step_by(block).map(|start| {
            rows.monitor.map_or(Ok(()), Monitor::check)?;
            let range = start..count.min(start + block);
            let random = selected(rows.random, &range.clone().collect::<Vec<_>>())?;
            let part = Rows {
                random: &random,
                ..rows.slice(range)
            };
            model.predict(asked, part)
        });
        Predicted::joined(&parts.collect::<Result<Vec<_>>>()?)
    }

    /// The standard errors and intervals of coefficients.
    ///
    /// # Errors
    ///
    /// [`Error::Model`] of a model that has none, which says what to do.
    pub fn required_uncertainty(&self) -> Result<&dyn WithUncertainty> {
        self.model
            .as_uncertain()
            .ok_or_else(|| self.without_intervals())
    }

    /// Weighted sums of coefficients and predictors with standard errors.
    ///
    /// # Errors
    ///
    /// [`Error::Model`] of a model that has none, which says what to do.
    pub fn required_sums(&self) -> Result<&dyn WithSums> {
        self.model.as_sums().ok_or_else(|| self.without_intervals())
    }

    /// Draws of coefficients.
    ///
    /// # Errors
    ///
    /// [`Error::Model`] of a model that has none, which says what to do; [`Error::Request`] of one with random effects.
    pub fn required_draws(&self) -> Result<&dyn WithDraws> {
        self.model.as_draws().ok_or_else(|| {
            if self.model.as_random_effects().is_some() {
                let model = self.model.describe();
                Error::usage(format!(
                    "{model} has no draws of coefficients: it has intervals and standard errors of them"
                ))
            } else {
                self.without_intervals()
            }
        })
    }

    fn without_intervals(&self) -> Error {
        Error::from(contextualized_core::Error::NoIntervals {
            model: self.model.describe(),
            remedy: Some("fit it with --bootstraps 100, or with --estimator gp"),
        })
    }
}

/// A model that rows are predicted by.
struct Model<'a> {
    coefficients: &'a dyn VaryingCoefficients,
    uncertain: Option<&'a dyn WithUncertainty>,
    /// Whose outcomes have intervals; none of the constant-coefficient model, which predicts other rows than those it
    /// was fitted to.
    regression: Option<&'a Regression>,
}

impl Model<'_> {
    fn predict(&self, asked: &Asked, rows: Rows<'_>) -> Result<Predicted> {
        let coefficients = asked
            .coefficients
            .then(|| self.coefficients.coefficients(rows.contexts))
            .transpose()?;
        let mut outcomes = match (asked.outcomes, &coefficients) {
            (false, _) => None,
            (true, Some(known)) => Some(known.linear_predictor(rows.features)?),
            (true, None) => {
                let model = self.coefficients;
                Some(model.linear_predictor(rows.contexts, rows.features)?)
            }
        };
        let with_effects = self.coefficients.as_random_effects();
        if let (Some(outcomes), Some(model), [_, ..]) = (&mut outcomes, with_effects, rows.random) {
            *outcomes += &model.random_predictor(rows.random)?;
        }
        Ok(Predicted {
            outcomes: outcomes
                .map(|predictor| self.outcomes(asked, predictor, rows))
                .transpose()?,
            coefficients: coefficients
                .map(|known| self.coefficient_estimates(asked, &known, rows.contexts))
                .transpose()?,
        })
    }

    /// Coefficients may have no intervals where outcomes have.
    fn coefficient_estimates(
        &self,
        asked: &Asked,
        coefficients: &Coefficients,
        contexts: ArrayView2<'_, f64>,
    ) -> Result<Estimates> {
        let values = coefficients.joined();
        let unknown = || Array3::from_elem(values.dim(), f64::NAN);
        let interval = match asked.level {
            None => None,
            Some(level) => {
                let ends = self.uncertain.map(|model| model.intervals(contexts, level));
                Some(match if_any(ends)? {
                    Some(CoefficientIntervals { lower, upper }) => [lower.joined(), upper.joined()],
                    None => [unknown(), unknown()],
                })
            }
        };
        let standard_errors = if asked.standard_errors {
            let errors = self.uncertain.map(|model| model.standard_errors(contexts));
            Some(if_any(errors)?.map_or_else(unknown, |errors| errors.joined()))
        } else {
            None
        };
        Ok(Estimates {
            interval,
            standard_errors,
            values,
        })
    }

    fn outcomes(
        &self,
        asked: &Asked,
        mut predictor: Array2<f64>,
        rows: Rows<'_>,
    ) -> Result<Estimates> {
        if let Some(offsets) = rows.offsets {
            predictor += &offsets.insert_axis(Axis(1));
        }
        let family = self.coefficients.family();
        let means = match asked.scale {
            Scale::Link => predictor,
            Scale::Response => family.link().inverse_table(predictor.view()),
        };
        let known = self.distribution(asked, rows)?;
        let unknown = || Array2::from_elem(means.dim(), f64::NAN);
        let interval = match (asked.level, &known) {
            (None, _) => None,
            (Some(_), None) => Some([unknown(), unknown()]),
            // Probabilities of several classes depend on all predictors, whose errors are known one by one.
            (Some(_), Some(_))
                if asked.scale == Scale::Response
                    && family.link().is_joint()
                    && means.ncols() > 1 =>
            {
                Some([unknown(), unknown()])
            }
            (Some(level), Some(known)) => {
                let ends = outcome_ends(known, asked, family, rows.offsets, level)?;
                Some([ends.lower, ends.upper])
            }
        };
        let errors = asked
            .standard_errors
            .then(|| known.map_or_else(unknown, |known| known.standard_errors));
        Ok(Estimates {
            interval: interval.map(|ends| ends.map(of_one)),
            standard_errors: errors.map(of_one),
            values: of_one(means),
        })
    }

    /// What is known of the linear predictors, where intervals or standard errors of outcomes are asked for.
    fn distribution(&self, asked: &Asked, rows: Rows<'_>) -> Result<Option<PredictorDistribution>> {
        let Some(regression) = self.regression else {
            return Ok(None);
        };
        if asked.level.is_none() && !asked.standard_errors {
            return Ok(None);
        }
        // An interval of the mean, and a standard error, need more than the errors of held-out rows.
        let model = &regression.model;
        let needs_errors = asked.standard_errors || asked.interval == Interval::Mean;
        if needs_errors && model.as_predictive().is_none() && model.as_sums().is_none() {
            return Err(regression.without_intervals());
        }
        let known = match (model.as_random_effects(), rows.random) {
            (Some(model), [_, ..]) => {
                model.predictor_distribution_with(rows.contexts, rows.features, rows.random)
            }
            (_, _) => model.predictor_distribution(rows.contexts, rows.features),
        };
        match known {
            Err(contextualized_core::Error::NoIntervals { .. }) => {
                Err(regression.without_intervals())
            }
            known => Ok(Some(known?)),
        }
    }
}

fn outcome_ends(
    known: &PredictorDistribution,
    asked: &Asked,
    family: Family,
    offsets: Option<ArrayView1<'_, f64>>,
    level: f64,
) -> Result<PredictionIntervals> {
    let link = match asked.scale {
        Scale::Link => Link::Identity,
        Scale::Response => family.link(),
    };
    // Outcomes are on the scale of the response.
    let of_outcomes = asked.interval == Interval::Outcome && link == family.link();
    let ends = if of_outcomes && family.has_outcome_intervals() {
        known.outcome_intervals(family, offsets, level)
    } else {
        known.mean_intervals(link, offsets, level)
    };
    Ok(ends?)
}

/// What a model has, nothing where it has none.
fn if_any<T>(found: Option<contextualized_core::Result<T>>) -> Result<Option<T>> {
    match found.transpose() {
        Err(contextualized_core::Error::NoIntervals { .. }) => Ok(None),
        found => Ok(found?),
    }
}

/// A table of one quantity.
fn of_one(table: Array2<f64>) -> Array3<f64> {
    table.insert_axis(Axis(2))
}

fn uneven(source: ndarray::ShapeError) -> Error {
    Error::failure(format!("columns of different lengths: {source}"))
}

impl Encoded {
    /// The rows that are complete.
    pub fn as_rows(&self) -> Rows<'_> {
        Rows {
            contexts: self.contexts.view(),
            features: self.features.view(),
            offsets: self.offsets.as_ref().map(|offsets| offsets.view()),
            random: &self.random,
            monitor: None,
        }
    }
}
