//! What holds of every fit, whatever the data.

use crate::problem::{Problem, distance, known, predictor};
use approx::assert_relative_eq;
use contextualized_gp::{
    CoefficientProcess, FittedProcess, Hyperparameters, Kernel, KernelShape, Size,
};
use ndarray::{Array1, Array2, Axis, array, s};
use proptest::prelude::*;

fn linear_predictor(fitted: &FittedProcess, problem: &Problem, row: usize, target: usize) -> f64 {
    let at = problem.contexts.slice(s![row..=row, ..]);
    let coefficients = fitted.coefficients(at).unwrap();
    predictor(&coefficients, (0, target), problem.design.row(row))
}

/// Every fifth row but the first, with which the choice of a basis begins.
fn assert_leave_one_out(problem: &Problem, process: &CoefficientProcess, tolerance: f64) {
    let residuals = problem.leave_one_out(&problem.fit(process)).unwrap();
    assert_eq!(residuals.dim(), problem.targets.dim());
    for row in (1..problem.rows()).step_by(5) {
        let refitted = problem.without(row).fit(process);
        for target in 0..problem.targets.ncols() {
            let predicted = linear_predictor(&refitted, problem, row, target);
            let expected = problem.targets[[row, target]] - predicted;
            assert_relative_eq!(
                residuals[[row, target]],
                expected,
                epsilon = tolerance,
                max_relative = tolerance
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn leaving_a_row_out_is_refitting_without_it(
        seed in 0..1000_u64,
        inverse_length_scale in 0.2..2.0_f64,
        noise in 0.05..1.0_f64,
        weighted: bool,
    ) {
        let mut problem = Problem::new(25, 2, 2, 2, 0.3, seed);
        if weighted {
            problem = problem.weighted(|i| 0.2 + (i % 3) as f64);
        }
        let kernel = Kernel::squared_exponential([0, 1]) + Kernel::linear([1]);
        let hyper = known(&[inverse_length_scale, 0.5, 0.7], 2, 2, noise, &[1.0, 2.0]);
        let process = CoefficientProcess::new(kernel).hyperparameters(hyper);
        assert_leave_one_out(&problem, &process.size(Size::Exact), 1e-7);
    }

    #[test]
    fn leaving_a_row_out_of_a_basis_is_refitting_without_it(
        seed in 0..1000_u64,
        noise in 0.1..1.0_f64,
        weighted: bool,
    ) {
        let mut problem = Problem::new(60, 1, 2, 2, 0.3, seed);
        if weighted {
            problem = problem.weighted(|i| 0.2 + (i % 3) as f64);
        }
        // Repeated contexts: without one of the rows the inducing contexts are the same.
        for row in 0..30 {
            problem.contexts[[row + 30, 0]] = problem.contexts[[row, 0]];
        }
        let hyper = known(&[0.8], 2, 1, noise, &[1.0, 2.0]);
        let process = CoefficientProcess::new(Kernel::squared_exponential([0]))
            .hyperparameters(hyper)
            .size(Size::LowRank { functions: 60 });
        assert_leave_one_out(&problem, &process, 1e-6);
    }

    /// Of an additive kernel the coefficients are a constant and the effects of the contexts.
    #[test]
    fn partial_effects_add_up(seed in 0..1000_u64, low_rank: bool, targets in 1..3_usize) {
        let problem = Problem::new(40, 3, 2, targets, 0.3, seed);
        let kernel = Kernel::additive(KernelShape::SquaredExponential, 3);
        let scales = vec![1.5; targets];
        let size = if low_rank { Size::LowRank { functions: 40 } } else { Size::Exact };
        let process = CoefficientProcess::new(kernel)
            .hyperparameters(known(&[0.5, 1.0, 1.5], 2, 3, 0.4, &scales))
            .size(size);
        let fitted = problem.fit(&process);
        let at = Problem::new(7, 3, 2, 1, 0.3, seed + 1).contexts * 2.0;
        let mut rest = fitted.coefficients(at.view()).unwrap();
        for term in 0..3 {
            rest -= &fitted.partial_effect(term, at.view()).unwrap().means;
            let over_rows = fitted.partial_effect(term, problem.contexts.view()).unwrap().means;
            let mean = over_rows.mean_axis(Axis(0)).unwrap();
            assert_relative_eq!(mean, Array2::zeros((targets, 2)), epsilon = 1e-8);
        }
        for row in rest.outer_iter() {
            assert_relative_eq!(row, rest.index_axis(Axis(0), 0), epsilon = 1e-8);
        }
    }

    /// A row of weight two says what two rows say.
    #[test]
    fn a_row_twice_is_a_row_of_weight_two(seed in 0..1000_u64, low_rank: bool) {
        let problem = Problem::new(30, 1, 2, 1, 0.3, seed);
        let twice: Vec<usize> = (0..30).flat_map(|i| vec![i; 1 + i % 2]).collect();
        let weighted = problem.clone().weighted(|i| (1 + i % 2) as f64);
        let size = if low_rank { Size::LowRank { functions: 30 } } else { Size::Exact };
        let process = CoefficientProcess::new(Kernel::matern52([0]))
            .hyperparameters(known(&[0.8], 2, 1, 0.4, &[1.0]))
            .size(size);
        let (a, b) = (problem.select(&twice).fit(&process), weighted.fit(&process));
        let at = array![[-1.5], [0.0], [0.3], [4.0]];
        assert_relative_eq!(
            a.coefficients(at.view()).unwrap(),
            b.coefficients(at.view()).unwrap(),
            epsilon = 1e-8
        );
        assert_relative_eq!(
            a.covariances(at.view()).unwrap(),
            b.covariances(at.view()).unwrap(),
            epsilon = 1e-8
        );
    }

    #[test]
    fn the_order_of_rows_does_not_matter(seed in 0..1000_u64, step in 1..29_usize) {
        let problem = Problem::new(29, 2, 2, 2, 0.3, seed).weighted(|i| 1.0 + (i % 3) as f64);
        let order: Vec<usize> = (0..29).map(|i| (i * step + 3) % 29).collect();
        let process = CoefficientProcess::new(Kernel::matern32([0, 1]))
            .hyperparameters(known(&[0.8, 0.3], 2, 1, 0.4, &[1.0, 0.5]))
            .size(Size::Exact);
        let (a, b) = (problem.fit(&process), problem.select(&order).fit(&process));
        let at = array![[0.5, -1.0], [0.0, 3.0]];
        assert_relative_eq!(
            a.coefficients(at.view()).unwrap(),
            b.coefficients(at.view()).unwrap(),
            epsilon = 1e-10
        );
        assert_relative_eq!(
            a.covariances(at.view()).unwrap(),
            b.covariances(at.view()).unwrap(),
            epsilon = 1e-10
        );
        assert_relative_eq!(
            a.report().log_marginal_likelihood,
            b.report().log_marginal_likelihood,
            max_relative = 1e-11
        );
    }

    #[test]
    fn the_order_of_terms_does_not_matter(seed in 0..1000_u64, low_rank: bool) {
        let problem = Problem::new(40, 2, 2, 1, 0.3, seed);
        let smooth = || Kernel::squared_exponential([0]);
        let line = || Kernel::linear([1]);
        let hyper = |inverse_length_scales: [f64; 2], columns: [usize; 2]| Hyperparameters {
            inverse_length_scales: array![inverse_length_scales],
            amplitudes: array![[0.9, 0.4], [0.2, 0.7]].select(Axis(1), &columns),
            noise: 0.3,
            scales: array![1.0],
        };
        let size = if low_rank { Size::LowRank { functions: 40 } } else { Size::Exact };
        let fit = |kernel, hyper| {
            let process = CoefficientProcess::new(kernel).hyperparameters(hyper).size(size);
            problem.fit(&process)
        };
        let a = fit(smooth() + line(), hyper([0.7, 1.3], [0, 1]));
        let b = fit(line() + smooth(), hyper([1.3, 0.7], [1, 0]));
        let at = array![[0.5, -1.0], [0.0, 3.0]];
        assert_relative_eq!(
            a.coefficients(at.view()).unwrap(),
            b.coefficients(at.view()).unwrap(),
            epsilon = 1e-8
        );
        let (a, b) = (
            a.partial_effect(0, at.view()).unwrap(),
            b.partial_effect(1, at.view()).unwrap(),
        );
        assert_relative_eq!(a.means, b.means, epsilon = 1e-8);
        assert_relative_eq!(a.variances(), b.variances(), epsilon = 1e-8);
    }
}

/// The variance of a centred effect, from the covariance of the coefficient functions themselves:
/// with one term the effect is the coefficient less its mean over the rows.
#[test]
fn effects_have_the_variance_of_centred_draws() {
    let problem = Problem::new(25, 1, 2, 1, 0.5, 4).weighted(|i| 1.0 + (i % 2) as f64);
    for size in [Size::Exact, Size::LowRank { functions: 25 }] {
        let process = CoefficientProcess::new(Kernel::squared_exponential([0]))
            .hyperparameters(known(&[0.9], 2, 1, 0.5, &[1.7]))
            .size(size);
        let fitted = problem.fit(&process);
        let at = array![[-1.0], [0.4]];
        let effect = fitted.partial_effect(0, at.view()).unwrap();
        let all = ndarray::concatenate![Axis(0), at, problem.contexts];
        let draws = fitted.draws(all.view(), 4000, 3, None).unwrap();
        for q in 0..2 {
            for j in 0..2 {
                let centred: Array1<f64> = draws
                    .slice(s![.., .., 0, j])
                    .rows()
                    .into_iter()
                    .map(|draw| draw[q] - draw.slice(s![2..]).mean().unwrap())
                    .collect();
                let (mean, variance) = (centred.mean().unwrap(), centred.var(1.0));
                let expected = effect.variances()[[q, 0, j]];
                assert!((mean - effect.means[[q, 0, j]]).abs() < 5.0 * (expected / 4000.0).sqrt());
                // A sample variance has a relative standard error of √(2 / n).
                let off = variance / expected - 1.0;
                assert!(
                    off.abs() < 5.0 * (2.0 / 4000.0_f64).sqrt(),
                    "{size:?} {off}"
                );
            }
        }
    }
}

fn assert_draws(fitted: &FittedProcess, problem: &Problem, joint: bool) {
    let at = array![[-1.0], [0.0], [0.2], [5.0]];
    let count = 4000;
    let draws = fitted.draws(at.view(), count, 11, None).unwrap();
    let (rows, targets, coefficients) = (4, problem.targets.ncols(), problem.design.ncols());
    assert_eq!(draws.dim(), (count, rows, targets, coefficients));
    let center = fitted.coefficients(at.view()).unwrap();
    let covariances = fitted.covariances(at.view()).unwrap();
    for q in 0..rows {
        for t in 0..targets {
            for j in 0..coefficients {
                for l in 0..=j {
                    let moments: Array1<f64> = (0..count)
                        .map(|d| {
                            (draws[[d, q, t, j]] - center[[q, t, j]])
                                * (draws[[d, q, t, l]] - center[[q, t, l]])
                        })
                        .collect();
                    let error = 5.0 * moments.std(1.0) / (count as f64).sqrt();
                    let expected = covariances[[q, t, j, l]];
                    let off = moments.mean().unwrap() - expected;
                    assert!(off.abs() < error, "{q} {t} {j} {l}: {off} beyond {error}");
                }
                if joint {
                    let column = draws.slice(s![.., q, t, j]);
                    let error = 5.0 * column.std(1.0) / (count as f64).sqrt();
                    assert!((column.mean().unwrap() - center[[q, t, j]]).abs() < error);
                }
            }
        }
    }
}

#[test]
fn draws_have_the_moments_of_the_posterior() {
    let problem = Problem::new(25, 1, 2, 2, 0.5, 5);
    for size in [Size::Exact, Size::LowRank { functions: 10 }] {
        let process = CoefficientProcess::new(Kernel::squared_exponential([0]))
            .hyperparameters(known(&[0.9], 2, 1, 0.5, &[0.7, 2.0]))
            .size(size);
        assert_draws(&problem.fit(&process), &problem, true);
    }
}

/// With the hyperparameters' mixture, the second moment about the coefficients at the mode.
#[test]
fn draws_from_the_mixture_have_its_second_moments() {
    let problem = Problem::new(40, 1, 2, 2, 0.5, 6);
    let process = CoefficientProcess::new(Kernel::squared_exponential([0]));
    let fitted = problem.fit(&process);
    assert!(fitted.hyperparameter_mixture().unwrap().len() > 1);
    assert_draws(&fitted, &problem, false);
}

#[test]
fn the_mixtures_weights_sum_to_one_and_its_members_fit() {
    let problem = Problem::new(60, 2, 2, 1, 0.5, 7);
    let process = CoefficientProcess::new(Kernel::squared_exponential([0, 1]));
    let fitted = problem.fit(&process.clone().size(Size::Exact));
    let mixture = fitted.hyperparameter_mixture().unwrap();
    let total: f64 = mixture.iter().map(|(weight, _)| weight).sum();
    assert_relative_eq!(total, 1.0, epsilon = 1e-12);
    // The variance is that of the members, and of their means about the mode's.
    let at = array![[0.3, -0.4]];
    let center = fitted.coefficients(at.view()).unwrap();
    let mut expected = 0.0;
    for (weight, hyper) in mixture {
        let member = problem.fit(
            &process
                .clone()
                .size(Size::Exact)
                .hyperparameters(hyper.clone()),
        );
        let mean = member.coefficients(at.view()).unwrap()[[0, 0, 0]];
        let variance = member.covariances(at.view()).unwrap()[[0, 0, 0, 0]];
        expected += weight * (variance + (mean - center[[0, 0, 0]]).powi(2));
    }
    let found = fitted.covariances(at.view()).unwrap()[[0, 0, 0, 0]];
    assert_relative_eq!(found, expected, max_relative = 1e-9);
    let plug_in = problem.fit(&process.size(Size::Exact).plug_in());
    assert_eq!(plug_in.hyperparameter_mixture().unwrap().len(), 1);
    assert_eq!(
        distance(&plug_in.coefficients(at.view()).unwrap(), &center),
        0.0
    );
}

/// Draws with one seed are the same; another seed has others.
#[test]
fn the_seed_decides_the_draws() {
    let problem = Problem::new(20, 1, 1, 1, 0.5, 8);
    let fitted = problem.fit(&CoefficientProcess::new(Kernel::matern52([0])));
    let at = array![[0.1], [0.1]];
    let draw = |seed| fitted.draws(at.view(), 3, seed, None).unwrap();
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    // One function has one value at a context.
    let draws = draw(1);
    assert_relative_eq!(
        draws.slice(s![.., 0, .., ..]),
        draws.slice(s![.., 1, .., ..]),
        epsilon = 1e-5
    );
}
