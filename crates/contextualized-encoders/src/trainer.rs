//! Training by Adam on shuffled batches, with early stopping.

use crate::adam::Adam;
use crate::data::TrainingData;
use crate::loss::Loss;
use crate::network::Network;
use crate::parameters::Snapshot;
use crate::tensors::device_error;
use contextualized_core::{Error, FitReport, Result, Termination};
use dfdx::shapes::Dim;
use dfdx::tensor::{Cpu, Trace};
use dfdx::tensor_ops::Backward;
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
    /// Seed of the batch order.
    pub seed: u64,
}

impl Default for Trainer {
    /// 50 epochs of single rows at a learning rate of 0.001, patience 10.
    fn default() -> Self {
        Self {
            epochs: 50,
            batch_size: 1,
            learning_rate: 1e-3,
            patience: 10,
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

/// An epoch whose loss exceeds this multiple of the initial loss, or of 1 if that is larger,
/// has diverged. Losses of standardised targets start near 1.
const DIVERGENCE: f64 = 100.0;

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
        Ok(())
    }

    /// Trains a network in place.
    ///
    /// Batches are reshuffled every epoch. With validation data, training stops when their loss
    /// has not fallen for [`Trainer::patience`] epochs, and the weights of the best epoch are
    /// restored. The observer is told of every epoch and may break off training; the report's
    /// objective is the loss on the training data, after training.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a setting out of range; [`Error::Diverged`] when the loss
    /// is no longer finite or an epoch's loss exceeds 100 times the larger of the initial loss
    /// and 1.
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
        let device = Cpu::default();
        let mut generator = ChaCha8Rng::seed_from_u64(self.seed);
        let mut order: Vec<usize> = (0..data.rows()).collect();
        let mut adam = Adam::new(self.learning_rate);
        let initial = evaluate(network, loss, data, &device)?;
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
                let predictor = network.predictor(batch.contexts.leaky_trace(), batch.features)?;
                let value = loss.mean(predictor, batch.targets, batch.weights)?;
                let batch_loss = value.as_vec()[0];
                if !batch_loss.is_finite() {
                    return Err(diverged(epoch, step, batch_loss));
                }
                total += batch_loss * rows.len() as f64;
                let gradients = value.try_backward().map_err(device_error)?;
                adam.update(network, gradients)?;
            }
            epochs = epoch;
            let training_loss = total / data.rows() as f64;
            if training_loss > DIVERGENCE * initial.max(1.0) {
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
                if best.as_ref().is_none_or(|best| loss < best.loss) {
                    best = Some(Best {
                        epoch,
                        loss,
                        weights: Snapshot::of(network)?,
                    });
                } else if let Some(best) = &best
                    && epoch - best.epoch >= self.patience
                {
                    termination = Termination::EarlyStopped {
                        best_epoch: best.epoch,
                    };
                    break;
                }
            }
            if flow.is_break() {
                termination = Termination::Interrupted;
                break;
            }
        }
        if let Some(best) = best {
            best.weights.restore(network)?;
        }
        let objective = evaluate(network, loss, data, &device)?;
        if !objective.is_finite() || objective > DIVERGENCE * initial.max(1.0) {
            return Err(diverged(epochs, step, objective));
        }
        Ok(FitReport {
            termination,
            iterations: epochs,
            objective,
        })
    }
}

struct Best {
    epoch: usize,
    loss: f64,
    weights: Snapshot,
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
    let rows: Vec<usize> = (0..data.rows()).collect();
    let mut total = 0.0;
    for block in rows.chunks(EVALUATION_BLOCK) {
        let batch = data.batch(device, block)?;
        let predictor = network.predictor(batch.contexts, batch.features)?;
        let mean = loss.mean(predictor, batch.targets, batch.weights)?;
        total += mean.as_vec()[0] * block.len() as f64;
    }
    Ok(total / data.rows() as f64)
}
