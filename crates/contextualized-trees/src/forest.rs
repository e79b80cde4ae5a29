//! Draws of trees as a fitted model keeps them.

use crate::codes::{ContextCodes, VariableCodes};
use crate::sampler::{NodeId, ROOT, Rule, Split, Tree, send_right};
use contextualized_core::{Error, Result};
use contextualized_solvers::vectorized;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The trees of every coefficient in every draw, in units of the fit.
///
/// A tree is its nodes, each before its left and then its right part. A node is one number: 16 bits that are 0 for a
/// leaf and one more than the variable for a split, 16 bits of the rank below a ramp, and 32 bits of a floating-point
/// number, the value of a leaf or the width of a ramp. For a factor the latter are the place of the levels that go
/// right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Forest {
    coefficients: usize,
    nodes: Vec<u64>,
    /// Where the nodes of each coefficient in each draw end.
    ends: Vec<usize>,
    /// Sets of levels, 64 to a word.
    levels: Vec<u64>,
}

/// A node as it is read.
#[derive(Clone, Copy)]
enum Node<'a> {
    Leaf(f32),
    Split { variable: usize, rule: Rule<'a> },
}

/// Rows that are worked on at a time.
const BLOCK: usize = 512;

impl Forest {
    pub(crate) fn new(coefficients: usize) -> Self {
        Self {
            coefficients,
            nodes: Vec::new(),
            ends: Vec::new(),
            levels: Vec::new(),
        }
    }

    pub(crate) fn coefficients(&self) -> usize {
        self.coefficients
    }

    pub(crate) fn draws(&self) -> usize {
        self.ends.len() / self.coefficients.max(1)
    }

    /// Adds the trees of the next coefficient; those without a split are part of its constant.
    pub(crate) fn push<'a>(&mut self, constant: f64, trees: impl Iterator<Item = &'a Tree>) {
        let mut constant = constant;
        for tree in trees {
            let root = tree.node(ROOT);
            if root.split.is_some() {
                self.push_node(tree, ROOT);
            } else {
                constant += root.value;
            }
        }
        self.nodes.push(packed(0, 0, (constant as f32).to_bits()));
        self.ends.push(self.nodes.len());
    }

    fn push_node(&mut self, tree: &Tree, id: NodeId) {
        let node = tree.node(id);
        let Some(split) = &node.split else {
            self.nodes.push(packed(0, 0, (node.value as f32).to_bits()));
            return;
        };
        self.nodes.push(match split {
            Split::Ramp {
                variable,
                below,
                width,
                ..
            } => packed(variable + 1, *below, width.to_bits()),
            Split::Levels { variable, right } => {
                let place = self.levels.len() as u32;
                self.levels.extend_from_slice(right);
                packed(variable + 1, 0, place)
            }
        });
        for child in node.children {
            self.push_node(tree, child);
        }
    }

    /// Adds the draws of another forest of the same coefficients.
    pub(crate) fn append(&mut self, other: &Self, contexts: &ContextCodes) {
        let (nodes, levels) = (self.nodes.len(), self.levels.len() as u64);
        self.nodes.extend(other.nodes.iter().map(|&node| {
            let is_factor = split_variable(node).is_some_and(|variable| {
                matches!(contexts.variables()[variable], VariableCodes::Factor { .. })
            });
            node + if is_factor { levels << 32 } else { 0 }
        }));
        self.levels.extend_from_slice(&other.levels);
        self.ends.extend(other.ends.iter().map(|end| end + nodes));
    }

    fn nodes_of(&self, draw: usize, coefficient: usize) -> Range<usize> {
        let at = draw * self.coefficients + coefficient;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        start..self.ends[at]
    }

    /// A coefficient of a draw at rows of these ranks and levels, by variable.
    pub(crate) fn coefficient(
        &self,
        draw: usize,
        coefficient: usize,
        contexts: &ContextCodes,
        positions: &[Vec<f32>],
        values: &mut [f64],
    ) {
        values.fill(0.0);
        let nodes = self.nodes_of(draw, coefficient);
        let rows = values.len();
        vectorized(
            #[inline(always)]
            || {
                // The shares of the rows in parts of a tree that are still to come, the next one last.
                let mut parts: Vec<[f32; BLOCK]> = Vec::new();
                for start in (0..rows).step_by(BLOCK) {
                    let block = start..rows.min(start + BLOCK);
                    let values = &mut values[block.clone()];
                    for at in nodes.clone() {
                        let shares = parts.pop().unwrap_or([1.0; BLOCK]);
                        match self.node(at, contexts) {
                            Node::Leaf(value) => {
                                for (sum, share) in values.iter_mut().zip(&shares) {
                                    *sum += f64::from(value * share);
                                }
                            }
                            Node::Split { variable, rule } => {
                                let (mut left, mut right) = (shares, shares);
                                let own = &mut right[..block.len()];
                                send_right(rule, &positions[variable][block.clone()], own);
                                for (left, right) in left.iter_mut().zip(&right) {
                                    *left -= right;
                                }
                                parts.push(right);
                                parts.push(left);
                            }
                        }
                    }
                }
            },
        );
    }

    fn node(&self, at: usize, contexts: &ContextCodes) -> Node<'_> {
        let node = self.nodes[at];
        let number = (node >> 32) as u32;
        let Some(variable) = split_variable(node) else {
            return Node::Leaf(f32::from_bits(number));
        };
        let rule = match &contexts.variables()[variable] {
            VariableCodes::Number { .. } => Rule::Ramp {
                below: (node >> 16) as u16,
                width: f32::from_bits(number),
            },
            factor @ VariableCodes::Factor { .. } => {
                Rule::Levels(&self.levels[number as usize..number as usize + factor.words()])
            }
        };
        Node::Split { variable, rule }
    }

    /// Whether all trees are whole and ask for what there is.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] that says what is wrong.
    pub(crate) fn check(&self, contexts: &ContextCodes) -> Result<()> {
        let refused = |what: String, requirement: &str| {
            Err(Error::invalid_parameter("trees", what, requirement))
        };
        let whole = self.coefficients > 0
            && !self.ends.is_empty()
            && self.ends.len().is_multiple_of(self.coefficients)
            && self.ends.is_sorted_by(|a, b| a < b)
            && self.ends.first().is_some_and(|end| *end > 0)
            && self.ends.last() == Some(&self.nodes.len());
        if !whole {
            let what = format!(
                "{} coefficients in {} parts",
                self.coefficients,
                self.ends.len()
            );
            return refused(what, "the same coefficients in every draw");
        }
        let mut start = 0;
        for &end in &self.ends {
            // Parts of a tree that are still to come; no more are needed at the end.
            let mut missing = 0_usize;
            for at in start..end {
                missing = missing.max(1) - 1;
                missing += 2 * usize::from(self.check_node(self.nodes[at], contexts)?);
            }
            if missing > 0 {
                return refused(format!("cut off at node {end}"), "whole");
            }
            start = end;
        }
        Ok(())
    }

    /// Whether a node is a split, if it is possible.
    fn check_node(&self, node: u64, contexts: &ContextCodes) -> Result<bool> {
        let number = (node >> 32) as u32;
        let Some(variable) = split_variable(node) else {
            let value = f32::from_bits(number);
            return if value.is_finite() {
                Ok(false)
            } else {
                Err(Error::invalid_parameter("value of a leaf", value, "finite"))
            };
        };
        let possible = match contexts.variables().get(variable) {
            Some(VariableCodes::Number { .. }) => {
                let width = f32::from_bits(number);
                width.is_finite() && width >= 1.0
            }
            Some(factor @ VariableCodes::Factor { .. }) => {
                number as usize + factor.words() <= self.levels.len()
            }
            None => false,
        };
        if possible {
            Ok(true)
        } else {
            let requirement = "by a variable of the contexts";
            Err(Error::invalid_parameter(
                "split",
                format!("{node:#x}"),
                requirement,
            ))
        }
    }
}

fn packed(kind: u16, rank: u16, number: u32) -> u64 {
    u64::from(kind) | u64::from(rank) << 16 | u64::from(number) << 32
}

/// The variable that a stored node asks for, if it is a split.
fn split_variable(node: u64) -> Option<usize> {
    usize::from(node as u16).checked_sub(1)
}
