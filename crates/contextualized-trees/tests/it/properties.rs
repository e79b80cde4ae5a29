//! Identities every fitted model keeps.

use approx::assert_relative_eq;
use contextualized_core::{
    Coefficients, Estimator, Family, LocalCoefficients, Monitor, Samples, VaryingCoefficients,
    WeightedContexts, WithPredictions, WithSums, WithUncertainty,
};
use contextualized_simulation::Simulator;
use contextualized_trees::{TreeModel, TreeRegression};
use ndarray::{Array1, Array2, Axis, array, s};
use proptest::prelude::*;

/// Two targets, two features, and a number and a factor as contexts, in groups of three rows.
pub(crate) fn samples(rows: usize, seed: u64) -> Samples {
    let data = Simulator::new(rows)
        .contexts(|draws| {
            let level = draws.uniform(0.0, 3.0);
            let indicator = |own: f64| f64::from(u8::from(level.floor() == own));
            vec![
                draws.uniform(100.0, 300.0),
                indicator(0.0),
                indicator(1.0),
                indicator(2.0),
            ]
        })
        .features(|draws, _| vec![draws.normal(50.0, 4.0), draws.normal(0.0, 1.0)])
        .slope_matrix(|c| array![[c[0] / 100.0, c[1]], [0.0, c[2] + c[3]]])
        .intercepts(|c| vec![c[0], -5.0])
        .noise(1.0)
        .simulate(seed)
        .unwrap();
    let labels: Vec<usize> = (0..rows).map(|row| row / 3).collect();
    data.samples
        .with_factors([("site", vec![1, 2, 3])])
        .unwrap()
        .with_weights(Array1::from_shape_fn(rows, |row| 1.0 + (row % 2) as f64).view())
        .unwrap()
        .with_groups(&labels)
        .unwrap()
}

/// An estimator that is quick.
pub(crate) fn quick() -> TreeRegression {
    TreeRegression::new()
        .trees(5)
        .chains(2)
        .burn_in(30)
        .sweeps(40)
        .draws(20)
}

fn on_threads<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    pool.build().unwrap().install(work)
}

#[test]
fn threads_change_no_bit() {
    let samples = samples(60, 1);
    let at_once = |threads: usize| {
        on_threads(threads, || {
            let model = quick().fit(&samples).unwrap();
            let intervals = model.intervals(samples.contexts(), 0.9).unwrap();
            (model, intervals)
        })
    };
    assert_eq!(at_once(1), at_once(3));
}

#[test]
fn the_order_of_the_rows_changes_no_bit() {
    let samples = samples(60, 2);
    let model = quick().fit(&samples).unwrap();
    let shuffled: Vec<usize> = (0..60).map(|row| row * 37 % 60).collect();
    let other = quick().fit(&samples.select(&shuffled).unwrap()).unwrap();
    assert_eq!(model, other);
    // Groups by other labels, in another order, are the same groups.
    let labels: Vec<usize> = (0..60).map(|row| 100 - row / 3).collect();
    let relabelled = samples.clone().with_groups(&labels).unwrap();
    assert_eq!(model, quick().fit(&relabelled).unwrap());
    let others = samples
        .with_groups(&(0..60).map(|row| row / 6).collect::<Vec<_>>())
        .unwrap();
    assert_ne!(model, quick().fit(&others).unwrap());
}

#[test]
fn rows_of_weight_zero_change_no_bit() {
    let samples = samples(60, 3);
    let weights = Array1::from_shape_fn(60, |row| f64::from(u8::from(row < 45)));
    let weighted = samples.clone().with_weights(weights.view()).unwrap();
    let some = samples.select(&(0..45).collect::<Vec<_>>()).unwrap();
    let some = some.with_weights(Array1::ones(45).view()).unwrap();
    assert_eq!(quick().fit(&weighted).unwrap(), quick().fit(&some).unwrap());
}

#[test]
fn monotone_transformations_of_contexts_change_no_bit() {
    let samples = samples(60, 4);
    let new = self::samples(30, 5);
    let transformed = |samples: &Samples| {
        let mut contexts = samples.contexts().to_owned();
        contexts
            .column_mut(0)
            .mapv_inplace(|c| (c / 40.0).exp() - 7.0);
        samples.replace_contexts(contexts.view()).unwrap()
    };
    let model = quick().fit(&samples).unwrap();
    let other = quick().fit(&transformed(&samples)).unwrap();
    for samples in [&samples, &new] {
        assert_eq!(
            model.coefficients(samples.contexts()).unwrap(),
            other.coefficients(transformed(samples).contexts()).unwrap()
        );
    }
    // What reverses their order changes what is fitted, but not by much.
    assert_ne!(model.coefficients(samples.contexts()).unwrap(), {
        let reversed = samples.replace_contexts(
            (-&samples.contexts())
                .mapv(|c| if c == -1.0 { 1.0 } else { c })
                .view(),
        );
        let reversed = reversed.unwrap();
        quick()
            .fit(&reversed)
            .unwrap()
            .coefficients(reversed.contexts())
            .unwrap()
    });
}

#[test]
fn seeds_are_other_draws_of_the_same_posterior() {
    let samples = samples(60, 6);
    let model = quick().fit(&samples).unwrap();
    assert_ne!(model, quick().seed(1).fit(&samples).unwrap());
    assert_eq!(model, quick().fit(&samples).unwrap());
}

#[test]
fn coefficients_are_means_of_draws() {
    let samples = samples(60, 7);
    let model = quick().fit(&samples).unwrap();
    let contexts = samples.contexts();
    assert_eq!(model.draws(), 40);
    let mut slopes = ndarray::Array3::<f64>::zeros((60, 2, 2));
    let mut intercepts = Array2::<f64>::zeros((60, 2));
    for draw in 0..40 {
        let drawn = model.draw(contexts, draw).unwrap();
        slopes += &drawn.slopes();
        intercepts += &drawn.intercepts();
    }
    let mean = model.coefficients(contexts).unwrap();
    assert_relative_eq!(
        (slopes / 40.0),
        mean.slopes().to_owned(),
        max_relative = 1e-9,
        epsilon = 1e-9
    );
    assert_relative_eq!(
        (intercepts / 40.0),
        mean.intercepts().to_owned(),
        max_relative = 1e-9,
        epsilon = 1e-9
    );
    assert!(model.draw(contexts, 40).is_err());
}

#[test]
fn draws_are_those_of_the_chains() {
    let samples = samples(60, 7);
    let model = quick().fit(&samples).unwrap();
    let contexts = samples.contexts();
    let all: Vec<Coefficients> = (0..40)
        .map(|draw| model.draw(contexts, draw).unwrap())
        .collect();
    let drawn = model.as_draws().unwrap();
    let drawn = drawn.coefficient_draws(contexts, 100, 3, None).unwrap();
    assert_eq!(drawn.len(), 100);
    assert!(drawn.iter().all(|own| all.contains(own)));
    assert!(drawn.iter().any(|own| *own != drawn[0]));
}

#[test]
fn predictions_are_coefficients_times_features() {
    let samples = samples(60, 8);
    let model = quick().fit(&samples).unwrap();
    let (contexts, features) = (samples.contexts(), samples.features());
    let by_hand = model
        .coefficients(contexts)
        .unwrap()
        .linear_predictor(features)
        .unwrap();
    assert_eq!(model.predict(contexts, features).unwrap(), by_hand);
    let known = model.predictor_distribution(contexts, features).unwrap();
    assert_relative_eq!(known.means, by_hand, max_relative = 1e-9, epsilon = 1e-9);
    let mean = model.mean_intervals(contexts, features, 0.9).unwrap();
    let outcome = model.outcome_intervals(contexts, features, 0.9).unwrap();
    assert!(
        (&outcome.lower - &mean.lower)
            .iter()
            .all(|difference| *difference < 0.0)
    );
    assert!(
        (&outcome.upper - &mean.upper)
            .iter()
            .all(|difference| *difference > 0.0)
    );
}

#[test]
fn sums_are_those_of_coefficients() {
    let samples = samples(60, 9);
    let model = quick().fit(&samples).unwrap();
    let some = samples.contexts().slice(s![..4, ..]).to_owned();
    let features = samples.features().slice(s![..4, ..]).to_owned();
    let weights = array![[1.0, 0.0, 0.0, 0.0], [0.5, 0.5, -0.5, -0.5]];
    let sums = WeightedContexts::new(some.clone(), weights).unwrap();
    let found = model.coefficient_sums(&sums, 0.9).unwrap();
    let expected = sums.coefficients(&model).unwrap();
    assert_relative_eq!(
        found.values.slopes().to_owned(),
        expected.slopes().to_owned(),
        epsilon = 1e-9,
        max_relative = 1e-9
    );
    // The first sum is a row.
    let errors = model.standard_errors(some.view()).unwrap();
    let intervals = model.intervals(some.view(), 0.9).unwrap();
    for feature in 0..2 {
        let at = [0, 0, feature];
        assert_relative_eq!(
            found.standard_errors.slopes()[at],
            errors.slopes()[at],
            max_relative = 1e-9
        );
        assert_relative_eq!(
            found.lower.slopes()[at],
            intervals.lower.slopes()[at],
            max_relative = 1e-9
        );
    }
    let covariances = model.slope_covariances(&sums).unwrap();
    for sum in 0..2 {
        for feature in 0..2 {
            let error = found.standard_errors.slopes()[[sum, 0, feature]];
            assert_relative_eq!(
                covariances[[sum, 0, feature, feature]],
                error * error,
                max_relative = 1e-9
            );
        }
    }
    let predictors = model.predictor_sums(&sums, features.view(), 0.9).unwrap();
    let expected = sums.predictor(&model, features.view()).unwrap();
    assert_relative_eq!(
        predictors.values,
        expected,
        max_relative = 1e-9,
        epsilon = 1e-7
    );
}

#[test]
fn a_reloaded_model_predicts_the_same_bits() {
    let samples = samples(60, 10);
    let model = quick().fit(&samples).unwrap();
    let text = serde_json::to_string(&model).unwrap();
    let reloaded: TreeModel = serde_json::from_str(&text).unwrap();
    assert_eq!(model, reloaded);
    assert_eq!(
        model.coefficients(samples.contexts()).unwrap(),
        reloaded.coefficients(samples.contexts()).unwrap()
    );
}

#[test]
fn without_an_intercept_the_predictor_is_zero_where_features_are() {
    let samples = samples(60, 11);
    let model = quick().intercept(false).fit(&samples).unwrap();
    let zeros = Array2::zeros((60, 2));
    let predictor = model
        .linear_predictor(samples.contexts(), zeros.view())
        .unwrap();
    assert!(predictor.iter().all(|value| *value == 0.0));
}

#[test]
fn an_intercept_alone_is_a_regression_of_the_context() {
    let samples = samples(60, 12);
    let none = Array2::zeros((60, 0));
    let alone = Samples::new(samples.contexts(), none.view(), samples.targets()).unwrap();
    let model = quick().fit(&alone).unwrap();
    assert_eq!(model.coefficients(alone.contexts()).unwrap().features(), 0);
    assert!(quick().intercept(false).fit(&alone).is_err());
}

#[test]
fn offsets_are_known_terms() {
    let samples = samples(60, 13);
    let offsets = Array1::from_shape_fn(60, |row| (row as f64).sin() * 30.0);
    let shifted = &samples.targets() + &offsets.view().insert_axis(Axis(1));
    let with = samples
        .replace_targets(shifted.view())
        .unwrap()
        .with_offsets(offsets.view())
        .unwrap();
    let (one, other) = (quick().fit(&samples).unwrap(), quick().fit(&with).unwrap());
    let [one, other] = [one, other].map(|model| model.coefficients(samples.contexts()).unwrap());
    assert_relative_eq!(
        one.intercepts().to_owned(),
        other.intercepts().to_owned(),
        max_relative = 1e-6,
        epsilon = 1e-6
    );
    let binary = samples.targets().mapv(|y| f64::from(u8::from(y > 300.0)));
    let binary = samples.replace_targets(binary.view()).unwrap();
    let logistic = quick().family(Family::Binomial);
    let far = binary
        .clone()
        .with_offsets(Array1::from_elem(60, 3.0).view())
        .unwrap();
    let center = |samples: &Samples| {
        let model = logistic.fit(samples).unwrap();
        let predictor = model
            .linear_predictor(samples.contexts(), samples.features())
            .unwrap();
        predictor.mean().unwrap()
    };
    assert!((center(&binary) - center(&far) - 3.0).abs() < 1.5);
}

#[test]
fn a_cancelled_fit_ends() {
    let monitor = Monitor::new(|_, _| ());
    monitor.cancel();
    let samples = samples(60, 14).with_monitor(monitor);
    let error = TreeRegression::new().fit(&samples).unwrap_err();
    assert!(matches!(error, contextualized_core::Error::Cancelled));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    /// Units of features and targets change coefficients by the units alone.
    #[test]
    fn results_do_not_depend_on_units(seed in 0..1000_u64, power in -3..4_i32, shift in -10.0..10.0_f64) {
        // Powers of two change no bit of standardised data; a shift rounds.
        let unit = 4.0_f64.powi(power);
        let samples = samples(40, seed);
        let features = samples.features().mapv(|x| x * unit);
        let targets = samples.targets().mapv(|y| y / unit);
        let other = Samples::new(samples.contexts(), features.view(), targets.view())
            .unwrap()
            .with_factors([("site", vec![1, 2, 3])])
            .unwrap();
        let own = Samples::new(samples.contexts(), samples.features(), samples.targets())
            .unwrap()
            .with_factors([("site", vec![1, 2, 3])])
            .unwrap();
        let slopes = |samples: &Samples| {
            let model = quick().fit(samples).unwrap();
            model.coefficients(samples.contexts()).unwrap().slopes().to_owned()
        };
        let expected = slopes(&own);
        assert_relative_eq!(slopes(&other) * (unit * unit), expected, max_relative = 1e-9, epsilon = 1e-9);
        let shifted = own.replace_targets(own.targets().mapv(|y| y + shift).view()).unwrap();
        prop_assert!(slopes(&shifted).iter().all(|slope| slope.is_finite()));
    }
}
