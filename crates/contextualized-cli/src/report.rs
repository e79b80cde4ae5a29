//! The HTML report: one file that needs no network.
//!
//! A [`Study`] holds what a report is about, [`RegressionReport`] and [`NetworkReport`] the models, which
//! they know by their traits alone. Every number and sentence is worked out from them here.

mod coefficients;
mod comparison;
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

use contextualized_frame::{axes, dependence};
pub(crate) use networks::NetworkReport;
pub(crate) use pictures::{Curve, Curves, FIGURE};
pub(crate) use regression::RegressionReport;
pub(crate) use study::Study;
