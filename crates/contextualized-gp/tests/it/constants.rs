//! The constants' flat prior: where nothing varies, the process is the generalised linear model.

use crate::problem::{Normal, Problem, known};
use approx::assert_relative_eq;
use contextualized_core::{Family, RandomNumbers};
use contextualized_gp::{CoefficientProcess, FittedProcess, Hyperparameters, Kernel, Size};
use contextualized_solvers::cholesky;
use ndarray::{Array1, Array2, ArrayView1, Axis, array, s};
use proptest::prelude::*;

/// Coefficients that do not vary.
fn process(family: Family, coefficients: usize, noise: f64, scales: &[f64]) -> CoefficientProcess {
    let mut hyper = known(&[0.8], coefficients, 1, noise, scales);
    hyper.amplitudes.fill(0.0);
    CoefficientProcess::new(Kernel::squared_exponential([0]))
        .family(family)
        .hyperparameters(hyper)
}

/// Iteratively reweighted least squares, with a known dispersion: estimates, and their covariance.
fn glm(
    family: Family,
    problem: &Problem,
    offsets: &Array1<f64>,
    dispersion: f64,
) -> (Array1<f64>, Array2<f64>) {
    let x = &problem.design;
    let mut estimate = Array1::zeros(x.ncols());
    let mut covariance = Array2::zeros((x.ncols(), x.ncols()));
    for _ in 0..50 {
        let mut information = Array2::<f64>::zeros(covariance.dim());
        let mut score = Array1::<f64>::zeros(x.ncols());
        for (row, x) in x.rows().into_iter().enumerate() {
            let weight = problem.weights.as_ref().map_or(1.0, |w| w[row]);
            let at = family.derivatives(problem.targets[[row, 0]], x.dot(&estimate) + offsets[row]);
            score.scaled_add(weight * at.first, &x);
            for j in 0..x.len() {
                for l in 0..x.len() {
                    information[[j, l]] -= weight * at.second * x[j] * x[l];
                }
            }
        }
        covariance = cholesky(information.view()).unwrap().inverse().unwrap();
        estimate += &covariance.dot(&score);
    }
    (estimate, covariance * dispersion)
}

/// Outcomes of a family whose coefficients are all 0.4.
fn targets(family: Family, problem: &mut Problem, seed: u64) {
    let mut normal = Normal::new(seed);
    let predictor = problem
        .design
        .dot(&Array1::from_elem(problem.design.ncols(), 0.4));
    problem.targets = predictor
        .mapv(|eta| family.draw(family.link().inverse(eta), 0.09, &mut normal))
        .insert_axis(Axis(1));
}

fn fit(process: &CoefficientProcess, problem: &Problem, offsets: &Array1<f64>) -> FittedProcess {
    let rows = problem.observations().with_offsets(Some(offsets.view()));
    process.fit(rows).unwrap()
}

/// Classes are fitted one against the reference at a time, as binary outcomes.
fn of_one_target(family: &Family) -> bool {
    !family.has_classes()
}

/// With weights and offsets, by all rows and by a basis.
#[test]
fn where_nothing_varies_it_is_the_generalised_linear_model() {
    for family in Family::ALL.into_iter().filter(of_one_target) {
        let family = family.with_shape(&[1.0]).unwrap();
        let mut problem = Problem::new(150, 1, 3, 1, 0.3, 1).weighted(|i| 1.0 + (i % 3) as f64);
        targets(family, &mut problem, 2);
        let offsets = Array1::from_shape_fn(150, |i| 0.3 * ((i % 7) as f64 - 3.0));
        let noise = if family.has_dispersion() { 0.6 } else { 1.0 };
        let (estimate, covariance) = glm(family, &problem, &offsets, noise * noise);
        for size in [Size::Exact, Size::LowRank { functions: 20 }] {
            let process = process(family, 3, noise, &[1.0]).size(size);
            let fitted = fit(&process, &problem, &offsets);
            let found = fitted.posterior_at(array![[0.3]].view()).unwrap();
            let what = format!("{family}, {size:?}");
            for j in 0..3 {
                let off = found.means[[0, 0, j]] - estimate[j];
                assert!(off.abs() < 1e-8, "{what}: {off}");
                for l in 0..3 {
                    let off = found.covariances[[0, 0, j, l]] - covariance[[j, l]];
                    assert!(off.abs() < 1e-8, "{what}: {off}");
                }
            }
            let x = problem.design.slice(s![..1, ..]);
            let of_row = fitted
                .predictors_at(problem.contexts.slice(s![..1, ..]), x)
                .unwrap();
            let x = x.row(0);
            assert_relative_eq!(of_row.means[[0, 0]], x.dot(&estimate), epsilon = 1e-8);
            let variance = x.dot(&covariance.dot(&x));
            assert_relative_eq!(of_row.variances[[0, 0]], variance, epsilon = 1e-8);
        }
    }
}

/// Targets in the thousands, where a family has them, and large offsets.
#[test]
fn large_targets_and_offsets_are_fitted() {
    let unbounded = |family: &Family| {
        !family.has_levels() && (family.is_binary() || family.mean_range().1 > 1.0)
    };
    for family in Family::ALL
        .into_iter()
        .filter(of_one_target)
        .filter(unbounded)
    {
        let family = family.with_shape(&[1.0]).unwrap();
        let mut problem = Problem::new(80, 1, 2, 1, 0.3, 3);
        targets(family, &mut problem, 4);
        if !family.is_binary() {
            problem.targets.mapv_inplace(|y| (1000.0 * y.abs()).round());
        }
        for level in [0.0, 5.0] {
            let offsets = Array1::from_elem(80, level);
            let kernel = Kernel::squared_exponential([0]);
            let hyper = known(&[0.8], 2, 1, 0.5, &[1.0]);
            for size in [Size::Exact, Size::LowRank { functions: 40 }] {
                let process = CoefficientProcess::new(kernel.clone())
                    .family(family)
                    .hyperparameters(hyper.clone())
                    .size(size);
                let fitted = fit(&process, &problem, &offsets);
                let coefficients = fitted.coefficients(problem.contexts.view()).unwrap();
                let scores: Array1<f64> = (0..80)
                    .map(|row| {
                        let own: ArrayView1<'_, f64> = coefficients.slice(s![row, 0, ..]);
                        let eta = own.dot(&problem.design.row(row)) + level;
                        family.derivatives(problem.targets[[row, 0]], eta).first
                    })
                    .collect();
                // The constants' scores vanish at the mode.
                let total: Array1<f64> = problem.design.t().dot(&scores);
                let unit = problem.targets.sum().abs() + 1.0;
                assert!(
                    total.iter().all(|score| score.abs() < 1e-7 * unit),
                    "{family} {size:?} {level}: {total}"
                );
            }
        }
    }
}

impl RandomNumbers for Normal {
    fn uniform(&mut self) -> f64 {
        Normal::uniform(self)
    }

    fn standard_normal(&mut self) -> f64 {
        self.next()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// An invertible linear map of the design maps the constants by its inverse.
    #[test]
    fn linear_maps_of_the_design_map_the_constants(
        seed in 0..1000_u64,
        low_rank: bool,
        entries in prop::collection::vec(-0.9_f64..0.9, 6),
    ) {
        // Triangular with a diagonal of 1.5: far from singular.
        let map = array![
            [1.5, entries[0], entries[1]],
            [0.0, -1.5, entries[2]],
            [0.0, 0.0, 1.5 + entries[3].abs()],
        ];
        let inverse: Array2<f64> = {
            let square = map.t().dot(&map);
            cholesky(square.view()).unwrap().solve(map.t()).unwrap()
        };
        let size = if low_rank { Size::LowRank { functions: 20 } } else { Size::Exact };
        for family in Family::ALL.into_iter().filter(of_one_target).map(|family| family.with_shape(&[1.0]).unwrap()) {
            let mut problem = Problem::new(120, 1, 3, 1, 0.3, seed);
            targets(family, &mut problem, seed);
            let offsets = Array1::zeros(120);
            let process = process(family, 3, 0.6, &[1.0]).size(size);
            let plain = fit(&process, &problem, &offsets);
            let mut mapped = problem.clone();
            mapped.design = problem.design.dot(&map);
            let mapped = fit(&process, &mapped, &offsets);
            let at = array![[0.0]];
            let of = |fitted: &FittedProcess| {
                let moments = fitted.posterior_at(at.view()).unwrap();
                let mean = moments.means.slice(s![0, 0, ..]).to_owned();
                (mean, moments.covariances.slice(s![0, 0, .., ..]).to_owned())
            };
            let ((mean, covariance), (found, found_covariance)) = (of(&plain), of(&mapped));
            let expected_mean: Array1<f64> = inverse.dot(&mean);
            let half: Array2<f64> = inverse.dot(&covariance);
            let expected: Array2<f64> = half.dot(&inverse.t());
            for j in 0..3 {
                let off = found[j] - expected_mean[j];
                prop_assert!(off.abs() < 1e-8, "{} {}", family, off);
                for l in 0..3 {
                    let off = found_covariance[[j, l]] - expected[[j, l]];
                    prop_assert!(off.abs() < 1e-8, "{} {}", family, off);
                }
            }
        }
    }
}

/// A column twice, a separated target, no more rows than columns: a weak prior, and finite answers.
#[test]
fn constants_that_the_rows_do_not_determine_are_finite() {
    let problem = Problem::new(60, 1, 2, 1, 0.3, 5);
    let mut twice = problem.clone();
    twice.design = ndarray::concatenate![Axis(1), problem.design, problem.design];
    let hyper = |coefficients: usize| Hyperparameters {
        amplitudes: Array2::zeros((coefficients, 1)),
        ..known(&[0.8], coefficients, 1, 0.5, &[1.0])
    };
    let fit = |problem: &Problem, family| {
        let process = CoefficientProcess::new(Kernel::squared_exponential([0]))
            .family(family)
            .hyperparameters(hyper(problem.design.ncols()));
        let moments = problem.fit(&process).posterior_at(array![[0.0]].view());
        moments.unwrap()
    };
    // The two halves of a coefficient are alike, and add up to what it would be alone.
    let (alone, halves) = (
        fit(&problem, Family::Gaussian),
        fit(&twice, Family::Gaussian),
    );
    for j in 0..2 {
        let (a, b) = (halves.means[[0, 0, j]], halves.means[[0, 0, j + 2]]);
        assert_relative_eq!(a, b, epsilon = 1e-8);
        // Shrunk by the weak prior, by less than a thousandth.
        assert_relative_eq!(a + b, alone.means[[0, 0, j]], max_relative = 1e-3);
    }
    let mut separated = problem.clone();
    let positive = |x: f64| f64::from(x > 0.0);
    separated.targets = problem.design.slice(s![.., ..1]).mapv(positive);
    let found = fit(&separated, Family::Binomial);
    let slope = found.means[[0, 0, 0]];
    assert!((1.0..100.0).contains(&slope), "{slope}");
    let few = fit(&problem.select(&[0, 1]), Family::Gaussian);
    assert!(few.means.iter().all(|mean| mean.is_finite()));
}

/// A level whose counts are all zero, among many rows whose likelihood hides it.
#[test]
fn counts_of_a_level_that_are_all_zero_do_not_run_away() {
    let mut normal = Normal::new(7);
    let mut problem = Problem::new(1000, 1, 2, 1, 0.3, 7);
    problem.targets =
        Array2::from_shape_simple_fn((1000, 1), || Family::Poisson.draw(20.0, 1.0, &mut normal));
    problem.design.column_mut(0).fill(0.0);
    problem.design.slice_mut(s![..5, 0]).fill(1.0);
    problem.targets.slice_mut(s![..5, 0]).fill(0.0);
    let process = process(Family::Poisson, 2, 1.0, &[1.0]);
    let found = problem.fit(&process).posterior_at(array![[0.0]].view());
    let found = found.unwrap();
    let (slope, variance) = (found.means[[0, 0, 0]], found.covariances[[0, 0, 0, 0]]);
    assert!((-20.0..-3.0).contains(&slope), "{slope}");
    assert!((0.1..200.0).contains(&variance), "{variance}");
}
