//! From implicit to explicit.

use crate::networks::Known;
use approx::assert_relative_eq;
use contextualized_bridge::{
    Distillation, DistilledModel, DistilledRegression, EncoderStudent, Fidelity,
    ImplicitRegression, NetworkModel, averaged_coefficients,
};
use contextualized_core::metrics::effect_mse;
use contextualized_core::{
    Coefficients, DynEstimator, Error, Estimator, Family, LocalCoefficients, Monitor, Result,
    Samples, VaryingCoefficients,
};
use contextualized_simulation::Simulator;
use ndarray::{Array2, ArrayView2, array};

fn students() -> Vec<Distillation> {
    vec![
        Distillation::Encoder(EncoderStudent::new().epochs(400).early_stopping(0.2, 50)),
        #[cfg(feature = "gp")]
        Distillation::Kernel(contextualized_bridge::KernelShape::SquaredExponential),
    ]
}

/// Features beside contexts on a lattice that fills ±1 × ±1.
fn rows(count: usize) -> (Array2<f64>, Array2<f64>) {
    let at = |i: usize, step: f64| 2.0 * ((i as f64 + 0.5) * step).fract() - 1.0;
    (
        Array2::from_shape_fn((count, 2), |(i, j)| {
            at(i, [0.754_877_666, 0.569_840_291][j])
        }),
        Array2::from_shape_fn((count, 2), |(i, j)| {
            at(i, [0.819_172_513, 0.671_043_607][j])
        }),
    )
}

/// Samples to distil at, whose targets have no part in it.
fn samples_at(contexts: ArrayView2<'_, f64>, features: ArrayView2<'_, f64>) -> Samples {
    let targets = Array2::from_elem((contexts.nrows(), 1), 1e300);
    Samples::new(contexts, features, targets.view()).unwrap()
}

/// A network that is explicit already is found back: coefficients of it at contexts not seen.
#[test]
fn what_is_linear_in_the_features_is_found_back() {
    let teacher = NetworkModel::new(Known);
    let (contexts, features) = rows(300);
    let (new, _) = rows(37);
    let truth: Vec<_> = new
        .rows()
        .into_iter()
        .map(|c| {
            (
                Known::slopes(&[c[0], c[1]]),
                Known::intercept(&[c[0], c[1]]),
            )
        })
        .collect();
    // sin c, c₀ c₁ and c₁² deviate by 0.3 to 0.5. A kernel interpolates what has no noise; an encoder
    // of 50 units after 400 epochs is within a twentieth of that.
    for (student, tolerance) in students().into_iter().zip([0.05, 1e-3]) {
        let model = student
            .distil(&teacher, &samples_at(contexts.view(), features.view()))
            .unwrap();
        let found = model.coefficients(new.view()).unwrap();
        for (row, (slopes, intercept)) in truth.iter().enumerate() {
            for (feature, slope) in slopes.iter().enumerate() {
                assert_relative_eq!(
                    found.slopes()[[row, 0, feature]],
                    *slope,
                    epsilon = 3.0 * tolerance
                );
            }
            assert_relative_eq!(
                found.intercepts()[[row, 0]],
                *intercept,
                epsilon = 3.0 * tolerance
            );
        }
        let fidelity = model.fidelity();
        assert!(fidelity.r_squared[0].unwrap() > 1.0 - tolerance * tolerance * 10.0);
        assert!(
            fidelity
                .slope_errors
                .iter()
                .all(|&error| error < tolerance * tolerance)
        );
        assert_eq!(
            &Fidelity::between(&teacher, &model, contexts.view(), features.view()).unwrap(),
            fidelity
        );
    }
}

/// g(c, x) = c x + x³ + x² + 2: what is distilled is the average derivative at each context, and an intercept
/// with which predictions have no bias.
struct Cubic;

impl LocalCoefficients for Cubic {
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        let slopes = &contexts + &features.mapv(|x| 3.0 * x * x + 2.0 * x);
        let values = &contexts * &features + features.mapv(|x| x.powi(3) + x * x + 2.0);
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
fn the_estimand_is_the_average_derivative() {
    let (contexts, features) = rows(400);
    let (c, x) = (
        contexts.column(0).insert_axis(ndarray::Axis(1)),
        features.column(0).insert_axis(ndarray::Axis(1)),
    );
    let at = array![[-0.5], [0.0], [0.5]];
    let averaged = averaged_coefficients(&Cubic, at.view(), x, None).unwrap();
    for student in students() {
        let model = student.distil(&Cubic, &samples_at(c, x)).unwrap();
        let found = model.coefficients(at.view()).unwrap();
        // Derivatives scatter by 1.5 about their mean; 400 of them, smoothed over contexts. The intercept
        // is 7/3, and not the 5/3 that local intercepts g − (∂g/∂x) x have on average.
        assert_relative_eq!(found.slopes(), averaged.slopes(), epsilon = 0.3);
        assert_relative_eq!(found.intercepts(), averaged.intercepts(), epsilon = 0.2);
        // Slopes 3 x² + 2 x − 1 away, of variance 4/5 + 4/3; and x³ − x + x² of predictions, of variance
        // 8/105 + 4/45 where all have 16/63 + 4/45: the average derivative c + 1 is not the slope
        // c + 0.6 that predicts best.
        let fidelity = model.fidelity();
        assert_relative_eq!(fidelity.slope_errors[[0, 0]], 32.0 / 15.0, epsilon = 0.2);
        assert_relative_eq!(fidelity.r_squared[0].unwrap(), 0.52, epsilon = 0.05);
    }
}

fn data(rows: usize, seed: u64) -> (Samples, Coefficients) {
    let data = Simulator::new(rows)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(|c| vec![c[0], 1.0])
        .noise(0.1)
        .simulate(seed)
        .unwrap();
    (data.samples, data.coefficients)
}

#[test]
fn distilled_models_are_models_among_others() {
    let (train, _) = data(500, 1);
    let (test, truth) = data(200, 2);
    let implicit = ImplicitRegression::new();
    let local = implicit.fit(&train).unwrap();
    let of_network = local
        .coefficients_at(test.contexts(), test.features())
        .unwrap();
    let of_network = effect_mse(&truth, &of_network).unwrap();
    for student in students() {
        let estimator: Box<dyn DynEstimator> =
            Box::new(DistilledRegression::new(implicit.clone(), student.clone()));
        let model = estimator.fit_boxed(&train).unwrap();
        let found = model
            .coefficients_at(test.contexts(), test.features())
            .unwrap();
        // Averaging over rows of like contexts takes scatter out of the Jacobians.
        let error = effect_mse(&truth, &found).unwrap();
        assert!(error < of_network, "{error} {of_network}");

        let model = student.distil(&local, &train).unwrap();
        assert_eq!(
            model
                .coefficients_at(test.contexts(), test.features())
                .unwrap(),
            found
        );
        let text = serde_json::to_string(&model).unwrap();
        let reloaded: DistilledModel = serde_json::from_str(&text).unwrap();
        assert_eq!(
            reloaded.coefficients(test.contexts()).unwrap(),
            model.coefficients(test.contexts()).unwrap()
        );
        let altered = text.replace("\"features\":2", "\"features\":3");
        assert_ne!(altered, text);
        assert!(serde_json::from_str::<DistilledModel>(&altered).is_err());
        let altered = text.replace("[true,true]", "[true,false]");
        assert_ne!(altered, text);
        assert!(serde_json::from_str::<DistilledModel>(&altered).is_err());
    }
}

/// Coefficients that do not vary are distilled to what they are, by either student.
#[test]
fn constants_stay_constants() {
    struct Constant;
    impl LocalCoefficients for Constant {
        fn coefficients_at(
            &self,
            contexts: ArrayView2<'_, f64>,
            _: ArrayView2<'_, f64>,
        ) -> Result<Coefficients> {
            let slopes = array![[0.1, -3.0]];
            Coefficients::constant(slopes.view(), array![7.0].view(), contexts.nrows())
        }
        fn family(&self) -> Family {
            Family::Gaussian
        }
    }
    let (contexts, features) = rows(40);
    for student in students() {
        let model = student
            .distil(&Constant, &samples_at(contexts.view(), features.view()))
            .unwrap();
        let found = model.coefficients(array![[5.0, 5.0]].view()).unwrap();
        assert_relative_eq!(
            found.slopes().to_owned(),
            array![[[0.1, -3.0]]],
            max_relative = 1e-15
        );
        // What is left of sums of three.
        assert_relative_eq!(found.intercepts()[[0, 0]], 7.0, max_relative = 1e-14);
    }
}

#[test]
fn whoever_watches_ends_it() {
    let teacher = NetworkModel::new(Known);
    let (contexts, features) = rows(40);
    let monitor = Monitor::new(|_, _| ());
    monitor.cancel();
    let samples = samples_at(contexts.view(), features.view()).with_monitor(monitor);
    for student in students() {
        let found = student.distil(&teacher, &samples);
        assert!(matches!(found, Err(Error::Cancelled)), "{found:?}");
    }
}

#[test]
fn bad_settings_are_errors_and_threads_do_not_matter() {
    let teacher = NetworkModel::new(Known);
    let (contexts, features) = rows(40);
    let samples = samples_at(contexts.view(), features.view());
    for student in students() {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| student.distil(&teacher, &samples).unwrap())
        };
        let (one, two) = (run(1), run(2));
        let (new, _) = rows(2000);
        assert_eq!(
            one.coefficients(new.view()).unwrap(),
            two.coefficients(new.view()).unwrap()
        );
        assert!(matches!(
            one.coefficients(array![[1.0]].view()),
            Err(Error::ColumnCount { .. })
        ));
    }
    let bad = Distillation::Encoder(EncoderStudent::new().mlp(0, 1));
    assert!(matches!(
        bad.distil(&teacher, &samples),
        Err(Error::InvalidParameter { .. })
    ));
}
