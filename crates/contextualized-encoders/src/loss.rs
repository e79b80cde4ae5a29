//! What training lowers, on the link scale.

use crate::tensors::{Tape, Values, device_error, tensor};
use contextualized_core::{Family, Result};
use dfdx::shapes::{Axes2, Dim, HasShape};
use dfdx::tensor::Cpu;
use dfdx::tensor_ops::{SumTo, TryMul};

/// How far a linear predictor is from a target.
///
/// A [`Family`] is the loss that makes its targets likely: minus the log-likelihood, or the unit
/// deviance, which is proportional to it up to a constant, of a family with an unknown dispersion.
pub trait Loss: Send + Sync {
    /// The loss of a target at a linear predictor, and its derivative by the predictor.
    fn at(&self, target: f64, predictor: f64) -> (f64, f64);
}

impl Loss for Family {
    fn at(&self, target: f64, predictor: f64) -> (f64, f64) {
        let derivatives = self.derivatives(target, predictor);
        if self.has_dispersion() {
            (self.deviance(target, predictor), -2.0 * derivatives.first)
        } else {
            (-derivatives.log_likelihood, -derivatives.first)
        }
    }
}

/// ½ (η + t e^−η): minus the log-likelihood of a normal residual whose variance has the logarithm η, up
/// to a constant, for targets t that are squared residuals.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogVarianceLoss;

impl Loss for LogVarianceLoss {
    fn at(&self, target: f64, predictor: f64) -> (f64, f64) {
        let ratio = target * (-predictor).exp();
        (0.5 * (predictor + ratio), 0.5 * (1.0 - ratio))
    }
}

/// Targets of a batch, row-major, with weights of the rows and known terms of the linear predictor.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Rows × targets.
    pub targets: Vec<f64>,
    /// Rows.
    pub weights: Vec<f64>,
    /// Rows × targets; none for zeros.
    pub base: Option<Vec<f64>>,
}

impl Observed {
    /// The mean over rows and targets of each row's loss times its weight, at a linear predictor that
    /// the known terms are added to, and its derivatives by that predictor.
    pub fn mean_loss(&self, loss: &dyn Loss, predictor: &[f64]) -> (f64, Vec<f64>) {
        let columns = self.targets.len() / self.weights.len().max(1);
        let share = 1.0 / self.targets.len() as f64;
        let mut total = 0.0;
        let derivatives = (0..self.targets.len())
            .map(|place| {
                let base = self.base.as_ref().map_or(0.0, |base| base[place]);
                let (value, derivative) = loss.at(self.targets[place], predictor[place] + base);
                let weight = self.weights[place / columns];
                total += value * weight;
                derivative * (weight * share)
            })
            .collect();
        (total / self.targets.len() as f64, derivatives)
    }

    /// The mean loss, and a tensor whose gradient is that of the mean loss: the sum of predictors
    /// times their derivatives, held constant.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::Numerical`] when memory runs out.
    pub fn on_tape<B: Dim, Y: Dim, T: Tape>(
        &self,
        loss: &dyn Loss,
        predictor: Values<(B, Y), T>,
    ) -> Result<(f64, Values<(), T>)> {
        let (value, derivatives) = self.mean_loss(loss, &predictor.as_vec());
        let derivatives = tensor(&Cpu::default(), derivatives, *predictor.shape())?;
        let surrogate = predictor
            .try_mul(derivatives)
            .and_then(SumTo::try_sum::<(), Axes2<0, 1>>)
            .map_err(device_error)?;
        Ok((value, surrogate))
    }
}
