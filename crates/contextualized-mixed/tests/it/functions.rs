//! Coefficients that vary with contexts, beside random effects.

use crate::data::ones;
use contextualized_core::{
    Estimator, LocalCoefficients, RandomTerm, Samples, VaryingCoefficients, WeightedContexts,
    WithPredictions, WithRandomEffects, WithSums, WithUncertainty,
};
use contextualized_gp::KernelShape;
use contextualized_mixed::{MixedRegression, Variation};
use ndarray::{Array2, array};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// A slope sin 2c and an intercept of the subject, whose context is its own.
fn study(subjects: usize, each: usize, seed: u64) -> Samples {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let rows = subjects * each;
    let labels: Vec<usize> = (0..rows).map(|row| row / each).collect();
    let ages: Vec<f64> = (0..subjects).map(|_| random.gen_range(-1.5..1.5)).collect();
    let mut draw = move || -> f64 { StandardNormal.sample(&mut random) };
    let own: Vec<f64> = (0..subjects).map(|_| 0.7 * draw()).collect();
    let c = Array2::from_shape_fn((rows, 1), |(row, _)| ages[labels[row]]);
    let x = Array2::from_shape_fn((rows, 1), |_| draw());
    let y = Array2::from_shape_fn((rows, 1), |(row, _)| {
        (2.0_f64 * c[[row, 0]]).sin() * x[[row, 0]] + own[labels[row]] + 0.5 * draw()
    });
    let term = RandomTerm::new("subject", &labels, ones(rows).view()).unwrap();
    Samples::new(c.view(), x.view(), y.view())
        .unwrap()
        .with_random_terms(vec![term])
        .unwrap()
}

fn smooth() -> MixedRegression {
    MixedRegression::new().variation(Variation::Smooth(KernelShape::SquaredExponential))
}

#[test]
fn functions_and_variances_are_found() {
    let samples = study(80, 6, 1);
    let model = smooth().fit(&samples).unwrap();
    let at = array![[-1.0], [-0.5], [0.0], [0.5], [1.0]];
    let found = model.coefficients(at.view()).unwrap();
    let errors = model.standard_errors(at.view()).unwrap();
    for (row, context) in at.column(0).iter().enumerate() {
        let (slope, error) = (found.slopes()[[row, 0, 0]], errors.slopes()[[row, 0, 0]]);
        assert!(
            (slope - (2.0 * context).sin()).abs() < 0.15,
            "{context}: {slope}"
        );
        assert!((0.01..0.15).contains(&error), "{error}");
    }
    let variance = model.random_effects()[0].covariances[[0, 0, 0]];
    assert!((0.3..0.75).contains(&variance), "{variance}");
    assert!((model.dispersions()[0] - 0.25).abs() < 0.05);
    // Far from the data nothing is known but the prior.
    let far = model.standard_errors(array![[20.0]].view()).unwrap();
    assert!(far.slopes()[[0, 0, 0]] > 3.0 * errors.slopes()[[2, 0, 0]]);
}

#[test]
fn sums_of_one_are_coefficients() {
    let samples = study(30, 5, 2);
    let model = smooth().fit(&samples).unwrap();
    let at = array![[0.3]];
    let one = WeightedContexts::mean_of(at.clone()).unwrap();
    let sums = model.coefficient_sums(&one, 0.95).unwrap();
    let errors = model.standard_errors(at.view()).unwrap();
    let (a, b) = (
        sums.standard_errors.slopes()[[0, 0, 0]],
        errors.slopes()[[0, 0, 0]],
    );
    assert!((a - b).abs() < 1e-10 * b);
    let covariance = model.slope_covariances(&one).unwrap()[[0, 0, 0, 0]];
    assert!((covariance - b * b).abs() < 1e-8 * b * b);
    let features = array![[1.3]];
    let predictor = model.predictor_sums(&one, features.view(), 0.95).unwrap();
    let known = model
        .predictor_distribution(at.view(), features.view())
        .unwrap();
    let (a, b) = (
        predictor.standard_errors[[0, 0]],
        known.standard_errors[[0, 0]],
    );
    assert!((a - b).abs() < 1e-8 * b);
    let values = model.linear_predictor(at.view(), features.view()).unwrap();
    assert!((values[[0, 0]] - known.means[[0, 0]]).abs() < 1e-10);
    assert!((values[[0, 0]] - predictor.values[[0, 0]]).abs() < 1e-10);
}

#[test]
fn what_does_not_vary_is_constant() {
    let samples = study(60, 5, 3);
    // A context that has nothing to do with anything, and outcomes of constant coefficients.
    let mut random = ChaCha8Rng::seed_from_u64(4);
    let c = Array2::from_shape_fn((300, 1), |_| random.gen_range(-1.0..1.0));
    let y = Array2::from_shape_fn((300, 1), |(row, _)| {
        let own = samples.random_terms()[0].levels()[row].unwrap() as f64;
        let noise: f64 = StandardNormal.sample(&mut random);
        2.0 * samples.features()[[row, 0]] + (7.0 * own).sin() + noise
    });
    let samples = samples.replace_contexts(c.view()).unwrap();
    let samples = samples.replace_targets(y.view()).unwrap();
    let model = smooth().fit(&samples).unwrap();
    let slopes = model.coefficients(c.view()).unwrap().slopes().to_owned();
    assert!(slopes.std(0.0) < 0.1, "{}", slopes.std(0.0));
    let constant = MixedRegression::new().variation(Variation::Constant);
    let constant = constant.fit(&samples).unwrap();
    let one = constant.coefficients(c.view()).unwrap().slopes()[[0, 0, 0]];
    assert!((slopes.mean().unwrap() - one).abs() < 0.05);
}
