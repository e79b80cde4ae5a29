//! The estimator: settings, and how they become a fitted model.

use super::model::GaussianProcessModel;
use contextualized_core::{
    Estimator, Family, RegressionEstimator, RegressionSettings, Result, Samples, Scaling,
    normalized_weights,
};
use contextualized_gp::{
    CoefficientProcess, Hyperparameters, Kernel, KernelShape, Observations, Priors, Sharing, Size,
};
use ndarray::{Array1, Array2, ArrayView1, Axis, concatenate};
use std::borrow::Cow;

/// Contextualized regression with a Gaussian-process prior on the coefficient functions.
///
/// ```text
/// ℓ(E[y | x, c]) = B(c) x + m(c)
/// every entry of B and m:  βⱼ(c) = bⱼ + Σₜ gⱼₜ(c),  p(bⱼ) ∝ 1,  gⱼₜ ~ GP(0, sⱼₜ² kₜ(c, c'))
/// ```
///
/// Contexts that are alike by the kernel have coefficients that are alike. How alike, in which
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
/// | priors | weak | see [`Priors`] |
/// | hyperparameters | estimated | or given |
/// | their uncertainty | in every interval | or not |
/// | size | exact or by a basis, as the rows say | see [`Size`] |
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
    sharing: Sharing,
    priors: Priors,
    size: Size,
    hyperparameters: Option<Hyperparameters>,
    plug_in: bool,
    tolerance: Option<f64>,
    max_iterations: Option<usize>,
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
            sharing: Sharing::Auto,
            priors: Priors::default(),
            size: Size::Auto,
            hyperparameters: None,
            plug_in: false,
            tolerance: None,
            max_iterations: None,
        }
    }
}

impl GaussianProcessRegression {
    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// One kernel of this family on all contexts: any function of them, interactions included.
    pub fn joint(mut self, family: KernelShape) -> Self {
        self.structure = Structure::Joint(family);
        self
    }

    /// A sum of one kernel of this family for each context: effects of the contexts add up, and
    /// each has a [`GaussianProcessModel::partial_effect`].
    pub fn additive(mut self, family: KernelShape) -> Self {
        self.structure = Structure::Additive(family);
        self
    }

    /// An additive kernel, and a product for each pair of contexts.
    pub fn additive_with_interactions(mut self, family: KernelShape) -> Self {
        self.structure = Structure::Interactions(family);
        self
    }

    /// This kernel, whose columns are the contexts'. Periods are in the contexts' units.
    pub fn kernel(mut self, kernel: Kernel) -> Self {
        self.structure = Structure::Given(kernel);
        self
    }

    /// The family of the targets.
    pub fn family(mut self, family: Family) -> Self {
        self.family = family;
        self
    }

    /// Whether the model has an offset m(c); without one, the linear predictor is zero where
    /// features are.
    pub fn intercept(mut self, intercept: bool) -> Self {
        self.intercept = intercept;
        self
    }

    /// Whether coefficients have their length scales in common.
    pub fn sharing(mut self, sharing: Sharing) -> Self {
        self.sharing = sharing;
        self
    }

    /// Priors on the hyperparameters, in units of standardised data.
    pub fn priors(mut self, priors: Priors) -> Self {
        self.priors = priors;
        self
    }

    /// How rows are dealt with.
    pub fn size(mut self, size: Size) -> Self {
        self.size = size;
        self
    }

    /// These hyperparameters, known, in units of standardised data, the noise being that of a row of
    /// weight one: nothing is estimated but the
    /// coefficients. [`GaussianProcessModel::hyperparameters`] of another fit are an example.
    pub fn hyperparameters(mut self, hyperparameters: Hyperparameters) -> Self {
        self.hyperparameters = Some(hyperparameters);
        self
    }

    /// Intervals as if the estimated hyperparameters were known: faster, and too narrow with few
    /// rows.
    pub fn plug_in(mut self) -> Self {
        self.plug_in = true;
        self
    }

    /// The gain in the logarithm of the hyperparameters' posterior below which their search stops;
    /// the default is that of [`CoefficientProcess`].
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = Some(tolerance);
        self
    }

    /// The most iterations of one search.
    pub fn max_iterations(mut self, max_iterations: usize) -> Self {
        self.max_iterations = Some(max_iterations);
        self
    }

    fn process(&self, contexts: usize, scaling: &Scaling) -> CoefficientProcess {
        let kernel = match &self.structure {
            Structure::Joint(family) => Kernel::new(*family, 0..contexts),
            Structure::Additive(family) => Kernel::additive(*family, contexts),
            Structure::Interactions(family) => {
                Kernel::additive(*family, contexts).with_interactions()
            }
            Structure::Given(kernel) => kernel.clone(),
        };
        let scales = scaling.contexts.scales().to_vec();
        let mut process = CoefficientProcess::new(kernel.rescaled(&scales))
            .family(self.family)
            .sharing(self.sharing)
            .priors(self.priors)
            .size(self.size);
        if self.plug_in {
            process = process.plug_in();
        }
        if let Some(tolerance) = self.tolerance {
            process = process.tolerance(tolerance);
        }
        if let Some(max_iterations) = self.max_iterations {
            process = process.max_iterations(max_iterations);
        }
        process
    }
}

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
        let samples = samples.rows_that_count()?;
        self.family.check(&samples)?;
        let samples = with_known_terms(samples, self.family)?;
        let mut scaling = Scaling::fit(&samples)?;
        if !self.intercept {
            scaling = scaling.without_offset();
        }
        if !self.family.is_quadratic() {
            scaling = scaling.with_raw_targets();
        }
        let standardized = scaling.apply(&samples)?;
        let rows = samples.rows();
        let ones = Array2::ones((rows, usize::from(self.intercept)));
        let design = concatenate(Axis(1), &[standardized.features(), ones.view()])
            .expect("features and ones have the same rows");
        let weights = row_weights(&samples, self.family)?;
        let mean_weight = mean_weight(&samples, self.family);
        let mut process = self.process(samples.contexts().ncols(), &scaling);
        if let Some(known) = &self.hyperparameters {
            process = process.hyperparameters(with_noise_times(known, mean_weight.sqrt().recip()));
        }
        let rows = Observations::new(
            standardized.contexts(),
            design.view(),
            standardized.targets(),
        );
        let process = process.fit(
            rows.with_weights(weights.as_ref().map(|weights| weights.view()))
                .with_offsets(known_terms(&samples, self.family)),
        )?;
        GaussianProcessModel::new(
            self.family,
            self.intercept,
            scaling,
            samples.names().clone(),
            process,
            mean_weight,
            standardized.contexts(),
        )
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
}

/// The most contexts for which a kernel of each is among the candidates: with more its fits take long,
/// and seldom predict better than one kernel of all contexts.
const MAX_ADDITIVE_CONTEXTS: usize = 8;

/// The same samples, offsets taken from the targets where that is all they are: the process then sees
/// targets of unit scale.
pub(super) fn with_known_terms(
    samples: Cow<'_, Samples>,
    family: Family,
) -> Result<Cow<'_, Samples>> {
    if !family.is_quadratic() || samples.offsets().is_none() {
        return Ok(samples);
    }
    let targets = samples.targets_without_offsets();
    Ok(Cow::Owned(samples.replace_targets(targets.view())?))
}

/// Offsets that are not taken from the targets.
pub(super) fn known_terms(samples: &Samples, family: Family) -> Option<ArrayView1<'_, f64>> {
    samples.offsets().filter(|_| !family.is_quadratic())
}

/// Weights as the process takes them: of mean one where there is noise, since its search expects data
/// of unit scale. The noise is then that of a row of average weight.
pub(super) fn row_weights(samples: &Samples, family: Family) -> Result<Option<Array1<f64>>> {
    match samples.weights() {
        Some(weights) if family.has_dispersion() => {
            normalized_weights(Some(weights), samples.rows()).map(Some)
        }
        weights => Ok(weights.map(|weights| weights.to_owned())),
    }
}

/// What turns the variance of the noise of a row of average weight into that of a row of weight one.
fn mean_weight(samples: &Samples, family: Family) -> f64 {
    let weights = samples.weights().filter(|_| family.has_dispersion());
    weights.and_then(|weights| weights.mean()).unwrap_or(1.0)
}

/// The same hyperparameters with another unit of noise.
pub(super) fn with_noise_times(hyperparameters: &Hyperparameters, factor: f64) -> Hyperparameters {
    Hyperparameters {
        noise: hyperparameters.noise * factor,
        ..hyperparameters.clone()
    }
}
