//! Explicit, implicit and wrapped models behind one trait object.

use crate::models::{Failing, Halved, Mean, MeanOnly, Parabola};
use contextualized_core::{
    DynEstimator, Error, Estimator, LocalCoefficients, Samples, VaryingCoefficients,
};
use ndarray::array;

fn mean_of_four() -> Mean {
    Mean {
        mean: array![4.0],
        contexts: 1,
        features: 1,
    }
}

#[test]
fn a_list_holds_explicit_implicit_and_wrapped_models() {
    let explicit: Box<dyn VaryingCoefficients> = Box::new(mean_of_four());
    let models: Vec<Box<dyn LocalCoefficients>> = vec![
        Box::new(mean_of_four()),
        Box::new(Parabola),
        Box::new(Halved(mean_of_four())),
        // A boxed explicit model is itself an explicit model and can be wrapped again.
        Box::new(Halved(explicit)),
    ];
    let (contexts, features) = (array![[3.0], [1.0]], array![[2.0], [-1.0]]);
    let predictions: Vec<_> = models
        .iter()
        .map(|model| model.predict(contexts.view(), features.view()).unwrap())
        .collect();
    assert_eq!(predictions[0], array![[4.0], [4.0]]);
    assert_eq!(predictions[1], array![[12.0], [1.0]]); // c x²: the local model is exact at its point
    assert_eq!(predictions[2], array![[2.0], [2.0]]);
    assert_eq!(predictions[3], predictions[2]);
}

#[test]
fn a_boxed_estimator_is_an_estimator() {
    let table = array![[1.0], [3.0]];
    let samples = Samples::new(table.view(), table.view(), table.view()).unwrap();
    let estimator: Box<dyn DynEstimator> = Box::new(MeanOnly);
    assert_eq!(Estimator::name(&estimator), "mean");
    let model: Box<dyn LocalCoefficients> = estimator.fit(&samples).unwrap();
    let predictions = model.predict(table.view(), table.view()).unwrap();
    assert_eq!(predictions, array![[2.0], [2.0]]);
    let boxed_again: Box<dyn DynEstimator> = Box::new(estimator);
    assert!(boxed_again.fit_boxed(&samples).is_ok());
}

#[test]
fn a_query_that_does_not_fit_is_an_error() {
    let model: Box<dyn LocalCoefficients> = Box::new(mean_of_four());
    let one = array![[1.0]];
    let wide = array![[1.0, 2.0]];
    let long = array![[1.0], [2.0]];
    assert_eq!(
        model
            .predict(wide.view(), one.view())
            .unwrap_err()
            .to_string(),
        "contexts: the number of columns is 2, expected 1"
    );
    assert_eq!(
        model
            .predict(one.view(), long.view())
            .unwrap_err()
            .to_string(),
        "features: the number of rows is 2, expected 1"
    );
    assert!(matches!(
        model.predict(one.view(), array![[f64::NAN]].view()),
        Err(Error::NotFinite {
            argument: "features",
            row: 0,
            column: 0,
            ..
        })
    ));
    let nobody = ndarray::Array2::zeros((0, 1));
    assert_eq!(
        model.predict(nobody.view(), nobody.view()).unwrap().dim(),
        (0, 1)
    );
}

#[test]
fn failures_keep_their_reason() {
    let table = array![[1.0]];
    let samples = Samples::new(table.view(), table.view(), table.view()).unwrap();
    let estimator: Box<dyn DynEstimator> = Box::new(Failing);
    assert!(matches!(estimator.fit(&samples), Err(Error::NoWeight)));
}

#[test]
fn data_models_and_errors_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<Samples>();
    crosses::<Error>();
    crosses::<Box<dyn DynEstimator>>();
    crosses::<Box<dyn LocalCoefficients>>();
}
