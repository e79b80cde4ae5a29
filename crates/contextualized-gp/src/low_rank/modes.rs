//! Binary outcomes: Newton's iteration by passes over the rows.

use super::{LowRank, LowRankPosterior, Rows};
use crate::basis::Basis;
use crate::hyperparameters::Hyperparameters;
use crate::laplace::{derivatives, log_likelihood};
use contextualized_core::{Error, Result};
use ndarray::{Array1, Axis};
use rayon::prelude::*;

/// Passes over the rows to the mode of binary outcomes.
const MAX_PASSES: usize = 50;
const MODE_TOLERANCE: f64 = 1e-8;
/// A row whose outcome is certain to rounding says nothing of the curvature.
const LEAST_PRECISION: f64 = 1e-10;
/// The most a linear predictor changes in one pass.
const MOST_CHANGE: f64 = 10.0;
/// Rows predicted at once.
const BLOCK: usize = 1024;

impl LowRank {
    /// Binary targets at these hyperparameters: for each the sums of the Gaussian rows that Laplace's
    /// approximation has at the mode, found by Newton's iteration over passes through the rows.
    pub(crate) fn at_modes(
        basis: &Basis,
        constant: f64,
        rows: Rows<'_>,
        hyper: &Hyperparameters,
    ) -> Result<Vec<Self>> {
        let hyper = Hyperparameters {
            noise: 1.0,
            scales: Array1::ones(1),
            ..hyper.clone()
        };
        let ones = Array1::ones(rows.contexts.nrows());
        let weights = rows.weights.as_ref().map_or(ones.view(), |w| w.view());
        rows.targets
            .columns()
            .into_iter()
            .map(|target| {
                let mut predictors = Array1::<f64>::zeros(target.len());
                for _ in 0..MAX_PASSES {
                    let (slopes, precisions) = derivatives(&predictors, target, weights);
                    let precisions = precisions.mapv(|p| p.max(LEAST_PRECISION));
                    let working = (&predictors + &(&slopes / &precisions)).insert_axis(Axis(1));
                    let mut sums = Self::gather(
                        basis.clone(),
                        constant,
                        Rows {
                            contexts: rows.contexts.view(),
                            design: rows.design.view(),
                            targets: working.view(),
                            weights: Some(precisions.view()),
                        },
                    )?;
                    let posterior = sums.posterior(&hyper)?;
                    let next = sums.predictors(&posterior, rows)?;
                    let change = (&next - &predictors)
                        .iter()
                        .fold(0.0, |most: f64, c| most.max(c.abs()));
                    // A step that is too long overshoots by its own length: halve it.
                    let step = (MOST_CHANGE / change.max(f64::MIN_POSITIVE)).min(1.0);
                    predictors = &predictors + &((&next - &predictors) * step);
                    if change < MODE_TOLERANCE.sqrt() {
                        let residual = (&working.column(0) - &predictors).mapv(|r| r * r);
                        let constant = precisions.mapv(|p| (p / std::f64::consts::TAU).ln()).sum();
                        sums.correction = Some(
                            log_likelihood(&predictors, target, weights.view())
                                + 0.5 * ((&residual * &precisions).sum() - constant),
                        );
                        return Ok(sums);
                    }
                }
                Err(Error::NotConverged {
                    algorithm: "Newton's iteration to the posterior mode",
                    iterations: MAX_PASSES,
                    criterion: "largest change of a linear predictor",
                    value: f64::NAN,
                    tolerance: MODE_TOLERANCE.sqrt(),
                })
            })
            .collect()
    }

    /// Linear predictors of the rows.
    fn predictors(&self, posterior: &LowRankPosterior, rows: Rows<'_>) -> Result<Array1<f64>> {
        let mut predictors = Array1::zeros(rows.contexts.nrows());
        let blocks: Vec<_> = predictors
            .axis_chunks_iter_mut(Axis(0), BLOCK)
            .zip(rows.contexts.axis_chunks_iter(Axis(0), BLOCK))
            .zip(rows.design.axis_chunks_iter(Axis(0), BLOCK))
            .collect();
        blocks
            .into_par_iter()
            .try_for_each(|((mut out, contexts), design)| {
                let means = self.means(posterior, contexts)?;
                let means = means.index_axis(Axis(1), 0);
                out.assign(&(&means * &design).sum_axis(Axis(1)));
                Ok(())
            })?;
        Ok(predictors)
    }
}
