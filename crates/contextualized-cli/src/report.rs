//! The HTML report: one file that needs no network.
//!
//! A [`Study`] holds what a report is about, [`RegressionReport`] and [`NetworkReport`] the models, which
//! they know by their traits alone. Every number and sentence is worked out from them here.

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
mod study;
mod variation;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use axes::ContextAxis;
pub(crate) use networks::NetworkReport;
pub(crate) use regression::RegressionReport;
pub(crate) use study::Study;
