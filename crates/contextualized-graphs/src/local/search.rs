//! The choice of bandwidths by held-out scores.

use contextualized_core::Result;
use contextualized_gp::QuasiNewton;

/// What bandwidths are chosen by.
pub(crate) trait Objective: Sync {
    /// The score of every evaluation row by estimates without it, and, if asked for, the derivatives
    /// of their sum by the logarithms of the bandwidths and of the pseudo-rows, if there are some.
    fn scores(&self, at: &Settings, gradient: bool) -> Result<Scores>;

    /// Number of context columns.
    fn columns(&self) -> usize;

    /// Where the search for pseudo-rows starts; none where they do not matter.
    fn pseudo_rows(&self) -> Option<[f64; 2]>;
}

/// Scores, and the gradient of their sum.
#[derive(Debug, Clone)]
pub(crate) struct Scores {
    pub(crate) rows: Vec<f64>,
    pub(crate) gradient: Vec<f64>,
}

/// Bandwidths, infinite where a column is switched off, and pseudo-rows of the population and of
/// independence (ones where they do not matter).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    pub(crate) bandwidths: Vec<f64>,
    pub(crate) pseudo_rows: [f64; 2],
}

/// The settings found.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) settings: Settings,
    pub(crate) scores: Vec<f64>,
    pub(crate) iterations: usize,
    pub(crate) converged: bool,
}

/// The smallest bandwidth searched, in standard deviations of a context.
const NARROWEST: f64 = 0.05;

/// From here a bandwidth counts as infinite.
const WIDEST: f64 = 20.0;

/// The range of pseudo-rows.
const PSEUDO_ROWS: (f64, f64) = (1e-2, 1e6);

/// Common bandwidths that are tried first, and what one column is tried at on its own.
const STARTS: [f64; 5] = [0.25, 0.5, 1.0, 2.0, 4.0];
const ALONE: f64 = 0.5;
const OTHERS: f64 = 8.0;

/// Iterations gain at least this in the sum of scores, or end the search.
const TOLERANCE: f64 = 0.05;

/// The most iterations of one climb.
const ITERATIONS: usize = 25;

/// Corrections that L-BFGS remembers.
const MEMORY: usize = 7;

/// Climbs from the best of some starts; then, as long as there is one, switches off the variable that
/// does least, if the sum of scores falls by less than one standard error without it.
///
/// The columns of a variable have one bandwidth: levels of a factor are equally far apart.
pub(crate) fn search(objective: &dyn Objective, variables: &[Vec<usize>]) -> Result<Found> {
    let columns = objective.columns();
    let pseudo_rows = objective.pseudo_rows().unwrap_or([1.0; 2]);
    let mut starts: Vec<Vec<f64>> = STARTS.iter().map(|&h| vec![h; columns]).collect();
    if variables.len() > 1 {
        starts.extend(variables.iter().map(|own| {
            let mut bandwidths = vec![OTHERS; columns];
            set(&mut bandwidths, own, ALONE);
            bandwidths
        }));
    }
    let mut best: Option<(f64, Settings)> = None;
    for bandwidths in starts {
        let settings = Settings {
            bandwidths,
            pseudo_rows,
        };
        let total = sum(&objective.scores(&settings, false)?.rows);
        if best.as_ref().is_none_or(|(highest, _)| total > *highest) {
            best = Some((total, settings));
        }
    }
    let start = best.map_or(
        Settings {
            bandwidths: vec![f64::INFINITY; columns],
            pseudo_rows,
        },
        |(_, settings)| settings,
    );
    let mut found = climb(objective, variables, start)?;
    while let Some(without) = least_useful(objective, variables, &found)? {
        let iterations = found.iterations;
        found = climb(objective, variables, without)?;
        found.iterations += iterations;
    }
    Ok(found)
}

fn set(bandwidths: &mut [f64], columns: &[usize], value: f64) {
    for &column in columns {
        bandwidths[column] = value;
    }
}

fn sum(scores: &[f64]) -> f64 {
    scores.iter().sum()
}

/// The settings without the variable whose loss is the smallest part of its standard error, if that is
/// less than one.
fn least_useful(
    objective: &dyn Objective,
    variables: &[Vec<usize>],
    found: &Found,
) -> Result<Option<Settings>> {
    let mut least: Option<(f64, Settings)> = None;
    for own in variables {
        if found.settings.bandwidths[own[0]].is_infinite() {
            continue;
        }
        let mut without = found.settings.clone();
        set(&mut without.bandwidths, own, f64::INFINITY);
        let scores = objective.scores(&without, false)?.rows;
        let losses: Vec<f64> = found
            .scores
            .iter()
            .zip(&scores)
            .map(|(a, b)| a - b)
            .collect();
        let count = losses.len() as f64;
        let (total, mean) = (sum(&losses), sum(&losses) / count);
        let squares: f64 = losses.iter().map(|loss| (loss - mean).powi(2)).sum();
        let error = (squares * count / (count - 1.0).max(1.0)).sqrt();
        let ratio = if total <= 0.0 {
            f64::NEG_INFINITY
        } else {
            total / error
        };
        if ratio < 1.0 && least.as_ref().is_none_or(|(lowest, _)| ratio < *lowest) {
            least = Some((ratio, without));
        }
    }
    Ok(least.map(|(_, settings)| settings))
}

/// What is searched: the logarithms of finite bandwidths, then of the pseudo-rows.
struct Climb<'a> {
    objective: &'a dyn Objective,
    start: Settings,
    /// Columns of the variables with finite bandwidths.
    free: Vec<&'a [usize]>,
    unit: f64,
}

impl Climb<'_> {
    fn settings(&self, logs: &[f64]) -> Settings {
        let mut settings = self.start.clone();
        for (place, log) in logs.iter().enumerate() {
            let (low, high) = self.bounds(place);
            let value = log.clamp(low, high).exp();
            match self.free.get(place) {
                Some(own) => set(&mut settings.bandwidths, own, value),
                None => settings.pseudo_rows[place - self.free.len()] = value,
            }
        }
        settings
    }

    fn bounds(&self, place: usize) -> (f64, f64) {
        if place < self.free.len() {
            (NARROWEST.ln(), WIDEST.ln())
        } else {
            (PSEUDO_ROWS.0.ln(), PSEUDO_ROWS.1.ln())
        }
    }

    /// Minus the sum of scores, with a slope back to the bounds beyond them.
    fn evaluate(&self, logs: &[f64]) -> Result<(f64, Vec<f64>)> {
        let scores = self.objective.scores(&self.settings(logs), true)?;
        let columns = self.objective.columns();
        let mut cost = -sum(&scores.rows) / self.unit;
        let gradient = logs
            .iter()
            .enumerate()
            .map(|(place, &log)| {
                let (low, high) = self.bounds(place);
                let beyond = log - log.clamp(low, high);
                cost += beyond * beyond;
                let slope: f64 = match self.free.get(place) {
                    Some(own) => own.iter().map(|&column| scores.gradient[column]).sum(),
                    None => scores.gradient[columns + place - self.free.len()],
                };
                if beyond == 0.0 {
                    -slope / self.unit
                } else {
                    2.0 * beyond
                }
            })
            .collect();
        Ok((cost, gradient))
    }
}

/// The maximum of the sum of scores over finite bandwidths and pseudo-rows.
fn climb(objective: &dyn Objective, variables: &[Vec<usize>], start: Settings) -> Result<Found> {
    let variables = variables.iter().map(Vec::as_slice);
    let free: Vec<&[usize]> = variables
        .filter(|own| start.bandwidths[own[0]].is_finite())
        .collect();
    let first = free.iter().map(|own| start.bandwidths[own[0]].ln());
    let mut logs: Vec<f64> = first.collect();
    if objective.pseudo_rows().is_some() {
        logs.extend(start.pseudo_rows.map(f64::ln));
    }
    let mut problem = Climb {
        objective,
        start: start.clone(),
        free,
        unit: 1.0,
    };
    let settled = |settings: Settings, iterations, converged| -> Result<Found> {
        let mut settings = settings;
        for bandwidth in &mut settings.bandwidths {
            if *bandwidth > 0.99 * WIDEST {
                *bandwidth = f64::INFINITY;
            }
        }
        Ok(Found {
            scores: objective.scores(&settings, false)?.rows,
            settings,
            iterations,
            converged,
        })
    };
    if logs.is_empty() {
        return settled(start, 0, true);
    }
    // The first step, against the gradient, is then half a unit of the logarithms long.
    let (_, gradient) = problem.evaluate(&logs)?;
    let length = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
    if length < 1e-9 {
        return settled(start, 0, true);
    }
    problem.unit = 2.0 * length;
    let search = QuasiNewton {
        purpose: "the search for bandwidths",
        criterion: "gain in the sum of scores",
        memory: MEMORY,
        tolerance: TOLERANCE,
        unit: problem.unit,
        gradient_tolerance: 1e-3 * TOLERANCE / problem.unit,
        max_iterations: ITERATIONS,
    };
    let found = search.minimize(logs, |logs| problem.evaluate(logs))?;
    settled(
        problem.settings(&found.point),
        found.iterations,
        found.converged,
    )
}
