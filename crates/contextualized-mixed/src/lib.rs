//! # contextualized-mixed
//!
//! Linear and generalised linear mixed models, whose coefficients may vary with a context.
//!
//! # The mathematics
//!
//! ```text
//! ℓ(E[y_i | b]) = B(c_i) x_i + m(c_i) + offset_i + Σ_t z_itᵀ b_{t, g_t(i)}
//! b_tg ~ N(0, Σ_t), independent of each other;  y_i ~ N(·, σ²/w_i), or of another family
//! ```
//!
//! Coefficients B and m are constants or, of contexts, constants and functions with Gaussian-process priors, by a
//! basis of few functions. Constants have a flat prior: with the restricted likelihood (REML) of normal errors, whose
//! logarithm is, up to a constant and with V the covariance of y and X the design,
//!
//! ```text
//! −½ (log|V| + log|Xᵀ V⁻¹ X| + yᵀ P y),    P = V⁻¹ − V⁻¹ X (Xᵀ V⁻¹ X)⁻¹ Xᵀ V⁻¹
//! ```
//!
//! covariances Σ = σ² Λ Λᵀ and the amplitudes and length scales of functions are where it is largest, given weak
//! priors on the latter, with exact gradients by Λ. The levels of the grouping factor of most levels are eliminated
//! one by one, as in Bates, Mächler, Bolker and Walker, *Fitting Linear Mixed-Effects Models Using lme4* (2015,
//! doi:10.18637/jss.v067.i01): for L levels of q effects and d other columns an evaluation costs O(L q d² + d³),
//! whatever the number of rows. Degrees of freedom of constant coefficients are Satterthwaite's (Kuznetsova, Brockhoff
//! and Christensen 2017, doi:10.18637/jss.v082.i13).
//!
//! Other families have Laplace's approximation of the marginal likelihood of all fixed effects and covariances, as
//! `glmer` of lme4 has it.
//!
//! # Map
//!
//! | idea | here |
//! |---|---|
//! | the estimator | [`MixedRegression`], [`Variation`] |
//! | the model: coefficients, random effects, intervals | [`MixedModel`] |
//! | penalised least squares with eliminated levels | `problem.rs` |
//! | the restricted likelihood | `structure.rs` |
//! | Laplace's approximation | `laplace.rs` |

mod degrees;
mod estimator;
mod factors;
mod functions;
mod laplace;
mod model;
mod problem;
mod rows;
mod structure;

pub use estimator::{MixedRegression, Variation};
pub use model::MixedModel;

/// A failure of a solve as the workspace's error.
fn numerical<T>(result: contextualized_solvers::Result<T>) -> contextualized_core::Result<T> {
    const WHAT: &str = "a solve of the mixed model";
    result.map_err(|source| contextualized_core::Error::numerical(WHAT, source))
}
