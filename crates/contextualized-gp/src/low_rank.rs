//! Coefficients as weights of a fixed basis: rows are read once, and every evaluation after that
//! costs what the basis costs.

mod modes;
mod posterior;
mod sums;

use crate::basis::Basis;
use crate::constants::ConstantPrior;
use crate::engine::{Evidence, inconsistent};
use crate::exact::add_outer;
use crate::hyperparameters::{Hyperparameters, Layout};
use crate::kernel::Kernel;
use crate::numerical;
use crate::posterior::Posterior;
use contextualized_core::{Family, Result};
use contextualized_solvers::{Cholesky, cholesky, product, solve_lower, transposed_product};
use ndarray::{Array1, Array2, Axis, s};
use posterior::LowRankPosterior;
use rayon::prelude::*;
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
    /// Each term's prior in terms of the basis, whitened.
    fn prior(&self, hyper: &Hyperparameters) -> Result<Prior> {
        let sets = hyper.inverse_length_scales.nrows();
        let mut terms = Vec::new();
        let mut start = 0;
        for term in &self.basis.terms {
            let inverse_length_scales = start..start + term.term.inverse_length_scales();
            start = inverse_length_scales.end;
            let sets = (0..sets)
                .into_par_iter()
                .map(|set| {
                    let squares = hyper.squares(set)[inverse_length_scales.clone()].to_vec();
                    if term.len() == 0 {
                        return Ok(TermPrior {
                            squares,
                            factor: None,
                            whitened: Array2::zeros((0, 0)),
                        });
                    }
                    let factor = term.covariance(&squares)?;
                    let lower = term.lower.view();
                    let whitened = numerical(solve_lower(lower, factor.lower().view()))?;
                    Ok(TermPrior {
                        squares,
                        factor: Some(factor),
                        whitened,
                    })
                })
                .collect::<Result<Vec<_>>>()?;
            terms.push(sets);
        }
        Ok(Prior { terms })
    }

    /// The block-diagonal S with prior covariance `S Sᵀ` of one coefficient's weights, that of the
    /// constant at a precision of one.
    fn root(&self, prior: &Prior, hyper: &Hyperparameters, coefficient: usize) -> Array2<f64> {
        let functions = self.basis.functions();
        let mut root = Array2::zeros((functions, functions));
        root[[0, 0]] = 1.0;
        let mut start = 1;
        for (index, sets) in prior.terms.iter().enumerate() {
            let whitened = &sets[hyper.set_of(coefficient)].whitened;
            let end = start + whitened.nrows();
            root.slice_mut(s![start..end, start..end])
                .assign(&(whitened * hyper.amplitudes[[coefficient, index]]));
            start = end;
        }
        root
    }

    /// Prior precisions of the whitened weights (M).
    fn whitened_prior(&self) -> Array1<f64> {
        let functions = self.basis.functions();
        self.constants.whitened(self.coefficients, functions)
    }

    /// Solves at these hyperparameters.
    fn solve(&self, hyper: &Hyperparameters) -> Result<Solved> {
        let prior = self.prior(hyper)?;
        let roots: Vec<_> = (0..self.coefficients)
            .map(|j| self.root(&prior, hyper, j))
            .collect();
        let precision = hyper.noise.powi(-2);
        let mut system = Array2::zeros((self.size(), self.size()));
        for j in 0..self.coefficients {
            for l in 0..=j {
                let gram = self.gram.slice(s![self.block(j), self.block(l)]);
                let right = numerical(product(gram, roots[l].view()))?;
                let mut both = numerical(transposed_product(roots[j].view(), right.view()))?;
                both *= precision;
                if j == l {
                    both = (&both + &both.t()) / 2.0;
                }
                system
                    .slice_mut(s![self.block(j), self.block(l)])
                    .assign(&both);
                if l < j {
                    system
                        .slice_mut(s![self.block(l), self.block(j)])
                        .assign(&both.t());
                }
            }
        }
        let whitened_prior = self.whitened_prior();
        let mut diagonal = system.diag_mut();
        diagonal += &whitened_prior;
        let factor = numerical(cholesky(system.view()))?;
        let mut right = Array2::zeros(self.moments.dim());
        for (j, root) in roots.iter().enumerate() {
            let moments = self.moments.slice(s![self.block(j), ..]);
            right
                .slice_mut(s![self.block(j), ..])
                .assign(&(root.t().dot(&moments) * precision));
        }
        let whitened = numerical(factor.solve(right.view()))?;
        // yᵀ Σ⁻¹ y and the squared residuals, per target, in units of the noise.
        let explained = (&whitened * &right).sum_axis(Axis(0));
        let quadratic = &self.squares * precision - &explained;
        let residual = &quadratic - &whitened_prior.dot(&(&whitened * &whitened));
        let (n, targets) = (self.rows as f64, self.moments.ncols() as f64);
        let log_determinant = factor.log_determinant() + 2.0 * n * hyper.noise.ln()
            - self.constants.log_normalizer(self.coefficients)
            - self.log_weights
            + n * std::f64::consts::TAU.ln();
        let degrees = n - self.constants.degrees(self.coefficients);
        let of_targets: f64 = (quadratic.iter().zip(&hyper.scales))
            .map(|(quadratic, scale)| quadratic / scale + degrees * scale.ln())
            .sum();
        let value = -0.5 * (targets * log_determinant + of_targets);
        let value = value + self.correction.unwrap_or(0.0);
        Ok(Solved {
            prior,
            roots,
            factor,
            whitened,
            quadratic,
            residual,
            value,
        })
    }
}

/// Prior of the weights, by term and set of inverse length scales.
#[derive(Debug)]
struct Prior {
    terms: Vec<Vec<TermPrior>>,
}

#[derive(Debug)]
struct TermPrior {
    squares: Vec<f64>,
    /// Of the kernel among inducing contexts.
    factor: Option<Cholesky>,
    /// T with `T Tᵀ` the prior covariance of the weights, at amplitude one.
    whitened: Array2<f64>,
}

/// What a solve leaves behind.
struct Solved {
    prior: Prior,
    roots: Vec<Array2<f64>>,
    /// Of `A = D + Sᵀ G S / σ²`, D the prior precisions.
    factor: Cholesky,
    /// Mean of the whitened weights (M × T).
    whitened: Array2<f64>,
    quadratic: Array1<f64>,
    residual: Array1<f64>,
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
        let solved = self.solve(hyper)?;
        let functions = self.basis.functions();
        let targets = self.moments.ncols() as f64;
        let inverse = numerical(solved.factor.inverse())?;
        let mut gradient = vec![0.0; layout.len()];
        let mut inverse_length_scale_start = 0;
        let mut start = 1;
        let terms = self.basis.terms.iter().zip(&solved.prior.terms);
        for (index, (term, sets)) in terms.enumerate() {
            let end = start + term.len();
            let mut of_sets = vec![Array2::<f64>::zeros((term.len(), term.len())); sets.len()];
            for j in 0..self.coefficients {
                // E[v vᵀ | y] − I of the whitened weights, summed over targets.
                let block = j * functions + start..j * functions + end;
                let mut moved = inverse.slice(s![block.clone(), block.clone()]).to_owned();
                moved.diag_mut().mapv_inplace(|value| value - 1.0);
                moved *= targets;
                let means = solved.whitened.slice(s![block, ..]);
                for (mean, scale) in means.columns().into_iter().zip(&hyper.scales) {
                    add_outer(&mut moved, 1.0 / scale, mean, mean);
                }
                gradient[layout.amplitudes_start() + j * layout.terms + index] = moved.diag().sum();
                of_sets[hyper.set_of(j)] += &moved;
            }
            let count = term.term.inverse_length_scales();
            for (set, (moved, prior)) in of_sets.into_iter().zip(sets).enumerate() {
                let Some(factor) = &prior.factor else {
                    continue;
                };
                // L⁻ᵀ (…) L⁻¹.
                let half = numerical(factor.solve_upper(moved.view()))?;
                let weights = numerical(factor.solve_upper(half.t()))?;
                let start = set * layout.inverse_length_scales + inverse_length_scale_start;
                term.contract(
                    &prior.squares,
                    weights.view(),
                    &mut gradient[start..start + count],
                );
            }
            inverse_length_scale_start += count;
            start = end;
        }
        let (n, size) = (self.rows as f64, self.size() as f64);
        if let Some(at) = layout.noise_at() {
            let residual = (&solved.residual / &hyper.scales).iter().sum::<f64>();
            let of_prior = self.whitened_prior().dot(&inverse.diag());
            gradient[at] = residual - targets * (n - size + of_prior);
        }
        let degrees = n - self.constants.degrees(self.coefficients);
        for target in 0..layout.scales {
            gradient[layout.scales_start() + target] =
                0.5 * (solved.quadratic[target] / hyper.scales[target] - degrees);
        }
        Ok((solved.value, gradient))
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
