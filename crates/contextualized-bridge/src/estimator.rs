//! The estimator: settings, and how they become a trained network.

use crate::model::ImplicitModel;
use crate::plain::Plain;
use contextualized_baselines::{HeldOut, PopulationRegression, shares_by_folds};
use contextualized_core::{Estimator, Link, Result, Samples, Scaling, Split};
use contextualized_encoders::{
    Activation, LogisticLoss, MlpSize, Progress, SquaredError, Trainer, TrainingData, unobserved,
};
use ndarray::Array1;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::ops::ControlFlow;

/// A plain network of contexts and features, whose derivatives are the coefficients.
///
/// ```text
/// network:  minimise  mean of w (y − f([c, x]))²,  or minus the log-likelihood of binary y given its logit f
/// g([c, x]) = population fit + s · (f([c, x]) − population fit)
/// B(c, x) = ∂g/∂x = population slopes + s · (∂f/∂x − population slopes)
/// ```
///
/// The share s in \[0, 1\] of what the network adds to the population fit, one per target, is the one
/// that predicts best on held-out folds of the training rows, each predicted by a network trained on
/// the others. Where contexts say nothing and the response is linear in the features, next to nothing
/// is kept, and the model is the population's.
///
/// | setting | default | range |
/// |---|---|---|
/// | size | 2 hidden layers of 50 | 1 or more of either |
/// | activation | rectifier | or smooth: coefficients are then continuous |
/// | outcome | linear | linear, or binary by the logit link |
/// | standardize | contexts, features and targets | or contexts alone |
/// | shrinkage to the population | by 5 folds | or none |
/// | epochs | 200 | 1 or more |
/// | batch size | 16 | 1 or more |
/// | learning rate | 0.001 | above 0 |
/// | early stopping | on a random fifth of the rows, patience 20 epochs | fraction in (0, 1); patience 1 or more; or none |
/// | seed | 0 | |
#[derive(Debug, Clone, PartialEq)]
pub struct ImplicitRegression {
    size: MlpSize,
    activation: Activation,
    link: Link,
    contexts_only: bool,
    shrinkage: bool,
    trainer: Trainer,
    validation: Option<f64>,
    seed: u64,
}

/// The random stream of the folds, away from that of the network.
const FOLDS: u64 = 1;

impl Default for ImplicitRegression {
    fn default() -> Self {
        Self {
            size: MlpSize {
                width: 50,
                layers: 2,
            },
            activation: Activation::default(),
            link: Link::Identity,
            contexts_only: false,
            shrinkage: true,
            trainer: Trainer {
                epochs: 200,
                batch_size: 16,
                patience: 20,
                ..Trainer::default()
            },
            validation: Some(0.2),
            seed: 0,
        }
    }
}

impl ImplicitRegression {
    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Width and number of the hidden layers.
    pub fn mlp(mut self, width: usize, layers: usize) -> Self {
        self.size = MlpSize { width, layers };
        self
    }

    /// The function between layers. With the rectifier, the default, coefficients are piecewise
    /// constant; with a smooth one they change smoothly with context and features.
    pub fn activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// Logistic regression of targets that are 0 or 1: coefficients are derivatives of the logit,
    /// not of the probability.
    pub fn logistic(mut self) -> Self {
        self.link = Link::Logit;
        self
    }

    /// Standardises contexts only: features and targets stay in their own units.
    pub fn standardize_contexts_only(mut self) -> Self {
        self.contexts_only = true;
        self
    }

    /// Keeps the whole of what the network adds to the population fit, without asking held-out folds:
    /// g is the network alone.
    ///
    /// One network is trained instead of six, and is no longer safe with few rows or where contexts say nothing.
    pub fn without_shrinkage(mut self) -> Self {
        self.shrinkage = false;
        self
    }

    /// Passes over the training rows.
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.trainer.epochs = epochs;
        self
    }

    /// Rows per gradient step; a size of all rows or more is full-batch training.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.trainer.batch_size = batch_size;
        self
    }

    /// Adam's step size.
    pub fn learning_rate(mut self, learning_rate: f64) -> Self {
        self.trainer.learning_rate = learning_rate;
        self
    }

    /// Stops when the loss on a random fraction of the rows, which is not trained on, has not
    /// fallen for `patience` epochs, and keeps the best epoch's weights.
    pub fn early_stopping(mut self, fraction: f64, patience: usize) -> Self {
        self.validation = Some(fraction);
        self.trainer.patience = patience;
        self
    }

    /// Trains on all rows for all epochs.
    pub fn without_early_stopping(mut self) -> Self {
        self.validation = None;
        self
    }

    /// Seed of the weights, the batches, the folds and the validation rows.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Fits while telling an observer of every epoch, which may break off training.
    ///
    /// The folds that choose the share of the network are trained before, unobserved.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error`]: `InvalidParameter` for a setting out of range; `TooFewRows`
    /// when no row would be left to validate or train on; `NotBinary` for binary targets that are
    /// not; `Diverged`; `NotFinite` for data whose units overflow.
    pub fn fit_observed(
        &self,
        samples: &Samples,
        observer: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<ImplicitModel> {
        self.trainer.validate()?;
        if self.link == Link::Logit {
            samples.check_binary_targets()?;
        }
        let samples = samples.rows_that_count()?;
        let shares = if !self.shrinkage {
            Array1::ones(samples.targets().ncols())
        } else {
            // Apart from what `fit_once` draws, so that the network is the same with and without.
            let mut seeds = ChaCha8Rng::seed_from_u64(self.seed);
            seeds.set_stream(FOLDS);
            let folds = seeds.next_u64();
            shares_by_folds(&samples, self.link, folds, |train, test| {
                let model = self.fit_once(train, folds, &mut unobserved)?;
                let (base, deviation) = model.predictors(test)?;
                let targets = model.scaling().targets.apply(test.targets())?;
                Ok(HeldOut {
                    targets,
                    base,
                    deviation,
                })
            })?
        };
        let model = self.fit_once(&samples, self.seed, observer)?;
        Ok(model.with_shares(shares))
    }

    /// One network, and the population fit to the same rows.
    fn fit_once(
        &self,
        samples: &Samples,
        seed: u64,
        observer: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<ImplicitModel> {
        let mut seeds = ChaCha8Rng::seed_from_u64(seed);
        let (split, weights, batches) = (seeds.next_u64(), seeds.next_u64(), seeds.next_u64());
        let (train, held_out) = match self.validation {
            None => (samples.clone(), None),
            Some(fraction) => {
                let split = Split::holdout(samples.rows(), fraction, split)?;
                (
                    samples.select(&split.train)?,
                    Some(samples.select(&split.test)?),
                )
            }
        };
        let mut scaling = Scaling::fit(&train)?;
        if self.contexts_only {
            scaling = scaling.with_raw_features().with_raw_targets();
        }
        if self.link == Link::Logit {
            scaling = scaling.with_raw_targets();
        }
        let data = training_data(&scaling.apply(&train)?)?;
        let validation = match held_out {
            Some(held_out) => Some(training_data(&scaling.apply(&held_out)?)?),
            None => None,
        };
        let mut network = Plain::new(
            train.contexts().ncols(),
            train.features().ncols(),
            train.targets().ncols(),
            self.size,
            weights,
        )?
        .with_activation(self.activation);
        let trainer = Trainer {
            seed: batches,
            ..self.trainer
        };
        let validation = validation.as_ref();
        let report = match self.link {
            Link::Logit => {
                trainer.train(&mut network, &LogisticLoss, &data, validation, observer)?
            }
            _ => trainer.train(&mut network, &SquaredError, &data, validation, observer)?,
        };
        // Its validation rows are rows like any others to the population fit, which has no epochs.
        let mut population = PopulationRegression::new();
        if self.link == Link::Logit {
            population = population.logistic();
        }
        let population = population.fit_or_ridge(&scaling.apply(samples)?)?;
        ImplicitModel::new(scaling, &population, &network, report)
    }
}

fn training_data(samples: &Samples) -> Result<TrainingData<usize, usize, usize>> {
    TrainingData::new(
        samples.contexts(),
        samples.features(),
        samples.targets(),
        samples.weights(),
    )
}

impl Estimator for ImplicitRegression {
    type Model = ImplicitModel;

    fn name(&self) -> String {
        let MlpSize { width, layers } = self.size;
        let mut settings = vec![format!("MLP {width} × {layers}")];
        match self.activation {
            Activation::Relu => {}
            smooth => settings.push(format!("{smooth:?}").to_lowercase()),
        }
        for (set, name) in [
            (self.link == Link::Logit, "logistic"),
            (!self.shrinkage, "no shrinkage"),
        ] {
            if set {
                settings.push(name.to_owned());
            }
        }
        format!("implicit ({})", settings.join(", "))
    }

    /// # Errors
    ///
    /// Those of [`ImplicitRegression::fit_observed`].
    fn fit(&self, samples: &Samples) -> Result<ImplicitModel> {
        self.fit_observed(samples, &mut unobserved)
    }
}
