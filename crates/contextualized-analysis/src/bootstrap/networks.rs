//! An ensemble of network models is a network model.

use super::Ensemble;
use super::members::mean;
use contextualized_core::validate::check_rows;
use contextualized_core::{Error, NetworkDensity, NetworkKind, Networks, Result, VaryingNetworks};
use contextualized_solvers::{Projection, acyclic_part};
use ndarray::{Array2, Array3, ArrayView2, s};

/// Networks as one table, rows × p².
pub(super) fn flat(networks: &Networks) -> Result<Array2<f64>> {
    let (rows, nodes) = (networks.rows(), networks.nodes());
    Ok(networks
        .edges()
        .to_shape((rows, nodes * nodes))
        .map_err(|source| Error::numerical("arranging networks", source))?
        .into_owned())
}

/// The inverse of [`flat`].
pub(super) fn unflat(table: Array2<f64>) -> Result<Array3<f64>> {
    let (rows, entries) = table.dim();
    let nodes = entries.isqrt();
    table
        .into_shape_with_order((rows, nodes, nodes))
        .map_err(|source| Error::numerical("arranging networks", source))
}

impl<M: VaryingNetworks> VaryingNetworks for Ensemble<M> {
    fn kind(&self) -> NetworkKind {
        self.original.kind()
    }

    /// The mean over members; of directed networks its acyclic part of largest weight.
    fn networks(&self, contexts: ArrayView2<'_, f64>) -> Result<Networks> {
        let [means] = self.summarized(
            contexts.nrows(),
            |model, rows| flat(&model.networks(contexts.slice(s![rows, ..]))?),
            |values: &mut [f64]| [mean(values)],
        )?;
        let mut edges = unflat(means)?;
        if self.kind().is_directed() {
            for mut network in edges.outer_iter_mut() {
                let part = acyclic_part(network.view(), Projection::Auto)
                    .map_err(|source| Error::numerical("the acyclic part of a mean", source))?;
                network.assign(&part.weights);
            }
        }
        Networks::new(edges)
    }
}

impl<M: NetworkDensity> Ensemble<M> {
    /// The mean of the members' reconstructions (n × p), not the reconstruction by the mean of networks:
    /// every member's network with its own intercepts.
    ///
    /// # Errors
    ///
    /// Those of [`NetworkDensity::reconstruct`].
    pub fn reconstruct(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        check_rows("features", contexts.nrows(), features.nrows())?;
        let [means] = self.summarized(
            contexts.nrows(),
            |model, rows| {
                model.reconstruct(
                    contexts.slice(s![rows.clone(), ..]),
                    features.slice(s![rows, ..]),
                )
            },
            |values: &mut [f64]| [mean(values)],
        )?;
        Ok(means)
    }
}
