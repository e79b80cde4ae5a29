//! The head of a neural Bayesian network: archetypes of networks, or of networks of factors.

use contextualized_core::{Error, Result};
use contextualized_encoders::{
    ArchetypeWeights, Archetypes, Dim, FactorWeights, Factors, Generated, Head, ParameterVisitor,
    Parameters, Tape, Values,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone)]
pub(crate) enum NetworkHead {
    Full(Archetypes<usize, usize, usize>),
    Factors(Factors<usize>),
}

/// The numbers of either.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum HeadWeights {
    Full(ArchetypeWeights),
    Factors(FactorWeights),
}

impl NetworkHead {
    pub(crate) fn new(
        archetypes: usize,
        nodes: usize,
        factors: Option<usize>,
        seed: u64,
    ) -> Result<Self> {
        Ok(match factors {
            None => Self::Full(Archetypes::new(archetypes, nodes, nodes, true, seed)?),
            Some(factors) => Self::Factors(Factors::new(archetypes, factors, nodes, seed)?),
        })
    }

    pub(crate) fn from_weights(weights: &HeadWeights) -> Result<Self> {
        Ok(match weights {
            HeadWeights::Full(weights) if weights.offsets.is_none() => {
                return Err(Error::NoColumns {
                    argument: "archetypes of intercepts",
                });
            }
            HeadWeights::Full(weights) => Self::Full(Archetypes::from_weights(weights)?),
            HeadWeights::Factors(weights) => Self::Factors(Factors::from_weights(weights)?),
        })
    }

    pub(crate) fn to_weights(&self) -> Result<HeadWeights> {
        Ok(match self {
            Self::Full(head) => HeadWeights::Full(head.to_weights()?),
            Self::Factors(head) => HeadWeights::Factors(head.to_weights()?),
        })
    }
}

impl Head<usize, usize, usize> for NetworkHead {
    fn generate<B: Dim, T: Tape>(
        &self,
        codes: Values<(B, usize), T>,
    ) -> Result<Generated<B, usize, usize, T>> {
        match self {
            Self::Full(head) => head.generate(codes),
            Self::Factors(head) => head.generate(codes),
        }
    }

    fn archetypes<T: Tape>(&self) -> Option<Values<(usize, usize, usize), T>> {
        match self {
            Self::Full(head) => head.archetypes(),
            Self::Factors(head) => head.archetypes(),
        }
    }

    fn code_width(&self) -> usize {
        match self {
            Self::Full(head) => head.code_width(),
            Self::Factors(head) => head.code_width(),
        }
    }

    fn feature_width(&self) -> usize {
        match self {
            Self::Full(head) => head.feature_width(),
            Self::Factors(head) => head.feature_width(),
        }
    }

    fn target_width(&self) -> usize {
        match self {
            Self::Full(head) => head.target_width(),
            Self::Factors(head) => head.target_width(),
        }
    }
}

impl Parameters for NetworkHead {
    fn visit<V: ParameterVisitor>(&mut self, visitor: &mut V) -> Result<()> {
        match self {
            Self::Full(head) => head.visit(visitor),
            Self::Factors(head) => head.visit(visitor),
        }
    }
}
