//! The posterior of the weights of a basis, given sums of products over rows.

use crate::constants::ConstantPrior;
use crate::hyperparameters::Hyperparameters;
use crate::numerical;
use contextualized_core::Result;
use contextualized_solvers::{Cholesky, cholesky, product, transposed_product};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};
use std::ops::Range;

/// Sums of products over rows of weights that have the inverse of some precision in common.
pub(crate) struct Products<'a> {
    /// `Σᵢ wᵢ zᵢ zᵢᵀ`, z what a row multiplies the weights with, coefficients slowest (M × M).
    pub(crate) gram: ArrayView2<'a, f64>,
    /// `Σᵢ wᵢ zᵢ yᵢᵀ` (M × T).
    pub(crate) moments: ArrayView2<'a, f64>,
    /// `Σᵢ wᵢ yᵢ²` (T).
    pub(crate) squares: ArrayView1<'a, f64>,
    /// One over the variance of a row of weight one.
    pub(crate) precision: f64,
}

/// Weights `S v` whose v, with a prior of independent precisions D, has the posterior of a solve.
pub(crate) struct Weights {
    /// Of `A = D + Sᵀ G S / σ²`, G the gram matrix.
    pub(crate) factor: Cholesky,
    /// Means of v (M × T).
    pub(crate) whitened: Array2<f64>,
    /// yᵀ Σ⁻¹ y per target, in units of the noise.
    pub(crate) quadratic: Array1<f64>,
    /// The same less what the prior costs.
    pub(crate) residual: Array1<f64>,
}

/// What a marginal likelihood has beside determinants and quadratic forms.
pub(crate) struct Totals {
    pub(crate) rows: usize,
    pub(crate) coefficients: usize,
    pub(crate) constants: ConstantPrior,
    /// Sum of the logarithms of the rows' weights.
    pub(crate) log_weights: f64,
}

impl Weights {
    /// Given S of each coefficient and D.
    pub(crate) fn solve(
        products: &Products<'_>,
        roots: &[Array2<f64>],
        precisions: &Array1<f64>,
    ) -> Result<Self> {
        let size = precisions.len();
        let mut system = Array2::zeros((size, size));
        for (j, left) in roots.iter().enumerate() {
            for (l, right) in roots[..=j].iter().enumerate() {
                let (own, other) = (block(roots, j), block(roots, l));
                let gram = products.gram.slice(s![own.clone(), other.clone()]);
                let right = numerical(product(gram, right.view()))?;
                let mut both = numerical(transposed_product(left.view(), right.view()))?;
                both *= products.precision;
                if j == l {
                    both = (&both + &both.t()) / 2.0;
                }
                system
                    .slice_mut(s![own.clone(), other.clone()])
                    .assign(&both);
                if l < j {
                    system.slice_mut(s![other, own]).assign(&both.t());
                }
            }
        }
        let mut diagonal = system.diag_mut();
        diagonal += precisions;
        let factor = numerical(cholesky(system.view()))?;
        let mut right = Array2::zeros(products.moments.dim());
        for (j, root) in roots.iter().enumerate() {
            let part = s![block(roots, j), ..];
            let moments = products.moments.slice(part);
            let own = root.t().dot(&moments) * products.precision;
            right.slice_mut(part).assign(&own);
        }
        let whitened = numerical(factor.solve(right.view()))?;
        let explained = (&whitened * &right).sum_axis(Axis(0));
        let quadratic = &products.squares * products.precision - &explained;
        let residual = &quadratic - &precisions.dot(&(&whitened * &whitened));
        Ok(Self {
            factor,
            whitened,
            quadratic,
            residual,
        })
    }

    /// The logarithm of the marginal likelihood; `determinant` is the logarithm of that of whatever has been
    /// eliminated, in units of the noise.
    pub(crate) fn evidence(
        &self,
        totals: &Totals,
        hyper: &Hyperparameters,
        determinant: f64,
    ) -> f64 {
        let (n, targets) = (totals.rows as f64, self.whitened.ncols() as f64);
        let log_determinant =
            self.factor.log_determinant() + determinant + 2.0 * n * hyper.noise.ln()
                - totals.constants.log_normalizer(totals.coefficients)
                - totals.log_weights
                + n * std::f64::consts::TAU.ln();
        let degrees = n - totals.constants.degrees(totals.coefficients);
        let of_targets: f64 = (self.quadratic.iter().zip(&hyper.scales))
            .map(|(quadratic, scale)| quadratic / scale + degrees * scale.ln())
            .sum();
        -0.5 * (targets * log_determinant + of_targets)
    }

    /// Means of the weights themselves (M × T).
    pub(crate) fn means(&self, roots: &[Array2<f64>]) -> Array2<f64> {
        let mut means = Array2::zeros(self.whitened.dim());
        for (j, root) in roots.iter().enumerate() {
            let part = s![block(roots, j), ..];
            let own = root.dot(&self.whitened.slice(part));
            means.slice_mut(part).assign(&own);
        }
        means
    }

    /// H with `H Hᵀ` the covariance of the weights (M × M): `S L⁻ᵀ`.
    pub(crate) fn half(&self, roots: &[Array2<f64>]) -> Result<Array2<f64>> {
        let size = self.whitened.nrows();
        let identity = Array2::eye(size);
        let upper = numerical(self.factor.solve_upper(identity.view()))?;
        let mut half = Array2::zeros((size, size));
        for (j, root) in roots.iter().enumerate() {
            let part = s![block(roots, j), ..];
            let own = numerical(product(root.view(), upper.slice(part)))?;
            half.slice_mut(part).assign(&own);
        }
        Ok(half)
    }

    /// `E[v vᵀ | y] − I` of some of v, summed over targets, given the inverse of A.
    pub(crate) fn moved(
        &self,
        inverse: &Array2<f64>,
        range: Range<usize>,
        scales: &Array1<f64>,
    ) -> Array2<f64> {
        let mut moved = inverse.slice(s![range.clone(), range.clone()]).to_owned();
        moved.diag_mut().mapv_inplace(|value| value - 1.0);
        moved *= self.whitened.ncols() as f64;
        let means = self.whitened.slice(s![range, ..]);
        for (mean, scale) in means.columns().into_iter().zip(scales) {
            add_outer(&mut moved, 1.0 / scale, mean, mean);
        }
        moved
    }
}

/// Where one coefficient's weights stand.
fn block(roots: &[Array2<f64>], coefficient: usize) -> Range<usize> {
    let functions = roots[coefficient].nrows();
    coefficient * functions..(coefficient + 1) * functions
}

/// `matrix += factor a bᵀ`.
fn add_outer(
    matrix: &mut Array2<f64>,
    factor: f64,
    a: ArrayView1<'_, f64>,
    b: ArrayView1<'_, f64>,
) {
    for (mut line, a) in matrix.rows_mut().into_iter().zip(a) {
        line.scaled_add(factor * a, &b);
    }
}
