//! Training by Adam on shuffled batches, with early stopping.

use crate::data::{Batch, TrainingData};
use crate::engine::Engine;
use crate::loss::Loss;
use crate::network::Network;
use crate::parameters::Snapshot;
use crate::penalties::{Penalties, ShrinkSlopes};
use contextualized_core::{Error, FitReport, Result, Samples, Termination};
use dfdx::shapes::Dim;
use dfdx::tensor::Cpu;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// How networks are trained: the settings that all neural estimators have in common.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Passes over the training rows.
    pub epochs: usize,
    /// Rows per gradient step; the last batch of an epoch has what is left.
    pub batch_size: usize,
    /// Adam's step size.
    pub learning_rate: f64,
    /// The fraction of the rows that an estimator does not train on and stops by; none to train on
    /// all rows for all epochs.
    pub validation: Option<f64>,
    /// Epochs without a lower validation loss before training stops; used with validation data.
    pub patience: usize,
    /// Penalties added to the loss.
    pub penalties: Penalties,
    /// Whether an estimator keeps the share of what a network learned that predicts held-out folds
    /// best, or all of it.
    pub shrinkage: bool,
    /// Seed of the batch order; of an estimator's weights, folds and validation rows, too.
    pub seed: u64,
}

impl Default for Training {
    /// 50 epochs of single rows at a learning rate of 0.001, a fifth of the rows to stop by, patience
    /// 10, no penalties, shrinkage, seed 0.
    fn default() -> Self {
        Self {
            epochs: 50,
            batch_size: 1,
            learning_rate: 1e-3,
            validation: Some(0.2),
            patience: 10,
            penalties: Penalties::default(),
            shrinkage: true,
            seed: 0,
        }
    }
}

/// Setters of an estimator with a field `training` of type [`Training`](crate::Training); those of
/// `training_setters!(shrinkage)` are for estimators that keep a share of what was learned.
#[macro_export]
macro_rules! training_setters {
    (shrinkage) => {
        $crate::training_setters!();

        /// Keeps all that was learned, without asking held-out folds: several times as fast, and no
        /// longer safe where contexts say nothing.
        pub fn without_shrinkage(mut self) -> Self {
            self.training.shrinkage = false;
            self
        }
    };
    () => {
        /// All settings of the training at once.
        pub fn training(mut self, training: $crate::Training) -> Self {
            self.training = training;
            self
        }

        /// Passes over the training rows.
        pub fn epochs(mut self, epochs: usize) -> Self {
            self.training.epochs = epochs;
            self
        }

        /// Rows per gradient step; a size of all rows or more is full-batch training.
        pub fn batch_size(mut self, batch_size: usize) -> Self {
            self.training.batch_size = batch_size;
            self
        }

        /// Adam's step size.
        pub fn learning_rate(mut self, learning_rate: f64) -> Self {
            self.training.learning_rate = learning_rate;
            self
        }

        /// Stops when the loss on a random fraction of the rows, which is not trained on, has not
        /// fallen for `patience` epochs, and keeps the best epoch's weights.
        pub fn early_stopping(mut self, fraction: f64, patience: usize) -> Self {
            self.training.validation = Some(fraction);
            self.training.patience = patience;
            self
        }

        /// Trains on all rows for all epochs.
        pub fn without_early_stopping(mut self) -> Self {
            self.training.validation = None;
            self
        }

        /// Penalties on the learned coefficients, the encoder's weights and its context columns.
        pub fn penalties(mut self, penalties: $crate::Penalties) -> Self {
            self.training.penalties = penalties;
            self
        }

        /// Seed of the weights, the batches, the folds and the validation rows.
        pub fn seed(mut self, seed: u64) -> Self {
            self.training.seed = seed;
            self
        }
    };
}

/// What is told of every epoch, and may break off training.
pub type Observer<'a> = dyn FnMut(Progress) -> ControlFlow<()> + 'a;

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

impl Training {
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
    /// has not fallen for [`Training::patience`] epochs, and the weights of the best epoch are
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
    pub fn train<C: Dim, X: Dim, Y: Dim, N: Network<C, X, Y>>(
        &self,
        network: &mut N,
        loss: &dyn Loss,
        data: &TrainingData<C, X, Y>,
        validation: Option<&TrainingData<C, X, Y>>,
        observer: &mut Observer<'_>,
    ) -> Result<FitReport> {
        self.validate()?;
        for data in std::iter::once(data).chain(validation) {
            data.check_widths(network.widths())?;
        }
        let device = Cpu::default();
        let mut generator = ChaCha8Rng::seed_from_u64(self.seed);
        let mut order: Vec<usize> = (0..data.rows()).collect();
        let mut engine = Engine::of(network, self.learning_rate, self.penalties)?;
        let initial = engine
            .mean_loss(network, loss, data)?
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
                data.monitor().check()?;
                let batch_loss = engine.step(network, loss, data, rows)?;
                if !batch_loss.is_finite() {
                    return Err(diverged(epoch, step, batch_loss));
                }
                total += batch_loss * rows.len() as f64;
            }
            let steps = data.rows().div_ceil(self.batch_size) as f64;
            self.shrink(network, &mut engine, steps)?;
            epochs = epoch;
            let training_loss = total / data.rows() as f64;
            if training_loss > DIVERGENCE * initial {
                return Err(diverged(epoch, step, training_loss));
            }
            let validation_loss = validation
                .map(|data| engine.mean_loss(network, loss, data))
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
                    engine.write(network)?;
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
        match &best {
            Some(best) => {
                best.weights.restore(network)?;
                engine.read(network)?;
            }
            None => engine.write(network)?,
        }
        let objective = engine.mean_loss(network, loss, data)?;
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

    /// Trains a network on samples with a seed of its own: `data` says what of them it is to explain.
    ///
    /// # Errors
    ///
    /// Those of [`Training::train`] and of `data`.
    pub fn train_on<N: Network<usize, usize, usize>>(
        &self,
        seed: u64,
        network: &mut N,
        loss: &dyn Loss,
        (train, validation): (&Samples, Option<&Samples>),
        data: impl Fn(&Samples) -> Result<TrainingData<usize, usize, usize>>,
        observer: &mut Observer<'_>,
    ) -> Result<FitReport> {
        let training = Self { seed, ..*self };
        let validation = validation.map(&data).transpose()?;
        training.train(network, loss, &data(train)?, validation.as_ref(), observer)
    }

    /// The proximal steps of an epoch.
    fn shrink<C: Dim, X: Dim, Y: Dim, N: Network<C, X, Y>>(
        &self,
        network: &mut N,
        engine: &mut Engine,
        steps: f64,
    ) -> Result<()> {
        let Penalties {
            context_lasso,
            slope_lasso,
            ..
        } = self.penalties;
        if context_lasso == 0.0 && slope_lasso == 0.0 {
            return Ok(());
        }
        engine.write(network)?;
        if context_lasso > 0.0 {
            network.shrink_columns(context_lasso * self.learning_rate * steps)?;
        }
        if slope_lasso > 0.0 {
            network.visit(&mut ShrinkSlopes(slope_lasso * self.learning_rate * steps))?;
        }
        engine.read(network)
    }
}

struct Best {
    epoch: usize,
    loss: f64,
    weights: Snapshot,
}

/// The loss of a linear predictor of zero: the mean square, for squared errors.
fn loss_of_zero<C: Dim, X: Dim, Y: Dim>(
    loss: &dyn Loss,
    data: &TrainingData<C, X, Y>,
    device: &Cpu,
) -> Result<f64> {
    mean_over_blocks(data, device, |mut batch| {
        batch.observed.base = None;
        let zeros = vec![0.0; batch.observed.targets.len()];
        Ok(batch.observed.mean_loss(loss, &zeros).0)
    })
}

/// The mean of what is said of blocks of rows, weighted by their rows.
pub(crate) fn mean_over_blocks<C: Dim, X: Dim, Y: Dim>(
    data: &TrainingData<C, X, Y>,
    device: &Cpu,
    mean_of: impl Fn(Batch<C, X>) -> Result<f64>,
) -> Result<f64> {
    let rows: Vec<usize> = (0..data.rows()).collect();
    let mut total = 0.0;
    for block in rows.chunks(EVALUATION_BLOCK) {
        total += mean_of(data.batch(device, block)?)? * block.len() as f64;
    }
    Ok(total / data.rows() as f64)
}
