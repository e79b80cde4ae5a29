//! What is known of the edges beforehand.

use contextualized_core::{Error, Result};
use contextualized_solvers::is_acyclic;
use ndarray::Array2;

/// Edges that must or must not be there, and the order of the nodes if it is known.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Constraints {
    pub(crate) forbidden: Vec<(usize, usize)>,
    pub(crate) required: Vec<(usize, usize)>,
    pub(crate) order: Option<Vec<usize>>,
}

impl Constraints {
    /// Checks that they can be met by a graph of so many nodes.
    pub(crate) fn validate(&self, nodes: usize) -> Result<()> {
        let invalid = |parameter, (from, to): &(usize, usize), requirement: String| {
            let edge = format!("from {from} to {to}");
            Err(Error::invalid_parameter(parameter, edge, requirement))
        };
        for (parameter, edges) in [
            ("forbidden edge", &self.forbidden),
            ("required edge", &self.required),
        ] {
            let wrong = |(from, to): &&(usize, usize)| from == to || *from.max(to) >= nodes;
            if let Some(edge) = edges.iter().find(wrong) {
                let requirement = format!("between two different nodes below {nodes}");
                return invalid(parameter, edge, requirement);
            }
        }
        let mut required = self.required.iter();
        if let Some(edge) = required.find(|edge| self.forbidden.contains(edge)) {
            return invalid("required edge", edge, "one that is not forbidden".into());
        }
        if let Some(order) = &self.order {
            check_order(order, nodes)?;
            let place = |node| order.iter().position(|&other| other == node);
            let back = |(from, to): &&(usize, usize)| place(*from) > place(*to);
            if let Some(edge) = self.required.iter().find(back) {
                let requirement = "one that leads forward in the order";
                return invalid("required edge", edge, requirement.into());
            }
        }
        match is_acyclic(self.precedence(nodes).view()) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::invalid_parameter(
                "required edges",
                "cyclic",
                "without a cycle",
            )),
            Err(error) => Err(Error::numerical("the check of required edges", error)),
        }
    }

    /// One where a node has to come before another.
    pub(crate) fn precedence(&self, nodes: usize) -> Array2<f64> {
        let mut before = Array2::zeros((nodes, nodes));
        for &(from, to) in &self.required {
            before[[from, to]] = 1.0;
        }
        before
    }

    pub(crate) fn allows(&self, from: usize, to: usize) -> bool {
        from != to && !self.forbidden.contains(&(from, to))
    }

    pub(crate) fn requires(&self, from: usize, to: usize) -> bool {
        self.required.contains(&(from, to))
    }
}

/// Whether every node stands once in an order.
pub(super) fn check_order(order: &[usize], nodes: usize) -> Result<()> {
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    if sorted.into_iter().eq(0..nodes) {
        return Ok(());
    }
    Err(Error::invalid_parameter(
        "order",
        format!("{order:?}"),
        format!("each of the nodes 0 to {} once", nodes.saturating_sub(1)),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contradictions_are_named() {
        let message = |constraints: Constraints| constraints.validate(3).unwrap_err().to_string();
        let required = |required: &[(usize, usize)]| Constraints {
            required: required.to_vec(),
            ..Constraints::default()
        };
        assert!(required(&[(0, 1), (1, 2), (0, 2)]).validate(3).is_ok());
        assert!(message(required(&[(0, 3)])).contains("from 0 to 3"));
        assert!(message(required(&[(1, 1)])).contains("two different nodes"));
        assert!(message(required(&[(0, 1), (1, 2), (2, 0)])).contains("without a cycle"));
        let both = Constraints {
            forbidden: vec![(0, 1)],
            ..required(&[(0, 1)])
        };
        assert!(message(both).contains("not forbidden"));
        let order = |order: &[usize]| Constraints {
            order: Some(order.to_vec()),
            ..required(&[(0, 1)])
        };
        assert!(order(&[2, 0, 1]).validate(3).is_ok());
        assert!(message(order(&[2, 0, 0])).contains("[2, 0, 0]"));
        assert!(message(order(&[2, 1, 0])).contains("forward"));
    }
}
