//! Coefficient functions from an encoder, trained by gradient descent.

mod estimator;
mod model;

pub use contextualized_encoders::{
    Activation, EncoderKind, EncoderLink, EncoderSettings, LearningRateRange, MlpSettings,
    Parameterization, Penalties, Progress, Training,
};
pub use estimator::NeuralRegression;
pub use model::NeuralModel;
