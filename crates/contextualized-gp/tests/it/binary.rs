//! Binary targets, by Laplace's approximation.

use crate::problem::{Problem, all_finite, distance, known, predictor};
use contextualized_core::{Error, Family};
use contextualized_gp::{CoefficientProcess, Kernel, Method, Size};
use ndarray::{Array1, Array2, Axis, array, s};

fn process() -> CoefficientProcess {
    CoefficientProcess::new(Kernel::squared_exponential([0])).family(Family::Binomial)
}

fn logits(c: &[f64], x: &[f64]) -> f64 {
    2.0 * c[0].sin() * x[0] + 0.5
}

#[test]
fn logit_coefficients_are_recovered() {
    let problem = Problem::new(600, 1, 2, 1, 0.0, 1).binary(logits, 1);
    let fitted = problem.fit(&process().plug_in());
    assert_eq!(fitted.noise_variances(), [1.0]);
    let at = Array2::from_shape_fn((25, 1), |(i, _)| i as f64 / 8.0 - 1.5);
    let coefficients = fitted.coefficients(at.view()).unwrap();
    let error: f64 = (0..25)
        .map(|q| {
            let slope = coefficients[[q, 0, 0]] - 2.0 * at[[q, 0]].sin();
            let intercept = coefficients[[q, 0, 1]] - 0.5;
            slope * slope + intercept * intercept
        })
        .sum();
    // The slope varies by 1.4 and is found to a fifth of that, the intercept to 0.1.
    assert!((error / 50.0).sqrt() < 0.25, "{}", (error / 50.0).sqrt());
}

/// Rows by their predicted probability: outcomes come as often as they were promised.
#[test]
fn probabilities_are_calibrated() {
    let train = Problem::new(500, 1, 2, 1, 0.0, 2).binary(logits, 2);
    let test = Problem::new(4000, 1, 2, 1, 0.0, 3).binary(logits, 3);
    let fitted = train.fit(&process().plug_in());
    let coefficients = fitted.coefficients(test.contexts.view()).unwrap();
    let mut bins = [[0.0_f64; 3]; 4];
    for i in 0..test.rows() {
        let logit = predictor(&coefficients, (i, 0), test.design.row(i));
        let probability = 1.0 / (1.0 + (-logit).exp());
        let bin = &mut bins[((probability * 4.0) as usize).min(3)];
        bin[0] += 1.0;
        bin[1] += probability;
        bin[2] += test.targets[[i, 0]];
    }
    for [count, promised, came] in bins {
        let off = (promised - came) / count;
        assert!(count > 100.0 && off.abs() < 0.06, "{count}: {off}");
    }
}

#[test]
fn a_basis_and_all_rows_have_the_same_mode() {
    let problem = Problem::new(250, 1, 2, 1, 0.0, 4).binary(logits, 4);
    let mut two = problem.clone();
    let other = two.targets.mapv(|y| 1.0 - y);
    two.targets = ndarray::concatenate![Axis(1), two.targets, other];
    let at = Array2::from_shape_fn((21, 1), |(i, _)| i as f64 / 5.0 - 2.0);
    for problem in [
        &problem,
        &problem.clone().weighted(|i| 1.0 + (i % 3) as f64),
        &two,
    ] {
        let scales = vec![1.0; problem.targets.ncols()];
        let fit = |size| {
            let hyper = known(&[0.8], 2, 1, 1.0, &scales);
            problem.fit(&process().hyperparameters(hyper).size(size))
        };
        let (exact, low_rank) = (fit(Size::Exact), fit(Size::LowRank { functions: 100 }));
        assert_eq!(exact.report().method, Method::Exact);
        assert!(
            matches!(low_rank.report().method, Method::LowRank { residual, .. } if residual < 1e-8)
        );
        let off = distance(
            &exact.coefficients(at.view()).unwrap(),
            &low_rank.coefficients(at.view()).unwrap(),
        );
        assert!(off < 1e-5, "{off}");
        let (a, b) = (
            exact.covariances(at.view()).unwrap(),
            low_rank.covariances(at.view()).unwrap(),
        );
        let off = (a - b).iter().fold(0.0, |most: f64, d| d.abs().max(most));
        assert!(off < 1e-5, "{off}");
        let (a, b) = (
            exact.partial_effect(0, at.view()).unwrap(),
            low_rank.partial_effect(0, at.view()).unwrap(),
        );
        assert!(distance(&a.means, &b.means) < 1e-5);
        assert!(distance(&a.variances(), &b.variances()) < 1e-5);
        let off =
            exact.report().log_marginal_likelihood - low_rank.report().log_marginal_likelihood;
        assert!(off.abs() < 1e-3, "{off}");
    }
}

/// An outcome and its opposite have opposite coefficients.
#[test]
fn opposite_outcomes_have_opposite_coefficients() {
    let problem = Problem::new(150, 1, 2, 1, 0.0, 5).binary(logits, 5);
    let mut opposite = problem.clone();
    opposite.targets.mapv_inplace(|y| 1.0 - y);
    let process = process().hyperparameters(known(&[0.8], 2, 1, 1.0, &[1.0]));
    let at = array![[-1.0], [0.5]];
    let coefficients = |problem: &Problem| problem.fit(&process).coefficients(at.view()).unwrap();
    let off = distance(&coefficients(&problem), &-coefficients(&opposite));
    assert!(off < 1e-7, "{off}");
}

/// The mode has a zero gradient: the constants' scores vanish, and between two contexts coefficients
/// differ by what their prior covariances make of the rows' residuals.
#[test]
fn the_mode_is_stationary() {
    let problem = Problem::new(120, 1, 2, 1, 0.0, 6).binary(logits, 6);
    let hyper = known(&[0.8], 2, 1, 1.0, &[1.0]);
    let fitted = problem.fit(&process().hyperparameters(hyper).size(Size::Exact));
    let coefficients = fitted.coefficients(problem.contexts.view()).unwrap();
    let residuals: Array1<f64> = (0..120)
        .map(|i| {
            let f = predictor(&coefficients, (i, 0), problem.design.row(i));
            problem.targets[[i, 0]] - 1.0 / (1.0 + (-f).exp())
        })
        .collect();
    let scores = problem.design.t().dot(&residuals);
    assert!(scores.iter().all(|score| score.abs() < 1e-9), "{scores}");
    let at = array![[-1.0], [0.0], [0.7]];
    let found = fitted.coefficients(at.view()).unwrap();
    for j in 0..2 {
        let amplitude = 0.8 / (1 + j) as f64;
        let by_hand = |context: f64| -> f64 {
            (0..120)
                .map(|i| {
                    let d: f64 = 0.8 * (context - problem.contexts[[i, 0]]);
                    let prior = amplitude * amplitude * (-0.5 * d * d).exp();
                    prior * problem.design[[i, j]] * residuals[i]
                })
                .sum()
        };
        for (q, context) in at.column(0).iter().enumerate() {
            let expected = by_hand(*context) - by_hand(0.0);
            let off = found[[q, 0, j]] - found[[1, 0, j]] - expected;
            assert!(off.abs() < 1e-9, "{q} {j}: {off}");
        }
    }
}

/// One class, and classes that a line separates: the prior keeps the answer finite.
#[test]
fn outcomes_without_a_maximum_of_the_likelihood_give_finite_answers() {
    let mut ones = Problem::new(80, 1, 2, 1, 0.0, 7).binary(|_, _| 0.0, 7);
    ones.targets.fill(1.0);
    let mut separated = ones.clone();
    for i in 0..80 {
        separated.targets[[i, 0]] = f64::from(separated.design[[i, 0]] > 0.0);
    }
    for problem in [ones, separated] {
        let fitted = problem.fit(&process());
        let at = problem.contexts.slice(s![..10, ..]);
        let coefficients = fitted.coefficients(at).unwrap();
        assert!(all_finite(&coefficients));
        let covariances = fitted.covariances(at).unwrap();
        assert!(all_finite(&covariances));
        let right = (0..10)
            .filter(|&i| {
                let f = predictor(&coefficients, (i, 0), problem.design.row(i));
                (f > 0.0) == (problem.targets[[i, 0]] == 1.0)
            })
            .count();
        assert_eq!(right, 10);
    }
}

/// Known hyperparameters of a Gaussian fit have a noise and a scale, which outcomes of 0 or 1 do
/// not have.
#[test]
fn noise_and_scale_mean_nothing() {
    let problem = Problem::new(100, 1, 2, 1, 0.0, 8).binary(logits, 8);
    let at = array![[-1.0], [0.5]];
    for size in [Size::Exact, Size::LowRank { functions: 50 }] {
        let [a, b] = [(1.0, 1.0), (0.3, 2.0)].map(|(noise, scale)| {
            let hyper = known(&[0.8], 2, 1, noise, &[scale]);
            let fitted = problem.fit(&process().hyperparameters(hyper).size(size));
            assert_eq!(fitted.noise_variances(), [1.0]);
            (
                fitted.coefficients(at.view()).unwrap(),
                fitted.covariances(at.view()).unwrap(),
            )
        });
        assert_eq!(a, b);
    }
}

#[test]
fn targets_that_are_not_binary_are_named() {
    let mut problem = Problem::new(20, 1, 2, 1, 0.0, 9).binary(logits, 9);
    problem.targets[[3, 0]] = 1.5;
    assert!(matches!(
        problem.try_fit(&process()),
        Err(Error::InvalidTarget {
            row: 3,
            value: 1.5,
            ..
        })
    ));
}

#[test]
fn there_is_no_closed_form_without_a_row() {
    let problem = Problem::new(40, 1, 1, 1, 0.0, 10).binary(|c, _| c[0], 10);
    for size in [Size::Exact, Size::LowRank { functions: 20 }] {
        let hyper = known(&[0.8], 1, 1, 1.0, &[1.0]);
        let fitted = problem.fit(&process().hyperparameters(hyper).size(size));
        assert!(matches!(
            problem.leave_one_out(&fitted),
            Err(Error::InvalidParameter { .. })
        ));
    }
}
