//! Kernel correlation and Markov networks.

use crate::data::{bits, data, off_diagonal_mse, queries, simulator, uninformative};
use approx::assert_relative_eq;
use contextualized_baselines::{ClusterNetworks, PopulationCorrelation, PopulationMarkov};
use contextualized_core::{
    Error, Estimator, MarkovNetworks, NetworkDensity, Networks, Samples, VaryingNetworks,
};
use contextualized_graphs::correlation::{KernelCorrelation, KernelCorrelationModel};
use contextualized_graphs::markov::{KernelMarkov, KernelMarkovModel};
use contextualized_graphs::{Bandwidths, Order};
use contextualized_solvers::{cholesky_with_limit, symmetric_eigen};
use ndarray::{Array1, Array2, Axis, array, s};
use proptest::prelude::*;

const ORDERS: [Order; 3] = [Order::Constant, Order::Linear, Order::Quadratic];

pub(crate) fn assert_correlations(networks: &Networks) {
    for network in networks.edges().axis_iter(Axis(0)) {
        assert!(
            network
                .diag()
                .iter()
                .all(|value| (value - 1.0).abs() < 1e-12)
        );
        assert_eq!(network, network.t());
        let smallest = symmetric_eigen(network).unwrap().values[0];
        assert!(smallest >= -1e-12 * network.nrows() as f64, "{smallest}");
    }
}

pub(crate) fn assert_precisions(networks: &Networks) {
    for network in networks.edges().axis_iter(Axis(0)) {
        assert!(cholesky_with_limit(network, 0.0).is_ok());
    }
}

fn bandwidths(h: f64, pseudo_rows: f64) -> Bandwidths {
    Bandwidths {
        means: vec![h; 2],
        covariances: vec![h; 2],
        pseudo_rows,
        independent_rows: pseudo_rows,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// For any bandwidths, with fewer rows than nodes too, and wherever contexts are.
    #[test]
    fn networks_are_valid_whatever_the_bandwidths(
        rows in 3..40_usize,
        log in -3.0..6.0_f64,
        pseudo in -3.0..3.0_f64,
        seed in 0..1000_u64,
        order in prop::sample::select(ORDERS.to_vec()),
    ) {
        let samples = data(rows, 6, seed).samples;
        let given = bandwidths(log.exp(), pseudo.exp());
        let correlation = KernelCorrelation::new().order(order).bandwidths(given.clone());
        assert_correlations(&correlation.fit(&samples).unwrap().networks(queries().view()).unwrap());
        let markov = KernelMarkov::new().order(order).bandwidths(given.clone());
        assert_precisions(&markov.fit(&samples).unwrap().networks(queries().view()).unwrap());
        let sparse = markov.penalty(0.2).fit(&samples).unwrap();
        assert_precisions(&sparse.networks(queries().view()).unwrap());
    }
}

/// Under bandwidths that are all infinite.
#[test]
fn an_infinite_bandwidth_is_the_population() {
    let samples = data(300, 4, 0).samples;
    let population = PopulationCorrelation::new().fit(&samples).unwrap();
    let expected = population.networks(queries().slice(s![..2, ..])).unwrap();
    for order in ORDERS {
        let model = KernelCorrelation::new()
            .order(order)
            .bandwidths(Bandwidths::population(2))
            .fit(&samples)
            .unwrap();
        let found = model.networks(queries().slice(s![..2, ..])).unwrap();
        // The population's covariance counts for one row with its correlations shrunken.
        assert!(
            (&found.edges() - &expected.edges())
                .iter()
                .all(|v| v.abs() < 0.05)
        );
    }
}

/// Against the formulas written out, in the units of the data.
#[test]
fn a_local_constant_covariance_by_hand() {
    let samples = data(25, 3, 11).samples;
    let (contexts, x) = (samples.contexts(), samples.features());
    let given = Bandwidths {
        means: vec![0.5, 0.8],
        covariances: vec![0.7, f64::INFINITY],
        pseudo_rows: 2.0,
        independent_rows: 3.0,
    };
    let model = KernelCorrelation::new()
        .order(Order::Constant)
        .bandwidths(given.clone())
        .fit(&samples)
        .unwrap();
    let weights = |at: [f64; 2], bandwidths: &[f64]| -> Array1<f64> {
        let kernel: Array1<f64> = contexts
            .rows()
            .into_iter()
            .map(|c| {
                let square = |k: usize| ((c[k] - at[k]) / bandwidths[k]).powi(2);
                (-0.5 * (square(0) + square(1))).exp()
            })
            .collect();
        let total = kernel.sum();
        kernel / total
    };
    let effective = |weights: &Array1<f64>| 1.0 / weights.dot(weights);
    let centre = x.mean_axis(Axis(0)).unwrap();
    // A local mean counts against one row at the mean of all.
    let mean = |at: [f64; 2]| {
        let own = weights(at, &given.means);
        let share = effective(&own) / (effective(&own) + 1.0);
        (
            x.t().dot(&own) * share + &centre * (1.0 - share),
            own * share,
        )
    };
    let mut residuals = Array2::zeros(x.dim());
    for row in 0..25 {
        let (mean, own) = mean([contexts[[row, 0]], contexts[[row, 1]]]);
        let residual = (&x.row(row) - &mean) / (1.0 - own[row]).max(0.1).sqrt();
        residuals.row_mut(row).assign(&residual);
    }
    let target = contextualized_solvers::shrunken_covariance(residuals.view(), None)
        .unwrap()
        .matrix;
    let at = [0.3, -0.4];
    let own = weights(at, &given.covariances);
    let count = effective(&own);
    let mut expected = Array2::zeros((3, 3));
    for ((i, j), value) in expected.indexed_iter_mut() {
        let local: f64 = (0..25)
            .map(|n| own[n] * residuals[[n, i]] * residuals[[n, j]])
            .sum();
        let diagonal = if i == j { target[[i, j]] } else { 0.0 };
        *value = (count * local + 2.0 * target[[i, j]] + 3.0 * diagonal) / (count + 5.0);
    }
    let at = Array2::from_shape_vec((1, 2), at.to_vec()).unwrap();
    let found = model.covariances(at.view()).unwrap();
    assert_relative_eq!(
        found.index_axis(Axis(0), 0).to_owned(),
        expected,
        max_relative = 1e-9
    );
    let (expected, _) = mean([0.3, -0.4]);
    assert_relative_eq!(
        model.means(at.view()).unwrap().row(0).to_owned(),
        expected,
        max_relative = 1e-9
    );
    assert_relative_eq!(
        model.effective_rows(at.view()).unwrap()[0],
        count,
        max_relative = 1e-9
    );
}

#[test]
fn correlations_and_partial_correlations_are_recovered() {
    let train = data(600, 5, 1);
    let new = data(300, 5, 2);
    let contexts = new.samples.contexts();
    let kernel = KernelCorrelation::new().fit(&train.samples).unwrap();
    let clusters = ClusterNetworks::new(PopulationCorrelation::new())
        .clusters(10)
        .fit(&train.samples)
        .unwrap();
    let truth = new.correlations().unwrap();
    let error = |networks: Networks| off_diagonal_mse(truth.view(), networks.edges());
    let (kernel, clusters) = (
        error(kernel.networks(contexts).unwrap()),
        error(clusters.networks(contexts).unwrap()),
    );
    assert!(kernel < 0.75 * clusters, "{kernel} {clusters}");

    let kernel = KernelMarkov::new().fit(&train.samples).unwrap();
    let population = PopulationMarkov::new().fit(&train.samples).unwrap();
    let truth = new.partial_correlations().unwrap();
    let error = |partial: ndarray::Array3<f64>| off_diagonal_mse(truth.view(), partial.view());
    let (kernel_error, population_error) = (
        error(kernel.partial_correlations(contexts).unwrap()),
        error(population.partial_correlations(contexts).unwrap()),
    );
    assert!(
        kernel_error < 0.5 * population_error,
        "{kernel_error} {population_error}"
    );

    // Means are followed, too, and densities and reconstructions gain by it.
    let density = |densities: Array1<f64>| densities.mean().unwrap();
    let features = new.samples.features();
    let gain = density(kernel.log_densities(contexts, features).unwrap())
        - density(population.log_densities(contexts, features).unwrap());
    assert!(gain > 0.5, "{gain}");
    let errors = |errors: Array1<f64>| errors.mean().unwrap();
    assert!(
        errors(kernel.reconstruction_errors(contexts, features).unwrap())
            < errors(
                population
                    .reconstruction_errors(contexts, features)
                    .unwrap()
            )
    );
    let means = kernel.means(contexts).unwrap();
    let squares = (&means - &new.means).mapv(|v| v * v).mean().unwrap();
    assert!(squares < 0.05, "{squares}");
}

/// Not worse than the population model by more than a little: the columns are switched off.
#[test]
fn contexts_that_say_nothing_are_switched_off() {
    let mut ratios = Vec::new();
    for seed in 0..5 {
        let samples = uninformative(300, seed);
        let new = uninformative(300, 1000 + seed);
        let kernel = KernelCorrelation::new().fit(&samples).unwrap();
        let population = PopulationCorrelation::new().fit(&samples).unwrap();
        let error = |model: &dyn NetworkDensity| {
            let (contexts, features) = (new.contexts(), new.features());
            model
                .reconstruction_errors(contexts, features)
                .unwrap()
                .mean()
                .unwrap()
        };
        ratios.push(error(&kernel) / error(&population));
    }
    ratios.sort_by(f64::total_cmp);
    assert!(ratios[2] < 1.03 && ratios[4] < 1.15, "{ratios:?}");
}

#[test]
fn weights_matter_relative_to_each_other() {
    let samples = data(40, 3, 3).samples;
    let weights = Array1::from_shape_fn(40, |row| 1.0 + (row % 3) as f64);
    for order in ORDERS {
        let fit = |factor: f64, bandwidths: Option<Bandwidths>| {
            let weighted = samples.clone().with_weights((&weights * factor).view());
            let mut estimator = KernelCorrelation::new().order(order).evaluation_rows(20);
            if let Some(bandwidths) = bandwidths {
                estimator = estimator.bandwidths(bandwidths);
            }
            let model = estimator.fit(&weighted.unwrap()).unwrap();
            model.covariances(queries().view()).unwrap()
        };
        for factor in [1.0 / weights.sum(), 1e-200, 2.0] {
            let given = || Some(bandwidths(0.6, 2.0));
            assert_relative_eq!(fit(1.0, given()), fit(factor, given()), epsilon = 1e-9);
        }
        // The search as well; powers of two do not even round.
        assert_eq!(fit(1.0, None), fit(0.0625, None));
    }
}

#[test]
fn units_change_with_the_data() {
    let samples = data(100, 3, 4).samples;
    let scales = array![10.0, 0.1, 3.0];
    let scaled = Samples::of_nodes(
        samples.contexts(),
        (&samples.features() * &scales + 5.0).view(),
    )
    .unwrap();
    let fit = |samples: &Samples| {
        KernelMarkov::new()
            .bandwidths(bandwidths(0.7, 3.0))
            .fit(samples)
            .unwrap()
    };
    let (plain, scaled) = (fit(&samples), fit(&scaled));
    let at = queries();
    let precision = plain.networks(at.view()).unwrap();
    let expected = &precision.edges() / &scales / scales.view().insert_axis(Axis(1));
    assert_relative_eq!(
        scaled.networks(at.view()).unwrap().edges().to_owned(),
        expected,
        max_relative = 1e-6,
        epsilon = 1e-12
    );
    assert_relative_eq!(
        plain.partial_correlations(at.view()).unwrap(),
        scaled.partial_correlations(at.view()).unwrap(),
        epsilon = 1e-7
    );
}

#[test]
fn a_penalty_leaves_exact_zeros() {
    let data = simulator(400, 6)
        .precision(|c| {
            let mut precision = Array2::eye(6);
            for j in 0..5 {
                precision[[j, j + 1]] = -0.4 * c[0];
                precision[[j + 1, j]] = -0.4 * c[0];
            }
            precision
        })
        .simulate(5)
        .unwrap();
    let at = array![[-0.9, 0.0], [0.0, 0.0], [0.9, 0.0]];
    let model = KernelMarkov::new()
        .penalty(0.15)
        .fit(&data.samples)
        .unwrap();
    let edges = model.edges(at.view(), 0.0).unwrap();
    let count = |row: usize| {
        edges
            .index_axis(Axis(0), row)
            .iter()
            .filter(|e| **e)
            .count()
            / 2
    };
    assert!((4..=8).contains(&count(0)) && (4..=8).contains(&count(2)));
    assert!(count(1) < 4, "{}", count(1));
    assert!(
        !edges
            .iter()
            .enumerate()
            .any(|(place, edge)| *edge && (place % 36) % 7 == 0)
    );
}

#[test]
fn threads_and_files_change_nothing() {
    let samples = data(700, 5, 6).samples;
    let at = samples.contexts().slice(s![..200, ..]).to_owned();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let correlation = KernelCorrelation::new().fit(&samples).unwrap();
            let markov = KernelMarkov::new().penalty(0.1).fit(&samples).unwrap();
            let networks = correlation.networks(at.view()).unwrap().edges().to_owned();
            let precisions = markov.networks(at.view()).unwrap().edges().to_owned();
            (correlation, markov, bits(&networks), bits(&precisions))
        })
    };
    let (one, two) = (run(1), run(2));
    assert!(one == two);
    let (correlation, markov, networks, precisions) = one;
    let file = serde_json::to_string(&correlation).unwrap();
    let again: KernelCorrelationModel = serde_json::from_str(&file).unwrap();
    assert_eq!(again, correlation);
    assert_eq!(
        bits(&again.networks(at.view()).unwrap().edges().to_owned()),
        networks
    );
    let file = serde_json::to_string(&markov).unwrap();
    let again: KernelMarkovModel = serde_json::from_str(&file).unwrap();
    assert_eq!(
        bits(&again.networks(at.view()).unwrap().edges().to_owned()),
        precisions
    );
    let broken = file.replacen("\"penalty\":0.1", "\"penalty\":-0.1", 1);
    assert!(broken != file && serde_json::from_str::<KernelMarkovModel>(&broken).is_err());
}

/// Bandwidths are chosen by a seeded sample of rows where there are many.
#[test]
fn evaluation_rows_are_few_and_seeded() {
    let samples = data(200, 3, 7).samples;
    let fit = |seed| {
        let estimator = KernelCorrelation::new().evaluation_rows(50).seed(seed);
        estimator.fit(&samples).unwrap().report().clone()
    };
    let report = fit(0);
    assert_eq!(report.evaluated_rows.len(), 50);
    assert!(report.evaluated_rows.is_sorted());
    assert_eq!(report, fit(0));
    assert!(report.evaluated_rows != fit(1).evaluated_rows);
}

#[test]
fn bad_input_is_named() {
    let samples = data(50, 3, 8).samples;
    let fails = |estimator: KernelCorrelation| estimator.fit(&samples).unwrap_err();
    assert!(matches!(
        fails(KernelCorrelation::new().evaluation_rows(1)),
        Error::InvalidParameter {
            parameter: "evaluation_rows",
            ..
        }
    ));
    assert!(matches!(
        fails(KernelCorrelation::new().bandwidths(Bandwidths::population(3))),
        Error::ColumnCount {
            expected: 2,
            found: 3,
            ..
        }
    ));
    for broken in [
        bandwidths(0.0, 1.0),
        bandwidths(f64::NAN, 1.0),
        bandwidths(1.0, 0.0),
    ] {
        assert!(matches!(
            fails(KernelCorrelation::new().bandwidths(broken)),
            Error::InvalidParameter { .. }
        ));
    }
    assert!(matches!(
        KernelCorrelation::new().fit(&samples.select(&[0, 1]).unwrap()),
        Err(Error::TooFewRows {
            needed: 3,
            found: 2,
            ..
        })
    ));
    let mut constant = samples.features().to_owned();
    constant.column_mut(1).fill(2.0);
    let constant = Samples::of_nodes(samples.contexts(), constant.view()).unwrap();
    let error = KernelCorrelation::new().fit(&constant).unwrap_err();
    assert!(error.to_string().contains("x1"), "{error}");
    assert!(matches!(
        KernelMarkov::new().penalty(-1.0).fit(&samples),
        Err(Error::InvalidParameter {
            parameter: "penalty",
            ..
        })
    ));
    let model = KernelMarkov::new().fit(&samples).unwrap();
    assert!(matches!(
        model.networks(Array2::zeros((1, 3)).view()),
        Err(Error::ColumnCount { .. })
    ));
    assert!(matches!(
        model.edges(queries().view(), 1.0),
        Err(Error::InvalidParameter {
            parameter: "threshold",
            ..
        })
    ));
    assert_eq!(
        model.networks(Array2::zeros((0, 2)).view()).unwrap().rows(),
        0
    );
}

/// Levels of a factor share their bandwidth, and it does not matter which comes first.
#[test]
fn a_factor_has_one_bandwidth() {
    let level = |row: usize| (row * row + row / 7) % 4;
    let wave = |row: usize, node: usize| ((row * (2 * node + 3) * 7919) % 101) as f64 / 50.0 - 1.0;
    let features = Array2::from_shape_fn((240, 3), |(row, node)| match (level(row), node) {
        (0, 1) => wave(row, 1) + 2.0 * wave(row, 0),
        (2, 2) => wave(row, 2) - 2.0 * wave(row, 1),
        _ => wave(row, node),
    });
    let networks = |order: [usize; 4]| {
        let contexts = Array2::from_shape_fn((240, 5), |(row, column)| {
            if column == 4 {
                wave(row, 9)
            } else {
                f64::from(u8::from(level(row) == order[column]))
            }
        });
        let samples = Samples::of_nodes(contexts.view(), features.view())
            .unwrap()
            .with_factors([("site", vec![0, 1, 2, 3])])
            .unwrap();
        let model = KernelCorrelation::new().fit(&samples).unwrap();
        let found = model.report().bandwidths.covariances.clone();
        assert!(found[0].is_finite());
        assert!(found[..4].iter().all(|own| *own == found[0]), "{found:?}");
        model.networks(contexts.view()).unwrap()
    };
    let (one, other) = (networks([0, 1, 2, 3]), networks([2, 0, 3, 1]));
    let difference = (&one.edges() - &other.edges()).mapv(f64::abs);
    assert!(difference.iter().all(|own| *own < 1e-6));
}
