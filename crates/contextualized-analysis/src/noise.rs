//! Whether the noise is what a model takes it for.

use contextualized_core::{Error, Family, LocalCoefficients, Result, Samples, Standardization};
use contextualized_solvers::least_squares;
use ndarray::{Array1, Array2, ArrayView1, Axis, concatenate};
use statrs::distribution::{ChiSquared, ContinuousCDF, Normal};

/// What was seen of the noise of a target that its family does not expect.
#[derive(Debug, Clone, PartialEq)]
pub enum NoiseFinding {
    /// Squared residuals go with a column.
    Uneven {
        /// Name of the target.
        target: String,
        /// Name of the feature or context.
        column: String,
        /// By Koenker's test (1981, doi:10.1016/0304-4076(81)90062-2) of the column and its square, adjusted for
        /// the number of columns (Bonferroni).
        p_value: f64,
    },
    /// Outcomes vary more than those of the family with these means, whose dispersion is known.
    Overdispersed {
        /// Name of the target.
        target: String,
        /// Mean of Pearson's squared residuals, about one if all is well.
        dispersion: f64,
        /// Of as large a mean by chance.
        p_value: f64,
    },
    /// More counts are zero than the family expects with these means.
    ExcessZeros {
        /// Name of the target.
        target: String,
        /// Zeros that there are.
        observed: usize,
        /// Zeros that are expected.
        expected: f64,
        /// Of as many by chance.
        p_value: f64,
    },
}

/// Below it something is seen.
const LEVEL: f64 = 0.01;
/// Distinct values of a column that has no square of its own.
const FEW: usize = 2;

/// What is seen of the noise of a fitted model in the rows of samples: of uneven noise at most one finding for a
/// target, the clearest. Binary outcomes and classes show nothing, but shares of trials do.
///
/// Squares are those of Pearson's residuals, by row weight where weights are inverse variances or numbers of trials.
/// Tests hold for independent rows.
///
/// # Errors
///
/// Those of the model; [`Error::Numerical`].
pub fn noise_findings(
    model: &(impl LocalCoefficients + ?Sized),
    samples: &Samples,
) -> Result<Vec<NoiseFinding>> {
    let samples = samples.rows_that_count()?;
    let family = model.family();
    let shared = |share: &f64| *share > 0.0 && *share < 1.0;
    if family.has_probabilities() && !samples.targets().iter().any(shared) {
        return Ok(Vec::new());
    }
    let predictors = model.predictor_of_samples(&samples)?;
    let mut found = Vec::new();
    for (target, name) in samples.names().targets.iter().enumerate() {
        let outcomes = samples.targets().index_axis_move(Axis(1), target);
        let squares = Array1::from_shape_fn(samples.rows(), |row| {
            let mean = family.link().inverse(predictors[[row, target]]);
            let weighted = family.has_dispersion() || family.is_binary();
            let weights = samples.weights().filter(|_| weighted);
            let residual = family.pearson_residual(outcomes[row], mean);
            weights.map_or(1.0, |weights| weights[row]) * residual * residual
        });
        if !squares.iter().all(|square| square.is_finite()) {
            continue;
        }
        found.extend(if family.has_dispersion() {
            uneven(&samples, squares.view(), name)?
        } else {
            overdispersed(squares.view(), name)
        });
        if family.is_discrete() && !family.is_binary() {
            let own = predictors.column(target);
            found.extend(excess_zeros(family, outcomes, own, name));
        }
    }
    Ok(found)
}

fn uneven(
    samples: &Samples,
    squares: ArrayView1<'_, f64>,
    target: &str,
) -> Result<Option<NoiseFinding>> {
    let names = samples.names();
    // Codes of levels are no quantities that noise might rise with.
    let measured = names.measured_contexts();
    let contexts = samples.contexts().select(Axis(1), &measured);
    let all = concatenate(Axis(1), &[samples.features(), contexts.view()])
        .map_err(|error| Error::numerical("joining features and contexts", error))?;
    let standardized = Standardization::fit(all.view(), None)?.apply(all.view())?;
    let contexts = measured.iter().map(|&column| &names.contexts[column]);
    let named = names.features.iter().chain(contexts);
    let mut best: Option<(f64, &String)> = None;
    let mut tested = 0.0;
    for (column, name) in standardized.columns().into_iter().zip(named) {
        if column.iter().all(|value| *value == column[0]) {
            continue;
        }
        tested += 1.0;
        let p_value = koenker(column, squares)?;
        if best.is_none_or(|(least, _)| p_value < least) {
            best = Some((p_value, name));
        }
    }
    Ok(best
        .map(|(p_value, column)| (f64::min(p_value * tested, 1.0), column))
        .filter(|(p_value, _)| *p_value <= LEVEL)
        .map(|(p_value, column)| NoiseFinding::Uneven {
            target: target.to_owned(),
            column: column.clone(),
            p_value,
        }))
}

/// The p-value of the rows' number times R² of squared residuals given a column and its square, which is about
/// chi-squared if these have nothing to do with them.
fn koenker(column: ArrayView1<'_, f64>, squares: ArrayView1<'_, f64>) -> Result<f64> {
    let mut values: Vec<f64> = column.to_vec();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let degrees = if values.len() <= FEW { 1 } else { 2 };
    let rows = column.len();
    let design = Array2::from_shape_fn((rows, degrees + 1), |(row, power)| {
        column[row].powi(power as i32)
    });
    let mean = squares.mean().unwrap_or_default();
    let centred = squares.mapv(|square| square - mean);
    let whole = centred.dot(&centred);
    if whole <= 0.0 || rows <= degrees + 1 {
        return Ok(1.0);
    }
    let fit = least_squares(design.view(), centred.view().insert_axis(Axis(1)), None)
        .map_err(|error| Error::numerical("the test of even noise", error))?;
    let explained = 1.0 - fit.residual_sum_of_squares()[0] / whole;
    let distribution = ChiSquared::new(degrees as f64)
        .map_err(|error| Error::numerical("the test of even noise", error))?;
    Ok(distribution.sf(rows as f64 * explained.max(0.0)))
}

/// By how much zeros are more than expected, in the standard deviation of their number.
fn excess_zeros(
    family: Family,
    outcomes: ArrayView1<'_, f64>,
    predictors: ArrayView1<'_, f64>,
    target: &str,
) -> Option<NoiseFinding> {
    let observed = outcomes.iter().filter(|count| **count == 0.0).count();
    let chances = predictors.mapv(|own| family.derivatives(0.0, own).log_likelihood.exp());
    let expected = chances.sum();
    let variance = chances.mapv(|chance| chance * (1.0 - chance)).sum();
    let z = (observed as f64 - expected) / variance.sqrt();
    let p_value = Normal::standard().sf(z);
    (p_value <= LEVEL).then(|| NoiseFinding::ExcessZeros {
        target: target.to_owned(),
        observed,
        expected,
        p_value,
    })
}

/// By how much the mean of Pearson's squares is above one, in its standard errors.
fn overdispersed(squares: ArrayView1<'_, f64>, target: &str) -> Option<NoiseFinding> {
    let rows = squares.len() as f64;
    let dispersion = squares.mean()?;
    let spread = squares.mapv(|square| (square - dispersion).powi(2)).sum() / (rows - 1.0);
    let z = (dispersion - 1.0) / (spread / rows).sqrt();
    let p_value = Normal::standard().sf(z);
    (p_value <= LEVEL).then(|| NoiseFinding::Overdispersed {
        target: target.to_owned(),
        dispersion,
        p_value,
    })
}
