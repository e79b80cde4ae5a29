//! Five contexts of which two are irrelevant, and slopes of up to three of them: whether the default
//! search for hyperparameters goes far enough.

use super::{Bar, Claim, Findings, findings};
use contextualized_core::metrics::effect_mse;
use contextualized_core::{Estimator, Result, VaryingCoefficients};
use contextualized_linear::GaussianProcessRegression;
use contextualized_simulation::Simulator;
use std::time::Instant;

const ROWS: usize = 900;
const NEW_ROWS: usize = 5000;
const SEEDS: u64 = 10;

/// ```text
/// w0 = sin(3 c0) + c1    w1 = c0 c2    w2 = 1
/// ```
fn simulator(rows: usize) -> Simulator {
    Simulator::new(rows)
        .uniform_contexts(5, -1.0, 1.0)
        .slopes(|c| vec![(3.0 * c[0]).sin() + c[1], c[0] * c[2], 1.0])
        .noise(0.5)
}

/// Effects on new rows by the default search and by one that goes on for long.
///
/// # Errors
///
/// Those of the estimator; there are none for these data.
pub fn measure() -> Result<Findings> {
    let (mut errors, mut ratios) = (Vec::new(), Vec::new());
    let (mut seconds, mut long) = (Vec::new(), Vec::new());
    for seed in 0..SEEDS {
        let train = simulator(ROWS).simulate(seed)?.samples;
        let new = simulator(NEW_ROWS).simulate(SEEDS + seed)?;
        let fit = |estimator: GaussianProcessRegression| -> Result<(f64, f64)> {
            let start = Instant::now();
            let model = estimator.fit(&train)?;
            let seconds = start.elapsed().as_secs_f64();
            let estimate = model.coefficients(new.samples.contexts())?;
            Ok((effect_mse(&new.coefficients, &estimate)?, seconds))
        };
        let default = fit(GaussianProcessRegression::new())?;
        let thorough = fit(GaussianProcessRegression::new()
            .tolerance(1e-6)
            .max_iterations(2000))?;
        errors.push(default.0);
        ratios.push(default.0 / thorough.0);
        seconds.push(default.1);
        long.push(thorough.1);
    }
    let claim = |what, bar, values| Claim {
        data: "interactions".to_owned(),
        what,
        bar,
        values,
    };
    let title = format!(
        "Gaussian process regression of {ROWS} rows on five contexts, seeds 0 to {}: effects at {NEW_ROWS} new contexts.",
        SEEDS - 1
    );
    Ok(findings(
        &title,
        &[
            claim("effect MSE", Bar::Reported, errors),
            claim(
                "effect MSE / that of a thorough search",
                Bar::Within(0.99..=1.01),
                ratios,
            ),
            claim("seconds of the fit", Bar::Seconds(3.0), seconds),
            claim("seconds of the thorough search", Bar::Reported, long),
        ],
    ))
}
