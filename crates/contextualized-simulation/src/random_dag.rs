//! Random directed acyclic graphs.

use crate::Draws;
use crate::draws::Stream;
use contextualized_core::{Error, Result};
use ndarray::Array2;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Attachment {
    Independent { edges: f64 },
    Preferential { parents: usize },
}

/// A random directed acyclic graph with random weights.
///
/// Nodes are numbered at random, so that their order says nothing. Weights are uniform in absolute
/// value between two bounds, 0.5 and 2 unless set, and as often negative as positive.
///
/// ```
/// use contextualized_simulation::RandomDag;
///
/// let weights = RandomDag::erdos_renyi(10, 20.0).weights(0.5, 1.0).simulate(3)?;
/// let edges = weights.iter().filter(|weight| **weight != 0.0).count();
/// assert!((5..=40).contains(&edges));
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomDag {
    nodes: usize,
    attachment: Attachment,
    low: f64,
    high: f64,
}

impl RandomDag {
    /// Every possible edge of an order is there independently, this many of them on average (Erdős and
    /// Rényi 1959).
    pub fn erdos_renyi(nodes: usize, edges: f64) -> Self {
        Self::new(nodes, Attachment::Independent { edges })
    }

    /// Every node has this many parents among those before it, or as many as there are, drawn in
    /// proportion to one plus the number of children they have: a few nodes have many children
    /// (Barabási and Albert 1999, doi:10.1126/science.286.5439.509).
    pub fn scale_free(nodes: usize, parents: usize) -> Self {
        Self::new(nodes, Attachment::Preferential { parents })
    }

    fn new(nodes: usize, attachment: Attachment) -> Self {
        Self {
            nodes,
            attachment,
            low: 0.5,
            high: 2.0,
        }
    }

    /// Bounds of the absolute weights.
    pub fn weights(mut self, low: f64, high: f64) -> Self {
        (self.low, self.high) = (low, high);
        self
    }

    /// Draws weights (p × p), the edge from node i to node j in row i and column j.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for no nodes, a number of edges that is negative or more than there
    /// are pairs of nodes, and weights that are not 0 < low ≤ high.
    pub fn simulate(&self, seed: u64) -> Result<Array2<f64>> {
        self.validate()?;
        let mut draws = Draws::new(seed, Stream::Graph);
        let mut number: Vec<usize> = (0..self.nodes).collect();
        for place in (1..self.nodes).rev() {
            number.swap(place, draws.index(place + 1));
        }
        let mut weights = Array2::zeros((self.nodes, self.nodes));
        let mut children = vec![0.0; self.nodes];
        for to in 1..self.nodes {
            for from in self.parents(to, &mut children, &mut draws) {
                let sign = 2.0 * draws.bernoulli(0.5) - 1.0;
                weights[[number[from], number[to]]] = sign * draws.uniform(self.low, self.high);
            }
        }
        Ok(weights)
    }

    /// Parents of a node among those before it.
    fn parents(&self, node: usize, children: &mut [f64], draws: &mut Draws) -> Vec<usize> {
        match self.attachment {
            Attachment::Independent { edges } => {
                let probability = (edges / self.pairs()).min(1.0);
                (0..node)
                    .filter(|_| draws.bernoulli(probability) == 1.0)
                    .collect()
            }
            Attachment::Preferential { parents } => {
                let mut free: Vec<usize> = (0..node).collect();
                let mut chosen = Vec::new();
                while chosen.len() < parents && !free.is_empty() {
                    let total: f64 = free.iter().map(|&other| 1.0 + children[other]).sum();
                    let mut left = draws.uniform(0.0, total);
                    let place = free.iter().position(|&other| {
                        left -= 1.0 + children[other];
                        left < 0.0
                    });
                    chosen.push(free.remove(place.unwrap_or(free.len() - 1)));
                }
                for &parent in &chosen {
                    children[parent] += 1.0;
                }
                chosen
            }
        }
    }

    fn pairs(&self) -> f64 {
        (self.nodes * self.nodes.saturating_sub(1) / 2) as f64
    }

    fn validate(&self) -> Result<()> {
        if self.nodes == 0 {
            return Err(Error::invalid_parameter("nodes", 0, "at least 1"));
        }
        if let Attachment::Independent { edges } = self.attachment
            && !(0.0..=self.pairs()).contains(&edges)
        {
            return Err(Error::invalid_parameter(
                "edges",
                edges,
                format!("between 0 and the number of pairs, {}", self.pairs()),
            ));
        }
        if self.low > 0.0 && self.low <= self.high && self.high.is_finite() {
            Ok(())
        } else {
            Err(Error::invalid_parameter(
                "weights",
                format!("{} to {}", self.low, self.high),
                "two positive numbers, the lower one first",
            ))
        }
    }
}
