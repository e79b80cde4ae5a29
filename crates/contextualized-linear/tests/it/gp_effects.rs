//! What a Gaussian process regression says of its coefficients: which context matters, and how.

use crate::gp::{fit, quick, simulator};
use approx::assert_relative_eq;
use contextualized_core::{
    Error, Estimator, LocalCoefficients, VaryingCoefficients, WeightedContexts, WithPredictions,
    WithSums, WithUncertainty,
};
use contextualized_linear::{KernelShape, Sharing};
use contextualized_simulation::Simulator;
use ndarray::{Array1, Array2, Axis, array};

#[test]
fn inverse_length_scale_names_the_context_of_each_coefficient() {
    let data = Simulator::new(400)
        .uniform_contexts(3, -2.0, 2.0)
        .slopes(|c| vec![c[0].sin(), 1.0])
        .intercept(|c| 2.0 * c[1].cos())
        .noise(0.3)
        .simulate(9)
        .unwrap();
    let samples = data
        .samples
        .with_context_names(["age", "dose", "noise"])
        .unwrap();
    let model = quick()
        .sharing(Sharing::PerCoefficient)
        .fit(&samples)
        .unwrap();
    let table = model.variation_explained(0.9).unwrap();
    assert_eq!(table.len(), 9);
    for line in &table {
        assert_eq!(line.target, "y");
        let (low, high) = line.interval;
        assert!(low <= high && low >= 0.0, "{line:?}");
        // Standard deviations over −2..2 of the sine and of twice the cosine: 0.77 and 0.89.
        let expected = match (line.coefficient.as_str(), line.context.as_str()) {
            ("x0", "age") => Some(0.77),
            ("(intercept)", "dose") => Some(0.89),
            _ => None,
        };
        match expected {
            Some(expected) => {
                assert!((line.effect / expected - 1.0).abs() < 0.15, "{line:?}");
                assert!(low < expected && expected < high + 0.1, "{line:?}");
                assert!((0.5..4.0).contains(&line.length_scale), "{line:?}");
            }
            None => assert!(line.effect < 0.1, "{line:?}"),
        }
    }
}

/// Contexts that come in cycles, in order, or twice: what a context does is the same.
#[test]
fn inverse_length_scale_does_not_depend_on_the_order_of_rows() {
    let rows = 600;
    let cyclic = Array2::from_shape_fn((rows, 1), |(i, _)| (i % 10) as f64 / 5.0 - 0.9);
    let order: Vec<usize> = (0..10)
        .flat_map(|c| (0..60).map(move |k| 10 * k + c))
        .collect();
    let sorted = cyclic.select(Axis(0), &order);
    for contexts in [cyclic, sorted] {
        let data = Simulator::at_contexts(contexts.view())
            .slopes(|c| vec![c[0]])
            .noise(0.1)
            .simulate(10)
            .unwrap();
        let model = quick().fit(&data.samples).unwrap();
        let effect = model.variation_explained(0.9).unwrap()[0].effect;
        // The standard deviation of −0.9, −0.7, …, 0.9.
        assert!((effect / 0.574 - 1.0).abs() < 0.15, "{effect}");
    }
}

/// Slopes and intercepts of contexts in 10..14, features about 3.
fn centred(slope: fn(f64, f64) -> f64, intercept: fn(f64, f64) -> f64) -> Simulator {
    Simulator::new(400)
        .uniform_contexts(2, 10.0, 14.0)
        .features(|draws, _| vec![draws.normal(3.0, 2.0)])
        .slopes(move |c| vec![slope(c[0] - 12.0, c[1] - 12.0)])
        .intercept(move |c| intercept(c[0] - 12.0, c[1] - 12.0))
        .noise(0.2)
}

#[test]
fn partial_effects_are_those_of_the_truth() {
    let simulator = centred(|a, _| a.sin(), |_, b| b * b);
    let (model, data) = fit(
        &simulator,
        &quick().additive(KernelShape::SquaredExponential),
        11,
    );
    let values = Array1::linspace(10.5, 13.5, 13);
    let first = model.partial_effect(0, values.view()).unwrap();
    let second = model.partial_effect(1, values.view()).unwrap();
    // Effects have mean zero over the rows; the intercept's is at average features.
    let mean = |effect: fn(f64) -> f64, column: usize| {
        let contexts = data.samples.contexts();
        contexts
            .column(column)
            .mapv(|c| effect(c - 12.0))
            .mean()
            .unwrap()
    };
    let (sine, square) = (mean(f64::sin, 0), mean(|b| b * b, 1));
    let feature = data.samples.features().mean().unwrap();
    for (i, value) in values.iter().enumerate() {
        let at = value - 12.0;
        let expected = [
            (&first, at.sin() - sine, feature * (at.sin() - sine)),
            (&second, 0.0, at * at - square),
        ];
        for (effect, slope, intercept) in expected {
            let off = effect.effects.slopes()[[i, 0, 0]] - slope;
            assert!(off.abs() < 0.1, "{value}: {off}");
            let off = effect.effects.intercepts()[[i, 0]] - intercept;
            assert!(off.abs() < 0.2, "{value}: {off}");
            let error = effect.standard_errors.slopes()[[i, 0, 0]];
            assert!((0.0..0.1).contains(&error), "{value}: {error}");
        }
    }
}

/// Mixed differences of an interaction do not depend on how main effects are told apart.
#[test]
fn interactions_have_the_mixed_differences_of_the_truth() {
    let simulator = centred(|a, b| a + 0.5 * a * b, |_, _| 1.0);
    let estimator = quick().additive_with_interactions(KernelShape::SquaredExponential);
    let (model, _) = fit(&simulator, &estimator, 12);
    let pairs = array![[13.0, 13.0], [11.0, 13.0], [13.0, 11.0], [11.0, 11.0]];
    let both = model.interaction((0, 1), pairs.view()).unwrap().effects;
    let corner = |i: usize| both.slopes()[[i, 0, 0]];
    let mixed = corner(0) - corner(1) - corner(2) + corner(3);
    assert!((mixed - 2.0).abs() < 0.15, "{mixed}");
    let swapped = pairs.select(Axis(1), &[1, 0]);
    let swapped = model.interaction((1, 0), swapped.view()).unwrap();
    for (a, b) in swapped.effects.slopes().iter().zip(both.slopes()) {
        assert!((a - b).abs() < 1e-9, "{a} {b}");
    }
}

/// Where a context acts together with another, its effect is an average over the other.
#[test]
fn main_effects_among_interactions_are_averages_over_the_other_context() {
    let simulator = centred(|a, b| a.sin() + 0.5 * a * b, |_, _| 1.0);
    for estimator in [
        quick(),
        quick().additive_with_interactions(KernelShape::SquaredExponential),
    ] {
        let (model, data) = fit(&simulator, &estimator, 12);
        let values = array![10.5, 12.0, 13.5];
        let effect = model.partial_effect(0, values.view()).unwrap();
        let shifted = data.samples.contexts().mapv(|c| c - 12.0);
        let mean = |f: &dyn Fn(f64, f64) -> f64| {
            let rows = shifted.rows();
            rows.into_iter().map(|c| f(c[0], c[1])).sum::<f64>() / shifted.nrows() as f64
        };
        // Levels depend on the typical rows; shapes, from the middle value, only through their mean.
        let found = |i: usize| effect.effects.slopes()[[i, 0, 0]];
        for (i, value) in values.iter().enumerate() {
            let at = value - 12.0;
            let expected = mean(&|_, b| at.sin() + 0.5 * at * b);
            let off = found(i) - found(1) - expected;
            // A hundred typical rows stand for all: their mean of b is off by its standard error.
            let sampling = 0.5 * at.abs() * 2.0 / 100_f64.sqrt();
            assert!(off.abs() < 0.1 + sampling, "{value}: {off}");
            assert!(effect.standard_errors.slopes()[[i, 0, 0]] < 0.15);
        }
    }
}

#[test]
fn effects_that_the_kernel_does_not_have_are_errors() {
    let (model, _) = fit(&simulator(60), &quick(), 12);
    let values = array![30.0, 40.0];
    assert!(matches!(
        model.partial_effect(7, values.view()),
        Err(Error::InvalidParameter {
            parameter: "context",
            ..
        })
    ));
    let (model, _) = fit(&simulator(60), &quick().additive(KernelShape::Matern52), 12);
    assert!(model.partial_effect(0, values.view()).is_ok());
    for wrong in [2, 17] {
        assert!(model.partial_effect(wrong, values.view()).is_err());
    }
    assert!(matches!(
        model.partial_effect(0, array![f64::NAN].view()),
        Err(Error::NotFinite {
            argument: "values",
            ..
        })
    ));
    let pairs = array![[30.0, 40.0]];
    assert!(model.interaction((0, 1), pairs.view()).is_err());
    assert!(model.interaction((0, 0), pairs.view()).is_err());
    assert!(matches!(
        model.interaction((0, 1), array![[1.0]].view()),
        Err(Error::ColumnCount {
            argument: "values",
            expected: 2,
            found: 1
        })
    ));
}

#[test]
fn a_sum_of_one_row_has_the_intervals_of_coefficients_and_means() {
    for estimator in [quick(), quick().intercept(false)] {
        let (model, data) = fit(&simulator(60), &estimator, 13);
        let contexts = data.samples.contexts().select(Axis(0), &[0, 1, 2]);
        let features = data.samples.features().select(Axis(0), &[0, 1, 2]);
        let each = WeightedContexts::new(contexts.clone(), Array2::eye(3)).unwrap();
        let sums = model.coefficient_sums(&each, 0.9).unwrap();
        let intervals = model.intervals(contexts.view(), 0.9).unwrap();
        let near = |a: &contextualized_core::Coefficients,
                    b: &contextualized_core::Coefficients| {
            assert_relative_eq!(a.slopes(), b.slopes(), epsilon = 1e-7);
            assert_relative_eq!(a.intercepts(), b.intercepts(), epsilon = 1e-7);
        };
        near(&sums.values, &model.coefficients(contexts.view()).unwrap());
        let errors = model.standard_errors(contexts.view()).unwrap();
        near(&sums.standard_errors, &errors);
        near(&sums.lower, &intervals.lower);
        near(&sums.upper, &intervals.upper);

        let predictors = model.predictor_sums(&each, features.view(), 0.9).unwrap();
        let means = model
            .mean_intervals(contexts.view(), features.view(), 0.9)
            .unwrap();
        let predicted = model.predict(contexts.view(), features.view()).unwrap();
        assert_relative_eq!(predictors.values, predicted, epsilon = 1e-7);
        assert_relative_eq!(predictors.lower, means.lower, epsilon = 1e-7);
        assert_relative_eq!(predictors.upper, means.upper, epsilon = 1e-7);
    }
}

/// Changing one context in all rows, less the rows as they are, is the context's own function.
#[test]
fn sums_over_changed_rows_are_the_partial_effects_of_an_additive_kernel() {
    let simulator = centred(|a, _| a.sin(), |_, b| b * b);
    let estimator = quick().additive(KernelShape::SquaredExponential);
    let (model, data) = fit(&simulator, &estimator, 14);
    let rows = data.samples.contexts();
    let mut changed = rows.to_owned();
    changed.column_mut(1).fill(13.0);
    let change = WeightedContexts::mean_of(changed)
        .unwrap()
        .minus(&WeightedContexts::mean_of(rows.to_owned()).unwrap())
        .unwrap();
    let sums = model.coefficient_sums(&change, 0.95).unwrap();
    let effect = model.partial_effect(1, array![13.0].view()).unwrap();
    assert_relative_eq!(
        sums.values.slopes(),
        effect.effects.slopes(),
        epsilon = 1e-6
    );
    assert_relative_eq!(
        sums.standard_errors.slopes(),
        effect.standard_errors.slopes(),
        epsilon = 1e-5
    );
    // Of the outcome at average features, whose intercept the partial effect has.
    let center = data.samples.features().mean().unwrap();
    let features = Array2::from_elem((2 * rows.nrows(), 1), center);
    let outcome = model
        .predictor_sums(&change, features.view(), 0.95)
        .unwrap();
    assert_relative_eq!(outcome.values, effect.effects.intercepts(), epsilon = 1e-6);
    assert_relative_eq!(
        outcome.standard_errors,
        effect.standard_errors.intercepts(),
        epsilon = 1e-5
    );
}

#[test]
fn sums_that_do_not_fit_are_errors() {
    let (model, data) = fit(&simulator(60), &quick(), 12);
    let rows = WeightedContexts::mean_of(data.samples.contexts().to_owned()).unwrap();
    let features = data.samples.features();
    for level in [0.0, 1.0, f64::NAN] {
        assert!(matches!(
            model.coefficient_sums(&rows, level),
            Err(Error::InvalidParameter { .. })
        ));
        assert!(model.predictor_sums(&rows, features, level).is_err());
    }
    assert!(matches!(
        model.predictor_sums(&rows, features.slice(ndarray::s![..3, ..]), 0.9),
        Err(Error::RowCount { .. })
    ));
}
