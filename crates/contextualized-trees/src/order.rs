//! Rows in an order of their content, so that the order in which they come changes nothing.

use contextualized_core::Samples;
use std::cmp::Ordering;
use std::collections::HashMap;

/// Rows in an order of their content.
pub(crate) struct Ordered {
    /// The rows of the samples, in order.
    pub(crate) rows: Vec<usize>,
    /// The number of each row's group, in that order, and the number of groups.
    pub(crate) groups: Option<(Vec<usize>, usize)>,
}

impl Ordered {
    /// Sorts rows by what they contain. Groups, whose labels mean nothing, are numbered by the rows they contain, and
    /// rows that are equal are sorted by group.
    pub(crate) fn of(samples: &Samples) -> Self {
        let mut rows: Vec<usize> = (0..samples.rows()).collect();
        rows.sort_by(|&a, &b| compared(samples, a, b));
        let Some(labels) = samples.correlated_rows() else {
            return Self { rows, groups: None };
        };
        // Equal rows have the same rank.
        let mut ranks = vec![0; rows.len()];
        for place in 1..rows.len() {
            let (before, own) = (rows[place - 1], rows[place]);
            let differs = compared(samples, before, own) != Ordering::Equal;
            ranks[own] = if differs { place } else { ranks[before] };
        }
        let mut members = HashMap::<usize, Vec<usize>>::new();
        for &row in &rows {
            members.entry(labels[row]).or_default().push(ranks[row]);
        }
        let mut by_content: Vec<(Vec<usize>, usize)> = members
            .into_iter()
            .map(|(label, ranks)| (ranks, label))
            .collect();
        by_content.sort_unstable();
        let numbers: HashMap<usize, usize> = by_content
            .iter()
            .enumerate()
            .map(|(number, (_, label))| (*label, number))
            .collect();
        let number = |row: usize| numbers[&labels[row]];
        rows.sort_by_key(|&row| (ranks[row], number(row)));
        let groups = rows.iter().map(|&row| number(row)).collect();
        Self {
            rows,
            groups: Some((groups, numbers.len())),
        }
    }
}

/// The order of two rows by their targets, features, contexts, weights and offsets.
fn compared(samples: &Samples, a: usize, b: usize) -> Ordering {
    let tables = [samples.targets(), samples.features(), samples.contexts()];
    let columns = [samples.weights(), samples.offsets()];
    // Both zeros are equal.
    let order = |a: f64, b: f64| (a + 0.0).total_cmp(&(b + 0.0));
    let in_tables = tables.iter().flat_map(|table| {
        let pairs = table.row(a).into_iter().zip(table.row(b));
        pairs.map(|(a, b)| (*a, *b)).collect::<Vec<_>>()
    });
    let in_columns = columns
        .iter()
        .flatten()
        .map(|column| (column[a], column[b]));
    in_tables
        .chain(in_columns)
        .map(|(a, b)| order(a, b))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}
