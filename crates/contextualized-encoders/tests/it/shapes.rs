//! Forward passes by hand, typed against run-time widths, and weights that round-trip.

use approx::assert_relative_eq;
use contextualized_core::Error;
use contextualized_encoders::{
    Activation, ArchetypeWeights, Archetypes, Const, Contextualized, DenseWeights, Dim, Direct,
    EncoderKind, EncoderLink, Head, Mlp, MlpSettings, MlpWeights, NetworkSettings,
    Parameterization, Snapshot, StoredNetwork,
};
use ndarray::{Array2, array};
use proptest::prelude::*;

/// c ↦ max(0, [c, −c]) ↦ [|c|, 1]: one hidden layer of two units.
fn absolute_value() -> MlpWeights {
    MlpWeights {
        activation: Activation::Relu,
        layers: vec![
            DenseWeights {
                weights: array![[1.0, -1.0]],
                biases: array![0.0, 0.0],
            },
            DenseWeights {
                weights: array![[1.0, 0.0], [1.0, 0.0]],
                biases: array![0.0, 1.0],
            },
        ],
    }
}

#[test]
fn archetypes_mix_by_the_code() {
    let archetypes = ArchetypeWeights {
        slopes: array![[[1.0, 2.0]], [[10.0, 20.0]]],
        intercepts: Some(array![[3.0], [30.0]]),
    };
    let network = Contextualized::new(
        Mlp::<Const<1>, Const<2>>::from_weights(&absolute_value()).unwrap(),
        Archetypes::<Const<2>, Const<2>, Const<1>>::from_weights(&archetypes).unwrap(),
    )
    .unwrap();
    let coefficients = network
        .coefficients_at(array![[-5.0], [0.5]].view())
        .unwrap();
    // |c| A_0 + A_1
    assert_eq!(
        coefficients.slopes(),
        array![[[15.0, 30.0]], [[10.5, 21.0]]]
    );
    assert_eq!(coefficients.intercepts(), array![[45.0], [31.5]]);
}

#[test]
fn a_direct_code_holds_slopes_then_intercepts() {
    let mut weights = absolute_value();
    weights.layers[1] = DenseWeights {
        weights: Array2::zeros((2, 6)),
        biases: array![1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    };
    let network = Contextualized::new(
        Mlp::<usize, usize>::from_weights(&weights).unwrap(),
        Direct::new(2, 2, true).unwrap(),
    )
    .unwrap();
    let coefficients = network.coefficients_at(array![[0.0]].view()).unwrap();
    assert_eq!(coefficients.slopes(), array![[[1.0, 2.0], [3.0, 4.0]]]);
    assert_eq!(coefficients.intercepts(), array![[5.0, 6.0]]);
}

#[test]
fn without_intercept_intercepts_are_zero() {
    let encoder = Mlp::new(1, 4, MlpSettings::default(), 0).unwrap();
    let direct = Contextualized::new(encoder, Direct::new(2, 2, false).unwrap()).unwrap();
    let coefficients = direct.coefficients_at(array![[0.3]].view()).unwrap();
    assert_eq!(coefficients.intercepts(), array![[0.0, 0.0]]);
    assert!(coefficients.slopes().iter().all(|slope| *slope != 0.0));
}

#[test]
fn run_time_widths_that_do_not_match_are_errors() {
    let encoder = || Mlp::new(1, 3, MlpSettings::default(), 0).unwrap();
    let head = Archetypes::new(4, 1, 1, true, 0).unwrap();
    assert_eq!(
        Contextualized::new(encoder(), head)
            .unwrap_err()
            .to_string(),
        "the encoder's code: the number of columns is 3, expected 4"
    );
    let network =
        Contextualized::new(encoder(), Archetypes::new(3, 1, 1, true, 0).unwrap()).unwrap();
    assert!(matches!(
        network.coefficients_at(array![[1.0, 2.0]].view()),
        Err(Error::ColumnCount {
            expected: 1,
            found: 2,
            ..
        })
    ));
    for size in [MlpSettings::new(0, 1), MlpSettings::new(1, 0)] {
        assert!(matches!(
            Mlp::new(1, 1, size, 0),
            Err(Error::InvalidParameter { .. })
        ));
    }
    assert!(matches!(
        Archetypes::new(0, 1, 1, true, 0),
        Err(Error::InvalidParameter { .. })
    ));
    assert!(matches!(
        Direct::new(1, 0, true),
        Err(Error::InvalidParameter { .. })
    ));
}

#[test]
fn weights_that_contradict_their_types_or_each_other_are_errors() {
    assert!(matches!(
        Mlp::<Const<2>, Const<2>>::from_weights(&absolute_value()),
        Err(Error::InvalidParameter { .. })
    ));
    let mut broken = absolute_value();
    broken.layers[1].weights = array![[1.0, 0.0]];
    assert!(matches!(
        Mlp::<usize, usize>::from_weights(&broken),
        Err(Error::ColumnCount {
            expected: 2,
            found: 1,
            ..
        })
    ));
    broken.layers.truncate(1);
    assert!(matches!(
        Mlp::<usize, usize>::from_weights(&broken),
        Err(Error::InvalidParameter { .. })
    ));
    let archetypes = ArchetypeWeights {
        slopes: array![[[1.0]]],
        intercepts: Some(array![[1.0, 2.0]]),
    };
    assert!(matches!(
        Archetypes::<usize, usize, usize>::from_weights(&archetypes),
        Err(Error::ColumnCount { .. })
    ));
}

/// Coefficients of a random network, with widths known to the compiler or not.
fn coefficients<C: Dim, Z: Dim, X: Dim, Y: Dim>(
    (c, z, x, y): (C, Z, X, Y),
    seed: u64,
    contexts: &Array2<f64>,
) -> contextualized_core::Coefficients {
    let size = MlpSettings::new(7, 2);
    let encoder = Mlp::new(c, z, size, seed).unwrap();
    let head = Archetypes::new(z, x, y, true, seed).unwrap();
    Contextualized::new(encoder, head)
        .unwrap()
        .coefficients_at(contexts.view())
        .unwrap()
}

proptest! {
    #[test]
    fn typed_and_run_time_widths_give_the_same_bits(
        seed: u64,
        values in prop::collection::vec(-2.0..2.0_f64, 6),
    ) {
        let contexts = Array2::from_shape_vec((3, 2), values).unwrap();
        let typed = coefficients((Const::<2>, Const::<3>, Const::<4>, Const::<2>), seed, &contexts);
        let untyped = coefficients((2, 3, 4, 2), seed, &contexts);
        prop_assert_eq!(typed, untyped);
    }

    #[test]
    fn weights_round_trip(seed: u64, width in 1..9_usize, layers in 1..4_usize, codes in 1..5_usize) {
        let encoder = Mlp::new(2, codes, MlpSettings::new(width, layers), seed).unwrap();
        let head = Archetypes::new(codes, 3, 2, seed % 2 == 0, seed).unwrap();
        let copy = Contextualized::new(
            Mlp::<usize, usize>::from_weights(&encoder.to_weights().unwrap()).unwrap(),
            Archetypes::<usize, usize, usize>::from_weights(&head.to_weights().unwrap()).unwrap(),
        )
        .unwrap();
        let original = Contextualized::new(encoder, head).unwrap();
        let contexts = array![[0.3, -1.0], [2.0, 0.1]];
        prop_assert_eq!(
            original.coefficients_at(contexts.view()).unwrap(),
            copy.coefficients_at(contexts.view()).unwrap()
        );
    }

    /// Initial weights keep to their documented bounds.
    #[test]
    fn initial_weights_are_within_their_bounds(seed: u64, width in 1..20_usize) {
        let encoder = Mlp::new(4, 2, MlpSettings::new(width, 2), seed).unwrap();
        let weights = encoder.to_weights().unwrap();
        for layer in &weights.layers {
            let bound = 1.0 / (layer.weights.nrows() as f64).sqrt();
            prop_assert!(layer.weights.iter().chain(&layer.biases).all(|w| w.abs() <= bound));
        }
        let head = Archetypes::new(2, 3, 1, true, seed).unwrap();
        prop_assert!(head.to_weights().unwrap().slopes.iter().all(|a| a.abs() <= 0.01));
        prop_assert_eq!(Head::<usize, usize, usize>::code_width(&head), 2);
    }
}

/// Every encoder, link and head is built again from what is stored, to the last bit; what does not fit
/// is refused.
#[test]
fn stored_networks_round_trip() {
    let small = MlpSettings::new(3, 2).activation(Activation::Tanh);
    let contexts = array![[0.3, -1.0], [2.0, 0.1]];
    let mask = Array2::from_shape_fn((3, 3), |(i, j)| i != j);
    let factors = Parameterization::Factors {
        archetypes: 2,
        factors: 2,
    };
    for encoder in [
        EncoderKind::Mlp(small),
        EncoderKind::Additive(small),
        EncoderKind::Linear,
    ] {
        for link in [EncoderLink::Identity, EncoderLink::Softmax] {
            for head in [
                Parameterization::Direct,
                Parameterization::Archetypes(2),
                factors,
            ] {
                let settings = NetworkSettings {
                    encoder,
                    link,
                    head,
                    intercept: true,
                    mask: Some(mask.clone()),
                };
                let mut network = settings.build((2, 3, 3), (5, 6)).unwrap();
                let stored = StoredNetwork::of(&settings, &mut network, 5).unwrap();
                let file = serde_json::to_value(&stored).unwrap();
                let reloaded: StoredNetwork = serde_json::from_value(file.clone()).unwrap();
                assert_eq!(reloaded, stored);
                let coefficients = network.coefficients_at(contexts.view()).unwrap();
                let again = reloaded.network().unwrap();
                assert_eq!(
                    again.coefficients_at(contexts.view()).unwrap(),
                    coefficients
                );

                let refused = |change: &dyn Fn(&mut serde_json::Value)| {
                    let mut file = file.clone();
                    change(&mut file);
                    serde_json::from_value::<StoredNetwork>(file)
                        .map_err(|_| ())
                        .and_then(|stored| stored.network().map_err(|_| ()))
                        .is_err()
                };
                assert!(refused(&|file| file["widths"][0] = 3.into()));
                assert!(refused(&|file| file["widths"][1] = 2.into()));
                assert!(refused(&|file| {
                    file["numbers"]["tensors"].as_array_mut().unwrap().pop();
                }));
                assert!(refused(&|file| {
                    let tensors = file["numbers"]["tensors"].as_array_mut().unwrap();
                    tensors.push(tensors[0].clone());
                }));
                assert!(refused(&|file| {
                    file["numbers"]["tensors"][0]["data"][0] = serde_json::Value::Null;
                }));
                assert!(refused(&|file| file["settings"]["intercept"] = false.into()));
            }
        }
    }
}

#[test]
fn numbers_that_are_not_finite_are_not_restored() {
    let mut encoder = Mlp::<usize, usize>::new(1, 1, MlpSettings::new(2, 1), 0).unwrap();
    let mut snapshot = Snapshot::of(&mut encoder).unwrap();
    snapshot.restore(&mut encoder).unwrap();
    *snapshot.values_mut().next().unwrap() = f64::NAN;
    assert!(matches!(
        snapshot.restore(&mut encoder),
        Err(Error::NotFinite { .. })
    ));
}

#[test]
fn parameter_counts_are_those_of_the_formulas() {
    // MLP 2 → 25 → 25 → 10 and 10 archetypes of one target on two features and an intercept.
    let mut network = Contextualized::new(
        Mlp::new(2, 10, MlpSettings::default(), 0).unwrap(),
        Archetypes::new(10, 2, 1, true, 0).unwrap(),
    )
    .unwrap();
    let snapshot = Snapshot::of(&mut network).unwrap();
    assert_eq!(snapshot.values().count(), 1015);
    assert_relative_eq!(
        snapshot.values().map(f64::abs).sum::<f64>() / 1015.0,
        0.1,
        max_relative = 0.3
    );
}
