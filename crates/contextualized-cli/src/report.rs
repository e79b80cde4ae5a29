//! The HTML report: one file that needs no network.
//!
//! A [`Study`] holds what a report is about, [`RegressionReport`] and [`NetworkReport`] the models, which
//! they know by their traits alone. Every number and sentence is worked out from them here.

mod axes;
mod coefficients;
mod comparison;
mod dependence;
mod diagnostics;
mod edges;
mod headline;
mod networks;
mod one_row;
mod page;
mod parts;
mod pictures;
mod regression;
mod samples;
mod study;
mod subgroups;
mod variation;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use axes::{ContextAxis, Points};
pub(crate) use dependence::{Average, coefficient_table, dependences_with_bands, ends};
pub(crate) use edges::EdgeValues;
pub(crate) use networks::NetworkReport;
pub(crate) use pictures::{Curve, Curves, FIGURE, is_flat};
pub(crate) use regression::RegressionReport;
pub(crate) use study::Study;
pub(crate) use variation::INTERCEPT;
