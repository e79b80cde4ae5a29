//! What an encoder is, and the links between its output and the code.

use crate::parameters::{ParameterVisitor, Parameters};
use crate::structure::EncoderStructure;
use crate::tensors::{Tape, Values, device_error};
use contextualized_core::{Error, Result};
use dfdx::shapes::{Axis, Dim, Shape};
use dfdx::tensor_ops::{TryAdd, TryMul};
use ndarray::{Array2, ArrayView1};
use serde::{Deserialize, Serialize};
use std::fmt::Debug;

/// A map from contexts of width `C` to codes of width `Z`.
pub trait Encoder<C: Dim, Z: Dim>: Parameters {
    /// The codes of a batch of contexts.
    ///
    /// # Errors
    ///
    /// [`Error::Numerical`] when memory runs out.
    fn encode<B: Dim, T: Tape>(&self, contexts: Values<(B, C), T>) -> Result<Values<(B, Z), T>>;

    /// Width of a context.
    fn context_width(&self) -> C;

    /// Width of a code.
    fn code_width(&self) -> Z;

    /// For every context column the Euclidean norm of the weights it enters by; a column of norm
    /// zero has no influence. Ones, of an encoder that has no such weights.
    fn column_norms(&self) -> Vec<f64> {
        vec![1.0; self.context_width().size()]
    }

    /// Shortens each of those vectors of p weights by √p · `threshold`, to zero at most: the proximal
    /// map of `threshold` times the sum of √p times their norms, the group lasso
    /// (Yuan and Lin 2006, doi:10.1111/j.1467-9868.2005.00532.x).
    ///
    /// # Errors
    ///
    /// [`Error::Numerical`] when memory runs out; [`Error::InvalidParameter`] for an encoder that has
    /// no such weights.
    fn shrink_columns(&mut self, _threshold: f64) -> Result<()> {
        Err(Error::invalid_parameter(
            "context_lasso",
            "above 0",
            "0 for an encoder without weights of single context columns",
        ))
    }

    /// What one context column adds to the codes at some of its values (values × `Z`), of an encoder
    /// that is a sum over columns.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a column there is not; [`Error::NotFinite`].
    fn column_codes(
        &self,
        _column: usize,
        _values: ArrayView1<'_, f64>,
    ) -> Result<Option<Array2<f64>>> {
        Ok(None)
    }

    /// What it computes, of a built-in encoder: that is trained without a tape, many times as fast. An
    /// encoder of your own says nothing and is trained by dfdx.
    fn structure(&self) -> Option<EncoderStructure> {
        None
    }
}

/// The settings of an encoder, by which an estimator builds it and a stored model builds it again.
///
/// [`EncoderKind`](crate::EncoderKind) is that of the built-in encoders. One of your own needs
/// [`Parameters`], [`Encoder`] and this, on a type that serde stores; it is trained, stored and
/// reloaded like the others, see the example `own_encoder`.
pub trait EncoderSettings: Clone + Debug + PartialEq + Send + Sync {
    /// The encoder.
    type Encoder: Encoder<usize, usize> + Send + Sync;

    /// A short description for names of estimators.
    fn name(&self) -> String;

    /// A randomly initialised encoder. What is not trained has to follow from settings, widths and
    /// seed, for these and the trained numbers are what is stored.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for settings or widths out of range.
    fn build(&self, contexts: usize, code: usize, seed: u64) -> Result<Self::Encoder>;
}

/// The function between an encoder's output and the code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum EncoderLink {
    /// The output is the code.
    #[default]
    Identity,
    /// Each output through 1 / (1 + e^−z): archetypes switched on between 0 and 1.
    Logistic,
    /// e^z, scaled to sum to one: archetypes mixed by weights, as soft clusters are.
    Softmax,
}

/// An encoder followed by a link.
#[derive(Debug, Clone)]
pub struct Linked<E> {
    encoder: E,
    link: EncoderLink,
}

impl<E> Linked<E> {
    /// Puts a link behind an encoder.
    pub fn new(encoder: E, link: EncoderLink) -> Self {
        Self { encoder, link }
    }

    /// The encoder before the link.
    pub fn encoder(&self) -> &E {
        &self.encoder
    }
}

impl<C: Dim, Z: Dim, E: Encoder<C, Z>> Encoder<C, Z> for Linked<E> {
    fn encode<B: Dim, T: Tape>(&self, contexts: Values<(B, C), T>) -> Result<Values<(B, Z), T>> {
        let output = self.encoder.encode(contexts)?;
        match self.link {
            EncoderLink::Identity => Ok(output),
            EncoderLink::Logistic => logistic(output),
            EncoderLink::Softmax => output.try_softmax::<Axis<1>>().map_err(device_error),
        }
    }

    fn context_width(&self) -> C {
        self.encoder.context_width()
    }

    fn code_width(&self) -> Z {
        self.encoder.code_width()
    }

    fn column_norms(&self) -> Vec<f64> {
        self.encoder.column_norms()
    }

    fn shrink_columns(&mut self, threshold: f64) -> Result<()> {
        self.encoder.shrink_columns(threshold)
    }

    /// Those of the encoder before an identity link; a sum behind another link is not one.
    fn column_codes(
        &self,
        column: usize,
        values: ArrayView1<'_, f64>,
    ) -> Result<Option<Array2<f64>>> {
        match self.link {
            EncoderLink::Identity => self.encoder.column_codes(column, values),
            EncoderLink::Logistic | EncoderLink::Softmax => Ok(None),
        }
    }

    /// That of the encoder, unless it ends in a link of its own.
    fn structure(&self) -> Option<EncoderStructure> {
        let structure = self.encoder.structure()?;
        (structure.link == EncoderLink::Identity).then_some(EncoderStructure {
            link: self.link,
            ..structure
        })
    }
}

/// ½ (1 + tanh(z / 2)), which is 1 / (1 + e^−z) without overflow.
fn logistic<S: Shape, T: Tape>(output: Values<S, T>) -> Result<Values<S, T>> {
    output
        .try_mul(0.5)
        .and_then(|half| half.try_tanh())
        .and_then(|tanh| tanh.try_mul(0.5))
        .and_then(|half| half.try_add(0.5))
        .map_err(device_error)
}

impl<E: Parameters> Parameters for Linked<E> {
    fn visit<V: ParameterVisitor>(&mut self, visitor: &mut V) -> Result<()> {
        self.encoder.visit(visitor)
    }
}
