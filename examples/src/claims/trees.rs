//! Regression by trees: published designs with jumps, factors of many levels, counts, and nothing at all.

use super::designs::{
    LEVELS, counts, discs, effect_error, exposures, levels, nothing, steps, varying,
};
use super::{Bar, Claim, Findings, findings};
use contextualized_baselines::{ClusterRegression, PopulationRegression};
use contextualized_core::metrics::effect_mse;
use contextualized_core::{
    DynEstimator, Estimator, Family, LocalCoefficients, Result, Samples, VaryingCoefficients,
    WithUncertainty,
};
use contextualized_linear::{GaussianProcessRegression, NeuralRegression};
use contextualized_simulation::SimulatedData;
use contextualized_trees::{TreeModel, TreeRegression};
use std::time::Instant;

const NEW_ROWS: usize = 1000;

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
        self.add_fit(&TreeRegression::new().seed(seed), samples, new)
    }

    fn add_fit<E>(
        &mut self,
        estimator: &E,
        samples: &Samples,
        new: &SimulatedData,
    ) -> Result<E::Model>
    where
        E: Estimator,
        E::Model: VaryingCoefficients + WithUncertainty,
    {
        let start = Instant::now();
        let model = estimator.fit(samples)?;
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

/// Mean squared error of predictions.
fn mean_square(model: &dyn LocalCoefficients, samples: &Samples) -> Result<f64> {
    let errors = &samples.targets() - &model.predict_samples(samples)?;
    Ok(errors.mapv(|error| error * error).sum() / errors.len() as f64)
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

/// Errors compared with those of other estimators: coefficients of a factor of many levels, and of counts.
///
/// # Errors
///
/// Those of the estimators; there are none for these data.
pub fn measure_peers(seeds: u64) -> Result<Findings> {
    let mut claims = Vec::new();
    let claim = claims_of("60 levels, 1500 rows");
    let (mut measured, mut ratios) = (Measured::default(), Vec::new());
    for seed in 0..seeds {
        let samples = levels(1500).simulate(seed)?.samples;
        let samples = samples.with_factors([("level", (0..LEVELS).collect())])?;
        let new = levels(NEW_ROWS).simulate(seeds + seed)?;
        measured.add(&samples, &new, seed)?;
        let others: [Box<dyn DynEstimator>; 3] = [
            Box::new(GaussianProcessRegression::new()),
            Box::new(ClusterRegression::new().seed(seed)),
            Box::new(NeuralRegression::new().seed(seed)),
        ];
        let mut best = f64::INFINITY;
        for other in &others {
            let model = other.fit(&samples)?;
            let (contexts, features) = (new.samples.contexts(), new.samples.features());
            let found = model.coefficients_at(contexts, features)?;
            best = best.min(effect_error(&new, &found));
        }
        ratios.extend(measured.effect_error.last().map(|error| error / best));
    }
    claims.push(claim("effect MSE", Bar::Reported, measured.effect_error));
    claims.push(claim(
        "effect MSE / best of GP, clusters, encoder",
        Bar::Within(0.0..=0.8),
        ratios,
    ));
    claims.push(claim("coverage", Bar::Reported, measured.coverage));

    for (name, jumps) in [
        ("smooth counts, 500 rows", false),
        ("counts that jump, 500 rows", true),
    ] {
        let claim = claims_of(name);
        let [mut trees, mut process] = [(); 2].map(|()| Measured::default());
        for seed in 0..seeds {
            let samples = counts(500, jumps, true).simulate(seed)?.samples;
            let offsets = exposures(samples.contexts());
            let samples = samples.with_offsets(offsets.view())?;
            let new = counts(NEW_ROWS, jumps, false).simulate(seeds + seed)?;
            let estimator = TreeRegression::new().family(Family::Poisson).seed(seed);
            trees.add_fit(&estimator, &samples, &new)?;
            let estimator = GaussianProcessRegression::new().family(Family::Poisson);
            process.add_fit(&estimator, &samples, &new)?;
        }
        claims.push(claim("effect MSE", Bar::Reported, trees.effect_error));
        claims.push(claim(
            "effect MSE of GP",
            Bar::Reported,
            process.effect_error,
        ));
        claims.push(claim("coverage", Bar::Within(0.93..=1.0), trees.coverage));
        claims.push(claim("coverage of GP", Bar::Reported, process.coverage));
        claims.push(claim("seconds", Bar::Reported, trees.seconds));
        claims.push(claim("seconds of GP", Bar::Reported, process.seconds));
    }
    let title = format!(
        "Regression by trees at its defaults, and other estimators at theirs, seeds 0 to {}.",
        seeds - 1
    );
    Ok(findings(&title, &claims))
}

/// Errors and seconds where rows are many: three seeds at most of 10,000 rows, one of 50,000.
///
/// # Errors
///
/// Those of the estimators; there are none for these data.
pub fn measure_large(seeds: u64) -> Result<Findings> {
    let mut claims = Vec::new();
    for (rows, seeds, bar, seconds) in [
        (10_000, seeds.min(3), 0.022, 90.0),
        (50_000, 1, 0.007, 480.0),
    ] {
        let name = format!("varying, {rows} rows, noise 1");
        let claim = claims_of(&name);
        let mut measured = Measured::default();
        for seed in 0..seeds {
            let samples = varying(rows, 1.0).simulate(seed)?.samples;
            let new = varying(NEW_ROWS, 1.0).simulate(seeds + seed)?;
            measured.add(&samples, &new, seed)?;
        }
        claims.push(claim(
            "effect MSE",
            Bar::Within(0.0..=bar),
            measured.effect_error,
        ));
        claims.push(claim("coverage", Bar::Reported, measured.coverage));
        claims.push(claim("seconds", Bar::Seconds(seconds), measured.seconds));
    }
    let title = "Regression by trees at its defaults, where rows are many.";
    Ok(findings(title, &claims))
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
