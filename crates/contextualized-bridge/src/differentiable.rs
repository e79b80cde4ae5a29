//! What can be differentiated: a forward pass on tensors, ours or the user's.

use contextualized_core::validate::{check_columns, check_rows};
use contextualized_core::{Error, Result};
use contextualized_encoders::{Dim, Generated, Network, Shape, Tape, Values};
use dfdx::shapes::{Axes2, HasShape};
use dfdx::tensor::{Cpu, CpuError, NoneTape, TensorFromVec, Trace};
use dfdx::tensor_ops::{Backward, SumTo};
use ndarray::ArrayView1;

/// A forward pass g(c, x) on tensors: `Y` targets from `C` contexts and `X` features.
///
/// Widths are known to the compiler ([`contextualized_encoders::Const`]) or at run time (`usize`).
/// Every [`Network`] of `contextualized-encoders` is one; for a model of your own write the forward
/// pass, and with it come coefficients, their change with the context, Taylor surrogates and all
/// else of this crate, through [`crate::NetworkModel`].
///
/// Rows must not mix (no normalisation over the batch), for the derivatives of all rows are taken
/// at once. And in dfdx 0.13 the derivative of `slice` replaces what other uses of the same tensor
/// have added: slice no part of a tensor twice, nor use it otherwise, but use the slice twice.
/// [`crate::ContextSensitivities::by_differences`] tells whether a forward pass is differentiated
/// right.
///
/// ```
/// use contextualized_bridge::{Differentiable, jacobian};
/// use contextualized_core::{Error, Result};
/// use contextualized_encoders::{Const, Dim, Tape, Values};
/// use dfdx::tensor_ops::TryMul;
/// use ndarray::array;
///
/// /// g(c, x) = x · sin(c)
/// struct Wave;
///
/// impl Differentiable<Const<1>, Const<1>, Const<1>> for Wave {
///     fn sizes(&self) -> (Const<1>, Const<1>, Const<1>) {
///         (Const, Const, Const)
///     }
///     fn forward<B: Dim, T: Tape>(
///         &self,
///         contexts: Values<(B, Const<1>), T>,
///         features: Values<(B, Const<1>), T>,
///     ) -> Result<Values<(B, Const<1>), T>> {
///         let sine = contexts.try_sin().map_err(|e| Error::numerical("a sine", e))?;
///         features.try_mul(sine).map_err(|e| Error::numerical("a product", e))
///     }
/// }
///
/// let local = jacobian(&Wave, array![[0.5]].view(), array![[7.0]].view())?;
/// assert_eq!(local.slopes()[[0, 0, 0]], 0.5_f64.sin()); // whatever the features
/// # Ok::<(), Error>(())
/// ```
pub trait Differentiable<C: Dim, X: Dim, Y: Dim>: Send + Sync {
    /// Widths of contexts, features and targets.
    fn sizes(&self) -> (C, X, Y);

    /// The linear predictor (the mean, on the link scale) of a batch.
    ///
    /// # Errors
    ///
    /// Whatever an operation on tensors fails at, as [`Error::Numerical`].
    fn forward<B: Dim, T: Tape>(
        &self,
        contexts: Values<(B, C), T>,
        features: Values<(B, X), T>,
    ) -> Result<Values<(B, Y), T>>;
}

impl<C: Dim, X: Dim, Y: Dim, N: Network<C, X, Y> + Send + Sync> Differentiable<C, X, Y> for N {
    fn sizes(&self) -> (C, X, Y) {
        self.widths()
    }

    fn forward<B: Dim, T: Tape>(
        &self,
        contexts: Values<(B, C), T>,
        features: Values<(B, X), T>,
    ) -> Result<Values<(B, Y), T>> {
        self.predictor(contexts, features)
    }
}

/// The local linear models of a batch as typed tensors: slopes ∂g/∂x (batch × targets × features) and
/// intercepts g − (∂g/∂x) x (batch × targets).
///
/// This is [`crate::jacobian`] on tensors, whose widths the compiler checks:
///
/// ```
/// use contextualized_bridge::local_coefficients;
/// use contextualized_encoders::{Archetypes, Const, Contextualized, Mlp, MlpSettings, Values};
/// use dfdx::tensor::{Cpu, TensorFromVec};
///
/// let encoder = Mlp::new(Const::<2>, Const::<5>, MlpSettings::default(), 0)?;
/// let head = Archetypes::new(Const::<5>, Const::<3>, Const::<1>, true, 1)?;
/// let network = Contextualized::new(encoder, head)?;
/// let device = Cpu::default();
/// let contexts = device.tensor_from_vec(vec![0.1; 4 * 2], (4_usize, Const::<2>));
/// let features = device.tensor_from_vec(vec![0.2; 4 * 3], (4_usize, Const::<3>));
/// let local = local_coefficients(&network, &contexts, &features)?;
/// let slopes: Values<(usize, Const<1>, Const<3>)> = local.slopes;
/// assert_eq!(slopes.as_vec().len(), 4 * 3);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
///
/// # Errors
///
/// Those of the forward pass; [`Error::RowCount`] or [`Error::ColumnCount`] where it returns another
/// shape than it said.
pub fn local_coefficients<B: Dim, C: Dim, X: Dim, Y: Dim, N: Differentiable<C, X, Y>>(
    network: &N,
    contexts: &Values<(B, C)>,
    features: &Values<(B, X)>,
) -> Result<Generated<B, X, Y, NoneTape>> {
    let (slopes, intercepts) = slopes_and_intercepts(network, contexts, features)?;
    let (batch, (_, x, y)) = (contexts.shape().0, network.sizes());
    Ok(Generated {
        slopes: tensor(slopes, (batch, y, x))?,
        intercepts: Some(tensor(intercepts, (batch, y))?),
    })
}

/// The numbers of [`local_coefficients`], row-major.
pub(crate) fn slopes_and_intercepts<B: Dim, C: Dim, X: Dim, Y: Dim, N: Differentiable<C, X, Y>>(
    network: &N,
    contexts: &Values<(B, C)>,
    features: &Values<(B, X)>,
) -> Result<(Vec<f64>, Vec<f64>)> {
    let (_, x, y) = network.sizes();
    let (rows, width, targets) = (contexts.shape().0.size(), x.size(), y.size());
    let features_of_rows = features.as_vec();
    let mut slopes = vec![0.0; rows * targets * width];
    let mut intercepts = vec![0.0; rows * targets];
    for target in 0..targets {
        let pass = backward(network, contexts, features, target)?;
        for row in 0..rows {
            let own = row * width..(row + 1) * width;
            let slope = ArrayView1::from(&pass.in_features[own.clone()]);
            let at = row * targets + target;
            intercepts[at] =
                pass.values[at] - slope.dot(&ArrayView1::from(&features_of_rows[own.clone()]));
            slopes[at * width..(at + 1) * width].copy_from_slice(&pass.in_features[own]);
        }
    }
    Ok((slopes, intercepts))
}

/// One forward and one backward pass, row-major.
pub(crate) struct Pass {
    /// g, batch × targets.
    pub(crate) values: Vec<f64>,
    /// ∂g/∂x of one target, batch × features.
    pub(crate) in_features: Vec<f64>,
    /// ∂g/∂c of one target, batch × contexts.
    pub(crate) in_contexts: Vec<f64>,
}

/// Differentiates one target of a batch.
///
/// Rows do not mix, so the derivative of the sum of a target over rows holds every row's own: one
/// backward pass for each target, where a loop over rows would cost rows squared.
pub(crate) fn backward<B: Dim, C: Dim, X: Dim, Y: Dim, N: Differentiable<C, X, Y>>(
    network: &N,
    contexts: &Values<(B, C)>,
    features: &Values<(B, X)>,
    target: usize,
) -> Result<Pass> {
    let output = forward(network, contexts.leaky_trace(), features.leaky_trace())?;
    let values = output.as_vec();
    let total: Values<(), _> = output
        .try_slice((.., target..target + 1))
        .and_then(SumTo::try_sum::<(), Axes2<0, 1>>)
        .map_err(device_error)?;
    let mut gradients = total.try_backward().map_err(device_error)?;
    // What the output does not depend on has no gradient yet and gets zeros.
    let in_features = gradients
        .get_or_alloc_mut(features)
        .map_err(device_error)?
        .to_vec();
    let in_contexts = gradients
        .get_or_alloc_mut(contexts)
        .map_err(device_error)?
        .to_vec();
    Ok(Pass {
        values,
        in_features,
        in_contexts,
    })
}

/// The forward pass, and a check that it returns what it said.
pub(crate) fn forward<B: Dim, C: Dim, X: Dim, Y: Dim, N: Differentiable<C, X, Y>, T: Tape>(
    network: &N,
    contexts: Values<(B, C), T>,
    features: Values<(B, X), T>,
) -> Result<Values<(B, Y), T>> {
    let rows = contexts.shape().0.size();
    let output = network.forward(contexts, features)?;
    let (found_rows, found) = (output.shape().0.size(), output.shape().1.size());
    check_rows("the network's output", rows, found_rows)?;
    check_columns("the network's output", network.sizes().2.size(), found)?;
    Ok(output)
}

pub(crate) fn tensor<S: Shape>(values: Vec<f64>, shape: S) -> Result<Values<S>> {
    Cpu::default()
        .try_tensor_from_vec(values, shape)
        .map_err(device_error)
}

fn device_error(error: CpuError) -> Error {
    Error::numerical("a tensor operation", error)
}
