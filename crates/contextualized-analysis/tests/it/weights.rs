//! A bootstrap replicate counts rows by weights, so every estimator has to honour them: a row of
//! weight 2 is two rows.

use approx::assert_relative_eq;
use contextualized_baselines::{PopulationBayesianNetwork, PopulationRegression};
use contextualized_core::{Estimator, Family, Samples, VaryingCoefficients, VaryingNetworks};
use contextualized_linear::{GaussianProcessRegression, NeuralRegression};
use contextualized_simulation::{NetworkProblem, Simulator};
use ndarray::{Array1, Array3, ArrayView3, s};
use proptest::prelude::*;

const ROWS: usize = 60;

fn counts(seed: u64) -> Vec<usize> {
    (0..ROWS)
        .map(|row| ((row as u64 * 7 + seed * 13) % 4) as usize)
        .collect()
}

/// The rows drawn, once with counts as weights and once repeated.
fn twice(samples: &Samples, counts: &[usize]) -> [Samples; 2] {
    let distinct: Vec<usize> = (0..counts.len()).filter(|&row| counts[row] > 0).collect();
    let weights: Array1<f64> = distinct.iter().map(|&row| counts[row] as f64).collect();
    let repeated: Vec<usize> = (0..counts.len())
        .flat_map(|row| std::iter::repeat_n(row, counts[row]))
        .collect();
    [
        samples
            .select(&distinct)
            .unwrap()
            .with_weights(weights.view())
            .unwrap(),
        samples.select(&repeated).unwrap(),
    ]
}

fn regression(seed: u64, binary: bool) -> Samples {
    let simulator = Simulator::new(ROWS)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(|c| vec![1.0 + c[0], -0.5])
        .intercept(|c| c[0])
        .noise(0.5);
    let simulator = if binary {
        simulator.family(Family::Binomial)
    } else {
        simulator
    };
    simulator.simulate(seed).unwrap().samples
}

fn close(found: ArrayView3<'_, f64>, expected: ArrayView3<'_, f64>, tolerance: f64) {
    let scale = expected.iter().fold(1.0_f64, |most, e| most.max(e.abs()));
    assert_relative_eq!(found, expected, epsilon = tolerance * scale);
}

fn same_coefficients<E>(estimator: &E, samples: &Samples, seed: u64, tolerance: f64)
where
    E: Estimator,
    E::Model: VaryingCoefficients,
{
    let [weighted, repeated] = twice(samples, &counts(seed)).map(|samples| {
        estimator
            .fit(&samples)
            .unwrap()
            .coefficients(first_contexts(&regression(1, false)).view())
            .unwrap()
    });
    close(weighted.slopes(), repeated.slopes(), tolerance);
    assert_relative_eq!(
        weighted.intercepts(),
        repeated.intercepts(),
        epsilon = 10.0 * tolerance
    );
}

fn first_contexts(samples: &Samples) -> ndarray::Array2<f64> {
    samples.contexts().slice(s![..10, ..]).to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn of_regressions_in_closed_form(seed in 0..100_u64) {
        let samples = regression(seed, false);
        same_coefficients(&PopulationRegression::new(), &samples, seed, 1e-10);
        same_coefficients(&PopulationRegression::new().ridge(2.0), &samples, seed, 1e-10);
    }

    #[test]
    fn of_logistic_regression(seed in 0..100_u64) {
        same_coefficients(
            &PopulationRegression::new().family(Family::Binomial).ridge(1.0), &regression(seed, true), seed, 1e-6,
        );
    }
}

#[test]
fn of_kernels_at_the_same_hyperparameters() {
    let (samples, counts) = (regression(3, false), counts(3));
    let known = GaussianProcessRegression::new()
        .fit(&samples)
        .unwrap()
        .hyperparameters();
    let [weighted, repeated] = twice(&samples, &counts).map(|samples| {
        let estimator = GaussianProcessRegression::new().hyperparameters(known.clone());
        let model = estimator.fit(&samples).unwrap();
        let found = model.coefficients(first_contexts(&samples).view()).unwrap();
        found.slopes().to_owned()
    });
    // The first rows of the two differ, but the first context is the same.
    close(
        weighted.slice(s![..1, .., ..]),
        repeated.slice(s![..1, .., ..]),
        1e-7,
    );
}

/// With all rows in one batch, nothing but rounding tells two rows from one of weight two.
#[test]
fn of_a_network_trained_on_whole_batches() {
    let samples = regression(5, false);
    let estimator = NeuralRegression::new()
        .without_early_stopping()
        .without_shrinkage()
        .batch_size(10 * ROWS)
        .epochs(20)
        .seed(2);
    same_coefficients(&estimator, &samples, 5, 1e-8);
}

fn same_networks<E>(estimator: &E, tolerance: f64)
where
    E: Estimator,
    E::Model: VaryingNetworks,
{
    let problem = NetworkProblem::new(2).unwrap();
    let samples = &problem
        .train()
        .samples
        .select(&(0..ROWS).collect::<Vec<_>>())
        .unwrap();
    let contexts = problem.test().samples.contexts();
    let [weighted, repeated]: [Array3<f64>; 2] = twice(samples, &counts(1)).map(|samples| {
        estimator
            .fit(&samples)
            .unwrap()
            .networks(contexts.slice(s![..5, ..]))
            .unwrap()
            .edges()
            .to_owned()
    });
    close(weighted.view(), repeated.view(), tolerance);
}

/// Correlations and precisions are shrunken by how much weights say in effect, so for them the two are
/// not the same.
#[test]
fn of_a_bayesian_network() {
    same_networks(&PopulationBayesianNetwork::new(), 1e-6);
}
