//! What the members of an ensemble say of a table's cells, in blocks of rows.

use super::Ensemble;
use contextualized_core::validate::check_probability;
use contextualized_core::{Error, Result};
use ndarray::{Array2, ArrayView2, Axis, s};
use rayon::prelude::*;
use std::ops::Range;

/// The most numbers of all members that are held at once: 32 megabytes.
const HELD: usize = 1 << 22;
/// The most rows that members are asked for at once.
const ROWS: usize = 1024;

/// Values of one cell over members, in their order, to K figures.
pub(super) trait Summary<const K: usize>: Fn(&mut [f64]) -> [f64; K] + Sync {}

impl<const K: usize, F: Fn(&mut [f64]) -> [f64; K] + Sync> Summary<K> for F {}

/// The mean: a sum in the order of members over their number.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The standard deviation, of at least two values.
pub(super) fn standard_deviation(values: &[f64]) -> f64 {
    let center = mean(values);
    let squares: f64 = values.iter().map(|value| (value - center).powi(2)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

/// The quantile at a share between 1/(B + 1) and B/(B + 1) of B values in ascending order: the
/// (B + 1)·share-th of them, interpolated.
fn quantile(ascending: &[f64], share: f64) -> f64 {
    let place = (ascending.len() + 1) as f64 * share;
    let below = (place.floor() as usize).clamp(1, ascending.len());
    let above = (below + 1).min(ascending.len());
    let fraction = (place - below as f64).clamp(0.0, 1.0);
    let (low, high) = (ascending[below - 1], ascending[above - 1]);
    low + fraction * (high - low)
}

/// Percentile intervals, and what the members have to be for them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Percentiles {
    tail: f64,
    stretch: f64,
}

impl Percentiles {
    /// The ends, once the values' deviations from their mean are stretched.
    pub(super) fn ends(&self, values: &mut [f64]) -> [f64; 2] {
        let center = mean(values);
        values.sort_unstable_by(f64::total_cmp);
        [self.tail, 1.0 - self.tail]
            .map(|share| center + self.stretch * (quantile(values, share) - center))
    }
}

impl<M> Ensemble<M> {
    /// By how much deviations from the mean are stretched.
    pub(super) fn stretch(&self) -> Result<f64> {
        Ok(self.draws()?.stretch())
    }

    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a single member.
    pub(super) fn check_spread(&self) -> Result<()> {
        if self.members.len() < 2 {
            return Err(Error::invalid_parameter(
                "replicates",
                self.members.len(),
                "at least 2, fitted, for standard errors",
            ));
        }
        Ok(())
    }

    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a level outside (0, 1), and for one too fine for the number of
    /// members, saying how many would do.
    pub(super) fn percentiles(&self, level: f64) -> Result<Percentiles> {
        check_probability("level", level)?;
        self.check_spread()?;
        let tail = (1.0 - level) / 2.0;
        // Rounding of 1 − level must not ask for one more.
        let needed = (1.0 / tail - 1.0 - 1e-6).ceil();
        if (self.members.len() as f64) < needed {
            return Err(Error::invalid_parameter(
                "replicates",
                self.members.len(),
                format!("at least {needed}, fitted, for intervals of level {level}"),
            ));
        }
        Ok(Percentiles {
            tail,
            stretch: self.stretch()?,
        })
    }
}

impl<M: Sync> Ensemble<M> {
    /// A table of every member (rows × width, the same for all), to K tables of figures of its cells.
    ///
    /// `table` gives a member's values for a range of rows. Blocks depend on the size of the tables
    /// alone, and sums are in the order of members.
    pub(super) fn summarized<const K: usize>(
        &self,
        rows: usize,
        table: impl Fn(&M, Range<usize>) -> Result<Array2<f64>> + Sync,
        summary: impl Summary<K>,
    ) -> Result<[Array2<f64>; K]> {
        // One row tells the width.
        let width = table(&self.original, 0..rows.min(1))?.ncols();
        let block = (HELD / (self.members.len() * width.max(1))).clamp(1, ROWS);
        let mut out = [(); K].map(|()| Array2::zeros((rows, width)));
        for first in (0..rows).step_by(block) {
            let range = first..(first + block).min(rows);
            let tables = self
                .members
                .par_iter()
                .map(|member| table(member.model(), range.clone()))
                .collect::<Result<Vec<_>>>()?;
            for (of_block, out) in summarize(&tables, &summary).into_iter().zip(&mut out) {
                out.slice_mut(s![range.clone(), ..]).assign(&of_block);
            }
        }
        Ok(out)
    }
}

/// Tables of the same shape, to K tables of figures of each cell.
pub(super) fn summarize<const K: usize>(
    tables: &[Array2<f64>],
    summary: &impl Summary<K>,
) -> [Array2<f64>; K] {
    let views: Vec<ArrayView2<'_, f64>> = tables.iter().map(Array2::view).collect();
    let (rows, width) = views.first().map_or((0, 0), |table| table.dim());
    let figures: Vec<Vec<[f64; K]>> = (0..rows)
        .into_par_iter()
        .map(|row| {
            let mut values = vec![0.0; views.len()];
            (0..width)
                .map(|column| {
                    for (value, table) in values.iter_mut().zip(&views) {
                        *value = table[[row, column]];
                    }
                    summary(&mut values)
                })
                .collect()
        })
        .collect();
    let mut out = [(); K].map(|()| Array2::zeros((rows, width)));
    for (k, out) in out.iter_mut().enumerate() {
        for (mut row, figures) in out.axis_iter_mut(Axis(0)).zip(&figures) {
            for (cell, figures) in row.iter_mut().zip(figures) {
                *cell = figures[k];
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn quantiles_by_hand() {
        let values: Vec<f64> = (1..=39).map(f64::from).collect();
        assert_relative_eq!(quantile(&values, 0.025), 1.0, max_relative = 1e-12);
        assert_relative_eq!(quantile(&values, 0.975), 39.0, max_relative = 1e-12);
        assert_eq!(quantile(&values, 0.5), 20.0);
        // 40 · 0.33 = 13.2
        assert_relative_eq!(quantile(&values, 0.33), 13.2, max_relative = 1e-12);
    }

    #[test]
    fn stretched_ends_keep_the_mean() {
        let percentiles = Percentiles {
            tail: 0.25,
            stretch: 2.0,
        };
        let [lower, upper] = percentiles.ends(&mut [3.0, 1.0, 2.0]);
        assert_relative_eq!(lower, 0.0);
        assert_relative_eq!(upper, 4.0);
    }
}
