//! Regression by trees: published designs with jumps, factors of many levels, and nothing at all.

use super::{Bar, Claim, Findings, findings};
use contextualized_baselines::PopulationRegression;
use contextualized_core::metrics::effect_mse;
use contextualized_core::{
    Estimator, LocalCoefficients, Result, Samples, VaryingCoefficients, WithUncertainty,
};
use contextualized_simulation::{SimulatedData, Simulator};
use contextualized_trees::{TreeModel, TreeRegression};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::f64::consts::PI;
use std::time::Instant;

const NEW_ROWS: usize = 1000;

/// Levels of the factor, in four groups of the same slope.
const LEVELS: usize = 60;

/// What was found for one design, a figure for each seed.
#[derive(Default)]
struct Measured {
    effect_error: Vec<f64>,
    coverage: Vec<f64>,
    root_mean_square: Vec<f64>,
    seconds: Vec<f64>,
}

impl Measured {
    /// Fits the default estimator; errors are those at new rows.
    fn add(&mut self, samples: &Samples, new: &SimulatedData, seed: u64) -> Result<TreeModel> {
        let start = Instant::now();
        let model = TreeRegression::new().seed(seed).fit(samples)?;
        self.seconds.push(start.elapsed().as_secs_f64());
        let contexts = new.samples.contexts();
        let found = model.coefficients(contexts)?;
        self.effect_error.push(effect_error(new, &found));
        let ends = model.intervals(contexts, 0.95)?;
        let truth = &new.coefficients;
        let slopes = truth.slopes();
        let in_slopes = slopes.indexed_iter().filter(|(at, truth)| {
            ends.lower.slopes()[*at] <= **truth && **truth <= ends.upper.slopes()[*at]
        });
        let intercepts = truth.intercepts();
        let in_intercepts = intercepts.indexed_iter().filter(|(at, truth)| {
            ends.lower.intercepts()[*at] <= **truth && **truth <= ends.upper.intercepts()[*at]
        });
        let inside = in_slopes.count() + in_intercepts.count();
        let all = slopes.len() + intercepts.len();
        self.coverage.push(inside as f64 / all as f64);
        self.root_mean_square
            .push(mean_square(&model, &new.samples)?.sqrt());
        Ok(model)
    }
}

/// Mean squared error over all coefficients, the intercept being one.
fn effect_error(data: &SimulatedData, found: &contextualized_core::Coefficients) -> f64 {
    let truth = &data.coefficients;
    let slopes = (&found.slopes() - &truth.slopes()).mapv(|error| error * error);
    let intercepts = (&found.intercepts() - &truth.intercepts()).mapv(|error| error * error);
    (slopes.sum() + intercepts.sum()) / (slopes.len() + intercepts.len()) as f64
}

/// Mean squared error of predictions.
fn mean_square(model: &dyn LocalCoefficients, samples: &Samples) -> Result<f64> {
    let errors = &samples.targets() - &model.predict_samples(samples)?;
    Ok(errors.mapv(|error| error * error).sum() / errors.len() as f64)
}

fn indicator(condition: bool) -> f64 {
    f64::from(u8::from(condition))
}

/// Twenty contexts, of which two, one, one, none, five and four matter to the six coefficients: Deshpande et al. (2024,
/// doi:10.1214/24-BA1470), first simulation, with independent rows.
fn varying(rows: usize, noise: f64) -> Simulator {
    Simulator::new(rows)
        .uniform_contexts(20, 0.0, 1.0)
        .features(|draws, _| {
            let mut last = draws.normal(0.0, 1.0);
            let mut features = vec![last];
            for _ in 1..5 {
                last = 0.5 * last + draws.normal(0.0, 0.75_f64.sqrt());
                features.push(last);
            }
            features
        })
        .intercept(|c| {
            let late = indicator(c[1] > 0.5);
            3.0 * c[0] + (2.0 - 5.0 * late) * (PI * c[0]).sin() - 2.0 * late
        })
        .slopes(|c| {
            vec![
                (2.0 * c[0] + 0.5).sin() / (4.0 * c[0] + 1.0) + (2.0 * c[0] - 0.5).powi(3),
                (3.0 - 3.0 * (6.0 * PI * c[0]).cos() * c[0] * c[0]) * indicator(c[0] > 0.6)
                    - 10.0 * c[0].sqrt() * indicator(c[0] < 0.25),
                1.0,
                10.0 * (PI * c[0] * c[1]).sin()
                    + 20.0 * (c[2] - 0.5).powi(2)
                    + 10.0 * c[3]
                    + 5.0 * c[4],
                (0.9 * (c[0] + 0.48)).powi(10).sin().exp() + c[1] * c[2] + c[3],
            ]
        })
        .noise(noise)
}

/// The contexts that matter to each slope, and to the intercept.
const RELEVANT: [&[usize]; 6] = [&[0], &[0], &[], &[0, 1, 2, 3, 4], &[0, 1, 2, 3], &[0, 1]];

/// The harmonic mean of the shares of contexts selected that matter, and of those that matter that are selected.
fn selection(model: &TreeModel) -> Result<f64> {
    let table = model.relevance(0.9)?;
    let contexts = table.len() / RELEVANT.len();
    let (mut right, mut selected, mut relevant) = (0, 0, 0);
    for (at, line) in table.iter().enumerate() {
        let matters = RELEVANT[at / contexts].contains(&(at % contexts));
        right += usize::from(matters && line.is_selected());
        selected += usize::from(line.is_selected());
        relevant += usize::from(matters);
    }
    Ok(2.0 * right as f64 / (selected + relevant) as f64)
}

/// Two coefficients that jump.
fn steps(rows: usize) -> Simulator {
    Simulator::new(rows)
        .uniform_contexts(2, -1.0, 1.0)
        .intercept(|c| if c[0] > 0.2 { 1.5 } else { -0.5 })
        .slopes(|c| vec![2.0 * indicator(c[1] > -0.3 && c[0] < 0.5) - 1.0])
        .noise(0.3)
}

/// A slope that differs between groups of a factor's levels.
fn levels(rows: usize) -> Simulator {
    Simulator::new(rows)
        .contexts(|draws| {
            let level = draws.uniform(0.0, LEVELS as f64).floor();
            (0..LEVELS)
                .map(|own| indicator(level == own as f64))
                .collect()
        })
        .slopes(|c| {
            let level = c.iter().position(|own| *own > 0.5).unwrap_or(0);
            vec![[-1.5, -0.5, 0.5, 1.5][level * 7 % 4]]
        })
        .noise(1.0)
}

/// Eight contexts of noise.
fn nothing(rows: usize) -> Simulator {
    Simulator::new(rows)
        .normal_contexts(8)
        .slopes(|_| vec![1.0, -0.5])
        .intercept(|_| 1.0)
        .noise(1.0)
}

/// Twenty slopes, each one on a disc that has a tenth of the contexts and else zero: Thompson, Dezfouli and Kohn (2023),
/// *The contextual lasso*.
fn discs(rows: usize, seed: u64) -> Simulator {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut point = || [random.gen_range(-1.0..1.0), random.gen_range(-1.0..1.0)];
    let distance = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
    let discs: Vec<([f64; 2], f64)> = (0..20)
        .map(|_| {
            let center = point();
            let mut distances: Vec<f64> = (0..10_000).map(|_| distance(center, point())).collect();
            distances.sort_by(f64::total_cmp);
            (center, distances[distances.len() / 10])
        })
        .collect();
    Simulator::new(rows)
        .uniform_contexts(2, -1.0, 1.0)
        .slopes(move |c| {
            let inside =
                |(center, radius): &([f64; 2], f64)| distance([c[0], c[1]], *center) < *radius;
            discs.iter().map(|disc| indicator(inside(disc))).collect()
        })
        .noise(1.0)
}

/// Errors, coverage, selection and seconds of the default estimator.
///
/// # Errors
///
/// Those of the estimators; there are none for these data.
pub fn measure(seeds: u64) -> Result<Findings> {
    let mut claims = Vec::new();
    for (noise, bar) in [(1.0, 0.12), (0.5, 0.085), (2.0, 0.29), (4.0, 0.7)] {
        let name = format!("varying, 1000 rows, noise {noise}");
        let claim = claims_of(&name);
        let (mut measured, mut selections) = (Measured::default(), Vec::new());
        for seed in 0..seeds {
            let samples = varying(1000, noise).simulate(seed)?.samples;
            let new = varying(NEW_ROWS, noise).simulate(seeds + seed)?;
            selections.push(selection(&measured.add(&samples, &new, seed)?)?);
        }
        claims.push(claim(
            "effect MSE",
            Bar::Within(0.0..=bar),
            measured.effect_error,
        ));
        if noise == 1.0 {
            claims.push(claim(
                "coverage",
                Bar::Within(0.93..=0.98),
                measured.coverage,
            ));
            let errors = measured.root_mean_square;
            claims.push(claim("RMSE of outcomes", Bar::Within(0.0..=1.33), errors));
            claims.push(claim(
                "F1 of selected contexts",
                Bar::Within(0.92..=1.0),
                selections,
            ));
            claims.push(claim("seconds", Bar::Seconds(30.0), measured.seconds));
        }
    }

    let claim = claims_of("steps, 900 rows");
    let mut measured = Measured::default();
    for seed in 0..seeds {
        let new = steps(NEW_ROWS).simulate(seeds + seed)?;
        measured.add(&steps(900).simulate(seed)?.samples, &new, seed)?;
    }
    claims.push(claim(
        "effect MSE",
        Bar::Within(0.0..=0.01),
        measured.effect_error,
    ));
    claims.push(claim("coverage", Bar::Reported, measured.coverage));

    let claim = claims_of("60 levels, 1500 rows");
    let mut measured = Measured::default();
    for seed in 0..seeds {
        let samples = levels(1500).simulate(seed)?.samples;
        let samples = samples.with_factors([("level", (0..LEVELS).collect())])?;
        let new = levels(NEW_ROWS).simulate(seeds + seed)?;
        measured.add(&samples, &new, seed)?;
    }
    claims.push(claim("effect MSE", Bar::Reported, measured.effect_error));
    claims.push(claim("coverage", Bar::Reported, measured.coverage));

    let claim = claims_of("nothing, 500 rows");
    let (mut measured, mut ratios) = (Measured::default(), Vec::new());
    for seed in 0..seeds {
        let samples = nothing(500).simulate(seed)?.samples;
        let new = nothing(4 * NEW_ROWS).simulate(seeds + seed)?;
        let model = measured.add(&samples, &new, seed)?;
        let population = PopulationRegression::new().fit(&samples)?;
        ratios.push(mean_square(&model, &new.samples)? / mean_square(&population, &new.samples)?);
    }
    claims.push(claim(
        "MSE of outcomes / population's",
        Bar::Within(0.0..=1.03),
        ratios,
    ));

    let claim = claims_of("discs, 1000 rows");
    let (mut of_effects, mut of_means) = (Vec::new(), Vec::new());
    for seed in 0..seeds {
        let data = discs(1000, seed).simulate(seed)?;
        let model = TreeRegression::new()
            .intercept(false)
            .seed(seed)
            .fit(&data.samples)?;
        let found = model.coefficients(data.samples.contexts())?;
        let cells = found.slopes().len() as f64;
        of_effects.push((effect_mse(&data.coefficients, &found)? * cells).sqrt());
        let predictor = model.predictor_of_samples(&data.samples)?;
        let errors = &data.means - &predictor;
        of_means.push(errors.mapv(|error| error * error).sum().sqrt());
    }
    claims.push(claim(
        "norm of errors of effects",
        Bar::Within(0.0..=25.0),
        of_effects,
    ));
    claims.push(claim(
        "norm of errors of means",
        Bar::Within(0.0..=20.0),
        of_means,
    ));

    let title = format!(
        "Regression by trees at its defaults, seeds 0 to {}.",
        seeds - 1
    );
    Ok(findings(&title, &claims))
}

/// Claims of one data set.
fn claims_of(data: &str) -> impl Fn(&'static str, Bar, Vec<f64>) -> Claim {
    let data = data.to_owned();
    move |what, bar, values| Claim {
        data: data.clone(),
        what,
        bar,
        values,
    }
}
