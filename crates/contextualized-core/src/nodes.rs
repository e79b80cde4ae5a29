//! Distributions of the nodes at one context.

use crate::validate::{check_finite, check_rows, check_table};
use crate::{Result, Standardization};
use ndarray::{Array1, Array2, ArrayView1, Axis};

/// The distribution of the p nodes of a network at one context.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeDistribution {
    /// All nodes jointly.
    Normal(NodeNormal),
    /// Every node given its parents.
    Structural(StructuralEquations),
}

impl NodeDistribution {
    /// Number of nodes.
    pub fn nodes(&self) -> usize {
        match self {
            Self::Normal(normal) => normal.mean.len(),
            Self::Structural(equations) => equations.intercepts.len(),
        }
    }

    /// The conditional mean of every node: given all others, or of structural equations given its
    /// parents.
    pub(crate) fn conditional_means(&self, row: ArrayView1<'_, f64>) -> Array1<f64> {
        match self {
            Self::Normal(normal) => normal.given_others(row),
            Self::Structural(equations) => equations.given_parents(row),
        }
    }

    /// The logarithm of the density of a row of nodes.
    pub(crate) fn log_density(&self, row: ArrayView1<'_, f64>) -> f64 {
        match self {
            Self::Normal(normal) => normal.log_density(row),
            Self::Structural(equations) => equations.log_density(row),
        }
    }
}

/// A normal distribution of p nodes: mean and precision of standardised nodes, and their units.
///
/// Nodes are standardised before they are compared with it, so that units and origins cost no
/// accuracy.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeNormal {
    scaling: Standardization,
    mean: Array1<f64>,
    precision: Array2<f64>,
    log_determinant: f64,
}

impl NodeNormal {
    /// From the mean (p), the precision (p × p), which is the inverse of the covariance, and the
    /// logarithm of the determinant of the precision, all of nodes standardised by `scaling`.
    ///
    /// # Errors
    ///
    /// [`crate::Error::RowCount`], [`crate::Error::ColumnCount`] for other shapes;
    /// [`crate::Error::NotFinite`].
    pub fn new(
        scaling: &Standardization,
        mean: Array1<f64>,
        precision: Array2<f64>,
        log_determinant: f64,
    ) -> Result<Self> {
        let nodes = Some(scaling.columns());
        check_table("the mean of nodes", mean.view().insert_axis(Axis(0)), nodes)?;
        check_table("precision", precision.view(), nodes)?;
        check_rows("precision", scaling.columns(), precision.nrows())?;
        let determinant = ndarray::arr2(&[[log_determinant]]);
        check_finite("the log-determinant of a precision", determinant.view())?;
        Ok(Self {
            scaling: scaling.clone(),
            mean,
            precision,
            log_determinant,
        })
    }

    /// The precision (p × p) in the inverse of the nodes' units.
    pub fn precision(&self) -> Array2<f64> {
        let scales = self.scaling.scales();
        Array2::from_shape_fn(self.precision.dim(), |(i, j)| {
            // One triangle, so that rounding keeps the matrix symmetric.
            let (i, j) = (i.max(j), i.min(j));
            self.precision[[i, j]] / scales[i] / scales[j]
        })
    }

    /// xᵢ − (Ω (x − m))ᵢ / Ωᵢᵢ.
    fn given_others(&self, row: ArrayView1<'_, f64>) -> Array1<f64> {
        let standardized = self.standardized(row);
        let pull = self.precision.dot(&(&standardized - &self.mean));
        let given = standardized - pull / self.precision.diag();
        given * self.scaling.scales() + self.scaling.centers()
    }

    fn log_density(&self, row: ArrayView1<'_, f64>) -> f64 {
        let residual = self.standardized(row) - &self.mean;
        let exponent = self.log_determinant - residual.dot(&self.precision.dot(&residual));
        let units: f64 = self.scaling.scales().iter().map(|scale| scale.ln()).sum();
        0.5 * (exponent - row.len() as f64 * std::f64::consts::TAU.ln()) - units
    }

    fn standardized(&self, row: ArrayView1<'_, f64>) -> Array1<f64> {
        (&row - &self.scaling.centers()) / self.scaling.scales()
    }
}

/// Linear structural equations of p nodes, in the nodes' units.
///
/// ```text
/// x_j = m_j + Σᵢ W_ij x_i + ε_j,    ε_j ~ N(0, v_j), independent
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct StructuralEquations {
    /// The weights W (p × p), without a cycle: the edge from node i to node j is in row i, column j.
    pub weights: Array2<f64>,
    /// The intercepts m (p).
    pub intercepts: Array1<f64>,
    /// The noise variances v (p), all above zero.
    pub noise_variances: Array1<f64>,
}

impl StructuralEquations {
    fn given_parents(&self, row: ArrayView1<'_, f64>) -> Array1<f64> {
        row.dot(&self.weights) + &self.intercepts
    }

    /// `−½ Σ_j [ln(2π v_j) + (x_j − x̂_j)² / v_j]`: the determinant of I − W is one.
    fn log_density(&self, row: ArrayView1<'_, f64>) -> f64 {
        let residuals = &row - &self.given_parents(row);
        let pairs = residuals.iter().zip(&self.noise_variances);
        pairs
            .map(|(residual, variance)| {
                -0.5 * ((std::f64::consts::TAU * variance).ln() + residual * residual / variance)
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use approx::assert_relative_eq;
    use ndarray::array;

    /// Of the covariance [[4, 1], [1, 1]] / 3 and its determinant 1/3.
    fn pair(scaling: &Standardization) -> Result<NodeNormal> {
        let precision = array![[1.0, -1.0], [-1.0, 4.0]];
        NodeNormal::new(scaling, array![1.0, 0.0], precision, 3.0_f64.ln())
    }

    #[test]
    fn conditional_means_by_hand() {
        let normal = pair(&Standardization::identity(2)).unwrap();
        // The first given the second: 1 + (1 / 1) (2 − 0); the second given the first: ¼ (5 − 1).
        let given = normal.given_others(array![5.0, 2.0].view());
        assert_eq!(given, array![3.0, 1.0]);
    }

    #[test]
    fn a_density_by_hand() {
        // Independent: the sum of two univariate log-densities.
        let (covariance, point) = ([4.0, 0.25_f64], array![3.0, 1.0]);
        let precision = Array2::from_diag(&array![0.25, 4.0]);
        let mean = array![1.0, -1.0];
        let normal = NodeNormal::new(&Standardization::identity(2), mean, precision, 0.0).unwrap();
        let expected = -std::f64::consts::TAU.ln()
            - 0.5 * (covariance[0] * covariance[1]).ln()
            - 0.5 * (1.0 + 16.0);
        assert_relative_eq!(normal.log_density(point.view()), expected, epsilon = 1e-13);
    }

    #[test]
    fn units_change_nothing_but_units() {
        let table = array![[1.0, 5.0], [3.0, -1.0], [2.0, 5.0]];
        let scaling = Standardization::fit(table.view(), None).unwrap();
        let (own, plain) = (pair(&scaling), pair(&Standardization::identity(2)));
        let (own, plain) = (own.unwrap(), plain.unwrap());
        let standardized = scaling.apply(table.view()).unwrap();
        let (scales, centers) = (scaling.scales(), scaling.centers());
        for (row, z) in table.rows().into_iter().zip(standardized.rows()) {
            let expected = plain.given_others(z) * scales + centers;
            assert_relative_eq!(own.given_others(row), expected, epsilon = 1e-12);
            let expected = plain.log_density(z) - scales.mapv(f64::ln).sum();
            assert_relative_eq!(own.log_density(row), expected, epsilon = 1e-12);
        }
        assert_relative_eq!(own.precision()[[0, 1]], -1.0 / scales[0] / scales[1]);
    }

    #[test]
    fn parts_that_do_not_match_are_refused() {
        let (scaling, eye) = (Standardization::identity(2), Array2::<f64>::eye(2));
        assert!(matches!(
            NodeNormal::new(&scaling, array![0.0], eye.clone(), 0.0),
            Err(Error::ColumnCount { .. })
        ));
        assert!(matches!(
            NodeNormal::new(&scaling, array![0.0, f64::NAN], eye.clone(), 0.0),
            Err(Error::NotFinite { .. })
        ));
        let tall = Array2::zeros((3, 2));
        assert!(NodeNormal::new(&scaling, array![0.0, 0.0], tall, 0.0).is_err());
        assert!(NodeNormal::new(&scaling, array![0.0, 0.0], eye, f64::INFINITY).is_err());
    }
}
