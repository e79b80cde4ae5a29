//! A basis of functions of the context that stands in for the kernel.

mod prior;

pub(crate) use prior::Prior;

use crate::covariance::{of_term, row, transposed};
use crate::kernel::{Kernel, Room, Term};
use crate::numerical;
use contextualized_core::Result;
use contextualized_solvers::{Cholesky, cholesky, solve_lower};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// For each term the functions `φ(c) = L⁻¹ k(U, c)` with `L Lᵀ = k(U, U)` at reference inverse length scales,
/// preceded by the constant 1.
///
/// The inducing contexts U of a term are chosen one after the other by what the ones before leave
/// out, `k(c, c) − |φ(c)|²` (pivoted Cholesky), until that is below the tolerance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Basis {
    pub(crate) terms: Vec<TermBasis>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TermBasis {
    pub(crate) term: Term,
    /// Squares of the reference inverse length scales.
    squares: Vec<f64>,
    /// m × c.
    pub(crate) inducing: Array2<f64>,
    /// L (m × m).
    pub(crate) lower: Array2<f64>,
    /// What is left out among the candidates, relative to `k(c, c)`: the largest or the mean.
    pub(crate) residual: f64,
}

/// How inducing contexts are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pivots {
    /// Each where most is left out, until that is below the tolerance everywhere.
    Largest,
    /// At random in proportion to what is left out, until that is below the tolerance on average:
    /// more where contexts are many (Chen, Epperly, Tropp and Webber 2024,
    /// doi:10.1002/cpa.22234).
    Random,
}

impl Basis {
    /// Squares of the inverse length scales that it was made for, of the whole kernel.
    pub(crate) fn squares(&self) -> Vec<f64> {
        let terms = self.terms.iter();
        terms
            .flat_map(|term| term.squares.iter().copied())
            .collect()
    }

    /// Chooses inducing contexts among the candidates, at most `limit` for each term.
    ///
    /// `squares` are those of the inverse length scales of the whole kernel.
    pub(crate) fn choose(
        kernel: &Kernel,
        squares: &[f64],
        candidates: ArrayView2<'_, f64>,
        tolerance: f64,
        limit: usize,
        pivots: Pivots,
    ) -> Self {
        let candidates = candidates.as_standard_layout();
        let terms: Vec<_> = kernel.with_ranges().collect();
        let terms = terms
            .into_par_iter()
            .map(|(term, range)| {
                TermBasis::choose(
                    term,
                    &squares[range],
                    candidates.view(),
                    tolerance,
                    limit,
                    pivots,
                )
            })
            .collect();
        Self { terms }
    }

    pub(crate) fn kernel(&self) -> Kernel {
        Kernel {
            terms: self.terms.iter().map(|basis| basis.term.clone()).collect(),
        }
    }

    /// Functions for each coefficient, the constant included.
    pub(crate) fn functions(&self) -> usize {
        1 + self.terms.iter().map(TermBasis::len).sum::<usize>()
    }

    /// The largest relative residual of any term.
    pub(crate) fn residual(&self) -> f64 {
        self.terms
            .iter()
            .fold(0.0, |most, term| term.residual.max(most))
    }

    /// Whether shapes read from a file are those of the kernel.
    pub(crate) fn fits(&self, kernel: &Kernel, contexts: usize) -> bool {
        self.terms.len() == kernel.terms.len()
            && self.terms.iter().zip(&kernel.terms).all(|(basis, term)| {
                basis.term == *term
                    && basis.squares.len() == term.inverse_length_scales()
                    && basis.inducing.ncols() == contexts
                    && basis.lower.dim() == (basis.len(), basis.len())
            })
    }

    /// The functions at these contexts (rows × functions).
    pub(crate) fn at(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let mut values = Array2::ones((contexts.nrows(), self.functions()));
        let mut start = 1;
        for term in &self.terms {
            let end = start + term.len();
            values
                .slice_mut(s![.., start..end])
                .assign(&term.at(contexts)?);
            start = end;
        }
        Ok(values)
    }

    /// The share of the kernel that is left out, `(k(c, c) − |φ(c)|²) / k(c, c)` summed over terms, at
    /// each of some contexts whose functions are given.
    pub(crate) fn left_out(
        &self,
        contexts: ArrayView2<'_, f64>,
        values: ArrayView2<'_, f64>,
    ) -> Vec<f64> {
        let contexts = contexts.as_standard_layout();
        let contexts = contexts.view();
        let share = |(a, values): (usize, ArrayView1<'_, f64>)| {
            let context = row(&contexts, a);
            let whole: f64 = self
                .terms
                .iter()
                .map(|term| term.term.variance(&term.squares, context))
                .sum();
            // The first function is the constant.
            let seen = values.dot(&values) - values[0] * values[0];
            ((whole - seen) / whole.max(f64::MIN_POSITIVE)).max(0.0)
        };
        values.rows().into_iter().enumerate().map(share).collect()
    }
}

impl TermBasis {
    fn choose(
        term: &Term,
        squares: &[f64],
        candidates: ArrayView2<'_, f64>,
        tolerance: f64,
        limit: usize,
        pivots: Pivots,
    ) -> Self {
        let rows = candidates.nrows();
        let others = transposed(candidates);
        let mut spare = vec![0.0; rows];
        let mut left: Vec<f64> = (0..rows)
            .map(|a| term.variance(squares, row(&candidates, a)))
            .collect();
        let whole = match pivots {
            Pivots::Largest => left.iter().fold(0.0, |most: f64, &v| v.max(most)),
            Pivots::Random => left.iter().sum(),
        };
        let whole = whole.max(f64::MIN_POSITIVE);
        let mut generator = ChaCha8Rng::seed_from_u64(0);
        // Columns of the pivoted factor, one row for each inducing context.
        let mut columns = Array2::<f64>::zeros((limit.min(rows), rows));
        let mut chosen: Vec<usize> = Vec::new();
        let residual = loop {
            let (pivot, remains) = match pivots {
                Pivots::Largest => largest(&left),
                Pivots::Random => drawn(&left, &mut generator),
            };
            if chosen.len() == columns.nrows() || remains <= tolerance * whole {
                break remains / whole;
            }
            let most = left[pivot];
            let (known, mut rest) = columns.view_mut().split_at(Axis(0), chosen.len());
            let mut column = rest.row_mut(0);
            term.values(
                squares,
                row(&candidates, pivot),
                others.view(),
                column.as_slice_mut().expect("a row is contiguous"),
                &mut spare,
            );
            for known in known.rows() {
                column.scaled_add(-known[pivot], &known);
            }
            column /= most.sqrt();
            for (left, entry) in left.iter_mut().zip(&column) {
                *left = (*left - entry * entry).max(0.0);
            }
            left[pivot] = 0.0;
            chosen.push(pivot);
        };
        let lower = Array2::from_shape_fn((chosen.len(), chosen.len()), |(a, b)| {
            if b <= a { columns[[b, chosen[a]]] } else { 0.0 }
        });
        Self {
            term: term.clone(),
            squares: squares.to_vec(),
            inducing: candidates.select(Axis(0), &chosen),
            lower,
            residual,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.inducing.nrows()
    }

    /// `φ(c)` at these contexts (rows × m).
    pub(crate) fn at(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        if self.len() == 0 {
            return Ok(Array2::zeros((contexts.nrows(), 0)));
        }
        let covariance = self.with_inducing(&self.squares, contexts);
        let solved = numerical(solve_lower(self.lower.view(), covariance.view()))?;
        Ok(solved.reversed_axes())
    }

    /// The kernel among inducing contexts at other inverse length scales, factored with the jitter that makes
    /// it positive definite to rounding.
    pub(crate) fn covariance(&self, squares: &[f64]) -> Result<Cholesky> {
        let mut matrix = self.with_inducing(squares, self.inducing.view());
        let mean = matrix.diag().sum() / self.len() as f64;
        matrix
            .diag_mut()
            .mapv_inplace(|value| value + NUGGET * mean.max(f64::MIN_POSITIVE));
        numerical(cholesky(matrix.view()))
    }

    /// The kernel of inducing contexts with others (m × rows).
    fn with_inducing(&self, squares: &[f64], contexts: ArrayView2<'_, f64>) -> Array2<f64> {
        let others = transposed(contexts);
        of_term(&self.term, squares, self.inducing.view(), others.view())
    }

    /// Adds `½ Σ_ab W_ab ∂k_ab` over inducing contexts, W symmetric, by the logarithm of each
    /// inverse length scale.
    pub(crate) fn contract(&self, squares: &[f64], weights: ArrayView2<'_, f64>, out: &mut [f64]) {
        let inducing = self.inducing.view();
        let others = transposed(inducing);
        let mut room = Room::default();
        for a in 0..self.len() {
            // Pairs count twice, a context with itself once.
            let mut line = weights.row(a).slice(s![..=a]).to_vec();
            line[a] *= 0.5;
            let context = row(&inducing, a);
            self.term
                .values_and_slopes(squares, context, others.view(), &line, &mut room, out);
        }
    }
}

/// Where most is left, and how much.
fn largest(left: &[f64]) -> (usize, f64) {
    let better = |best: (usize, f64), (at, &v): (usize, &f64)| {
        if v > best.1 { (at, v) } else { best }
    };
    left.iter().enumerate().fold((0, 0.0), better)
}

/// A place drawn in proportion to what is left, and the sum of that.
fn drawn(left: &[f64], generator: &mut ChaCha8Rng) -> (usize, f64) {
    let total: f64 = left.iter().sum();
    let mut threshold = total * (generator.next_u64() as f64 / u64::MAX as f64);
    let mut place = largest(left).0;
    for (at, v) in left.iter().enumerate().filter(|(_, v)| **v > 0.0) {
        place = at;
        threshold -= v;
        if threshold <= 0.0 {
            break;
        }
    }
    (place, total)
}

/// Added to the diagonal of the kernel among inducing contexts, relative to its mean: smoother
/// kernels than the reference are singular there to rounding.
const NUGGET: f64 = 1e-10;
