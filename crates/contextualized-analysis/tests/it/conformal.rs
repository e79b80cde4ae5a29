//! Prediction intervals hold what they say, whatever the model.

use contextualized_analysis::{ConformalModel, SplitConformal};
use contextualized_baselines::{ClusterRegression, PopulationModel, PopulationRegression};
use contextualized_core::{
    DynEstimator, Error, Estimator, Family, LocalCoefficients, PredictionIntervals, Result,
    Samples, VaryingCoefficients,
};
use contextualized_simulation::Simulator;
use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Slopes that vary with the context and, if asked for, noise that does: from 0.1 to 1.7.
fn samples(rows: usize, noise_varies: bool, seed: u64) -> Samples {
    let simulator = |noise: f64, slope: f64| {
        Simulator::new(rows)
            .uniform_contexts(1, -1.0, 1.0)
            .slopes(move |c| vec![slope * c[0], slope])
            .noise(noise)
            .simulate(seed)
            .unwrap()
            .samples
    };
    let (signal, noise) = (simulator(0.0, 1.0), simulator(1.0, 0.0));
    let deviations = signal
        .contexts()
        .mapv(|c| if noise_varies { 0.9 + 0.8 * c } else { 0.5 });
    let targets = &signal.targets() + &(&noise.targets() * &deviations);
    Samples::new(signal.contexts(), signal.features(), targets.view()).unwrap()
}

fn held(intervals: &PredictionIntervals, targets: ArrayView2<'_, f64>) -> Array2<f64> {
    let inside = |(row, target): (usize, usize), outcome: &f64| {
        let ends = intervals.lower[[row, target]]..=intervals.upper[[row, target]];
        f64::from(u8::from(ends.contains(outcome)))
    };
    Array2::from_shape_fn(targets.dim(), |at| inside(at, &targets[at]))
}

/// With 99 calibration rows the probability is 95 in a hundred, exactly. Adaptive intervals hold as
/// many outcomes where noise is small as where it is large; others hold too many here, too few there.
#[test]
fn coverage_is_marginal_and_adaptive_coverage_nearly_local() {
    let estimators: [fn() -> Box<dyn DynEstimator>; 2] = [
        || Box::new(PopulationRegression::new()),
        || Box::new(ClusterRegression::new().clusters(4)),
    ];
    for estimator in estimators {
        for adaptive in [false, true] {
            let conformal = if adaptive {
                SplitConformal::new(estimator()).adaptive()
            } else {
                SplitConformal::new(estimator())
            };
            let (mut all, mut noisy) = (0.0, 0.0);
            for seed in 0..60 {
                let model = conformal.fit(&samples(396, true, seed)).unwrap();
                let new = samples(200, true, 1000 + seed);
                let intervals = model.intervals(new.contexts(), new.features()).unwrap();
                let held = held(&intervals, new.targets());
                all += held.mean().unwrap() / 60.0;
                let where_noisy: Vec<usize> = (0..200)
                    .filter(|&row| new.contexts()[[row, 0]] > 0.5)
                    .collect();
                noisy += held.select(Axis(0), &where_noisy).mean().unwrap() / 60.0;
            }
            assert!((0.94..=0.96).contains(&all), "{all}");
            if adaptive {
                assert!((0.925..=0.965).contains(&noisy), "{noisy}")
            } else {
                assert!((0.75..=0.90).contains(&noisy), "{noisy}")
            }
        }
    }
}

/// Several targets, each with intervals of its own width.
#[test]
fn every_target_has_its_own_intervals() {
    let one = samples(400, false, 3);
    let targets = concatenate![Axis(1), one.targets(), &one.targets() * 10.0];
    let two = Samples::new(one.contexts(), one.features(), targets.view()).unwrap();
    for conformal in [
        SplitConformal::new(PopulationRegression::new()),
        SplitConformal::new(PopulationRegression::new()).adaptive(),
    ] {
        let model = conformal.fit(&two).unwrap();
        let ratio = model.radii()[1] / model.radii()[0];
        let intervals = model.intervals(two.contexts(), two.features()).unwrap();
        let widths = &intervals.upper - &intervals.lower;
        for row in widths.rows() {
            assert!((row[1] / row[0] - 10.0).abs() < 1e-9);
        }
        assert!((ratio - 10.0).abs() < 1e-9 || (ratio - 1.0).abs() < 1e-9);
    }
}

#[test]
fn it_is_a_model_and_a_file() {
    let data = samples(400, true, 5);
    let (c, x) = (data.contexts(), data.features());
    for conformal in [
        SplitConformal::new(PopulationRegression::new()),
        SplitConformal::new(PopulationRegression::new()).adaptive(),
    ] {
        let model = conformal.level(0.9).fit(&data).unwrap();
        assert_eq!(
            model.predict(c, x).unwrap(),
            model.model().predict(c, x).unwrap()
        );
        assert_eq!(
            model.coefficients(c).unwrap(),
            model.model().coefficients(c).unwrap()
        );
        let text = serde_json::to_string(&model).unwrap();
        let read: ConformalModel<PopulationModel> = serde_json::from_str(&text).unwrap();
        assert_eq!(read, model);
        assert_eq!(
            read.intervals(c, x).unwrap(),
            model.intervals(c, x).unwrap()
        );
        for (good, bad) in [
            ("\"level\":0.9", "\"level\":1.5"),
            ("\"widths\":[1,2]", "\"widths\":[2,2]"),
        ] {
            assert!(text.contains(good));
            let altered = text.replace(good, bad);
            let read = serde_json::from_str::<ConformalModel<PopulationModel>>(&altered);
            // Without a scale the widths are first compared with the tables asked about.
            assert!(read.is_err() || read.unwrap().intervals(c, x).is_err());
        }
    }
}

#[test]
fn what_cannot_be_calibrated_says_why() {
    let conformal = SplitConformal::new(PopulationRegression::new());
    let message = |result: Result<ConformalModel<PopulationModel>>| result.unwrap_err().to_string();
    assert_eq!(
        message(conformal.fit(&samples(72, false, 0))),
        "19 rows are needed for intervals of level 0.95: calibration rows, which are a share of 0.25 \
         of all, but there are 18"
    );
    assert!(conformal.fit(&samples(76, false, 0)).is_ok());
    assert!(
        message(conformal.clone().level(1.0).fit(&samples(76, false, 0))).starts_with("level is 1")
    );
    assert!(
        message(conformal.clone().share(0.0).fit(&samples(76, false, 0))).starts_with("share is 0")
    );

    let binary = samples(200, false, 0);
    let targets = binary.targets().mapv(|y| f64::from(u8::from(y > 0.0)));
    let binary = Samples::new(binary.contexts(), binary.features(), targets.view()).unwrap();
    let logistic = SplitConformal::new(
        PopulationRegression::new()
            .family(Family::Binomial)
            .ridge(0.1),
    );
    assert!(message(logistic.fit(&binary)).contains("it has a probability, not an interval"));
    assert!(matches!(
        conformal.fit_groups(&binary, &[1, 2]),
        Err(Error::RowCount {
            argument: "groups",
            ..
        })
    ));
}

/// Rows of weight zero are neither trained on nor calibrate, and what all weights are multiplied by does not
/// matter.
#[test]
fn weights_are_relative() {
    let data = samples(300, false, 8);
    let counted: Vec<usize> = (0..300).filter(|row| row % 3 > 0).collect();
    let weights = Array1::from_shape_fn(300, |row| f64::from(u8::from(row % 3 > 0)));
    let weighted = data.clone().with_weights(weights.view()).unwrap();
    let fit = |samples: &Samples| {
        let conformal = SplitConformal::new(PopulationRegression::new()).adaptive();
        conformal.fit(samples).unwrap()
    };
    let (model, other) = (fit(&weighted), fit(&data.select(&counted).unwrap()));
    let (c, x) = (data.contexts(), data.features());
    let (a, b) = (
        model.intervals(c, x).unwrap(),
        other.intervals(c, x).unwrap(),
    );
    assert!(
        (a.lower - b.lower)
            .iter()
            .all(|difference| difference.abs() < 1e-12)
    );

    let uneven = Array1::from_shape_fn(300, |row| 1.0 + (row % 4) as f64);
    let radii = |factor: f64| {
        let weights = &uneven * factor;
        fit(&data.clone().with_weights(weights.view()).unwrap())
            .radii()
            .to_owned()
    };
    let expected = radii(1.0);
    for factor in [0.01, 100.0, 1e-200] {
        assert!(
            (&radii(factor) - &expected)
                .iter()
                .all(|off| off.abs() < 1e-9)
        );
    }
}

/// Rows of a group share an error, and intervals calibrated on groups hold rows of new ones.
#[test]
fn whole_groups_calibrate_for_new_groups() {
    let (mut grouped, data_sets) = (0.0, 80);
    for seed in 0..data_sets {
        let draw = |groups: usize, seed: u64| {
            let mut generator = ChaCha8Rng::seed_from_u64(seed);
            // Groups of one to six rows; large ones have the larger effects.
            let sizes: Vec<usize> = (0..groups).map(|_| generator.gen_range(1..=6)).collect();
            let labels: Vec<usize> = (0..groups)
                .flat_map(|group| std::iter::repeat_n(group, sizes[group]))
                .collect();
            let effects: Vec<f64> = sizes
                .iter()
                .map(|size| *size as f64 * generator.gen_range(-1.0..1.0))
                .collect();
            let data = samples(labels.len(), false, seed);
            let targets = Array2::from_shape_fn((labels.len(), 1), |(row, _)| {
                data.targets()[[row, 0]] + effects[labels[row]]
            });
            let data = Samples::new(data.contexts(), data.features(), targets.view()).unwrap();
            (data, labels)
        };
        let (data, labels) = draw(76, seed);
        let conformal = SplitConformal::new(PopulationRegression::new()).level(0.9);
        let model = conformal.adaptive().fit_groups(&data, &labels).unwrap();
        let (new, labels) = draw(60, 10_000 + seed);
        let intervals = model.intervals(new.contexts(), new.features()).unwrap();
        let held = held(&intervals, new.targets());
        // A random row of every new group.
        for group in 0..60 {
            let rows: Vec<usize> = (0..labels.len())
                .filter(|&row| labels[row] == group)
                .collect();
            let share = held.select(Axis(0), &rows).mean().unwrap();
            grouped += share / 60.0 / data_sets as f64;
        }
    }
    assert!((0.895..=0.94).contains(&grouped), "{grouped}");
}

#[test]
fn the_same_bits_on_one_and_two_threads() {
    let data = samples(2000, true, 2);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(|| {
            let conformal = SplitConformal::new(ClusterRegression::new().clusters(3)).adaptive();
            let model = conformal.fit(&data).unwrap();
            model.intervals(data.contexts(), data.features()).unwrap()
        })
    };
    assert_eq!(run(1), run(2));
}

/// An offset of every row moves its interval with it.
#[test]
fn offsets_move_intervals() {
    let plain = samples(200, false, 9);
    let offsets = Array1::from_shape_fn(200, |row| (row % 5) as f64);
    let targets = &plain.targets() + &offsets.view().insert_axis(Axis(1));
    let moved = plain.replace_targets(targets.view()).unwrap();
    let moved = moved.with_offsets(offsets.view()).unwrap();
    let conformal = SplitConformal::new(PopulationRegression::new());
    let ends = |samples: &Samples| {
        let model = conformal.fit(samples).unwrap();
        model.intervals_of_samples(samples).unwrap()
    };
    let (of_plain, of_moved) = (ends(&plain), ends(&moved));
    let expected = of_plain.upper + offsets.insert_axis(Axis(1));
    let difference = (of_moved.upper - expected).mapv(f64::abs);
    assert!(difference.iter().all(|value| *value < 1e-9));
}
