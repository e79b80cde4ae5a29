//! Networks that predict targets from contexts and features.

use crate::encoder::Encoder;
use crate::heads::{Generated, Head};
use crate::parameters::{ParameterVisitor, Parameters};
use crate::penalties::Penalties;
use crate::structure::NetworkStructure;
use crate::tensors::{Tape, Values, matrix, to_array2, to_array3};
use contextualized_core::validate::{check_columns, check_table};
use contextualized_core::{Coefficients, Result};
use dfdx::shapes::Dim;
use dfdx::tensor::Cpu;
use ndarray::{Array2, Array3, ArrayView2, Axis};
use rayon::prelude::*;
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

    /// What it computes, of a network of built-in parts: that is trained without a tape, many times as
    /// fast. Any other says nothing and is trained by dfdx.
    fn structure(&self) -> Option<NetworkStructure> {
        None
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

impl<C: Dim, Z: Dim, X: Dim, Y: Dim, E: Encoder<C, Z>, H: Head<Z, X, Y>>
    Contextualized<C, Z, X, Y, E, H>
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
    pub fn coefficients_at(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients>
    where
        Self: Sync,
    {
        let blocks = self.by_blocks(contexts, |block| tables(&self.coefficients(block)?))?;
        let (_, x, y) = self.widths();
        let mut slopes = Array3::zeros((contexts.nrows(), y.size(), x.size()));
        let mut intercepts = Array2::zeros((contexts.nrows(), y.size()));
        let rows = slopes
            .axis_chunks_iter_mut(Axis(0), BLOCK)
            .zip(intercepts.axis_chunks_iter_mut(Axis(0), BLOCK));
        for ((mut slopes, mut intercepts), block) in rows.zip(&blocks) {
            slopes.assign(&block.0);
            intercepts.assign(&block.1);
        }
        Coefficients::new(slopes, intercepts)
    }

    /// The coefficients of codes given as a matrix (n × `Z`), as the head makes them.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::ColumnCount`] when the matrix has another width; [`contextualized_core::Error::Numerical`].
    pub fn coefficients_of_codes(&self, codes: ArrayView2<'_, f64>) -> Result<Coefficients> {
        let codes = matrix(&Cpu::default(), "codes", codes, self.head.code_width())?;
        let (slopes, intercepts) = tables(&self.head.generate(codes)?)?;
        Coefficients::new(slopes, intercepts)
    }

    /// The codes of contexts given as a matrix (n × `C`), n × `Z`.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::ColumnCount`] when the matrix has another width; [`contextualized_core::Error::Numerical`].
    pub fn codes_at(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>>
    where
        Self: Sync,
    {
        let blocks = self.by_blocks(contexts, |block| to_array2(&self.encoder.encode(block)?))?;
        let mut codes = Array2::zeros((contexts.nrows(), self.encoder.code_width().size()));
        for (mut rows, block) in codes.axis_chunks_iter_mut(Axis(0), BLOCK).zip(&blocks) {
            rows.assign(block);
        }
        Ok(codes)
    }

    /// What is said of each block of contexts, in order; blocks run in parallel.
    fn by_blocks<T: Send>(
        &self,
        contexts: ArrayView2<'_, f64>,
        of: impl Fn(Values<(usize, C)>) -> Result<T> + Sync,
    ) -> Result<Vec<T>>
    where
        Self: Sync,
    {
        let width = self.encoder.context_width();
        check_table("contexts", contexts, Some(width.size()))?;
        let blocks: Vec<_> = contexts.axis_chunks_iter(Axis(0), BLOCK).collect();
        blocks
            .into_par_iter()
            .map(|block| of(matrix(&Cpu::default(), "contexts", block, width)?))
            .collect()
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

/// Contexts that go through a network at once; fixed, so that bits do not depend on the threads.
const BLOCK: usize = 1024;

/// Slopes and intercepts, of which there are zeros where there is no intercept.
fn tables<X: Dim, Y: Dim, T>(
    generated: &Generated<usize, X, Y, T>,
) -> Result<(Array3<f64>, Array2<f64>)> {
    let slopes = to_array3(&generated.slopes)?;
    let intercepts = match &generated.intercepts {
        Some(intercepts) => to_array2(intercepts)?,
        None => Array2::zeros((slopes.dim().0, slopes.dim().1)),
    };
    Ok((slopes, intercepts))
}

impl<C: Dim, Z: Dim, X: Dim, Y: Dim, E: Encoder<C, Z>, H: Head<Z, X, Y>> Network<C, X, Y>
    for Contextualized<C, Z, X, Y, E, H>
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

    fn structure(&self) -> Option<NetworkStructure> {
        Some(NetworkStructure {
            encoder: self.encoder.structure()?,
            head: self.head.structure()?,
        })
    }
}

impl<C: Dim, Z: Dim, X: Dim, Y: Dim, E: Parameters, H: Parameters> Parameters
    for Contextualized<C, Z, X, Y, E, H>
{
    fn visit<V: ParameterVisitor>(&mut self, visitor: &mut V) -> Result<()> {
        self.encoder.visit(visitor)?;
        self.head.visit(visitor)
    }
}

/// A network that does not say what it computes, so that dfdx trains it: what training without a tape is
/// compared with.
#[derive(Debug, Clone)]
pub struct Taped<N>(pub N);

impl<C: Dim, X: Dim, Y: Dim, N: Network<C, X, Y>> Network<C, X, Y> for Taped<N> {
    fn widths(&self) -> (C, X, Y) {
        self.0.widths()
    }

    fn predictor<B: Dim, T: Tape>(
        &self,
        contexts: Values<(B, C), T>,
        features: Values<(B, X), T>,
    ) -> Result<Values<(B, Y), T>> {
        self.0.predictor(contexts, features)
    }

    fn penalized<B: Dim, T: Tape>(
        &self,
        contexts: Values<(B, C), T>,
        features: Values<(B, X), T>,
        penalties: &Penalties,
    ) -> Result<Penalized<B, Y, T>> {
        self.0.penalized(contexts, features, penalties)
    }

    fn shrink_columns(&mut self, threshold: f64) -> Result<()> {
        self.0.shrink_columns(threshold)
    }
}

impl<N: Parameters> Parameters for Taped<N> {
    fn visit<V: ParameterVisitor>(&mut self, visitor: &mut V) -> Result<()> {
        self.0.visit(visitor)
    }
}
