//! The Taylor surrogate and its remainder.

use crate::networks::{any_activation, drawn, smooth, table};
use approx::assert_relative_eq;
use contextualized_bridge::{ImplicitRegression, NetworkModel, Plain, TaylorSurrogate, neighbours};
use contextualized_core::{Error, Estimator, LocalCoefficients};
use contextualized_encoders::{Activation, DenseWeights, MlpSettings, MlpWeights};
use contextualized_simulation::Simulator;
use ndarray::{Array1, Array2, ArrayView1, Axis, array};
use proptest::prelude::*;

/// Steps of this length in random directions.
fn directions(rows: usize, columns: usize, length: f64, seed: u64) -> Array2<f64> {
    let mut steps = table(rows, columns, 1.0, seed);
    for mut step in steps.rows_mut() {
        let norm = step.dot(&step).sqrt();
        step *= length / norm;
    }
    steps
}

/// Which units are on, layer after layer.
fn pattern(weights: &MlpWeights, c: ArrayView1<'_, f64>, x: ArrayView1<'_, f64>) -> Vec<bool> {
    let mut values: Array1<f64> = c.iter().chain(x.iter()).copied().collect();
    let mut on = Vec::new();
    let (_, hidden) = weights.layers.split_last().unwrap();
    for layer in hidden {
        values = values.dot(&layer.weights) + &layer.biases;
        on.extend(values.iter().map(|&input| input > 0.0));
        values.mapv_inplace(|input| input.max(0.0));
    }
    on
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Property 3: |remainder| ≤ ½ L h² and rounding, at any distance.
    #[test]
    fn remainders_are_bounded_by_the_weights(
        network in drawn(smooth()),
        exponent in -4.0..1.0_f64,
    ) {
        let plain = network.plain();
        let bound = plain.curvature_bound().unwrap();
        let model = NetworkModel::new(plain);
        let (c, x) = network.rows(1);
        let taylor = TaylorSurrogate::at(&model, c.row(0), x.row(0)).unwrap();
        let near = directions(20, network.features, 10.0_f64.powf(exponent), network.seed ^ 5) + x.row(0);
        let remainders = taylor.remainders(&model, near.view()).unwrap();
        let bounds = taylor.remainder_bounds(bound.view(), near.view()).unwrap();
        let predicted = taylor.linear_predictor(near.view()).unwrap();
        for ((remainder, bound), predicted) in remainders.iter().zip(&bounds).zip(&predicted) {
            // Predictions are sums over units of weights of up to 2: rounding of tens of them.
            let rounding = 1e-13 * (1.0 + predicted.abs());
            prop_assert!(remainder.abs() <= bound + rounding, "{remainder} > {bound}");
        }
    }

    /// With rectifiers there is no remainder within the distance at which the first one turns.
    #[test]
    fn rectifiers_leave_no_remainder_until_one_turns(network in drawn(Just(Activation::Relu))) {
        let plain = network.plain();
        let (c, x) = network.rows(1);
        let radius = plain.affine_radius(c.view(), x.view()).unwrap()[0];
        let model = NetworkModel::new(plain);
        let taylor = TaylorSurrogate::at(&model, c.row(0), x.row(0)).unwrap();
        let length = 0.999 * radius.min(1e3);
        let near = directions(30, network.features, length, network.seed ^ 5) + x.row(0);
        let remainders = taylor.remainders(&model, near.view()).unwrap();
        for (remainder, predicted) in remainders.iter().zip(&taylor.linear_predictor(near.view()).unwrap()) {
            prop_assert!(remainder.abs() <= 1e-13 * (1.0 + predicted.abs() + length), "{remainder}");
        }
    }

    /// Nor beyond that distance, in whatever direction no rectifier turns: where the same units are on
    /// at both ends of a step, they are on all along it.
    #[test]
    fn rectifiers_leave_no_remainder_while_the_pattern_stays(network in drawn(Just(Activation::Relu))) {
        let plain = network.plain();
        let weights = plain.to_weights().unwrap();
        let (c, x) = network.rows(1);
        let here = pattern(&weights, c.row(0), x.row(0));
        let model = NetworkModel::new(plain);
        let taylor = TaylorSurrogate::at(&model, c.row(0), x.row(0)).unwrap();
        for length in [0.01, 0.1, 1.0, 10.0] {
            let near = directions(30, network.features, length, network.seed ^ 5) + x.row(0);
            let remainders = taylor.remainders(&model, near.view()).unwrap();
            let predicted = taylor.linear_predictor(near.view()).unwrap();
            for (row, near) in near.rows().into_iter().enumerate() {
                if pattern(&weights, c.row(0), near) == here {
                    for (remainder, predicted) in remainders.row(row).iter().zip(predicted.row(row)) {
                        let rounding = 1e-13 * (1.0 + predicted.abs() + length);
                        prop_assert!(remainder.abs() <= rounding, "{remainder} at {length}");
                    }
                }
            }
        }
    }

    /// A model whose coefficients depend on the context alone is its own surrogate, everywhere.
    #[test]
    fn explicit_networks_have_no_remainder(network in drawn(any_activation())) {
        let model = NetworkModel::new(network.explicit());
        let (c, x) = network.rows(1);
        let taylor = TaylorSurrogate::at(&model, c.row(0), x.row(0)).unwrap();
        let far = table(10, network.features, 100.0, network.seed ^ 5);
        let remainders = taylor.remainders(&model, far.view()).unwrap();
        // Sums of few terms of up to 100 times coefficients of up to 20.
        prop_assert!(remainders.iter().all(|r| r.abs() < 1e-10));
    }
}

/// 500 random networks and points: the remainder is below its bound at every distance, and falls as
/// the square of it.
#[test]
fn the_remainder_is_of_second_order() {
    let mut slopes = Vec::new();
    for seed in 0..500_u64 {
        let size = MlpSettings {
            width: 2 + seed as usize % 15,
            layers: 1 + seed as usize % 3,
            activation: [Activation::Tanh, Activation::Softplus][seed as usize % 2],
        };
        let plain = Plain::new(2, 3, 1, size, seed).unwrap();
        let curvature = plain.curvature_bound().unwrap();
        let model = NetworkModel::new(plain);
        let (c, x) = (table(1, 2, 2.0, seed ^ 1), table(1, 3, 2.0, seed ^ 2));
        let taylor = TaylorSurrogate::at(&model, c.row(0), x.row(0)).unwrap();
        let direction = directions(1, 3, 1.0, seed ^ 3);
        let lengths: Vec<f64> = (2..9).map(|k| 0.5_f64.powi(k)).collect();
        let points: Vec<(f64, f64)> = lengths
            .iter()
            .map(|&h| {
                let at = &direction * h + x.row(0);
                let remainder = taylor.remainders(&model, at.view()).unwrap()[[0, 0]];
                let bounds = taylor.remainder_bounds(curvature.view(), at.view());
                let bound = bounds.unwrap()[[0, 0]];
                // Rounding of predictions of about one.
                assert!(remainder.abs() <= bound + 1e-14, "{remainder} > {bound}");
                assert_relative_eq!(bound, 0.5 * curvature[0] * h * h, max_relative = 1e-10);
                (h.ln(), remainder.abs().ln())
            })
            .collect();
        let mean = |of: &dyn Fn(&(f64, f64)) -> f64| {
            points.iter().map(of).sum::<f64>() / points.len() as f64
        };
        let (h, r) = (mean(&|p| p.0), mean(&|p| p.1));
        let slope = mean(&|p| (p.0 - h) * (p.1 - r)) / mean(&|p| (p.0 - h).powi(2));
        slopes.push(slope);
    }
    slopes.sort_by(f64::total_cmp);
    let median = slopes[250];
    assert!((1.9..2.2).contains(&median), "{median}");
}

fn one_unit(activation: Activation) -> Plain {
    // w σ(2 x + c), w = 3
    let weights = MlpWeights {
        activation,
        layers: vec![
            DenseWeights {
                weights: array![[1.0], [2.0]],
                biases: array![0.0],
            },
            DenseWeights {
                weights: array![[3.0]],
                biases: array![0.5],
            },
        ],
    };
    Plain::from_weights(&weights, 1, 1).unwrap()
}

/// For one unit the bound is the largest curvature there is: 3 · 2² max|σ''|; and the radius the
/// distance to where it turns.
#[test]
fn bounds_and_radii_by_hand() {
    for (activation, most) in [
        (Activation::Tanh, 4.0 / (3.0 * 3.0_f64.sqrt())),
        (Activation::Softplus, 0.25),
    ] {
        let bound = one_unit(activation).curvature_bound().unwrap();
        assert_relative_eq!(bound[0], 12.0 * most, max_relative = 1e-11);
    }
    let kinked = one_unit(Activation::Relu);
    let radius = kinked
        .affine_radius(array![[1.0], [-7.0]].view(), array![[1.0], [1.0]].view())
        .unwrap();
    assert_relative_eq!(radius, array![1.5, 2.5], max_relative = 1e-15);
    assert!(matches!(
        kinked.curvature_bound(),
        Err(Error::InvalidParameter {
            parameter: "activation",
            ..
        })
    ));
    assert!(
        one_unit(Activation::Tanh)
            .affine_radius(array![[1.0]].view(), array![[1.0]].view())
            .is_err()
    );
    // Past the radius the surrogate is wrong: at c = 1 and x = −1 the unit is off, and 3 · 1 missing.
    let model = NetworkModel::new(kinked);
    let taylor = TaylorSurrogate::at(&model, array![1.0].view(), array![1.0].view()).unwrap();
    let remainders = taylor.remainders(&model, array![[-0.4], [-1.0]].view());
    assert_relative_eq!(remainders.unwrap(), array![[0.0], [3.0]], epsilon = 1e-14);
}

/// Two layers of one unit, the second far on its linear side: g = 3 (0.01 σ(2 x) + 40) and what is
/// curved is the first, which the second hands on. The bound is 3 (¼ 0.01² 2² + 0.01 ¼ 2²).
#[test]
fn curvature_of_an_inner_layer_is_handed_on() {
    let layer = |weight: f64, bias: f64| DenseWeights {
        weights: array![[weight]],
        biases: array![bias],
    };
    let mut layers = vec![layer(2.0, 0.0), layer(0.01, 40.0), layer(3.0, 0.0)];
    layers[0].weights = array![[0.5], [2.0]];
    let weights = MlpWeights {
        activation: Activation::Softplus,
        layers,
    };
    let plain = Plain::from_weights(&weights, 1, 1).unwrap();
    let bound = plain.curvature_bound().unwrap();
    assert_relative_eq!(bound[0], 3.0 * (1e-4 + 1e-2), max_relative = 1e-11);
    let model = NetworkModel::new(plain);
    let taylor = TaylorSurrogate::at(&model, array![0.0].view(), array![0.0].view()).unwrap();
    let near = array![[0.01]];
    let remainder = taylor.remainders(&model, near.view()).unwrap()[[0, 0]];
    let most = taylor.remainder_bounds(bound.view(), near.view()).unwrap()[[0, 0]];
    // At its most curved point the bound is nearly reached: rounding of 120 against 1.5e-6.
    assert!(
        remainder < most && remainder > 0.98 * most,
        "{remainder} {most}"
    );
}

/// In the users' units the bound holds too, and the local R² falls from one as the neighbourhood
/// widens.
#[test]
fn a_fitted_model_and_its_neighbourhood() {
    let data = Simulator::new(400)
        .uniform_contexts(1, 0.0, 10.0)
        .features(|draws, _| vec![draws.normal(50.0, 20.0)])
        .slopes(|c| vec![c[0]])
        .simulate(1)
        .unwrap()
        .samples;
    let model = ImplicitRegression::new()
        .activation(Activation::Tanh)
        .epochs(20)
        .fit(&data)
        .unwrap();
    let (c, x) = (array![5.0], array![50.0]);
    let taylor = TaylorSurrogate::at(&model, c.view(), x.view()).unwrap();
    let curvature = model.curvature_bound().unwrap();
    let scale = array![20.0];
    let share = |width: f64| {
        let near = neighbours(x.view(), scale.view(), width, 400, 0).unwrap();
        let remainders = taylor.remainders(&model, near.view()).unwrap();
        let bounds = taylor
            .remainder_bounds(curvature.view(), near.view())
            .unwrap();
        for (remainder, bound) in remainders.iter().zip(&bounds) {
            assert!(remainder.abs() <= bound + 1e-10, "{remainder} > {bound}");
        }
        taylor.local_r_squared(&model, near.view()).unwrap()[0].unwrap()
    };
    let (small, medium, large) = (share(1e-3), share(1.0), share(10.0));
    assert!(small > 1.0 - 1e-6 && small <= 1.0, "{small}");
    assert!(small > medium && medium > large, "{small} {medium} {large}");
    let here = model
        .coefficients_at(c.view().insert_axis(Axis(0)), x.view().insert_axis(Axis(0)))
        .unwrap();
    assert_eq!(taylor.slopes(), here.slopes().index_axis(Axis(0), 0));
    // Nothing varies, nothing is explained.
    let same = array![[50.0], [50.0]];
    assert_eq!(taylor.local_r_squared(&model, same.view()).unwrap(), [None]);
    assert!(
        taylor
            .remainders(&model, array![[1.0, 2.0]].view())
            .is_err()
    );
    assert!(neighbours(x.view(), scale.view(), -1.0, 4, 0).is_err());
}
