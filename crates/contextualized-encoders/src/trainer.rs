//! Training by Adam on shuffled batches, with early stopping.

use crate::adam::Adam;
use crate::data::{Batch, TrainingData};
use crate::loss::Loss;
use crate::network::Network;
use crate::parameters::Snapshot;
use crate::penalties::Penalties;
use crate::tensors::{Tape, Values, device_error};
use contextualized_core::{Error, FitReport, Result, Termination};
use dfdx::shapes::{Dim, HasShape};
use dfdx::tensor::{Cpu, Trace, ZerosTensor};
use dfdx::tensor_ops::{Backward, TryAdd};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// How a network is trained.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Trainer {
    /// Passes over the training rows.
    pub epochs: usize,
    /// Rows per gradient step; the last batch of an epoch holds what is left.
    pub batch_size: usize,
    /// Adam's step size.
    pub learning_rate: f64,
    /// Epochs without a lower validation loss before training stops; used with validation data.
    pub patience: usize,
    /// Penalties added to the loss.
    pub penalties: Penalties,
    /// Seed of the batch order.
    pub seed: u64,
}

impl Default for Trainer {
    /// 50 epochs of single rows at a learning rate of 0.001, patience 10, no penalties.
    fn default() -> Self {
        Self {
            epochs: 50,
            batch_size: 1,
            learning_rate: 1e-3,
            patience: 10,
            penalties: Penalties::default(),
            seed: 0,
        }
    }
}

/// What an observer sees after each epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// The epoch that ended, counted from one.
    pub epoch: usize,
    /// All epochs there will be, if nothing stops training.
    pub epochs: usize,
    /// Mean loss of the epoch's batches, each before its step.
    pub training_loss: f64,
    /// Loss on validation data after the epoch, where there are any.
    pub validation_loss: Option<f64>,
}

/// An observer that lets training run.
pub fn unobserved(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// An epoch whose loss exceeds this multiple of the starting loss has diverged.
const DIVERGENCE: f64 = 100.0;

/// Training that ends at more than this multiple of the starting loss has failed, quietly.
const FAILURE: f64 = 1.5;

/// Starting losses below this count as this: a network that starts with nothing to explain moves a
/// little before it settles. Targets of unit variance are meant.
const SMALL_LOSS: f64 = 1e-3;

/// Rows evaluated at once; fixed, so that sums do not depend on the machine.
const EVALUATION_BLOCK: usize = 1024;

impl Trainer {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`].
    pub fn validate(&self) -> Result<()> {
        for (parameter, value) in [
            ("epochs", self.epochs),
            ("batch_size", self.batch_size),
            ("patience", self.patience),
        ] {
            if value == 0 {
                return Err(Error::invalid_parameter(parameter, value, "at least 1"));
            }
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return Err(Error::invalid_parameter(
                "learning_rate",
                self.learning_rate,
                "a positive number",
            ));
        }
        self.penalties.validate()
    }

    /// Trains a network in place.
    ///
    /// Batches are reshuffled every epoch. With validation data, training stops when their loss
    /// has not fallen for [`Trainer::patience`] epochs, and the weights of the best epoch are
    /// restored. The observer is told of every epoch and may break off training; the report's
    /// objective is the loss on the training data, after training. Losses are reported without
    /// penalties.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a setting out of range; [`Error::ColumnCount`] for data of
    /// other widths than the network's; [`Error::Diverged`] when a loss, on validation data too,
    /// is not finite, when an epoch's loss exceeds 100 times the starting loss, or when training
    /// ends above 1.5 times of it. The starting loss is the largest of the untrained network's,
    /// that of predicting zero, and 0.001.
    pub fn train<C, X, Y, N, L>(
        &self,
        network: &mut N,
        loss: &L,
        data: &TrainingData<C, X, Y>,
        validation: Option<&TrainingData<C, X, Y>>,
        observer: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<FitReport>
    where
        C: Dim,
        X: Dim,
        Y: Dim,
        N: Network<C, X, Y>,
        L: Loss,
    {
        self.validate()?;
        for data in std::iter::once(data).chain(validation) {
            data.check_widths(network.widths())?;
        }
        let device = Cpu::default();
        let mut generator = ChaCha8Rng::seed_from_u64(self.seed);
        let mut order: Vec<usize> = (0..data.rows()).collect();
        let mut adam = Adam::new(self.learning_rate, self.penalties.encoder_l2);
        let initial = evaluate(network, loss, data, &device)?
            .max(loss_of_zero(loss, data, &device)?)
            .max(SMALL_LOSS);
        let diverged = |epoch, step, loss| Error::Diverged {
            epoch,
            step,
            loss,
            initial,
        };
        let mut best: Option<Best> = None;
        let mut termination = Termination::EpochsCompleted;
        let (mut step, mut epochs) = (0, 0);
        for epoch in 1..=self.epochs {
            order.shuffle(&mut generator);
            let mut total = 0.0;
            for rows in order.chunks(self.batch_size) {
                step += 1;
                let batch = data.batch(&device, rows)?;
                let batch_loss = self.step(network, loss, batch, &mut adam)?;
                if !batch_loss.is_finite() {
                    return Err(diverged(epoch, step, batch_loss));
                }
                total += batch_loss * rows.len() as f64;
            }
            if self.penalties.context_lasso > 0.0 {
                let steps = data.rows().div_ceil(self.batch_size) as f64;
                let threshold = self.penalties.context_lasso * self.learning_rate * steps;
                network.shrink_columns(threshold)?;
            }
            epochs = epoch;
            let training_loss = total / data.rows() as f64;
            if training_loss > DIVERGENCE * initial {
                return Err(diverged(epoch, step, training_loss));
            }
            let validation_loss = validation
                .map(|data| evaluate(network, loss, data, &device))
                .transpose()?;
            let flow = observer(Progress {
                epoch,
                epochs: self.epochs,
                training_loss,
                validation_loss,
            });
            if let Some(loss) = validation_loss {
                if !loss.is_finite() {
                    return Err(diverged(epoch, step, loss));
                }
                if best.as_ref().is_none_or(|best| loss < best.loss) {
                    best = Some(Best {
                        epoch,
                        loss,
                        weights: Snapshot::of(network)?,
                    });
                } else if best
                    .as_ref()
                    .is_some_and(|best| epoch - best.epoch >= self.patience)
                {
                    termination = Termination::EarlyStopped;
                    break;
                }
            }
            if flow.is_break() {
                termination = Termination::Interrupted;
                break;
            }
        }
        if let Some(best) = &best {
            best.weights.restore(network)?;
        }
        let objective = evaluate(network, loss, data, &device)?;
        if !objective.is_finite() || objective > FAILURE * initial {
            return Err(diverged(epochs, step, objective));
        }
        Ok(FitReport {
            termination,
            iterations: epochs,
            objective,
            best_epoch: best.map(|best| best.epoch),
        })
    }

    /// One step of the optimiser; returns the batch's loss before it, without penalties. Where
    /// that is not finite nothing moves.
    pub(crate) fn step<C, X, Y, N, L>(
        &self,
        network: &mut N,
        loss: &L,
        batch: Batch<C, X, Y>,
        adam: &mut Adam,
    ) -> Result<f64>
    where
        C: Dim,
        X: Dim,
        Y: Dim,
        N: Network<C, X, Y>,
        L: Loss,
    {
        let contexts = batch.contexts.leaky_trace();
        let features = batch.features.retaped();
        let (predictor, penalty) = network.penalized(contexts, features, &self.penalties)?;
        let predictor = on_base(predictor, batch.base)?;
        let value = loss.mean(predictor, batch.targets, batch.weights)?;
        let batch_loss = value.as_vec()[0];
        if !batch_loss.is_finite() {
            return Ok(batch_loss);
        }
        let objective = match penalty {
            Some(penalty) => value.try_add(penalty).map_err(device_error)?,
            None => value,
        };
        adam.update(network, objective.try_backward().map_err(device_error)?)?;
        Ok(batch_loss)
    }
}

fn on_base<B: Dim, Y: Dim, T: Tape>(
    predictor: Values<(B, Y), T>,
    base: Option<Values<(B, Y)>>,
) -> Result<Values<(B, Y), T>> {
    match base {
        Some(base) => predictor.try_add(base).map_err(device_error),
        None => Ok(predictor),
    }
}

struct Best {
    epoch: usize,
    loss: f64,
    weights: Snapshot,
}

/// The loss of a linear predictor of zero: the mean square, for squared errors.
fn loss_of_zero<C: Dim, X: Dim, Y: Dim, L: Loss>(
    loss: &L,
    data: &TrainingData<C, X, Y>,
    device: &Cpu,
) -> Result<f64> {
    mean_over_blocks(data, device, |batch| {
        let zero = device
            .try_zeros_like(batch.targets.shape())
            .map_err(device_error)?;
        loss.mean(zero, batch.targets, batch.weights)
    })
}

/// The loss on all rows.
fn evaluate<C, X, Y, N, L>(
    network: &N,
    loss: &L,
    data: &TrainingData<C, X, Y>,
    device: &Cpu,
) -> Result<f64>
where
    C: Dim,
    X: Dim,
    Y: Dim,
    N: Network<C, X, Y>,
    L: Loss,
{
    mean_over_blocks(data, device, |batch| {
        let predictor = network.predictor(batch.contexts, batch.features)?;
        let predictor = on_base(predictor, batch.base)?;
        loss.mean(predictor, batch.targets, batch.weights)
    })
}

fn mean_over_blocks<C: Dim, X: Dim, Y: Dim>(
    data: &TrainingData<C, X, Y>,
    device: &Cpu,
    mean_of: impl Fn(Batch<C, X, Y>) -> Result<Values<()>>,
) -> Result<f64> {
    let rows: Vec<usize> = (0..data.rows()).collect();
    let mut total = 0.0;
    for block in rows.chunks(EVALUATION_BLOCK) {
        let mean = mean_of(data.batch(device, block)?)?;
        total += mean.as_vec()[0] * block.len() as f64;
    }
    Ok(total / data.rows() as f64)
}
