//! First derivatives of a forward pass at every row, in blocks.

use crate::differentiable::{Differentiable, backward, forward, slopes_and_intercepts, tensor};
use contextualized_core::validate::check_query;
use contextualized_core::{Coefficients, Error, Result};
use contextualized_encoders::{Dim, Values};
use dfdx::shapes::HasShape;
use ndarray::{Array, Array2, Array3, ArrayView2, Axis, Dimension, IntoDimension};
use rayon::prelude::*;

/// Rows differentiated at once, in parallel over blocks; fixed, so that results do not depend on
/// the number of threads.
pub(crate) const BLOCK: usize = 1024;

/// The coefficients of a network at every row of contexts (n × c) and features (n × x): slopes
/// ∂g/∂x, and the intercepts g − (∂g/∂x) x that make the local linear model exact there.
///
/// On the link scale, as the network is: differentiate the logit, not the probability. For the
/// derivative in the *contexts*, which is not a coefficient, see
/// [`crate::ContextSensitivities::of_network`]; for typed tensors see [`crate::local_coefficients`].
///
/// # Errors
///
/// [`Error::ColumnCount`], [`Error::RowCount`], [`Error::NotFinite`] for tables that do not fit the
/// network, or derivatives that overflow.
pub fn jacobian<C: Dim, X: Dim, Y: Dim, N: Differentiable<C, X, Y>>(
    network: &N,
    contexts: ArrayView2<'_, f64>,
    features: ArrayView2<'_, f64>,
) -> Result<Coefficients> {
    let blocks = by_blocks(network, contexts, features, |c, x| {
        slopes_and_intercepts(network, &c, &x)
    })?;
    let (slopes, intercepts): (Vec<_>, Vec<_>) = blocks.into_iter().unzip();
    let ((_, x, y), rows) = (network.sizes(), contexts.nrows());
    Coefficients::new(
        joined((rows, y.size(), x.size()), slopes)?,
        joined((rows, y.size()), intercepts)?,
    )
}

/// ∂g/∂c, rows × targets × contexts.
pub(crate) fn in_contexts<C: Dim, X: Dim, Y: Dim, N: Differentiable<C, X, Y>>(
    network: &N,
    contexts: ArrayView2<'_, f64>,
    features: ArrayView2<'_, f64>,
) -> Result<Array3<f64>> {
    let (c, _, y) = network.sizes();
    let (width, targets) = (c.size(), y.size());
    let blocks = by_blocks(network, contexts, features, |c, x| {
        let passes = (0..targets)
            .map(|target| backward(network, &c, &x, target))
            .collect::<Result<Vec<_>>>()?;
        let rows = 0..c.shape().0;
        let of_row = |row: usize| {
            let own = row * width..(row + 1) * width;
            passes
                .iter()
                .map(move |pass| &pass.in_contexts[own.clone()])
        };
        Ok(rows.flat_map(of_row).flatten().copied().collect())
    })?;
    joined((contexts.nrows(), targets, width), blocks)
}

/// The network's linear predictor, n × targets.
///
/// # Errors
///
/// Those of [`jacobian`].
pub(crate) fn predictor<C: Dim, X: Dim, Y: Dim, N: Differentiable<C, X, Y>>(
    network: &N,
    contexts: ArrayView2<'_, f64>,
    features: ArrayView2<'_, f64>,
) -> Result<Array2<f64>> {
    let blocks = by_blocks(network, contexts, features, |c, x| {
        Ok(forward(network, c, x)?.as_vec())
    })?;
    joined((contexts.nrows(), network.sizes().2.size()), blocks)
}

/// What is found of each block of rows, in their order.
fn by_blocks<T: Send, C: Dim, X: Dim, Y: Dim, N: Differentiable<C, X, Y>>(
    network: &N,
    contexts: ArrayView2<'_, f64>,
    features: ArrayView2<'_, f64>,
    of: impl Fn(Values<(usize, C)>, Values<(usize, X)>) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let (c, x, _) = network.sizes();
    check_query(contexts, c.size(), features, x.size())?;
    let blocks: Vec<_> = contexts
        .axis_chunks_iter(Axis(0), BLOCK)
        .zip(features.axis_chunks_iter(Axis(0), BLOCK))
        .collect();
    blocks
        .into_par_iter()
        .map(|(contexts, features)| of(matrix(contexts, c)?, matrix(features, x)?))
        .collect()
}

fn matrix<D: Dim>(values: ArrayView2<'_, f64>, width: D) -> Result<Values<(usize, D)>> {
    tensor(values.iter().copied().collect(), (values.nrows(), width))
}

/// Blocks of rows as one table.
fn joined<D: Dimension>(
    shape: impl IntoDimension<Dim = D>,
    blocks: Vec<Vec<f64>>,
) -> Result<Array<f64, D>> {
    Array::from_shape_vec(shape.into_dimension(), blocks.concat())
        .map_err(|error| Error::numerical("joining blocks of rows", error))
}
