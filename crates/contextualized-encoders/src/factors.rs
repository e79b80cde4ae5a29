//! Networks of few factors that stand for many variables.

use crate::heads::{ArchetypeWeights, Archetypes, Generated, Head};
use crate::parameters::{ParameterKind, ParameterVisitor, Parameters};
use crate::tensors::{Tape, Values, check_size, check_width, device_error, to_array2, uniform};
use contextualized_core::{Error, Result};
use dfdx::shapes::{Axes3, Axis, Dim, HasShape};
use dfdx::tensor::{Cpu, WithEmptyTape};
use dfdx::tensor_ops::{BroadcastTo, PermuteTo, ReshapeTo, SumTo, TryDiv, TryMatMul};
use ndarray::{Array2, Axis as Along};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Slopes of variables on each other through a few factors: `B(c) = P̃ᵀ V(c) P`.
///
/// `V(c) = Σ_k z_k(c) V_k` are slopes of factors on factors (f × f), mixed from archetypes; P (f × p) are
/// loadings, of which those of a variable are positive and sum to one over factors, and P̃ the same with
/// the rows of each factor scaled to sum to one: a factor is the sum of what is loaded on it, and its
/// effect the mean over its variables. K f² + f p numbers stand for K p². Intercepts are mixed for each
/// variable.
#[derive(Debug, Clone)]
pub struct Factors<Z: Dim> {
    /// Of factors on factors, without intercepts.
    latent: Archetypes<Z, usize, usize>,
    /// Archetypes of intercepts (Z × p).
    intercepts: Values<(Z, usize)>,
    /// Logarithms of loadings (f × p), up to a constant for each variable.
    loadings: Values<(usize, usize)>,
}

/// The numbers of a head of factors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FactorWeights {
    /// Archetypes of the slopes of factors on factors, without intercepts.
    pub latent: ArchetypeWeights,
    /// Archetypes × variables.
    pub intercepts: Array2<f64>,
    /// Logarithms of loadings (factors × variables), up to a constant for each variable.
    pub loadings: Array2<f64>,
}

/// Loadings start within this of equal.
const INITIAL_LOADING: f64 = 0.5;

/// Intercepts start within this of zero.
const INITIAL_INTERCEPT: f64 = 0.01;

impl<Z: Dim> Factors<Z> {
    /// Random archetypes and loadings.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a width of zero, and no fewer factors than variables.
    pub fn new(code: Z, factors: usize, variables: usize, seed: u64) -> Result<Self> {
        check_width("factors", factors)?;
        check_width("variables", variables)?;
        if factors >= variables {
            return Err(Error::invalid_parameter(
                "factors",
                factors,
                format!("below {variables}, the number of variables"),
            ));
        }
        check_size("intercepts", &[code.size(), variables])?;
        let (device, mut generator) = (Cpu::default(), ChaCha8Rng::seed_from_u64(seed));
        generator.set_stream(1);
        let (intercepts, loadings) = ((code, variables), (factors, variables));
        Ok(Self {
            latent: Archetypes::new(code, factors, factors, false, seed)?,
            intercepts: uniform(&device, intercepts, INITIAL_INTERCEPT, &mut generator)?,
            loadings: uniform(&device, loadings, INITIAL_LOADING, &mut generator)?,
        })
    }

    /// Copies the numbers out.
    ///
    /// # Errors
    ///
    /// [`Error::Numerical`] when memory runs out.
    pub fn to_weights(&self) -> Result<FactorWeights> {
        Ok(FactorWeights {
            latent: self.latent.to_weights()?,
            intercepts: to_array2(&self.intercepts)?,
            loadings: to_array2(&self.loadings)?,
        })
    }

    /// Archetypes of the slopes of factors on factors.
    pub fn latent(&self) -> &Archetypes<Z, usize, usize> {
        &self.latent
    }
}

impl FactorWeights {
    /// The loadings P (factors × variables): positive, and those of a variable sum to one.
    pub fn loadings(&self) -> Array2<f64> {
        let mut loadings = self.loadings.clone();
        for mut column in loadings.axis_iter_mut(Along(1)) {
            let largest = column.fold(f64::NEG_INFINITY, |most, value| most.max(*value));
            column.mapv_inplace(|value| (value - largest).exp());
            let sum = column.sum();
            column /= sum;
        }
        loadings
    }
}

impl<Z: Dim> Head<Z, usize, usize> for Factors<Z> {
    fn generate<B: Dim, T: Tape>(
        &self,
        codes: Values<(B, Z), T>,
    ) -> Result<Generated<B, usize, usize, T>> {
        let intercepts = codes
            .with_empty_tape()
            .try_matmul(self.intercepts.clone())
            .map_err(device_error)?;
        let Generated { slopes, .. } = self.latent.generate(codes)?;
        let (factors, variables) = (self.feature_count(), self.target_width());
        let batch = slopes.shape().0;
        // P: softmax over factors; P̃: its rows scaled to sum to one.
        let loadings = self
            .loadings
            .retaped::<T>()
            .try_softmax::<Axis<0>>()
            .map_err(device_error)?;
        let sums = loadings
            .with_empty_tape()
            .try_sum::<(usize,), Axis<1>>()
            .and_then(|sums| sums.try_broadcast_like::<_, Axis<1>>(&(factors, variables)))
            .map_err(device_error)?;
        let means = loadings
            .with_empty_tape()
            .try_div(sums)
            .map_err(device_error)?;
        // (batch · f) × f times f × p, then the same from the left by a transposition.
        let right = slopes
            .try_reshape_like(&(batch.size() * factors, factors))
            .and_then(|slopes| slopes.try_matmul(loadings))
            .and_then(|slopes| slopes.try_reshape_like(&(batch, factors, variables)))
            .and_then(|slopes| slopes.try_permute::<_, Axes3<0, 2, 1>>())
            .map_err(device_error)?;
        let slopes = right
            .try_reshape_like(&(batch.size() * variables, factors))
            .and_then(|slopes| slopes.try_matmul(means))
            .and_then(|slopes| slopes.try_reshape_like(&(batch, variables, variables)))
            .and_then(|slopes| slopes.try_permute::<_, Axes3<0, 2, 1>>())
            .map_err(device_error)?;
        Ok(Generated {
            slopes,
            intercepts: Some(intercepts),
        })
    }

    fn code_width(&self) -> Z {
        <Archetypes<Z, usize, usize> as Head<Z, usize, usize>>::code_width(&self.latent)
    }

    fn feature_width(&self) -> usize {
        self.loadings.shape().1
    }

    fn target_width(&self) -> usize {
        self.loadings.shape().1
    }
}

impl<Z: Dim> Factors<Z> {
    fn feature_count(&self) -> usize {
        self.loadings.shape().0
    }
}

impl<Z: Dim> Parameters for Factors<Z> {
    fn visit<V: ParameterVisitor>(&mut self, visitor: &mut V) -> Result<()> {
        self.latent.visit(visitor)?;
        visitor.visit(ParameterKind::Archetype, &mut self.intercepts)?;
        visitor.visit(ParameterKind::Archetype, &mut self.loadings)
    }
}
