//! How much of a treatment is left given features and contexts.

use ndarray::{Array1, ArrayView1};
use serde::{Deserialize, Serialize};

/// Probabilities of treatment outside of these are extreme.
const EXTREME: [f64; 2] = [0.05, 0.95];

/// The share of rows with extreme probabilities that is warned of.
const MUCH: f64 = 0.01;

/// The share of the variance of a treatment that has to be left.
const LITTLE: f64 = 0.05;

/// Whether rows alike in features and contexts differ in their treatment: without that there is nothing to compare.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overlap {
    /// Of a treatment of two values.
    Binary {
        /// Share of the rows with the larger value.
        treated: f64,
        /// The lowest probability of it.
        lowest: f64,
        /// The highest.
        highest: f64,
        /// Share of the rows whose probability is below 0.05 or above 0.95.
        extreme: f64,
    },
    /// Of any other.
    Continuous {
        /// Share of the variance of the treatment that features and contexts do not predict.
        unexplained: f64,
    },
}

impl Overlap {
    pub(super) fn binary(
        probabilities: ArrayView1<'_, f64>,
        treated: ArrayView1<'_, f64>,
        weights: Option<ArrayView1<'_, f64>>,
    ) -> Self {
        let is_extreme = |p: f64| f64::from(!(EXTREME[0]..=EXTREME[1]).contains(&p));
        Self::Binary {
            treated: mean(treated, weights),
            lowest: probabilities.fold(1.0, |low: f64, p| low.min(*p)),
            highest: probabilities.fold(0.0, |high: f64, p| high.max(*p)),
            extreme: mean(probabilities.mapv(is_extreme).view(), weights),
        }
    }

    pub(super) fn continuous(
        deviations: ArrayView1<'_, f64>,
        treatment: ArrayView1<'_, f64>,
        weights: Option<ArrayView1<'_, f64>>,
    ) -> Self {
        let square = |value: f64| value * value;
        let center = mean(treatment, weights);
        let all = mean(treatment.mapv(|w| square(w - center)).view(), weights);
        let left = mean(deviations.mapv(square).view(), weights);
        Self::Continuous {
            unexplained: left / all,
        }
    }

    /// What to warn of, if overlap is poor.
    pub fn warning(&self) -> Option<String> {
        match *self {
            Self::Binary {
                lowest,
                highest,
                extreme,
                ..
            } => (extreme > MUCH).then(|| {
                format!(
                    "{:.1} % of the rows have a probability of treatment below {} or above {} (the range is {lowest:.3} to {highest:.3}): \
                     there is nobody to compare them with, and effects at their contexts are extrapolated",
                    100.0 * extreme,
                    EXTREME[0],
                    EXTREME[1]
                )
            }),
            Self::Continuous { unexplained } => (unexplained < LITTLE).then(|| {
                format!(
                    "features and contexts predict all but {:.1} % of the variance of the treatment: little is left to find its effect by",
                    100.0 * unexplained
                )
            }),
        }
    }

    /// The overlap in a sentence.
    pub fn describe(&self) -> String {
        match self {
            Self::Binary {
                treated,
                lowest,
                highest,
                extreme,
            } => format!(
                "{:.1} % of the rows are treated; probabilities of treatment are {lowest:.3} to {highest:.3}, {:.1} % of them below {} or above {}",
                100.0 * treated,
                100.0 * extreme,
                EXTREME[0],
                EXTREME[1]
            ),
            Self::Continuous { unexplained } => format!(
                "{:.1} % of the variance of the treatment is not predicted by features and contexts",
                100.0 * unexplained
            ),
        }
    }
}

/// The weighted mean.
pub(super) fn mean(values: ArrayView1<'_, f64>, weights: Option<ArrayView1<'_, f64>>) -> f64 {
    match weights {
        Some(weights) => (&values * &weights).sum() / weights.sum(),
        None => values.sum() / values.len() as f64,
    }
}

/// Weights of rows, of ones where there are none.
pub(super) fn weights_or_ones(weights: Option<ArrayView1<'_, f64>>, rows: usize) -> Array1<f64> {
    weights.map_or_else(|| Array1::ones(rows), |weights| weights.to_owned())
}
