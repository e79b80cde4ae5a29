//! The Jacobian against central differences, loops over rows, and networks whose derivative is known.

use approx::assert_relative_eq;
use contextualized_bridge::{ImplicitRegression, Plain, jacobian};
use contextualized_core::{Estimator, LocalCoefficients, Samples};
use contextualized_encoders::{Archetypes, Contextualized, Mlp, MlpSettings};
use contextualized_simulation::Simulator;
use ndarray::{Array2, Axis, array, s};
use proptest::prelude::*;

fn samples(rows: usize, seed: u64) -> Samples {
    Simulator::new(rows)
        .uniform_contexts(2, 10.0, 30.0)
        .features(|draws, _| vec![draws.normal(5.0, 2.0), draws.normal(-100.0, 30.0)])
        .slope_matrix(|c| array![[c[0] / 10.0, 0.1], [1.0, c[1] / 300.0]])
        .noise(0.1)
        .simulate(seed)
        .unwrap()
        .samples
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// An explicit network's derivative is its slopes, whatever the features.
    #[test]
    fn an_explicit_network_gives_its_own_coefficients(
        seed: u64,
        values in prop::collection::vec(-2.0..2.0_f64, 5 * (2 + 3)),
    ) {
        let size = MlpSettings::new(6, 2);
        let network = Contextualized::new(
            Mlp::new(2, 4, size, seed).unwrap(),
            Archetypes::new(4, 3, 2, true, seed).unwrap(),
        )
        .unwrap();
        let contexts = Array2::from_shape_vec((5, 2), values[..10].to_vec()).unwrap();
        let features = Array2::from_shape_vec((5, 3), values[10..].to_vec()).unwrap();
        let local = jacobian(&network, contexts.view(), features.view()).unwrap();
        let explicit = network.coefficients_at(contexts.view()).unwrap();
        assert_relative_eq!(local.slopes(), explicit.slopes(), epsilon = 1e-14);
        assert_relative_eq!(local.intercepts(), explicit.intercepts(), epsilon = 1e-14);
    }

    /// Through all scalings, in the users' units: central differences of the prediction. A rectifier
    /// may turn within a step; there the one-sided differences disagree.
    #[test]
    fn coefficients_are_derivatives_of_the_prediction(seed in 0..500_u64) {
        let data = samples(40, seed);
        let model = ImplicitRegression::new().epochs(3).seed(seed).fit(&data).unwrap();
        let local = model.coefficients_at(data.contexts(), data.features()).unwrap();
        let here = model.predict(data.contexts(), data.features()).unwrap();
        let mut kinks = 0;
        for feature in 0..2 {
            let step = [2e-6, 3e-5][feature];
            let shifted = |by: f64| {
                let mut features = data.features().to_owned();
                features.column_mut(feature).mapv_inplace(|x| x + by);
                model.predict(data.contexts(), features.view()).unwrap()
            };
            let (above, below) = (shifted(step), shifted(-step));
            for row in 0..40 {
                for target in 0..2 {
                    let at = [row, target];
                    let central = (above[at] - below[at]) / (2.0 * step);
                    let tolerance = 1e-9 * (1.0 + here[at].abs()) / step;
                    if (central - local.slopes()[[row, target, feature]]).abs() > tolerance {
                        let bend = (above[at] - 2.0 * here[at] + below[at]).abs() / step;
                        prop_assert!(bend > tolerance, "row {row}");
                        kinks += 1;
                    }
                }
            }
        }
        prop_assert!(kinks <= 2, "{kinks}");
    }
}

/// The local model is exact at its point.
#[test]
fn the_local_model_predicts_what_the_network_predicts() {
    let data = samples(60, 1);
    let model = ImplicitRegression::new().epochs(5).fit(&data).unwrap();
    let local = model
        .coefficients_at(data.contexts(), data.features())
        .unwrap();
    assert_relative_eq!(
        local.linear_predictor(data.features()).unwrap(),
        model.predict(data.contexts(), data.features()).unwrap(),
        epsilon = 1e-9
    );
}

/// All rows at once are the rows one by one, across blocks.
#[test]
fn rows_do_not_mix() {
    let network = Plain::new(2, 2, 2, MlpSettings::default(), 3).unwrap();
    let data = samples(1500, 2);
    let together = jacobian(&network, data.contexts(), data.features()).unwrap();
    for row in [0, 1023, 1024, 1499] {
        let one = s![row..row + 1, ..];
        let alone = jacobian(
            &network,
            data.contexts().slice(one),
            data.features().slice(one),
        )
        .unwrap();
        assert_relative_eq!(
            alone.slopes().index_axis(Axis(0), 0),
            together.slopes().index_axis(Axis(0), row),
            max_relative = 1e-12
        );
    }
}
