//! Encoders and heads chosen at run time: one line for each that there is.

use crate::additive::Additive;
use crate::encoder::{Encoder, EncoderSettings};
use crate::factors::Factors;
use crate::heads::{Archetypes, Direct, Generated, Head};
use crate::linear::Linear;
use crate::mlp::{Mlp, MlpSettings};
use crate::parameters::{ParameterVisitor, Parameters};
use crate::structure::{EncoderStructure, HeadStructure};
use crate::tensors::{Tape, Values};
use contextualized_core::{Error, Result};
use dfdx::shapes::Dim;
use ndarray::{Array2, ArrayView1};
use serde::{Deserialize, Serialize};

/// Settings and encoder of every kind, from lines of variant, settings and name.
macro_rules! encoder_kinds {
    ($($(#[$doc:meta])* $kind:ident $(($settings:ident: $type:ty))? => $name:expr;)+) => {
        /// The built-in kinds of encoders, and their settings.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum EncoderKind {
            $($(#[$doc])* $kind $(($type))?,)+
        }

        /// Any built-in encoder, with run-time widths.
        #[derive(Debug, Clone)]
        pub enum AnyEncoder {
            $($(#[$doc])* $kind($kind<usize, usize>),)+
        }

        impl EncoderSettings for EncoderKind {
            type Encoder = AnyEncoder;

            fn name(&self) -> String {
                match self {
                    $(Self::$kind $(($settings))? => $name,)+
                }
            }

            fn build(&self, contexts: usize, code: usize, seed: u64) -> Result<AnyEncoder> {
                Ok(match *self {
                    $(Self::$kind $(($settings))? => {
                        AnyEncoder::$kind($kind::new(contexts, code, $($settings,)? seed)?)
                    })+
                })
            }
        }

        impl Encoder<usize, usize> for AnyEncoder {
            fn encode<B: Dim, T: Tape>(
                &self,
                contexts: Values<(B, usize), T>,
            ) -> Result<Values<(B, usize), T>> {
                match self {
                    $(Self::$kind(encoder) => encoder.encode(contexts),)+
                }
            }

            fn context_width(&self) -> usize {
                match self {
                    $(Self::$kind(encoder) => encoder.context_width(),)+
                }
            }

            fn code_width(&self) -> usize {
                match self {
                    $(Self::$kind(encoder) => encoder.code_width(),)+
                }
            }

            fn column_norms(&self) -> Vec<f64> {
                match self {
                    $(Self::$kind(encoder) => encoder.column_norms(),)+
                }
            }

            fn shrink_columns(&mut self, threshold: f64) -> Result<()> {
                match self {
                    $(Self::$kind(encoder) => encoder.shrink_columns(threshold),)+
                }
            }

            fn column_codes(
                &self,
                column: usize,
                values: ArrayView1<'_, f64>,
            ) -> Result<Option<Array2<f64>>> {
                match self {
                    $(Self::$kind(encoder) => encoder.column_codes(column, values),)+
                }
            }

            fn structure(&self) -> Option<EncoderStructure> {
                match self {
                    $(Self::$kind(encoder) => encoder.structure(),)+
                }
            }
        }

        impl Parameters for AnyEncoder {
            fn visit<V: ParameterVisitor>(&mut self, visitor: &mut V) -> Result<()> {
                match self {
                    $(Self::$kind(encoder) => encoder.visit(visitor),)+
                }
            }
        }
    };
}

encoder_kinds! {
    /// A multilayer perceptron of all context columns: any interaction.
    Mlp(settings: MlpSettings) => format!("MLP {} × {}", settings.width, settings.layers);
    /// One perceptron per context column, summed: no interactions, and shape functions to read.
    Additive(settings: MlpSettings) => format!("additive {} × {}", settings.width, settings.layers);
    /// An affine map.
    Linear => "linear encoder".to_owned();
}

impl Default for EncoderKind {
    /// A perceptron of two hidden layers of 25 units.
    fn default() -> Self {
        Self::Mlp(MlpSettings::default())
    }
}

/// How coefficients are made from the encoder's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Parameterization {
    /// The encoder's output is the coefficients.
    Direct,
    /// Coefficients are mixtures of this many archetypes, and the encoder's output the mixture.
    Archetypes(usize),
    /// Networks of a few factors, mixed from archetypes, stand for those of the features, which are
    /// the targets: see [`Factors`]. Always with an intercept.
    Factors {
        /// Archetypes of networks of factors.
        archetypes: usize,
        /// Factors.
        factors: usize,
    },
}

/// Any head, with run-time widths.
#[derive(Debug, Clone)]
pub enum AnyHead {
    /// See [`Direct`].
    Direct(Direct<usize, usize>),
    /// See [`Archetypes`].
    Archetypes(Archetypes<usize, usize, usize>),
    /// See [`Factors`].
    Factors(Factors<usize>),
}

impl Parameterization {
    /// A short description for names of estimators.
    pub fn name(&self) -> String {
        match self {
            Self::Direct => "direct".to_owned(),
            Self::Archetypes(count) => format!("{count} archetypes"),
            Self::Factors {
                archetypes,
                factors,
            } => {
                format!("{archetypes} archetypes of {factors} factors")
            }
        }
    }

    /// A randomly initialised head.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a width of zero; of factors, for features that are not the
    /// targets, and no fewer factors than features.
    pub fn build(
        &self,
        features: usize,
        targets: usize,
        intercept: bool,
        seed: u64,
    ) -> Result<AnyHead> {
        Ok(match *self {
            Self::Direct => AnyHead::Direct(Direct::new(features, targets, intercept)?),
            Self::Archetypes(count) => {
                AnyHead::Archetypes(Archetypes::new(count, features, targets, intercept, seed)?)
            }
            Self::Factors {
                archetypes,
                factors,
            } => {
                if features != targets || !intercept {
                    return Err(Error::invalid_parameter(
                        "parameterization",
                        "factors",
                        "of features that are the targets, with an intercept",
                    ));
                }
                AnyHead::Factors(Factors::new(archetypes, factors, features, seed)?)
            }
        })
    }
}

/// Does the same with whichever head it is.
macro_rules! with_head {
    ($any:expr, $head:ident => $then:expr) => {
        match $any {
            AnyHead::Direct($head) => $then,
            AnyHead::Archetypes($head) => $then,
            AnyHead::Factors($head) => $then,
        }
    };
}

impl Head<usize, usize, usize> for AnyHead {
    fn generate<B: Dim, T: Tape>(
        &self,
        codes: Values<(B, usize), T>,
    ) -> Result<Generated<B, usize, usize, T>> {
        with_head!(self, head => head.generate(codes))
    }

    fn archetypes<T: Tape>(&self) -> Option<Values<(usize, usize, usize), T>> {
        with_head!(self, head => head.archetypes())
    }

    fn structure(&self) -> Option<HeadStructure> {
        with_head!(self, head => head.structure())
    }

    fn code_width(&self) -> usize {
        with_head!(self, head => Head::<usize, usize, usize>::code_width(head))
    }

    fn feature_width(&self) -> usize {
        with_head!(self, head => Head::<usize, usize, usize>::feature_width(head))
    }

    fn target_width(&self) -> usize {
        with_head!(self, head => Head::<usize, usize, usize>::target_width(head))
    }
}

impl Parameters for AnyHead {
    fn visit<V: ParameterVisitor>(&mut self, visitor: &mut V) -> Result<()> {
        with_head!(self, head => head.visit(visitor))
    }
}
