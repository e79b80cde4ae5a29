//! # contextualized-trees
//!
//! Regressions whose coefficients are sums of Bayesian regression trees of the context:
//!
//! ```text
//! ℓ(E[y | x, c]) = B(c) x + m(c)
//! every entry of B and m:  βⱼ(c) = bⱼ + Σₜ gⱼₜ(c)
//! gⱼₜ(c) = Σₗ μⱼₜₗ φⱼₜₗ(c)        φ: the share of context c in leaf l, a product of the shares of its splits
//! ```
//!
//! [`TreeRegression`] draws trees, leaf values and variances from their posterior by backfitting: each tree given the
//! residuals of all others. Given the shares, a tree is a linear model of its leaf values with a normal prior, so that
//! they are integrated out of the decision whether a tree grows, loses or changes a split, and drawn in closed form.
//! [`TreeModel`] keeps draws: coefficients are means over them, intervals quantiles.
//!
//! ```
//! use contextualized_core::{Estimator, Samples};
//! use contextualized_trees::TreeRegression;
//! use ndarray::Array2;
//!
//! // The slope jumps with the second of two contexts; the intercept is constant.
//! let contexts = Array2::from_shape_fn((300, 2), |(i, j)| ((31 * i + 17 * j * i) % 101) as f64);
//! let features = Array2::from_shape_fn((300, 1), |(i, _)| ((7 * i) % 11) as f64 - 5.0);
//! let slope = |i: usize| if contexts[[i, 1]] > 50.0 { 2.0 } else { -1.0 };
//! let targets = Array2::from_shape_fn((300, 1), |(i, _)| slope(i) * features[[i, 0]] + (i as f64).sin());
//! let samples = Samples::new(contexts.view(), features.view(), targets.view())?;
//!
//! let model = TreeRegression::new().burn_in(300).sweeps(300).fit(&samples)?;
//! for line in model.relevance(0.9)? {
//!     // Which contexts a coefficient depends on: the slope on the second.
//!     let expected = line.coefficient == "x0" && line.context == "c1";
//!     assert_eq!(line.is_selected(), expected, "{line:?}");
//! }
//! # Ok::<(), contextualized_core::Error>(())
//! ```
//!
//! ## Map
//!
//! | item | for |
//! |---|---|
//! | [`TreeRegression`] | the estimator: settings |
//! | [`TreeModel`] | the fitted model: coefficients, intervals, draws, sums |
//! | [`ContextRelevance`] | how much a coefficient depends on a context |
//! | [`TreeReport`], [`Convergence`] | whether the chains agree |

mod codes;
mod diagnostics;
mod draws;
mod estimator;
mod forest;
mod model;
mod order;
mod relevance;
mod report;
mod sampler;
mod sums;

pub use diagnostics::Convergence;
pub use estimator::TreeRegression;
pub use model::TreeModel;
pub use relevance::ContextRelevance;
pub use report::{TargetConvergence, TreeReport};
