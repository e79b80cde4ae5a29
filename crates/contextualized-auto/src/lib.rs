//! # contextualized-auto
//!
//! Contextualized regressions and networks whose estimator is chosen by cross-validation.
