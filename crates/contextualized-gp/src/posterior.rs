//! What is asked of the coefficient functions given the rows and hyperparameters.

use crate::hyperparameters::Hyperparameters;
use crate::observations::Observations;
use crate::sums::Summands;
use contextualized_core::{Error, Result};
use ndarray::{
    Array, Array2, Array3, Array4, ArrayView2, ArrayView3, Axis, Dimension, concatenate,
};
use rayon::prelude::*;
use std::ops::Range;

/// The posterior of the coefficient functions of targets that share it but for a scale.
pub(crate) trait Posterior: std::fmt::Debug + Send + Sync {
    fn hyperparameters(&self) -> &Hyperparameters;

    /// The largest jitter that a factorisation needed.
    fn jitter(&self) -> f64;

    /// Means of all coefficients at contexts (q × T × p).
    fn means(&self, at: ArrayView2<'_, f64>) -> Result<Array3<f64>>;

    /// Moments of all coefficients at each context.
    fn coefficients(&self, at: ArrayView2<'_, f64>) -> Result<SharedMoments>;

    /// Moments of the linear predictor of each row of contexts and a design.
    fn predictors(
        &self,
        at: ArrayView2<'_, f64>,
        design: ArrayView2<'_, f64>,
    ) -> Result<SharedMoments>;

    /// Moments of weighted sums of every coefficient over contexts.
    fn sums(&self, summands: &Summands<'_>) -> Result<SharedMoments>;

    /// Moments of what one term adds to every coefficient, with mean zero over the rows.
    fn partial_effect(&self, term: usize, at: ArrayView2<'_, f64>) -> Result<SharedMoments>;

    /// A root H with `H Hᵀ` the joint covariance, at unit scale, of all coefficients of one target at
    /// all contexts (q p × columns), coefficients fastest.
    fn joint_root(&self, at: ArrayView2<'_, f64>) -> Result<Array2<f64>>;

    /// Residuals of the rows it was made from, of a quadratic likelihood, each predicted from all
    /// others.
    fn leave_one_out(&self, rows: Observations<'_>) -> Result<Array2<f64>>;
}

/// Means and covariances of coefficients, of sums of them, or of what a term adds to them.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// Posterior means (q × T × p).
    pub means: Array3<f64>,
    /// Posterior covariances of the coefficients of each target with each other (q × T × p × p).
    pub covariances: Array4<f64>,
}

/// The same of targets that share a posterior, the covariances (q × p × p) at unit scale.
pub(crate) struct SharedMoments {
    pub(crate) means: Array3<f64>,
    pub(crate) covariances: Array3<f64>,
}

impl Moments {
    /// Variances of each coefficient (q × T × p).
    pub fn variances(&self) -> Array3<f64> {
        Array3::from_shape_fn(self.means.dim(), |(q, t, j)| self.covariances[[q, t, j, j]])
    }

    pub(crate) fn of_nothing(targets: usize, size: usize) -> Self {
        Self {
            means: Array3::zeros((0, targets, size)),
            covariances: Array4::zeros((0, targets, size, size)),
        }
    }

    /// Of all targets, from those of parts with a scale for each of their targets.
    pub(crate) fn joined(parts: Vec<(SharedMoments, &[f64])>) -> Self {
        let means = along(Axis(1), parts.iter().map(|(part, _)| part.means.view()));
        let (rows, targets, size) = means.dim();
        let mut covariances = Array4::zeros((rows, targets, size, size));
        let of_targets = parts
            .iter()
            .flat_map(|(part, scales)| scales.iter().map(|scale| (&part.covariances, *scale)));
        for (mut out, (shared, scale)) in covariances.axis_iter_mut(Axis(1)).zip(of_targets) {
            out.assign(&(shared * scale));
        }
        Self { means, covariances }
    }

    /// Adds the covariances about some centres of a distribution that has these with a weight.
    pub(crate) fn add_member(&mut self, weight: f64, member: &Self) {
        self.covariances.scaled_add(weight, &member.covariances);
        let off = &member.means - &self.means;
        let column = off.view().insert_axis(Axis(3));
        let outer = &column * &off.view().insert_axis(Axis(2));
        self.covariances.scaled_add(weight, &outer);
    }

    /// Numbers that did not overflow on the way, as those of a polynomial do far from all rows.
    pub(crate) fn finite(self, what: &'static str) -> Result<Self> {
        check_finite(what, &self.means)?;
        check_finite(what, &self.covariances)?;
        Ok(self)
    }
}

/// Parts put together: blocks along rows, targets along theirs.
pub(crate) fn along<'a>(
    axis: Axis,
    parts: impl Iterator<Item = ArrayView3<'a, f64>>,
) -> Array3<f64> {
    let views: Vec<_> = parts.collect();
    concatenate(axis, &views).expect("parts have the same shape but for what they are put along")
}

/// An error for the first value that is not finite.
pub(crate) fn check_finite<D: Dimension>(
    argument: &'static str,
    table: &Array<f64, D>,
) -> Result<()> {
    let width = (table.len() / table.len_of(Axis(0)).max(1)).max(1);
    let mut values = table.iter().enumerate();
    let found = values.find(|(_, value)| !value.is_finite());
    found.map_or(Ok(()), |(index, &value)| {
        Err(Error::NotFinite {
            argument,
            row: index / width,
            column: index % width,
            value,
        })
    })
}

/// Rows dealt with at once; fixed, so that results do not depend on the number of threads.
const BLOCK: usize = 64;

/// Tables of rows that are dealt with in blocks, in order.
pub(crate) fn blocks<T: Send>(
    rows: usize,
    table: impl Fn(Range<usize>) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    (0..rows.div_ceil(BLOCK))
        .into_par_iter()
        .map(|block| table(block * BLOCK..rows.min((block + 1) * BLOCK)))
        .collect()
}

/// Moments of rows that are dealt with in blocks.
pub(crate) fn by_blocks(
    rows: usize,
    moments: impl Fn(Range<usize>) -> Result<SharedMoments> + Sync,
) -> Result<SharedMoments> {
    let blocks = blocks(rows, moments)?;
    Ok(SharedMoments {
        means: along(Axis(0), blocks.iter().map(|block| block.means.view())),
        covariances: along(Axis(0), blocks.iter().map(|block| block.covariances.view())),
    })
}

/// What its own outcome leaves of the precision with which a row is known, if that is not rounding.
pub(crate) fn remainder(row: usize, share: f64) -> Result<f64> {
    const LEAST: f64 = 1e-12;
    if share > LEAST {
        return Ok(share);
    }
    Err(Error::invalid_parameter(
        "leverage",
        format!("1 at row {}", row + 1),
        "below 1: without the row not all coefficients are determined",
    ))
}
