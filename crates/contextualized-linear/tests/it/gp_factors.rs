//! Factors among the contexts.

use contextualized_core::{
    Estimator, LocalCoefficients, Samples, VaryingCoefficients, WithUncertainty, WithWaldTests,
};
use contextualized_linear::{GaussianProcessRegression, KernelShape};
use ndarray::{Array1, Array2, Axis, array, concatenate};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Five levels, the fourth rare, with a slope each, and a number that does nothing.
fn samples(order: [usize; 5], effects: [f64; 5], seed: u64) -> Samples {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let rows = 150;
    let levels: Vec<usize> = (0..rows)
        .map(|_| match generator.gen_range(0..20) {
            0 => 3,
            other => [0, 1, 2, 4][other % 4],
        })
        .collect();
    let mut normal = || -> f64 { StandardNormal.sample(&mut generator) };
    let number = Array2::from_shape_simple_fn((rows, 1), &mut normal);
    let x = Array2::from_shape_simple_fn((rows, 1), &mut normal);
    let y = Array2::from_shape_fn((rows, 1), |(row, _)| {
        effects[levels[row]] * x[[row, 0]] + 0.5 * normal()
    });
    let indicators = Array2::from_shape_fn((rows, 5), |(row, column)| {
        f64::from(u8::from(levels[row] == order[column]))
    });
    let contexts = concatenate![Axis(1), indicators, number];
    Samples::new(contexts.view(), x.view(), y.view())
        .unwrap()
        .with_factors([("site", (0..5).collect())])
        .unwrap()
}

const EFFECTS: [f64; 5] = [1.0, 2.0, 1.0, -1.0, 0.0];

#[test]
fn the_order_of_levels_does_not_matter() {
    for estimator in [
        GaussianProcessRegression::new(),
        GaussianProcessRegression::new().additive(KernelShape::SquaredExponential),
    ] {
        let one = samples([0, 1, 2, 3, 4], EFFECTS, 1);
        let other = samples([4, 2, 0, 1, 3], EFFECTS, 1);
        let of = |samples: &Samples| {
            let model = estimator.fit(samples).unwrap();
            let errors = model.standard_errors(samples.contexts()).unwrap();
            let found = model.coefficients(samples.contexts()).unwrap();
            (found.slopes().to_owned(), errors.slopes().to_owned())
        };
        let (one, other) = (of(&one), of(&other));
        for (one, other) in one.0.iter().zip(&other.0).chain(one.1.iter().zip(&other.1)) {
            assert!((one - other).abs() < 1e-6, "{one} {other}");
        }
    }
}

#[test]
fn slopes_of_levels_are_found_and_the_factor_is_tested_as_one() {
    let samples = samples([0, 1, 2, 3, 4], EFFECTS, 2);
    let model = GaussianProcessRegression::new().fit(&samples).unwrap();
    let mut at = Array2::zeros((6, 6));
    for level in 0..5 {
        at[[level, level]] = 1.0;
    }
    let found = model.coefficients(at.view()).unwrap();
    for level in [0, 1, 2, 4] {
        let off = found.slopes()[[level, 0, 0]] - EFFECTS[level];
        assert!(off.abs() < 0.35, "level {level}: {off}");
    }
    // A level without an indicator is like no other: it has the average.
    let unknown = found.slopes()[[5, 0, 0]];
    assert!((0.0..1.2).contains(&unknown), "{unknown}");
    let scales = model.length_scales().unwrap();
    assert_eq!(scales.dim(), (2, 2));
    assert!(scales[[0, 0]].is_finite() && scales[[0, 0]] < scales[[0, 1]]);

    let tests = model.wald_tests(&samples).unwrap();
    let names: Vec<_> = tests.iter().map(|test| test.context.as_deref()).collect();
    assert_eq!(
        names,
        [
            Some("site"),
            Some("c5"),
            Some("site"),
            Some("c5"),
            None,
            None
        ]
    );
    assert!(tests[0].p_value < 1e-5 && tests[0].deviation > 0.5);
    assert!(tests[0].degrees >= 3);
    assert!(tests[1].p_value > 0.01 && tests[2].p_value > 0.01);
    let explained = model.variation_explained(0.95).unwrap();
    assert_eq!(explained.len(), 4);
    assert_eq!(explained[0].context, "site");
    assert!(explained[0].effect > 0.5 && explained[1].effect < 0.1);
}

#[test]
fn effects_of_a_level_are_those_of_its_indicator() {
    let samples = samples([0, 1, 2, 3, 4], EFFECTS, 3);
    let estimator = GaussianProcessRegression::new().additive(KernelShape::SquaredExponential);
    let model = estimator.fit(&samples).unwrap();
    let at = |context: usize| {
        let effect = model.partial_effect(context, ndarray::array![1.0].view());
        effect.unwrap().effects.slopes()[[0, 0, 0]]
    };
    assert!((at(1) - at(0) - 1.0).abs() < 0.4);
    assert!(
        model
            .partial_effect(6, ndarray::array![1.0].view())
            .is_err()
    );
}

/// Rows of forty levels, each with a slope of its own, and a number that the slope follows too: contexts with an
/// indicator for each level, and with codes.
fn indicators_and_codes(rows: usize) -> [Samples; 2] {
    const LEVELS: usize = 40;
    let mut generator = ChaCha8Rng::seed_from_u64(7);
    let levels = Array1::from_shape_simple_fn(rows, || generator.gen_range(0..LEVELS));
    let mut normal = || -> f64 { StandardNormal.sample(&mut generator) };
    let slopes = Array1::from_shape_simple_fn(LEVELS, &mut normal);
    let number = Array2::from_shape_simple_fn((rows, 1), &mut normal);
    let x = Array2::from_shape_simple_fn((rows, 1), &mut normal);
    let y = Array2::from_shape_fn((rows, 1), |(row, _)| {
        (slopes[levels[row]] + number[[row, 0]].sin()) * x[[row, 0]] + 0.5 * normal()
    });
    let indicators = Array2::from_shape_fn((rows, LEVELS), |(row, level)| {
        f64::from(u8::from(levels[row] == level))
    });
    let codes = levels.mapv(|level| level as f64).insert_axis(Axis(1));
    let samples =
        |contexts: Array2<f64>| Samples::new(contexts.view(), x.view(), y.view()).unwrap();
    [
        samples(concatenate![Axis(1), indicators, number])
            .with_factors([("site", (0..LEVELS).collect())])
            .unwrap(),
        samples(concatenate![Axis(1), codes, number])
            .with_coded_factors([("site", 0, LEVELS)])
            .unwrap(),
    ]
}

/// Rows that are all kept, and levels that are eliminated.
#[test]
fn codes_say_what_indicators_say() {
    for rows in [300, 900] {
        let found = indicators_and_codes(rows).map(|samples| {
            let model = GaussianProcessRegression::new().fit(&samples).unwrap();
            let at = samples.contexts();
            let values = model.coefficients(at).unwrap().slopes().to_owned();
            let errors = model.standard_errors(at).unwrap().slopes().to_owned();
            let evidence = model.process_report().log_marginal_likelihood;
            (model, values, errors, evidence)
        });
        let [
            (_, values, errors, evidence),
            (model, own, own_errors, own_evidence),
        ] = &found;
        assert!((evidence - own_evidence).abs() < 1e-10 * evidence.abs());
        for (a, b) in values.iter().zip(own).chain(errors.iter().zip(own_errors)) {
            assert!((a - b).abs() < 1e-10, "{rows} rows: {a} {b}");
        }
        // One variable, and a level without rows is like no other.
        assert_eq!(model.length_scales().unwrap().dim(), (2, 2));
        let effect = |code: f64| {
            let effect = model.partial_effect(0, array![code].view()).unwrap();
            let value = effect.effects.slopes()[[0, 0, 0]];
            (value, effect.standard_errors.slopes()[[0, 0, 0]])
        };
        assert!(effect(0.0).0.abs() > 0.1 && effect(50.0).0.abs() < 0.3);
        assert!(effect(50.0).1 > 2.0 * effect(0.0).1);
    }
}
