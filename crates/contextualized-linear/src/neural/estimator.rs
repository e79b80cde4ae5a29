//! The estimator: settings, and how they become a fitted model.

use crate::neural::model::{NeuralModel, mean_codes};
use contextualized_baselines::PopulationRegression;
use contextualized_core::{
    Estimator, Family, FittedPredictors, RegressionEstimator, RegressionSettings, Result, Samples,
    Scaling,
};
use contextualized_encoders::{
    CoefficientNetwork, ConstantCoefficients, EncoderKind, EncoderLink, EncoderSettings,
    LearningRateRange, MlpSettings, NetworkSettings, Observer, Parameterization, Prepared,
    StoredNetwork, Training, TrainingData, seeds, training_setters, unobserved,
};
use ndarray::Array1;

/// Contextualized regression, linear or generalised, by a neural encoder.
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
/// mapped back: they are per unit of the features in the data. Targets of a family that cannot be
/// standardised, such as binary ones, stay as they are, and coefficients are on the scale of its link.
///
/// | setting | default | range |
/// |---|---|---|
/// | parameterization | 10 archetypes | 1 or more, or direct |
/// | encoder | perceptron, 2 hidden layers of 25 | perceptron, additive, linear, or your own: [`EncoderSettings`] |
/// | encoder link | identity | identity, logistic, softmax |
/// | family | Gaussian | any [`Family`] |
/// | intercept | yes | |
/// | standardize | yes | |
/// | shrinkage to the population | by 5 folds | or none |
/// | penalties | none | see [`Penalties`](contextualized_encoders::Penalties); on the deviation |
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
pub struct NeuralRegression<S = EncoderKind> {
    network: NetworkSettings<S>,
    family: Family,
    standardize: bool,
    training: Training,
}

impl Default for NeuralRegression {
    fn default() -> Self {
        Self {
            network: NetworkSettings {
                encoder: EncoderKind::default(),
                link: EncoderLink::Identity,
                head: Parameterization::Archetypes(10),
                intercept: true,
                mask: None,
            },
            family: Family::Gaussian,
            standardize: true,
            training: Training::default(),
        }
    }
}

impl NeuralRegression {
    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }
}

impl<S: EncoderSettings> NeuralRegression<S> {
    training_setters!(shrinkage);

    /// Direct coefficients or archetypes.
    pub fn parameterization(mut self, parameterization: Parameterization) -> Self {
        self.network.head = parameterization;
        self
    }

    /// The encoder: an [`EncoderKind`], or settings of your own.
    pub fn encoder<T: EncoderSettings>(self, encoder: T) -> NeuralRegression<T> {
        let network = self.network;
        NeuralRegression {
            network: NetworkSettings {
                encoder,
                link: network.link,
                head: network.head,
                intercept: network.intercept,
                mask: network.mask,
            },
            family: self.family,
            standardize: self.standardize,
            training: self.training,
        }
    }

    /// A perceptron with so many hidden layers of this width as the encoder.
    pub fn mlp(self, width: usize, layers: usize) -> NeuralRegression {
        self.encoder(EncoderKind::Mlp(MlpSettings::new(width, layers)))
    }

    /// The function between the encoder's output and the code.
    ///
    /// With softmax, archetypes are mixed by weights that sum to one.
    pub fn encoder_link(mut self, link: EncoderLink) -> Self {
        self.network.link = link;
        self
    }

    /// The family of the targets.
    pub fn family(mut self, family: Family) -> Self {
        self.family = family;
        self
    }

    /// Whether the model has an intercept m(c); without one, the linear predictor is zero where
    /// features are.
    pub fn intercept(mut self, intercept: bool) -> Self {
        self.network.intercept = intercept;
        self
    }

    /// Whether contexts, features and targets are standardised for training.
    ///
    /// Without an intercept features and targets are only scaled, for a centred model has one.
    pub fn standardize(mut self, standardize: bool) -> Self {
        self.standardize = standardize;
        self
    }

    /// Fits while telling an observer of every epoch, which may break off training.
    ///
    /// The folds that choose the share of the deviation are trained before, unobserved.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error`]: `InvalidParameter` for a setting out of range; `TooFewRows`
    /// when no row would be left to validate or train on; `InvalidTarget` for targets that are not of
    /// the family; `CodedFactor`; `Diverged`; `NotFinite` for data whose units overflow.
    pub fn fit_observed(
        &self,
        samples: &Samples,
        observer: &mut Observer<'_>,
    ) -> Result<NeuralModel<S>> {
        let family = self.population().known_family(samples)?;
        let own = self.clone().family(family);
        let (mut model, shares) = own.training.fit_with_shares(
            family,
            samples,
            seeds(own.training.seed),
            |samples, seed, observer| own.fit_once(samples, seed, observer),
            NeuralModel::held_out,
            observer,
        )?;
        model.shares = shares;
        if !self.family.is_known() {
            model.family = family.estimated(samples, FittedPredictors::of(&model, samples)?)?;
        }
        Ok(model)
    }

    /// The learning-rate range test on the data and the network that [`Estimator::fit`] would use:
    /// the rate grows geometrically between the two given over so many steps.
    ///
    /// # Errors
    ///
    /// Those of [`NeuralRegression::fit_observed`] and [`Training::learning_rate_range`].
    pub fn learning_rate_range(
        &self,
        samples: &Samples,
        rates: (f64, f64),
        steps: usize,
    ) -> Result<LearningRateRange> {
        let samples = samples.rows_that_count()?;
        let mut start = self.start(&samples, self.training.seed)?;
        let (network, data) = (&mut start.network, &start.data);
        start
            .training
            .learning_rate_range(network, &self.family, data, rates, steps)
    }

    /// What the encoder adds to.
    fn population(&self) -> PopulationRegression {
        PopulationRegression::new()
            .intercept(self.network.intercept)
            .family(self.family)
    }

    fn fit_once(
        &self,
        samples: &Samples,
        seed: u64,
        observer: &mut Observer<'_>,
    ) -> Result<NeuralModel<S>> {
        let mut start = self.start(samples, seed)?;
        let report = start.training.train(
            &mut start.network,
            &self.family,
            &start.data,
            start.validation.as_ref(),
            observer,
        )?;
        let contexts = start.scaling.contexts.apply(samples.contexts())?;
        Ok(NeuralModel {
            family: self.family,
            deviation: StoredNetwork::of(&self.network, &mut start.network, start.seed)?,
            centers: mean_codes(start.network.encoder(), contexts.view())?,
            shares: Array1::ones(start.scaling.targets.columns()),
            scaling: start.scaling,
            population: start.population,
            report,
        })
    }

    /// Everything there is before the first step.
    fn start(&self, samples: &Samples, seed: u64) -> Result<Start<S>> {
        let [split, encoder, head, batches] = seeds(seed);
        let Prepared {
            scaling,
            train,
            validation,
        } = self
            .training
            .prepare(self.family, samples, split, |train| {
                let scaling = if self.standardize {
                    Scaling::fit(train)?
                } else {
                    Scaling::identity(train)
                };
                Ok(if self.network.intercept {
                    scaling
                } else {
                    scaling.without_intercept()
                })
            })?;
        let population = self.population().fit_or_ridge(&train)?;
        let population = ConstantCoefficients {
            slopes: population.slopes().to_owned(),
            intercepts: population.intercepts().to_owned(),
        };
        let data = |samples: &Samples| {
            let base = population.linear_predictor(samples.features())?;
            TrainingData::of(samples)?.with_base(base.view())
        };
        let widths = (
            samples.contexts().ncols(),
            samples.features().ncols(),
            samples.targets().ncols(),
        );
        Ok(Start {
            training: Training {
                seed: batches,
                ..self.training
            },
            data: data(&train)?,
            validation: validation.as_ref().map(data).transpose()?,
            scaling,
            network: self.network.build(widths, (encoder, head))?,
            seed: encoder,
            population,
        })
    }
}

struct Start<S: EncoderSettings> {
    training: Training,
    scaling: Scaling,
    population: ConstantCoefficients,
    data: TrainingData<usize, usize, usize>,
    validation: Option<TrainingData<usize, usize, usize>>,
    network: CoefficientNetwork<S::Encoder>,
    /// Of the encoder.
    seed: u64,
}

impl<S: EncoderSettings> Estimator for NeuralRegression<S> {
    type Model = NeuralModel<S>;

    fn name(&self) -> String {
        let mut settings = vec![self.network.encoder.name(), self.network.head.name()];
        settings.extend(self.family.qualifier().map(str::to_owned));
        for (set, name) in [
            (!self.network.intercept, "no intercept"),
            (!self.training.shrinkage, "no shrinkage"),
        ] {
            if set {
                settings.push(name.to_owned());
            }
        }
        format!("contextualized ({})", settings.join(", "))
    }

    fn fit(&self, samples: &Samples) -> Result<NeuralModel<S>> {
        self.fit_observed(samples, &mut unobserved)
    }
}

/// Rows per gradient step and step size of what is chosen by name or compared: as good as one row per step and the
/// default step size, and ten times as fast.
const BATCH: usize = 16;
const LEARNING_RATE: f64 = 4e-3;

impl RegressionEstimator for NeuralRegression {
    const KNOWS_DISPERSION: bool = false;
    const VARIES_BY_SEED: bool = true;

    fn with_settings(settings: &RegressionSettings) -> Self {
        Self::new()
            .family(settings.family)
            .intercept(settings.intercept)
            .seed(settings.seed)
            .batch_size(BATCH)
            .learning_rate(LEARNING_RATE)
    }

    fn candidates(settings: &RegressionSettings, _: usize) -> Vec<Self> {
        let archetypes = Self::with_settings(settings);
        let direct = archetypes
            .clone()
            .parameterization(Parameterization::Direct);
        vec![archetypes, direct]
    }

    fn reseeded(self, seed: u64) -> Self {
        self.seed(seed)
    }
}
