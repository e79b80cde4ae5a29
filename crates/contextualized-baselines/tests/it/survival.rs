//! Survival times against R: `tests/reference/survival.R` makes the values.

use approx::assert_relative_eq;
use contextualized_baselines::{CoxModel, CoxRegression, PopulationRegression, Ties};
use contextualized_core::{
    Error, Estimator, Family, Samples, SurvivalTimes, TimeIntervals, VaryingCoefficients,
    WithUncertainty,
};
use ndarray::{Array1, Array2, Axis, array, concatenate};
use serde_json::Value;

fn stored() -> Value {
    serde_json::from_str(include_str!("../reference/survival.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

/// Columns of a file of numbers, by name.
fn columns(text: &str, names: &[&str]) -> Array2<f64> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let positions: Vec<usize> = names
        .iter()
        .map(|name| header.iter().position(|own| own == name).unwrap())
        .collect();
    let rows: Vec<Vec<f64>> = lines
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            positions
                .iter()
                .map(|&at| cells[at].parse().unwrap())
                .collect()
        })
        .collect();
    Array2::from_shape_fn((rows.len(), names.len()), |(row, column)| rows[row][column])
}

const VETERAN: &str = include_str!("../data/veteran.csv");
const HEART: &str = include_str!("../data/heart.csv");

fn veteran(features: &[&str]) -> (Samples, SurvivalTimes) {
    let times = columns(VETERAN, &["time", "event"]);
    let features = columns(VETERAN, features);
    let none = Array2::zeros((features.nrows(), 1));
    (
        Samples::new(none.view(), features.view(), none.view()).unwrap(),
        SurvivalTimes::new(times.column(0), times.column(1)).unwrap(),
    )
}

fn heart() -> (Samples, SurvivalTimes) {
    let times = columns(HEART, &["start", "stop", "event"]);
    let features = columns(HEART, &["transplant", "age", "year", "surgery"]);
    let none = Array2::zeros((features.nrows(), 1));
    (
        Samples::new(none.view(), features.view(), none.view()).unwrap(),
        SurvivalTimes::with_entry(times.column(0), times.column(1), times.column(2)).unwrap(),
    )
}

fn check(found: impl IntoIterator<Item = f64>, expected: &[f64], precision: f64) {
    let found: Vec<f64> = found.into_iter().collect();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_relative_eq!(found, expected, max_relative = precision, epsilon = 1e-9);
    }
}

/// The intercept first.
fn check_population(samples: &Samples, expected: &Value) {
    let model = PopulationRegression::new()
        .family(Family::Poisson)
        .fit(samples)
        .unwrap();
    let at = samples.contexts().slice_move(ndarray::s![..1, ..]);
    for (found, what) in [
        (model.coefficients(at).unwrap(), "coefficients"),
        (model.standard_errors(at).unwrap(), "errors"),
    ] {
        let slopes = found.slopes().index_axis_move(Axis(0), 0);
        let slopes = slopes.index_axis_move(Axis(0), 0);
        let found = std::iter::once(found.intercepts()[[0, 0]]).chain(slopes.iter().copied());
        check(found, &numbers(&expected[what]), 1e-7);
    }
}

/// However finely time is cut, a constant hazard is that of `survreg(dist = "exponential")`.
#[test]
fn a_constant_hazard_is_that_of_survreg() {
    let (subjects, times) = veteran(&["test", "karno", "age"]);
    for most in [1, 12, 50] {
        let intervals = TimeIntervals::at_quantiles(&times, None, most).unwrap();
        let samples = intervals.samples(&subjects, &times, "time").unwrap();
        check_population(&samples, &stored()["exponential"]);
    }
}

/// A hazard for each interval is a factor of Poisson rows, which `survSplit` makes too.
#[test]
fn piecewise_hazards_are_those_of_glm() {
    let stored = stored();
    let (subjects, times) = veteran(&["test", "karno", "age"]);
    let mut ends = vec![0.0];
    ends.extend(numbers(&stored["cuts"]));
    ends.push(times.stops().iter().copied().fold(0.0, f64::max));
    let intervals = TimeIntervals::between(&ends).unwrap();
    let samples = intervals.samples(&subjects, &times, "time").unwrap();
    assert_eq!(samples.rows() as u64, stored["rows"].as_u64().unwrap());
    let split = intervals.split(&times);
    let factor = Array2::from_shape_fn((samples.rows(), 3), |(row, level)| {
        f64::from(split.intervals[row] == level + 1)
    });
    let features = concatenate(Axis(1), &[factor.view(), samples.features()]).unwrap();
    let with_factor = Samples::new(samples.contexts(), features.view(), samples.targets())
        .unwrap()
        .with_offsets(samples.offsets().unwrap())
        .unwrap();
    check_population(&with_factor, &stored["piecewise"]);
}

fn check_cox(model: &CoxModel, expected: &Value) {
    check(
        model.coefficients().to_vec(),
        &numbers(&expected["coefficients"]),
        1e-6,
    );
    check(
        model.standard_errors().to_vec(),
        &numbers(&expected["errors"]),
        1e-6,
    );
    check(model.log_likelihoods(), &numbers(&expected["loglik"]), 1e-9);
    let baseline = model.baseline_cumulative_hazard();
    let at = |time: f64| {
        let found = baseline.iter().rev().find(|(own, _)| *own <= time);
        found.unwrap().1
    };
    let found = numbers(&expected["times"]).into_iter().map(at);
    check(found, &numbers(&expected["hazards"]), 1e-6);
}

fn ties(expected: &Value) -> Ties {
    serde_json::from_value(expected["ties"].clone()).unwrap()
}

#[test]
fn hazard_ratios_are_those_of_coxph() {
    let (subjects, times) = veteran(&["test", "karno", "age", "prior"]);
    let weights = columns(VETERAN, &["weight"]);
    for expected in stored()["cox"].as_array().unwrap() {
        let subjects = if expected["weighted"].as_bool().unwrap() {
            subjects.clone().with_weights(weights.column(0)).unwrap()
        } else {
            subjects.clone()
        };
        let cox = CoxRegression::new().ties(ties(expected));
        check_cox(&cox.fit(&subjects, &times).unwrap(), expected);
    }
}

#[test]
fn times_with_entry_are_those_of_coxph() {
    let (subjects, times) = heart();
    for expected in stored()["counting"].as_array().unwrap() {
        let cox = CoxRegression::new().ties(ties(expected));
        check_cox(&cox.fit(&subjects, &times).unwrap(), expected);
    }
}

/// Units, the order of rows, weights in the place of copies and rows cut in two change nothing.
#[test]
fn invariances() {
    let (subjects, times) = veteran(&["test", "karno"]);
    let cox = CoxRegression::new().ties(Ties::Breslow);
    let fit = cox.fit(&subjects, &times).unwrap();
    let order: Vec<usize> = (0..times.rows()).rev().collect();
    let of = |rows: &[usize], start: Option<&Array1<f64>>| {
        let event: Array1<f64> = rows
            .iter()
            .map(|&row| f64::from(times.events()[row]))
            .collect();
        let stops = times.stops().select(Axis(0), rows);
        let none = Array1::zeros(rows.len());
        SurvivalTimes::with_entry(start.unwrap_or(&none).view(), stops.view(), event.view())
            .unwrap()
    };
    let turned = subjects.select(&order).unwrap();
    let turned = cox.fit(&turned, &of(&order, None)).unwrap();
    check(
        turned.coefficients().to_vec(),
        fit.coefficients().as_slice().unwrap(),
        1e-9,
    );
    let features = subjects.features().to_owned() * &array![10.0, 0.1] + 5.0;
    let none = Array2::zeros((times.rows(), 1));
    let scaled = Samples::new(none.view(), features.view(), none.view()).unwrap();
    let scaled = cox.fit(&scaled, &times).unwrap();
    let expected = fit.coefficients() / &array![10.0, 0.1];
    check(
        scaled.coefficients().to_vec(),
        expected.as_slice().unwrap(),
        1e-9,
    );
    // Survival does not depend on where features are zero.
    let asked = [50.0, 200.0];
    let before = fit.survival(subjects.features(), &asked).unwrap();
    let after = scaled.survival(features.view(), &asked).unwrap();
    check(after, before.as_slice().unwrap(), 1e-9);
    let weights = Array1::from_elem(times.rows(), 2.0);
    let weighted = subjects.clone().with_weights(weights.view()).unwrap();
    let weighted = cox.fit(&weighted, &times).unwrap();
    let doubled: Vec<usize> = (0..times.rows()).chain(0..times.rows()).collect();
    let copied = subjects.select(&doubled).unwrap();
    let copied = cox.fit(&copied, &of(&doubled, None)).unwrap();
    check(
        weighted.standard_errors().to_vec(),
        copied.standard_errors().as_slice().unwrap(),
        1e-9,
    );
}

#[test]
fn what_cannot_be_fitted_is_said() {
    let fit = |features: Array2<f64>, events: [f64; 4]| {
        let none = Array2::zeros((4, 1));
        let subjects = Samples::new(none.view(), features.view(), none.view()).unwrap();
        let times = array![1.0, 2.0, 3.0, 4.0];
        let times = SurvivalTimes::new(times.view(), Array1::from(events.to_vec()).view()).unwrap();
        CoxRegression::new().fit(&subjects, &times).unwrap_err()
    };
    let feature = array![[1.0], [0.0], [3.0], [2.0]];
    assert!(matches!(
        fit(feature.clone(), [0.0; 4]),
        Error::InvalidParameter { .. }
    ));
    assert!(matches!(
        fit(Array2::ones((4, 1)), [1.0; 4]),
        Error::RankDeficient { .. }
    ));
    assert!(matches!(
        fit(Array2::zeros((4, 0)), [1.0; 4]),
        Error::NoColumns { .. }
    ));
    // Whoever has the larger feature has its event first, always.
    let falling = array![[4.0], [3.0], [2.0], [1.0]];
    assert!(matches!(fit(falling, [1.0; 4]), Error::Separated { .. }));
}

#[test]
fn a_stored_model_comes_back() {
    let (subjects, times) = heart();
    let model = CoxRegression::new().fit(&subjects, &times).unwrap();
    let text = serde_json::to_string(&model).unwrap();
    assert_eq!(serde_json::from_str::<CoxModel>(&text).unwrap(), model);
    let mut other: Value = serde_json::from_str(&text).unwrap();
    other["baseline"][0][1] = Value::from(-1.0);
    assert!(serde_json::from_value::<CoxModel>(other).is_err());
}
