//! The quantile of scores that makes intervals hold.

use ndarray::ArrayView1;

/// Rounding error that a product of a level and a count may have.
const ROUNDING: f64 = 1e-12;

/// The smallest score s such that the masses of scores up to s reach (M + 1) · level, M being the mass
/// of all: of masses one the ⌈(m + 1) · level⌉-th smallest of m. `None` where M is too little.
pub(super) fn conformal_quantile(
    scores: ArrayView1<'_, f64>,
    masses: ArrayView1<'_, f64>,
    level: f64,
) -> Option<f64> {
    let wanted = wanted(masses.sum(), level);
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let mut reached = 0.0;
    order
        .into_iter()
        .find(|&row| {
            reached += masses[row];
            reached >= wanted
        })
        .map(|row| scores[row])
}

/// Whether so much mass can calibrate a level.
pub(super) fn reaches(mass: f64, level: f64) -> bool {
    mass >= wanted(mass, level)
}

/// The fewest rows that calibrate a level.
pub(super) fn least(level: f64) -> usize {
    (level / (1.0 - level) * (1.0 - ROUNDING)).ceil() as usize
}

fn wanted(mass: f64, level: f64) -> f64 {
    (mass + 1.0) * level * (1.0 - ROUNDING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, array};
    use proptest::prelude::*;

    #[test]
    fn the_order_statistic_by_hand() {
        let scores = Array1::from_iter((1..=19).rev().map(f64::from));
        let quantile = |level| conformal_quantile(scores.view(), Array1::ones(19).view(), level);
        assert_eq!(quantile(0.95), Some(19.0)); // ⌈20 · 0.95⌉
        assert_eq!(quantile(0.9), Some(18.0));
        assert_eq!(quantile(0.5), Some(10.0));
        assert_eq!(quantile(0.951), None);
        assert!(reaches(19.0, 0.95) && !reaches(18.0, 0.95));
        assert_eq!([0.95, 0.9, 0.99, 0.5].map(least), [19, 9, 99, 1]);
    }

    proptest! {
        /// Among m + 1 exchangeable numbers, all distinct, exactly ⌈(m + 1) · level⌉ do not exceed the
        /// quantile of the other m: coverage is not approximate.
        #[test]
        fn coverage_is_exact(
            values in prop::collection::hash_set(0..10_000_i32, 20..80),
            level in 0.05..0.95_f64,
        ) {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let ones = Array1::ones(values.len() - 1);
            let held = (0..values.len()).filter(|&new| {
                let others: Array1<f64> = values
                    .iter()
                    .enumerate()
                    .filter(|(row, _)| *row != new)
                    .map(|(_, value)| *value)
                    .collect();
                let quantile = conformal_quantile(others.view(), ones.view(), level).unwrap();
                values[new] <= quantile
            });
            let count = values.len() as f64;
            prop_assert_eq!(held.count() as f64, (count * level).ceil());
        }

        #[test]
        fn weights_repeat_rows(
            rows in prop::collection::vec((0.0..1.0_f64, 0..4_usize), 8..40),
            level in 0.1..0.8_f64,
        ) {
            let scores: Array1<f64> = rows.iter().map(|row| row.0).collect();
            let masses: Array1<f64> = rows.iter().map(|row| row.1 as f64).collect();
            let repeated: Array1<f64> = rows
                .iter()
                .flat_map(|row| std::iter::repeat_n(row.0, row.1))
                .collect();
            let ones = Array1::ones(repeated.len());
            prop_assert_eq!(
                conformal_quantile(scores.view(), masses.view(), level),
                conformal_quantile(repeated.view(), ones.view(), level)
            );
        }
    }

    #[test]
    fn rows_without_mass_are_passed_over() {
        let (scores, masses) = (array![1.0, 2.0, 3.0], array![0.0, 1.0, 1.0]);
        assert_eq!(
            conformal_quantile(scores.view(), masses.view(), 0.3),
            Some(2.0)
        );
    }
}
