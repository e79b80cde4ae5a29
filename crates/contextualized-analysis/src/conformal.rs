//! Split-conformal prediction intervals.
