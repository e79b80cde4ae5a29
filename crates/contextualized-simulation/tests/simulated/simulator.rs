//! The general simulator draws what its documentation says.

use crate::{assert_pinned, correlation, moments};
use contextualized_core::Family;
use contextualized_simulation::{SimulatedData, Simulator};
use ndarray::{Array2, ArrayView2, array, s};
use proptest::prelude::*;

/// Two uniform contexts, two features, a curved field.
fn curved(rows: usize) -> Simulator {
    Simulator::new(rows)
        .uniform_contexts(2, -1.0, 1.0)
        .slopes(|c| vec![c[0] + c[1].powi(2), (3.0 * c[0]).sin()])
        .intercept(|c| c[0] * c[1])
}

fn simulated(simulator: &Simulator, seed: u64) -> SimulatedData {
    simulator.simulate(seed).expect("a valid simulation")
}

#[test]
fn coefficients_are_the_field_at_each_row() {
    let data = simulated(&curved(50), 1);
    for row in 0..50 {
        let c = data.samples.contexts().row(row).to_owned();
        let x = data.samples.features().row(row).to_owned();
        let slopes = [c[0] + c[1].powi(2), (3.0 * c[0]).sin()];
        assert_eq!(data.coefficients.slopes()[[row, 0, 0]], slopes[0]);
        assert_eq!(data.coefficients.slopes()[[row, 0, 1]], slopes[1]);
        assert_eq!(data.coefficients.intercepts()[[row, 0]], c[0] * c[1]);
        let mean = slopes[0] * x[0] + slopes[1] * x[1] + c[0] * c[1];
        assert!((data.means[[row, 0]] - mean).abs() < 1e-14);
    }
    assert_eq!(data.samples.targets(), data.means);
}

#[test]
fn several_targets_have_a_matrix_of_slopes() {
    let contexts = array![[1.0], [2.0], [5.0]];
    let simulator = Simulator::at_contexts(contexts.view())
        .slope_matrix(|c| array![[c[0], 0.0, 1.0], [0.0, -c[0], 2.0]])
        .intercepts(|c| vec![c[0], 7.0])
        .features(|_, c| vec![1.0, 10.0, 100.0 * c[0]]);
    let data = simulated(&simulator, 0);
    assert_eq!(data.samples.contexts(), contexts);
    assert_eq!(data.coefficients.slopes().dim(), (3, 2, 3));
    let expected = array![[102.0, 197.0], [204.0, 387.0], [510.0, 957.0]];
    assert_eq!(data.samples.targets(), expected);
    assert_eq!(data.samples.names().targets, ["y0", "y1"]);
}

#[test]
fn noise_is_normal_around_the_mean_and_scales() {
    let (quiet, loud) = (curved(20_000).noise(0.5), curved(20_000).noise(1.0));
    let (quiet, loud) = (simulated(&quiet, 2), simulated(&loud, 2));
    assert_eq!(quiet.means, loud.means);
    let residuals = |data: &SimulatedData| &data.samples.targets() - &data.means;
    let doubled = residuals(&quiet) * 2.0 - residuals(&loud);
    assert!(doubled.iter().all(|d| d.abs() < 1e-14));
    let residuals = residuals(&loud);
    let (mean, variance) = moments(residuals.column(0));
    assert!(mean.abs() < 4.0 / 20_000_f64.sqrt());
    assert!((variance - 1.0).abs() < 4.0 * (2.0 / 20_000_f64).sqrt());
    let r = correlation(residuals.column(0), loud.means.column(0));
    assert!(r.abs() < 4.0 / 20_000_f64.sqrt());
}

/// In every tenth of the probabilities, outcomes are as frequent as they should be.
#[test]
fn binary_outcomes_have_their_probabilities() {
    let data = simulated(
        &curved(40_000)
            .intercept(|c| 2.0 * c[0])
            .family(Family::Binomial),
        3,
    );
    let predictor = data
        .coefficients
        .linear_predictor(data.samples.features())
        .unwrap();
    assert_eq!(
        data.means,
        Family::Binomial.link().inverse_table(predictor.view())
    );
    for tenth in 0..10 {
        let (mut count, mut excess, mut variance) = (0, 0.0, 0.0);
        for (&y, &p) in data.samples.targets().iter().zip(&data.means) {
            assert!(y == 0.0 || y == 1.0);
            if (p * 10.0) as usize == tenth {
                count += 1;
                excess += y - p;
                variance += p * (1.0 - p);
            }
        }
        assert!(count > 500);
        assert!(
            excess.abs() < 3.5 * variance.sqrt(),
            "tenth {tenth}: {excess}"
        );
    }
}

#[test]
fn features_may_depend_on_contexts_and_are_standard_normal_otherwise() {
    let data = simulated(&curved(20_000), 4);
    let (mean, variance) = moments(data.samples.features().column(1));
    assert!(mean.abs() < 4.0 / 20_000_f64.sqrt());
    assert!((variance - 1.0).abs() < 4.0 * (2.0 / 20_000_f64).sqrt());
    let confounded = curved(100).features(|draws, c| vec![c[0], draws.uniform(5.0, 6.0)]);
    let samples = simulated(&confounded, 4).samples;
    assert_eq!(samples.features().column(0), samples.contexts().column(0));
    let uniform = simulated(&curved(100).uniform_features(5.0, 6.0), 4).samples;
    assert!(uniform.features().iter().all(|x| (5.0..6.0).contains(x)));
}

#[test]
fn irrelevant_contexts_change_nothing_else() {
    let plain = simulated(&curved(5000).noise(0.1), 5);
    let two = simulated(&curved(5000).noise(0.1).irrelevant_contexts(2), 5);
    let three = simulated(&curved(5000).noise(0.1).irrelevant_contexts(3), 5);
    for other in [&two, &three] {
        assert_eq!(other.coefficients, plain.coefficients);
        assert_eq!(other.means, plain.means);
        assert_eq!(other.samples.features(), plain.samples.features());
        assert_eq!(other.samples.targets(), plain.samples.targets());
        assert_eq!(
            other.samples.contexts().slice(s![.., ..2]),
            plain.samples.contexts()
        );
    }
    let contexts = three.samples.contexts();
    assert_eq!(contexts.slice(s![.., ..4]), two.samples.contexts());
    assert_eq!(
        three.samples.names().contexts,
        ["c0", "c1", "noise0", "noise1", "noise2"]
    );
    for column in 2..5 {
        let noise = contexts.column(column);
        assert!((moments(noise).1 - 1.0).abs() < 4.0 * (2.0 / 5000_f64).sqrt());
        for other in (0..column)
            .map(|c| contexts.column(c))
            .chain(plain.means.columns())
        {
            assert!(correlation(noise, other).abs() < 4.0 / 5000_f64.sqrt());
        }
    }
}

#[test]
fn each_kind_of_draw_has_its_own_stream() {
    let plain = simulated(&curved(30), 6);
    let noisy = simulated(&curved(30).noise(1.0), 6);
    assert_eq!(noisy.samples.features(), plain.samples.features());
    let uniform = simulated(&curved(30).uniform_features(0.0, 1.0).noise(1.0), 6);
    assert_eq!(uniform.samples.contexts(), plain.samples.contexts());
    let given = Simulator::at_contexts(plain.samples.contexts())
        .slopes(|_| vec![0.0, 0.0])
        .noise(1.0);
    let given = simulated(&given, 6);
    assert_eq!(given.samples.features(), plain.samples.features());
    for (constant, varying) in given
        .samples
        .targets()
        .iter()
        .zip(&(&noisy.samples.targets() - &noisy.means))
    {
        assert!((constant - varying).abs() < 1e-14);
    }
}

#[test]
fn the_last_setting_counts() {
    let simulator = curved(10).family(Family::Binomial).family(Family::Gaussian);
    assert_eq!(simulated(&simulator, 7), simulated(&curved(10), 7));
    let simulator = curved(10).normal_contexts(5).uniform_contexts(2, -1.0, 1.0);
    assert_eq!(simulated(&simulator, 7), simulated(&curved(10), 7));
}

#[test]
fn simulators_are_shared_between_threads() {
    fn assert_shared<T: Clone + Send + Sync + 'static>() {}
    assert_shared::<Simulator>();
    assert_shared::<SimulatedData>();
}

#[test]
fn streams_are_pinned() {
    let simulator = Simulator::new(3)
        .contexts(|draws| {
            vec![
                draws.uniform(-1.0, 1.0),
                draws.normal(0.0, 1.0),
                draws.bernoulli(0.5),
                draws.index(10) as f64,
                draws.exponential(1.0),
            ]
        })
        .irrelevant_contexts(2)
        .slopes(|_| vec![0.0, 0.0]);
    let gaussian = simulated(&simulator.clone().noise(1.0), 0);
    let last = |table: ArrayView2<'_, f64>| table.row(2).to_vec();
    assert_pinned(
        last(gaussian.samples.contexts()),
        &[
            -0.018_931_029_898_175_078,
            -1.103_598_545_367_317,
            0.0,
            9.0,
            0.451_926_794_500_986_9,
            0.859_095_566_869_395_9,
            -0.075_639_008_406_917_38,
        ],
    );
    assert_pinned(
        last(gaussian.samples.features()),
        &[-0.216_384_895_040_229_12, 0.547_143_704_231_821_5],
    );
    assert_pinned(
        gaussian.samples.targets().iter().copied(),
        &[
            1.288_602_073_872_997,
            -0.820_180_751_314_551_6,
            -0.327_774_577_821_059_45,
        ],
    );
    let binary = simulated(&simulator.clone().family(Family::Binomial), 0);
    assert_pinned(binary.samples.targets().iter().copied(), &[1.0, 0.0, 0.0]);
}

fn head(table: ArrayView2<'_, f64>, rows: usize) -> Array2<f64> {
    table.slice(s![..rows, ..]).to_owned()
}

proptest! {
    #[test]
    fn more_rows_keep_the_first(seed: u64, rows in 1..30_usize, more in 1..30_usize, binary: bool) {
        let simulator = |rows| {
            let simulator = curved(rows).irrelevant_contexts(2);
            if binary { simulator.family(Family::Binomial) } else { simulator.noise(0.3) }
        };
        let (short, long) = (simulated(&simulator(rows), seed), simulated(&simulator(rows + more), seed));
        let first: Vec<usize> = (0..rows).collect();
        prop_assert_eq!(&long.select(&first).unwrap(), &short);
        prop_assert_eq!(head(long.means.view(), rows), short.means);
    }

    #[test]
    fn seeds_decide_everything(seed: u64) {
        let simulator = curved(20).noise(0.3);
        prop_assert_eq!(simulated(&simulator, seed), simulated(&simulator, seed));
        let (data, other) = (simulated(&simulator, seed), simulated(&simulator, seed.wrapping_add(1)));
        prop_assert_ne!(data.samples.contexts(), other.samples.contexts());
        prop_assert_ne!(data.samples.features(), other.samples.features());
    }
}
