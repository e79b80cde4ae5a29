//! A million rows: the errors of coefficients, their intervals, and the time it takes.

use super::truth::hits;
use super::{Bar, Claim, Findings, findings};
use crate::large::{Contexts, large};
use contextualized_core::metrics::effect_mse;
use contextualized_core::{Estimator, Result, VaryingCoefficients, WithUncertainty};
use contextualized_linear::GaussianProcessRegression;
use std::time::Instant;

const ROWS: usize = 1_000_000;
const NEW_ROWS: usize = 20_000;

/// Coefficients at new contexts, uniform ones to be judged and normal ones to be reported.
///
/// # Errors
///
/// Those of the estimator; there are none for these data.
pub fn measure() -> Result<Findings> {
    let mut claims = Vec::new();
    for (name, contexts) in [
        ("uniform contexts", Contexts::Uniform),
        ("normal contexts", Contexts::Normal),
    ] {
        let judged = |range| match contexts {
            Contexts::Uniform => Bar::Within(range),
            Contexts::Normal => Bar::Reported,
        };
        let train = large(ROWS, contexts).simulate(0)?.samples;
        let new = large(NEW_ROWS, contexts).simulate(1)?;
        let start = Instant::now();
        let model = GaussianProcessRegression::new().fit(&train)?;
        let fit = start.elapsed().as_secs_f64();
        let estimate = model.coefficients(new.samples.contexts())?;
        let start = Instant::now();
        let intervals = model.intervals(new.samples.contexts(), 0.95)?;
        let seconds = start.elapsed().as_secs_f64();
        let slopes = effect_mse(&new.coefficients, &estimate)?;
        let intercept = (&new.coefficients.intercepts() - &estimate.intercepts())
            .mapv(|error| error * error)
            .sum()
            / NEW_ROWS as f64;
        let held: Vec<f64> = hits(&intervals, &new.coefficients)
            .iter()
            .map(|&hits| hits as f64 / NEW_ROWS as f64)
            .collect();
        let covered = held.iter().sum::<f64>() / held.len() as f64;
        let mut claim = |what, bar, value| {
            claims.push(Claim {
                data: name.to_owned(),
                what,
                bar,
                values: vec![value],
            });
        };
        claim(
            "MSE of slopes and intercept",
            judged(0.0..=2.5e-5),
            (3.0 * slopes + intercept) / 4.0,
        );
        claim("share in 95 % intervals", judged(0.92..=0.97), covered);
        claim("seconds of the fit", Bar::Reported, fit);
        claim("seconds of the intervals", Bar::Reported, seconds);
    }
    let title = format!(
        "Gaussian process regression of {ROWS} rows: coefficients at {NEW_ROWS} new contexts."
    );
    Ok(findings(&title, &claims))
}
