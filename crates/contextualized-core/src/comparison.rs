//! One comparison for every estimator: on a test set, and cross-validated.

use crate::cross_validation::{CrossValidation, FoldScores, HeldOut};
use crate::metrics::{Score, effect_mse};
use crate::{
    Coefficients, DynEstimator, Family, KFold, LocalCoefficients, Loss, Result, Samples, Split,
};
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
        response: response_score(&model, test, &family.loss_of(train)?)?,
        effect_mse: truth
            .map(|truth| {
                let estimate = model.coefficients_at(test.contexts(), test.features())?;
                effect_mse(truth, &estimate)
            })
            .transpose()?,
        fit_time,
    })
}

fn response_score(model: &dyn LocalCoefficients, test: &Samples, loss: &Loss) -> Result<Score> {
    let predictions = model.predict_samples(test)?;
    let losses = loss.of_rows(test.targets(), predictions.view())?;
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

/// Cross-validates every estimator on the same random folds: [`cross_validate_on`] the splits of
/// [`KFold::splits_for`]. Rows of weight zero are in no fold.
///
/// # Errors
///
/// Those of [`KFold::splits_for`]; an estimator's own failure is in its line's outcome.
pub fn cross_validate(
    estimators: &[Box<dyn DynEstimator>],
    samples: &Samples,
    folds: &KFold,
    family: Family,
) -> Result<Vec<Compared<FoldScores>>> {
    let samples = samples.rows_that_count()?;
    let splits = folds.splits_for(&samples, family)?;
    cross_validate_on(estimators, &samples, &splits, family)
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
/// [`InvalidParameter`](crate::Error::InvalidParameter) for no split, and those of [`Split::check`];
/// [`NoRows`](crate::Error::NoRows) for a
/// split with a side on which every row has weight zero. An estimator's own failure is in its line's
/// outcome.
pub fn cross_validate_on(
    estimators: &[Box<dyn DynEstimator>],
    samples: &Samples,
    splits: &[Split],
    family: Family,
) -> Result<Vec<Compared<FoldScores>>> {
    let names = estimators.iter().map(DynEstimator::name);
    let validation = CrossValidation::new(samples, splits)?;
    let loss = family.loss_of(samples)?;
    let results = validation.run(
        estimators.len(),
        loss.name(),
        None,
        &|_| (),
        |estimator, train, test| {
            let predictions = estimators[estimator]
                .fit_boxed(train)?
                .predict_samples(test)?;
            Ok(HeldOut {
                losses: loss.of_rows(test.targets(), predictions.view())?,
                predictions,
            })
        },
    )?;
    Ok(names
        .zip(results)
        .map(|(name, result)| Compared {
            name,
            outcome: result.into_scores(),
        })
        .collect())
}
