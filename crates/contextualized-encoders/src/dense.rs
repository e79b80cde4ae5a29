//! The affine layer that encoders are made of.

use crate::parameters::{ParameterVisitor, Parameters};
use crate::tensors::{Tape, Values, device_error, known_width, tensor, to_array2};
use contextualized_core::{Error, Result};
use dfdx::shapes::{Dim, HasShape};
use dfdx::tensor::Cpu;
use dfdx::tensor_ops::{BroadcastTo, TryAdd, TryMatMul};
use ndarray::{Array1, Array2};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// h ↦ h W + b, for W with `I` rows and `O` columns.
#[derive(Debug, Clone)]
pub(crate) struct Dense<I: Dim, O: Dim> {
    weights: Values<(I, O)>,
    biases: Values<(O,)>,
}

/// The numbers of a dense layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DenseWeights {
    /// Inputs × outputs.
    pub weights: Array2<f64>,
    /// Outputs.
    pub biases: Array1<f64>,
}

impl<I: Dim, O: Dim> Dense<I, O> {
    /// Weights and biases uniform on ±1/√inputs.
    pub(crate) fn random(
        device: &Cpu,
        inputs: I,
        outputs: O,
        generator: &mut ChaCha8Rng,
    ) -> Result<Self> {
        let bound = 1.0 / (inputs.size() as f64).sqrt();
        let mut draw = |count: usize| -> Vec<f64> {
            (0..count)
                .map(|_| generator.gen_range(-bound..bound))
                .collect()
        };
        Ok(Self {
            weights: tensor(
                device,
                draw(inputs.size() * outputs.size()),
                (inputs, outputs),
            )?,
            biases: tensor(device, draw(outputs.size()), (outputs,))?,
        })
    }

    pub(crate) fn from_weights(device: &Cpu, layer: &DenseWeights) -> Result<Self> {
        let (rows, columns) = layer.weights.dim();
        if layer.biases.len() != columns {
            return Err(Error::ColumnCount {
                argument: "layer biases",
                expected: columns,
                found: layer.biases.len(),
            });
        }
        let inputs = known_width("layer inputs", rows)?;
        let outputs = known_width("layer outputs", columns)?;
        Ok(Self {
            weights: tensor(
                device,
                layer.weights.iter().copied().collect(),
                (inputs, outputs),
            )?,
            biases: tensor(device, layer.biases.to_vec(), (outputs,))?,
        })
    }

    pub(crate) fn to_weights(&self) -> Result<DenseWeights> {
        Ok(DenseWeights {
            weights: to_array2(&self.weights)?,
            biases: Array1::from_vec(self.biases.as_vec()),
        })
    }

    pub(crate) fn inputs(&self) -> I {
        self.weights.shape().0
    }

    pub(crate) fn outputs(&self) -> O {
        self.weights.shape().1
    }

    pub(crate) fn forward<B: Dim, T: Tape>(
        &self,
        input: Values<(B, I), T>,
    ) -> Result<Values<(B, O), T>> {
        let product = input
            .try_matmul(self.weights.clone())
            .map_err(device_error)?;
        let biases = self
            .biases
            .retaped::<T>()
            .try_broadcast_like(product.shape())
            .map_err(device_error)?;
        product.try_add(biases).map_err(device_error)
    }
}

impl<I: Dim, O: Dim> Parameters for Dense<I, O> {
    fn visit<V: ParameterVisitor>(&mut self, visitor: &mut V) -> Result<()> {
        visitor.visit(&mut self.weights)?;
        visitor.visit(&mut self.biases)
    }
}
