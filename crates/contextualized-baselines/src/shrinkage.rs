//! The population fit plus a share of what another model adds to it.

use crate::{PopulationModel, PopulationRegression};
use contextualized_core::validate::{check_columns, check_rows};
use contextualized_core::{Error, Estimator, Family, KFold, Result, Samples, normalized_weights};
use ndarray::{Array1, Array2};
use rayon::prelude::*;

/// Folds by which shares are chosen.
const FOLDS: usize = 5;

/// With fewer rows than this there is no telling, and nothing of the deviation is kept.
const FEWEST_ROWS: usize = 2 * FOLDS;

/// Pseudo-rows that pull standardised coefficients of the population fit to zero, where it is not
/// determined without.
const FALLBACK_RIDGE: f64 = 1.0;

impl PopulationRegression {
    /// Fits, with a ridge of one pseudo-row where the rows do not determine the coefficients
    /// without: there are too few, columns depend on each other, or features separate a binary
    /// target.
    ///
    /// # Errors
    ///
    /// All others of [`Estimator::fit`].
    pub fn fit_or_ridge(&self, samples: &Samples) -> Result<PopulationModel> {
        match self.fit(samples) {
            Err(
                Error::TooFewRows { .. } | Error::RankDeficient { .. } | Error::Separated { .. },
            ) => self.clone().ridge(FALLBACK_RIDGE).fit(samples),
            fit => fit,
        }
    }
}

/// What a model says of rows it has not seen, rows × targets, on the link scale and in units of its
/// training.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldOut {
    /// Targets.
    pub targets: Array2<f64>,
    /// The population's linear predictor, offsets included.
    pub base: Array2<f64>,
    /// What the model adds to it.
    pub deviation: Array2<f64>,
}

/// For each target the share s, between 0 and 1, of a model's deviation from the population fit that
/// is worth keeping: the one that minimises the loss of base + s · deviation on held-out rows.
///
/// `predict` is given the rows of five folds to train on and the fold's own to predict. Where
/// deviations do not predict what the population fit leaves, s is zero or next to it; below ten rows
/// it is zero.
///
/// # Errors
///
/// Those of `predict`; [`Error::RowCount`] or [`Error::ColumnCount`] where it returns tables of other
/// shapes.
///
/// ```
/// use contextualized_baselines::{HeldOut, PopulationRegression, shares_by_folds};
/// use contextualized_core::{Estimator, Family, Samples, VaryingCoefficients};
/// use ndarray::Array2;
///
/// // y = x + c x / 2, of which a model says x + c x: half of its deviation is right.
/// let contexts = Array2::from_shape_fn((40, 1), |(i, _)| (i % 2) as f64 * 2.0 - 1.0);
/// let features = Array2::from_shape_fn((40, 1), |(i, _)| (i / 2) as f64 - 9.5);
/// let targets = &features + &(&contexts * &features / 2.0);
/// let samples = Samples::new(contexts.view(), features.view(), targets.view())?;
/// let shares = shares_by_folds(&samples, Family::Gaussian, 0, |_, test| {
///     Ok(HeldOut {
///         targets: test.targets().to_owned(),
///         base: test.features().to_owned(),
///         deviation: &test.contexts() * &test.features(),
///     })
/// })?;
/// assert!((shares[0] - 0.5).abs() < 1e-12);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
pub fn shares_by_folds<F>(
    samples: &Samples,
    family: Family,
    seed: u64,
    predict: F,
) -> Result<Array1<f64>>
where
    F: Fn(&Samples, &Samples) -> Result<HeldOut> + Sync,
{
    let targets = samples.targets().ncols();
    if samples.rows() < FEWEST_ROWS {
        return Ok(Array1::zeros(targets));
    }
    let folds = KFold::new(FOLDS, seed).splits(samples.rows())?;
    let predicted = folds
        .into_par_iter()
        .map(|split| {
            let train = samples.select(&split.train)?;
            let test = samples.select(&split.test)?;
            let held_out = predict(&train, &test)?;
            check(&held_out, test.rows(), targets)?;
            Ok((held_out, weights_of(&test)?))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok((0..targets)
        .map(|target| {
            let mut rows = Rows::default();
            for (held_out, weights) in &predicted {
                rows.targets.extend(held_out.targets.column(target));
                rows.base.extend(held_out.base.column(target));
                rows.deviation.extend(held_out.deviation.column(target));
                rows.weights.extend(weights);
            }
            rows.best_share(family)
        })
        .collect())
}

fn check(held_out: &HeldOut, rows: usize, targets: usize) -> Result<()> {
    for (argument, table) in [
        ("held-out targets", &held_out.targets),
        ("held-out base", &held_out.base),
        ("held-out deviation", &held_out.deviation),
    ] {
        check_rows(argument, rows, table.nrows())?;
        check_columns(argument, targets, table.ncols())?;
    }
    Ok(())
}

/// Row weights as they are, which compare between folds; ones where there are none.
fn weights_of(samples: &Samples) -> Result<Array1<f64>> {
    match samples.weights() {
        Some(weights) => Ok(weights.to_owned()),
        None => normalized_weights(None, samples.rows()),
    }
}

/// One target at all rows, each held out once.
#[derive(Debug, Default)]
struct Rows {
    targets: Vec<f64>,
    base: Vec<f64>,
    deviation: Vec<f64>,
    weights: Vec<f64>,
}

impl Rows {
    /// The loss is convex in s, so its derivative tells: a deviation that does not help at s = 0 is
    /// left out, one that still helps at s = 1 is kept whole.
    fn best_share(&self, family: Family) -> f64 {
        let slope = |share: f64| -> f64 {
            (0..self.targets.len())
                .map(|row| {
                    let predictor = self.base[row] + share * self.deviation[row];
                    let slope = family.derivatives(self.targets[row], predictor).first;
                    -self.weights[row] * slope * self.deviation[row]
                })
                .sum()
        };
        if slope(0.0) >= 0.0 {
            return 0.0;
        }
        if slope(1.0) <= 0.0 {
            return 1.0;
        }
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..50 {
            let middle = 0.5 * (low + high);
            if slope(middle) < 0.0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        0.5 * (low + high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    fn rows(targets: Vec<f64>, deviation: Vec<f64>) -> Rows {
        Rows {
            base: vec![0.25; targets.len()],
            weights: (0..targets.len())
                .map(|row| 1.0 + (row % 3) as f64)
                .collect(),
            targets,
            deviation,
        }
    }

    proptest! {
        /// For squared errors the share is the least-squares slope of residuals on deviations, in [0, 1].
        #[test]
        fn linear_shares_are_least_squares(
            targets in prop::collection::vec(-2.0..2.0_f64, 12),
            deviation in prop::collection::vec(-2.0..2.0_f64, 12),
        ) {
            let data = rows(targets, deviation);
            let sum = |of: &dyn Fn(usize) -> f64| (0..12).map(|row| data.weights[row] * of(row)).sum::<f64>();
            let slope = sum(&|row| (data.targets[row] - data.base[row]) * data.deviation[row])
                / sum(&|row| data.deviation[row].powi(2));
            assert_relative_eq!(data.best_share(Family::Gaussian), slope.clamp(0.0, 1.0), epsilon = 1e-12);
        }

        /// No other share has a lower log-likelihood loss.
        #[test]
        fn logistic_shares_are_optimal(
            binary in prop::collection::vec(any::<bool>(), 12),
            deviation in prop::collection::vec(-2.0..2.0_f64, 12),
            other in 0.0..1.0_f64,
        ) {
            let data = rows(binary.into_iter().map(f64::from).collect(), deviation);
            let loss = |share: f64| -> f64 {
                (0..12)
                    .map(|row| {
                        let eta = data.base[row] + share * data.deviation[row];
                        data.weights[row] * (eta.exp().ln_1p() - data.targets[row] * eta)
                    })
                    .sum()
            };
            prop_assert!(loss(data.best_share(Family::Binomial)) <= loss(other) + 1e-12);
        }
    }

    #[test]
    fn a_deviation_that_says_nothing_gets_no_share() {
        let data = rows(vec![1.0, 2.0], vec![0.0, 0.0]);
        assert_eq!(data.best_share(Family::Gaussian), 0.0);
    }

    fn samples(rows: usize) -> Samples {
        let contexts = Array2::zeros((rows, 1));
        let features = Array2::from_shape_fn((rows, 1), |(row, _)| row as f64);
        Samples::new(contexts.view(), features.view(), features.view()).unwrap()
    }

    #[test]
    fn few_rows_keep_nothing_and_tables_of_other_shapes_are_refused() {
        let keep = |rows: usize, columns: usize| {
            shares_by_folds(&samples(rows), Family::Gaussian, 0, |_, test| {
                let table = Array2::ones((test.rows(), columns));
                Ok(HeldOut {
                    targets: table.clone(),
                    base: Array2::zeros((test.rows(), 1)),
                    deviation: table,
                })
            })
        };
        assert_eq!(keep(9, 1).unwrap(), Array1::zeros(1));
        assert_eq!(keep(10, 1).unwrap(), Array1::ones(1));
        assert!(matches!(
            keep(10, 2),
            Err(Error::ColumnCount {
                argument: "held-out targets",
                expected: 1,
                found: 2
            })
        ));
    }

    /// Two equal columns have no coefficients of their own, but a prediction.
    #[test]
    fn what_rows_do_not_determine_a_ridge_does() {
        let features = Array2::from_shape_fn((8, 2), |(row, _)| row as f64);
        let targets = features.column(0).insert_axis(ndarray::Axis(1)).to_owned();
        let contexts = Array2::zeros((8, 1));
        let samples = Samples::new(contexts.view(), features.view(), targets.view()).unwrap();
        let regression = PopulationRegression::new();
        assert!(regression.fit(&samples).is_err());
        let fit = regression.fit_or_ridge(&samples).unwrap();
        assert_relative_eq!(fit.slopes()[[0, 0]], fit.slopes()[[0, 1]], epsilon = 1e-12);
    }
}
