//! Normal distributions of standardised nodes, with the nodes' units.

use contextualized_core::{NodeNormal, Result, Standardization};
use contextualized_solvers::Normal;

/// The distribution of nodes that are normal once they are standardised.
pub(crate) fn in_units(normal: Normal, scaling: &Standardization) -> Result<NodeNormal> {
    let (mean, precision, log_determinant) = normal.into_parts();
    NodeNormal::new(scaling, mean, precision, log_determinant)
}
