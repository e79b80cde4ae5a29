//! Coefficients as weights of a fixed basis: rows are read once, and every evaluation after that
//! costs what the basis costs.

use crate::basis::{Basis, TermBasis};
use crate::covariance::row;
use crate::engine::inconsistent;
use crate::evidence::Evidence;
use crate::exact::numerical;
use crate::fitted::PartialEffect;
use crate::hyperparameters::{Hyperparameters, Layout};
use crate::kernel::Kernel;
use crate::laplace::derivatives;
use contextualized_core::{Error, Result};
use contextualized_solvers::{Cholesky, cholesky, product, transposed_product, weighted_gram};
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Sums over rows: all that the basis sees of the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LowRank {
    pub(crate) basis: Basis,
    /// Prior standard deviation τ of constants.
    pub(crate) constant: f64,
    pub(crate) coefficients: usize,
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
    /// Whether the targets are the working ones of binary outcomes.
    pub(crate) working: bool,
    /// Largest `k(c, c) − |φ(c)|²` of any term over all rows, relative to the largest `k(c, c)`.
    pub(crate) residual: f64,
}

/// Rows whose products are formed at once.
const BLOCK: usize = 1024;

/// Sums that are formed side by side and then added in order; fixed, so that the bits do not depend
/// on the number of threads.
const PARTS: usize = 16;

/// The rows that a [`LowRank`] is made from.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) contexts: ArrayView2<'a, f64>,
    pub(crate) design: ArrayView2<'a, f64>,
    pub(crate) targets: ArrayView2<'a, f64>,
    pub(crate) weights: Option<ArrayView1<'a, f64>>,
}

struct Sums {
    /// For each pair of coefficients j ≤ l a square of the basis' size.
    pairs: Vec<Array2<f64>>,
    moments: Array2<f64>,
    squares: Array1<f64>,
    log_weights: f64,
    functions: Array1<f64>,
    residual: f64,
}

impl LowRank {
    /// Reads the rows in blocks of fixed size.
    pub(crate) fn gather(basis: Basis, constant: f64, rows: Rows<'_>) -> Result<Self> {
        let count = rows.contexts.nrows();
        let coefficients = rows.design.ncols();
        let functions = basis.functions();
        let blocks: Vec<_> = (0..count.div_ceil(BLOCK)).collect();
        let share = blocks.len().div_ceil(PARTS).max(1);
        let parts = blocks
            .par_chunks(share)
            .map(|blocks| {
                let mut sums = Sums::zeros(functions, coefficients, rows.targets.ncols());
                for block in blocks {
                    let range = block * BLOCK..count.min((block + 1) * BLOCK);
                    sums.add(&basis, rows, range)?;
                }
                Ok(sums)
            })
            .collect::<Result<Vec<_>>>()?;
        let mut total = Sums::zeros(functions, coefficients, rows.targets.ncols());
        parts.into_iter().for_each(|part| total.merge(part));

        let size = coefficients * functions;
        let mut gram = Array2::zeros((size, size));
        for (j, l, pair) in total.pairs_with_indices(coefficients) {
            let (a, b) = (j * functions, l * functions);
            gram.slice_mut(s![a..a + functions, b..b + functions])
                .assign(pair);
            gram.slice_mut(s![b..b + functions, a..a + functions])
                .assign(&pair.t());
        }
        Ok(Self {
            basis,
            constant,
            coefficients,
            rows: count,
            gram,
            moments: total.moments,
            squares: total.squares,
            log_weights: total.log_weights,
            mean_functions: total.functions / count as f64,
            working: false,
            residual: total.residual,
        })
    }

    /// Whether tables read from a file fit together.
    pub(crate) fn validate(&self, kernel: &Kernel, contexts: usize) -> Result<()> {
        let size = self.coefficients * self.basis.functions();
        let fits = self.gram.dim() == (size, size)
            && self.moments.nrows() == size
            && self.moments.ncols() == self.squares.len()
            && self.mean_functions.len() == self.basis.functions()
            && self.basis.fits(kernel, contexts);
        if fits {
            Ok(())
        } else {
            Err(inconsistent("sums over rows"))
        }
    }

    pub(crate) fn size(&self) -> usize {
        self.gram.nrows()
    }

    /// Each term's prior in terms of the basis, whitened.
    fn prior(&self, hyper: &Hyperparameters) -> Result<Prior> {
        let sets = hyper.relevances.nrows();
        let mut terms = Vec::new();
        let mut start = 0;
        for term in self.basis.terms() {
            let relevances = start..start + term.relevances();
            start = relevances.end;
            let sets = (0..sets)
                .into_par_iter()
                .map(|set| {
                    let squares = hyper.squares(set)[relevances.clone()].to_vec();
                    if term.len() == 0 {
                        return Ok(TermPrior {
                            squares,
                            factor: None,
                            whitened: Array2::zeros((0, 0)),
                        });
                    }
                    let factor = term.covariance(&squares)?;
                    let whitened = numerical(contextualized_solvers::solve_lower(
                        term.lower.view(),
                        factor.lower().view(),
                    ))?;
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

    /// The block-diagonal S with prior covariance `S Sᵀ` of one coefficient's weights.
    fn root(&self, prior: &Prior, hyper: &Hyperparameters, coefficient: usize) -> Array2<f64> {
        let functions = self.basis.functions();
        let mut root = Array2::zeros((functions, functions));
        root[[0, 0]] = self.constant;
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

    /// Solves at these hyperparameters.
    pub(crate) fn solve(&self, hyper: &Hyperparameters) -> Result<Solved> {
        let prior = self.prior(hyper)?;
        let functions = self.basis.functions();
        let roots: Vec<_> = (0..self.coefficients)
            .map(|j| self.root(&prior, hyper, j))
            .collect();
        let precision = hyper.noise.powi(-2);
        let block = |j: usize| j * functions..(j + 1) * functions;
        let mut system = Array2::zeros((self.size(), self.size()));
        for j in 0..self.coefficients {
            for l in 0..=j {
                let gram = self.gram.slice(s![block(j), block(l)]);
                let right = numerical(product(gram, roots[l].view()))?;
                let mut both = numerical(transposed_product(roots[j].view(), right.view()))?;
                both *= precision;
                if j == l {
                    both = (&both + &both.t()) / 2.0;
                }
                system.slice_mut(s![block(j), block(l)]).assign(&both);
                if l < j {
                    system.slice_mut(s![block(l), block(j)]).assign(&both.t());
                }
            }
        }
        system.diag_mut().mapv_inplace(|value| value + 1.0);
        let factor = numerical(cholesky(system.view()))?;
        let mut right = Array2::zeros(self.moments.dim());
        for (j, root) in roots.iter().enumerate() {
            let moments = self.moments.slice(s![block(j), ..]);
            right
                .slice_mut(s![block(j), ..])
                .assign(&(root.t().dot(&moments) * precision));
        }
        let whitened = numerical(factor.solve(right.view()))?;
        // yᵀ Σ⁻¹ y and the squared residuals, per target, in units of the noise.
        let explained = (&whitened * &right).sum_axis(Axis(0));
        let quadratic = &self.squares * precision - &explained;
        let residual = &quadratic - &(&whitened * &whitened).sum_axis(Axis(0));
        let (n, targets) = (self.rows as f64, self.moments.ncols() as f64);
        let log_determinant = factor.log_determinant() + 2.0 * n * hyper.noise.ln()
            - self.log_weights
            + n * std::f64::consts::TAU.ln();
        let value = -0.5
            * (targets * log_determinant
                + quadratic
                    .iter()
                    .zip(&hyper.scales)
                    .map(|(quadratic, scale)| quadratic / scale + n * scale.ln())
                    .sum::<f64>());
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

    /// The posterior at these hyperparameters.
    pub(crate) fn posterior(&self, hyper: &Hyperparameters) -> Result<LowRankPosterior> {
        let solved = self.solve(hyper)?;
        let functions = self.basis.functions();
        let mut weights = Array2::zeros(self.moments.dim());
        // Rows of S L⁻ᵀ, whose products are covariances of the weights.
        let identity = Array2::eye(self.size());
        let upper = numerical(solved.factor.solve_upper(identity.view()))?;
        let mut half = Array2::zeros((self.size(), self.size()));
        for (j, root) in solved.roots.iter().enumerate() {
            let block = j * functions..(j + 1) * functions;
            let part = s![block.clone(), ..];
            weights
                .slice_mut(part)
                .assign(&root.dot(&solved.whitened.slice(part)));
            half.slice_mut(part)
                .assign(&numerical(product(root.view(), upper.slice(part)))?);
        }
        Ok(LowRankPosterior {
            weights,
            half,
            jitter: solved.factor.jitter(),
        })
    }

    /// What the basis leaves out of each coefficient's prior variance at a context whose functions
    /// are given.
    pub(crate) fn left_out(
        &self,
        prior: &Prior,
        hyper: &Hyperparameters,
        context: &[f64],
        functions: ArrayView1<'_, f64>,
    ) -> Vec<f64> {
        let mut left = vec![0.0; self.coefficients];
        let mut start = 1;
        for (index, term) in self.basis.terms().iter().enumerate() {
            let end = start + term.len();
            let values = functions.slice(s![start..end]);
            let of_term = self.left_out_of(prior, hyper, index, context, values);
            left.iter_mut().zip(of_term).for_each(|(l, t)| *l += t);
            start = end;
        }
        left
    }

    /// The same of one term, whose functions are given.
    fn left_out_of(
        &self,
        prior: &Prior,
        hyper: &Hyperparameters,
        index: usize,
        context: &[f64],
        values: ArrayView1<'_, f64>,
    ) -> Vec<f64> {
        let term = &self.basis.terms()[index];
        let residuals: Vec<f64> = prior.terms[index]
            .iter()
            .map(|set| {
                let half = values.dot(&set.whitened);
                (term.variance(&set.squares, context) - half.dot(&half)).max(0.0)
            })
            .collect();
        (0..self.coefficients)
            .map(|j| hyper.amplitudes[[j, index]].powi(2) * residuals[hyper.set_of(j)])
            .collect()
    }

    pub(crate) fn prior_of(&self, hyper: &Hyperparameters) -> Result<Prior> {
        self.prior(hyper)
    }

    /// Means of all coefficients (q × T × p).
    pub(crate) fn means(
        &self,
        posterior: &LowRankPosterior,
        at: ArrayView2<'_, f64>,
    ) -> Result<Array3<f64>> {
        let values = self.basis.at(at)?;
        let functions = self.basis.functions();
        let targets = posterior.weights.ncols();
        let mut means = Array3::zeros((at.nrows(), targets, self.coefficients));
        for j in 0..self.coefficients {
            let block = posterior
                .weights
                .slice(s![j * functions..(j + 1) * functions, ..]);
            means
                .slice_mut(s![.., .., j])
                .assign(&numerical(product(values.view(), block))?);
        }
        Ok(means)
    }

    /// Posterior covariances of the coefficients at each context (q × p × p).
    pub(crate) fn covariances(
        &self,
        posterior: &LowRankPosterior,
        prior: &Prior,
        hyper: &Hyperparameters,
        at: ArrayView2<'_, f64>,
    ) -> Result<Array3<f64>> {
        let values = self.basis.at(at)?;
        let functions = self.basis.functions();
        let halves = (0..self.coefficients)
            .map(|j| {
                let block = posterior
                    .half
                    .slice(s![j * functions..(j + 1) * functions, ..]);
                numerical(product(values.view(), block))
            })
            .collect::<Result<Vec<_>>>()?;
        let count = self.coefficients;
        let mut out = Array3::zeros((at.nrows(), count, count));
        for (q, mut covariance) in out.axis_iter_mut(Axis(0)).enumerate() {
            for j in 0..count {
                for l in 0..=j {
                    let value = halves[j].row(q).dot(&halves[l].row(q));
                    covariance[[j, l]] = value;
                    covariance[[l, j]] = value;
                }
            }
            let left = self.left_out(prior, hyper, row(&at, q), values.row(q));
            for (j, left) in left.into_iter().enumerate() {
                covariance[[j, j]] += left;
            }
        }
        Ok(out)
    }
}

/// Prior of the weights, by term and set of relevances.
pub(crate) struct Prior {
    terms: Vec<Vec<TermPrior>>,
}

struct TermPrior {
    squares: Vec<f64>,
    /// Of the kernel among inducing contexts.
    factor: Option<Cholesky>,
    /// T with `T Tᵀ` the prior covariance of the weights, at amplitude one.
    whitened: Array2<f64>,
}

/// What a solve leaves behind.
pub(crate) struct Solved {
    prior: Prior,
    roots: Vec<Array2<f64>>,
    /// Of `A = I + Sᵀ G S / σ²`.
    factor: Cholesky,
    /// Mean of the whitened weights (M × T).
    whitened: Array2<f64>,
    quadratic: Array1<f64>,
    residual: Array1<f64>,
    value: f64,
}

/// The posterior of the weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LowRankPosterior {
    /// Means (M × T).
    pub(crate) weights: Array2<f64>,
    /// H with covariance `H Hᵀ` (M × M).
    pub(crate) half: Array2<f64>,
    pub(crate) jitter: f64,
}

impl Evidence for LowRank {
    fn targets(&self) -> usize {
        self.moments.ncols()
    }

    fn rows(&self) -> usize {
        self.rows
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
        let mut relevance_start = 0;
        let mut start = 1;
        for (index, (term, sets)) in self
            .basis
            .terms()
            .iter()
            .zip(&solved.prior.terms)
            .enumerate()
        {
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
                    crate::exact::add_outer(&mut moved, 1.0 / scale, mean, mean);
                }
                gradient[layout.amplitudes_start() + j * layout.terms + index] = moved.diag().sum();
                of_sets[hyper.set_of(j)] += &moved;
            }
            let count = term.relevances();
            for (set, (moved, prior)) in of_sets.into_iter().zip(sets).enumerate() {
                let Some(factor) = &prior.factor else {
                    continue;
                };
                // L⁻ᵀ (…) L⁻¹.
                let half = numerical(factor.solve_upper(moved.view()))?;
                let weights = numerical(factor.solve_upper(half.t()))?;
                let start = set * layout.relevances + relevance_start;
                term.contract(
                    &prior.squares,
                    weights.view(),
                    &mut gradient[start..start + count],
                );
            }
            relevance_start += count;
            start = end;
        }
        let (n, size) = (self.rows as f64, self.size() as f64);
        if let Some(at) = layout.noise_at() {
            let residual: f64 = solved
                .residual
                .iter()
                .zip(&hyper.scales)
                .map(|(residual, scale)| residual / scale)
                .sum();
            gradient[at] = residual - targets * (n - size + inverse.diag().sum());
        }
        for target in 0..layout.scales {
            gradient[layout.scales_start() + target] =
                0.5 * (solved.quadratic[target] / hyper.scales[target] - n);
        }
        Ok((solved.value, gradient))
    }
}

impl Sums {
    fn zeros(functions: usize, coefficients: usize, targets: usize) -> Self {
        let pairs = coefficients * (coefficients + 1) / 2;
        Self {
            pairs: vec![Array2::zeros((functions, functions)); pairs],
            moments: Array2::zeros((coefficients * functions, targets)),
            squares: Array1::zeros(targets),
            log_weights: 0.0,
            functions: Array1::zeros(functions),
            residual: 0.0,
        }
    }

    fn pairs_with_indices(
        &self,
        coefficients: usize,
    ) -> impl Iterator<Item = (usize, usize, &Array2<f64>)> {
        let indices = (0..coefficients).flat_map(move |j| (j..coefficients).map(move |l| (j, l)));
        indices.zip(&self.pairs).map(|((j, l), pair)| (j, l, pair))
    }

    fn add(&mut self, basis: &Basis, rows: Rows<'_>, range: std::ops::Range<usize>) -> Result<()> {
        let contexts = rows.contexts.slice(s![range.clone(), ..]);
        let mut design = rows.design.slice(s![range.clone(), ..]).to_owned();
        let mut targets = rows.targets.slice(s![range.clone(), ..]).to_owned();
        if let Some(weights) = rows.weights {
            let weights = weights.slice(s![range]);
            let roots = weights.mapv(f64::sqrt).insert_axis(Axis(1));
            design *= &roots;
            targets *= &roots;
            self.log_weights += weights.iter().map(|w| w.ln()).sum::<f64>();
        }
        let values = basis.at(contexts)?;
        self.residual = self
            .residual
            .max(basis.residual_at(contexts, values.view()));
        self.functions += &values.sum_axis(Axis(0));
        let functions = basis.functions();
        let coefficients = design.ncols();
        let mut pair = 0;
        for j in 0..coefficients {
            let products = &targets * &design.column(j).insert_axis(Axis(1));
            let moments = numerical(transposed_product(values.view(), products.view()))?;
            self.moments
                .slice_mut(s![j * functions..(j + 1) * functions, ..])
                .scaled_add(1.0, &moments);
            for l in j..coefficients {
                let weights = &design.column(j) * &design.column(l);
                self.pairs[pair] += &numerical(weighted_gram(values.view(), weights.view()))?;
                pair += 1;
            }
        }
        self.squares += &targets.map_axis(Axis(0), |column| column.dot(&column));
        Ok(())
    }

    fn merge(&mut self, other: Self) {
        for (pair, other) in self.pairs.iter_mut().zip(&other.pairs) {
            *pair += other;
        }
        self.moments += &other.moments;
        self.squares += &other.squares;
        self.log_weights += other.log_weights;
        self.functions += &other.functions;
        self.residual = self.residual.max(other.residual);
    }
}

/// Passes over the rows to the mode of binary outcomes.
const MAX_PASSES: usize = 50;
const MODE_TOLERANCE: f64 = 1e-8;

impl LowRank {
    /// Binary targets at these hyperparameters: for each the sums of the Gaussian rows that Laplace's
    /// approximation has at the mode, found by Newton's iteration over passes through the rows.
    pub(crate) fn at_modes(
        basis: &Basis,
        constant: f64,
        rows: Rows<'_>,
        hyper: &Hyperparameters,
    ) -> Result<Vec<Self>> {
        let hyper = Hyperparameters {
            noise: 1.0,
            scales: Array1::ones(1),
            ..hyper.clone()
        };
        let ones = Array1::ones(rows.contexts.nrows());
        let weights = rows.weights.as_ref().map_or(ones.view(), |w| w.view());
        rows.targets
            .columns()
            .into_iter()
            .map(|target| {
                let mut predictors = Array1::<f64>::zeros(target.len());
                for _ in 0..MAX_PASSES {
                    let (slopes, precisions) = derivatives(&predictors, target, weights);
                    let precisions = precisions.mapv(|p| p.max(LEAST_PRECISION));
                    let working = (&predictors + &(&slopes / &precisions)).insert_axis(Axis(1));
                    let mut sums = Self::gather(
                        basis.clone(),
                        constant,
                        Rows {
                            contexts: rows.contexts.view(),
                            design: rows.design.view(),
                            targets: working.view(),
                            weights: Some(precisions.view()),
                        },
                    )?;
                    let posterior = sums.posterior(&hyper)?;
                    let next = sums.predictors(&posterior, rows)?;
                    let change = (&next - &predictors)
                        .iter()
                        .fold(0.0, |most: f64, c| most.max(c.abs()));
                    // A step that is too long overshoots by its own length: halve it.
                    let step = (MOST_CHANGE / change.max(f64::MIN_POSITIVE)).min(1.0);
                    predictors = &predictors + &((&next - &predictors) * step);
                    if change < MODE_TOLERANCE.sqrt() {
                        sums.working = true;
                        return Ok(sums);
                    }
                }
                Err(Error::NotConverged {
                    algorithm: "Newton's iteration to the posterior mode",
                    iterations: MAX_PASSES,
                    criterion: "largest change of a linear predictor",
                    value: f64::NAN,
                    tolerance: MODE_TOLERANCE.sqrt(),
                })
            })
            .collect()
    }

    /// Linear predictors of the rows.
    fn predictors(&self, posterior: &LowRankPosterior, rows: Rows<'_>) -> Result<Array1<f64>> {
        let mut predictors = Array1::zeros(rows.contexts.nrows());
        let blocks: Vec<_> = predictors
            .axis_chunks_iter_mut(Axis(0), BLOCK)
            .zip(rows.contexts.axis_chunks_iter(Axis(0), BLOCK))
            .zip(rows.design.axis_chunks_iter(Axis(0), BLOCK))
            .collect();
        blocks
            .into_par_iter()
            .try_for_each(|((mut out, contexts), design)| {
                let means = self.means(posterior, contexts)?;
                let means = means.index_axis(Axis(1), 0);
                out.assign(&(&means * &design).sum_axis(Axis(1)));
                Ok(())
            })?;
        Ok(predictors)
    }

    /// A root of the joint posterior covariance of all coefficients at these contexts
    /// (q p × M + q p), coefficients fastest.
    pub(crate) fn joint_root(
        &self,
        posterior: &LowRankPosterior,
        hyper: &Hyperparameters,
        at: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        let prior = self.prior(hyper)?;
        let values = self.basis.at(at)?;
        let functions = self.basis.functions();
        let (rows, count, size) = (at.nrows(), self.coefficients, self.size());
        let mut root = Array2::zeros((rows * count, size + rows * count));
        for j in 0..count {
            let block = posterior
                .half
                .slice(s![j * functions..(j + 1) * functions, ..]);
            root.slice_mut(s![j..;count, ..size])
                .assign(&numerical(product(values.view(), block))?);
        }
        for q in 0..rows {
            let left = self.left_out(&prior, hyper, row(&at, q), values.row(q));
            for (j, left) in left.into_iter().enumerate() {
                root[[q * count + j, size + q * count + j]] = left.sqrt();
            }
        }
        Ok(root)
    }
}

/// A row whose outcome is certain to rounding says nothing of the curvature.
const LEAST_PRECISION: f64 = 1e-10;
/// The most a linear predictor changes in one pass.
const MOST_CHANGE: f64 = 10.0;

impl LowRank {
    /// What one term adds to every coefficient, with mean zero over the rows.
    pub(crate) fn partial_effect(
        &self,
        posterior: &LowRankPosterior,
        hyper: &Hyperparameters,
        term: usize,
        at: ArrayView2<'_, f64>,
    ) -> Result<PartialEffect> {
        let prior = self.prior(hyper)?;
        let before: usize = self.basis.terms()[..term].iter().map(TermBasis::len).sum();
        let range = 1 + before..1 + before + self.basis.terms()[term].len();
        let values = self.basis.at(at)?;
        let own = values.slice(s![.., range.clone()]);
        let centered = &own - &self.mean_functions.slice(s![range.clone()]);
        let functions = self.basis.functions();
        let shape = (at.nrows(), posterior.weights.ncols(), self.coefficients);
        let (mut means, mut variances) = (Array3::zeros(shape), Array3::zeros(shape));
        for j in 0..self.coefficients {
            let block = j * functions + range.start..j * functions + range.end;
            let part = s![block, ..];
            let mean = centered.dot(&posterior.weights.slice(part));
            let half = centered.dot(&posterior.half.slice(part));
            means.slice_mut(s![.., .., j]).assign(&mean);
            let explained = half.map_axis(Axis(1), |line| line.dot(&line));
            for q in 0..at.nrows() {
                let context = row(&at, q);
                let left = self.left_out_of(&prior, hyper, term, context, own.row(q))[j];
                for target in 0..shape.1 {
                    variances[[q, target, j]] = (explained[q] + left) * self.scale(hyper, target);
                }
            }
        }
        Ok(PartialEffect { means, variances })
    }

    fn scale(&self, hyper: &Hyperparameters, target: usize) -> f64 {
        if self.working {
            1.0
        } else {
            hyper.scales[target]
        }
    }

    /// Residuals of the rows it was made from, each predicted from all others: the residual over one
    /// less the leverage.
    pub(crate) fn leave_one_out(
        &self,
        posterior: &LowRankPosterior,
        hyper: &Hyperparameters,
        rows: Rows<'_>,
    ) -> Result<Array2<f64>> {
        let mut residuals = rows.targets.to_owned();
        let starts: Vec<_> = (0..rows.contexts.nrows()).step_by(BLOCK).collect();
        let blocks: Vec<_> = residuals
            .axis_chunks_iter_mut(Axis(0), BLOCK)
            .zip(starts)
            .collect();
        blocks.into_par_iter().try_for_each(|(mut out, start)| {
            let range = start..start + out.nrows();
            let contexts = rows.contexts.slice(s![range.clone(), ..]);
            let design = rows.design.slice(s![range.clone(), ..]);
            let values = self.basis.at(contexts)?;
            let functions = self.basis.functions();
            let mut products = Array2::zeros((range.len(), self.size()));
            for j in 0..self.coefficients {
                let column = design.column(j).insert_axis(Axis(1));
                products
                    .slice_mut(s![.., j * functions..(j + 1) * functions])
                    .assign(&(&values * &column));
            }
            out -= &numerical(product(products.view(), posterior.weights.view()))?;
            let half = numerical(product(products.view(), posterior.half.view()))?;
            for (offset, mut line) in out.rows_mut().into_iter().enumerate() {
                let weight = rows.weights.as_ref().map_or(1.0, |w| w[start + offset]);
                let half = half.row(offset);
                let leverage = weight * half.dot(&half) / (hyper.noise * hyper.noise);
                line /= 1.0 - leverage;
            }
            Ok(())
        })?;
        Ok(residuals)
    }
}
