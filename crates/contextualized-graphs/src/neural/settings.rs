//! How neural correlation and Markov networks are trained.

use contextualized_encoders::{MlpSettings, Training};

/// Settings of the encoder and of its training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct NeuralSettings {
    pub(crate) archetypes: usize,
    pub(crate) encoder: MlpSettings,
}

impl Default for NeuralSettings {
    fn default() -> Self {
        Self {
            archetypes: 10,
            encoder: MlpSettings::default(),
        }
    }
}

impl NeuralSettings {
    /// The default training.
    pub(crate) fn training() -> Training {
        Training {
            epochs: 100,
            batch_size: 16,
            learning_rate: 2e-3,
            ..Training::default()
        }
    }
}

/// Setters on a field `settings` of [`NeuralSettings`] and on a field `training`.
macro_rules! neural_setters {
    () => {
        contextualized_encoders::training_setters!(shrinkage);

        /// The number of archetypes that networks are mixtures of.
        pub fn archetypes(mut self, archetypes: usize) -> Self {
            self.settings.archetypes = archetypes;
            self
        }

        /// A perceptron with so many hidden layers of this width as the encoder.
        pub fn mlp(mut self, width: usize, layers: usize) -> Self {
            self.settings.encoder = contextualized_encoders::MlpSettings::new(width, layers);
            self
        }
    };
}

pub(crate) use neural_setters;
