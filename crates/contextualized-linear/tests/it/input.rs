//! Bad input and edge cases: a typed error, or a sane result.

use contextualized_core::{
    Error, Estimator, Family, LocalCoefficients, Samples, VaryingCoefficients,
};
use contextualized_linear::{
    EncoderKind, EncoderLink, MlpSettings, NeuralRegression, Parameterization,
};
use contextualized_simulation::Simulator;
use ndarray::{Array2, Axis, array, concatenate};
use std::ops::ControlFlow;

fn samples(rows: usize) -> Samples {
    Simulator::new(rows)
        .uniform_contexts(2, -1.0, 1.0)
        .slopes(|c| vec![c[0], 1.0])
        .simulate(0)
        .unwrap()
        .samples
}

fn quick() -> NeuralRegression {
    NeuralRegression::new().epochs(2).without_early_stopping()
}

#[test]
fn settings_out_of_range_are_named() {
    let data = samples(20);
    let cases = [
        (quick().epochs(0), "epochs is 0"),
        (quick().batch_size(0), "batch_size is 0"),
        (quick().learning_rate(-1.0), "learning_rate is -1"),
        (quick().mlp(0, 2), "width is 0"),
        (quick().mlp(5, 0), "layers is 0"),
        (
            quick().parameterization(Parameterization::Archetypes(0)),
            "archetypes is 0",
        ),
        (quick().early_stopping(0.0, 5), "fraction is 0"),
        (quick().early_stopping(1.0, 5), "fraction is 1"),
        (quick().early_stopping(0.2, 0), "patience is 0"),
    ];
    for (estimator, message) in cases {
        let error = estimator.fit(&data).unwrap_err();
        assert!(matches!(error, Error::InvalidParameter { .. }));
        assert!(error.to_string().starts_with(message), "{error}");
    }
}

#[test]
fn one_row_is_too_few_to_validate_and_enough_to_fit() {
    assert!(matches!(
        NeuralRegression::new().fit(&samples(1)),
        Err(Error::TooFewRows {
            needed: 2,
            found: 1,
            ..
        })
    ));
    let one = samples(1);
    let model = quick().fit(&one).unwrap();
    let prediction = model.predict(one.contexts(), one.features()).unwrap();
    assert!((prediction[[0, 0]] - one.targets()[[0, 0]]).abs() < 0.1);
    // Too few rows to tell a deviation from noise: none is kept.
    assert_eq!(model.shares().to_vec(), [0.0]);
}

#[test]
fn batches_may_be_larger_than_the_data() {
    assert!(quick().batch_size(1000).fit(&samples(7)).is_ok());
}

#[test]
fn a_diverging_learning_rate_is_an_error() {
    assert!(matches!(
        quick().epochs(50).learning_rate(1e3).fit(&samples(50)),
        Err(Error::Diverged { .. })
    ));
}

/// Constant columns add nothing; with only constant columns the model is a population model.
#[test]
fn constant_columns_and_identical_rows_give_finite_results() {
    let data = samples(40);
    let constant = Array2::from_elem((40, 1), 3.7);
    for (contexts, features) in [
        (
            concatenate![Axis(1), data.contexts(), constant],
            data.features().to_owned(),
        ),
        (
            constant.clone(),
            concatenate![Axis(1), data.features(), constant],
        ),
        (constant.clone(), constant.clone()),
    ] {
        let samples = Samples::new(contexts.view(), features.view(), data.targets()).unwrap();
        let model = quick().fit(&samples).unwrap();
        let coefficients = model.coefficients(samples.contexts()).unwrap();
        assert!(coefficients.slopes().iter().all(|slope| slope.is_finite()));
    }
    let identical = Samples::new(constant.view(), constant.view(), constant.view()).unwrap();
    let model = NeuralRegression::new().fit(&identical).unwrap();
    let predictions = model
        .predict(identical.contexts(), identical.features())
        .unwrap();
    assert!(
        predictions
            .iter()
            .all(|prediction| (prediction - 3.7).abs() < 0.05)
    );
}

/// Units at the ends of what a float can hold are as good as any, or an error, never a NaN.
#[test]
fn extreme_units_are_harmless_or_an_error() {
    let data = samples(40);
    let fit = |c: f64, x: f64, y: f64| {
        let scaled = Samples::new(
            (&data.contexts() * c).view(),
            (&data.features() * x).view(),
            (&data.targets() * y).view(),
        )
        .unwrap();
        let model = quick().fit(&scaled)?;
        model.predict(scaled.contexts(), scaled.features())
    };
    let usual = fit(1.0, 1.0, 1.0).unwrap();
    for (c, x, y) in [
        (1e200, 1.0, 1.0),
        (1e-200, 1.0, 1.0),
        (1.0, 1e100, 1.0),
        (1.0, 1e-100, 1e100),
    ] {
        let found = fit(c, x, y).unwrap() / y;
        let largest = (&found - &usual)
            .iter()
            .fold(0.0_f64, |a, b| a.max(b.abs()));
        assert!(largest < 1e-6, "{c} {x} {y}: {largest}");
    }
    // Slopes of 1e200 / 1e-200 are no numbers.
    assert!(matches!(
        fit(1.0, 1e-200, 1e200),
        Err(Error::NotFinite { .. })
    ));
}

/// Rows of weight zero change nothing, and leave enough to validate on.
#[test]
fn rows_of_weight_zero_do_not_count() {
    let data = samples(60);
    let rows: Vec<usize> = (0..60).filter(|row| row % 4 == 0).collect();
    let weights = ndarray::Array1::from_shape_fn(60, |row| f64::from(row % 4 == 0));
    let weighted = data.clone().with_weights(weights.view()).unwrap();
    let estimator = NeuralRegression::new().epochs(3);
    let ones = ndarray::Array1::ones(rows.len());
    let alone = data
        .select(&rows)
        .unwrap()
        .with_weights(ones.view())
        .unwrap();
    assert_eq!(
        estimator.fit(&weighted).unwrap(),
        estimator.fit(&alone).unwrap()
    );
}

#[test]
fn binary_targets_that_are_not_are_named() {
    let error = quick()
        .family(Family::Binomial)
        .fit(&samples(30))
        .unwrap_err();
    assert!(
        matches!(error, Error::InvalidTarget { row: 0, .. }),
        "{error}"
    );
}

#[test]
fn only_additive_encoders_have_shape_functions() {
    let data = samples(30);
    let values = array![0.0, 1.0];
    let model = quick().fit(&data).unwrap();
    assert!(matches!(
        model.shape_function(0, values.view()),
        Err(Error::InvalidParameter {
            parameter: "encoder",
            ..
        })
    ));
    let additive = quick().encoder(EncoderKind::Additive(MlpSettings::default()));
    let model = additive.fit(&data).unwrap();
    assert!(matches!(
        model.shape_function(2, values.view()),
        Err(Error::InvalidParameter {
            parameter: "column",
            ..
        })
    ));
    let linked = additive
        .encoder_link(EncoderLink::Softmax)
        .fit(&data)
        .unwrap();
    assert!(linked.shape_function(0, values.view()).is_err());
}

/// Files that were altered so that they contradict themselves are refused.
#[test]
fn altered_models_are_refused() {
    let model = quick().fit(&samples(20)).unwrap();
    let good = serde_json::to_value(&model).unwrap();
    let load = |value: &serde_json::Value| {
        serde_json::from_str::<contextualized_linear::NeuralModel>(&value.to_string())
    };
    assert_eq!(load(&good).unwrap(), model);
    let narrow = serde_json::json!({"v": 1, "dim": [1], "data": [0.5]});
    for pointer in [
        "/scaling/contexts/centers",
        "/scaling/features/scales",
        "/population/intercepts",
    ] {
        let mut bad = good.clone();
        let part = bad.pointer_mut(pointer).unwrap();
        *part = if pointer == "/population/intercepts" {
            serde_json::json!({"v": 1, "dim": [2], "data": [0.5, 0.5]})
        } else {
            narrow.clone()
        };
        assert!(load(&bad).is_err(), "{pointer}");
    }
    let mut layers = good.clone();
    layers
        .pointer_mut("/deviation/numbers/tensors")
        .unwrap()
        .as_array_mut()
        .unwrap()
        .pop();
    assert!(load(&layers).is_err());
}

#[test]
fn queries_are_checked() {
    let model = quick().fit(&samples(20)).unwrap();
    let (two, three) = (array![[0.0, 1.0]], array![[0.0, 1.0, 2.0]]);
    assert!(matches!(
        model.coefficients(three.view()),
        Err(Error::ColumnCount {
            argument: "contexts",
            expected: 2,
            found: 3
        })
    ));
    assert!(matches!(
        model.predict(two.view(), three.view()),
        Err(Error::ColumnCount {
            argument: "features",
            expected: 2,
            found: 3
        })
    ));
    assert!(matches!(
        model.predict(array![[f64::NAN, 0.0]].view(), two.view()),
        Err(Error::NotFinite {
            argument: "contexts",
            row: 0,
            column: 0,
            ..
        })
    ));
    // A row is named as the user counts it, beyond the first block too.
    let mut far = Array2::zeros((2000, 2));
    far[[1500, 1]] = f64::MAX;
    let error = model.coefficients(far.view()).unwrap_err().to_string();
    assert!(error.contains("row 1501, column 2"), "{error}");
    let nobody = Array2::zeros((0, 2));
    assert_eq!(
        model.predict(nobody.view(), nobody.view()).unwrap().dim(),
        (0, 1)
    );
}

#[test]
fn an_observer_sees_both_losses_and_may_stop() {
    let mut epochs = 0;
    let model = NeuralRegression::new()
        .fit_observed(&samples(50), &mut |progress| {
            epochs += 1;
            assert_eq!(progress.epoch, epochs);
            assert!(progress.training_loss.is_finite());
            assert!(progress.validation_loss.unwrap().is_finite());
            if epochs == 4 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .unwrap();
    assert_eq!(epochs, 4);
    assert_eq!(model.report().iterations, 4);
}

#[test]
fn models_cross_threads() {
    fn crosses<T: Send + Sync + 'static>() {}
    crosses::<NeuralRegression>();
    crosses::<contextualized_linear::NeuralModel>();
}
