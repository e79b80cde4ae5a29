//! What penalties do, and that they do not depend on the batch size.

use contextualized_core::{Error, Family};
use contextualized_encoders::{
    Additive, Archetypes, Contextualized, Encoder, Linear, Mlp, MlpSettings, Penalties, Snapshot,
    Training, TrainingData, unobserved,
};
use ndarray::Array2;

type Data = TrainingData<usize, usize, usize>;

/// y = c0 x: the second and the third context column are noise.
fn data(rows: usize) -> Data {
    let hash = |i: usize, k: usize| ((i * 7919 + k * 104_729) % 1009) as f64 / 504.0 - 1.0;
    let contexts = Array2::from_shape_fn((rows, 3), |(i, j)| hash(i, j + 1));
    let features = Array2::from_shape_fn((rows, 1), |(i, _)| hash(i, 5));
    let targets = Array2::from_shape_fn((rows, 1), |(i, _)| contexts[[i, 0]] * features[[i, 0]]);
    Data::new(contexts.view(), features.view(), targets.view(), None).unwrap()
}

fn trainer(penalties: Penalties) -> Training {
    Training {
        epochs: 60,
        learning_rate: 3e-3,
        batch_size: 4,
        penalties,
        ..Training::default()
    }
}

/// Column norms after training, and the training loss.
fn trained<E: Encoder<usize, usize>>(encoder: E, penalties: Penalties) -> (Vec<f64>, f64) {
    let head = Archetypes::new(4, 1, 1, true, 1).unwrap();
    let mut network = Contextualized::new(encoder, head).unwrap();
    let report = trainer(penalties)
        .train(
            &mut network,
            &Family::Gaussian,
            &data(200),
            None,
            &mut unobserved,
        )
        .unwrap();
    (network.encoder().column_norms(), report.objective)
}

/// The lasso switches columns of noise off, to exactly zero, and keeps the one that matters.
#[test]
fn the_context_lasso_gives_exact_zeros() {
    let size = MlpSettings::new(8, 1);
    let lasso = Penalties {
        context_lasso: 0.2,
        ..Penalties::default()
    };
    let runs = [
        (trained(Mlp::new(3, 4, size, 2).unwrap(), lasso), "mlp"),
        (
            trained(Additive::new(3, 4, size, 2).unwrap(), lasso),
            "additive",
        ),
        (trained(Linear::new(3, 4, 2).unwrap(), lasso), "linear"),
    ];
    for ((norms, loss), name) in runs {
        assert!(norms[0] > 0.0, "{name}: {norms:?}");
        assert_eq!(norms[1..], [0.0, 0.0], "{name}: {norms:?}");
        // Without the context the best loss is the variance of c0 x, 0.11.
        assert!(loss < 0.02, "{name}: {loss}");
    }
    let (norms, _) = trained(Mlp::new(3, 4, size, 2).unwrap(), Penalties::default());
    assert!(norms.iter().all(|norm| *norm > 0.0));
}

#[test]
fn encoder_weights_shrink_under_their_penalty_and_biases_do_not_count() {
    let size = MlpSettings::new(8, 1);
    let norm = |encoder_l2: f64| {
        let penalties = Penalties {
            encoder_l2,
            ..Penalties::default()
        };
        let (norms, _) = trained(Mlp::new(3, 4, size, 2).unwrap(), penalties);
        norms.iter().map(|norm| norm * norm).sum::<f64>()
    };
    assert!(norm(1e-2) < 0.5 * norm(0.0));
}

#[test]
fn coefficients_shrink_under_their_penalties() {
    let size = |penalties: Penalties| {
        let head = Archetypes::new(4, 1, 1, true, 1).unwrap();
        let encoder = Mlp::new(3, 4, MlpSettings::new(8, 1), 2).unwrap();
        let mut network = Contextualized::new(encoder, head).unwrap();
        trainer(penalties)
            .train(
                &mut network,
                &Family::Gaussian,
                &data(200),
                None,
                &mut unobserved,
            )
            .unwrap();
        let contexts = Array2::from_shape_fn((20, 3), |(i, _)| i as f64 / 10.0 - 1.0);
        let coefficients = network.coefficients_at(contexts.view()).unwrap();
        coefficients.slopes().mapv(f64::abs).sum()
    };
    let free = size(Penalties::default());
    let none = Penalties::default();
    assert!(
        size(Penalties {
            coefficients_l1: 0.1,
            ..none
        }) < 0.8 * free
    );
    assert!(
        size(Penalties {
            coefficients_l2: 0.1,
            ..none
        }) < 0.8 * free
    );
}

/// With steps too small to move anything between them, batches of any size that cover the same
/// rows pull by the same penalty on average; a sum over the batch would pull 10 times as hard.
#[test]
fn penalties_do_not_depend_on_the_batch_size() {
    let moved = |batch_size: usize| {
        let head = Archetypes::new(4, 1, 1, true, 1).unwrap();
        let encoder = Mlp::new(3, 4, MlpSettings::new(8, 1), 2).unwrap();
        let mut network = Contextualized::new(encoder, head).unwrap();
        let heavy = Training {
            batch_size,
            epochs: 400 / (200 / batch_size),
            penalties: Penalties {
                coefficients_l2: 1.0,
                ..Penalties::default()
            },
            ..Training::default()
        };
        heavy
            .train(
                &mut network,
                &Family::Gaussian,
                &data(200),
                None,
                &mut unobserved,
            )
            .unwrap();
        Snapshot::of(&mut network)
            .unwrap()
            .values()
            .map(|v| v * v)
            .sum::<f64>()
    };
    // The same number of steps of the same expected gradient.
    let (ten, hundred) = (moved(10), moved(100));
    assert!(
        (ten / hundred - 1.0).abs() < 0.05,
        "{ten} against {hundred}"
    );
}

#[test]
fn penalties_out_of_range_are_named() {
    let none = Penalties::default();
    for (penalties, name) in [
        (
            Penalties {
                coefficients_l1: -1.0,
                ..none
            },
            "coefficients_l1",
        ),
        (
            Penalties {
                coefficients_l2: f64::NAN,
                ..none
            },
            "coefficients_l2",
        ),
        (
            Penalties {
                encoder_l2: f64::INFINITY,
                ..none
            },
            "encoder_l2",
        ),
        (
            Penalties {
                context_lasso: -0.1,
                ..none
            },
            "context_lasso",
        ),
    ] {
        assert!(matches!(
            trainer(penalties).validate(),
            Err(Error::InvalidParameter { parameter, .. }) if parameter == name
        ));
    }
}
