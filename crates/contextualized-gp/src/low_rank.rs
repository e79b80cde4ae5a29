//! Coefficients as weights of a fixed basis: rows are read once, and every evaluation after that
//! costs what the basis costs.

mod modes;
mod posterior;
mod sums;

use crate::basis::{Basis, Prior};
use crate::constants::ConstantPrior;
use crate::engine::{Evidence, inconsistent};
use crate::hyperparameters::{Hyperparameters, Layout};
use crate::kernel::Kernel;
use crate::numerical;
use crate::posterior::Posterior;
use crate::weights::{Products, Totals, Weights};
use contextualized_core::{Family, Result};
use ndarray::{Array1, Array2};
use posterior::LowRankPosterior;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Sums over rows: all that the basis sees of the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LowRank {
    pub(crate) basis: Basis,
    constants: ConstantPrior,
    coefficients: usize,
    rows: usize,
    /// `Σᵢ wᵢ zᵢ zᵢᵀ`, z the products of the design and the basis, coefficients slowest (M × M).
    gram: Array2<f64>,
    /// `Σᵢ wᵢ zᵢ yᵢᵀ` (M × T).
    moments: Array2<f64>,
    /// `Σᵢ wᵢ yᵢ²` (T).
    squares: Array1<f64>,
    /// Sum of the logarithms of the weights.
    log_weights: f64,
    /// Mean of the functions over the rows.
    mean_functions: Array1<f64>,
    /// What Laplace's approximation of the logarithm of the marginal likelihood has beyond that of the
    /// working responses, which the targets are unless the likelihood is quadratic.
    correction: Option<f64>,
    /// The share of the kernel left out at the rows, at the inverse length scales of the basis: mean and largest.
    pub(crate) residual: f64,
    pub(crate) largest_residual: f64,
}

impl LowRank {
    /// Prior precisions of the whitened weights (M).
    fn whitened_prior(&self) -> Array1<f64> {
        let functions = self.basis.functions();
        self.constants.whitened(self.coefficients, functions)
    }

    /// Solves at these hyperparameters.
    fn solve(&self, hyper: &Hyperparameters) -> Result<Solved> {
        let prior = Prior::new(&self.basis, hyper)?;
        let root = |j: usize| {
            let amplitude = |term: usize| hyper.amplitudes[[j, term]];
            prior.root(1.0, hyper.set_of(j), amplitude)
        };
        let roots: Vec<_> = (0..self.coefficients).map(root).collect();
        let products = Products {
            gram: self.gram.view(),
            moments: self.moments.view(),
            squares: self.squares.view(),
            precision: hyper.noise.powi(-2),
        };
        let weights = Weights::solve(&products, &roots, &self.whitened_prior())?;
        let totals = Totals {
            rows: self.rows,
            coefficients: self.coefficients,
            constants: self.constants,
            log_weights: self.log_weights,
        };
        let value = weights.evidence(&totals, hyper, 0.0) + self.correction.unwrap_or(0.0);
        Ok(Solved {
            prior,
            roots,
            weights,
            value,
        })
    }
}

/// What a solve leaves behind.
struct Solved {
    prior: Prior,
    /// Roots of the prior covariance of each coefficient's weights, that of the constant at a precision of one.
    roots: Vec<Array2<f64>>,
    weights: Weights,
    value: f64,
}

impl Evidence for LowRank {
    fn targets(&self) -> usize {
        self.moments.ncols()
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn coefficients(&self) -> usize {
        self.coefficients
    }

    fn size(&self) -> usize {
        self.gram.nrows()
    }

    fn value(&self, hyper: &Hyperparameters) -> Result<f64> {
        Ok(self.solve(hyper)?.value)
    }

    fn value_and_gradient(
        &self,
        hyper: &Hyperparameters,
        layout: &Layout,
    ) -> Result<(f64, Vec<f64>)> {
        let Solved {
            prior,
            weights,
            value,
            ..
        } = self.solve(hyper)?;
        let functions = self.basis.functions();
        let targets = self.moments.ncols() as f64;
        let inverse = numerical(weights.factor.inverse())?;
        let mut gradient = vec![0.0; layout.len()];
        let mut start = 1;
        for (index, term) in self.basis.terms.iter().enumerate() {
            let end = start + term.len();
            let sets = hyper.inverse_length_scales.nrows();
            let mut of_sets = vec![Array2::<f64>::zeros((term.len(), term.len())); sets];
            for j in 0..self.coefficients {
                let block = j * functions + start..j * functions + end;
                let moved = weights.moved(&inverse, block, &hyper.scales);
                gradient[layout.amplitudes_start() + j * layout.terms + index] = moved.diag().sum();
                of_sets[hyper.set_of(j)] += &moved;
            }
            prior.add_slopes(&self.basis, index, of_sets, layout, &mut gradient)?;
            start = end;
        }
        let (n, size) = (self.rows as f64, self.size() as f64);
        if let Some(at) = layout.noise_at() {
            let residual = (&weights.residual / &hyper.scales).iter().sum::<f64>();
            let of_prior = self.whitened_prior().dot(&inverse.diag());
            gradient[at] = residual - targets * (n - size + of_prior);
        }
        let degrees = n - self.constants.degrees(self.coefficients);
        for target in 0..layout.scales {
            gradient[layout.scales_start() + target] =
                0.5 * (weights.quadratic[target] / hyper.scales[target] - degrees);
        }
        Ok((value, gradient))
    }

    fn check(&self, family: Family, kernel: &Kernel, contexts: usize) -> Result<()> {
        let size = self.coefficients * self.basis.functions();
        let fits = self.gram.dim() == (size, size)
            && self.moments.nrows() == size
            && self.moments.ncols() == self.squares.len()
            && self.moments.ncols() > 0
            && self.mean_functions.len() == self.basis.functions()
            && self.correction.is_none() == family.is_quadratic()
            && self.basis.fits(kernel, contexts);
        if !fits {
            return Err(inconsistent("sums over rows"));
        }
        self.constants.check()
    }

    fn posterior(self: Arc<Self>, hyper: &Hyperparameters) -> Result<Arc<dyn Posterior>> {
        Ok(Arc::new(LowRankPosterior::new(self, hyper)?))
    }
}
