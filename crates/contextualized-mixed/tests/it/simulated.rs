//! Intervals of simulated data sets.

use crate::data::ones;
use contextualized_core::{Estimator, RandomTerm, Samples, WithUncertainty};
use contextualized_mixed::MixedRegression;
use ndarray::{Array2, Axis};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

/// Forty subjects of five rows with correlated intercepts and slopes, a feature of rows and one of subjects.
fn study(seed: u64) -> Samples {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = move || -> f64 { StandardNormal.sample(&mut random) };
    let (subjects, each) = (40, 5);
    let rows = subjects * each;
    let labels: Vec<usize> = (0..rows).map(|row| row / each).collect();
    let own: Vec<[f64; 3]> = (0..subjects)
        .map(|_| {
            let (a, b) = (draw(), draw());
            [0.8 * a, 0.3 * a + 0.4 * b, draw()]
        })
        .collect();
    let x = Array2::from_shape_fn(
        (rows, 2),
        |(row, k)| {
            if k == 0 { draw() } else { own[labels[row]][2] }
        },
    );
    let y = Array2::from_shape_fn((rows, 1), |(row, _)| {
        let [intercept, slope, _] = own[labels[row]];
        1.0 + intercept + (0.5 + slope) * x[[row, 0]] + draw()
    });
    let design = ndarray::concatenate![Axis(1), ones(rows), x.slice(ndarray::s![.., ..1])];
    let term = RandomTerm::new("subject", &labels, design.view()).unwrap();
    Samples::without_contexts(x.view(), y.view())
        .unwrap()
        .with_random_terms(vec![term])
        .unwrap()
}

#[test]
fn intervals_with_forty_subjects_keep_their_level() {
    const SETS: u64 = 400;
    let contained: Vec<[bool; 3]> = (0..SETS)
        .into_par_iter()
        .map(|seed| {
            let model = MixedRegression::new().fit(&study(seed)).unwrap();
            let nowhere = Array2::zeros((1, 0));
            let ends = model.intervals(nowhere.view(), 0.95).unwrap();
            let within = |low: f64, high: f64, truth: f64| low <= truth && truth <= high;
            let slope = |k: usize, truth: f64| {
                within(
                    ends.lower.slopes()[[0, 0, k]],
                    ends.upper.slopes()[[0, 0, k]],
                    truth,
                )
            };
            [
                within(
                    ends.lower.intercepts()[[0, 0]],
                    ends.upper.intercepts()[[0, 0]],
                    1.0,
                ),
                slope(0, 0.5),
                slope(1, 0.0),
            ]
        })
        .collect();
    for coefficient in 0..3 {
        let count = contained.iter().filter(|own| own[coefficient]).count();
        let share = count as f64 / SETS as f64;
        println!("coefficient {coefficient}: {share}");
        // Three standard errors about 0.95.
        assert!((0.917..=0.983).contains(&share), "{coefficient}: {share}");
    }
}
