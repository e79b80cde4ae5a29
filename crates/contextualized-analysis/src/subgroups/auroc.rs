//! The area under the receiver operating characteristic.

use super::{Measured, PredictedRows, known};
use contextualized_core::Result;
use contextualized_core::metrics::Score;
use ndarray::Array1;

/// The area with the standard error of DeLong et al.; both outcomes have to occur.
///
/// Each row has a placement: the share of rows with the other outcome that it is on the right side
/// of, ties counted half. The area is the mean of the placements of ones, and of those of zeros, and
/// its variance the sum of the variances of both means.
pub(super) fn auroc(rows: &PredictedRows) -> Result<Measured> {
    let of_outcome = |outcome: f64| {
        let weights = rows.weights.iter().zip(&rows.outcomes);
        let own = weights.filter(|(_, y)| **y == outcome).map(|(w, _)| *w);
        own.collect::<Array1<f64>>()
    };
    let totals = [of_outcome(0.0).sum(), of_outcome(1.0).sum()];
    let mut below = [0.0; 2];
    let mut placements = Array1::zeros(rows.outcomes.len());
    for tied in rows.ties() {
        let mut here = [0.0; 2];
        for &row in &tied {
            here[usize::from(rows.outcomes[row] == 1.0)] += rows.weights[row];
        }
        for &row in &tied {
            placements[row] = if rows.outcomes[row] == 1.0 {
                (below[0] + here[0] / 2.0) / totals[0]
            } else {
                1.0 - (below[1] + here[1] / 2.0) / totals[1]
            };
        }
        below = [below[0] + here[0], below[1] + here[1]];
    }
    let of_placements = |outcome: f64| {
        let pairs = placements.iter().zip(&rows.outcomes);
        let own: Array1<f64> = pairs
            .filter(|(_, y)| **y == outcome)
            .map(|(placement, _)| *placement)
            .collect();
        Score::of_rows(own.view(), Some(of_outcome(outcome).view()))
    };
    let (ones, zeros) = (of_placements(1.0)?, of_placements(0.0)?);
    Ok(Measured {
        value: ones.mean,
        standard_error: known(ones.standard_error.hypot(zeros.standard_error)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::array;
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn ties_count_half() {
        // Pairs of a one and a zero: (0.4 over 0.1), (0.4 under 0.8), (0.8 over 0.1), (0.8 with 0.8).
        let measured = auroc(&PredictedRows::unweighted(
            array![0.0, 1.0, 0.0, 1.0],
            array![0.1, 0.4, 0.8, 0.8],
        ))
        .unwrap();
        assert_relative_eq!(measured.value, 2.5 / 4.0);
        // Placements ½, ¾ of ones and 1, ¼ of zeros: variances 1/32 and 9/32, halved.
        assert_relative_eq!(
            measured.standard_error.unwrap(),
            (10.0_f64 / 64.0).sqrt(),
            max_relative = 1e-12
        );
        let single = auroc(&PredictedRows::unweighted(
            array![0.0, 1.0, 0.0],
            array![0.1, 0.4, 0.8],
        ))
        .unwrap();
        assert_eq!((single.value, single.standard_error), (0.5, None));
    }

    /// The standard error is the deviation over data sets.
    #[test]
    fn standard_errors_are_calibrated() {
        let mut generator = ChaCha8Rng::seed_from_u64(1);
        let measured: Vec<Measured> = (0..500)
            .map(|_| {
                let outcomes = Array1::from_shape_fn(120, |row| f64::from(u8::from(row % 3 == 0)));
                let predictions = outcomes.mapv(|y| generator.gen_range(0.0..1.0) + 0.4 * y);
                auroc(&PredictedRows::unweighted(outcomes, predictions)).unwrap()
            })
            .collect();
        let mean = measured.iter().map(|m| m.value).sum::<f64>() / 500.0;
        let squares = measured
            .iter()
            .map(|m| (m.value - mean).powi(2))
            .sum::<f64>();
        let claimed = measured
            .iter()
            .filter_map(|m| m.standard_error)
            .sum::<f64>()
            / 500.0;
        // P(u + 0.4 > v) = 1 − 0.6² / 2 for uniform u and v.
        assert!((mean - 0.82).abs() < 0.01, "{mean}");
        let ratio = claimed / (squares / 499.0).sqrt();
        assert!((0.93..1.07).contains(&ratio), "{ratio}");
    }

    proptest! {
        #[test]
        fn as_by_all_pairs(
            data in prop::collection::vec((0..2_u8, 0..6_u8, 1..4_u8), 4..40),
        ) {
            let column = |of: fn(&(u8, u8, u8)) -> u8| -> Array1<f64> {
                data.iter().map(|row| f64::from(of(row))).collect()
            };
            let rows = PredictedRows {
                outcomes: column(|row| row.0),
                predictions: column(|row| row.1),
                weights: column(|row| row.2),
            };
            let (mut won, mut all) = (0.0, 0.0);
            for (one, p) in data.iter().zip(&rows.predictions) {
                for (zero, q) in data.iter().zip(&rows.predictions) {
                    if one.0 == 1 && zero.0 == 0 {
                        let pair = f64::from(one.2) * f64::from(zero.2);
                        all += pair;
                        won += pair * if p > q { 1.0 } else if p == q { 0.5 } else { 0.0 };
                    }
                }
            }
            prop_assume!(all > 0.0);
            let measured = auroc(&rows).unwrap();
            prop_assert!((measured.value - won / all).abs() < 1e-12);
        }
    }
}
