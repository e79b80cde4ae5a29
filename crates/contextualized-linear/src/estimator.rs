//! The estimator: settings, and how they become a trained network.

use crate::head::{AnyHead, Parameterization};
use crate::model::ContextualizedModel;
use crate::scaling::Scaling;
use contextualized_core::{Estimator, Result, Samples, Split};
use contextualized_encoders::{
    Contextualized, Head, Mlp, MlpSize, Progress, SquaredError, Trainer, unobserved,
};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::ops::ControlFlow;

/// Contextualized linear regression by a neural encoder.
///
/// ```text
/// E[y | x, c] = B(c) x + m(c)
/// direct:      [B(c), m(c)] = encoder(c)
/// archetypes:  [B(c), m(c)] = Σ_k z_k(c) A_k,   z(c) = encoder(c)
/// ```
///
/// Encoder and archetypes are trained together on the (weighted) mean squared error of y by Adam.
/// Contexts, features and targets are standardised on the training rows, and coefficients are
/// mapped back: they are per unit of the features in the data.
///
/// | setting | default | range |
/// |---|---|---|
/// | parameterization | 10 archetypes | 1 or more |
/// | encoder | 2 hidden layers of 25 | 1 or more of either |
/// | intercept | yes | |
/// | standardize | yes | |
/// | epochs | 50 | 1 or more |
/// | batch size | 1 | 1 or more |
/// | learning rate | 0.001 | above 0 |
/// | early stopping | on a random fifth of the rows, patience 10 epochs | fraction in (0, 1); patience 1 or more |
/// | seed | 0 | |
///
/// After Lengerich et al., *Contextualized Machine Learning* (2023, doi:10.48550/arXiv.2310.11340).
///
/// ```
/// use contextualized_core::{Estimator, Samples, VaryingCoefficients};
/// use contextualized_linear::ContextualizedRegression;
/// use ndarray::{Array2, array};
///
/// // y = c x: the slope is the context.
/// let contexts = Array2::from_shape_fn((200, 1), |(i, _)| (i % 20) as f64 / 10.0 - 0.95);
/// let features = Array2::from_shape_fn((200, 1), |(i, _)| ((7 * i) % 11) as f64 - 5.0);
/// let targets = &contexts * &features;
/// let samples = Samples::new(contexts.view(), features.view(), targets.view())?;
///
/// let model = ContextualizedRegression::new().fit(&samples)?;
/// let slopes = model.coefficients(array![[-0.5], [0.5]].view())?.slopes().to_owned();
/// assert!((slopes[[0, 0, 0]] + 0.5).abs() < 0.1 && (slopes[[1, 0, 0]] - 0.5).abs() < 0.1);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ContextualizedRegression {
    parameterization: Parameterization,
    encoder: MlpSize,
    intercept: bool,
    standardize: bool,
    trainer: Trainer,
    validation: Option<f64>,
    seed: u64,
}

impl Default for ContextualizedRegression {
    fn default() -> Self {
        Self {
            parameterization: Parameterization::Archetypes(10),
            encoder: MlpSize::default(),
            intercept: true,
            standardize: true,
            trainer: Trainer::default(),
            validation: Some(0.2),
            seed: 0,
        }
    }
}

impl ContextualizedRegression {
    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Direct coefficients or archetypes.
    pub fn parameterization(mut self, parameterization: Parameterization) -> Self {
        self.parameterization = parameterization;
        self
    }

    /// Width and number of the encoder's hidden layers.
    pub fn encoder(mut self, width: usize, layers: usize) -> Self {
        self.encoder = MlpSize { width, layers };
        self
    }

    /// Whether the model has an offset m(c); without one, predictions are zero where features are.
    pub fn intercept(mut self, intercept: bool) -> Self {
        self.intercept = intercept;
        self
    }

    /// Whether contexts, features and targets are standardised for training.
    ///
    /// Without an intercept features and targets are only scaled, for a centred model has one.
    pub fn standardize(mut self, standardize: bool) -> Self {
        self.standardize = standardize;
        self
    }

    /// Passes over the training rows.
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.trainer.epochs = epochs;
        self
    }

    /// Rows per gradient step.
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

    /// Seed of the weights, the batches and the validation rows.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Fits while telling an observer of every epoch, which may break off training.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::InvalidParameter`] for a setting out of range, [`contextualized_core::Error::TooFewRows`] when no
    /// row would be left to validate or train on, [`contextualized_core::Error::Diverged`].
    pub fn fit_observed(
        &self,
        samples: &Samples,
        observer: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<ContextualizedModel> {
        self.trainer.validate()?;
        self.encoder.validate()?;
        let mut generator = ChaCha8Rng::seed_from_u64(self.seed);
        let seeds = Seeds {
            split: generator.next_u64(),
            encoder: generator.next_u64(),
            head: generator.next_u64(),
            batches: generator.next_u64(),
        };
        let (train, held_out) = match self.validation {
            None => (None, None),
            Some(fraction) => {
                let split = Split::holdout(samples.rows(), fraction, seeds.split)?;
                (
                    Some(samples.select(&split.train)?),
                    Some(samples.select(&split.test)?),
                )
            }
        };
        let train = train.as_ref().unwrap_or(samples);
        let scaling = match self.standardize {
            true => Scaling::fit(train, self.intercept)?,
            false => Scaling::identity(train),
        };
        let data = scaling.apply(train)?;
        let validation = held_out
            .as_ref()
            .map(|held_out| scaling.apply(held_out))
            .transpose()?;
        let head = AnyHead::new(
            self.parameterization,
            samples.features().ncols(),
            samples.targets().ncols(),
            self.intercept,
            seeds.head,
        )?;
        let encoder = Mlp::new(
            samples.contexts().ncols(),
            head.code_width(),
            self.encoder,
            seeds.encoder,
        )?;
        let mut network = Contextualized::new(encoder, head)?;
        let trainer = Trainer {
            seed: seeds.batches,
            ..self.trainer
        };
        let report = trainer.train(
            &mut network,
            &SquaredError,
            &data,
            validation.as_ref(),
            observer,
        )?;
        ContextualizedModel::new(scaling, &network, report)
    }
}

impl Estimator for ContextualizedRegression {
    type Model = ContextualizedModel;

    fn name(&self) -> String {
        let MlpSize { width, layers } = self.encoder;
        let head = match self.parameterization {
            Parameterization::Direct => "direct".to_owned(),
            Parameterization::Archetypes(count) => format!("{count} archetypes"),
        };
        format!("contextualized (MLP {width} × {layers}, {head})")
    }

    fn fit(&self, samples: &Samples) -> Result<ContextualizedModel> {
        self.fit_observed(samples, &mut unobserved)
    }
}

struct Seeds {
    split: u64,
    encoder: u64,
    head: u64,
    batches: u64,
}
