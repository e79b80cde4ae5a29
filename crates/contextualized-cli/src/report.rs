//! The HTML report: one file that needs no network.
//!
//! [`RegressionReport`] and [`NetworkReport`] hold what a report is about and know models by their
//! traits alone. Every number and sentence is worked out from them here.

mod axes;
mod coefficients;
mod comparison;
mod dependence;
mod edges;
mod networks;
mod page;
mod parts;
mod pictures;
mod regression;
mod samples;
mod sections;
mod variation;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use axes::ContextAxis;
pub(crate) use comparison::Clusters;
pub(crate) use networks::NetworkReport;
pub(crate) use regression::RegressionReport;
pub(crate) use sections::{Achieved, Candidate};
pub(crate) use variation::Tested;
