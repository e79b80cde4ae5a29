//! Known coefficients are found.

use contextualized_baselines::PopulationRegression;
use contextualized_core::{
    Coefficients, Estimator, Family, LocalCoefficients, RegressionEstimator, VaryingCoefficients,
    WithPredictions, WithUncertainty,
};
use contextualized_simulation::{SimulatedData, Simulator};
use contextualized_trees::{TreeModel, TreeRegression};
use ndarray::Array2;

fn estimator() -> TreeRegression {
    TreeRegression::new().burn_in(500).sweeps(500)
}

/// Mean squared errors of slopes and intercept together.
fn effect_error(found: &Coefficients, truth: &Coefficients) -> f64 {
    let slopes = (&found.slopes() - &truth.slopes()).mapv(|error| error * error);
    let intercepts = (&found.intercepts() - &truth.intercepts()).mapv(|error| error * error);
    (slopes.sum() + intercepts.sum()) / (slopes.len() + intercepts.len()) as f64
}

/// The share of coefficients inside their intervals.
fn coverage(model: &TreeModel, data: &SimulatedData, level: f64) -> f64 {
    let ends = model.intervals(data.samples.contexts(), level).unwrap();
    let inside = |lower: f64, truth: f64, upper: f64| lower <= truth && truth <= upper;
    let slopes = data.coefficients.slopes();
    let count = slopes
        .indexed_iter()
        .filter(|(at, truth)| inside(ends.lower.slopes()[*at], **truth, ends.upper.slopes()[*at]))
        .count();
    count as f64 / slopes.len() as f64
}

fn jumps(rows: usize) -> Simulator {
    let indicator = |condition: bool| f64::from(u8::from(condition));
    Simulator::new(rows)
        .uniform_contexts(2, -1.0, 1.0)
        .irrelevant_contexts(6)
        .slopes(move |c| vec![2.0 * indicator(c[0] > 0.2 && c[1] < 0.5) - 1.0, 1.0])
        .intercept(move |c| 1.5 * indicator(c[1] > -0.3))
        .noise(0.5)
}

#[test]
fn jumps_among_irrelevant_contexts_are_found() {
    let (data, new) = (
        jumps(500).simulate(1).unwrap(),
        jumps(500).simulate(2).unwrap(),
    );
    let model = estimator().fit(&data.samples).unwrap();
    let found = model.coefficients(new.samples.contexts()).unwrap();
    let error = effect_error(&found, &new.coefficients);
    let population = PopulationRegression::new().fit(&data.samples).unwrap();
    let constant = population.coefficients(new.samples.contexts()).unwrap();
    assert!(error < 0.02, "{error}");
    assert!(error < 0.05 * effect_error(&constant, &new.coefficients));
    assert!((model.noise().unwrap()[0] - 0.5).abs() < 0.05);
    let share = coverage(&model, &new, 0.95);
    assert!((0.9..=1.0).contains(&share), "{share}");

    let relevant: Vec<(String, String)> = model
        .relevance(0.9)
        .unwrap()
        .into_iter()
        .filter(|line| line.is_selected())
        .map(|line| (line.coefficient, line.context))
        .collect();
    let expected = [("x0", "c0"), ("x0", "c1"), ("(intercept)", "c1")];
    for (coefficient, context) in expected {
        assert!(relevant.contains(&(coefficient.to_owned(), context.to_owned())));
    }
    // Of 21 others.
    assert!(relevant.len() <= expected.len() + 1, "{relevant:?}");
}

#[test]
fn smooth_coefficients_are_found_better_by_soft_splits() {
    let smooth = |rows: usize| {
        Simulator::new(rows)
            .uniform_contexts(2, -1.0, 1.0)
            .slopes(|c| vec![(3.0 * c[0]).sin()])
            .intercept(|c| c[1])
            .noise(0.3)
    };
    let (data, new) = (
        smooth(300).simulate(3).unwrap(),
        smooth(500).simulate(4).unwrap(),
    );
    let error = |soft: bool| {
        let model = estimator().soft(soft).fit(&data.samples).unwrap();
        effect_error(
            &model.coefficients(new.samples.contexts()).unwrap(),
            &new.coefficients,
        )
    };
    let (soft, hard) = (error(true), error(false));
    assert!(soft < 0.01 && soft < 0.7 * hard, "{soft} {hard}");
}

#[test]
fn levels_of_a_factor_are_put_together() {
    const LEVELS: usize = 24;
    let simulate = |seed: u64| {
        Simulator::new(600)
            .contexts(|draws| {
                let level = draws.uniform(0.0, LEVELS as f64).floor();
                (0..LEVELS)
                    .map(|own| f64::from(u8::from(level == own as f64)))
                    .collect()
            })
            .slopes(|c| {
                let level = c.iter().position(|c| *c > 0.5).unwrap_or(0);
                vec![[-1.5, -0.5, 0.5, 1.5][level * 7 % 4]]
            })
            .noise(1.0)
            .simulate(seed)
            .unwrap()
    };
    let data = simulate(5);
    let samples = data
        .samples
        .clone()
        .with_factors([("site", (0..LEVELS).collect())])
        .unwrap();
    let model = estimator().fit(&samples).unwrap();
    let slopes = model.coefficients(data.samples.contexts()).unwrap();
    let error = (&slopes.slopes() - &data.coefficients.slopes())
        .mapv(|e| e * e)
        .mean()
        .unwrap();
    // A regression for each level has an error of 1 / 25 and more.
    assert!(error < 0.03, "{error}");
}

#[test]
fn nothing_is_found_where_nothing_varies() {
    let noise = |rows: usize| {
        Simulator::new(rows)
            .normal_contexts(8)
            .slopes(|_| vec![1.0, -0.5])
            .intercept(|_| 1.0)
            .noise(1.0)
    };
    let (mut ratios, mut selected) = (Vec::new(), 0);
    for seed in 0..3 {
        let data = noise(300).simulate(seed).unwrap();
        let new = noise(2000).simulate(100 + seed).unwrap();
        let model = estimator().fit(&data.samples).unwrap();
        let population = PopulationRegression::new().fit(&data.samples).unwrap();
        let error = |model: &dyn LocalCoefficients| {
            let predicted = model.predict_samples(&new.samples).unwrap();
            let squares = (&new.samples.targets() - &predicted).mapv(|error| error * error);
            squares.mean().unwrap()
        };
        ratios.push(error(&model) / error(&population));
        let relevance = model.relevance(0.9).unwrap();
        selected += relevance.iter().filter(|line| line.is_selected()).count();
    }
    ratios.sort_by(f64::total_cmp);
    assert!(ratios[1] < 1.03, "{ratios:?}");
    // Of 72 contexts of coefficients.
    assert!(selected <= 3, "{selected}");
}

#[test]
fn probabilities_follow_the_context() {
    let logistic = |rows: usize| {
        Simulator::new(rows)
            .uniform_contexts(3, -1.0, 1.0)
            .slopes(|c| vec![if c[0] > 0.0 { 2.0 } else { -1.0 }])
            .intercept(|c| c[1])
            .family(Family::Binomial)
    };
    let (data, new) = (
        logistic(1000).simulate(8).unwrap(),
        logistic(1000).simulate(9).unwrap(),
    );
    let model = estimator()
        .family(Family::Binomial)
        .fit(&data.samples)
        .unwrap();
    let found = model.coefficients(new.samples.contexts()).unwrap();
    let error = effect_error(&found, &new.coefficients);
    let population = PopulationRegression::new()
        .family(Family::Binomial)
        .fit(&data.samples)
        .unwrap();
    let constant = population.coefficients(new.samples.contexts()).unwrap();
    assert!(
        error < 0.12 * effect_error(&constant, &new.coefficients),
        "{error}"
    );
    let intervals = model
        .mean_intervals(new.samples.contexts(), new.samples.features(), 0.95)
        .unwrap();
    assert!(
        intervals
            .lower
            .iter()
            .chain(&intervals.upper)
            .all(|p| (0.0..=1.0).contains(p))
    );
    assert!(
        model
            .outcome_intervals(new.samples.contexts(), new.samples.features(), 0.95)
            .is_err()
    );
}

#[test]
fn rates_follow_the_context_and_known_exposures() {
    // Rows on one side of a context that does not matter are observed as much longer as this.
    let counts = |exposure: f64| {
        Simulator::new(600)
            .uniform_contexts(3, -1.0, 1.0)
            .slopes(|c| vec![if c[0] > 0.0 { 0.6 } else { -0.4 }])
            .intercept(move |c| 0.5 + c[1] + if c[2] > 0.0 { exposure } else { 0.0 })
            .family(Family::Poisson)
    };
    let longer = 5.0_f64.ln();
    let (data, new) = (
        counts(longer).simulate(8).unwrap(),
        counts(0.0).simulate(9).unwrap(),
    );
    let contexts = data.samples.contexts();
    let offsets = contexts
        .column(2)
        .mapv(|c| if c > 0.0 { longer } else { 0.0 });
    let samples = data.samples.clone().with_offsets(offsets.view()).unwrap();
    let model = estimator().family(Family::Poisson).fit(&samples).unwrap();
    let found = model.coefficients(new.samples.contexts()).unwrap();
    let error = effect_error(&found, &new.coefficients);
    assert!(error < 0.01, "{error}");
    let share = coverage(&model, &new, 0.95);
    assert!((0.9..=1.0).contains(&share), "{share}");
    let intervals = model
        .outcome_intervals(new.samples.contexts(), new.samples.features(), 0.95)
        .unwrap();
    let inside = ndarray::Zip::from(&intervals.lower)
        .and(&intervals.upper)
        .and(new.samples.targets())
        .fold(0, |count, lower, upper, count_of_row| {
            count + usize::from(lower <= count_of_row && count_of_row <= upper)
        });
    assert!((560..=600).contains(&inside), "{inside}");
}

/// A row of weight two is two rows of a binary outcome, but for what is drawn.
#[test]
fn weights_count_rows_of_binary_outcomes() {
    let data = Simulator::new(300)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(|c| vec![2.0 * c[0]])
        .family(Family::Binomial)
        .simulate(10)
        .unwrap();
    let twice: Vec<usize> = (0..600).map(|row| row / 2).collect();
    let weights = ndarray::Array1::from_elem(300, 2.0);
    let estimator = estimator().family(Family::Binomial);
    let weighted = estimator
        .fit(&data.samples.clone().with_weights(weights.view()).unwrap())
        .unwrap();
    // Copies are not put into groups of their own.
    let labels: Vec<usize> = vec![0; 600];
    let copied = data
        .samples
        .select(&twice)
        .unwrap()
        .with_groups(&labels)
        .unwrap();
    let copied = estimator.fit(&copied).unwrap();
    let grid = Array2::from_shape_fn((21, 1), |(row, _)| row as f64 / 10.0 - 1.0);
    let [a, b] = [&weighted, &copied].map(|model| model.coefficients(grid.view()).unwrap());
    let difference = (&a.slopes() - &b.slopes()).mapv(f64::abs).mean().unwrap();
    let error = weighted
        .standard_errors(grid.view())
        .unwrap()
        .slopes()
        .mean()
        .unwrap();
    assert!(difference < 0.5 * error, "{difference} {error}");
}

/// What rows of a group have in common is not taken for an effect of their context.
#[test]
fn groups_have_intercepts_in_common() {
    // Sixty groups of eight rows, four of them at each value of a context that has no effect.
    let group = |row: usize| row / 8;
    let (mut alone, mut grouped, mut noise) = (0.0, 0.0, Vec::new());
    for seed in 0..4 {
        let data = Simulator::new(480)
            .uniform_contexts(1, -1.0, 1.0)
            .slopes(|_| vec![1.0])
            .noise(0.5)
            .simulate(seed)
            .unwrap();
        let effects = Simulator::new(60)
            .uniform_contexts(1, 0.0, 1.0)
            .slopes(|_| vec![0.0])
            .noise(1.0)
            .simulate(100 + seed)
            .unwrap();
        let effect = |row: usize| effects.samples.targets()[[group(row), 0]];
        let contexts = Array2::from_shape_fn((480, 1), |(row, _)| (group(row) % 15) as f64);
        let targets = Array2::from_shape_fn((480, 1), |(row, _)| {
            data.samples.targets()[[row, 0]] + effect(row)
        });
        let samples = data.samples.replace_contexts(contexts.view()).unwrap();
        let samples = samples.replace_targets(targets.view()).unwrap();
        let labels: Vec<usize> = (0..480).map(group).collect();
        let with_groups = samples.clone().with_groups(&labels).unwrap();
        let values = Array2::from_shape_fn((15, 1), |(value, _)| value as f64);
        // The share of intercepts, all of them zero, in their intervals.
        let coverage = |model: &TreeModel| {
            let ends = model.intervals(values.view(), 0.95).unwrap();
            let (lower, upper) = (ends.lower.intercepts(), ends.upper.intercepts());
            let pairs = lower.iter().zip(&upper);
            pairs
                .filter(|(lower, upper)| **lower <= 0.0 && 0.0 <= **upper)
                .count() as f64
                / 15.0
        };
        alone += coverage(&estimator().fit(&samples).unwrap()) / 4.0;
        let model = estimator().fit(&with_groups).unwrap();
        grouped += coverage(&model) / 4.0;
        noise.push(model.noise().unwrap()[0]);
    }
    assert!(grouped > 0.9 && alone < 0.8, "{grouped} {alone}");
    // The noise of a new row is that of its group too.
    for noise in noise {
        assert!((noise - 1.25_f64.sqrt()).abs() < 0.25, "{noise}");
    }
}

#[test]
fn one_short_chain_screens() {
    let data = jumps(200).simulate(12).unwrap();
    let model = TreeRegression::new().fit_part(&data.samples).unwrap();
    assert_eq!((model.report().chains, model.report().sweeps), (1, 500));
    assert_eq!(model.draws(), 100);
}

/// Chains that were hardly begun do not agree, and say so; those of an easy problem do.
#[test]
fn chains_that_do_not_agree_are_a_warning() {
    let data = jumps(300).simulate(13).unwrap();
    let begun = TreeRegression::new()
        .burn_in(0)
        .sweeps(30)
        .draws(30)
        .fit(&data.samples)
        .unwrap();
    let warning = begun.report().warning().unwrap();
    assert!(warning.contains("R-hat"), "{warning}");
    let constant = Simulator::new(300)
        .uniform_contexts(1, 0.0, 1.0)
        .slopes(|_| vec![1.0])
        .noise(1.0);
    let easy = TreeRegression::new()
        .trees(5)
        .fit(&constant.simulate(14).unwrap().samples)
        .unwrap();
    assert_eq!(easy.report().warning(), None, "{:?}", easy.report());
    assert!(easy.report().targets[0].noise.unwrap().effective_size > 200.0);
}
