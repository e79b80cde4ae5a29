//! The order of nodes of the lowest cost.

use ndarray::ArrayView2;

use super::graph;
use crate::{Error, Result, check};

/// The most nodes whose orders [`exact_order`] searches: its time and memory double with every node.
pub const MOST_ORDERED_NODES: usize = 20;

/// An order of nodes and its margin over the next-best one. See [`exact_order`] and [`greedy_order`].
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// The nodes, causes before effects.
    pub nodes: Vec<usize>,
    /// The sum of their costs.
    pub cost: f64,
    /// The next-best order, where the search was exact and there is one.
    pub runner_up: Option<Vec<usize>>,
    /// By how much the next-best order costs more; of a greedy search the least by which any step
    /// preferred its node to the next. Infinite where there was no choice.
    pub margin: f64,
    /// Whether a search of all orders has shown that none costs less.
    pub exact: bool,
}

/// The order of the lowest sum of `cost(set, node)`, where `set` has a bit for every node that comes
/// before: dynamic programming over these sets.
///
/// `required[[i, j]]`, if not zero, puts node i before node j (p × p). Of orders that cost the same,
/// the one whose last node, then last but one and so on, has the smaller number wins.
///
/// Silander and Myllymäki (2006), [arXiv:1206.6875](https://doi.org/10.48550/arXiv.1206.6875).
///
/// # Errors
///
/// [`Error::Empty`], [`Error::NotSquare`], [`Error::NotFinite`] for `required`;
/// [`Error::TooManyNodes`] beyond [`MOST_ORDERED_NODES`]; [`Error::Cyclic`] if no order has all that is
/// required.
///
/// ```
/// use contextualized_solvers::exact_order;
/// use ndarray::Array2;
///
/// // Node 1 is cheap first, node 0 after it, node 2 anywhere.
/// let cost = |before: u32, node: usize| match node {
///     0 => f64::from(before & 0b10 == 0),
///     1 => f64::from(before.count_ones()),
///     _ => 0.0,
/// };
/// let order = exact_order(Array2::zeros((3, 3)).view(), cost)?;
/// assert_eq!((order.nodes, order.cost, order.margin), (vec![1, 2, 0], 0.0, 0.0));
/// # Ok::<(), contextualized_solvers::Error>(())
/// ```
pub fn exact_order(required: ArrayView2<f64>, cost: impl Fn(u32, usize) -> f64) -> Result<Order> {
    check::square("required", required)?;
    let nodes = required.nrows();
    if nodes > MOST_ORDERED_NODES {
        return Err(Error::TooManyNodes {
            nodes,
            most: MOST_ORDERED_NODES,
        });
    }
    let needs = predecessors(required)?;
    let all = (1_usize << nodes) - 1;
    let mut paths = vec![[Path::NONE; 2]; all + 1];
    paths[0][0] = Path {
        cost: 0.0,
        last: 0,
        rank: 0,
    };
    for set in 1..=all {
        let mut best = [Path::NONE; 2];
        for node in (0..nodes).filter(|&node| set >> node & 1 == 1) {
            let before = set & !(1 << node);
            if needs[node] as usize & !before != 0 || paths[before][0].cost == f64::INFINITY {
                continue;
            }
            let step = cost(before as u32, node);
            for (rank, path) in paths[before].iter().enumerate() {
                let candidate = Path {
                    cost: path.cost + step,
                    last: node as u8,
                    rank: rank as u8,
                };
                if candidate.cost < best[0].cost {
                    best = [candidate, best[0]];
                } else if candidate.cost < best[1].cost {
                    best[1] = candidate;
                }
            }
        }
        paths[set] = best;
    }
    let follow = |mut rank: usize| {
        let mut order = Vec::with_capacity(nodes);
        let mut set = all;
        while set > 0 {
            let path = paths[set][rank];
            order.push(path.last as usize);
            set &= !(1 << path.last);
            rank = path.rank as usize;
        }
        order.reverse();
        order
    };
    let [best, second] = paths[all];
    if !best.cost.is_finite() {
        return Err(Error::Overflow {
            quantity: "the cost of every order",
            row: 0,
            column: 0,
        });
    }
    let has_second = second.cost < f64::INFINITY;
    Ok(Order {
        nodes: follow(0),
        cost: best.cost,
        runner_up: has_second.then(|| follow(1)),
        margin: second.cost - best.cost,
        exact: true,
    })
}

/// The cheapest way to a set: the node last put in, and which of the ways to the others.
#[derive(Clone, Copy)]
struct Path {
    cost: f64,
    last: u8,
    rank: u8,
}

impl Path {
    const NONE: Self = Self {
        cost: f64::INFINITY,
        last: 0,
        rank: 0,
    };
}

/// For every node the set of those that have to come before it.
fn predecessors(required: ArrayView2<f64>) -> Result<Vec<u32>> {
    if graph::order(required).is_none() {
        return Err(Error::Cyclic {
            argument: "required",
        });
    }
    let set = |column: ndarray::ArrayView1<f64>| {
        column
            .iter()
            .enumerate()
            .filter(|(_, entry)| **entry != 0.0)
            .fold(0, |set, (node, _)| set | 1 << node)
    };
    Ok(required.columns().into_iter().map(set).collect())
}

/// An order built from the first node on: next comes the node that costs least after those before it,
/// the first of several.
///
/// `costs(before)` gives the cost of every node (p) after these; those of nodes already placed are not
/// looked at. For costs that are conditional variances this is the order of equal noise variances
/// (Chen, Drton and Wang 2019, [doi:10.1093/biomet/asz049](https://doi.org/10.1093/biomet/asz049)).
///
/// # Errors
///
/// [`Error::Empty`], [`Error::NotSquare`], [`Error::NotFinite`] for `required`; [`Error::Cyclic`];
/// [`Error::Shape`] for other than p costs; and those of `costs`.
pub fn greedy_order<E: From<Error>>(
    required: ArrayView2<f64>,
    mut costs: impl FnMut(&[usize]) -> Result<Vec<f64>, E>,
) -> Result<Order, E> {
    check::square("required", required)?;
    if graph::order(required).is_none() {
        return Err(Error::Cyclic {
            argument: "required",
        }
        .into());
    }
    let nodes = required.nrows();
    let mut order = Vec::with_capacity(nodes);
    let mut placed = vec![false; nodes];
    let (mut cost, mut margin) = (0.0, f64::INFINITY);
    while order.len() < nodes {
        let after = costs(&order)?;
        check::size("costs", "values", nodes, after.len())?;
        let free = |&node: &usize| {
            let waits = |other: usize| required[[other, node]] != 0.0 && !placed[other];
            !placed[node] && !(0..nodes).any(waits)
        };
        let mut choice: Vec<usize> = (0..nodes).filter(free).collect();
        // Stable: the first of several that cost the same.
        choice.sort_by(|&a, &b| after[a].total_cmp(&after[b]));
        if let [first, second, ..] = choice[..] {
            margin = f64::min(margin, after[second] - after[first]);
        }
        let next = choice[0];
        cost += after[next];
        placed[next] = true;
        order.push(next);
    }
    Ok(Order {
        nodes: order,
        cost,
        runner_up: None,
        margin,
        exact: false,
    })
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    /// Costs without a pattern.
    fn cost(before: u32, node: usize) -> f64 {
        let k = f64::from(before) * 7.0 + node as f64;
        (k * k * 0.618_033_988_749_895).fract()
    }

    fn permutations(nodes: usize) -> Vec<Vec<usize>> {
        match nodes {
            0 => vec![vec![]],
            _ => permutations(nodes - 1)
                .into_iter()
                .flat_map(|shorter| {
                    (0..nodes).map(move |place| {
                        let mut order = shorter.clone();
                        order.insert(place, nodes - 1);
                        order
                    })
                })
                .collect(),
        }
    }

    fn total(order: &[usize]) -> f64 {
        let mut before = 0;
        let mut sum = 0.0;
        for &node in order {
            sum += cost(before, node);
            before |= 1 << node;
        }
        sum
    }

    #[test]
    fn the_best_two_of_all_orders() {
        for required in [vec![], vec![(4, 0), (2, 3)]] {
            let mut before = Array2::zeros((5, 5));
            for &(i, j) in &required {
                before[[i, j]] = 1.0;
            }
            let order = exact_order(before.view(), cost).unwrap();
            let mut all: Vec<(f64, Vec<usize>)> = permutations(5)
                .into_iter()
                .filter(|order| {
                    let place = |node| order.iter().position(|&other| other == node);
                    required.iter().all(|&(i, j)| place(i) < place(j))
                })
                .map(|order| (total(&order), order))
                .collect();
            all.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert_eq!(order.nodes, all[0].1);
            assert_eq!(order.runner_up, Some(all[1].1.clone()));
            assert!((order.cost - all[0].0).abs() < 1e-12);
            assert!((order.margin - (all[1].0 - all[0].0)).abs() < 1e-12);
        }
    }

    #[test]
    fn greedy_takes_the_cheapest_that_may_come() {
        let mut required = Array2::zeros((3, 3));
        required[[2, 0]] = 1.0;
        let costs = |_: &[usize]| Ok::<_, Error>(vec![1.0, 3.0, 2.0]);
        let order = greedy_order(required.view(), costs).unwrap();
        assert_eq!(order.nodes, [2, 0, 1]);
        assert_eq!((order.cost, order.margin, order.exact), (6.0, 1.0, false));
    }

    #[test]
    fn what_cannot_be_ordered_is_refused() {
        let mut cyclic = Array2::zeros((2, 2));
        cyclic[[0, 1]] = 1.0;
        cyclic[[1, 0]] = 1.0;
        let expected = Err(Error::Cyclic {
            argument: "required",
        });
        assert_eq!(exact_order(cyclic.view(), cost), expected);
        assert_eq!(
            greedy_order(cyclic.view(), |_| Ok::<_, Error>(vec![0.0; 2])),
            expected
        );
        assert!(matches!(
            exact_order(Array2::zeros((21, 21)).view(), cost),
            Err(Error::TooManyNodes { .. })
        ));
        let alone = exact_order(Array2::zeros((1, 1)).view(), cost).unwrap();
        assert_eq!((alone.nodes, alone.margin), (vec![0], f64::INFINITY));
    }
}
