//! Training losses, on the link scale.

use crate::tensors::{Tape, Values, device_error};
use contextualized_core::Result;
use dfdx::shapes::{Axis, Dim, HasShape};
use dfdx::tensor::WithEmptyTape;
use dfdx::tensor_ops::{BroadcastTo, MeanTo, TryAdd, TryMul, TrySub};

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

/// ln(1 + e^η) − y η: minus the log-likelihood of a binary y whose logit is η.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogisticLoss;

impl Loss for LogisticLoss {
    fn mean<B: Dim, Y: Dim, T: Tape>(
        &self,
        predictor: Values<(B, Y), T>,
        targets: Values<(B, Y)>,
        weights: Values<(B,)>,
    ) -> Result<Values<(), T>> {
        let weights = weights
            .try_broadcast_like::<_, Axis<1>>(predictor.shape())
            .map_err(device_error)?;
        let logits = || predictor.with_empty_tape();
        // ln(1 + e^η) = (η + |η|) / 2 + ln(1 + e^−|η|), which neither overflows nor has a wrong
        // derivative at zero, where the two slopes of |η| cancel.
        let absolute = logits().try_abs().map_err(device_error)?;
        let tail = absolute
            .with_empty_tape()
            .try_negate()
            .and_then(|v| v.try_exp())
            .and_then(|v| v.try_add(1.0))
            .and_then(|v| v.try_ln());
        let products = logits().try_mul(targets);
        absolute
            .try_add(predictor)
            .and_then(|v| v.try_mul(0.5))
            .and_then(|v| v.try_add(tail?))
            .and_then(|v| v.try_sub(products?))
            .and_then(|losses| losses.try_mul(weights))
            .and_then(MeanTo::try_mean)
            .map_err(device_error)
    }
}

/// ½ (η + t e^−η): minus the log-likelihood of a normal residual whose variance has the logarithm η, up
/// to a constant, for targets t that are squared residuals.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogVarianceLoss;

impl Loss for LogVarianceLoss {
    fn mean<B: Dim, Y: Dim, T: Tape>(
        &self,
        predictor: Values<(B, Y), T>,
        targets: Values<(B, Y)>,
        weights: Values<(B,)>,
    ) -> Result<Values<(), T>> {
        let weights = weights
            .try_broadcast_like::<_, Axis<1>>(predictor.shape())
            .map_err(device_error)?;
        let ratios = predictor
            .with_empty_tape()
            .try_negate()
            .and_then(|v| v.try_exp())
            .and_then(|v| v.try_mul(targets));
        predictor
            .try_add(ratios.map_err(device_error)?)
            .and_then(|v| v.try_mul(0.5))
            .and_then(|losses| losses.try_mul(weights))
            .and_then(MeanTo::try_mean)
            .map_err(device_error)
    }
}
