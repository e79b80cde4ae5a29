//! The prior on coefficient functions: what is assumed, and how it is fitted.

use crate::engine::Engine;
use crate::fitted::{FittedProcess, ProcessReport, Uncertainty};
use crate::hyperparameters::{Hyperparameters, Layout};
use crate::kernel::Kernel;
use crate::observations::Observations;
use crate::optimise::Optimum;
use crate::priors::Priors;
use crate::search::Found;
use contextualized_core::{Error, Family, FitReport, Result, Termination};
use serde::{Deserialize, Serialize};

/// Whether coefficients have inverse length scales, and so length scales, in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sharing {
    /// One set for all coefficients.
    Shared,
    /// A set for each.
    PerCoefficient,
    /// A set for each where that raises the logarithm of the marginal likelihood by more than 1 for
    /// every inverse length scale it adds, not counting those next to zero or of coefficients that do not vary:
    /// Akaike's criterion.
    Auto,
}

/// How rows are dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Size {
    /// Up to [`CoefficientProcess::EXACT_ROWS`] rows: a basis where one of less than a third of the
    /// size of the rows reproduces the kernel to rounding, exact otherwise. Beyond: a basis. With a factor among
    /// the contexts, of which the basis has the others: level by level.
    Auto,
    /// The covariance of all rows, whatever their number.
    Exact,
    /// A basis of at most so many functions of the context for each term of the kernel.
    LowRank {
        /// The largest number of functions.
        functions: usize,
    },
}

/// How a process is fitted, whatever its kernel and outcome.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProcessSettings {
    /// Whether coefficients share inverse length scales.
    pub sharing: Sharing,
    /// Priors on hyperparameters.
    pub priors: Priors,
    /// How rows are dealt with.
    pub size: Size,
    /// Whether variances account for the uncertainty of estimated hyperparameters.
    pub uncertainty: bool,
    /// The gain in the logarithm of the posterior density below which a search stops. Up to the default, 0.01, it
    /// then goes on to the mode itself.
    pub tolerance: f64,
    /// The most iterations of one search.
    pub max_iterations: usize,
}

impl Default for ProcessSettings {
    fn default() -> Self {
        Self {
            sharing: Sharing::Auto,
            priors: Priors::default(),
            size: Size::Auto,
            uncertainty: true,
            tolerance: 1e-2,
            max_iterations: 200,
        }
    }
}

/// Setters of an estimator that has the field `settings`, a [`ProcessSettings`].
#[macro_export]
macro_rules! process_setters {
    () => {
        /// Whether coefficients have their length scales in common.
        pub fn sharing(mut self, sharing: $crate::Sharing) -> Self {
            self.settings.sharing = sharing;
            self
        }

        /// Priors on the hyperparameters, in the units of the fit.
        pub fn priors(mut self, priors: $crate::Priors) -> Self {
            self.settings.priors = priors;
            self
        }

        /// How rows are dealt with.
        pub fn size(mut self, size: $crate::Size) -> Self {
            self.settings.size = size;
            self
        }

        /// Variances as if the estimated hyperparameters were known: faster, and too small with few
        /// rows.
        pub fn plug_in(mut self) -> Self {
            self.settings.uncertainty = false;
            self
        }

        /// The gain in the logarithm of the hyperparameters' posterior density below which their
        /// search stops. Up to the default, 0.01, it then goes on to the mode itself.
        pub fn tolerance(mut self, tolerance: f64) -> Self {
            self.settings.tolerance = tolerance;
            self
        }

        /// The most iterations of one search.
        pub fn max_iterations(mut self, max_iterations: usize) -> Self {
            self.settings.max_iterations = max_iterations;
            self
        }
    };
}

/// A Gaussian-process prior on coefficient functions.
///
/// ```text
/// y ~ family with the linear predictor η = o + Σⱼ βⱼ(c) xⱼ,  o a known offset
/// βⱼ = bⱼ + Σₜ gⱼₜ,  bⱼ without a prior,  gⱼₜ ~ GP(0, sⱼₜ² kₜ(c, c'))
/// ```
///
/// The constants bⱼ have a flat prior, so that the generalised linear model is the case in which
/// nothing varies. Where the rows do not determine them (collinear columns of the design, no more
/// rows than columns, a target that the design separates) their prior is normal with a standard
/// deviation of ten.
///
/// Tables are in units in which contexts, design and targets have a scale of about one; an intercept
/// is a column of ones in the design.
///
/// | setting | default |
/// |---|---|
/// | family of the targets | Gaussian; of others Laplace's approximation |
/// | sharing of inverse length scales | [`Sharing::Auto`] |
/// | priors | [`Priors::default`] |
/// | size | [`Size::Auto`] |
/// | hyperparameters | at the mode of their posterior, by L-BFGS from several starts |
/// | their uncertainty | in every variance, by a deterministic mixture |
/// | tolerance | 0.01 in the logarithm of the posterior density |
/// | iterations | at most 200 |
///
/// ```
/// use contextualized_gp::{CoefficientProcess, Kernel, Observations};
/// use ndarray::{Array2, array};
///
/// // A slope sin(c), without noise.
/// let contexts = Array2::from_shape_fn((40, 1), |(i, _)| i as f64 / 10.0 - 2.0);
/// let design = Array2::from_shape_fn((40, 1), |(i, _)| ((7 * i) % 11) as f64 / 5.0 - 1.0);
/// let targets = contexts.mapv(f64::sin) * &design;
///
/// let process = CoefficientProcess::new(Kernel::squared_exponential([0]));
/// let rows = Observations::new(contexts.view(), design.view(), targets.view());
/// let fitted = process.fit(rows)?;
/// let slope = fitted.coefficients(array![[0.55]].view())?[[0, 0, 0]];
/// assert!((slope - 0.55_f64.sin()).abs() < 1e-3);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CoefficientProcess {
    pub(crate) kernel: Kernel,
    pub(crate) family: Family,
    pub(crate) fixed: Option<Hyperparameters>,
    pub(crate) settings: ProcessSettings,
}

impl CoefficientProcess {
    /// Rows up to which [`Size::Auto`] keeps the covariance of all rows.
    pub const EXACT_ROWS: usize = 2000;

    /// Rows up to which it does where the likelihood is not quadratic, and from which hyperparameters of
    /// more rows are estimated: each evaluation takes several solves.
    pub const EXACT_LAPLACE_ROWS: usize = 1000;

    /// Rows up to which variances account for the uncertainty of the hyperparameters; of more, it is
    /// too small to matter.
    pub const UNCERTAIN_ROWS: usize = 5000;

    /// Gaussian targets and the default settings.
    pub fn new(kernel: Kernel) -> Self {
        Self {
            kernel,
            family: Family::default(),
            fixed: None,
            settings: ProcessSettings::default(),
        }
    }

    process_setters!();

    /// All settings of the fit at once.
    pub fn settings(mut self, settings: ProcessSettings) -> Self {
        self.settings = settings;
        self
    }

    /// The family of the targets.
    pub fn family(mut self, family: Family) -> Self {
        self.family = family;
        self
    }

    /// These hyperparameters, known: nothing is estimated but the coefficients.
    pub fn hyperparameters(mut self, hyperparameters: Hyperparameters) -> Self {
        self.fixed = Some(hyperparameters);
        self
    }

    /// Fits the coefficient functions.
    ///
    /// Targets share all hyperparameters but a scale of their own.
    ///
    /// # Errors
    ///
    /// [`Error::NoRows`], [`Error::NoColumns`], [`Error::NotFinite`] and [`Error::RowCount`] for
    /// tables that are empty, not finite or of different lengths; [`Error::InvalidWeight`] for
    /// weights that are not finite or negative; [`Error::InvalidTarget`]; [`Error::InvalidParameter`]
    /// for a setting out of range or a kernel on columns that are not there; [`Error::Numerical`] or
    /// [`Error::NotConverged`] if a solve fails.
    pub fn fit(&self, rows: Observations<'_>) -> Result<FittedProcess> {
        self.validate(rows)?;
        let tables = [rows.contexts, rows.design, rows.targets]
            .map(|table| table.as_standard_layout().into_owned());
        let [contexts, design, targets] = &tables;
        let rows = Observations::new(contexts.view(), design.view(), targets.view())
            .with_weights(rows.weights.as_ref().map(|weights| weights.view()))
            .with_offsets(rows.offsets.as_ref().map(|offsets| offsets.view()))
            .with_monitor(rows.monitor);
        let found = match &self.fixed {
            Some(hyper) => {
                let mut hyper = hyper.clone();
                if !self.family.is_quadratic() {
                    hyper.noise = 1.0;
                    hyper.scales.fill(1.0);
                }
                let optimum = Optimum {
                    logs: Vec::new(),
                    log_density: 0.0,
                    iterations: 0,
                    converged: true,
                    near: true,
                };
                let engine = self.engine_for(rows, &hyper)?;
                Found {
                    layout: self.layout(&engine, hyper.inverse_length_scales.nrows()),
                    engine,
                    hyper,
                    optimum,
                }
            }
            None => self.search(rows)?,
        };
        self.finish(found, contexts.ncols())
    }

    fn finish(&self, found: Found, contexts: usize) -> Result<FittedProcess> {
        let Found {
            engine,
            layout,
            hyper,
            optimum,
        } = found;
        let evidence = engine.value(&hyper)?;
        let logs = layout.logs(&hyper);
        let log_posterior = evidence + self.settings.priors.log_density(&layout, &logs, false).0;
        let few = engine.rows() <= Self::UNCERTAIN_ROWS;
        let uncertainty =
            (self.fixed.is_none() && self.settings.uncertainty && few).then(|| Uncertainty {
                priors: self.settings.priors,
                layout,
                start: optimum.logs.clone(),
                tolerance: self.settings.tolerance,
                max_iterations: self.settings.max_iterations,
            });
        let report = ProcessReport {
            fit: FitReport {
                termination: match (self.fixed.is_some(), optimum.converged) {
                    (true, _) => Termination::DirectSolve,
                    (false, true) => Termination::Converged,
                    (false, false) => Termination::IterationLimit,
                },
                iterations: optimum.iterations,
                objective: -evidence,
                best_epoch: None,
            },
            log_marginal_likelihood: evidence,
            log_posterior,
            method: engine.method(),
            jitter: 0.0,
        };
        let (family, kernel) = (self.family, self.kernel.clone());
        FittedProcess::new(family, kernel, contexts, engine, hyper, uncertainty, report)
    }

    fn validate(&self, rows: Observations<'_>) -> Result<()> {
        rows.check(None)?;
        self.kernel.validate(rows.contexts.ncols())?;
        self.settings.priors.validate()?;
        if !(self.settings.tolerance.is_finite() && self.settings.tolerance > 0.0) {
            return Err(Error::invalid_parameter(
                "tolerance",
                self.settings.tolerance,
                "a positive number",
            ));
        }
        let functions = match self.settings.size {
            Size::LowRank { functions } => functions,
            Size::Auto | Size::Exact => 1,
        };
        for (parameter, value) in [
            ("max_iterations", self.settings.max_iterations),
            ("functions", functions),
        ] {
            if value == 0 {
                return Err(Error::invalid_parameter(parameter, value, "1 or more"));
            }
        }
        if let Some(fixed) = &self.fixed {
            fixed.validate(&self.kernel, rows.design.ncols(), rows.targets.ncols())?;
        }
        self.family.require_known()?;
        let name = |target: usize| target.to_string();
        self.family.check_targets(rows.targets, name)
    }

    pub(crate) fn layout(&self, engine: &Engine, sets: usize) -> Layout {
        let with_noise = self.family.is_quadratic();
        let targets = engine.targets();
        Layout {
            sets,
            inverse_length_scales: self.kernel.inverse_length_scales(),
            coefficients: engine.coefficients(),
            terms: self.kernel.terms.len(),
            noise: with_noise,
            scales: if with_noise && targets > 1 {
                targets
            } else {
                0
            },
        }
    }
}
