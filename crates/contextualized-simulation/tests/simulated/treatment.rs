//! The treatment-effect problem is the demo's.

use crate::{assert_pinned, correlation, moments};
use approx::{assert_abs_diff_eq, assert_relative_eq};
use contextualized_core::Coefficients;
use contextualized_core::metrics::effect_mse;
use contextualized_simulation::TreatmentContexts::{Informative, NoiseOnly, WithNoise};
use contextualized_simulation::{SimulatedData, TreatmentContexts, TreatmentProblem};
use ndarray::{Array1, ArrayView2, Axis, array, concatenate, s};
use proptest::prelude::*;

fn problem(seed: u64) -> TreatmentProblem {
    TreatmentProblem::new(seed).expect("any seed will do")
}

/// The slopes of the only target, rows × features.
fn effects(data: &SimulatedData) -> ArrayView2<'_, f64> {
    data.coefficients.slopes().index_axis_move(Axis(1), 0)
}

#[test]
fn five_discs_are_observed() {
    let problem = problem(0);
    let observed = problem.observed_contexts();
    let in_disc = |[x, y]: [f64; 2]| {
        let distance =
            |c: ndarray::ArrayView1<'_, f64>| ((c[0] - x).powi(2) + (c[1] - y).powi(2)).sqrt();
        observed
            .rows()
            .into_iter()
            .filter(|c| distance(*c) < 0.1)
            .count()
    };
    let counts: Vec<usize> = TreatmentProblem::DISC_CENTERS
        .into_iter()
        .map(in_disc)
        .collect();
    assert_eq!(counts, [45, 44, 44, 44, 44]);
    assert_eq!(problem.all().rows(), 5625);
    assert_eq!(observed.dim(), (221, 2));
    assert_eq!(problem.unobserved_contexts().dim(), (5404, 2));
    let mut rows = [problem.observed_rows(), problem.unobserved_rows()].concat();
    rows.sort_unstable();
    assert_eq!(rows, (0..5625).collect::<Vec<_>>());
}

#[test]
fn contexts_are_a_grid_that_reversal_negates() {
    let problem = problem(0);
    let contexts = problem.all().samples.contexts();
    let grid = contexts.slice(s![.., ..2]);
    assert_eq!(grid.slice(s![..;-1, ..]), grid.mapv(|c| -c));
    assert_eq!(grid.row(0), array![-1.0, -1.0]);
    assert_eq!(grid.row(74), array![-1.0, 1.0]);
    assert_relative_eq!(grid[[1, 1]], -1.0 + 2.0 / 74.0);
}

#[test]
fn effects_follow_the_formula() {
    let problem = problem(1);
    let contexts = problem.all().samples.contexts();
    for (c, w) in contexts
        .rows()
        .into_iter()
        .zip(effects(problem.all()).rows())
    {
        assert_eq!(w, array![c[0] + c[1] * c[1], c[0] * c[0] + c[1]]);
    }
    assert!(
        problem
            .all()
            .coefficients
            .intercepts()
            .iter()
            .all(|&m| m == 0.0)
    );
}

#[test]
fn contexts_are_standardized_by_the_observed() {
    let problem = problem(2);
    for contexts in TreatmentContexts::ALL {
        let observed = problem.observed(contexts).samples.contexts();
        for column in observed.columns() {
            let (mean, variance) = moments(column);
            assert_abs_diff_eq!(mean, 0.0, epsilon = 1e-14);
            assert_relative_eq!(variance, 1.0, max_relative = 1e-13);
        }
    }
    let standardization = problem.standardization(Informative);
    for column in 0..2 {
        assert_abs_diff_eq!(standardization.centers()[column], 0.0, epsilon = 1e-15);
        assert_abs_diff_eq!(standardization.scales()[column], 0.44908, epsilon = 5e-6);
    }
    // The unobserved by the same numbers, not by their own.
    let unobserved = problem.unobserved(Informative).samples.contexts();
    let expected = problem.unobserved_contexts() / 0.449_080_301_741_667;
    assert!((&unobserved - &expected).iter().all(|d| d.abs() < 1e-12));
}

#[test]
fn variants_differ_in_contexts_alone() {
    let problem = problem(3);
    let sides: [fn(&TreatmentProblem, TreatmentContexts) -> &SimulatedData; 2] =
        [TreatmentProblem::observed, TreatmentProblem::unobserved];
    for side in sides {
        let [informative, both, noise] = TreatmentContexts::ALL.map(|c| side(&problem, c));
        for other in [both, noise] {
            assert_eq!(other.samples.features(), informative.samples.features());
            assert_eq!(other.samples.targets(), informative.samples.targets());
            assert_eq!(other.coefficients, informative.coefficients);
            assert_eq!(other.means, informative.means);
        }
        let joined = concatenate![
            Axis(1),
            informative.samples.contexts(),
            noise.samples.contexts()
        ];
        assert_eq!(both.samples.contexts(), joined);
    }
    let names = problem.unobserved(WithNoise).samples.names();
    assert_eq!(names.contexts, ["diet", "exercise", "noise A", "noise B"]);
    assert_eq!(names.features, ["dose A", "dose B"]);
    assert_eq!(names.targets, ["response"]);
    let names = problem.observed(NoiseOnly).samples.names();
    assert_eq!(names.contexts, ["noise A", "noise B"]);
}

#[test]
fn doses_are_uniform_and_noise_is_normal_and_independent() {
    let problem = problem(4);
    let samples = &problem.all().samples;
    let (doses, contexts) = (samples.features(), samples.contexts());
    let count: f64 = 5625.0;
    // Bounds of 4 standard errors: Var(x²) is 4/45 for the uniform, 2 for the normal.
    for dose in doses.columns() {
        let (mean, variance) = moments(dose);
        assert!(mean.abs() < 4.0 * (1.0 / 3.0 / count).sqrt());
        assert!((variance - 1.0 / 3.0).abs() < 4.0 * (4.0 / 45.0 / count).sqrt());
        assert!(dose.iter().all(|x| (-1.0..=1.0).contains(x)));
    }
    for noise in [contexts.column(2), contexts.column(3)] {
        let (mean, variance) = moments(noise);
        assert!(mean.abs() < 4.0 / count.sqrt());
        assert!((variance - 1.0).abs() < 4.0 * (2.0 / count).sqrt());
    }
    let columns = concatenate![Axis(1), contexts, doses, samples.targets()];
    for a in 0..6 {
        for b in 0..a {
            let r = correlation(columns.column(a), columns.column(b));
            assert!(r.abs() < 4.0 / count.sqrt(), "columns {a} and {b}: {r}");
        }
    }
    for noise in [2, 3] {
        let r = correlation(columns.column(noise), columns.column(6));
        assert!(r.abs() < 4.0 / count.sqrt());
    }
}

#[test]
fn patients_of_interest_have_their_effects_and_their_own_noise() {
    let problem = problem(5);
    let informative = problem.patients(Informative);
    assert_eq!(
        informative.original_contexts,
        array![[0.6, -0.6], [-1.0, 0.0]]
    );
    let expected = [0.96, -0.24, -1.0, 1.0];
    for (found, expected) in informative.coefficients.slopes().iter().zip(expected) {
        assert_relative_eq!(*found, expected, max_relative = 1e-15);
    }
    let restored = problem
        .standardization(Informative)
        .invert(informative.contexts.view())
        .unwrap();
    assert!(
        (&restored - &informative.original_contexts)
            .iter()
            .all(|d| d.abs() < 1e-15)
    );

    let (both, noise) = (problem.patients(WithNoise), problem.patients(NoiseOnly));
    assert_eq!(both.contexts.slice(s![.., ..2]), informative.contexts);
    assert_eq!(both.contexts.slice(s![.., 2..]), noise.contexts);
    let others = problem.all().samples.contexts();
    let raw = problem
        .standardization(NoiseOnly)
        .invert(noise.contexts.view())
        .unwrap();
    for patient in raw.rows() {
        assert!(
            others
                .rows()
                .into_iter()
                .all(|row| (row[2] - patient[0]).abs() > 1e-9)
        );
    }
}

/// These errors depend on the grid alone.
#[test]
fn constant_effects_leave_the_known_errors() {
    let problem = problem(6);
    let unobserved = problem.unobserved(Informative);
    let mean_effects = |data: &SimulatedData| effects(data).mean_axis(Axis(0)).unwrap();
    let error = |guess: Array1<f64>| {
        let slopes = guess.insert_axis(Axis(0));
        let guess =
            Coefficients::constant(slopes.view(), array![0.0].view(), unobserved.rows()).unwrap();
        effect_mse(&unobserved.coefficients, &guess).unwrap()
    };
    let observed = mean_effects(problem.observed(Informative));
    for effect in &observed {
        assert_abs_diff_eq!(*effect, 0.2017, epsilon = 5e-5);
    }
    for effect in &mean_effects(problem.all()) {
        assert_abs_diff_eq!(*effect, 0.3423, epsilon = 5e-5);
    }
    assert_abs_diff_eq!(error(observed), 0.4657, epsilon = 5e-5);
    assert_abs_diff_eq!(error(mean_effects(unobserved)), 0.4443, epsilon = 5e-5);
    assert_abs_diff_eq!(error(array![0.0, 0.0]), 0.5655, epsilon = 5e-5);
}

#[test]
fn seeds_differ_in_doses_and_noise_alone() {
    let (a, b) = (problem(7), problem(8));
    let (a_all, b_all) = (&a.all().samples, &b.all().samples);
    let differs = |a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>| {
        a.iter().zip(b).filter(|(a, b)| a == b).count() == 0
    };
    assert!(differs(a_all.features(), b_all.features()));
    assert!(differs(
        a_all.contexts().slice(s![.., 2..]),
        b_all.contexts().slice(s![.., 2..])
    ));
    assert!(differs(
        a.patients(NoiseOnly).contexts.view(),
        b.patients(NoiseOnly).contexts.view()
    ));
    assert_eq!(
        a_all.contexts().slice(s![.., ..2]),
        b_all.contexts().slice(s![.., ..2])
    );
    assert_eq!(a.all().coefficients, b.all().coefficients);
    assert_eq!(problem(7).all(), a.all());
}

#[test]
fn streams_are_pinned() {
    let problem = problem(0);
    let samples = &problem.all().samples;
    let last = samples.rows() - 1;
    assert_pinned(
        samples.features().row(0).to_vec(),
        &[0.898_630_618_280_130_5, -0.201_898_899_083_542_86],
    );
    assert_pinned(
        samples.features().row(last).to_vec(),
        &[0.696_483_866_226_761, 0.579_279_973_017_225_6],
    );
    assert_pinned(
        samples.contexts().slice(s![0, 2..]).to_vec(),
        &[0.579_921_192_689_362_2, -1.803_971_544_174_376_4],
    );
    assert_pinned(
        samples.contexts().slice(s![last, 2..]).to_vec(),
        &[-1.506_103_603_182_929, 0.309_960_316_201_089_3],
    );
    assert_pinned(
        problem.patients(NoiseOnly).contexts.iter().copied(),
        &[
            -0.482_950_425_469_713_95,
            0.711_983_629_346_432_2,
            -0.136_362_882_096_040_56,
            1.081_966_763_779_836_7,
        ],
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn response_is_dose_times_effect_for_any_seed(seed: u64) {
        let problem = problem(seed);
        for contexts in TreatmentContexts::ALL {
            for data in [problem.observed(contexts), problem.unobserved(contexts)] {
                let (x, w) = (data.samples.features(), effects(data));
                for row in 0..data.rows() {
                    let response = x[[row, 0]] * w[[row, 0]] + x[[row, 1]] * w[[row, 1]];
                    prop_assert_eq!(data.samples.targets()[[row, 0]], response);
                    prop_assert_eq!(data.means[[row, 0]], response);
                }
            }
        }
    }
}
