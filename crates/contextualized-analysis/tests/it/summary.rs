//! Averages with their evidence, and goodness of fit.

use approx::assert_relative_eq;
use contextualized_analysis::{
    GoodnessOfFit, NoiseFinding, average_coefficients, goodness_of_fit, joint_tests, noise_findings,
};
use contextualized_baselines::{ClusterRegression, PopulationRegression};
use contextualized_core::{Estimator, Family, LocalCoefficients, Samples};
use contextualized_linear::GaussianProcessRegression;
use ndarray::{Array1, Array2, Axis, s};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Those of `reference/summary.R`: a feature, a context, and a target by the row's number and the feature.
fn rows(target: impl Fn(f64, f64) -> f64) -> Samples {
    let number = Array1::from_shape_fn(60, |i| i as f64);
    let x = number.mapv(|i| (1.3 * i).sin());
    let c = number.mapv(|i| (0.7 * i * i).cos());
    let y = Array1::from_shape_fn(60, |i| target(number[i], x[i]));
    let [c, x, y] = [c, x, y].map(|column| column.insert_axis(Axis(1)));
    Samples::new(c.view(), x.view(), y.view()).unwrap()
}

fn line(i: f64, x: f64) -> f64 {
    1.0 + 2.0 * x + 0.5 * (2.1 * i).sin()
}

/// Average, standard error, statistic and p-value of every coefficient of a population.
fn population(family: Family, intercept: bool, samples: &Samples) -> (Vec<[f64; 4]>, f64, f64) {
    let model = PopulationRegression::new()
        .family(family)
        .intercept(intercept)
        .fit(samples)
        .unwrap();
    let lines = average_coefficients(&model, samples, Some(0.95)).unwrap();
    let found = lines.iter().map(|line| {
        assert_eq!((line.deviation, line.effective_degrees), (0.0, Some(1.0)));
        let evidence = line.evidence.unwrap();
        assert!(evidence.lower < line.average && line.average < evidence.upper);
        [
            line.average,
            evidence.standard_error,
            evidence.statistic,
            evidence.p_value,
        ]
    });
    let fit = &goodness_of_fit(&model, samples).unwrap()[0];
    (
        found.collect(),
        fit.deviance_explained.unwrap(),
        fit.log_likelihood.unwrap(),
    )
}

fn is(found: (Vec<[f64; 4]>, f64, f64), lines: &[[f64; 4]], explained: f64, likelihood: f64) {
    assert_eq!(found.0.len(), lines.len());
    for (found, expected) in found.0.iter().zip(lines) {
        for (found, expected) in found.iter().zip(expected) {
            assert_relative_eq!(found, expected, max_relative = 1e-7);
        }
    }
    assert_relative_eq!(found.1, explained, max_relative = 1e-9);
    assert_relative_eq!(found.2, likelihood, max_relative = 1e-9);
}

/// Right values: `tests/reference/summary.R`.
#[test]
fn a_population_is_that_of_lm_and_glm() {
    let weights = Array1::from_shape_fn(60, |i| 1.0 + (i % 3) as f64);
    is(
        population(
            Family::Gaussian,
            true,
            &rows(line).with_weights(weights.view()).unwrap(),
        ),
        &[
            [
                1.990109283982,
                0.0726681546518,
                27.3862642242,
                7.21667266130e-35,
            ],
            [
                0.966402096883,
                0.0511195029285,
                18.9047631828,
                1.79485123905e-26,
            ],
        ],
        0.928218485242,
        -31.4110714783,
    );
    is(
        population(Family::Gaussian, false, &rows(line)),
        &[[
            2.0233439919,
            0.195288324187,
            10.3608037005,
            6.70201669296e-15,
        ]],
        0.645318131173,
        -88.6003547721,
    );
    let exposures = Array1::from_shape_fn(60, |i| (1.0 + (i % 5) as f64).ln());
    let counts = rows(|i, x| {
        let exposure = (1.0 + i % 5.0).ln();
        ((0.5 + 0.7 * x + exposure).exp() * (1.0 + 0.5 * (2.1 * i).sin())).round()
    });
    is(
        population(
            Family::Poisson,
            true,
            &counts.with_offsets(exposures.view()).unwrap(),
        ),
        &[
            [
                0.680152644893,
                0.0847357039059,
                8.02675393656,
                1.00085544365e-15,
            ],
            [
                0.524707314489,
                0.0589241934765,
                8.90478568362,
                5.34892867611e-19,
            ],
        ],
        0.607382410328,
        -120.596686456,
    );
    is(
        population(
            Family::Binomial,
            true,
            &rows(|i, x| f64::from(u8::from((2.1 * i).sin() + x > 0.0))),
        ),
        &[
            [
                2.289074640388,
                0.558651907851,
                4.09749722183,
                4.17641178868e-05,
            ],
            [
                -0.443703625752,
                0.341054198804,
                -1.30097687496,
                0.193266370356,
            ],
        ],
        0.309889546366,
        -28.3317296295,
    );
}

/// The trace of the matrix that turns outcomes into fitted values, by differences.
#[test]
fn effective_degrees_are_how_much_fitted_values_follow_outcomes() {
    let samples = rows(|i, x| line(i, x) + (3.0 * (0.7 * i * i).cos()).sin() * x);
    let model = GaussianProcessRegression::new().fit(&samples).unwrap();
    let degrees = model.effective_degrees(&samples).unwrap().unwrap();
    let known = GaussianProcessRegression::new().hyperparameters(model.hyperparameters());
    let fitted = |targets: &Array2<f64>| {
        let changed = samples.replace_targets(targets.view()).unwrap();
        let model = known.fit(&changed).unwrap();
        model.predict_samples(&samples).unwrap()
    };
    // Changes that leave the mean and the deviation of the targets, by which they are standardised.
    let targets = samples.targets().to_owned();
    let base = fitted(&targets);
    let scale = targets.std(0.0);
    let mut trace = 0.0;
    for row in 0..60 {
        let mut changed = targets.clone();
        changed[[row, 0]] += 1e-4 * scale;
        trace += (fitted(&changed)[[row, 0]] - base[[row, 0]]) / (1e-4 * scale);
    }
    assert!(degrees.iter().all(|own| *own > 0.9));
    assert!(degrees[[0, 0]] > 3.0);
    assert_relative_eq!(degrees.sum(), trace, max_relative = 0.03);
}

#[test]
fn averages_are_by_weight_and_models_without_evidence_have_none() {
    let weights = Array1::from_shape_fn(60, |i| (i % 4) as f64);
    let samples = rows(|i, x| line(i, x) + (0.7 * i * i).cos() * x)
        .with_weights(weights.view())
        .unwrap();
    let model = ClusterRegression::new().clusters(2).fit(&samples).unwrap();
    let lines = average_coefficients(&model, &samples, Some(0.9)).unwrap();
    let slopes = model
        .coefficients_at(samples.contexts(), samples.features())
        .unwrap();
    let slopes = slopes.slopes().iter().copied().collect::<Array1<f64>>();
    let mean = slopes.dot(&weights) / weights.sum();
    assert_relative_eq!(lines[0].average, mean, max_relative = 1e-12);
    let square = (&slopes - mean).mapv(|d| d * d).dot(&weights) / weights.sum();
    assert_relative_eq!(lines[0].deviation, square.sqrt(), max_relative = 1e-9);
    assert!(
        lines
            .iter()
            .all(|line| line.evidence.is_none() && line.effective_degrees.is_none())
    );
    assert!(average_coefficients(&model, &samples, Some(1.0)).is_err());
}

/// A noise that grows with the feature is seen, and one that is even is not; so are counts that vary more than
/// Poisson's.
#[test]
fn noise_that_a_family_does_not_expect_is_seen() {
    let simulated = |family: Family, spread: fn(f64) -> f64, seed: u64| {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        let mut normal = || -> f64 { StandardNormal.sample(&mut generator) };
        let tables = Array2::from_shape_simple_fn((200, 4), &mut normal);
        let y = Array2::from_shape_fn((200, 1), |(row, _)| {
            let (x, noise) = (tables[[row, 1]], tables[[row, 2]]);
            let predictor = x + spread(x) * noise;
            if family.is_quadratic() {
                predictor
            } else {
                (1.0 + 0.3 * predictor).exp().round()
            }
        });
        let samples = Samples::new(
            tables.slice(s![.., ..1]),
            tables.slice(s![.., 1..2]),
            y.view(),
        )
        .unwrap();
        let model = PopulationRegression::new()
            .family(family)
            .fit(&samples)
            .unwrap();
        noise_findings(&model, &samples).unwrap()
    };
    let mut wrong = 0;
    for seed in 0..50 {
        wrong += simulated(Family::Gaussian, |_| 1.0, seed).len();
        let found = simulated(Family::Gaussian, |x| (0.7 * x).exp(), seed);
        assert!(
            matches!(&found[..], [NoiseFinding::Uneven { column, .. }] if column == "x0"),
            "{found:?}"
        );
    }
    assert!(wrong <= 3, "{wrong}");
    let found = simulated(Family::Poisson, |_| 3.0, 1);
    assert!(
        matches!(&found[..], [NoiseFinding::Overdispersed { dispersion, .. }] if *dispersion > 1.5),
        "{found:?}"
    );
}

#[test]
fn an_exact_model_has_no_log_likelihood() {
    let samples = rows(|_, x| 1.0 + 2.0 * x);
    let model = PopulationRegression::new().fit(&samples).unwrap();
    let flat = Samples::new(
        samples.contexts(),
        samples.features(),
        Array2::zeros((60, 1)).view(),
    )
    .unwrap();
    let nothing = PopulationRegression::new().fit(&flat).unwrap();
    let fit = &goodness_of_fit(&nothing, &flat).unwrap()[0];
    assert_eq!((fit.deviance_explained, fit.log_likelihood), (None, None));
    let text = serde_json::to_string(&goodness_of_fit(&model, &samples).unwrap()).unwrap();
    let back: Vec<GoodnessOfFit> = serde_json::from_str(&text).unwrap();
    assert_eq!(back.len(), 1);
}

/// The F test of a nested model that leaves out the features.
#[test]
fn a_joint_test_is_that_of_nested_regressions() {
    let mut generator = ChaCha8Rng::seed_from_u64(3);
    let mut draw = || -> f64 { StandardNormal.sample(&mut generator) };
    let contexts = Array2::from_shape_simple_fn((40, 1), &mut draw);
    let noise = Array2::from_shape_simple_fn((40, 1), &mut draw);
    let features = Array2::from_shape_fn((40, 3), |(row, of)| match of {
        0 => (0.7 * row as f64).sin(),
        level => 50.0 * f64::from(u8::from(row % 3 == level)),
    });
    let targets = 0.02 * &features.slice(s![.., 1..2]) + features.slice(s![.., ..1]) + &noise;
    let residual = |features: ndarray::ArrayView2<'_, f64>| {
        let samples = Samples::new(contexts.view(), features, targets.view()).unwrap();
        let model = PopulationRegression::new().fit(&samples).unwrap();
        let residuals = &targets - &model.predict_samples(&samples).unwrap();
        (residuals.mapv(|r| r * r).sum(), model, samples)
    };
    let (without, ..) = residual(features.slice(s![.., ..1]));
    let (with, model, samples) = residual(features.view());
    let expected = (without - with) / 2.0 / (with / 36.0);
    let found = joint_tests(&model, &samples, &[1, 2]).unwrap().unwrap();
    assert_eq!((found.len(), found[0].degrees), (1, 2));
    assert_eq!(found[0].residual_degrees, Some(36.0));
    assert_relative_eq!(found[0].statistic, expected, max_relative = 1e-9);
    // One feature's is the square of its t.
    let lines = average_coefficients(&model, &samples, Some(0.95)).unwrap();
    let alone = joint_tests(&model, &samples, &[1]).unwrap().unwrap();
    let evidence = lines[1].evidence.unwrap();
    assert_relative_eq!(
        alone[0].statistic,
        evidence.statistic.powi(2),
        max_relative = 1e-9
    );
    assert_relative_eq!(alone[0].p_value, evidence.p_value, max_relative = 1e-7);
    assert!(joint_tests(&model, &samples, &[3]).is_err());
    assert!(joint_tests(&model, &samples, &[]).is_err());
}

#[test]
fn covariances_of_slopes_have_squares_of_standard_errors_on_their_diagonals() {
    let samples = rows(|i, x| line(i, x) + (3.0 * (0.7 * i * i).cos()).sin() * x);
    let sums =
        contextualized_core::WeightedContexts::mean_of(samples.contexts().to_owned()).unwrap();
    let bootstrap = contextualized_analysis::Bootstrap::new(PopulationRegression::new())
        .replicates(50)
        .fit(&samples)
        .unwrap();
    let process = GaussianProcessRegression::new().fit(&samples).unwrap();
    let population = PopulationRegression::new().fit(&samples).unwrap();
    let models: [&dyn contextualized_core::WithSums; 3] = [&bootstrap, &process, &population];
    for model in models {
        let errors = model.coefficient_sums(&sums, 0.95).unwrap().standard_errors;
        let covariances = model.slope_covariances(&sums).unwrap();
        let square = errors.slopes()[[0, 0, 0]].powi(2);
        assert_relative_eq!(covariances[[0, 0, 0, 0]], square, max_relative = 1e-9);
    }
    let clusters = ClusterRegression::new().clusters(2).fit(&samples).unwrap();
    assert!(joint_tests(&clusters, &samples, &[0]).unwrap().is_none());
}
