//! For whom the model predicts well: losses in parts of the held-out rows.

use super::axes::{ContextAxis, Points};
use super::comparison::Comparison;
use super::page::{Page, Table};
use super::parts::Parts;
use super::regression::RegressionReport;
use super::words::{number, whole, with_error};
use contextualized_core::metrics::Score;
use contextualized_core::{Result, Samples};
use contextualized_frame::values::quantile;
use ndarray::{Array1, ArrayView1, Axis};

/// Contexts by which rows are parted, and parts of each.
const CONTEXTS: usize = 6;
const PARTS: usize = 40;

impl RegressionReport<'_> {
    pub(super) fn write_subgroups(&self, page: &mut Page, parts: &Parts<'_>) -> Result<()> {
        let study = self.study;
        let loss = parts.family.loss_name();
        let mut tables = Vec::new();
        for (name, comparison) in self.target_names().iter().zip(&parts.comparisons) {
            let mut table = Table::new(
                format!(
                    "Loss of predictions of {name} by context: levels, or quarters of the training rows. \
                     Difference: this model less the population."
                ),
                [
                    "Context".to_owned(),
                    "is".to_owned(),
                    "rows".to_owned(),
                    format!("{loss} ± SE"),
                    "population".to_owned(),
                    "difference ± SE".to_owned(),
                ],
            )
            .words(&[1]);
            for axis in study.contexts.iter().take(CONTEXTS) {
                let context = axis.name(&study.training);
                for (part, rows) in parted(axis, &study.training, &study.test) {
                    if let Some(cells) = scores(comparison, &rows)? {
                        table.row(
                            [context.to_owned(), part, whole(rows.len())]
                                .into_iter()
                                .chain(cells),
                        );
                    }
                }
            }
            tables.push(table);
        }
        page.details("For whom it predicts well", |page| {
            tables.iter().for_each(|table| page.table(table));
        });
        Ok(())
    }
}

/// The model's loss in some rows, the population's and the difference.
fn scores(comparison: &Comparison<'_>, rows: &[usize]) -> Result<Option<[String; 3]>> {
    let weights = comparison.weights.map(|all| all.select(Axis(0), rows));
    let counts = weights.as_ref().is_none_or(|weights| weights.sum() > 0.0);
    if rows.is_empty() || !counts {
        return Ok(None);
    }
    let weights = weights.as_ref().map(Array1::view);
    let score = |losses: ArrayView1<'_, f64>| Score::of_rows(losses, weights);
    let own = comparison.own.rows.select(Axis(0), rows);
    let theirs = comparison.others[0].rows.select(Axis(0), rows);
    Ok(Some([
        with_error(score(own.view())?),
        number(score(theirs.view())?.mean),
        with_error(score((&own - &theirs).view())?),
    ]))
}

/// Rows of the test data by a context, with what is theirs in words: the level, or the quarter of the training rows
/// that the number lies in.
fn parted(axis: &ContextAxis, training: &Samples, test: &Samples) -> Vec<(String, Vec<usize>)> {
    match axis {
        ContextAxis::Number { column, .. } => {
            let values = training.contexts().column(*column).to_vec();
            let mut cuts = [0.25, 0.5, 0.75]
                .map(|share| quantile(&values, share))
                .to_vec();
            cuts.dedup();
            let text = |cut: usize| axis.written(cuts[cut]);
            let last = cuts.len();
            let name = |part: usize| match part {
                0 => format!("below {}", text(0)),
                part if part == last => format!("{} and above", text(last - 1)),
                part => format!("{} to {}", text(part - 1), text(part)),
            };
            let mut parts: Vec<_> = (0..=last).map(|part| (name(part), Vec::new())).collect();
            for (row, value) in test.contexts().column(*column).iter().enumerate() {
                let part = cuts.partition_point(|cut| cut <= value);
                parts[part].1.push(row);
            }
            parts
        }
        ContextAxis::Coded {
            at: Points::Numbers { .. },
            ..
        } => Vec::new(),
        ContextAxis::Coded { at, .. } => {
            let points = axis.point_of_rows(test.contexts());
            let names = (0..at.len()).map(|part| at.text(part));
            let names = names.chain(["another level".to_owned()]);
            let mut parts: Vec<_> = names.map(|name| (name, Vec::new())).collect();
            for (row, point) in points.into_iter().enumerate() {
                parts[point.unwrap_or(at.len())].1.push(row);
            }
            parts.truncate(PARTS);
            parts
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn rows_are_parted_by_what_training_had() {
        let samples = |rows: usize, shift: f64| {
            let table = Array2::from_shape_fn((rows, 1), |(row, _)| row as f64 + shift);
            Samples::new(table.view(), table.view(), table.view()).unwrap()
        };
        let axis = ContextAxis::of_columns(1).remove(0);
        let parts = parted(&axis, &samples(9, 0.0), &samples(4, 3.0));
        let names: Vec<&str> = parts.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["below 2", "2 to 4", "4 to 6", "6 and above"]);
        let rows: Vec<&[usize]> = parts.iter().map(|(_, rows)| &rows[..]).collect();
        assert_eq!(rows, [&[][..], &[0], &[1, 2], &[3]]);
    }
}
