//! The shared question for directed networks: which node follows from which, and how closely.

use crate::validate::{check_finite, check_query};
use crate::{NetworkDensity, Result};
use ndarray::{Array1, Array2, ArrayView2, Axis};

/// A fitted model of one directed acyclic network per context: linear structural equations.
///
/// ```text
/// x_j = m_j(c) + Σᵢ W_ij(c) x_i + ε_j,    ε_j ~ N(0, v_j(c)), independent
/// ```
///
/// [`crate::VaryingNetworks::networks`] are W, with the edge from node i to node j in row i, column j, and
/// without a cycle; [`crate::VaryingNetworks::reconstruct`] is m + x W.
pub trait StructuralNetworks: NetworkDensity {
    /// The intercepts m (n × p) at every row of contexts (n × c).
    ///
    /// # Errors
    ///
    /// [`crate::Error::ColumnCount`], [`crate::Error::NotFinite`].
    fn offsets(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>>;

    /// The noise variances v (n × p), all above zero, at every row of contexts (n × c).
    ///
    /// # Errors
    ///
    /// [`crate::Error::ColumnCount`], [`crate::Error::NotFinite`].
    fn noise_variances(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>>;

    /// The logarithm of the density of every row (n), `−½ Σ_j [ln(2π v_j) + (x_j − x̂_j)² / v_j]`: the
    /// determinant of I − W is one. What [`NetworkDensity::log_densities`] is for these models.
    ///
    /// # Errors
    ///
    /// [`crate::Error::ColumnCount`], [`crate::Error::RowCount`], [`crate::Error::NotFinite`], where a
    /// square overflows, too.
    fn structural_log_densities(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array1<f64>> {
        let variances = self.noise_variances(contexts)?;
        check_query(contexts, contexts.ncols(), features, variances.ncols())?;
        let residuals = &features - &self.reconstruct(contexts, features)?;
        let rows = residuals.rows().into_iter().zip(variances.rows());
        let densities: Array1<f64> = rows
            .map(|(residuals, variances)| gaussian(residuals.iter().zip(variances)))
            .collect();
        check_finite("log-densities", densities.view().insert_axis(Axis(1)))?;
        Ok(densities)
    }
}

fn gaussian<'a>(pairs: impl Iterator<Item = (&'a f64, &'a f64)>) -> f64 {
    pairs
        .map(|(residual, variance)| {
            -0.5 * ((std::f64::consts::TAU * variance).ln() + residual * residual / variance)
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, NetworkKind, Networks, VaryingNetworks};
    use approx::assert_relative_eq;
    use ndarray::{Array3, array};

    /// 0 → 1 with weight 2, an intercept of one in node 1, variances 1 and 4.
    struct Pair;

    impl VaryingNetworks for Pair {
        fn kind(&self) -> NetworkKind {
            NetworkKind::Directed
        }

        fn networks(&self, contexts: ArrayView2<'_, f64>) -> Result<Networks> {
            let mut edges = Array3::zeros((contexts.nrows(), 2, 2));
            edges.slice_mut(ndarray::s![.., 0, 1]).fill(2.0);
            Networks::new(edges)
        }

        fn reconstruct(
            &self,
            contexts: ArrayView2<'_, f64>,
            features: ArrayView2<'_, f64>,
        ) -> Result<Array2<f64>> {
            let mut reconstruction = self.offsets(contexts)?;
            reconstruction
                .column_mut(1)
                .scaled_add(2.0, &features.column(0));
            Ok(reconstruction)
        }
    }

    impl NetworkDensity for Pair {
        fn log_densities(
            &self,
            contexts: ArrayView2<'_, f64>,
            features: ArrayView2<'_, f64>,
        ) -> Result<Array1<f64>> {
            self.structural_log_densities(contexts, features)
        }
    }

    impl StructuralNetworks for Pair {
        fn offsets(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
            Ok(Array2::from_shape_fn((contexts.nrows(), 2), |(_, node)| {
                node as f64
            }))
        }

        fn noise_variances(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
            Ok(Array2::from_shape_fn((contexts.nrows(), 2), |(_, node)| {
                1.0 + 3.0 * node as f64
            }))
        }
    }

    #[test]
    fn density_and_errors_by_hand() {
        let (contexts, features) = (array![[0.0]], array![[1.0, 5.0]]);
        // Residuals 1 and 5 − 1 − 2 = 2.
        let expected = -std::f64::consts::TAU.ln() - 0.5 * 4.0_f64.ln() - 0.5 * (1.0 + 1.0);
        let density = Pair
            .log_densities(contexts.view(), features.view())
            .unwrap();
        assert_relative_eq!(density[0], expected, max_relative = 1e-14);
        assert!(matches!(
            Pair.log_densities(contexts.view(), array![[1.0]].view()),
            Err(Error::ColumnCount { .. })
        ));
        let far = array![[1e200, 0.0]];
        assert!(Pair.log_densities(contexts.view(), far.view()).is_err());
    }
}
