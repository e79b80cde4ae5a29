//! Walking over the trainable tensors of a network.

use crate::tensors::Values;
use contextualized_core::{Error, Result};
use dfdx::shapes::{HasShape, Shape};

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
#[non_exhaustive]
pub enum ParameterKind {
    /// Weights of an encoder's layer.
    Weight,
    /// Biases of an encoder's layer.
    Bias,
    /// Archetypes of a head.
    Archetype,
}

/// A copy of all trainable numbers, in the order of the walk.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    values: Vec<Vec<f64>>,
}

impl Snapshot {
    /// Copies the parameters of a network.
    ///
    /// # Errors
    ///
    /// None of its own; see [`Parameters::visit`].
    pub fn of<P: Parameters>(network: &mut P) -> Result<Self> {
        struct Copy(Vec<Vec<f64>>);
        impl ParameterVisitor for Copy {
            fn visit<S: Shape>(
                &mut self,
                _: ParameterKind,
                parameter: &mut Values<S>,
            ) -> Result<()> {
                self.0.push(parameter.as_vec());
                Ok(())
            }
        }
        let mut copy = Copy(Vec::new());
        network.visit(&mut copy)?;
        Ok(Self { values: copy.0 })
    }

    /// Writes the copied numbers back.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`] when the network is not of the kind the snapshot was taken from;
    /// tensors before the first that differs are then already written.
    pub fn restore<P: Parameters>(&self, network: &mut P) -> Result<()> {
        struct Write<'a>(std::slice::Iter<'a, Vec<f64>>);
        impl ParameterVisitor for Write<'_> {
            fn visit<S: Shape>(
                &mut self,
                _: ParameterKind,
                parameter: &mut Values<S>,
            ) -> Result<()> {
                let values = self.0.next().map(Vec::as_slice).unwrap_or_default();
                let expected = parameter.shape().num_elements();
                if values.len() != expected {
                    return Err(Error::ColumnCount {
                        argument: "snapshot",
                        expected,
                        found: values.len(),
                    });
                }
                parameter.copy_from(values);
                Ok(())
            }
        }
        network.visit(&mut Write(self.values.iter()))
    }

    /// All numbers, tensor after tensor.
    pub fn values(&self) -> impl Iterator<Item = f64> + '_ {
        self.values.iter().flatten().copied()
    }

    /// All numbers, to be changed in place.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut f64> + '_ {
        self.values.iter_mut().flatten()
    }
}
