//! Errors and intervals of effects on outcomes of each family, beside a generalised additive model of R.

use super::{Bar, Claim, Findings, findings};
use contextualized_core::{
    Coefficients, Error, Estimator, Family, Result, Samples, SurvivalTimes, TimeIntervals,
    VaryingCoefficients, WithUncertainty,
};
use contextualized_linear::GaussianProcessRegression;
use contextualized_simulation::{SimulatedData, Simulator};
use ndarray::{Array1, Array2, Axis, concatenate};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1};
use rayon::prelude::*;
use std::str::FromStr;

const LEVEL: f64 = 0.95;
/// Rows of the data sets whose effects are compared, and of those whose intervals are judged.
const ROWS: [usize; 2] = [500, 300];
/// Data sets whose effects are compared.
const SEEDS: u64 = 20;
/// Times the error of R's mgcv that ours may have.
const TIMES: f64 = 1.1;
/// A family, the shape that its outcomes have, and the median mean squared error of both effects by mgcv 1.8-41:
/// `docs/comparisons/families.R` on the tables of `comparison_data`.
const FAMILIES: [(&str, &[f64], f64); 5] = [
    ("binomial", &[], 0.049_568),
    ("poisson", &[], 0.005_698_6),
    ("negative-binomial", &[2.0], 0.015_001),
    ("gamma", &[0.25], 0.002_616_9),
    ("ordinal", &[1.0, 1.0], 0.031_761),
];
/// The same of survival times, by its `cox.ph`.
const SURVIVAL: f64 = 0.017_872;

/// Two contexts, uniform on [−1, 1], and two standard normal features:
///
/// ```text
/// η = 0.3 + 0.4 c0 + 0.8 sin(2 c0) x0 + 0.5 c1² x1
/// ```
///
/// # Errors
///
/// Those of [`Simulator::simulate`]; there are none for these data.
pub fn data(family: Family, rows: usize, seed: u64) -> Result<SimulatedData> {
    Simulator::new(rows)
        .uniform_contexts(2, -1.0, 1.0)
        .slopes(|c| vec![0.8 * (2.0 * c[0]).sin(), 0.5 * c[1].powi(2)])
        .intercept(|c| 0.3 + 0.4 * c[0])
        .family(family)
        .simulate(seed)
}

/// The families that are compared, with the shapes that their outcomes have.
///
/// # Errors
///
/// None.
pub fn simulated() -> Result<Vec<Family>> {
    FAMILIES
        .iter()
        .map(|(name, shape, _)| {
            let family: Family = name.parse()?;
            match shape {
                [] => Ok(family),
                shape => family.with_shape(shape),
            }
        })
        .collect()
}

/// Survival times of the same predictors, which are log-hazards that do not change with time:
///
/// ```text
/// T = E / exp η,  E exponential,    observed until a time that is uniform between 0 and 3
/// ```
///
/// # Errors
///
/// Those of [`data`] and of [`SurvivalTimes::new`]; there are none for these data.
pub fn survival(rows: usize, seed: u64) -> Result<(SimulatedData, SurvivalTimes)> {
    let subjects = data(Family::Poisson, rows, seed)?;
    let predictors = subjects
        .coefficients
        .linear_predictor(subjects.samples.features())?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut stops = Array1::zeros(rows);
    let mut events = Array1::zeros(rows);
    for (row, predictor) in predictors.iter().enumerate() {
        let exponential: f64 = Exp1.sample(&mut rng);
        let (time, censored) = (exponential / predictor.exp(), rng.gen_range(0.0..3.0));
        stops[row] = f64::min(time, censored);
        events[row] = f64::from(u8::from(time <= censored));
    }
    let times = SurvivalTimes::new(stops.view(), events.view())?;
    Ok((subjects, times))
}

/// Rows to fit, and true coefficients at some contexts.
struct Problem {
    samples: Samples,
    contexts: Array2<f64>,
    truth: Coefficients,
}

impl Problem {
    fn of(family: Family, rows: usize, seed: u64) -> Result<Self> {
        let SimulatedData {
            samples,
            coefficients,
            ..
        } = data(family, rows, seed)?;
        Ok(Self {
            contexts: samples.contexts().to_owned(),
            samples,
            truth: coefficients,
        })
    }

    /// The coefficients of survival times are those in the middle interval of time.
    fn of_survival(rows: usize, seed: u64) -> Result<Self> {
        let (subjects, times) = survival(rows, seed)?;
        let intervals = TimeIntervals::at_quantiles(&times, None, TimeIntervals::DEFAULT)?;
        let middle = intervals.times()[intervals.count() / 2];
        let at = Array2::from_elem((rows, 1), middle);
        let contexts = concatenate(Axis(1), &[subjects.samples.contexts(), at.view()])
            .map_err(|source| Error::numerical("joining contexts", source))?;
        Ok(Self {
            samples: intervals.samples(&subjects.samples, &times, "time")?,
            contexts,
            truth: subjects.coefficients,
        })
    }
}

/// Errors over 20 data sets of 500 rows, and coverage over this many of 300.
///
/// # Errors
///
/// Those of the estimator; there are none for these data.
pub fn measure(data_sets: u64) -> Result<Findings> {
    let mut claims = Vec::new();
    for (family, (name, _, theirs)) in simulated()?.into_iter().zip(FAMILIES) {
        // The shape is estimated, as it is from real data.
        let estimator = GaussianProcessRegression::new().family(Family::from_str(name)?);
        let problem = |rows, seed| Problem::of(family, rows, seed);
        claims.extend(measured(name, theirs, data_sets, &estimator, problem)?);
    }
    let estimator = GaussianProcessRegression::new().family(Family::Poisson);
    let problem = Problem::of_survival;
    claims.extend(measured(
        "survival", SURVIVAL, data_sets, &estimator, problem,
    )?);
    Ok(findings(
        &format!(
            "Gaussian processes with families of their own: errors of effects over {SEEDS} data sets of {} rows, at most\n\
             {TIMES} times those of mgcv; and 95 % intervals over {data_sets} of {} rows.",
            ROWS[0], ROWS[1]
        ),
        &claims,
    ))
}

/// What is claimed of one kind of outcomes.
fn measured(
    name: &str,
    theirs: f64,
    data_sets: u64,
    estimator: &GaussianProcessRegression,
    problem: impl Fn(usize, u64) -> Result<Problem> + Sync,
) -> Result<[Claim; 2]> {
    let fitted = |rows, seed| {
        let problem = problem(rows, seed)?;
        let model = estimator.fit(&problem.samples)?;
        Ok::<_, Error>((problem, model))
    };
    let errors = (0..SEEDS)
        .into_par_iter()
        .map(|seed| {
            let (problem, model) = fitted(ROWS[0], seed)?;
            let found = model.coefficients(problem.contexts.view())?;
            Ok(squared_error(&found, &problem.truth))
        })
        .collect::<Result<Vec<f64>>>()?;
    let held = (0..data_sets)
        .into_par_iter()
        .map(|seed| {
            let (problem, model) = fitted(ROWS[1], SEEDS + seed)?;
            let ends = model.intervals(problem.contexts.view(), LEVEL)?;
            let truth = problem.truth.slopes();
            let inside = ndarray::Zip::from(ends.lower.slopes())
                .and(ends.upper.slopes())
                .and(truth)
                .fold(0, |count, low, high, own| {
                    count + usize::from(low <= own && own <= high)
                });
            Ok(inside as f64 / truth.len() as f64)
        })
        .collect::<Result<Vec<f64>>>()?;
    let mean = held.iter().sum::<f64>() / held.len() as f64;
    Ok([
        Claim {
            data: name.to_owned(),
            what: "MSE of effects",
            bar: Bar::Within(0.0..=TIMES * theirs),
            values: errors,
        },
        Claim {
            data: name.to_owned(),
            what: "share in 95 % intervals",
            bar: Bar::Within(0.92..=0.97),
            values: vec![mean],
        },
    ])
}

fn squared_error(found: &Coefficients, truth: &Coefficients) -> f64 {
    let errors = &found.slopes() - &truth.slopes();
    (&errors * &errors).mean().unwrap_or(f64::NAN)
}
