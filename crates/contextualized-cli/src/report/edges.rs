//! Edges of networks over training rows, and against each context.

use super::axes::{ContextAxis, descending, quantile};
use super::dependence::{Points, ends};
use super::networks::NetworkReport;
use super::samples;
use crate::pairs::pairs;
use contextualized_core::{Error, Networks, Result};
use ndarray::{Array2, ArrayView2, Axis};

/// Edges that are drawn against each context.
const LINES: usize = 5;
/// Rows that edges are summarised over, points along a context and rows averaged at each.
const ROWS: usize = 300;
const POINTS: usize = 12;
const AVERAGED: usize = 60;
/// Numbers held at once.
const NUMBERS: usize = 20_000_000;

/// Edges over training rows, and against each context. Entries are edges.
pub(super) struct Edges {
    pub(super) names: Vec<String>,
    pub(super) mean: Vec<f64>,
    /// Standard deviation over rows.
    pub(super) spread: Vec<f64>,
    pub(super) low: Vec<f64>,
    pub(super) high: Vec<f64>,
    pub(super) population: Vec<f64>,
    /// One for each context.
    pub(super) curves: Vec<EdgeCurves>,
}

/// Average edges at values of one context (points × edges).
pub(super) struct EdgeCurves {
    pub(super) at: Points,
    pub(super) values: Array2<f64>,
}

impl Edges {
    pub(super) fn new(report: &NetworkReport<'_>) -> Result<Self> {
        let nodes = &report.study.training.names().features;
        let directed = report.directed();
        let arrow = if directed { "→" } else { "–" };
        let pairs: Vec<(usize, usize)> = pairs(nodes.len(), directed).collect();
        let edges_of = |networks: &Networks| -> Result<Array2<f64>> {
            let shown = report.shown(networks)?;
            Ok(Array2::from_shape_fn(
                (networks.rows(), pairs.len()),
                |(row, edge)| shown[[row, pairs[edge].0, pairs[edge].1]],
            ))
        };
        let most = (NUMBERS / (nodes.len() * nodes.len()).max(1)).max(20);
        let rows = spaced(report.study.training.contexts(), ROWS.min(most));
        let of_rows = edges_of(&report.model.networks(rows.view())?)?;
        let population = edges_of(
            &report
                .population
                .networks(rows.slice(ndarray::s![..1, ..]))?,
        )?;
        let summary = |of: &dyn Fn(&[f64]) -> f64| -> Vec<f64> {
            let columns = of_rows.columns().into_iter();
            columns.map(|column| of(&column.to_vec())).collect()
        };
        let moments = |values: &[f64]| samples::moments(ndarray::ArrayView1::from(values));
        let averaged = spaced(report.study.training.contexts(), AVERAGED.min(most));
        let curves = report
            .study
            .contexts
            .iter()
            .map(|axis| edge_curves(report, axis, &averaged, &edges_of))
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            mean: summary(&|values| moments(values).0),
            spread: summary(&|values| moments(values).1),
            low: summary(&|values| quantile(values, 0.05)),
            high: summary(&|values| quantile(values, 0.95)),
            population: population.row(0).to_vec(),
            names: pairs
                .iter()
                .map(|(i, j)| format!("{} {arrow} {}", nodes[*i], nodes[*j]))
                .collect(),
            curves,
        })
    }

    /// By how much an edge changes along a context, at most.
    pub(super) fn change(&self, axis: usize, edge: usize) -> f64 {
        let values = self.curves[axis].values.column(edge);
        let (low, high) = ends(values);
        high - low
    }

    pub(super) fn largest_change(&self, axis: usize) -> f64 {
        let changes = (0..self.names.len()).map(|edge| self.change(axis, edge));
        changes.fold(0.0, f64::max)
    }

    pub(super) fn by_spread(&self) -> Vec<usize> {
        descending(self.names.len(), |edge| self.spread[edge])
    }

    /// The edges that change most along any context.
    pub(super) fn most_changing(&self) -> Vec<usize> {
        let most = |edge: usize| {
            let changes = (0..self.curves.len()).map(|axis| self.change(axis, edge));
            changes.fold(0.0, f64::max)
        };
        let mut order = descending(self.names.len(), most);
        order.truncate(LINES);
        order
    }

    /// Pairs that are an edge in some row or in the population, those that vary most first.
    pub(super) fn that_are(&self) -> Vec<usize> {
        let is = |edge: &usize| {
            [self.mean[*edge], self.spread[*edge], self.population[*edge]] != [0.0; 3]
        };
        self.by_spread().into_iter().filter(is).collect()
    }

    /// Contexts by the sum of the changes of all edges, the largest first.
    pub(super) fn axes_by_change(&self) -> Vec<usize> {
        descending(self.curves.len(), |axis| {
            let edges = 0..self.names.len();
            edges.map(|edge| self.change(axis, edge)).sum()
        })
    }
}

/// At most this many rows, evenly spaced.
fn spaced(contexts: ArrayView2<'_, f64>, most: usize) -> Array2<f64> {
    let step = contexts.nrows().div_ceil(most.max(1)).max(1);
    let rows: Vec<usize> = (0..contexts.nrows()).step_by(step).collect();
    contexts.select(Axis(0), &rows)
}

fn edge_curves(
    report: &NetworkReport<'_>,
    axis: &ContextAxis,
    rows: &Array2<f64>,
    edges_of: &dyn Fn(&Networks) -> Result<Array2<f64>>,
) -> Result<EdgeCurves> {
    let (at, codes) = match axis {
        ContextAxis::Number { column } => {
            let all = report.study.training.contexts().column(*column).to_vec();
            let values = grid(&all);
            let codes = Array2::from_shape_fn((values.len(), 1), |(point, _)| values[point]);
            let rows = rows.column(*column).to_vec();
            (Points::Numbers { values, rows }, codes)
        }
        ContextAxis::Category { levels, codes, .. } => {
            (Points::Levels(levels.clone()), codes.clone())
        }
    };
    let mut values = Vec::new();
    for code in codes.rows() {
        let mut contexts = rows.clone();
        axis.set(contexts.view_mut(), code);
        let edges = edges_of(&report.model.networks(contexts.view())?)?;
        values.extend(edges.mean_axis(Axis(0)).unwrap_or_default());
    }
    let points = codes.nrows();
    let edges = values.len() / points.max(1);
    Ok(EdgeCurves {
        at,
        values: Array2::from_shape_vec((points, edges), values)
            .map_err(|source| Error::numerical("joining curves", source))?,
    })
}

/// All values if they are few, else quantiles.
fn grid(values: &[f64]) -> Vec<f64> {
    let mut distinct = values.to_vec();
    distinct.sort_by(f64::total_cmp);
    distinct.dedup();
    if distinct.len() <= POINTS {
        return distinct;
    }
    let mut grid: Vec<f64> = (0..POINTS)
        .map(|point| quantile(values, point as f64 / (POINTS - 1) as f64))
        .collect();
    grid.dedup();
    grid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_hold_the_ends_and_few_values_as_they_are() {
        assert_eq!(grid(&[2.0, 1.0, 2.0]), [1.0, 2.0]);
        let many: Vec<f64> = (0..100).map(f64::from).collect();
        let found = grid(&many);
        assert_eq!(
            (found.len(), found[0], found[POINTS - 1]),
            (POINTS, 0.0, 99.0)
        );
        assert!(found.is_sorted());
        // Quantiles that coincide are one point.
        let heaped: Vec<f64> = many.iter().map(|value| (value - 80.0).max(0.0)).collect();
        let found = grid(&heaped);
        assert!(found.len() < POINTS && found.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn rows_are_spaced_evenly() {
        let contexts = Array2::from_shape_fn((10, 1), |(row, _)| row as f64);
        assert_eq!(
            spaced(contexts.view(), 4).column(0).to_vec(),
            [0.0, 3.0, 6.0, 9.0]
        );
        assert_eq!(spaced(contexts.view(), 50).nrows(), 10);
    }
}
