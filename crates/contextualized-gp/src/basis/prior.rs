//! The prior of a basis' weights, which is what hyperparameters move.

use super::{Basis, TermBasis};
use crate::covariance::row;
use crate::hyperparameters::{Hyperparameters, Layout};
use crate::numerical;
use contextualized_core::Result;
use contextualized_solvers::{Cholesky, solve_lower};
use ndarray::{Array2, ArrayView1, ArrayView2, s};
use rayon::prelude::*;

/// By term and set of inverse length scales.
#[derive(Debug)]
pub(crate) struct Prior {
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

impl Prior {
    pub(crate) fn new(basis: &Basis, hyper: &Hyperparameters) -> Result<Self> {
        let sets = hyper.inverse_length_scales.nrows();
        let mut terms = Vec::new();
        let mut start = 0;
        for term in &basis.terms {
            let inverse_length_scales = start..start + term.term.inverse_length_scales();
            start = inverse_length_scales.end;
            let sets = (0..sets)
                .into_par_iter()
                .map(|set| {
                    TermPrior::new(
                        term,
                        hyper.squares(set)[inverse_length_scales.clone()].to_vec(),
                    )
                })
                .collect::<Result<Vec<_>>>()?;
            terms.push(sets);
        }
        Ok(Self { terms })
    }

    /// The block-diagonal S with prior covariance `S Sᵀ` of one coefficient's weights, that of the
    /// constant being the square of the first argument, given the amplitude of each term.
    pub(crate) fn root(
        &self,
        constant: f64,
        set: usize,
        amplitude: impl Fn(usize) -> f64,
    ) -> Array2<f64> {
        let terms = || self.terms.iter().map(|sets| &sets[set].whitened);
        let functions = 1 + terms().map(Array2::nrows).sum::<usize>();
        let mut root = Array2::zeros((functions, functions));
        root[[0, 0]] = constant;
        let mut start = 1;
        for (index, whitened) in terms().enumerate() {
            let end = start + whitened.nrows();
            root.slice_mut(s![start..end, start..end])
                .assign(&(whitened * amplitude(index)));
            start = end;
        }
        root
    }

    /// Adds derivatives by the logarithms of a term's inverse length scales, given for each set
    /// `E[v vᵀ | y] − I` of the whitened weights, summed over whatever has them.
    pub(crate) fn add_slopes(
        &self,
        basis: &Basis,
        term: usize,
        moved: Vec<Array2<f64>>,
        layout: &Layout,
        gradient: &mut [f64],
    ) -> Result<()> {
        let before = basis.terms[..term].iter();
        let before: usize = before.map(|own| own.term.inverse_length_scales()).sum();
        let count = basis.terms[term].term.inverse_length_scales();
        for (set, (moved, prior)) in moved.into_iter().zip(&self.terms[term]).enumerate() {
            let Some(factor) = &prior.factor else {
                continue;
            };
            // L⁻ᵀ (…) L⁻¹.
            let half = numerical(factor.solve_upper(moved.view()))?;
            let weights = numerical(factor.solve_upper(half.t()))?;
            let start = set * layout.inverse_length_scales + before;
            basis.terms[term].contract(
                &prior.squares,
                weights.view(),
                &mut gradient[start..start + count],
            );
        }
        Ok(())
    }

    /// What the basis leaves out of each coefficient's prior variance at some contexts whose functions
    /// are given (q × p).
    pub(crate) fn left_out(
        &self,
        basis: &Basis,
        hyper: &Hyperparameters,
        at: ArrayView2<'_, f64>,
        values: ArrayView2<'_, f64>,
    ) -> Array2<f64> {
        let mut left = Array2::zeros((at.nrows(), hyper.amplitudes.nrows()));
        let mut start = 1;
        for (index, term) in basis.terms.iter().enumerate() {
            let end = start + term.len();
            let own = values.slice(s![.., start..end]);
            left += &self.left_out_of(basis, hyper, index, at, own);
            start = end;
        }
        left
    }

    /// The same of one term, whose functions are given.
    pub(crate) fn left_out_of(
        &self,
        basis: &Basis,
        hyper: &Hyperparameters,
        term: usize,
        at: ArrayView2<'_, f64>,
        values: ArrayView2<'_, f64>,
    ) -> Array2<f64> {
        let mut left = Array2::zeros((at.nrows(), hyper.amplitudes.nrows()));
        for (q, mut line) in left.rows_mut().into_iter().enumerate() {
            let residuals: Vec<f64> = self.terms[term]
                .iter()
                .map(|prior| prior.left_out(&basis.terms[term], row(&at, q), values.row(q)))
                .collect();
            for (j, left) in line.iter_mut().enumerate() {
                *left = hyper.amplitudes[[j, term]].powi(2) * residuals[hyper.set_of(j)];
            }
        }
        left
    }
}

impl TermPrior {
    fn new(term: &TermBasis, squares: Vec<f64>) -> Result<Self> {
        // A kernel without a constant, as a trend, is nothing where no context matters.
        let contexts = term.inducing.rows();
        let mut variances = contexts
            .into_iter()
            .map(|context| term.term.variance(&squares, &context.to_vec()));
        if !variances.any(|variance| variance > 0.0) {
            return Ok(Self {
                squares,
                factor: None,
                whitened: Array2::zeros((term.len(), term.len())),
            });
        }
        let factor = term.covariance(&squares)?;
        let whitened = numerical(solve_lower(term.lower.view(), factor.lower().view()))?;
        Ok(Self {
            squares,
            factor: Some(factor),
            whitened,
        })
    }

    fn left_out(&self, term: &TermBasis, context: &[f64], values: ArrayView1<'_, f64>) -> f64 {
        let half = values.dot(&self.whitened);
        (term.term.variance(&self.squares, context) - half.dot(&half)).max(0.0)
    }
}
