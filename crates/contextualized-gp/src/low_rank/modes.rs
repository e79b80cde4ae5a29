//! Laplace's approximation by passes over the rows.

use super::LowRank;
use crate::basis::Basis;
use crate::constants::ConstantPrior;
use crate::hyperparameters::Hyperparameters;
use crate::laplace::{MAX_ITERATIONS, Outcomes, Position, Working, newton};
use crate::observations::Observations;
use contextualized_core::{Family, Result};
use ndarray::{Array1, Array2, Axis};
use rayon::prelude::*;

/// Rows predicted at once.
const BLOCK: usize = 1024;

impl LowRank {
    /// The first target at these hyperparameters: the sums of the normal responses that Laplace's
    /// approximation has at the mode, found by Newton's iteration, each step a pass over the rows.
    pub(crate) fn at_mode(
        basis: &Basis,
        family: Family,
        rows: Observations<'_>,
        hyper: &Hyperparameters,
    ) -> Result<Self> {
        let hyper = Hyperparameters {
            noise: 1.0,
            scales: Array1::ones(1),
            ..hyper.clone()
        };
        let constants = ConstantPrior::of(family, rows)?;
        let outcomes = Outcomes::of(family, rows);
        let gather = |working: &Working| {
            let responses = working.responses.view().insert_axis(Axis(1));
            let responses = Observations::new(rows.contexts.view(), rows.design.view(), responses)
                .with_weights(Some(working.precisions.view()));
            Self::gather(basis.clone(), constants, responses)
        };
        let size = rows.design.ncols() * basis.functions();
        let mode = newton(
            &outcomes,
            size,
            MAX_ITERATIONS,
            |position| {
                let squares = position.coordinates.mapv(|weight| weight * weight);
                0.5 * constants
                    .whitened(rows.design.ncols(), basis.functions())
                    .dot(&squares)
            },
            |working| {
                let sums = gather(working)?;
                let solved = sums.solve(&hyper)?;
                Ok(Position {
                    coordinates: solved.whitened.column(0).to_owned(),
                    predictors: sums.predictors(&sums.weights(&solved), rows)?,
                })
            },
        )?;
        let mut sums = gather(&mode.working)?;
        let precisions = &mode.working.precisions;
        let residuals = (&mode.working.responses - &mode.predictors).mapv(|r| r * r);
        let constant = precisions.mapv(|p| (p / std::f64::consts::TAU).ln()).sum();
        let quadratic = residuals.dot(precisions);
        sums.correction = Some(mode.log_likelihood + 0.5 * (quadratic - constant));
        Ok(sums)
    }

    /// Linear predictors of the rows, of the first target.
    fn predictors(&self, weights: &Array2<f64>, rows: Observations<'_>) -> Result<Array1<f64>> {
        let mut predictors = Array1::zeros(rows.rows());
        let blocks: Vec<_> = predictors
            .axis_chunks_iter_mut(Axis(0), BLOCK)
            .zip(rows.contexts.axis_chunks_iter(Axis(0), BLOCK))
            .zip(rows.design.axis_chunks_iter(Axis(0), BLOCK))
            .collect();
        blocks
            .into_par_iter()
            .try_for_each(|((mut out, contexts), design)| {
                let means = self.means(weights, contexts)?;
                let means = means.index_axis(Axis(1), 0);
                out.assign(&(&means * &design).sum_axis(Axis(1)));
                Ok(())
            })?;
        Ok(predictors)
    }
}
