//! Coefficient functions from an encoder, trained by gradient descent.

mod encoder;
mod estimator;
mod head;
mod model;

pub use contextualized_encoders::{EncoderLink, LearningRateRange, MlpSize, Penalties, Progress};
pub use encoder::EncoderKind;
pub use estimator::NeuralRegression;
pub use head::Parameterization;
pub use model::NeuralModel;
