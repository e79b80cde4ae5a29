//! The training step of built-in networks without a tape: forward, backward and Adam on flat arrays.
//!
//! It computes what dfdx computes, on any of whose networks it is held to (`against_dfdx.rs`), some ten
//! times as fast for small ones: nothing is allocated after the engine is made, and all loops run on whole
//! registers, of the size that the machine has.
//!
//! Batches go through in blocks of rows, whose gradients add up in order on one thread: the same data and
//! seed give the same bits.

mod adam;
#[cfg(test)]
mod against_dfdx;
mod backward;
mod buffer;
mod coefficients;
mod forward;
mod functions;
mod layout;
mod products;

use crate::data::Tables;
use crate::loss::Loss;
use crate::parameters::Parameters;
use crate::penalties::Penalties;
use crate::structure::NetworkStructure;
use adam::Adam;
use backward::Backward;
use buffer::Buffer;
use coefficients::Coefficients;
use contextualized_core::Result;
use forward::Forward;
use layout::{Layer, Layout};
use pulp::{Arch, Simd, WithSimd};

/// Rows that go through at once: few enough that what is computed of them stays near the processor.
const BLOCK: usize = 64;

/// A network of built-in parts, being trained.
pub(crate) struct Fused {
    arch: Arch,
    structure: NetworkStructure,
    penalties: Penalties,
    layout: Layout,
    weights: Buffer,
    gradient: Buffer,
    adam: Adam,
    /// BLOCK × contexts.
    contexts: Buffer,
    /// BLOCK × features.
    features: Buffer,
    /// Of each hidden layer of each perceptron.
    hidden: Vec<Vec<Units>>,
    code: Units,
    coefficients: Coefficients,
    /// BLOCK × targets: the linear predictor, then the objective's derivatives by it.
    predictor: Buffer,
}

/// What a layer gives for the rows of a block, and the objective's derivatives by it.
struct Units {
    /// After the activation or the link.
    values: Buffer,
    /// Derivatives of the activation or the link.
    slopes: Buffer,
    /// Derivatives of the objective by what goes into the activation or the link.
    deltas: Buffer,
    /// Units, with padding.
    stride: usize,
}

impl Units {
    fn new(stride: usize) -> Self {
        let zeros = || Buffer::zeros(BLOCK * stride);
        Self {
            values: zeros(),
            slopes: zeros(),
            deltas: zeros(),
            stride,
        }
    }
}

impl Fused {
    /// An engine for a network of this structure, which begins with the network's numbers.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::ColumnCount`] for a network of another structure.
    pub(crate) fn new<P: Parameters>(
        structure: NetworkStructure,
        network: &mut P,
        learning_rate: f64,
        penalties: Penalties,
    ) -> Result<Self> {
        Self::on(Arch::new(), structure, network, learning_rate, penalties)
    }

    /// The same on registers of this kind.
    fn on<P: Parameters>(
        arch: Arch,
        structure: NetworkStructure,
        network: &mut P,
        learning_rate: f64,
        penalties: Penalties,
    ) -> Result<Self> {
        let lanes = arch.dispatch(Lanes);
        let layout = Layout::of(&structure, lanes);
        let units = |layers: &Vec<Layer>| {
            let (_, hidden) = layers.split_last()?;
            Some(
                hidden
                    .iter()
                    .map(|layer| Units::new(layer.stride))
                    .collect(),
            )
        };
        let hidden = layout.perceptrons.iter().filter_map(units).collect();
        let last = |layers: &Vec<Layer>| layers.last().map(|layer| layer.stride);
        let code = layout
            .perceptrons
            .first()
            .and_then(last)
            .unwrap_or_default();
        let stride = structure.head.coefficients().next_multiple_of(lanes);
        let perceptrons = &structure.encoder.perceptrons;
        let columns = perceptrons.iter().map(|perceptron| perceptron.widths[0]);
        let mut fused = Self {
            arch,
            weights: Buffer::zeros(layout.length()),
            gradient: Buffer::zeros(layout.length()),
            // The derivative of λ w² is 2 λ w.
            adam: Adam::new(learning_rate, layout.decays(2.0 * penalties.encoder_l2)),
            contexts: Buffer::zeros(BLOCK * columns.sum::<usize>()),
            features: Buffer::zeros(BLOCK * structure.head.features),
            hidden,
            code: Units::new(code),
            coefficients: Coefficients {
                values: Buffer::zeros(BLOCK * stride),
                deltas: Buffer::zeros(BLOCK * stride),
                stride,
            },
            predictor: Buffer::zeros(BLOCK * structure.head.targets),
            structure,
            penalties,
            layout,
        };
        fused.read(network)?;
        Ok(fused)
    }

    /// Takes the network's numbers.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::ColumnCount`] for a network of another structure.
    pub(crate) fn read<P: Parameters>(&mut self, network: &mut P) -> Result<()> {
        self.layout.read(network, &mut self.weights)
    }

    /// Gives the numbers to the network.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::ColumnCount`] for a network of another structure.
    pub(crate) fn write<P: Parameters>(&self, network: &mut P) -> Result<()> {
        self.layout.write(&self.weights, network)
    }

    pub(crate) fn set_learning_rate(&mut self, learning_rate: f64) {
        self.adam.learning_rate = learning_rate;
    }

    /// One step of the optimiser; returns the batch's loss before it, without penalties. Where that is
    /// not finite nothing moves.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::InvalidParameter`] after 2³¹ steps.
    pub(crate) fn step(
        &mut self,
        loss: &dyn Loss,
        data: &Tables<'_>,
        rows: &[usize],
    ) -> Result<f64> {
        let batch_loss = self.differentiate(loss, data, rows);
        if batch_loss.is_finite() {
            self.adam.count()?;
            self.arch.dispatch(Update(self));
        }
        Ok(batch_loss)
    }

    /// The mean loss of all rows, without penalties.
    pub(crate) fn mean_loss(&mut self, loss: &dyn Loss, data: &Tables<'_>) -> f64 {
        let count = data.weights.len();
        let rows: Vec<usize> = (0..count).collect();
        let mut total = 0.0;
        for block in rows.chunks(BLOCK) {
            self.forward(data, block);
            total += self.losses(loss, data, block, count);
        }
        total / (count * self.structure.head.targets) as f64
    }

    /// The mean loss of a batch; leaves the objective's gradient.
    fn differentiate(&mut self, loss: &dyn Loss, data: &Tables<'_>, rows: &[usize]) -> f64 {
        let mut total = 0.0;
        for (number, block) in rows.chunks(BLOCK).enumerate() {
            self.forward(data, block);
            total += self.losses(loss, data, block, rows.len());
            self.arch.dispatch(Backward {
                rows: block.len(),
                batch: rows.len(),
                adds: number > 0,
                fused: self,
            });
        }
        total / (rows.len() * self.structure.head.targets) as f64
    }

    /// The linear predictor of a block of rows.
    fn forward(&mut self, data: &Tables<'_>, rows: &[usize]) {
        gather(&mut self.contexts, data.contexts, rows);
        gather(&mut self.features, data.features, rows);
        self.arch.dispatch(Forward {
            rows: rows.len(),
            fused: self,
        });
    }

    /// The sum of a block's losses; leaves the derivatives of the batch's mean in place of the predictor.
    fn losses(&mut self, loss: &dyn Loss, data: &Tables<'_>, rows: &[usize], batch: usize) -> f64 {
        let targets = self.structure.head.targets;
        let share = 1.0 / (batch * targets) as f64;
        let mut total = 0.0;
        for (predictors, &row) in self.predictor.chunks_exact_mut(targets).zip(rows) {
            let weight = data.weights[row];
            for (target, predictor) in predictors.iter_mut().enumerate() {
                let base = data.base.map_or(0.0, |base| base[[row, target]]);
                let (value, derivative) = loss.at(data.targets[[row, target]], *predictor + base);
                total += value * weight;
                *predictor = derivative * (weight * share);
            }
        }
        total
    }
}

/// Copies rows of a table one behind the other.
fn gather(into: &mut [f64], table: ndarray::ArrayView2<'_, f64>, rows: &[usize]) {
    for (into, &row) in into.chunks_exact_mut(table.ncols()).zip(rows) {
        for (into, value) in into.iter_mut().zip(table.row(row)) {
            *into = *value;
        }
    }
}

/// How many numbers a register holds.
struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F64_LANES
    }
}

/// From the gradient to new weights.
struct Update<'a>(&'a mut Fused);

impl WithSimd for Update<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Fused {
            adam,
            weights,
            gradient,
            ..
        } = self.0;
        adam.update(simd, weights, gradient);
    }
}
