//! The setters that neural estimators of networks have in common.

/// Setters on a field `settings` of [`super::NeuralSettings`].
macro_rules! neural_setters {
    () => {
        /// The number of archetypes that networks are mixtures of.
        pub fn archetypes(mut self, archetypes: usize) -> Self {
            self.settings.archetypes = archetypes;
            self
        }

        /// A perceptron with so many hidden layers of this width as the encoder.
        pub fn mlp(mut self, width: usize, layers: usize) -> Self {
            self.settings.size = contextualized_encoders::MlpSize { width, layers };
            self
        }

        /// Most passes over the training rows.
        pub fn epochs(mut self, epochs: usize) -> Self {
            self.settings.trainer.epochs = epochs;
            self
        }

        /// Rows per gradient step.
        pub fn batch_size(mut self, batch_size: usize) -> Self {
            self.settings.trainer.batch_size = batch_size;
            self
        }

        /// Adam's step size.
        pub fn learning_rate(mut self, learning_rate: f64) -> Self {
            self.settings.trainer.learning_rate = learning_rate;
            self
        }

        /// Training stops when the loss on a random fraction of the rows, which is not trained on,
        /// has not fallen for `patience` epochs, and the best epoch's weights are kept.
        pub fn early_stopping(mut self, fraction: f64, patience: usize) -> Self {
            self.settings.validation = fraction;
            self.settings.trainer.patience = patience;
            self
        }

        /// Seed of the weights, the batches, the folds and the validation rows.
        pub fn seed(mut self, seed: u64) -> Self {
            self.settings.seed = seed;
            self
        }
    };
}

pub(crate) use neural_setters;
