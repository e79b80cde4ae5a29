//! The coefficients of one row beside those of the population.

use super::page::{Page, Table};
use super::parts::Parts;
use super::pictures::{self, Estimate, intervals};
use super::regression::RegressionReport;
use super::variation::of_target;
use super::words::{level, listed, number, whole};
use contextualized_core::{Error, Result};
use contextualized_frame::values::moments;
use ndarray::s;

/// Most coefficients in the picture.
const LINES: usize = 30;

impl RegressionReport<'_> {
    pub(super) fn write_one_row(&self, page: &mut Page, parts: &Parts<'_>) -> Result<()> {
        let (test, training) = (&self.study.test, &self.study.training);
        let rows = self.row..self.row + 1;
        if self.row >= test.rows() {
            let requirement = format!("at most {}, the number of test rows", test.rows());
            return Err(Error::invalid_parameter("row", self.row + 1, requirement));
        }
        let contexts = test.contexts().slice_move(s![rows.clone(), ..]);
        let features = test.features().slice_move(s![rows, ..]);
        let coefficients = self.model.coefficients(contexts)?;
        let ends = match self.model.as_uncertain() {
            None => None,
            Some(model) => match model.intervals(contexts, self.level) {
                Ok(ends) => Some(ends),
                // The section on curves says so.
                Err(Error::NoIntervals { .. } | Error::InvalidParameter { .. }) => None,
                Err(other) => return Err(other),
            },
        };
        page.section("Coefficients of one row");
        let at: Vec<String> = self
            .study
            .contexts
            .iter()
            .map(|axis| format!("{} = {}", axis.name(training), axis.value(contexts)))
            .collect();
        page.paragraph(&format!(
            "Test row {}{}: {}.",
            whole(self.row + 1),
            if self.row == 0 {
                "; --row N shows another"
            } else {
                ""
            },
            at.join(", ")
        ));
        let mut table = Table::new(
            format!(
                "Coefficients of this row{}, and those of the population.",
                match ends {
                    Some(_) => format!(" with intervals of {}", level(self.level)),
                    None => String::new(),
                }
            ),
            ["Coefficient", "this row", "lower", "upper", "population"],
        );
        let mut lines = Vec::new();
        for (target, name_of_target) in self.target_names().iter().enumerate() {
            for (column, name) in training.names().features.iter().enumerate() {
                let value = coefficients.slopes()[[0, target, column]];
                let interval = ends.as_ref().map(|ends| {
                    let end = |side: &contextualized_core::Coefficients| {
                        side.slopes()[[0, target, column]]
                    };
                    (end(&ends.lower), end(&ends.upper))
                });
                let name = of_target(name, name_of_target, parts.several);
                let or_dash = |end: Option<f64>| end.map_or_else(|| "–".to_owned(), number);
                table.row([
                    name.clone(),
                    number(value),
                    or_dash(interval.map(|(lower, _)| lower)),
                    or_dash(interval.map(|(_, upper)| upper)),
                    number(parts.population[[0, target, column]]),
                ]);
                let size = moments(training.features().column(column)).1;
                lines.push(Estimate {
                    name,
                    value: size * value,
                    interval: interval.map(|(lower, upper)| (size * lower, size * upper)),
                });
            }
        }
        if lines.is_empty() {
            page.paragraph("The model has no features, so there is only an intercept.");
            return Ok(());
        }
        lines.truncate(LINES);
        let picture = intervals("coefficient × SD of its feature", &lines, pictures::SMALL)?;
        page.table_and_picture(
            &table,
            &picture,
            "Coefficients of this row, times the standard deviation of their feature so that they compare.",
        );
        let predicted = self.model.predict_samples(&test.select(&[self.row])?)?;
        let names = self.target_names().iter();
        let said: Vec<String> = names
            .zip(predicted.row(0))
            .map(|(name, value)| format!("{name} {}", number(*value)))
            .collect();
        let values = training.names().features.iter().zip(features.row(0));
        let values: Vec<String> = values
            .map(|(name, value)| format!("{name} = {}", number(*value)))
            .collect();
        page.paragraph(&format!(
            "Its prediction, with {}{}: {}.",
            listed(&values),
            if test.offsets().is_some() {
                " and its offset"
            } else {
                ""
            },
            said.join(", ")
        ));
        Ok(())
    }
}
