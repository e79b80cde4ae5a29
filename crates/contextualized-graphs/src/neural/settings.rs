//! How neural networks of either kind are trained.

use contextualized_core::{Error, Result};
use contextualized_encoders::{MlpSize, Penalties, Trainer};

/// Settings of the encoder and of its training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct NeuralSettings {
    pub(crate) archetypes: usize,
    pub(crate) size: MlpSize,
    pub(crate) trainer: Trainer,
    /// Share of the rows that training is stopped by.
    pub(crate) validation: f64,
    pub(crate) seed: u64,
}

impl Default for NeuralSettings {
    fn default() -> Self {
        Self {
            archetypes: 10,
            size: MlpSize::default(),
            trainer: Trainer {
                epochs: 100,
                batch_size: 16,
                learning_rate: 2e-3,
                patience: 10,
                penalties: Penalties::default(),
                seed: 0,
            },
            validation: 0.2,
            seed: 0,
        }
    }
}

impl NeuralSettings {
    pub(crate) fn validate(&self) -> Result<()> {
        self.trainer.validate()?;
        self.size.validate()?;
        if self.archetypes == 0 {
            return Err(Error::invalid_parameter("archetypes", 0, "at least 1"));
        }
        if self.validation > 0.0 && self.validation < 1.0 {
            Ok(())
        } else {
            Err(Error::invalid_parameter(
                "validation",
                self.validation,
                "between 0 and 1, exclusive",
            ))
        }
    }
}
