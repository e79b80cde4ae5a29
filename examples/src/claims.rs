//! What is claimed of the estimators, as bars on measured figures: a module for each group.

pub mod auto;
pub mod bayesian;
pub mod bootstrap;
pub mod calibration;
pub mod conformal;
pub mod coverage;
pub mod demo;
pub mod designs;
pub mod families;
pub mod interactions;
pub mod level;
pub mod million;
pub mod mixed;
pub mod networks;
pub mod robust;
pub mod treatment;
pub mod trees;
pub mod variation;

mod truth;

use crate::statistics::quartiles;
use crate::table::{number, table};
use std::ops::RangeInclusive;

/// What a group of claims found.
#[derive(Debug, Clone)]
pub struct Findings {
    /// A table and what has to be said of it.
    pub text: String,
    /// The number of bars that were not met.
    pub failed: usize,
}

/// A figure, and the bar it has to meet.
#[derive(Debug, Clone)]
struct Claim {
    data: String,
    what: &'static str,
    bar: Bar,
    /// One figure, or one for each seed.
    values: Vec<f64>,
}

/// What is asked of a figure, or of the median of several.
#[derive(Debug, Clone)]
enum Bar {
    /// To be in a range.
    Within(RangeInclusive<f64>),
    /// To be at most this many seconds, which depends on the machine and so fails nothing.
    Seconds(f64),
    /// Nothing.
    Reported,
}

impl Claim {
    fn met(&self) -> Option<bool> {
        let [_, median, _] = quartiles(&self.values);
        match &self.bar {
            Bar::Within(range) => Some(range.contains(&median)),
            Bar::Seconds(_) | Bar::Reported => None,
        }
    }

    fn line(&self) -> [String; 6] {
        let [first, median, third] = quartiles(&self.values);
        [
            self.data.clone(),
            self.what.to_owned(),
            match &self.bar {
                Bar::Within(range) => bar(range),
                Bar::Seconds(most) => format!("at most {most} (not asserted)"),
                Bar::Reported => String::new(),
            },
            number(median),
            match self.values.len() {
                1 => String::new(),
                _ => format!("{} to {}", number(first), number(third)),
            },
            self.met().map(verdict).unwrap_or_default().to_owned(),
        ]
    }
}

/// The claims under each other, below a line that says on what they were measured.
fn findings(title: &str, claims: &[Claim]) -> Findings {
    let header = ["data", "figure", "bar", "median", "quartiles", ""];
    let lines = claims.iter().map(Claim::line).collect();
    Findings {
        text: format!("{title}\n\n{}", table(header, 3, lines)),
        failed: claims
            .iter()
            .filter(|claim| claim.met() == Some(false))
            .count(),
    }
}

fn bar(range: &RangeInclusive<f64>) -> String {
    match *range.start() {
        0.0 => format!("at most {}", number(*range.end())),
        start => format!("{} to {}", number(start), number(*range.end())),
    }
}

fn verdict(met: bool) -> &'static str {
    if met { "pass" } else { "FAIL" }
}
