//! Edges of networks over training rows, and against each context.

use super::networks::NetworkReport;
use crate::saved::by_chance;
use contextualized_core::Result;
use contextualized_frame::edges::EdgeCurves;
use contextualized_frame::values::{descending, ends, is_flat, moments, quantile};
use ndarray::Axis;

/// Edges that are drawn against each context.
const LINES: usize = 5;
/// Rows that edges are summarised over.
const ROWS: usize = 300;

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
            let (mean, deviation) = moments(ndarray::ArrayView1::from(values));
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
