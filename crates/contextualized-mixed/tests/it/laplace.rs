//! Laplace's approximation against glmer: values of `tests/data/reference.R`.

use crate::data::{File, ones, read};
use approx::assert_abs_diff_eq;
use contextualized_core::{
    Estimator, Family, RandomTerm, Samples, VaryingCoefficients, WithRandomEffects, WithUncertainty,
};
use contextualized_mixed::{MixedModel, MixedRegression};
use ndarray::{Array1, Array2};

/// Indicators of periods 2 to 4.
fn periods(file: &File) -> Array2<f64> {
    let periods = file.numbers("period");
    Array2::from_shape_fn((periods.len(), 3), |(row, k)| {
        f64::from(u8::from(periods[row] == (k + 2) as f64))
    })
}

/// A row for each animal: those affected, and then the others.
fn animals() -> Samples {
    let file = read("cbpp");
    let (cases, sizes) = (file.numbers("incidence"), file.numbers("size"));
    let mut rows = Vec::new();
    let mut outcomes = Vec::new();
    for row in 0..cases.len() {
        for animal in 0..sizes[row] as usize {
            rows.push(row);
            outcomes.push(f64::from(u8::from((animal as f64) < cases[row])));
        }
    }
    let herds = file.text("herd");
    let features = periods(&file).select(ndarray::Axis(0), &rows);
    let herds: Vec<&String> = rows.iter().map(|&row| &herds[row]).collect();
    let targets = Array1::from(outcomes).insert_axis(ndarray::Axis(1));
    let term = RandomTerm::new("herd", &herds, ones(rows.len()).view()).unwrap();
    Samples::without_contexts(features.view(), targets.view())
        .unwrap()
        .with_random_terms(vec![term])
        .unwrap()
}

fn check(model: &MixedModel, expected: [f64; 4], variance: f64, deviance: f64) {
    let nowhere = Array2::zeros((1, 0));
    let own = model.coefficients(nowhere.view()).unwrap();
    assert_abs_diff_eq!(own.intercepts()[[0, 0]], expected[0], epsilon = 1e-4);
    for (own, expected) in own.slopes().iter().zip(&expected[1..]) {
        assert_abs_diff_eq!(*own, *expected, epsilon = 1e-4);
    }
    let found = model.random_effects()[0].covariances[[0, 0, 0]];
    assert_abs_diff_eq!(found, variance, epsilon = 1e-4);
    let objective = model.reports().next().unwrap().objective;
    assert_abs_diff_eq!(objective, deviance, epsilon = 1e-5);
}

#[test]
fn binomial_cbpp() {
    let model = MixedRegression::new()
        .family(Family::Binomial)
        .fit(&animals())
        .unwrap();
    let expected = [-1.3985320437, -0.9923158803, -1.1286641470, -1.5803155979];
    check(&model, expected, 0.4125106099, 2.0 * 277.5019416);
    let effects = &model.random_effects()[0].predicted;
    for (own, expected) in effects
        .iter()
        .zip([0.5900206649, -0.2989034142, 0.4062543780])
    {
        assert_abs_diff_eq!(*own, expected, epsilon = 1e-4);
    }
    let nowhere = Array2::zeros((1, 0));
    let errors = model.standard_errors(nowhere.view()).unwrap();
    assert_abs_diff_eq!(errors.intercepts()[[0, 0]], 0.2278926427, epsilon = 1e-4);
    assert_abs_diff_eq!(errors.slopes()[[0, 0, 2]], 0.4287960480, epsilon = 1e-4);
}

#[test]
fn poisson_cbpp_with_an_offset() {
    let file = read("cbpp");
    let targets = file.numbers("incidence").insert_axis(ndarray::Axis(1));
    let offsets = file.numbers("size").mapv(f64::ln);
    let term = RandomTerm::new("herd", &file.text("herd"), ones(56).view()).unwrap();
    let samples = Samples::without_contexts(periods(&file).view(), targets.view())
        .unwrap()
        .with_offsets(offsets.view())
        .unwrap()
        .with_random_terms(vec![term])
        .unwrap();
    let model = MixedRegression::new()
        .family(Family::Poisson)
        .fit(&samples)
        .unwrap();
    let expected = [-1.6483783513, -0.8440563260, -0.9662907244, -1.3910299616];
    check(&model, expected, 0.2416524353, 2.0 * 90.24164772);
}

#[test]
fn weights_are_counts() {
    let all = animals();
    // Equal rows of a herd and period are one with a weight.
    let mut kept: Vec<(Vec<u64>, usize)> = Vec::new();
    let mut weights: Vec<f64> = Vec::new();
    for row in 0..all.rows() {
        let mut key: Vec<u64> = all
            .features()
            .row(row)
            .iter()
            .map(|v| v.to_bits())
            .collect();
        key.push(all.targets()[[row, 0]].to_bits());
        key.push(all.random_terms()[0].levels()[row].unwrap() as u64);
        match kept.iter().position(|(own, _)| *own == key) {
            Some(at) => weights[at] += 1.0,
            None => {
                kept.push((key, row));
                weights.push(1.0);
            }
        }
    }
    let rows: Vec<usize> = kept.iter().map(|(_, row)| *row).collect();
    let few = all.select(&rows).unwrap();
    let few = few.with_weights(Array1::from(weights).view()).unwrap();
    let estimator = MixedRegression::new().family(Family::Binomial);
    let (one, other) = (estimator.fit(&all).unwrap(), estimator.fit(&few).unwrap());
    let of = |model: &MixedModel| model.random_effects()[0].covariances[[0, 0, 0]];
    assert_abs_diff_eq!(of(&one), of(&other), epsilon = 1e-5);
}

#[test]
fn families_without_a_known_dispersion_are_refused() {
    let family = "gamma".parse().unwrap();
    let samples = animals();
    let positive = samples.targets().mapv(|own| own + 1.0);
    let samples = samples.replace_targets(positive.view()).unwrap();
    let error = MixedRegression::new()
        .family(family)
        .fit(&samples)
        .unwrap_err();
    assert!(
        error.to_string().contains("family of a mixed model"),
        "{error}"
    );
}
