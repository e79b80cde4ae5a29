//! Effects of treatments that are not assigned at random.

use contextualized_auto::{
    AutoRegression, Overlap, RegressionMethod, TreatmentModel, TreatmentRegression,
};
use contextualized_core::{Error, Estimator, Family, Samples, WithUncertainty};
use contextualized_simulation::ConfoundedSetting;
use ndarray::{Array1, Array2, Axis, array, concatenate};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

fn only(method: RegressionMethod) -> TreatmentRegression {
    TreatmentRegression::new()
        .nuisance_methods(&[method])
        .effect(AutoRegression::new().only(method))
}

/// The one effect of a model whose effect is constant, with its standard error.
fn constant(model: &TreatmentModel, contexts: usize) -> [f64; 2] {
    let somewhere = Array2::zeros((1, contexts));
    let errors = model.effect().standard_errors(somewhere.view()).unwrap();
    [
        model.effects(somewhere.view()).unwrap()[[0, 0]],
        errors.slopes()[[0, 0, 0]],
    ]
}

/// Standard normal contexts (two columns) and an outcome that is linear in them and in a continuous treatment, which is linear in
/// them too.
fn linear(rows: usize, noise: f64, seed: u64) -> (Samples, Array1<f64>) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut normal = || -> f64 { random.sample(StandardNormal) };
    let contexts = Array2::from_shape_simple_fn((rows, 2), &mut normal);
    let both = &contexts.column(0) - &contexts.column(1);
    let treatment = 0.7 * &both + Array1::from_shape_simple_fn(rows, &mut normal);
    let errors = Array1::from_shape_simple_fn(rows, &mut normal) * noise;
    let targets = 2.0 + 3.0 * &both - 1.25 * &treatment + errors;
    let nothing = Array2::zeros((rows, 0));
    let targets = targets.insert_axis(Axis(1));
    let samples = Samples::new(contexts.view(), nothing.view(), targets.view()).unwrap();
    (samples, treatment)
}

#[test]
fn a_randomised_treatment_without_effect_has_none() {
    for seed in 0..3 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let contexts = Array2::from_shape_simple_fn((300, 3), || random.gen_range(-1.0..1.0));
        let treatment = Array1::from_shape_simple_fn(300, || f64::from(random.gen_bool(0.3)));
        let targets = contexts.column(0).mapv(|c: f64| (2.0 * c).sin())
            + Array1::from_shape_simple_fn(300, || random.sample::<f64, _>(StandardNormal));
        let targets = targets.insert_axis(Axis(1));
        let nothing = Array2::zeros((300, 0));
        let samples = Samples::new(contexts.view(), nothing.view(), targets.view()).unwrap();
        let model = only(RegressionMethod::Population)
            .fit(&samples, treatment.view())
            .unwrap();
        let [effect, error] = constant(&model, 3);
        assert!(effect.abs() < 3.0 * error, "{effect} {error}");
        assert!(
            (error - 1.0 / (300.0_f64 * 0.21).sqrt()).abs() < 0.03,
            "{error}"
        );
        let average = model.average_effects()[0];
        assert!(average.estimate.abs() < 3.0 * average.standard_error);
        let Overlap::Binary {
            lowest,
            highest,
            extreme,
            ..
        } = model.nuisances().overlap
        else {
            panic!("{:?}", model.nuisances().overlap);
        };
        assert!(
            lowest > 0.1 && highest < 0.5 && extreme == 0.0,
            "{lowest} {highest}"
        );
    }
}

#[test]
fn an_effect_of_linear_models_is_found_as_it_is() {
    // Without noise, what linear models leave of the outcome is the effect times what they leave of the treatment.
    let (samples, treatment) = linear(60, 0.0, 1);
    let model = only(RegressionMethod::Population)
        .fit(&samples, treatment.view())
        .unwrap();
    let [effect, _] = constant(&model, 2);
    assert!((effect + 1.25).abs() < 1e-9, "{effect}");
    let Overlap::Continuous { unexplained } = model.nuisances().overlap else {
        panic!("{:?}", model.nuisances().overlap);
    };
    assert!((0.3..0.8).contains(&unexplained), "{unexplained}");
}

/// Robinson's transformation by linear models is the theorem of Frisch, Waugh and Lovell, but for the folds.
#[test]
fn a_constant_effect_is_partialled_out_least_squares() {
    let (samples, treatment) = linear(2000, 1.0, 2);
    let estimator = only(RegressionMethod::Population);
    let residuals = estimator.residuals(&samples, treatment.view()).unwrap();
    let own = residuals.samples();
    let (w, y) = (
        own.features().index_axis_move(Axis(1), 0),
        own.targets().index_axis_move(Axis(1), 0),
    );
    let by_hand = (&w * &y).sum() / (&w * &w).sum();
    let model = estimator.fit_effect(residuals.clone()).unwrap();
    let [effect, error] = constant(&model, 2);
    assert!((effect - by_hand).abs() < 1e-12);
    // Of one regression on everything it differs by what folds change.
    let together = concatenate(
        Axis(1),
        &[treatment.view().insert_axis(Axis(1)), samples.contexts()],
    );
    let together = samples
        .replace_features(together.unwrap().view(), ["w", "a", "b"])
        .unwrap();
    let population = AutoRegression::new().only(RegressionMethod::Population);
    let whole = population.fit(&together).unwrap();
    let whole =
        contextualized_core::VaryingCoefficients::coefficients(&whole, array![[0.0, 0.0]].view());
    let whole = whole.unwrap().slopes()[[0, 0, 0]];
    assert!(
        (effect - whole).abs() < 0.2 * error,
        "{effect} {whole} {error}"
    );
    // The doubly robust average of a constant effect is that effect.
    let average = model.average_effects()[0];
    assert!((average.estimate - effect).abs() < 1e-9);
}

#[test]
fn a_confounded_effect_is_recovered() {
    let setting = ConfoundedSetting::D;
    let data = setting.simulate(500, 5, 0.5, 3).unwrap();
    let new = setting.simulate(500, 5, 0.5, 4).unwrap();
    let model = only(RegressionMethod::GaussianProcess)
        .fit(&data.samples, data.treatment.view())
        .unwrap();
    let errors = &model.effects(new.samples.contexts()).unwrap().column(0) - &new.effects;
    let error = (&errors * &errors).mean().unwrap();
    // That of a constant is 1.7.
    assert!(error < 0.3, "{error}");
    let ends = model
        .effect()
        .intervals(new.samples.contexts(), 0.95)
        .unwrap();
    let (lower, upper) = (ends.lower.slopes(), ends.upper.slopes());
    let inside = (0..500)
        .filter(|&row| (lower[[row, 0, 0]]..=upper[[row, 0, 0]]).contains(&new.effects[row]));
    assert!(inside.count() > 425);
}

#[test]
fn the_effect_on_a_binary_outcome_is_a_difference_of_probabilities() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let contexts = Array2::from_shape_simple_fn((600, 1), || random.gen_range(-1.0..1.0));
    let treatment = contexts
        .column(0)
        .mapv(|c| f64::from(random.gen_bool(0.5 + 0.3 * c)));
    let targets = contexts.column(0).mapv(|c| 0.4 + 0.2 * c) + 0.25 * &treatment;
    let targets = targets.mapv(|p| f64::from(random.gen_bool(p.clamp(0.0, 1.0))));
    let targets = targets.insert_axis(Axis(1));
    let nothing = Array2::zeros((600, 0));
    let samples = Samples::new(contexts.view(), nothing.view(), targets.view()).unwrap();
    let estimator = only(RegressionMethod::Population).family(Family::Binomial);
    let model = estimator.fit(&samples, treatment.view()).unwrap();
    let [effect, error] = constant(&model, 1);
    assert!(
        (effect - 0.25).abs() < 3.0 * error && error < 0.06,
        "{effect} {error}"
    );
    assert!(
        estimator
            .fit(&linear(30, 1.0, 0).0, treatment.view())
            .is_err()
    );
}

#[test]
fn treatments_without_an_effect_of_their_own_are_refused() {
    let (samples, treatment) = linear(40, 1.0, 6);
    let message = |treatment: &Array1<f64>| {
        let found = only(RegressionMethod::Population).fit(&samples, treatment.view());
        found.unwrap_err().to_string()
    };
    let constant = Array1::from_elem(40, 2.0);
    assert_eq!(
        message(&constant),
        "treatment is 2 in all rows, but must be of at least two values to have an effect"
    );
    let context = samples.contexts().column(1).to_owned();
    assert!(
        message(&context).contains("the same as the context c1"),
        "{}",
        message(&context)
    );
    let short = treatment.slice(ndarray::s![..39]).to_owned();
    assert!(message(&short).contains("the number of rows is 39, expected 40"));
    let mut missing = treatment;
    missing[3] = f64::NAN;
    assert!(message(&missing).contains("treatment contains NaN at row 4"));
    let none = TreatmentRegression::new().nuisance_methods(&[]);
    let found = none.fit(&samples, Array1::linspace(0.0, 1.0, 40).view());
    assert!(matches!(found, Err(Error::InvalidParameter { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn effects_are_per_unit_of_the_treatment(scale in 0.1..10.0_f64, shift in -5.0..5.0_f64, seed in 0_u64..100) {
        let (samples, treatment) = linear(80, 1.0, seed);
        let estimator = only(RegressionMethod::Population);
        for treatment in [treatment.clone(), treatment.mapv(|w| f64::from(w > 0.0))] {
            let own = estimator.fit(&samples, treatment.view()).unwrap();
            let other = treatment.mapv(|w| scale * w + shift);
            let other = estimator.fit(&samples, other.view()).unwrap();
            let [effect, error] = constant(&own, 2);
            let [scaled, scaled_error] = constant(&other, 2);
            prop_assert!((effect - scale * scaled).abs() < 1e-6 * (1.0 + effect.abs()));
            prop_assert!((error - scale * scaled_error).abs() < 1e-6);
            let [average, again] = [&own, &other].map(|model| model.average_effects()[0]);
            prop_assert!((average.estimate - scale * again.estimate).abs() < 1e-6 * (1.0 + effect.abs()));
        }
    }
}
