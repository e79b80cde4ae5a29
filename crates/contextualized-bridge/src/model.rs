//! The fitted network: plain numbers, serialised as they are.

use crate::closed_form::ClosedForm;
use crate::jacobian::{jacobian, predictor};
use crate::plain::Plain;
use crate::sensitivities::{CoefficientChanges, ContextSensitivities};
use contextualized_core::validate::{check_finite, check_query};
use contextualized_core::{
    Coefficients, Error, FitReport, Link, LocalCoefficients, Result, Scaling,
};
use contextualized_encoders::{MlpWeights, Network};
use ndarray::{Array1, Array2, ArrayView2};
use serde::{Deserialize, Serialize};

/// A fitted implicit regression.
///
/// Reloaded through serde it predicts the same bits; numbers that contradict each other are
/// refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct ImplicitModel {
    link: Link,
    scaling: Scaling,
    network: MlpWeights,
    report: FitReport,
}

/// What a file may hold, before it is checked.
#[derive(Deserialize)]
struct Unchecked {
    link: Link,
    scaling: Scaling,
    network: MlpWeights,
    report: FitReport,
}

impl TryFrom<Unchecked> for ImplicitModel {
    type Error = Error;

    fn try_from(file: Unchecked) -> Result<Self> {
        let model = Self {
            link: file.link,
            scaling: file.scaling,
            network: file.network,
            report: file.report,
        };
        let (_, _, found) = model.network()?.widths();
        match model.scaling.targets.columns() {
            expected if expected == found => Ok(model),
            expected => Err(Error::ColumnCount {
                argument: "the network's output",
                expected,
                found,
            }),
        }
    }
}

impl ImplicitModel {
    pub(crate) fn new(
        link: Link,
        scaling: Scaling,
        network: &Plain,
        report: FitReport,
    ) -> Result<Self> {
        Ok(Self {
            link,
            scaling,
            network: network.to_weights()?,
            report,
        })
    }

    /// Why training stopped, after how many epochs, and the mean loss it reached on the rows trained
    /// on, in units of training.
    pub fn report(&self) -> &FitReport {
        &self.report
    }

    /// ∂g/∂c at every row, rows × targets × contexts, on the link scale and in the users' units: how
    /// the prediction changes with the context. Not the coefficients, which are
    /// [`LocalCoefficients::coefficients_at`].
    ///
    /// # Errors
    ///
    /// Those of [`LocalCoefficients::coefficients_at`].
    pub fn context_sensitivities(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<ContextSensitivities> {
        self.in_units()?.context_sensitivities(contexts, features)
    }

    /// ∂²g/∂x∂c at every row, in the users' units: how the coefficients change with the context. All
    /// zeros for the rectifier, see [`CoefficientChanges`].
    ///
    /// # Errors
    ///
    /// Those of [`LocalCoefficients::coefficients_at`].
    pub fn coefficient_changes(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<CoefficientChanges> {
        self.in_units()?.coefficient_changes(contexts, features)
    }

    /// [`Plain::curvature_bound`] in the users' units.
    ///
    /// # Errors
    ///
    /// Those of [`Plain::curvature_bound`].
    pub fn curvature_bound(&self) -> Result<Array1<f64>> {
        self.in_units()?.curvature_bound()
    }

    /// [`Plain::affine_radius`] in the users' units: a Euclidean distance in the features' numbers.
    ///
    /// # Errors
    ///
    /// Those of [`Plain::affine_radius`].
    pub fn affine_radius(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array1<f64>> {
        self.in_units()?.affine_radius(contexts, features)
    }

    fn in_units(&self) -> Result<ClosedForm> {
        ClosedForm::new(
            self.network.clone(),
            self.scaling.contexts.columns(),
            self.scaling.features.columns(),
        )
        .in_units(&self.scaling)
    }

    fn network(&self) -> Result<Plain> {
        Plain::from_weights(
            &self.network,
            self.scaling.contexts.columns(),
            self.scaling.features.columns(),
        )
    }

    /// Contexts and features in units of training.
    fn scaled(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<(Array2<f64>, Array2<f64>)> {
        let Scaling {
            contexts: of_contexts,
            features: of_features,
            ..
        } = &self.scaling;
        check_query(
            contexts,
            of_contexts.columns(),
            features,
            of_features.columns(),
        )?;
        let (contexts, features) = (of_contexts.apply(contexts)?, of_features.apply(features)?);
        check_finite("contexts, standardised,", contexts.view())?;
        check_finite("features, standardised,", features.view())?;
        Ok((contexts, features))
    }
}

impl LocalCoefficients for ImplicitModel {
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        let (contexts, features) = self.scaled(contexts, features)?;
        jacobian(&self.network()?, contexts.view(), features.view())?
            .to_original_units(&self.scaling.features, &self.scaling.targets)
    }

    fn link(&self) -> Link {
        self.link
    }

    /// One forward pass: the local model is exact at its point, so no derivative is needed.
    fn predict(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        let (contexts, features) = self.scaled(contexts, features)?;
        let output = predictor(&self.network()?, contexts.view(), features.view())?;
        let predictor = self.scaling.targets.invert(output.view())?;
        Ok(self.link.inverse_table(predictor.view()))
    }
}
