//! P-values adjusted for many tests.

use contextualized_core::{Error, Result};
use std::f64::consts::PI;

/// Holm's step-down adjustment: rejecting where it is at most α, the probability of any false
/// rejection is at most α, however the tests depend on each other (Holm 1979,
/// <https://www.jstor.org/stable/4615733>).
///
/// # Errors
///
/// [`Error::InvalidParameter`] for a p-value outside [0, 1].
pub fn holm(p_values: &[f64]) -> Result<Vec<f64>> {
    let order = ascending(p_values)?;
    let count = p_values.len();
    let mut adjusted = vec![0.0; count];
    let mut largest: f64 = 0.0;
    for (rank, &test) in order.iter().enumerate() {
        largest = largest.max((count - rank) as f64 * p_values[test]).min(1.0);
        adjusted[test] = largest;
    }
    Ok(adjusted)
}

/// Benjamini and Hochberg's step-up adjustment: rejecting where it is at most α, the expected share
/// of false ones among the rejections is at most α, for tests that are independent or positively
/// dependent (Benjamini and Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x).
///
/// # Errors
///
/// [`Error::InvalidParameter`] for a p-value outside [0, 1].
pub fn benjamini_hochberg(p_values: &[f64]) -> Result<Vec<f64>> {
    let order = ascending(p_values)?;
    let count = p_values.len();
    let mut adjusted = vec![0.0; count];
    let mut smallest: f64 = 1.0;
    for (rank, &test) in order.iter().enumerate().rev() {
        smallest = smallest.min(count as f64 / (rank + 1) as f64 * p_values[test]);
        adjusted[test] = smallest;
    }
    Ok(adjusted)
}

/// One p-value for the hypothesis that all are true, by the Cauchy combination: for small values it is right
/// however the tests depend on each other, and it is about as small as the smallest of them times the number
/// of tests (Liu and Xie 2020, doi:10.1080/01621459.2018.1554485). One if there are none.
///
/// A p-value above 0.75 counts as that: one near one would cancel another near zero, though it says nothing against
/// it. Of ten independent tests at 5 % that rejects 5.8 % instead of 5.0, of two 5.2.
///
/// # Errors
///
/// [`Error::InvalidParameter`] for a p-value outside [0, 1].
pub(crate) fn cauchy_combination(p_values: &[f64]) -> Result<f64> {
    check(p_values)?;
    if p_values.is_empty() {
        return Ok(1.0);
    }
    const MOST: f64 = 0.75;
    let smallest = p_values.iter().copied().fold(1.0, f64::min);
    if smallest >= MOST {
        return Ok(smallest);
    }
    let cauchy = |p: f64| (PI * p.clamp(f64::MIN_POSITIVE, MOST)).tan().recip();
    let mean = p_values.iter().map(|p| cauchy(*p)).sum::<f64>() / p_values.len() as f64;
    Ok(if mean > 0.0 {
        mean.recip().atan() / PI
    } else {
        0.5 - mean.atan() / PI
    })
}

/// Positions in the order of their p-values, which are checked.
fn ascending(p_values: &[f64]) -> Result<Vec<usize>> {
    check(p_values)?;
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    Ok(order)
}

fn check(p_values: &[f64]) -> Result<()> {
    if let Some((position, value)) = p_values
        .iter()
        .enumerate()
        .find(|(_, value)| !(0.0..=1.0).contains(*value))
    {
        return Err(Error::invalid_parameter(
            "p-value",
            format!("{value} at position {position}"),
            "between 0 and 1",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn by_hand() {
        let p = [0.01, 0.04, 0.03, 0.005];
        // R: p.adjust(p, "holm"), p.adjust(p, "BH").
        let close = |found: Vec<f64>, expected: [f64; 4]| {
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-15);
            }
        };
        close(holm(&p).unwrap(), [0.03, 0.06, 0.06, 0.02]);
        close(benjamini_hochberg(&p).unwrap(), [0.02, 0.04, 0.04, 0.02]);
        assert!(holm(&[]).unwrap().is_empty());
        assert!(
            holm(&[0.5, f64::NAN])
                .unwrap_err()
                .to_string()
                .contains("position 1")
        );
        assert!(benjamini_hochberg(&[1.5]).is_err());
    }

    #[test]
    fn a_combination_of_equal_values_is_their_own() {
        for p in [1e-300, 1e-20, 0.03, 0.5, 0.9] {
            let combined = cauchy_combination(&[p; 7]).unwrap();
            assert!((combined / p - 1.0).abs() < 1e-12, "{p} {combined}");
        }
        // The mean of tan(π (½ − p)) is 1/2 (cot 0.01π + cot 0.5π): p = arccot of that over π.
        let combined = cauchy_combination(&[0.01, 0.5]).unwrap();
        assert!((combined - 0.01998029966405365).abs() < 1e-12, "{combined}");
        assert!(cauchy_combination(&[1.0, 1e-9]).unwrap() < 3e-9);
        // What says nothing does not outweigh what says something.
        let combined = cauchy_combination(&[0.0241, 0.975]).unwrap();
        assert!(combined < 0.053, "{combined}");
        assert_eq!(cauchy_combination(&[0.8, 1.0]).unwrap(), 0.8);
        assert_eq!(cauchy_combination(&[]).unwrap(), 1.0);
        assert!(cauchy_combination(&[-0.1]).is_err());
    }

    proptest! {
        /// Neither is below the p-value or above Bonferroni's, order is kept, and Holm's is the larger.
        #[test]
        fn adjusted_values_are_ordered(p in prop::collection::vec(0.0..=1.0_f64, 1..30)) {
            let (holm, bh) = (holm(&p).unwrap(), benjamini_hochberg(&p).unwrap());
            for i in 0..p.len() {
                prop_assert!(p[i] <= bh[i] + 1e-15 && bh[i] <= holm[i] + 1e-15);
                prop_assert!(holm[i] <= (p.len() as f64 * p[i]).min(1.0) + 1e-15);
                for j in 0..p.len() {
                    prop_assert!(p[i] > p[j] || (holm[i] <= holm[j] && bh[i] <= bh[j]));
                }
            }
        }
    }
}
