//! What has to be so whatever the data.

use crate::data::{correlated, ones, sleepstudy};
use approx::{assert_abs_diff_eq, assert_relative_eq};
use contextualized_core::{
    Error, Estimator, LocalCoefficients, RandomTerm, Samples, VaryingCoefficients,
    WithRandomEffects, WithUncertainty,
};
use contextualized_mixed::{MixedModel, MixedRegression};
use ndarray::{Array2, Axis};
use proptest::prelude::{ProptestConfig, any, proptest};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn nowhere() -> Array2<f64> {
    Array2::zeros((1, 0))
}

/// Subjects with so many rows each, effects of their own and noise.
fn balanced(subjects: usize, each: usize, spread: f64, seed: u64) -> (Samples, Vec<usize>) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = || (0..12).map(|_| random.gen_range(0.0..1.0_f64)).sum::<f64>() - 6.0;
    let own: Vec<f64> = (0..subjects).map(|_| spread * draw()).collect();
    let rows = subjects * each;
    let labels: Vec<usize> = (0..rows).map(|row| row / each).collect();
    let x = Array2::from_shape_fn((rows, 1), |_| draw());
    let y = Array2::from_shape_fn((rows, 1), |(row, _)| {
        1.0 + 2.0 * x[[row, 0]] + own[labels[row]] + draw()
    });
    (
        Samples::without_contexts(x.view(), y.view()).unwrap(),
        labels,
    )
}

fn with_intercepts(samples: &Samples, labels: &[usize]) -> Samples {
    let term = RandomTerm::new("s", labels, ones(labels.len()).view()).unwrap();
    samples.clone().with_random_terms(vec![term]).unwrap()
}

fn variance(model: &MixedModel) -> f64 {
    model.random_effects()[0].covariances[[0, 0, 0]]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// The analysis of variance of a balanced design: mean squares between and within subjects.
    #[test]
    fn one_intercept_is_the_analysis_of_variance(
        subjects in 4_usize..12, each in 2_usize..6, spread in 0.3..2.0_f64, seed in any::<u64>()
    ) {
        let (samples, labels) = balanced(subjects, each, spread, seed);
        let none = Array2::zeros((samples.rows(), 0));
        let samples = Samples::without_contexts(none.view(), samples.targets()).unwrap();
        let model = MixedRegression::new().fit(&with_intercepts(&samples, &labels)).unwrap();
        let y = samples.targets().column(0).to_owned();
        let mean = y.mean().unwrap();
        let means: Vec<f64> = (0..subjects)
            .map(|own| y.slice(ndarray::s![own * each..(own + 1) * each]).mean().unwrap())
            .collect();
        let between = means.iter().map(|own| (own - mean).powi(2)).sum::<f64>()
            * each as f64 / (subjects - 1) as f64;
        let within = y.iter().zip(&labels).map(|(y, own)| (y - means[*own]).powi(2)).sum::<f64>()
            / (subjects * (each - 1)) as f64;
        let total = y.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / (y.len() - 1) as f64;
        let (expected, noise) = if between > within {
            ((between - within) / each as f64, within)
        } else {
            (0.0, total)
        };
        assert_abs_diff_eq!(variance(&model), expected, epsilon = 1e-4 * total);
        assert_relative_eq!(model.dispersions()[0], noise, max_relative = 1e-4);
    }

    /// The order of rows, names of levels, and units and origins of all columns.
    #[test]
    fn order_and_units_do_not_matter(seed in any::<u64>(), shift in -5.0..5.0_f64, scale in 0.01..100.0_f64) {
        let (samples, labels) = balanced(8, 5, 1.0, seed);
        let term = |x: &Array2<f64>, labels: &[usize]| {
            let design = ndarray::concatenate![Axis(1), ones(x.nrows()), x.view()];
            RandomTerm::new("s", labels, design.view()).unwrap()
        };
        let x = samples.features().to_owned();
        let with = samples.clone().with_random_terms(vec![term(&x, &labels)]).unwrap();
        let model = MixedRegression::new().fit(&with).unwrap();
        let mut order: Vec<usize> = (0..samples.rows()).collect();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        for at in (1..order.len()).rev() {
            order.swap(at, random.gen_range(0..=at));
        }
        let x = x.select(Axis(0), &order).mapv(|own| (own - shift) / scale);
        let y = samples.targets().select(Axis(0), &order).mapv(|own| own / scale);
        let labels: Vec<usize> = order.iter().map(|&row| 100 - labels[row]).collect();
        let moved = Samples::without_contexts(x.view(), y.view()).unwrap();
        let moved = moved.with_random_terms(vec![term(&x, &labels)]).unwrap();
        let other = MixedRegression::new().fit(&moved).unwrap();
        let slope = |model: &MixedModel| model.coefficients(nowhere().view()).unwrap().slopes()[[0, 0, 0]];
        assert_relative_eq!(slope(&model), slope(&other), max_relative = 1e-4);
        let of = |model: &MixedModel| model.random_effects()[0].covariances[[0, 1, 1]];
        assert_abs_diff_eq!(of(&model), of(&other), epsilon = 1e-3);
        assert_relative_eq!(
            model.dispersions()[0],
            other.dispersions()[0] * scale * scale,
            max_relative = 1e-4
        );
    }
}

#[test]
fn without_variance_it_is_least_squares() {
    // Subjects are no more alike than rows are.
    let (samples, labels) = balanced(10, 4, 0.0, 3);
    let mixed: Vec<usize> = (0..labels.len()).map(|row| row % 10).collect();
    let model = MixedRegression::new()
        .fit(&with_intercepts(&samples, &mixed))
        .unwrap();
    let x = samples.features().column(0).to_owned();
    let y = samples.targets().column(0).to_owned();
    let (mx, my) = (x.mean().unwrap(), y.mean().unwrap());
    let slope = (&x - mx).dot(&(&y - my)) / (&x - mx).mapv(|v| v * v).sum();
    let own = model.coefficients(nowhere().view()).unwrap().slopes()[[0, 0, 0]];
    let found = variance(&model);
    if found < 1e-6 {
        assert_relative_eq!(own, slope, max_relative = 1e-6);
    } else {
        assert_abs_diff_eq!(own, slope, epsilon = 0.1);
    }
    assert!(found < 0.2, "{found}");
}

#[test]
fn a_model_file_says_the_same() {
    let (samples, subjects, days) = sleepstudy();
    let samples = samples
        .with_random_terms(vec![correlated(&subjects, &days)])
        .unwrap();
    let model = MixedRegression::new().fit(&samples).unwrap();
    let text = serde_json::to_string(&model).unwrap();
    let again: MixedModel = serde_json::from_str(&text).unwrap();
    assert_eq!(again, model);
    again.predict_samples(&samples).unwrap();
    let broken = text.replacen("\"level_count\":18", "\"level_count\":19", 1);
    assert!(serde_json::from_str::<MixedModel>(&broken).is_err());
}

#[test]
fn several_targets_are_fitted_one_by_one() {
    let (samples, labels) = balanced(8, 5, 1.0, 9);
    let other = samples.features().mapv(f64::sin) + samples.targets();
    let both = ndarray::concatenate![Axis(1), samples.targets(), other.view()];
    let both = Samples::without_contexts(samples.features(), both.view()).unwrap();
    let model = MixedRegression::new()
        .fit(&with_intercepts(&both, &labels))
        .unwrap();
    let alone = MixedRegression::new()
        .fit(&with_intercepts(&samples, &labels))
        .unwrap();
    assert_relative_eq!(variance(&model), variance(&alone), max_relative = 1e-9);
    assert_eq!(
        model.standard_errors(nowhere().view()).unwrap().targets(),
        2
    );
}

#[test]
fn what_cannot_be_fitted_is_said() {
    let (samples, labels) = balanced(8, 5, 1.0, 9);
    let fit = |samples: &Samples| MixedRegression::new().fit(samples).unwrap_err();
    assert!(fit(&samples).to_string().contains("random terms"));
    let every: Vec<usize> = (0..samples.rows()).collect();
    assert!(matches!(
        fit(&with_intercepts(&samples, &every)),
        Error::TooFewRows { .. }
    ));
    let same = vec![0; samples.rows()];
    assert!(
        fit(&with_intercepts(&samples, &same))
            .to_string()
            .contains("at least 2")
    );
    let twice = ndarray::concatenate![Axis(1), samples.features(), samples.features()];
    let twice = Samples::without_contexts(twice.view(), samples.targets()).unwrap();
    assert!(matches!(
        fit(&with_intercepts(&twice, &labels)),
        Error::RankDeficient { .. }
    ));
    let exact = samples.replace_targets(samples.features()).unwrap();
    assert!(
        fit(&with_intercepts(&exact, &labels))
            .to_string()
            .contains("explain exactly")
    );
    let term = RandomTerm::of_levels("s", vec![None; samples.rows()], 3, ones(40).view()).unwrap();
    let unknown = samples.clone().with_random_terms(vec![term]).unwrap();
    assert!(fit(&unknown).to_string().contains("known in every row"));
}
