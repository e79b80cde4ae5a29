//! The fitted model: plain numbers, serialised as they are.

use contextualized_core::validate::{
    check_columns, check_finite, check_query, check_rows, check_table,
};
use contextualized_core::{
    Checked, Coefficients, Error, Family, FitReport, LocalCoefficients, Result, Samples, Scaling,
    VaryingCoefficients, WithArchetypes, checked_serde,
};
use contextualized_encoders::{
    AnyHead, CoefficientNetwork, ConstantCoefficients, Encoder, EncoderKind, EncoderLink,
    EncoderSettings, HeldOutDeviation, Parameterization, StoredNetwork,
};
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

/// A fitted contextualized regression.
///
/// Reloaded through serde it predicts the same bits; numbers that contradict each other are
/// refused. One with an encoder of your own is reloaded as `NeuralModel` of its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct NeuralModel<E = EncoderKind> {
    pub(super) family: Family,
    pub(super) scaling: Scaling,
    /// In units of training.
    pub(super) population: ConstantCoefficients,
    pub(super) deviation: StoredNetwork<E>,
    /// Mean code of each context column over the training rows, for an encoder that is a sum of them.
    pub(super) centers: Option<Array2<f64>>,
    /// The share of the deviation that is kept, per target.
    pub(super) shares: Array1<f64>,
    pub(super) report: FitReport,
}

checked_serde!(NeuralModel<E: EncoderSettings>);

/// Mean code of each context column over standardised rows, for an encoder that is a sum of them.
pub(super) fn mean_codes(
    encoder: &impl Encoder<usize, usize>,
    contexts: ArrayView2<'_, f64>,
) -> Result<Option<Array2<f64>>> {
    let columns = contexts.columns().into_iter().enumerate();
    let centers = columns
        .map(|(column, values)| {
            let codes = encoder.column_codes(column, values)?;
            Ok(codes.and_then(|codes| codes.mean_axis(Axis(0))))
        })
        .collect::<Result<Option<Vec<_>>>>()?;
    Ok(centers.map(|centers| {
        let code = encoder.code_width();
        Array2::from_shape_fn((centers.len(), code), |(column, k)| centers[column][k])
    }))
}

impl<E: EncoderSettings> NeuralModel<E> {
    /// Why training stopped, after how many epochs, and the mean loss it reached on the rows trained
    /// on: the squared error of standardised targets, or minus the log-likelihood of those of other
    /// families.
    pub fn report(&self) -> &FitReport {
        &self.report
    }

    /// The share of the learned deviation from the population that is kept, one per target: 0 makes
    /// the model the population's, 1 keeps all that was learned.
    pub fn shares(&self) -> ArrayView1<'_, f64> {
        self.shares.view()
    }

    /// What one context column adds to every coefficient, as a function of its values: the shape
    /// function of an additive encoder, in the users' units, with mean zero over the training rows.
    ///
    /// One row of coefficients per value. Coefficients at a context are a constant plus the shape
    /// functions of its columns.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for an encoder that is not additive or has a link, or a column
    /// there is not; [`Error::NotFinite`].
    pub fn shape_function(
        &self,
        column: usize,
        values: ArrayView1<'_, f64>,
    ) -> Result<Coefficients> {
        let Some(centers) = &self.centers else {
            return Err(not_additive());
        };
        if column >= centers.nrows() {
            return Err(Error::invalid_parameter(
                "column",
                column,
                format!("below the number of context columns, {}", centers.nrows()),
            ));
        }
        check_finite("values", values.insert_axis(Axis(0)))?;
        let standardized = self.scaling.contexts.apply_to_column(column, values);
        let network = self.deviation.network()?;
        let codes = network
            .encoder()
            .column_codes(column, standardized.view())?
            .ok_or_else(not_additive)?
            - centers.row(column);
        let (slopes, intercepts) = self.shared(network.coefficients_of_codes(codes.view())?);
        Coefficients::new(slopes, intercepts)?.to_original_units(
            &self.scaling.features,
            &self.scaling.targets.clone().without_centering(),
        )
    }

    /// What the model says of rows it has not seen, in units of training.
    pub(crate) fn held_out(&self, samples: &Samples) -> Result<HeldOutDeviation> {
        let features = self.scaling.features.apply(samples.features())?;
        let deviation = self.deviations(samples.contexts())?;
        Ok(HeldOutDeviation {
            targets: self.scaling.targets.apply(samples.targets())?,
            base: self.population.linear_predictor(features.view())?,
            deviation: deviation.linear_predictor(features.view())?,
        })
    }

    /// What the network says, in units of training.
    fn deviations(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        let contexts = self.scaling.contexts.apply_to_contexts(contexts)?;
        self.deviation.network()?.coefficients_at(contexts.view())
    }

    /// Whether archetypes are mixed by weights that sum to one, so that the population's model can be
    /// a part of each.
    fn mixes_whole_models(&self) -> bool {
        self.deviation.settings().link == EncoderLink::Softmax
    }

    /// The network, of a model that mixes archetypes.
    fn mixing_network(&self) -> Result<CoefficientNetwork<E::Encoder>> {
        let network = self.deviation.network()?;
        match network.head().head() {
            AnyHead::Archetypes(_) | AnyHead::Factors(_) => Ok(network),
            AnyHead::Direct(_) => Err(Error::invalid_parameter(
                "parameterization",
                "direct",
                "archetypes, for a model that mixes them",
            )),
        }
    }

    /// Keeps each target's share of a deviation.
    fn shared(&self, deviation: Coefficients) -> (Array3<f64>, Array2<f64>) {
        let per_target = self.shares.view().insert_axis(Axis(1));
        (
            &deviation.slopes() * &per_target,
            &deviation.intercepts() * &self.shares,
        )
    }
}

fn not_additive() -> Error {
    Error::invalid_parameter(
        "encoder",
        "not additive, or has a link",
        "additive, with the identity link, to have shape functions",
    )
}

impl<E: EncoderSettings> Checked for NeuralModel<E> {
    fn check(&self) -> Result<()> {
        let (contexts, features, targets) = self.deviation.widths();
        check_columns("context scaling", contexts, self.scaling.contexts.columns())?;
        check_columns("feature scaling", features, self.scaling.features.columns())?;
        check_columns("target scaling", targets, self.scaling.targets.columns())?;
        check_columns("shares", targets, self.shares.len())?;
        self.population.check(features, targets)?;
        check_finite("shares", self.shares.view().insert_axis(Axis(0)))?;
        let network = self.deviation.network()?;
        if let Some(centers) = &self.centers {
            let code = network.encoder().code_width();
            check_table("centers", centers.view(), Some(code))?;
            check_rows("centers", contexts, centers.nrows())?;
        }
        Ok(())
    }
}

impl<E: EncoderSettings> VaryingCoefficients for NeuralModel<E> {
    fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        let (mut slopes, mut intercepts) = self.shared(self.deviations(contexts)?);
        slopes += &self.population.slopes;
        intercepts += &self.population.intercepts;
        Coefficients::new(slopes, intercepts)?
            .to_original_units(&self.scaling.features, &self.scaling.targets)
    }
}

/// With a softmax link archetypes are models in themselves; with another one they are deviations from
/// the population's. Either way they hold the share that is kept of what was learned.
impl<E: EncoderSettings> WithArchetypes for NeuralModel<E> {
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] when the encoder gives the coefficients directly;
    /// [`Error::NotFinite`] when one overflows in the users' units.
    fn archetypes(&self) -> Result<Coefficients> {
        let (mut slopes, mut intercepts) = self.shared(self.mixing_network()?.archetypes()?);
        let features = &self.scaling.features;
        let targets = &self.scaling.targets;
        if !self.mixes_whole_models() {
            return Coefficients::new(slopes, intercepts)?
                .to_original_units(features, &targets.clone().without_centering());
        }
        slopes += &self.population.slopes;
        intercepts += &self.population.intercepts;
        Coefficients::new(slopes, intercepts)?.to_original_units(features, targets)
    }

    fn archetype_base(&self) -> Result<Option<Coefficients>> {
        self.mixing_network()?;
        if self.mixes_whole_models() {
            return Ok(None);
        }
        self.population
            .at(1)?
            .to_original_units(&self.scaling.features, &self.scaling.targets)
            .map(Some)
    }

    fn archetype_weights(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let network = self.mixing_network()?;
        network.codes_at(self.scaling.contexts.apply_to_contexts(contexts)?.view())
    }
}

impl<E: EncoderSettings> LocalCoefficients for NeuralModel<E> {
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        check_query(
            contexts,
            self.scaling.contexts.columns(),
            features,
            self.scaling.features.columns(),
        )?;
        self.coefficients(contexts)
    }

    fn family(&self) -> Family {
        self.family
    }

    fn as_varying(&self) -> Option<&dyn VaryingCoefficients> {
        Some(self)
    }

    fn as_archetypes(&self) -> Option<&dyn WithArchetypes> {
        match self.deviation.settings().head {
            Parameterization::Direct => None,
            Parameterization::Archetypes(_) | Parameterization::Factors { .. } => Some(self),
        }
    }
}
