//! The rows that a process is fitted to.

use contextualized_core::validate::{check_offsets, check_rows, check_table, check_weights};
use contextualized_core::{Error, Monitor, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, CowArray, Ix2};
use std::collections::BTreeSet;

/// Rows of contexts (n × c), of a design (n × p) and of targets (n × T), in units in which all have
/// a scale of about one.
///
/// ```
/// use contextualized_gp::Observations;
/// use ndarray::array;
///
/// let (contexts, design, targets) = (array![[0.1], [0.4]], array![[1.0], [1.0]], array![[2.0], [3.0]]);
/// let weights = array![1.0, 2.0];
/// let observations = Observations::new(contexts.view(), design.view(), targets.view());
/// let observations = observations.with_weights(Some(weights.view()));
/// # let _ = observations;
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Observations<'a> {
    pub(crate) contexts: ArrayView2<'a, f64>,
    pub(crate) design: ArrayView2<'a, f64>,
    pub(crate) targets: ArrayView2<'a, f64>,
    pub(crate) weights: Option<ArrayView1<'a, f64>>,
    pub(crate) offsets: Option<ArrayView1<'a, f64>>,
    pub(crate) groups: Option<&'a [usize]>,
    pub(crate) monitor: Option<&'a Monitor>,
}

impl<'a> Observations<'a> {
    /// Rows of weight one, without offsets.
    pub fn new(
        contexts: ArrayView2<'a, f64>,
        design: ArrayView2<'a, f64>,
        targets: ArrayView2<'a, f64>,
    ) -> Self {
        Self {
            contexts,
            design,
            targets,
            weights: None,
            offsets: None,
            groups: None,
            monitor: None,
        }
    }

    /// Positive weights (n): inverse variances relative to each other where the family has a
    /// dispersion, numbers of rows where it has none.
    pub fn with_weights(mut self, weights: Option<ArrayView1<'a, f64>>) -> Self {
        self.weights = weights;
        self
    }

    /// Known terms (n) of every linear predictor.
    pub fn with_offsets(mut self, offsets: Option<ArrayView1<'a, f64>>) -> Self {
        self.offsets = offsets;
        self
    }

    /// Numbers (n) of groups of rows whose errors may depend on each other, for
    /// [`FittedProcess::wald_tests`](crate::FittedProcess::wald_tests); coefficients are fitted without them.
    pub fn with_groups(mut self, groups: Option<&'a [usize]>) -> Self {
        self.groups = groups;
        self
    }

    /// Who watches the search for hyperparameters, and may end it.
    pub fn with_monitor(mut self, monitor: Option<&'a Monitor>) -> Self {
        self.monitor = monitor;
        self
    }

    /// Checks tables against each other and against numbers of columns that are known.
    pub(crate) fn check(&self, widths: Option<(usize, usize, usize)>) -> Result<()> {
        check_table("contexts", self.contexts, widths.map(|w| w.0))?;
        check_table("design", self.design, widths.map(|w| w.1))?;
        check_table("targets", self.targets, widths.map(|w| w.2))?;
        let rows = self.rows();
        if rows == 0 {
            return Err(Error::NoRows {
                argument: "contexts",
            });
        }
        check_rows("design", rows, self.design.nrows())?;
        check_rows("targets", rows, self.targets.nrows())?;
        if let Some(weights) = self.weights {
            check_weights(weights, rows)?;
            if let Some(row) = weights.iter().position(|&weight| weight == 0.0) {
                return Err(Error::invalid_parameter(
                    "weights",
                    format!("0 at row {}", row + 1),
                    "positive: leave out rows that do not count",
                ));
            }
        }
        if let Some(groups) = self.groups {
            check_rows("groups", rows, groups.len())?;
        }
        self.offsets.map_or(Ok(()), |o| check_offsets(o, rows))
    }

    pub(crate) fn weights_or_ones(&self) -> Array1<f64> {
        let ones = || Array1::ones(self.rows());
        self.weights.map_or_else(ones, |weights| weights.to_owned())
    }

    pub(crate) fn offsets_or_zeros(&self) -> Array1<f64> {
        let zeros = || Array1::zeros(self.rows());
        self.offsets
            .map_or_else(zeros, |offsets| offsets.to_owned())
    }

    pub(crate) fn rows(&self) -> usize {
        self.contexts.nrows()
    }

    /// Number of groups, or of rows where there are none.
    pub(crate) fn units(&self) -> usize {
        let groups = self.groups.map(|all| all.iter().collect::<BTreeSet<_>>());
        groups.map_or(self.rows(), |distinct| distinct.len())
    }

    /// One of the targets alone.
    pub(crate) fn target(self, target: usize) -> Self {
        let mut one = self;
        one.targets
            .slice_axis_inplace(Axis(1), ndarray::Slice::from(target..target + 1));
        one
    }

    /// Some of the rows, in this order.
    pub(crate) fn select(&self, chosen: &[usize]) -> OwnedObservations {
        OwnedObservations {
            contexts: self.contexts.select(Axis(0), chosen),
            design: self.design.select(Axis(0), chosen),
            targets: self.targets.select(Axis(0), chosen),
            weights: self.weights.map(|w| w.select(Axis(0), chosen)),
            offsets: self.offsets.map(|o| o.select(Axis(0), chosen)),
            groups: self
                .groups
                .map(|all| chosen.iter().map(|&row| all[row]).collect()),
            monitor: self.monitor.cloned(),
        }
    }

    /// The targets less the offsets, which is all that offsets are where the likelihood is quadratic.
    pub(crate) fn adjusted_targets(&self) -> CowArray<'a, f64, Ix2> {
        match self.offsets {
            Some(offsets) => (&self.targets - &offsets.insert_axis(Axis(1))).into(),
            None => self.targets.into(),
        }
    }
}

/// Rows of their own.
pub(crate) struct OwnedObservations {
    contexts: Array2<f64>,
    design: Array2<f64>,
    targets: Array2<f64>,
    weights: Option<Array1<f64>>,
    offsets: Option<Array1<f64>>,
    groups: Option<Vec<usize>>,
    monitor: Option<Monitor>,
}

impl OwnedObservations {
    pub(crate) fn rows(&self) -> Observations<'_> {
        let tables = (
            self.contexts.view(),
            self.design.view(),
            self.targets.view(),
        );
        Observations::new(tables.0, tables.1, tables.2)
            .with_weights(self.weights.as_ref().map(Array1::view))
            .with_offsets(self.offsets.as_ref().map(Array1::view))
            .with_groups(self.groups.as_deref())
            .with_monitor(self.monitor.as_ref())
    }
}
