//! Directed acyclic graphs as weighted adjacency matrices.
//!
//! `W` (p × p) has the edge from node i to node j in `W[[i, j]]`; every entry that is not zero is an
//! edge, and one on the diagonal is a cycle.

mod graph;
mod order;
mod penalty;
mod projection;
mod reachability;

pub use graph::{is_acyclic, topological_order};
pub use order::{MOST_ORDERED_NODES, Order, exact_order, greedy_order};
pub use penalty::Acyclicity;
pub use projection::{AcyclicPart, MOST_PROJECTED_NODES, Projection, acyclic_part};
