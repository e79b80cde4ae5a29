//! Wald tests of models that have them.

use crate::{Result, Samples, VaryingCoefficients};

/// A Wald test of whether a coefficient of one target varies with a context.
#[derive(Debug, Clone, PartialEq)]
pub struct WaldTest {
    /// Name of the target.
    pub target: String,
    /// Name of the feature, or `(intercept)`.
    pub coefficient: String,
    /// Name of the context; none for all contexts together.
    pub context: Option<String>,
    /// Has the F distribution with these degrees of freedom if nothing of this varies.
    pub statistic: f64,
    /// Degrees of freedom of the variation; 0 if there is none to test, or too few rows for it.
    pub degrees: usize,
    /// Degrees of freedom of the statistic's covariance.
    pub residual_degrees: f64,
    /// Probability of a larger statistic if nothing of this varies.
    pub p_value: f64,
    /// Standard deviation of the coefficient over the rows tested as this context alone changes, in the
    /// coefficient's units, by the same estimate as the statistic: zero where that is no larger than chance.
    pub deviation: f64,
}

/// A fitted model that tests by itself what varies with what.
pub trait WithWaldTests: VaryingCoefficients {
    /// Of each target: every coefficient with every context, then every coefficient with all contexts.
    ///
    /// The samples are those the model was fitted to.
    ///
    /// # Errors
    ///
    /// [`crate::Error::RowCount`] and [`crate::Error::ColumnCount`] for samples that cannot be those
    /// fitted; [`crate::Error::Numerical`].
    fn wald_tests(&self, samples: &Samples) -> Result<Vec<WaldTest>>;
}
