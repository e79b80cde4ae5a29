//! Laplace's approximation at given hyperparameters.

use super::posterior::LevelsPosterior;
use super::{Factor, Levels};
use crate::basis::Basis;
use crate::constants::ConstantPrior;
use crate::hyperparameters::Hyperparameters;
use crate::laplace::Position;
use crate::modes::at_mode;
use crate::observations::Observations;
use contextualized_core::{Family, Result};
use ndarray::{Axis, concatenate};
use std::sync::Arc;

impl Levels {
    /// The first target at these hyperparameters: the rows of the normal responses that Laplace's
    /// approximation has at the mode.
    pub(crate) fn at_mode(
        factor: &Factor,
        basis: &Basis,
        family: Family,
        rows: Observations<'_>,
        hyper: &Hyperparameters,
    ) -> Result<Self> {
        let hyper = hyper.without_noise();
        let constants = ConstantPrior::of(family, rows)?;
        let size = rows.design.ncols() * basis.functions() * (1 + factor.levels());
        let gather = |responses: Observations<'_>| {
            Self::gather(factor.clone(), basis.clone(), constants, responses)
        };
        let (levels, correction) = at_mode(
            family,
            rows,
            size,
            |responses| gather(responses).map(Arc::new),
            |levels| {
                let solved = levels.solve(&hyper)?;
                let units = levels.whitened_prior().mapv(f64::sqrt);
                let common = units * solved.weights.whitened.column(0);
                let own = levels.whitened_of_levels(&solved)?;
                let posterior = LevelsPosterior::of(levels.clone(), &hyper, solved)?;
                Ok(Position {
                    coordinates: concatenate![Axis(0), common, own],
                    predictors: posterior.fitted(rows)?.remove_axis(Axis(1)),
                })
            },
        )?;
        let mut levels = Arc::unwrap_or_clone(levels);
        levels.correction = Some(correction);
        Ok(levels)
    }
}
