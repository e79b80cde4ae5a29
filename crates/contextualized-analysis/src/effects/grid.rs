//! Where effects are evaluated, and how curves are sums of evaluations.

use super::{Averaging, Effects};
use crate::resampling::some_rows;
use contextualized_core::validate::check_rows;
use contextualized_core::{ContextVariable, Result, Samples};
use ndarray::{Array1, Array2, ArrayView1, Axis};
use std::cmp::Ordering;

/// Values of a context or a feature: those of the grid, and those of the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct EffectGrid {
    points: Array1<f64>,
    rows: Array1<f64>,
    weights: Array1<f64>,
}

/// Numbers of one curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EffectSummary {
    /// Standard deviation over the rows: how much the effect matters.
    pub standard_deviation: f64,
    /// Largest less smallest value on the grid.
    pub range: f64,
    /// Where the curve is smallest, the first such point.
    pub lowest_at: f64,
    /// Where it is largest, the first such point.
    pub highest_at: f64,
}

impl EffectGrid {
    /// The values at which curves are known, ascending.
    pub fn points(&self) -> ArrayView1<'_, f64> {
        self.points.view()
    }

    /// The values of the rows over which curves are averaged.
    pub fn rows(&self) -> ArrayView1<'_, f64> {
        self.rows.view()
    }

    /// The weights of these rows, which sum to one.
    pub fn weights(&self) -> ArrayView1<'_, f64> {
        self.weights.view()
    }

    /// Numbers of a curve with one value for each point.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::RowCount`] for a curve of another length.
    pub fn summary(&self, curve: ArrayView1<'_, f64>) -> Result<EffectSummary> {
        check_rows("curve", self.points.len(), curve.len())?;
        let at_rows = self.rows.mapv(|value| {
            let (left, share) = self.position(value);
            let right = (left + 1).min(curve.len() - 1);
            curve[left] * (1.0 - share) + curve[right] * share
        });
        let mean = self.weights.dot(&at_rows);
        let (mut lowest, mut highest) = (0, 0);
        for (point, &value) in curve.iter().enumerate() {
            if value < curve[lowest] {
                lowest = point;
            }
            if value > curve[highest] {
                highest = point;
            }
        }
        Ok(EffectSummary {
            standard_deviation: self
                .weights
                .dot(&at_rows.mapv(|v| (v - mean).powi(2)))
                .sqrt(),
            range: curve[highest] - curve[lowest],
            lowest_at: self.points[lowest],
            highest_at: self.points[highest],
        })
    }

    /// The point at or before a value, and the share of the way to the next.
    fn position(&self, value: f64) -> (usize, f64) {
        let last = self.points.len() - 1;
        let after = self
            .points
            .iter()
            .take_while(|&&point| point <= value)
            .count();
        match after {
            0 => (0, 0.0),
            after if after > last => (last, 0.0),
            after => {
                let (left, right) = (self.points[after - 1], self.points[after]);
                (after - 1, (value - left) / (right - left))
            }
        }
    }

    /// The weights (points) with which the points of a curve make its mean over the rows.
    fn mean_weights(&self) -> Array1<f64> {
        let mut mean = Array1::zeros(self.points.len());
        for (&value, &weight) in self.rows.iter().zip(&self.weights) {
            let (left, share) = self.position(value);
            mean[left] += weight * (1.0 - share);
            if share > 0.0 {
                mean[left + 1] += weight * share;
            }
        }
        mean
    }
}

/// The levels of a factor, and the rows that are given each of them.
pub(super) struct FactorGrid {
    pub(super) grid: EffectGrid,
    /// What the columns hold for each level.
    pub(super) levels: Vec<Vec<f64>>,
    pub(super) sources: Vec<usize>,
}

impl EffectGrid {
    /// The levels that rows have of a factor in several columns or in codes.
    pub(super) fn of_factor(
        settings: &Effects,
        samples: &Samples,
        factor: &ContextVariable,
    ) -> FactorGrid {
        let contexts = samples.contexts();
        let (sources, weights) = drawn(settings, samples.rows(), samples.weights());
        let code = |row: usize| -> Vec<f64> {
            let own = factor.columns.iter();
            own.map(|&column| contexts[[row, column]]).collect()
        };
        let codes: Vec<Vec<f64>> = sources.iter().map(|&row| code(row)).collect();
        let mut levels = codes.clone();
        let ascending = |a: &Vec<f64>, b: &Vec<f64>| {
            let mut pairs = a.iter().zip(b).map(|(a, b)| a.total_cmp(b));
            pairs.find(|found| found.is_ne()).unwrap_or(Ordering::Equal)
        };
        let coded = factor.coded_levels.is_some();
        // The indicator of the first column is the largest.
        levels.sort_by(|a, b| {
            if coded {
                ascending(a, b)
            } else {
                ascending(b, a)
            }
        });
        levels.dedup();
        let place = |code: &Vec<f64>| levels.iter().position(|own| own == code).unwrap_or(0);
        let point = |place: usize| {
            if coded {
                levels[place][0]
            } else {
                place as f64
            }
        };
        FactorGrid {
            grid: EffectGrid {
                points: (0..levels.len()).map(point).collect(),
                rows: codes.iter().map(|code| point(place(code))).collect(),
                weights,
            },
            levels,
            sources,
        }
    }
}

/// Rows that count, at most so many, and their weights, which sum to one.
fn drawn(
    settings: &Effects,
    rows: usize,
    weights: Option<ArrayView1<'_, f64>>,
) -> (Vec<usize>, Array1<f64>) {
    let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
    let counted: Vec<usize> = (0..rows).filter(|&row| weight(row) > 0.0).collect();
    let chosen = some_rows(counted.len(), settings.rows, settings.seed);
    let chosen: Vec<usize> = chosen.iter().map(|&place| counted[place]).collect();
    let mut row_weights: Array1<f64> = chosen.iter().map(|&row| weight(row)).collect();
    row_weights /= row_weights.sum();
    (chosen, row_weights)
}

/// What a model is asked: rows of the samples, each with a value of what is varied, and the weights of
/// the answers in every point of the curve (points × questions).
pub(super) struct Plan {
    pub(super) grid: EffectGrid,
    pub(super) sources: Vec<usize>,
    pub(super) values: Array1<f64>,
    pub(super) weights: Array2<f64>,
}

impl Plan {
    pub(super) fn new(
        settings: &Effects,
        column: ArrayView1<'_, f64>,
        weights: Option<ArrayView1<'_, f64>>,
    ) -> Result<Self> {
        let (chosen, row_weights) = drawn(settings, column.len(), weights);
        let rows = column.select(Axis(0), &chosen);
        let (points, are_levels) = grid_points(rows.view(), row_weights.view(), settings.points);
        let grid = EffectGrid {
            points,
            rows,
            weights: row_weights,
        };
        let mut plan = match settings.averaging {
            Averaging::PartialDependence => Self::partial_dependence(grid, &chosen),
            Averaging::AccumulatedLocal => Self::accumulated(grid, &chosen, are_levels),
        };
        if settings.centred {
            let mean = plan.grid.mean_weights().dot(&plan.weights);
            plan.weights -= &mean;
        }
        Ok(plan)
    }

    fn partial_dependence(grid: EffectGrid, chosen: &[usize]) -> Self {
        let (points, rows) = (grid.points.len(), chosen.len());
        let mut weights = Array2::zeros((points, points * rows));
        for (point, mut sum) in weights.rows_mut().into_iter().enumerate() {
            for (row, weight) in grid.weights.iter().enumerate() {
                sum[point * rows + row] = *weight;
            }
        }
        Self {
            sources: (0..points * rows)
                .map(|index| chosen[index % rows])
                .collect(),
            values: (0..points * rows)
                .map(|index| grid.points[index / rows])
                .collect(),
            weights,
            grid,
        }
    }

    fn accumulated(grid: EffectGrid, chosen: &[usize], are_levels: bool) -> Self {
        let (mut sources, mut values) = (Vec::new(), Vec::new());
        // Of each question, the interval at whose ends it is asked, and its weight in the difference.
        let (mut intervals, mut shares) = (Vec::new(), Vec::new());
        for end in 1..grid.points.len() {
            let (low, high) = (grid.points[end - 1], grid.points[end]);
            // A value that is a point belongs to the interval before it, of levels to both.
            let inside = |value: f64| {
                if are_levels || end == 1 {
                    value >= low && value <= high
                } else {
                    value > low && value <= high
                }
            };
            let members: Vec<usize> = (0..chosen.len())
                .filter(|&row| inside(grid.rows[row]))
                .collect();
            let total: f64 = members.iter().map(|&row| grid.weights[row]).sum();
            for &row in &members {
                for (value, sign) in [(high, 1.0), (low, -1.0)] {
                    sources.push(chosen[row]);
                    values.push(value);
                    intervals.push(end);
                    shares.push(sign * grid.weights[row] / total);
                }
            }
        }
        if sources.is_empty() {
            // A single value has no local effects; the model is asked all the same, for its shape.
            sources.push(chosen[0]);
            values.push(grid.points[0]);
            intervals.push(1);
            shares.push(0.0);
        }
        let weights =
            Array2::from_shape_fn((grid.points.len(), sources.len()), |(point, index)| {
                if intervals[index] <= point {
                    shares[index]
                } else {
                    0.0
                }
            });
        Self {
            grid,
            sources,
            values: Array1::from_vec(values),
            weights,
        }
    }
}

/// Distinct quantiles, each the value of a row, and whether they are all the values there are.
fn grid_points(
    rows: ArrayView1<'_, f64>,
    weights: ArrayView1<'_, f64>,
    most: usize,
) -> (Array1<f64>, bool) {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|&a, &b| rows[a].total_cmp(&rows[b]));
    let mut levels: Vec<f64> = order.iter().map(|&row| rows[row]).collect();
    levels.dedup();
    if levels.len() <= most {
        return (Array1::from_vec(levels), true);
    }
    let mut points = Vec::with_capacity(most);
    let (mut position, mut below) = (0, weights[order[0]]);
    for point in 0..most {
        let quantile = point as f64 / (most - 1) as f64;
        // Rounding must not stop short of a share that is met exactly, nor of the last row.
        while position + 1 < order.len() && (below < quantile - 1e-12 || point + 1 == most) {
            position += 1;
            below += weights[order[position]];
        }
        points.push(rows[order[position]]);
    }
    points.dedup();
    (Array1::from_vec(points), false)
}
