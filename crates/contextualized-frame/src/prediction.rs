//! What a regression says of rows: coefficients and outcomes, with intervals and standard errors where they are asked
//! for.

use crate::data::Table;
use crate::design::{Encoded, Encoder, UnknownLevels, a_row_for_each};
use crate::edges::edge_matrices;
use crate::error::{Error, Result};
use crate::saved::{Fitted, Networks, Regression, Saved};
use contextualized_core::{
    CoefficientIntervals, Coefficients, Family, LocalCoefficients, PredictionIntervals,
    PredictorDistribution, VaryingCoefficients, VaryingNetworks, WithDraws, WithUncertainty,
};
use ndarray::{Array, Array2, Array3, ArrayView1, ArrayView2, Axis, RemoveAxis, concatenate, s};

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

/// Rows of contexts (n × c) and features (n × x), with offsets (n) on the scale of the link.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// Contexts.
    pub contexts: ArrayView2<'a, f64>,
    /// Features.
    pub features: ArrayView2<'a, f64>,
    /// Offsets, if there are any.
    pub offsets: Option<ArrayView1<'a, f64>>,
}

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

/// Contexts of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableContexts {
    /// Those of the complete rows (rows × contexts).
    pub contexts: Array2<f64>,
    /// Which rows these are.
    pub complete: Vec<usize>,
    /// Number of all rows.
    pub rows: usize,
    /// Remarks on the rows in words.
    pub remarks: Vec<String>,
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
    /// What is asked of rows.
    ///
    /// # Errors
    ///
    /// [`Error::Model`]: [`NoIntervals`](contextualized_core::Error::NoIntervals) where outcomes have no intervals or
    /// standard errors; those of the model. Where coefficients have none they are NaN.
    pub fn predict(&self, asked: &Asked, rows: Rows<'_>) -> Result<Predicted> {
        let model = Model {
            coefficients: &self.model,
            uncertain: self.model.as_uncertain(),
            regression: Some(self),
        };
        model.predict(asked, rows)
    }

    /// What is asked of the complete rows of a block. Those with a level that training did not have are predicted by
    /// the constant-coefficient model, and their outcomes have no intervals: their error cannot be estimated.
    ///
    /// # Errors
    ///
    /// Those of [`Self::predict`]; [`Error::Data`] if there is such a row, and no constant-coefficient model.
    pub fn predict_encoded(&self, asked: &Asked, encoded: &Encoded) -> Result<Predicted> {
        if !encoded.unknown.contains(&true) {
            return self.predict(asked, encoded.as_rows());
        }
        let population = self.required_population()?;
        let by_population = Model {
            coefficients: population,
            uncertain: population.as_uncertain(),
            regression: None,
        };
        let (known, unknown, places) = encoded.parted();
        let part = |rows: &[usize]| Part {
            contexts: encoded.contexts.select(Axis(0), rows),
            features: encoded.features.select(Axis(0), rows),
            offsets: encoded
                .offsets
                .as_ref()
                .map(|all| all.select(Axis(0), rows)),
        };
        let found = [
            self.predict(asked, part(&known).as_rows())?,
            by_population.predict(asked, part(&unknown).as_rows())?,
        ];
        let mut found = Predicted::joined(&found)?.map(|table| table.select(Axis(0), &places));
        // The coefficients are the population's, but what they multiply is not known.
        found.outcomes = found.outcomes.map(|own| {
            own.map(|table| {
                let mut table = table.clone();
                let unknown = encoded.unknown_features.iter().enumerate();
                for (row, _) in unknown.filter(|(_, unknown)| **unknown) {
                    table.slice_mut(s![row, .., ..]).fill(f64::NAN);
                }
                table
            })
        });
        Ok(found)
    }

    /// The constant-coefficient model, which predicts rows with levels that training did not have.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if it could not be fitted.
    pub fn required_population(&self) -> Result<&contextualized_baselines::PopulationModel> {
        self.population
            .required("there are no coefficients of the population for --unknown-levels")
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

    /// Draws of coefficients.
    ///
    /// # Errors
    ///
    /// [`Error::Model`] of a model that has none, which says what to do.
    pub fn required_draws(&self) -> Result<&dyn WithDraws> {
        self.model
            .as_draws()
            .ok_or_else(|| self.without_intervals())
    }

    fn without_intervals(&self) -> Error {
        Error::from(contextualized_core::Error::NoIntervals {
            model: self.model.describe(),
            remedy: Some("fit it with --bootstraps 100, or with --estimator gp"),
        })
    }
}

impl Saved {
    /// Contexts of the complete rows of a table, which rows these are, and of how many, with remarks on them in words.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] for a table that does not have the contexts of the formula, and for a level that training did not
    /// have.
    pub fn contexts_of_table(&self, table: &dyn Table) -> Result<TableContexts> {
        let mut encoder = Encoder::of_contexts(&self.design, table, UnknownLevels::Error, false);
        let mut parts = vec![Array2::zeros((0, self.design.contexts.len()))];
        let (mut complete, mut rows) = (Vec::new(), 0);
        for chunk in table.chunks(&encoder.columns()?)? {
            let chunk = chunk?;
            let encoded = encoder.encode(&chunk)?;
            complete.extend(encoded.rows.iter().map(|row| chunk.first_row + row));
            parts.push(encoded.contexts);
            rows += chunk.rows;
        }
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        Ok(TableContexts {
            contexts: concatenate(Axis(0), &views).map_err(uneven)?,
            complete,
            rows,
            remarks: encoder.remarks(),
        })
    }

    /// The networks (n × nodes × nodes) of all rows of a table, NaN where one is incomplete, and remarks on them in
    /// words.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] of a regression and of a table that does not have the columns of the formula; those of
    /// [`Networks::at_encoded`].
    pub fn networks_of_table(
        &self,
        table: &dyn Table,
        unknown: UnknownLevels,
    ) -> Result<(Array3<f64>, Vec<String>)> {
        let Fitted::Networks(networks) = &self.fitted else {
            return Err(Error::failure(
                "the model is a regression, which has no networks",
            ));
        };
        if unknown == UnknownLevels::Population {
            networks.required_population()?;
        }
        let mut encoder = Encoder::of_contexts(&self.design, table, unknown, false);
        let nodes = self.design.features.len();
        let mut parts = vec![Array3::zeros((0, nodes, nodes))];
        for chunk in table.chunks(&encoder.columns()?)? {
            let chunk = chunk?;
            let encoded = encoder.encode(&chunk)?;
            let found = networks.at_encoded(&encoded, edge_matrices)?;
            parts.push(a_row_for_each(chunk.rows, &encoded.rows, found.view()));
        }
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        let all = concatenate(Axis(0), &views).map_err(uneven)?;
        Ok((all, encoder.remarks()))
    }

    /// What is asked of all rows of a table, NaN where one is incomplete, and remarks on them in words.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] of a model of networks and of a table that does not have the columns of the formula; those of
    /// [`Regression::predict_encoded`].
    pub fn predict_table(
        &self,
        asked: &Asked,
        table: &dyn Table,
        unknown: UnknownLevels,
    ) -> Result<(Predicted, Vec<String>)> {
        let Fitted::Regression(regression) = &self.fitted else {
            return Err(Error::failure(
                "the model is of networks, which predict no outcome",
            ));
        };
        if unknown == UnknownLevels::Population {
            regression.required_population()?;
        }
        let design = &self.design;
        let mut encoder = if asked.outcomes {
            Encoder::new(design, table, unknown, false)
        } else {
            Encoder::of_contexts(design, table, unknown, false)
        };
        let mut parts = Vec::new();
        for chunk in table.chunks(&encoder.columns()?)? {
            let chunk = chunk?;
            let encoded = encoder.encode(&chunk)?;
            let found = regression.predict_encoded(asked, &encoded)?;
            parts.push(if encoded.rows.len() == chunk.rows {
                found
            } else {
                found.map(|values| a_row_for_each(chunk.rows, &encoded.rows, values.view()))
            });
        }
        if parts.is_empty() {
            let widths = [design.contexts.len(), design.features.len()];
            let [contexts, features] = widths.map(|columns| Array2::zeros((0, columns)));
            let offsets = None;
            let rows = Part {
                contexts,
                features,
                offsets,
            };
            parts.push(regression.predict(asked, rows.as_rows())?);
        }
        Ok((Predicted::joined(&parts)?, encoder.remarks()))
    }
}

impl Networks {
    /// What is asked of networks at the complete rows of a block, a row of values for each. Those with a level that
    /// training did not have are given the network of the population.
    ///
    /// # Errors
    ///
    /// Those of what is asked; [`Error::Data`] if there is such a row, and no network of the population.
    pub fn at_encoded<D: RemoveAxis>(
        &self,
        encoded: &Encoded,
        of: impl Fn(&dyn VaryingNetworks, ArrayView2<'_, f64>) -> Result<Array<f64, D>>,
    ) -> Result<Array<f64, D>> {
        if !encoded.unknown.contains(&true) {
            return of(&self.model, encoded.contexts.view());
        }
        let population = self.required_population()?;
        let (known, unknown, places) = encoded.parted();
        let contexts = |rows: &[usize]| encoded.contexts.select(Axis(0), rows);
        let known = of(&self.model, contexts(&known).view())?;
        let unknown = of(population, contexts(&unknown).view())?;
        let both = concatenate(Axis(0), &[known.view(), unknown.view()]).map_err(uneven)?;
        Ok(both.select(Axis(0), &places))
    }

    /// The network of the population, which rows with levels that training did not have are given.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if it could not be fitted.
    pub fn required_population(&self) -> Result<&contextualized_auto::NetworkModel> {
        self.population
            .required("there is no network of the population for --unknown-levels")
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
        let outcomes = match (asked.outcomes, &coefficients) {
            (false, _) => None,
            (true, Some(known)) => Some(known.linear_predictor(rows.features)?),
            (true, None) => {
                let model = self.coefficients;
                Some(model.linear_predictor(rows.contexts, rows.features)?)
            }
        };
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
        match model.predictor_distribution(rows.contexts, rows.features) {
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
    // The mean of a Gaussian outcome is the linear predictor itself.
    let ends = if asked.scale == Scale::Link && !family.is_quadratic() {
        known.mean_intervals(Family::Gaussian, offsets, level)
    } else if asked.interval == Interval::Mean || family.is_binary() {
        known.mean_intervals(family, offsets, level)
    } else {
        known.outcome_intervals(family, offsets, level)
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

/// Some rows of a block.
struct Part {
    contexts: Array2<f64>,
    features: Array2<f64>,
    offsets: Option<ndarray::Array1<f64>>,
}

impl Part {
    fn as_rows(&self) -> Rows<'_> {
        Rows {
            contexts: self.contexts.view(),
            features: self.features.view(),
            offsets: self.offsets.as_ref().map(|offsets| offsets.view()),
        }
    }
}

impl Encoded {
    /// Rows whose levels training had, the others, and where each is in a table of the former above the latter.
    fn parted(&self) -> (Vec<usize>, Vec<usize>, Vec<usize>) {
        let (known, unknown): (Vec<usize>, Vec<usize>) =
            (0..self.rows.len()).partition(|&row| !self.unknown[row]);
        let mut places = vec![0; self.rows.len()];
        for (from, &to) in known.iter().chain(&unknown).enumerate() {
            places[to] = from;
        }
        (known, unknown, places)
    }

    /// The rows that are complete.
    pub fn as_rows(&self) -> Rows<'_> {
        Rows {
            contexts: self.contexts.view(),
            features: self.features.view(),
            offsets: self.offsets.as_ref().map(|offsets| offsets.view()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::data::Batches;
    use crate::design::{Request, read_training};
    use crate::fitting::{Origin, RegressionFit};
    use crate::formula;
    use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
    use std::sync::Arc;

    fn table(sites: &[&str], doses: &[Option<f64>]) -> Batches {
        let response = doses.iter().enumerate();
        let response: Vec<f64> = response
            .map(|(row, dose)| 2.0 * dose.unwrap_or(0.0) + (row as f64).sin())
            .collect();
        let batch = RecordBatch::try_from_iter([
            (
                "site",
                Arc::new(StringArray::from(sites.to_vec())) as ArrayRef,
            ),
            (
                "dose",
                Arc::new(Float64Array::from(doses.to_vec())) as ArrayRef,
            ),
            ("y", Arc::new(Float64Array::from(response)) as ArrayRef),
        ])
        .unwrap();
        Batches::new("the data", &batch.schema(), vec![batch]).unwrap()
    }

    fn fitted() -> Saved {
        let sites: Vec<&str> = (0..40).map(|row| ["A", "B"][row % 2]).collect();
        let doses: Vec<Option<f64>> = (0..40).map(|row| Some(f64::from(row % 7))).collect();
        let formula = formula::parse("y ~ dose | site").unwrap();
        let training = read_training(&table(&sites, &doses), &Request::of(&formula)).unwrap();
        let fit = RegressionFit {
            estimator: "gp".parse().unwrap(),
            tests: false,
            ..RegressionFit::default()
        };
        fit.fit(training, &Origin::default()).unwrap()
    }

    /// A level that training did not have is the population's, whose error nobody knows; an incomplete row is NaN.
    #[test]
    fn every_row_has_a_place() {
        let saved = fitted();
        let asked = Asked {
            coefficients: true,
            level: Some(0.9),
            standard_errors: true,
            ..Asked::OUTCOMES
        };
        let new = table(
            &["B", "C", "A", "A"],
            &[Some(1.0), Some(2.0), None, Some(3.0)],
        );
        let ask = |unknown| saved.predict_table(&asked, &new, unknown);
        assert!(ask(UnknownLevels::Error).is_err());
        let (found, remarks) = ask(UnknownLevels::Population).unwrap();
        assert!(!remarks.is_empty());
        let Fitted::Regression(regression) = &saved.fitted else {
            panic!("a regression was fitted");
        };
        let population = regression.required_population().unwrap();
        let constant = population
            .coefficients(Array2::zeros((1, 1)).view())
            .unwrap();
        let (coefficients, outcomes) = (found.coefficients.unwrap(), found.outcomes.unwrap());
        assert_eq!(
            coefficients.values.slice(s![1..2, .., ..]),
            constant.joined()
        );
        let slope = constant.slopes()[[0, 0, 0]];
        let expected = 2.0 * slope + constant.intercepts()[[0, 0]];
        assert!((outcomes.values[[1, 0, 0]] - expected).abs() < 1e-12);
        let [lower, upper] = outcomes.interval.unwrap();
        for row in [0, 3] {
            assert!(lower[[row, 0, 0]] < outcomes.values[[row, 0, 0]]);
            assert!(upper[[row, 0, 0]] > outcomes.values[[row, 0, 0]]);
        }
        assert!(lower[[1, 0, 0]].is_nan() && outcomes.values[[2, 0, 0]].is_nan());
        assert!(
            coefficients
                .values
                .slice(s![2, .., ..])
                .iter()
                .all(|own| own.is_nan())
        );
    }

    /// Rows of arrays and of a table are the same, and what is not asked for is not there.
    #[test]
    fn only_what_is_asked_for() {
        let saved = fitted();
        let Fitted::Regression(regression) = &saved.fitted else {
            panic!("a regression was fitted");
        };
        let new = table(&["A", "B"], &[Some(1.0), Some(2.0)]);
        let (found, _) = saved
            .predict_table(&Asked::OUTCOMES, &new, UnknownLevels::Error)
            .unwrap();
        assert!(found.coefficients.is_none());
        let outcomes = found.outcomes.unwrap();
        assert!(outcomes.interval.is_none() && outcomes.standard_errors.is_none());
        let rows = Part {
            contexts: ndarray::array![[0.0], [1.0]],
            features: ndarray::array![[1.0], [2.0]],
            offsets: None,
        };
        let own = regression
            .predict(&Asked::OUTCOMES, rows.as_rows())
            .unwrap();
        assert_eq!(own.outcomes.unwrap(), outcomes);
        let none = table(&[], &[]);
        let (found, _) = saved
            .predict_table(&Asked::COEFFICIENTS, &none, UnknownLevels::Error)
            .unwrap();
        assert_eq!(found.coefficients.unwrap().values.dim(), (0, 1, 2));
    }
}
