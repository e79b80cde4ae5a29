//! How often bootstraps find an edge.

use super::Ensemble;
use super::members::mean;
use super::networks::{flat, unflat};
use contextualized_core::{
    Error, NetworkKind, Networks, Result, VaryingNetworks, partial_correlations,
};
use ndarray::{Array2, Array3, ArrayView2, s};

/// What the members of an ensemble say of every pair of nodes, in tables of contexts × p × p.
///
/// An edge is a correlation, a partial correlation where the networks are precisions, or a directed
/// weight; it is present where it exceeds a threshold in absolute value. The diagonal is no edge, and
/// zero in all tables.
#[derive(Debug, Clone, PartialEq)]
pub struct EdgeStability {
    /// Share of members in which the edge is present.
    pub present: Array3<f64>,
    /// Share of members in which it is present with the more frequent of its signs: at most
    /// [`EdgeStability::present`], and equal to it where all agree.
    pub same_sign: Array3<f64>,
    /// Mean weight.
    pub mean: Array3<f64>,
    /// Lower ends of percentile intervals of the weight.
    pub lower: Array3<f64>,
    /// Upper ends.
    pub upper: Array3<f64>,
    /// Of directed networks, the share of members in which an edge joins the two nodes in either
    /// direction.
    pub either_direction: Option<Array3<f64>>,
}

impl<M: VaryingNetworks> Ensemble<M> {
    /// How often, with what sign and what weight each edge is found at every row of contexts (n × c).
    ///
    /// Members' networks are made for blocks of contexts, so that beside the tables returned little
    /// memory is needed; many contexts can be asked for in parts.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a threshold below 0 or not finite, and for a level outside
    /// (0, 1) or too fine for the number of members; those of [`VaryingNetworks::networks`].
    pub fn edge_stability(
        &self,
        contexts: ArrayView2<'_, f64>,
        threshold: f64,
        level: f64,
    ) -> Result<EdgeStability> {
        if !(threshold.is_finite() && threshold >= 0.0) {
            return Err(Error::invalid_parameter(
                "threshold",
                threshold,
                "a finite number of at least 0",
            ));
        }
        let percentiles = self.percentiles(level)?;
        let tables = self.summarized(
            contexts.nrows(),
            |model, rows| edges(model, contexts.slice(s![rows, ..])),
            |values: &mut [f64]| {
                let share = |count: usize| count as f64 / values.len() as f64;
                let positive = values.iter().filter(|value| **value > threshold).count();
                let negative = values.iter().filter(|value| **value < -threshold).count();
                let (present, same) = (share(positive + negative), share(positive.max(negative)));
                let center = mean(values);
                let [lower, upper] = percentiles.ends(values);
                [present, same, center, lower, upper]
            },
        )?;
        let of_pairs = |table: Array2<f64>| {
            let mut edges = unflat(table)?;
            for mut network in edges.outer_iter_mut() {
                network.diag_mut().fill(0.0);
            }
            Ok::<_, Error>(edges)
        };
        let [present, same_sign, mean, lower, upper] = tables.map(of_pairs);
        let present = present?;
        let reversed = present.view().permuted_axes([0, 2, 1]);
        Ok(EdgeStability {
            // An acyclic network has at most one of the two directions.
            either_direction: self.kind().is_directed().then(|| &present + &reversed),
            same_sign: same_sign?,
            mean: mean?,
            lower: lower?,
            upper: upper?,
            present,
        })
    }
}

/// A member's edges, rows × p².
fn edges(model: &impl VaryingNetworks, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let networks = model.networks(contexts)?;
    match model.kind() {
        NetworkKind::Precision => flat(&Networks::new(partial_correlations(&networks)?)?),
        NetworkKind::Correlation | NetworkKind::Directed => flat(&networks),
    }
}
