//! One comparison for every estimator: on a test set, and cross-validated.

use crate::metrics::{Loss, Score, effect_mse};
use crate::{Coefficients, DynEstimator, Error, KFold, LocalCoefficients, Result, Samples};
use rayon::prelude::*;
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
/// Those of the estimator and of [`Loss::rows`].
pub fn score_on_test(
    estimator: &dyn DynEstimator,
    train: &Samples,
    test: &Samples,
    truth: Option<&Coefficients>,
    loss: Loss,
) -> Result<TestScore> {
    let start = Instant::now();
    let model = estimator.fit_boxed(train)?;
    let fit_time = start.elapsed();
    Ok(TestScore {
        response: response_score(&model, test, loss)?,
        effect_mse: truth
            .map(|truth| {
                let estimate = model.coefficients_at(test.contexts(), test.features())?;
                effect_mse(truth, &estimate)
            })
            .transpose()?,
        fit_time,
    })
}

fn response_score(model: &dyn LocalCoefficients, test: &Samples, loss: Loss) -> Result<Score> {
    let predictions = model.predict(test.contexts(), test.features())?;
    let losses = loss.rows(test.targets(), predictions.view())?;
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
    loss: Loss,
) -> Vec<Compared<TestScore>> {
    estimators
        .iter()
        .map(|estimator| Compared {
            name: DynEstimator::name(estimator),
            outcome: score_on_test(estimator, train, test, truth, loss),
        })
        .collect()
}

/// Held-out losses of one estimator, a number per fold and repeat.
#[derive(Debug, Clone, PartialEq)]
pub struct FoldScores {
    losses: Vec<f64>,
    /// Weight of each fold's rows, the number of rows where there are no weights.
    weights: Vec<f64>,
    folds: KFold,
    loss: Loss,
}

impl FoldScores {
    /// Mean loss of each held-out fold: the folds of the first repeat, then of the next.
    pub fn losses(&self) -> &[f64] {
        &self.losses
    }

    /// The cross-validated loss and its standard error.
    ///
    /// Folds share most of their training rows, and repeats all their rows, so their
    /// J scores are correlated and s/√J is too small. The standard error is the corrected one of
    /// Nadeau and Bengio (2003, doi:10.1023/A:1024068626366), s · √(1/J + 1/(K − 1)) for K folds;
    /// it errs on the wide side, most where nothing is repeated. Folds count by the weight of
    /// their rows.
    pub fn score(&self) -> Score {
        self.corrected(&self.losses)
    }

    /// How much larger this loss is than another's on the same folds, with a standard error
    /// of the paired difference.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] when the two were scored by different folds or losses.
    pub fn minus(&self, other: &Self) -> Result<Score> {
        if (self.folds, self.loss, &self.weights) != (other.folds, other.loss, &other.weights) {
            return Err(Error::invalid_parameter(
                "fold scores",
                format!("of {:?}, {:?} loss", other.folds, other.loss),
                format!(
                    "of the same {:?}, {:?} loss and rows",
                    self.folds, self.loss
                ),
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
        let share = 1.0 / count + 1.0 / (self.folds.folds() as f64 - 1.0);
        Score {
            mean: center,
            standard_error: (variance * share).sqrt(),
        }
    }
}

/// Cross-validates every estimator on the same folds, in parallel over estimators and folds.
///
/// Everything an estimator learns, its standardisation included, it learns on training folds.
/// Rows of weight zero are in no fold.
/// The result does not depend on the number of threads.
///
/// # Errors
///
/// Those of [`KFold::splits`] and of selecting a fold; an estimator's own failure is in its
/// line's outcome.
pub fn cross_validate(
    estimators: &[Box<dyn DynEstimator>],
    samples: &Samples,
    folds: &KFold,
    loss: Loss,
) -> Result<Vec<Compared<FoldScores>>> {
    let samples = samples.rows_that_count()?;
    let data = folds
        .splits(samples.rows())?
        .into_iter()
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
            Ok(response_score(&model, test, loss)?.mean)
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
                        folds: *folds,
                        loss,
                    }),
            }
        })
        .collect())
}
