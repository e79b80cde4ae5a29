//! What the trainer promises: seeds, batches, early stopping, progress, and errors.

use contextualized_core::{Error, Family, FitReport, Result, Termination};
use contextualized_encoders::{
    Archetypes, Contextualized, Loss, Mlp, MlpSettings, Snapshot, Training, TrainingData,
    unobserved,
};
use ndarray::{Array2, array};
use std::ops::ControlFlow;
use std::sync::Mutex;

type Data = TrainingData<usize, usize, usize>;
type Net =
    Contextualized<usize, usize, usize, usize, Mlp<usize, usize>, Archetypes<usize, usize, usize>>;

/// y = c x on a small grid.
fn data(rows: usize) -> Data {
    let contexts = Array2::from_shape_fn((rows, 1), |(i, _)| (i % 9) as f64 / 4.0 - 1.0);
    let features = Array2::from_shape_fn((rows, 1), |(i, _)| ((5 * i) % 7) as f64 / 3.0 - 1.0);
    let targets = &contexts * &features;
    Data::new(contexts.view(), features.view(), targets.view(), None).unwrap()
}

fn network(seed: u64) -> Net {
    let size = MlpSettings::new(8, 1);
    Contextualized::new(
        Mlp::new(1, 3, size, seed).unwrap(),
        Archetypes::new(3, 1, 1, true, seed).unwrap(),
    )
    .unwrap()
}

fn train(trainer: Training, data: &Data) -> Result<(Vec<f64>, FitReport)> {
    let mut network = network(1);
    let report = trainer.train(&mut network, &Family::Gaussian, data, None, &mut unobserved)?;
    Ok((Snapshot::of(&mut network)?.values().collect(), report))
}

#[test]
fn the_loss_falls_for_batches_of_any_size() {
    for batch_size in [1, 7, 63, 64, 1000] {
        let trainer = Training {
            batch_size,
            epochs: 300,
            learning_rate: 1e-2,
            ..Training::default()
        };
        let (_, report) = train(trainer, &data(63)).unwrap();
        assert!(
            report.objective < 2e-3,
            "batch {batch_size}: {}",
            report.objective
        );
        assert_eq!(report.termination, Termination::EpochsCompleted);
        assert_eq!(report.iterations, 300);
    }
}

#[test]
fn the_seed_decides_the_order_of_batches_and_nothing_else_does() {
    let weights = |seed| {
        let trainer = Training {
            seed,
            epochs: 3,
            ..Training::default()
        };
        train(trainer, &data(20)).unwrap().0
    };
    assert_eq!(weights(4), weights(4));
    assert_ne!(weights(4), weights(5));
}

/// Notes the targets of every row as it passes.
struct Noting(Mutex<Vec<f64>>);

impl Loss for Noting {
    fn at(&self, target: f64, predictor: f64) -> (f64, f64) {
        self.0.lock().unwrap().push(target);
        Family::Gaussian.at(target, predictor)
    }
}

#[test]
fn batches_are_reshuffled_every_epoch() {
    let column = Array2::from_shape_fn((12, 1), |(i, _)| i as f64);
    let numbered = Data::new(column.view(), column.view(), column.view(), None).unwrap();
    let trainer = Training {
        epochs: 2,
        ..Training::default()
    };
    let noting = Noting(Mutex::new(Vec::new()));
    trainer
        .train(&mut network(1), &noting, &numbered, None, &mut unobserved)
        .unwrap();
    let seen = noting.0.into_inner().unwrap();
    // Between the losses of all rows before training, of the network and of zero, and after it.
    assert_eq!(seen.len(), 5 * 12);
    let (first, second) = seen[24..48].split_at(12);
    assert_ne!(first, second);
    for epoch in [first, second] {
        let mut rows = epoch.to_vec();
        rows.sort_by(f64::total_cmp);
        assert_eq!(rows, column.column(0).to_vec());
    }
}

#[test]
fn settings_out_of_range_are_named() {
    let default = Training::default();
    let broken = [
        (
            Training {
                epochs: 0,
                ..default
            },
            "epochs is 0",
        ),
        (
            Training {
                batch_size: 0,
                ..default
            },
            "batch_size is 0",
        ),
        (
            Training {
                patience: 0,
                ..default
            },
            "patience is 0",
        ),
        (
            Training {
                learning_rate: 0.0,
                ..default
            },
            "learning_rate is 0",
        ),
        (
            Training {
                learning_rate: f64::NAN,
                ..default
            },
            "learning_rate is NaN",
        ),
    ];
    for (trainer, message) in broken {
        let error = train(trainer, &data(5)).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
}

#[test]
fn divergence_is_an_error_that_names_the_step() {
    for learning_rate in [10.0, 1e5, 1e200] {
        let trainer = Training {
            learning_rate,
            ..Training::default()
        };
        match train(trainer, &data(20)) {
            Err(Error::Diverged {
                epoch,
                step,
                loss,
                initial,
            }) => {
                assert!(epoch >= 1 && step >= epoch);
                assert!(loss.is_nan() || loss >= 1.5 * initial);
            }
            other => panic!("learning rate {learning_rate}: {other:?}"),
        }
    }
}

/// Validation targets are the negative of what is trained on: their loss rises from the start.
#[test]
fn early_stopping_restores_the_best_epoch() {
    let train_data = data(36);
    let contexts = Array2::from_shape_fn((9, 1), |(i, _)| i as f64 / 4.0 - 1.0);
    let ones = Array2::ones((9, 1));
    let against = Data::new(contexts.view(), ones.view(), (-&contexts).view(), None).unwrap();
    let trainer = Training {
        epochs: 100,
        patience: 5,
        ..Training::default()
    };
    let mut seen: Vec<f64> = Vec::new();
    let mut stopped = network(1);
    let report = trainer
        .train(
            &mut stopped,
            &Family::Gaussian,
            &train_data,
            Some(&against),
            &mut |progress| {
                seen.push(progress.validation_loss.unwrap());
                ControlFlow::Continue(())
            },
        )
        .unwrap();
    let best = (0..seen.len())
        .min_by(|&a, &b| seen[a].total_cmp(&seen[b]))
        .unwrap();
    assert_eq!(report.termination, Termination::EarlyStopped);
    assert_eq!(report.best_epoch, Some(best + 1));
    assert_eq!(report.iterations, seen.len());
    assert_eq!(seen.len(), best + 1 + 5);

    // Training for exactly the best number of epochs gives the very same weights.
    let mut direct = network(1);
    let exact = Training {
        epochs: best + 1,
        ..trainer
    };
    exact
        .train(
            &mut direct,
            &Family::Gaussian,
            &train_data,
            None,
            &mut unobserved,
        )
        .unwrap();
    let weights = |network: &mut Net| Snapshot::of(network).unwrap().values().collect::<Vec<_>>();
    assert_eq!(weights(&mut stopped), weights(&mut direct));
}

#[test]
fn an_observer_sees_every_epoch_and_can_break_off() {
    let mut epochs = Vec::new();
    let report = Training::default()
        .train(
            &mut network(1),
            &Family::Gaussian,
            &data(9),
            None,
            &mut |progress| {
                assert_eq!(progress.epochs, 50);
                assert_eq!(progress.validation_loss, None);
                epochs.push(progress.epoch);
                match progress.epoch {
                    3 => ControlFlow::Break(()),
                    _ => ControlFlow::Continue(()),
                }
            },
        )
        .unwrap();
    assert_eq!(epochs, [1, 2, 3]);
    assert_eq!(report.termination, Termination::Interrupted);
    assert_eq!(report.iterations, 3);
}

/// With a full batch a weight of two is a row given twice.
#[test]
fn weights_count_rows() {
    let (c, x) = (array![[0.0], [1.0]], array![[1.0], [1.0]]);
    let y = array![[1.0], [-1.0]];
    let weighted = Data::new(c.view(), x.view(), y.view(), Some(array![2.0, 1.0].view())).unwrap();
    let rows = [0, 0, 1];
    let pick = |table: &Array2<f64>| table.select(ndarray::Axis(0), &rows);
    let repeated = Data::new(pick(&c).view(), pick(&x).view(), pick(&y).view(), None).unwrap();
    let trainer = Training {
        batch_size: 3,
        ..Training::default()
    };
    let (a, b) = (
        train(trainer, &weighted).unwrap().0,
        train(trainer, &repeated).unwrap().0,
    );
    for (a, b) in a.iter().zip(&b) {
        assert!((a - b).abs() < 1e-9, "{a} {b}");
    }
}

#[test]
fn data_are_checked() {
    let (one, two) = (Array2::<f64>::ones((3, 1)), Array2::<f64>::ones((2, 1)));
    let typed = TrainingData::<contextualized_encoders::Const<2>, usize, usize>::new(
        one.view(),
        one.view(),
        one.view(),
        None,
    );
    assert!(matches!(
        typed,
        Err(Error::InvalidParameter {
            parameter: "contexts",
            ..
        })
    ));
    assert!(matches!(
        Data::new(one.view(), two.view(), one.view(), None),
        Err(Error::RowCount {
            argument: "features",
            expected: 3,
            found: 2
        })
    ));
    let nobody = Array2::<f64>::zeros((0, 1));
    assert!(matches!(
        Data::new(nobody.view(), nobody.view(), nobody.view(), None),
        Err(Error::NoRows { .. })
    ));
}

/// Widths that the compiler does not know are compared before anything is computed.
#[test]
fn data_of_other_widths_than_the_network_are_an_error() {
    let table = |columns| Array2::<f64>::ones((3, columns));
    for (widths, argument) in [
        ((2, 1, 1), "contexts"),
        ((1, 2, 1), "features"),
        ((1, 1, 2), "targets"),
    ] {
        let (c, x, y) = (table(widths.0), table(widths.1), table(widths.2));
        let other = Data::new(c.view(), x.view(), y.view(), None).unwrap();
        let (own, trainer) = (data(9), Training::default());
        for (training, validation) in [(&other, None), (&own, Some(&other))] {
            let result = trainer.train(
                &mut network(0),
                &Family::Gaussian,
                training,
                validation,
                &mut unobserved,
            );
            match result {
                Err(Error::ColumnCount {
                    argument: named,
                    expected: 1,
                    found: 2,
                }) => {
                    assert_eq!(named, argument);
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn sizes_beyond_memory_are_an_error() {
    let size = MlpSettings::new(usize::MAX, 2);
    assert!(matches!(
        Mlp::new(1, 1, size, 0),
        Err(Error::InvalidParameter { .. })
    ));
    assert!(matches!(
        Archetypes::new(usize::MAX, 2, 2, true, 0),
        Err(Error::InvalidParameter { .. })
    ));
}

#[test]
fn a_validation_loss_that_is_not_finite_is_an_error() {
    let one = array![[1.0]];
    let far = Data::new(array![[1e200]].view(), one.view(), one.view(), None).unwrap();
    let result = Training::default().train(
        &mut network(1),
        &Family::Gaussian,
        &data(9),
        Some(&far),
        &mut unobserved,
    );
    assert!(
        matches!(result, Err(Error::Diverged { epoch: 1, .. })),
        "{result:?}"
    );
}

/// The network learns what is left of the targets over a base.
#[test]
fn a_base_is_added_to_the_network() {
    let contexts = Array2::from_shape_fn((40, 1), |(i, _)| (i % 9) as f64 / 4.0 - 1.0);
    let features = Array2::from_shape_fn((40, 1), |(i, _)| ((5 * i) % 7) as f64 / 3.0 - 1.0);
    let targets = &features * 3.0;
    let base = Data::new(contexts.view(), features.view(), targets.view(), None)
        .unwrap()
        .with_base(targets.view())
        .unwrap();
    let mut network = network(1);
    let report = Training::default()
        .train(
            &mut network,
            &Family::Gaussian,
            &base,
            None,
            &mut unobserved,
        )
        .unwrap();
    assert!(report.objective < 1e-4, "{}", report.objective);
    let slopes = network.coefficients_at(contexts.view()).unwrap();
    assert!(slopes.slopes().iter().all(|slope| slope.abs() < 0.05));
    let narrow = Array2::zeros((40, 2));
    let data = Data::new(contexts.view(), features.view(), targets.view(), None).unwrap();
    assert!(matches!(
        data.with_base(narrow.view()),
        Err(Error::ColumnCount {
            argument: "base",
            expected: 1,
            found: 2
        })
    ));
}

/// The range test finds a rate that trains, between rates that do not, and moves nothing.
#[test]
fn the_learning_rate_range_test_suggests_a_rate_that_trains() {
    let data = data(63);
    let trainer = Training {
        batch_size: 8,
        epochs: 30,
        ..Training::default()
    };
    let mut network = network(1);
    let before: Vec<f64> = Snapshot::of(&mut network).unwrap().values().collect();
    let range = trainer
        .learning_rate_range(&mut network, &Family::Gaussian, &data, (1e-6, 10.0), 200)
        .unwrap();
    let after: Vec<f64> = Snapshot::of(&mut network).unwrap().values().collect();
    assert_eq!(before, after);
    assert_eq!(range.rates.len(), range.losses.len());
    assert!(range.rates.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(range.rates.contains(&range.suggestion));
    let loss = |learning_rate| {
        let trainer = Training {
            learning_rate,
            ..trainer
        };
        train(trainer, &data).map_or(f64::INFINITY, |(_, report)| report.objective)
    };
    let suggested = loss(range.suggestion);
    assert!(
        suggested < 0.25 * loss(1e-5),
        "{} gives {suggested}",
        range.suggestion
    );
    for (rates, steps) in [((0.0, 1.0), 100), ((1.0, 0.1), 100), ((1e-3, 1.0), 19)] {
        assert!(matches!(
            trainer.learning_rate_range(&mut network, &Family::Gaussian, &data, rates, steps),
            Err(Error::InvalidParameter { .. })
        ));
    }
}

/// 600 context columns and full batches of 2000 rows: large enough for the matrix products to be
/// shared between threads.
#[test]
fn training_gives_the_same_bits_on_one_and_two_threads() {
    let contexts = Array2::from_shape_fn((2000, 600), |(i, j)| {
        ((i * 31 + j * 17) % 101) as f64 / 50.0 - 1.0
    });
    let features = Array2::from_shape_fn((2000, 2), |(i, j)| {
        ((i * 13 + j * 7) % 23) as f64 / 11.0 - 1.0
    });
    let targets = Array2::from_shape_fn((2000, 1), |(i, _)| contexts[[i, 0]] * features[[i, 0]]);
    let data = Data::new(contexts.view(), features.view(), targets.view(), None).unwrap();
    let run = |threads: usize| -> Vec<f64> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let mut network = Contextualized::new(
                Mlp::new(600, 5, MlpSettings::new(64, 2), 3).unwrap(),
                Archetypes::new(5, 2, 1, true, 4).unwrap(),
            )
            .unwrap();
            let trainer = Training {
                epochs: 3,
                batch_size: 2000,
                ..Training::default()
            };
            trainer
                .train(
                    &mut network,
                    &Family::Gaussian,
                    &data,
                    None,
                    &mut unobserved,
                )
                .unwrap();
            Snapshot::of(&mut network).unwrap().values().collect()
        })
    };
    assert_eq!(run(1), run(2));
}
