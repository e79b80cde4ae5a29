//! The columns of the data, and rows that may not be what they are taken for.

use super::axes::ContextAxis;
use super::page::Table;
use super::words::{listed, number, percent, whole};
use contextualized_analysis::{Extrapolation, ExtrapolationScores};
use contextualized_core::{Result, Samples};
use contextualized_frame::values::{ends, moments};
use ndarray::{Array1, ArrayView1, ArrayView2, Axis};
use std::collections::HashSet;

/// Test rows lie beyond the training rows if at most this share of these is as far from the others.
const BEYOND: f64 = 0.01;

/// Fewer held-out rows say little.
const FEW: usize = 30;

/// Most columns described.
const MOST: usize = 60;

/// The columns in training and test rows.
pub(crate) fn columns_table(training: &Samples, test: &Samples, networks: bool) -> Table {
    let mut table = Table::new(
        "Columns: mean ± standard deviation and range in training rows, mean in test rows.",
        [
            "Column",
            "Role",
            "Training rows",
            "Smallest",
            "Largest",
            "Test rows",
        ],
    )
    .words(&[1]);
    let names = training.names();
    let features = if networks { "node" } else { "feature" };
    type TableOf = fn(&Samples) -> ArrayView2<'_, f64>;
    let roles: [(_, _, TableOf); 3] = [
        ("context", &names.contexts, Samples::contexts),
        (features, &names.features, Samples::features),
        ("target", &names.targets, Samples::targets),
    ];
    // The targets of networks are their nodes once more.
    let roles = if networks { &roles[..2] } else { &roles };
    let mut lines = Vec::new();
    for (role, names, table) in roles {
        let (own, held_out) = (table(training), table(test));
        for (column, name) in names.iter().enumerate() {
            let factor = training.names().factor_of(column);
            let levels = factor.and_then(|factor| factor.coded_levels);
            if let (&"context", Some(levels)) = (role, levels) {
                let levels = format!("{} levels", whole(levels));
                let [low, high, mean] = [const { String::new() }; 3];
                lines.push([name.clone(), (*role).to_owned(), levels, low, high, mean]);
                continue;
            }
            let (own, held_out) = (own.column(column), held_out.column(column));
            let (mean, deviation) = moments(own);
            let (low, high) = ends(own);
            lines.push([
                name.clone(),
                (*role).to_owned(),
                format!("{} ± {}", number(mean), number(deviation)),
                number(low),
                number(high),
                number(moments(held_out).0),
            ]);
        }
    }
    let left_out = lines.len().saturating_sub(MOST);
    lines.truncate(MOST);
    lines.into_iter().for_each(|line| table.row(line));
    table.row_of_more(left_out, " columns");
    table
}

/// Mean and standard deviation over rows, by weight, as in `summary`.
pub(crate) fn weighted_moments(
    values: ArrayView1<'_, f64>,
    weights: Option<ArrayView1<'_, f64>>,
) -> (f64, f64) {
    let shares = match weights {
        Some(weights) => &weights / weights.sum(),
        None => Array1::from_elem(values.len(), 1.0 / values.len() as f64),
    };
    let mean = values.dot(&shares);
    let squares = values.mapv(|value| (value - mean).powi(2));
    (mean, squares.dot(&shares).sqrt())
}

/// How far test rows are from the training rows; none of too few training rows.
pub(crate) struct Beyond {
    pub(crate) training: Vec<f64>,
    pub(crate) scores: ExtrapolationScores,
    /// The share of training rows that are as far from the others as what lies beyond: 1 %, or of fewer
    /// than 99 rows what a row further than all of them has.
    pub(crate) share: f64,
}

pub(crate) fn beyond(training: &Samples, test: &Samples) -> Result<Option<Beyond>> {
    // Codes of levels have no distances.
    let measured = training.names().measured_contexts();
    if measured.is_empty() {
        return Ok(None);
    }
    let of = |samples: &Samples| samples.contexts().select(Axis(1), &measured);
    let extrapolation = match Extrapolation::fit(of(training).view()) {
        Ok(extrapolation) => extrapolation,
        Err(contextualized_core::Error::TooFewRows { .. }) => return Ok(None),
        Err(other) => return Err(other),
    };
    Ok(Some(Beyond {
        training: extrapolation.training_distances().to_vec(),
        scores: extrapolation.scores(of(test).view())?,
        share: BEYOND.max(1.0 / (training.rows() as f64 + 1.0)),
    }))
}

impl Beyond {
    /// Test rows beyond the training rows.
    pub(crate) fn rows(&self) -> usize {
        let beyond = self.scores.beyond(self.share);
        beyond.into_iter().filter(|beyond| *beyond).count()
    }

    /// Whether this many are more than chance would put there: two standard errors above the share that
    /// rows like those in training have.
    pub(crate) fn too_many(&self) -> bool {
        let rows = self.scores.shares.len() as f64;
        let expected = self.share * rows;
        self.rows() as f64 > expected + 2.0 * (expected * (1.0 - self.share)).sqrt().max(0.5)
    }
}

/// Contexts of test rows outside the range of the training rows: name, rows below, rows above.
pub(crate) fn outside(
    training: &Samples,
    test: &Samples,
    axes: &[ContextAxis],
) -> Vec<(String, usize, usize)> {
    axes.iter()
        .filter_map(|axis| match axis {
            ContextAxis::Number { column, .. } => {
                let (low, high) = ends(training.contexts().column(*column));
                let there = test.contexts().column(*column).to_vec();
                let below = there.iter().filter(|value| **value < low).count();
                let above = there.iter().filter(|value| **value > high).count();
                (below + above > 0).then(|| (axis.name(training).to_owned(), below, above))
            }
            ContextAxis::Coded { .. } => {
                let rows = test.contexts();
                let beyond = rows.rows().into_iter().filter(|row| axis.is_beyond(*row));
                let beyond = beyond.count();
                (beyond > 0).then(|| (axis.name(training).to_owned(), 0, beyond))
            }
        })
        .collect()
}

/// What makes the held-out comparison worth less than it looks. `training` are a share of all
/// `training_rows` rows that were fitted to.
pub(crate) fn warnings(training: &Samples, training_rows: usize, test: &Samples) -> Vec<String> {
    let mut warnings = Vec::new();
    let shown = training.rows() as f64 / training_rows.max(training.rows()) as f64;
    let seen = (seen_before(training, test) / shown).min(1.0);
    if seen > 0.5 {
        warnings.push(format!(
            "{} of the test rows are identical to training rows, so that the comparison below is not a valid \
             test: errors are too small, most of all those of flexible models. Use rows that were held out.",
            percent(seen)
        ));
    }
    if test.rows() < FEW {
        warnings.push(format!(
            "There are only {} test rows. Losses and their standard errors are rough.",
            whole(test.rows())
        ));
    }
    warnings
}

/// The share of test rows that are among the training rows, number by number; zero where training rows
/// repeat each other, as those of a few categories do.
fn seen_before(training: &Samples, test: &Samples) -> f64 {
    let rows = |samples: &Samples| -> Vec<Vec<u64>> {
        let tables = [samples.contexts(), samples.features(), samples.targets()];
        (0..samples.rows())
            .map(|row| {
                let cells = tables.iter().flat_map(|table| table.row(row).to_vec());
                cells.map(f64::to_bits).collect()
            })
            .collect()
    };
    let known: HashSet<Vec<u64>> = rows(training).into_iter().collect();
    if (known.len() as f64) < 0.9 * training.rows() as f64 {
        return 0.0;
    }
    let seen = rows(test).iter().filter(|row| known.contains(*row)).count();
    seen as f64 / test.rows() as f64
}

/// The contexts outside of their ranges, as a sentence.
pub(crate) fn outside_sentence(outside: &[(String, usize, usize)]) -> String {
    let parts: Vec<String> = outside
        .iter()
        .map(|(name, below, above)| match (below, above) {
            (0, above) => format!("{name} ({} above)", whole(*above)),
            (below, 0) => format!("{name} ({} below)", whole(*below)),
            (below, above) => format!("{name} ({} below, {} above)", whole(*below), whole(*above)),
        })
        .collect();
    format!(
        "Test rows lie outside the training range of {}.",
        listed(&parts)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn samples(rows: usize, shift: f64) -> Samples {
        let contexts = Array2::from_shape_fn((rows, 1), |(row, _)| shift + (7 * row % rows) as f64);
        let features = Array2::from_shape_fn((rows, 1), |(row, _)| shift + row as f64);
        Samples::new(contexts.view(), features.view(), features.view()).unwrap()
    }

    #[test]
    fn training_rows_are_known_again() {
        let training = samples(40, 0.0);
        assert!(warnings(&training, 40, &samples(40, 0.5)).is_empty());
        let found = warnings(&training, 40, &training);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("100 % of the test rows"));
        // Half of the rows it was fitted to are half of those that are seen.
        let half = training.select(&(0..20).collect::<Vec<_>>()).unwrap();
        assert!(warnings(&half, 40, &training)[0].starts_with("100 %"));
        let repeated = training.select(&[0; 40]).unwrap();
        assert!(warnings(&repeated, 40, &repeated).is_empty());
        assert!(warnings(&training, 40, &samples(9, 0.5))[0].contains("only 9 test rows"));
    }

    #[test]
    fn rows_beyond_the_training_rows_are_counted() {
        let training = samples(200, 0.0);
        let near = beyond(&training, &samples(200, 0.25)).unwrap().unwrap();
        assert!(!near.too_many());
        let far = beyond(&training, &samples(200, 100.0)).unwrap().unwrap();
        assert!(far.too_many() && far.rows() > 90);
        // A few training rows can be left behind, too.
        let few = beyond(&samples(20, 0.0), &training).unwrap().unwrap();
        assert_eq!(few.share, 1.0 / 21.0);
        assert!(few.too_many());
        assert!(beyond(&samples(4, 0.0), &training).unwrap().is_none());
        let axes = ContextAxis::of_columns(1);
        let found = outside(&training, &samples(200, 100.0), &axes);
        assert_eq!(found, [("c0".to_owned(), 0, 100)]);
        assert_eq!(
            outside_sentence(&found),
            "Test rows lie outside the training range of c0 (100 above)."
        );
        assert!(outside(&training, &training, &axes).is_empty());
    }
}
