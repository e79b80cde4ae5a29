//! The engine against the covariance of all rows.

use super::*;
use crate::basis::Pivots;
use crate::engine::{Engine, Part};
use crate::exact::Exact;
use crate::posterior::SharedMoments;
use crate::sums::Summands;
use crate::{KernelShape, Observations};
use approx::{assert_abs_diff_eq, assert_relative_eq};
use contextualized_core::ContextVariable;
use ndarray::{Array, ArrayView1, Axis, Dimension};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Contexts of two factors and a number of six values, a design with an intercept, two targets and weights.
struct Problem {
    contexts: Array2<f64>,
    design: Array2<f64>,
    targets: Array2<f64>,
    weights: Array1<f64>,
}

impl Problem {
    fn new(rows: usize, levels: usize, seed: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        let contexts = Array2::from_shape_fn((rows, 3), |(_, k)| match k {
            0 => generator.gen_range(0..levels) as f64,
            1 => generator.gen_range(0..3) as f64,
            _ => f64::from(generator.gen_range(0..6)) / 2.0 - 1.25,
        });
        let mut normal = || -> f64 { StandardNormal.sample(&mut generator) };
        let mut design = Array2::from_shape_simple_fn((rows, 2), &mut normal);
        design.column_mut(1).fill(1.0);
        let targets = Array2::from_shape_fn((rows, 2), |(i, t)| {
            let slope = (contexts[[i, 0]] + t as f64).sin() + 0.5 * contexts[[i, 1]];
            slope * design[[i, 0]] + contexts[[i, 2]] + 0.3 * normal()
        });
        Self {
            contexts,
            design,
            targets,
            weights: Array1::from_shape_fn(rows, |i| 0.5 + (i % 3) as f64),
        }
    }

    fn rows(&self) -> Observations<'_> {
        let (contexts, design) = (self.contexts.view(), self.design.view());
        Observations::new(contexts, design, self.targets.view())
            .with_weights(Some(self.weights.view()))
    }

    fn exact(&self, kernel: &Kernel) -> Arc<Exact> {
        Arc::new(Exact::new(kernel.clone(), Family::Gaussian, self.rows()).unwrap())
    }

    /// With a complete basis.
    fn levels(&self, kernel: &Kernel) -> Arc<Levels> {
        let rows = self.rows();
        let (factor, basis) = self.basis(kernel);
        let constants = ConstantPrior::of(Family::Gaussian, rows).unwrap();
        Arc::new(Levels::gather(factor, basis, constants, rows).unwrap())
    }

    fn basis(&self, kernel: &Kernel) -> (Factor, Basis) {
        let factor = Factor::leading(kernel, self.contexts.view()).unwrap();
        let squares = factor.rest_of_squares(vec![1.0; kernel.inverse_length_scales()]);
        let contexts = self.contexts.view();
        let basis = Basis::choose(kernel, &squares, contexts, 1e-12, 50, Pivots::Largest);
        assert!(basis.residual() < 1e-12);
        (factor, basis)
    }

    /// Fitted contexts and some with a level that was not.
    fn at(&self) -> Array2<f64> {
        let mut at = self.contexts.slice(s![..9, ..]).to_owned();
        at[[7, 0]] = 77.0;
        at[[8, 0]] = 78.0;
        at
    }
}

fn kernels() -> Vec<Kernel> {
    let factor = |column| Kernel::categorical([column]);
    let number = || Kernel::matern52([2]);
    vec![
        factor(0),
        factor(0) * factor(1),
        factor(0) + factor(1),
        Kernel::categorical([0, 1]) + factor(0),
        number() * factor(0) * factor(1),
        number() + factor(0),
        (factor(1) + number() + factor(0)).with_interactions(),
        Kernel::linear([2]) + Kernel::squared_exponential([2]) * factor(0),
    ]
}

fn layouts(kernel: &Kernel) -> [Layout; 2] {
    [1, 2].map(|sets| Layout {
        sets,
        inverse_length_scales: kernel.inverse_length_scales(),
        coefficients: 2,
        terms: kernel.terms.len(),
        noise: true,
        scales: 2,
    })
}

fn logs(layout: &Layout) -> Vec<f64> {
    (0..layout.len())
        .map(|k| -0.5 + 0.31 * ((5 * k) % 7) as f64 / 3.0)
        .collect()
}

fn assert_alike<D: Dimension>(one: &Array<f64, D>, other: &Array<f64, D>) {
    let size = one.iter().fold(1e-3, |most: f64, v| most.max(v.abs()));
    assert_abs_diff_eq!(one, other, epsilon = 1e-8 * size);
}

fn assert_moments(one: &SharedMoments, other: &SharedMoments) {
    assert_alike(&one.means, &other.means);
    assert_alike(&one.covariances, &other.covariances);
}

#[test]
fn evidence_and_gradient_are_those_of_all_rows() {
    for (rows, levels) in [(60, 4), (70, 40)] {
        let problem = Problem::new(rows, levels, 1);
        for kernel in kernels() {
            for layout in layouts(&kernel) {
                let hyper = layout.hyperparameters(&logs(&layout), 2);
                let (exact, levels) = (problem.exact(&kernel), problem.levels(&kernel));
                let (value, slopes) = exact.value_and_gradient(&hyper, &layout).unwrap();
                let (own, own_slopes) = levels.value_and_gradient(&hyper, &layout).unwrap();
                assert_relative_eq!(value, own, max_relative = 1e-8);
                assert_alike(&Array1::from(slopes), &Array1::from(own_slopes));
                assert_relative_eq!(own, levels.value(&hyper).unwrap());
            }
        }
    }
}

#[test]
fn gradients_are_those_of_differences() {
    let problem = Problem::new(60, 12, 2);
    for kernel in kernels() {
        for layout in layouts(&kernel) {
            let levels = problem.levels(&kernel);
            let logs = logs(&layout);
            let value = |logs: &[f64]| levels.value(&layout.hyperparameters(logs, 2)).unwrap();
            let hyper = layout.hyperparameters(&logs, 2);
            let (_, gradient) = levels.value_and_gradient(&hyper, &layout).unwrap();
            for k in 0..logs.len() {
                let shifted = |h: f64| {
                    let mut logs = logs.clone();
                    logs[k] += h;
                    value(&logs)
                };
                let (one, two) = (1e-3, 2e-3);
                let difference = (8.0 * (shifted(one) - shifted(-one))
                    - (shifted(two) - shifted(-two)))
                    / (12.0 * one);
                let epsilon = 1e-6 * (1.0 + difference.abs());
                assert_abs_diff_eq!(gradient[k], difference, epsilon = epsilon);
            }
        }
    }
}

#[test]
fn posteriors_are_those_of_all_rows() {
    for (rows, levels) in [(60, 4), (70, 40)] {
        let problem = Problem::new(rows, levels, 3);
        let at = problem.at();
        let design = problem.design.slice(s![..9, ..]);
        let weights = Array2::from_shape_fn((5, 9), |(s, q)| ((3 * s + 2 * q) % 5) as f64 / 5.0);
        for kernel in kernels() {
            let layout = layouts(&kernel)[1];
            let hyper = layout.hyperparameters(&logs(&layout), 2);
            let one = problem.exact(&kernel).posterior(&hyper).unwrap();
            let other = problem.levels(&kernel).posterior(&hyper).unwrap();
            let (view, rows) = (at.view(), problem.rows());
            assert_alike(&one.means(view).unwrap(), &other.means(view).unwrap());
            assert_moments(
                &one.coefficients(view).unwrap(),
                &other.coefficients(view).unwrap(),
            );
            assert_moments(
                &one.predictors(view, design).unwrap(),
                &other.predictors(view, design).unwrap(),
            );
            for design in [None, Some(design)] {
                let summands = Summands::new(&kernel, view, weights.view(), design);
                assert_moments(
                    &one.sums(&summands).unwrap(),
                    &other.sums(&summands).unwrap(),
                );
            }
            for term in 0..kernel.terms.len() {
                assert_moments(
                    &one.partial_effect(term, view).unwrap(),
                    &other.partial_effect(term, view).unwrap(),
                );
            }
            let joint = |posterior: &Arc<dyn Posterior>| {
                let root = posterior.joint_root(view).unwrap();
                root.dot(&root.t())
            };
            assert_alike(&joint(&one), &joint(&other));
            assert_alike(
                &one.leave_one_out(rows).unwrap(),
                &other.leave_one_out(rows).unwrap(),
            );
        }
    }
}

/// By Laplace's approximation.
#[test]
fn other_outcomes_have_the_mode_of_all_rows() {
    let mut problem = Problem::new(150, 12, 4);
    problem.targets.mapv_inplace(|y| f64::from(y > 0.0));
    let rows = problem.rows().target(0);
    for kernel in kernels() {
        let layout = layouts(&kernel)[0];
        let hyper = layout.hyperparameters(&logs(&layout), 1).without_noise();
        let exact = Exact::new(kernel.clone(), Family::Binomial, rows).unwrap();
        let (factor, basis) = problem.basis(&kernel);
        let family = Family::Binomial;
        let levels = Levels::at_mode(&factor, &basis, family, rows, &hyper).unwrap();
        let value = exact.value(&hyper).unwrap();
        assert_relative_eq!(value, levels.value(&hyper).unwrap(), max_relative = 1e-7);
        let parts = [Part::Exact(Arc::new(exact)), Part::Levels(Arc::new(levels))];
        let [one, other] = parts.map(|part| {
            let posteriors = Engine::new(vec![part]).posteriors(&hyper).unwrap();
            posteriors[0].coefficients(problem.at().view()).unwrap()
        });
        assert_abs_diff_eq!(one.means, other.means, epsilon = 1e-6);
        assert_abs_diff_eq!(one.covariances, other.covariances, epsilon = 1e-6);
    }
}

/// Collinear columns of the design, which their prior keeps finite.
#[test]
fn constants_that_are_not_determined_are_those_of_all_rows() {
    let mut problem = Problem::new(50, 9, 5);
    let first = problem.design.column(0).to_owned();
    problem.design.column_mut(1).assign(&first);
    for kernel in kernels() {
        let layout = layouts(&kernel)[0];
        let hyper = layout.hyperparameters(&logs(&layout), 2);
        let (exact, levels) = (problem.exact(&kernel), problem.levels(&kernel));
        let (one, slopes) = exact.value_and_gradient(&hyper, &layout).unwrap();
        let (other, own_slopes) = levels.value_and_gradient(&hyper, &layout).unwrap();
        assert_relative_eq!(one, other, max_relative = 1e-8);
        assert_alike(&Array1::from(slopes), &Array1::from(own_slopes));
    }
}

#[test]
fn the_factor_with_the_most_levels_is_eliminated() {
    let contexts = Problem::new(200, 10, 6).contexts;
    let leading = |kernel: &Kernel| {
        Factor::leading(kernel, contexts.view()).map(|own| (own.column, own.levels()))
    };
    assert_eq!(leading(&Kernel::categorical([0, 1])), Some((0, 10)));
    assert_eq!(leading(&Kernel::categorical([1])), Some((1, 3)));
    // Codes that another kernel takes for numbers are no levels.
    let both = Kernel::categorical([0]) * Kernel::linear([0]) + Kernel::categorical([1]);
    assert_eq!(leading(&both), Some((1, 3)));
    assert_eq!(leading(&Kernel::linear([0, 2])), None);
    let variable = |factor| ContextVariable {
        name: "a".to_owned(),
        columns: vec![2],
        factor,
        coded_levels: None,
    };
    let numeric = Kernel::of_variables(KernelShape::Linear, &[variable(false)]);
    assert_eq!(leading(&numeric), None);
    let one = contexts.column(0).mapv(|_| 4.0).insert_axis(Axis(1));
    assert!(Factor::leading(&Kernel::categorical([0]), one.view()).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever the hyperparameters: a row's level may say nothing, or everything.
    #[test]
    fn any_hyperparameters_give_the_evidence_of_all_rows(
        seed in 0_u64..1000,
        levels in 2_usize..30,
        which in 0_usize..8,
        values in prop::collection::vec(-2.0_f64..1.0, 60),
    ) {
        let problem = Problem::new(50, levels, seed);
        let kernel = &kernels()[which];
        let layout = layouts(kernel)[1];
        let mut logs = values[..layout.len()].to_vec();
        let noise = layout.noise_at().unwrap();
        logs[noise] = logs[noise].max(-1.0);
        let hyper = layout.hyperparameters(&logs, 2);
        let (exact, levels) = (problem.exact(kernel), problem.levels(kernel));
        let (one, slopes) = exact.value_and_gradient(&hyper, &layout).unwrap();
        let (other, own_slopes) = levels.value_and_gradient(&hyper, &layout).unwrap();
        // What is added to the kernel among inducing contexts matters where numbers make it next to singular.
        let tolerance = if kernel.are_categorical().contains(&false) { 1e-7 } else { 1e-8 };
        prop_assert!((one - other).abs() <= tolerance * one.abs().max(1.0), "{} {}", one, other);
        let size = Array1::from(slopes.clone()).mapv(f64::abs).sum();
        for (one, other) in slopes.iter().zip(&own_slopes) {
            prop_assert!((one - other).abs() <= tolerance * size.max(1.0), "{} {}", one, other);
        }
    }
}

/// Where a level's rows are turned, their sums of products are what they were.
#[test]
fn turned_rows_say_what_all_rows_said() {
    let problem = Problem::new(300, 3, 7);
    let levels = problem.levels(&(Kernel::categorical([0]) * Kernel::categorical([1])));
    let sums = levels.rows.t().dot(&levels.rows) + &levels.rest;
    let (_, basis) = problem.basis(&(Kernel::categorical([0]) * Kernel::categorical([1])));
    let values = basis.at(problem.contexts.view()).unwrap();
    let mut table = Array2::zeros((300, levels.rest.ncols()));
    gather::fill_products(&mut table, values.view(), problem.design.view());
    table
        .slice_mut(s![.., levels.weights()..])
        .assign(&problem.targets);
    let weighted = &table * &problem.weights.view().insert_axis(Axis(1));
    assert_alike(&sums, &table.t().dot(&weighted));
    assert!(levels.rows.nrows() <= 3 * 6);
    let share: ArrayView1<'_, f64> = levels.shares.view();
    assert_relative_eq!(share.sum(), 1.0);
}
