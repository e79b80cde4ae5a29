//! Tests of variation: what they find, what they leave alone, and what they depend on.

use contextualized_analysis::{VariationTest, variations, wald_table};
use contextualized_baselines::{ClusterRegression, PopulationRegression};
use contextualized_core::{
    Coefficients, Error, Estimator, Family, LocalCoefficients, Result, Samples,
};
use contextualized_linear::{GaussianProcessRegression, KernelShape, NeuralRegression};
use contextualized_simulation::Simulator;
use ndarray::{Array1, Array2, ArrayView2, Axis, array};

fn kernel() -> GaussianProcessRegression {
    GaussianProcessRegression::new().additive(KernelShape::SquaredExponential)
}

/// A U-shaped slope in context 0, and a second context that says nothing.
fn u_shape(rows: usize, noise: f64, seed: u64) -> Samples {
    Simulator::new(rows)
        .uniform_contexts(2, -1.0, 1.0)
        .slopes(|c| vec![c[0] * c[0], 1.0])
        .noise(noise)
        .simulate(seed)
        .unwrap()
        .samples
}

#[test]
fn both_replicates_find_a_u_shape_and_leave_the_rest() {
    let samples = u_shape(150, 0.2, 0);
    let permutation = VariationTest::permutation(kernel());
    let bootstrap = VariationTest::bootstrap(kernel(), PopulationRegression::new());
    for test in [permutation, bootstrap] {
        let table = test.replicates(39).test(&samples).unwrap();
        assert_eq!((table.pairs.len(), table.coefficients.len()), (6, 3));
        assert!(table.failures.is_empty());
        let found = &table.pairs[0];
        assert_eq!(
            (found.coefficient.as_str(), found.context.as_deref()),
            ("x0", Some("c0"))
        );
        assert_eq!(
            (found.p_value, found.maximum),
            (1.0 / 40.0, Some(1.0 / 40.0))
        );
        assert_eq!(table.omnibus, 1.0 / 40.0);
        assert_eq!(table.coefficients[0].p_value, 1.0 / 40.0);
        // The standard deviation of c² with c uniform is √(4/45).
        assert!((found.deviation - (4.0_f64 / 45.0).sqrt()).abs() < 0.06);
        assert!(table.pairs[1..].iter().all(|line| line.p_value > 0.05));
        assert!(table.pairs.iter().all(|line| line.holm >= line.p_value));
    }
}

#[test]
fn each_context_is_tested_alone() {
    let samples = u_shape(150, 0.2, 1);
    let test = VariationTest::permutation(kernel()).each_context_alone();
    let table = test.replicates(19).test(&samples).unwrap();
    assert!(table.coefficients.is_empty());
    assert_eq!(table.pairs[0].p_value, 1.0 / 20.0);
    assert_eq!(table.pairs[1].context.as_deref(), Some("c1"));
    let alone = samples.select_contexts(&[0]).unwrap();
    let model = kernel().fit(&alone).unwrap();
    let expected = variations(&model, &alone).unwrap();
    assert_eq!(table.pairs[0].deviation, expected.by_context[[0, 0, 0]]);
}

#[test]
fn wald_tests_make_the_same_table() {
    let samples = u_shape(200, 0.2, 2);
    let table = wald_table(&kernel().fit(&samples).unwrap(), &samples).unwrap();
    assert_eq!((table.pairs.len(), table.coefficients.len()), (6, 3));
    assert!(table.pairs[0].holm < 1e-6 && table.omnibus < 1e-6);
    assert!(table.pairs[1..].iter().all(|line| line.p_value > 0.01));
    // Without an intercept there is none to test.
    let estimator = kernel().intercept(false);
    let table = wald_table(&estimator.fit(&samples).unwrap(), &samples).unwrap();
    assert_eq!((table.pairs.len(), table.coefficients.len()), (4, 2));
    assert!(table.pairs.iter().all(|line| line.maximum.is_none()));
}

#[test]
fn every_estimator_can_be_tested() {
    let samples = u_shape(90, 0.1, 3);
    let neural = NeuralRegression::new().epochs(3);
    assert!(
        VariationTest::permutation(neural)
            .replicates(19)
            .test(&samples)
            .is_ok()
    );
    let clusters = ClusterRegression::new().clusters(3);
    let table = VariationTest::permutation(clusters)
        .replicates(19)
        .test(&samples)
        .unwrap();
    assert_eq!(table.replicates, 19);
    // A population regression does not vary: nothing is ever significant.
    let table = VariationTest::permutation(PopulationRegression::new())
        .test(&samples)
        .unwrap();
    assert!(
        table
            .pairs
            .iter()
            .all(|line| line.p_value == 1.0 && line.deviation == 0.0)
    );
    assert_eq!(table.omnibus, 1.0);
}

/// A Gaussian process regression that fails where the first row has a negative context.
struct Moody;

impl Estimator for Moody {
    type Model = <GaussianProcessRegression as Estimator>::Model;

    fn name(&self) -> String {
        "moody".to_owned()
    }

    fn fit(&self, samples: &Samples) -> Result<Self::Model> {
        if samples.contexts()[[0, 0]] > 0.0 {
            kernel().fit(samples)
        } else {
            Err(Error::NoWeight)
        }
    }
}

#[test]
fn failures_are_reported_and_count_against_the_data() {
    let samples = u_shape(60, 0.1, 3);
    let mut rows: Vec<usize> = (0..60).collect();
    rows.sort_by(|a, b| samples.contexts()[[*b, 0]].total_cmp(&samples.contexts()[[*a, 0]]));
    let samples = samples.select(&rows).unwrap();
    let test = VariationTest::permutation(Moody).replicates(19);
    let table = test.test(&samples).unwrap();
    let failed = table.failures.len();
    assert!((1..19).contains(&failed));
    assert!(table.failures[0].reason.contains("weights are zero"));
    assert_eq!(table.pairs[0].p_value, (1 + failed) as f64 / 20.0);
    let backwards = samples.select(&(0..60).rev().collect::<Vec<_>>()).unwrap();
    assert!(matches!(test.test(&backwards), Err(Error::NoWeight)));
}

#[test]
fn results_depend_on_the_seed_and_not_on_threads() {
    let samples = u_shape(60, 0.5, 4);
    let test = |seed| {
        VariationTest::permutation(kernel())
            .replicates(19)
            .seed(seed)
    };
    let pool = |threads| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
    };
    let run = |threads, seed| pool(threads).install(|| test(seed).test(&samples).unwrap());
    let (one, two, other) = (run(1, 0), run(2, 0), run(1, 1));
    assert_eq!(
        (&one.pairs, &one.coefficients),
        (&two.pairs, &two.coefficients)
    );
    assert_ne!(one.pairs, other.pairs);
}

#[test]
fn strata_and_weights_are_kept() {
    // Within strata of one context value each, nothing can be permuted but equals.
    let samples = u_shape(40, 0.1, 5);
    let labels: Vec<usize> = (0..40).map(|row| row / 2).collect();
    let paired = samples.contexts().select(Axis(0), &labels);
    let paired = samples.replace_contexts(paired.view()).unwrap();
    let table = VariationTest::permutation(kernel())
        .within(&labels)
        .replicates(19)
        .test(&paired)
        .unwrap();
    assert!(table.pairs.iter().all(|line| line.p_value == 1.0));

    let weights = Array1::from_shape_fn(40, |row| f64::from(u8::from(row < 30)));
    let weighted = samples.clone().with_weights(weights.view()).unwrap();
    let first = samples.select(&(0..30).collect::<Vec<_>>()).unwrap();
    let test = VariationTest::permutation(kernel()).replicates(19);
    let (weighted, first) = (test.test(&weighted).unwrap(), test.test(&first).unwrap());
    for (one, other) in weighted.pairs.iter().zip(&first.pairs) {
        assert!((one.deviation - other.deviation).abs() < 1e-6);
    }
}

#[test]
fn settings_are_checked() {
    let samples = u_shape(30, 0.1, 6);
    let test = VariationTest::permutation(kernel());
    let error = test.clone().replicates(18).test(&samples).unwrap_err();
    assert!(error.to_string().contains("replicates is 18"));
    assert!(matches!(
        test.clone().within(&[0; 29]).test(&samples),
        Err(Error::RowCount {
            expected: 30,
            found: 29,
            ..
        })
    ));
    let all_different: Vec<usize> = (0..30).collect();
    assert!(test.within(&all_different).test(&samples).is_err());
    let few = samples.select(&[0, 1, 2]).unwrap();
    let bootstrap = VariationTest::bootstrap(kernel(), PopulationRegression::new());
    assert!(bootstrap.test(&few).is_err());
}

#[test]
fn binary_targets_are_drawn_from_the_null_model() {
    let samples = Simulator::new(200)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(|c| vec![6.0 * c[0]])
        .family(Family::Binomial)
        .simulate(0)
        .unwrap()
        .samples;
    let null = PopulationRegression::new().family(Family::Binomial);
    let table = VariationTest::bootstrap(kernel().family(Family::Binomial), null)
        .replicates(19)
        .test(&samples)
        .unwrap();
    assert_eq!(table.pairs[0].p_value, 1.0 / 20.0);
}

#[test]
fn variations_of_known_functions() {
    // The slope is 2 c0 on contexts −1 and 1, whose deviation is 2.
    struct Twice;
    impl LocalCoefficients for Twice {
        fn coefficients_at(
            &self,
            contexts: ArrayView2<'_, f64>,
            _: ArrayView2<'_, f64>,
        ) -> Result<Coefficients> {
            let slopes = contexts.column(0).mapv(|c| 2.0 * c);
            let intercepts = Array2::zeros((contexts.nrows(), 1));
            let slopes = slopes.insert_axis(Axis(1)).insert_axis(Axis(2));
            Coefficients::new(slopes, intercepts)
        }
        fn family(&self) -> Family {
            Family::Gaussian
        }
    }
    let rows = 200;
    let contexts = Array2::from_shape_fn((rows, 2), |(row, column)| match column {
        0 => (row % 2) as f64 * 2.0 - 1.0,
        _ => row as f64,
    });
    // The average feature is 3, so the intercept there varies three times as much.
    let features = Array2::from_elem((rows, 1), 3.0);
    let samples = Samples::new(contexts.view(), features.view(), features.view()).unwrap();
    let found = variations(&Twice, &samples).unwrap();
    assert_eq!(found.overall, array![[2.0, 6.0]]);
    assert!((found.by_context[[0, 0, 0]] - 2.0).abs() < 0.2);
    assert!((found.by_context[[0, 1, 0]] / found.by_context[[0, 0, 0]] - 3.0).abs() < 1e-12);
    assert_eq!(found.by_context[[0, 0, 1]], 0.0);
}
