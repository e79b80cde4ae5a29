//! Penalties added to the training loss.

use crate::heads::Generated;
use crate::parameters::{ParameterKind, ParameterVisitor};
use crate::tensors::{Tape, Values, device_error, kept_by_lasso};
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
/// mean over rows of  λ₁ Σ |β| + λ₂ Σ β²       β: the row's generated slopes and intercepts
/// + λ₃ Σ w²                                   w: weights of the encoder's layers, not its biases
/// + λ₄ Σ_j √p ‖W_j‖                           W_j: the p weights by which context column j enters
/// + λ₅ Σ_yx √K ‖A_yx‖                         A_yx: the slope of y on x in each of K archetypes
/// ```
///
/// The last two are applied as proximal steps after each epoch, by λ times the learning rate times the
/// epoch's steps, so that a column or slope that does not earn its place has weights of exactly zero.
/// (Steps of single batches would be too noisy: a column would leave zero and return.) Since Adam
/// divides gradients by their own size, λ is a threshold on how steadily a group's gradients point one
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
    /// λ₅, the group lasso over slopes that are mixed from archetypes.
    pub slope_lasso: f64,
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
            ("slope_lasso", self.slope_lasso),
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
        if let Some(intercepts) = &coefficients.intercepts {
            let of_intercepts = self.of_values(intercepts.with_empty_tape(), rows)?;
            penalty = penalty.try_add(of_intercepts).map_err(device_error)?;
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

/// Shrinks the archetypes of slopes, the tensor with one axis for archetypes, targets and features each.
pub(crate) struct ShrinkSlopes(pub(crate) f64);

impl ParameterVisitor for ShrinkSlopes {
    fn visit<S: Shape>(&mut self, kind: ParameterKind, parameter: &mut Values<S>) -> Result<()> {
        let shape: Vec<usize> = parameter.shape().concrete().into_iter().collect();
        if kind == ParameterKind::Archetype && shape.len() == 3 {
            let mut slopes = parameter.as_vec();
            shrink_slopes(&mut slopes, shape[0], self.0);
            parameter.copy_from(&slopes);
        }
        Ok(())
    }
}

/// The proximal map of threshold · √K · Σ ‖A_{·yx}‖ over the slopes' vectors of K archetypes, which are
/// given one after the other.
fn shrink_slopes(slopes: &mut [f64], archetypes: usize, threshold: f64) {
    let size = slopes.len() / archetypes;
    for slope in 0..size {
        let group = || (slope..archetypes * size).step_by(size);
        let norm = group().map(|k| slopes[k] * slopes[k]).sum::<f64>().sqrt();
        let kept = kept_by_lasso(norm, archetypes, threshold);
        group().for_each(|k| slopes[k] *= kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_archetypes_are_shortened_together() {
        // Two archetypes of two slopes.
        let mut slopes = [3.0, 0.1, 4.0, 0.0];
        shrink_slopes(&mut slopes, 2, 1.0 / 2.0_f64.sqrt());
        assert!((slopes[0] - 2.4).abs() < 1e-14 && (slopes[2] - 3.2).abs() < 1e-14);
        assert_eq!(slopes[1], 0.0);
    }
}
