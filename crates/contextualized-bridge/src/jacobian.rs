//! Derivatives of a network with respect to its features.

use contextualized_core::validate::check_query;
use contextualized_core::{Coefficients, Error, Result};
use contextualized_encoders::{Network, Values};
use dfdx::shapes::Axes2;
use dfdx::tensor::{Cpu, CpuError, TensorFromVec, Trace};
use dfdx::tensor_ops::{Backward, SumTo};
use ndarray::{Array2, Array3, ArrayView2, Axis, s};
use rayon::prelude::*;

/// Rows differentiated at once, in parallel over blocks; fixed, so that results do not depend on
/// the number of threads.
const BLOCK: usize = 1024;

/// The local linear model of a network at every row of contexts (n × c) and features (n × x):
/// slopes ∂g/∂x, and the offsets g − (∂g/∂x) x that make it exact there.
///
/// Rows do not mix, so the derivative of the sum of a target over rows holds every row's own: one
/// backward pass for each target, where a loop over rows would cost rows squared.
///
/// # Errors
///
/// [`Error::ColumnCount`], [`Error::RowCount`], [`Error::NotFinite`] for tables that do not fit the
/// network, or derivatives that overflow.
pub fn jacobian<N>(
    network: &N,
    contexts: ArrayView2<'_, f64>,
    features: ArrayView2<'_, f64>,
) -> Result<Coefficients>
where
    N: Network<usize, usize, usize> + Sync,
{
    let (context_width, feature_width, targets) = network.widths();
    check_query(contexts, context_width, features, feature_width)?;
    let mut slopes = Array3::zeros((contexts.nrows(), targets, feature_width));
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
            let device = Cpu::default();
            let c = tensor(&device, contexts)?;
            let x = tensor(&device, features)?;
            for target in 0..targets {
                let output = network.predictor(c.retaped(), x.leaky_trace())?;
                let values = output.as_vec();
                let total = output
                    .try_slice((.., target..target + 1))
                    .and_then(SumTo::try_sum::<(), Axes2<0, 1>>)
                    .map_err(device_error)?;
                let derivatives = total.try_backward().map_err(device_error)?.get(&x).as_vec();
                for (row, x) in features.rows().into_iter().enumerate() {
                    let mut slope = slopes.slice_mut(s![row, target, ..]);
                    for (feature, derivative) in slope.iter_mut().enumerate() {
                        *derivative = derivatives[row * feature_width + feature];
                    }
                    offsets[[row, target]] = values[row * targets + target] - slope.dot(&x);
                }
            }
            Ok(())
        })?;
    Coefficients::new(slopes, offsets)
}

/// The network's linear predictor, n × targets, in blocks of rows.
///
/// # Errors
///
/// Those of [`jacobian`].
pub(crate) fn predictor<N>(
    network: &N,
    contexts: ArrayView2<'_, f64>,
    features: ArrayView2<'_, f64>,
) -> Result<Array2<f64>>
where
    N: Network<usize, usize, usize> + Sync,
{
    let (_, _, targets) = network.widths();
    let mut predictor = Array2::zeros((contexts.nrows(), targets));
    let blocks: Vec<_> = contexts
        .axis_chunks_iter(Axis(0), BLOCK)
        .zip(features.axis_chunks_iter(Axis(0), BLOCK))
        .zip(predictor.axis_chunks_iter_mut(Axis(0), BLOCK))
        .collect();
    blocks
        .into_par_iter()
        .try_for_each(|((contexts, features), mut predictor)| {
            let device = Cpu::default();
            let output =
                network.predictor(tensor(&device, contexts)?, tensor(&device, features)?)?;
            for (value, found) in predictor.iter_mut().zip(output.as_vec()) {
                *value = found;
            }
            Ok(())
        })?;
    Ok(predictor)
}

fn tensor(device: &Cpu, values: ArrayView2<'_, f64>) -> Result<Values<(usize, usize)>> {
    device
        .try_tensor_from_vec(values.iter().copied().collect(), values.dim())
        .map_err(device_error)
}

fn device_error(error: CpuError) -> Error {
    Error::numerical("a tensor operation", error)
}
