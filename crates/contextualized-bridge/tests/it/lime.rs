//! The sampled surrogate: where it converges to, and how fast.

use crate::networks::{Known, drawn, smooth};
use approx::assert_relative_eq;
use contextualized_bridge::{Lime, NetworkModel, Ridge, jacobian};
use contextualized_core::{Error, LocalCoefficients, Result};
use ndarray::{Array2, ArrayView2, array};
use proptest::prelude::*;

/// g(c, x) = e^{c/2} sin(x + 0.3 c), which has all derivatives at (0.4, 0.7).
fn wave(c: ArrayView2<'_, f64>, x: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let angle = &x + &(&c * 0.3);
    Ok(c.mapv(|c| (0.5 * c).exp()) * angle.mapv(f64::sin))
}

/// ∂g/∂x and ∂g/∂c there.
fn truth() -> (f64, f64) {
    let (c, x): (f64, f64) = (0.4, 0.7);
    let (scale, angle) = ((0.5 * c).exp(), x + 0.3 * c);
    (
        scale * angle.cos(),
        scale * (0.5 * angle.sin() + 0.3 * angle.cos()),
    )
}

/// Errors of both slopes, and what is stated of them.
fn errors(lime: &Lime) -> ([f64; 2], [f64; 2]) {
    let found = lime
        .explain_function(wave, array![[0.4]].view(), array![[0.7]].view())
        .unwrap();
    let (in_x, in_c) = truth();
    (
        [
            found.coefficients.slopes()[[0, 0, 0]] - in_x,
            found.sensitivities.values()[[0, 0, 0]] - in_c,
        ],
        [
            found.coefficient_errors[[0, 0, 0]],
            found.sensitivity_errors[[0, 0, 0]],
        ],
    )
}

/// With draws enough that the bias is what is left (a sampling error of 2e-4 h against a bias of about
/// h² / 10), halving the width quarters it.
#[test]
fn the_bias_is_of_second_order_in_the_width() {
    for part in [0, 1] {
        let bias = |width: f64| errors(&Lime::new(width).draws(1_000_000)).0[part].abs();
        let order = (bias(0.4) / bias(0.1)).ln() / 4.0_f64.ln();
        assert!((order - 2.0).abs() < 0.15, "{part}: {order}");
    }
}

/// Over 200 seeds slopes scatter by O(width / √draws): a relative error of 1/√400 in each deviation,
/// 7% in their ratio, of which four are allowed.
#[test]
fn the_sampling_error_has_its_rate_and_is_the_one_stated() {
    for part in [0, 1] {
        let scatter = |width: f64, draws: usize| {
            let runs: Vec<_> = (0..200)
                .map(|seed| errors(&Lime::new(width).draws(draws).seed(seed)))
                .collect();
            let n = runs.len() as f64;
            let mean = runs.iter().map(|run| run.0[part]).sum::<f64>() / n;
            let variance = runs
                .iter()
                .map(|run| (run.0[part] - mean).powi(2))
                .sum::<f64>()
                / (n - 1.0);
            let stated = runs.iter().map(|run| run.1[part].powi(2)).sum::<f64>() / n;
            let within = runs
                .iter()
                .filter(|run| run.0[part].abs() < 1.96 * run.1[part])
                .count();
            (variance.sqrt(), stated.sqrt(), within)
        };
        let (base, stated, within) = scatter(1e-3, 500);
        assert_relative_eq!(stated / base, 1.0, epsilon = 0.2);
        // 95% of 200, by the binomial law within four deviations of 3.1.
        assert!((178..=200).contains(&within), "{within}");
        assert_relative_eq!(scatter(2e-3, 500).0 / base, 2.0, epsilon = 0.56);
        assert_relative_eq!(base / scatter(1e-3, 2000).0, 2.0, epsilon = 0.56);
    }
}

/// A fixed penalty takes slopes to zero with the width, one that vanishes as its fourth power does
/// not, and its bias is of second order too.
#[test]
fn a_fixed_ridge_goes_to_zero_and_a_vanishing_one_does_not() {
    let (in_x, _) = truth();
    let error = |ridge, width| errors(&Lime::new(width).draws(4000).ridge(ridge)).0[0];
    for width in [1e-1, 1e-2, 1e-3] {
        // v h² / (v h² + λ) of the slope is left: v = κ² / (1 + κ²), κ² = 0.75² · 2.
        let v: f64 = 1.125 / 2.125;
        let kept = v * width * width / (v * width * width + 0.1);
        let found = error(Ridge::Fixed(0.1), width) + in_x;
        assert_relative_eq!(found, kept * in_x, epsilon = 0.2 * kept);
    }
    assert!((error(Ridge::Fixed(0.1), 1e-3) + in_x).abs() < 1e-4 * in_x);
    for width in [1e-1, 1e-2, 1e-3] {
        // λ / (v h²) = 0.1 h² / v of the slope is lost, beside bias and sampling error of about h / 30.
        let found = error(Ridge::Vanishing(0.1), width);
        assert!(
            found.abs() < width * width + 0.2 * width,
            "{width}: {found}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Property 5 for random networks: the x-part is the Jacobian and the c-part ∂g/∂c, within five of
    /// the stated errors and a bias of second order, all rows at once.
    #[test]
    fn surrogates_of_networks_converge_to_their_derivatives(network in drawn(smooth())) {
        let model = NetworkModel::new(network.plain());
        let (contexts, features) = network.rows(3);
        let (c, x) = (contexts.view(), features.view());
        let width = 1e-3;
        let found = Lime::new(width).draws(400).explain(&model, c, x).unwrap();
        let exact = jacobian(model.network(), c, x).unwrap();
        let in_contexts = model.context_sensitivities(c, x).unwrap();
        // Third derivatives of a few hundred at most, and rounding of 1e-14 over the width.
        let slack = 100.0 * width * width + 1e-11;
        for ((found, exact), error) in found.coefficients.slopes().iter()
            .zip(exact.slopes()).zip(&found.coefficient_errors)
        {
            prop_assert!((found - exact).abs() <= 5.0 * error + slack, "{found} {exact} {error}");
        }
        for ((found, exact), error) in found.sensitivities.values().iter()
            .zip(in_contexts.values()).zip(&found.sensitivity_errors)
        {
            prop_assert!((found - exact).abs() <= 5.0 * error + slack, "{found} {exact} {error}");
        }
        // The intercept is the surrogate's value where features are zero.
        let predicted = found.coefficients.linear_predictor(x).unwrap();
        let value = model.linear_predictor(c, x).unwrap();
        assert_relative_eq!(predicted, value, epsilon = 1e-3);
    }

    /// A linear function has no bias and no sampling error at any width, in any units.
    #[test]
    fn a_linear_function_is_found_exactly(slope in -5.0..5.0_f64, width in 0.01..100.0_f64) {
        let linear = |c: ArrayView2<'_, f64>, x: ArrayView2<'_, f64>| Ok(&c * 2.0 + &(&x * slope));
        let found = Lime::new(width)
            .draws(50)
            .scales(array![3.0].view(), array![0.2].view())
            .explain_function(linear, array![[1.0]].view(), array![[-4.0]].view())
            .unwrap();
        // Values of up to 600 width, divided by steps of a fifth of it; and where the width is small,
        // values of about 20 by small steps.
        let epsilon = 1e-11 * (1.0 + 1.0 / width);
        assert_relative_eq!(found.coefficients.slopes()[[0, 0, 0]], slope, epsilon = epsilon);
        assert_relative_eq!(found.sensitivities.values()[[0, 0, 0]], 2.0, epsilon = epsilon);
        prop_assert!(found.coefficient_errors[[0, 0, 0]] < epsilon);
        assert_relative_eq!(found.r_squared[[0, 0]].unwrap(), 1.0, epsilon = 1e-12);
    }
}

#[test]
fn settings_are_checked_and_rows_have_draws_of_their_own() {
    let (c, x) = (array![[0.4], [0.4]], array![[0.7], [0.7]]);
    let explain = |lime: Lime| lime.explain_function(wave, c.view(), x.view());
    for (lime, message) in [
        (Lime::new(0.0), "width is 0"),
        (Lime::new(f64::NAN), "width is NaN"),
        (Lime::new(1.0).kernel_width(0.0), "kernel_width is 0"),
        (Lime::new(1.0).kernel_width(1e-3), "kernel_width is 0.001"),
        (Lime::new(1.0).draws(3), "4 rows are needed"),
        (
            Lime::new(1.0).ridge(Ridge::Fixed(-1.0)),
            "ridge is Fixed(-1.0)",
        ),
        (
            Lime::new(1.0).scales(array![0.0].view(), array![1.0].view()),
            "scales of contexts is 0 in column 1",
        ),
    ] {
        let error = explain(lime).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
    assert!(matches!(
        Lime::new(1.0).explain_function(|_, _| Ok(Array2::zeros((1, 1))), c.view(), x.view()),
        Err(Error::RowCount {
            argument: "the function's result",
            ..
        })
    ));
    let found = explain(Lime::new(0.1)).unwrap();
    let slopes = found.coefficients.slopes();
    assert_ne!(slopes[[0, 0, 0]], slopes[[1, 0, 0]]);
    // A row's draws do not depend on the rows beside it.
    let alone = Lime::new(0.1)
        .explain_function(wave, array![[0.4]].view(), array![[0.7]].view())
        .unwrap();
    assert_eq!(alone.coefficients.slopes()[[0, 0, 0]], slopes[[0, 0, 0]]);
    let nobody = Array2::zeros((0, 1));
    let none = Lime::new(0.1).explain_function(wave, nobody.view(), nobody.view());
    assert_eq!(none.unwrap().coefficients.slopes().dim(), (0, 1, 1));
    // A constant has slopes of zero and nothing to explain; all draws count equally without a kernel.
    let constant = Lime::new(0.1)
        .kernel_width(f64::INFINITY)
        .explain_function(|c, _| Ok(Array2::ones((c.nrows(), 1))), c.view(), x.view())
        .unwrap();
    assert_eq!(constant.r_squared[[0, 0]], None);
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let model = NetworkModel::new(Known);
    let contexts = Array2::from_shape_fn((20, 2), |(i, j)| (i + 3 * j) as f64 / 10.0);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let lime = Lime::new(0.1).draws(600);
            lime.explain(&model, contexts.view(), contexts.view())
                .unwrap()
        })
    };
    assert_eq!(run(1), run(2));
}
