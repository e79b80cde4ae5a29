//! Every documented error, by name.

use crate::problem::{Problem, known};
use contextualized_core::Error;
use contextualized_gp::{
    CoefficientProcess, FittedProcess, Hyperparameters, Kernel, KernelShape, Priors, Size,
};
use ndarray::{Array1, Array2, array};

fn process() -> CoefficientProcess {
    CoefficientProcess::new(Kernel::squared_exponential([0]))
}

fn problem() -> Problem {
    Problem::new(12, 1, 2, 1, 0.3, 1)
}

fn fitted() -> FittedProcess {
    problem().fit(&process().hyperparameters(known(&[0.8], 2, 1, 0.4, &[1.0])))
}

#[test]
fn tables_that_cannot_be_fitted() {
    let good = problem();
    let fit = |change: &dyn Fn(&mut Problem)| {
        let mut problem = good.clone();
        change(&mut problem);
        problem.try_fit(&process()).unwrap_err()
    };
    assert!(matches!(
        fit(&|p| *p = p.select(&[])),
        Error::NoRows {
            argument: "contexts"
        }
    ));
    assert!(matches!(
        fit(&|p| p.contexts = Array2::zeros((12, 0))),
        Error::NoColumns {
            argument: "contexts"
        }
    ));
    assert!(matches!(
        fit(&|p| p.design = Array2::zeros((12, 0))),
        Error::NoColumns { argument: "design" }
    ));
    assert!(matches!(
        fit(&|p| p.targets = Array2::zeros((12, 0))),
        Error::NoColumns {
            argument: "targets"
        }
    ));
    assert!(matches!(
        fit(&|p| p.design[[4, 1]] = f64::NAN),
        Error::NotFinite {
            argument: "design",
            row: 4,
            column: 1,
            ..
        }
    ));
    assert!(matches!(
        fit(&|p| p.design = p.design.slice(ndarray::s![..11, ..]).to_owned()),
        Error::RowCount {
            argument: "design",
            expected: 12,
            found: 11
        }
    ));
    assert!(matches!(
        fit(&|p| p.targets = p.targets.slice(ndarray::s![..11, ..]).to_owned()),
        Error::RowCount {
            argument: "targets",
            expected: 12,
            found: 11
        }
    ));
    let error = fit(&|p| *p = p.clone().weighted(|i| i.min(1) as f64));
    assert!(
        error.to_string().starts_with("weights is 0 at row 1"),
        "{error}"
    );
    for (weight, row) in [(-1.0, 3), (f64::NAN, 4)] {
        let error = fit(&|p| {
            let mut weights = Array1::ones(12);
            weights[row] = weight;
            p.weights = Some(weights);
        });
        assert!(matches!(error, Error::InvalidWeight { row: found, .. } if found == row));
    }
    assert!(matches!(
        fit(&|p| p.weights = Some(Array1::ones(11))),
        Error::RowCount {
            argument: "weights",
            ..
        }
    ));
}

#[test]
fn settings_out_of_range_are_named() {
    let hyper = |change: &dyn Fn(&mut Hyperparameters)| {
        let mut hyper = known(&[0.8], 2, 1, 0.4, &[1.0]);
        change(&mut hyper);
        process().hyperparameters(hyper)
    };
    let kernel = CoefficientProcess::new;
    let cases = [
        (process().tolerance(0.0), "tolerance is 0"),
        (process().tolerance(f64::NAN), "tolerance is NaN"),
        (process().max_iterations(0), "max_iterations is 0"),
        (
            process().size(Size::LowRank { functions: 0 }),
            "functions is 0",
        ),
        (
            process().priors(Priors {
                amplitude: -1.0,
                ..Priors::default()
            }),
            "prior amplitude is -1",
        ),
        (kernel(Kernel::linear([3])), "kernel is on context column 3"),
        (kernel(Kernel::linear([])), "kernel is on no context column"),
        (
            kernel(Kernel::additive(KernelShape::Linear, 0)),
            "kernel is without terms",
        ),
        (kernel(Kernel::polynomial([0], 0)), "kernel is of degree 0"),
        (kernel(Kernel::periodic(0, 0.0)), "kernel is of period 0"),
        (hyper(&|h| h.noise = 0.0), "noise is 0"),
        (
            hyper(&|h| h.inverse_length_scales[[0, 0]] = -1.0),
            "inverse length scale is -1",
        ),
        (
            hyper(&|h| h.amplitudes[[1, 0]] = f64::INFINITY),
            "amplitude is inf",
        ),
        (hyper(&|h| h.scales = array![1.0, 1.0]), "scales is 2 × 1"),
        (
            hyper(&|h| h.inverse_length_scales = array![[1.0, 1.0]]),
            "inverse length scales is 1 × 2",
        ),
        (
            hyper(&|h| h.amplitudes = array![[1.0]]),
            "amplitudes is 1 × 1",
        ),
    ];
    for (process, message) in cases {
        let error = problem().try_fit(&process).unwrap_err();
        assert!(matches!(error, Error::InvalidParameter { .. }), "{error}");
        assert!(error.to_string().starts_with(message), "{error}");
    }
}

#[test]
fn questions_that_cannot_be_answered() {
    let fitted = fitted();
    let (wide, gap) = (array![[0.0, 1.0]], array![[0.0], [f64::NAN]]);
    assert!(matches!(
        fitted.coefficients(wide.view()),
        Err(Error::ColumnCount {
            argument: "contexts",
            expected: 1,
            found: 2
        })
    ));
    assert!(matches!(
        fitted.covariances(gap.view()),
        Err(Error::NotFinite {
            argument: "contexts",
            row: 1,
            ..
        })
    ));
    let error = fitted.partial_effect(1, array![[0.0]].view()).unwrap_err();
    assert!(error.to_string().starts_with("term is 1"), "{error}");
    let many = Array2::zeros((FittedProcess::MOST_JOINT / 2 + 1, 1));
    let error = fitted.draws(many.view(), 1, 0, None).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("coefficients drawn jointly is 5002"),
        "{error}"
    );
}

#[test]
fn rows_that_cannot_be_those_fitted() {
    for size in [Size::Exact, Size::LowRank { functions: 12 }] {
        let good = problem();
        let process = process()
            .hyperparameters(known(&[0.8], 2, 1, 0.4, &[1.0]))
            .size(size);
        let fitted = good.fit(&process);
        let fewer = good.without(3);
        assert!(matches!(
            fewer.leave_one_out(&fitted),
            Err(Error::RowCount {
                argument: "contexts",
                expected: 12,
                found: 11
            })
        ));
        let mut wide = good.clone();
        wide.design = Array2::ones((12, 3));
        assert!(matches!(
            wide.leave_one_out(&fitted),
            Err(Error::ColumnCount {
                argument: "design",
                expected: 2,
                found: 3
            })
        ));
        let mut short = good.clone();
        short.weights = Some(Array1::ones(5));
        assert!(matches!(
            short.leave_one_out(&fitted),
            Err(Error::RowCount {
                argument: "weights",
                expected: 12,
                found: 5
            })
        ));
    }
}

/// Contexts so far away that their distances overflow.
#[test]
fn the_farthest_contexts_give_a_number_or_an_error() {
    let kernels = [
        Kernel::squared_exponential([0]),
        Kernel::matern32([0]),
        Kernel::matern52([0]),
        Kernel::linear([0]),
        Kernel::polynomial([0], 3),
        Kernel::periodic(0, 2.0),
        Kernel::categorical([0]),
    ];
    for kernel in kernels {
        for inverse_length_scale in [0.0, 0.8] {
            for size in [Size::Exact, Size::LowRank { functions: 12 }] {
                let hyper = known(&[inverse_length_scale], 2, 1, 0.4, &[1.0]);
                let process = CoefficientProcess::new(kernel.clone())
                    .hyperparameters(hyper)
                    .size(size);
                let fitted = problem().fit(&process);
                for far in [1e10, 1e100, 1e160, 1e300] {
                    let at = array![[far], [-far]];
                    let what =
                        format!("{:?} {inverse_length_scale} {size:?} {far}", kernel.terms());
                    if let Ok(means) = fitted.coefficients(at.view()) {
                        assert!(crate::problem::all_finite(&means), "means, {what}");
                    }
                    if let Ok(covariances) = fitted.covariances(at.view()) {
                        assert!(
                            crate::problem::all_finite(&covariances),
                            "covariances, {what}"
                        );
                    }
                }
            }
        }
    }
}

/// No contexts have no coefficients, as of every model of the workspace.
#[test]
fn no_question_has_an_empty_answer() {
    let nobody = Array2::zeros((0, 1));
    for size in [Size::Exact, Size::LowRank { functions: 12 }] {
        let process = process()
            .hyperparameters(known(&[0.8], 2, 1, 0.4, &[1.0]))
            .size(size);
        let fitted = problem().fit(&process);
        let at = nobody.view();
        assert_eq!(fitted.coefficients(at).unwrap().dim(), (0, 1, 2));
        assert_eq!(fitted.covariances(at).unwrap().dim(), (0, 1, 2, 2));
        assert_eq!(fitted.draws(at, 3, 0, None).unwrap().dim(), (3, 0, 1, 2));
        let effect = fitted.partial_effect(0, at).unwrap();
        assert_eq!(effect.means.dim(), (0, 1, 2));
        assert_eq!(effect.variances().dim(), (0, 1, 2));
    }
    let fitted = problem().fit(&process());
    assert_eq!(
        fitted.covariances(nobody.view()).unwrap().dim(),
        (0, 1, 2, 2)
    );
}
