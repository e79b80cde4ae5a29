//! Wald tests of what varies with what.

use contextualized_core::{Error, Estimator, Family, Samples, WaldTest, WithWaldTests};
use contextualized_linear::{GaussianProcessRegression, KernelShape};
use ndarray::{Array2, Axis, array, concatenate, s};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The slope of x0 is the square of c0, and the offset c1; the slope of x1 is one.
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

fn p_value(tests: &[WaldTest], coefficient: Option<&str>, context: Option<&str>) -> f64 {
    tests
        .iter()
        .find(|t| t.coefficient.as_deref() == coefficient && t.context.as_deref() == context)
        .unwrap()
        .p_value
}

#[test]
fn what_varies_is_found_whatever_its_shape() {
    let found = tests(&samples(&u_shape(300)));
    assert_eq!(found.len(), 3 * 2 + 3 + 1);
    let p = |coefficient, context| p_value(&found, coefficient, context);
    assert!(p(Some("x0"), Some("c0")) < 1e-4);
    assert!(p(Some("(intercept)"), Some("c1")) < 1e-10);
    assert!(p(Some("x0"), None) < 1e-3 && p(None, None) < 1e-10);
    for (coefficient, context) in [
        ("x0", "c1"),
        ("x1", "c0"),
        ("x1", "c1"),
        ("(intercept)", "c0"),
    ] {
        assert!(
            p(Some(coefficient), Some(context)) > 0.01,
            "{coefficient} {context}"
        );
    }
    let omnibus = found.last().unwrap();
    assert!(omnibus.residual_degrees < 300.0 - omnibus.degrees as f64);
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
    assert_eq!(tests.len(), 2 * 10);
    assert!(tests[..10].iter().all(|test| test.target == "y0"));
    assert!(tests[10..].iter().all(|test| test.target == "y1"));
    let other_rows = samples.select(&[0, 1, 2]).unwrap();
    assert!(matches!(
        model.wald_tests(&other_rows),
        Err(Error::RowCount { .. } | Error::TooFewRows { .. })
    ));
}

#[test]
fn binary_targets_are_tested_by_their_last_newton_step() {
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
    assert!(p_value(&tests, Some("(intercept)"), Some("c1")) < 1e-4);
    assert!(tests.iter().all(|test| test.residual_degrees.is_infinite()));
    assert!(tests.iter().all(|test| (0.0..=1.0).contains(&test.p_value)));
}
