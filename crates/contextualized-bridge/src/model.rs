//! The fitted network: plain numbers, serialised as they are.

use crate::closed_form::ClosedForm;
use crate::jacobian::{jacobian, predictor};
use crate::plain::Plain;
use crate::sensitivities::{CoefficientChanges, ContextSensitivities};
use contextualized_core::validate::{check_columns, check_finite, check_query};
use contextualized_core::{
    Checked, Coefficients, Family, FitReport, LocalCoefficients, Result, Samples, Scaling,
    checked_serde,
};
use contextualized_encoders::{ConstantCoefficients, HeldOutDeviation, MlpWeights, Network};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

/// A fitted implicit regression.
///
/// Reloaded through serde it predicts the same bits; numbers that contradict each other are
/// refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct ImplicitModel {
    pub(crate) family: Family,
    scaling: Scaling,
    /// In units of training.
    population: ConstantCoefficients,
    network: MlpWeights,
    /// Of what the network adds to the population's predictor, per target.
    pub(crate) shares: Array1<f64>,
    report: FitReport,
}

checked_serde!(ImplicitModel);

impl Checked for ImplicitModel {
    fn check(&self) -> Result<()> {
        let (_, features, targets) = self.network()?.widths();
        for (argument, found) in [
            ("the network's output", self.scaling.targets.columns()),
            ("shares", self.shares.len()),
        ] {
            check_columns(argument, targets, found)?;
        }
        self.population.check(features, targets)?;
        check_finite("shares", self.shares.view().insert_axis(Axis(0)))
    }
}

impl ImplicitModel {
    pub(crate) fn new(
        family: Family,
        scaling: Scaling,
        population: ConstantCoefficients,
        network: &Plain,
        report: FitReport,
    ) -> Result<Self> {
        Ok(Self {
            family,
            shares: Array1::ones(scaling.targets.columns()),
            scaling,
            population,
            network: network.to_weights()?,
            report,
        })
    }

    /// Why training stopped, after how many epochs, and the mean loss it reached on the rows trained
    /// on, in units of training.
    pub fn report(&self) -> &FitReport {
        &self.report
    }

    /// The share of what the network adds to the population fit that is kept, one per target: 0 makes
    /// the model the population's, 1 the network alone.
    pub fn shares(&self) -> ArrayView1<'_, f64> {
        self.shares.view()
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
        .in_units(&self.scaling, self.shares.view())
    }

    fn network(&self) -> Result<Plain> {
        Plain::from_weights(
            &self.network,
            self.scaling.contexts.columns(),
            self.scaling.features.columns(),
        )
    }

    /// What the model says of rows it has not seen, in units of training.
    pub(crate) fn held_out(&self, samples: &Samples) -> Result<HeldOutDeviation> {
        let (contexts, features) = self.scaled(samples.contexts(), samples.features())?;
        let output = predictor(&self.network()?, contexts.view(), features.view())?;
        let base = self.population.linear_predictor(features.view())?;
        Ok(HeldOutDeviation {
            targets: self.scaling.targets.apply(samples.targets())?,
            deviation: output - &base,
            base,
        })
    }

    /// Contexts and features in units of training.
    fn scaled(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<(Array2<f64>, Array2<f64>)> {
        let (of_contexts, of_features) = (&self.scaling.contexts, &self.scaling.features);
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
        let of_network = jacobian(&self.network()?, contexts.view(), features.view())?;
        let population = self.population.at(contexts.nrows())?;
        let rest = 1.0 - &self.shares;
        let per_target = |values: &Array1<f64>| values.clone().insert_axis(Axis(1));
        Coefficients::new(
            &of_network.slopes() * &per_target(&self.shares)
                + &population.slopes() * &per_target(&rest),
            &of_network.intercepts() * &self.shares + &population.intercepts() * &rest,
        )?
        .to_original_units(&self.scaling.features, &self.scaling.targets)
    }

    fn family(&self) -> Family {
        self.family
    }

    /// One forward pass: the local model is exact at its point, so no derivative is needed.
    fn linear_predictor(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        let (contexts, features) = self.scaled(contexts, features)?;
        let output = predictor(&self.network()?, contexts.view(), features.view())?;
        let population = self.population.linear_predictor(features.view())?;
        let shrunken = output * &self.shares + population * &(1.0 - &self.shares);
        self.scaling.targets.invert(shrunken.view())
    }
}
