//! A vector-valued function of the context, fitted to its values.

use crate::distillation::{Distillation, EncoderStudent};
use contextualized_core::validate::{check_columns, check_finite, check_table};
use contextualized_core::{Family, Result, Samples, Standardization};
use contextualized_encoders::{
    EncoderKind, EncoderLink, Network, NetworkSettings, Parameterization, StoredNetwork,
    TrainingData, seeds, unobserved,
};
#[cfg(feature = "gp")]
use contextualized_gp::{CoefficientProcess, FittedProcess, Kernel, KernelShape, Observations};
use ndarray::{Array2, ArrayView2, Axis, s};
#[cfg(feature = "gp")]
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// c ↦ outputs, in units of the data; an output that does not vary is its value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ContextFunction {
    contexts: Standardization,
    outputs: Standardization,
    /// Which outputs vary at all.
    varying: Vec<bool>,
    kind: Kind,
}

/// Of the varying outputs, standardised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Kind {
    Constant,
    Encoder(StoredNetwork),
    #[cfg(feature = "gp")]
    Kernel(Vec<FittedProcess>),
}

/// Outputs whose deviation is below this share of their size do not vary: they are derivatives,
/// which carry more rounding than the one operation.
const CONSTANT: f64 = 1e-12;

impl ContextFunction {
    /// Fits outputs at the contexts of samples.
    pub(crate) fn fit(
        student: &Distillation,
        samples: &Samples,
        outputs: ArrayView2<'_, f64>,
    ) -> Result<Self> {
        let of_contexts = Standardization::fit(samples.contexts(), samples.weights())?;
        let of_outputs = Standardization::fit(outputs, samples.weights())?;
        let standardized = of_outputs.apply(outputs)?;
        let varying: Vec<bool> = outputs
            .columns()
            .into_iter()
            .enumerate()
            .map(|(column, values)| {
                let largest = values.fold(0.0_f64, |largest, value| largest.max(value.abs()));
                let center = of_outputs.centers()[column];
                values
                    .iter()
                    .any(|value| (value - center).abs() > CONSTANT * largest)
            })
            .collect();
        let columns: Vec<usize> = (0..varying.len()).filter(|&c| varying[c]).collect();
        let targets = standardized.select(Axis(1), &columns);
        let kind = if columns.is_empty() {
            Kind::Constant
        } else {
            // Outputs are coefficients of a feature that is always one.
            let inputs = of_contexts.apply(samples.contexts())?;
            let ones = Array2::ones((samples.rows(), 1));
            let mut rows = Samples::new(inputs.view(), ones.view(), targets.view())?
                .with_monitor(samples.monitor().clone());
            if let Some(weights) = samples.weights() {
                rows = rows.with_weights(weights)?;
            }
            match student {
                Distillation::Encoder(student) => Kind::Encoder(train(student, &rows)?),
                #[cfg(feature = "gp")]
                Distillation::Kernel(shape) => Kind::Kernel(processes(*shape, &rows)?),
            }
        };
        Ok(Self {
            contexts: of_contexts,
            outputs: of_outputs,
            varying,
            kind,
        })
    }

    /// Numbers of context and output columns.
    pub(crate) fn widths(&self) -> (usize, usize) {
        (self.contexts.columns(), self.outputs.columns())
    }

    /// Refuses numbers that contradict each other.
    pub(crate) fn check(&self) -> Result<()> {
        let found = self.varying.iter().filter(|varies| **varies).count();
        let (contexts, outputs) = match &self.kind {
            Kind::Constant => (self.contexts.columns(), 0),
            Kind::Encoder(student) => {
                let (contexts, _, outputs) = student.network()?.widths();
                (contexts, outputs)
            }
            #[cfg(feature = "gp")]
            Kind::Kernel(processes) => {
                for process in processes {
                    let (contexts, design, targets) = process.widths();
                    check_columns("a process' contexts", self.contexts.columns(), contexts)?;
                    check_columns("a process' design", 1, design)?;
                    check_columns("a process' targets", 1, targets)?;
                }
                (self.contexts.columns(), processes.len())
            }
        };
        check_columns("the student's contexts", contexts, self.contexts.columns())?;
        check_columns("the student's outputs", outputs, found)?;
        check_columns("outputs", self.outputs.columns(), self.varying.len())
    }

    /// The outputs at every context.
    pub(crate) fn evaluate(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        check_table("contexts", contexts, Some(self.contexts.columns()))?;
        let inputs = self.contexts.apply(contexts)?;
        check_finite("contexts, standardised,", inputs.view())?;
        let found = match &self.kind {
            Kind::Constant => Array2::zeros((contexts.nrows(), 0)),
            Kind::Encoder(student) => {
                let values = student.network()?.coefficients_at(inputs.view())?;
                values.slopes().slice(s![.., .., 0]).to_owned()
            }
            #[cfg(feature = "gp")]
            Kind::Kernel(processes) => {
                let mut found = Array2::zeros((contexts.nrows(), processes.len()));
                for (process, mut column) in processes.iter().zip(found.columns_mut()) {
                    let values = process.coefficients(inputs.view())?;
                    column.assign(&values.slice(s![.., 0, 0]));
                }
                found
            }
        };
        let mut standardized = Array2::zeros((contexts.nrows(), self.outputs.columns()));
        let varying = (0..self.varying.len()).filter(|&output| self.varying[output]);
        for (output, values) in varying.zip(found.columns()) {
            standardized.column_mut(output).assign(&values);
        }
        let outputs = self.outputs.invert(standardized.view())?;
        check_finite("distilled coefficients", outputs.view())?;
        Ok(outputs)
    }
}

/// A network whose code is the output: the coefficient of a feature that is always one.
fn train(student: &EncoderStudent, samples: &Samples) -> Result<StoredNetwork> {
    let [split, initial, batches] = seeds(student.training.seed);
    let (train, validation) = student.training.hold_out(samples, split)?;
    let settings = NetworkSettings {
        encoder: EncoderKind::Mlp(student.network),
        link: EncoderLink::Identity,
        head: Parameterization::Direct,
        intercept: false,
        mask: None,
    };
    let widths = (samples.contexts().ncols(), 1, samples.targets().ncols());
    let mut network = settings.build(widths, (initial, 0))?;
    student.training.train_on(
        batches,
        &mut network,
        &Family::Gaussian,
        (&train, validation.as_ref()),
        TrainingData::of,
        &mut unobserved,
    )?;
    StoredNetwork::of(&settings, &mut network, initial)
}

/// One process for each output: outputs may differ in what drives them.
#[cfg(feature = "gp")]
fn processes(shape: KernelShape, samples: &Samples) -> Result<Vec<FittedProcess>> {
    let kernel = Kernel::new(shape, 0..samples.contexts().ncols());
    let process = CoefficientProcess::new(kernel).plug_in();
    let outputs = samples.targets();
    let columns: Vec<_> = outputs.axis_chunks_iter(Axis(1), 1).collect();
    columns
        .into_par_iter()
        .map(|output| {
            let rows = Observations::new(samples.contexts(), samples.features(), output);
            let rows = rows.with_weights(samples.weights());
            process.fit(rows.with_monitor(Some(samples.monitor())))
        })
        .collect()
}
