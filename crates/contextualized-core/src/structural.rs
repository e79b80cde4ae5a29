//! The shared question for directed networks: which node follows from which, and how closely.

use crate::{NetworkDensity, Result, StructuralEquations};
use ndarray::{Array1, Array2, ArrayView2};

/// A fitted model of one directed acyclic network per context: [`StructuralEquations`].
///
/// [`crate::VaryingNetworks::networks`] are their weights W, with the edge from node i to node j in row
/// i, column j, and without a cycle; [`NetworkDensity::distributions`] are the equations, so that
/// [`NetworkDensity::reconstruct`] is m + x W.
pub trait StructuralNetworks: NetworkDensity {
    /// The equations at every row of contexts (n × c).
    ///
    /// # Errors
    ///
    /// [`crate::Error::ColumnCount`], [`crate::Error::NotFinite`].
    fn equations(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<StructuralEquations>>;

    /// The intercepts m (n × p) at every row of contexts (n × c).
    ///
    /// # Errors
    ///
    /// Those of [`StructuralNetworks::equations`].
    fn intercepts(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        Ok(table(self.equations(contexts)?, |row| row.intercepts))
    }

    /// The noise variances v (n × p), all above zero, at every row of contexts (n × c).
    ///
    /// # Errors
    ///
    /// Those of [`StructuralNetworks::equations`].
    fn noise_variances(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        Ok(table(self.equations(contexts)?, |row| row.noise_variances))
    }
}
fn table(
    equations: Vec<StructuralEquations>,
    part: impl Fn(StructuralEquations) -> Array1<f64>,
) -> Array2<f64> {
    let nodes = equations.first().map_or(0, |row| row.intercepts.len());
    let mut table = Array2::zeros((equations.len(), nodes));
    for (mut row, equations) in table.rows_mut().into_iter().zip(equations) {
        row.assign(&part(equations));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, NetworkKind, Networks, NodeDistribution, VaryingNetworks};
    use approx::assert_relative_eq;
    use ndarray::array;

    /// 0 → 1 with weight 2, an intercept of one in node 1, variances 1 and 4.
    struct Pair;

    impl VaryingNetworks for Pair {
        fn kind(&self) -> NetworkKind {
            NetworkKind::Directed
        }

        fn networks(&self, contexts: ArrayView2<'_, f64>) -> Result<Networks> {
            Networks::constant(array![[0.0, 2.0], [0.0, 0.0]].view(), contexts.nrows())
        }
    }

    impl NetworkDensity for Pair {
        fn distributions(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<NodeDistribution>> {
            let equations = self.equations(contexts)?.into_iter();
            Ok(equations.map(NodeDistribution::Structural).collect())
        }
    }

    impl StructuralNetworks for Pair {
        fn equations(&self, contexts: ArrayView2<'_, f64>) -> Result<Vec<StructuralEquations>> {
            let equations = StructuralEquations {
                weights: array![[0.0, 2.0], [0.0, 0.0]],
                intercepts: array![0.0, 1.0],
                noise_variances: array![1.0, 4.0],
            };
            Ok(vec![equations; contexts.nrows()])
        }
    }

    #[test]
    fn tables_have_a_row_a_context() {
        let contexts = array![[0.0], [1.0]];
        let intercepts = Pair.intercepts(contexts.view()).unwrap();
        assert_eq!(intercepts, array![[0.0, 1.0], [0.0, 1.0]]);
        let variances = Pair.noise_variances(contexts.view()).unwrap();
        assert_eq!(variances, array![[1.0, 4.0], [1.0, 4.0]]);
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
