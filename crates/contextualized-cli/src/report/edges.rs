//! Edges of networks over training rows, and against each context.

use super::axes::{ContextAxis, Points, descending, quantile};
use super::dependence::ends;
use super::networks::NetworkReport;
use super::pictures::is_flat;
use super::samples;
use crate::pairs::pairs;
use crate::saved::by_chance;
use contextualized_core::{
    Error, NetworkDensity, NetworkKind, Networks, Result, Samples, partial_correlations,
};
use ndarray::{Array1, Array2, Array3, Axis, s};

/// Edges that are drawn against each context.
const LINES: usize = 5;
/// Rows that edges are summarised over, points along a context and rows averaged at each.
const ROWS: usize = 300;
const POINTS: usize = 12;
const AVERAGED: usize = 200;
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
pub(crate) struct EdgeCurves {
    pub(crate) at: Points,
    pub(crate) values: Array2<f64>,
}

/// Networks as they are shown: correlations, partial correlations or standardised weights of edges.
pub(crate) struct EdgeValues<'a> {
    model: &'a dyn NetworkDensity,
    training: &'a Samples,
    pairs: Vec<(usize, usize)>,
}

impl<'a> EdgeValues<'a> {
    /// Of a model, whose nodes are the features of these rows.
    pub(crate) fn new(model: &'a dyn NetworkDensity, training: &'a Samples) -> Self {
        let nodes = training.features().ncols();
        let directed = model.kind() == NetworkKind::Directed;
        Self {
            model,
            training,
            pairs: pairs(nodes, directed).collect(),
        }
    }

    /// What the numbers of edges are.
    pub(crate) fn quantity(&self) -> &'static str {
        match self.model.kind() {
            NetworkKind::Correlation => "correlation",
            NetworkKind::Precision => "partial correlation",
            NetworkKind::Directed => "standardised weight",
        }
    }

    pub(super) fn is_directed(&self) -> bool {
        self.model.kind() == NetworkKind::Directed
    }

    /// Names of the edges.
    pub(crate) fn names(&self) -> Vec<String> {
        let nodes = &self.training.names().features;
        let arrow = if self.is_directed() { "→" } else { "–" };
        let pairs = self.pairs.iter();
        pairs
            .map(|(i, j)| format!("{} {arrow} {}", nodes[*i], nodes[*j]))
            .collect()
    }

    /// Networks (rows × nodes × nodes) in the numbers that are shown.
    pub(super) fn of_nodes(&self, networks: &Networks) -> Result<Array3<f64>> {
        match self.model.kind() {
            NetworkKind::Precision => partial_correlations(networks),
            NetworkKind::Correlation => Ok(networks.edges().to_owned()),
            NetworkKind::Directed => {
                let columns = self.training.features();
                let deviation = |node: usize| samples::moments(columns.column(node)).1;
                let deviations: Vec<f64> = (0..columns.ncols()).map(deviation).collect();
                let mut shown = networks.edges().to_owned();
                for ((_, from, to), weight) in shown.indexed_iter_mut() {
                    if deviations[to] > 0.0 {
                        *weight *= deviations[from] / deviations[to];
                    }
                }
                Ok(shown)
            }
        }
    }

    /// The same as a table (rows × edges).
    fn table(&self, networks: &Networks) -> Result<Array2<f64>> {
        let shown = self.of_nodes(networks)?;
        Ok(Array2::from_shape_fn(
            (networks.rows(), self.pairs.len()),
            |(row, edge)| shown[[row, self.pairs[edge].0, self.pairs[edge].1]],
        ))
    }

    /// The edges of a model that gives every row the same network.
    pub(crate) fn of_population(&self, population: &dyn NetworkDensity) -> Result<Vec<f64>> {
        let first = self.training.contexts().slice_move(s![..1, ..]);
        Ok(self.table(&population.networks(first)?)?.row(0).to_vec())
    }

    /// So many rows that their networks can be held at once.
    fn most_rows(&self) -> usize {
        let nodes = self.training.features().ncols();
        (NUMBERS / (nodes * nodes).max(1)).max(20)
    }

    /// Average edges over rows that are given values of one context.
    pub(crate) fn against(&self, axis: &ContextAxis) -> Result<EdgeCurves> {
        let chosen = by_chance(self.training.rows(), AVERAGED.min(self.most_rows()))?;
        let rows = self.training.contexts().select(Axis(0), &chosen);
        let weights = match self.training.weights() {
            Some(weights) => weights.select(Axis(0), &chosen),
            None => Array1::ones(chosen.len()),
        };
        let weights = &weights / weights.sum();
        let (at, codes) = match axis {
            ContextAxis::Number { column, clock } => {
                let all = self.training.contexts().column(*column).to_vec();
                let values = grid(&all);
                let codes = Array2::from_shape_fn((values.len(), 1), |(point, _)| values[point]);
                let rows = rows.column(*column).to_vec();
                let clock = *clock;
                let at = Points::Numbers {
                    values,
                    rows,
                    clock,
                };
                (at, codes)
            }
            ContextAxis::Coded { at, codes, .. } => (at.clone(), codes.clone()),
        };
        let mut values = Vec::new();
        for code in codes.rows() {
            let mut contexts = rows.clone();
            axis.set(contexts.view_mut(), code);
            let edges = self.table(&self.model.networks(contexts.view())?)?;
            values.extend(weights.dot(&edges));
        }
        Ok(EdgeCurves {
            at,
            values: Array2::from_shape_vec((codes.nrows(), self.pairs.len()), values)
                .map_err(|source| Error::numerical("joining curves", source))?,
        })
    }
}

impl Edges {
    pub(super) fn new(report: &NetworkReport<'_>) -> Result<Self> {
        let own = report.edge_values();
        let training = &report.study.training;
        let chosen = by_chance(training.rows(), ROWS.min(own.most_rows()))?;
        let rows = training.contexts().select(Axis(0), &chosen);
        let of_rows = own.table(&report.model.networks(rows.view())?)?;
        let summary = |of: &dyn Fn(&[f64]) -> f64| -> Vec<f64> {
            let columns = of_rows.columns().into_iter();
            columns.map(|column| of(&column.to_vec())).collect()
        };
        let moments = |values: &[f64]| {
            let (mean, deviation) = samples::moments(ndarray::ArrayView1::from(values));
            // What rounding adds to equal values is no spread.
            let flat = is_flat(ends(values));
            (mean, if flat { 0.0 } else { deviation })
        };
        let contexts = report.study.contexts.iter();
        let curves = contexts
            .map(|axis| own.against(axis))
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            mean: summary(&|values| moments(values).0),
            spread: summary(&|values| moments(values).1),
            low: summary(&|values| quantile(values, 0.05)),
            high: summary(&|values| quantile(values, 0.95)),
            population: own.of_population(report.population)?,
            names: own.names(),
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
}
