//! Errors at rows that members did not see, divergent members, and edges over bootstraps.

use approx::assert_relative_eq;
use contextualized_analysis::{Bootstrap, Ensemble, Resampling};
use contextualized_baselines::{PopulationBayesianNetwork, PopulationMarkov, PopulationRegression};
use contextualized_core::metrics::Score;
use contextualized_core::{
    Error, Estimator, Family, LocalCoefficients, NetworkDensity, Samples, VaryingNetworks,
    partial_correlations,
};
use contextualized_simulation::{NetworkProblem, Simulator};
use ndarray::{Array1, Axis, s};

fn simulated(rows: usize, seed: u64) -> Samples {
    Simulator::new(rows)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(|_| vec![1.0, -0.5])
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

#[test]
fn predictions_are_of_members_that_did_not_see_the_row() {
    let rows = 40;
    let weights = Array1::from_shape_fn(rows, |row| f64::from(row % 4 != 1) * (1.0 + row as f64));
    let samples = simulated(rows, 1).with_weights(weights.view()).unwrap();
    let model = population(3).fit(&samples).unwrap();
    let found = model.out_of_bag(&samples).unwrap();
    let counts: Vec<Vec<u32>> = model.counts().unwrap().collect();
    let predictions: Vec<_> = model
        .members()
        .iter()
        .map(|member| {
            member
                .model()
                .predict(samples.contexts(), samples.features())
                .unwrap()
        })
        .collect();
    let (mut place, mut never) = (0, Vec::new());
    for row in (0..rows).filter(|row| weights[*row] > 0.0) {
        let unseen: Vec<f64> = (0..3)
            .filter(|member| counts[*member][row] == 0)
            .map(|member| predictions[member][[row, 0]])
            .collect();
        if unseen.is_empty() {
            never.push(row);
            continue;
        }
        let mean = unseen.iter().sum::<f64>() / unseen.len() as f64;
        assert_eq!(found.rows[place], row);
        assert_relative_eq!(found.predictions[[place, 0]], mean, max_relative = 1e-12);
        let loss = (samples.targets()[[row, 0]] - mean).powi(2);
        assert_relative_eq!(found.losses[place], loss, max_relative = 1e-10);
        place += 1;
    }
    assert_eq!(found.rows.len(), place);
    assert_eq!(found.never, never);
    assert!(!never.is_empty());
    let of_rows = weights.select(Axis(0), &found.rows);
    assert_eq!(
        found.score,
        Score::of_rows(found.losses.view(), Some(of_rows.view())).unwrap()
    );

    let (mut sum, mut total) = (0.0, 0.0);
    for row in (0..rows).filter(|row| counts[1][*row] == 0) {
        let loss = (samples.targets()[[row, 0]] - predictions[1][[row, 0]]).powi(2);
        sum += weights[row] * loss;
        total += weights[row];
    }
    assert_relative_eq!(found.members[1].unwrap(), sum / total, max_relative = 1e-12);
    assert!(matches!(
        model.out_of_bag(&simulated(39, 1)),
        Err(Error::RowCount {
            expected: 40,
            found: 39,
            ..
        })
    ));
}

/// The error is that of new rows: here 0.25 and a little for the coefficients.
#[test]
fn the_error_is_that_of_new_rows() {
    let (samples, test) = (simulated(300, 1), simulated(4000, 2));
    for resampling in [
        Resampling::rows(),
        Resampling::rows().without_replacement(0.632),
    ] {
        let model = population(60).resampling(resampling).fit(&samples).unwrap();
        let found = model.out_of_bag(&samples).unwrap();
        let predictions = model.predict(test.contexts(), test.features()).unwrap();
        let new = Family::Gaussian
            .mean_loss(test.targets(), predictions.view(), None)
            .unwrap();
        assert!((found.score.mean - new).abs() < 3.0 * found.score.standard_error);
        assert!(found.never.is_empty());
    }
}

#[test]
fn groups_are_out_of_bag_whole() {
    let samples = simulated(60, 1);
    let labels: Vec<usize> = (0..60).map(|row| row / 10).collect();
    let model = population(10)
        .resampling(Resampling::groups(&labels))
        .fit(&samples)
        .unwrap();
    for counts in model.counts().unwrap() {
        for group in counts.chunks(10) {
            assert!(group.iter().all(|count| *count == group[0]));
        }
    }
}

#[test]
fn divergent_members_are_left_out_and_reported() {
    let samples = simulated(50, 3);
    let model = population(25).fit(&samples).unwrap();
    let mut errors = model.out_of_bag(&samples).unwrap();
    errors.members[7] = Some(1e6);
    errors.members[9] = None;
    let kept = model.clone().without_divergent(&errors, 3.0).unwrap();
    assert_eq!(kept.members().len(), 24);
    assert_eq!(
        (kept.divergent()[0].replicate, kept.divergent()[0].error),
        (7, 1e6)
    );
    assert!(kept.members().iter().any(|member| member.replicate() == 9));
    let written = serde_json::to_string(&kept).unwrap();
    let read: Ensemble<contextualized_baselines::PopulationModel> =
        serde_json::from_str(&written).unwrap();
    assert_eq!(read.divergent(), kept.divergent());

    errors.members.fill(Some(0.0));
    errors.members[3] = Some(1e-9);
    assert_eq!(
        model
            .clone()
            .without_divergent(&errors, 1.0)
            .unwrap()
            .members()
            .len(),
        24
    );
    for factor in [0.9, f64::NAN, f64::INFINITY] {
        assert!(matches!(
            model.clone().without_divergent(&errors, factor),
            Err(Error::InvalidParameter {
                parameter: "factor",
                ..
            })
        ));
    }
    assert!(matches!(
        kept.without_divergent(&errors, 2.0),
        Err(Error::RowCount { .. })
    ));
}

fn nodes(rows: usize) -> Samples {
    let problem = NetworkProblem::new(1).unwrap();
    let rows: Vec<usize> = (0..rows).collect();
    problem.train().samples.select(&rows).unwrap()
}

#[test]
fn networks_are_reconstructed_out_of_bag() {
    let samples = nodes(60);
    let model = Bootstrap::new(PopulationBayesianNetwork::new())
        .replicates(8)
        .fit(&samples)
        .unwrap();
    let found = model.out_of_bag_reconstruction(&samples).unwrap();
    let counts: Vec<Vec<u32>> = model.counts().unwrap().collect();
    let row = found.rows[0];
    let (mut mean, mut unseen) = (Array1::<f64>::zeros(samples.features().ncols()), 0.0);
    for (member, counts) in model.members().iter().zip(&counts) {
        if counts[row] == 0 {
            let all = member
                .model()
                .reconstruct(samples.contexts(), samples.features())
                .unwrap();
            mean += &all.row(row);
            unseen += 1.0;
        }
    }
    mean /= unseen;
    assert_relative_eq!(found.predictions.row(0), mean.view(), max_relative = 1e-12);
    let difference = &samples.features().row(row) - &mean;
    assert_relative_eq!(
        found.losses[0],
        difference.mapv(|d| d * d).mean().unwrap(),
        max_relative = 1e-12
    );
}

#[test]
fn edges_are_counted_over_members() {
    let samples = nodes(40);
    let contexts = samples.contexts();
    let here = contexts.slice(s![..2, ..]);
    let model = Bootstrap::new(PopulationBayesianNetwork::new())
        .replicates(39)
        .fit(&samples)
        .unwrap();
    let found = model.edge_stability(here, 0.1, 0.95).unwrap();
    let weights: Vec<_> = model
        .members()
        .iter()
        .map(|member| member.model().networks(here).unwrap().edges().to_owned())
        .collect();
    let nodes = samples.features().ncols();
    let either = found.either_direction.unwrap();
    for (i, j) in (0..nodes).flat_map(|i| (0..nodes).map(move |j| (i, j))) {
        let of_pair: Vec<f64> = weights.iter().map(|weights| weights[[1, i, j]]).collect();
        let share = |holds: &dyn Fn(f64) -> bool| {
            of_pair.iter().filter(|weight| holds(**weight)).count() as f64 / 39.0
        };
        assert_eq!(
            found.present[[1, i, j]],
            share(&|weight| weight.abs() > 0.1)
        );
        let signs = [
            share(&|weight| weight > 0.1),
            share(&|weight| weight < -0.1),
        ];
        assert_eq!(found.same_sign[[1, i, j]], signs[0].max(signs[1]));
        assert_relative_eq!(
            found.mean[[1, i, j]],
            of_pair.iter().sum::<f64>() / 39.0,
            epsilon = 1e-12
        );
        let (least, most) = of_pair
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, m), w| {
                (l.min(*w), m.max(*w))
            });
        assert_relative_eq!(found.lower[[1, i, j]], least, epsilon = 1e-9);
        assert_relative_eq!(found.upper[[1, i, j]], most, epsilon = 1e-9);
        assert!(either[[1, i, j]] <= 1.0);
        assert_eq!(
            either[[1, i, j]],
            found.present[[1, i, j]] + found.present[[1, j, i]]
        );
    }
    assert!(model.edge_stability(here, -0.1, 0.95).is_err());
    assert!(model.edge_stability(here, 0.1, 0.99).is_err());
}

#[test]
fn edges_of_precisions_are_partial_correlations() {
    let samples = nodes(60);
    let here = samples.contexts().slice_move(s![..1, ..]);
    let model = Bootstrap::new(PopulationMarkov::new())
        .replicates(40)
        .fit(&samples)
        .unwrap();
    let found = model.edge_stability(here, 0.0, 0.9).unwrap();
    let mean = model
        .members()
        .iter()
        .map(|member| {
            partial_correlations(&member.model().networks(here).unwrap()).unwrap()[[0, 1, 2]]
        })
        .sum::<f64>()
        / 40.0;
    assert_relative_eq!(found.mean[[0, 1, 2]], mean, max_relative = 1e-10);
    assert_relative_eq!(
        found.mean[[0, 1, 2]],
        found.mean[[0, 2, 1]],
        max_relative = 1e-12
    );
    assert_eq!(found.present[[0, 1, 1]], 0.0);
    assert!(found.either_direction.is_none());
}
