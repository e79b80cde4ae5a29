//! The shared question for undirected networks: which nodes depend on each other given all others.

use crate::{Error, NetworkDensity, Networks, Result};
use ndarray::{Array3, ArrayView2, Zip};

/// A fitted model of one precision matrix per context: the inverse of a covariance matrix, symmetric
/// and positive definite.
pub trait MarkovNetworks: NetworkDensity {
    /// The [`partial_correlations`] at every row of contexts (n × p × p).
    ///
    /// # Errors
    ///
    /// Those of [`crate::VaryingNetworks::networks`].
    fn partial_correlations(&self, contexts: ArrayView2<'_, f64>) -> Result<Array3<f64>> {
        partial_correlations(&self.networks(contexts)?)
    }

    /// Which pairs of nodes have a partial correlation above `threshold` in absolute value, at every
    /// row of contexts (n × p × p); the diagonal is false. With a threshold of zero these are the
    /// entries that are not exactly zero.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a threshold outside [0, 1), and those of
    /// [`crate::VaryingNetworks::networks`].
    fn edges(&self, contexts: ArrayView2<'_, f64>, threshold: f64) -> Result<Array3<bool>> {
        if !(0.0..1.0).contains(&threshold) {
            return Err(Error::invalid_parameter(
                "threshold",
                threshold,
                "at least 0 and below 1",
            ));
        }
        let partial = self.partial_correlations(contexts)?;
        let mut edges = Array3::from_elem(partial.dim(), false);
        Zip::indexed(&mut edges)
            .and(&partial)
            .for_each(|(_, i, j), edge, value| *edge = i != j && value.abs() > threshold);
        Ok(edges)
    }
}

/// The partial correlations of precision matrices Ω (n × p × p): `−Ωᵢⱼ / √(Ωᵢᵢ Ωⱼⱼ)`, the correlation
/// of two nodes given all others, with ones on the diagonal.
///
/// # Errors
///
/// [`Error::InvalidParameter`] for a matrix whose diagonal is not positive, naming its row.
///
/// ```
/// use contextualized_core::{Networks, partial_correlations};
/// use ndarray::array;
///
/// let precisions = Networks::new(array![[[4.0, -1.0], [-1.0, 1.0]]])?;
/// assert_eq!(partial_correlations(&precisions)?, array![[[1.0, 0.5], [0.5, 1.0]]]);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
pub fn partial_correlations(precisions: &Networks) -> Result<Array3<f64>> {
    let precisions = precisions.edges();
    let mut partial = Array3::zeros(precisions.dim());
    for ((row, i, j), out) in partial.indexed_iter_mut() {
        let (own, other) = (precisions[[row, i, i]], precisions[[row, j, j]]);
        if own <= 0.0 {
            return Err(Error::invalid_parameter(
                "precisions",
                format!("{own} on the diagonal of row {}, node {}", row + 1, i + 1),
                "positive definite",
            ));
        }
        *out = if i == j {
            1.0
        } else {
            -precisions[[row, i, j]] / own.sqrt() / other.sqrt()
        };
    }
    Ok(partial)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_diagonal_that_is_not_positive_is_named() {
        let networks = Networks::new(array![[[1.0, 0.0], [0.0, 0.0]]]).unwrap();
        let error = partial_correlations(&networks).unwrap_err();
        assert_eq!(
            error.to_string(),
            "precisions is 0 on the diagonal of row 1, node 2, but must be positive definite"
        );
    }
}
