//! Networks that predict targets from contexts and features.

use crate::encoder::Encoder;
use crate::heads::{Generated, Head};
use crate::parameters::{ParameterVisitor, Parameters};
use crate::penalties::Penalties;
use crate::tensors::{Tape, Values, matrix, to_array2, to_array3};
use contextualized_core::validate::check_columns;
use contextualized_core::{Coefficients, Result};
use dfdx::shapes::Dim;
use dfdx::tensor::Cpu;
use ndarray::{Array2, ArrayView2};
use std::marker::PhantomData;

/// A batch's linear predictor, and the penalty on its coefficients if there is one.
pub type Penalized<B, Y, T> = (Values<(B, Y), T>, Option<Values<(), T>>);

/// Anything that can be trained: it predicts `Y` targets from `C` contexts and `X` features.
pub trait Network<C: Dim, X: Dim, Y: Dim>: Parameters {
    /// Widths of contexts, features and targets.
    fn widths(&self) -> (C, X, Y);

    /// The linear predictor (the mean, on the link scale) of a batch.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::Numerical`] when memory runs out.
    fn predictor<B: Dim, T: Tape>(
        &self,
        contexts: Values<(B, C), T>,
        features: Values<(B, X), T>,
    ) -> Result<Values<(B, Y), T>>;

    /// The same with the penalty on the batch's coefficients, for networks that generate some.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::Numerical`] when memory runs out.
    fn penalized<B: Dim, T: Tape>(
        &self,
        contexts: Values<(B, C), T>,
        features: Values<(B, X), T>,
        _penalties: &Penalties,
    ) -> Result<Penalized<B, Y, T>> {
        Ok((self.predictor(contexts, features)?, None))
    }

    /// [`Encoder::shrink_columns`], for networks that have an encoder.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::Numerical`] when memory runs out.
    fn shrink_columns(&mut self, _threshold: f64) -> Result<()> {
        Ok(())
    }
}

/// An encoder joined to a head: coefficients as a function of context.
///
/// The widths of code, features and targets are those of the types, so an encoder whose code the
/// head does not take is refused by the compiler, and where both are `usize`, at run time.
#[derive(Debug, Clone)]
pub struct Contextualized<C: Dim, Z: Dim, X: Dim, Y: Dim, E, H> {
    encoder: E,
    head: H,
    widths: PhantomData<(C, Z, X, Y)>,
}

impl<C, Z, X, Y, E, H> Contextualized<C, Z, X, Y, E, H>
where
    C: Dim,
    Z: Dim,
    X: Dim,
    Y: Dim,
    E: Encoder<C, Z>,
    H: Head<Z, X, Y>,
{
    /// Joins an encoder to a head.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::ColumnCount`] when run-time widths of the code differ.
    pub fn new(encoder: E, head: H) -> Result<Self> {
        let (given, taken) = (encoder.code_width().size(), head.code_width().size());
        check_columns("the encoder's code", taken, given)?;
        Ok(Self {
            encoder,
            head,
            widths: PhantomData,
        })
    }

    /// The coefficients at a batch of contexts.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::Numerical`] when memory runs out.
    pub fn coefficients<B: Dim, T: Tape>(
        &self,
        contexts: Values<(B, C), T>,
    ) -> Result<Generated<B, X, Y, T>> {
        self.head.generate(self.encoder.encode(contexts)?)
    }

    /// The coefficients at contexts given as a matrix (n × `C`).
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::ColumnCount`] when the matrix has another width; [`contextualized_core::Error::Numerical`].
    pub fn coefficients_at(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        let contexts = matrix(
            &Cpu::default(),
            "contexts",
            contexts,
            self.encoder.context_width(),
        )?;
        to_coefficients(&self.coefficients(contexts)?)
    }

    /// The coefficients of codes given as a matrix (n × `Z`), as the head makes them.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::ColumnCount`] when the matrix has another width; [`contextualized_core::Error::Numerical`].
    pub fn coefficients_of_codes(&self, codes: ArrayView2<'_, f64>) -> Result<Coefficients> {
        let codes = matrix(&Cpu::default(), "codes", codes, self.head.code_width())?;
        to_coefficients(&self.head.generate(codes)?)
    }

    /// The codes of contexts given as a matrix (n × `C`), n × `Z`.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::ColumnCount`] when the matrix has another width; [`contextualized_core::Error::Numerical`].
    pub fn codes_at(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let width = self.encoder.context_width();
        let contexts = matrix(&Cpu::default(), "contexts", contexts, width)?;
        to_array2(&self.encoder.encode(contexts)?)
    }

    /// What the head makes of each code on its own: one row of coefficients for every entry of a
    /// code, of which those of a context are sums weighted by its code.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::Numerical`] when memory runs out.
    pub fn archetypes(&self) -> Result<Coefficients> {
        self.coefficients_of_codes(Array2::eye(self.head.code_width().size()).view())
    }

    /// The encoder.
    pub fn encoder(&self) -> &E {
        &self.encoder
    }

    /// The head.
    pub fn head(&self) -> &H {
        &self.head
    }
}

fn to_coefficients<X: Dim, Y: Dim, T>(
    generated: &Generated<usize, X, Y, T>,
) -> Result<Coefficients> {
    let slopes = to_array3(&generated.slopes)?;
    let offsets = match &generated.offsets {
        Some(offsets) => to_array2(offsets)?,
        None => Array2::zeros((slopes.dim().0, slopes.dim().1)),
    };
    Coefficients::new(slopes, offsets)
}

impl<C, Z, X, Y, E, H> Network<C, X, Y> for Contextualized<C, Z, X, Y, E, H>
where
    C: Dim,
    Z: Dim,
    X: Dim,
    Y: Dim,
    E: Encoder<C, Z>,
    H: Head<Z, X, Y>,
{
    fn widths(&self) -> (C, X, Y) {
        (
            self.encoder.context_width(),
            self.head.feature_width(),
            self.head.target_width(),
        )
    }

    fn predictor<B: Dim, T: Tape>(
        &self,
        contexts: Values<(B, C), T>,
        features: Values<(B, X), T>,
    ) -> Result<Values<(B, Y), T>> {
        self.coefficients(contexts)?.predictor(features)
    }

    fn penalized<B: Dim, T: Tape>(
        &self,
        contexts: Values<(B, C), T>,
        features: Values<(B, X), T>,
        penalties: &Penalties,
    ) -> Result<Penalized<B, Y, T>> {
        let coefficients = self.coefficients(contexts)?;
        let penalty = penalties.of_coefficients(&coefficients)?;
        Ok((coefficients.predictor(features)?, penalty))
    }

    fn shrink_columns(&mut self, threshold: f64) -> Result<()> {
        self.encoder.shrink_columns(threshold)
    }
}

impl<C, Z, X, Y, E, H> Parameters for Contextualized<C, Z, X, Y, E, H>
where
    C: Dim,
    Z: Dim,
    X: Dim,
    Y: Dim,
    E: Parameters,
    H: Parameters,
{
    fn visit<V: ParameterVisitor>(&mut self, visitor: &mut V) -> Result<()> {
        self.encoder.visit(visitor)?;
        self.head.visit(visitor)
    }
}
