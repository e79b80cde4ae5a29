//! Coefficients against one context at a time, averaged over rows that keep their other contexts.

use crate::axes::{ContextAxis, Points};
use crate::data::Clock;
use crate::saved::by_chance;
use crate::values::{ends, is_flat};
use contextualized_analysis::{EffectGrid, Effects};
use contextualized_core::{
    CoefficientSums, Coefficients, Error, PredictorSums, Result, Samples, Standardization,
    VaryingCoefficients, WeightedContexts, WithSums,
};
use ndarray::{Array2, Array3, ArrayView2, Axis, s};

/// Points of a curve, and rows it is averaged over.
const POINTS: usize = 20;
const ROWS: usize = 200;

/// What every coefficient is on average at values of one context (partial dependence).
///
/// Tables are points × targets × coefficients. The last coefficient is the intercept at average
/// features: the linear predictor of such a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Dependence {
    /// Values of the context.
    pub at: Points,
    /// The averages.
    pub values: Array3<f64>,
    /// Lower and upper ends of pointwise intervals.
    pub interval: Option<(Array3<f64>, Array3<f64>)>,
}

/// One coefficient of a dependence, an entry for each point.
#[derive(Debug, Clone, PartialEq)]
pub struct Average {
    /// The averages.
    pub values: Vec<f64>,
    /// Lower and upper ends of pointwise intervals.
    pub interval: Option<(Vec<f64>, Vec<f64>)>,
}

impl Dependence {
    fn without_bands(at: Points, slopes: &Coefficients, level: &Array2<f64>) -> Self {
        Self {
            at,
            values: joined(slopes, level),
            interval: None,
        }
    }

    fn with_bands(at: Points, slopes: &CoefficientSums, level: &PredictorSums) -> Self {
        let lower = joined(&slopes.lower, &level.lower);
        let upper = joined(&slopes.upper, &level.upper);
        Self {
            interval: Some((lower, upper)),
            ..Self::without_bands(at, &slopes.values, &level.values)
        }
    }

    /// That of one target, the intercept behind all features.
    pub fn of(&self, target: usize, coefficient: usize) -> Average {
        let cut = |table: &Array3<f64>| table.slice(s![.., target, coefficient]).to_vec();
        let interval = self.interval.as_ref();
        Average {
            values: cut(&self.values),
            interval: interval.map(|(lower, upper)| (cut(lower), cut(upper))),
        }
    }
}

impl Average {
    /// The ends of the values, and of the interval if there is one.
    pub fn ends(&self) -> (f64, f64) {
        let own = self.interval.iter();
        let own = own.flat_map(|(lower, upper)| lower.iter().chain(upper));
        ends(self.values.iter().chain(own))
    }

    /// Whether the values differ by little beside the standard deviation of what they are averages of.
    pub fn is_level(&self, deviation: f64) -> bool {
        self.span() <= 0.05 * deviation || is_flat(ends(&self.values))
    }

    /// The largest less the smallest value.
    pub fn span(&self) -> f64 {
        let (low, high) = ends(&self.values);
        high - low
    }
}

/// How coefficients depend on each context, over the rows of the samples, with intervals of probability
/// `level` from models that have them.
pub fn dependences(
    model: &dyn VaryingCoefficients,
    bands: Option<&dyn WithSums>,
    samples: &Samples,
    axes: &[ContextAxis],
    level: f64,
) -> Result<Vec<Dependence>> {
    let samples = &with_average_features(samples)?;
    axes.iter()
        .map(|axis| match axis {
            ContextAxis::Number { column, clock } => {
                of_number(model, bands, samples, (*column, *clock), level)
            }
            ContextAxis::Coded { at, codes, .. } => {
                let sums = level_sums(samples, axis, codes)?;
                let features = samples
                    .features()
                    .slice(s![..1, ..])
                    .broadcast((sums.contexts().nrows(), samples.features().ncols()))
                    .map(|features| features.to_owned())
                    .unwrap_or_default();
                let at = at.clone();
                Ok(match bands {
                    Some(bands) => Dependence::with_bands(
                        at,
                        &bands.coefficient_sums(&sums, level)?,
                        &bands.predictor_sums(&sums, features.view(), level)?,
                    ),
                    None => Dependence::without_bands(
                        at,
                        &sums.coefficients(model)?,
                        &sums.predictor(model, features.view())?,
                    ),
                })
            }
        })
        .collect()
}

/// Those with bands if the model has them for this probability, else those without and why.
pub fn dependences_with_bands(
    model: &dyn VaryingCoefficients,
    bands: Option<&dyn WithSums>,
    samples: &Samples,
    axes: &[ContextAxis],
    level: f64,
) -> Result<(Vec<Dependence>, Option<String>)> {
    let curves = |bands| dependences(model, bands, samples, axes, level);
    Ok(match (bands, curves(bands)) {
        // Too few replicates for the level, say: curves are worth having all the same.
        (
            Some(_),
            Err(Error::InvalidParameter {
                parameter,
                value,
                requirement,
            }),
        ) => (
            curves(None)?,
            Some(format!("{parameter} is {value}, but must be {requirement}")),
        ),
        (Some(_), curves) => (curves?, None),
        (None, curves) => (
            curves?,
            Some("this estimator does not have them".to_owned()),
        ),
    })
}

fn of_number(
    model: &dyn VaryingCoefficients,
    bands: Option<&dyn WithSums>,
    samples: &Samples,
    (column, clock): (usize, Option<Clock>),
    level: f64,
) -> Result<Dependence> {
    let effects = Effects::new()
        .points(POINTS)
        .rows(ROWS)
        .level(level)
        .uncentred();
    let at = |grid: &EffectGrid| Points::Numbers {
        values: grid.points().to_vec(),
        rows: grid.rows().to_vec(),
        clock,
    };
    Ok(match bands {
        Some(bands) => {
            let slopes = effects.context_on_coefficients_with_bands(bands, samples, column)?;
            let level = effects.context_on_outcome_with_bands(bands, samples, column)?;
            Dependence::with_bands(at(&slopes.grid), &slopes.curves, &level.curves)
        }
        None => {
            let slopes = effects.context_on_coefficients(model, samples, column)?;
            let level = effects.context_on_outcome(model, samples, column)?;
            Dependence::without_bands(at(&slopes.grid), &slopes.curves, &level.curves)
        }
    })
}

/// For each point of a coded context the mean over rows that are given it.
fn level_sums(
    samples: &Samples,
    axis: &ContextAxis,
    codes: &Array2<f64>,
) -> Result<WeightedContexts> {
    let samples = samples.rows_that_count()?;
    let rows = by_chance(samples.rows(), ROWS)?;
    let kept = samples.contexts().select(Axis(0), &rows);
    let weight = |row: usize| samples.weights().map_or(1.0, |weights| weights[row]);
    let total: f64 = rows.iter().map(|&row| weight(row)).sum();
    let (levels, count) = (codes.nrows(), rows.len());
    let mut contexts = Array2::zeros((levels * count, kept.ncols()));
    let mut weights = Array2::zeros((levels, levels * count));
    for (level, code) in codes.rows().into_iter().enumerate() {
        let own = level * count..(level + 1) * count;
        let mut block = contexts.slice_mut(s![own.clone(), ..]);
        block.assign(&kept);
        axis.set(block, code);
        for (place, &row) in own.zip(&rows) {
            weights[[level, place]] = weight(row) / total;
        }
    }
    let sums = WeightedContexts::new(contexts, weights)?;
    Ok(sums.with_monitor(samples.monitor().clone()))
}

/// The coefficients of every row as one table (n × targets × coefficients), the intercept at average
/// features last.
pub fn coefficient_table(
    model: &dyn VaryingCoefficients,
    samples: &Samples,
) -> Result<Array3<f64>> {
    coefficients_at_average_features(model, samples, samples.contexts())
}

/// The same at other contexts (n × c) than those of the samples.
///
/// # Errors
///
/// Those of the model.
pub fn coefficients_at_average_features(
    model: &dyn VaryingCoefficients,
    samples: &Samples,
    contexts: ArrayView2<'_, f64>,
) -> Result<Array3<f64>> {
    let means = Standardization::fit(samples.features(), samples.weights())?;
    let mut features = Array2::zeros((contexts.nrows(), samples.features().ncols()));
    features.assign(&means.centers());
    let coefficients = model.coefficients(contexts)?;
    let level = coefficients.linear_predictor(features.view())?;
    Ok(joined(&coefficients, &level))
}

/// The samples with the average features in every row.
fn with_average_features(samples: &Samples) -> Result<Samples> {
    let means = Standardization::fit(samples.features(), samples.weights())?;
    let mut features = samples.features().to_owned();
    features.assign(&means.centers());
    let averaged = Samples::new(samples.contexts(), features.view(), samples.targets())?
        .with_monitor(samples.monitor().clone());
    match samples.weights() {
        Some(weights) => averaged.with_weights(weights),
        None => Ok(averaged),
    }
}

/// Slopes with another coefficient behind them.
fn joined(coefficients: &Coefficients, level: &Array2<f64>) -> Array3<f64> {
    let (rows, targets, features) = coefficients.slopes().dim();
    let mut all = Array3::zeros((rows, targets, features + 1));
    all.slice_mut(s![.., .., ..features])
        .assign(&coefficients.slopes());
    all.slice_mut(s![.., .., features]).assign(level);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use contextualized_core::{Family, LocalCoefficients};
    use ndarray::array;
    use proptest::prelude::*;

    /// The slope is c₀² + c₁, the intercept c₀.
    struct Square;

    impl LocalCoefficients for Square {
        fn coefficients_at(
            &self,
            contexts: ArrayView2<'_, f64>,
            _: ArrayView2<'_, f64>,
        ) -> Result<Coefficients> {
            self.coefficients(contexts)
        }

        fn family(&self) -> Family {
            Family::Gaussian
        }
    }

    impl VaryingCoefficients for Square {
        fn coefficients(&self, contexts: ArrayView2<'_, f64>) -> Result<Coefficients> {
            let rows = contexts.nrows();
            let slopes = Array3::from_shape_fn((rows, 1, 1), |(row, _, _)| {
                contexts[[row, 0]].powi(2) + contexts[[row, 1]]
            });
            Coefficients::new(slopes, contexts.slice(s![.., ..1]).to_owned())
        }
    }

    fn samples(second: [f64; 4], feature: [f64; 4]) -> Samples {
        let contexts = Array2::from_shape_fn((4, 2), |(row, column)| match column {
            0 => row as f64,
            _ => second[row],
        });
        let features = Array2::from_shape_fn((4, 1), |(row, _)| feature[row]);
        Samples::new(contexts.view(), features.view(), features.view()).unwrap()
    }

    proptest! {
        /// The slope at z is z² plus the average of the other context, and the intercept that of the
        /// linear predictor at the average feature; as a number and as a category with these values.
        #[test]
        fn other_contexts_are_averaged(
            second in prop::array::uniform4(-2.0..2.0f64),
            feature in prop::array::uniform4(-2.0..2.0f64),
        ) {
            let samples = samples(second, feature);
            let mean = |values: [f64; 4]| values.iter().sum::<f64>() / 4.0;
            let axes = [
                ContextAxis::Number {
                    column: 0,
                    clock: None,
                },
                ContextAxis::Coded {
                    name: "level".into(),
                    columns: vec![0],
                    at: Points::Levels(["a", "b", "c", "d"].map(Into::into).to_vec()),
                    codes: array![[0.0], [1.0], [2.0], [3.0]],
                },
            ];
            for found in dependences(&Square, None, &samples, &axes, 0.95).unwrap() {
                prop_assert!(found.interval.is_none());
                for z in 0..4 {
                    let (at, slope) = (z as f64, (z * z) as f64 + mean(second));
                    prop_assert!((found.of(0, 0).values[z] - slope).abs() < 1e-12);
                    let level = slope * mean(feature) + at;
                    prop_assert!((found.of(0, 1).values[z] - level).abs() < 1e-12);
                }
            }
            let rows = coefficient_table(&Square, &samples).unwrap();
            for row in 0..4 {
                let slope = (row * row) as f64 + second[row];
                prop_assert!((rows[[row, 0, 0]] - slope).abs() < 1e-12);
                let level = slope * mean(feature) + row as f64;
                prop_assert!((rows[[row, 0, 1]] - level).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn averages_know_their_ends() {
        let average = Average {
            values: vec![1.0, 3.0],
            interval: Some((vec![0.0, 2.5], vec![2.0, 5.0])),
        };
        assert_eq!((average.ends(), average.span()), ((0.0, 5.0), 2.0));
        assert!(!average.is_level(1.0) && average.is_level(100.0));
        let level = Average {
            values: vec![1.0, 1.0],
            interval: None,
        };
        assert!(level.is_level(0.0));
        assert_eq!(level.ends(), (1.0, 1.0));
    }
}
