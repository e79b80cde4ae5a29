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
    /// Gives a node that has splits below it another split.
    Shift { node: NodeId, split: Split },
}

/// Probabilities of proposing to grow and to prune a tree that has a split, and to replace a twig's split by any other;
/// else the split of any node is replaced by one like it.
const GROW: f64 = 0.25;
const PRUNE: f64 = 0.25;
const REPLACE: f64 = 0.25;

/// A split is moved by at most one in so many of the ranks there are.
const FARTHEST_SHARE: u16 = 20;

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
            let split = self.split_at(tree, leaf, None, random)?;
            return (tree.leaves().len() < MOST_LEAVES).then_some(Move::Grow { leaf, split });
        }
        if kind >= GROW + PRUNE + REPLACE {
            // As many nodes have a split before and after.
            let nodes: Vec<NodeId> = tree.splits().collect();
            let node = one_of(&nodes, random);
            let split = self.split_near(tree, node, tree.node(node).split.as_ref()?, random)?;
            return Some(if tree.twigs().contains(&node) {
                Move::Change { twig: node, split }
            } else {
                Move::Shift { node, split }
            });
        }
        let twig = one_of(tree.twigs(), random);
        if kind < GROW + PRUNE {
            return Some(Move::Prune { twig });
        }
        let before = tree.node(twig).split.as_ref()?;
        let split = self.split_at(tree, twig, Some(before), random)?;
        Some(Move::Change { twig, split })
    }

    /// A split of a node from its prior given all others but `without`: a variable by weight, and any rule of it that
    /// the splits above the node leave possible.
    pub(super) fn split_at(
        &self,
        tree: &Tree,
        node: NodeId,
        without: Option<&Split>,
        random: &mut impl Rng,
    ) -> Option<Split> {
        let index = self
            .weights
            .variables
            .draw(without.map(Split::variable), random);
        let variable = index as u16;
        match &self.variables[index] {
            VariableCodes::Number { values, .. } => {
                let last = values.len() as u16 - 1;
                let (lowest, highest) = ranks_at(tree, node, variable, last);
                if lowest >= highest {
                    return None;
                }
                let below = random.gen_range(lowest..highest);
                let width_class = self.width_class(without, random);
                Some(ramp(variable, below, width_class, last))
            }
            levels @ VariableCodes::Factor { .. } => Some(Split::Levels {
                variable,
                right: (0..levels.words()).map(|_| random.r#gen()).collect(),
            }),
        }
    }

    /// A split like another: moved by some ranks, or of another width; of a factor with one level on the other side.
    fn split_near(
        &self,
        tree: &Tree,
        node: NodeId,
        before: &Split,
        random: &mut impl Rng,
    ) -> Option<Split> {
        let last = self.variables[before.variable()].observed_codes() as u16 - 1;
        match before {
            Split::Ramp {
                variable,
                below,
                width_class,
                ..
            } => {
                if self.soft && random.r#gen() {
                    let width_class = self.width_class(Some(before), random);
                    return Some(ramp(*variable, *below, width_class, last));
                }
                let farthest = i32::from(last / FARTHEST_SHARE).max(1);
                let to = i32::from(*below) + random.gen_range(-farthest..=farthest);
                let (lowest, highest) = ranks_at(tree, node, *variable, last);
                let possible = i32::from(lowest) <= to && to < i32::from(highest);
                possible.then(|| ramp(*variable, to as u16, *width_class, last))
            }
            Split::Levels { variable, right } => {
                let level = random.gen_range(0..=last);
                let mut right = right.clone();
                right[usize::from(level / 64)] ^= 1 << (level % 64);
                Some(Split::Levels {
                    variable: *variable,
                    right,
                })
            }
        }
    }

    /// The class of a width by its probability given all others but that of one split.
    fn width_class(&self, without: Option<&Split>, random: &mut impl Rng) -> u8 {
        if !self.soft {
            return 0;
        }
        let without = match without {
            Some(Split::Ramp { width_class, .. }) => Some(usize::from(*width_class)),
            Some(Split::Levels { .. }) | None => None,
        };
        self.weights.widths.draw(without, random) as u8
    }
}

fn ramp(variable: u16, below: u16, width_class: u8, last: u16) -> Split {
    Split::Ramp {
        variable,
        below,
        width_class,
        width: (WIDTHS[usize::from(width_class)] * f32::from(last)).max(1.0),
    }
}

/// The logarithm of the number of rules that splits below a node may have by their variables and those above them;
/// none if one has a rule that it may not have.
pub(super) fn log_choices_below(
    tree: &Tree,
    node: NodeId,
    variables: &[VariableCodes],
) -> Option<f64> {
    let mut sum = 0.0;
    for below in tree.splits() {
        if let Some(Split::Ramp {
            variable,
            below: rank,
            ..
        }) = &tree.node(below).split
            && below != node
            && tree.is_within(below, node)
        {
            let last = variables[usize::from(*variable)].observed_codes() as u16 - 1;
            let (lowest, highest) = ranks_at(tree, below, *variable, last);
            if !(lowest..highest).contains(rank) {
                return None;
            }
            sum += f64::from(highest - lowest).ln();
        }
    }
    Some(sum)
}

/// The lowest and the highest rank of a variable of rows that a node has a share of.
fn ranks_at(tree: &Tree, node: NodeId, variable: u16, last: u16) -> (u16, u16) {
    let (mut lowest, mut highest) = (0, last);
    for (split, on_right) in tree.splits_above(node) {
        if let Split::Ramp {
            variable: other,
            below,
            width,
            ..
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
