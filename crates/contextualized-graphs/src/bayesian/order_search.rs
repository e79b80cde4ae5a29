//! The causal order of the nodes, by leave-one-out errors along it.

use super::constraints::Constraints;
use super::context_basis;
use super::gp_estimator::OrderScore;
use crate::numerical::numerical;
use contextualized_core::{Error, Result, Samples, Standardization, normalized_weights};
use contextualized_solvers::{
    Order, cholesky, exact_order, gram, greedy_order, product, transposed_product,
};
use ndarray::{Array1, Array2, ArrayView1, Axis, concatenate};
use rayon::prelude::*;

/// Regressions of nodes on sets of others, all weights and intercepts being sums of the same functions
/// of the context.
pub(crate) struct Regressions {
    /// Columns (nodes + 1) · functions × rows: the functions themselves, then each node times each.
    design: Array2<f64>,
    gram: Array2<f64>,
    /// Nodes × rows, all in one unit.
    nodes: Array2<f64>,
    functions: usize,
}

/// Penalty on the weights of the functions, for standardised parents: that of weights of order one and
/// noise of a tenth of the variance.
const PENALTY: f64 = 0.1;

impl Regressions {
    pub(crate) fn new(samples: &Samples, most_functions: usize) -> Result<Self> {
        let features = samples.features();
        let scaling = Standardization::fit(features, samples.weights())?;
        // One unit for all nodes: their variances are compared.
        let unit = scaling
            .scales()
            .mapv(|s| s * s)
            .mean()
            .unwrap_or(1.0)
            .sqrt();
        let centered = (&features - &scaling.centers()) / unit;
        let mut nodes = centered.t().as_standard_layout().into_owned();
        let functions = context_basis::functions(samples.contexts(), most_functions)?;
        // As parents, nodes are in units of their own: a penalty on weights should not know the users'.
        let own = Array1::from_shape_fn(nodes.nrows(), |node| unit / scaling.scales()[node]);
        let mut design = design(&functions, &(&nodes * &own.insert_axis(Axis(1))));
        if let Some(weights) = samples.weights() {
            let roots = normalized_weights(Some(weights), samples.rows())?.mapv(f64::sqrt);
            design *= &roots;
            nodes *= &roots;
        }
        let gram = numerical("the order search", gram(design.t()))?;
        Ok(Self {
            design,
            gram,
            nodes,
            functions: functions.ncols(),
        })
    }

    pub(crate) fn nodes(&self) -> usize {
        self.nodes.nrows()
    }

    /// Leave-one-out residuals (nodes × rows) of all nodes given these parents; those of the parents
    /// themselves mean nothing.
    pub(crate) fn residuals(&self, parents: &[usize]) -> Result<Array2<f64>> {
        let blocks = std::iter::once(0).chain(parents.iter().map(|parent| parent + 1));
        let columns: Vec<usize> = blocks
            .flat_map(|block| block * self.functions..(block + 1) * self.functions)
            .collect();
        let mut matrix = Array2::from_shape_fn((columns.len(), columns.len()), |(a, b)| {
            self.gram[[columns[a], columns[b]]]
        });
        matrix.diag_mut().mapv_inplace(|entry| entry + PENALTY);
        let design = self.design.select(Axis(0), &columns);
        let purpose = "the order search";
        let factor = numerical(purpose, cholesky(matrix.view()))?;
        let whitened = numerical(purpose, factor.solve_lower(design.view()))?;
        let weights = numerical(purpose, product(whitened.view(), self.nodes.t()))?;
        let fitted = numerical(purpose, transposed_product(weights.view(), whitened.view()))?;
        let leverage = whitened
            .axis_iter(Axis(1))
            .map(|column| column.dot(&column))
            .collect::<Array1<f64>>();
        let rest = leverage.mapv(|h| (1.0 - h).max(LEAST_REST));
        Ok((&self.nodes - &fitted) / &rest)
    }

    /// Mean squares of these residuals (nodes).
    pub(crate) fn errors(&self, parents: &[usize]) -> Result<Vec<f64>> {
        let rows = self.nodes.ncols() as f64;
        let residuals = self.residuals(parents)?;
        Ok(residuals
            .rows()
            .into_iter()
            .map(|row| row.dot(&row) / rows)
            .collect())
    }
}

/// A row that alone decides its prediction has a leave-one-out residual that is next to undetermined.
const LEAST_REST: f64 = 1e-10;

/// Functions × rows, then node by node the products with each.
fn design(functions: &Array2<f64>, nodes: &Array2<f64>) -> Array2<f64> {
    let functions = functions.t();
    let mut blocks = vec![functions.to_owned()];
    for node in nodes.rows() {
        blocks.push(&functions * &node);
    }
    let views: Vec<_> = blocks.iter().map(|block| block.view()).collect();
    concatenate(Axis(0), &views).expect("all blocks have the same rows")
}

/// The order, and what reversing each pair of nodes would cost.
pub(crate) struct Found {
    pub(crate) order: Order,
    /// By how much the best order with the later node of a pair first costs more; none where it is not
    /// known or not allowed.
    pub(crate) reversal: Array2<Option<f64>>,
}

/// The most nodes whose orders are searched exactly.
pub(crate) const EXACT_NODES: usize = 12;

/// The best order by the score under the constraints.
pub(crate) fn search(
    regressions: &Regressions,
    constraints: &Constraints,
    score: OrderScore,
) -> Result<Found> {
    let nodes = regressions.nodes();
    let required = constraints.precedence(nodes);
    let allowed = |before: &[usize], node: usize| -> Vec<usize> {
        let allows = |from: &&usize| constraints.allows(**from, node);
        before.iter().filter(allows).copied().collect()
    };
    let nothing = Array2::from_elem((nodes, nodes), None);
    if let Some(order) = &constraints.order {
        let mut cost = 0.0;
        for (place, &node) in order.iter().enumerate() {
            cost += score.of(regressions.errors(&allowed(&order[..place], node))?[node]);
        }
        let order = Order {
            nodes: order.clone(),
            cost,
            runner_up: None,
            margin: f64::INFINITY,
            // Nothing was searched.
            exact: false,
        };
        return Ok(Found {
            order,
            reversal: nothing,
        });
    }
    if nodes > EXACT_NODES {
        let order = greedy_order(required.view(), |before| {
            let mut costs = vec![f64::INFINITY; nodes];
            let mut done: Vec<(Vec<usize>, Vec<f64>)> = Vec::new();
            for node in (0..nodes).filter(|node| !before.contains(node)) {
                let mut parents = allowed(before, node);
                parents.sort_unstable();
                let known = done.iter().find(|(set, _)| *set == parents);
                let error = match known {
                    Some((_, errors)) => errors[node],
                    None => {
                        let errors = regressions.errors(&parents).map_err(Failure::Core)?;
                        done.push((parents, errors));
                        done[done.len() - 1].1[node]
                    }
                };
                costs[node] = score.of(error);
            }
            Ok::<_, Failure>(costs)
        });
        return Ok(Found {
            order: order.map_err(Failure::into_core)?,
            reversal: nothing,
        });
    }
    let table = (0..1_u32 << nodes)
        .into_par_iter()
        .map(|set| {
            let parents: Vec<usize> = (0..nodes).filter(|&node| set >> node & 1 == 1).collect();
            // After all others there is no node left to predict.
            if parents.len() == nodes {
                Ok(vec![f64::INFINITY; nodes])
            } else {
                regressions.errors(&parents)
            }
        })
        .collect::<Result<Vec<Vec<f64>>>>()?;
    let masks: Vec<u32> = (0..nodes)
        .map(|node| {
            (0..nodes)
                .filter(|&from| constraints.allows(from, node))
                .fold(0, |mask, from| mask | 1 << from)
        })
        .collect();
    let cost = |before: u32, node: usize| score.of(table[(before & masks[node]) as usize][node]);
    let order = numerical("the order search", exact_order(required.view(), cost))?;
    let mut reversal = nothing;
    for (place, &later) in order.nodes.iter().enumerate() {
        for &earlier in &order.nodes[..place] {
            let mut turned = required.clone();
            turned[[later, earlier]] = 1.0;
            // Not allowed where the pair, or a chain between the two, is required as it is.
            if let Ok(other) = exact_order(turned.view(), cost) {
                reversal[[earlier, later]] = Some(other.cost - order.cost);
            }
        }
    }
    Ok(Found { order, reversal })
}

/// Errors of the solver's search and of what it calls.
enum Failure {
    Solver(contextualized_solvers::Error),
    Core(Error),
}

impl From<contextualized_solvers::Error> for Failure {
    fn from(error: contextualized_solvers::Error) -> Self {
        Self::Solver(error)
    }
}

impl Failure {
    fn into_core(self) -> Error {
        match self {
            Self::Solver(error) => Error::numerical("the order search", error),
            Self::Core(error) => error,
        }
    }
}

/// The parents of every node that earn their place: all nodes before it that are allowed, without those
/// whose absence costs less than `threshold` standard errors of the difference in squared
/// leave-one-out error, the least useful first; of more than a dozen, half of the useless at once.
pub(crate) fn sparse_parents(
    regressions: &Regressions,
    constraints: &Constraints,
    order: &[usize],
    threshold: Option<f64>,
) -> Result<Vec<Vec<usize>>> {
    let parents = (0..order.len())
        .into_par_iter()
        .map(|place| {
            let node = order[place];
            let mut parents: Vec<usize> = order[..place]
                .iter()
                .copied()
                .filter(|&from| constraints.allows(from, node))
                .collect();
            parents.sort_unstable();
            if let Some(threshold) = threshold {
                eliminate(regressions, constraints, node, &mut parents, threshold)?;
            }
            Ok((node, parents))
        })
        .collect::<Result<Vec<_>>>()?;
    let mut by_node = vec![Vec::new(); order.len()];
    for (node, parents) in parents {
        by_node[node] = parents;
    }
    Ok(by_node)
}

fn eliminate(
    regressions: &Regressions,
    constraints: &Constraints,
    node: usize,
    parents: &mut Vec<usize>,
    threshold: f64,
) -> Result<()> {
    let squares = |parents: &[usize]| -> Result<Array1<f64>> {
        let residuals = regressions.residuals(parents)?;
        Ok(residuals.row(node).mapv(|residual| residual * residual))
    };
    let mut with = squares(parents)?;
    loop {
        let mut losses: Vec<(f64, usize)> = Vec::new();
        let mut without_weakest = None;
        for &parent in parents.iter() {
            if constraints.requires(parent, node) {
                continue;
            }
            let without = squares(&all_but(parents, &[parent]))?;
            let loss = standardized_mean((&without - &with).view());
            if losses.iter().all(|(other, _)| loss < *other) {
                without_weakest = Some(without);
            }
            losses.push((loss, parent));
        }
        losses.retain(|(loss, _)| *loss <= threshold);
        losses.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (Some(&(_, weakest)), Some(without_weakest)) = (losses.first(), without_weakest) else {
            return Ok(());
        };
        // Of many parents the weaker half of those without use at once, if they have none together.
        let half: Vec<usize> = losses[..losses.len().div_ceil(2)]
            .iter()
            .map(|(_, parent)| *parent)
            .collect();
        if parents.len() > EXACT_NODES && half.len() > 1 {
            let fewer = all_but(parents, &half);
            let without = squares(&fewer)?;
            if standardized_mean((&without - &with).view()) <= threshold {
                (*parents, with) = (fewer, without);
                continue;
            }
        }
        (*parents, with) = (all_but(parents, &[weakest]), without_weakest);
    }
}

fn all_but(parents: &[usize], dropped: &[usize]) -> Vec<usize> {
    let kept = |parent: &usize| !dropped.contains(parent);
    parents.iter().copied().filter(kept).collect()
}

/// The mean in units of its standard error.
fn standardized_mean(values: ArrayView1<'_, f64>) -> f64 {
    let count = values.len() as f64;
    let mean = values.sum() / count;
    let variance =
        values.mapv(|value| (value - mean).powi(2)).sum() / (count * (count - 1.0).max(1.0));
    mean / variance.sqrt().max(f64::MIN_POSITIVE)
}
