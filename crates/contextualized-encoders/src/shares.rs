//! A constant-coefficient model (population), plus the share of what a network learned that is worth
//! keeping.

use crate::loss::Loss;
use crate::training::{Observer, Training, unobserved};
use contextualized_core::validate::{check_columns, check_finite, check_rows, check_table};
use contextualized_core::{Coefficients, Family, KFold, Result, Samples, Scaling, Split};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Folds by which shares are chosen.
const FOLDS: usize = 5;

/// With fewer rows than this there is no telling, and nothing of the deviation is kept.
const FEWEST_ROWS: usize = 2 * FOLDS;

/// The same slopes and intercepts at every context, in units of training: what a network's deviation is
/// added to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConstantCoefficients {
    /// Targets × features.
    pub slopes: Array2<f64>,
    /// Targets.
    pub intercepts: Array1<f64>,
}

impl ConstantCoefficients {
    /// Checks that all are finite and that there are so many features and targets.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::ColumnCount`], [`contextualized_core::Error::RowCount`], [`contextualized_core::Error::NotFinite`].
    pub fn check(&self, features: usize, targets: usize) -> Result<()> {
        check_table("population slopes", self.slopes.view(), Some(features))?;
        check_rows("population slopes", targets, self.slopes.nrows())?;
        let intercepts = self.intercepts.view().insert_axis(Axis(0));
        check_table("population intercepts", intercepts, Some(targets))
    }

    /// At so many rows.
    ///
    /// # Errors
    ///
    /// Those of [`Coefficients::constant`].
    pub fn at(&self, rows: usize) -> Result<Coefficients> {
        Coefficients::constant(self.slopes.view(), self.intercepts.view(), rows)
    }

    /// The linear predictor of every row of features (n × targets).
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::ColumnCount`], [`contextualized_core::Error::NotFinite`].
    pub fn linear_predictor(&self, features: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        check_table("features", features, Some(self.slopes.ncols()))?;
        let predictor = features.dot(&self.slopes.t()) + &self.intercepts;
        check_finite("the linear predictor", predictor.view())?;
        Ok(predictor)
    }
}

/// What models say of rows they have not seen, rows × targets, on the link scale and in units of their
/// training.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldOutDeviation {
    /// Targets.
    pub targets: Array2<f64>,
    /// The linear predictor of the constant-coefficient model.
    pub base: Array2<f64>,
    /// What the network adds to it.
    pub deviation: Array2<f64>,
}

impl HeldOutDeviation {
    /// Predictions of all rows, each by a model of the other [`folds`]. `predict` is given the rows to
    /// train on and those to predict.
    ///
    /// # Errors
    ///
    /// Those of `predict`; [`contextualized_core::Error::RowCount`] or [`contextualized_core::Error::ColumnCount`] where it returns tables of
    /// other shapes than rows to predict × targets; [`contextualized_core::Error::TooFewRows`].
    pub fn by_folds(
        (rows, targets): (usize, usize),
        folds: Vec<Split>,
        predict: impl Fn(&[usize], &[usize]) -> Result<Self> + Sync,
    ) -> Result<Self> {
        let predicted = folds
            .into_par_iter()
            .map(|split| {
                let held_out = predict(&split.train, &split.test)?;
                for (argument, table) in [
                    ("held-out targets", &held_out.targets),
                    ("held-out base", &held_out.base),
                    ("held-out deviation", &held_out.deviation),
                ] {
                    check_rows(argument, split.test.len(), table.nrows())?;
                    check_columns(argument, targets, table.ncols())?;
                }
                Ok((split.test, held_out))
            })
            .collect::<Result<Vec<_>>>()?;
        let zeros = Array2::zeros((rows, targets));
        let mut all = Self {
            targets: zeros.clone(),
            base: zeros.clone(),
            deviation: zeros,
        };
        for (test, held_out) in &predicted {
            for (all, own) in [
                (&mut all.targets, &held_out.targets),
                (&mut all.base, &held_out.base),
                (&mut all.deviation, &held_out.deviation),
            ] {
                for (&row, own) in test.iter().zip(own.rows()) {
                    all.row_mut(row).assign(&own);
                }
            }
        }
        Ok(all)
    }

    /// For each target the share s, between 0 and 1, that minimises the loss of base + s · deviation.
    pub fn shares(&self, loss: &dyn Loss, weights: Option<ArrayView1<'_, f64>>) -> Array1<f64> {
        (0..self.targets.ncols())
            .map(|target| self.best_share(loss, weights, target..target + 1))
            .collect()
    }

    /// The one share for all targets together.
    pub fn share(&self, loss: &dyn Loss, weights: Option<ArrayView1<'_, f64>>) -> f64 {
        self.best_share(loss, weights, 0..self.targets.ncols())
    }

    /// The loss is convex in s, so its derivative tells: a deviation that does not help at s = 0, or
    /// whose help is not a number, is left out, one that still helps at s = 1 is kept whole.
    fn best_share(
        &self,
        loss: &dyn Loss,
        weights: Option<ArrayView1<'_, f64>>,
        targets: std::ops::Range<usize>,
    ) -> f64 {
        let slope = |share: f64| -> f64 {
            let mut sum = 0.0;
            for row in 0..self.targets.nrows() {
                let weight = weights.map_or(1.0, |weights| weights[row]);
                for target in targets.clone() {
                    let deviation = self.deviation[[row, target]];
                    let predictor = self.base[[row, target]] + share * deviation;
                    let (_, derivative) = loss.at(self.targets[[row, target]], predictor);
                    sum += weight * derivative * deviation;
                }
            }
            sum
        };
        if slope(0.0) < 0.0 {
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
            return 0.5 * (low + high);
        }
        0.0
    }
}

/// For each target the share, between 0 and 1, of a model's deviation from a constant-coefficient model
/// that predicts best on five held-out folds: [`HeldOutDeviation::shares`].
///
/// `predict` is given the rows of a fold to train on and those to predict; offsets are added to what it
/// says. Where deviations do not predict what constant coefficients leave, shares are zero or next to
/// it; below ten rows they are zero.
///
/// # Errors
///
/// Those of [`HeldOutDeviation::by_folds`].
///
/// ```
/// use contextualized_core::{Family, Samples};
/// use contextualized_encoders::{HeldOutDeviation, shares_by_folds};
/// use ndarray::Array2;
///
/// // y = x + c x / 2, of which a model says x + c x: half of its deviation is right.
/// let contexts = Array2::from_shape_fn((40, 1), |(i, _)| (i % 2) as f64 * 2.0 - 1.0);
/// let features = Array2::from_shape_fn((40, 1), |(i, _)| (i / 2) as f64 - 9.5);
/// let targets = &features + &(&contexts * &features / 2.0);
/// let samples = Samples::new(contexts.view(), features.view(), targets.view())?;
/// let shares = shares_by_folds(&samples, &Family::Gaussian, 0, |_, test| {
///     Ok(HeldOutDeviation {
///         targets: test.targets().to_owned(),
///         base: test.features().to_owned(),
///         deviation: &test.contexts() * &test.features(),
///     })
/// })?;
/// assert!((shares[0] - 0.5).abs() < 1e-12);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
pub fn shares_by_folds(
    samples: &Samples,
    loss: &dyn Loss,
    seed: u64,
    predict: impl Fn(&Samples, &Samples) -> Result<HeldOutDeviation> + Sync,
) -> Result<Array1<f64>> {
    let targets = samples.targets().ncols();
    if samples.rows() < FEWEST_ROWS {
        return Ok(Array1::zeros(targets));
    }
    let folds = folds(samples, seed)?;
    let held_out = HeldOutDeviation::by_folds((samples.rows(), targets), folds, |train, test| {
        let test = samples.select(test)?;
        let mut held_out = predict(&samples.select(train)?, &test)?;
        if let Some(offsets) = test.offsets() {
            held_out.base += &offsets.insert_axis(Axis(1));
        }
        Ok(held_out)
    })?;
    // Weights as they are, which compare between folds.
    Ok(held_out.shares(loss, samples.weights()))
}

/// The folds that shares are found by: five of the rows, or of their groups.
///
/// # Errors
///
/// Those of [`KFold::splits_of`].
pub fn folds(samples: &Samples, seed: u64) -> Result<Vec<Split>> {
    KFold::new(FOLDS, seed).splits_of(samples)
}

/// Seeds of the parts of a fit, drawn from that of the whole.
pub fn seeds<const N: usize>(seed: u64) -> [u64; N] {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    std::array::from_fn(|_| generator.next_u64())
}

/// Samples in units of training, split into those trained on and those that training stops by.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Learned from the rows trained on.
    pub scaling: Scaling,
    /// Rows trained on.
    pub train: Samples,
    /// Rows that training stops by.
    pub validation: Option<Samples>,
}

impl Training {
    /// Rows to train on, and those of [`Training::validation`] to stop by.
    ///
    /// # Errors
    ///
    /// Those of [`Split::holdout`]; [`contextualized_core::Error::CodedFactor`], since encoders compare contexts by
    /// distances.
    pub fn hold_out(&self, samples: &Samples, seed: u64) -> Result<(Samples, Option<Samples>)> {
        samples.check_distances("neural")?;
        let Some(fraction) = self.validation else {
            return Ok((samples.clone(), None));
        };
        let split = match samples.dependent_rows() {
            Some(groups) => Split::group_holdout(samples.rows(), &groups, fraction, seed)?,
            None => Split::holdout(samples.rows(), fraction, seed)?,
        };
        Ok((
            samples.select(&split.train)?,
            Some(samples.select(&split.test)?),
        ))
    }

    /// [`Training::hold_out`], scaled as the rows trained on say; targets of a family that cannot be
    /// standardised stay as they are.
    ///
    /// # Errors
    ///
    /// Those of [`Training::hold_out`], of `scaling`, and of [`Scaling::apply`].
    pub fn prepare(
        &self,
        family: Family,
        samples: &Samples,
        seed: u64,
        scaling: impl FnOnce(&Samples) -> Result<Scaling>,
    ) -> Result<Prepared> {
        let (train, validation) = self.hold_out(samples, seed)?;
        let mut scaling = scaling(&train)?;
        if !family.is_quadratic() {
            scaling = scaling.with_raw_targets();
        }
        Ok(Prepared {
            train: scaled(&scaling, &train)?,
            validation: validation
                .map(|validation| scaled(&scaling, &validation))
                .transpose()?,
            scaling,
        })
    }

    /// Fits a model, and with [`Training::shrinkage`] beside it one on each of five folds' others, by
    /// which the share of what was learned is chosen for each target; shares of one without.
    ///
    /// `fit` is given rows and a seed, `predict` a model and rows it has not seen. The observer is told
    /// of the model of all rows alone. Offsets of a family whose targets can be standardised are subtracted
    /// from the targets; those of others stay with the samples.
    ///
    /// # Errors
    ///
    /// [`contextualized_core::Error::InvalidParameter`] for settings out of range, [`contextualized_core::Error::InvalidTarget`] for targets that
    /// are not of the family; those of `fit` and `predict`.
    pub fn fit_with_shares<M>(
        &self,
        family: Family,
        samples: &Samples,
        [folds, last]: [u64; 2],
        fit: impl Fn(&Samples, u64, &mut Observer<'_>) -> Result<M> + Sync,
        predict: impl Fn(&M, &Samples) -> Result<HeldOutDeviation> + Sync,
        observer: &mut Observer<'_>,
    ) -> Result<(M, Array1<f64>)> {
        self.validate()?;
        family.require_known()?;
        family.check_single(samples)?;
        let samples = samples.rows_that_count()?;
        let samples = if family.is_quadratic() && samples.offsets().is_some() {
            let zeros = Array1::zeros(samples.rows());
            let known = samples.replace_targets(samples.targets_without_offsets().view())?;
            Cow::Owned(known.with_offsets(zeros.view())?)
        } else {
            samples
        };
        let mut shares = Ok(Array1::ones(samples.targets().ncols()));
        // The observer stays on this thread, and so does the last fit; others take the folds.
        let model = rayon::in_place_scope(|scope| {
            if self.shrinkage {
                scope.spawn(|_| {
                    shares = shares_by_folds(&samples, &family, folds, |train, test| {
                        predict(&fit(train, folds, &mut unobserved)?, test)
                    });
                });
            }
            fit(&samples, last, observer)
        });
        let shares = shares?;
        Ok((model?, shares))
    }
}

/// The same samples in units of training, with their offsets.
///
/// # Errors
///
/// Those of [`Scaling::apply`].
pub fn scaled(scaling: &Scaling, samples: &Samples) -> Result<Samples> {
    let scaled = scaling.apply(samples)?;
    match samples.offsets() {
        Some(offsets) => scaled.with_offsets(offsets),
        None => Ok(scaled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use contextualized_core::Error;
    use proptest::prelude::*;

    fn held_out(targets: Vec<f64>, deviation: Vec<f64>) -> (HeldOutDeviation, Array1<f64>) {
        let rows = targets.len();
        let column = |values| Array2::from_shape_vec((rows, 1), values).unwrap();
        let held_out = HeldOutDeviation {
            base: Array2::from_elem((rows, 1), 0.25),
            targets: column(targets),
            deviation: column(deviation),
        };
        (
            held_out,
            Array1::from_shape_fn(rows, |row| 1.0 + (row % 3) as f64),
        )
    }

    proptest! {
        /// For squared errors the share is the least-squares slope of residuals on deviations, in [0, 1].
        #[test]
        fn linear_shares_are_least_squares(
            targets in prop::collection::vec(-2.0..2.0_f64, 12),
            deviation in prop::collection::vec(-2.0..2.0_f64, 12),
        ) {
            let (data, weights) = held_out(targets, deviation);
            let sum = |of: &dyn Fn(usize) -> f64| (0..12).map(|row| weights[row] * of(row)).sum::<f64>();
            let slope = sum(&|row| (data.targets[[row, 0]] - data.base[[row, 0]]) * data.deviation[[row, 0]])
                / sum(&|row| data.deviation[[row, 0]].powi(2));
            let share = data.share(&Family::Gaussian, Some(weights.view()));
            assert_relative_eq!(share, slope.clamp(0.0, 1.0), epsilon = 1e-12);
            prop_assert_eq!(data.shares(&Family::Gaussian, Some(weights.view()))[0], share);
        }

        /// No other share has a lower loss, whatever the family, of those that binary targets are of.
        #[test]
        fn shares_are_optimal_for_every_family(
            binary in prop::collection::vec(any::<bool>(), 12),
            deviation in prop::collection::vec(-2.0..2.0_f64, 12),
            other in 0.0..1.0_f64,
        ) {
            let (data, weights) = held_out(binary.into_iter().map(f64::from).collect(), deviation);
            for family in Family::ALL.into_iter().filter(|family| family.admits(0.0)) {
                let loss = |share: f64| -> f64 {
                    (0..12)
                        .map(|row| {
                            let eta = data.base[[row, 0]] + share * data.deviation[[row, 0]];
                            weights[row] * family.at(data.targets[[row, 0]], eta).0
                        })
                        .sum()
                };
                prop_assert!(loss(data.share(&family, Some(weights.view()))) <= loss(other) + 1e-12);
            }
        }
    }

    #[test]
    fn a_deviation_that_says_nothing_gets_no_share() {
        let (data, _) = held_out(vec![1.0, 2.0], vec![0.0, 0.0]);
        assert_eq!(data.share(&Family::Gaussian, None), 0.0);
    }

    fn samples(rows: usize) -> Samples {
        let contexts = Array2::zeros((rows, 1));
        let features = Array2::from_shape_fn((rows, 1), |(row, _)| row as f64);
        Samples::new(contexts.view(), features.view(), features.view()).unwrap()
    }

    #[test]
    fn few_rows_keep_nothing_and_tables_of_other_shapes_are_refused() {
        let keep = |rows: usize, columns: usize| {
            shares_by_folds(&samples(rows), &Family::Gaussian, 0, |_, test| {
                let table = Array2::ones((test.rows(), columns));
                Ok(HeldOutDeviation {
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

    /// Offsets of samples are known terms: a base that lacks them and one that has them are the same.
    #[test]
    fn offsets_are_part_of_the_base() {
        let offsets = Array1::from_shape_fn(20, |row| (row % 3) as f64);
        let samples = samples(20).with_offsets(offsets.view()).unwrap();
        let shares = shares_by_folds(&samples, &Family::Gaussian, 0, |_, test| {
            let offsets = test.offsets().unwrap().insert_axis(Axis(1));
            Ok(HeldOutDeviation {
                targets: test.targets().to_owned(),
                base: &test.features() * 0.5 - offsets,
                deviation: test.features().to_owned(),
            })
        });
        assert_relative_eq!(shares.unwrap()[0], 0.5, epsilon = 1e-12);
    }
}
