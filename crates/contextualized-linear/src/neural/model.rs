//! The fitted model: plain numbers, serialised as they are.

use crate::neural::encoder::{AnyEncoder, EncoderWeights};
use crate::neural::head::{AnyHead, HeadWeights};
use contextualized_baselines::PopulationModel;
use contextualized_core::validate::{check_finite, check_query, check_table};
use contextualized_core::{
    Coefficients, Error, FitReport, Link, LocalCoefficients, Result, Samples, Scaling,
    VaryingCoefficients, WithArchetypes,
};
use contextualized_encoders::{Contextualized, Encoder, EncoderLink, Linked, Network};
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Encoder and head with run-time widths.
pub(crate) type RegressionNetwork =
    Contextualized<usize, usize, usize, usize, Linked<AnyEncoder>, AnyHead>;

/// A fitted contextualized regression.
///
/// Reloaded through serde it predicts the same bits; numbers that contradict each other are
/// refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct NeuralModel {
    link: Link,
    scaling: Scaling,
    /// The population's slopes (targets × features) and offsets (targets), in units of training.
    population: (Array2<f64>, Array1<f64>),
    deviation: Deviation,
    /// The share of the deviation that is kept, per target.
    shares: Array1<f64>,
    report: FitReport,
}

/// What a file may hold, before it is checked.
#[derive(Deserialize)]
struct Unchecked {
    link: Link,
    scaling: Scaling,
    population: (Array2<f64>, Array1<f64>),
    deviation: Deviation,
    shares: Array1<f64>,
    report: FitReport,
}

/// The trained network's numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Deviation {
    encoder: EncoderWeights,
    link: EncoderLink,
    head: HeadWeights,
    /// Mean code of each sub-network over the training rows, for an additive encoder.
    centers: Option<Array2<f64>>,
}

/// Rows encoded at once, in parallel over blocks; fixed, so that results do not depend on the
/// number of threads.
const BLOCK: usize = 1024;

impl Deviation {
    /// Takes the numbers out of a network that was trained on these contexts, standardised.
    pub(crate) fn new(
        network: &RegressionNetwork,
        link: EncoderLink,
        contexts: ArrayView2<'_, f64>,
    ) -> Result<Self> {
        let encoder = network.encoder().encoder();
        let centers = match encoder {
            AnyEncoder::Additive(additive) if link == EncoderLink::Identity => {
                let mut centers = Array2::zeros((contexts.ncols(), encoder.code_width()));
                for (column, mut center) in centers.rows_mut().into_iter().enumerate() {
                    let codes = additive.column_codes(column, contexts.column(column))?;
                    center.assign(&(codes.sum_axis(Axis(0)) / contexts.nrows() as f64));
                }
                Some(centers)
            }
            _ => None,
        };
        Ok(Self {
            encoder: encoder.to_weights()?,
            link,
            head: network.head().to_weights()?,
            centers,
        })
    }

    fn network(&self) -> Result<RegressionNetwork> {
        Contextualized::new(
            AnyEncoder::from_weights(&self.encoder)?.linked(self.link),
            AnyHead::from_weights(&self.head)?,
        )
    }
}

impl NeuralModel {
    pub(crate) fn new(
        scaling: Scaling,
        population: &PopulationModel,
        deviation: Deviation,
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
            deviation,
            report,
        })
    }

    pub(crate) fn with_shares(mut self, shares: Array1<f64>) -> Self {
        self.shares = shares;
        self
    }

    /// Why training stopped, after how many epochs, and the mean loss it reached on the rows trained
    /// on: the squared error of standardised targets, or minus the log-likelihood of binary ones.
    pub fn report(&self) -> &FitReport {
        &self.report
    }

    /// The share of the learned deviation from the population that is kept, one per target: 0 makes
    /// the model the population's, 1 keeps all that was learned.
    pub fn shares(&self) -> ArrayView1<'_, f64> {
        self.shares.view()
    }

    /// Whether each context column has any influence; the context lasso switches columns off.
    ///
    /// # Errors
    ///
    /// [`Error::Numerical`] when memory runs out.
    pub fn used_contexts(&self) -> Result<Vec<bool>> {
        let norms = self.deviation.network()?.encoder().column_norms();
        Ok(norms.into_iter().map(|norm| norm > 0.0).collect())
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
        let network = self.deviation.network()?;
        let (AnyEncoder::Additive(encoder), Some(centers)) =
            (network.encoder().encoder(), &self.deviation.centers)
        else {
            return Err(Error::invalid_parameter(
                "encoder",
                "not additive, or has a link",
                "additive, with the identity link, to have shape functions",
            ));
        };
        if column >= centers.nrows() {
            return Err(Error::invalid_parameter(
                "column",
                column,
                format!("below the number of context columns, {}", centers.nrows()),
            ));
        }
        check_finite("values", values.insert_axis(Axis(0)))?;
        let scaling = &self.scaling.contexts;
        let standardized =
            values.mapv(|value| (value - scaling.centers()[column]) / scaling.scales()[column]);
        let codes = encoder.column_codes(column, standardized.view())? - centers.row(column);
        let (slopes, offsets) = self.shared(network.coefficients_of_codes(codes.view())?);
        Coefficients::new(slopes, offsets)?.to_original_units(
            &self.scaling.features,
            &self.scaling.targets.clone().without_centering(),
        )
    }

    pub(crate) fn scaling(&self) -> &Scaling {
        &self.scaling
    }

    /// The population's linear predictor and the whole deviation from it, in units of training.
    pub(crate) fn predictors(&self, samples: &Samples) -> Result<(Array2<f64>, Array2<f64>)> {
        let features = self.scaling.features.apply(samples.features())?;
        let (slopes, offsets) = &self.population;
        let base = Coefficients::constant(slopes.view(), offsets.view(), samples.rows())?;
        let (slopes, offsets) = self.deviations(samples.contexts())?;
        let deviation = Coefficients::new(slopes, offsets)?;
        Ok((
            base.linear_predictor(features.view())?,
            deviation.linear_predictor(features.view())?,
        ))
    }

    /// The whole deviation of slopes and offsets, in units of training.
    fn deviations(&self, contexts: ArrayView2<'_, f64>) -> Result<(Array3<f64>, Array2<f64>)> {
        let network = self.deviation.network()?;
        let rows = contexts.nrows();
        let (_, features, targets) = network.widths();
        let standardized = self.standardized(contexts)?;
        let mut slopes = Array3::zeros((rows, targets, features));
        let mut offsets = Array2::zeros((rows, targets));
        let blocks: Vec<_> = standardized
            .axis_chunks_iter(Axis(0), BLOCK)
            .zip(slopes.axis_chunks_iter_mut(Axis(0), BLOCK))
            .zip(offsets.axis_chunks_iter_mut(Axis(0), BLOCK))
            .collect();
        blocks
            .into_par_iter()
            .try_for_each(|((contexts, mut slopes), mut offsets)| {
                let block = network.coefficients_at(contexts)?;
                slopes.assign(&block.slopes());
                offsets.assign(&block.offsets());
                Ok(())
            })?;
        Ok((slopes, offsets))
    }

    fn standardized(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        check_table("contexts", contexts, Some(self.scaling.contexts.columns()))?;
        let standardized = self.scaling.contexts.apply(contexts)?;
        check_finite("contexts, standardised,", standardized.view())?;
        Ok(standardized)
    }

    /// Whether archetypes are mixed by weights that sum to one, so that the population's model can be
    /// a part of each.
    fn mixes_whole_models(&self) -> bool {
        self.deviation.link == EncoderLink::Softmax
    }

    /// The network, of a model that mixes archetypes.
    fn mixing_network(&self) -> Result<RegressionNetwork> {
        let network = self.deviation.network()?;
        match network.head() {
            AnyHead::Archetypes(_) => Ok(network),
            AnyHead::Direct { .. } => Err(Error::invalid_parameter(
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
            &deviation.offsets() * &self.shares,
        )
    }
}

impl TryFrom<Unchecked> for NeuralModel {
    type Error = Error;

    fn try_from(file: Unchecked) -> Result<Self> {
        let (contexts, features, targets) = file.deviation.network()?.widths();
        let (slopes, offsets) = &file.population;
        for (argument, expected, found) in [
            ("context scaling", contexts, file.scaling.contexts.columns()),
            ("feature scaling", features, file.scaling.features.columns()),
            ("target scaling", targets, file.scaling.targets.columns()),
            ("population slopes", targets, slopes.nrows()),
            ("population slopes", features, slopes.ncols()),
            ("population offsets", targets, offsets.len()),
            ("shares", targets, file.shares.len()),
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
        check_finite("shares", file.shares.view().insert_axis(Axis(0)))?;
        if let Some(centers) = &file.deviation.centers {
            check_table("centers", centers.view(), None)?;
            let code = file.deviation.network()?.encoder().code_width();
            if centers.dim() != (contexts, code) {
                return Err(Error::ColumnCount {
                    argument: "centers",
                    expected: contexts * code,
                    found: centers.len(),
                });
            }
        }
        Ok(Self {
            link: file.link,
            scaling: file.scaling,
            population: file.population,
            deviation: file.deviation,
            shares: file.shares,
            report: file.report,
        })
    }
}

impl VaryingCoefficients for NeuralModel {
    fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
        let (slopes, offsets) = self.deviations(contexts)?;
        let (mut slopes, mut offsets) = self.shared(Coefficients::new(slopes, offsets)?);
        slopes += &self.population.0;
        offsets += &self.population.1;
        Coefficients::new(slopes, offsets)?
            .to_original_units(&self.scaling.features, &self.scaling.targets)
    }
}

/// With a softmax link archetypes are models in themselves; with another one they are deviations from
/// the population's. Either way they hold the share that is kept of what was learned.
impl WithArchetypes for NeuralModel {
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] when the encoder gives the coefficients directly;
    /// [`Error::NotFinite`] when one overflows in the users' units.
    fn archetypes(&self) -> Result<Coefficients> {
        let (mut slopes, mut offsets) = self.shared(self.mixing_network()?.archetypes()?);
        let features = &self.scaling.features;
        let targets = &self.scaling.targets;
        if !self.mixes_whole_models() {
            return Coefficients::new(slopes, offsets)?
                .to_original_units(features, &targets.clone().without_centering());
        }
        slopes += &self.population.0;
        offsets += &self.population.1;
        Coefficients::new(slopes, offsets)?.to_original_units(features, targets)
    }

    fn archetype_base(&self) -> Result<Option<Coefficients>> {
        self.mixing_network()?;
        if self.mixes_whole_models() {
            return Ok(None);
        }
        let (slopes, offsets) = &self.population;
        Coefficients::constant(slopes.view(), offsets.view(), 1)?
            .to_original_units(&self.scaling.features, &self.scaling.targets)
            .map(Some)
    }

    fn archetype_weights(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let network = self.mixing_network()?;
        let standardized = self.standardized(contexts)?;
        let blocks: Vec<_> = standardized.axis_chunks_iter(Axis(0), BLOCK).collect();
        let codes = blocks
            .into_par_iter()
            .map(|contexts| network.codes_at(contexts))
            .collect::<Result<Vec<_>>>()?;
        let mut weights = Array2::zeros((contexts.nrows(), network.encoder().code_width()));
        for (mut rows, codes) in weights.axis_chunks_iter_mut(Axis(0), BLOCK).zip(&codes) {
            rows.assign(codes);
        }
        Ok(weights)
    }
}

impl LocalCoefficients for NeuralModel {
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

    fn link(&self) -> Link {
        self.link
    }
}
