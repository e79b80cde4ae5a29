//! First derivatives of a forward pass at every row, in blocks.

use crate::differentiable::{Differentiable, backward, device_error, forward};
use contextualized_core::validate::check_query;
use contextualized_core::{Coefficients, Error, Result};
use contextualized_encoders::{Dim, Values};
use dfdx::tensor::{Cpu, TensorFromVec};
use ndarray::{Array2, Array3, ArrayView2, Axis, s};
use rayon::prelude::*;

/// Rows differentiated at once, in parallel over blocks; fixed, so that results do not depend on
/// the number of threads.
pub(crate) const BLOCK: usize = 1024;

/// The coefficients of a network at every row of contexts (n × c) and features (n × x): slopes
/// ∂g/∂x, and the offsets g − (∂g/∂x) x that make the local linear model exact there.
///
/// On the link scale, as the network is: differentiate the logit, not the probability. For the
/// derivative in the *contexts*, which is not a coefficient, see
/// [`crate::ContextSensitivities::of_network`]; for typed tensors see [`crate::local_coefficients`].
///
/// # Errors
///
/// [`Error::ColumnCount`], [`Error::RowCount`], [`Error::NotFinite`] for tables that do not fit the
/// network, or derivatives that overflow.
pub fn jacobian<C, X, Y, N>(
    network: &N,
    contexts: ArrayView2<'_, f64>,
    features: ArrayView2<'_, f64>,
) -> Result<Coefficients>
where
    C: Dim,
    X: Dim,
    Y: Dim,
    N: Differentiable<C, X, Y>,
{
    let (c, x, y) = checked_sizes(network, contexts, features)?;
    let (width, targets) = (x.size(), y.size());
    let mut slopes = Array3::zeros((contexts.nrows(), targets, width));
    let mut offsets = Array2::zeros((contexts.nrows(), targets));
    let blocks: Vec<_> = contexts
        .axis_chunks_iter(Axis(0), BLOCK)
        .zip(features.axis_chunks_iter(Axis(0), BLOCK))
        .zip(slopes.axis_chunks_iter_mut(Axis(0), BLOCK))
        .zip(offsets.axis_chunks_iter_mut(Axis(0), BLOCK))
        .collect();
    blocks
        .into_par_iter()
        .try_for_each(|(((contexts, features), mut slopes), mut offsets)| {
            let (c, x) = (tensor(contexts, c)?, tensor(features, x)?);
            for target in 0..targets {
                let pass = backward(network, &c, &x, target)?;
                for (row, x) in features.rows().into_iter().enumerate() {
                    let mut slope = slopes.slice_mut(s![row, target, ..]);
                    for (feature, derivative) in slope.iter_mut().enumerate() {
                        *derivative = pass.in_features[row * width + feature];
                    }
                    offsets[[row, target]] = pass.values[row * targets + target] - slope.dot(&x);
                }
            }
            Ok::<_, Error>(())
        })?;
    Coefficients::new(slopes, offsets)
}

/// ∂g/∂c, rows × targets × contexts.
pub(crate) fn in_contexts<C, X, Y, N>(
    network: &N,
    contexts: ArrayView2<'_, f64>,
    features: ArrayView2<'_, f64>,
) -> Result<Array3<f64>>
where
    C: Dim,
    X: Dim,
    Y: Dim,
    N: Differentiable<C, X, Y>,
{
    let (c, x, y) = checked_sizes(network, contexts, features)?;
    let (width, targets) = (c.size(), y.size());
    let mut derivatives = Array3::zeros((contexts.nrows(), targets, width));
    let blocks: Vec<_> = contexts
        .axis_chunks_iter(Axis(0), BLOCK)
        .zip(features.axis_chunks_iter(Axis(0), BLOCK))
        .zip(derivatives.axis_chunks_iter_mut(Axis(0), BLOCK))
        .collect();
    blocks
        .into_par_iter()
        .try_for_each(|((contexts, features), mut derivatives)| {
            let (c, x) = (tensor(contexts, c)?, tensor(features, x)?);
            for target in 0..targets {
                let pass = backward(network, &c, &x, target)?;
                for (derivative, found) in derivatives
                    .slice_mut(s![.., target, ..])
                    .iter_mut()
                    .zip(pass.in_contexts)
                {
                    *derivative = found;
                }
            }
            Ok::<_, Error>(())
        })?;
    Ok(derivatives)
}

/// The network's linear predictor, n × targets.
///
/// # Errors
///
/// Those of [`jacobian`].
pub(crate) fn predictor<C, X, Y, N>(
    network: &N,
    contexts: ArrayView2<'_, f64>,
    features: ArrayView2<'_, f64>,
) -> Result<Array2<f64>>
where
    C: Dim,
    X: Dim,
    Y: Dim,
    N: Differentiable<C, X, Y>,
{
    let (c, x, y) = checked_sizes(network, contexts, features)?;
    let mut predictor = Array2::zeros((contexts.nrows(), y.size()));
    let blocks: Vec<_> = contexts
        .axis_chunks_iter(Axis(0), BLOCK)
        .zip(features.axis_chunks_iter(Axis(0), BLOCK))
        .zip(predictor.axis_chunks_iter_mut(Axis(0), BLOCK))
        .collect();
    blocks
        .into_par_iter()
        .try_for_each(|((contexts, features), mut predictor)| {
            let output = forward(network, tensor(contexts, c)?, tensor(features, x)?)?;
            for (value, found) in predictor.iter_mut().zip(output.as_vec()) {
                *value = found;
            }
            Ok::<_, Error>(())
        })?;
    Ok(predictor)
}

fn checked_sizes<C, X, Y, N>(
    network: &N,
    contexts: ArrayView2<'_, f64>,
    features: ArrayView2<'_, f64>,
) -> Result<(C, X, Y)>
where
    C: Dim,
    X: Dim,
    Y: Dim,
    N: Differentiable<C, X, Y>,
{
    let (c, x, y) = network.sizes();
    check_query(contexts, c.size(), features, x.size())?;
    Ok((c, x, y))
}

fn tensor<D: Dim>(values: ArrayView2<'_, f64>, width: D) -> Result<Values<(usize, D)>> {
    Cpu::default()
        .try_tensor_from_vec(values.iter().copied().collect(), (values.nrows(), width))
        .map_err(device_error)
}
