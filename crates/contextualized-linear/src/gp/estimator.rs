//! The estimator: settings, and how they become a fitted model.

use super::model::{GaussianProcessModel, by_chance, with_noise_times};
use super::rows::{ScaledRows, with_known_terms};
use contextualized_baselines::PopulationRegression;
use contextualized_core::{
    ColumnNames, Estimator, Family, FittedPredictors, LocalCoefficients, RegressionEstimator,
    RegressionSettings, Result, Samples, Scaling, WithPredictions, typical_weight,
};
use contextualized_gp::{
    CoefficientProcess, Hyperparameters, Kernel, KernelShape, ProcessSettings, Sharing,
    process_setters,
};
use ndarray::Axis;

/// Contextualized regression with a Gaussian-process prior on the coefficient functions.
///
/// ```text
/// ℓ(E[y | x, c]) = B(c) x + m(c)
/// every entry of B and m:  βⱼ(c) = bⱼ + Σₜ gⱼₜ(c),  p(bⱼ) ∝ 1,  gⱼₜ ~ GP(0, sⱼₜ² kₜ(c, c'))
/// ```
///
/// Skewed contexts are transformed ([`Samples::warped_context_scaling`]), unless the kernel is given.
/// A factor among the contexts ([`Samples::with_factors`]) has a categorical kernel in the place of the shape,
/// with one length scale: its levels are equally unlike each other. Contexts that are alike by the kernel have
/// coefficients that are alike. How alike, in which
/// columns, and which coefficients vary at all is found by the marginal likelihood, whose priors
/// have their mode where nothing varies: a context of noise switches itself off. Coefficients come
/// with their posterior: intervals at any context, of predictions, and joint draws.
///
/// Contexts, features and targets are standardised on the rows fitted, and coefficients are mapped
/// back: they are per unit of the features in the data, on the link scale. Targets of other families
/// than the Gaussian stay as they are. Row weights are inverse variances, as in R's `lm` and mgcv, or,
/// for a family without dispersion, counts: at the same hyperparameters a row of weight 2 is two rows.
/// Offsets of the samples are known terms of the linear predictor.
/// Several targets have all hyperparameters in common but a variance of their own; targets that differ
/// in what drives them are better fitted one at a time.
///
/// | setting | default | range |
/// |---|---|---|
/// | kernel | squared exponential of all contexts | any [`Kernel`] |
/// | length scales | shared by the coefficients or one set for each, as the data say | see [`Sharing`] |
/// | family | Gaussian | any [`Family`]; all but the Gaussian by Laplace's approximation |
/// | intercept | yes | |
/// | priors | weak | see [`Priors`](contextualized_gp::Priors) |
/// | hyperparameters | estimated | or given |
/// | their uncertainty | in every interval | or not |
/// | size | exact or by a basis, as the rows say | see [`Size`](contextualized_gp::Size) |
///
/// After Hastie and Tibshirani, *Varying-Coefficient Models* (1993,
/// doi:10.1111/j.2517-6161.1993.tb01939.x), and Rasmussen and Williams, *Gaussian Processes for
/// Machine Learning* (2006, doi:10.7551/mitpress/3206.001.0001).
///
/// ```
/// use contextualized_core::{Estimator, Samples, VaryingCoefficients, WithUncertainty};
/// use contextualized_linear::GaussianProcessRegression;
/// use ndarray::{Array2, array};
///
/// // y = c x: the slope is the context.
/// let contexts = Array2::from_shape_fn((100, 1), |(i, _)| (i % 20) as f64 / 10.0 - 0.95);
/// let features = Array2::from_shape_fn((100, 1), |(i, _)| ((7 * i) % 11) as f64 - 5.0);
/// let targets = &contexts * &features;
/// let samples = Samples::new(contexts.view(), features.view(), targets.view())?;
///
/// let model = GaussianProcessRegression::new().fit(&samples)?;
/// let slopes = model.coefficients(array![[-0.5], [0.5]].view())?.slopes().to_owned();
/// assert!((slopes[[0, 0, 0]] + 0.5).abs() < 1e-3 && (slopes[[1, 0, 0]] - 0.5).abs() < 1e-3);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianProcessRegression {
    structure: Structure,
    family: Family,
    intercept: bool,
    hyperparameters: Option<Hyperparameters>,
    settings: ProcessSettings,
}

/// The kernel, once the number of contexts is known.
#[derive(Debug, Clone, PartialEq)]
enum Structure {
    Joint(KernelShape),
    Additive(KernelShape),
    Interactions(KernelShape),
    Given(Kernel),
}

impl Default for GaussianProcessRegression {
    fn default() -> Self {
        Self {
            structure: Structure::Joint(KernelShape::SquaredExponential),
            family: Family::default(),
            intercept: true,
            hyperparameters: None,
            settings: ProcessSettings::default(),
        }
    }
}

impl GaussianProcessRegression {
    process_setters!();

    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// One kernel of this shape on all contexts: any function of them, interactions included.
    pub fn joint(mut self, shape: KernelShape) -> Self {
        self.structure = Structure::Joint(shape);
        self
    }

    /// A sum of one kernel of this shape for each context: effects of the contexts add up, and
    /// each has a [`GaussianProcessModel::partial_effect`].
    pub fn additive(mut self, shape: KernelShape) -> Self {
        self.structure = Structure::Additive(shape);
        self
    }

    /// An additive kernel, and a product for each pair of contexts.
    pub fn additive_with_interactions(mut self, shape: KernelShape) -> Self {
        self.structure = Structure::Interactions(shape);
        self
    }

    /// This kernel, whose columns are the contexts'. Periods are in the contexts' units. A factor among the
    /// contexts has the number of its level in its first column, and zeros in the others.
    pub fn kernel(mut self, kernel: Kernel) -> Self {
        self.structure = Structure::Given(kernel);
        self
    }

    /// The family of the targets.
    pub fn family(mut self, family: Family) -> Self {
        self.family = family;
        self
    }

    /// Whether the model has an intercept m(c); without one, the linear predictor is zero where
    /// features are.
    pub fn intercept(mut self, intercept: bool) -> Self {
        self.intercept = intercept;
        self
    }

    /// These hyperparameters, known, in units of standardised data, the noise being that of a row of
    /// weight one: nothing is estimated but the
    /// coefficients. [`GaussianProcessModel::hyperparameters`] of another fit are an example.
    pub fn hyperparameters(mut self, hyperparameters: Hyperparameters) -> Self {
        self.hyperparameters = Some(hyperparameters);
        self
    }

    fn process(&self, names: &ColumnNames, scaling: &Scaling) -> CoefficientProcess {
        let variables = names.context_variables();
        let kernel = match &self.structure {
            Structure::Joint(shape) => Kernel::of_variables(*shape, &variables),
            Structure::Additive(shape) => Kernel::additive_of_variables(*shape, &variables),
            Structure::Interactions(shape) => {
                Kernel::additive_of_variables(*shape, &variables).with_interactions()
            }
            Structure::Given(kernel) => kernel.clone(),
        };
        let scales = scaling.contexts.scales().to_vec();
        CoefficientProcess::new(kernel.rescaled(&scales))
            .family(self.family)
            .settings(self.settings)
    }
}

/// The most rows for which quantiles are Student's: of more they are the normal distribution's to three digits.
const MOST_WITH_STUDENT: usize = 2000;

/// Contexts kept for averages over typical rows.
const TYPICAL: usize = 500;

impl Estimator for GaussianProcessRegression {
    type Model = GaussianProcessModel;

    fn name(&self) -> String {
        let mut settings = vec![match &self.structure {
            Structure::Joint(family) => family.to_string(),
            Structure::Additive(family) => format!("additive {family}"),
            Structure::Interactions(family) => format!("additive {family} with interactions"),
            Structure::Given(kernel) => format!("{} terms", kernel.terms().len()),
        }];
        settings.extend(self.family.qualifier().map(str::to_owned));
        for (set, name) in [
            (!self.intercept, "no intercept"),
            (self.hyperparameters.is_some(), "known hyperparameters"),
        ] {
            if set {
                settings.push(name.to_owned());
            }
        }
        format!("gp ({})", settings.join(", "))
    }

    /// # Errors
    ///
    /// [`contextualized_core::Error::InvalidParameter`] for a setting out of range or a kernel on a
    /// context that is not there; [`contextualized_core::Error::InvalidTarget`];
    /// [`contextualized_core::Error::Numerical`] and
    /// [`contextualized_core::Error::NotConverged`] if a solve fails;
    /// [`contextualized_core::Error::NotFinite`] for data whose units overflow.
    fn fit(&self, samples: &Samples) -> Result<GaussianProcessModel> {
        samples.check_contexts_alone("gp")?;
        if self.family.is_known() {
            return self.fit_known(samples);
        }
        let population = PopulationRegression::new()
            .intercept(self.intercept)
            .family(self.family);
        let start = population.known_family(samples)?;
        let rough = self.clone().plug_in();
        let tolerance = self.settings.tolerance.max(TOLERANCE_OF_PARTS);
        let rough = rough.tolerance(tolerance);
        let with_family = |family| rough.clone().family(family).fit_known(samples);
        let predictors = |model: &GaussianProcessModel| {
            let (contexts, features) = (samples.contexts(), samples.features());
            let known = model.predictor_distribution(contexts, features)?;
            Ok(FittedPredictors {
                means: known.means.index_axis_move(Axis(1), 0),
                deviations: Some(known.standard_errors.index_axis_move(Axis(1), 0)),
                coefficients: 0,
            })
        };
        let found = self.family.fit_with_shape(
            samples,
            Some(start),
            SHAPE_PRECISION,
            with_family,
            predictors,
        )?;
        self.clone().family(found.family()).fit_known(samples)
    }
}

/// The relative change of a family's shape that is too small to matter, and most fits until then.
const SHAPE_PRECISION: (f64, usize) = (0.02, 8);

impl GaussianProcessRegression {
    /// The fit where the family has no shape to be estimated.
    fn fit_known(&self, samples: &Samples) -> Result<GaussianProcessModel> {
        let samples = samples.rows_that_count()?;
        self.family.check_single(&samples)?;
        let samples = with_known_terms(samples, self.family)?;
        let mut scaling = Scaling::fit(&samples)?;
        // A kernel that was given is in units of the contexts as they are.
        if !matches!(self.structure, Structure::Given(_)) {
            scaling = scaling.with_warped_contexts(&samples)?;
        }
        if !self.intercept {
            scaling = scaling.without_intercept();
        }
        if !self.family.is_quadratic() {
            scaling = scaling.with_raw_targets();
        }
        let rows = ScaledRows::new(&samples, self.family, self.intercept, &scaling)?;
        let mean_weight = mean_weight(&samples, self.family);
        let mut process = self.process(samples.names(), &scaling);
        if let Some(known) = &self.hyperparameters {
            process = process.hyperparameters(with_noise_times(known, mean_weight.sqrt().recip()));
        }
        let process = process.fit(rows.observations())?;
        let residual_degrees = if samples.rows() <= MOST_WITH_STUDENT {
            process.residual_degrees(rows.observations())?
        } else {
            None
        };
        let typical = by_chance(samples.rows(), TYPICAL);
        Ok(GaussianProcessModel {
            family: self.family,
            intercept: self.intercept,
            scaling,
            names: samples.names().clone(),
            process,
            mean_weight,
            residual_degrees,
            typical: rows.contexts().select(Axis(0), &typical),
        })
    }
}

impl RegressionEstimator for GaussianProcessRegression {
    const KNOWS_DISPERSION: bool = true;

    fn with_settings(settings: &RegressionSettings) -> Self {
        Self::new()
            .family(settings.family)
            .intercept(settings.intercept)
    }

    fn candidates(settings: &RegressionSettings, contexts: usize) -> Vec<Self> {
        let joint = Self::with_settings(settings);
        let rough = joint.clone().joint(KernelShape::Matern32);
        if !(2..=MAX_ADDITIVE_CONTEXTS).contains(&contexts) {
            return vec![joint, rough];
        }
        // A coefficient has an amplitude for each context anyway.
        let additive = joint
            .clone()
            .additive(KernelShape::SquaredExponential)
            .sharing(Sharing::Shared);
        vec![joint, additive, rough]
    }

    /// At hyperparameters taken as known, of many rows near their mode: predictions are next to the same, and the
    /// search for the mode itself takes most of a fit. Of few rows it takes little, and they differ more.
    fn fit_part(&self, samples: &Samples) -> Result<GaussianProcessModel> {
        let part = self.clone().plug_in();
        if samples.rows() <= FEW_ROWS {
            return part.fit(samples);
        }
        let tolerance = self.settings.tolerance.max(TOLERANCE_OF_PARTS);
        part.tolerance(tolerance).fit(samples)
    }
}

/// Rows up to which the fit to a part of the rows goes on to the mode.
const FEW_ROWS: usize = 500;

/// The gain below which it ends for more.
const TOLERANCE_OF_PARTS: f64 = 0.1;

/// The most contexts for which a kernel of each is among the candidates: with more its fits take long,
/// and seldom predict better than one kernel of all contexts.
const MAX_ADDITIVE_CONTEXTS: usize = 8;

/// What turns the variance of the noise of a row of average weight into that of a row of weight one.
fn mean_weight(samples: &Samples, family: Family) -> f64 {
    let weights = samples.weights().filter(|_| family.has_dispersion());
    weights.map_or(1.0, typical_weight)
}
