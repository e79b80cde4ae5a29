//! The fitted coefficient functions.

use crate::engine::{Engine, State, inconsistent};
use crate::hyperparameters::{Hyperparameters, Layout};
use crate::kernel::Kernel;
use crate::low_rank::Rows;
use crate::mixture::mixture;
use crate::optimise::Posterior;
use crate::priors::Priors;
use crate::sums::{SumMoments, Summands};
use contextualized_core::validate::{check_rows, check_table, check_weights};
use contextualized_core::{Error, FitReport, Result, WeightedContexts};
use ndarray::{Array, Array1, Array2, Array3, Array4, ArrayView1, ArrayView2, Axis, Dimension, s};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// How a fit went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessReport {
    /// Why it stopped, iterations over all starts, and minus the logarithm of the marginal likelihood
    /// as the objective.
    pub fit: FitReport,
    /// Logarithm of the marginal likelihood at the hyperparameters.
    pub log_marginal_likelihood: f64,
    /// The same plus the logarithm of the prior density, up to a constant.
    pub log_posterior: f64,
    /// How the rows were dealt with.
    pub method: Method,
    /// The largest jitter that a factorisation needed, in units of the noise; 0 if none did.
    pub jitter: f64,
}

/// How the rows were dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Method {
    /// By their covariance.
    Exact,
    /// By a basis.
    LowRank {
        /// Functions for each coefficient, the constant included.
        functions: usize,
        /// The share of the kernel that the basis leaves out at the inverse length scales it was made for, on
        /// average over the rows.
        residual: f64,
        /// The same where it is largest.
        largest_residual: f64,
    },
}

/// Coefficient functions with their uncertainty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct FittedProcess {
    kernel: Kernel,
    contexts: usize,
    engine: Engine,
    hyper: Hyperparameters,
    state: State,
    /// How to find the mixture; none if the hyperparameters count as known.
    uncertainty: Option<Uncertainty>,
    #[serde(skip)]
    mixture: Mixture,
    report: ProcessReport,
}

/// What is needed to explore the posterior of the hyperparameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Uncertainty {
    pub(crate) priors: Priors,
    pub(crate) layout: Layout,
    pub(crate) start: Vec<f64>,
    pub(crate) tolerance: f64,
    pub(crate) max_iterations: usize,
}

/// Weights and hyperparameters, found when first asked for. It follows from the rest of the model,
/// and so does not count in comparisons.
#[derive(Debug, Clone, Default)]
struct Mixture(OnceLock<Vec<(f64, Hyperparameters)>>);

impl PartialEq for Mixture {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

#[derive(Deserialize)]
struct Unchecked {
    kernel: Kernel,
    contexts: usize,
    engine: Engine,
    hyper: Hyperparameters,
    state: State,
    uncertainty: Option<Uncertainty>,
    report: ProcessReport,
}

/// Means and variances (g × T × p) of what one term adds to every coefficient.
#[derive(Debug, Clone, PartialEq)]
pub struct PartialEffect {
    /// Posterior means.
    pub means: Array3<f64>,
    /// Posterior variances.
    pub variances: Array3<f64>,
}

impl FittedProcess {
    pub(crate) fn new(
        kernel: Kernel,
        contexts: usize,
        engine: Engine,
        hyper: Hyperparameters,
        uncertainty: Option<Uncertainty>,
        report: impl FnOnce(f64, Method) -> ProcessReport,
    ) -> Result<Self> {
        let state = engine.state(&hyper)?;
        let method = match &engine {
            Engine::Exact(_) => Method::Exact,
            Engine::LowRank(parts) => Method::LowRank {
                functions: parts.first().map_or(0, |part| part.basis.functions()),
                residual: parts.iter().map(|part| part.residual).fold(0.0, f64::max),
                largest_residual: parts
                    .iter()
                    .map(|part| part.largest_residual)
                    .fold(0.0, f64::max),
            },
        };
        let report = report(Engine::jitter(&state), method);
        Ok(Self {
            kernel,
            contexts,
            engine,
            hyper,
            state,
            uncertainty,
            mixture: Mixture::default(),
            report,
        })
    }

    /// Numbers of contexts, coefficients and targets.
    pub fn widths(&self) -> (usize, usize, usize) {
        let targets = self.engine.evidence().targets();
        (self.contexts, self.engine.coefficients(), targets)
    }

    /// How the fit went.
    pub fn report(&self) -> &ProcessReport {
        &self.report
    }

    /// The kernel, in the order of whose terms and columns hyperparameters come.
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// The hyperparameters, given or at the mode of their posterior.
    pub fn hyperparameters(&self) -> &Hyperparameters {
        &self.hyper
    }

    /// Weights, which sum to one, and values of the hyperparameters that stand for their posterior;
    /// one if they count as known.
    ///
    /// Found when first asked for, which takes about as long as the fit, and kept.
    ///
    /// # Errors
    ///
    /// [`Error::Numerical`] if the density cannot be explored.
    pub fn hyperparameter_mixture(&self) -> Result<&[(f64, Hyperparameters)]> {
        if let Some(known) = self.mixture.0.get() {
            return Ok(known);
        }
        let found = match &self.uncertainty {
            None => vec![(1.0, self.hyper.clone())],
            Some(settings) => {
                let evidence = self.engine.evidence();
                let density = Posterior {
                    evidence,
                    priors: &settings.priors,
                    layout: settings.layout,
                    of_logs: true,
                };
                let hyper = |logs: Vec<f64>| {
                    let logs = density.clamp(&logs);
                    settings.layout.hyperparameters(&logs, evidence.targets())
                };
                mixture(
                    &density,
                    &settings.start,
                    settings.tolerance,
                    settings.max_iterations,
                )?
                .into_iter()
                .map(|(weight, logs)| (weight, hyper(logs)))
                .collect()
            }
        };
        Ok(self.mixture.0.get_or_init(|| found))
    }

    /// Posterior means of all coefficients (q × T × p) at contexts (q × c), at the hyperparameters'
    /// mode.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`], [`Error::NotFinite`].
    pub fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Array3<f64>> {
        let contexts = self.checked(contexts)?;
        if contexts.nrows() == 0 {
            let (_, count, targets) = self.widths();
            return Ok(Array3::zeros((0, targets, count)));
        }
        let means = self
            .engine
            .means(&self.state, &self.hyper, contexts.view())?;
        finite("coefficients", means)
    }

    /// Posterior covariances of the coefficients of each target at each context (q × T × p × p),
    /// about [`FittedProcess::coefficients`], the uncertainty of the hyperparameters included.
    ///
    /// # Errors
    ///
    /// Those of [`FittedProcess::coefficients`], and [`Error::Numerical`].
    pub fn covariances(&self, contexts: ArrayView2<'_, f64>) -> Result<Array4<f64>> {
        let contexts = self.checked(contexts)?;
        let at = contexts.view();
        if at.nrows() == 0 {
            let (_, count, targets) = self.widths();
            return Ok(Array4::zeros((0, targets, count, count)));
        }
        if self.uncertainty.is_none() {
            let known = self.engine.covariances(&self.state, &self.hyper, at)?;
            return finite("covariances", known);
        }
        let center = self.engine.means(&self.state, &self.hyper, at)?;
        let (rows, targets, count) = center.dim();
        let mut total = Array4::zeros((rows, targets, count, count));
        for (weight, hyper) in self.hyperparameter_mixture()? {
            let state = self.engine.state(hyper)?;
            total.scaled_add(*weight, &self.engine.covariances(&state, hyper, at)?);
            let off = self.engine.means(&state, hyper, at)? - &center;
            total.scaled_add(*weight, &outer(&off));
        }
        finite("covariances", total)
    }

    /// Whether targets are real numbers with noise, and not binary.
    pub(crate) fn is_gaussian(&self) -> bool {
        self.engine.is_gaussian()
    }

    /// Variance of the noise of a row of weight one, of each target; ones for binary targets.
    pub fn noise_variances(&self) -> Vec<f64> {
        let square = self.hyper.noise.powi(2);
        self.hyper
            .scales
            .iter()
            .map(|scale| scale * square)
            .collect()
    }

    /// What one term of the kernel adds to every coefficient at contexts (g × c), with mean zero over
    /// the rows fitted, and its variance; the uncertainty of the hyperparameters is included.
    ///
    /// A coefficient is a constant plus its terms, so of an additive kernel these are the effects of
    /// the single contexts. Only the columns of the term matter.
    ///
    /// # Errors
    ///
    /// Those of [`FittedProcess::covariances`]; [`Error::InvalidParameter`] for a term there is not.
    pub fn partial_effect(
        &self,
        term: usize,
        contexts: ArrayView2<'_, f64>,
    ) -> Result<PartialEffect> {
        let contexts = self.checked(contexts)?;
        let at = contexts.view();
        if term >= self.kernel.terms().len() {
            return Err(Error::invalid_parameter(
                "term",
                term,
                format!("below {}, the number of terms", self.kernel.terms().len()),
            ));
        }
        let engine = &self.engine;
        if at.nrows() == 0 {
            let (_, coefficients, targets) = self.widths();
            let nothing = Array3::zeros((0, targets, coefficients));
            return Ok(PartialEffect {
                means: nothing.clone(),
                variances: nothing,
            });
        }
        self.mixed(|state, hyper| engine.partial_effect(state, hyper, term, at))
    }

    /// Weighted sums of every coefficient over contexts; with a design (q × p), of the coefficient
    /// times its column, so that the sum over coefficients is that of linear predictors. The
    /// uncertainty of the hyperparameters is included.
    ///
    /// # Errors
    ///
    /// Those of [`FittedProcess::covariances`]; [`Error::ColumnCount`] and [`Error::RowCount`] for a
    /// design that does not fit.
    pub fn sums<'a>(
        &self,
        sums: &'a WeightedContexts,
        design: Option<ArrayView2<'a, f64>>,
    ) -> Result<SumMoments> {
        check_table("contexts", sums.contexts(), Some(self.contexts))?;
        if let Some(design) = design {
            check_table("design", design, Some(self.engine.coefficients()))?;
            check_rows("design", sums.contexts().nrows(), design.nrows())?;
        }
        let summands = Summands::new(&self.kernel, sums.contexts(), sums.weights(), design);
        let of = |state: &State, hyper: &Hyperparameters| {
            self.engine.sums(state, hyper, &self.kernel, &summands)
        };
        let mut moments = of(&self.state, &self.hyper)?;
        if self.uncertainty.is_some() {
            moments.covariances.fill(0.0);
            for (weight, hyper) in self.hyperparameter_mixture()? {
                let member = of(&self.engine.state(hyper)?, hyper)?;
                moments.covariances.scaled_add(*weight, &member.covariances);
                let off = member.means - &moments.means;
                moments.covariances.scaled_add(*weight, &outer(&off));
            }
        }
        Ok(SumMoments {
            means: finite("weighted sums", moments.means)?,
            covariances: finite("covariances of weighted sums", moments.covariances)?,
        })
    }

    /// An effect at the hyperparameters' mode, with the variance of their mixture.
    fn mixed(
        &self,
        effect: impl Fn(&State, &Hyperparameters) -> Result<PartialEffect>,
    ) -> Result<PartialEffect> {
        let center = effect(&self.state, &self.hyper)?;
        if self.uncertainty.is_none() {
            return center.finite();
        }
        let mut variances = Array3::zeros(center.means.dim());
        for (weight, hyper) in self.hyperparameter_mixture()? {
            let member = effect(&self.engine.state(hyper)?, hyper)?;
            let off = member.means - &center.means;
            variances.scaled_add(*weight, &(member.variances + &off * &off));
        }
        PartialEffect {
            means: center.means,
            variances,
        }
        .finite()
    }

    /// Residuals of every row, predicted from all others at the hyperparameters of all (n × T), in
    /// closed form.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for binary targets, of which there is no closed form;
    /// [`Error::RowCount`] and [`Error::ColumnCount`] for tables that cannot be those fitted, and
    /// those of weights that are not positive.
    pub fn leave_one_out(
        &self,
        contexts: ArrayView2<'_, f64>,
        design: ArrayView2<'_, f64>,
        targets: ArrayView2<'_, f64>,
        weights: Option<ArrayView1<'_, f64>>,
    ) -> Result<Array2<f64>> {
        let rows = self.engine.evidence().rows();
        check_table("contexts", contexts, Some(self.contexts))?;
        check_table("design", design, Some(self.engine.coefficients()))?;
        check_table("targets", targets, Some(self.engine.evidence().targets()))?;
        check_rows("contexts", rows, contexts.nrows())?;
        check_rows("design", rows, design.nrows())?;
        check_rows("targets", rows, targets.nrows())?;
        if let Some(weights) = weights {
            check_positive_weights(weights, rows)?;
        }
        let rows = Rows {
            contexts: contexts.view(),
            design: design.view(),
            targets: targets.view(),
            weights: weights.as_ref().map(|w| w.view()),
        };
        self.engine.leave_one_out(&self.state, &self.hyper, rows)
    }

    /// Draws from the joint posterior of all coefficients at all contexts (draws × q × T × p), the
    /// hyperparameters drawn from their mixture.
    ///
    /// # Errors
    ///
    /// Those of [`FittedProcess::covariances`]; [`Error::InvalidParameter`] for more than
    /// [`FittedProcess::MOST_JOINT`] coefficients at once.
    pub fn draws(
        &self,
        contexts: ArrayView2<'_, f64>,
        draws: usize,
        seed: u64,
    ) -> Result<Array4<f64>> {
        let contexts = self.checked(contexts)?;
        let at = contexts.view();
        let (targets, count) = (self.engine.evidence().targets(), self.engine.coefficients());
        let size = at.nrows() * count;
        if size > Self::MOST_JOINT {
            return Err(Error::invalid_parameter(
                "coefficients drawn jointly",
                size,
                format!("at most {}", Self::MOST_JOINT),
            ));
        }
        if at.nrows() == 0 {
            return Ok(Array4::zeros((draws, 0, targets, count)));
        }
        let components = self.hyperparameter_mixture()?;
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        let mut members = vec![0_usize; draws];
        for member in &mut members {
            let mut left = generator.next_u64() as f64 / u64::MAX as f64;
            for (index, (weight, _)) in components.iter().enumerate() {
                *member = index;
                left -= weight;
                if left < 0.0 {
                    break;
                }
            }
        }
        let mut out = Array4::zeros((draws, at.nrows(), targets, count));
        for (index, (_, hyper)) in components.iter().enumerate() {
            if !members.contains(&index) {
                continue;
            }
            let state = self.engine.state(hyper)?;
            let means = self.engine.means(&state, hyper, at)?;
            for target in 0..targets {
                let root = self.engine.joint_root(&state, hyper, target, at)?
                    * hyper.scales[target].sqrt();
                for (draw, _) in members.iter().enumerate().filter(|(_, m)| **m == index) {
                    // A stream of its own for each draw and target.
                    let mut stream = ChaCha8Rng::seed_from_u64(seed);
                    stream.set_stream(1 + (draw * targets + target) as u64);
                    let normal =
                        Array1::from_shape_fn(root.ncols(), |_| StandardNormal.sample(&mut stream));
                    let deviation: Array1<f64> = root.dot(&normal);
                    for q in 0..at.nrows() {
                        for j in 0..count {
                            out[[draw, q, target, j]] =
                                means[[q, target, j]] + deviation[q * count + j];
                        }
                    }
                }
            }
        }
        finite("draws", out)
    }

    /// The most coefficients drawn jointly: their covariance is a matrix.
    pub const MOST_JOINT: usize = 5000;

    fn checked(&self, contexts: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        check_table("contexts", contexts, Some(self.contexts))?;
        Ok(contexts.as_standard_layout().slice(s![.., ..]).to_owned())
    }
}

impl PartialEffect {
    fn finite(self) -> Result<Self> {
        Ok(Self {
            means: finite("partial effects", self.means)?,
            variances: finite("variances of partial effects", self.variances)?,
        })
    }
}

/// Products of the coefficients of each target with each other.
fn outer(coefficients: &Array3<f64>) -> Array4<f64> {
    let column = coefficients.view().insert_axis(Axis(3));
    &column * &coefficients.view().insert_axis(Axis(2))
}

/// Numbers that did not overflow on the way, as those of a polynomial do far from all rows.
fn finite<D: Dimension>(what: &'static str, table: Array<f64, D>) -> Result<Array<f64, D>> {
    let rows = table.len_of(Axis(0)).max(1);
    let width = (table.len() / rows).max(1);
    match table.iter().enumerate().find(|(_, v)| !v.is_finite()) {
        Some((index, &value)) => Err(Error::NotFinite {
            argument: what,
            row: index / width,
            column: index % width,
            value,
        }),
        None => Ok(table),
    }
}

/// Weights of rows that count.
pub(crate) fn check_positive_weights(weights: ArrayView1<'_, f64>, rows: usize) -> Result<()> {
    check_weights(weights, rows)?;
    match weights.iter().position(|&w| w == 0.0) {
        Some(row) => Err(Error::invalid_parameter(
            "weights",
            format!("0 at row {row}"),
            "positive: leave out rows that do not count",
        )),
        None => Ok(()),
    }
}

impl TryFrom<Unchecked> for FittedProcess {
    type Error = Error;

    fn try_from(file: Unchecked) -> Result<Self> {
        file.kernel.validate(file.contexts)?;
        let (coefficients, targets) =
            (file.engine.coefficients(), file.engine.evidence().targets());
        file.hyper.validate(&file.kernel, coefficients, targets)?;
        if let Some(uncertainty) = &file.uncertainty {
            uncertainty.priors.validate()?;
            let layout = uncertainty.layout;
            let fits = layout.inverse_length_scales == file.kernel.inverse_length_scales()
                && layout.terms == file.kernel.terms().len()
                && layout.coefficients == coefficients
                && [1, coefficients].contains(&layout.sets)
                && layout.noise == file.engine.is_gaussian()
                && (layout.scales == 0 || (layout.scales == targets && layout.noise))
                && uncertainty.start.len() == layout.len();
            if !fits {
                return Err(inconsistent("hyperparameters"));
            }
        }
        file.engine.validate(&file.kernel, file.contexts)?;
        file.engine.validate_state(&file.state)?;
        Ok(Self {
            kernel: file.kernel,
            contexts: file.contexts,
            engine: file.engine,
            hyper: file.hyper,
            state: file.state,
            uncertainty: file.uncertainty,
            mixture: Mixture::default(),
            report: file.report,
        })
    }
}
