//! Regression by context kernels: truths recovered in the users' units, and honest intervals.

use approx::assert_relative_eq;
use contextualized_baselines::PopulationRegression;
use contextualized_core::comparison::cross_validate;
use contextualized_core::metrics::effect_mse;
use contextualized_core::{
    Coefficients, DynEstimator, Estimator, Family, KFold, LocalCoefficients, RegressionEstimator,
    Samples, VaryingCoefficients, WithPredictions, WithUncertainty,
};
use contextualized_linear::{
    GaussianProcessModel, GaussianProcessRegression, Kernel, KernelShape, Method, Size,
};
use contextualized_simulation::{SimulatedData, Simulator};
use ndarray::{Array1, Array2, Axis, array, concatenate};

/// One relevant context of two, features far from standard units.
pub(crate) fn simulator(rows: usize) -> Simulator {
    Simulator::new(rows)
        .uniform_contexts(2, 20.0, 80.0)
        .features(|draws, _| vec![draws.normal(50.0, 4.0), draws.normal(-1.0, 0.1)])
        .slopes(|c| vec![(c[0] / 10.0).sin(), 30.0])
        .intercept(|c| 100.0 + c[0])
        .noise(2.0)
}

pub(crate) fn quick() -> GaussianProcessRegression {
    GaussianProcessRegression::new().plug_in()
}

pub(crate) fn fit(
    simulator: &Simulator,
    estimator: &GaussianProcessRegression,
    seed: u64,
) -> (GaussianProcessModel, SimulatedData) {
    let data = simulator.simulate(seed).unwrap();
    (estimator.fit(&data.samples).unwrap(), data)
}

pub(crate) fn root_mean_square(a: impl IntoIterator<Item = f64>) -> f64 {
    let values: Vec<f64> = a.into_iter().map(|v| v * v).collect();
    (values.iter().sum::<f64>() / values.len() as f64).sqrt()
}

#[test]
fn slopes_and_intercepts_are_recovered_in_the_units_of_the_data() {
    let (model, data) = fit(&simulator(400), &quick(), 1);
    let found = model.coefficients(data.samples.contexts()).unwrap();
    let truth = &data.coefficients;
    let off = |j: usize| {
        let (a, b) = (found.slopes(), truth.slopes());
        root_mean_square((0..400).map(|i| a[[i, 0, j]] - b[[i, 0, j]]))
    };
    // The first slope varies by 0.7; the second is constant, to 1 by the noise.
    assert!(off(0) < 0.1, "{}", off(0));
    assert!(off(1) < 2.5, "{}", off(1));
    // The mean at every row, to a fraction of the noise.
    let means = truth.linear_predictor(data.samples.features()).unwrap();
    let predicted = model
        .predict(data.samples.contexts(), data.samples.features())
        .unwrap();
    let off = root_mean_square(predicted - means);
    assert!(off < 0.7, "{off}");
    let noise = model.noise().unwrap()[0];
    assert!((noise / 2.0 - 1.0).abs() < 0.1, "{noise}");
}

/// The search in a fold ends earlier, at hyperparameters taken as known: that costs next to nothing.
#[test]
fn the_fit_of_a_fold_predicts_as_a_whole_one_does() {
    for shape in [KernelShape::SquaredExponential, KernelShape::Matern32] {
        let estimator = GaussianProcessRegression::new().joint(shape);
        let data = simulator(600).simulate(2).unwrap();
        let means = data
            .coefficients
            .linear_predictor(data.samples.features())
            .unwrap();
        let predicted = |model: GaussianProcessModel| {
            let (contexts, features) = (data.samples.contexts(), data.samples.features());
            model.predict(contexts, features).unwrap()
        };
        let whole = predicted(estimator.fit(&data.samples).unwrap());
        let part = predicted(estimator.fit_part(&data.samples).unwrap());
        let apart = root_mean_square(&part - &whole);
        let error = root_mean_square(&whole - &means);
        assert!(apart < 0.2 * error, "{apart} {error}");
    }
}

/// Other units of contexts, features and targets change coefficients and their standard errors by
/// the units alone.
#[test]
fn results_do_not_depend_on_units() {
    let data = simulator(80).simulate(2).unwrap().samples;
    let (contexts, features, targets) = (
        data.contexts().mapv(|c| 1e-3 * c - 7.0),
        data.features().mapv(|x| 200.0 * x + 30.0),
        data.targets().mapv(|y| -40.0 * y + 1e3),
    );
    let other = Samples::new(contexts.view(), features.view(), targets.view()).unwrap();
    let estimator = GaussianProcessRegression::new().tolerance(1e-4);
    let (a, b) = (
        estimator.fit(&data).unwrap(),
        estimator.fit(&other).unwrap(),
    );
    let [one, two] = [(&a, &data), (&b, &other)].map(|(model, samples)| {
        (
            model.coefficients(samples.contexts()).unwrap(),
            model.standard_errors(samples.contexts()).unwrap(),
        )
    });
    let unit = -40.0 / 200.0;
    assert_relative_eq!(
        &one.0.slopes() * unit,
        two.0.slopes(),
        max_relative = 1e-3,
        epsilon = 1e-3
    );
    assert_relative_eq!(
        &one.1.slopes() * unit.abs(),
        two.1.slopes(),
        max_relative = 1e-3,
        epsilon = 1e-3
    );
    // y' = −40 (B x + m) + 1000 with x = (x' − 30) / 200.
    let intercepts =
        &one.0.intercepts() * -40.0 + 1e3 - &one.0.slopes().sum_axis(Axis(2)) * (unit * 30.0);
    assert_relative_eq!(intercepts, two.0.intercepts(), max_relative = 1e-3);
}

#[test]
fn without_an_intercept_intercepts_are_zero() {
    let simulator = Simulator::new(200)
        .uniform_contexts(1, -2.0, 2.0)
        .features(|draws, _| vec![draws.normal(5.0, 1.0)])
        .slopes(|c| vec![c[0].sin()])
        .noise(0.5);
    let (model, data) = fit(
        &simulator,
        &GaussianProcessRegression::new().intercept(false),
        3,
    );
    let found = model.coefficients(data.samples.contexts()).unwrap();
    assert!(found.intercepts().iter().all(|intercept| *intercept == 0.0));
    let errors = model.standard_errors(data.samples.contexts()).unwrap();
    assert!(errors.intercepts().iter().all(|error| *error == 0.0));
    let off = effect_mse(&data.coefficients, &found).unwrap();
    assert!(off.sqrt() < 0.05, "{off}");
    let nothing = Array2::zeros((200, 1));
    let predicted = model
        .predict(data.samples.contexts(), nothing.view())
        .unwrap();
    assert!(predicted.iter().all(|y| *y == 0.0));
}

/// Weights are inverse variances: rows of little weight may scatter widely.
#[test]
fn noisy_rows_of_little_weight_do_little_harm() {
    let data = Simulator::new(300)
        .uniform_contexts(1, -2.0, 2.0)
        .slopes(|c| vec![c[0].sin()])
        .noise(1.0)
        .simulate(4)
        .unwrap();
    let truth = data
        .coefficients
        .linear_predictor(data.samples.features())
        .unwrap();
    let deviation = |i: usize| if i.is_multiple_of(2) { 0.1 } else { 3.0 };
    let targets = Array2::from_shape_fn((300, 1), |(i, _)| {
        truth[[i, 0]] + deviation(i) * (data.samples.targets()[[i, 0]] - truth[[i, 0]])
    });
    let plain = Samples::new(
        data.samples.contexts(),
        data.samples.features(),
        targets.view(),
    )
    .unwrap();
    let weights = Array1::from_shape_fn(300, |i| deviation(i).powi(-2));
    let weighted = plain.clone().with_weights(weights.view()).unwrap();
    let error = |samples: &Samples| {
        let model = quick().fit(samples).unwrap();
        let found = model.coefficients(samples.contexts()).unwrap();
        effect_mse(&data.coefficients, &found).unwrap().sqrt()
    };
    let (without, with) = (error(&plain), error(&weighted));
    assert!(with < 0.05 && with < 0.3 * without, "{with} {without}");
    // The noise is that of a row of weight one.
    let noise = quick().fit(&weighted).unwrap().noise().unwrap()[0];
    assert!((noise - 1.0).abs() < 0.1, "{noise}");
    // Weights of another magnitude say the same.
    let scaled = plain.with_weights((&weights * 1e6).view()).unwrap();
    let (a, b) = (
        quick().fit(&weighted).unwrap(),
        quick().fit(&scaled).unwrap(),
    );
    let at = array![[-1.0], [1.0]];
    assert_relative_eq!(
        a.coefficients(at.view()).unwrap().slopes(),
        b.coefficients(at.view()).unwrap().slopes(),
        max_relative = 1e-6
    );
}

#[test]
fn rows_of_weight_zero_are_dropped() {
    let data = simulator(60).simulate(5).unwrap().samples;
    let weights = Array1::from_shape_fn(60, |i| f64::from(i % 3 != 0));
    let counted: Vec<usize> = (0..60).filter(|i| i % 3 != 0).collect();
    let some = data.select(&counted).unwrap();
    let mut targets = data.targets().to_owned();
    targets[[0, 0]] = 1e9;
    let weighted = Samples::new(data.contexts(), data.features(), targets.view())
        .unwrap()
        .with_weights(weights.view())
        .unwrap();
    let (a, b) = (quick().fit(&weighted).unwrap(), quick().fit(&some).unwrap());
    let (a, b) = (
        a.coefficients(data.contexts()).unwrap(),
        b.coefficients(data.contexts()).unwrap(),
    );
    assert_relative_eq!(a.slopes(), b.slopes(), max_relative = 1e-6);
    let model = quick().fit(&weighted).unwrap();
    assert_eq!(
        model.leave_one_out(&weighted).unwrap().residuals.nrows(),
        40
    );
}

#[test]
fn several_targets_are_recovered_together() {
    let simulator = Simulator::new(250)
        .uniform_contexts(1, -2.0, 2.0)
        .slope_matrix(|c| array![[c[0].sin()], [-10.0 * c[0].sin()], [0.1 * c[0].cos()]])
        .intercepts(|_| vec![1.0, 2.0, 300.0])
        .noise(0.02);
    let (model, data) = fit(&simulator, &quick(), 7);
    let found = model.coefficients(data.samples.contexts()).unwrap();
    for (target, size) in [(0, 1.0), (1, 10.0), (2, 0.1)] {
        let off =
            root_mean_square((0..250).map(|i| {
                found.slopes()[[i, target, 0]] - data.coefficients.slopes()[[i, target, 0]]
            }));
        assert!(off < 0.1 * size, "{target}: {off}");
    }
    assert_eq!(model.noise().unwrap().len(), 3);
}

pub(crate) fn data_of(rows: usize) -> Samples {
    simulator(rows).simulate(14).unwrap().samples
}

/// Contexts of noise switch themselves off.
#[test]
fn contexts_of_noise_cost_next_to_nothing() {
    let simulator = Simulator::new(250)
        .normal_contexts(2)
        .slopes(|_| vec![1.0, -2.0])
        .intercept(|_| 0.5)
        .noise(1.0);
    let mut ratio = 0.0;
    for seed in 0..10 {
        let train = simulator.simulate(seed).unwrap().samples;
        let test = simulator.simulate(100 + seed).unwrap();
        let truth = test
            .coefficients
            .linear_predictor(test.samples.features())
            .unwrap();
        let error = |model: &dyn LocalCoefficients| {
            let (c, x) = (test.samples.contexts(), test.samples.features());
            let off = model.predict(c, x).unwrap() - &truth;
            1.0 + off.mapv(|d| d * d).mean().unwrap()
        };
        let population = PopulationRegression::new().fit(&train).unwrap();
        ratio += error(&quick().fit(&train).unwrap()) / error(&population) / 10.0;
    }
    assert!(ratio < 1.02, "{ratio}");
}

#[test]
fn boxed_it_is_cross_validated_beside_others() {
    let data = simulator(120).simulate(15).unwrap().samples;
    let estimators: Vec<Box<dyn DynEstimator>> = vec![
        Box::new(quick()),
        Box::new(quick().additive(KernelShape::Matern52).intercept(false)),
        Box::new(PopulationRegression::new()),
    ];
    let scores = cross_validate(&estimators, &data, &KFold::new(4, 1), Family::Gaussian).unwrap();
    assert_eq!(scores[0].name, "gp (squared exponential)");
    assert_eq!(scores[1].name, "gp (additive Matérn 5/2, no intercept)");
    let mean = |i: usize| scores[i].outcome.as_ref().unwrap().score().mean;
    assert!(mean(0) < 0.1 * mean(2), "{} {}", mean(0), mean(2));
}

/// Far from all rows nothing is known but the average.
#[test]
fn far_away_coefficients_return_to_one_constant() {
    let simulator = Simulator::new(300)
        .uniform_contexts(1, -2.0, 2.0)
        .slopes(|c| vec![2.0 + (3.0 * c[0]).sin()])
        .intercept(|_| 1.0)
        .noise(0.3);
    let (model, data) = fit(&simulator, &quick(), 16);
    let population = PopulationRegression::new().fit(&data.samples).unwrap();
    let at = array![[200.0], [-1e6], [1e200]];
    let far = model.coefficients(at.view()).unwrap();
    let (slope, intercept) = (population.slopes()[[0, 0]], population.intercepts()[0]);
    for q in 0..3 {
        assert!((far.slopes()[[q, 0, 0]] - slope).abs() < 0.3, "{far:?}");
        assert!(
            (far.intercepts()[[q, 0]] - intercept).abs() < 0.3,
            "{far:?}"
        );
    }
    let errors = model
        .standard_errors(concatenate![Axis(0), at, array![[0.0]]].view())
        .unwrap();
    assert!(errors.slopes()[[0, 0, 0]] > 3.0 * errors.slopes()[[3, 0, 0]]);
    assert!(errors.slopes().iter().all(|e| e.is_finite()));
}

#[test]
fn constant_columns_change_nothing() {
    let data = simulator(100).simulate(17).unwrap().samples;
    let constant = Array2::from_elem((100, 1), 3.7);
    let wide = |contexts: bool, features: bool| {
        let join = |table, with| {
            if with {
                concatenate![Axis(1), table, constant]
            } else {
                concatenate![Axis(1), table]
            }
        };
        Samples::new(
            join(data.contexts(), contexts).view(),
            join(data.features(), features).view(),
            data.targets(),
        )
        .unwrap()
    };
    let plain = quick().fit(&data).unwrap();
    let expected = plain.predict(data.contexts(), data.features()).unwrap();
    for (contexts, features) in [(true, false), (false, true), (true, true)] {
        let samples = wide(contexts, features);
        let model = quick().fit(&samples).unwrap();
        let found = model
            .predict(samples.contexts(), samples.features())
            .unwrap();
        let off = root_mean_square(&found - &expected);
        assert!(off < 0.1, "{contexts} {features}: {off}");
        assert!(
            model
                .variation_explained(0.9)
                .unwrap()
                .iter()
                .all(|line| line.effect.is_finite())
        );
    }
    // A constant target has coefficients of zero, and that constant for its intercept.
    let flat = Samples::new(data.contexts(), data.features(), constant.view()).unwrap();
    let model = GaussianProcessRegression::new().fit(&flat).unwrap();
    let found = model.predict(data.contexts(), data.features()).unwrap();
    assert!(found.iter().all(|y| (y - 3.7).abs() < 1e-3));
    // Nothing varies.
    let all = Samples::new(constant.view(), constant.view(), constant.view()).unwrap();
    let model = GaussianProcessRegression::new().fit(&all).unwrap();
    let errors = model.standard_errors(constant.view()).unwrap();
    assert!(errors.slopes().iter().all(|error| error.is_finite()));
    assert!(model.variation_explained(0.9).is_ok());
}

#[test]
fn one_row_and_two_are_enough_to_fit() {
    for rows in [1, 2, 3] {
        let samples = data_of(30).select(&(0..rows).collect::<Vec<_>>()).unwrap();
        let model = GaussianProcessRegression::new().fit(&samples).unwrap();
        let found = model
            .predict(samples.contexts(), samples.features())
            .unwrap();
        let off = &found - &samples.targets();
        let size = samples.targets().std(0.0).max(1.0);
        assert!(off.iter().all(|d| d.abs() < size), "{rows}: {off}");
        let intervals = model.intervals(samples.contexts(), 0.9).unwrap();
        let finite = |c: &Coefficients| {
            c.slopes()
                .iter()
                .chain(&c.intercepts())
                .all(|v| v.is_finite())
        };
        assert!(finite(&intervals.lower) && finite(&intervals.upper));
        assert!(model.variation_explained(0.9).is_ok());
        assert!(
            model
                .leave_one_out(&samples)
                .unwrap()
                .mean_squared_error
                .is_finite()
        );
    }
}

#[test]
fn a_reloaded_model_gives_the_same_bits() {
    let gaussian = simulator(60).simulate(18).unwrap().samples;
    let binary = Simulator::new(80)
        .uniform_contexts(2, -1.0, 1.0)
        .slopes(|c| vec![c[0], 1.0])
        .family(Family::Binomial)
        .simulate(18)
        .unwrap()
        .samples;
    let known = quick().fit(&gaussian).unwrap().hyperparameters();
    let basis = Size::LowRank { functions: 20 };
    let by_basis = GaussianProcessRegression::new()
        .hyperparameters(known)
        .size(basis);
    for (estimator, samples) in [
        (GaussianProcessRegression::new(), &gaussian),
        (by_basis, &gaussian),
        (
            GaussianProcessRegression::new().family(Family::Binomial),
            &binary,
        ),
    ] {
        let model = estimator.fit(samples).unwrap();
        let text = serde_json::to_string(&model).unwrap();
        let reloaded: GaussianProcessModel = serde_json::from_str(&text).unwrap();
        assert_eq!(model, reloaded);
        let answers = |model: &GaussianProcessModel| {
            let c = samples.contexts();
            (
                model.coefficients(c).unwrap(),
                model.intervals(c, 0.9).unwrap(),
                model.mean_intervals(c, samples.features(), 0.9).unwrap(),
            )
        };
        assert_eq!(answers(&model), answers(&reloaded));
        let mut file = serde_json::to_value(&model).unwrap();
        file["intercept"] = false.into();
        assert!(serde_json::from_value::<GaussianProcessModel>(file).is_err());
        let mut file = serde_json::to_value(&model).unwrap();
        file["names"]["contexts"] = serde_json::json!(["c0"]);
        assert!(serde_json::from_value::<GaussianProcessModel>(file).is_err());
    }
}

/// A period is in the units of the context, as the truth's is.
#[test]
fn seasons_are_in_the_units_of_the_context() {
    let simulator = Simulator::new(200)
        .uniform_contexts(1, 0.0, 60.0)
        .slopes(|c| vec![(std::f64::consts::TAU * c[0] / 12.0).sin()])
        .noise(0.2);
    let (model, data) = fit(&simulator, &quick().kernel(Kernel::periodic(0, 12.0)), 19);
    let found = model.coefficients(data.samples.contexts()).unwrap();
    let off = effect_mse(&data.coefficients, &found).unwrap().sqrt();
    assert!(off < 0.08, "{off}");
    // It repeats beyond the rows.
    let (near, far) = (array![[5.0], [8.0]], array![[125.0], [608.0]]);
    assert_relative_eq!(
        model.coefficients(near.view()).unwrap().slopes(),
        model.coefficients(far.view()).unwrap().slopes(),
        epsilon = 1e-9
    );
    assert!(matches!(
        model.process_report().method,
        Method::LowRank { .. } | Method::Exact
    ));
}

/// As in R's `lm` a row of a weight beyond all others is met exactly, and the others tell the rest.
#[test]
fn one_weight_beyond_all_others_ruins_nothing() {
    let (_, data) = fit(&simulator(150), &quick(), 3);
    let mut weights = Array1::ones(150);
    weights[7] = 1e12;
    let weighted = data.samples.clone().with_weights(weights.view()).unwrap();
    let model = quick().fit(&weighted).unwrap();
    let found = model.coefficients(data.samples.contexts()).unwrap();
    let truth = &data.coefficients;
    let off =
        root_mean_square((0..150).map(|i| found.slopes()[[i, 0, 0]] - truth.slopes()[[i, 0, 0]]));
    assert!(off < 0.3, "{off}");
    let predicted = model.predict_samples(&weighted).unwrap();
    assert!((predicted[[7, 0]] - weighted.targets()[[7, 0]]).abs() < 1e-3);
    let noise = model.noise().unwrap()[0];
    assert!((1.5..2.5).contains(&noise), "{noise}");
}

#[test]
fn targets_whose_variance_is_no_number_are_refused() {
    let (_, data) = fit(&simulator(60), &quick(), 3);
    let tiny = &data.samples.targets() * 1e-200;
    let samples = data.samples.replace_targets(tiny.view()).unwrap();
    let error = quick().fit(&samples).unwrap_err().to_string();
    assert!(
        error.contains("target is y") && error.contains("smaller unit"),
        "{error}"
    );
}
