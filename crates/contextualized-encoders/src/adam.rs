//! The Adam optimiser.

use crate::parameters::{ParameterKind, ParameterVisitor, Parameters};
use crate::tensors::{Values, device_error};
use contextualized_core::{Error, Result};
use dfdx::optim::{AdamConfig, WeightDecay};
use dfdx::shapes::Shape;
use dfdx::tensor::{Cpu, Gradients};

/// Adam with moments 0.9 and 0.999 and ε = 1e-8 (Kingma and Ba 2015, arXiv:1412.6980).
pub(crate) struct Adam {
    config: AdamConfig,
    /// Gradient of the penalty on encoder weights, per weight.
    weight_decay: f64,
    step: i32,
    first_moments: Gradients<f64, Cpu>,
    second_moments: Gradients<f64, Cpu>,
}

impl Adam {
    /// With λ = `encoder_l2` the loss has λ Σ w² added, over the encoder's weights.
    pub(crate) fn new(learning_rate: f64, encoder_l2: f64) -> Self {
        Self {
            config: AdamConfig {
                lr: learning_rate,
                ..AdamConfig::default()
            },
            weight_decay: 2.0 * encoder_l2,
            step: 0,
            first_moments: Gradients::leaky(),
            second_moments: Gradients::leaky(),
        }
    }

    pub(crate) fn set_learning_rate(&mut self, learning_rate: f64) {
        self.config.lr = learning_rate;
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
    fn visit<S: Shape>(&mut self, kind: ParameterKind, parameter: &mut Values<S>) -> Result<()> {
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
        let decays = kind == ParameterKind::Weight && self.adam.weight_decay > 0.0;
        let config = AdamConfig {
            weight_decay: decays.then_some(WeightDecay::L2(self.adam.weight_decay)),
            ..self.adam.config
        };
        config
            .try_update(self.adam.step, parameter, first, second, gradient)
            .map_err(device_error)
    }
}
