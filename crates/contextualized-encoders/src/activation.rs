//! The function between the layers of a perceptron.

use crate::tensors::{Tape, Values, device_error};
use contextualized_core::Result;
use dfdx::shapes::Shape;
use dfdx::tensor::WithEmptyTape;
use dfdx::tensor_ops::{TryAdd, TryMul};
use serde::{Deserialize, Serialize};

/// The function σ between the layers of a perceptron.
///
/// With the rectifier a perceptron is piecewise affine: its first derivatives jump and its second
/// ones are zero wherever they exist. The smooth ones have all derivatives everywhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activation {
    /// max(0, z).
    #[default]
    Relu,
    /// tanh z.
    Tanh,
    /// ln(1 + e^z), a smooth rectifier.
    Softplus,
}

impl Activation {
    /// σ(z).
    pub fn value(self, z: f64) -> f64 {
        match self {
            Self::Relu => z.max(0.0),
            Self::Tanh => z.tanh(),
            Self::Softplus => z.max(0.0) + (-z.abs()).exp().ln_1p(),
        }
    }

    /// σ'(z); of the rectifier at zero, 0.
    pub fn derivative(self, z: f64) -> f64 {
        match self {
            Self::Relu => f64::from(z > 0.0),
            Self::Tanh => 1.0 - z.tanh().powi(2),
            Self::Softplus => 0.5 * (1.0 + (0.5 * z).tanh()),
        }
    }

    /// σ''(z); of the rectifier at zero, where there is none, 0.
    pub fn second_derivative(self, z: f64) -> f64 {
        match self {
            Self::Relu => 0.0,
            Self::Tanh => {
                let tanh = z.tanh();
                -2.0 * tanh * (1.0 - tanh * tanh)
            }
            Self::Softplus => {
                let share = 0.5 * (1.0 + (0.5 * z).tanh());
                share * (1.0 - share)
            }
        }
    }

    /// The largest |σ'|: 1 for all of them.
    pub fn steepest(self) -> f64 {
        1.0
    }

    /// The largest |σ''|: 4 / (3√3) of tanh, ¼ of softplus; none of the rectifier, which has a kink.
    pub fn most_curved(self) -> Option<f64> {
        match self {
            Self::Relu => None,
            Self::Tanh => Some(4.0 / (3.0 * 3.0_f64.sqrt())),
            Self::Softplus => Some(0.25),
        }
    }

    pub(crate) fn apply<S: Shape, T: Tape>(self, z: Values<S, T>) -> Result<Values<S, T>> {
        match self {
            Self::Relu => z.try_relu().map_err(device_error),
            Self::Tanh => z.try_tanh().map_err(device_error),
            Self::Softplus => {
                // (z + |z|) / 2 + ln(1 + e^−|z|): the two slopes of |z| at zero cancel.
                let absolute = z.with_empty_tape().try_abs().map_err(device_error)?;
                let tail = absolute
                    .with_empty_tape()
                    .try_negate()
                    .and_then(|v| v.try_exp())
                    .and_then(|v| v.try_add(1.0))
                    .and_then(|v| v.try_ln());
                absolute
                    .try_add(z)
                    .and_then(|v| v.try_mul(0.5))
                    .and_then(|v| v.try_add(tail?))
                    .map_err(device_error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use dfdx::tensor::{Cpu, TensorFromVec, Trace};
    use dfdx::tensor_ops::{Backward, SumTo};

    const ALL: [Activation; 3] = [Activation::Relu, Activation::Tanh, Activation::Softplus];

    /// From −40 to 40, zero included.
    fn points() -> Vec<f64> {
        (-400..=400).map(|i| f64::from(i) / 10.0).collect()
    }

    #[test]
    fn tensors_and_numbers_agree() {
        for activation in ALL {
            let points = points();
            let z = Cpu::default().tensor_from_vec(points.clone(), (points.len(),));
            let output = activation.apply(z.leaky_trace()).unwrap();
            let values = output.as_vec();
            let total: Values<(), _> = output.sum();
            let derivatives = total.backward().get(&z).as_vec();
            for (index, &point) in points.iter().enumerate() {
                // Rounding of a number of about |z|, and of one of about 1. The sum of the two
                // slopes of |z| at zero leaves a softplus whose derivative there is ½.
                let epsilon = 4.0 * f64::EPSILON;
                assert_relative_eq!(
                    values[index],
                    activation.value(point),
                    max_relative = epsilon,
                    epsilon = epsilon
                );
                assert_relative_eq!(
                    derivatives[index],
                    activation.derivative(point),
                    epsilon = epsilon
                );
            }
        }
    }

    /// Central differences of step 1e-5: truncation of about 1e-11, rounding of about 1e-11.
    #[test]
    fn derivatives_are_differences() {
        let step = 1e-5;
        for activation in ALL {
            for point in points().into_iter().filter(|&point| point != 0.0) {
                let slope = (activation.value(point + step) - activation.value(point - step))
                    / (2.0 * step);
                let bend = (activation.derivative(point + step)
                    - activation.derivative(point - step))
                    / (2.0 * step);
                let rounding = 1e-10 * (1.0 + point.abs());
                assert_relative_eq!(slope, activation.derivative(point), epsilon = rounding);
                assert_relative_eq!(bend, activation.second_derivative(point), epsilon = 1e-10);
            }
        }
    }

    /// Bounds hold everywhere and are reached.
    #[test]
    fn bounds_are_the_largest_values() {
        for activation in ALL {
            let largest = |of: &dyn Fn(f64) -> f64| {
                (-4000..=4000)
                    .map(|i| of(f64::from(i) / 1000.0).abs())
                    .fold(0.0, f64::max)
            };
            let steepest = largest(&|z| activation.derivative(10.0 * z));
            assert!(steepest <= activation.steepest() && steepest > 0.999);
            if let Some(bound) = activation.most_curved() {
                let curved = largest(&|z| activation.second_derivative(z));
                assert!(curved <= bound * (1.0 + 1e-15) && curved > 0.9999 * bound);
            }
        }
    }
}
