//! A vector-valued function of the context, fitted to its values.

use crate::distillation::{Distillation, EncoderStudent};
use contextualized_core::validate::{check_finite, check_table};
use contextualized_core::{Error, Result, Split, Standardization};
use contextualized_encoders::{
    Contextualized, Direct, Mlp, MlpWeights, Network, SquaredError, Trainer, TrainingData,
    unobserved,
};
#[cfg(feature = "gp")]
use contextualized_gp::{CoefficientProcess, FittedProcess, Kernel, KernelShape};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
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
    Encoder(MlpWeights),
    #[cfg(feature = "gp")]
    Kernel(Vec<FittedProcess>),
}

/// A code that is the output: the coefficient of a feature that is always one.
type Student = Contextualized<usize, usize, usize, usize, Mlp<usize, usize>, Direct<usize, usize>>;

/// Rows encoded at once; fixed, so that results do not depend on the number of threads.
const BLOCK: usize = 1024;

/// Outputs whose deviation is below this share of their size do not vary: they are derivatives,
/// which carry more rounding than the one operation.
const CONSTANT: f64 = 1e-12;

impl ContextFunction {
    pub(crate) fn fit(
        student: &Distillation,
        contexts: ArrayView2<'_, f64>,
        outputs: ArrayView2<'_, f64>,
        weights: Option<ArrayView1<'_, f64>>,
    ) -> Result<Self> {
        let of_contexts = Standardization::fit(contexts, weights)?;
        let of_outputs = Standardization::fit(outputs, weights)?;
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
        let inputs = of_contexts.apply(contexts)?;
        let kind = match student {
            _ if columns.is_empty() => Kind::Constant,
            Distillation::Encoder(student) => {
                Kind::Encoder(train(student, inputs.view(), targets.view(), weights)?)
            }
            #[cfg(feature = "gp")]
            Distillation::Kernel(family) => {
                Kind::Kernel(processes(*family, inputs.view(), targets.view(), weights)?)
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
            Kind::Encoder(weights) => {
                let (contexts, _, outputs) = student(weights)?.widths();
                (contexts, outputs)
            }
            #[cfg(feature = "gp")]
            Kind::Kernel(processes) => {
                for process in processes {
                    if process.widths() != (self.contexts.columns(), 1, 1) {
                        return Err(Error::ColumnCount {
                            argument: "a process' contexts, design and targets",
                            expected: self.contexts.columns() + 2,
                            found: {
                                let (c, p, t) = process.widths();
                                c + p + t
                            },
                        });
                    }
                }
                (self.contexts.columns(), processes.len())
            }
        };
        for (argument, expected, found) in [
            ("the student's contexts", contexts, self.contexts.columns()),
            ("the student's outputs", outputs, found),
            ("outputs", self.outputs.columns(), self.varying.len()),
        ] {
            if expected != found {
                return Err(Error::ColumnCount {
                    argument,
                    expected,
                    found,
                });
            }
        }
        Ok(())
    }

    /// The outputs at every context.
    pub(crate) fn evaluate(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        check_table("contexts", contexts, Some(self.contexts.columns()))?;
        let inputs = self.contexts.apply(contexts)?;
        check_finite("contexts, standardised,", inputs.view())?;
        let found = match &self.kind {
            Kind::Constant => Array2::zeros((contexts.nrows(), 0)),
            Kind::Encoder(weights) => encode(&student(weights)?, inputs.view())?,
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

fn encode(network: &Student, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let mut codes = Array2::zeros((contexts.nrows(), network.widths().2));
    let blocks: Vec<_> = contexts
        .axis_chunks_iter(Axis(0), BLOCK)
        .zip(codes.axis_chunks_iter_mut(Axis(0), BLOCK))
        .collect();
    blocks
        .into_par_iter()
        .try_for_each(|(contexts, mut codes)| {
            let block = network.coefficients_at(contexts)?;
            codes.assign(&block.slopes().slice(s![.., .., 0]));
            Ok::<_, Error>(())
        })?;
    Ok(codes)
}

fn student(weights: &MlpWeights) -> Result<Student> {
    let encoder = Mlp::from_weights(weights)?;
    let outputs = weights.layers.last().map_or(0, |layer| layer.biases.len());
    Contextualized::new(encoder, Direct::new(1, outputs, false)?)
}

fn train(
    student: &EncoderStudent,
    contexts: ArrayView2<'_, f64>,
    outputs: ArrayView2<'_, f64>,
    weights: Option<ArrayView1<'_, f64>>,
) -> Result<MlpWeights> {
    let mut seeds = ChaCha8Rng::seed_from_u64(student.seed);
    let (split, initial, batches) = (seeds.next_u64(), seeds.next_u64(), seeds.next_u64());
    let data = |rows: &[usize]| {
        let weights = weights.map(|weights| weights.select(Axis(0), rows));
        TrainingData::<usize, usize, usize>::new(
            contexts.select(Axis(0), rows).view(),
            Array2::ones((rows.len(), 1)).view(),
            outputs.select(Axis(0), rows).view(),
            weights.as_ref().map(|weights| weights.view()),
        )
    };
    let split = Split::holdout(contexts.nrows(), student.validation, split)?;
    let encoder = Mlp::new(contexts.ncols(), outputs.ncols(), student.size, initial)?
        .with_activation(student.activation);
    let head = Direct::new(1, outputs.ncols(), false)?;
    let mut network: Student = Contextualized::new(encoder, head)?;
    let trainer = Trainer {
        seed: batches,
        ..student.trainer
    };
    trainer.train(
        &mut network,
        &SquaredError,
        &data(&split.train)?,
        Some(&data(&split.test)?),
        &mut unobserved,
    )?;
    network.encoder().to_weights()
}

/// One process for each output: outputs may differ in what drives them.
#[cfg(feature = "gp")]
fn processes(
    family: KernelShape,
    contexts: ArrayView2<'_, f64>,
    outputs: ArrayView2<'_, f64>,
    weights: Option<ArrayView1<'_, f64>>,
) -> Result<Vec<FittedProcess>> {
    let process = CoefficientProcess::new(Kernel::new(family, 0..contexts.ncols())).plug_in();
    let ones = Array2::ones((contexts.nrows(), 1));
    let columns: Vec<_> = outputs.axis_chunks_iter(Axis(1), 1).collect();
    columns
        .into_par_iter()
        .map(|output| process.fit(contexts, ones.view(), output, weights))
        .collect()
}
