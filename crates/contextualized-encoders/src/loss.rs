//! Training losses, on the link scale.

use crate::tensors::{Tape, Values, device_error};
use contextualized_core::Result;
use dfdx::shapes::{Axis, Dim, HasShape};
use dfdx::tensor_ops::{BroadcastTo, MeanTo, TryMul, TrySub};

/// How far a linear predictor is from its targets, as a batch mean.
pub trait Loss: Send + Sync {
    /// The mean over batch and targets of each row's loss times its weight.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::Numerical`] when memory runs out.
    fn mean<B: Dim, Y: Dim, T: Tape>(
        &self,
        predictor: Values<(B, Y), T>,
        targets: Values<(B, Y)>,
        weights: Values<(B,)>,
    ) -> Result<Values<(), T>>;
}

/// (y − η)².
#[derive(Debug, Clone, Copy, Default)]
pub struct SquaredError;

impl Loss for SquaredError {
    fn mean<B: Dim, Y: Dim, T: Tape>(
        &self,
        predictor: Values<(B, Y), T>,
        targets: Values<(B, Y)>,
        weights: Values<(B,)>,
    ) -> Result<Values<(), T>> {
        let weights = weights
            .try_broadcast_like::<_, Axis<1>>(predictor.shape())
            .map_err(device_error)?;
        predictor
            .try_sub(targets)
            .and_then(|residuals| residuals.try_square())
            .and_then(|squares| squares.try_mul(weights))
            .and_then(MeanTo::try_mean)
            .map_err(device_error)
    }
}
