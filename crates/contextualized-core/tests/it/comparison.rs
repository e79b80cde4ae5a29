//! The comparison table: test sets, cross-validation and its standard errors.

use crate::models::{Failing, Mean, MeanOnly};
use approx::assert_relative_eq;
use contextualized_core::comparison::{compare_on_test, cross_validate, cross_validate_on};
use contextualized_core::cross_validation::{
    CandidateResult, CrossValidation, EarlyStopping, FoldScores, HeldOut,
};
use contextualized_core::{DynEstimator, Error, Estimator, Family, KFold, Result, Samples, Split};
use ndarray::{Array1, Array2, array};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Targets with mean 0 and variance 1; contexts and features do not matter.
fn pure_noise(rows: usize, seed: u64) -> Samples {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let bound = 3.0_f64.sqrt();
    let targets = Array2::from_shape_simple_fn((rows, 1), || generator.gen_range(-bound..bound));
    let other = Array2::ones((rows, 1));
    Samples::new(other.view(), other.view(), targets.view()).unwrap()
}

/// Predicts the mean plus a bias, so that its loss is larger by the square of it.
struct BiasedMean(f64);

impl Estimator for BiasedMean {
    type Model = Mean;

    fn name(&self) -> String {
        format!("mean + {}", self.0)
    }

    fn fit(&self, samples: &Samples) -> Result<Mean> {
        let mut model = MeanOnly.fit(samples)?;
        model.mean += self.0;
        Ok(model)
    }
}

#[test]
fn a_test_set_scores_response_and_effects() {
    let train = Samples::new(
        array![[0.0], [1.0]].view(),
        array![[1.0], [1.0]].view(),
        array![[1.0], [3.0]].view(),
    )
    .unwrap();
    let test = Samples::new(
        array![[0.0], [1.0]].view(),
        array![[1.0], [1.0]].view(),
        array![[2.0], [4.0]].view(),
    )
    .unwrap();
    let truth =
        contextualized_core::Coefficients::constant(array![[3.0]].view(), array![0.0].view(), 2)
            .unwrap();
    let estimators: Vec<Box<dyn DynEstimator>> = vec![Box::new(MeanOnly), Box::new(Failing)];
    let rows = compare_on_test(&estimators, &train, &test, Some(&truth), Family::Gaussian);
    let score = rows[0].outcome.as_ref().unwrap();
    assert_eq!(rows[0].name, "mean");
    assert_relative_eq!(score.response.mean, 2.0); // losses 0 and 4
    assert_relative_eq!(score.response.standard_error, 2.0);
    assert_relative_eq!(score.effect_mse.unwrap(), 9.0);
    assert_eq!(rows[1].name, "failing");
    assert!(rows[1].outcome.is_err());
}

#[test]
fn cross_validation_of_the_mean_by_hand() {
    // Two folds of one row: each row is predicted by the other, 4 away.
    let table = array![[0.0], [4.0]];
    let samples = Samples::new(table.view(), table.view(), table.view()).unwrap();
    let estimators: Vec<Box<dyn DynEstimator>> = vec![Box::new(MeanOnly)];
    let rows = cross_validate(&estimators, &samples, &KFold::new(2, 0), Family::Gaussian).unwrap();
    let scores = rows[0].outcome.as_ref().unwrap();
    assert_eq!(scores.losses(), [16.0, 16.0]);
    assert_relative_eq!(scores.score().mean, 16.0);
    assert_relative_eq!(scores.score().standard_error, 0.0);
}

#[test]
fn one_failing_estimator_does_not_cost_the_others_their_lines() {
    let estimators: Vec<Box<dyn DynEstimator>> = vec![
        Box::new(Failing),
        Box::new(MeanOnly),
        Box::new(BiasedMean(1.0)),
    ];
    let rows = cross_validate(
        &estimators,
        &pure_noise(40, 1),
        &KFold::new(4, 2),
        Family::Gaussian,
    )
    .unwrap();
    assert!(rows[0].outcome.is_err());
    let (mean, biased) = (
        rows[1].outcome.as_ref().unwrap(),
        rows[2].outcome.as_ref().unwrap(),
    );
    let paired = biased.minus(mean).unwrap();
    assert_relative_eq!(
        paired.mean,
        biased.score().mean - mean.score().mean,
        max_relative = 1e-12
    );
    let other = cross_validate(
        &estimators,
        &pure_noise(40, 1),
        &KFold::new(5, 2),
        Family::Gaussian,
    );
    assert!(
        mean.minus(other.unwrap()[1].outcome.as_ref().unwrap())
            .is_err()
    );
}

/// A heavy row's fold counts as much as the row does, and rows of weight zero are in no fold.
#[test]
fn cross_validation_counts_weights() {
    let samples = pure_noise(40, 5);
    let mut weights = Array1::from_elem(40, 1.0);
    for row in 0..40 {
        weights[row] = [0.0, 0.0, 0.0, 1.0, 50.0][row % 5];
    }
    let weighted = samples.with_weights(weights.view()).unwrap();
    let estimators: Vec<Box<dyn DynEstimator>> = vec![Box::new(MeanOnly)];
    let rows = cross_validate(&estimators, &weighted, &KFold::new(5, 0), Family::Gaussian).unwrap();
    let score = rows[0].outcome.as_ref().unwrap().score();

    let counted = weighted.rows_that_count().unwrap();
    let (mut total, mut weight) = (0.0, 0.0);
    for split in KFold::new(5, 0).splits(counted.rows()).unwrap() {
        let model = MeanOnly
            .fit(&counted.select(&split.train).unwrap())
            .unwrap();
        for row in split.test {
            let w = counted.weights().unwrap()[row];
            total += w * (counted.targets()[[row, 0]] - model.mean[0]).powi(2);
            weight += w;
        }
    }
    assert_eq!(counted.rows(), 16);
    assert_relative_eq!(score.mean, total / weight, max_relative = 1e-12);
}

#[test]
fn only_scores_on_the_same_folds_are_paired() {
    let scores = |seed| {
        let estimators: Vec<Box<dyn DynEstimator>> = vec![Box::new(MeanOnly)];
        let folds = KFold::new(5, seed);
        let rows =
            cross_validate(&estimators, &pure_noise(40, 1), &folds, Family::Gaussian).unwrap();
        rows.into_iter().next().unwrap().outcome.unwrap()
    };
    assert!(scores(0).minus(&scores(0)).is_ok());
    assert!(scores(0).minus(&scores(1)).is_err());
}

fn scores_of_the_mean(samples: &Samples, splits: &[Split]) -> Result<FoldScores> {
    let estimators: Vec<Box<dyn DynEstimator>> = vec![Box::new(MeanOnly)];
    let lines = cross_validate_on(&estimators, samples, splits, Family::Gaussian)?;
    lines.into_iter().next().unwrap().outcome
}

/// Splits of very unequal sides: by hand, with a row of weight zero on either side.
#[test]
fn any_splits_are_scored() {
    let targets = array![[1.0], [3.0], [5.0], [6.0], [100.0]];
    let samples = Samples::new(targets.view(), targets.view(), targets.view()).unwrap();
    let samples = samples
        .with_weights(array![1.0, 1.0, 1.0, 2.0, 0.0].view())
        .unwrap();
    let splits = [
        Split::holding_out([false, false, true, true, true]).unwrap(),
        Split::holding_out([true, false, false, false, false]).unwrap(),
    ];
    let scores = scores_of_the_mean(&samples, &splits).unwrap();
    // Means 2 and 14/3, the latter of rows 1, 2 and 3: the estimator here ignores weights.
    let losses = [(9.0 + 2.0 * 16.0) / 3.0, (11.0_f64 / 3.0).powi(2)];
    assert_relative_eq!(scores.losses()[0], losses[0], max_relative = 1e-12);
    assert_relative_eq!(scores.losses()[1], losses[1], max_relative = 1e-12);
    let mean = (3.0 * losses[0] + losses[1]) / 4.0;
    let variance = (3.0 * (losses[0] - mean).powi(2) + (losses[1] - mean).powi(2)) / 4.0 * 2.0;
    assert_relative_eq!(scores.score().mean, mean, max_relative = 1e-12);
    // Three rows held out of five trained on, over both splits.
    let error = (variance * (1.0 / 2.0 + 3.0 / 5.0)).sqrt();
    assert_relative_eq!(scores.score().standard_error, error, max_relative = 1e-12);

    let once = scores_of_the_mean(&samples, &splits[..1]).unwrap();
    assert!(once.score().standard_error.is_nan());
    let error = once.minus(&scores).unwrap_err();
    assert!(
        error.to_string().contains("1 splits, 2 rows held out"),
        "{error}"
    );
}

#[test]
fn splits_that_cannot_be_used_are_errors() {
    let samples = pure_noise(3, 0);
    let mut weights = Array1::ones(3);
    weights[2] = 0.0;
    let weighted = samples.clone().with_weights(weights.view()).unwrap();
    let split = Split {
        train: vec![0, 1],
        test: vec![2],
    };
    let error =
        |samples: &Samples, splits: &[Split]| scores_of_the_mean(samples, splits).unwrap_err();
    assert!(matches!(
        error(&weighted, std::slice::from_ref(&split)),
        Error::NoRows {
            argument: "the held-out side of a split"
        }
    ));
    assert!(matches!(
        error(&samples, &[]),
        Error::InvalidParameter {
            parameter: "splits",
            ..
        }
    ));
    let leaking = Split {
        train: vec![0, 1, 2],
        ..split
    };
    assert!(error(&samples, &[leaking]).to_string().contains("row 3"));
}

/// Targets that are the context: a mean predicts rows inside the others' range well, and regions
/// beyond it badly.
#[test]
fn regions_measure_extrapolation() {
    let table = Array2::from_shape_fn((60, 1), |(row, _)| row as f64);
    let samples = Samples::new(table.view(), table.view(), table.view()).unwrap();
    let loss = |splits: Vec<Split>| scores_of_the_mean(&samples, &splits).unwrap().score().mean;
    let folds = KFold::new(3, 0);
    let (inside, beyond) = (
        loss(folds.splits(60).unwrap()),
        loss(folds.region_splits(samples.contexts()).unwrap()),
    );
    // Means of thirds are 20 apart: (20² + 10² … )/3 beside the variance of 60²/12.
    assert!(inside < 330.0 && beyond > 550.0, "{inside}, {beyond}");
}

/// Rows of a group share most of their error. The standard error of grouped folds knows; that of
/// random folds takes rows for independent and claims far less than the mean over groups varies.
#[test]
fn grouped_folds_know_that_groups_differ() {
    let (groups, rows) = (20, 200);
    let estimators: Vec<Box<dyn DynEstimator>> = vec![Box::new(MeanOnly)];
    let mut means = Vec::new();
    let mut claimed = [0.0; 2];
    for seed in 0..200 {
        let of_groups = pure_noise(groups, seed);
        let labels: Vec<usize> = (0..rows).map(|row| row % groups).collect();
        let samples = of_groups.select(&labels).unwrap();
        let folds = KFold::new(10, seed);
        let splits = [
            folds.group_splits(rows, &labels).unwrap(),
            folds.splits(rows).unwrap(),
        ];
        for (claimed, splits) in claimed.iter_mut().zip(&splits) {
            let lines = cross_validate_on(&estimators, &samples, splits, Family::Gaussian).unwrap();
            let score = lines[0].outcome.as_ref().unwrap().score();
            *claimed += score.standard_error / 200.0;
            means.push(score.mean);
        }
    }
    let grouped: Vec<f64> = means.into_iter().step_by(2).collect();
    let mean = grouped.iter().sum::<f64>() / 200.0;
    let deviation = (grouped.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / 200.0).sqrt();
    // Each of the other 18 groups of a mean adds a variance of 1 / 18.
    assert!((mean - (1.0 + 1.0 / 18.0)).abs() < 0.05, "{mean}");
    let ratios = claimed.map(|claimed| claimed / deviation);
    assert!(
        (0.95..1.6).contains(&ratios[0]) && ratios[1] < 0.6,
        "{ratios:?}"
    );
}

#[test]
fn cross_validation_gives_the_same_bits_on_one_and_two_threads() {
    let run = |threads: usize| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
            .install(|| {
                let estimators: Vec<Box<dyn DynEstimator>> =
                    vec![Box::new(MeanOnly), Box::new(BiasedMean(0.3))];
                let folds = KFold::new(10, 7).with_repeats(5);
                cross_validate(&estimators, &pure_noise(200, 3), &folds, Family::Gaussian)
                    .unwrap()
                    .into_iter()
                    .map(|row| row.outcome.unwrap())
                    .collect::<Vec<_>>()
            })
    };
    assert_eq!(run(1), run(2));
}

/// Intervals of ± 1.96 standard errors hold the expected test error at least as often as they
/// should, and are not wastefully wide. The expected squared error of a mean of m rows is 1 + 1/m.
#[test]
fn cross_validated_standard_errors_are_calibrated() {
    for (repeats, widest) in [(1, 1.6), (10, 1.25)] {
        let (rows, folds, data_sets) = (60, 10, 400);
        let expected = 1.0 + 1.0 / 54.0;
        let scores: Vec<_> = (0..data_sets)
            .map(|seed| {
                let estimators: Vec<Box<dyn DynEstimator>> = vec![Box::new(MeanOnly)];
                let folds = KFold::new(folds, seed).with_repeats(repeats);
                cross_validate(
                    &estimators,
                    &pure_noise(rows, seed),
                    &folds,
                    Family::Gaussian,
                )
                .unwrap()[0]
                    .outcome
                    .as_ref()
                    .unwrap()
                    .score()
            })
            .collect();
        let count = scores.len() as f64;
        let covered = scores
            .iter()
            .filter(|s| (s.mean - expected).abs() <= 1.96 * s.standard_error)
            .count() as f64
            / count;
        let mean = scores.iter().map(|s| s.mean).sum::<f64>() / count;
        let deviation =
            (scores.iter().map(|s| (s.mean - mean).powi(2)).sum::<f64>() / count).sqrt();
        let claimed = scores.iter().map(|s| s.standard_error).sum::<f64>() / count;
        assert!(covered >= 0.93, "covered {covered} with {repeats} repeats");
        let ratio = claimed / deviation;
        assert!(
            (0.95..widest).contains(&ratio),
            "ratio {ratio} with {repeats} repeats"
        );
    }
}

/// Results of candidates whose losses in every fold are given; none where a fit fails.
fn results(losses: &[[Option<f64>; 5]], stopping: Option<EarlyStopping>) -> Vec<CandidateResult> {
    let samples = pure_noise(60, 3);
    let splits = KFold::new(5, 0).splits(60).unwrap();
    let first: Vec<f64> = splits
        .iter()
        .map(|split| samples.targets()[[split.test[0], 0]])
        .collect();
    let folds = CrossValidation::new(&samples, &splits).unwrap();
    let job = |candidate: usize, _: &Samples, test: &Samples| {
        let own = test.targets()[[0, 0]];
        let fold = first.iter().position(|target| *target == own).unwrap();
        let loss = losses[candidate][fold].ok_or(Error::NoRows { argument: "fold" })?;
        Ok(HeldOut {
            losses: Array1::from_elem(test.rows(), loss),
            predictions: Array2::zeros((test.rows(), 0)),
        })
    };
    folds
        .run(losses.len(), "loss", stopping, &|_| (), job)
        .unwrap()
}

#[test]
fn what_was_stopped_for_a_candidate_that_fails_goes_on() {
    let good = Some(1.0);
    let results = results(
        &[
            [good, good, good, good, None],
            [Some(2.0); 5],
            [Some(3.0); 5],
        ],
        Some(EarlyStopping::default()),
    );
    assert!(matches!(results[0], CandidateResult::Failed(_)));
    for (result, loss) in results[1..].iter().zip([2.0, 3.0]) {
        let CandidateResult::Scored { scores, .. } = result else {
            panic!("{result:?}");
        };
        assert_eq!(scores.losses(), [loss; 5]);
    }
}

#[test]
fn who_is_far_behind_is_stopped_after_the_first_fold_and_others_after_two() {
    let results = results(
        &[
            [Some(1.0); 5],
            [Some(9.0); 5],
            [Some(1.0), Some(2.0), Some(1.0), Some(1.0), Some(1.0)],
        ],
        Some(EarlyStopping::default()),
    );
    assert!(matches!(results[0], CandidateResult::Scored { .. }));
    for (result, expected) in results[1..].iter().zip([1, 2]) {
        let CandidateResult::Stopped { folds, behind, .. } = result else {
            panic!("{result:?}");
        };
        assert_eq!((*folds, *behind), (expected, 0));
    }
}

#[test]
fn no_candidate_is_preferred_to_a_better_one_before_it() {
    let results = results(
        &[
            [Some(1.2); 5],
            [Some(3.0), Some(0.0), Some(3.0), Some(0.0), Some(3.0)],
            [Some(1.0); 5],
        ],
        None,
    );
    let scores: Vec<FoldScores> = results
        .into_iter()
        .map(|result| result.into_scores().unwrap())
        .collect();
    let all: Vec<&FoldScores> = scores.iter().collect();
    let first =
        |candidates: &[&FoldScores]| FoldScores::first_within_one_error(candidates).unwrap();
    // The second is within a standard error of the last, but behind the first.
    assert_eq!(first(&all), Some((2, 2)));
    assert_eq!(first(&all[1..]), Some((0, 1)));
    assert_eq!(first(&[]), None);
}
