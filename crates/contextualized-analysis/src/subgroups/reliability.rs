//! Outcomes against predictions, bin by bin.

use super::{PredictedRows, known};
use contextualized_core::metrics::Score;
use contextualized_core::{Family, Result, Tail};
use ndarray::{ArrayView1, Axis};

/// Rows with similar predictions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReliabilityBin {
    /// Number of rows.
    pub rows: usize,
    /// Their weight.
    pub weight: f64,
    /// Their mean prediction.
    pub mean_prediction: f64,
    /// Their mean outcome, which is near the mean prediction where predictions are right.
    pub mean_outcome: f64,
    /// An interval for the mean outcome; `None` of a single outcome that is not binary.
    pub interval: Option<(f64, f64)>,
}

/// Bins of nearly equal weight from the smallest prediction to the largest, equal predictions in the
/// same bin.
pub(super) fn reliability(
    rows: &PredictedRows,
    family: Family,
    bins: usize,
    level: f64,
) -> Result<Vec<ReliabilityBin>> {
    let share = rows.weights.sum() / bins as f64;
    let mut filled: Vec<(usize, Vec<usize>)> = Vec::new();
    let mut below = 0.0;
    for tied in rows.ties() {
        let weight: f64 = tied.iter().map(|&row| rows.weights[row]).sum();
        // The bin in which the middle of these rows lies.
        let number = ((below + weight / 2.0) / share) as usize;
        below += weight;
        match filled.last_mut() {
            Some((last, members)) if *last == number => members.extend(tied),
            Some(_) | None => filled.push((number, tied)),
        }
    }
    let bins = filled.into_iter();
    bins.map(|(_, members)| bin(rows, &members, family, level))
        .collect()
}

fn bin(
    rows: &PredictedRows,
    members: &[usize],
    family: Family,
    level: f64,
) -> Result<ReliabilityBin> {
    let weights = rows.weights.select(Axis(0), members);
    let mean = |values: ArrayView1<'_, f64>| {
        Score::of_rows(values.select(Axis(0), members).view(), Some(weights.view()))
    };
    let outcome = mean(rows.outcomes.view())?;
    let prediction = mean(rows.predictions.view())?.mean;
    let total = weights.sum();
    let interval = if family.has_probabilities() {
        // Kish's number of rows of equal weight.
        let rows = total * total / weights.dot(&weights);
        Some(wilson_interval(outcome.mean, rows, level)?)
    } else {
        let (lowest, highest) = family.mean_range();
        let interval = student(outcome, members.len(), level)?;
        interval.map(|(lower, upper)| (lower.max(lowest), upper.min(highest)))
    };
    Ok(ReliabilityBin {
        rows: members.len(),
        weight: total,
        mean_prediction: prediction,
        mean_outcome: outcome.mean,
        interval,
    })
}

/// The interval of Wilson (1927, doi:10.1080/01621459.1927.10502953) for a probability, from a share of this
/// many rows.
///
/// # Errors
///
/// [`contextualized_core::Error::InvalidParameter`] for a level outside (0, 1).
pub fn wilson_interval(share: f64, rows: f64, level: f64) -> Result<(f64, f64)> {
    let z = Tail::new(level, None)?.quantile;
    let z2 = z * z / rows;
    let middle = (share + z2 / 2.0) / (1.0 + z2);
    let half = (share * (1.0 - share) * z2 + z2 * z2 / 4.0).sqrt() / (1.0 + z2);
    Ok((
        (middle - half).clamp(0.0, share),
        (middle + half).clamp(share, 1.0),
    ))
}

/// Student's interval for a mean, if there are two rows.
fn student(mean: Score, rows: usize, level: f64) -> Result<Option<(f64, f64)>> {
    let Some(error) = known(mean.standard_error) else {
        return Ok(None);
    };
    let half = Tail::new(level, Some((rows - 1) as f64))?.quantile * error;
    Ok(Some((mean.mean - half, mean.mean + half)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::{Array1, array};

    #[test]
    fn intervals_by_hand() {
        // 8 of 10: (0.8 + 1.9208/10 ± 1.96 √(0.016 + 0.9604/100)) / 1.38416, as in tables.
        let (lower, upper) = wilson_interval(0.8, 10.0, 0.95).unwrap();
        assert_relative_eq!(lower, 0.4901625, epsilon = 1e-6);
        assert_relative_eq!(upper, 0.9433178, epsilon = 1e-6);
        let (lower, upper) = wilson_interval(0.0, 5.0, 0.95).unwrap();
        assert_eq!(lower, 0.0);
        assert!(upper > 0.4 && upper < 0.45);
        // Mean 2, standard error 1/√3, t₀.₉₇₅ with 2 degrees of freedom 4.30265.
        let score = Score::of_rows(array![1.0, 2.0, 3.0].view(), None).unwrap();
        let (lower, _) = student(score, 3, 0.95).unwrap().unwrap();
        assert_relative_eq!(lower, 2.0 - 4.302_652_73 / 3.0_f64.sqrt(), epsilon = 1e-6);
    }

    #[test]
    fn equal_predictions_share_a_bin() {
        let outcomes = array![0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
        let predictions = array![0.1, 0.5, 0.5, 0.5, 0.5, 0.9];
        let bins = reliability(
            &PredictedRows::unweighted(outcomes, predictions),
            Family::Binomial,
            3,
            0.95,
        )
        .unwrap();
        let shown: Vec<_> = bins
            .iter()
            .map(|bin| (bin.rows, bin.mean_prediction, bin.mean_outcome))
            .collect();
        assert_eq!(shown, [(1, 0.1, 0.0), (4, 0.5, 0.75), (1, 0.9, 1.0)]);
    }

    #[test]
    fn every_row_is_in_one_bin_from_small_to_large() {
        let predictions = Array1::from_shape_fn(103, |row| ((row * 37) % 101) as f64);
        let bins = reliability(
            &PredictedRows::unweighted(predictions.mapv(|p| 2.0 * p), predictions),
            Family::Gaussian,
            10,
            0.9,
        )
        .unwrap();
        assert_eq!(bins.len(), 10);
        assert_eq!(bins.iter().map(|bin| bin.rows).sum::<usize>(), 103);
        assert!(bins.iter().all(|bin| (9..=12).contains(&bin.rows)));
        assert!(bins.is_sorted_by(|a, b| a.mean_prediction < b.mean_prediction));
        for bin in bins {
            assert_relative_eq!(
                bin.mean_outcome,
                2.0 * bin.mean_prediction,
                max_relative = 1e-12
            );
            let (lower, upper) = bin.interval.unwrap();
            assert!(lower < bin.mean_outcome && bin.mean_outcome < upper);
        }
    }
}
