//! Weighted sums of coefficients, and of linear predictors.

use crate::problem::{Normal, Problem, distance, known};
use approx::assert_relative_eq;
use contextualized_core::{Error, Family, WeightedContexts};
use contextualized_gp::{CoefficientProcess, FittedProcess, Kernel, Moments, Size};
use ndarray::{Array2, Array3, Array4, Axis, array, s};

/// Two terms, the hyperparameters known.
fn process(targets: usize) -> CoefficientProcess {
    let kernel = Kernel::squared_exponential([0, 1]) + Kernel::squared_exponential([1]);
    let hyper = known(&[0.8, 0.5, 0.7], 2, 2, 0.4, &vec![1.5; targets]);
    CoefficientProcess::new(kernel).hyperparameters(hyper)
}

/// Sums over the rows' contexts, of which a basis leaves nothing out: more than are dealt with at
/// once, and some sums see only a few.
fn sums(problem: &Problem, seed: u64) -> (WeightedContexts, Array2<f64>) {
    let mut normal = Normal::new(seed);
    let at = problem.contexts.clone();
    let contexts = at.nrows();
    let mut weights = normal.table(4, contexts) / (contexts as f64).sqrt();
    weights.slice_mut(s![1, 5..]).fill(0.0);
    weights.slice_mut(s![2, ..contexts - 5]).fill(0.0);
    weights.row_mut(3).fill(0.0);
    let design = normal.table(contexts, 2);
    (WeightedContexts::new(at, weights).unwrap(), design)
}

/// Variances of the sums over coefficients (s × T).
fn variances(moments: &Moments) -> Array2<f64> {
    moments.covariances.sum_axis(Axis(3)).sum_axis(Axis(2))
}

fn furthest(a: &Array4<f64>, b: &Array4<f64>) -> f64 {
    (a - b).iter().fold(0.0, |most, d| d.abs().max(most))
}

#[test]
fn a_sum_of_one_context_is_what_is_known_there() {
    let problem = Problem::new(60, 2, 2, 2, 0.4, 1);
    let found = CoefficientProcess::new(Kernel::squared_exponential([0, 1]));
    for process in [
        process(2).size(Size::Exact),
        // A crude basis, with much left out.
        process(2).size(Size::LowRank { functions: 6 }),
        // Hyperparameters of their own uncertainty.
        found.clone().size(Size::Exact),
        found.size(Size::LowRank { functions: 20 }),
    ] {
        let fitted = problem.fit(&process);
        let at = problem.contexts.slice(s![..3, ..]).to_owned();
        let each = WeightedContexts::new(at.clone(), Array2::eye(3)).unwrap();
        let moments = fitted.sums(&each, None).unwrap();
        let off = distance(&moments.means, &fitted.coefficients(at.view()).unwrap());
        assert!(off < 1e-10, "{off}");
        let covariances = fitted.covariances(at.view()).unwrap();
        let off = furthest(&moments.covariances, &covariances);
        assert!(off < 1e-9, "{off}");

        // A linear predictor is the sum over coefficients times features.
        let design = array![[2.0, 1.0], [-1.0, 0.5], [0.0, 1.0]];
        let moments = fitted.sums(&each, Some(design.view())).unwrap();
        let variances = variances(&moments);
        for (row, x) in design.rows().into_iter().enumerate() {
            for target in 0..2 {
                let covariance = covariances.slice(s![row, target, .., ..]);
                assert_relative_eq!(
                    variances[[row, target]],
                    x.dot(&covariance.dot(&x)),
                    epsilon = 1e-9
                );
            }
        }
    }
}

/// Draws of the same sums: means and variances, with and without features.
#[test]
fn sums_are_those_of_draws_from_the_joint_posterior() {
    let problem = Problem::new(100, 2, 2, 2, 0.4, 2);
    let (sums, design) = sums(&problem, 3);
    const DRAWS: usize = 1000;
    for size in [Size::Exact, Size::LowRank { functions: 200 }] {
        let fitted = problem.fit(&process(2).size(size));
        let draws = fitted.draws(sums.contexts(), DRAWS, 4, None).unwrap();
        let slopes = fitted.sums(&sums, None).unwrap();
        let predictors = fitted.sums(&sums, Some(design.view())).unwrap();
        let (of_slopes, of_predictors) = (&slopes.means, predictors.means.sum_axis(Axis(2)));
        for (sum, weights) in sums.weights().rows().into_iter().enumerate() {
            for target in 0..2 {
                let drawn = |draw: usize, factor: &dyn Fn(usize, usize) -> f64| -> f64 {
                    let of = |q: usize| -> f64 {
                        (0..2)
                            .map(|j| factor(q, j) * draws[[draw, q, target, j]])
                            .sum()
                    };
                    (0..100).map(|q| weights[q] * of(q)).sum()
                };
                let near = |factor: &dyn Fn(usize, usize) -> f64, mean: f64, variance: f64| {
                    let all: Vec<f64> = (0..DRAWS).map(|draw| drawn(draw, factor)).collect();
                    let center = all.iter().sum::<f64>() / DRAWS as f64;
                    let spread = all.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
                    let spread = spread / DRAWS as f64;
                    // Four standard errors of a mean and of a variance.
                    let error = 4.0 * (variance / DRAWS as f64).sqrt();
                    assert!((center - mean).abs() <= error + 1e-8, "{center} {mean}");
                    let error = 4.0 * variance * (2.0 / DRAWS as f64).sqrt();
                    assert!(
                        (spread - variance).abs() <= error + 1e-8,
                        "{spread} {variance}"
                    );
                };
                for j in 0..2 {
                    near(
                        &|_, l| f64::from(j == l),
                        of_slopes[[sum, target, j]],
                        slopes.covariances[[sum, target, j, j]],
                    );
                }
                near(
                    &|q, j| design[[q, j]],
                    of_predictors[[sum, target]],
                    variances(&predictors)[[sum, target]],
                );
            }
        }
    }
}

#[test]
fn a_basis_comes_close_to_exact_sums() {
    let gaussian = Problem::new(120, 2, 2, 2, 0.4, 5);
    let binary = Problem::new(120, 2, 2, 1, 0.0, 6).binary(|c, x| c[0] * x[0] + 0.5, 6);
    let bernoulli = known(&[0.8, 0.5, 0.7], 2, 2, 1.0, &[1.0]);
    let bernoulli = process(1)
        .family(Family::Binomial)
        .hyperparameters(bernoulli);
    for (problem, process) in [(gaussian, process(2)), (binary, bernoulli)] {
        let (sums, design) = sums(&problem, 7);
        let fit = |size| problem.fit(&process.clone().size(size));
        let (exact, low_rank) = (fit(Size::Exact), fit(Size::LowRank { functions: 240 }));
        for design in [None, Some(design.view())] {
            let moments = |fitted: &FittedProcess| fitted.sums(&sums, design).unwrap();
            let (exact, low_rank) = (moments(&exact), moments(&low_rank));
            let off = distance(&exact.means, &low_rank.means);
            assert!(off < 1e-5, "{off}");
            let off = furthest(&exact.covariances, &low_rank.covariances);
            assert!(off < 1e-5, "{off}");
        }
    }
}

/// What a crude basis leaves out is not added up as if it were the same everywhere: near contexts
/// have the same, which a difference does not see.
#[test]
fn what_a_crude_basis_leaves_out_of_a_difference_is_small_for_near_contexts() {
    let problem = Problem::new(60, 2, 2, 1, 0.4, 8);
    let fitted = problem.fit(&process(1).size(Size::LowRank { functions: 4 }));
    let near = array![[1.0, 1.0], [1.001, 1.0]];
    let variance = |weights| {
        let sums = WeightedContexts::new(near.clone(), weights).unwrap();
        fitted.sums(&sums, None).unwrap().covariances[[0, 0, 0, 0]]
    };
    let (at, between) = (variance(array![[1.0, 0.0]]), variance(array![[1.0, -1.0]]));
    assert!(at > 0.05 && between < 1e-4 * at, "{at} {between}");
}

#[test]
fn tables_that_do_not_fit_are_errors() {
    let problem = Problem::new(30, 2, 2, 1, 0.4, 9);
    let fitted = problem.fit(&process(1));
    let (sums, design) = sums(&problem, 1);
    let narrow = WeightedContexts::mean_of(array![[1.0]]).unwrap();
    assert!(matches!(
        fitted.sums(&narrow, None),
        Err(Error::ColumnCount {
            argument: "contexts",
            expected: 2,
            found: 1
        })
    ));
    let short = design.slice(s![..29, ..]);
    assert!(matches!(
        fitted.sums(&sums, Some(short)),
        Err(Error::RowCount {
            argument: "design",
            expected: 30,
            found: 29
        })
    ));
    assert!(fitted.sums(&sums, Some(array![[1.0]].view())).is_err());
    let none = WeightedContexts::new(Array2::zeros((0, 2)), Array2::zeros((1, 0))).unwrap();
    let nothing = fitted.sums(&none, None).unwrap();
    assert_eq!(nothing.means, Array3::<f64>::zeros((1, 1, 2)));
    assert_eq!(nothing.covariances, Array4::<f64>::zeros((1, 1, 2, 2)));
}

/// A grid over rows, whose covariances are put together by what the kernel is a product of; and the same
/// with contexts moved a little apart, so that nothing repeats.
#[test]
fn contexts_that_repeat_are_summed_as_others_are() {
    let problem = Problem::new(40, 2, 2, 1, 0.4, 6);
    let squared = |columns: &[usize]| Kernel::squared_exponential(columns.to_vec());
    for (kernel, inverse_length_scales, terms) in [
        (squared(&[0, 1]), 2, 1),
        (squared(&[0]) * Kernel::matern52([1]), 2, 1),
        (Kernel::matern32([0, 1]), 2, 1),
        (Kernel::polynomial([0], 2) * squared(&[1]), 2, 1),
        (Kernel::linear([0]) * squared(&[1]), 2, 1),
        (
            squared(&[0]) + squared(&[1]) * Kernel::periodic(0, 3.0),
            3,
            2,
        ),
        (squared(&[0, 1]) * Kernel::matern52([0]), 3, 1),
    ] {
        let name = format!("{kernel:?}");
        let hyper = known(
            &[0.8, 0.5, 0.7][..inverse_length_scales],
            2,
            terms,
            0.4,
            &[1.5],
        );
        let process = CoefficientProcess::new(kernel).hyperparameters(hyper);
        let (points, rows) = (5, 30);
        let count = points * rows;
        let at = Array2::from_shape_fn((count, 2), |(q, k)| match k {
            0 => ((q / rows) as f64).powi(2) / 8.0 - 0.9,
            _ => problem.contexts[[q % rows, 1]],
        });
        let apart = Array2::from_shape_fn((count, 2), |(q, k)| {
            at[[q, k]] + 1e-9 * ((7 + 4 * k) * q % count) as f64 / count as f64
        });
        // Means over rows at each point, less the mean over all; and one that is no such thing.
        let weights = Array2::from_shape_fn((points + 1, count), |(g, q)| {
            let own = if g == q / rows { 1.0 } else { 0.0 };
            match g {
                g if g == points => ((13 * q) % 7) as f64 - 3.0,
                _ => (own - 1.0 / points as f64) / rows as f64,
            }
        });
        let design = Normal::new(7).table(count, 2);
        for size in [Size::Exact, Size::LowRank { functions: 12 }] {
            let fitted = problem.fit(&process.clone().size(size));
            for with_features in [false, true] {
                let of = |contexts: &Array2<f64>| {
                    let sums = WeightedContexts::new(contexts.clone(), weights.clone()).unwrap();
                    let design = with_features.then(|| design.view());
                    fitted.sums(&sums, design).unwrap()
                };
                let (together, alone) = (of(&at), of(&apart));
                for sum in 0..=points {
                    let own = s![sum..sum + 1, .., .., ..];
                    let (a, b) = (
                        together.covariances.slice(own).to_owned(),
                        alone.covariances.slice(own).to_owned(),
                    );
                    let size = b.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
                    assert!(
                        size > 1e-6 && furthest(&a, &b) < 1e-5 * size,
                        "{name}: {a} {b}"
                    );
                }
                let off = distance(&together.means, &alone.means);
                assert!(off < 1e-6, "{name}: {off}");
            }
        }
    }
}
