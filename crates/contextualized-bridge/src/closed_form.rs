//! A perceptron's derivatives on plain weights, second ones included, and bounds on them.
//!
//! dfdx differentiates once; the second derivatives of a perceptron are written out. With inputs z,
//! a_l = h_{l−1} W_l + b_l the inputs of the units of layer l, h_l = σ(a_l), J_l = ∂a_l/∂z and
//! λ_l = ∂g/∂h_l,
//!
//! ```text
//! J_1 = W_1ᵀ,   J_{l+1} = W_{l+1}ᵀ diag(σ'(a_l)) J_l                  forwards
//! λ_last = w,   λ_{l−1} = W_l (σ'(a_l) ∘ λ_l)                         backwards
//! ∂g/∂z = J_1ᵀ (σ'(a_1) ∘ λ_1)
//! ∂²g/∂z² = Σ_l J_lᵀ diag(σ''(a_l) ∘ λ_l) J_l
//! ```

use crate::jacobian::BLOCK;
use crate::sensitivities::{CoefficientChanges, ContextSensitivities};
use contextualized_core::validate::{check_finite, check_query};
use contextualized_core::{Error, Result, Scaling};
use contextualized_encoders::{Activation, DenseWeights, MlpWeights};
use contextualized_solvers::symmetric_eigen;
use ndarray::{
    Array1, Array2, Array3, Array4, ArrayView1, ArrayView2, Axis, Slice, Zip, concatenate, s,
};
use rayon::prelude::*;

/// g([c, x]) as numbers. Layers are not empty and fit each other.
pub(crate) struct ClosedForm {
    layers: Vec<DenseWeights>,
    activation: Activation,
    contexts: usize,
    features: usize,
}

/// What one pass forwards leaves, hidden layer after hidden layer.
struct Forward {
    /// Inputs of the units, rows × units.
    inputs: Vec<Array2<f64>>,
    /// Their Jacobian, rows × (contexts and features) × units.
    jacobians: Vec<Array3<f64>>,
}

/// Derivatives at a block of rows.
struct Derivatives {
    /// ∂g/∂z, rows × targets × (contexts and features).
    first: Array3<f64>,
    /// ∂²g/∂x∂c, rows × targets × features × contexts.
    mixed: Array4<f64>,
}

impl ClosedForm {
    pub(crate) fn new(weights: MlpWeights, contexts: usize, features: usize) -> Self {
        Self {
            layers: weights.layers,
            activation: weights.activation,
            contexts,
            features,
        }
    }

    /// A share of the same function, for each target, in the users' units: standardisation moved into
    /// the outer layers. What makes up the rest is linear in the features and has no part in any
    /// derivative but ∂g/∂x.
    pub(crate) fn in_units(
        mut self,
        scaling: &Scaling,
        shares: ArrayView1<'_, f64>,
    ) -> Result<Self> {
        let join =
            |of: fn(&contextualized_core::Standardization) -> ndarray::ArrayView1<'_, f64>| {
                let (c, x) = (of(&scaling.contexts), of(&scaling.features));
                c.iter().chain(x).copied().collect::<Array1<f64>>()
            };
        let (centers, scales) = (join(|s| s.centers()), join(|s| s.scales()));
        if let Some(first) = self.layers.first_mut() {
            first.weights /= &scales.insert_axis(Axis(1));
            first.biases -= &centers.dot(&first.weights);
        }
        if let Some(last) = self.layers.last_mut() {
            last.weights *= &scaling.targets.scales();
            last.biases *= &scaling.targets.scales();
            last.biases += &scaling.targets.centers();
            last.weights *= &shares;
            last.biases *= &shares;
        }
        for layer in &self.layers {
            check_finite("weights in the units of the data", layer.weights.view())?;
            check_finite(
                "biases in the units of the data",
                layer.biases.view().insert_axis(Axis(0)),
            )?;
        }
        Ok(self)
    }

    pub(crate) fn context_sensitivities(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<ContextSensitivities> {
        let (first, _) = self.derivatives(contexts, features)?;
        ContextSensitivities::new(first.slice(s![.., .., ..self.contexts]).to_owned())
    }

    pub(crate) fn coefficient_changes(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<CoefficientChanges> {
        let (first, mixed) = self.derivatives(contexts, features)?;
        let mut intercepts = first.slice(s![.., .., ..self.contexts]).to_owned();
        for ((mut intercepts, mixed), x) in intercepts
            .outer_iter_mut()
            .zip(mixed.outer_iter())
            .zip(features.rows())
        {
            for (mut intercepts, mixed) in intercepts.outer_iter_mut().zip(mixed.outer_iter()) {
                intercepts -= &x.dot(&mixed);
            }
        }
        CoefficientChanges::new(mixed, intercepts)
    }

    pub(crate) fn curvature_bound(&self) -> Result<Array1<f64>> {
        let Some(curved) = self.activation.most_curved() else {
            return Err(Error::invalid_parameter(
                "activation",
                format!("{:?}", self.activation),
                "smooth, for the curvature to have a bound",
            ));
        };
        let steep = self.activation.steepest();
        let (mut first, mut second) = (1.0, 0.0);
        for (index, layer) in self.hidden().enumerate() {
            let entering = if index == 0 { self.contexts } else { 0 };
            let weights = layer.weights.slice_axis(Axis(0), Slice::from(entering..));
            let norm = spectral_norm(weights)?;
            let unit = weights
                .columns()
                .into_iter()
                .map(|unit| unit.dot(&unit).sqrt())
                .fold(0.0, f64::max);
            second = curved * (unit * first) * (norm * first) + steep * norm * second;
            first *= steep * norm;
        }
        let bound: Array1<f64> = self
            .output()
            .weights
            .columns()
            .into_iter()
            // A little more than the rounding of all that was done.
            .map(|weights| weights.dot(&weights).sqrt() * second * (1.0 + 1e-12))
            .collect();
        check_finite("the curvature bound", bound.view().insert_axis(Axis(0)))?;
        Ok(bound)
    }

    pub(crate) fn affine_radius(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array1<f64>> {
        if self.activation != Activation::Relu {
            return Err(Error::invalid_parameter(
                "activation",
                format!("{:?}", self.activation),
                "the rectifier, for the network to be affine anywhere",
            ));
        }
        check_query(contexts, self.contexts, features, self.features)?;
        let blocks = blocks(&contexts, &features);
        let radii = blocks
            .into_par_iter()
            .map(|(contexts, features)| {
                let forward = self.forward(contexts, features)?;
                let mut radii = Array1::from_elem(contexts.nrows(), f64::INFINITY);
                for (inputs, jacobian) in forward.inputs.iter().zip(&forward.jacobians) {
                    for ((radius, inputs), jacobian) in radii
                        .iter_mut()
                        .zip(inputs.rows())
                        .zip(jacobian.outer_iter())
                    {
                        for (input, gradient) in inputs.iter().zip(jacobian.columns()) {
                            let gradient = gradient.slice(s![self.contexts..]);
                            let steepness = gradient.dot(&gradient).sqrt();
                            if steepness > 0.0 {
                                *radius = radius.min(input.abs() / steepness);
                            }
                        }
                    }
                }
                Ok(radii)
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(radii.into_iter().flatten().collect())
    }

    /// All rows, in blocks.
    fn derivatives(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<(Array3<f64>, Array4<f64>)> {
        check_query(contexts, self.contexts, features, self.features)?;
        let targets = self.output().biases.len();
        let rows = contexts.nrows();
        let mut first = Array3::zeros((rows, targets, self.contexts + self.features));
        let mut mixed = Array4::zeros((rows, targets, self.features, self.contexts));
        let jobs: Vec<_> = blocks(&contexts, &features)
            .into_iter()
            .zip(first.axis_chunks_iter_mut(Axis(0), BLOCK))
            .zip(mixed.axis_chunks_iter_mut(Axis(0), BLOCK))
            .collect();
        jobs.into_par_iter()
            .try_for_each(|(((contexts, features), mut first), mut mixed)| {
                let block = self.backward(&self.forward(contexts, features)?);
                first.assign(&block.first);
                mixed.assign(&block.mixed);
                Ok::<_, Error>(())
            })?;
        Ok((first, mixed))
    }

    fn forward(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Forward> {
        let z = concatenate(Axis(1), &[contexts.view(), features.view()])
            .map_err(|error| Error::numerical("joining contexts and features", error))?;
        let (rows, width) = z.dim();
        let mut forward = Forward {
            inputs: Vec::new(),
            jacobians: Vec::new(),
        };
        let mut activations = z;
        // ∂h/∂z of the layer before, (rows · inputs) × units; of z itself the identity.
        let mut slopes: Option<Array2<f64>> = None;
        for layer in self.hidden() {
            let inputs = activations.dot(&layer.weights) + &layer.biases;
            let units = inputs.ncols();
            let mut jacobian = match &slopes {
                None => {
                    let mut jacobian = Array3::zeros((rows, width, units));
                    jacobian.assign(&layer.weights);
                    jacobian
                }
                Some(slopes) => slopes
                    .dot(&layer.weights)
                    .into_shape_with_order((rows, width, units))
                    .map_err(|error| Error::numerical("a Jacobian", error))?,
            };
            activations = inputs.mapv(|a| self.activation.value(a));
            forward.jacobians.push(jacobian.clone());
            let derivatives = inputs.mapv(|a| self.activation.derivative(a));
            jacobian *= &derivatives.insert_axis(Axis(1));
            slopes = Some(
                jacobian
                    .into_shape_with_order((rows * width, units))
                    .map_err(|error| Error::numerical("a Jacobian", error))?,
            );
            forward.inputs.push(inputs);
        }
        Ok(forward)
    }

    fn backward(&self, forward: &Forward) -> Derivatives {
        let rows = forward.inputs.first().map_or(0, Array2::nrows);
        let output = &self.output().weights;
        let mut first = Array3::zeros((rows, output.ncols(), self.contexts + self.features));
        let mut mixed = Array4::zeros((rows, output.ncols(), self.features, self.contexts));
        for (target, weights) in output.columns().into_iter().enumerate() {
            let mut adjoint = Array2::zeros((rows, weights.len()));
            adjoint.assign(&weights);
            for (index, layer) in self.hidden().enumerate().rev() {
                let (inputs, jacobian) = (&forward.inputs[index], &forward.jacobians[index]);
                // With the rectifier there is no second derivative to add.
                if self.activation != Activation::Relu {
                    let curvatures =
                        inputs.mapv(|a| self.activation.second_derivative(a)) * &adjoint;
                    Zip::from(mixed.slice_mut(s![.., target, .., ..]).outer_iter_mut())
                        .and(jacobian.outer_iter())
                        .and(curvatures.rows())
                        .for_each(|mut mixed, jacobian, curvatures| {
                            let (c, x) = jacobian.split_at(Axis(0), self.contexts);
                            mixed += &(&x * &curvatures).dot(&c.t());
                        });
                }
                adjoint *= &inputs.mapv(|a| self.activation.derivative(a));
                adjoint = adjoint.dot(&layer.weights.t());
            }
            first.slice_mut(s![.., target, ..]).assign(&adjoint);
        }
        Derivatives { first, mixed }
    }

    fn hidden(&self) -> impl DoubleEndedIterator<Item = &DenseWeights> + ExactSizeIterator {
        self.layers[..self.layers.len() - 1].iter()
    }

    fn output(&self) -> &DenseWeights {
        &self.layers[self.layers.len() - 1]
    }
}

/// Contexts and features of a block of rows.
type Block<'c, 'x> = (ArrayView2<'c, f64>, ArrayView2<'x, f64>);

fn blocks<'c, 'x>(
    contexts: &'c ArrayView2<'_, f64>,
    features: &'x ArrayView2<'_, f64>,
) -> Vec<Block<'c, 'x>> {
    contexts
        .axis_chunks_iter(Axis(0), BLOCK)
        .zip(features.axis_chunks_iter(Axis(0), BLOCK))
        .collect()
}

/// An upper bound on the largest singular value, above it by no more than rounding.
fn spectral_norm(weights: ArrayView2<'_, f64>) -> Result<f64> {
    let gram = if weights.nrows() < weights.ncols() {
        weights.dot(&weights.t())
    } else {
        weights.t().dot(&weights)
    };
    check_finite("products of weights", gram.view())?;
    let symmetric = 0.5 * (&gram + &gram.t());
    let eigen = symmetric_eigen(symmetric.view())
        .map_err(|error| Error::numerical("the spectral norm of weights", error))?;
    let largest = eigen
        .values
        .fold(0.0_f64, |largest, value| largest.max(*value));
    let rounding = f64::EPSILON * 16.0 * gram.nrows() as f64;
    Ok((largest * (1.0 + rounding)).sqrt())
}
