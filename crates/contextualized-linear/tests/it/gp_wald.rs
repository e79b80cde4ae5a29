//! Wald tests of what varies with what.

use contextualized_core::{Estimator, Family, Samples, WaldTest, WithWaldTests};
use contextualized_linear::{GaussianProcessRegression, KernelShape};
use ndarray::{Array1, Array2, Axis, array, concatenate, s};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// The slope of x0 is the square of c0, and the intercept c1; the slope of x1 is one.
fn u_shape(rows: usize) -> [Array2<f64>; 3] {
    let mut generator = ChaCha8Rng::seed_from_u64(0);
    let mut uniform =
        |columns| Array2::from_shape_fn((rows, columns), |_| generator.gen_range(-1.0..1.0_f64));
    let (c, x, noise) = (uniform(2), uniform(2), uniform(1));
    let y = Array2::from_shape_fn((rows, 1), |(i, _)| {
        c[[i, 0]].powi(2) * x[[i, 0]] + x[[i, 1]] + c[[i, 1]] + 0.5 * noise[[i, 0]]
    });
    [c, x, y]
}

fn samples([c, x, y]: &[Array2<f64>; 3]) -> Samples {
    Samples::new(c.view(), x.view(), y.view()).unwrap()
}

fn tests(samples: &Samples) -> Vec<WaldTest> {
    let estimator = GaussianProcessRegression::new().additive(KernelShape::SquaredExponential);
    let model = estimator.fit(samples).unwrap();
    model.wald_tests(samples).unwrap()
}

fn p_value(tests: &[WaldTest], coefficient: &str, context: Option<&str>) -> f64 {
    tests
        .iter()
        .find(|t| t.coefficient == coefficient && t.context.as_deref() == context)
        .unwrap()
        .p_value
}

#[test]
fn what_varies_is_found_whatever_its_shape() {
    let found = tests(&samples(&u_shape(300)));
    assert_eq!(found.len(), 3 * 2 + 3);
    let p = |coefficient, context| p_value(&found, coefficient, context);
    assert!(p("x0", Some("c0")) < 1e-4);
    assert!(p("(intercept)", Some("c1")) < 1e-10);
    assert!(p("x0", None) < 1e-3 && p("(intercept)", None) < 1e-10);
    for (coefficient, context) in [
        ("x0", "c1"),
        ("x1", "c0"),
        ("x1", "c1"),
        ("(intercept)", "c0"),
    ] {
        assert!(
            p(coefficient, Some(context)) > 0.01,
            "{coefficient} {context}"
        );
    }
}

#[test]
fn units_and_the_order_of_rows_do_not_matter() {
    let tables = u_shape(80);
    let plain = tests(&samples(&tables));
    let [c, x, y] = &tables;
    let changed = [
        c * &array![10.0, 0.01] + 5.0,
        x * &array![1000.0, 1.0] - 3.0,
        y * 0.001 + 40.0,
    ];
    let reversed = tables
        .clone()
        .map(|table| table.slice(s![..;-1, ..]).to_owned());
    for other in [&changed, &reversed] {
        for (one, other) in plain.iter().zip(tests(&samples(other))) {
            assert!(
                (one.p_value - other.p_value).abs() < 1e-3,
                "{one:?} {other:?}"
            );
        }
    }
}

#[test]
fn targets_are_tested_one_by_one() {
    let [c, x, y] = u_shape(120);
    let other = x.slice(s![.., 1..]).to_owned() + 0.1 * &y;
    let both = concatenate(Axis(1), &[y.view(), other.view()]).unwrap();
    let samples = Samples::new(c.view(), x.view(), both.view()).unwrap();
    let model = GaussianProcessRegression::new().fit(&samples).unwrap();
    let tests = model.wald_tests(&samples).unwrap();
    assert_eq!(tests.len(), 2 * 9);
    assert!(tests[..9].iter().all(|test| test.target == "y0"));
    assert!(tests[9..].iter().all(|test| test.target == "y1"));
    // Three rows leave nothing to test anything by.
    let few = samples.select(&[0, 1, 2]).unwrap();
    assert!(
        model
            .wald_tests(&few)
            .unwrap()
            .iter()
            .all(|test| test.p_value == 1.0)
    );
}

#[test]
fn binary_targets_are_tested_by_their_working_responses() {
    let [c, x, y] = u_shape(400);
    let y = y.mapv(|value| f64::from(value > 0.0));
    let samples = samples(&[c, x, y]);
    let estimator = GaussianProcessRegression::new()
        .additive(KernelShape::SquaredExponential)
        .family(Family::Binomial);
    let tests = estimator
        .fit(&samples)
        .unwrap()
        .wald_tests(&samples)
        .unwrap();
    assert!(p_value(&tests, "(intercept)", Some("c1")) < 1e-4);
    assert!(tests.iter().all(|test| (0.0..=1.0).contains(&test.p_value)));
}

/// Rejections at 5 % in so many data sets of 60 rows, of a slope of one: the intercept varies as c² − 1, the
/// feature goes with the context or does not, and the noise has the deviation given.
fn rejections(data_sets: u64, with_context: f64, deviation: fn(f64) -> f64) -> usize {
    let estimator = GaussianProcessRegression::new().additive(KernelShape::SquaredExponential);
    let rejected = |seed: &u64| {
        let mut generator = ChaCha8Rng::seed_from_u64(*seed);
        let mut normal = || {
            let draw = || -> f64 { StandardNormal.sample(&mut generator) };
            Array2::from_shape_simple_fn((60, 1), draw)
        };
        let (c, own, noise) = (normal(), normal(), normal());
        let x = &c * with_context + own;
        let y = &x + &c.mapv(|c| c * c - 1.0) + noise * c.mapv(deviation);
        let samples = samples(&[c, x, y]);
        let tests = estimator.fit(&samples).unwrap().wald_tests(&samples);
        p_value(&tests.unwrap(), "x0", Some("c0")) <= 0.05
    };
    (0..data_sets).filter(rejected).count()
}

/// A miniature of `claims --group level`: at 5 % more than 8 of 60 have a probability of 0.2 %.
#[test]
fn tests_keep_their_level_where_features_go_with_contexts_and_noise_is_uneven() {
    assert!(rejections(60, 1.0, |_| 1.0) <= 8);
    assert!(rejections(60, 0.0, |c| 0.3 + c.abs()) <= 8);
}

#[test]
fn what_cannot_be_tested_costs_the_other_tests_nothing() {
    let [c, mut x, mut y] = u_shape(100);
    y -= &x.slice(s![.., 1..]);
    x.column_mut(1).fill(3.0);
    let found = tests(&samples(&[c.clone(), x, y.clone()]));
    assert!(p_value(&found, "(intercept)", Some("c1")) < 1e-6);
    assert_eq!(p_value(&found, "x1", None), 1.0);
    // A product with a linear kernel is nothing without its context.
    let [_, x, _] = u_shape(100);
    let samples = samples(&[c, x, y]);
    let linear = GaussianProcessRegression::new().additive_with_interactions(KernelShape::Linear);
    let tests = linear.fit(&samples).unwrap().wald_tests(&samples).unwrap();
    assert!(tests.iter().all(|test| (0.0..=1.0).contains(&test.p_value)));
    assert!(p_value(&tests, "(intercept)", Some("c1")) < 1e-6);
}

/// A row of a binary outcome that stands for many is as much evidence as they are.
#[test]
fn weights_of_binary_outcomes_count_rows() {
    let context = |row: usize| (row / 2) as f64 / 10.0 - 0.95;
    let c = Array2::from_shape_fn((40, 1), |(i, _)| context(i));
    let x = Array2::from_shape_fn((40, 1), |(i, _)| ((7 * (i / 2)) % 5) as f64);
    let y = Array2::from_shape_fn((40, 1), |(i, _)| (i % 2) as f64);
    let weights = Array1::from_shape_fn(40, |i| {
        let p = 1.0 / (1.0 + (-1.5 * context(i)).exp());
        (40.0 * if i % 2 == 1 { p } else { 1.0 - p }).round()
    });
    let samples = samples(&[c, x, y]).with_weights(weights.view()).unwrap();
    let estimator = GaussianProcessRegression::new().family(Family::Binomial);
    let tests = estimator.fit(&samples).unwrap().wald_tests(&samples);
    let p = p_value(&tests.unwrap(), "(intercept)", None);
    assert!(p < 1e-4, "{p}");
}

/// Of 60 data sets in which nothing varies, how many are said to have an intercept that does: 40 groups of four
/// rows with one context and an intercept of their own.
fn rejections_of_groups(known: bool) -> usize {
    let rejected = |seed: &u64| {
        let mut generator = ChaCha8Rng::seed_from_u64(*seed);
        let mut normal = |rows| {
            Array2::from_shape_simple_fn((rows, 1), || -> f64 {
                StandardNormal.sample(&mut generator)
            })
        };
        let labels: Vec<usize> = (0..160).map(|row| row / 4).collect();
        let [c, shared] = [normal(40), normal(40)].map(|own| own.select(Axis(0), &labels));
        let (x, noise) = (normal(160), normal(160));
        let y = &x + &shared + &noise;
        let mut samples = samples(&[c, x, y]);
        if known {
            samples = samples.with_groups(&labels).unwrap();
        }
        p_value(&tests(&samples), "(intercept)", None) <= 0.05
    };
    (0..60).filter(rejected).count()
}

#[test]
fn rows_of_a_group_may_depend_on_each_other() {
    assert!(rejections_of_groups(false) >= 15);
    assert!(rejections_of_groups(true) <= 8);
}

/// A constant context, and a factor of the groups: nothing to test.
#[test]
fn what_cannot_be_tested_is_not() {
    let [c, x, y] = u_shape(120);
    let constant = Array2::from_elem((120, 1), 7.3);
    let with = concatenate![Axis(1), c, constant];
    let found = tests(&samples(&[with, x.clone(), y.clone()]));
    for test in &found {
        assert_eq!(
            test.degrees == 0,
            test.context.as_deref() == Some("c2"),
            "{test:?}"
        );
    }
    let labels: Vec<usize> = (0..120).map(|row| row / 10).collect();
    let codes = Array2::from_shape_fn((120, 11), |(row, level)| {
        f64::from(u8::from(labels[row] == level + 1))
    });
    let groups = Samples::new(codes.view(), x.view(), y.view())
        .unwrap()
        .with_factors([("g", (0..11).collect::<Vec<_>>())])
        .unwrap()
        .with_groups(&labels)
        .unwrap();
    assert!(tests(&groups).iter().all(|test| test.degrees == 0));
}
