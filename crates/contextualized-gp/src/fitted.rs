//! The fitted coefficient functions.

use crate::engine::{Engine, Method, inconsistent};
use crate::hyperparameters::{Hyperparameters, Layout};
use crate::kernel::Kernel;
use crate::mixture::mixture;
use crate::observations::Observations;
use crate::optimise::Posterior as HyperparameterPosterior;
use crate::posterior::{Moments, Posterior, SharedMoments, along, check_finite};
use crate::priors::Priors;
use crate::sums::Summands;
use contextualized_core::validate::{check_rows, check_table};
use contextualized_core::{
    Checked, Error, Family, FitReport, Monitor, Result, WeightedContexts, checked_serde,
};
use ndarray::{Array1, Array2, Array3, Array4, ArrayView2, Axis, CowArray, Ix2, s};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::{Arc, OnceLock};

/// How a fit went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessReport {
    /// Why it stopped, iterations over all starts, and minus the logarithm of the marginal likelihood
    /// as the objective.
    pub fit: FitReport,
    /// Logarithm of the marginal likelihood at the hyperparameters, restricted where the prior on
    /// constants is flat.
    pub log_marginal_likelihood: f64,
    /// The same plus the logarithm of the prior density, up to a constant.
    pub log_posterior: f64,
    /// How the rows were dealt with.
    pub method: Method,
    /// The largest jitter that a factorisation needed, in units of the noise; 0 if none did.
    pub jitter: f64,
}

/// Coefficient functions with their uncertainty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct FittedProcess {
    family: Family,
    kernel: Kernel,
    contexts: usize,
    engine: Engine,
    hyper: Hyperparameters,
    /// How to find the mixture; none if the hyperparameters count as known.
    uncertainty: Option<Uncertainty>,
    report: ProcessReport,
    /// The posterior of each part of the engine.
    #[serde(skip)]
    posteriors: Derived<Vec<Arc<dyn Posterior>>>,
    /// Written if it was found before.
    #[serde(default)]
    mixture: Derived<Vec<(f64, Hyperparameters)>>,
}

checked_serde!(FittedProcess);

/// What is needed to explore the posterior of the hyperparameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Uncertainty {
    pub(crate) priors: Priors,
    pub(crate) layout: Layout,
    pub(crate) start: Vec<f64>,
    pub(crate) tolerance: f64,
    pub(crate) max_iterations: usize,
}

/// What follows from the rest of the model, found when first asked for. It does not count in
/// comparisons.
#[derive(Debug, Clone)]
struct Derived<T>(OnceLock<T>);

impl<T> Default for Derived<T> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<T> PartialEq for Derived<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T: Serialize> Serialize for Derived<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.0.get().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Derived<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let known = Option::<T>::deserialize(deserializer)?;
        Ok(Self(known.map_or_else(OnceLock::new, OnceLock::from)))
    }
}

impl<T> Derived<T> {
    fn or_find(&self, find: impl FnOnce() -> Result<T>) -> Result<&T> {
        if let Some(known) = self.0.get() {
            return Ok(known);
        }
        let found = find()?;
        Ok(self.0.get_or_init(|| found))
    }
}

/// Means and variances of the linear predictors (q × T) of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictorMoments {
    /// Posterior means.
    pub means: Array2<f64>,
    /// Posterior variances.
    pub variances: Array2<f64>,
}

/// Iterations of a search that is not part of the fit: their number in a file may be anything.
const MOST_ITERATIONS: usize = 1000;
/// Members of the mixture whose posteriors are held at once.
const MEMBERS: usize = 4;

impl FittedProcess {
    pub(crate) fn new(
        family: Family,
        kernel: Kernel,
        contexts: usize,
        engine: Engine,
        hyper: Hyperparameters,
        uncertainty: Option<Uncertainty>,
        report: ProcessReport,
    ) -> Result<Self> {
        let mut fitted = Self {
            family,
            kernel,
            contexts,
            engine,
            hyper,
            uncertainty,
            report,
            posteriors: Derived::default(),
            mixture: Derived::default(),
        };
        let jitters = fitted.posteriors()?.iter().map(|part| part.jitter());
        fitted.report.jitter = jitters.fold(0.0, f64::max);
        Ok(fitted)
    }

    /// Numbers of contexts, coefficients and targets.
    pub fn widths(&self) -> (usize, usize, usize) {
        let (coefficients, targets) = (self.engine.coefficients(), self.engine.targets());
        (self.contexts, coefficients, targets)
    }

    /// The family of the targets.
    pub fn family(&self) -> Family {
        self.family
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

    /// Variance of the noise of a row of weight one, of each target; ones for a family without.
    pub fn noise_variances(&self) -> Vec<f64> {
        let square = self.hyper.noise.powi(2);
        self.hyper.scales.iter().map(|s| s * square).collect()
    }

    /// Weights, which sum to one, and values of the hyperparameters that stand for their posterior;
    /// one if they count as known.
    ///
    /// Found when first asked for, which takes about as long as the fit, and kept, also where the model is written.
    ///
    /// # Errors
    ///
    /// [`Error::Numerical`] if the density cannot be explored.
    pub fn hyperparameter_mixture(&self) -> Result<&[(f64, Hyperparameters)]> {
        let found = self.mixture.or_find(|| {
            let Some(settings) = &self.uncertainty else {
                return Ok(vec![(1.0, self.hyper.clone())]);
            };
            let density = HyperparameterPosterior {
                engine: &self.engine,
                priors: &settings.priors,
                layout: settings.layout,
                of_logs: true,
            };
            let (start, tolerance) = (&settings.start, settings.tolerance);
            let max_iterations = settings.max_iterations.min(MOST_ITERATIONS);
            let found = mixture(&density, start, tolerance, max_iterations)?;
            let hyper = |logs: Vec<f64>| {
                let logs = density.clamp(&logs);
                let targets = self.engine.targets();
                settings.layout.hyperparameters(&logs, targets)
            };
            let members = found.into_iter();
            Ok(members
                .map(|(weight, logs)| (weight, hyper(logs)))
                .collect())
        })?;
        Ok(found)
    }

    /// Posterior means of all coefficients (q × T × p) at contexts (q × c), at the hyperparameters'
    /// mode.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`], [`Error::NotFinite`].
    pub fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Array3<f64>> {
        let at = self.checked(contexts)?;
        let (_, count, targets) = self.widths();
        if at.nrows() == 0 {
            return Ok(Array3::zeros((0, targets, count)));
        }
        let means = coefficients_of(self.posteriors()?, at.view())?;
        check_finite("coefficients", &means)?;
        Ok(means)
    }

    /// Posterior means of all coefficients at contexts (q × c), those of
    /// [`FittedProcess::coefficients`], and covariances about them of the coefficients of each target,
    /// the uncertainty of the hyperparameters included.
    ///
    /// # Errors
    ///
    /// Those of [`FittedProcess::coefficients`], and [`Error::Numerical`].
    pub fn posterior_at(&self, contexts: ArrayView2<'_, f64>) -> Result<Moments> {
        let at = self.checked(contexts)?;
        self.mixed(at.nrows(), |part| part.coefficients(at.view()))?
            .finite("moments of coefficients")
    }

    /// The covariances of [`FittedProcess::posterior_at`] (q × T × p × p).
    ///
    /// # Errors
    ///
    /// Those of [`FittedProcess::posterior_at`].
    pub fn covariances(&self, contexts: ArrayView2<'_, f64>) -> Result<Array4<f64>> {
        Ok(self.posterior_at(contexts)?.covariances)
    }

    /// Posterior means and variances of the linear predictors of rows of contexts (q × c) and a design
    /// (q × p), without offsets, the uncertainty of the hyperparameters included. It costs less than
    /// the covariances of all coefficients.
    ///
    /// # Errors
    ///
    /// Those of [`FittedProcess::posterior_at`]; [`Error::ColumnCount`] and [`Error::RowCount`] for a
    /// design that does not fit.
    pub fn predictors_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        design: ArrayView2<'_, f64>,
    ) -> Result<PredictorMoments> {
        let at = self.checked(contexts)?;
        check_table("design", design, Some(self.engine.coefficients()))?;
        check_rows("design", at.nrows(), design.nrows())?;
        let moments = if at.nrows() == 0 {
            Moments::of_nothing(self.engine.targets(), 1)
        } else {
            self.mixed(at.nrows(), |part| part.predictors(at.view(), design))?
        };
        let moments = moments.finite("moments of linear predictors")?;
        Ok(PredictorMoments {
            variances: moments.variances().remove_axis(Axis(2)),
            means: moments.means.remove_axis(Axis(2)),
        })
    }

    /// What one term of the kernel adds to every coefficient at contexts (q × c), with mean zero over
    /// the rows fitted; the uncertainty of the hyperparameters is included.
    ///
    /// A coefficient is a constant plus its terms, so of an additive kernel these are the effects of
    /// the single contexts. Only the columns of the term matter.
    ///
    /// # Errors
    ///
    /// Those of [`FittedProcess::posterior_at`]; [`Error::InvalidParameter`] for a term there is not.
    pub fn partial_effect(&self, term: usize, contexts: ArrayView2<'_, f64>) -> Result<Moments> {
        let at = self.checked(contexts)?;
        let terms = self.kernel.terms().len();
        if term >= terms {
            let requirement = format!("below {terms}, the number of terms");
            return Err(Error::invalid_parameter("term", term, requirement));
        }
        self.mixed(at.nrows(), |part| part.partial_effect(term, at.view()))?
            .finite("moments of partial effects")
    }

    /// Weighted sums of every coefficient over contexts; with a design (q × p), of the coefficient
    /// times its column, so that the sum over coefficients is that of linear predictors. The
    /// uncertainty of the hyperparameters is included.
    ///
    /// # Errors
    ///
    /// Those of [`FittedProcess::posterior_at`]; [`Error::ColumnCount`] and [`Error::RowCount`] for a
    /// design that does not fit.
    pub fn sums<'a>(
        &self,
        sums: &'a WeightedContexts,
        design: Option<ArrayView2<'a, f64>>,
    ) -> Result<Moments> {
        check_table("contexts", sums.contexts(), Some(self.contexts))?;
        if let Some(design) = design {
            check_table("design", design, Some(self.engine.coefficients()))?;
            check_rows("design", sums.contexts().nrows(), design.nrows())?;
        }
        let summands = Summands::new(&self.kernel, sums.contexts(), sums.weights(), design);
        let of_part = |part: &dyn Posterior| {
            sums.monitor().check()?;
            part.sums(&summands)
        };
        self.mixed(sums.sums(), of_part)?
            .finite("moments of weighted sums")
    }

    /// Moments of so many groups of coefficients, with the mean at the hyperparameters' mode and the
    /// covariance about it of their mixture.
    fn mixed(
        &self,
        rows: usize,
        ask: impl Fn(&dyn Posterior) -> Result<SharedMoments> + Sync,
    ) -> Result<Moments> {
        if rows == 0 {
            let (_, count, targets) = self.widths();
            return Ok(Moments::of_nothing(targets, count));
        }
        let of = |parts: &[Arc<dyn Posterior>]| {
            let parts = parts
                .iter()
                .map(|part| Ok((ask(part.as_ref())?, scales_of(part))))
                .collect::<Result<_>>()?;
            Ok(Moments::joined(parts))
        };
        let mut moments = of(self.posteriors()?)?;
        if self.uncertainty.is_none() {
            return Ok(moments);
        }
        moments.covariances.fill(0.0);
        for members in self.hyperparameter_mixture()?.chunks(MEMBERS) {
            let found = members
                .par_iter()
                .map(|(_, hyper)| of(&self.engine.posteriors(hyper)?))
                .collect::<Result<Vec<_>>>()?;
            for ((weight, _), member) in members.iter().zip(&found) {
                moments.add_member(*weight, member);
            }
        }
        Ok(moments)
    }

    /// Degrees of freedom that are left to estimate the noise by, `Σ w r² / σ²` over the rows fitted and their
    /// residuals r, the mean of the targets: at the largest restricted likelihood it is the number of rows less
    /// the effective degrees of freedom. None where hyperparameters are known, or count as known.
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`] and [`Error::ColumnCount`] for tables that cannot be those fitted.
    pub fn residual_degrees(&self, rows: Observations<'_>) -> Result<Option<f64>> {
        rows.check(Some(self.widths()))?;
        if self.uncertainty.is_none() || !self.family.has_dispersion() {
            return Ok(None);
        }
        let means = self.coefficients(rows.contexts)?;
        let targets = rows.adjusted_targets();
        let mut squares = 0.0;
        for (target, noise) in self.noise_variances().into_iter().enumerate() {
            let own = means.index_axis(Axis(1), target);
            let residuals = &targets.column(target) - &(&own * &rows.design).sum_axis(Axis(1));
            let weighted = &residuals * &residuals * rows.weights_or_ones();
            squares += weighted.sum() / noise;
        }
        let degrees = squares / targets.ncols() as f64;
        let most = rows
            .rows()
            .saturating_sub(self.engine.coefficients())
            .max(1);
        Ok(Some(degrees.clamp(1.0, most as f64)))
    }

    /// Effective degrees of freedom of every coefficient of each target (T × p): how much its part of each
    /// fitted value follows the row's own outcome, summed over the rows fitted. A coefficient that does not vary
    /// has one, and their sum is the trace of the matrix that turns outcomes into fitted values, at the
    /// hyperparameters' mode.
    ///
    /// The rows are those fitted, or some of them that stand for all.
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`] and [`Error::ColumnCount`] for tables that cannot be those fitted;
    /// [`Error::Numerical`].
    pub fn effective_degrees(&self, rows: Observations<'_>) -> Result<Array2<f64>> {
        rows.check(Some(self.widths()))?;
        let (_, coefficients, targets) = self.widths();
        let mut degrees = Array2::zeros((targets, coefficients));
        if rows.rows() == 0 {
            return Ok(degrees);
        }
        let weights = rows.weights_or_ones();
        let noise = self.noise_variances();
        let parts = self
            .posteriors()?
            .iter()
            .map(|part| Ok((part.coefficients(rows.contexts)?, scales_of(part))))
            .collect::<Result<_>>()?;
        let Moments { means, covariances } = Moments::joined(parts);
        for row in 0..rows.rows() {
            let design = rows.design.row(row);
            for (target, noise) in noise.iter().enumerate() {
                let outcome = rows.targets[[row, target]];
                let offset = rows.offsets.map_or(0.0, |offsets| offsets[row]);
                let predictor = means.slice(s![row, target, ..]).dot(&design) + offset;
                let curvature = -self.family.derivatives(outcome, predictor).second;
                let precision = weights[row] * curvature / noise;
                let with_predictor = covariances.slice(s![row, target, .., ..]).dot(&design);
                let mut own = degrees.row_mut(target);
                own += &(with_predictor * design * precision);
            }
        }
        let all = self.engine.rows() as f64 / rows.rows() as f64;
        let degrees = degrees * all;
        check_finite("effective degrees of freedom", &degrees)?;
        Ok(degrees)
    }

    /// Residuals of every row, predicted from all others at the hyperparameters of all (n × T), in
    /// closed form.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a family whose likelihood is not quadratic, which has no closed
    /// form, and for a row without which not all coefficients are determined; [`Error::RowCount`] and
    /// [`Error::ColumnCount`] for tables that cannot be those fitted, and those of weights that are
    /// not positive.
    pub fn leave_one_out(&self, rows: Observations<'_>) -> Result<Array2<f64>> {
        rows.check(Some(self.widths()))?;
        check_rows("contexts", self.engine.rows(), rows.rows())?;
        if !self.family.is_quadratic() {
            return Err(Error::invalid_parameter(
                "family",
                self.family,
                "one with leave-one-out in closed form",
            ));
        }
        let parts = self.posteriors()?.iter();
        let residuals = parts
            .map(|part| Ok(part.leave_one_out(rows)?.insert_axis(Axis(2))))
            .collect::<Result<Vec<_>>>()?;
        let joined = along(Axis(1), residuals.iter().map(Array3::view));
        Ok(joined.remove_axis(Axis(2)))
    }

    /// Draws from the joint posterior of all coefficients at all contexts (draws × q × T × p), the
    /// hyperparameters drawn from their mixture. Whoever watches can end it.
    ///
    /// # Errors
    ///
    /// Those of [`FittedProcess::posterior_at`]; [`Error::InvalidParameter`] for more than
    /// [`FittedProcess::MOST_JOINT`] coefficients at once; [`Error::Cancelled`].
    pub fn draws(
        &self,
        contexts: ArrayView2<'_, f64>,
        draws: usize,
        seed: u64,
        monitor: Option<&Monitor>,
    ) -> Result<Array4<f64>> {
        let contexts = self.checked(contexts)?;
        let at = contexts.view();
        let (_, count, targets) = self.widths();
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
            let watched = || monitor.map_or(Ok(()), Monitor::check);
            watched()?;
            let parts = self.engine.posteriors(hyper)?;
            let means = coefficients_of(&parts, at)?;
            let scaled = parts.iter().flat_map(|part| {
                let scales = scales_of(part).iter();
                scales.map(move |scale| (part, scale.sqrt()))
            });
            for (target, (part, scale)) in scaled.enumerate() {
                watched()?;
                let root = part.joint_root(at)? * scale;
                for (draw, _) in members.iter().enumerate().filter(|(_, m)| **m == index) {
                    watched()?;
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
        check_finite("draws", &out)?;
        Ok(out)
    }

    /// The most coefficients drawn jointly: their covariance is a matrix.
    pub const MOST_JOINT: usize = 5000;

    fn posteriors(&self) -> Result<&[Arc<dyn Posterior>]> {
        let found = self
            .posteriors
            .or_find(|| self.engine.posteriors(&self.hyper))?;
        Ok(found)
    }

    fn checked<'a>(&self, contexts: ArrayView2<'a, f64>) -> Result<CowArray<'a, f64, Ix2>> {
        check_table("contexts", contexts, Some(self.contexts))?;
        Ok(if contexts.is_standard_layout() {
            contexts.into()
        } else {
            contexts.as_standard_layout().into_owned().into()
        })
    }
}

/// Means of the coefficients of all targets (q × T × p).
fn coefficients_of(parts: &[Arc<dyn Posterior>], at: ArrayView2<'_, f64>) -> Result<Array3<f64>> {
    let parts = parts.iter().map(|part| part.means(at));
    let parts = parts.collect::<Result<Vec<_>>>()?;
    Ok(along(Axis(1), parts.iter().map(Array3::view)))
}

fn scales_of(part: &Arc<dyn Posterior>) -> &[f64] {
    part.hyperparameters().scales.as_slice().unwrap_or_default()
}

impl Checked for FittedProcess {
    fn check(&self) -> Result<()> {
        self.kernel.validate(self.contexts)?;
        self.engine
            .check(self.family, &self.kernel, self.contexts)?;
        let (_, coefficients, targets) = self.widths();
        self.hyper.validate(&self.kernel, coefficients, targets)?;
        if let Some(uncertainty) = &self.uncertainty {
            uncertainty.priors.validate()?;
            let layout = uncertainty.layout;
            let fits = layout.inverse_length_scales == self.kernel.inverse_length_scales()
                && layout.terms == self.kernel.terms().len()
                && layout.coefficients == coefficients
                && [1, coefficients].contains(&layout.sets)
                && layout.noise == self.family.is_quadratic()
                && (layout.scales == 0 || (layout.scales == targets && layout.noise))
                && uncertainty.start.len() == layout.len()
                && uncertainty.tolerance.is_finite()
                && uncertainty.tolerance > 0.0;
            if !fits {
                return Err(inconsistent("hyperparameters"));
            }
        }
        if let Some(members) = self.mixture.0.get() {
            let total: f64 = members.iter().map(|(weight, _)| weight).sum();
            let is_weight = |weight: f64| weight > 0.0 && weight <= 1.0;
            if !members.iter().all(|(weight, _)| is_weight(*weight)) || (total - 1.0).abs() > 1e-9 {
                return Err(inconsistent("weights of hyperparameters"));
            }
            for (_, hyper) in members {
                hyper.validate(&self.kernel, coefficients, targets)?;
            }
        }
        if self.report.method != self.engine.method() {
            return Err(inconsistent("method"));
        }
        Ok(())
    }
}
