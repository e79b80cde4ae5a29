//! Outcomes of any family, with offsets: truths recovered, and generalised linear models as the limit.

use crate::gp::{fit, quick, simulator};
use approx::assert_relative_eq;
use contextualized_baselines::PopulationRegression;
use contextualized_core::metrics::effect_mse;
use contextualized_core::{
    Coefficients, Error, Estimator, Family, LocalCoefficients, Samples, VaryingCoefficients,
    WithPredictions, WithUncertainty,
};
use contextualized_linear::{GaussianProcessRegression, Hyperparameters};
use contextualized_simulation::Simulator;
use ndarray::{Array1, Array2, Axis, array, s};

#[test]
fn a_logistic_truth_is_recovered() {
    let simulator = Simulator::new(500)
        .uniform_contexts(1, -2.0, 2.0)
        .slopes(|c| vec![2.0 * c[0].sin(), -1.0])
        .intercept(|_| 0.5)
        .family(Family::Binomial);
    let (model, data) = fit(&simulator, &quick().family(Family::Binomial), 6);
    assert_eq!(model.family(), Family::Binomial);
    let found = model.coefficients(data.samples.contexts()).unwrap();
    let off = effect_mse(&data.coefficients, &found).unwrap().sqrt();
    // The first slope varies by 1.4.
    assert!(off < 0.25, "{off}");
    let intervals = model
        .mean_intervals(data.samples.contexts(), data.samples.features(), 0.9)
        .unwrap();
    let truth = data
        .coefficients
        .linear_predictor(data.samples.features())
        .unwrap();
    let inside = (0..500)
        .filter(|&i| {
            let p = 1.0 / (1.0 + (-truth[[i, 0]]).exp());
            (intervals.lower[[i, 0]]..=intervals.upper[[i, 0]]).contains(&p)
        })
        .count();
    assert!(inside > 350, "{inside}");
    for error in [
        model.noise().unwrap_err(),
        model.leave_one_out(&data.samples).unwrap_err(),
    ] {
        assert!(
            error.to_string().starts_with("family is binomial"),
            "{error}"
        );
    }
    assert!(matches!(
        model.outcome_intervals(data.samples.contexts(), data.samples.features(), 0.9),
        Err(Error::NoIntervals { .. })
    ));
    let real = simulator.family(Family::Gaussian).noise(0.1);
    let other = real.simulate(6).unwrap().samples;
    assert!(matches!(
        quick().family(Family::Binomial).fit(&other),
        Err(Error::InvalidTarget { row: 0, .. })
    ));
}

/// Where nothing varies it is the model of constant coefficients, standard errors included, which of
/// real-valued targets are those at the same variance of the noise.
#[test]
fn where_nothing_varies_it_is_the_population_regression() {
    let offsets = Array1::from_shape_fn(200, |row| (row % 5) as f64 / 4.0);
    // Classes are fitted as binary outcomes.
    for family in Family::ALL
        .into_iter()
        .filter(|family| !family.has_classes())
    {
        let simulator = simulator(200)
            .slopes(|_| vec![0.05, 1.0])
            .intercept(|_| -1.5)
            .noise(1.0)
            .family(family);
        let samples = simulator.simulate(23).unwrap().samples;
        let at = samples.contexts().slice(s![..3, ..]).to_owned();
        let samples = samples.with_offsets(offsets.view()).unwrap();
        let population = PopulationRegression::new().family(family);
        let population = population.fit(&samples).unwrap();
        let known = |noise| Hyperparameters {
            inverse_length_scales: Array2::ones((1, at.ncols())),
            amplitudes: Array2::zeros((samples.features().ncols() + 1, 1)),
            noise,
            scales: Array1::ones(1),
        };
        let fit = |noise| {
            // With the shape of the population, where the family has one.
            let estimator = GaussianProcessRegression::new().family(population.family());
            let estimator = estimator.hyperparameters(known(noise));
            estimator.fit(&samples).unwrap()
        };
        // The noise in standard deviations of the targets, from that of a first fit in their units.
        let distribution = population
            .predictor_distribution(samples.contexts(), samples.features())
            .unwrap();
        let noise = if family.has_dispersion() {
            distribution.dispersions[0].sqrt() / fit(1.0).noise().unwrap()[0]
        } else {
            1.0
        };
        let model = fit(noise);
        let (found, expected) = (
            model.coefficients(at.view()).unwrap(),
            population.coefficients(at.view()).unwrap(),
        );
        assert_relative_eq!(found.slopes(), expected.slopes(), epsilon = 1e-8);
        assert_relative_eq!(found.intercepts(), expected.intercepts(), epsilon = 1e-8);
        if family.shape().is_some() {
            // Those of a population are by expected information.
            continue;
        }
        let (found, expected) = (
            model.standard_errors(at.view()).unwrap(),
            WithUncertainty::standard_errors(&population, at.view()).unwrap(),
        );
        assert_relative_eq!(found.slopes(), expected.slopes(), epsilon = 1e-8);
        assert_relative_eq!(found.intercepts(), expected.intercepts(), epsilon = 1e-8);
        let found = model
            .predictor_distribution(samples.contexts(), samples.features())
            .unwrap();
        assert_relative_eq!(found.means, distribution.means, epsilon = 1e-8);
        assert_relative_eq!(
            found.standard_errors,
            distribution.standard_errors,
            epsilon = 1e-8
        );
    }
}

/// Known terms of the linear predictor are no part of the coefficients.
#[test]
fn offsets_are_known_terms() {
    let data = simulator(150).simulate(24).unwrap().samples;
    let offsets = Array1::from_shape_fn(150, |row| ((7 * row) % 11) as f64);
    let moved = &data.targets() + &offsets.view().insert_axis(Axis(1));
    let with_offsets = data.replace_targets(moved.view()).unwrap();
    let with_offsets = with_offsets.with_offsets(offsets.view()).unwrap();
    let (plain, other) = (
        quick().fit(&data).unwrap(),
        quick().fit(&with_offsets).unwrap(),
    );
    let at = data.contexts();
    assert_relative_eq!(
        plain.coefficients(at).unwrap().slopes(),
        other.coefficients(at).unwrap().slopes(),
        max_relative = 1e-6
    );
    assert_relative_eq!(
        other.predict_samples(&with_offsets).unwrap(),
        plain.predict_samples(&data).unwrap() + offsets.insert_axis(Axis(1)),
        epsilon = 1e-6
    );
}

/// `glm(y ~ x + offset(offset), poisson, control = glm.control(epsilon = 1e-14, maxit = 100))` of R, as
/// in the script `families.R` of contextualized-baselines, which has the same rows.
#[test]
fn where_nothing_varies_counts_have_the_coefficients_of_r() {
    let targets = [
        1, 7, 3, 4, 8, 1, 10, 8, 1, 6, 5, 2, 7, 11, 1, 3, 12, 2, 4, 15, 1, 4, 9, 1, 8, 6, 1, 7, 8,
        2, 4, 8, 1, 8, 15, 1, 4, 5, 2, 18, 7, 1, 4, 6, 3, 5, 5, 1, 7, 21, 0, 3, 4, 2, 15, 4, 0, 4,
        8, 2,
    ];
    let targets = Array2::from_shape_fn((60, 1), |(row, _)| f64::from(targets[row]));
    let contexts = Array2::from_shape_fn((60, 1), |(row, _)| (row % 8) as f64);
    let features = Array2::from_shape_fn((60, 3), |(row, column)| {
        let i = row as f64;
        [
            (1.3 * i).sin(),
            (0.7 * i * i % 11.0).cos(),
            (row % 7) as f64 / 3.0,
        ][column]
    });
    let offsets = Array1::from_shape_fn(60, |row| (1.0 + (row % 5) as f64).ln());
    let samples = Samples::new(contexts.view(), features.view(), targets.view())
        .unwrap()
        .with_offsets(offsets.view())
        .unwrap();
    let model = GaussianProcessRegression::new()
        .family(Family::Poisson)
        .hyperparameters(Hyperparameters {
            inverse_length_scales: Array2::ones((1, 1)),
            amplitudes: Array2::zeros((4, 1)),
            noise: 1.0,
            scales: Array1::ones(1),
        })
        .fit(&samples)
        .unwrap();
    let at = array![[3.0]];
    let (found, errors) = (
        model.coefficients(at.view()).unwrap(),
        model.standard_errors(at.view()).unwrap(),
    );
    let slopes = array![
        0.450_674_821_873_041_3,
        -0.359_788_285_397_302_07,
        0.255_536_743_262_792_13
    ];
    let slope_errors = array![
        0.080_555_847_239_580_22,
        0.076_545_519_297_085_03,
        0.085_743_492_510_495_48
    ];
    let own = |table: &Coefficients| table.slopes().slice(s![0, 0, ..]).to_owned();
    assert_relative_eq!(own(&found), slopes, epsilon = 1e-8);
    assert_relative_eq!(own(&errors), slope_errors, epsilon = 1e-8);
    assert_relative_eq!(
        found.intercepts()[[0, 0]],
        0.349_657_233_683_563_33,
        epsilon = 1e-8
    );
    assert_relative_eq!(
        errors.intercepts()[[0, 0]],
        0.107_663_790_016_378_44,
        epsilon = 1e-8
    );
    let means = model.predict_samples(&samples).unwrap();
    let deviance: f64 = targets
        .iter()
        .zip(&means)
        .map(|(y, mean)| Family::Poisson.deviance(*y, mean.ln()))
        .sum();
    assert_relative_eq!(deviance, 122.67657353095427, epsilon = 1e-8);
}
