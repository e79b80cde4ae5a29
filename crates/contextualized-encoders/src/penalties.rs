//! Penalties added to the training loss.

use crate::heads::Generated;
use crate::tensors::{Tape, Values, device_error};
use contextualized_core::{Error, Result};
use dfdx::shapes::{Dim, HasShape, ReduceShape, Shape};
use dfdx::tensor::WithEmptyTape;
use dfdx::tensor_ops::{SumTo, TryAdd, TryMul};
use serde::{Deserialize, Serialize};

/// Penalties added to the mean loss; all are zero by default.
///
/// Those on coefficients are means over the rows of a batch, so that their weight against the loss
/// does not depend on the batch size:
///
/// ```text
/// mean over rows of  λ₁ Σ |β| + λ₂ Σ β²       β: the row's generated slopes and offsets
/// + λ₃ Σ w²                                   w: weights of the encoder's layers, not its biases
/// + λ₄ Σ_j √p ‖W_j‖                           W_j: the p weights by which context column j enters
/// ```
///
/// The last is applied as a proximal step after each epoch, by λ₄ times the learning rate times the
/// epoch's steps, so that a column that does not earn its place has weights of exactly zero. (Steps
/// of single batches would be too noisy: a column would leave zero and return.) Since Adam divides
/// gradients by their own size, λ₄ is a threshold on how steadily a column's gradients point one
/// way, between 0, noise, and 1, always.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Penalties {
    /// λ₁, on absolute coefficients.
    pub coefficients_l1: f64,
    /// λ₂, on squared coefficients.
    pub coefficients_l2: f64,
    /// λ₃, on squared encoder weights.
    pub encoder_l2: f64,
    /// λ₄, the group lasso over context columns.
    pub context_lasso: f64,
}

impl Penalties {
    /// Checks that all are finite and none is negative.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`].
    pub fn validate(&self) -> Result<()> {
        for (parameter, value) in [
            ("coefficients_l1", self.coefficients_l1),
            ("coefficients_l2", self.coefficients_l2),
            ("encoder_l2", self.encoder_l2),
            ("context_lasso", self.context_lasso),
        ] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(Error::invalid_parameter(
                    parameter,
                    value,
                    "a finite number of at least zero",
                ));
            }
        }
        Ok(())
    }

    /// The penalty on a batch of coefficients, or nothing where it is zero.
    pub(crate) fn of_coefficients<B: Dim, X: Dim, Y: Dim, T: Tape>(
        &self,
        coefficients: &Generated<B, X, Y, T>,
    ) -> Result<Option<Values<(), T>>> {
        if self.coefficients_l1 == 0.0 && self.coefficients_l2 == 0.0 {
            return Ok(None);
        }
        let rows = coefficients.slopes.shape().0.size() as f64;
        let mut penalty = self.of_values(coefficients.slopes.with_empty_tape(), rows)?;
        if let Some(offsets) = &coefficients.offsets {
            let of_offsets = self.of_values(offsets.with_empty_tape(), rows)?;
            penalty = penalty.try_add(of_offsets).map_err(device_error)?;
        }
        Ok(Some(penalty))
    }

    fn of_values<S, T>(&self, values: Values<S, T>, rows: f64) -> Result<Values<(), T>>
    where
        S: Shape + ReduceShape<S::AllAxes, Reduced = ()>,
        T: Tape,
    {
        let absolute = values
            .with_empty_tape()
            .try_abs()
            .and_then(|values| values.try_mul(self.coefficients_l1 / rows));
        let squared = values
            .try_square()
            .and_then(|values| values.try_mul(self.coefficients_l2 / rows));
        absolute
            .and_then(|absolute| absolute.try_add(squared?))
            .and_then(SumTo::try_sum::<(), S::AllAxes>)
            .map_err(device_error)
    }
}
