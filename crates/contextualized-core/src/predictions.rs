//! Intervals of means and of new outcomes, from what is known of linear predictors.

use crate::family::PredictorBelief;
use crate::validate::{check_finite, check_offsets, check_probability};
use crate::{Error, Family, Link, LocalCoefficients, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// Lower and upper ends of an interval for every target (n × y): of its mean, or of a new outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictionIntervals {
    /// Lower ends.
    pub lower: Array2<f64>,
    /// Upper ends.
    pub upper: Array2<f64>,
}

/// What is known of the linear predictors of n rows and y targets, without offsets.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictorDistribution {
    /// Means (n × y).
    pub means: Array2<f64>,
    /// Standard errors, or posterior standard deviations (n × y).
    pub standard_errors: Array2<f64>,
    /// Dispersion of each target (y) for a row of weight one; ones for a family without.
    pub dispersions: Array1<f64>,
    /// Degrees of freedom of Student's t; none for normal distributions.
    pub degrees_of_freedom: Option<f64>,
}

impl PredictorDistribution {
    /// Intervals that should contain the mean of every target with probability `level`, given the family's link: of
    /// probabilities, for binary targets. With the identity they are those of the linear predictors. Offsets (n), if
    /// any, are on the link scale.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a level outside (0, 1), or so close to 1 that its quantile is
    /// infinite; [`Error::RowCount`], [`Error::NotFinite`] for offsets, or an end that overflows;
    /// [`Error::NoIntervals`] for a [joint link](Link::is_joint) of several targets.
    pub fn mean_intervals(
        &self,
        link: Link,
        offsets: Option<ArrayView1<'_, f64>>,
        level: f64,
    ) -> Result<PredictionIntervals> {
        if link.is_joint() && self.means.ncols() > 1 {
            return Err(Error::NoIntervals {
                model: "a probability that depends on several predictors".to_owned(),
                remedy: Some("the predictors, on the scale of the link, have intervals"),
            });
        }
        self.intervals(offsets, level, |tail, belief| {
            let half = belief.standard_error * tail.quantile;
            Ok((
                link.inverse(belief.mean - half),
                link.inverse(belief.mean + half),
            ))
        })
    }

    /// Intervals that should contain a new outcome of a row of weight one with probability `level`.
    ///
    /// # Errors
    ///
    /// [`Error::NoIntervals`] for a family of which only means have intervals; those of
    /// [`PredictorDistribution::mean_intervals`].
    pub fn outcome_intervals(
        &self,
        family: Family,
        offsets: Option<ArrayView1<'_, f64>>,
        level: f64,
    ) -> Result<PredictionIntervals> {
        self.intervals(offsets, level, |tail, belief| {
            family
                .predictive_interval(tail, belief)
                .ok_or_else(|| Error::NoIntervals {
                    model: format!("a {family} outcome"),
                    remedy: Some("its mean has intervals of its own"),
                })
        })
    }

    fn intervals(
        &self,
        offsets: Option<ArrayView1<'_, f64>>,
        level: f64,
        ends: impl Fn(&Tail, &PredictorBelief) -> Result<(f64, f64)>,
    ) -> Result<PredictionIntervals> {
        let tail = Tail::new(level, self.degrees_of_freedom)?;
        if let Some(offsets) = offsets {
            check_offsets(offsets, self.means.nrows())?;
        }
        let mut lower = Array2::zeros(self.means.dim());
        let mut upper = lower.clone();
        for ((row, target), mean) in self.means.indexed_iter() {
            let belief = PredictorBelief {
                mean: mean + offsets.map_or(0.0, |offsets| offsets[row]),
                standard_error: self.standard_errors[[row, target]],
                dispersion: self.dispersions[target],
            };
            (lower[[row, target]], upper[[row, target]]) = ends(&tail, &belief)?;
        }
        check_finite("lower ends of intervals", lower.view())?;
        check_finite("upper ends of intervals", upper.view())?;
        Ok(PredictionIntervals { lower, upper })
    }
}

/// What an interval leaves out on either side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tail {
    /// Its probability.
    pub probability: f64,
    /// The quantile of the standard normal distribution, or of Student's t, that leaves it out above.
    pub quantile: f64,
}

impl Tail {
    /// That of a two-sided interval of this level: of Student's t with these degrees of freedom, or of
    /// the normal distribution.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a level outside (0, 1), or so close to 1 that its quantile is
    /// infinite; [`Error::Numerical`] for degrees of freedom that are not positive.
    pub fn new(level: f64, degrees_of_freedom: Option<f64>) -> Result<Self> {
        check_probability("level", level)?;
        // Of the lower tail, which floating-point numbers resolve where they round the upper to 1.
        let probability = (1.0 - level) / 2.0;
        let quantile = match degrees_of_freedom {
            Some(degrees) => StudentsT::new(0.0, 1.0, degrees)
                .map(|t| -t.inverse_cdf(probability))
                .map_err(|error| Error::numerical("a quantile of Student's t", error))?,
            None => -Normal::standard().inverse_cdf(probability),
        };
        if quantile.is_finite() {
            return Ok(Self {
                probability,
                quantile,
            });
        }
        Err(Error::invalid_parameter(
            "level",
            level,
            "so far below 1 that its quantile is finite",
        ))
    }
}

/// A model with a distribution of its linear predictors, and so with intervals of means and of new
/// outcomes.
pub trait WithPredictions: LocalCoefficients {
    /// What is known of the linear predictors at rows of contexts (n × c) and features (n × x).
    ///
    /// # Errors
    ///
    /// [`Error::NoIntervals`] for a fit without standard errors, and those of
    /// [`LocalCoefficients::coefficients_at`].
    fn predictor_distribution(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<PredictorDistribution>;

    /// [`PredictorDistribution::mean_intervals`] at these rows, without offsets.
    ///
    /// # Errors
    ///
    /// Those of [`WithPredictions::predictor_distribution`] and of
    /// [`PredictorDistribution::mean_intervals`].
    fn mean_intervals(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
        level: f64,
    ) -> Result<PredictionIntervals> {
        self.predictor_distribution(contexts, features)?
            .mean_intervals(self.family().link(), None, level)
    }

    /// [`PredictorDistribution::outcome_intervals`] at these rows, without offsets.
    ///
    /// # Errors
    ///
    /// [`Error::NoIntervals`] for a family of which only means have intervals; those of
    /// [`WithPredictions::mean_intervals`].
    fn outcome_intervals(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
        level: f64,
    ) -> Result<PredictionIntervals> {
        self.predictor_distribution(contexts, features)?
            .outcome_intervals(self.family(), None, level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::array;

    fn known() -> PredictorDistribution {
        PredictorDistribution {
            means: array![[1.0], [-2.0]],
            standard_errors: array![[0.3], [0.4]],
            dispersions: array![0.16],
            degrees_of_freedom: None,
        }
    }

    #[test]
    fn intervals_by_hand() {
        let quantile = 1.959963984540054;
        let offsets = array![0.5, 0.0];
        let ends = known()
            .mean_intervals(Link::Identity, Some(offsets.view()), 0.95)
            .unwrap();
        assert_relative_eq!(ends.lower[[0, 0]], 1.5 - 0.3 * quantile, epsilon = 1e-12);
        let ends = known()
            .outcome_intervals(Family::Gaussian, None, 0.95)
            .unwrap();
        assert_relative_eq!(ends.upper[[0, 0]], 1.0 + 0.5 * quantile, epsilon = 1e-12);
        let ends = known().mean_intervals(Link::Logit, None, 0.95).unwrap();
        let lower = 1.0 / (1.0 + (2.0 + 0.4 * quantile).exp());
        assert_relative_eq!(ends.lower[[1, 0]], lower, epsilon = 1e-12);
    }

    #[test]
    fn impossible_intervals_are_refused() {
        assert!(matches!(
            known().outcome_intervals(Family::Binomial, None, 0.95),
            Err(Error::NoIntervals { .. })
        ));
        for level in [0.0, 1.0, f64::NAN, 1.0 - 1e-17] {
            assert!(known().mean_intervals(Link::Identity, None, level).is_err());
        }
        let short = array![1.0];
        assert!(matches!(
            known().mean_intervals(Link::Identity, Some(short.view()), 0.9),
            Err(Error::RowCount { .. })
        ));
    }
}
