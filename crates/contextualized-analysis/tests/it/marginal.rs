//! Average marginal effects against R and against averages of means.

use approx::{assert_abs_diff_eq, assert_relative_eq};
use contextualized_analysis::{average_coefficients, average_marginal_effects};
use contextualized_baselines::PopulationRegression;
use contextualized_core::{Error, Estimator, Family, LocalCoefficients, Samples};
use contextualized_linear::GaussianProcessRegression;
use contextualized_simulation::Simulator;
use ndarray::{Array1, Array2, Axis};

/// The columns of one factor.
const FACTOR: [usize; 2] = [2, 3];

/// The data of `reference/marginal.R`, of a binary outcome and of counts.
fn samples(family: Family) -> Samples {
    let is = |truth: bool| f64::from(u8::from(truth));
    let features = Array2::from_shape_fn((60, 4), |(row, column)| {
        let i = row + 1;
        match column {
            0 => (i as f64).sin(),
            1 => is(i % 3 == 0 || i % 7 == 0),
            2 => is(i % 4 == 1),
            _ => is(i % 4 == 2),
        }
    });
    let targets = Array2::from_shape_fn((60, 1), |(row, _)| {
        let (i, b) = ((row + 1) as f64, features[[row, 1]]);
        if family == Family::Poisson {
            ((1.0 + 0.5 * i.sin() + 0.3 * b).exp() * (1.0 + 0.5 * (5.0 * i).sin())).floor()
        } else {
            is((3.0 * i).sin() + 0.5 * i.sin() + 0.4 * b > 0.2)
        }
    });
    let offsets = Array1::from_shape_fn(60, |row| ((row + 1) as f64).cos() / 2.0);
    let contexts = Array2::from_shape_fn((60, 1), |(row, _)| ((2 * row) as f64).sin());
    Samples::new(contexts.view(), features.view(), targets.view())
        .and_then(|samples| samples.with_offsets(offsets.view()))
        .unwrap()
}

/// `reference/marginal.R`: averages and standard errors of x, b and the two levels.
#[test]
fn effects_and_their_errors_are_those_of_the_delta_method_in_r() {
    let expected = [
        (
            Family::Binomial,
            [
                (0.157_007_889_5, 0.078_300_527),
                (0.172_977_686_3, 0.122_916_15),
                (0.024_476_135_29, 0.151_770_05),
                (-0.103_481_083_5, 0.146_350_32),
            ],
        ),
        (
            Family::Poisson,
            [
                (1.962_652_58, 0.372_499_48),
                (1.263_384_833, 0.462_809_87),
                (-0.083_014_392_88, 0.525_493_53),
                (-0.047_924_775_71, 0.548_370_46),
            ],
        ),
    ];
    for (family, expected) in expected {
        let samples = samples(family);
        let model = PopulationRegression::new()
            .family(family)
            .fit(&samples)
            .unwrap();
        let found = average_marginal_effects(&model, &samples, &[FACTOR.to_vec()], 0.95).unwrap();
        assert_eq!(found.len(), 4);
        for (found, (average, error)) in found.iter().zip(expected) {
            assert_eq!(found.is_difference, found.feature != "x0");
            assert_relative_eq!(found.average, average, max_relative = 1e-7);
            let evidence = found.evidence.unwrap();
            assert_relative_eq!(evidence.standard_error, error, max_relative = 1e-5);
            let half = 1.959_963_984_540_054 * evidence.standard_error;
            assert_relative_eq!(evidence.upper, average + half, max_relative = 1e-6);
        }
    }
}

/// The derivative of the average mean when a feature of all rows grows, of coefficients that vary.
#[test]
fn effects_of_a_gaussian_process_are_derivatives_of_the_average_mean() {
    let samples = Simulator::new(120)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(|c| vec![c[0], 0.5])
        .intercept(|_| 0.2)
        .family(Family::Poisson)
        .simulate(3)
        .unwrap()
        .samples;
    let model = GaussianProcessRegression::new()
        .family(Family::Poisson)
        .fit(&samples)
        .unwrap();
    let found = average_marginal_effects(&model, &samples, &[], 0.9).unwrap();
    for (feature, found) in found.iter().enumerate() {
        let mean = |by: f64| {
            let mut features = samples.features().to_owned();
            features.column_mut(feature).mapv_inplace(|own| own + by);
            let means = model.predict(samples.contexts(), features.view()).unwrap();
            means.mean_axis(Axis(0)).unwrap()[0]
        };
        let slope = (mean(1e-5) - mean(-1e-5)) / 2e-5;
        assert_abs_diff_eq!(found.average, slope, epsilon = 1e-7);
        let evidence = found.evidence.unwrap();
        assert!(evidence.lower < found.average && found.average < evidence.upper);
    }
}

/// Without a link they are average coefficients, errors included.
#[test]
fn effects_on_a_gaussian_outcome_are_average_coefficients() {
    let samples = Simulator::new(80)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(|c| vec![c[0].powi(2)])
        .noise(0.3)
        .simulate(1)
        .unwrap()
        .samples;
    let model = GaussianProcessRegression::new().fit(&samples).unwrap();
    let found = average_marginal_effects(&model, &samples, &[], 0.95).unwrap();
    let averages = average_coefficients(&model, &samples, Some(0.95)).unwrap();
    assert_relative_eq!(found[0].average, averages[0].average, max_relative = 1e-9);
    let errors = [found[0].evidence, averages[0].evidence].map(|own| own.unwrap().standard_error);
    assert_relative_eq!(errors[0], errors[1], max_relative = 1e-6);
}

#[test]
fn a_column_that_there_is_not_is_refused() {
    let samples = samples(Family::Binomial);
    let model = PopulationRegression::new().fit(&samples).unwrap();
    let refused = average_marginal_effects(&model, &samples, &[vec![4]], 0.95);
    assert!(matches!(refused, Err(Error::InvalidParameter { .. })));
    assert!(average_marginal_effects(&model, &samples, &[], 1.0).is_err());
}
