//! The factor whose levels are eliminated, and how its kernel divides a term's variance.

use crate::hyperparameters::Hyperparameters;
use crate::kernel::Kernel;
use ndarray::{ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

/// A context column that holds codes of levels, which the kernel has in categorical factors alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Factor {
    pub(crate) column: usize,
    /// For each term the positions of the column among all inverse length scales of the kernel; none if
    /// the term does not have it.
    positions: Vec<Vec<usize>>,
    /// Distinct codes, in order.
    levels: Vec<f64>,
}

/// What the levels of a factor have of a term's variance: in common, and each of its own.
pub(super) struct Shares {
    pub(super) common: f64,
    pub(super) own: f64,
    /// `−∂ log common` by the logarithm of the square of an inverse length scale is the square itself, and
    /// `∂ log own` the square times this.
    pub(super) slope: f64,
}

impl Factor {
    /// The factor with the most levels, of at least two.
    pub(crate) fn leading(kernel: &Kernel, contexts: ArrayView2<'_, f64>) -> Option<Self> {
        let mut leading: Option<Self> = None;
        for column in kernel.factors() {
            let levels = distinct(contexts.column(column));
            let most = leading.as_ref().map_or(1, |most| most.levels.len());
            if levels.len() > most {
                leading = Some(Self {
                    column,
                    positions: positions(kernel, column),
                    levels,
                });
            }
        }
        leading
    }

    pub(crate) fn levels(&self) -> usize {
        self.levels.len()
    }

    /// Where a code stands among the levels.
    pub(crate) fn level(&self, code: f64) -> Option<usize> {
        let found = self
            .levels
            .binary_search_by(|own| own.total_cmp(&(code + 0.0)));
        found.ok()
    }

    /// Rows of each level.
    pub(crate) fn counts(&self, contexts: ArrayView2<'_, f64>) -> Vec<usize> {
        let mut counts = vec![0; self.levels.len()];
        for code in contexts.column(self.column) {
            if let Some(level) = self.level(*code) {
                counts[level] += 1;
            }
        }
        counts
    }

    pub(super) fn is_in(&self, term: usize) -> bool {
        !self.positions[term].is_empty()
    }

    pub(super) fn positions(&self, term: usize) -> &[usize] {
        &self.positions[term]
    }

    /// Squares of inverse length scales with which the kernel is that of the other contexts.
    pub(crate) fn rest_of_squares(&self, mut squares: Vec<f64>) -> Vec<f64> {
        for &position in self.positions.iter().flatten() {
            squares[position] = 0.0;
        }
        squares
    }

    /// Hyperparameters with which the kernel is that of the other contexts.
    pub(super) fn rest(&self, hyper: &Hyperparameters) -> Hyperparameters {
        let mut rest = hyper.clone();
        for &position in self.positions.iter().flatten() {
            rest.inverse_length_scales.column_mut(position).fill(0.0);
        }
        rest
    }

    /// `exp(−r² [a ≠ b]) = ρ + (1 − ρ) [a = b]` with `ρ = exp(−r²)`.
    pub(super) fn shares(
        &self,
        hyper: &Hyperparameters,
        coefficient: usize,
        term: usize,
    ) -> Shares {
        let set = hyper.set_of(coefficient);
        let squares = self.positions[term].iter();
        let squares = squares.map(|&at| hyper.inverse_length_scales[[set, at]].powi(2));
        let square: f64 = squares.sum();
        Shares {
            common: (-square).exp(),
            own: -(-square).exp_m1(),
            slope: if square > 0.0 {
                1.0 / square.exp_m1()
            } else {
                0.0
            },
        }
    }

    /// Whether what was read from a file is a factor of the kernel.
    pub(super) fn fits(&self, kernel: &Kernel) -> bool {
        kernel.factors().contains(&self.column)
            && self.positions == positions(kernel, self.column)
            && self.levels.iter().all(|code| code.is_finite())
            && self.levels.windows(2).all(|two| two[0] < two[1])
            && !self.levels.is_empty()
    }
}

fn positions(kernel: &Kernel, column: usize) -> Vec<Vec<usize>> {
    let terms = kernel.with_ranges();
    let of_term = terms.map(|(term, range)| {
        let own = term.positions(column).into_iter();
        own.map(|position| range.start + position).collect()
    });
    of_term.collect()
}

/// Distinct values in order; adding zero makes a negative zero a positive one.
fn distinct(values: ArrayView1<'_, f64>) -> Vec<f64> {
    let mut levels: Vec<f64> = values.iter().map(|code| code + 0.0).collect();
    levels.sort_unstable_by(f64::total_cmp);
    levels.dedup();
    levels
}
