//! Jacobians against differences, through standardisation, and of sums.

use crate::networks::{InUnits, Sum, any_activation, drawn, smooth};
use approx::assert_relative_eq;
use contextualized_bridge::{
    CoefficientChanges, ContextSensitivities, ImplicitRegression, NetworkModel, jacobian,
};
use contextualized_core::{Estimator, LocalCoefficients};
use contextualized_encoders::Activation;
use contextualized_simulation::Simulator;
use ndarray::array;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// The Jacobian of a sum is the sum of Jacobians.
    #[test]
    fn a_sum_has_the_sum_of_jacobians(network in drawn(any_activation())) {
        let (contexts, features) = network.rows(6);
        let (one, other) = (network.plain(), network.explicit());
        let of = |local: &contextualized_core::Coefficients| (local.slopes().to_owned(), local.intercepts().to_owned());
        let first = of(&jacobian(&one, contexts.view(), features.view()).unwrap());
        let second = of(&jacobian(&other, contexts.view(), features.view()).unwrap());
        let both = of(&jacobian(&Sum(one, other), contexts.view(), features.view()).unwrap());
        // Slopes are sums of two exact terms; intercepts have the roundings of g.
        assert_relative_eq!(both.0, first.0 + second.0, epsilon = 1e-13, max_relative = 1e-13);
        assert_relative_eq!(both.1, first.1 + second.1, epsilon = 1e-12, max_relative = 1e-12);
    }

    /// Through standardisation on the tape, and by the formula for coefficients.
    #[test]
    fn the_chain_rule_through_standardisation(network in drawn(smooth())) {
        let scaling = network.scaling();
        let (standardized_c, standardized_x) = network.rows(6);
        let contexts = scaling.contexts.invert(standardized_c.view()).unwrap();
        let features = scaling.features.invert(standardized_x.view()).unwrap();
        let plain = network.plain();
        let expected = jacobian(&plain, standardized_c.view(), standardized_x.view())
            .unwrap()
            .to_original_units(&scaling.features, &scaling.targets)
            .unwrap();
        let in_units = InUnits { network: plain, scaling };
        let found = jacobian(&in_units, contexts.view(), features.view()).unwrap();
        // Standardised inputs come back with rounding of centres of up to 10 over scales of a tenth,
        // and slopes are multiplied by up to 100.
        let size = expected.slopes().iter().chain(expected.intercepts().iter()).map(|v| v.abs()).fold(1.0, f64::max);
        assert_relative_eq!(found.slopes(), expected.slopes(), epsilon = 1e-12 * size);
        assert_relative_eq!(found.intercepts(), expected.intercepts(), epsilon = 1e-11 * size);
    }

    /// Central differences of step h are wrong by O(h²): halving the step divides the error by four,
    /// and at ε^⅓ it is down to rounding.
    #[test]
    fn differences_converge_at_second_order(network in drawn(smooth())) {
        let (contexts, features) = network.rows(4);
        let plain = network.plain();
        let local = jacobian(&plain, contexts.view(), features.view()).unwrap();
        let model = NetworkModel::new(plain);
        let error = |step: f64| -> f64 {
            let mut worst = 0.0_f64;
            for feature in 0..network.features {
                let at = |by: f64| {
                    let mut moved = features.clone();
                    moved.column_mut(feature).mapv_inplace(|x| x + by);
                    model.linear_predictor(contexts.view(), moved.view()).unwrap()
                };
                let central = (at(step) - at(-step)) / (2.0 * step);
                for ((row, target), found) in central.indexed_iter() {
                    worst = worst.max((found - local.slopes()[[row, target, feature]]).abs());
                }
            }
            worst
        };
        prop_assert!(error(6e-6) < 1e-8, "{}", error(6e-6));
        // From a step at which the next order no longer counts, if rounding does not count yet.
        let (coarse, fine) = (error(2e-3), error(1e-3));
        if fine > 1e-9 {
            let ratio = coarse / fine;
            prop_assert!((ratio - 4.0).abs() < 0.1, "{ratio}");
        }
    }
}

/// Derivatives in the context of a fitted model, in closed form on weights into which its
/// standardisation was moved, against differences of its predictions and coefficients.
#[test]
fn a_fitted_model_knows_its_change_with_the_context() {
    let data = Simulator::new(300)
        .uniform_contexts(2, 10.0, 30.0)
        .features(|draws, _| vec![draws.normal(5.0, 2.0), draws.normal(-100.0, 30.0)])
        .slope_matrix(|c| array![[c[0] / 10.0, 0.1], [1.0, c[1] / 300.0]])
        .noise(0.1)
        .simulate(3)
        .unwrap()
        .samples;
    let model = ImplicitRegression::new()
        .activation(Activation::Tanh)
        .epochs(20)
        .fit(&data)
        .unwrap();
    let (c, x) = (data.contexts(), data.features());
    let scales = array![6.0, 6.0];
    // Truncation and rounding of ε^⅔ relative to predictions of about 50 over 6, and a margin of 50.
    let exact = model.context_sensitivities(c, x).unwrap();
    let found = ContextSensitivities::by_differences(&model, c, x, scales.view()).unwrap();
    assert_relative_eq!(exact.values(), found.values(), epsilon = 2e-8);
    let exact = model.coefficient_changes(c, x).unwrap();
    let found = CoefficientChanges::by_differences(&model, c, x, scales.view()).unwrap();
    assert_relative_eq!(exact.slopes(), found.slopes(), epsilon = 2e-8);
    assert_relative_eq!(exact.intercepts(), found.intercepts(), epsilon = 2e-7);
    // They are not nothing.
    assert!(exact.slopes().iter().any(|change| change.abs() > 1e-2));
    // A rectifier's coefficients are piecewise constant.
    let kinked = ImplicitRegression::new().epochs(2).fit(&data).unwrap();
    let changes = kinked.coefficient_changes(c, x).unwrap();
    assert!(changes.slopes().iter().all(|&change| change == 0.0));
    assert!(kinked.coefficients_at(c, x).is_ok());
}
