//! Effects over real rows.

use approx::{assert_abs_diff_eq, assert_relative_eq};
use contextualized_analysis::{Bootstrap, EffectGrid, Effects};
use contextualized_baselines::PopulationRegression;
use contextualized_bridge::ImplicitRegression;
use contextualized_core::{
    Coefficients, Error, Estimator, Family, Link, LocalCoefficients, Result, Samples,
};
use contextualized_encoders::Activation;
use contextualized_linear::{
    EncoderKind, GaussianProcessRegression, KernelShape, MlpSettings, NeuralRegression,
};
use contextualized_simulation::Simulator;
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, Axis, array, s};
use proptest::prelude::*;

/// One feature, whose slope is a function of the context and the feature; no intercept.
struct Known<F>(F, Family);

impl<F: Fn(ArrayView1<'_, f64>, f64) -> f64 + Send + Sync> LocalCoefficients for Known<F> {
    fn coefficients_at(
        &self,
        contexts: ArrayView2<'_, f64>,
        features: ArrayView2<'_, f64>,
    ) -> Result<Coefficients> {
        let rows = contexts.nrows();
        let slopes = Array3::from_shape_fn((rows, 1, 1), |(i, ..)| {
            (self.0)(contexts.row(i), features[[i, 0]])
        });
        Coefficients::new(slopes, Array2::zeros((rows, 1)))
    }

    fn family(&self) -> Family {
        self.1
    }
}

fn slope<F>(f: F) -> Known<F>
where
    F: Fn(ArrayView1<'_, f64>, f64) -> f64 + Send + Sync,
{
    Known(f, Family::Gaussian)
}

/// Two contexts with a correlation, one feature, weights if asked for.
fn rows(count: usize, seed: u64, correlated: bool, weighted: bool) -> Samples {
    let data = Simulator::new(count)
        .uniform_contexts(2, -1.0, 1.0)
        .slopes(|c| vec![c[0]])
        .noise(1.0)
        .simulate(seed)
        .unwrap()
        .samples;
    let mut contexts = data.contexts().to_owned();
    if correlated {
        for mut row in contexts.rows_mut() {
            row[1] = row[0] + 0.1 * row[1];
        }
    }
    let features = data.targets();
    let samples = Samples::new(contexts.view(), features, features).unwrap();
    if weighted {
        samples
            .with_weights(Array1::from_shape_fn(count, |i| (i % 3) as f64).view())
            .unwrap()
    } else {
        samples
    }
}

fn both() -> [Effects; 2] {
    [Effects::new(), Effects::new().accumulated_local()]
}

/// The weighted mean of a function of the first context.
fn mean(samples: &Samples, f: impl Fn(f64) -> f64) -> f64 {
    let values = samples.contexts().column(0).mapv(f);
    match samples.weights() {
        Some(weights) => weights.dot(&values) / weights.sum(),
        None => values.mean().unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn of_a_linear_function_they_are_straight_lines(
        a in -3.0..3.0_f64, b in -3.0..3.0_f64, seed in 0..100_u64, correlated: bool, weighted: bool,
    ) {
        let samples = rows(120, seed, correlated, weighted);
        let model = slope(move |c, _| a * c[0] + b * c[1] + 1.0);
        for effects in both() {
            let effect = effects.context_on_coefficients(&model, &samples, 0).unwrap();
            let center = mean(&samples, |c| c);
            let line = effect.grid.points().mapv(|z| a * (z - center));
            let found = effect.curves.slopes().index_axis(Axis(2), 0).column(0).to_owned();
            assert_abs_diff_eq!(found, line, epsilon = 1e-12);
        }
    }

    #[test]
    fn a_context_that_does_not_matter_has_none(seed in 0..100_u64, correlated: bool) {
        let samples = rows(120, seed, correlated, false);
        let model = slope(|c, x| c[1].sin() + x);
        for effects in both() {
            let effect = effects.context_on_coefficients(&model, &samples, 0).unwrap();
            prop_assert!(effect.curves.slopes().iter().all(|v| v.abs() < 1e-12));
            let outcome = effects.context_on_outcome(&model, &samples, 0).unwrap();
            prop_assert!(outcome.curves.iter().all(|v| v.abs() < 1e-12));
        }
    }

    /// Partial dependence and accumulated local effects agree, and are the term less its mean between
    /// points of the grid; where every value is a point, less its mean.
    #[test]
    fn of_additive_functions_they_agree(seed in 0..100_u64, correlated: bool, weighted: bool) {
        let samples = rows(60, seed, correlated, weighted);
        let model = slope(|c, _| (2.0 * c[0]).exp() + c[1] * c[1]);
        let [pd, ale] = both().map(|effects| {
            effects.points(60).context_on_coefficients(&model, &samples, 0).unwrap()
        });
        assert_abs_diff_eq!(pd.curves.slopes(), ale.curves.slopes(), epsilon = 1e-12);
        let term = |c: f64| (2.0 * c).exp();
        let center = mean(&samples, term);
        for (z, found) in pd.grid.points().iter().zip(pd.curves.slopes()) {
            prop_assert!((found - (term(*z) - center)).abs() < 1e-12);
        }
    }

    #[test]
    fn the_order_of_rows_changes_nothing(seed in 0..100_u64, shift in 1..59_usize) {
        let samples = rows(60, seed, true, true);
        let order: Vec<usize> = (0..60).map(|i| (i + shift) % 60).collect();
        let moved = samples.select(&order).unwrap();
        let model = slope(|c, x| (c[0] * c[1]).exp() + x * c[0]);
        for effects in both() {
            let of = |samples| effects.context_on_outcome(&model, samples, 0).unwrap();
            let (a, b) = (of(&samples), of(&moved));
            prop_assert_eq!(a.grid.points(), b.grid.points());
            assert_abs_diff_eq!(a.curves, b.curves, epsilon = 1e-12);
        }
    }

    /// A row of weight 2 is two rows, and one of weight 0 is none.
    #[test]
    fn weights_count_rows(seed in 0..100_u64) {
        let samples = rows(60, seed, true, true);
        let copies: Vec<usize> = (0..60).flat_map(|i| vec![i; i % 3]).collect();
        let copied = rows(60, seed, true, false).select(&copies).unwrap();
        let model = slope(|c, x| (c[0] * c[1]).exp() + x * c[0]);
        for effects in both() {
            let of = |samples| effects.context_on_outcome(&model, samples, 0).unwrap();
            let (a, b) = (of(&samples), of(&copied));
            prop_assert_eq!(a.grid.points(), b.grid.points());
            assert_abs_diff_eq!(a.curves, b.curves, epsilon = 1e-12);
            let of = |effect: &contextualized_analysis::Effect<Array2<f64>>| {
                effect.grid.summary(effect.curves.column(0)).unwrap()
            };
            prop_assert!((of(&a).standard_deviation - of(&b).standard_deviation).abs() < 1e-12);
        }
    }
}

/// A model that follows the truth where rows are, and turns up where none are: contexts are nearly
/// equal, and the model adds a cost of their difference. Local effects see the truth, partial
/// dependence the cost.
#[test]
fn local_effects_recover_the_truth_where_partial_dependence_extrapolates() {
    let samples = rows(200, 3, true, false);
    let model = slope(|c, _| c[0] + (c[0] - c[1]).powi(2));
    let [pd, ale] = both().map(|effects| {
        effects
            .context_on_coefficients(&model, &samples, 0)
            .unwrap()
    });
    let furthest = |effect: &contextualized_analysis::Effect<Coefficients>| {
        let center = mean(&samples, |c| c);
        let pairs = effect.grid.points().to_owned();
        let pairs = pairs.iter().zip(effect.curves.slopes());
        pairs.fold(0.0, |most: f64, (z, v)| (v - (z - center)).abs().max(most))
    };
    let (pd, ale) = (furthest(&pd), furthest(&ale));
    assert!(ale < 0.05 && pd > 0.5, "{ale} {pd}");
}

/// Levels of a code: differences of neighbours over the rows that have either.
#[test]
fn discrete_contexts_by_hand() {
    let contexts = array![[0.0, 1.0], [0.0, 2.0], [1.0, 3.0], [1.0, 6.0]];
    let ones = Array2::ones((4, 1));
    let samples = Samples::new(contexts.view(), ones.view(), ones.view()).unwrap();
    let model = slope(|c, _| c[0] * c[1]);
    for effects in both() {
        let found = effects
            .context_on_coefficients(&model, &samples, 0)
            .unwrap();
        assert_eq!(found.grid.points(), array![0.0, 1.0]);
        // The mean of the other context is 3, and half the rows have either level.
        assert_eq!(found.curves.slopes(), array![[[-1.5]], [[1.5]]]);
        let summary = found.grid.summary(array![-1.5, 1.5].view()).unwrap();
        assert_eq!(summary.standard_deviation, 1.5);
        assert_eq!(
            (summary.range, summary.lowest_at, summary.highest_at),
            (3.0, 0.0, 1.0)
        );
        // Constant contexts have a flat curve of one point.
        let constant = Samples::new(ones.view(), ones.view(), ones.view()).unwrap();
        let found = effects
            .context_on_coefficients(&slope(|c, _| c[0]), &constant, 0)
            .unwrap();
        assert_eq!(found.curves.slopes(), array![[[0.0]]]);
    }
}

/// Slopes that depend on the features: the outcome x · x and its average over rows; and means of
/// binary targets.
#[test]
fn effects_on_outcomes_by_hand() {
    let (contexts, features) = (array![[1.0], [2.0], [3.0]], array![[1.0], [2.0], [6.0]]);
    let samples = Samples::new(contexts.view(), features.view(), features.view()).unwrap();
    let effects = Effects::new().uncentred();
    let model = slope(|c, x| c[0] * x);
    let of_feature = effects.feature_on_outcome(&model, &samples, 0).unwrap();
    assert_relative_eq!(of_feature.curves, array![[2.0], [8.0], [72.0]]);
    let of_context = effects.context_on_outcome(&model, &samples, 0).unwrap();
    let square = (1.0 + 4.0 + 36.0) / 3.0;
    assert_relative_eq!(of_context.curves, square * &contexts, max_relative = 1e-14);
    let logistic = Known(|c: ArrayView1<'_, f64>, x: f64| c[0] * x, Family::Binomial);
    let means = effects.on_means();
    let found = means.context_on_outcome(&logistic, &samples, 0).unwrap();
    for (point, curve) in found.grid.points().iter().zip(found.curves.column(0)) {
        let predicted = features.mapv(|x| Link::Logit.inverse(point * x * x));
        assert_relative_eq!(*curve, predicted.mean().unwrap(), max_relative = 1e-14);
    }
}

fn fitted(
    estimator: GaussianProcessRegression,
) -> (contextualized_linear::GaussianProcessModel, Samples) {
    let samples = Simulator::new(80)
        .uniform_contexts(2, -1.0, 1.0)
        .slopes(|c| vec![c[0].sin(), 1.0])
        .intercept(|c| c[1] * c[1])
        .noise(0.3)
        .simulate(5)
        .unwrap()
        .samples;
    (estimator.fit(&samples).unwrap(), samples)
}

/// Exact terms of additive models, as a proven identity, and bands by the same posterior.
#[test]
fn of_an_additive_kernel_they_are_its_partial_effects() {
    let estimator = GaussianProcessRegression::new()
        .additive(KernelShape::SquaredExponential)
        .plug_in();
    let (model, samples) = fitted(estimator);
    for effects in both() {
        // With every value a point, the mean over points is that over rows.
        let effects = effects.points(80);
        let found = effects
            .context_on_coefficients_with_bands(&model, &samples, 1)
            .unwrap();
        let exact = model.partial_effect(1, found.grid.points()).unwrap();
        let values = found.curves.values.slopes();
        assert_abs_diff_eq!(values, exact.effects.slopes(), epsilon = 1e-9);
        assert_abs_diff_eq!(
            found.curves.standard_errors.slopes(),
            exact.standard_errors.slopes(),
            epsilon = 1e-5
        );
        let without = effects
            .context_on_coefficients(&model, &samples, 1)
            .unwrap();
        assert_abs_diff_eq!(values, without.curves.slopes(), epsilon = 1e-12);
        assert_eq!(without.grid, found.grid);
    }
}

/// Bands of outcomes have the curves without bands in their middle; of a feature they are wider where
/// it is far from its mean.
#[test]
fn bands_of_outcomes_are_about_their_curves() {
    let (model, samples) = fitted(GaussianProcessRegression::new().plug_in());
    for effects in both() {
        let effects = effects.points(9);
        let bands = effects
            .feature_on_outcome_with_bands(&model, &samples, 0)
            .unwrap();
        let curve = effects.feature_on_outcome(&model, &samples, 0).unwrap();
        assert_abs_diff_eq!(bands.curves.values, curve.curves, epsilon = 1e-10);
        let errors = &bands.curves.standard_errors;
        assert!(errors[[0, 0]] > errors[[4, 0]] && errors[[8, 0]] > errors[[4, 0]]);
        let bands = effects
            .context_on_outcome_with_bands(&model, &samples, 1)
            .unwrap();
        let curve = effects.context_on_outcome(&model, &samples, 1).unwrap();
        assert_abs_diff_eq!(bands.curves.values, curve.curves, epsilon = 1e-10);
        let half = (&bands.curves.upper - &bands.curves.lower) / 2.0;
        assert_relative_eq!(
            half,
            1.959_963_984_540_054 * &bands.curves.standard_errors,
            max_relative = 1e-9
        );
    }
}

#[test]
fn importance_names_the_context_of_each_coefficient() {
    let (model, samples) = fitted(GaussianProcessRegression::new().plug_in());
    let table = Effects::new().importance(&model, &samples).unwrap();
    assert_eq!(table.len(), 6);
    for line in &table {
        let spread = line.summary.standard_deviation;
        let large = [("x0", "c0"), ("(intercept)", "c1")];
        // Of sin c and of c² with c uniform: 0.52 and 0.30.
        if large.contains(&(line.coefficient.as_str(), line.context.as_str())) {
            assert!(spread > 0.2, "{line:?}");
        } else {
            assert!(spread < 0.15, "{line:?}");
        }
    }
}

#[test]
fn a_factor_is_one_context() {
    // The slope is 1, 4 or −2 by level; levels are as frequent as 2, 1 and 1.
    let level = |row: usize| [0, 0, 1, 2][row % 4];
    let contexts = Array2::from_shape_fn((80, 4), |(row, column)| match column {
        0 => ((row * 7) % 11) as f64,
        column => f64::from(u8::from(level(row) == column - 1)),
    });
    let samples = Samples::new(
        contexts.view(),
        contexts.slice(s![.., ..1]),
        contexts.slice(s![.., ..1]),
    )
    .unwrap()
    .with_factors([("site", vec![1, 2, 3])])
    .unwrap();
    let model = slope(|c, _| c[1] + 4.0 * c[2] - 2.0 * c[3] + 0.5 * c[0]);
    let table = Effects::new().importance(&model, &samples).unwrap();
    let contexts: Vec<&str> = table.iter().map(|line| line.context.as_str()).collect();
    assert_eq!(contexts, ["c0", "site", "c0", "site"]);
    let site = table[1].summary;
    assert_relative_eq!(site.range, 6.0, max_relative = 1e-12);
    assert_eq!((site.highest_at, site.lowest_at), (1.0, 2.0));
    // Of 1, 1, 4, −2: mean 1, variance 9/2.
    assert_relative_eq!(
        site.standard_deviation,
        4.5_f64.sqrt(),
        max_relative = 1e-12
    );
}

#[test]
fn a_factor_in_codes_has_a_point_at_every_code_and_no_curve_between() {
    const SLOPES: [f64; 3] = [1.0, 4.0, -2.0];
    let contexts = Array2::from_shape_fn((80, 2), |(row, column)| match column {
        0 => ((row * 7) % 11) as f64,
        _ => [0.0, 0.0, 1.0, 2.0][row % 4],
    });
    let number = contexts.slice(s![.., ..1]);
    let samples = Samples::new(contexts.view(), number, number)
        .unwrap()
        .with_coded_factors([("site", 1, 3)])
        .unwrap();
    let model = slope(|c, _| SLOPES[c[1] as usize] + 0.5 * c[0]);
    let table = Effects::new().importance(&model, &samples).unwrap();
    let site = table[1].summary;
    assert_eq!(table[1].context, "site");
    assert_relative_eq!(site.range, 6.0, max_relative = 1e-12);
    assert_eq!((site.highest_at, site.lowest_at), (1.0, 2.0));
    assert_relative_eq!(
        site.standard_deviation,
        4.5_f64.sqrt(),
        max_relative = 1e-12
    );
    let curve = Effects::new().context_on_coefficients(&model, &samples, 1);
    let message = curve.unwrap_err().to_string();
    assert!(message.contains("in no order"), "{message}");
}

#[test]
fn rows_are_drawn_by_the_seed() {
    let samples = rows(500, 1, true, true);
    let model = slope(|c, x| (c[0] * c[1]).exp() + x);
    let of = |seed| {
        let effects = Effects::new().rows(50).seed(seed);
        effects.context_on_outcome(&model, &samples, 0).unwrap()
    };
    assert_eq!(of(1), of(1));
    assert_ne!(of(1).curves, of(2).curves);
    let grid = of(1).grid;
    assert_eq!((grid.rows().len(), grid.points().len()), (50, 20));
    assert_relative_eq!(grid.weights().sum(), 1.0, max_relative = 1e-12);
    let known = samples.contexts().column(0).to_owned();
    assert!(grid.points().iter().all(|z| known.iter().any(|c| c == z)));
}

#[test]
fn settings_and_columns_are_checked() {
    let samples = rows(20, 1, false, false);
    let model = slope(|c, _| c[0]);
    let of = |effects: Effects, column| effects.context_on_outcome(&model, &samples, column);
    assert!(matches!(
        of(Effects::new(), 2),
        Err(Error::InvalidParameter {
            parameter: "context",
            ..
        })
    ));
    assert!(of(Effects::new().points(1), 0).is_err());
    assert!(of(Effects::new().rows(1), 0).is_err());
    assert!(
        Effects::new()
            .feature_on_outcome(&model, &samples, 1)
            .is_err()
    );
    let effect = of(Effects::new(), 0).unwrap();
    assert!(matches!(
        effect.grid.summary(array![1.0].view()),
        Err(Error::RowCount { .. })
    ));
    let (kernel, samples) = fitted(GaussianProcessRegression::new().plug_in());
    let wide = Effects::new().level(1.0);
    assert!(
        wide.context_on_outcome_with_bands(&kernel, &samples, 0)
            .is_err()
    );
}

/// Partial dependence of a neural additive model is its shape function.
#[test]
fn of_a_neural_additive_model_they_are_its_shape_functions() {
    let (_, samples) = fitted(GaussianProcessRegression::new().plug_in());
    let size = MlpSettings::new(8, 1);
    let model = NeuralRegression::new()
        .encoder(EncoderKind::Additive(size))
        .without_early_stopping()
        .without_shrinkage()
        .epochs(20)
        .fit(&samples)
        .unwrap();
    for effects in both() {
        // With every value a point, the mean over points is that over rows, to which shapes are
        // centred too.
        let found = effects
            .points(80)
            .context_on_coefficients(&model, &samples, 0)
            .unwrap();
        let exact = model.shape_function(0, found.grid.points()).unwrap();
        assert!(exact.slopes().iter().any(|v| v.abs() > 0.05));
        assert_abs_diff_eq!(found.curves.slopes(), exact.slopes(), epsilon = 1e-10);
        assert_abs_diff_eq!(
            found.curves.intercepts(),
            exact.intercepts(),
            epsilon = 1e-10
        );
    }
}

/// A network of contexts and features together has no coefficients of the context alone, but effects
/// on outcomes all the same: averages of its own predictions.
#[test]
fn of_an_implicit_network_they_are_averages_of_its_predictions() {
    let samples = Simulator::new(400)
        .uniform_contexts(2, -1.0, 1.0)
        .slopes(|c| vec![2.0 * c[0]])
        .intercept(|c| c[1])
        .noise(0.2)
        .simulate(8)
        .unwrap()
        .samples;
    let model = ImplicitRegression::new()
        .activation(Activation::Tanh)
        .fit(&samples)
        .unwrap();
    let effects = Effects::new().rows(100).points(7).uncentred();
    let found = effects.context_on_outcome(&model, &samples, 1).unwrap();
    let rows: Vec<usize> = (0..400)
        .filter(|&row| {
            let value = samples.contexts()[[row, 1]];
            found.grid.rows().iter().any(|known| *known == value)
        })
        .collect();
    assert_eq!(rows.len(), 100);
    for (&point, &value) in found.grid.points().iter().zip(&found.curves) {
        let mut contexts = samples.contexts().select(Axis(0), &rows);
        contexts.column_mut(1).fill(point);
        let features = samples.features().select(Axis(0), &rows);
        let predicted = model.predict(contexts.view(), features.view()).unwrap();
        assert_relative_eq!(value, predicted.mean().unwrap(), epsilon = 1e-10);
    }
    // And these are near the truth: a slope of one against the second context, and of the first context
    // on the coefficient of the feature, at the rows' own features, of two.
    for effects in both() {
        let outcome = effects.context_on_outcome(&model, &samples, 1).unwrap();
        let line = slope_of(&outcome.grid, outcome.curves.column(0));
        assert!((line - 1.0).abs() < 0.15, "{line}");
        let slopes = effects
            .context_on_coefficients(&model, &samples, 0)
            .unwrap();
        let line = slope_of(&slopes.grid, slopes.curves.slopes().slice(s![.., 0, 0]));
        assert!((line - 2.0).abs() < 0.3, "{line}");
    }
}

/// The rise of a curve over its run.
fn slope_of(grid: &EffectGrid, curve: ArrayView1<'_, f64>) -> f64 {
    let (points, last) = (grid.points(), curve.len() - 1);
    (curve[last] - curve[0]) / (points[last] - points[0])
}

/// Bands of a bootstrap: each member has a curve of its own, on the scale of the link and on that of
/// probabilities.
#[test]
fn bands_of_a_bootstrap_are_quantiles_of_its_members_curves() {
    let samples = Simulator::new(150)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(|c| vec![c[0]])
        .intercept(|c| 2.0 * c[0])
        .family(Family::Binomial)
        .simulate(2)
        .unwrap()
        .samples;
    let ensemble = Bootstrap::new(PopulationRegression::new().family(Family::Binomial))
        .replicates(39)
        .seed(1)
        .fit(&samples)
        .unwrap();
    let effects = Effects::new().points(5).rows(60);
    let bands = effects
        .feature_on_outcome_with_bands(&ensemble, &samples, 0)
        .unwrap();
    let curves: Vec<_> = ensemble
        .members()
        .iter()
        .map(|member| {
            let found = effects
                .feature_on_outcome(member.model(), &samples, 0)
                .unwrap();
            assert_eq!(found.grid, bands.grid);
            found.curves
        })
        .collect();
    for point in 0..bands.grid.points().len() {
        let mut values: Vec<f64> = curves.iter().map(|curve| curve[[point, 0]]).collect();
        values.sort_by(f64::total_cmp);
        // The first and the last of 39 are the ends of an interval of 95 %.
        for (end, value) in [
            (&bands.curves.lower, values[0]),
            (&bands.curves.upper, values[38]),
        ] {
            assert_abs_diff_eq!(end[[point, 0]], value, epsilon = 1e-12);
        }
    }
    let means = effects.on_means();
    assert!(matches!(
        means.feature_on_outcome_with_bands(&ensemble, &samples, 0),
        Err(Error::InvalidParameter {
            parameter: "scale of the outcome",
            ..
        })
    ));
}

/// Blocks of rows, and contexts put together, do not depend on threads.
#[test]
fn threads_change_nothing() {
    let samples = rows(300, 4, false, true);
    let models = [
        GaussianProcessRegression::new().plug_in(),
        GaussianProcessRegression::new()
            .joint(KernelShape::Matern52)
            .plug_in(),
    ]
    .map(|estimator| estimator.max_iterations(5).fit(&samples).unwrap());
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(|| {
            let mut found = Vec::new();
            for model in &models {
                for effects in both().map(|effects| effects.points(6)) {
                    let bands = effects
                        .context_on_coefficients_with_bands(model, &samples, 1)
                        .unwrap();
                    let curves = effects.context_on_outcome(model, &samples, 0).unwrap();
                    let outcome = effects
                        .feature_on_outcome_with_bands(model, &samples, 0)
                        .unwrap();
                    found.push((bands, curves, outcome));
                }
            }
            found
        })
    };
    assert_eq!(run(1), run(2));
}

/// Every row keeps its offset: on the scale of the link it adds its mean, and probabilities follow.
#[test]
fn rows_keep_their_offsets() {
    let (contexts, features) = (array![[0.0], [1.0], [2.0]], array![[1.0], [-1.0], [0.5]]);
    let offsets = array![0.5, 0.0, 1.0];
    let samples = Samples::new(contexts.view(), features.view(), features.view()).unwrap();
    let samples = samples.with_offsets(offsets.view()).unwrap();
    let model = Known(|c: ArrayView1<'_, f64>, _| c[0], Family::Binomial);
    let effects = Effects::new().uncentred();
    let predictor = effects.context_on_outcome(&model, &samples, 0).unwrap();
    let means = effects
        .on_means()
        .context_on_outcome(&model, &samples, 0)
        .unwrap();
    for (place, point) in [0.0, 1.0, 2.0].into_iter().enumerate() {
        let of_rows = &features.column(0) * point + &offsets;
        assert_relative_eq!(
            predictor.curves[[place, 0]],
            of_rows.mean().unwrap(),
            epsilon = 1e-14
        );
        let probability = of_rows
            .mapv(|value| Link::Logit.inverse(value))
            .mean()
            .unwrap();
        assert_relative_eq!(means.curves[[place, 0]], probability, epsilon = 1e-14);
    }
}
