//! The choice among regressions.

use crate::data::{binary, constant, smooth};
use contextualized_auto::{
    AutoModel, AutoRegression, Candidate, CandidateOutcome, RegressionMethod,
};
use contextualized_baselines::{ClusterRegression, PopulationRegression};
use contextualized_core::{
    Error, Estimator, Family, LocalCoefficients, Monitor, Samples, VaryingCoefficients,
    WithUncertainty,
};
use contextualized_linear::{GaussianProcessRegression, KernelShape, NeuralRegression};
use ndarray::{Axis, concatenate, s};
use std::sync::{Arc, Mutex};

/// All methods, as fast as they can be.
fn quick() -> Vec<Candidate> {
    vec![
        Candidate::Population(PopulationRegression::new()),
        Candidate::Cluster(ClusterRegression::new().clusters(4)),
        Candidate::GaussianProcess(
            GaussianProcessRegression::new().additive(KernelShape::SquaredExponential),
        ),
        Candidate::Neural(
            NeuralRegression::new()
                .without_shrinkage()
                .epochs(2)
                .batch_size(16),
        ),
    ]
}

fn response_error(model: &dyn LocalCoefficients, samples: &Samples) -> f64 {
    let predictions = model
        .predict(samples.contexts(), samples.features())
        .unwrap();
    Family::Gaussian
        .mean_loss(samples.targets(), predictions.view(), None)
        .unwrap()
}

#[test]
fn the_kernel_is_chosen_where_slopes_are_smooth() {
    let (train, test) = (smooth(150, 1), smooth(1000, 2));
    let model = AutoRegression::new()
        .candidates(quick())
        .fit(&train)
        .unwrap();
    assert_eq!(model.model().method(), RegressionMethod::GaussianProcess);
    assert_eq!(model.describe(), "gp (additive squared exponential)");
    let population = PopulationRegression::new().fit(&train).unwrap();
    assert!(response_error(&model, &test) < 0.5 * response_error(&population, &test));
}

#[test]
fn the_table_holds_what_was_chosen_from() {
    let mut candidates = quick();
    candidates.truncate(3);
    let model = AutoRegression::new()
        .candidates(candidates)
        .fit(&constant(120, 3))
        .unwrap();
    let report = model.report();
    assert_eq!(
        (report.rows(), report.folds(), report.loss()),
        (120, 5, "mean squared error")
    );
    let scores: Vec<_> = report
        .candidates()
        .iter()
        .map(|line| match &line.outcome {
            CandidateOutcome::Compared(score) => *score,
            other => panic!("{}: {other:?}", line.name),
        })
        .collect();
    let lowest = scores
        .iter()
        .map(|score| score.loss)
        .fold(f64::INFINITY, f64::min);
    for score in &scores {
        assert!((score.excess - (score.loss - lowest)).abs() < 1e-12);
    }
    let first = scores
        .iter()
        .position(|score| score.excess <= score.excess_error.unwrap());
    assert_eq!(first, Some(report.chosen()));
    // The error of held-out rows is that of the chosen candidate.
    let chosen = scores[report.chosen()].loss;
    assert!((model.held_out_errors().unwrap()[0].powi(2) - chosen).abs() < 1e-12);
}

#[test]
fn a_hopeless_candidate_is_given_up_unless_it_is_the_first() {
    let model = AutoRegression::new()
        .candidates(quick())
        .fit(&smooth(150, 1))
        .unwrap();
    let lines = model.report().candidates();
    // Two epochs without shrinkage are next to nothing, but so is the population.
    assert!(matches!(lines[0].outcome, CandidateOutcome::Compared(_)));
    let CandidateOutcome::StoppedEarly(reason) = &lines[3].outcome else {
        panic!("{:?}", lines[3]);
    };
    assert!(reason.starts_with("stopped early after 2 of 5 folds"));
}

#[test]
fn a_candidate_that_fails_costs_the_others_nothing() {
    let mut candidates = quick();
    candidates[1] = Candidate::Cluster(ClusterRegression::new().clusters(1000));
    let model = AutoRegression::new()
        .candidates(candidates)
        .fit(&smooth(100, 1))
        .unwrap();
    let CandidateOutcome::Failed(message) = &model.report().candidates()[1].outcome else {
        panic!("1000 clusters of 80 rows were fitted");
    };
    assert!(message.starts_with("clusters is 1000, but must be between 1"));
    assert_ne!(model.report().chosen(), 1);
}

#[test]
fn the_population_is_kept_where_nothing_varies() {
    let model = AutoRegression::new()
        .candidates(quick())
        .fit(&constant(200, 5))
        .unwrap();
    assert_eq!(model.model().method(), RegressionMethod::Population);
}

#[test]
fn binary_targets_have_probabilities_and_their_intervals() {
    let samples = binary(150, 4);
    for (method, bootstraps) in [
        (RegressionMethod::GaussianProcess, 0),
        (RegressionMethod::Population, 0),
        (RegressionMethod::Population, 40),
    ] {
        let model = AutoRegression::new()
            .family(Family::Binomial)
            .only(method)
            .bootstraps(bootstraps)
            .fit(&samples)
            .unwrap();
        assert_eq!(model.family(), Family::Binomial);
        let (contexts, features) = (samples.contexts(), samples.features());
        let predictions = model.predict(contexts, features).unwrap();
        let intervals = model
            .outcome_intervals(contexts, features, None, 0.9)
            .unwrap();
        for (at, p) in predictions.indexed_iter() {
            let ends = (intervals.lower[at], intervals.upper[at]);
            assert!(0.0 <= ends.0 && ends.0 < *p && *p < ends.1 && ends.1 <= 1.0);
        }
    }
}

#[test]
fn models_without_intervals_say_what_to_do() {
    let samples = smooth(60, 1);
    let model = AutoRegression::new()
        .only(RegressionMethod::Cluster)
        .fit(&samples)
        .unwrap();
    let error = model.intervals(samples.contexts(), 0.9).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cluster has no intervals: fit it with bootstraps, or another estimator"
    );
}

#[test]
fn outcome_intervals_hold_new_outcomes() {
    let (train, test) = (smooth(300, 1), smooth(2000, 2));
    let (contexts, features) = (test.contexts(), test.features());
    for candidate in quick() {
        let model = AutoRegression::new()
            .candidates(vec![candidate.clone(), candidate])
            .fit(&train)
            .unwrap();
        let intervals = model
            .outcome_intervals(contexts, features, None, 0.9)
            .unwrap();
        let held = test
            .targets()
            .indexed_iter()
            .filter(|(at, y)| intervals.lower[*at] <= **y && **y <= intervals.upper[*at])
            .count();
        // The standard error is 13 of new rows, and about 20 of the spread of 300 held-out rows.
        assert!(
            (1700..=1900).contains(&held),
            "{held}: {}",
            model.describe()
        );
    }
}

#[test]
fn bootstraps_give_any_candidate_intervals() {
    let samples = smooth(80, 1);
    let model = AutoRegression::new()
        .candidates(vec![quick().remove(3)])
        .bootstraps(39)
        .fit(&samples)
        .unwrap();
    let intervals = model.intervals(samples.contexts(), 0.9).unwrap();
    assert!(intervals.lower.slopes()[[0, 0, 0]] < intervals.upper.slopes()[[0, 0, 0]]);
    assert!(model.model().as_sums().is_some());
    assert!(model.describe().ends_with("39 bootstraps"));
}

/// A model that knows the dispersion has outcome intervals when it is bootstrapped, too; nobody has an empty
/// table of them.
#[test]
fn bootstraps_take_no_outcome_intervals_away() {
    let samples = smooth(80, 1);
    let (contexts, features) = (samples.contexts(), samples.features());
    let intervals = |bootstraps: usize| {
        let model = AutoRegression::new()
            .only(RegressionMethod::Population)
            .bootstraps(bootstraps)
            .fit(&samples)
            .unwrap();
        let nobody = [contexts, features].map(|table| table.slice_move(s![..0, ..]));
        let none = model.outcome_intervals(nobody[0], nobody[1], None, 0.9);
        assert_eq!(none.unwrap().lower.dim(), (0, 1));
        let own = model.outcome_intervals(contexts, features, None, 0.9);
        own.unwrap()
    };
    let (plain, bootstrapped) = (intervals(0), intervals(40));
    for (one, other) in [
        (&plain.lower, &bootstrapped.lower),
        (&plain.upper, &bootstrapped.upper),
    ] {
        let off = (one - other)
            .mapv(f64::abs)
            .fold(0.0, |a: f64, b| a.max(*b));
        assert!(off < 0.2, "{off}");
    }
}

/// The model's own error is in the errors of held-out rows and in the standard errors, and counts once.
#[test]
fn outcome_intervals_of_bootstrapped_clusters_are_not_too_wide() {
    let (mut held, mut all) = (0, 0);
    for seed in 0..12 {
        let (train, test) = (constant(60, seed), constant(500, 100 + seed));
        let cluster = Candidate::Cluster(ClusterRegression::new().clusters(5));
        let model = AutoRegression::new()
            .candidates(vec![cluster])
            .bootstraps(60)
            .fit(&train)
            .unwrap();
        let intervals = model
            .outcome_intervals(test.contexts(), test.features(), None, 0.9)
            .unwrap();
        let targets = test.targets();
        let own = targets
            .indexed_iter()
            .filter(|(at, y)| intervals.lower[*at] <= **y && **y <= intervals.upper[*at]);
        held += own.count();
        all += test.rows();
    }
    let share = held as f64 / f64::from(all as u32);
    assert!((0.87..0.935).contains(&share), "{share}");
}

#[test]
fn units_of_several_targets_do_not_decide() {
    let (varying, noise) = (smooth(120, 1), constant(120, 2));
    let chosen = |unit: f64| {
        let targets = concatenate![
            Axis(1),
            noise.targets().to_owned() * unit,
            varying.targets()
        ];
        let samples = Samples::new(varying.contexts(), varying.features(), targets.view()).unwrap();
        let mut candidates = quick();
        candidates.truncate(3);
        let model = AutoRegression::new()
            .candidates(candidates)
            .fit(&samples)
            .unwrap();
        assert!(model.report().loss().contains("units of each target"));
        model.describe()
    };
    let expected = chosen(1.0);
    assert!(expected.starts_with("gp"), "{expected}");
    for unit in [1e-3, 1e3] {
        assert_eq!(chosen(unit), expected);
    }
}

#[test]
fn models_read_again_predict_the_same_bits() {
    let samples = smooth(80, 1);
    for (candidate, bootstraps) in quick().into_iter().zip([0, 3, 0, 2]) {
        let model = AutoRegression::new()
            .candidates(vec![candidate])
            .bootstraps(bootstraps)
            .fit(&samples)
            .unwrap();
        let text = serde_json::to_string(&model).unwrap();
        let read: AutoModel = serde_json::from_str(&text).unwrap();
        assert_eq!(
            read.coefficients(samples.contexts()).unwrap(),
            model.coefficients(samples.contexts()).unwrap()
        );
        assert_eq!(read.report(), model.report());
    }
}

#[test]
fn numbers_that_contradict_each_other_are_refused() {
    let model = AutoRegression::new()
        .only(RegressionMethod::Cluster)
        .fit(&smooth(60, 1))
        .unwrap();
    let mut value = serde_json::to_value(&model).unwrap();
    value["held_out_errors"]["data"][0] = (-1.0).into();
    let error = serde_json::from_value::<AutoModel>(value.clone()).unwrap_err();
    assert!(error.to_string().contains("held-out error is -1"));
    value["held_out_errors"]["data"][0] = 1.0.into();
    value["report"]["chosen"] = 7.into();
    let error = serde_json::from_value::<AutoModel>(value).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("below the number of candidates, 1")
    );
}

#[test]
fn settings_are_checked() {
    let samples = smooth(60, 1);
    let error = |auto: AutoRegression| auto.fit(&samples).unwrap_err().to_string();
    assert!(error(AutoRegression::new().candidates(vec![])).contains("candidates is 0"));
    assert!(error(AutoRegression::new().candidates(quick()).folds(1)).contains("folds is 1"));
    assert!(
        error(AutoRegression::new().family(Family::Binomial))
            .contains("a binomial target is 0 or 1")
    );
    let logistic = Candidate::Population(PopulationRegression::new().family(Family::Binomial));
    let mixed = AutoRegression::new().candidates(vec![logistic.clone(), logistic]);
    assert!(matches!(
        mixed.fit(&binary(60, 1)),
        Err(Error::InvalidParameter { .. })
    ));
}

#[test]
fn a_monitor_is_told_how_far_the_fits_are() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let monitor = Monitor::new(move |done, total| told.lock().unwrap().push((done, total)));
    let samples = smooth(60, 1).with_monitor(monitor);
    AutoRegression::new()
        .candidates(quick())
        .fit(&samples)
        .unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen.iter().all(|(_, total)| *total == 21));
    assert!(seen.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert_eq!((seen[0].0, seen[seen.len() - 1].0), (0, 21));
}

/// Every candidate of the default, at whatever time: in its search, in its training, between them.
#[test]
fn a_cancelled_fit_ends_with_an_error_of_its_own() {
    for last in [0, 7, 20] {
        let own = Arc::new(Mutex::new(Monitor::default()));
        let shared = Arc::clone(&own);
        let monitor = Monitor::new(move |done, _| {
            if done >= last {
                shared.lock().unwrap().cancel();
            }
        });
        own.lock().unwrap().clone_from(&monitor);
        let samples = smooth(60, 1).with_monitor(monitor);
        assert!(matches!(
            AutoRegression::new().fit(&samples),
            Err(Error::Cancelled)
        ));
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let samples = smooth(100, 1);
    let fit = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            AutoRegression::new()
                .candidates(quick())
                .fit(&samples)
                .unwrap()
        })
    };
    assert_eq!(fit(1), fit(2));
}

#[test]
fn rows_beyond_the_most_are_not_compared_on() {
    let model = AutoRegression::new()
        .candidates(quick())
        .most_rows(70)
        .fit(&smooth(200, 1))
        .unwrap();
    assert_eq!(model.report().rows(), 70);
}
