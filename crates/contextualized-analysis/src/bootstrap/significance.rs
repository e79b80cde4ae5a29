//! Is a sum of coefficients zero?

use super::Ensemble;
use super::coefficients::{flat, unflat};
use super::members::{standard_deviation, summarize};
use contextualized_core::{Coefficients, Result, VaryingCoefficients, WeightedContexts};

/// Tests of weighted sums of coefficients, such as averages and differences between contexts.
#[derive(Debug, Clone, PartialEq)]
pub struct SumTests {
    /// The sums of the fit to all rows.
    pub estimates: Coefficients,
    /// Standard deviations of the sums over members.
    pub standard_errors: Coefficients,
    /// Two-sided p-values of each sum being zero.
    pub p_values: Coefficients,
}

/// Twice the smaller share of members on one side of zero, members at zero being on both, and one
/// more member than there are on each.
fn percentile_p_value(values: &[f64]) -> f64 {
    let share = |count: usize| (1 + count) as f64 / (1 + values.len()) as f64;
    let below = share(values.iter().filter(|value| **value <= 0.0).count());
    let above = share(values.iter().filter(|value| **value >= 0.0).count());
    (2.0 * below.min(above)).min(1.0)
}

impl<M: VaryingCoefficients> Ensemble<M> {
    /// Two-sided tests of weighted sums of every coefficient being zero, from percentiles: the p-value
    /// is 2 min(1 + #{θ ≤ 0}, 1 + #{θ ≥ 0}) / (B + 1), at most 1, over the sums θ of B members, their
    /// deviations from the mean stretched as [`Ensemble`] says. It is at most α where the percentile
    /// interval of level 1 − α lies on one side of zero (Davison and Hinkley 1997,
    /// doi:10.1017/CBO9780511802843, chapter 4).
    ///
    /// The smallest possible p-value is 2 / (B + 1): adjust for many tests only with many replicates.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::InvalidParameter`] for fewer than 39 members, which cannot
    /// reject at 5 %; those of [`VaryingCoefficients::coefficients`].
    pub fn test_sums(&self, sums: &WeightedContexts) -> Result<SumTests> {
        let stretch = self.percentiles(0.95)?.stretch();
        let estimates = sums.coefficients(&self.original)?;
        let features = estimates.features();
        let tables = self.by_member(|model| flat(&sums.coefficients(model)?))?;
        let [standard_errors, p_values] = summarize(&tables, &|values: &mut [f64]| {
            let error = stretch * standard_deviation(values);
            let center = super::members::mean(values);
            for value in values.iter_mut() {
                *value = center + stretch * (*value - center);
            }
            [error, percentile_p_value(values)]
        });
        Ok(SumTests {
            estimates,
            standard_errors: unflat(standard_errors.view(), features)?,
            p_values: unflat(p_values.view(), features)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_values_by_hand() {
        let nine = |below: usize| -> Vec<f64> {
            (0..9).map(|i| if i < below { -1.0 } else { 1.0 }).collect()
        };
        assert_eq!(percentile_p_value(&nine(0)), 2.0 / 10.0);
        assert_eq!(percentile_p_value(&nine(9)), 2.0 / 10.0);
        assert_eq!(percentile_p_value(&nine(2)), 6.0 / 10.0);
        assert_eq!(percentile_p_value(&nine(4)), 1.0);
        assert_eq!(percentile_p_value(&[0.0; 9]), 1.0);
    }
}
