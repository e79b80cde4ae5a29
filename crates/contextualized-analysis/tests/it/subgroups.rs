//! Tables by subgroup.

use approx::assert_relative_eq;
use contextualized_analysis::{SubgroupAnalysis, Subgroups};
use contextualized_baselines::PopulationRegression;
use contextualized_core::{Error, Estimator, Family, LocalCoefficients};
use contextualized_simulation::Simulator;
use ndarray::{Array1, array};

#[test]
fn a_table_by_hand() {
    let (outcomes, predictions) = (
        array![1.0, 2.0, 4.0, 9.0, 5.0],
        array![2.0, 2.0, 3.0, 7.0, 5.0],
    );
    let weights = array![1.0, 1.0, 2.0, 3.0, 0.0];
    let subgroups = Subgroups::by_label(&["a", "a", "a", "b", "c"]).unwrap();
    let table = SubgroupAnalysis::new()
        .of_predictions(
            &subgroups,
            outcomes.view(),
            predictions.view(),
            Some(weights.view()),
            Family::Gaussian,
        )
        .unwrap();
    // Nothing counts in c.
    assert_eq!(table.len(), 2);
    let [a, b] = &table[..] else { unreachable!() };
    assert_eq!((a.name.as_str(), a.rows, a.weight), ("a", 3, 4.0));
    assert_relative_eq!(a.mean_outcome, 11.0 / 4.0);
    assert_relative_eq!(a.mean_prediction, 10.0 / 4.0);
    assert_relative_eq!(a.bias.value, -0.25);
    assert_relative_eq!(a.squared_error.value, 0.75);
    // Shares ¼, ¼, ½ of errors 1, 0, −1 about −¼.
    let variance = (1.25_f64.powi(2) + 0.25_f64.powi(2)) / 16.0 + 0.75_f64.powi(2) / 4.0;
    assert_relative_eq!(
        a.bias.standard_error.unwrap(),
        (variance * 1.5).sqrt(),
        max_relative = 1e-12
    );
    assert_relative_eq!(a.r_squared.unwrap(), 1.0 - 3.0 / 6.75, max_relative = 1e-12);
    assert!(a.calibration.is_some() && a.auroc.is_none() && a.loss == a.squared_error);
    // One row has no standard error, variance or line.
    assert_eq!((b.rows, b.bias.value), (1, -2.0));
    assert_eq!(
        (b.bias.standard_error, b.squared_error.standard_error),
        (None, None)
    );
    assert!(b.r_squared.is_none() && b.calibration.is_none());
    assert_eq!(b.reliability.len(), 1);
    assert_eq!(b.reliability[0].interval, None);
}

#[test]
fn a_logistic_model_is_well_calibrated_where_it_is_right() {
    let simulate = |rows: usize, seed| {
        let simulator = Simulator::new(rows).uniform_contexts(1, -1.0, 1.0);
        let data = simulator
            .slopes(|_| vec![1.5])
            .intercept(|_| -0.5)
            .family(Family::Binomial);
        data.simulate(seed).unwrap().samples
    };
    let (train, new) = (simulate(1000, 1), simulate(4000, 2));
    let model = PopulationRegression::new()
        .family(Family::Binomial)
        .fit(&train)
        .unwrap();
    let subgroups = Subgroups::by_quantile(new.contexts().column(0), 4).unwrap();
    let tables = SubgroupAnalysis::new()
        .of_model(&subgroups, &model, &new)
        .unwrap();
    assert_eq!((tables.len(), tables[0].len()), (1, 4));
    let within = |found: contextualized_analysis::Measured, truth: f64| {
        let error = found.standard_error.unwrap();
        assert!(
            (found.value - truth).abs() < 4.0 * error,
            "{found:?} of {truth}"
        );
        assert!(error < 0.2);
    };
    for line in &tables[0] {
        assert_eq!(line.rows, 1000);
        within(line.bias, 0.0);
        let calibration = line.calibration.unwrap();
        within(calibration.intercept, 0.0);
        within(calibration.slope, 1.0);
        // The Brier score and the log loss are the same numbers as elsewhere.
        assert!((0.15..0.22).contains(&line.squared_error.value));
        assert!((0.5..0.65).contains(&line.loss.value));
        assert!((0.75..0.85).contains(&line.auroc.unwrap().value));
        assert_eq!(line.reliability.len(), 10);
        let held = line.reliability.iter().filter(|bin| {
            let (lower, upper) = bin.interval.unwrap();
            (lower..=upper).contains(&bin.mean_prediction)
        });
        assert!(held.count() >= 7);
    }
    // All rows at once agree with the predictions given plainly.
    let all = Subgroups::all(new.rows());
    let predictions = model.predict(new.contexts(), new.features()).unwrap();
    let plain = SubgroupAnalysis::new()
        .of_predictions(
            &all,
            new.targets().column(0),
            predictions.column(0),
            None,
            Family::Binomial,
        )
        .unwrap();
    let of_model = SubgroupAnalysis::new()
        .of_model(&all, &model, &new)
        .unwrap();
    assert_eq!(plain, of_model[0]);
}

#[test]
fn one_class_leaves_some_columns_empty() {
    let table = SubgroupAnalysis::new()
        .of_predictions(
            &Subgroups::by_label(&[1, 1, 2]).unwrap(),
            array![0.0, 0.0, 1.0].view(),
            array![0.1, 0.4, 0.5].view(),
            None,
            Family::Binomial,
        )
        .unwrap();
    for line in table {
        assert!(line.auroc.is_none() && line.calibration.is_none() && line.r_squared.is_none());
        assert!(line.loss.value.is_finite());
        assert!(line.reliability.iter().all(|bin| bin.interval.is_some()));
    }
}

#[test]
fn bad_input_is_named() {
    let labels = Subgroups::by_label(&["a", "b"]).unwrap();
    let error = |outcomes: Array1<f64>, predictions: Array1<f64>| {
        SubgroupAnalysis::new()
            .of_predictions(
                &labels,
                outcomes.view(),
                predictions.view(),
                None,
                Family::Binomial,
            )
            .unwrap_err()
    };
    assert!(matches!(
        error(array![0.0, 1.0, 0.0], array![0.1, 0.2, 0.3]),
        Error::RowCount {
            argument: "labels",
            ..
        }
    ));
    assert!(matches!(
        error(array![0.0, 1.5], array![0.1, 0.2]),
        Error::InvalidTarget { row: 1, .. }
    ));
    assert!(
        error(array![0.0, 1.0], array![0.1, 1.2])
            .to_string()
            .contains("1.2 at row 2")
    );
    let analysis = SubgroupAnalysis::new();
    let (y, p) = (array![0.0, 1.0], array![0.1, 0.2]);
    for bad in [analysis.clone().bins(0), analysis.clone().level(1.0)] {
        assert!(matches!(
            bad.of_predictions(&labels, y.view(), p.view(), None, Family::Binomial),
            Err(Error::InvalidParameter { .. })
        ));
    }
    assert!(matches!(
        analysis.of_predictions(
            &labels,
            y.view(),
            p.view(),
            Some(array![1.0, -1.0].view()),
            Family::Binomial
        ),
        Err(Error::InvalidWeight { row: 1, .. })
    ));
}
