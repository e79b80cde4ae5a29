//! What built-in encoders and heads compute, in numbers, for the engine that trains without a tape.

use crate::activation::Activation;
use crate::encoder::EncoderLink;

/// What an encoder computes: a sum of perceptrons, and a link behind it.
///
/// The built-in encoders say theirs; one that says none is trained by dfdx.
#[derive(Debug, Clone)]
pub struct EncoderStructure {
    pub(crate) perceptrons: Vec<Perceptron>,
    pub(crate) link: EncoderLink,
}

/// Affine layers with an activation between them, of context columns next to each other.
#[derive(Debug, Clone)]
pub(crate) struct Perceptron {
    /// The first of its context columns.
    pub(crate) first_column: usize,
    /// Context columns, units of each hidden layer, width of the code.
    pub(crate) widths: Vec<usize>,
    pub(crate) activation: Activation,
}

impl EncoderStructure {
    pub(crate) fn of(perceptrons: Vec<Perceptron>) -> Self {
        Self {
            perceptrons,
            link: EncoderLink::Identity,
        }
    }
}

/// What a head computes: the code is the coefficients, or mixes archetypes of them.
#[derive(Debug, Clone)]
pub struct HeadStructure {
    pub(crate) features: usize,
    pub(crate) targets: usize,
    pub(crate) intercept: bool,
    /// How many archetypes are mixed; none where the code is the coefficients.
    pub(crate) archetypes: Option<usize>,
    /// Ones where there are slopes (targets × features); none for all.
    pub(crate) mask: Option<Vec<f64>>,
}

impl HeadStructure {
    /// Slopes, of all targets.
    pub(crate) fn slopes(&self) -> usize {
        self.targets * self.features
    }

    /// Slopes and intercepts.
    pub(crate) fn coefficients(&self) -> usize {
        self.slopes() + if self.intercept { self.targets } else { 0 }
    }

    /// Width of the code.
    pub(crate) fn code(&self) -> usize {
        self.archetypes.unwrap_or(self.coefficients())
    }
}

/// What a network computes: an encoder and a head.
#[derive(Debug, Clone)]
pub struct NetworkStructure {
    pub(crate) encoder: EncoderStructure,
    pub(crate) head: HeadStructure,
}
