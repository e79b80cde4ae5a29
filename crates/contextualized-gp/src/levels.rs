//! Contexts with a factor: what its levels have in common, and what each has of its own.
//!
//! The kernel of a factor has every two levels equally far apart, `ρ + (1 − ρ) [a = b]`. A product with a
//! kernel of the other contexts is then the sum of a function of these that all levels share and of one for
//! each level, of the same kernel and with the shares ρ and 1 − ρ of the variance. Given what is shared,
//! levels are independent: each is eliminated by a solve of its own.
//!
//! ```text
//! y_l = Z_l (w + u_l) + ε,    w ~ N(0, Ψ₀),  u_l ~ N(0, Ψ₁),  ε ~ N(0, σ²)
//! Σ_l Z_lᵀ (I + Z_l Ψ₁ Z_lᵀ / σ²)⁻¹ Z_l
//! ```
//!
//! Z are products of the design and a basis of the other contexts, constants included. The sum is all that
//! the weights w in common see of the rows, so that the time grows with the number of levels and not with
//! its cube. Other factors are among the other contexts. Where the basis is complete, as it is for factors
//! alone, nothing is approximated.

mod factor;
mod gather;
mod modes;
mod posterior;
mod whiten;

pub(crate) use factor::Factor;

use crate::basis::{Basis, Prior};
use crate::constants::ConstantPrior;
use crate::engine::{Evidence, inconsistent};
use crate::hyperparameters::{Hyperparameters, Layout};
use crate::kernel::Kernel;
use crate::numerical;
use crate::posterior::Posterior;
use crate::weights::{Products, Totals, Weights};
use contextualized_core::{Family, Result};
use contextualized_solvers::{product, transposed_product};
use ndarray::{Array1, Array2, ArrayView2, s};
use posterior::LevelsPosterior;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use whiten::{Block, Whitened};

/// Rows by the levels of a factor, as a basis of the other contexts sees them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Levels {
    pub(crate) factor: Factor,
    /// Of the other contexts.
    pub(crate) basis: Basis,
    constants: ConstantPrior,
    coefficients: usize,
    count: usize,
    /// Rows of all levels, turned where that made them fewer, one level after the other: products of the design
    /// and the functions, coefficients slowest, and then the targets (m × (M + T)).
    rows: Array2<f64>,
    /// Where the rows of each level end.
    ends: Vec<usize>,
    /// Sums of products of rows that say nothing of what any level has of its own.
    rest: Array2<f64>,
    /// Sum of the logarithms of the weights.
    log_weights: f64,
    /// Each level's share of the rows, and the mean of the functions over its rows.
    shares: Array1<f64>,
    mean_functions: Array2<f64>,
    /// What Laplace's approximation of the logarithm of the marginal likelihood has beyond that of the
    /// working responses, which the targets are unless the likelihood is quadratic.
    correction: Option<f64>,
    /// The share of the kernel left out at the rows, at the inverse length scales of the basis: mean and largest.
    pub(crate) residual: f64,
    pub(crate) largest_residual: f64,
}

impl Levels {
    /// Weights of the functions of all coefficients.
    fn weights(&self) -> usize {
        self.coefficients * self.basis.functions()
    }

    /// Prior precisions of the whitened weights in common (M).
    fn whitened_prior(&self) -> Array1<f64> {
        let functions = self.basis.functions();
        self.constants.whitened(self.coefficients, functions)
    }

    /// Solves at these hyperparameters.
    fn solve(&self, hyper: &Hyperparameters) -> Result<Solved> {
        let prior = Prior::new(&self.basis, &self.factor.rest(hyper))?;
        let amplitude = |j: usize, term: usize| hyper.amplitudes[[j, term]];
        let shares = |j: usize, term: usize| self.factor.shares(hyper, j, term);
        let root = |constant: f64, j: usize, amplitude: &dyn Fn(usize) -> f64| {
            prior.root(constant, hyper.set_of(j), amplitude)
        };
        let common = |j: usize| {
            let deviation = |term: usize| amplitude(j, term) * shares(j, term).common.sqrt();
            root(1.0, j, &deviation)
        };
        let own = |j: usize| {
            let deviation = |term: usize| amplitude(j, term) * shares(j, term).own.sqrt();
            root(0.0, j, &deviation)
        };
        let common: Vec<_> = (0..self.coefficients).map(common).collect();
        let own: Vec<_> = (0..self.coefficients).map(own).collect();
        let whitened = self.whitened(&own, hyper.noise)?;
        let size = self.weights();
        let squares = whitened.products.diag().slice(s![size..]).to_owned();
        let products = Products {
            gram: whitened.products.slice(s![..size, ..size]),
            moments: whitened.products.slice(s![..size, size..]),
            squares: squares.view(),
            precision: 1.0,
        };
        let weights = Weights::solve(&products, &common, &self.whitened_prior())?;
        let totals = Totals {
            rows: self.count,
            coefficients: self.coefficients,
            constants: self.constants,
            log_weights: self.log_weights,
        };
        let value = weights.evidence(&totals, hyper, whitened.log_determinant);
        Ok(Solved {
            value: value + self.correction.unwrap_or(0.0),
            prior,
            common,
            own,
            whitened,
            weights,
        })
    }

    /// `L⁻¹ (y − Z w) / σ` at the means of the weights in common (m × T).
    fn residuals(&self, block: &Block, means: &Array2<f64>) -> Result<Array2<f64>> {
        let (products, targets) = self.split(block.rows.view());
        Ok(&targets - &numerical(product(products, means.view()))?)
    }

    /// Products of the design with the functions, and targets.
    fn split<'a>(&self, rows: ArrayView2<'a, f64>) -> (ArrayView2<'a, f64>, ArrayView2<'a, f64>) {
        rows.split_at(ndarray::Axis(1), self.weights())
    }

    /// Sums over levels of `E[u uᵀ | y] − Ψ₁`, divided by Ψ₁ on either side, for each coefficient.
    fn of_levels(&self, solved: &Solved, hyper: &Hyperparameters) -> Result<Vec<Array2<f64>>> {
        let functions = self.basis.functions();
        let half = solved.weights.half(&solved.common)?;
        let means = solved.weights.means(&solved.common);
        let targets = self.targets() as f64;
        let found = solved
            .whitened
            .blocks
            .par_iter()
            .filter(|block| !block.rows.is_empty())
            .map(|block| {
                let (rows, _) = self.split(block.rows.view());
                let residuals = self.residuals(block, &means)?;
                let uncertain = numerical(product(rows, half.view()))?;
                let mut moved = Array2::zeros(rows.dim());
                for level in block.levels.clone() {
                    let range = block.range(self, level);
                    let own = s![range.clone(), ..];
                    let uncertain = uncertain.slice(own);
                    let mut middle = uncertain.dot(&uncertain.t());
                    middle.diag_mut().mapv_inplace(|value| value - 1.0);
                    middle *= targets;
                    let residuals = residuals.slice(own);
                    middle += &(&residuals / &hyper.scales).dot(&residuals.t());
                    moved.slice_mut(own).assign(&middle.dot(&rows.slice(own)));
                }
                (0..self.coefficients)
                    .map(|j| {
                        let own = s![.., j * functions..(j + 1) * functions];
                        numerical(transposed_product(rows.slice(own), moved.slice(own)))
                    })
                    .collect::<Result<Vec<_>>>()
            })
            .collect::<Result<Vec<_>>>()?;
        let none = vec![Array2::zeros((functions, functions)); self.coefficients];
        Ok(found.into_iter().fold(none, |mut total, block| {
            total.iter_mut().zip(&block).for_each(|(t, b)| *t += b);
            total
        }))
    }
}

/// What a level takes however small it is, in products of a dense system.
const OF_LEVEL: f64 = 16_000.0;

/// What a solve leaves behind.
struct Solved {
    prior: Prior,
    /// Roots of the prior covariance of each coefficient's weights: of those in common, that of the constant at a
    /// precision of one, and of those that a level has of its own.
    common: Vec<Array2<f64>>,
    own: Vec<Array2<f64>>,
    whitened: Whitened,
    weights: Weights,
    value: f64,
}

impl Evidence for Levels {
    fn targets(&self) -> usize {
        self.rest.ncols().saturating_sub(self.weights())
    }

    fn rows(&self) -> usize {
        self.count
    }

    fn coefficients(&self) -> usize {
        self.coefficients
    }

    /// That of one dense system which takes as long.
    fn size(&self) -> usize {
        let weights = self.weights() as f64;
        let of_level = |level| {
            let rows = self.rows_of(level).len() as f64;
            OF_LEVEL + rows * weights * (rows + weights)
        };
        let of_levels: f64 = (0..self.ends.len()).map(of_level).sum();
        (of_levels + weights.powi(3)).cbrt().ceil() as usize
    }

    fn value(&self, hyper: &Hyperparameters) -> Result<f64> {
        Ok(self.solve(hyper)?.value)
    }

    fn value_and_gradient(
        &self,
        hyper: &Hyperparameters,
        layout: &Layout,
    ) -> Result<(f64, Vec<f64>)> {
        let solved = self.solve(hyper)?;
        let weights = &solved.weights;
        let functions = self.basis.functions();
        let targets = self.targets() as f64;
        let inverse = numerical(weights.factor.inverse())?;
        let of_levels = self.of_levels(&solved, hyper)?;
        let mut gradient = vec![0.0; layout.len()];
        let mut of_own = 0.0;
        let mut start = 1;
        for (index, term) in self.basis.terms.iter().enumerate() {
            let end = start + term.len();
            let sets = hyper.inverse_length_scales.nrows();
            let mut of_sets = vec![Array2::<f64>::zeros((term.len(), term.len())); sets];
            for j in 0..self.coefficients {
                let block = j * functions + start..j * functions + end;
                let common = weights.moved(&inverse, block, &hyper.scales);
                let root = solved.own[j].slice(s![start..end, start..end]);
                let own = of_levels[j].slice(s![start..end, start..end]);
                let own = root.t().dot(&own).dot(&root);
                let (of_common, of_term) = (common.diag().sum(), own.diag().sum());
                gradient[layout.amplitudes_start() + j * layout.terms + index] =
                    of_common + of_term;
                let slope = self.factor.shares(hyper, j, index).slope;
                let set = hyper.set_of(j);
                for &position in self.factor.positions(index) {
                    let square = hyper.inverse_length_scales[[set, position]].powi(2);
                    gradient[set * layout.inverse_length_scales + position] +=
                        square * (slope * of_term - of_common);
                }
                of_own += of_term;
                of_sets[set] += &common;
                of_sets[set] += &own;
            }
            let prior = &solved.prior;
            prior.add_slopes(&self.basis, index, of_sets, layout, &mut gradient)?;
            start = end;
        }
        let (n, size) = (self.count as f64, self.weights() as f64);
        if let Some(at) = layout.noise_at() {
            let residual = (&weights.residual / &hyper.scales).iter().sum::<f64>();
            let of_prior = self.whitened_prior().dot(&inverse.diag());
            gradient[at] = residual - targets * (n - size + of_prior) - of_own;
        }
        let degrees = n - self.constants.degrees(self.coefficients);
        for target in 0..layout.scales {
            gradient[layout.scales_start() + target] =
                0.5 * (weights.quadratic[target] / hyper.scales[target] - degrees);
        }
        Ok((solved.value, gradient))
    }

    fn check(&self, family: Family, kernel: &Kernel, contexts: usize) -> Result<()> {
        let levels = self.factor.levels();
        let functions = self.basis.functions();
        let weights = self.coefficients.checked_mul(functions);
        let width = self.rest.ncols();
        let fits = weights.is_some_and(|weights| (1..width).contains(&weights))
            && self.rest.nrows() == width
            && self.rows.ncols() == width
            && self.ends.len() == levels
            && self.ends.is_sorted()
            && self.ends.last() == Some(&self.rows.nrows())
            && self.shares.len() == levels
            && self.mean_functions.dim() == (levels, functions)
            && self.correction.is_none() == family.is_quadratic()
            && self.factor.fits(kernel)
            && self.basis.fits(kernel, contexts);
        if !fits {
            return Err(inconsistent("rows of levels"));
        }
        self.constants.check()
    }

    fn posterior(self: Arc<Self>, hyper: &Hyperparameters) -> Result<Arc<dyn Posterior>> {
        Ok(Arc::new(LevelsPosterior::new(self, hyper)?))
    }
}

#[cfg(test)]
mod tests;
