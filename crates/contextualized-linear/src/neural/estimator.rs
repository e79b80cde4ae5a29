//! The estimator: settings, and how they become a fitted model.

use crate::neural::encoder::{AnyEncoder, EncoderKind};
use crate::neural::head::{AnyHead, Parameterization};
use crate::neural::model::{Deviation, NeuralModel, RegressionNetwork};
use contextualized_baselines::{HeldOut, PopulationModel, PopulationRegression, shares_by_folds};
use contextualized_core::{Estimator, Link, Result, Samples, Scaling, Split, VaryingCoefficients};
use contextualized_encoders::{
    Contextualized, EncoderLink, Head, LearningRateRange, LogisticLoss, MlpSize, Penalties,
    Progress, SquaredError, Trainer, TrainingData, unobserved,
};
use ndarray::Array1;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::ops::ControlFlow;

/// Contextualized linear or logistic regression by a neural encoder.
///
/// ```text
/// ℓ(E[y | x, c]) = B(c) x + m(c)
/// [B(c), m(c)] = population fit + s · deviation(c)
/// deviation(c) = encoder(c)                              directly, or
///              = Σ_k z_k(c) A_k,   z(c) = encoder(c)     by archetypes
/// ```
///
/// The population fit comes first; encoder and archetypes are then trained together by Adam to
/// explain what it leaves. The share s in \[0, 1\] of the deviation that is kept, one per target, is
/// the one that predicts best on held-out folds of the training rows, each predicted by a model
/// trained on the others. Where contexts say nothing, nothing is kept, and the model is the
/// population's.
///
/// Contexts, features and targets are standardised on the rows trained on, and coefficients are
/// mapped back: they are per unit of the features in the data. Binary targets stay as they are, and
/// coefficients are on the scale of the logit.
///
/// | setting | default | range |
/// |---|---|---|
/// | parameterization | 10 archetypes | 1 or more, or direct |
/// | encoder | perceptron, 2 hidden layers of 25 | perceptron, additive, linear |
/// | encoder link | identity | identity, logistic, softmax |
/// | outcome | linear | linear, or binary by the logit link |
/// | intercept | yes | |
/// | standardize | yes | |
/// | shrinkage to the population | by 5 folds | or none |
/// | penalties | none | see [`Penalties`]; on the deviation |
/// | epochs | 50 | 1 or more |
/// | batch size | 1 | 1 or more |
/// | learning rate | 0.001 | above 0 |
/// | early stopping | on a random fifth of the rows, patience 10 epochs | fraction in (0, 1); patience 1 or more; or none |
/// | seed | 0 | |
///
/// After Lengerich et al., *Contextualized Machine Learning* (2023, doi:10.48550/arXiv.2310.11340).
///
/// ```
/// use contextualized_core::{Estimator, Samples, VaryingCoefficients};
/// use contextualized_linear::NeuralRegression;
/// use ndarray::{Array2, array};
///
/// // y = c x: the slope is the context.
/// let contexts = Array2::from_shape_fn((200, 1), |(i, _)| (i % 20) as f64 / 10.0 - 0.95);
/// let features = Array2::from_shape_fn((200, 1), |(i, _)| ((7 * i) % 11) as f64 - 5.0);
/// let targets = &contexts * &features;
/// let samples = Samples::new(contexts.view(), features.view(), targets.view())?;
///
/// let model = NeuralRegression::new().fit(&samples)?;
/// let slopes = model.coefficients(array![[-0.5], [0.5]].view())?.slopes().to_owned();
/// assert!((slopes[[0, 0, 0]] + 0.5).abs() < 0.1 && (slopes[[1, 0, 0]] - 0.5).abs() < 0.1);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NeuralRegression {
    parameterization: Parameterization,
    encoder: EncoderKind,
    encoder_link: EncoderLink,
    link: Link,
    intercept: bool,
    standardize: bool,
    shrinkage: bool,
    trainer: Trainer,
    validation: Option<f64>,
    seed: u64,
}

impl Default for NeuralRegression {
    fn default() -> Self {
        Self {
            parameterization: Parameterization::Archetypes(10),
            encoder: EncoderKind::Mlp(MlpSize::default()),
            encoder_link: EncoderLink::Identity,
            link: Link::Identity,
            intercept: true,
            standardize: true,
            shrinkage: true,
            trainer: Trainer::default(),
            validation: Some(0.2),
            seed: 0,
        }
    }
}

impl NeuralRegression {
    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Direct coefficients or archetypes.
    pub fn parameterization(mut self, parameterization: Parameterization) -> Self {
        self.parameterization = parameterization;
        self
    }

    /// The kind and size of the encoder.
    pub fn encoder(mut self, encoder: EncoderKind) -> Self {
        self.encoder = encoder;
        self
    }

    /// A perceptron with so many hidden layers of this width as the encoder.
    pub fn mlp(self, width: usize, layers: usize) -> Self {
        self.encoder(EncoderKind::Mlp(MlpSize { width, layers }))
    }

    /// The function between the encoder's output and the code.
    ///
    /// With softmax, archetypes are mixed by weights that sum to one.
    pub fn encoder_link(mut self, link: EncoderLink) -> Self {
        self.encoder_link = link;
        self
    }

    /// Logistic regression of targets that are 0 or 1.
    pub fn logistic(mut self) -> Self {
        self.link = Link::Logit;
        self
    }

    /// Whether the model has an offset m(c); without one, the linear predictor is zero where
    /// features are.
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

    /// Keeps the whole deviation from the population fit, without asking held-out folds.
    ///
    /// Five times as fast, and no longer safe where contexts say nothing.
    pub fn without_shrinkage(mut self) -> Self {
        self.shrinkage = false;
        self
    }

    /// Penalties on the deviation's coefficients, the encoder's weights and its context columns.
    pub fn penalties(mut self, penalties: Penalties) -> Self {
        self.trainer.penalties = penalties;
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

    /// Seed of the weights, the batches, the folds and the validation rows.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Fits while telling an observer of every epoch, which may break off training.
    ///
    /// The folds that choose the share of the deviation are trained before, unobserved.
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
    ) -> Result<NeuralModel> {
        self.trainer.validate()?;
        self.encoder.validate()?;
        let samples = samples.rows_that_count()?;
        let mut seeds = ChaCha8Rng::seed_from_u64(self.seed);
        let (folds, last) = (seeds.next_u64(), seeds.next_u64());
        let targets = samples.targets().ncols();
        let shares = if !self.shrinkage {
            Array1::ones(targets)
        } else {
            shares_by_folds(&samples, self.link, folds, |train, test| {
                let model = self.fit_once(train, folds, &mut unobserved)?;
                let (base, deviation) = model.predictors(test)?;
                Ok(HeldOut {
                    targets: model.scaling().targets.apply(test.targets())?,
                    base,
                    deviation,
                })
            })?
        };
        Ok(self.fit_once(&samples, last, observer)?.with_shares(shares))
    }

    /// The learning-rate range test on the data and the network that [`Estimator::fit`] would use:
    /// the rate grows geometrically between the two given over so many steps.
    ///
    /// # Errors
    ///
    /// Those of [`NeuralRegression::fit_observed`] and [`Trainer::learning_rate_range`].
    pub fn learning_rate_range(
        &self,
        samples: &Samples,
        rates: (f64, f64),
        steps: usize,
    ) -> Result<LearningRateRange> {
        let samples = samples.rows_that_count()?;
        let mut start = self.start(&samples, self.seed)?;
        let (network, data) = (&mut start.network, &start.data);
        match self.link {
            Link::Logit => {
                start
                    .trainer
                    .learning_rate_range(network, &LogisticLoss, data, rates, steps)
            }
            _ => start
                .trainer
                .learning_rate_range(network, &SquaredError, data, rates, steps),
        }
    }

    fn fit_once(
        &self,
        samples: &Samples,
        seed: u64,
        observer: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<NeuralModel> {
        let Start {
            trainer,
            scaling,
            population,
            data,
            validation,
            mut network,
        } = self.start(samples, seed)?;
        let validation = validation.as_ref();
        let report = match self.link {
            Link::Logit => {
                trainer.train(&mut network, &LogisticLoss, &data, validation, observer)?
            }
            _ => trainer.train(&mut network, &SquaredError, &data, validation, observer)?,
        };
        let contexts = scaling.contexts.apply(samples.contexts())?;
        let deviation = Deviation::new(&network, self.encoder_link, contexts.view())?;
        NeuralModel::new(scaling, &population, deviation, report)
    }

    /// Everything there is before the first step.
    fn start(&self, samples: &Samples, seed: u64) -> Result<Start> {
        let mut seeds = ChaCha8Rng::seed_from_u64(seed);
        let (split, encoder, head, batches) = (
            seeds.next_u64(),
            seeds.next_u64(),
            seeds.next_u64(),
            seeds.next_u64(),
        );
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
        let mut scaling = if self.standardize {
            Scaling::fit(&train)?
        } else {
            Scaling::identity(&train)
        };
        if !self.intercept {
            scaling = scaling.without_offset();
        }
        if self.link == Link::Logit {
            scaling = scaling.with_raw_targets();
        }
        let train = scaling.apply(&train)?;
        let held_out = held_out
            .map(|held_out| scaling.apply(&held_out))
            .transpose()?;
        let mut population = PopulationRegression::new().intercept(self.intercept);
        if self.link == Link::Logit {
            population = population.logistic();
        }
        let population = population.fit_or_ridge(&train)?;
        let head = AnyHead::new(
            self.parameterization,
            samples.features().ncols(),
            samples.targets().ncols(),
            self.intercept,
            head,
        )?;
        let contexts = samples.contexts().ncols();
        let encoder = AnyEncoder::new(self.encoder, contexts, head.code_width(), encoder)?;
        Ok(Start {
            trainer: Trainer {
                seed: batches,
                ..self.trainer
            },
            data: over_population(&train, &population)?,
            validation: held_out
                .map(|held_out| over_population(&held_out, &population))
                .transpose()?,
            scaling,
            population,
            network: Contextualized::new(encoder.linked(self.encoder_link), head)?,
        })
    }
}

struct Start {
    trainer: Trainer,
    scaling: Scaling,
    population: PopulationModel,
    data: TrainingData<usize, usize, usize>,
    validation: Option<TrainingData<usize, usize, usize>>,
    network: RegressionNetwork,
}

/// Training data over the population's linear predictor.
fn over_population(
    samples: &Samples,
    population: &PopulationModel,
) -> Result<TrainingData<usize, usize, usize>> {
    let base = population
        .coefficients(samples.contexts())?
        .linear_predictor(samples.features())?;
    TrainingData::new(
        samples.contexts(),
        samples.features(),
        samples.targets(),
        samples.weights(),
    )?
    .with_base(base.view())
}

impl Estimator for NeuralRegression {
    type Model = NeuralModel;

    fn name(&self) -> String {
        let head = match self.parameterization {
            Parameterization::Direct => "direct".to_owned(),
            Parameterization::Archetypes(count) => format!("{count} archetypes"),
        };
        let mut settings = vec![self.encoder.name(), head];
        for (set, name) in [
            (self.link == Link::Logit, "logistic"),
            (!self.intercept, "no intercept"),
            (!self.shrinkage, "no shrinkage"),
        ] {
            if set {
                settings.push(name.to_owned());
            }
        }
        format!("contextualized ({})", settings.join(", "))
    }

    fn fit(&self, samples: &Samples) -> Result<NeuralModel> {
        self.fit_observed(samples, &mut unobserved)
    }
}
