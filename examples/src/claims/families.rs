//! Errors and intervals of effects on outcomes of each family, beside a generalised additive model of R.

use super::{Bar, Claim, Findings, findings};
use contextualized_core::{Coefficients, Error, Estimator, Family, Result, WithUncertainty};
use contextualized_linear::GaussianProcessRegression;
use contextualized_simulation::{SimulatedData, Simulator};
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
const FAMILIES: [(&str, Option<f64>, f64); 4] = [
    ("binomial", None, 0.049_568),
    ("poisson", None, 0.005_698_6),
    ("negative-binomial", Some(2.0), 0.015_001),
    ("gamma", Some(0.25), 0.002_616_9),
];

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
            shape.map_or(Ok(family), |shape| family.with_shape(shape))
        })
        .collect()
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
        let fitted = |rows, seed| {
            let data = data(family, rows, seed)?;
            let model = estimator.fit(&data.samples)?;
            Ok::<_, Error>((data, model))
        };
        let errors = (0..SEEDS)
            .into_par_iter()
            .map(|seed| {
                let (data, model) = fitted(ROWS[0], seed)?;
                let found = contextualized_core::VaryingCoefficients::coefficients(
                    &model,
                    data.samples.contexts(),
                )?;
                Ok(squared_error(&found, &data.coefficients))
            })
            .collect::<Result<Vec<f64>>>()?;
        let held = (0..data_sets)
            .into_par_iter()
            .map(|seed| {
                let (data, model) = fitted(ROWS[1], SEEDS + seed)?;
                let ends = model.intervals(data.samples.contexts(), LEVEL)?;
                let truth = data.coefficients.slopes();
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
        claims.push(Claim {
            data: name.to_owned(),
            what: "MSE of effects",
            bar: Bar::Within(0.0..=TIMES * theirs),
            values: errors,
        });
        claims.push(Claim {
            data: name.to_owned(),
            what: "share in 95 % intervals",
            bar: Bar::Within(0.92..=0.97),
            values: vec![mean],
        });
    }
    Ok(findings(
        &format!(
            "Gaussian processes with families of their own: errors of effects over {SEEDS} data sets of {} rows, at most\n\
             {TIMES} times those of mgcv; and 95 % intervals over {data_sets} of {} rows.",
            ROWS[0], ROWS[1]
        ),
        &claims,
    ))
}

fn squared_error(found: &Coefficients, truth: &Coefficients) -> f64 {
    let errors = &found.slopes() - &truth.slopes();
    (&errors * &errors).mean().unwrap_or(f64::NAN)
}
