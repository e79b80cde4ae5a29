//! A forward pass as a model among others.

use crate::differentiable::Differentiable;
use crate::jacobian::{jacobian, predictor};
use crate::sensitivities::ContextSensitivities;
use contextualized_core::{Coefficients, Family, LocalCoefficients, Result};
use contextualized_encoders::Dim;
use ndarray::{Array2, ArrayView2};
use std::marker::PhantomData;

/// Any network as a model: its derivatives are the coefficients.
///
/// What takes a model, such as [`crate::TaylorSurrogate`], [`crate::linearity`], [`crate::Lime`] and
/// [`crate::Distillation`], takes a network of the user's this way. The network's output is the
/// linear predictor of the family that is given: for probabilities let it return the logit.
#[derive(Debug, Clone)]
pub struct NetworkModel<N, C, X, Y> {
    network: N,
    family: Family,
    widths: PhantomData<(C, X, Y)>,
}

impl<N: Differentiable<C, X, Y>, C: Dim, X: Dim, Y: Dim> NetworkModel<N, C, X, Y> {
    /// A network whose output is the mean.
    pub fn new(network: N) -> Self {
        Self::of_family(network, Family::Gaussian)
    }

    /// A network whose output is the linear predictor of targets of this family.
    pub fn of_family(network: N, family: Family) -> Self {
        Self {
            network,
            family,
            widths: PhantomData,
        }
    }

    /// The network.
    pub fn network(&self) -> &N {
        &self.network
    }

    /// ∂g/∂c, exact. Not the coefficients.
    ///
    /// # Errors
    ///
    /// Those of [`crate::jacobian`].
    pub fn context_sensitivities(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<ContextSensitivities> {
        ContextSensitivities::of_network(&self.network, contexts, features)
    }
}

impl<N: Differentiable<C, X, Y>, C: Dim, X: Dim, Y: Dim> LocalCoefficients
    for NetworkModel<N, C, X, Y>
{
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        jacobian(&self.network, contexts, features)
    }

    fn family(&self) -> Family {
        self.family
    }

    /// One forward pass.
    fn linear_predictor(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        predictor(&self.network, contexts, features)
    }
}
