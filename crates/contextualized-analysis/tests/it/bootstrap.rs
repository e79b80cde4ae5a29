//! Bootstraps of several kinds of estimator.

use approx::{assert_abs_diff_eq, assert_relative_eq};
use contextualized_analysis::{Bootstrap, Ensemble, Resampling};
use contextualized_baselines::{
    PopulationBayesianNetwork, PopulationCorrelation, PopulationMarkov, PopulationModel,
    PopulationRegression,
};
use contextualized_core::{
    DynEstimator, Error, Estimator, Family, LocalCoefficients, NetworkDensity, RandomTerm, Result,
    Samples, VaryingCoefficients, VaryingNetworks, WeightedContexts, WithDraws, WithSums,
    WithUncertainty,
};
use contextualized_linear::{GaussianProcessRegression, NeuralRegression};
use contextualized_simulation::{NetworkProblem, Simulator};
use contextualized_solvers::{cholesky_with_limit, is_acyclic};
use ndarray::{Array1, Array2, ArrayView2, Axis, array, s};
use proptest::prelude::*;

fn simulated(rows: usize, seed: u64) -> Samples {
    Simulator::new(rows)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(|c| vec![1.0 + c[0], -0.5])
        .intercept(|c| c[0])
        .noise(0.5)
        .simulate(seed)
        .unwrap()
        .samples
}

fn population(replicates: usize) -> Bootstrap<PopulationRegression> {
    Bootstrap::new(PopulationRegression::new())
        .replicates(replicates)
        .seed(5)
}

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap()
}

/// The rows drawn with counts times own weights as weights, as documented.
fn replicate(samples: &Samples, counts: &[u32]) -> Samples {
    let drawn: Vec<usize> = (0..counts.len()).filter(|&row| counts[row] > 0).collect();
    let own = samples.weights();
    let weights: Array1<f64> = drawn
        .iter()
        .map(|&row| f64::from(counts[row]) * own.map_or(1.0, |own| own[row]))
        .collect();
    samples
        .select(&drawn)
        .unwrap()
        .with_weights(weights.view())
        .unwrap()
}

#[test]
fn threads_and_order_do_not_matter() {
    let samples = simulated(80, 1);
    let labels: Vec<usize> = (0..80).map(|row| row % 9).collect();
    let contexts = samples.contexts();
    for resampling in [
        Resampling::rows(),
        Resampling::strata(&labels),
        Resampling::groups(&labels),
        Resampling::rows().without_replacement(0.6),
    ] {
        let network = |seed| NeuralRegression::new().epochs(3).seed(seed);
        let bootstrap = Bootstrap::seeded(network)
            .replicates(6)
            .seed(11)
            .resampling(resampling.clone());
        let [one, two] = [1, 2].map(|threads| {
            pool(threads).install(|| {
                let model = bootstrap.fit(&samples).unwrap();
                let coefficients = model.coefficients(contexts).unwrap();
                (model, coefficients)
            })
        });
        assert_eq!(one.1, two.1);
        for (number, (first, second)) in one.0.members().iter().zip(two.0.members()).enumerate() {
            let counts = resampling.counts(&samples, number, 11).unwrap();
            let alone = match resampling.counts(&samples, 0, 0).unwrap().iter().max() {
                Some(1) => {
                    let drawn: Vec<usize> = (0..80).filter(|&row| counts[row] > 0).collect();
                    samples.select(&drawn).unwrap()
                }
                _ => replicate(&samples, &counts),
            };
            let alone = network(11 + 1 + number as u64).fit(&alone).unwrap();
            let expected = alone.coefficients(contexts).unwrap();
            for member in [first, second] {
                assert_eq!(member.model().coefficients(contexts).unwrap(), expected);
            }
        }
        assert_eq!(
            one.0.original().coefficients(contexts).unwrap(),
            network(11)
                .fit(&samples)
                .unwrap()
                .coefficients(contexts)
                .unwrap()
        );
    }
}

#[test]
fn figures_are_those_of_the_members() {
    let samples = simulated(60, 2);
    let model = population(99).fit(&samples).unwrap();
    let contexts = samples.contexts().slice_move(s![..2, ..]);
    let mut slopes: Vec<f64> = model
        .members()
        .iter()
        .map(|member| member.model().slopes()[[0, 1]])
        .collect();
    let mean = slopes.iter().sum::<f64>() / 99.0;
    let variance = slopes
        .iter()
        .map(|slope| (slope - mean).powi(2))
        .sum::<f64>()
        / 98.0;
    slopes.sort_by(f64::total_cmp);

    let estimate = model.coefficients(contexts).unwrap();
    assert_relative_eq!(estimate.slopes()[[1, 0, 1]], mean, max_relative = 1e-13);
    let errors = model.standard_errors(contexts).unwrap();
    assert_relative_eq!(
        errors.slopes()[[1, 0, 1]],
        variance.sqrt(),
        max_relative = 1e-12
    );
    // The 5th smallest and the 5th largest of 99.
    let intervals = model.intervals(contexts, 0.90).unwrap();
    assert_relative_eq!(
        intervals.lower.slopes()[[0, 0, 1]],
        slopes[4],
        max_relative = 1e-10
    );
    assert_relative_eq!(
        intervals.upper.slopes()[[0, 0, 1]],
        slopes[94],
        max_relative = 1e-10
    );
    let bias = model.bias(contexts).unwrap();
    assert_abs_diff_eq!(
        bias.slopes()[[0, 0, 1]],
        mean - model.original().slopes()[[0, 1]],
        epsilon = 1e-13
    );

    let sums = WeightedContexts::new(contexts.to_owned(), array![[0.5, 0.5], [1.0, -1.0]]).unwrap();
    let found = model.coefficient_sums(&sums, 0.90).unwrap();
    assert_relative_eq!(found.values.slopes()[[0, 0, 1]], mean, max_relative = 1e-12);
    assert_relative_eq!(
        found.lower.slopes()[[0, 0, 1]],
        slopes[4],
        max_relative = 1e-10
    );
    assert_eq!(found.standard_errors.slopes()[[1, 0, 1]], 0.0);
    let at = array![[1.0, 0.0], [1.0, 2.0]];
    let predictors = model.predictor_sums(&sums, at.view(), 0.90).unwrap();
    let expected = sums.predictor(&model, at.view()).unwrap();
    assert_relative_eq!(predictors.values, expected, max_relative = 1e-12);
    assert!(predictors.lower[[1, 0]] < predictors.values[[1, 0]]);
}

/// A mean is linear in its rows, so subsamples of any share know its standard error.
#[test]
fn subsamples_know_the_standard_error_whatever_their_share() {
    let samples = simulated(200, 3);
    let contexts = samples.contexts().slice_move(s![..1, ..]);
    let error = |share: f64| {
        population(600)
            .resampling(Resampling::rows().without_replacement(share))
            .fit(&samples)
            .unwrap()
            .standard_errors(contexts)
            .unwrap()
            .intercepts()[[0, 0]]
    };
    let theory = PopulationRegression::new()
        .fit(&samples)
        .unwrap()
        .standard_errors(contexts)
        .unwrap()
        .intercepts()[[0, 0]];
    for share in [0.3, 0.5, 0.8] {
        // The standard error of a standard deviation over 600 draws is 3 %.
        assert_relative_eq!(error(share), theory, max_relative = 0.15);
    }
}

#[test]
fn random_effects_are_refused() {
    let samples = simulated(20, 0);
    let labels: Vec<usize> = (0..20).map(|row| row / 4).collect();
    let term = RandomTerm::new("subject", &labels, Array2::ones((20, 1)).view()).unwrap();
    let samples = samples.with_random_terms(vec![term]).unwrap();
    let error = population(40).fit(&samples).unwrap_err();
    assert!(
        matches!(&error, Error::RandomEffects { estimator, .. } if estimator == "bootstrap"),
        "{error}"
    );
}

#[test]
fn levels_too_fine_for_the_replicates_are_errors() {
    let samples = simulated(40, 1);
    let here = samples.contexts();
    let error = population(38)
        .fit(&samples)
        .unwrap()
        .intervals(here, 0.95)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "replicates is 38, but must be at least 39, fitted, for intervals of level 0.95"
    );
    let model = population(39).fit(&samples).unwrap();
    assert!(model.intervals(here, 0.95).is_ok());
    for level in [0.0, 1.0, f64::NAN] {
        assert!(matches!(
            model.intervals(here, level),
            Err(Error::InvalidParameter {
                parameter: "level",
                ..
            })
        ));
    }
    let single = population(1).fit(&samples).unwrap();
    assert!(single.coefficients(here).is_ok());
    assert!(single.standard_errors(here).is_err());
    assert!(matches!(
        population(0).fit(&samples),
        Err(Error::InvalidParameter {
            parameter: "replicates",
            ..
        })
    ));
}

/// Fails where too few distinct rows are left.
struct Picky(usize);

impl Estimator for Picky {
    type Model = PopulationModel;

    fn name(&self) -> String {
        "picky".into()
    }

    fn fit(&self, samples: &Samples) -> Result<PopulationModel> {
        if samples.rows() < self.0 {
            return Err(Error::numerical(
                "a picky fit",
                Error::TooFewRows {
                    purpose: "it".into(),
                    needed: self.0,
                    found: samples.rows(),
                },
            ));
        }
        PopulationRegression::new().fit(samples)
    }
}

#[test]
fn failures_are_left_out_and_reported() {
    let samples = simulated(40, 1);
    let fit = |rows| Bootstrap::new(Picky(rows)).replicates(30).fit(&samples);
    let model = fit(25).unwrap();
    let (failures, members) = (model.failures().len(), model.members().len());
    assert!(failures > 0 && members > 0);
    assert_eq!(failures + members, 30);
    let first = &model.failures()[0];
    assert!(
        first
            .reason
            .contains("a picky fit failed: 25 rows are needed for it"),
        "{}",
        first.reason
    );
    assert!(
        model
            .members()
            .iter()
            .all(|member| member.replicate() != first.replicate)
    );

    let error = fit(40).unwrap_err();
    assert_eq!(
        error.to_string(),
        "every one of 30 bootstrap replicates failed"
    );
    assert!(
        std::error::Error::source(&error)
            .unwrap()
            .to_string()
            .contains("picky")
    );
    assert!(fit(41).unwrap_err().to_string().contains("picky"));
}

#[test]
fn an_ensemble_read_again_predicts_the_same_bits() {
    let samples = simulated(40, 4);
    let model = Bootstrap::new(Picky(25))
        .replicates(20)
        .fit(&samples)
        .unwrap();
    let written = serde_json::to_string(&model).unwrap();
    let read: Ensemble<PopulationModel> = serde_json::from_str(&written).unwrap();
    assert_eq!(
        read.predict(samples.contexts(), samples.features())
            .unwrap(),
        model
            .predict(samples.contexts(), samples.features())
            .unwrap()
    );
    assert!(read.counts().unwrap().eq(model.counts().unwrap()));
    assert_eq!(read.failures(), model.failures());
    for (good, bad) in [
        ("\"replicates\":20", "\"replicates\":21"),
        ("\"replicates\":20", "\"replicates\":19"),
        ("\"rows\":40", "\"rows\":1"),
        ("\"uncounted\":[]", "\"uncounted\":[40]"),
        (
            "\"members\":[{\"replicate\":",
            "\"members\":[{\"replicate\":1",
        ),
    ] {
        let spoilt = written.replace(good, bad);
        assert_ne!(spoilt, written, "{good}");
        assert!(
            serde_json::from_str::<Ensemble<PopulationModel>>(&spoilt).is_err(),
            "{bad}"
        );
    }
}

#[test]
fn boxed_estimators_can_be_bootstrapped_and_bootstraps_boxed() {
    let samples = simulated(40, 4);
    let boxed: Box<dyn DynEstimator> = Box::new(PopulationRegression::new());
    let again: Box<dyn DynEstimator> = Box::new(Bootstrap::new(boxed).replicates(10).seed(5));
    let model = again.fit_boxed(&samples).unwrap();
    let expected = population(10).fit(&samples).unwrap();
    let predict = |model: &dyn LocalCoefficients| {
        model
            .predict(samples.contexts(), samples.features())
            .unwrap()
    };
    assert_eq!(predict(&model), predict(&expected));
    assert_eq!(
        DynEstimator::name(&again),
        format!(
            "{}, 10 bootstraps",
            Estimator::name(&PopulationRegression::new())
        )
    );
}

#[test]
fn predictions_follow_from_mean_coefficients() {
    let samples = Simulator::new(150)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(|c| vec![1.0 + c[0]])
        .family(Family::Binomial)
        .simulate(3)
        .unwrap()
        .samples;
    let model = Bootstrap::new(PopulationRegression::new().family(Family::Binomial))
        .replicates(12)
        .fit(&samples)
        .unwrap();
    let (contexts, features) = (samples.contexts(), samples.features());
    let predictor = model
        .coefficients(contexts)
        .unwrap()
        .linear_predictor(features)
        .unwrap();
    assert_relative_eq!(
        model.predict(contexts, features).unwrap(),
        model.family().link().inverse_table(predictor.view()),
        epsilon = 1e-14
    );
    let nobody = Array2::zeros((0, 1));
    assert_eq!(
        model.coefficients(nobody.view()).unwrap().slopes().dim(),
        (0, 1, 1)
    );
    assert!(model.coefficients(Array2::zeros((2, 3)).view()).is_err());
}

/// Of a population regression the average slope is the slope: its standard error and p-value are close
/// to those of R's `lm`, whose noise is as even as here.
#[test]
fn tests_of_sums_are_close_to_t_tests_of_the_population() {
    let mut rejected = 0;
    for (seed, resampling) in (0..24).zip(
        [
            Resampling::rows(),
            Resampling::rows().without_replacement(0.7),
        ]
        .iter()
        .cycle(),
    ) {
        let samples = Simulator::new(50)
            .uniform_contexts(1, -1.0, 1.0)
            .slopes(|_| vec![0.15, 0.0])
            .noise(0.5)
            .simulate(seed)
            .unwrap()
            .samples;
        let model = population(199)
            .resampling(resampling.clone())
            .fit(&samples)
            .unwrap();
        let average = WeightedContexts::mean_of(samples.contexts().to_owned()).unwrap();
        let tests = model.test_sums(&average).unwrap();
        let (estimates, errors) = (tests.estimates.slopes(), tests.standard_errors.slopes());
        assert_relative_eq!(
            estimates[[0, 0, 0]],
            model.original().slopes()[[0, 0]],
            max_relative = 1e-12
        );
        // 50 rows less two slopes and an intercept.
        let intervals = model.coefficient_sums(&average, 0.95).unwrap();
        assert_relative_eq!(
            errors,
            (&intervals.standard_errors.slopes() * (50.0_f64 / 47.0).sqrt()).view(),
            max_relative = 1e-12
        );
        for feature in 0..2 {
            let t = (estimates[[0, 0, feature]] / errors[[0, 0, feature]]).abs();
            let p = tests.p_values.slopes()[[0, 0, feature]];
            // Student's t with 1 / (1 / 47 + 1 / 198) = 38 degrees of freedom: R's qt(0.975, 38).
            assert_eq!(p <= 0.05, t >= 2.0244, "{t} {p}");
            rejected += usize::from(p <= 0.05);
        }
    }
    assert!(rejected > 2 && rejected < 40);
    let samples = simulated(40, 1);
    let average = WeightedContexts::mean_of(samples.contexts().to_owned()).unwrap();
    let few = population(19).fit(&samples).unwrap();
    assert!(few.test_sums(&average).is_err());
}

/// Blocks of rows join to the whole, whatever the number of rows.
#[test]
fn many_rows_are_as_few() {
    let samples = simulated(50, 6);
    let known = GaussianProcessRegression::new()
        .fit(&samples)
        .unwrap()
        .hyperparameters();
    let model = Bootstrap::new(GaussianProcessRegression::new().hyperparameters(known))
        .replicates(3)
        .fit(&samples)
        .unwrap();
    let many = Array2::from_shape_fn((2100, 1), |(row, _)| row as f64 / 1050.0 - 1.0);
    let all = model.coefficients(many.view()).unwrap();
    for first in [0, 1000, 2090] {
        let part = model
            .coefficients(many.slice(s![first..first + 10, ..]))
            .unwrap();
        let rows: Vec<usize> = (first..first + 10).collect();
        assert_relative_eq!(
            part.slopes(),
            all.select(&rows).unwrap().slopes(),
            epsilon = 1e-10
        );
    }
}

fn networks<E>(estimator: E, seed: u64) -> ndarray::Array3<f64>
where
    E: Estimator,
    E::Model: NetworkDensity,
{
    let problem = NetworkProblem::new(seed).unwrap();
    let rows: Vec<usize> = (0..40).collect();
    let samples = problem.train().samples.select(&rows).unwrap();
    let model = Bootstrap::new(estimator)
        .replicates(20)
        .seed(seed)
        .fit(&samples)
        .unwrap();
    let reconstruction = model
        .reconstruct(samples.contexts(), samples.features())
        .unwrap();
    assert_eq!(reconstruction.dim(), samples.features().dim());
    model
        .networks(samples.contexts().slice(s![..3, ..]))
        .unwrap()
        .edges()
        .to_owned()
}

fn of_each(networks: &ndarray::Array3<f64>, holds: impl Fn(ArrayView2<'_, f64>) -> bool) -> bool {
    networks.axis_iter(Axis(0)).all(holds)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn means_of_networks_are_networks_of_their_kind(seed in 0..100_u64) {
        let correlations = networks(PopulationCorrelation::new(), seed);
        let valid = of_each(&correlations, |r| {
            let shifted = &r + &(1e-10 * Array2::<f64>::eye(r.nrows()));
            r.diag().iter().all(|one| *one == 1.0) && cholesky_with_limit(shifted.view(), 0.0).is_ok()
        });
        prop_assert!(valid);
        let precisions = networks(PopulationMarkov::new(), seed);
        prop_assert!(of_each(&precisions, |omega| cholesky_with_limit(omega, 0.0).is_ok()));
        let directed = networks(PopulationBayesianNetwork::new(), seed);
        prop_assert!(of_each(&directed, |w| is_acyclic(w).unwrap()));
    }
}

#[test]
fn an_ensemble_has_what_its_members_have() {
    let samples = Simulator::new(60)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(|_| vec![1.0])
        .simulate(0)
        .unwrap()
        .samples;
    let boxed: Box<dyn DynEstimator> = Box::new(PopulationRegression::new());
    let model = Bootstrap::new(boxed).replicates(3).fit(&samples).unwrap();
    assert_eq!(model.family(), Family::Gaussian);
    let errors = model
        .as_uncertain()
        .unwrap()
        .standard_errors(samples.contexts());
    assert!(errors.unwrap().slopes().iter().all(|error| *error > 0.0));
    assert!(model.as_varying().is_some() && model.as_sums().is_some());
    assert!(model.as_predictive().is_none() && model.as_archetypes().is_none());
    assert!(model.as_draws().is_some());
}

#[test]
fn draws_are_coefficients_of_members() {
    let samples = simulated(60, 3);
    let model = population(4).fit(&samples).unwrap();
    let contexts = samples.contexts();
    let draws = model.coefficient_draws(contexts, 40, 1, None).unwrap();
    assert_eq!(
        draws,
        model.coefficient_draws(contexts, 40, 1, None).unwrap()
    );
    assert_ne!(
        draws,
        model.coefficient_draws(contexts, 40, 2, None).unwrap()
    );
    let slopes_of = |member: usize| {
        let own = model.members()[member].model();
        own.coefficients(contexts).unwrap().slopes().to_owned()
    };
    let members: Vec<_> = (0..4).map(slopes_of).collect();
    let mut seen = [0; 4];
    for draw in &draws {
        let near = |slopes: &&ndarray::Array3<f64>| {
            let largest = (&draw.slopes() - *slopes).fold(0.0_f64, |most, d| most.max(d.abs()));
            largest < 1e-12
        };
        let found = members.iter().position(|own| near(&own)).unwrap();
        seen[found] += 1;
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}
