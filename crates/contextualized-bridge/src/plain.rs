//! A plain network of contexts and features.

use contextualized_core::{Error, Result};
use contextualized_encoders::{
    Dim, Encoder, Mlp, MlpSize, MlpWeights, Network, ParameterVisitor, Parameters, Tape, Values,
};
use dfdx::shapes::Axis;
use dfdx::tensor_ops::TryConcatAlong;

/// g([c, x]): one perceptron whose input is the contexts followed by the features.
#[derive(Debug, Clone)]
pub struct Plain {
    network: Mlp<usize, usize>,
    contexts: usize,
    features: usize,
}

impl Plain {
    /// A randomly initialised network.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a size or width of zero.
    pub fn new(
        contexts: usize,
        features: usize,
        targets: usize,
        size: MlpSize,
        seed: u64,
    ) -> Result<Self> {
        Ok(Self {
            network: Mlp::new(contexts + features, targets, size, seed)?,
            contexts,
            features,
        })
    }

    /// Rebuilds a network from its numbers.
    ///
    /// # Errors
    ///
    /// Those of [`Mlp::from_weights`], and [`Error::ColumnCount`] when its input is not as wide as
    /// contexts and features together.
    pub fn from_weights(weights: &MlpWeights, contexts: usize, features: usize) -> Result<Self> {
        let network = Mlp::<usize, usize>::from_weights(weights)?;
        let found = network.context_width();
        if found != contexts + features {
            return Err(Error::ColumnCount {
                argument: "the network's input",
                expected: contexts + features,
                found,
            });
        }
        Ok(Self {
            network,
            contexts,
            features,
        })
    }

    /// Copies the numbers out.
    ///
    /// # Errors
    ///
    /// [`Error::Numerical`] when memory runs out.
    pub fn to_weights(&self) -> Result<MlpWeights> {
        self.network.to_weights()
    }
}

impl Network<usize, usize, usize> for Plain {
    fn widths(&self) -> (usize, usize, usize) {
        (self.contexts, self.features, self.network.code_width())
    }

    fn predictor<B: Dim, T: Tape>(
        &self,
        contexts: Values<(B, usize), T>,
        features: Values<(B, usize), T>,
    ) -> Result<Values<(B, usize), T>> {
        let input = (contexts, features)
            .try_concat_along(Axis::<1>)
            .map_err(|error| Error::numerical("joining contexts and features", error))?;
        self.network.encode(input)
    }
}

impl Parameters for Plain {
    fn visit<V: ParameterVisitor>(&mut self, visitor: &mut V) -> Result<()> {
        self.network.visit(visitor)
    }
}
