//! A plain network of contexts and features.

use crate::closed_form::ClosedForm;
use crate::sensitivities::{CoefficientChanges, ContextSensitivities};
use contextualized_core::validate::check_columns;
use contextualized_core::{Error, Result};
use contextualized_encoders::{
    Dim, Encoder, Mlp, MlpSettings, MlpWeights, Network, ParameterVisitor, Parameters, Tape, Values,
};
use dfdx::shapes::Axis;
use dfdx::tensor_ops::TryConcatAlong;
use ndarray::{Array1, ArrayView2};

/// g([c, x]): one perceptron whose input is the contexts followed by the features.
#[derive(Debug, Clone)]
pub struct Plain {
    network: Mlp<usize, usize>,
    contexts: usize,
    features: usize,
}

impl Plain {
    /// A randomly initialised network.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a size or width of zero.
    pub fn new(
        contexts: usize,
        features: usize,
        targets: usize,
        settings: MlpSettings,
        seed: u64,
    ) -> Result<Self> {
        Ok(Self {
            network: Mlp::new(contexts + features, targets, settings, seed)?,
            contexts,
            features,
        })
    }

    /// Rebuilds a network from its numbers.
    ///
    /// # Errors
    ///
    /// Those of [`Mlp::from_weights`], and [`Error::ColumnCount`] when its input is not as wide as
    /// contexts and features together.
    pub fn from_weights(weights: &MlpWeights, contexts: usize, features: usize) -> Result<Self> {
        let network = Mlp::<usize, usize>::from_weights(weights)?;
        let found = network.context_width();
        check_columns("the network's input", contexts + features, found)?;
        Ok(Self {
            network,
            contexts,
            features,
        })
    }

    /// Copies the numbers out.
    ///
    /// # Errors
    ///
    /// [`Error::Numerical`] when memory runs out.
    pub fn to_weights(&self) -> Result<MlpWeights> {
        self.network.to_weights()
    }

    /// ∂g/∂c at every row, in closed form: not the coefficients, which are [`crate::jacobian`].
    ///
    /// # Errors
    ///
    /// Those of [`crate::jacobian`].
    pub fn context_sensitivities(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<ContextSensitivities> {
        self.closed_form()?
            .context_sensitivities(contexts, features)
    }

    /// ∂²g/∂x∂c at every row, in closed form: how the coefficients change with the context. All
    /// zeros for the rectifier.
    ///
    /// # Errors
    ///
    /// Those of [`crate::jacobian`].
    pub fn coefficient_changes(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<CoefficientChanges> {
        self.closed_form()?.coefficient_changes(contexts, features)
    }

    /// For every target a bound L on ‖∂²g/∂x²‖, the curvature of g in the features, which holds at
    /// every context and features: then `|g(c, x + δ) − g(c, x) − (∂g/∂x) δ| ≤ ½ L ‖δ‖²`.
    ///
    /// From the weights alone. With W the weights into a layer, ‖W‖ their spectral norm, ‖W‖∞ the
    /// longest vector of weights into one unit, and D and H bounds on the first and second
    /// derivatives of the layer before along any direction of length one,
    ///
    /// ```text
    /// H ← max|σ''| ‖W‖∞ ‖W‖ D² + max|σ'| ‖W‖ H,    D ← max|σ'| ‖W‖ D
    /// ```
    ///
    /// from D = 1, H = 0 and the weights that features enter by; L = ‖w‖ H for a target's weights w.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for the rectifier, whose derivative jumps: see
    /// [`Plain::affine_radius`]; [`Error::NotFinite`] for weights so large that the bound overflows.
    pub fn curvature_bound(&self) -> Result<Array1<f64>> {
        self.closed_form()?.curvature_bound()
    }

    /// For every row the distance that features can move in any direction before a rectifier turns:
    /// within it g is affine in the features, and its Taylor surrogate exact. Infinite where none
    /// ever turns.
    ///
    /// It is the smallest `|a| / ‖∂a/∂x‖` over units, a a unit's input: inside that distance every a
    /// is affine in the features.
    ///
    /// # Errors
    ///
    /// Those of [`crate::jacobian`]; [`Error::InvalidParameter`] for a smooth activation, with which
    /// g is affine nowhere: see [`Plain::curvature_bound`].
    pub fn affine_radius(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array1<f64>> {
        self.closed_form()?.affine_radius(contexts, features)
    }

    fn closed_form(&self) -> Result<ClosedForm> {
        Ok(ClosedForm::new(
            self.to_weights()?,
            self.contexts,
            self.features,
        ))
    }
}

impl Network<usize, usize, usize> for Plain {
    fn widths(&self) -> (usize, usize, usize) {
        (self.contexts, self.features, self.network.code_width())
    }

    fn predictor<B: Dim, T: Tape>(
        &self,
        contexts: Values<(B, usize), T>,
        features: Values<(B, usize), T>,
    ) -> Result<Values<(B, usize), T>> {
        let input = (contexts, features)
            .try_concat_along(Axis::<1>)
            .map_err(|error| Error::numerical("joining contexts and features", error))?;
        self.network.encode(input)
    }
}

impl Parameters for Plain {
    fn visit<V: ParameterVisitor>(&mut self, visitor: &mut V) -> Result<()> {
        self.network.visit(visitor)
    }
}
