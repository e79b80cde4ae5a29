//! Edges of networks: for every row, and against each context, averaged over rows that keep their other contexts.

use crate::axes::{ContextAxis, Points};
use crate::error;
use crate::pairs::{column_name, pairs};
use crate::saved::by_chance;
use crate::values::{moments, quantile};
use contextualized_core::{
    Error, NetworkDensity, NetworkKind, Networks, Result, Samples, VaryingNetworks,
    partial_correlations,
};
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, s};

/// Points along a context, and rows averaged at each.
const POINTS: usize = 12;
const AVERAGED: usize = 200;
/// Numbers held at once.
const NUMBERS: usize = 20_000_000;

/// Average edges at values of one context (points × edges).
#[derive(Debug, Clone, PartialEq)]
pub struct EdgeCurves {
    /// Values of the context.
    pub at: Points,
    /// The averages.
    pub values: Array2<f64>,
}

/// Networks as they are shown: correlations, partial correlations or standardised weights of edges.
pub struct EdgeValues<'a> {
    model: &'a dyn NetworkDensity,
    training: &'a Samples,
    pairs: Vec<(usize, usize)>,
}

impl<'a> EdgeValues<'a> {
    /// Of a model, whose nodes are the features of these rows.
    pub fn new(model: &'a dyn NetworkDensity, training: &'a Samples) -> Self {
        let nodes = training.features().ncols();
        let directed = model.kind().is_directed();
        Self {
            model,
            training,
            pairs: pairs(nodes, directed).collect(),
        }
    }

    /// What the numbers of edges are.
    pub fn quantity(&self) -> &'static str {
        match self.model.kind() {
            NetworkKind::Correlation => "correlation",
            NetworkKind::Precision => "partial correlation",
            NetworkKind::Directed => "standardised weight",
        }
    }

    /// Whether edges have a direction.
    pub fn is_directed(&self) -> bool {
        self.model.kind().is_directed()
    }

    /// Names of the edges.
    pub fn names(&self) -> Vec<String> {
        let nodes = &self.training.names().features;
        let arrow = if self.is_directed() { "→" } else { "–" };
        let pairs = self.pairs.iter();
        pairs
            .map(|(i, j)| format!("{} {arrow} {}", nodes[*i], nodes[*j]))
            .collect()
    }

    /// Networks (rows × nodes × nodes) in the numbers that are shown.
    pub fn of_nodes(&self, networks: &Networks) -> Result<Array3<f64>> {
        match self.model.kind() {
            NetworkKind::Precision => partial_correlations(networks),
            NetworkKind::Correlation => Ok(networks.edges().to_owned()),
            NetworkKind::Directed => {
                let columns = self.training.features();
                let deviation = |node: usize| moments(columns.column(node)).1;
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
    pub fn table(&self, networks: &Networks) -> Result<Array2<f64>> {
        let shown = self.of_nodes(networks)?;
        Ok(Array2::from_shape_fn(
            (networks.rows(), self.pairs.len()),
            |(row, edge)| shown[[row, self.pairs[edge].0, self.pairs[edge].1]],
        ))
    }

    /// The edges of a model that gives every row the same network.
    pub fn of_population(&self, population: &dyn NetworkDensity) -> Result<Vec<f64>> {
        let first = self.training.contexts().slice_move(s![..1, ..]);
        Ok(self.table(&population.networks(first)?)?.row(0).to_vec())
    }

    /// So many rows that their networks can be held at once.
    pub fn most_rows(&self) -> usize {
        let nodes = self.training.features().ncols();
        (NUMBERS / (nodes * nodes).max(1)).max(20)
    }

    /// Average edges over rows that are given values of one context.
    pub fn against(&self, axis: &ContextAxis) -> Result<EdgeCurves> {
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

/// The columns of a model's edges.
pub fn edge_columns(model: &dyn VaryingNetworks, nodes: &[String]) -> Vec<String> {
    let directed = model.kind().is_directed();
    let pairs = pairs(nodes.len(), directed);
    pairs
        .map(|pair| column_name(nodes, pair, directed))
        .collect()
}

/// Weights, correlations, or partial correlations of every row (n × edges), in the order of
/// [`edge_columns`].
pub fn edge_values(
    model: &dyn VaryingNetworks,
    contexts: ArrayView2<'_, f64>,
) -> error::Result<Array2<f64>> {
    /// Networks held at once.
    const BLOCK: usize = 256;
    let mut values = Array2::zeros((0, 0));
    let mut positions = Vec::new();
    let kind = model.kind();
    model.visit_networks(contexts, BLOCK, &mut |first, block| {
        if first == 0 {
            positions = pairs(block.nodes(), kind.is_directed()).collect();
            values = Array2::zeros((contexts.nrows(), positions.len()));
        }
        let partial = (kind == NetworkKind::Precision)
            .then(|| partial_correlations(block))
            .transpose()?;
        let edges = match &partial {
            Some(partial) => partial.view(),
            None => block.edges(),
        };
        for (row, network) in edges.outer_iter().enumerate() {
            for (edge, &(from, to)) in positions.iter().enumerate() {
                values[[first + row, edge]] = network[[from, to]];
            }
        }
        Ok(())
    })?;
    Ok(values)
}

/// The networks of every row (n × nodes × nodes) in the numbers of [`edge_values`].
///
/// # Errors
///
/// Those of the model.
pub fn edge_matrices(
    model: &dyn VaryingNetworks,
    contexts: ArrayView2<'_, f64>,
) -> error::Result<Array3<f64>> {
    let networks = model.networks(contexts)?;
    Ok(match model.kind() {
        NetworkKind::Precision => partial_correlations(&networks)?,
        NetworkKind::Correlation | NetworkKind::Directed => networks.into_edges(),
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
}
