//! Covariances as functions of context, by kernel weights.
//!
//! What kernel correlation and Markov networks have in common: [`smoother`] turns a context into
//! weights of the training rows, [`products`] sums rows and their products under many weights at
//! once, [`definite`] keeps covariances positive definite, [`search`] chooses bandwidths, [`fit`] puts these together, and [`covariance`] is the
//! fitted result.

mod covariance;
mod definite;
mod fit;
mod products;
mod search;
mod setters;
mod smoother;

pub use covariance::{Bandwidths, LocalReport};
pub(crate) use covariance::{LocalCovariance, LocalNormal};
pub(crate) use fit::LocalSettings;
pub(crate) use setters::local_setters;
pub use smoother::Order;
