//! The prior on coefficient functions: what is assumed, and how it is fitted.

use crate::engine::Engine;
use crate::fitted::{FittedProcess, ProcessReport, Uncertainty, check_positive_weights};
use crate::hyperparameters::{Hyperparameters, Layout};
use crate::kernel::Kernel;
use crate::low_rank::Rows;
use crate::optimise::Optimum;
use crate::priors::Priors;
use crate::search::Found;
use contextualized_core::validate::{check_rows, check_table};
use contextualized_core::{Error, FitReport, Result, Termination};
use ndarray::{ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

/// How outcomes scatter about the linear predictor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Likelihood {
    /// Normally, with one variance for rows of weight one: everything is in closed form.
    Gaussian,
    /// 0 or 1 by the logistic function: Laplace's approximation.
    Bernoulli,
}

/// Whether coefficients have inverse length scales, and so length scales, in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sharing {
    /// One set for all coefficients.
    Shared,
    /// A set for each.
    PerCoefficient,
    /// A set for each where that raises the logarithm of the marginal likelihood by more than 2 for
    /// every inverse length scale it adds, not counting those next to zero or of coefficients that do not vary.
    Auto,
}

/// How rows are dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Size {
    /// Up to [`CoefficientProcess::EXACT_ROWS`] rows: a basis where one of less than a third of the
    /// size of the rows reproduces the kernel to rounding, exact otherwise. Beyond: a basis.
    Auto,
    /// The covariance of all rows, whatever their number.
    Exact,
    /// A basis of at most so many functions of the context for each term of the kernel.
    LowRank {
        /// The largest number of functions.
        functions: usize,
    },
}

/// A Gaussian-process prior on coefficient functions.
///
/// ```text
/// y = Σⱼ βⱼ(c) xⱼ + ε,  ε ~ N(0, σ²/w)         or  y ~ Bernoulli(logistic(Σⱼ βⱼ(c) xⱼ))
/// βⱼ = bⱼ + Σₜ gⱼₜ,      bⱼ ~ N(0, τ²),  gⱼₜ ~ GP(0, sⱼₜ² kₜ(c, c'))
/// ```
///
/// Tables are in units in which contexts, design and targets have a scale of about one; an intercept
/// is a column of ones in the design.
///
/// | setting | default |
/// |---|---|
/// | sharing of inverse length scales | [`Sharing::Auto`] |
/// | priors | [`Priors::default`] |
/// | size | [`Size::Auto`] |
/// | hyperparameters | at the mode of their posterior, by L-BFGS from several starts |
/// | their uncertainty | in every variance, by a deterministic mixture |
/// | tolerance | 0.01 in the logarithm of the posterior density |
/// | iterations | at most 200 |
///
/// ```
/// use contextualized_gp::{CoefficientProcess, Kernel};
/// use ndarray::{Array2, array};
///
/// // A slope sin(c), without noise.
/// let contexts = Array2::from_shape_fn((40, 1), |(i, _)| i as f64 / 10.0 - 2.0);
/// let design = Array2::from_shape_fn((40, 1), |(i, _)| ((7 * i) % 11) as f64 / 5.0 - 1.0);
/// let targets = contexts.mapv(f64::sin) * &design;
///
/// let process = CoefficientProcess::new(Kernel::squared_exponential([0]));
/// let fitted = process.fit(contexts.view(), design.view(), targets.view(), None)?;
/// let slope = fitted.coefficients(array![[0.55]].view())?[[0, 0, 0]];
/// assert!((slope - 0.55_f64.sin()).abs() < 1e-3);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CoefficientProcess {
    pub(crate) kernel: Kernel,
    pub(crate) likelihood: Likelihood,
    pub(crate) sharing: Sharing,
    pub(crate) priors: Priors,
    pub(crate) size: Size,
    pub(crate) fixed: Option<Hyperparameters>,
    pub(crate) uncertainty: bool,
    pub(crate) tolerance: f64,
    pub(crate) max_iterations: usize,
}

impl CoefficientProcess {
    /// Rows up to which [`Size::Auto`] keeps the covariance of all rows.
    pub const EXACT_ROWS: usize = 2000;

    /// Binary rows up to which it does, and from which hyperparameters of more rows are estimated:
    /// each evaluation takes several solves.
    pub const EXACT_BINARY_ROWS: usize = 1000;

    /// Rows up to which variances account for the uncertainty of the hyperparameters; of more, it is
    /// too small to matter.
    pub const UNCERTAIN_ROWS: usize = 5000;

    /// A Gaussian likelihood and the default settings.
    pub fn new(kernel: Kernel) -> Self {
        Self {
            kernel,
            likelihood: Likelihood::Gaussian,
            sharing: Sharing::Auto,
            priors: Priors::default(),
            size: Size::Auto,
            fixed: None,
            uncertainty: true,
            tolerance: 1e-2,
            max_iterations: 200,
        }
    }

    /// How outcomes scatter.
    pub fn likelihood(mut self, likelihood: Likelihood) -> Self {
        self.likelihood = likelihood;
        self
    }

    /// Whether coefficients share inverse length scales.
    pub fn sharing(mut self, sharing: Sharing) -> Self {
        self.sharing = sharing;
        self
    }

    /// Priors on hyperparameters.
    pub fn priors(mut self, priors: Priors) -> Self {
        self.priors = priors;
        self
    }

    /// How rows are dealt with.
    pub fn size(mut self, size: Size) -> Self {
        self.size = size;
        self
    }

    /// These hyperparameters, known: nothing is estimated but the coefficients.
    pub fn hyperparameters(mut self, hyperparameters: Hyperparameters) -> Self {
        self.fixed = Some(hyperparameters);
        self
    }

    /// Variances as if the estimated hyperparameters were known: faster, and too small with few
    /// rows.
    pub fn plug_in(mut self) -> Self {
        self.uncertainty = false;
        self
    }

    /// The gain in the logarithm of the posterior density below which the search stops.
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// The most iterations of one search.
    pub fn max_iterations(mut self, max_iterations: usize) -> Self {
        self.max_iterations = max_iterations;
        self
    }

    /// Fits the coefficient functions of contexts (n × c), a design (n × p) and targets (n × T).
    ///
    /// Targets share all hyperparameters but a scale of their own.
    ///
    /// # Errors
    ///
    /// [`Error::NoRows`], [`Error::NoColumns`], [`Error::NotFinite`] and [`Error::RowCount`] for
    /// tables that are empty, not finite or of different lengths; [`Error::InvalidWeight`] for
    /// weights that are not finite or negative; [`Error::NotBinary`]; [`Error::InvalidParameter`] for
    /// a setting out of range or a kernel on columns that are not there; [`Error::Numerical`] or
    /// [`Error::NotConverged`] if a solve fails.
    pub fn fit(
        &self,
        contexts: ArrayView2<'_, f64>,
        design: ArrayView2<'_, f64>,
        targets: ArrayView2<'_, f64>,
        weights: Option<ArrayView1<'_, f64>>,
    ) -> Result<FittedProcess> {
        self.validate(contexts, design, targets, weights)?;
        let (contexts, design, targets) = (
            contexts.as_standard_layout(),
            design.as_standard_layout(),
            targets.as_standard_layout(),
        );
        let rows = Rows {
            contexts: contexts.view(),
            design: design.view(),
            targets: targets.view(),
            weights: weights.as_ref().map(|w| w.view()),
        };
        let found = match &self.fixed {
            Some(hyper) => {
                let mut hyper = hyper.clone();
                if self.likelihood == Likelihood::Bernoulli {
                    hyper.noise = 1.0;
                    hyper.scales.fill(1.0);
                }
                let optimum = Optimum {
                    logs: Vec::new(),
                    log_density: 0.0,
                    iterations: 0,
                    converged: true,
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
        let evidence = engine.evidence().value(&hyper)?;
        let few = engine.evidence().rows() <= Self::UNCERTAIN_ROWS;
        let uncertainty = (self.fixed.is_none() && self.uncertainty && few).then(|| Uncertainty {
            priors: self.priors,
            layout,
            start: optimum.logs.clone(),
            tolerance: self.tolerance,
            max_iterations: self.max_iterations,
        });
        let fit = FitReport {
            termination: match (self.fixed.is_some(), optimum.converged) {
                (true, _) => Termination::DirectSolve,
                (false, true) => Termination::Converged,
                (false, false) => Termination::IterationLimit,
            },
            iterations: optimum.iterations,
            objective: -evidence,
            best_epoch: None,
        };
        FittedProcess::new(
            self.kernel.clone(),
            contexts,
            engine,
            hyper,
            uncertainty,
            |jitter, method| ProcessReport {
                fit,
                log_marginal_likelihood: evidence,
                log_posterior: optimum.log_density,
                method,
                jitter,
            },
        )
    }

    fn validate(
        &self,
        contexts: ArrayView2<'_, f64>,
        design: ArrayView2<'_, f64>,
        targets: ArrayView2<'_, f64>,
        weights: Option<ArrayView1<'_, f64>>,
    ) -> Result<()> {
        check_table("contexts", contexts, None)?;
        check_table("design", design, None)?;
        check_table("targets", targets, None)?;
        let rows = contexts.nrows();
        if rows == 0 {
            return Err(Error::NoRows {
                argument: "contexts",
            });
        }
        check_rows("design", rows, design.nrows())?;
        check_rows("targets", rows, targets.nrows())?;
        if let Some(weights) = weights {
            check_positive_weights(weights, rows)?;
        }
        self.kernel.validate(contexts.ncols())?;
        self.priors.validate()?;
        if !(self.tolerance.is_finite() && self.tolerance > 0.0) {
            return Err(Error::invalid_parameter(
                "tolerance",
                self.tolerance,
                "a positive number",
            ));
        }
        for (parameter, value) in [
            ("max_iterations", self.max_iterations),
            (
                "functions",
                match self.size {
                    Size::LowRank { functions } => functions,
                    _ => 1,
                },
            ),
        ] {
            if value == 0 {
                return Err(Error::invalid_parameter(parameter, value, "1 or more"));
            }
        }
        if let Some(fixed) = &self.fixed {
            fixed.validate(&self.kernel, design.ncols(), targets.ncols())?;
        }
        if self.likelihood == Likelihood::Bernoulli {
            for ((row, target), &value) in targets.indexed_iter() {
                if value != 0.0 && value != 1.0 {
                    return Err(Error::NotBinary {
                        target: format!("{target}"),
                        row,
                        value,
                    });
                }
            }
        }
        Ok(())
    }

    pub(crate) fn layout(&self, engine: &Engine, sets: usize) -> Layout {
        let gaussian = self.likelihood == Likelihood::Gaussian;
        let targets = engine.evidence().targets();
        Layout {
            sets,
            inverse_length_scales: self.kernel.inverse_length_scales(),
            coefficients: engine.coefficients(),
            terms: self.kernel.terms.len(),
            noise: gaussian,
            scales: if gaussian && targets > 1 { targets } else { 0 },
        }
    }
}
