//! What takes the steps of training: without a tape where a network says what it computes, else dfdx.

use crate::adam::Adam;
use crate::data::{Batch, TrainingData};
use crate::fused::Fused;
use crate::loss::Loss;
use crate::network::Network;
use crate::penalties::Penalties;
use crate::tensors::device_error;
use crate::training::mean_over_blocks;
use contextualized_core::Result;
use dfdx::shapes::Dim;
use dfdx::tensor::{Cpu, Trace};
use dfdx::tensor_ops::{Backward, TryAdd};

/// The optimiser of one network; without a tape it keeps the weights itself between [`Engine::read`] and
/// [`Engine::write`].
pub(crate) enum Engine {
    Fused(Box<Fused>),
    Taped(Box<OnTape>),
}

/// dfdx and its optimiser.
pub(crate) struct OnTape {
    adam: Adam,
    penalties: Penalties,
}

impl Engine {
    /// The engine for a network, whose numbers it begins with.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::ColumnCount`] for a network that is not of the structure it says.
    pub(crate) fn of<C: Dim, X: Dim, Y: Dim, N: Network<C, X, Y>>(
        network: &mut N,
        learning_rate: f64,
        penalties: Penalties,
    ) -> Result<Self> {
        Ok(match network.structure() {
            Some(structure) => {
                let fused = Fused::new(structure, network, learning_rate, penalties)?;
                Self::Fused(Box::new(fused))
            }
            None => Self::Taped(Box::new(OnTape {
                adam: Adam::new(learning_rate, penalties.encoder_l2),
                penalties,
            })),
        })
    }

    pub(crate) fn set_learning_rate(&mut self, learning_rate: f64) {
        match self {
            Self::Fused(fused) => fused.set_learning_rate(learning_rate),
            Self::Taped(taped) => taped.adam.set_learning_rate(learning_rate),
        }
    }

    /// One step of the optimiser on some rows; returns their loss before it, without penalties. Where
    /// that is not finite nothing moves.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::InvalidParameter`] after 2³¹ steps; of dfdx,
    /// [`contextualized_core::Error::Numerical`] when memory runs out.
    pub(crate) fn step<C: Dim, X: Dim, Y: Dim, N: Network<C, X, Y>>(
        &mut self,
        network: &mut N,
        loss: &dyn Loss,
        data: &TrainingData<C, X, Y>,
        rows: &[usize],
    ) -> Result<f64> {
        match self {
            Self::Fused(fused) => fused.step(loss, &data.tables(), rows),
            Self::Taped(taped) => taped.step(network, loss, data.batch(&Cpu::default(), rows)?),
        }
    }

    /// The loss on all rows, without penalties.
    ///
    /// # Errors
    ///
    /// Of dfdx, [`contextualized_core::Error::Numerical`] when memory runs out.
    pub(crate) fn mean_loss<C: Dim, X: Dim, Y: Dim, N: Network<C, X, Y>>(
        &mut self,
        network: &N,
        loss: &dyn Loss,
        data: &TrainingData<C, X, Y>,
    ) -> Result<f64> {
        match self {
            Self::Fused(fused) => Ok(fused.mean_loss(loss, &data.tables())),
            Self::Taped(_) => mean_over_blocks(data, &Cpu::default(), |batch| {
                let predictor = network.predictor(batch.contexts, batch.features)?;
                Ok(batch.observed.mean_loss(loss, &predictor.as_vec()).0)
            }),
        }
    }

    /// Takes the network's numbers, after something else has changed them.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::ColumnCount`] for a network that is not of the structure it says.
    pub(crate) fn read<C: Dim, X: Dim, Y: Dim, N: Network<C, X, Y>>(
        &mut self,
        network: &mut N,
    ) -> Result<()> {
        match self {
            Self::Fused(fused) => fused.read(network),
            Self::Taped(_) => Ok(()),
        }
    }

    /// Gives the numbers to the network.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::ColumnCount`] for a network that is not of the structure it says.
    pub(crate) fn write<C: Dim, X: Dim, Y: Dim, N: Network<C, X, Y>>(
        &self,
        network: &mut N,
    ) -> Result<()> {
        match self {
            Self::Fused(fused) => fused.write(network),
            Self::Taped(_) => Ok(()),
        }
    }
}

impl OnTape {
    fn step<C: Dim, X: Dim, Y: Dim, N: Network<C, X, Y>>(
        &mut self,
        network: &mut N,
        loss: &dyn Loss,
        batch: Batch<C, X>,
    ) -> Result<f64> {
        let contexts = batch.contexts.leaky_trace();
        let features = batch.features.retaped();
        let (predictor, penalty) = network.penalized(contexts, features, &self.penalties)?;
        let (batch_loss, mut objective) = batch.observed.on_tape(loss, predictor)?;
        if !batch_loss.is_finite() {
            return Ok(batch_loss);
        }
        if let Some(penalty) = penalty {
            objective = objective.try_add(penalty).map_err(device_error)?;
        }
        let gradients = objective.try_backward().map_err(device_error)?;
        self.adam.update(network, gradients)?;
        Ok(batch_loss)
    }
}
