//! Bootstraps of any estimator.
