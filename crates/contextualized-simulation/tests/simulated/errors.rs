//! Simulations that cannot be made say why.

use contextualized_core::{Error, Family};
use contextualized_simulation::{Draws, Simulator};
use ndarray::{Array2, array};

fn error(simulator: Simulator) -> String {
    simulator
        .simulate(0)
        .map(|data| data.rows())
        .expect_err("an invalid simulation")
        .to_string()
}

fn valid() -> Simulator {
    Simulator::new(5)
        .uniform_contexts(2, 0.0, 1.0)
        .slopes(|c| c.to_vec())
}

#[test]
fn what_is_missing_is_named() {
    assert_eq!(
        error(Simulator::new(5).slopes(|c| c.to_vec())),
        "contexts is missing, but must be drawn or given"
    );
    assert_eq!(
        error(Simulator::new(5).normal_contexts(1)),
        "slopes is missing, but must be a function of the context"
    );
}

#[test]
fn nothing_is_not_enough() {
    let no_rows = |simulator: Simulator| {
        let error = simulator.slopes(|c| c.to_vec()).simulate(0);
        matches!(
            error,
            Err(Error::NoRows {
                argument: "contexts"
            })
        )
    };
    assert!(no_rows(Simulator::new(0).normal_contexts(1)));
    assert!(no_rows(Simulator::at_contexts(
        Array2::zeros((0, 1)).view()
    )));
    assert_eq!(
        error(valid().uniform_contexts(0, 0.0, 1.0)),
        "contexts has no columns"
    );
    assert_eq!(
        error(Simulator::at_contexts(Array2::zeros((3, 0)).view()).slopes(|_| vec![1.0])),
        "contexts has no columns"
    );
    assert_eq!(
        error(valid().slopes(|_| Vec::new())),
        "slopes has no columns"
    );
    assert_eq!(
        error(valid().slope_matrix(|_| Array2::zeros((0, 2)))),
        "slopes has no columns"
    );
}

#[test]
fn noise_is_a_standard_deviation() {
    for noise in [-0.1, f64::NAN, f64::INFINITY] {
        assert!(matches!(
            valid().noise(noise).simulate(0),
            Err(Error::InvalidParameter {
                parameter: "noise",
                ..
            })
        ));
    }
}

#[test]
fn widths_must_agree() {
    let at = || Simulator::at_contexts(array![[1.0], [2.0]].view());
    let repeated = |c: &[f64]| vec![1.0; c[0] as usize];
    assert_eq!(
        error(at().slopes(repeated)),
        "features of slopes: the number of columns is 2, expected 1"
    );
    // As many numbers in another shape.
    let turned = |c: &[f64]| Array2::zeros((c[0] as usize, 3 - c[0] as usize));
    assert_eq!(
        error(at().slope_matrix(turned)),
        "targets of slopes: the number of columns is 2, expected 1"
    );
    assert_eq!(
        error(valid().intercepts(|_| vec![0.0, 0.0])),
        "intercepts: the number of columns is 2, expected 1"
    );
    assert_eq!(
        error(valid().features(|draws, _| vec![draws.uniform(0.0, 1.0)])),
        "features: the number of columns is 1, expected 2"
    );
    let ragged = |draws: &mut Draws| vec![0.0; 1 + draws.index(2)];
    assert!(matches!(
        Simulator::new(50)
            .contexts(ragged)
            .slopes(|_| vec![1.0])
            .simulate(0),
        Err(Error::ColumnCount {
            argument: "contexts",
            ..
        })
    ));
}

#[test]
fn values_that_are_not_finite_are_found() {
    let at = || Simulator::at_contexts(array![[1.0], [0.0]].view());
    assert_eq!(
        error(at().slopes(|c| vec![1.0, 1.0 / c[0]])),
        "slopes contains inf at row 2, column 2"
    );
    assert_eq!(
        error(at().slopes(|_| vec![1.0]).intercept(|c| 0.0 / c[0])),
        "intercepts contains NaN at row 2, column 1"
    );
    assert_eq!(
        error(
            at().slopes(|_| vec![1.0])
                .features(|draws, c| vec![draws.exponential(c[0])])
        ),
        "features contains NaN at row 2, column 1"
    );
    assert_eq!(
        error(valid().contexts(|draws| vec![0.0, draws.bernoulli(2.0)])),
        "contexts contains NaN at row 1, column 2"
    );
    assert_eq!(
        error(Simulator::at_contexts(array![[0.0], [f64::NAN]].view()).slopes(|_| vec![1.0])),
        "contexts contains NaN at row 2, column 1"
    );
    let overflow = || at().slopes(|_| vec![1e200]).features(|_, _| vec![1e200]);
    assert_eq!(
        error(overflow()),
        "the linear predictor contains inf at row 1, column 1"
    );
    assert_eq!(
        error(valid().uniform_features(f64::MIN, f64::MAX)),
        "features contains inf at row 1, column 1"
    );
    // A logit without bounds is not a number either, though its mean would be one.
    assert_eq!(
        error(overflow().family(Family::Binomial)),
        "the linear predictor contains inf at row 1, column 1"
    );
}
