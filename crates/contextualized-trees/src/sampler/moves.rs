//! Changes of one tree that are proposed.

use super::split_weights::SplitWeights;
use super::tree::{NodeId, Split, Tree};
use crate::codes::VariableCodes;
use rand::Rng;

/// A change of a tree.
#[derive(Debug, Clone)]
pub(super) enum Move {
    /// Gives a leaf children.
    Grow { leaf: NodeId, split: Split },
    /// Takes the children of a twig away.
    Prune { twig: NodeId },
    /// Gives a twig another split.
    Change { twig: NodeId, split: Split },
}

/// Probabilities of proposing to grow and to prune a tree that has a split; else its split is changed.
const GROW: f64 = 0.3;
const PRUNE: f64 = 0.3;

/// The logarithm of how much likelier growth is proposed from `leaves` than its undoing from `twigs` of the tree
/// grown.
pub(super) fn log_growth_ratio(leaves: usize, twigs_grown: usize) -> f64 {
    let grow = if leaves == 1 { 1.0 } else { GROW };
    (grow / leaves as f64).ln() - (PRUNE / twigs_grown as f64).ln()
}

/// The most leaves of a tree.
const MOST_LEAVES: usize = 64;

/// Widths of ramps, as shares of the ranks there are; a ramp is at least one rank wide.
pub(crate) const WIDTHS: [f32; 5] = [0.0, 0.1, 0.2, 0.4, 0.8];

/// What may be proposed: the codes of variables, and how often to ask for each.
pub(super) struct Proposals<'a> {
    pub(super) variables: &'a [VariableCodes],
    pub(super) weights: &'a SplitWeights,
    pub(super) soft: bool,
}

impl Proposals<'_> {
    /// A change by chance; none where the one drawn is impossible.
    pub(super) fn draw(&self, tree: &Tree, random: &mut impl Rng) -> Option<Move> {
        let kind: f64 = if tree.twigs().is_empty() {
            0.0
        } else {
            random.r#gen()
        };
        if kind < GROW {
            let leaf = one_of(tree.leaves(), random);
            let split = self.split_below(tree, leaf, random)?;
            return (tree.leaves().len() < MOST_LEAVES).then_some(Move::Grow { leaf, split });
        }
        let twig = one_of(tree.twigs(), random);
        if kind < GROW + PRUNE {
            return Some(Move::Prune { twig });
        }
        let split = self.split_below(tree, twig, random)?;
        Some(Move::Change { twig, split })
    }

    /// A split of a node from its prior: a variable by weight, and a rule of it that the node's own splits above
    /// leave possible, each as likely as the others.
    fn split_below(&self, tree: &Tree, node: NodeId, random: &mut impl Rng) -> Option<Split> {
        let index = self.weights.draw_variable(random);
        let variable = index as u16;
        match &self.variables[index] {
            VariableCodes::Number { values, .. } => {
                let last = values.len() as u16 - 1;
                let (lowest, highest) = ranks_at(tree, node, variable, last);
                if lowest >= highest {
                    return None;
                }
                let below = random.gen_range(lowest..highest);
                let share = if self.soft {
                    WIDTHS[random.gen_range(0..WIDTHS.len())]
                } else {
                    0.0
                };
                Some(Split::Ramp {
                    variable,
                    below,
                    width: (share * f32::from(last)).max(1.0),
                })
            }
            levels @ VariableCodes::Factor { .. } => {
                Some(Split::Levels {
                    variable,
                    right: (0..levels.words()).map(|_| random.r#gen()).collect(),
                })
            }
        }
    }
}

/// The lowest and the highest rank of a variable of rows that a node has a share of.
fn ranks_at(tree: &Tree, node: NodeId, variable: u16, last: u16) -> (u16, u16) {
    let (mut lowest, mut highest) = (0, last);
    for (split, on_right) in tree.splits_above(node) {
        if let Split::Ramp {
            variable: other,
            below,
            width,
        } = split
            && *other == variable
        {
            let middle = f32::from(*below) + 0.5;
            let (begins, ends) = (middle - width / 2.0, middle + width / 2.0);
            if on_right && begins >= 0.0 {
                lowest = lowest.max(begins.floor() as u16 + 1);
            }
            if !on_right {
                highest = highest.min(ends.ceil() as u16 - 1);
            }
        }
    }
    (lowest, highest)
}

fn one_of(nodes: &[NodeId], random: &mut impl Rng) -> NodeId {
    nodes[random.gen_range(0..nodes.len())]
}
