//! What is asked of the rows of a table, block by block, with a row of the answer for each.

use super::unknown::Part;
use super::{Asked, Estimates, Predicted, uneven};
use crate::data::Table;
use crate::design::{Encoder, UnknownLevels, a_row_for_each};
use crate::edges::edge_matrices;
use crate::error::{Error, Result};
use crate::saved::{Fitted, Saved};
use ndarray::{Array2, Array3, Axis, concatenate};

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
    /// [`Networks::at_encoded`](crate::saved::Networks::at_encoded).
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

    /// Probabilities of no event until these times, of all rows of a table (n × 1 × times), NaN where one is incomplete,
    /// and remarks on them in words.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] of a model of networks and of a table that does not have the columns of the formula; those of
    /// [`Saved::survival`].
    pub fn survival_of_table(
        &self,
        times: &[f64],
        level: Option<f64>,
        table: &dyn Table,
        unknown: UnknownLevels,
    ) -> Result<(Estimates, Vec<String>)> {
        let Fitted::Regression(regression) = &self.fitted else {
            return Err(Error::failure(
                "the model is of networks, which predict no outcome",
            ));
        };
        if unknown == UnknownLevels::Population {
            regression.required_population()?;
        }
        let mut encoder = Encoder::new(&self.design, table, unknown, false);
        let mut parts = Vec::new();
        for chunk in table.chunks(&encoder.columns()?)? {
            let chunk = chunk?;
            let encoded = encoder.encode(&chunk)?;
            let found = self.survival(regression, times, level, &encoded)?;
            parts.push(found.map(|own| a_row_for_each(chunk.rows, &encoded.rows, own.view())));
        }
        if parts.is_empty() {
            let none = || Array3::zeros((0, 1, times.len()));
            parts.push(Estimates {
                values: none(),
                interval: level.map(|_| [none(), none()]),
                standard_errors: None,
            });
        }
        let parts: Vec<&Estimates> = parts.iter().collect();
        Ok((Estimates::joined(&parts)?, encoder.remarks()))
    }

    /// What is asked of all rows of a table, NaN where one is incomplete, and remarks on them in words.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] of a model of networks and of a table that does not have the columns of the formula; those of
    /// [`Regression::predict_encoded`](crate::saved::Regression::predict_encoded).
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
        let (design, asked) = (&self.design, &self.answerable(asked));
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
            let rows = Part {
                contexts,
                features,
                offsets: None,
                random: Vec::new(),
            };
            parts.push(regression.predict(asked, rows.as_rows())?);
        }
        Ok((Predicted::joined(&parts)?, encoder.remarks()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::account::Account;
    use crate::curves::curves;
    use crate::data::Batches;
    use crate::design::{Request, read_training};
    use crate::fitting::{Origin, RegressionFit};
    use crate::formula;
    use crate::prediction::Rows;
    use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
    use contextualized_core::{Monitor, VaryingCoefficients};
    use ndarray::s;
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

    #[test]
    fn whoever_watches_ends_it() {
        let saved = fitted();
        let Fitted::Regression(regression) = &saved.fitted else {
            panic!("a regression was fitted");
        };
        let ones = Array2::ones((20_000, 1));
        let monitor = Monitor::new(|_, _| ());
        let rows = Rows {
            contexts: ones.view(),
            features: ones.view(),
            offsets: None,
            random: &[],
            monitor: Some(&monitor),
        };
        let found = regression.predict(&Asked::OUTCOMES, rows).unwrap();
        assert_eq!(found.outcomes.unwrap().values.dim(), (20_000, 1, 1));
        monitor.cancel();
        let training = saved.training.samples(&saved.design).unwrap();
        let training = training.with_monitor(monitor.clone());
        for ended in [
            regression.predict(&Asked::OUTCOMES, rows).err(),
            Account::new(&saved, regression, &training, 0.95).err(),
            curves(&saved, &training, 0.95).err(),
        ] {
            assert!(ended.unwrap().to_string().contains("cancelled"));
        }
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
            random: Vec::new(),
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
