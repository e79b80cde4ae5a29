//! Laplace's approximation at given hyperparameters.

use super::LowRank;
use crate::basis::Basis;
use crate::constants::ConstantPrior;
use crate::hyperparameters::Hyperparameters;
use crate::laplace::Position;
use crate::modes::at_mode;
use crate::observations::Observations;
use contextualized_core::{Family, Result};
use ndarray::{Array1, Array2, Axis};
use rayon::prelude::*;

/// Rows predicted at once.
const BLOCK: usize = 1024;

impl LowRank {
    /// The first target at these hyperparameters: the sums of the normal responses that Laplace's
    /// approximation has at the mode.
    pub(crate) fn at_mode(
        basis: &Basis,
        family: Family,
        rows: Observations<'_>,
        hyper: &Hyperparameters,
    ) -> Result<Self> {
        let hyper = hyper.without_noise();
        let constants = ConstantPrior::of(family, rows)?;
        let size = rows.design.ncols() * basis.functions();
        let (mut sums, correction) = at_mode(
            family,
            rows,
            size,
            |responses| Self::gather(basis.clone(), constants, responses),
            |sums| {
                let solved = sums.solve(&hyper)?;
                let units = sums.whitened_prior().mapv(f64::sqrt);
                let weights = solved.weights.means(&solved.roots);
                Ok(Position {
                    coordinates: units * solved.weights.whitened.column(0),
                    predictors: sums.predictors(&weights, rows)?,
                })
            },
        )?;
        sums.correction = Some(correction);
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
