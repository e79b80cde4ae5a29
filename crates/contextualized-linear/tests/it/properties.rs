//! Identities every fitted model keeps.

use approx::assert_relative_eq;
use contextualized_baselines::{ClusterRegression, PopulationRegression};
use contextualized_core::{
    DynEstimator, Error, Estimator, LocalCoefficients, Samples, VaryingCoefficients, WithArchetypes,
};
use contextualized_linear::{
    EncoderKind, EncoderLink, MlpSettings, NeuralModel, NeuralRegression, Parameterization,
};
use contextualized_simulation::Simulator;
use ndarray::{Array1, Array2, Array3, array};
use proptest::prelude::*;

/// Two targets, three features, two contexts, all far from standard units.
fn samples(rows: usize, seed: u64) -> Samples {
    Simulator::new(rows)
        .uniform_contexts(2, 100.0, 300.0)
        .features(|draws, _| {
            (0..3)
                .map(|j| draws.normal(50.0 * f64::from(j), 4.0))
                .collect()
        })
        .slope_matrix(|c| array![[c[0] / 100.0, 1.0, -1.0], [0.0, c[1] / 200.0, 2.0]])
        .intercepts(|c| vec![c[0], -5.0])
        .noise(1.0)
        .simulate(seed)
        .unwrap()
        .samples
}

fn estimators(seed: u64, intercept: bool, standardize: bool) -> Vec<Box<dyn DynEstimator>> {
    let population = PopulationRegression::new().intercept(intercept);
    let neural = NeuralRegression::new()
        .intercept(intercept)
        .standardize(standardize)
        .learning_rate(if standardize { 1e-3 } else { 1e-5 })
        .epochs(3)
        .batch_size(8)
        .without_early_stopping()
        .seed(seed);
    vec![
        Box::new(population.clone()),
        Box::new(ClusterRegression::new().clusters(4).regression(population)),
        Box::new(
            neural
                .clone()
                .encoder(EncoderKind::Additive(MlpSettings::default())),
        ),
        Box::new(
            neural
                .clone()
                .encoder(EncoderKind::Linear)
                .encoder_link(EncoderLink::Softmax),
        ),
        Box::new(neural.clone().parameterization(Parameterization::Direct)),
        Box::new(neural),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// Prediction is coefficients applied to features, in the users' units.
    #[test]
    fn predictions_are_coefficients_times_features(seed in 0..1000_u64, intercept: bool, standardize: bool) {
        let data = samples(60, seed);
        for estimator in estimators(seed, intercept, standardize) {
            let model = estimator.fit_boxed(&data).unwrap();
            let predictions = model.predict(data.contexts(), data.features()).unwrap();
            let coefficients = model.coefficients_at(data.contexts(), data.features()).unwrap();
            for row in 0..data.rows() {
                for target in 0..2 {
                    let terms: Array1<f64> = (0..3)
                        .map(|j| coefficients.slopes()[[row, target, j]] * data.features()[[row, j]])
                        .collect();
                    let by_hand = terms.sum() + coefficients.intercepts()[[row, target]];
                    assert_relative_eq!(predictions[[row, target]], by_hand, max_relative = 1e-12, epsilon = 1e-9);
                }
            }
            if !intercept {
                prop_assert!(coefficients.intercepts().iter().all(|intercept| *intercept == 0.0));
            }
        }
    }

    /// Changing the units of contexts, features and targets changes coefficients by the units alone.
    #[test]
    fn results_do_not_depend_on_units(seed in 0..1000_u64, unit in 0.01..100.0_f64, shift in -10.0..10.0_f64) {
        let data = samples(40, seed);
        let contexts = data.contexts().mapv(|c| unit * c + shift);
        let features = data.features().mapv(|x| x / unit + shift);
        let targets = data.targets().mapv(|y| y * unit - shift);
        let other = Samples::new(contexts.view(), features.view(), targets.view()).unwrap();
        let estimator = NeuralRegression::new().epochs(2).seed(seed);
        let slopes = |samples: &Samples| -> Array3<f64> {
            let model = estimator.fit(samples).unwrap();
            model.coefficients(samples.contexts()).unwrap().slopes().to_owned()
        };
        // Rounding differs from the first step on, and training carries it along.
        assert_relative_eq!(slopes(&data) * (unit * unit), slopes(&other), max_relative = 1e-5, epsilon = 1e-6 * unit * unit);
    }

    #[test]
    fn a_reloaded_model_predicts_the_same_bits(seed in 0..1000_u64, intercept: bool, direct: bool) {
        let data = samples(30, seed);
        let mut estimator = NeuralRegression::new().epochs(2).intercept(intercept).seed(seed);
        if direct {
            estimator = estimator
                .parameterization(Parameterization::Direct)
                .encoder(EncoderKind::Additive(MlpSettings::new(4, 1)));
        }
        let model = estimator.fit(&data).unwrap();
        let text = serde_json::to_string(&model).unwrap();
        let reloaded: NeuralModel = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&model, &reloaded);
        prop_assert_eq!(
            model.predict(data.contexts(), data.features()).unwrap(),
            reloaded.predict(data.contexts(), data.features()).unwrap()
        );
    }
}

/// Coefficients of an additive encoder are a constant plus one function per context column, each
/// with mean zero over the training rows.
#[test]
fn shape_functions_add_up_to_the_coefficients() {
    let data = samples(120, 4);
    let model = NeuralRegression::new()
        .encoder(EncoderKind::Additive(MlpSettings::new(10, 1)))
        .without_early_stopping()
        .without_shrinkage()
        .epochs(20)
        .fit(&data)
        .unwrap();
    let coefficients = model.coefficients(data.contexts()).unwrap();
    let shapes: Vec<_> = (0..2)
        .map(|column| {
            model
                .shape_function(column, data.contexts().column(column))
                .unwrap()
        })
        .collect();
    for shape in &shapes {
        let size = shape.slopes().iter().fold(0.0_f64, |a, b| a.max(b.abs()));
        assert!(size > 1e-3);
        let mean = shape.slopes().mean_axis(ndarray::Axis(0)).unwrap();
        assert_relative_eq!(mean, Array2::zeros((2, 3)), epsilon = 1e-12 * (1.0 + size));
    }
    let rest = &coefficients.slopes() - &shapes[0].slopes() - shapes[1].slopes();
    let first = rest.index_axis(ndarray::Axis(0), 0).to_owned();
    for row in rest.outer_iter() {
        assert_relative_eq!(row, first, epsilon = 1e-10);
    }
    let intercepts = &coefficients.intercepts() - &shapes[0].intercepts() - shapes[1].intercepts();
    for row in intercepts.outer_iter() {
        assert_relative_eq!(row, intercepts.row(0), epsilon = 1e-8);
    }
}

/// With none of the deviation kept the model is the population regression.
#[test]
fn a_share_of_zero_is_the_population() {
    let data = samples(8, 1);
    let model = NeuralRegression::new()
        .epochs(2)
        .without_early_stopping()
        .fit(&data)
        .unwrap();
    assert_eq!(model.shares().to_vec(), [0.0, 0.0]);
    let population = PopulationRegression::new().fit(&data).unwrap();
    let (found, expected) = (
        model.coefficients(data.contexts()).unwrap(),
        population.coefficients(data.contexts()).unwrap(),
    );
    assert_relative_eq!(found.slopes(), expected.slopes(), max_relative = 1e-9);
    assert_relative_eq!(
        found.intercepts(),
        expected.intercepts(),
        max_relative = 1e-9
    );
}

#[test]
fn the_seed_decides_everything() {
    let data = samples(40, 1);
    let fit = |seed| {
        NeuralRegression::new()
            .epochs(3)
            .seed(seed)
            .fit(&data)
            .unwrap()
    };
    assert_eq!(fit(1), fit(1));
    assert_ne!(fit(1), fit(2));
}

/// A prediction does not depend on the rows it is made with, across blocks.
#[test]
fn rows_are_predicted_one_by_one_as_together() {
    let data = samples(2500, 3);
    let model = NeuralRegression::new()
        .epochs(1)
        .batch_size(100)
        .fit(&data)
        .unwrap();
    let together = model.coefficients(data.contexts()).unwrap();
    for row in [0, 1023, 1024, 2499] {
        let alone = data.contexts().slice(ndarray::s![row..=row, ..]).to_owned();
        let alone = model.coefficients(alone.view()).unwrap();
        assert_relative_eq!(
            alone.slopes().index_axis(ndarray::Axis(0), 0),
            together.slopes().index_axis(ndarray::Axis(0), row),
            max_relative = 1e-12
        );
    }
}

#[test]
fn the_same_bits_on_one_and_two_threads() {
    let data = Simulator::new(2000)
        .normal_contexts(600)
        .slopes(|c| vec![c[0], 1.0])
        .noise(0.1)
        .simulate(3)
        .unwrap()
        .samples;
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let model = NeuralRegression::new()
                .mlp(64, 2)
                .epochs(2)
                .batch_size(500)
                .fit(&data)
                .unwrap();
            let predictions: Array2<f64> = model.predict(data.contexts(), data.features()).unwrap();
            (model, predictions)
        })
    };
    assert_eq!(run(1), run(2));
}

/// `base + Σ_k w_k A_k` (n × targets × features, n × targets).
fn mixed(model: &dyn WithArchetypes, samples: &Samples) -> (Array3<f64>, Array2<f64>) {
    let weights = model.archetype_weights(samples.contexts()).unwrap();
    let archetypes = model.archetypes().unwrap();
    let (targets, features) = (archetypes.targets(), archetypes.features());
    let mut slopes = Array3::zeros((samples.rows(), targets, features));
    let mut intercepts = Array2::zeros((samples.rows(), targets));
    if let Some(base) = model.archetype_base().unwrap() {
        slopes += &base.slopes();
        intercepts += &base.intercepts();
    }
    for ((row, k), &weight) in weights.indexed_iter() {
        let mut own = slopes.index_axis_mut(ndarray::Axis(0), row);
        own.scaled_add(weight, &archetypes.slopes().index_axis(ndarray::Axis(0), k));
        let mut own = intercepts.row_mut(row);
        own.scaled_add(weight, &archetypes.intercepts().row(k));
    }
    (slopes, intercepts)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    /// Weighted archetypes add up to the coefficients, whatever the link, in the users' units.
    #[test]
    fn archetypes_add_up_to_the_coefficients(seed in 0..1000_u64, intercept: bool, shrink: bool) {
        let samples = samples(150, seed);
        let neural = NeuralRegression::new()
            .parameterization(Parameterization::Archetypes(4))
            .intercept(intercept)
            .epochs(5)
            .batch_size(8)
            .without_early_stopping()
            .seed(seed);
        let mut models: Vec<(Box<dyn WithArchetypes>, bool)> = vec![(
            Box::new(ClusterRegression::new().clusters(3).fit(&samples).unwrap()),
            true,
        )];
        for link in [EncoderLink::Identity, EncoderLink::Logistic, EncoderLink::Softmax] {
            let estimator = neural.clone().encoder_link(link);
            let estimator = if shrink { estimator } else { estimator.without_shrinkage() };
            let model = estimator.fit(&samples).unwrap();
            models.push((Box::new(model), link == EncoderLink::Softmax));
        }
        for (model, whole) in &models {
            let (slopes, intercepts) = mixed(model.as_ref(), &samples);
            let coefficients = model.coefficients(samples.contexts()).unwrap();
            let scale = intercepts.iter().fold(1.0_f64, |most, value| most.max(value.abs()));
            assert_relative_eq!(slopes, coefficients.slopes().to_owned(), epsilon = 1e-12 * scale);
            assert_relative_eq!(intercepts, coefficients.intercepts().to_owned(), epsilon = 1e-11 * scale);
            prop_assert_eq!(model.archetype_base().unwrap().is_none(), *whole);
            if *whole {
                let weights = model.archetype_weights(samples.contexts()).unwrap();
                prop_assert!(weights.iter().all(|weight| *weight >= 0.0));
                let sums = weights.sum_axis(ndarray::Axis(1));
                prop_assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-12));
            }
        }
    }
}

#[test]
fn a_direct_model_has_no_archetypes() {
    let samples = samples(100, 0);
    let model = NeuralRegression::new()
        .parameterization(Parameterization::Direct)
        .epochs(1)
        .without_shrinkage()
        .fit(&samples)
        .unwrap();
    assert!(matches!(
        model.archetypes(),
        Err(Error::InvalidParameter { .. })
    ));
    assert!(model.archetype_base().is_err());
    assert!(model.archetype_weights(samples.contexts()).is_err());
}
