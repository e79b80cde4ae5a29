//! Hyperparameters found by the search.

use crate::problem::{Normal, Problem, all_finite, distance, known};
use contextualized_core::Termination;
use contextualized_gp::{
    CoefficientProcess, FittedProcess, Hyperparameters, Kernel, Sharing, Size,
};
use ndarray::{Array2, Axis, array, concatenate, s};

fn smooth(inverse_length_scales: Vec<f64>, amplitude: f64) -> impl Fn(&[f64], &[f64]) -> f64 {
    move |a, b| {
        let square: f64 = inverse_length_scales
            .iter()
            .zip(a.iter().zip(b))
            .map(|(r, (a, b))| (r * (a - b)).powi(2))
            .sum();
        amplitude * amplitude * (-0.5 * square).exp()
    }
}

/// Slopes drawn from the prior with these inverse length scales, and an intercept of one that is constant.
fn drawn(
    rows: usize,
    contexts: usize,
    inverse_length_scales: &[&[f64]],
    noise: f64,
    seed: u64,
) -> Problem {
    let mut problem = Problem::new(
        rows,
        contexts,
        inverse_length_scales.len() + 1,
        1,
        0.0,
        seed,
    );
    let mut normal = Normal::new(1000 + seed);
    problem.targets.fill(1.0);
    for (j, inverse_length_scales) in inverse_length_scales.iter().enumerate() {
        let slope = normal.function(
            problem.contexts.view(),
            smooth(inverse_length_scales.to_vec(), 1.0),
        );
        let effect = slope * problem.design.column(j);
        let mut target = problem.targets.column_mut(0);
        target += &effect;
    }
    problem.targets.mapv_inplace(|y| y + noise * normal.next());
    problem
}

fn process(contexts: usize) -> CoefficientProcess {
    CoefficientProcess::new(Kernel::squared_exponential(0..contexts)).plug_in()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
fn hyperparameters_of_the_prior_are_recovered() {
    let found: Vec<Hyperparameters> = (0..3)
        .map(|seed| {
            let problem = drawn(400, 3, &[&[1.5, 0.5, 0.0]], 0.3, seed);
            let process = process(3).sharing(Sharing::Shared);
            problem.fit(&process).hyperparameters().clone()
        })
        .collect();
    for hyper in &found {
        assert!((hyper.noise / 0.3 - 1.0).abs() < 0.1, "{hyper:?}");
        let (first, second) = (
            hyper.inverse_length_scales[[0, 0]],
            hyper.inverse_length_scales[[0, 1]],
        );
        assert!((0.75..3.0).contains(&first), "{hyper:?}");
        assert!((0.25..1.0).contains(&second), "{hyper:?}");
        assert!(hyper.inverse_length_scales[[0, 2]] < 0.1, "{hyper:?}");
        // The slope varies by about one, the intercept does not vary.
        assert!((0.4..1.6).contains(&hyper.amplitudes[[0, 0]]), "{hyper:?}");
        assert!(hyper.amplitudes[[1, 0]] < 0.1, "{hyper:?}");
    }
    let first = median(
        found
            .iter()
            .map(|h| h.inverse_length_scales[[0, 0]])
            .collect(),
    );
    assert!((first / 1.5 - 1.0).abs() < 0.3, "{first}");
}

#[test]
fn inverse_length_scales_are_shared_where_they_are_alike() {
    let sets = |a: &[f64], b: &[f64], seed| {
        let problem = drawn(400, 2, &[a, b], 0.2, seed);
        problem
            .fit(&process(2))
            .hyperparameters()
            .inverse_length_scales
            .nrows()
    };
    for seed in 10..12 {
        assert_eq!(sets(&[1.2, 0.4], &[1.2, 0.4], seed), 1);
        // One slope varies with one context, the other with the other.
        assert_eq!(sets(&[2.0, 0.0], &[0.0, 2.0], seed), 3);
    }
}

#[test]
fn own_inverse_length_scales_name_the_right_contexts() {
    let problem = drawn(400, 2, &[&[2.0, 0.0], &[0.0, 2.0]], 0.2, 12);
    let fitted = problem.fit(&process(2).sharing(Sharing::PerCoefficient));
    let r = &fitted.hyperparameters().inverse_length_scales;
    assert!(r[[0, 0]] > 1.0 && r[[0, 1]] < 0.1, "{r}");
    assert!(r[[1, 1]] > 1.0 && r[[1, 0]] < 0.1, "{r}");
}

#[test]
fn a_tighter_tolerance_changes_little() {
    let problem = drawn(200, 2, &[&[1.0, 0.3]], 0.3, 20);
    let at = problem.contexts.slice(s![..50, ..]);
    let fit = |tolerance| problem.fit(&process(2).tolerance(tolerance).size(Size::Exact));
    let (loose, tight) = (fit(1e-2), fit(1e-6));
    assert_eq!(loose.report().fit.termination, Termination::Converged);
    let gain = tight.report().log_posterior - loose.report().log_posterior;
    assert!(gain > -1e-6 && gain < 0.05, "{gain}");
    let off = distance(
        &loose.coefficients(at).unwrap(),
        &tight.coefficients(at).unwrap(),
    );
    assert!(off < 0.02, "{off}");
}

#[test]
fn an_iteration_limit_is_reported() {
    let problem = drawn(100, 1, &[&[1.0]], 0.3, 21);
    let fitted = problem.fit(&process(1).max_iterations(1));
    assert_eq!(fitted.report().fit.termination, Termination::IterationLimit);
    let known = process(1).hyperparameters(known(&[1.0], 2, 1, 0.3, &[1.0]));
    let report = problem.fit(&known).report().clone();
    assert_eq!(report.fit.termination, Termination::DirectSolve);
    assert_eq!(report.fit.objective, -report.log_marginal_likelihood);
}

/// Everything asked of it is a finite number.
fn assert_finite(fitted: &FittedProcess, problem: &Problem, what: &str) {
    let rows = problem.rows().min(10);
    let at = problem.contexts.slice(s![..rows, ..]);
    assert!(all_finite(&fitted.coefficients(at).unwrap()), "{what}");
    let covariances = fitted.covariances(at).unwrap();
    assert!(all_finite(&covariances), "{what}");
    for covariance in covariances.outer_iter() {
        for target in covariance.outer_iter() {
            assert!(target.diag().iter().all(|v| *v >= 0.0), "{what}");
        }
    }
    assert!(all_finite(&fitted.draws(at, 2, 1, None).unwrap()), "{what}");
    let effect = fitted.partial_effect(0, at).unwrap();
    assert!(
        all_finite(&effect.means) && all_finite(&effect.variances()),
        "{what}"
    );
    assert!(
        all_finite(&problem.leave_one_out(fitted).unwrap()),
        "{what}"
    );
    assert!(
        fitted.report().log_marginal_likelihood.is_finite(),
        "{what}"
    );
}

#[test]
fn targets_without_noise_are_interpolated() {
    for rows in [60, 500, 3000] {
        let problem = Problem::new(rows, 1, 2, 1, 0.0, 30);
        let fitted = problem.fit(&CoefficientProcess::new(Kernel::squared_exponential([0])));
        assert_finite(&fitted, &problem, &format!("{rows} rows"));
        let noise = fitted.hyperparameters().noise;
        assert!(noise < 1e-3, "{rows}: {noise}");
        let at = array![[-1.0], [0.3]];
        let slopes = fitted.coefficients(at.view()).unwrap();
        for (q, context) in at.column(0).iter().enumerate() {
            let off = slopes[[q, 0, 0]] - context.sin();
            assert!(off.abs() < 1e-3, "{rows}: {off}");
        }
    }
}

#[test]
fn degenerate_tables_give_finite_answers() {
    let good = Problem::new(40, 2, 2, 1, 0.3, 31);
    let change = |change: &dyn Fn(&mut Problem)| {
        let mut problem = good.clone();
        change(&mut problem);
        problem
    };
    let cases = [
        (
            "a constant context",
            change(&|p| p.contexts.column_mut(1).fill(3.0)),
        ),
        ("constant contexts", change(&|p| p.contexts.fill(0.0))),
        ("one row", good.select(&[0])),
        ("two rows", good.select(&[0, 1])),
        ("equal rows", good.select(&[5; 40])),
        (
            "rows twice",
            good.select(&(0..80).map(|i| i / 2).collect::<Vec<_>>()),
        ),
        (
            "a design column twice",
            change(&|p| p.design = concatenate![Axis(1), p.design, p.design]),
        ),
        ("a design of zeros", change(&|p| p.design.fill(0.0))),
        ("targets of zero", change(&|p| p.targets.fill(0.0))),
        ("a constant target", change(&|p| p.targets.fill(1.0))),
        (
            "equal targets",
            change(&|p| p.targets = concatenate![Axis(1), p.targets, p.targets]),
        ),
    ];
    let kernels = [
        Kernel::squared_exponential([0, 1]),
        Kernel::linear([0]) + Kernel::matern32([1]),
        Kernel::periodic(0, 2.0) * Kernel::categorical([1]),
    ];
    for (what, problem) in cases {
        for kernel in &kernels {
            let process = CoefficientProcess::new(kernel.clone());
            let fitted = problem.fit(&process);
            assert_finite(&fitted, &problem, &format!("{what}, {:?}", kernel.terms()));
        }
    }
}

/// Units far from one are not what the process is made for; still no NaN and no panic.
#[test]
fn huge_and_tiny_units_give_finite_answers_or_an_error() {
    let good = Problem::new(40, 2, 2, 1, 0.3, 32);
    for unit in [1e-200, 1e-12, 1e-4, 1e4, 1e12, 1e100, 1e200] {
        for table in 0..3 {
            let mut problem = good.clone();
            match table {
                0 => problem.contexts *= unit,
                1 => problem.design *= unit,
                _ => problem.targets *= unit,
            }
            let process = CoefficientProcess::new(Kernel::squared_exponential([0, 1]));
            let Ok(fitted) = problem.try_fit(&process) else {
                continue;
            };
            let at = problem.contexts.slice(s![..5, ..]);
            let what = format!("table {table} times {unit}");
            if let Ok(means) = fitted.coefficients(at) {
                assert!(all_finite(&means), "{what}");
            }
            if let Ok(covariances) = fitted.covariances(at) {
                assert!(all_finite(&covariances), "{what}");
            }
            if let Ok(residuals) = problem.leave_one_out(&fitted) {
                assert!(all_finite(&residuals), "{what}");
            }
        }
    }
}

/// The scale of a target says how much larger its variances are than another's.
#[test]
fn targets_of_other_units_have_other_scales() {
    let mut problem = Problem::new(150, 1, 2, 1, 0.3, 33);
    let larger = problem.targets.mapv(|y| 3.0 * y);
    problem.targets = concatenate![Axis(1), problem.targets, larger];
    let fitted = problem.fit(&process(1).tolerance(1e-6));
    let scales = &fitted.hyperparameters().scales;
    // The prior of their logarithms weighs as two degrees of freedom do, of the 148 that the two
    // constants leave.
    let expected = 9_f64.powf(148.0 / 150.0);
    let ratio = scales[1] / scales[0];
    assert!((ratio / expected - 1.0).abs() < 0.002, "{ratio} {expected}");
    let at = Array2::from_shape_fn((5, 1), |(i, _)| i as f64 - 2.0);
    let means = fitted.coefficients(at.view()).unwrap();
    let (one, other) = (means.slice(s![.., 0, ..]), means.slice(s![.., 1, ..]));
    assert!((&one * 3.0 - other).iter().all(|d| d.abs() < 1e-9));
}
