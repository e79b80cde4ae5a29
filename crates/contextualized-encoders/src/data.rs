//! Training data with typed widths, handed out in batches.

use crate::loss::Observed;
use crate::tensors::{Values, known_width, tensor};
use contextualized_core::validate::{check_columns, check_rows, check_table};
use contextualized_core::{Error, Monitor, Result, Samples, normalized_weights};
use dfdx::shapes::Dim;
use dfdx::tensor::Cpu;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

/// Contexts (n × `C`), features (n × `X`), targets (n × `Y`) and weights of mean one.
///
/// A width may be a [`dfdx::shapes::Const`], known to the compiler, or a `usize`.
#[derive(Debug, Clone)]
pub struct TrainingData<C: Dim, X: Dim, Y: Dim> {
    contexts: Array2<f64>,
    features: Array2<f64>,
    targets: Array2<f64>,
    weights: Array1<f64>,
    base: Option<Array2<f64>>,
    widths: (C, X, Y),
    monitor: Monitor,
}

/// The tables of training data, whatever their widths are to the compiler.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tables<'a> {
    pub(crate) contexts: ArrayView2<'a, f64>,
    pub(crate) features: ArrayView2<'a, f64>,
    pub(crate) targets: ArrayView2<'a, f64>,
    pub(crate) weights: ArrayView1<'a, f64>,
    pub(crate) base: Option<ArrayView2<'a, f64>>,
}

/// One batch of training data as tensors.
#[derive(Debug)]
pub(crate) struct Batch<C: Dim, X: Dim> {
    pub(crate) contexts: Values<(usize, C)>,
    pub(crate) features: Values<(usize, X)>,
    pub(crate) observed: Observed,
}

impl<C: Dim, X: Dim, Y: Dim> TrainingData<C, X, Y> {
    /// Copies tables whose columns match the widths; weights, if any, are scaled to mean one.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] when a table's width is not the one its type stands for;
    /// [`Error::NoRows`], [`Error::NoColumns`], [`Error::RowCount`], [`Error::NotFinite`] and
    /// those of [`contextualized_core::validate::check_weights`].
    pub fn new(
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
        targets: ArrayView2<'_, f64>,
        weights: Option<ArrayView1<'_, f64>>,
    ) -> Result<Self> {
        let rows = contexts.nrows();
        for (argument, table) in [
            ("contexts", contexts.view()),
            ("features", features.view()),
            ("targets", targets.view()),
        ] {
            check_table(argument, table, None)?;
        }
        check_rows("features", rows, features.nrows())?;
        check_rows("targets", rows, targets.nrows())?;
        if rows == 0 {
            return Err(Error::NoRows {
                argument: "contexts",
            });
        }
        Ok(Self {
            widths: (
                known_width("contexts", contexts.ncols())?,
                known_width("features", features.ncols())?,
                known_width("targets", targets.ncols())?,
            ),
            contexts: contexts.to_owned(),
            features: features.to_owned(),
            targets: targets.to_owned(),
            weights: normalized_weights(weights, rows)?,
            base: None,
            monitor: Monitor::default(),
        })
    }

    /// Contexts, features, targets and weights of samples; their offsets, if any, are known terms of
    /// the linear predictor.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] when a table's width is not the one its type stands for.
    pub fn of(samples: &Samples) -> Result<Self> {
        let (targets, weights) = (samples.targets(), samples.weights());
        let mut data = Self::new(samples.contexts(), samples.features(), targets, weights)?
            .with_monitor(samples.monitor().clone());
        if let Some(offsets) = samples.offsets() {
            data.base = Some(Array2::zeros(targets.dim()) + offsets.insert_axis(Axis(1)));
        }
        Ok(data)
    }

    /// Lets somebody watch the training, and end it.
    pub fn with_monitor(mut self, monitor: Monitor) -> Self {
        self.monitor = monitor;
        self
    }

    /// Who watches the training.
    pub(crate) fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// Adds a linear predictor (n × `Y`) that the network's is added to: the network then learns
    /// the deviation from it.
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`], [`Error::ColumnCount`], [`Error::NotFinite`].
    pub fn with_base(mut self, base: ArrayView2<'_, f64>) -> Result<Self> {
        check_table("base", base, Some(self.targets.ncols()))?;
        check_rows("base", self.rows(), base.nrows())?;
        self.base = Some(match self.base {
            Some(known) => known + base,
            None => base.to_owned(),
        });
        Ok(self)
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.contexts.nrows()
    }

    /// Run-time widths are compared here; those the types stand for always agree.
    pub(crate) fn check_widths(&self, expected: (C, X, Y)) -> Result<()> {
        let (c, x, y) = expected;
        check_columns("contexts", c.size(), self.contexts.ncols())?;
        check_columns("features", x.size(), self.features.ncols())?;
        check_columns("targets", y.size(), self.targets.ncols())
    }

    pub(crate) fn tables(&self) -> Tables<'_> {
        Tables {
            contexts: self.contexts.view(),
            features: self.features.view(),
            targets: self.targets.view(),
            weights: self.weights.view(),
            base: self.base.as_ref().map(|base| base.view()),
        }
    }

    pub(crate) fn batch(&self, device: &Cpu, rows: &[usize]) -> Result<Batch<C, X>> {
        let gather = |table: &Array2<f64>| -> Vec<f64> {
            let mut values = Vec::with_capacity(rows.len() * table.ncols());
            for &row in rows {
                values.extend(table.index_axis(Axis(0), row));
            }
            values
        };
        let (c, x, _) = self.widths;
        Ok(Batch {
            contexts: tensor(device, gather(&self.contexts), (rows.len(), c))?,
            features: tensor(device, gather(&self.features), (rows.len(), x))?,
            observed: Observed {
                targets: gather(&self.targets),
                weights: rows.iter().map(|&row| self.weights[row]).collect(),
                base: self.base.as_ref().map(gather),
            },
        })
    }
}
