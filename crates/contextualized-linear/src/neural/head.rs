//! The head chosen at run time, and its numbers.

use contextualized_core::Result;
use contextualized_encoders::Dim;
use contextualized_encoders::{
    ArchetypeWeights, Archetypes, Direct, Generated, Head, ParameterVisitor, Parameters, Tape,
    Values,
};
use serde::{Deserialize, Serialize};

/// How coefficients are made from the encoder's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Parameterization {
    /// The encoder's output is the coefficients.
    Direct,
    /// Coefficients are mixtures of this many archetypes, and the encoder's output the mixture.
    Archetypes(usize),
}

/// The numbers of a head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum HeadWeights {
    Direct {
        features: usize,
        targets: usize,
        intercept: bool,
    },
    Archetypes(ArchetypeWeights),
}

/// Either head, with run-time widths.
#[derive(Debug, Clone)]
pub(crate) enum AnyHead {
    Direct {
        head: Direct<usize, usize>,
        intercept: bool,
    },
    Archetypes(Archetypes<usize, usize, usize>),
}

impl AnyHead {
    pub(crate) fn new(
        parameterization: Parameterization,
        features: usize,
        targets: usize,
        intercept: bool,
        seed: u64,
    ) -> Result<Self> {
        Ok(match parameterization {
            Parameterization::Direct => Self::Direct {
                head: Direct::new(features, targets, intercept)?,
                intercept,
            },
            Parameterization::Archetypes(count) => {
                Self::Archetypes(Archetypes::new(count, features, targets, intercept, seed)?)
            }
        })
    }

    pub(crate) fn from_weights(weights: &HeadWeights) -> Result<Self> {
        Ok(match weights {
            &HeadWeights::Direct {
                features,
                targets,
                intercept,
            } => Self::Direct {
                head: Direct::new(features, targets, intercept)?,
                intercept,
            },
            HeadWeights::Archetypes(weights) => {
                Self::Archetypes(Archetypes::from_weights(weights)?)
            }
        })
    }

    pub(crate) fn to_weights(&self) -> Result<HeadWeights> {
        Ok(match self {
            Self::Direct { head, intercept } => HeadWeights::Direct {
                features: head.feature_width(),
                targets: head.target_width(),
                intercept: *intercept,
            },
            Self::Archetypes(head) => HeadWeights::Archetypes(head.to_weights()?),
        })
    }
}

impl Parameters for AnyHead {
    fn visit<V: ParameterVisitor>(&mut self, visitor: &mut V) -> Result<()> {
        match self {
            Self::Direct { head, .. } => head.visit(visitor),
            Self::Archetypes(head) => head.visit(visitor),
        }
    }
}

impl Head<usize, usize, usize> for AnyHead {
    fn generate<B: Dim, T: Tape>(
        &self,
        codes: Values<(B, usize), T>,
    ) -> Result<Generated<B, usize, usize, T>> {
        match self {
            Self::Direct { head, .. } => head.generate(codes),
            Self::Archetypes(head) => head.generate(codes),
        }
    }

    fn code_width(&self) -> usize {
        match self {
            Self::Direct { head, .. } => head.code_width(),
            Self::Archetypes(head) => head.code_width(),
        }
    }

    fn feature_width(&self) -> usize {
        match self {
            Self::Direct { head, .. } => head.feature_width(),
            Self::Archetypes(head) => head.feature_width(),
        }
    }

    fn target_width(&self) -> usize {
        match self {
            Self::Direct { head, .. } => head.target_width(),
            Self::Archetypes(head) => head.target_width(),
        }
    }
}
