//! One comparison for every estimator: on a test set, and cross-validated.

use crate::metrics::{Score, effect_mse};
use crate::{
    Coefficients, DynEstimator, Error, Family, KFold, LocalCoefficients, Result, Samples, Split,
};
use rayon::prelude::*;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What one estimator achieved on a test set.
#[derive(Debug, Clone, PartialEq)]
pub struct TestScore {
    /// Mean loss of the response over test rows, with its standard error.
    pub response: Score,
    /// Mean squared error of all slopes, where the truth was given.
    pub effect_mse: Option<f64>,
    /// Wall-clock time of the fit alone: the one figure that differs from run to run.
    pub fit_time: Duration,
}

/// Fits an estimator on training samples and scores it on test samples.
///
/// `truth`, where known, holds the true coefficients of the test rows.
///
/// # Errors
///
/// Those of the estimator and of [`Family::losses`].
pub fn score_on_test(
    estimator: &dyn DynEstimator,
    train: &Samples,
    test: &Samples,
    truth: Option<&Coefficients>,
    family: Family,
) -> Result<TestScore> {
    let start = Instant::now();
    let model = estimator.fit_boxed(train)?;
    let fit_time = start.elapsed();
    Ok(TestScore {
        response: response_score(&model, test, family)?,
        effect_mse: truth
            .map(|truth| {
                let estimate = model.coefficients_at(test.contexts(), test.features())?;
                effect_mse(truth, &estimate)
            })
            .transpose()?,
        fit_time,
    })
}

fn response_score(model: &dyn LocalCoefficients, test: &Samples, family: Family) -> Result<Score> {
    let predictions = model.predict_samples(test)?;
    let losses = family.losses(test.targets(), predictions.view())?;
    Score::of_rows(losses.view(), test.weights())
}

/// One estimator's line in a comparison; a failure does not cost the others theirs.
#[derive(Debug)]
pub struct Compared<S> {
    /// The estimator's name.
    pub name: String,
    /// What it achieved, or why it could not be fitted or scored.
    pub outcome: Result<S>,
}

/// Scores every estimator on the same test set, one after the other, in the order given.
pub fn compare_on_test(
    estimators: &[Box<dyn DynEstimator>],
    train: &Samples,
    test: &Samples,
    truth: Option<&Coefficients>,
    family: Family,
) -> Vec<Compared<TestScore>> {
    estimators
        .iter()
        .map(|estimator| Compared {
            name: DynEstimator::name(estimator),
            outcome: score_on_test(estimator, train, test, truth, family),
        })
        .collect()
}

/// Held-out losses of one estimator, a number per split.
#[derive(Debug, Clone, PartialEq)]
pub struct FoldScores {
    losses: Vec<f64>,
    /// Weight of each split's held-out rows, their number where there are no weights.
    weights: Vec<f64>,
    splits: Arc<[Split]>,
    family: Family,
}

impl FoldScores {
    /// Mean loss of the held-out rows of each split, in the order of the splits.
    pub fn losses(&self) -> &[f64] {
        &self.losses
    }

    /// The cross-validated loss and its standard error.
    ///
    /// Folds share most of their training rows, and repeats all their rows, so their
    /// J scores are correlated and s/√J is too small. The standard error is the corrected one of
    /// Nadeau and Bengio (2003, doi:10.1023/A:1024068626366), s · √(1/J + n₂/n₁) for n₂ rows held
    /// out, on average, of models of n₁ rows: √(1/J + 1/(K − 1)) for K folds. It errs on the wide
    /// side, most where nothing is repeated. Folds count by the weight of their rows. Of a single
    /// split it is NaN.
    ///
    /// What it is an error of depends on the folds. Of random or stratified rows it is that of the
    /// loss at new rows. Of groups it is that at rows of *new groups* drawn as these were: losses of
    /// folds then differ by their groups too, and with few groups to a fold it is itself rough. Of
    /// regions of context space it says how much losses differ from region to region; regions are no
    /// sample of anything, and it is no margin of an average over them.
    pub fn score(&self) -> Score {
        self.corrected(&self.losses)
    }

    /// How much larger this loss is than another's on the same splits, with a standard error
    /// of the paired difference.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] when the two were scored on different splits, weights or losses.
    pub fn minus(&self, other: &Self) -> Result<Score> {
        if self.family != other.family {
            return Err(Error::invalid_parameter(
                "family of the other scores",
                other.family,
                format!("{}, as of these", self.family),
            ));
        }
        if (&self.splits, &self.weights) != (&other.splits, &other.weights) {
            let described = |scores: &Self| {
                let rows = |of: fn(&Split) -> &Vec<usize>| {
                    scores
                        .splits
                        .iter()
                        .map(|split| of(split).len())
                        .sum::<usize>()
                };
                format!(
                    "{} splits, {} rows held out and {} trained on",
                    scores.splits.len(),
                    rows(|split| &split.test),
                    rows(|split| &split.train)
                )
            };
            return Err(Error::invalid_parameter(
                "the basis of the other scores",
                described(other),
                format!("the same rows and weights as here: {}", described(self)),
            ));
        }
        let differences: Vec<f64> = self
            .losses
            .iter()
            .zip(&other.losses)
            .map(|(a, b)| a - b)
            .collect();
        Ok(self.corrected(&differences))
    }

    fn corrected(&self, scores: &[f64]) -> Score {
        let count = scores.len() as f64;
        let total: f64 = self.weights.iter().sum();
        let mean = |of: &dyn Fn(f64) -> f64| {
            let weighted = scores
                .iter()
                .zip(&self.weights)
                .map(|(score, weight)| weight * of(*score));
            weighted.sum::<f64>() / total
        };
        let center = mean(&|score| score);
        let variance = mean(&|score| (score - center).powi(2)) * count / (count - 1.0);
        let rows = |of: fn(&Split) -> &Vec<usize>| -> f64 {
            self.splits.iter().map(|split| of(split).len() as f64).sum()
        };
        let share = 1.0 / count + rows(|split| &split.test) / rows(|split| &split.train);
        Score {
            mean: center,
            standard_error: (variance * share).sqrt(),
        }
    }
}

/// Cross-validates every estimator on the same random folds: [`cross_validate_on`] the splits of
/// [`KFold::splits`]. Rows of weight zero are in no fold.
///
/// # Errors
///
/// Those of [`KFold::splits`]; an estimator's own failure is in its line's outcome.
pub fn cross_validate(
    estimators: &[Box<dyn DynEstimator>],
    samples: &Samples,
    folds: &KFold,
    family: Family,
) -> Result<Vec<Compared<FoldScores>>> {
    let samples = samples.rows_that_count()?;
    cross_validate_on(estimators, &samples, &folds.splits(samples.rows())?, family)
}

/// Scores every estimator on the same splits of the samples, in parallel over estimators and splits.
///
/// Everything an estimator learns, its standardisation included, it learns on training rows. Rows of
/// weight zero are neither trained on nor scored. The result does not depend on the number of
/// threads.
///
/// ```
/// # use contextualized_core::{Coefficients, Estimator, Family, LocalCoefficients, Result};
/// # use ndarray::{Array2, ArrayView2};
/// # struct Zero;
/// # struct Zeros(usize);
/// # impl Estimator for Zero {
/// #     type Model = Zeros;
/// #     fn name(&self) -> String { "zero".into() }
/// #     fn fit(&self, samples: &Samples) -> Result<Zeros> { Ok(Zeros(samples.features().ncols())) }
/// # }
/// # impl LocalCoefficients for Zeros {
/// #     fn coefficients_at(&self, c: ArrayView2<'_, f64>, _: ArrayView2<'_, f64>) -> Result<Coefficients> {
/// #         Coefficients::new(ndarray::Array3::zeros((c.nrows(), 1, self.0)), Array2::zeros((c.nrows(), 1)))
/// #     }
/// #     fn family(&self) -> Family { Family::Gaussian }
/// # }
/// use contextualized_core::comparison::cross_validate_on;
/// use contextualized_core::{DynEstimator, KFold, Samples};
/// use ndarray::array;
///
/// let (c, x) = (array![[0.1], [0.9], [0.2], [0.7]], array![[1.0], [2.0], [0.0], [1.0]]);
/// let samples = Samples::new(c.view(), x.view(), array![[1.0], [2.0], [3.0], [4.0]].view())?;
/// let estimators: Vec<Box<dyn DynEstimator>> = vec![Box::new(Zero)];
///
/// let beyond = KFold::new(2, 0).region_splits(samples.contexts())?;
/// let lines = cross_validate_on(&estimators, &samples, &beyond, Family::Gaussian)?;
/// for line in lines {
///     assert_eq!(line.outcome?.score().mean, 7.5);
/// }
/// # Ok::<(), contextualized_core::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::InvalidParameter`] for no split, and those of [`Split::check`]; [`Error::NoRows`] for a
/// split with a side on which every row has weight zero. An estimator's own failure is in its line's
/// outcome.
pub fn cross_validate_on(
    estimators: &[Box<dyn DynEstimator>],
    samples: &Samples,
    splits: &[Split],
    family: Family,
) -> Result<Vec<Compared<FoldScores>>> {
    if splits.is_empty() {
        return Err(Error::invalid_parameter("splits", 0, "at least 1"));
    }
    let splits = splits
        .iter()
        .map(|split| {
            split.check(samples.rows())?;
            split.of_rows_that_count(samples.weights())
        })
        .collect::<Result<Arc<[Split]>>>()?;
    let data = splits
        .iter()
        .map(|split| Ok((samples.select(&split.train)?, samples.select(&split.test)?)))
        .collect::<Result<Vec<(Samples, Samples)>>>()?;
    let weights: Vec<f64> = data
        .iter()
        .map(|(_, test)| {
            test.weights()
                .map_or(test.rows() as f64, |weights| weights.sum())
        })
        .collect();
    let jobs: Vec<(usize, usize)> = (0..estimators.len())
        .flat_map(|estimator| (0..data.len()).map(move |split| (estimator, split)))
        .collect();
    let mut outcomes = jobs
        .into_par_iter()
        .map(|(estimator, split)| {
            let (train, test) = &data[split];
            let model = estimators[estimator].fit_boxed(train)?;
            Ok(response_score(&model, test, family)?.mean)
        })
        .collect::<Vec<Result<f64>>>()
        .into_iter();
    Ok(estimators
        .iter()
        .map(|estimator| {
            let own: Vec<Result<f64>> = outcomes.by_ref().take(data.len()).collect();
            Compared {
                name: DynEstimator::name(estimator),
                outcome: own
                    .into_iter()
                    .collect::<Result<Vec<f64>>>()
                    .map(|losses| FoldScores {
                        losses,
                        weights: weights.clone(),
                        splits: splits.clone(),
                        family,
                    }),
            }
        })
        .collect())
}
