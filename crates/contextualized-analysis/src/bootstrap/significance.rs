//! Is a sum of coefficients zero?

use super::Ensemble;
use super::coefficients::varying;
use super::members::{standard_deviation, summarize};
use crate::flat::{flat, unflat};
use contextualized_core::{Coefficients, Error, LocalCoefficients, Result, WeightedContexts};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Tests of weighted sums of coefficients, such as averages and differences between contexts.
#[derive(Debug, Clone, PartialEq)]
pub struct SumTests {
    /// The sums of the fit to all rows.
    pub estimates: Coefficients,
    /// Standard errors of the sums, see [`Ensemble::test_sums`].
    pub standard_errors: Coefficients,
    /// Two-sided p-values of each sum being zero.
    pub p_values: Coefficients,
}

impl<M: LocalCoefficients> Ensemble<M> {
    /// Two-sided tests of weighted sums of every coefficient being zero: the sum of the fit to all rows
    /// over its bootstrap standard error, against Student's t.
    ///
    /// The bootstrap's variance is that of n units resampled without regard to the coefficients that
    /// are estimated from them, k of each target (one if whole groups are resampled), so it is enlarged
    /// by n / (n − k), as that of HC1 in regression (MacKinnon and White 1985,
    /// doi:10.1016/0304-4076(85)90158-7). The degrees of freedom are those of a variance that is known
    /// from n − k units and B members, 1 / (1 / (n − k) + 1 / (B − 1)). Percentiles without this reject
    /// true hypotheses too often.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for fewer than 20 members, [`Error::TooFewRows`] for no more units
    /// than coefficients; those of [`contextualized_core::VaryingCoefficients::coefficients`].
    pub fn test_sums(&self, sums: &WeightedContexts) -> Result<SumTests> {
        let members = self.members.len();
        if members < 20 {
            return Err(Error::invalid_parameter(
                "members",
                members,
                "at least 20 for a standard error",
            ));
        }
        let estimates = sums.coefficients(varying(&self.original)?)?;
        let features = estimates.features();
        let draws = self.draws()?;
        let units = draws.units();
        let estimated = if draws.are_groups() { 1 } else { features + 1 };
        if units <= estimated {
            return Err(Error::TooFewRows {
                purpose: format!("tests of {estimated} coefficients"),
                needed: estimated + 1,
                found: units,
            });
        }
        let left = (units - estimated) as f64;
        let enlarged = draws.stretch() * (units as f64 / left).sqrt();
        let degrees = (1.0 / left + 1.0 / (members - 1) as f64).recip();
        let student = StudentsT::new(0.0, 1.0, degrees)
            .map_err(|source| Error::numerical("the distribution of a bootstrap's t", source))?;
        let tables = self.by_member(|model| flat(&sums.coefficients(varying(model)?)?))?;
        let [standard_errors] = summarize(&tables, &|values: &mut [f64]| {
            [enlarged * standard_deviation(values)]
        });
        let mut p_values = flat(&estimates)?;
        p_values.zip_mut_with(&standard_errors, |value, &error| {
            *value = match (*value, error) {
                (0.0, _) => 1.0,
                (_, 0.0) => 0.0,
                (estimate, error) => 2.0 * student.sf((estimate / error).abs()),
            };
        });
        Ok(SumTests {
            estimates,
            standard_errors: unflat(standard_errors.view(), features)?,
            p_values: unflat(p_values.view(), features)?,
        })
    }
}
