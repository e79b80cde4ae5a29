//! The estimator: settings, and how they become a trained network.

use crate::model::ImplicitModel;
use crate::plain::Plain;
use contextualized_baselines::PopulationRegression;
use contextualized_core::{Estimator, Family, FittedPredictors, Result, Samples, Scaling};
use contextualized_encoders::{
    Activation, ConstantCoefficients, MlpSettings, Observer, Prepared, Training, TrainingData,
    scaled, seeds, training_setters, unobserved,
};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A plain network of contexts and features, whose derivatives are the coefficients.
///
/// ```text
/// network:  minimise  mean of w (y − f([c, x]))²,  or of minus the log-likelihood of y given its predictor f
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
/// | family | Gaussian | any [`Family`] |
/// | standardize | contexts, features and targets | or contexts alone |
/// | shrinkage to the population | by 5 folds | or none |
/// | epochs | 200 | 1 or more |
/// | batch size | 16 | 1 or more |
/// | learning rate | 0.001 | above 0 |
/// | early stopping | on a random fifth of the rows, patience 20 epochs | fraction in (0, 1); patience 1 or more; or none |
/// | seed | 0 | |
#[derive(Debug, Clone, PartialEq)]
pub struct ImplicitRegression {
    network: MlpSettings,
    family: Family,
    contexts_only: bool,
    training: Training,
}

/// The random stream of the folds, away from that of the network.
const FOLDS: u64 = 1;

impl Default for ImplicitRegression {
    fn default() -> Self {
        Self {
            network: MlpSettings::new(50, 2),
            family: Family::Gaussian,
            contexts_only: false,
            training: Training {
                epochs: 200,
                batch_size: 16,
                patience: 20,
                ..Training::default()
            },
        }
    }
}

impl ImplicitRegression {
    training_setters!(shrinkage);

    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Width and number of the hidden layers.
    pub fn mlp(mut self, width: usize, layers: usize) -> Self {
        (self.network.width, self.network.layers) = (width, layers);
        self
    }

    /// The function between layers. With the rectifier, the default, coefficients are piecewise
    /// constant; with a smooth one they change smoothly with context and features.
    pub fn activation(mut self, activation: Activation) -> Self {
        self.network.activation = activation;
        self
    }

    /// The family of the targets. Coefficients are derivatives of the linear predictor: for binary
    /// targets of the logit, not of the probability.
    pub fn family(mut self, family: Family) -> Self {
        self.family = family;
        self
    }

    /// Standardises contexts only: features and targets stay in their own units.
    pub fn standardize_contexts_only(mut self) -> Self {
        self.contexts_only = true;
        self
    }

    /// Fits while telling an observer of every epoch, which may break off training.
    ///
    /// The folds that choose the share of the network are trained before, unobserved.
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
    ) -> Result<ImplicitModel> {
        // Apart from what `fit_once` draws, so that the network is the same with and without folds.
        let mut generator = ChaCha8Rng::seed_from_u64(self.training.seed);
        generator.set_stream(FOLDS);
        let population = PopulationRegression::new().family(self.family);
        let family = population.known_family(samples)?;
        let own = self.clone().family(family);
        let (mut model, shares) = own.training.fit_with_shares(
            family,
            samples,
            [generator.next_u64(), own.training.seed],
            |samples, seed, observer| own.fit_once(samples, seed, observer),
            ImplicitModel::held_out,
            observer,
        )?;
        model.shares = shares;
        if !self.family.is_known() {
            model.family = family.estimated(samples, FittedPredictors::of(&model, samples)?)?;
        }
        Ok(model)
    }

    /// One network, and the population fit to the same rows.
    fn fit_once(
        &self,
        samples: &Samples,
        seed: u64,
        observer: &mut Observer<'_>,
    ) -> Result<ImplicitModel> {
        let [split, weights, batches] = seeds(seed);
        let Prepared {
            scaling,
            train,
            validation,
        } = self
            .training
            .prepare(self.family, samples, split, |train| {
                let scaling = Scaling::fit(train)?;
                Ok(if self.contexts_only {
                    scaling.with_raw_features().with_raw_targets()
                } else {
                    scaling
                })
            })?;
        let mut network = Plain::new(
            train.contexts().ncols(),
            train.features().ncols(),
            train.targets().ncols(),
            self.network,
            weights,
        )?;
        let report = self.training.train_on(
            batches,
            &mut network,
            &self.family,
            (&train, validation.as_ref()),
            TrainingData::of,
            observer,
        )?;
        // Its validation rows are rows like any others to the population fit, which has no epochs.
        let population = PopulationRegression::new()
            .family(self.family)
            .fit_or_ridge(&scaled(&scaling, samples)?)?;
        let population = ConstantCoefficients {
            slopes: population.slopes().to_owned(),
            intercepts: population.intercepts().to_owned(),
        };
        ImplicitModel::new(self.family, scaling, population, &network, report)
    }
}

impl Estimator for ImplicitRegression {
    type Model = ImplicitModel;

    fn name(&self) -> String {
        let MlpSettings {
            width,
            layers,
            activation,
        } = self.network;
        let mut settings = vec![format!("MLP {width} × {layers}")];
        if activation != Activation::default() {
            settings.push(format!("{activation:?}").to_lowercase());
        }
        settings.extend(self.family.qualifier().map(str::to_owned));
        if !self.training.shrinkage {
            settings.push("no shrinkage".to_owned());
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
