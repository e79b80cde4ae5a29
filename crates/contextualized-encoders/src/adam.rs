//! The Adam optimiser.

use crate::parameters::{ParameterVisitor, Parameters};
use crate::tensors::{Values, device_error};
use contextualized_core::{Error, Result};
use dfdx::optim::AdamConfig;
use dfdx::shapes::Shape;
use dfdx::tensor::{Cpu, Gradients};

/// Adam with moments 0.9 and 0.999 and ε = 1e-8 (Kingma and Ba 2015, arXiv:1412.6980).
pub(crate) struct Adam {
    config: AdamConfig,
    step: i32,
    first_moments: Gradients<f64, Cpu>,
    second_moments: Gradients<f64, Cpu>,
}

impl Adam {
    pub(crate) fn new(learning_rate: f64) -> Self {
        Self {
            config: AdamConfig {
                lr: learning_rate,
                ..AdamConfig::default()
            },
            step: 0,
            first_moments: Gradients::leaky(),
            second_moments: Gradients::leaky(),
        }
    }

    /// Moves every parameter of the network against its gradient.
    pub(crate) fn update<P: Parameters>(
        &mut self,
        network: &mut P,
        gradients: Gradients<f64, Cpu>,
    ) -> Result<()> {
        self.step = self.step.checked_add(1).ok_or_else(|| {
            Error::invalid_parameter("epochs", "2^31 steps or more", "fewer optimiser steps")
        })?;
        network.visit(&mut Update {
            adam: self,
            gradients,
        })
    }
}

struct Update<'a> {
    adam: &'a mut Adam,
    gradients: Gradients<f64, Cpu>,
}

impl ParameterVisitor for Update<'_> {
    fn visit<S: Shape>(&mut self, parameter: &mut Values<S>) -> Result<()> {
        // A parameter that the loss did not touch has no gradient yet and gets zeros.
        let gradient = self
            .gradients
            .get_or_alloc_mut(parameter)
            .map_err(device_error)?;
        let first = self
            .adam
            .first_moments
            .get_or_alloc_mut(parameter)
            .map_err(device_error)?;
        let second = self
            .adam
            .second_moments
            .get_or_alloc_mut(parameter)
            .map_err(device_error)?;
        self.adam
            .config
            .try_update(self.adam.step, parameter, first, second, gradient)
            .map_err(device_error)
    }
}
