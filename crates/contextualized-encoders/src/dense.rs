//! The affine layer that encoders are made of.

use crate::parameters::{ParameterKind, ParameterVisitor, Parameters};
use crate::tensors::{
    Tape, Values, check_size, device_error, kept_by_lasso, known_width, tensor, to_array2, uniform,
};
use contextualized_core::Result;
use contextualized_core::validate::{check_columns, check_finite};
use dfdx::shapes::{Dim, HasShape};
use dfdx::tensor::Cpu;
use dfdx::tensor_ops::{BroadcastTo, TryAdd, TryMatMul};
use ndarray::{Array1, Array2, Axis};
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
        check_size("a layer", &[inputs.size(), outputs.size()])?;
        let bound = 1.0 / (inputs.size() as f64).sqrt();
        Ok(Self {
            weights: uniform(device, (inputs, outputs), bound, generator)?,
            biases: uniform(device, (outputs,), bound, generator)?,
        })
    }

    pub(crate) fn from_weights(device: &Cpu, layer: &DenseWeights) -> Result<Self> {
        let (rows, columns) = layer.weights.dim();
        check_columns("layer biases", columns, layer.biases.len())?;
        check_finite("layer weights", layer.weights.view())?;
        check_finite("layer biases", layer.biases.view().insert_axis(Axis(0)))?;
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

    /// Euclidean norm of each input's weights.
    pub(crate) fn row_norms(&self) -> Vec<f64> {
        self.weights
            .as_vec()
            .chunks(self.outputs().size())
            .map(norm)
            .collect()
    }

    /// Shortens each input's weights, p of them, by √p times a threshold, to zero at most.
    pub(crate) fn shrink_rows(&mut self, threshold: f64) {
        let size = self.outputs().size();
        let mut weights = self.weights.as_vec();
        for row in weights.chunks_mut(size) {
            let kept = kept_by_lasso(norm(row), size, threshold);
            row.iter_mut().for_each(|weight| *weight *= kept);
        }
        self.weights.copy_from(&weights);
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

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

impl<I: Dim, O: Dim> Parameters for Dense<I, O> {
    fn visit<V: ParameterVisitor>(&mut self, visitor: &mut V) -> Result<()> {
        visitor.visit(ParameterKind::Weight, &mut self.weights)?;
        visitor.visit(ParameterKind::Bias, &mut self.biases)
    }
}
