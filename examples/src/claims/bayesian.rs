//! Section 2 of the demo: errors of every model over data seeds.

use super::{Bar, Claim, Findings, findings};
use crate::section2::{NetworkPart, NetworkRow, outcomes};
use contextualized_core::Result;
use contextualized_simulation::NetworkProblem;

/// A figure of a row, beside the oracle's row of the same data.
type Figure = fn(&NetworkRow, &NetworkRow) -> f64;

const PARAMETERS: (&str, Figure) = ("weights MSE, held out", |row, _| row.parameter_mse_test);
const RECONSTRUCTION: (&str, Figure) = ("reconstruction MSE, held out", |row, _| {
    row.reconstruction_mse_test
});
const TO_ORACLE: (&str, Figure) = ("reconstruction MSE / the oracle's", |row, oracle| {
    row.reconstruction_mse_test / oracle.reconstruction_mse_test
});
const SECONDS: (&str, Figure) = ("seconds of the fit", |row, _| row.seconds);

/// Errors of every model on held-out samples, over this many data seeds.
///
/// # Errors
///
/// Those of the estimators; there are none for these data.
pub fn measure(seeds: u64) -> Result<Findings> {
    let mut by_seed: Vec<Vec<NetworkRow>> = Vec::new();
    for seed in 0..seeds {
        let problem = NetworkProblem::new(seed)?;
        let mut rows = Vec::new();
        for part in NetworkPart::ALL {
            let outcomes = outcomes(part, &problem, seed)?;
            rows.extend(outcomes.into_iter().map(|outcome| outcome.row));
        }
        by_seed.push(rows);
    }
    let at_most = |most: f64| Bar::Within(0.0..=most);
    let asked = [
        ("empty", PARAMETERS, Bar::Reported),
        ("empty", RECONSTRUCTION, Bar::Reported),
        ("population", PARAMETERS, at_most(1.0)),
        ("population", RECONSTRUCTION, Bar::Reported),
        ("cluster", PARAMETERS, at_most(0.13)),
        ("cluster", RECONSTRUCTION, Bar::Reported),
        ("neural", PARAMETERS, at_most(0.09)),
        ("neural", RECONSTRUCTION, at_most(1.6)),
        ("neural", SECONDS, Bar::Seconds(5.0)),
        ("gp", PARAMETERS, at_most(0.006)),
        ("gp", RECONSTRUCTION, Bar::Reported),
        ("gp", TO_ORACLE, at_most(1.01)),
        ("gp", SECONDS, Bar::Seconds(0.5)),
        ("oracle", RECONSTRUCTION, Bar::Reported),
    ];
    let claims: Vec<Claim> = asked
        .into_iter()
        .map(|(model, (what, figure), bar)| Claim {
            data: model.to_owned(),
            what,
            bar,
            values: by_seed
                .iter()
                .filter_map(|rows| {
                    let named = |name: &str| rows.iter().find(|row| row.model == name);
                    Some(figure(named(model)?, named("oracle")?))
                })
                .collect(),
        })
        .collect();
    let title = format!(
        "Networks of Section 2, learned from 800 samples: 200 held-out ones, data seeds 0 to {}.",
        seeds - 1
    );
    Ok(findings(&title, &claims))
}
