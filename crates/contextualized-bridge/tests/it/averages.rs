//! Estimators of the coefficients where g is not linear in the features, and links.

use crate::networks::{drawn, smooth};
use approx::assert_relative_eq;
use contextualized_bridge::{ImplicitRegression, NetworkModel, averaged_coefficients, linearity};
use contextualized_core::{
    Coefficients, Error, Estimator, Family, LocalCoefficients, Result, VaryingCoefficients,
};
use contextualized_encoders::Activation;
use contextualized_linear::NeuralRegression;
use contextualized_simulation::Simulator;
use contextualized_solvers::symmetric_eigen;
use ndarray::{Array1, Array2, Array3, ArrayView2, array};
use proptest::prelude::*;

/// Nodes (n) and weights of Gauss-Hermite quadrature for the standard normal distribution: by the
/// eigenvalues of the Jacobi matrix (Golub and Welsch 1969, doi:10.1090/S0025-5718-69-99647-1).
fn gauss_hermite(nodes: usize) -> (Array1<f64>, Array1<f64>) {
    let matrix = Array2::from_shape_fn((nodes, nodes), |(i, j)| {
        if i.abs_diff(j) == 1 {
            (i.max(j) as f64).sqrt()
        } else {
            0.0
        }
    });
    let eigen = symmetric_eigen(matrix.view()).unwrap();
    (
        eigen.values,
        eigen.vectors.row(0).mapv(|first| first * first),
    )
}

/// The product rule for two features.
fn squared(rule: &(Array1<f64>, Array1<f64>)) -> (Array2<f64>, Array1<f64>) {
    let n = rule.0.len();
    let nodes = Array2::from_shape_fn((n * n, 2), |(row, column)| {
        rule.0[if column == 0 { row / n } else { row % n }]
    });
    let weights = (0..n * n)
        .map(|row| rule.1[row / n] * rule.1[row % n])
        .collect();
    (nodes, weights)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Property 7, Stein's lemma: for standard normal x the average derivative is the slope of the
    /// best line. The quadrature of 100 nodes is exact to rounding for a perceptron whose weights keep
    /// its poles away; 1e-10 as asked for.
    #[test]
    fn the_average_derivative_is_the_best_slope(mut network in drawn(smooth())) {
        network.features = 1;
        network.size.layers = 1;
        // The weights a network starts with, on ±1/√inputs.
        let plain = contextualized_bridge::Plain::new(
            network.contexts, 1, network.targets, network.size, network.seed,
        ).unwrap();
        let model = NetworkModel::new(plain);
        let (contexts, features) = network.rows(4);
        let (nodes, weights) = gauss_hermite(100);
        let nodes = nodes.insert_axis(ndarray::Axis(1));
        let found = linearity(
            &model, contexts.view(), features.view(), nodes.view(), Some(weights.view()),
        ).unwrap();
        assert_relative_eq!(found.averaged.slopes(), found.least_squares.slopes(), epsilon = 1e-10);
        assert_relative_eq!(found.averaged.intercepts(), found.least_squares.intercepts(), epsilon = 1e-10);
        let averaged = averaged_coefficients(
            &model, contexts.view(), nodes.view(), Some(weights.view()),
        ).unwrap();
        prop_assert_eq!(&averaged, &found.averaged);
        // The derivative at one's own features is another thing.
        let difference = (&found.at_features.slopes() - &found.averaged.slopes())
            .iter().fold(0.0_f64, |l, d| l.max(d.abs()));
        prop_assert!(difference > 1e-8, "{difference}");
    }

    /// Where g is linear in x all four estimators are B(c), and nothing disagrees.
    #[test]
    fn estimators_agree_where_g_is_linear(network in drawn(smooth())) {
        let explicit = network.explicit();
        let (contexts, features) = network.rows(4);
        let truth = explicit.coefficients_at(contexts.view()).unwrap();
        let reference = crate::networks::table(30, network.features, 3.0, network.seed ^ 9);
        let model = NetworkModel::new(explicit);
        let found = linearity(&model, contexts.view(), features.view(), reference.view(), None).unwrap();
        for estimator in [&found.at_features, &found.at_zero, &found.averaged, &found.least_squares] {
            assert_relative_eq!(estimator.slopes(), truth.slopes(), epsilon = 1e-11);
            assert_relative_eq!(estimator.intercepts(), truth.intercepts(), epsilon = 1e-11);
        }
        for (target, disagreement) in found.disagreement.indexed_iter() {
            prop_assert!(*disagreement < 1e-10);
            if let Some(share) = found.r_squared[target] {
                prop_assert!(share > 1.0 - 1e-9 * (1.0 + 1.0 / found.spread[target].powi(2)));
            }
        }
    }
}

/// With two features, and not with uniform ones.
#[test]
fn stein_needs_normal_features() {
    let plain = contextualized_bridge::Plain::new(
        1,
        2,
        1,
        contextualized_encoders::MlpSettings::new(6, 2).activation(Activation::Tanh),
        4,
    )
    .unwrap();
    let model = NetworkModel::new(plain);
    let contexts = array![[0.3], [-1.0]];
    let features = array![[0.5, 0.5], [1.0, -2.0]];
    let (nodes, weights) = squared(&gauss_hermite(50));
    let normal = linearity(
        &model,
        contexts.view(),
        features.view(),
        nodes.view(),
        Some(weights.view()),
    )
    .unwrap();
    assert_relative_eq!(
        normal.averaged.slopes(),
        normal.least_squares.slopes(),
        epsilon = 1e-10
    );
    assert!(normal.disagreement.iter().all(|&d| d > 1e-3));
    // A grid on ±2, uniform: the two differ by far more than rounding.
    let uniform = Array2::from_shape_fn((41 * 41, 2), |(row, column)| {
        let index = if column == 0 { row / 41 } else { row % 41 };
        index as f64 / 10.0 - 2.0
    });
    let found = linearity(
        &model,
        contexts.view(),
        features.view(),
        uniform.view(),
        None,
    )
    .unwrap();
    let difference = (&found.averaged.slopes() - &found.least_squares.slopes())
        .iter()
        .fold(0.0_f64, |l, d| l.max(d.abs()));
    assert!(difference > 1e-5, "{difference}");
}

/// g(c, x) = c x² has derivatives 2 c x, 0 at zero; over x = −1, 0, 3 their mean is 4c/3, the best
/// line's slope is Cov(x, x²) / Var(x) · c = 29/13 c.
struct Parabola;

impl LocalCoefficients for Parabola {
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        let slopes = &contexts * &features * 2.0;
        let values = &contexts * &features * features;
        Coefficients::new(
            slopes.clone().insert_axis(ndarray::Axis(1)),
            values - slopes * features,
        )
    }
    fn family(&self) -> Family {
        Family::Gaussian
    }
}

#[test]
fn four_estimators_by_hand() {
    let (c, x) = (array![[6.0]], array![[1.0]]);
    let reference = array![[-1.0], [0.0], [3.0]];
    let found = linearity(&Parabola, c.view(), x.view(), reference.view(), None).unwrap();
    let slope = |of: &Coefficients| of.slopes()[[0, 0, 0]];
    assert_relative_eq!(slope(&found.at_features), 12.0);
    assert_eq!(slope(&found.at_zero), 0.0);
    assert_relative_eq!(slope(&found.averaged), 8.0, max_relative = 1e-14);
    let best = 6.0 * 29.0 / 13.0;
    assert_relative_eq!(slope(&found.least_squares), best, max_relative = 1e-14);
    // Both lines pass through the means, x = 2/3 and g = 20.
    let intercept = |of: &Coefficients| of.intercepts()[[0, 0]];
    assert_relative_eq!(
        intercept(&found.averaged),
        20.0 - 16.0 / 3.0,
        max_relative = 1e-14
    );
    assert_relative_eq!(
        intercept(&found.least_squares),
        20.0 - best * 2.0 / 3.0,
        max_relative = 1e-13
    );
    // The largest difference of slopes is best − 0, times the deviation of x, √(26/9); that of g, of
    // 6, 0 and 54, is √584.
    let deviation = (26.0_f64 / 9.0).sqrt();
    assert_relative_eq!(
        found.disagreement[[0, 0]],
        best * deviation,
        max_relative = 1e-13
    );
    assert_relative_eq!(found.spread[[0, 0]], 584.0_f64.sqrt(), max_relative = 1e-14);
    let explained = (best * deviation).powi(2) / 584.0;
    assert_relative_eq!(
        found.r_squared[[0, 0]].unwrap(),
        explained,
        max_relative = 1e-12
    );
    assert!(matches!(
        linearity(
            &Parabola,
            c.view(),
            x.view(),
            array![[1.0], [1.0]].view(),
            None
        ),
        Err(Error::RankDeficient { .. })
    ));
    assert!(matches!(
        averaged_coefficients(&Parabola, c.view(), Array2::zeros((0, 1)).view(), None),
        Err(Error::NoRows { .. })
    ));
    let nobody = Array2::zeros((0, 1));
    let none = linearity(
        &Parabola,
        nobody.view(),
        nobody.view(),
        reference.view(),
        None,
    );
    assert_eq!(
        none.unwrap().averaged.slopes(),
        Array3::<f64>::zeros((0, 1, 1))
    );
}

/// Property 7: coefficients are derivatives of the logit, not of the probability, which are p (1 − p)
/// times as large.
#[test]
fn the_logit_is_differentiated_and_not_the_probability() {
    let data = Simulator::new(400)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(|c| vec![2.0 * c[0], 1.0])
        .family(Family::Binomial)
        .simulate(1)
        .unwrap()
        .samples;
    let implicit = ImplicitRegression::new()
        .activation(Activation::Tanh)
        .family(Family::Binomial)
        .epochs(20)
        .fit(&data)
        .unwrap();
    let explicit = NeuralRegression::new()
        .family(Family::Binomial)
        .epochs(5)
        .without_shrinkage()
        .fit(&data)
        .unwrap();
    let (c, x) = (data.contexts(), data.features());
    assert!(explicit.coefficients(c).is_ok());
    let models: [&dyn LocalCoefficients; 2] = [&implicit, &explicit];
    for model in models {
        let local = model.coefficients_at(c, x).unwrap();
        let step = 1e-4;
        for feature in 0..2 {
            let at = |by: f64| {
                let mut moved = x.to_owned();
                moved.column_mut(feature).mapv_inplace(|x| x + by);
                model.predict(c, moved.view()).unwrap()
            };
            let (above, below, here) = (at(step), at(-step), at(0.0));
            for row in 0..data.rows() {
                let logit = |p: &Array2<f64>| Family::Binomial.link().apply(p[[row, 0]]);
                let slope = local.slopes()[[row, 0, feature]];
                let of_logit = (logit(&above) - logit(&below)) / (2.0 * step);
                // Truncation of 1e-8 times third derivatives, rounding of ε / p (1 − p) over the step.
                let share = here[[row, 0]] * (1.0 - here[[row, 0]]);
                let tolerance = 1e-6 + 4.0 * f64::EPSILON / (share * step);
                assert_relative_eq!(of_logit, slope, epsilon = tolerance);
                let of_mean = (above[[row, 0]] - below[[row, 0]]) / (2.0 * step);
                assert_relative_eq!(of_mean, share * slope, epsilon = 1e-6);
            }
        }
        // On the link scale the local model is exact at its point.
        let predictor = model.linear_predictor(c, x).unwrap();
        for (p, eta) in model.predict(c, x).unwrap().iter().zip(&predictor) {
            assert_relative_eq!(*p, Family::Binomial.link().inverse(*eta), epsilon = 1e-14);
        }
    }
}
