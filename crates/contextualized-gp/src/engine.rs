//! The rows as one of two engines holds them.

use crate::covariance::components;
use crate::evidence::Evidence;
use crate::exact::{Exact, ExactPosterior, numerical};
use crate::fitted::PartialEffect;
use crate::hyperparameters::{Hyperparameters, Layout};
use crate::kernel::Kernel;
use crate::low_rank::{LowRank, LowRankPosterior, Rows};
use crate::process::Likelihood;
use crate::sums::{SharedMoments, SumMoments, Summands};
use contextualized_core::{Error, Result};
use contextualized_solvers::cholesky_with_limit;
use ndarray::{Array2, Array3, Array4, ArrayView2, Axis, concatenate, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Rows, exactly or as sums over a basis; of the latter one for all targets or, binary, one each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Engine {
    Exact(Box<Exact>),
    LowRank(Vec<LowRank>),
}

/// The posterior at some hyperparameters, for all targets or one for each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum State {
    Exact(Vec<ExactPosterior>),
    LowRank(Vec<LowRankPosterior>),
}

/// Covariances of the coefficients at some contexts.
type CovariancesAt<'a> = dyn Fn(ArrayView2<'_, f64>) -> Result<Array3<f64>> + Sync + 'a;

/// Contexts whose covariances are formed at once.
const BLOCK: usize = 64;

impl Engine {
    pub(crate) fn evidence(&self) -> &dyn Evidence {
        match self {
            Self::Exact(exact) => exact.as_ref(),
            Self::LowRank(parts) => match parts.as_slice() {
                [one] => one,
                _ => parts,
            },
        }
    }

    /// Size of the systems that are solved.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Exact(exact) => exact.contexts.nrows(),
            Self::LowRank(parts) => parts.first().map_or(0, LowRank::size),
        }
    }

    /// The mean share of the kernel that a basis leaves out; infinite without one, which nothing could
    /// improve.
    pub(crate) fn residual(&self) -> f64 {
        match self {
            Self::Exact(_) => f64::INFINITY,
            Self::LowRank(parts) => parts.iter().fold(0.0, |most, part| part.residual.max(most)),
        }
    }

    pub(crate) fn coefficients(&self) -> usize {
        match self {
            Self::Exact(exact) => exact.design.ncols(),
            Self::LowRank(parts) => parts.first().map_or(0, |part| part.coefficients),
        }
    }

    pub(crate) fn state(&self, hyper: &Hyperparameters) -> Result<State> {
        match self {
            Self::Exact(exact) => Ok(State::Exact(exact.posteriors(hyper)?)),
            Self::LowRank(parts) => Ok(State::LowRank(
                parts
                    .iter()
                    .map(|part| part.posterior(hyper))
                    .collect::<Result<_>>()?,
            )),
        }
    }

    /// Means of all coefficients (q × T × p).
    pub(crate) fn means(
        &self,
        state: &State,
        hyper: &Hyperparameters,
        at: ArrayView2<'_, f64>,
    ) -> Result<Array3<f64>> {
        let parts: Vec<Array3<f64>> = match (self, state) {
            (Self::Exact(exact), State::Exact(posteriors)) => posteriors
                .iter()
                .map(|posterior| exact.means(posterior, hyper, at))
                .collect(),
            (Self::LowRank(parts), State::LowRank(posteriors)) => parts
                .iter()
                .zip(posteriors)
                .map(|(part, posterior)| part.means(posterior, at))
                .collect::<Result<_>>()?,
            _ => unreachable!("a state is made by its engine"),
        };
        let views: Vec<_> = parts.iter().map(Array3::view).collect();
        Ok(concatenate(Axis(1), &views).expect("parts have the same rows and coefficients"))
    }

    /// Posterior covariances of the coefficients of each target at each context (q × T × p × p).
    pub(crate) fn covariances(
        &self,
        state: &State,
        hyper: &Hyperparameters,
        at: ArrayView2<'_, f64>,
    ) -> Result<Array4<f64>> {
        let targets = self.evidence().targets();
        let count = self.coefficients();
        let mut out = Array4::zeros((at.nrows(), targets, count, count));
        let shared = match state {
            State::Exact(posteriors) => posteriors.len() == 1,
            State::LowRank(posteriors) => posteriors.len() == 1,
        };
        let parts = if shared { 1 } else { targets };
        for part in 0..parts {
            let solver: Box<CovariancesAt<'_>> = match (self, state) {
                (Self::Exact(exact), State::Exact(posteriors)) => {
                    let factored = exact.solver(&posteriors[part], hyper)?;
                    Box::new(move |at| exact.covariances(&posteriors[part], &factored, hyper, at))
                }
                (Self::LowRank(sums), State::LowRank(posteriors)) => {
                    let prior = sums[part].prior(hyper)?;
                    Box::new(move |at| sums[part].covariances(&posteriors[part], &prior, hyper, at))
                }
                _ => unreachable!("a state is made by its engine"),
            };
            let blocks: Vec<_> = at
                .axis_chunks_iter(Axis(0), BLOCK)
                .zip(out.axis_chunks_iter_mut(Axis(0), BLOCK))
                .collect();
            blocks.into_par_iter().try_for_each(|(at, mut out)| {
                let block = solver(at)?;
                for target in 0..targets {
                    if shared {
                        let scaled = &block * hyper.scales[target];
                        out.slice_mut(s![.., target, .., ..]).assign(&scaled);
                    } else if target == part {
                        out.slice_mut(s![.., target, .., ..]).assign(&block);
                    }
                }
                Ok(())
            })?;
        }
        Ok(out)
    }

    /// What one term adds to every coefficient, with mean zero over the rows.
    pub(crate) fn partial_effect(
        &self,
        state: &State,
        hyper: &Hyperparameters,
        term: usize,
        at: ArrayView2<'_, f64>,
    ) -> Result<PartialEffect> {
        self.of_parts(
            state,
            |exact, posterior| exact.partial_effect(posterior, hyper, term, at.view()),
            |part, posterior| part.partial_effect(posterior, hyper, term, at.view()),
        )
    }

    /// Weighted sums of every coefficient over contexts.
    pub(crate) fn sums(
        &self,
        state: &State,
        hyper: &Hyperparameters,
        kernel: &Kernel,
        summands: &Summands<'_>,
    ) -> Result<SumMoments> {
        let parts: Vec<SharedMoments> = match (self, state) {
            (Self::Exact(exact), State::Exact(posteriors)) => posteriors
                .iter()
                .map(|posterior| exact.sums(posterior, hyper, summands))
                .collect::<Result<_>>()?,
            (Self::LowRank(parts), State::LowRank(posteriors)) => parts
                .iter()
                .zip(posteriors)
                .map(|(part, posterior)| part.sums(posterior, hyper, kernel, summands))
                .collect::<Result<_>>()?,
            _ => unreachable!("a state is made by its engine"),
        };
        let (targets, count) = (self.evidence().targets(), self.coefficients());
        let mut means = Array3::zeros((summands.sums(), targets, count));
        let mut covariances = Array4::zeros((summands.sums(), targets, count, count));
        let mut target = 0;
        for part in &parts {
            for mean in part.means.axis_iter(Axis(1)) {
                means.index_axis_mut(Axis(1), target).assign(&mean);
                let scale = if self.is_gaussian() {
                    hyper.scales[target]
                } else {
                    1.0
                };
                covariances
                    .index_axis_mut(Axis(1), target)
                    .assign(&(&part.covariances * scale));
                target += 1;
            }
        }
        Ok(SumMoments { means, covariances })
    }

    /// Effects of all targets together, from those of the engine's parts.
    fn of_parts(
        &self,
        state: &State,
        exactly: impl Fn(&Exact, &ExactPosterior) -> Result<PartialEffect>,
        by_basis: impl Fn(&LowRank, &LowRankPosterior) -> Result<PartialEffect>,
    ) -> Result<PartialEffect> {
        let parts: Vec<PartialEffect> = match (self, state) {
            (Self::Exact(exact), State::Exact(posteriors)) => posteriors
                .iter()
                .map(|posterior| exactly(exact, posterior))
                .collect::<Result<_>>()?,
            (Self::LowRank(parts), State::LowRank(posteriors)) => parts
                .iter()
                .zip(posteriors)
                .map(|(part, posterior)| by_basis(part, posterior))
                .collect::<Result<_>>()?,
            _ => unreachable!("a state is made by its engine"),
        };
        let join = |tables: Vec<Array3<f64>>| {
            let views: Vec<_> = tables.iter().map(Array3::view).collect();
            concatenate(Axis(1), &views).expect("parts have the same rows and coefficients")
        };
        let (means, variances) = parts.into_iter().map(|p| (p.means, p.variances)).unzip();
        Ok(PartialEffect {
            means: join(means),
            variances: join(variances),
        })
    }

    /// Residuals of rows predicted from all others.
    pub(crate) fn leave_one_out(
        &self,
        state: &State,
        hyper: &Hyperparameters,
        rows: Rows<'_>,
    ) -> Result<Array2<f64>> {
        let binary = || {
            Err(Error::invalid_parameter(
                "likelihood",
                "that of binary targets",
                "Gaussian, for a closed form",
            ))
        };
        match (self, state) {
            (Self::Exact(exact), _) if exact.likelihood == Likelihood::Gaussian => {
                let residuals = exact.leave_one_out(hyper)?;
                // Those of the rows as they are kept, times the roots of their weights.
                Ok(match rows.weights {
                    Some(weights) => residuals / weights.mapv(f64::sqrt).insert_axis(Axis(1)),
                    None => residuals,
                })
            }
            (Self::LowRank(parts), State::LowRank(posteriors)) => match parts.as_slice() {
                [part] if !part.is_working() => part.leave_one_out(&posteriors[0], hyper, rows),
                _ => binary(),
            },
            _ => binary(),
        }
    }

    /// A root H with `H Hᵀ` the joint posterior covariance, at unit scale, of all coefficients of one
    /// target at all contexts (q p × columns), coefficients fastest.
    pub(crate) fn joint_root(
        &self,
        state: &State,
        hyper: &Hyperparameters,
        target: usize,
        at: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        match (self, state) {
            (Self::Exact(exact), State::Exact(posteriors)) => {
                let posterior = &posteriors[target.min(posteriors.len() - 1)];
                let factored = exact.solver(posterior, hyper)?;
                let covariance = exact.joint_covariance(posterior, &factored, hyper, at)?;
                // Semi-definite to rounding; the prior's scale sets what rounding is.
                let prior: f64 = components(&exact.kernel, hyper)
                    .iter()
                    .flat_map(|part| part.variances.clone())
                    .sum::<f64>()
                    .max(f64::MIN_POSITIVE);
                let mut lifted = covariance;
                lifted
                    .diag_mut()
                    .mapv_inplace(|value| value.max(0.0) + 1e-12 * prior);
                let factor = numerical(cholesky_with_limit(lifted.view(), 1e-3))?;
                Ok(factor.lower().clone())
            }
            (Self::LowRank(parts), State::LowRank(posteriors)) => {
                let index = target.min(posteriors.len() - 1);
                parts[index].joint_root(&posteriors[index], hyper, at)
            }
            _ => unreachable!("a state is made by its engine"),
        }
    }

    /// Whether there is a noise.
    pub(crate) fn is_gaussian(&self) -> bool {
        match self {
            Self::Exact(exact) => exact.likelihood == Likelihood::Gaussian,
            Self::LowRank(parts) => parts.iter().all(|part| !part.is_working()),
        }
    }

    /// Whether tables read from a file fit together.
    pub(crate) fn validate(&self, kernel: &Kernel, contexts: usize) -> Result<()> {
        match self {
            Self::Exact(exact) => exact.validate(kernel, contexts),
            Self::LowRank(parts) if parts.is_empty() => Err(inconsistent("low-rank parts")),
            // Several parts are binary targets, one each, with the same coefficients.
            Self::LowRank(parts)
                if parts.len() > 1
                    && parts.iter().any(|part| {
                        !part.is_working()
                            || part.targets() != 1
                            || part.coefficients != parts[0].coefficients
                    }) =>
            {
                Err(inconsistent("low-rank parts"))
            }
            Self::LowRank(parts) => parts
                .iter()
                .try_for_each(|part| part.validate(kernel, contexts)),
        }
    }

    /// Whether a state read from a file is this engine's.
    pub(crate) fn validate_state(&self, state: &State) -> Result<()> {
        let count = self.coefficients();
        let targets = self.evidence().targets();
        let fits = match (self, state) {
            (Self::Exact(exact), State::Exact(posteriors)) => {
                let rows = exact.contexts.nrows();
                let each = if posteriors.len() == 1 { targets } else { 1 };
                posteriors.len() == exact.parts()
                    && posteriors.iter().all(|posterior| {
                        posterior.loads.dim() == (rows, each)
                            && posterior.constants.dim() == (count, each)
                            && posterior.root_precisions.len() == rows
                    })
            }
            (Self::LowRank(parts), State::LowRank(posteriors)) => {
                parts.len() == posteriors.len()
                    && parts.iter().zip(posteriors).all(|(part, posterior)| {
                        posterior.weights.dim() == (part.size(), part.targets())
                            && posterior.half.dim() == (part.size(), part.size())
                    })
            }
            _ => false,
        };
        if fits {
            Ok(())
        } else {
            Err(inconsistent("posterior"))
        }
    }

    pub(crate) fn jitter(state: &State) -> f64 {
        let jitters: Vec<f64> = match state {
            State::Exact(posteriors) => posteriors.iter().map(|p| p.jitter).collect(),
            State::LowRank(posteriors) => posteriors.iter().map(|p| p.jitter).collect(),
        };
        jitters.into_iter().fold(0.0, f64::max)
    }
}

/// Tables of a file whose shapes contradict each other.
pub(crate) fn inconsistent(table: &'static str) -> Error {
    Error::invalid_parameter(table, "of another shape", "as the rest of the model")
}

/// Binary targets, each with sums of its own.
impl Evidence for Vec<LowRank> {
    fn targets(&self) -> usize {
        self.len()
    }

    fn rows(&self) -> usize {
        self.first().map_or(0, Evidence::rows)
    }

    fn value(&self, hyper: &Hyperparameters) -> Result<f64> {
        self.iter().try_fold(
            0.0,
            |sum, part| Ok(sum + part.value(&of_one_target(hyper))?),
        )
    }

    fn value_and_gradient(
        &self,
        hyper: &Hyperparameters,
        layout: &Layout,
    ) -> Result<(f64, Vec<f64>)> {
        let mut total = (0.0, vec![0.0; layout.len()]);
        for part in self {
            let (value, gradient) = part.value_and_gradient(&of_one_target(hyper), layout)?;
            total.0 += value;
            total.1.iter_mut().zip(gradient).for_each(|(t, g)| *t += g);
        }
        Ok(total)
    }
}

fn of_one_target(hyper: &Hyperparameters) -> Hyperparameters {
    Hyperparameters {
        scales: ndarray::Array1::ones(1),
        ..hyper.clone()
    }
}
