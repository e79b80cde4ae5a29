//! The multilayer perceptron.

use crate::activation::Activation;
use crate::dense::{Dense, DenseWeights};
use crate::encoder::Encoder;
use crate::parameters::{ParameterVisitor, Parameters};
use crate::structure::{EncoderStructure, Perceptron};
use crate::tensors::{Tape, Values, check_size, check_width};
use contextualized_core::validate::check_columns;
use contextualized_core::{Error, Result};
use dfdx::shapes::Dim;
use dfdx::tensor::Cpu;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Settings of a multilayer perceptron.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MlpSettings {
    /// Units in each hidden layer.
    pub width: usize,
    /// Number of hidden layers.
    pub layers: usize,
    /// The function between layers.
    pub activation: Activation,
}

impl Default for MlpSettings {
    /// Two hidden layers of 25 units, with the rectifier.
    fn default() -> Self {
        Self::new(25, 2)
    }
}

impl MlpSettings {
    /// So many hidden layers of this width, with the rectifier between them.
    pub fn new(width: usize, layers: usize) -> Self {
        Self {
            width,
            layers,
            activation: Activation::default(),
        }
    }

    /// Another function between layers.
    pub fn activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }
}

/// A multilayer perceptron: hidden layers `h ↦ σ(h W + b)`, then an affine layer. The activation σ is
/// the rectifier, max(0, z), unless another is chosen.
#[derive(Debug, Clone)]
pub struct Mlp<C: Dim, Z: Dim> {
    input: Dense<C, usize>,
    hidden: Vec<Dense<usize, usize>>,
    output: Dense<usize, Z>,
    activation: Activation,
}

/// The numbers of a multilayer perceptron, layer after layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MlpWeights {
    /// At least two layers: input, any number of hidden ones, output.
    pub layers: Vec<DenseWeights>,
    /// The activation; the rectifier in a file that does not say.
    #[serde(default)]
    pub activation: Activation,
}

impl<C: Dim, Z: Dim> Mlp<C, Z> {
    /// A randomly initialised perceptron: weights and biases of each layer uniform on ±1/√inputs.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a size of zero or beyond all memory.
    pub fn new(contexts: C, code: Z, settings: MlpSettings, seed: u64) -> Result<Self> {
        check_width("width", settings.width)?;
        check_width("layers", settings.layers)?;
        check_width("context width", contexts.size())?;
        check_width("code width", code.size())?;
        let MlpSettings { width, layers, .. } = settings;
        check_size("the hidden layers", &[width, width, layers])?;
        let (device, mut generator) = (Cpu::default(), ChaCha8Rng::seed_from_u64(seed));
        Ok(Self {
            input: Dense::random(&device, contexts, settings.width, &mut generator)?,
            hidden: (1..settings.layers)
                .map(|_| Dense::random(&device, settings.width, settings.width, &mut generator))
                .collect::<Result<_>>()?,
            output: Dense::random(&device, settings.width, code, &mut generator)?,
            activation: settings.activation,
        })
    }

    /// Rebuilds a perceptron from its numbers.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for fewer than two layers; [`Error::ColumnCount`] when a layer
    /// does not take what the one before it gives, or the ends are not of widths `C` and `Z`.
    pub fn from_weights(weights: &MlpWeights) -> Result<Self> {
        let [first, middle @ .., last] = weights.layers.as_slice() else {
            return Err(Error::invalid_parameter(
                "layers",
                weights.layers.len(),
                "at least 2",
            ));
        };
        for pair in weights.layers.windows(2) {
            let (given, taken) = (pair[0].weights.ncols(), pair[1].weights.nrows());
            check_columns("layer inputs", given, taken)?;
        }
        let device = Cpu::default();
        Ok(Self {
            input: Dense::from_weights(&device, first)?,
            hidden: middle
                .iter()
                .map(|layer| Dense::from_weights(&device, layer))
                .collect::<Result<_>>()?,
            output: Dense::from_weights(&device, last)?,
            activation: weights.activation,
        })
    }

    /// Its structure, as that of the context columns from this one on.
    pub(crate) fn perceptron(&self, first_column: usize) -> Perceptron {
        let mut widths = vec![self.input.inputs().size(), self.input.outputs()];
        widths.extend(self.hidden.iter().map(Dense::outputs));
        widths.push(self.output.outputs().size());
        Perceptron {
            first_column,
            widths,
            activation: self.activation,
        }
    }

    /// Copies the numbers out.
    ///
    /// # Errors
    ///
    /// [`Error::Numerical`] when memory runs out.
    pub fn to_weights(&self) -> Result<MlpWeights> {
        let mut layers = vec![self.input.to_weights()?];
        for layer in &self.hidden {
            layers.push(layer.to_weights()?);
        }
        layers.push(self.output.to_weights()?);
        Ok(MlpWeights {
            layers,
            activation: self.activation,
        })
    }
}

impl<C: Dim, Z: Dim> Encoder<C, Z> for Mlp<C, Z> {
    fn encode<B: Dim, T: Tape>(&self, contexts: Values<(B, C), T>) -> Result<Values<(B, Z), T>> {
        let mut hidden = self.activation.apply(self.input.forward(contexts)?)?;
        for layer in &self.hidden {
            hidden = self.activation.apply(layer.forward(hidden)?)?;
        }
        self.output.forward(hidden)
    }

    fn context_width(&self) -> C {
        self.input.inputs()
    }

    fn code_width(&self) -> Z {
        self.output.outputs()
    }

    fn column_norms(&self) -> Vec<f64> {
        self.input.row_norms()
    }

    fn shrink_columns(&mut self, threshold: f64) -> Result<()> {
        self.input.shrink_rows(threshold);
        Ok(())
    }

    fn structure(&self) -> Option<EncoderStructure> {
        Some(EncoderStructure::of(vec![self.perceptron(0)]))
    }
}

impl<C: Dim, Z: Dim> Parameters for Mlp<C, Z> {
    fn visit<V: ParameterVisitor>(&mut self, visitor: &mut V) -> Result<()> {
        self.input.visit(visitor)?;
        for layer in &mut self.hidden {
            layer.visit(visitor)?;
        }
        self.output.visit(visitor)
    }
}
