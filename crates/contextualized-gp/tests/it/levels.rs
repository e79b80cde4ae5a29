//! Contexts with a factor of many levels.

use crate::problem::{Normal, Problem, known};
use contextualized_core::Family;
use contextualized_gp::{CoefficientProcess, Kernel, Method, Sharing, Size};
use ndarray::{Array2, s};

/// A factor of so many levels and a number; a slope that differs between levels and follows the number, and an
/// intercept. Noise has deviation 0.5.
pub(crate) fn problem(rows: usize, levels: usize, seed: u64) -> Problem {
    let mut normal = Normal::new(seed);
    let of_levels = normal.table(levels, 1);
    let contexts = Array2::from_shape_fn((rows, 2), |(i, k)| match k {
        0 => ((i * 7919 + i / 3) % levels) as f64,
        _ => normal.next(),
    });
    let mut design = normal.table(rows, 2);
    design.column_mut(1).fill(1.0);
    let targets = Array2::from_shape_fn((rows, 1), |(i, _)| {
        let slope = of_levels[[contexts[[i, 0]] as usize, 0]] + contexts[[i, 1]].sin();
        slope * design[[i, 0]] + 1.0 + 0.5 * normal.next()
    });
    Problem {
        contexts,
        design,
        targets,
        weights: None,
    }
}

fn both() -> Kernel {
    Kernel::squared_exponential([1]) * Kernel::categorical([0])
}

fn is_by_levels(method: Method, of: usize) -> bool {
    matches!(method, Method::Levels { context: 0, levels, residual, .. } if levels == of && residual < 1e-5)
}

#[test]
fn known_hyperparameters_give_what_all_rows_give() {
    for (kernel, lengths) in [
        (both(), vec![0.7, 1.2]),
        (Kernel::categorical([0]), vec![1.2]),
        (
            Kernel::squared_exponential([1]) + Kernel::categorical([0]),
            vec![0.7, 1.2],
        ),
    ] {
        let problem = problem(700, 60, 1);
        let terms = kernel.terms().len();
        let process = CoefficientProcess::new(kernel);
        let process = process.hyperparameters(known(&lengths, 2, terms, 0.5, &[1.0]));
        let exact = problem.fit(&process.clone().size(Size::Exact));
        let levels = problem.fit(&process);
        assert!(
            is_by_levels(levels.report().method, 60),
            "{:?}",
            levels.report()
        );
        let mut at = problem.contexts.slice(s![..20, ..]).to_owned();
        at[[0, 0]] = 1000.0;
        let (one, other) = (
            exact.posterior_at(at.view()).unwrap(),
            levels.posterior_at(at.view()).unwrap(),
        );
        approx::assert_abs_diff_eq!(one.means, other.means, epsilon = 1e-6);
        approx::assert_abs_diff_eq!(one.covariances, other.covariances, epsilon = 1e-6);
        // Of a level that was not fitted there is the prior about what all have in common.
        let variances = other.variances();
        assert!(variances[[0, 0, 0]] > 2.0 * variances[[1, 0, 0]]);
    }
}

#[test]
fn the_search_ends_where_that_of_all_rows_does() {
    let problem = problem(520, 12, 2);
    let process = CoefficientProcess::new(Kernel::categorical([0])).sharing(Sharing::Shared);
    let levels = problem.fit(&process);
    assert!(is_by_levels(levels.report().method, 12));
    let exact = problem.fit(&process.size(Size::Exact));
    let (one, other) = (exact.report(), levels.report());
    approx::assert_abs_diff_eq!(one.log_posterior, other.log_posterior, epsilon = 1e-3);
    let (one, other) = (exact.hyperparameters(), levels.hyperparameters());
    approx::assert_relative_eq!(one.noise, other.noise, max_relative = 1e-3);
    approx::assert_relative_eq!(one.amplitudes, other.amplitudes, epsilon = 1e-2);
}

/// Rows of a level are few, and only whole levels say how alike they are.
#[test]
fn many_levels_beside_a_number_are_found() {
    let problem = problem(3_000, 600, 3);
    let fitted = problem.fit(&CoefficientProcess::new(both()).sharing(Sharing::Shared));
    assert!(is_by_levels(fitted.report().method, 600));
    let hyper = fitted.hyperparameters();
    assert!((0.45..0.55).contains(&hyper.noise), "{hyper:?}");
    assert!(
        hyper.amplitudes[[0, 0]] > 3.0 * hyper.amplitudes[[1, 0]],
        "{hyper:?}"
    );
    let slopes = fitted.coefficients(problem.contexts.view()).unwrap();
    let intercepts = slopes.slice(s![.., 0, 1]).mean().unwrap();
    assert!((intercepts - 1.0).abs() < 0.1, "{intercepts}");
}

#[test]
fn binary_outcomes_have_levels_too() {
    let mut problem = problem(1_500, 200, 4);
    problem.targets.mapv_inplace(|y| f64::from(y > 1.0));
    let process = CoefficientProcess::new(both())
        .family(Family::Binomial)
        .hyperparameters(known(&[0.7, 1.2], 2, 1, 1.0, &[1.0]));
    let levels = problem.fit(&process);
    assert!(is_by_levels(levels.report().method, 200));
    let exact = problem.fit(&process.size(Size::Exact));
    let at = problem.contexts.slice(s![..20, ..]);
    let (one, other) = (
        exact.posterior_at(at).unwrap(),
        levels.posterior_at(at).unwrap(),
    );
    approx::assert_abs_diff_eq!(one.means, other.means, epsilon = 1e-3);
    approx::assert_abs_diff_eq!(one.covariances, other.covariances, epsilon = 1e-3);
}
