//! The affine encoder.

use crate::activation::Activation;
use crate::dense::Dense;
use crate::encoder::Encoder;
use crate::parameters::{ParameterVisitor, Parameters};
use crate::structure::{EncoderStructure, Perceptron};
use crate::tensors::{Tape, Values, check_width};
use contextualized_core::Result;
use dfdx::shapes::Dim;
use dfdx::tensor::Cpu;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// z = c W + b: coefficients that are affine in the context.
#[derive(Debug, Clone)]
pub struct Linear<C: Dim, Z: Dim> {
    layer: Dense<C, Z>,
}

impl<C: Dim, Z: Dim> Linear<C, Z> {
    /// A random affine map: weights and biases uniform on ±1/√contexts.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::InvalidParameter`] for a width of zero.
    pub fn new(contexts: C, code: Z, seed: u64) -> Result<Self> {
        check_width("context width", contexts.size())?;
        check_width("code width", code.size())?;
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        Ok(Self {
            layer: Dense::random(&Cpu::default(), contexts, code, &mut generator)?,
        })
    }
}

impl<C: Dim, Z: Dim> Encoder<C, Z> for Linear<C, Z> {
    fn encode<B: Dim, T: Tape>(&self, contexts: Values<(B, C), T>) -> Result<Values<(B, Z), T>> {
        self.layer.forward(contexts)
    }

    fn context_width(&self) -> C {
        self.layer.inputs()
    }

    fn code_width(&self) -> Z {
        self.layer.outputs()
    }

    fn column_norms(&self) -> Vec<f64> {
        self.layer.row_norms()
    }

    fn shrink_columns(&mut self, threshold: f64) -> Result<()> {
        self.layer.shrink_rows(threshold);
        Ok(())
    }

    /// A perceptron without hidden layers, and so without an activation.
    fn structure(&self) -> Option<EncoderStructure> {
        Some(EncoderStructure::of(vec![Perceptron {
            first_column: 0,
            widths: vec![self.layer.inputs().size(), self.layer.outputs().size()],
            activation: Activation::default(),
        }]))
    }
}

impl<C: Dim, Z: Dim> Parameters for Linear<C, Z> {
    fn visit<V: ParameterVisitor>(&mut self, visitor: &mut V) -> Result<()> {
        self.layer.visit(visitor)
    }
}
