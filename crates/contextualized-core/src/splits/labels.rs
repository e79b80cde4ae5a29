//! Rows by the label they carry: a level of a stratum, or a group.

use super::shuffled;
use crate::{Error, Result};
use std::collections::BTreeMap;

/// The rows of each label, labels in ascending order.
pub(super) struct Labels {
    rows: Vec<Vec<usize>>,
}

impl Labels {
    pub(super) fn new<L: Ord>(labels: &[L]) -> Self {
        let mut by_label = BTreeMap::<&L, Vec<usize>>::new();
        for (row, label) in labels.iter().enumerate() {
            by_label.entry(label).or_default().push(row);
        }
        Self {
            rows: by_label.into_values().collect(),
        }
    }

    /// The number of distinct labels.
    pub(super) fn count(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn rows_of(&self, label: usize) -> &[usize] {
        &self.rows[label]
    }

    pub(super) fn require_groups(&self, needed: usize) -> Result<()> {
        if self.count() >= needed {
            return Ok(());
        }
        Err(Error::invalid_parameter(
            "number of groups",
            self.count(),
            format!("at least {needed}"),
        ))
    }

    /// All rows, label after label, in random order within each.
    pub(super) fn shuffled_rows(&self, seed: u64, stream: u64) -> impl Iterator<Item = usize> {
        let mut by_label = self.rows.clone();
        let all = self.rows.iter().map(Vec::len).sum();
        let mut labels = vec![0; all];
        for (label, rows) in self.rows.iter().enumerate() {
            for &row in rows {
                labels[row] = label;
            }
        }
        by_label.iter_mut().for_each(Vec::clear);
        for row in shuffled(all, seed, stream) {
            by_label[labels[row]].push(row);
        }
        by_label.into_iter().flatten()
    }

    /// The part that each row is in when whole groups are dealt to parts of nearly equal size: the
    /// largest group first, each to the part that has the fewest rows, groups of equal size in
    /// random order.
    pub(super) fn balanced_parts(&self, parts: usize, seed: u64, stream: u64) -> Vec<usize> {
        let mut groups = shuffled(self.count(), seed, stream);
        groups.sort_by_key(|&group| std::cmp::Reverse(self.rows[group].len()));
        let mut sizes = vec![0; parts];
        let mut part_of = vec![0; self.rows.iter().map(Vec::len).sum()];
        for group in groups {
            let part = (0..parts).min_by_key(|&part| sizes[part]).unwrap_or(0);
            sizes[part] += self.rows[group].len();
            for &row in &self.rows[group] {
                part_of[row] = part;
            }
        }
        part_of
    }
}
