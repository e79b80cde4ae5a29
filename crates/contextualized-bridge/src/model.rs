//! The fitted network: plain numbers, serialised as they are.

use crate::closed_form::ClosedForm;
use crate::jacobian::{jacobian, predictor};
use crate::plain::Plain;
use crate::sensitivities::{CoefficientChanges, ContextSensitivities};
use contextualized_baselines::PopulationModel;
use contextualized_core::validate::{check_finite, check_query};
use contextualized_core::{
    Coefficients, Error, FitReport, Link, LocalCoefficients, Result, Samples, Scaling,
};
use contextualized_encoders::{MlpWeights, Network};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
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
    /// Slopes (targets × features) and offsets in units of training.
    population: (Array2<f64>, Array1<f64>),
    network: MlpWeights,
    /// Of what the network adds to the population's predictor, per target.
    shares: Array1<f64>,
    report: FitReport,
}

/// What a file may hold, before it is checked.
#[derive(Deserialize)]
struct Unchecked {
    link: Link,
    scaling: Scaling,
    /// Slopes (targets × features) and offsets in units of training.
    population: (Array2<f64>, Array1<f64>),
    network: MlpWeights,
    /// Of what the network adds to the population's predictor, per target.
    shares: Array1<f64>,
    report: FitReport,
}

impl TryFrom<Unchecked> for ImplicitModel {
    type Error = Error;

    fn try_from(file: Unchecked) -> Result<Self> {
        let model = Self {
            link: file.link,
            scaling: file.scaling,
            population: file.population,
            network: file.network,
            shares: file.shares,
            report: file.report,
        };
        let (_, features, targets) = model.network()?.widths();
        let (slopes, offsets) = &model.population;
        let scaled = model.scaling.targets.columns();
        for (argument, expected, found) in [
            ("the network's output", scaled, targets),
            ("population slopes", targets, slopes.nrows()),
            ("population slopes", features, slopes.ncols()),
            ("population offsets", targets, offsets.len()),
            ("shares", targets, model.shares.len()),
        ] {
            if expected != found {
                return Err(Error::ColumnCount {
                    argument,
                    expected,
                    found,
                });
            }
        }
        check_finite("population slopes", slopes.view())?;
        check_finite("population offsets", offsets.view().insert_axis(Axis(0)))?;
        check_finite("shares", model.shares.view().insert_axis(Axis(0)))?;
        Ok(model)
    }
}

impl ImplicitModel {
    pub(crate) fn new(
        scaling: Scaling,
        population: &PopulationModel,
        network: &Plain,
        report: FitReport,
    ) -> Result<Self> {
        Ok(Self {
            link: population.link(),
            shares: Array1::ones(scaling.targets.columns()),
            scaling,
            population: (
                population.slopes().to_owned(),
                population.offsets().to_owned(),
            ),
            network: network.to_weights()?,
            report,
        })
    }

    pub(crate) fn with_shares(mut self, shares: Array1<f64>) -> Self {
        self.shares = shares;
        self
    }

    pub(crate) fn scaling(&self) -> &Scaling {
        &self.scaling
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

    /// The population's linear predictor and what the network adds to it, in units of training.
    pub(crate) fn predictors(&self, samples: &Samples) -> Result<(Array2<f64>, Array2<f64>)> {
        let (contexts, features) = self.scaled(samples.contexts(), samples.features())?;
        let output = predictor(&self.network()?, contexts.view(), features.view())?;
        let base = self
            .of_population(samples.rows())?
            .linear_predictor(features.view())?;
        let deviation = output - &base;
        Ok((base, deviation))
    }

    fn of_population(&self, rows: usize) -> Result<Coefficients> {
        let (slopes, offsets) = &self.population;
        Coefficients::constant(slopes.view(), offsets.view(), rows)
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
        let of_network = jacobian(&self.network()?, contexts.view(), features.view())?;
        let population = self.of_population(contexts.nrows())?;
        let rest = 1.0 - &self.shares;
        let per_target = |values: &Array1<f64>| values.clone().insert_axis(Axis(1));
        Coefficients::new(
            &of_network.slopes() * &per_target(&self.shares)
                + &population.slopes() * &per_target(&rest),
            &of_network.offsets() * &self.shares + &population.offsets() * &rest,
        )?
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
        let population = self
            .of_population(contexts.nrows())?
            .linear_predictor(features.view())?;
        let shrunken = output * &self.shares + population * &(1.0 - &self.shares);
        let predictor = self.scaling.targets.invert(shrunken.view())?;
        Ok(self.link.inverse_table(predictor.view()))
    }
}
