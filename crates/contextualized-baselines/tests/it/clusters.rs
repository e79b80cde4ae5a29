//! Identities, choice of K, fallbacks and bad input of the cluster regressions.

use contextualized_baselines::{ClusterModel, ClusterRegression, PopulationRegression};
use contextualized_core::{
    Error, Estimator, Family, LocalCoefficients, Samples, Standardization, VaryingCoefficients,
};
use contextualized_simulation::{SimulatedData, Simulator};
use ndarray::{Array2, Axis, array, concatenate};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The slope of the first feature is the context, if contexts inform at all.
fn data(rows: usize, informative: bool, seed: u64) -> SimulatedData {
    Simulator::new(rows)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(move |c| vec![if informative { 2.0 * c[0] } else { 1.0 }, -0.5])
        .noise(0.5)
        .simulate(seed)
        .unwrap()
}

/// Centres that 5,000 of 12,000 rows decide on are nearly the means of all their rows.
#[test]
fn centres_of_a_sample_are_near_those_of_all_rows() {
    let samples = data(12_000, true, 0).samples;
    let model = ClusterRegression::new().clusters(4).fit(&samples).unwrap();
    let labels = model.labels(samples.contexts()).unwrap();
    let file: Value = serde_json::to_value(&model).unwrap();
    let centers = file["partition"]["centers"]["data"].as_array().unwrap();
    let spread = samples.contexts().std(0.0);
    for (label, center) in centers.iter().enumerate() {
        let own: Vec<f64> = (0..samples.rows())
            .filter(|&row| labels[row] == label)
            .map(|row| samples.contexts()[[row, 0]])
            .collect();
        let mean = own.iter().sum::<f64>() / own.len() as f64 / spread;
        assert!((center.as_f64().unwrap() - mean).abs() < 0.02);
        assert_eq!(model.report().clusters[label].rows, own.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn one_cluster_is_the_population(seed in 0..1000_u64, intercept: bool) {
        let samples = data(50, true, seed).samples;
        let regression = PopulationRegression::new().intercept(intercept);
        let population = regression.fit(&samples).unwrap();
        let one = ClusterRegression::new().clusters(1).regression(regression).fit(&samples).unwrap();
        prop_assert_eq!(
            population.coefficients(samples.contexts()).unwrap(),
            one.coefficients(samples.contexts()).unwrap()
        );
    }

    /// Every training row is nearest to the mean of its own cluster, and counts add up.
    #[test]
    fn clusters_are_a_fixed_point(seed in 0..1000_u64, clusters in 2..8_usize) {
        let samples = data(60, true, seed).samples;
        let model = ClusterRegression::new().clusters(clusters).seed(seed).fit(&samples).unwrap();
        let labels = model.labels(samples.contexts()).unwrap();
        let counts: Vec<usize> = model.report().clusters.iter().map(|cluster| cluster.rows).collect();
        prop_assert_eq!(counts.iter().sum::<usize>(), 60);
        let mut means = vec![0.0; counts.len()];
        for (row, &label) in labels.iter().enumerate() {
            means[label] += samples.contexts()[[row, 0]] / counts[label] as f64;
        }
        for (row, &label) in labels.iter().enumerate() {
            let context = samples.contexts()[[row, 0]];
            let own = (context - means[label]).abs();
            for mean in &means {
                prop_assert!(own <= (context - mean).abs() + 1e-12);
            }
        }
    }
}

#[test]
fn cross_validation_finds_groups_and_finds_none() {
    let informative = data(200, true, 1);
    let model = ClusterRegression::new().fit(&informative.samples).unwrap();
    assert!(model.report().clusters.len() >= 3);
    let compared: Vec<usize> = model
        .report()
        .cross_validation
        .iter()
        .map(|candidate| candidate.clusters)
        .collect();
    assert_eq!(compared, (1..=10).collect::<Vec<_>>());
    let uninformative = (0..10)
        .filter(|&seed| {
            let samples = data(200, false, seed).samples;
            let model = ClusterRegression::new().seed(seed).fit(&samples).unwrap();
            model.report().clusters.len() == 1
        })
        .count();
    assert!(uninformative >= 9, "{uninformative} of 10");
}

/// Where contexts say nothing the default is not worse than the population model: in the median
/// of ten seeds within 3 %, and nowhere by more than 15 %.
#[test]
fn an_uninformative_context_costs_nothing() {
    let mut ratios: Vec<f64> = (0..10)
        .map(|seed| {
            let train = data(120, false, seed).samples;
            let test = data(2000, false, 1000 + seed);
            let excess = |model: &dyn LocalCoefficients| {
                let predictions = model
                    .predict(test.samples.contexts(), test.samples.features())
                    .unwrap();
                Family::Gaussian
                    .mean_loss(test.samples.targets(), predictions.view(), None)
                    .unwrap()
            };
            excess(&ClusterRegression::new().seed(seed).fit(&train).unwrap())
                / excess(&PopulationRegression::new().fit(&train).unwrap())
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    assert!((ratios[4] + ratios[5]) / 2.0 <= 1.03, "{ratios:?}");
    assert!(ratios[9] <= 1.15, "{ratios:?}");
}

/// 30 rows near 0 and one at 10: the lone row cannot carry a regression.
fn with_an_outlier() -> Samples {
    let near = Array2::from_shape_fn((30, 1), |(i, _)| (i % 5) as f64 / 10.0);
    let contexts = concatenate![Axis(0), near, array![[10.0]]];
    let features = Array2::from_shape_fn((31, 1), |(i, _)| i as f64);
    let targets = &features * 3.0 + 1.0;
    Samples::new(contexts.view(), features.view(), targets.view()).unwrap()
}

#[test]
fn a_small_cluster_falls_back_on_the_population_and_says_so() {
    let samples = with_an_outlier();
    let model = ClusterRegression::new().clusters(2).fit(&samples).unwrap();
    let lone: Vec<_> = model
        .report()
        .clusters
        .iter()
        .filter(|c| c.rows == 1)
        .collect();
    assert_eq!(lone.len(), 1);
    assert_eq!(
        lone[0].fallback.as_deref().unwrap(),
        "2 rows are needed for a regression with 2 coefficients, but there are 1"
    );
    let population = PopulationRegression::new().fit(&samples).unwrap();
    assert_eq!(
        model.coefficients(array![[10.0]].view()).unwrap(),
        population.coefficients(array![[10.0]].view()).unwrap()
    );
}

#[test]
fn a_cluster_of_one_class_falls_back_too() {
    let contexts = Array2::from_shape_fn((40, 1), |(i, _)| (i % 2) as f64);
    let features = Array2::from_shape_fn((40, 1), |(i, _)| ((7 * i) % 10) as f64);
    // Group 0 is always 1, group 1 alternates.
    let targets = Array2::from_shape_fn((40, 1), |(i, _)| {
        if i % 2 == 0 {
            1.0
        } else {
            ((i / 2) % 2) as f64
        }
    });
    let samples = Samples::new(contexts.view(), features.view(), targets.view()).unwrap();
    let model = ClusterRegression::new()
        .clusters(2)
        .regression(PopulationRegression::new().family(Family::Binomial))
        .fit(&samples)
        .unwrap();
    let fallbacks = model
        .report()
        .clusters
        .iter()
        .filter(|c| c.fallback.is_some())
        .count();
    assert_eq!(fallbacks, 1);
    let probabilities = model
        .predict(samples.contexts(), samples.features())
        .unwrap();
    assert!(probabilities.iter().all(|p| (0.0..=1.0).contains(p)));
}

#[test]
fn more_clusters_than_distinct_contexts_are_left_out() {
    let contexts = array![[1.0], [1.0], [2.0], [2.0], [1.0], [2.0]];
    let features = array![[1.0], [2.0], [3.0], [4.0], [5.0], [6.0]];
    let samples = Samples::new(contexts.view(), features.view(), features.view()).unwrap();
    let model = ClusterRegression::new().clusters(4).fit(&samples).unwrap();
    assert_eq!(model.report().clusters.len(), 2);
    let identical = Samples::new(
        Array2::ones((6, 1)).view(),
        features.view(),
        features.view(),
    )
    .unwrap();
    let model = ClusterRegression::new()
        .clusters(3)
        .fit(&identical)
        .unwrap();
    assert_eq!(model.report().clusters.len(), 1);
    assert!(ClusterRegression::new().fit(&identical).is_ok());
}

#[test]
fn a_constant_context_column_is_harmless() {
    let samples = data(60, true, 5).samples;
    let constant = Array2::from_elem((60, 1), 7.3);
    let wide = concatenate![Axis(1), samples.contexts(), constant];
    let with_constant = Samples::new(wide.view(), samples.features(), samples.targets()).unwrap();
    let fit = |samples: &Samples| {
        let model = ClusterRegression::new().clusters(4).fit(samples).unwrap();
        model.coefficients(samples.contexts()).unwrap()
    };
    assert_eq!(fit(&samples), fit(&with_constant));
}

#[test]
fn bad_input_is_named() {
    let samples = data(10, true, 0).samples;
    for clusters in [0, 11] {
        let error = ClusterRegression::new()
            .clusters(clusters)
            .fit(&samples)
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("clusters is {clusters}, but must be between 1 and the number of rows, 10")
        );
    }
    let model = ClusterRegression::new().clusters(2).fit(&samples).unwrap();
    assert!(matches!(
        model.predict(array![[1.0, 2.0]].view(), array![[1.0, 2.0]].view()),
        Err(Error::ColumnCount {
            argument: "contexts",
            expected: 1,
            found: 2
        })
    ));
    let few = data(4, true, 0).samples;
    assert!(matches!(
        ClusterRegression::new().fit(&few),
        Err(Error::TooFewRows { .. })
    ));
}

/// A feature that one row alone has cannot be fitted where that row is held out.
#[test]
fn a_number_of_clusters_that_a_fold_cannot_fit_is_not_compared() {
    let samples = data(60, true, 2).samples;
    let rare = Array2::from_shape_fn((60, 1), |(row, _)| f64::from(u8::from(row == 7)));
    let features = concatenate![Axis(1), samples.features(), rare];
    let samples = Samples::new(samples.contexts(), features.view(), samples.targets()).unwrap();
    let model = ClusterRegression::new().fit(&samples).unwrap();
    assert_eq!(model.report().cross_validation, []);
    let population = PopulationRegression::new().fit(&samples).unwrap();
    assert_eq!(
        model.coefficients(samples.contexts()).unwrap(),
        population.coefficients(samples.contexts()).unwrap()
    );
}

#[test]
fn a_fold_too_small_for_many_clusters_compares_fewer() {
    let samples = data(8, true, 0).samples;
    let model = ClusterRegression::new().fit(&samples).unwrap();
    let candidates = &model.report().cross_validation;
    assert!(candidates.len() < 10);
    assert!(
        candidates
            .iter()
            .all(|candidate| candidate.loss.is_finite())
    );
}

#[test]
fn a_far_context_belongs_to_the_cluster_on_its_side() {
    let samples = data(200, true, 1).samples;
    let model = ClusterRegression::new().clusters(5).fit(&samples).unwrap();
    let labels = model
        .labels(
            array![
                [-1.0],
                [-1e10],
                [-1e200],
                [-1e308],
                [1.0],
                [1e10],
                [1e200],
                [1e308]
            ]
            .view(),
        )
        .unwrap();
    let (low, high) = labels.split_at(4);
    assert_ne!(low[0], high[0]);
    assert!(low.iter().all(|label| *label == low[0]), "{labels:?}");
    assert!(high.iter().all(|label| *label == high[0]), "{labels:?}");
}

#[test]
fn names_tell_settings_apart() {
    let name = |estimator: ClusterRegression| Estimator::name(&estimator);
    let ridge = PopulationRegression::new().ridge(0.5).intercept(false);
    let new = ClusterRegression::new;
    assert_eq!(name(new()), "clusters (cross-validated)");
    assert_eq!(name(new().clusters(4)), "4 clusters");
    assert_eq!(name(new().clusters(1).seed(3)), "1 cluster (seed 3)");
    assert_eq!(
        name(new().regression(ridge.clone())),
        "clusters (cross-validated, ridge 0.5, no intercept)"
    );
    assert_eq!(
        name(new().clusters(4).regression(ridge)),
        "4 clusters (ridge 0.5, no intercept)"
    );
}

#[test]
fn the_same_bits_on_one_and_two_threads() {
    let samples = Simulator::new(2000)
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
        pool.install(|| ClusterRegression::new().clusters(3).fit(&samples).unwrap())
    };
    assert_eq!(run(1), run(2));
    let small = data(100, true, 9).samples;
    let chosen = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| ClusterRegression::new().fit(&small).unwrap())
    };
    assert_eq!(chosen(1), chosen(2));
}

#[test]
fn a_reloaded_model_predicts_the_same_bits() {
    let samples = data(60, true, 4).samples;
    let model = ClusterRegression::new().clusters(3).fit(&samples).unwrap();
    let reloaded = serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
    assert_eq!(model, reloaded);
}

#[test]
fn a_file_that_was_altered_is_an_error() {
    let samples = data(60, true, 4).samples;
    let model = ClusterRegression::new().clusters(3).fit(&samples).unwrap();
    let good = serde_json::to_value(&model).unwrap();
    let other = Simulator::new(40)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(|_| vec![1.0, 2.0, 3.0])
        .noise(1.0)
        .simulate(0)
        .unwrap()
        .samples;
    let other = serde_json::to_value(PopulationRegression::new().fit(&other).unwrap()).unwrap();
    let error = |alter: &dyn Fn(&mut Value)| {
        let mut altered = good.clone();
        alter(&mut altered);
        serde_json::from_value::<ClusterModel>(altered)
            .unwrap_err()
            .to_string()
    };
    for (alter, expected) in [
        (
            &(|model: &mut Value| model["models"] = json!([])) as &dyn Fn(&mut Value),
            "models has no rows",
        ),
        (
            &|model| drop(model["models"].as_array_mut().unwrap().pop()),
            "models: the number of rows is 2, expected 3",
        ),
        (
            &|model| drop(model["report"]["clusters"].as_array_mut().unwrap().pop()),
            "report: the number of rows is 2, expected 3",
        ),
        (
            &|model| model["models"][1] = other.clone(),
            "features: the number of columns is 3, expected 2",
        ),
        (
            &|model| model["partition"]["scaling"] = json!(Standardization::identity(2)),
            "centers: the number of columns is 1, expected 2",
        ),
        (
            &|model| model["models"][2]["family"] = json!("binomial"),
            "degrees_of_freedom",
        ),
    ] {
        let found = error(alter);
        assert!(found.contains(expected), "{found}");
    }
}

/// Rows of weight zero have no part in the clusters either.
#[test]
fn rows_without_weight_are_not_clustered() {
    let (contexts, features) = (
        Array2::from_shape_fn((11, 1), |(i, _)| if i < 10 { (i % 2) as f64 } else { 1e6 }),
        Array2::from_shape_fn((11, 1), |(i, _)| i as f64),
    );
    let targets = Array2::from_shape_fn((11, 1), |(i, _)| {
        features[[i, 0]] * if i % 2 == 0 { 1.0 } else { -1.0 }
    });
    let samples = Samples::new(contexts.view(), features.view(), targets.view()).unwrap();
    let mut weights = ndarray::Array1::ones(11);
    weights[10] = 0.0;
    let weighted = samples.clone().with_weights(weights.view()).unwrap();
    let without = samples.select(&(0..10).collect::<Vec<_>>()).unwrap();
    let fit = |samples: &Samples| {
        let model = ClusterRegression::new().clusters(2).fit(samples).unwrap();
        model.coefficients(array![[0.0], [1.0]].view()).unwrap()
    };
    let (found, expected) = (fit(&weighted), fit(&without));
    assert_eq!(found.slopes(), expected.slopes());
    assert!((found.slopes()[[0, 0, 0]] - 1.0).abs() < 1e-9);
}
