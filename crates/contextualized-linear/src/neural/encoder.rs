//! The encoder chosen at run time, and its numbers.

use contextualized_core::Result;
use contextualized_encoders::{
    Additive, AdditiveWeights, DenseWeights, Dim, Encoder, EncoderLink, Linear, Linked, Mlp,
    MlpSize, MlpWeights, ParameterVisitor, Parameters, Tape, Values,
};
use serde::{Deserialize, Serialize};

/// How contexts are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EncoderKind {
    /// A multilayer perceptron of all context columns: any interaction.
    Mlp(MlpSize),
    /// One perceptron per context column, summed: no interactions, and shape functions to read.
    Additive(MlpSize),
    /// An affine map.
    Linear,
}

impl EncoderKind {
    pub(crate) fn validate(&self) -> Result<()> {
        match self {
            Self::Mlp(size) | Self::Additive(size) => size.validate(),
            Self::Linear => Ok(()),
        }
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Self::Mlp(size) => format!("MLP {} × {}", size.width, size.layers),
            Self::Additive(size) => format!("additive {} × {}", size.width, size.layers),
            Self::Linear => "linear encoder".to_owned(),
        }
    }
}

/// The numbers of an encoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum EncoderWeights {
    Mlp(MlpWeights),
    Additive(AdditiveWeights),
    Linear(DenseWeights),
}

/// Any encoder, with run-time widths.
#[derive(Debug, Clone)]
pub(crate) enum AnyEncoder {
    Mlp(Mlp<usize, usize>),
    Additive(Additive<usize, usize>),
    Linear(Linear<usize, usize>),
}

/// Does the same with whichever encoder it is.
macro_rules! with_encoder {
    ($any:expr, $encoder:ident => $then:expr) => {
        match $any {
            AnyEncoder::Mlp($encoder) => $then,
            AnyEncoder::Additive($encoder) => $then,
            AnyEncoder::Linear($encoder) => $then,
        }
    };
}

impl AnyEncoder {
    pub(crate) fn new(kind: EncoderKind, contexts: usize, code: usize, seed: u64) -> Result<Self> {
        Ok(match kind {
            EncoderKind::Mlp(size) => Self::Mlp(Mlp::new(contexts, code, size, seed)?),
            EncoderKind::Additive(size) => {
                Self::Additive(Additive::new(contexts, code, size, seed)?)
            }
            EncoderKind::Linear => Self::Linear(Linear::new(contexts, code, seed)?),
        })
    }

    pub(crate) fn from_weights(weights: &EncoderWeights) -> Result<Self> {
        Ok(match weights {
            EncoderWeights::Mlp(weights) => Self::Mlp(Mlp::from_weights(weights)?),
            EncoderWeights::Additive(weights) => Self::Additive(Additive::from_weights(weights)?),
            EncoderWeights::Linear(weights) => Self::Linear(Linear::from_weights(weights)?),
        })
    }

    pub(crate) fn to_weights(&self) -> Result<EncoderWeights> {
        Ok(match self {
            Self::Mlp(encoder) => EncoderWeights::Mlp(encoder.to_weights()?),
            Self::Additive(encoder) => EncoderWeights::Additive(encoder.to_weights()?),
            Self::Linear(encoder) => EncoderWeights::Linear(encoder.to_weights()?),
        })
    }

    pub(crate) fn linked(self, link: EncoderLink) -> Linked<Self> {
        Linked::new(self, link)
    }
}

impl Encoder<usize, usize> for AnyEncoder {
    fn encode<B: Dim, T: Tape>(
        &self,
        contexts: Values<(B, usize), T>,
    ) -> Result<Values<(B, usize), T>> {
        with_encoder!(self, encoder => encoder.encode(contexts))
    }

    fn context_width(&self) -> usize {
        with_encoder!(self, encoder => encoder.context_width())
    }

    fn code_width(&self) -> usize {
        with_encoder!(self, encoder => encoder.code_width())
    }

    fn column_norms(&self) -> Vec<f64> {
        with_encoder!(self, encoder => encoder.column_norms())
    }

    fn shrink_columns(&mut self, threshold: f64) -> Result<()> {
        with_encoder!(self, encoder => encoder.shrink_columns(threshold))
    }
}

impl Parameters for AnyEncoder {
    fn visit<V: ParameterVisitor>(&mut self, visitor: &mut V) -> Result<()> {
        with_encoder!(self, encoder => encoder.visit(visitor))
    }
}
