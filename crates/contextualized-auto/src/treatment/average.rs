//! The average effect over the rows.

use super::Residuals;
use super::overlap::{mean, weights_or_ones};
use contextualized_core::validate::check_columns;
use contextualized_core::{Error, Result, VaryingCoefficients};
use ndarray::{Array1, Axis};
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};
use std::collections::BTreeMap;

/// Probabilities that are divided by are at least this far from zero and one.
const LEAST: f64 = 0.01;

/// The average of the effect over the rows, as those of the population they are drawn from.
///
/// Of a treatment of two values it is the doubly robust one (Robins, Rotnitzky and Zhao 1994, doi:10.1080/01621459.1994.10476818): the
/// mean of
///
/// ```text
/// τ(c) + (W − e) / (e (1 − e)) · (y − m − τ(c) (W − e)),
/// ```
///
/// with e at least 0.01 and at most 0.99 where it is divided by. Of any other treatment the variance of W, which is taken not to depend on
/// features and contexts, is in place of e (1 − e). The standard error is that of a mean, of groups where rows
/// depend on each other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AverageEffect {
    /// The estimate, per unit of the treatment.
    pub estimate: f64,
    /// Its standard error.
    pub standard_error: f64,
}

impl AverageEffect {
    /// A normal interval that should contain the average effect with probability `level`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a level outside (0, 1).
    pub fn interval(&self, level: f64) -> Result<[f64; 2]> {
        if !(level > 0.0 && level < 1.0) {
            return Err(Error::invalid_parameter("level", level, "between 0 and 1"));
        }
        let half = self.standard_error * Normal::standard().inverse_cdf((1.0 + level) / 2.0);
        Ok([self.estimate - half, self.estimate + half])
    }
}

pub(super) fn average_effects(
    residuals: &Residuals,
    effect: &dyn VaryingCoefficients,
) -> Result<Vec<AverageEffect>> {
    let samples = &residuals.samples;
    let found = effect.coefficients(samples.contexts())?;
    check_columns("features of the effect", 1, found.features())?;
    check_columns(
        "targets of the effect",
        samples.targets().ncols(),
        found.targets(),
    )?;
    let deviations = samples.features().index_axis_move(Axis(1), 0);
    let squared = residuals.unit * residuals.unit;
    let variances = match &residuals.probabilities {
        Some(probabilities) => probabilities.mapv(|p| {
            let p = p.clamp(LEAST, 1.0 - LEAST);
            p * (1.0 - p) * squared
        }),
        None => {
            let all = mean((&deviations * &deviations).view(), samples.weights());
            Array1::from_elem(samples.rows(), all)
        }
    };
    let weights = weights_or_ones(samples.weights(), samples.rows());
    let clusters = samples.dependent_rows();
    let average = |target: usize| {
        let slopes = found.slopes();
        let own = slopes.index_axis(Axis(1), target);
        let own = own.index_axis(Axis(1), 0);
        let residual = &samples.targets().index_axis_move(Axis(1), target) - &(&own * &deviations);
        let scores = &own + &(&deviations / &variances * residual);
        let estimate = mean(scores.view(), samples.weights());
        let deviations = (scores - estimate) * &weights;
        let sums: Vec<f64> = match &clusters {
            Some(clusters) => {
                let mut sums = BTreeMap::new();
                for (cluster, deviation) in clusters.iter().zip(&deviations) {
                    *sums.entry(*cluster).or_insert(0.0) += deviation;
                }
                sums.into_values().collect()
            }
            None => deviations.to_vec(),
        };
        let count = sums.len() as f64;
        let square: f64 = sums.iter().map(|sum| sum * sum).sum();
        AverageEffect {
            estimate,
            standard_error: (square * count / (count - 1.0).max(1.0)).sqrt() / weights.sum(),
        }
    };
    Ok((0..samples.targets().ncols()).map(average).collect())
}
