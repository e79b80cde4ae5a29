//! # contextualized-gp
//!
//! Gaussian-process varying-coefficient models. Coefficients of a linear predictor are functions of a
//! context, the functions have Gaussian-process priors, and their posterior is found by linear solves.
//!
//! # The mathematics
//!
//! ```text
//! yᵢ = Σⱼ βⱼ(cᵢ) xᵢⱼ + εᵢ,    εᵢ ~ N(0, σ²/wᵢ)
//! βⱼ = bⱼ + Σₜ gⱼₜ,           p(bⱼ) ∝ 1,   gⱼₜ ~ GP(0, sⱼₜ² kₜ(c, c'))
//! ```
//!
//! The constants b have a flat prior: with X the design (n × p), the restricted likelihood is
//!
//! ```text
//! K = Σⱼ Σₜ sⱼₜ² kₜ(C, C) ∘ xⱼ xⱼᵀ + σ² W⁻¹
//! P = K⁻¹ − K⁻¹ X (Xᵀ K⁻¹ X)⁻¹ Xᵀ K⁻¹,     α = P y
//! log p(y) = −½ (yᵀ α + log|K| + log|Xᵀ K⁻¹ X| + (n − p) log 2π)
//! ∂ log p(y) = ½ tr((α αᵀ − P) ∂K)
//! ```
//!
//! If no coefficient varies, estimates and standard errors are those of the generalised linear model.
//! Where the rows do not determine the constants, see [`CoefficientProcess`], their prior is a wide
//! normal distribution instead.
//!
//! and the coefficients at any context have the posterior mean and covariance of a normal
//! distribution given y. Amplitudes sⱼₜ, inverse length scales and σ are where their
//! posterior density is largest, found by L-BFGS with these gradients. Priors have their mode at
//! zero, see [`Priors`]: an amplitude of zero is a constant coefficient, an inverse length scale of zero a
//! context without influence. Variances add what follows from not knowing the hyperparameters, by a
//! small deterministic mixture about the mode of their logarithms.
//!
//! **Other families** than the Gaussian have Laplace's approximation: Newton's iteration to the mode
//! of the linear predictors, each step a Gaussian solve with working responses, and a normal posterior
//! there.
//!
//! **Many rows** see the functions through a basis, `φ(c) = L⁻¹ k(U, c)` with inducing contexts U
//! chosen by pivoted Cholesky: `k(c, c) − |φ(c)|²`, what the basis leaves out, is below a tolerance
//! at all of them, and what is left is added to every variance. All that is needed of the rows is
//! then in sums of products of the design and the basis, which are formed once, in blocks: O(n m²),
//! m the size of the basis. Hyperparameters move the prior of the basis' weights and not the basis,
//! so an evaluation costs O((p m)³), whatever n. Searches begin on few rows, and go on with the
//! curvature found there.
//!
//! **Factors** have kernels that are the sum of what their levels have in common and of what each has of its
//! own. The levels of the factor with the most of them are eliminated one after the other, and a basis of
//! the other contexts is left: O(Σ min(n_l, p m)² p m) for levels of n_l rows, exact where the others are
//! factors.
//!
//! Sources: Rasmussen and Williams, *Gaussian Processes for Machine Learning* (2006,
//! doi:10.7551/mitpress/3206.001.0001), chapters 2, 3, 5 and 8; O'Hagan, *Curve Fitting and Optimal
//! Design for Prediction* (1978, doi:10.1111/j.2517-6161.1978.tb01643.x) for the constants;
//! Quiñonero-Candela and Rasmussen, *A Unifying View of Sparse Approximate Gaussian Process
//! Regression* (2005, <https://www.jmlr.org/papers/v6/quinonero-candela05a.html>); Rue, Martino and
//! Chopin (2009, doi:10.1111/j.1467-9868.2008.00700.x) for the mixture.
//!
//! # Example
//!
//! ```
//! use contextualized_gp::{CoefficientProcess, Kernel, Observations};
//! use ndarray::{Array2, array, s};
//!
//! // A slope that follows the first of two contexts, an intercept that is constant, and some noise.
//! let rows = 120;
//! let contexts = Array2::from_shape_fn((rows, 2), |(i, k)| ((13 + 18 * k) * i % 40) as f64 / 20.0 - 1.0);
//! let mut design = Array2::ones((rows, 2));
//! design.column_mut(0).assign(&(0..rows).map(|i| (7 * i % 11) as f64 / 5.0 - 1.0).collect::<ndarray::Array1<_>>());
//! let targets = Array2::from_shape_fn((rows, 1), |(i, _)| {
//!     let noise = ((31 * i % 17) as f64 - 8.0) / 80.0;
//!     (2.0 * contexts[[i, 0]]).sin() * design[[i, 0]] + 0.5 + noise
//! });
//!
//! let process = CoefficientProcess::new(Kernel::squared_exponential([0, 1]));
//! let fitted = process.fit(Observations::new(contexts.view(), design.view(), targets.view()))?;
//!
//! let posterior = fitted.posterior_at(array![[0.3, 0.0]].view())?;
//! let deviation = posterior.covariances[[0, 0, 0, 0]].sqrt();
//! assert!((posterior.means[[0, 0, 0]] - 0.6_f64.sin()).abs() < 3.0 * deviation && deviation < 0.05);
//! // The second context has no influence, and the intercept does not vary.
//! let hyper = fitted.hyperparameters();
//! assert!(hyper.inverse_length_scales[[0, 1]] < 0.1 * hyper.inverse_length_scales[[0, 0]]);
//! assert!(hyper.amplitudes[[1, 0]] < 0.1 * hyper.amplitudes[[0, 0]]);
//! # Ok::<(), contextualized_core::Error>(())
//! ```
//!
//! # Map
//!
//! | idea | here |
//! |---|---|
//! | what is assumed, and how it is fitted | [`CoefficientProcess`], [`ProcessSettings`], [`Sharing`], [`Size`] |
//! | the rows | [`Observations`] |
//! | kernels, their sums and products | [`Kernel`], [`KernelShape`], [`Term`] |
//! | priors, and what was found | [`Priors`], [`Hyperparameters`] |
//! | coefficients, predictors, weighted sums, draws, partial effects, leave-one-out | [`FittedProcess`], [`Moments`], [`PredictorMoments`] |
//! | whether a coefficient varies with a context | [`FittedProcess::wald_tests`], [`Constancy`], [`WaldStatistic`] |
//! | how the fit went | [`ProcessReport`], [`Method`] |
//! | a basis with its prior, for models that have other terms besides | [`PriorBasis`] |
//! | the search for hyperparameters, and for whatever else is smooth | [`QuasiNewton`], [`Minimum`] |
//!
//! Tables are plain and in units of about one; regression of named columns in any units is in
//! `contextualized-linear`.

mod basis;
mod constants;
mod coordinates;
mod covariance;
mod engine;
mod exact;
mod fitted;
mod hyperparameters;
mod kernel;
mod laplace;
mod levels;
mod low_rank;
mod minimise;
mod mixture;
mod modes;
mod observations;
mod optimise;
mod polish;
mod posterior;
mod prior_basis;
mod priors;
mod process;
mod search;
mod sums;
mod wald;
mod weights;

pub use engine::Method;
pub use fitted::{FittedProcess, PredictorMoments, ProcessReport};
pub use hyperparameters::Hyperparameters;
pub use kernel::{Kernel, KernelShape, Term};
pub use minimise::{Minimum, QuasiNewton};
pub use observations::Observations;
pub use posterior::Moments;
pub use prior_basis::PriorBasis;
pub use priors::Priors;
pub use process::{CoefficientProcess, ProcessSettings, Sharing, Size};
pub use wald::{Constancy, WaldStatistic};

/// A failure of a solve as the workspace's error.
fn numerical<T>(result: contextualized_solvers::Result<T>) -> contextualized_core::Result<T> {
    const WHAT: &str = "a solve with the covariance of the rows";
    result.map_err(|source| contextualized_core::Error::numerical(WHAT, source))
}
