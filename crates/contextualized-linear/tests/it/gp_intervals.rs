//! Intervals, draws and left-out rows.

use crate::gp::{data_of, fit, quick, root_mean_square, simulator};
use approx::assert_relative_eq;
use contextualized_core::{
    Coefficients, Error, Estimator, LocalCoefficients, VaryingCoefficients, WithDraws,
    WithPredictions, WithUncertainty,
};
use contextualized_linear::GaussianProcessRegression;
use contextualized_simulation::Simulator;
use ndarray::{Array1, s};

/// Over many small data sets, intervals of coefficients, means and outcomes hold what they should.
#[test]
fn intervals_hold_the_truth_about_as_often_as_they_say() {
    let simulator = Simulator::new(60)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(|c| vec![(2.0 * c[0]).sin()])
        .intercept(|c| 0.5 * c[0])
        .noise(0.5);
    let level = 0.9;
    let [mut slopes, mut intercepts, mut means, mut outcomes] = [0.0; 4];
    for seed in 0..40 {
        let (model, _) = fit(&simulator, &GaussianProcessRegression::new(), seed);
        let new = simulator.simulate(500 + seed).unwrap();
        let (c, x) = (new.samples.contexts(), new.samples.features());
        let (c, x) = (c.slice(s![..20, ..]), x.slice(s![..20, ..]));
        let truth = new
            .coefficients
            .linear_predictor(new.samples.features())
            .unwrap();
        let bands = model.intervals(c, level).unwrap();
        let mean = model.mean_intervals(c, x, level).unwrap();
        let outcome = model.outcome_intervals(c, x, level).unwrap();
        let within = |lower: f64, value: f64, upper: f64| {
            assert!(lower < upper);
            f64::from(lower <= value && value <= upper) / 800.0
        };
        for i in 0..20 {
            let (lower, upper) = (&bands.lower, &bands.upper);
            slopes += within(
                lower.slopes()[[i, 0, 0]],
                new.coefficients.slopes()[[i, 0, 0]],
                upper.slopes()[[i, 0, 0]],
            );
            intercepts += within(
                lower.intercepts()[[i, 0]],
                new.coefficients.intercepts()[[i, 0]],
                upper.intercepts()[[i, 0]],
            );
            means += within(mean.lower[[i, 0]], truth[[i, 0]], mean.upper[[i, 0]]);
            outcomes += within(
                outcome.lower[[i, 0]],
                new.samples.targets()[[i, 0]],
                outcome.upper[[i, 0]],
            );
        }
    }
    // Rows of a data set go together: forty sets have a standard error of at most 0.047.
    for share in [slopes, intercepts, means] {
        assert!(
            (level - 0.095..0.995).contains(&share),
            "{slopes} {intercepts} {means}"
        );
    }
    assert!((outcomes - level).abs() < 0.05, "{outcomes}");
}

#[test]
fn levels_are_checked_and_wider_ones_are_wider() {
    let (model, data) = fit(&simulator(60), &quick(), 8);
    let (c, x) = (data.samples.contexts(), data.samples.features());
    for level in [0.0, 1.0, -0.5, f64::NAN] {
        for error in [
            model.intervals(c, level).unwrap_err(),
            model.mean_intervals(c, x, level).unwrap_err(),
            model.variation_explained(level).unwrap_err(),
        ] {
            assert!(error.to_string().starts_with("level is"), "{error}");
        }
    }
    let width = |level| {
        let band = model.mean_intervals(c, x, level).unwrap();
        (band.upper - band.lower).sum()
    };
    assert!(width(0.5) < width(0.9));
    let outcome = model.outcome_intervals(c, x, 0.9).unwrap();
    assert!((outcome.upper - outcome.lower).sum() > width(0.9));
}

/// By the formula as by refitting without the row, at the same hyperparameters and units.
#[test]
fn leave_one_out_is_nearly_refitting_without_the_row() {
    let data = simulator(70).simulate(13).unwrap().samples;
    let weights = Array1::from_shape_fn(70, |i| 0.5 + (i % 3) as f64);
    for samples in [data.clone(), data.with_weights(weights.view()).unwrap()] {
        let model = quick().fit(&samples).unwrap();
        let found = model.leave_one_out(&samples).unwrap();
        let known = quick().hyperparameters(model.hyperparameters());
        let spread = root_mean_square(found.residuals.iter().copied());
        for row in [0, 1, 2, 33, 50, 69] {
            let others: Vec<usize> = (0..70).filter(|&other| other != row).collect();
            let refitted = known.fit(&samples.select(&others).unwrap()).unwrap();
            let one = samples.select(&[row]).unwrap();
            let predicted = refitted.predict(one.contexts(), one.features()).unwrap();
            let expected = one.targets()[[0, 0]] - predicted[[0, 0]];
            // Only the standardisation differs.
            let off = found.residuals[[row, 0]] - expected;
            assert!(off.abs() < 0.05 * spread, "{row}: {off} of {spread}");
        }
        let mean = match samples.weights() {
            None => found.residuals.mapv(|r| r * r).mean().unwrap(),
            Some(w) => (&found.residuals.column(0).mapv(|r| r * r) * &w).sum() / w.sum(),
        };
        assert_relative_eq!(found.mean_squared_error, mean, max_relative = 1e-9);
    }
    let fewer = data_of(20);
    let model = quick().fit(&data_of(30)).unwrap();
    assert!(matches!(
        model.leave_one_out(&fewer),
        Err(Error::RowCount {
            expected: 30,
            found: 20,
            ..
        })
    ));
}

#[test]
fn draws_are_in_the_units_of_the_data() {
    let (model, data) = fit(&simulator(60), &quick(), 20);
    let at = data.samples.contexts().slice(s![..3, ..]).to_owned();
    let draws = model.coefficient_draws(at.view(), 1000, 1, None).unwrap();
    let center = model.coefficients(at.view()).unwrap();
    let errors = model.standard_errors(at.view()).unwrap();
    for q in 0..3 {
        let column = |value: &dyn Fn(&Coefficients) -> f64| {
            let values: Array1<f64> = draws.iter().map(value).collect();
            (values.mean().unwrap(), values.std(1.0))
        };
        let cases = [
            (
                column(&|c| c.slopes()[[q, 0, 0]]),
                center.slopes()[[q, 0, 0]],
                errors.slopes()[[q, 0, 0]],
            ),
            (
                column(&|c| c.intercepts()[[q, 0]]),
                center.intercepts()[[q, 0]],
                errors.intercepts()[[q, 0]],
            ),
        ];
        for ((mean, deviation), expected, error) in cases {
            assert!((mean - expected).abs() < 5.0 * error / 1000_f64.sqrt());
            assert!((deviation / error - 1.0).abs() < 5.0 / 2000_f64.sqrt());
        }
    }
}
