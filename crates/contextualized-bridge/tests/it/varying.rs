//! g = x·f(c) + m(c): what differentiating it gives, and what it does not.

use crate::networks::{ConstantSlope, Drawn, Known, any_activation, drawn, smooth, table};
use approx::assert_relative_eq;
use contextualized_bridge::{
    CoefficientChanges, ContextSensitivities, Differentiable, NetworkModel, Plain, jacobian,
    local_coefficients,
};
use contextualized_core::{Error, LocalCoefficients, Result};
use contextualized_encoders::{Const, Dim, Tape, Values};
use dfdx::tensor::{Cpu, TensorFromVec};
use ndarray::{Array1, Array2, Axis, array, s};
use proptest::prelude::*;

/// Rounding of a dot product of these numbers of terms and size.
fn rounding(terms: usize, size: f64) -> f64 {
    4.0 * f64::EPSILON * (terms + 2) as f64 * (1.0 + size)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Property 1: ∂g/∂x is f(c) for every x, and intercepts are m(c), to rounding.
    #[test]
    fn derivatives_in_features_are_the_coefficients(network in drawn(any_activation())) {
        let explicit = network.explicit();
        let (contexts, features) = network.rows(6);
        let truth = explicit.coefficients_at(contexts.view()).unwrap();
        for features in [features.clone(), &features * -30.0] {
            let local = jacobian(&explicit, contexts.view(), features.view()).unwrap();
            let size = truth.slopes().iter().map(|b| b.abs()).fold(0.0, f64::max);
            assert_relative_eq!(
                local.slopes(), truth.slopes(), epsilon = rounding(network.code, size)
            );
            let size = size * 60.0 * network.features as f64;
            assert_relative_eq!(
                local.intercepts(), truth.intercepts(), epsilon = rounding(network.features, size)
            );
        }
    }

    /// ∂g/∂c is f'(c)ᵀx + m'(c), and ∂²g/∂x∂c is f'(c): the first by differentiating the network, the
    /// second by central differences of its exact Jacobians, whose error is about ε^⅔ = 4e-11 times
    /// coefficients of up to 100.
    #[test]
    fn derivatives_in_contexts_are_another_thing(network in drawn(smooth())) {
        let (contexts, features) = network.rows(6);
        let model = NetworkModel::new(network.explicit());
        let scales = Array1::ones(network.contexts);
        let changes = CoefficientChanges::by_differences(
            &model, contexts.view(), features.view(), scales.view(),
        ).unwrap();
        let sensitivities = model.context_sensitivities(contexts.view(), features.view()).unwrap();
        for ((row, target, context), found) in sensitivities.values().indexed_iter() {
            let mut expected = changes.intercepts()[[row, target, context]];
            for feature in 0..network.features {
                expected += changes.slopes()[[row, target, feature, context]] * features[[row, feature]];
            }
            assert_relative_eq!(*found, expected, epsilon = 1e-8);
        }
        let by_differences = ContextSensitivities::by_differences(
            &model, contexts.view(), features.view(), scales.view(),
        ).unwrap();
        assert_relative_eq!(sensitivities.values(), by_differences.values(), epsilon = 1e-8);
    }

    /// All of it to rounding where f, f' and m' are known in closed form; and ∂g/∂c is not f(c).
    #[test]
    fn a_network_by_hand(seed: u64) {
        let (contexts, features) = (table(8, 2, 2.0, seed), table(8, 2, 3.0, seed ^ 1));
        let local = jacobian(&Known, contexts.view(), features.view()).unwrap();
        let model = NetworkModel::new(Known);
        let in_contexts = model.context_sensitivities(contexts.view(), features.view()).unwrap();
        let scales = array![1.0, 1.0];
        let changes = CoefficientChanges::by_differences(
            &model, contexts.view(), features.view(), scales.view(),
        ).unwrap();
        let mut claimed = 0.0_f64;
        for (row, c) in contexts.rows().into_iter().enumerate() {
            let c = c.as_slice().unwrap();
            for feature in 0..2 {
                let slope = local.slopes()[[row, 0, feature]];
                assert_relative_eq!(slope, Known::slopes(c)[feature], epsilon = rounding(2, 4.0));
                claimed = claimed.max((in_contexts.values()[[row, 0, feature]] - slope).abs());
                for context in 0..2 {
                    assert_relative_eq!(
                        changes.slopes()[[row, 0, feature, context]],
                        Known::changes(c)[feature][context],
                        epsilon = 1e-9 // ε^⅔ = 4e-11 times a size of 4
                    );
                }
            }
            assert_relative_eq!(local.intercepts()[[row, 0]], Known::intercept(c), epsilon = rounding(2, 20.0));
            for context in 0..2 {
                let x = features.row(row);
                let expected = Known::changes(c)[0][context] * x[0]
                    + Known::changes(c)[1][context] * x[1]
                    + Known::intercept_changes(c)[context];
                assert_relative_eq!(
                    in_contexts.values()[[row, 0, context]], expected, epsilon = rounding(3, 10.0)
                );
            }
        }
        prop_assert!(claimed > 0.1, "in {claimed} of 8 random rows at most, ∂g/∂c was f(c)");
        // Where x is zero, nothing of f is left in ∂g/∂c.
        let zeros = Array2::zeros((8, 2));
        let at_zero = model.context_sensitivities(contexts.view(), zeros.view()).unwrap();
        for (row, c) in contexts.rows().into_iter().enumerate() {
            let expected = Known::intercept_changes(c.as_slice().unwrap());
            for context in 0..2 {
                assert_relative_eq!(
                    at_zero.values()[[row, 0, context]], expected[context], epsilon = rounding(3, 4.0)
                );
            }
        }
    }

    /// A constant f refutes that coefficients are ∂g/∂c: there is m'(c), whatever f is.
    #[test]
    fn a_constant_f_refutes_the_claim(slope in -5.0..5.0_f64, c in -3.0..3.0_f64, x in -3.0..3.0_f64) {
        let (c, x) = (array![[c]], array![[x]]);
        let network = ConstantSlope(slope);
        let local = jacobian(&network, c.view(), x.view()).unwrap();
        prop_assert_eq!(local.slopes()[[0, 0, 0]], slope);
        let in_context = ContextSensitivities::of_network(&network, c.view(), x.view()).unwrap();
        assert_relative_eq!(in_context.values()[[0, 0, 0]], c[[0, 0]].cos(), epsilon = rounding(1, 1.0));
    }

    /// Property 8: the same weights for permuted features give permuted coefficients, and for
    /// features in units 1/a as large, coefficients by 1/a.
    #[test]
    fn coefficients_follow_their_features(network in drawn(any_activation()), a in 0.01..100.0_f64) {
        let (contexts, features) = network.rows(5);
        let plain = network.plain();
        let local = jacobian(&plain, contexts.view(), features.view()).unwrap();
        let size = local.slopes().iter().map(|b| b.abs()).fold(0.0, f64::max);
        // Sums are in another order: a rounding for every term in every layer.
        let tolerance = rounding(8 * 12, size);

        let c = network.contexts;
        let order: Vec<usize> = (0..network.features).rev().collect();
        let inputs: Vec<usize> = (0..c).chain(order.iter().map(|&j| c + j)).collect();
        let mut weights = plain.to_weights().unwrap();
        weights.layers[0].weights = weights.layers[0].weights.select(Axis(0), &inputs);
        let permuted = Plain::from_weights(&weights, c, network.features).unwrap();
        let moved = features.select(Axis(1), &order);
        let found = jacobian(&permuted, contexts.view(), moved.view()).unwrap();
        assert_relative_eq!(
            found.slopes(), local.slopes().select(Axis(2), &order), epsilon = tolerance
        );
        assert_relative_eq!(found.intercepts(), local.intercepts(), epsilon = 10.0 * tolerance);

        let mut weights = plain.to_weights().unwrap();
        weights.layers[0].weights.slice_mut(s![c.., ..]).mapv_inplace(|w| w / a);
        let rescaled = Plain::from_weights(&weights, c, network.features).unwrap();
        let found = jacobian(&rescaled, contexts.view(), (&features * a).view()).unwrap();
        assert_relative_eq!(
            &found.slopes() * a, local.slopes().to_owned(), epsilon = tolerance
        );
    }

    /// Typed widths and run-time widths give the same bits.
    #[test]
    fn typed_tensors_hold_the_same_coefficients(seed: u64) {
        let (contexts, features) = (table(7, 2, 2.0, seed), table(7, 2, 2.0, seed ^ 1));
        let device = Cpu::default();
        let c = device.tensor_from_vec(contexts.iter().copied().collect(), (Const::<7>, Const::<2>));
        let x = device.tensor_from_vec(features.iter().copied().collect(), (Const::<7>, Const::<2>));
        let typed = local_coefficients(&Known, &c, &x).unwrap();
        let slopes: Values<(Const<7>, Const<1>, Const<2>)> = typed.slopes;
        let local = jacobian(&Known, contexts.view(), features.view()).unwrap();
        prop_assert_eq!(slopes.as_vec(), local.slopes().iter().copied().collect::<Vec<_>>());
        prop_assert_eq!(
            typed.intercepts.unwrap().as_vec(), local.intercepts().iter().copied().collect::<Vec<_>>()
        );
    }
}

/// g = c: the features are thrown away.
struct WithoutFeatures;

impl Differentiable<usize, usize, usize> for WithoutFeatures {
    fn sizes(&self) -> (usize, usize, usize) {
        (1, 2, 1)
    }
    fn forward<B: Dim, T: Tape>(
        &self,
        contexts: Values<(B, usize), T>,
        _: Values<(B, usize), T>,
    ) -> Result<Values<(B, usize), T>> {
        Ok(contexts)
    }
}

/// Says that it has two targets, and returns one.
struct Lying;

impl Differentiable<usize, usize, usize> for Lying {
    fn sizes(&self) -> (usize, usize, usize) {
        (1, 2, 2)
    }
    fn forward<B: Dim, T: Tape>(
        &self,
        contexts: Values<(B, usize), T>,
        _: Values<(B, usize), T>,
    ) -> Result<Values<(B, usize), T>> {
        Ok(contexts)
    }
}

#[test]
fn networks_that_ignore_features_or_lie_do_not_panic() {
    let (c, x) = (array![[3.0], [4.0]], array![[1.0, 2.0], [3.0, 4.0]]);
    let local = jacobian(&WithoutFeatures, c.view(), x.view()).unwrap();
    assert!(local.slopes().iter().all(|&slope| slope == 0.0));
    assert_eq!(local.intercepts(), c);
    let in_context = ContextSensitivities::of_network(&WithoutFeatures, c.view(), x.view());
    assert!(in_context.unwrap().values().iter().all(|&s| s == 1.0));
    assert!(matches!(
        jacobian(&Lying, c.view(), x.view()),
        Err(Error::ColumnCount {
            argument: "the network's output",
            expected: 2,
            found: 1
        })
    ));
}

#[test]
fn queries_and_scales_are_checked() {
    let model = NetworkModel::new(Known);
    let (c, x) = (array![[1.0, 2.0]], array![[1.0, 2.0]]);
    assert!(matches!(
        model.coefficients_at(array![[1.0]].view(), x.view()),
        Err(Error::ColumnCount {
            argument: "contexts",
            expected: 2,
            found: 1
        })
    ));
    let changes = |c: &Array2<f64>, scales: &[f64]| {
        CoefficientChanges::by_differences(
            &model,
            c.view(),
            x.view(),
            Array1::from(scales.to_vec()).view(),
        )
    };
    assert!(matches!(
        changes(&c, &[1.0]),
        Err(Error::ColumnCount {
            argument: "scales",
            ..
        })
    ));
    for bad in [0.0, f64::NAN, 1e-14] {
        let message = changes(&c, &[1.0, bad]).unwrap_err().to_string();
        assert!(message.contains("in column 2"), "{message}");
    }
    let nobody = Array2::zeros((0, 2));
    let none = CoefficientChanges::by_differences(
        &model,
        nobody.view(),
        nobody.view(),
        array![1.0, 1.0].view(),
    );
    assert_eq!(none.unwrap().slopes().dim(), (0, 1, 2, 2));
}

/// The mixed derivative of a perceptron in closed form is the difference of its Jacobians, and the
/// sensitivity is what dfdx finds.
#[test]
fn closed_form_and_tensors_agree() {
    for seed in 0..40 {
        let network = Drawn {
            contexts: 1 + seed as usize % 3,
            features: 1 + seed as usize % 2,
            targets: 1 + seed as usize % 3 / 2,
            code: 1,
            size: contextualized_encoders::MlpSettings {
                width: 1 + seed as usize % 9,
                layers: 1 + seed as usize % 3,
                activation: [
                    contextualized_encoders::Activation::Tanh,
                    contextualized_encoders::Activation::Softplus,
                ][seed as usize % 2],
            },
            seed,
        };
        let plain = network.plain();
        let (contexts, features) = network.rows(5);
        let (c, x) = (contexts.view(), features.view());
        let by_hand = plain.context_sensitivities(c, x).unwrap();
        let by_tape = ContextSensitivities::of_network(&plain, c, x).unwrap();
        // Each layer's rounding, times weights of up to 2 √width.
        assert_relative_eq!(by_hand.values(), by_tape.values(), epsilon = 1e-12);
        let scales = Array1::ones(network.contexts);
        let exact = plain.coefficient_changes(c, x).unwrap();
        let model = NetworkModel::new(plain);
        let found = CoefficientChanges::by_differences(&model, c, x, scales.view()).unwrap();
        assert_relative_eq!(exact.slopes(), found.slopes(), epsilon = 1e-7);
        assert_relative_eq!(exact.intercepts(), found.intercepts(), epsilon = 1e-7);
    }
}
