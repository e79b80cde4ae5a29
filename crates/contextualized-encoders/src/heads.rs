//! Heads: from a code to the coefficients of a linear model.

use crate::parameters::{ParameterKind, ParameterVisitor, Parameters};
use crate::structure::HeadStructure;
use crate::tensors::{
    Tape, Values, check_size, check_width, device_error, known_width, tensor, to_array2, to_array3,
    uniform,
};
use contextualized_core::{Coefficients, Result};
use dfdx::shapes::{Axis, Dim, HasShape};
use dfdx::tensor::{Cpu, WithEmptyTape};
use dfdx::tensor_ops::{BroadcastTo, ReshapeTo, SumTo, TryAdd, TryMatMul, TryMul};
use ndarray::{Array2, Array3};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Slopes (batch × targets × features) and, for a model with an intercept, intercepts (batch × targets).
#[derive(Debug, Clone)]
pub struct Generated<B: Dim, X: Dim, Y: Dim, T> {
    /// Slopes.
    pub slopes: Values<(B, Y, X), T>,
    /// Intercepts.
    pub intercepts: Option<Values<(B, Y), T>>,
}

/// A map from codes of width `Z` to the coefficients of linear models of `Y` targets on `X` features.
pub trait Head<Z: Dim, X: Dim, Y: Dim>: Parameters {
    /// The coefficients of a batch of codes.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::Numerical`] when memory runs out.
    fn generate<B: Dim, T: Tape>(&self, codes: Values<(B, Z), T>) -> Result<Generated<B, X, Y, T>>;

    /// The slopes that codes mix, for heads that mix some.
    fn archetypes<T: Tape>(&self) -> Option<Values<(Z, Y, X), T>> {
        None
    }

    /// What it computes, of a head that is trained without a tape; others are trained by dfdx.
    fn structure(&self) -> Option<HeadStructure> {
        None
    }

    /// Width of a code.
    fn code_width(&self) -> Z;

    /// Width of a row of features.
    fn feature_width(&self) -> X;

    /// Width of a row of targets.
    fn target_width(&self) -> Y;
}

impl<B: Dim, X: Dim, Y: Dim, T: Tape> Generated<B, X, Y, T> {
    /// The linear predictor `B x + m` of a batch of features.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::Numerical`] when memory runs out.
    pub fn predictor(self, features: Values<(B, X), T>) -> Result<Values<(B, Y), T>> {
        let features = features
            .try_broadcast_like::<_, Axis<1>>(self.slopes.shape())
            .map_err(device_error)?;
        let predictor = self
            .slopes
            .try_mul(features)
            .and_then(SumTo::try_sum::<(B, Y), Axis<2>>)
            .map_err(device_error)?;
        match self.intercepts {
            Some(intercepts) => predictor.try_add(intercepts).map_err(device_error),
            None => Ok(predictor),
        }
    }
}

/// Coefficients as mixtures of archetypes: `B(c) = Σ_k z_k(c) A_k`, and likewise the intercepts.
///
/// With K archetypes the coefficients of all contexts lie in a space of K dimensions.
#[derive(Debug, Clone)]
pub struct Archetypes<Z: Dim, X: Dim, Y: Dim> {
    slopes: Values<(Z, Y, X)>,
    intercepts: Option<Values<(Z, Y)>>,
}

/// The numbers of an archetype head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArchetypeWeights {
    /// Archetypes × targets × features.
    pub slopes: Array3<f64>,
    /// Archetypes × targets, where there is an intercept.
    pub intercepts: Option<Array2<f64>>,
}

/// Archetypes start within this of zero, so that training starts near the zero model.
const INITIAL_ARCHETYPE: f64 = 0.01;

impl<Z: Dim, X: Dim, Y: Dim> Archetypes<Z, X, Y> {
    /// Random archetypes, uniform on ±0.01.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::InvalidParameter`] for a width of zero.
    pub fn new(code: Z, features: X, targets: Y, intercept: bool, seed: u64) -> Result<Self> {
        check_width("archetypes", code.size())?;
        check_width("feature width", features.size())?;
        check_width("target width", targets.size())?;
        check_size(
            "archetypes",
            &[code.size(), targets.size(), features.size()],
        )?;
        let (device, mut generator) = (Cpu::default(), ChaCha8Rng::seed_from_u64(seed));
        let slopes = (code, targets, features);
        let slopes = uniform(&device, slopes, INITIAL_ARCHETYPE, &mut generator)?;
        let mut intercepts =
            || uniform(&device, (code, targets), INITIAL_ARCHETYPE, &mut generator);
        Ok(Self {
            slopes,
            intercepts: intercept.then(&mut intercepts).transpose()?,
        })
    }

    /// Rebuilds archetypes from their numbers.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::ColumnCount`] when the numbers are not of widths `Z`, `X` and `Y`.
    pub fn from_weights(weights: &ArchetypeWeights) -> Result<Self> {
        let (code, targets, features) = weights.slopes.dim();
        // Checks rows and finiteness; intercepts that are not there are zeros.
        let zeros = || Array2::zeros((code, targets));
        let intercepts = weights.intercepts.clone().unwrap_or_else(zeros);
        Coefficients::new(weights.slopes.clone(), intercepts)?;
        let shape = (
            known_width("archetypes", code)?,
            known_width("archetype targets", targets)?,
            known_width("archetype features", features)?,
        );
        let device = Cpu::default();
        let intercepts = match &weights.intercepts {
            Some(intercepts) => Some(tensor(
                &device,
                intercepts.iter().copied().collect(),
                (shape.0, shape.1),
            )?),
            None => None,
        };
        Ok(Self {
            slopes: tensor(&device, weights.slopes.iter().copied().collect(), shape)?,
            intercepts,
        })
    }

    /// Copies the numbers out.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::Numerical`] when memory runs out.
    pub fn to_weights(&self) -> Result<ArchetypeWeights> {
        Ok(ArchetypeWeights {
            slopes: to_array3(&self.slopes)?,
            intercepts: self.intercepts.as_ref().map(to_array2).transpose()?,
        })
    }
}

impl<Z: Dim, X: Dim, Y: Dim> Head<Z, X, Y> for Archetypes<Z, X, Y> {
    fn generate<B: Dim, T: Tape>(&self, codes: Values<(B, Z), T>) -> Result<Generated<B, X, Y, T>> {
        let batch = codes.shape().0;
        let (code, targets, features) = *self.slopes.shape();
        let flat = (code, targets.size() * features.size());
        let archetypes = self
            .slopes
            .retaped::<T>()
            .try_reshape_like(&flat)
            .map_err(device_error)?;
        let intercepts = match &self.intercepts {
            Some(intercepts) => Some(
                codes
                    .with_empty_tape()
                    .try_matmul(intercepts.clone())
                    .map_err(device_error)?,
            ),
            None => None,
        };
        let slopes = codes
            .try_matmul(archetypes)
            .and_then(|slopes| slopes.try_reshape_like(&(batch, targets, features)))
            .map_err(device_error)?;
        Ok(Generated { slopes, intercepts })
    }

    fn archetypes<T: Tape>(&self) -> Option<Values<(Z, Y, X), T>> {
        Some(self.slopes.retaped::<T>())
    }

    fn structure(&self) -> Option<HeadStructure> {
        let (archetypes, targets, features) = *self.slopes.shape();
        Some(HeadStructure {
            features: features.size(),
            targets: targets.size(),
            intercept: self.intercepts.is_some(),
            archetypes: Some(archetypes.size()),
            mask: None,
        })
    }

    fn code_width(&self) -> Z {
        self.slopes.shape().0
    }

    fn feature_width(&self) -> X {
        self.slopes.shape().2
    }

    fn target_width(&self) -> Y {
        self.slopes.shape().1
    }
}

impl<Z: Dim, X: Dim, Y: Dim> Parameters for Archetypes<Z, X, Y> {
    fn visit<V: ParameterVisitor>(&mut self, visitor: &mut V) -> Result<()> {
        visitor.visit(ParameterKind::Archetype, &mut self.slopes)?;
        match &mut self.intercepts {
            Some(intercepts) => visitor.visit(ParameterKind::Archetype, intercepts),
            None => Ok(()),
        }
    }
}

/// The code is the coefficients: slopes first, target after target, then the intercepts.
#[derive(Debug, Clone, Copy)]
pub struct Direct<X: Dim, Y: Dim> {
    features: X,
    targets: Y,
    intercept: bool,
}

impl<X: Dim, Y: Dim> Direct<X, Y> {
    /// A head without numbers of its own.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::InvalidParameter`] for a width of zero.
    pub fn new(features: X, targets: Y, intercept: bool) -> Result<Self> {
        check_width("feature width", features.size())?;
        check_width("target width", targets.size())?;
        Ok(Self {
            features,
            targets,
            intercept,
        })
    }
}

impl<X: Dim, Y: Dim> Head<usize, X, Y> for Direct<X, Y> {
    fn generate<B: Dim, T: Tape>(
        &self,
        codes: Values<(B, usize), T>,
    ) -> Result<Generated<B, X, Y, T>> {
        let batch = codes.shape().0;
        let slopes = self.targets.size() * self.features.size();
        let shape = (batch, self.targets, self.features);
        if !self.intercept {
            let slopes = codes.try_reshape_like(&shape).map_err(device_error)?;
            return Ok(Generated {
                slopes,
                intercepts: None,
            });
        }
        let intercepts = codes
            .with_empty_tape()
            .try_slice((.., slopes..))
            .and_then(|intercepts| intercepts.try_reshape_like(&(batch, self.targets)))
            .map_err(device_error)?;
        let slopes = codes
            .try_slice((.., ..slopes))
            .and_then(|slopes| slopes.try_reshape_like(&shape))
            .map_err(device_error)?;
        Ok(Generated {
            slopes,
            intercepts: Some(intercepts),
        })
    }

    fn structure(&self) -> Option<HeadStructure> {
        Some(HeadStructure {
            features: self.features.size(),
            targets: self.targets.size(),
            intercept: self.intercept,
            archetypes: None,
            mask: None,
        })
    }

    fn code_width(&self) -> usize {
        self.targets.size() * (self.features.size() + usize::from(self.intercept))
    }

    fn feature_width(&self) -> X {
        self.features
    }

    fn target_width(&self) -> Y {
        self.targets
    }
}

impl<X: Dim, Y: Dim> Parameters for Direct<X, Y> {
    fn visit<V: ParameterVisitor>(&mut self, _visitor: &mut V) -> Result<()> {
        Ok(())
    }
}
