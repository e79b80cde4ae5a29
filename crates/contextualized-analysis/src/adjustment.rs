//! P-values adjusted for many tests.

use contextualized_core::{Error, Result};

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

/// Positions in the order of their p-values, which are checked.
fn ascending(p_values: &[f64]) -> Result<Vec<usize>> {
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
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    Ok(order)
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
