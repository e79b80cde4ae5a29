//! Penalties that bring their own gradients, and heads with slopes that are zero.

use contextualized_core::{Error, Family, Result};
use contextualized_encoders::{
    Archetypes, Contextualized, Head, Linear, Masked, Penalties, Regularized, SlopePenalty,
    Snapshot, Training, TrainingData, unobserved,
};
use ndarray::{Array2, Array3, ArrayView3, array};

type Network = Contextualized<
    usize,
    usize,
    usize,
    usize,
    Linear<usize, usize>,
    Archetypes<usize, usize, usize>,
>;

fn network() -> Network {
    let encoder = Linear::new(1, 2, 3).unwrap();
    Contextualized::new(encoder, Archetypes::new(2, 2, 2, false, 4).unwrap()).unwrap()
}

fn data(features: f64) -> TrainingData<usize, usize, usize> {
    let table = |columns, step: usize| {
        Array2::from_shape_fn((40, columns), |(i, j)| {
            ((step * i + 3 * j) % 11) as f64 / 5.0 - 1.0
        })
    };
    let (c, x, y) = (table(1, 7), table(2, 5) * features, table(2, 4) * features);
    TrainingData::new(c.view(), x.view(), y.view(), None).unwrap()
}

/// λ₂ times the squares of slopes, on average over rows, and λ₃ times those of archetypes.
struct Squares {
    slopes: f64,
    archetypes: f64,
}

impl SlopePenalty for Squares {
    fn of_slopes(&self, slopes: ArrayView3<'_, f64>) -> Result<Option<Array3<f64>>> {
        let rows = slopes.dim().0 as f64;
        Ok((self.slopes > 0.0).then(|| &slopes * (2.0 * self.slopes / rows)))
    }

    fn of_archetypes(&self, archetypes: ArrayView3<'_, f64>) -> Result<Option<Array3<f64>>> {
        Ok((self.archetypes > 0.0).then(|| &archetypes * (2.0 * self.archetypes)))
    }
}

/// The same penalty by automatic differentiation.
#[test]
fn a_gradient_in_closed_form_trains_as_the_penalty_does() {
    let trainer = Training {
        epochs: 20,
        batch_size: 8,
        learning_rate: 0.01,
        ..Training::default()
    };
    let mut automatic = network();
    Training {
        penalties: Penalties {
            coefficients_l2: 0.3,
            ..Penalties::default()
        },
        ..trainer
    }
    .train(
        &mut automatic,
        &Family::Gaussian,
        &data(1.0),
        None,
        &mut unobserved,
    )
    .unwrap();
    let penalty = Squares {
        slopes: 0.3,
        archetypes: 0.0,
    };
    let mut closed = Regularized::new(network(), penalty);
    trainer
        .train(
            &mut closed,
            &Family::Gaussian,
            &data(1.0),
            None,
            &mut unobserved,
        )
        .unwrap();
    let mut closed = closed.into_network();
    let values =
        |network: &mut Network| -> Vec<f64> { Snapshot::of(network).unwrap().values().collect() };
    let start = values(&mut network());
    let (a, b) = (values(&mut automatic), values(&mut closed));
    for ((a, b), start) in a.iter().zip(&b).zip(&start) {
        assert!((a - b).abs() < 1e-9, "{a} is not {b}");
        assert!(a != start);
    }
}

#[test]
fn archetypes_are_penalised_where_no_row_says_anything() {
    let penalty = Squares {
        slopes: 0.0,
        archetypes: 1.0,
    };
    let mut network = Regularized::new(network(), penalty);
    let size = |network: &Regularized<Network, Squares>| {
        let weights = network.network().head().to_weights().unwrap();
        weights.slopes.iter().map(|w| w.abs()).fold(0.0, f64::max)
    };
    let before = size(&network);
    let trainer = Training {
        epochs: 30,
        batch_size: 20,
        learning_rate: 1e-4,
        ..Training::default()
    };
    trainer
        .train(
            &mut network,
            &Family::Gaussian,
            &data(0.0),
            None,
            &mut unobserved,
        )
        .unwrap();
    assert!(
        size(&network) < 0.5 * before,
        "{} of {before}",
        size(&network)
    );
}

/// A gradient of the wrong size.
struct Wrong;

impl SlopePenalty for Wrong {
    fn of_slopes(&self, _: ArrayView3<'_, f64>) -> Result<Option<Array3<f64>>> {
        Ok(Some(Array3::zeros((1, 1, 1))))
    }

    fn of_archetypes(&self, _: ArrayView3<'_, f64>) -> Result<Option<Array3<f64>>> {
        Ok(None)
    }
}

#[test]
fn a_gradient_of_another_size_is_an_error() {
    let mut network = Regularized::new(network(), Wrong);
    let trained = Training::default().train(
        &mut network,
        &Family::Gaussian,
        &data(1.0),
        None,
        &mut unobserved,
    );
    assert!(matches!(
        trained,
        Err(Error::ColumnCount { expected: 4, .. })
    ));
}

#[test]
fn masked_slopes_are_zero_before_and_after_training() {
    let mask = array![[false, true], [true, false]];
    let head = Masked::new(Archetypes::new(2, 2, 2, true, 4).unwrap(), mask.view()).unwrap();
    let mut network = Contextualized::new(Linear::new(1, 2, 3).unwrap(), head).unwrap();
    let contexts = array![[0.3], [-2.0]];
    let check = |network: &Contextualized<usize, usize, usize, usize, _, Masked<_, _, _>>| {
        let coefficients = network.coefficients_at(contexts.view()).unwrap();
        for ((_, target, feature), slope) in coefficients.slopes().indexed_iter() {
            assert_eq!(*slope == 0.0, target == feature);
        }
        assert!(
            coefficients
                .intercepts()
                .iter()
                .all(|intercept| *intercept != 0.0)
        );
    };
    check(&network);
    Training::default()
        .train(
            &mut network,
            &Family::Gaussian,
            &data(1.0),
            None,
            &mut unobserved,
        )
        .unwrap();
    check(&network);
    let archetypes = network
        .head()
        .archetypes::<dfdx::tensor::NoneTape>()
        .unwrap()
        .as_vec();
    for (place, entry) in archetypes.iter().enumerate() {
        assert_eq!(*entry == 0.0, matches!(place % 4, 0 | 3));
    }
    let head = || Archetypes::<usize, usize, usize>::new(2, 2, 2, true, 4).unwrap();
    let wide = array![[true, true, true], [true, true, true]];
    assert!(matches!(
        Masked::new(head(), wide.view()),
        Err(Error::ColumnCount {
            expected: 2,
            found: 3,
            ..
        })
    ));
}
