//! Nearest rows.

use ndarray::{ArrayView2, Zip};
use rayon::prelude::*;

/// Squared distances of a row from all others, with their numbers.
pub(super) fn squared_distances(table: ArrayView2<'_, f64>, row: usize) -> Vec<(f64, usize)> {
    let own = table.row(row);
    let mut distances = Vec::with_capacity(table.nrows().saturating_sub(1));
    for (number, other) in table.rows().into_iter().enumerate() {
        if number != row {
            let squared = Zip::from(own)
                .and(other)
                .fold(0.0, |sum, a, b| sum + (a - b) * (a - b));
            distances.push((squared, number));
        }
    }
    distances
}

/// The `count` nearest other rows, nearest first; the earlier one where distances are equal.
pub(super) fn nearest(mut distances: Vec<(f64, usize)>, count: usize) -> Vec<(f64, usize)> {
    let order = |a: &(f64, usize), b: &(f64, usize)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
    if count < distances.len() {
        distances.select_nth_unstable_by(count, order);
        distances.truncate(count);
    }
    distances.sort_unstable_by(order);
    distances
}

/// The same for every row, from all distances: n² of them.
pub(super) fn all_nearest(table: ArrayView2<'_, f64>, count: usize) -> Vec<Vec<(f64, usize)>> {
    (0..table.nrows())
        .into_par_iter()
        .map(|row| nearest(squared_distances(table, row), count))
        .collect()
}
