//! The automatic choice of a regression beside fixed estimators, on problems of every sort.

use super::{Bar, Claim, Findings, findings};
use crate::statistics::median;
use contextualized_auto::{AutoRegression, RegressionMethod};
use contextualized_core::{Estimator, Family, LocalCoefficients, Result};
use contextualized_simulation::{SimulatedData, Simulator};
use std::collections::BTreeMap;
use std::time::Instant;

const NEW_ROWS: usize = 4000;

/// Fixed estimators, at their defaults, and how their figures are called.
const FIXED: [(RegressionMethod, &str); 5] = [
    (RegressionMethod::Population, "excess of the population"),
    (RegressionMethod::Cluster, "excess of clusters"),
    (RegressionMethod::Neural, "excess of an encoder"),
    (RegressionMethod::GaussianProcess, "excess of a gp"),
    (RegressionMethod::Trees, "excess of trees"),
];

/// Rows to learn from and new rows.
struct Problem {
    name: &'static str,
    rows: usize,
    binary: bool,
    train: Simulator,
    new: Simulator,
}

impl Problem {
    /// New rows as those learned from.
    fn new(name: &'static str, rows: usize, simulator: impl Fn(usize) -> Simulator) -> Self {
        Self {
            name,
            rows,
            binary: false,
            train: simulator(rows),
            new: simulator(NEW_ROWS),
        }
    }

    fn family(&self) -> Family {
        if self.binary {
            Family::Binomial
        } else {
            Family::Gaussian
        }
    }
}

/// ```text
/// smooth           w = (sin 3 c0, cos 2 c1),           m = c0
/// interacting      w = (2 c0 c1, sin 3 c0 c2),         m = c1 c2
/// discontinuous    w = (sign c0, [c1 > 0.3]),          m = [c0 > 0 > c1]
/// no effect        w = (1, −½),                        m = ½
/// irrelevant       w = (sin 3 c0, 1)                   ten more contexts, of noise
/// archetypes       w = Σₖ softmax(z(c))ₖ aₖ            four contexts, three archetypes of three features
/// extrapolation    w = (c0 + ½ c0², 1 − c1)            learned from c ≤ 0.4, new rows from c ≤ 1
/// few noisy rows   w = (1 + c0, sin 2 c1)              noise of twice the signal
/// binary           w = (2 sin 2 c0, 1),                m = c1
/// ```
fn problems() -> Vec<Problem> {
    let uniform =
        |rows: usize, contexts: usize| Simulator::new(rows).uniform_contexts(contexts, -1.0, 1.0);
    let indicator = |condition: bool| if condition { 1.0 } else { 0.0 };
    let trend = |rows: usize, end: f64| {
        Simulator::new(rows)
            .uniform_contexts(2, -1.0, end)
            .slopes(|c| vec![c[0] + 0.5 * c[0] * c[0], 1.0 - c[1]])
            .intercept(|c| (2.0 * c[0]).sin())
            .noise(0.5)
    };
    vec![
        Problem::new("smooth", 200, |rows| {
            uniform(rows, 2)
                .slopes(|c| vec![(3.0 * c[0]).sin(), (2.0 * c[1]).cos()])
                .intercept(|c| c[0])
                .noise(0.5)
        }),
        Problem::new("interacting", 300, |rows| {
            uniform(rows, 3)
                .slopes(|c| vec![2.0 * c[0] * c[1], (3.0 * c[0] * c[2]).sin()])
                .intercept(|c| c[1] * c[2])
                .noise(0.5)
        }),
        Problem::new("discontinuous", 300, |rows| {
            uniform(rows, 2)
                .slopes(move |c| vec![c[0].signum(), indicator(c[1] > 0.3)])
                .intercept(move |c| indicator(c[0] > 0.0 && c[1] < 0.0))
                .noise(0.5)
        }),
        Problem::new("no effect", 200, |rows| {
            uniform(rows, 3)
                .slopes(|_| vec![1.0, -0.5])
                .intercept(|_| 0.5)
                .noise(1.0)
        }),
        Problem::new("irrelevant", 200, |rows| {
            uniform(rows, 1)
                .irrelevant_contexts(10)
                .slopes(|c| vec![(3.0 * c[0]).sin(), 1.0])
                .noise(0.5)
        }),
        Problem::new("archetypes", 400, |rows| {
            Simulator::new(rows)
                .normal_contexts(4)
                .slopes(mixture)
                .noise(0.5)
        }),
        Problem {
            new: trend(NEW_ROWS, 1.0),
            ..Problem::new("extrapolation", 200, |rows| trend(rows, 0.4))
        },
        Problem::new("few noisy rows", 150, |rows| {
            uniform(rows, 2)
                .slopes(|c| vec![1.0 + c[0], (2.0 * c[1]).sin()])
                .noise(2.0)
        }),
        Problem {
            binary: true,
            ..Problem::new("binary", 300, |rows| {
                uniform(rows, 2)
                    .slopes(|c| vec![2.0 * (2.0 * c[0]).sin(), 1.0])
                    .intercept(|c| c[1])
                    .family(Family::Binomial)
            })
        },
    ]
}

/// Three archetypes mixed by a softmax of four contexts.
fn mixture(c: &[f64]) -> Vec<f64> {
    const ARCHETYPES: [[f64; 3]; 3] = [[2.0, 0.0, -1.0], [-1.0, 1.0, 0.0], [0.0, -2.0, 1.0]];
    let weights = [2.0 * c[0], c[1] + c[2], c[3] - c[0]].map(f64::exp);
    let total: f64 = weights.iter().sum();
    (0..3)
        .map(|feature| {
            let parts = weights.iter().zip(&ARCHETYPES);
            parts
                .map(|(weight, archetype)| weight / total * archetype[feature])
                .sum()
        })
        .collect()
}

/// What was found for one problem, a figure for each seed.
#[derive(Default)]
struct Measured {
    auto: Vec<f64>,
    /// In the order of [`FIXED`].
    fixed: [Vec<f64>; 5],
    /// Family of the automatic choice, over that of the population.
    over_population: Vec<f64>,
    seconds: Vec<f64>,
    chosen: BTreeMap<String, usize>,
}

/// The excess of held-out loss over that of the true coefficients, of the automatic choice and of
/// every fixed estimator.
///
/// # Errors
///
/// Those of the estimators; there are none for these data.
pub fn measure(seeds: u64) -> Result<Findings> {
    let mut claims = Vec::new();
    let mut choices = Vec::new();
    for problem in problems() {
        let mut measured = Measured::default();
        for seed in 0..seeds {
            measure_one(&problem, seed, seeds + seed, &mut measured)?;
        }
        choices.push(described(problem.name, &measured.chosen));
        claims.extend(claimed(&problem, measured));
    }
    let title = format!(
        "Automatic choice of a regression, seeds 0 to {}: loss of {NEW_ROWS} new rows less that of the \
         true coefficients (squared errors; log-losses where binary). The bar on the choice is a median \
         of at most 1.25 times that of the best fixed estimator, or within two standard errors of it.",
        seeds - 1
    );
    let mut found = findings(&title, &claims);
    found.text = format!("{}\n\n{}", found.text, choices.join("\n"));
    Ok(found)
}

fn measure_one(problem: &Problem, seed: u64, new_seed: u64, found: &mut Measured) -> Result<()> {
    let train = problem.train.simulate(seed)?.samples;
    let new = problem.new.simulate(new_seed)?;
    let mut auto = AutoRegression::new().seed(seed);
    if problem.binary {
        auto = auto.family(Family::Binomial);
    }
    let loss = |model: &dyn LocalCoefficients| held_out_loss(problem.family(), model, &new);
    let of_truth = problem
        .family()
        .mean_loss(new.samples.targets(), new.means.view(), None)?;
    let mut population = f64::NAN;
    for ((method, _), excesses) in FIXED.iter().zip(&mut found.fixed) {
        let own = loss(&auto.default_of(*method).fit(&train)?)?;
        if *method == RegressionMethod::Population {
            population = own;
        }
        excesses.push(own - of_truth);
    }
    let start = Instant::now();
    let model = auto.fit(&train)?;
    found.seconds.push(start.elapsed().as_secs_f64());
    let own = loss(&model)?;
    found.auto.push(own - of_truth);
    found.over_population.push(own / population);
    *found.chosen.entry(model.describe()).or_default() += 1;
    Ok(())
}

fn held_out_loss(
    family: Family,
    model: &dyn LocalCoefficients,
    new: &SimulatedData,
) -> Result<f64> {
    let samples = &new.samples;
    let predictions = model.predict(samples.contexts(), samples.features())?;
    family.mean_loss(samples.targets(), predictions.view(), None)
}

fn claimed(problem: &Problem, measured: Measured) -> Vec<Claim> {
    let claim = |what, bar, values| Claim {
        data: format!("{}, {} rows", problem.name, problem.rows),
        what,
        bar,
        values,
    };
    let best = measured
        .fixed
        .iter()
        .min_by(|a, b| median(a).total_cmp(&median(b)))
        .map_or(&[][..], |best| best);
    let figure = nearness(&measured.auto, best);
    let worst = measured
        .over_population
        .iter()
        .copied()
        .fold(f64::NEG_INFINITY, f64::max);
    let mut claims = vec![
        claim(
            "excess of auto / 1.25 × the best's, or in two standard errors",
            Bar::Within(0.0..=1.0),
            vec![figure],
        ),
        claim(
            "auto / population, the worst seed",
            Bar::Within(0.0..=1.05),
            vec![worst],
        ),
        claim(
            "auto / population",
            Bar::Within(0.0..=1.03),
            measured.over_population,
        ),
        claim("excess of auto", Bar::Reported, measured.auto),
    ];
    for ((_, what), values) in FIXED.iter().zip(measured.fixed) {
        claims.push(claim(what, Bar::Reported, values));
    }
    claims.push(claim(
        "seconds of auto",
        Bar::Seconds(20.0),
        measured.seconds,
    ));
    claims
}

/// The ratio of the medians over 1.25, or their difference over two standard errors of the paired
/// differences, whichever is the less; at least zero.
fn nearness(auto: &[f64], best: &[f64]) -> f64 {
    let (own, least) = (median(auto), median(best));
    let differences: Vec<f64> = auto.iter().zip(best).map(|(a, b)| a - b).collect();
    let count = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / count;
    let squares: f64 = differences.iter().map(|d| (d - mean).powi(2)).sum();
    let error = (squares / (count - 1.0) / count).sqrt();
    let in_errors = if own <= least {
        0.0
    } else {
        (own - least) / (2.0 * error)
    };
    (own / (1.25 * least)).min(in_errors).max(0.0)
}

fn described(problem: &str, chosen: &BTreeMap<String, usize>) -> String {
    let parts: Vec<String> = chosen
        .iter()
        .map(|(name, times)| format!("{times} × {name}"))
        .collect();
    format!("{problem}: {}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearness_by_hand() {
        // Medians 2 and 1: a ratio of 2, and differences 0, 1, 2 with a standard error of 1/√3.
        let (auto, best) = ([1.0, 2.0, 3.0], [1.0, 1.0, 1.0]);
        assert!((nearness(&auto, &best) - 0.5 * 3.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(nearness(&best, &auto), 0.0);
        let (near, less) = ([1.1, 1.1, 1.1], [1.0, 1.0, 1.0]);
        assert!((nearness(&near, &less) - 0.88).abs() < 1e-12);
    }

    #[test]
    fn mixtures_lie_between_their_archetypes() {
        let slopes = mixture(&[0.0; 4]);
        for (found, mean) in slopes.iter().zip([1.0 / 3.0, -1.0 / 3.0, 0.0]) {
            assert!((found - mean).abs() < 1e-12);
        }
    }
}
