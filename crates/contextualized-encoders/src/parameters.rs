//! Walking over the trainable tensors of a network.

use crate::tensors::Values;
use contextualized_core::validate::{check_finite, check_rows};
use contextualized_core::{Error, Result};
use dfdx::shapes::{HasShape, Shape};
use ndarray::{ArrayD, ArrayView1, Axis};
use serde::{Deserialize, Serialize};

/// Something with trainable tensors.
pub trait Parameters {
    /// Shows every trainable tensor to the visitor, always in the same order.
    ///
    /// # Errors
    ///
    /// The first error of the visitor.
    fn visit<V: ParameterVisitor>(&mut self, visitor: &mut V) -> Result<()>;
}

/// What is done to every trainable tensor.
pub trait ParameterVisitor {
    /// Called once for each tensor.
    ///
    /// # Errors
    ///
    /// Whatever the visitor fails at; it ends the walk.
    fn visit<S: Shape>(&mut self, kind: ParameterKind, parameter: &mut Values<S>) -> Result<()>;
}

/// What a trainable tensor is for: penalties differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// Weights of an encoder's layer.
    Weight,
    /// Biases of an encoder's layer.
    Bias,
    /// Archetypes of a head.
    Archetype,
}

/// A copy of all trainable numbers, in the order of the walk: what is stored of a trained network,
/// which is built from its settings first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    tensors: Vec<ArrayD<f64>>,
}

impl Snapshot {
    /// Copies the parameters of a network.
    ///
    /// # Errors
    ///
    /// None of its own; see [`Parameters::visit`].
    pub fn of<P: Parameters>(network: &mut P) -> Result<Self> {
        struct Copy(Vec<ArrayD<f64>>);
        impl ParameterVisitor for Copy {
            fn visit<S: Shape>(
                &mut self,
                _: ParameterKind,
                parameter: &mut Values<S>,
            ) -> Result<()> {
                let shape: Vec<usize> = parameter.shape().concrete().into_iter().collect();
                let tensor = ArrayD::from_shape_vec(shape, parameter.as_vec())
                    .map_err(|error| Error::numerical("reading a tensor", error))?;
                self.0.push(tensor);
                Ok(())
            }
        }
        let mut copy = Copy(Vec::new());
        network.visit(&mut copy)?;
        Ok(Self { tensors: copy.0 })
    }

    /// Writes the copied numbers back.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`] when the network is not of the kind the snapshot was taken from, and
    /// [`Error::NotFinite`]; tensors before the first that is wrong are then already written.
    pub fn restore<P: Parameters>(&self, network: &mut P) -> Result<()> {
        struct Write<'a>(std::slice::Iter<'a, ArrayD<f64>>);
        impl ParameterVisitor for Write<'_> {
            fn visit<S: Shape>(
                &mut self,
                _: ParameterKind,
                parameter: &mut Values<S>,
            ) -> Result<()> {
                let shape: Vec<usize> = parameter.shape().concrete().into_iter().collect();
                let tensor = self.0.next();
                let Some(tensor) = tensor.filter(|tensor| tensor.shape() == shape) else {
                    return Err(Error::ColumnCount {
                        argument: "snapshot",
                        expected: shape.iter().product(),
                        found: tensor.map_or(0, ArrayD::len),
                    });
                };
                let values: Vec<f64> = tensor.iter().copied().collect();
                check_finite("snapshot", ArrayView1::from(&values).insert_axis(Axis(0)))?;
                parameter.copy_from(&values);
                Ok(())
            }
        }
        let mut write = Write(self.tensors.iter());
        network.visit(&mut write)?;
        check_rows("tensors of the snapshot", 0, write.0.len())
    }

    /// All numbers, tensor after tensor.
    pub fn values(&self) -> impl Iterator<Item = f64> + '_ {
        self.tensors.iter().flatten().copied()
    }

    /// All numbers, to be changed in place.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut f64> + '_ {
        self.tensors.iter_mut().flatten()
    }
}
