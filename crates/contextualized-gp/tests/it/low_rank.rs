//! The basis against the covariance of all rows.

use crate::problem::{Problem, distance, known};
use contextualized_gp::{CoefficientProcess, FittedProcess, Kernel, Method, Size};
use ndarray::{Array2, array};

/// Functions, and the largest share left out at any row.
fn functions_and_residual(fitted: &FittedProcess) -> (usize, f64) {
    match fitted.report().method {
        Method::LowRank {
            functions,
            residual,
            largest_residual,
        } => {
            assert!((0.0..=largest_residual).contains(&residual));
            (functions, largest_residual)
        }
        method => panic!("{method:?}"),
    }
}

/// Means and variances are off by no more than what the basis leaves out, and less for more of it.
#[test]
fn a_growing_basis_approaches_the_exact_answer() {
    let problem = Problem::new(300, 1, 2, 2, 0.3, 1);
    let at = Array2::from_shape_fn((41, 1), |(i, _)| i as f64 / 10.0 - 2.0);
    let hyper = known(&[1.2], 2, 1, 0.3, &[1.0, 2.0]);
    let fit = |size| {
        let process = CoefficientProcess::new(Kernel::squared_exponential([0]))
            .hyperparameters(hyper.clone())
            .size(size);
        problem.fit(&process)
    };
    let exact = fit(Size::Exact);
    let answer = |fitted: &FittedProcess| {
        (
            fitted.coefficients(at.view()).unwrap(),
            fitted.covariances(at.view()).unwrap(),
        )
    };
    let (means, covariances) = answer(&exact);
    let mut before = (f64::INFINITY, f64::INFINITY);
    for functions in [4, 8, 12, 100] {
        let fitted = fit(Size::LowRank { functions });
        let (found, residual) = functions_and_residual(&fitted);
        assert!(found <= 1 + functions);
        let (mean, covariance) = answer(&fitted);
        let off = distance(&mean, &means);
        assert!(
            off < before.0 && residual < before.1,
            "{functions}: {off}, {residual}"
        );
        before = (off, residual);
        if functions == 100 {
            assert!(found < 40, "{found}");
            assert!(residual < 1e-8, "{residual}");
            assert!(off < 1e-5, "{off}");
            let off = (&covariance - &covariances)
                .iter()
                .fold(0.0, |most: f64, d| d.abs().max(most));
            assert!(off < 1e-5, "{off}");
            let (a, b) = (exact.report(), fitted.report());
            let off = a.log_marginal_likelihood - b.log_marginal_likelihood;
            assert!(off.abs() < 1e-3, "{off}");
        }
    }
}

#[test]
fn the_size_is_chosen_by_rows_and_contexts() {
    let process = |contexts: usize| {
        CoefficientProcess::new(Kernel::squared_exponential(0..contexts)).plug_in()
    };
    let one = Problem::new(600, 1, 2, 1, 0.3, 2).fit(&process(1));
    let (functions, residual) = functions_and_residual(&one);
    assert!(functions < 100 && residual < 1e-8, "{functions} {residual}");
    let mut rough = Problem::new(600, 5, 1, 1, 0.3, 3);
    for i in 0..600 {
        rough.targets[[i, 0]] += rough
            .contexts
            .row(i)
            .iter()
            .map(|c| (2.0 * c).sin())
            .sum::<f64>();
    }
    let five = rough.fit(&process(5).tolerance(0.1));
    assert_eq!(five.report().method, Method::Exact);
}

/// A basis at which the search was made, against a fit with all rows.
#[test]
fn searches_by_a_basis_and_by_all_rows_agree() {
    let problem = Problem::new(600, 1, 2, 1, 0.3, 4);
    let process = CoefficientProcess::new(Kernel::squared_exponential([0])).plug_in();
    let low_rank = problem.fit(&process.clone().size(Size::Auto));
    let exact = problem.fit(&process.size(Size::Exact));
    functions_and_residual(&low_rank);
    let at = Array2::from_shape_fn((31, 1), |(i, _)| i as f64 / 10.0 - 1.5);
    let off = distance(
        &exact.coefficients(at.view()).unwrap(),
        &low_rank.coefficients(at.view()).unwrap(),
    );
    // The mode itself is found to a hundredth in the logarithm of the density.
    assert!(off < 0.01, "{off}");
    let off = exact.report().log_posterior - low_rank.report().log_posterior;
    assert!(off.abs() < 0.02, "{off}");
}

#[test]
fn more_rows_than_are_kept_have_a_basis_that_says_what_it_leaves_out() {
    let rows = CoefficientProcess::EXACT_ROWS + 1;
    let problem = Problem::new(rows, 2, 1, 1, 0.3, 5);
    let process = CoefficientProcess::new(Kernel::matern52([0, 1])).plug_in();
    let fitted = problem.fit(&process);
    let (functions, residual) = functions_and_residual(&fitted);
    assert!((10..=1201).contains(&functions), "{functions}");
    assert!(residual > 0.0 && residual < 0.05, "{residual}");
    // sin(c) is far above the noise of so many rows.
    let at = array![[-1.0, 0.0], [0.0, 0.5], [1.0, -0.5]];
    let found = fitted.coefficients(at.view()).unwrap();
    for (q, context) in at.column(0).iter().enumerate() {
        let off = found[[q, 0, 0]] - context.sin();
        assert!(off.abs() < 0.1, "{off}");
    }
}

/// A rough kernel in three contexts cannot be had by a small basis; what it leaves out is in the
/// variances.
#[test]
fn a_rough_kernel_is_off_by_less_than_its_standard_errors() {
    let problem = Problem::new(1200, 3, 1, 1, 0.3, 6);
    let hyper = known(&[0.5, 0.4, 0.3], 1, 1, 0.3, &[1.0]);
    let fit = |size| {
        let process = CoefficientProcess::new(Kernel::matern32([0, 1, 2]))
            .hyperparameters(hyper.clone())
            .size(size);
        problem.fit(&process)
    };
    let (exact, low_rank) = (fit(Size::Exact), fit(Size::LowRank { functions: 300 }));
    let (_, residual) = functions_and_residual(&low_rank);
    assert!(residual > 1e-3, "{residual}");
    let at = problem
        .contexts
        .slice(ndarray::s![..100, ..])
        .mapv(|c| 0.8 * c);
    let (a, b) = (
        exact.coefficients(at.view()).unwrap(),
        low_rank.coefficients(at.view()).unwrap(),
    );
    let errors = exact.covariances(at.view()).unwrap().mapv(f64::sqrt);
    let wide = low_rank.covariances(at.view()).unwrap().mapv(f64::sqrt);
    let worst = (0..100)
        .map(|q| (a[[q, 0, 0]] - b[[q, 0, 0]]).abs() / errors[[q, 0, 0, 0]])
        .fold(0.0, f64::max);
    assert!(worst < 1.0, "{worst}");
    let narrowest = (0..100)
        .map(|q| wide[[q, 0, 0, 0]] / errors[[q, 0, 0, 0]])
        .fold(f64::INFINITY, f64::min);
    assert!(narrowest > 0.9, "{narrowest}");
}

/// An effect that few rows do not show is found in many: by a basis as by all rows.
#[test]
fn a_weak_effect_is_found_in_many_rows() {
    let mut problem = Problem::new(6000, 1, 1, 1, 1.0, 7);
    let mut normal = crate::problem::Normal::new(8);
    for i in 0..6000 {
        let signal = 0.12 * (2.0 * problem.contexts[[i, 0]]).sin();
        problem.targets[[i, 0]] = signal + normal.next();
    }
    let process = CoefficientProcess::new(Kernel::squared_exponential([0])).plug_in();
    let fitted = problem.fit(&process);
    let at = array![[0.785], [-0.785]];
    let found = fitted.coefficients(at.view()).unwrap();
    let difference = found[[0, 0, 0]] - found[[1, 0, 0]];
    assert!(
        (difference - 0.24).abs() < 0.08,
        "{difference} {:?}",
        fitted.hyperparameters()
    );
}

/// Such a kernel has thirty directions at any scale, and each of forty coefficients has room for 25.
#[test]
fn a_trend_in_more_contexts_than_there_is_room_for_is_kept_in_part() {
    let problem = Problem::new(2100, 30, 40, 1, 0.5, 3);
    let process = CoefficientProcess::new(Kernel::linear(0..30)).hyperparameters(known(
        &[0.5; 30],
        40,
        1,
        0.5,
        &[1.0],
    ));
    let fitted = problem.fit(&process);
    let (functions, left_out) = functions_and_residual(&fitted);
    assert!(functions > 20 && left_out > 0.01, "{functions}, {left_out}");
    let at = problem.contexts.slice(ndarray::s![..2, ..]);
    let found = fitted.coefficients(at).unwrap();
    let change = &found.index_axis(ndarray::Axis(0), 0) - &found.index_axis(ndarray::Axis(0), 1);
    assert!(change[[0, 0]].abs() > 0.01, "{change}");
}

/// A trend in a context without influence: its inverse length scale is zero, and the kernel nothing.
#[test]
fn a_trend_that_matters_to_nothing_is_fitted_by_a_basis() {
    let mut normal = crate::problem::Normal::new(104);
    let mut problem = Problem::new(300, 1, 2, 1, 0.5, 4);
    problem.targets.mapv_inplace(|_| normal.next());
    for size in [Size::Auto, Size::LowRank { functions: 5 }] {
        let process = CoefficientProcess::new(Kernel::linear([0])).size(size);
        let fitted = problem.fit(&process);
        let found = fitted.posterior_at(array![[0.0], [2.0]].view()).unwrap();
        let most = found
            .means
            .iter()
            .fold(0.0_f64, |most, mean| most.max(mean.abs()));
        assert!(
            most < 1.0,
            "{size:?}: {most}, {:?}",
            fitted.hyperparameters()
        );
    }
}
