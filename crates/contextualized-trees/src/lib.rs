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
//! use contextualized_core::Estimator;
//! use contextualized_simulation::Simulator;
//! use contextualized_trees::TreeRegression;
//!
//! // The slope jumps with the second of two contexts; the intercept is constant.
//! let data = Simulator::new(300)
//!     .uniform_contexts(2, 0.0, 1.0)
//!     .slopes(|c| vec![if c[1] > 0.5 { 2.0 } else { -1.0 }])
//!     .noise(0.5)
//!     .simulate(0)?;
//! let model = TreeRegression::new().burn_in(300).sweeps(300).fit(&data.samples)?;
//!
//! // Which contexts a coefficient depends on.
//! let table = model.relevance(0.9)?;
//! let selected = table.iter().find(|line| line.is_selected());
//! let names = selected.map(|line| (line.coefficient.as_str(), line.context.as_str()));
//! assert_eq!(names, Some(("x0", "c1")));
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
