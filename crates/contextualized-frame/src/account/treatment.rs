//! How the effect of a treatment was made out.

use crate::error::Result;
use crate::saved::{Regression, Saved, Treatment};
use crate::tables::{Cell, Section, Table};
use contextualized_auto::{AutoReport, CandidateOutcome};

/// What is said of a model of the effect of a treatment, with intervals of this probability; nothing of any other
/// model.
///
/// # Errors
///
/// [`Error::Model`](crate::Error::Model) for a level outside (0, 1).
pub fn treatment_sections(
    saved: &Saved,
    regression: &Regression,
    level: f64,
) -> Result<Vec<Section>> {
    let Some(treatment) = &regression.treatment else {
        return Ok(Vec::new());
    };
    let mut sections = vec![nuisances(saved, treatment)];
    let overlap = treatment.nuisances.overlap;
    sections.push((format!("Overlap: {}", overlap.describe()), None));
    let warning = overlap.warning();
    sections.extend(warning.map(|text| (format!("Poor overlap: {text}"), None)));
    sections.push(averages(saved, treatment, level)?);
    Ok(sections)
}

/// What the effect is a difference of.
fn effect_in_words(saved: &Saved, treatment: &Treatment) -> String {
    let Treatment { column, levels, .. } = treatment;
    let targets = saved.design.target_names().join(", ");
    match levels {
        Some([first, second]) => format!(
            "The coefficient of {column} is its effect on {targets}: the mean with {second:?} less that with {first:?}."
        ),
        None => format!(
            "The coefficient of {column} is its effect on {targets}: by how much the mean changes per unit of {column}."
        ),
    }
}

fn nuisances(saved: &Saved, treatment: &Treatment) -> Section {
    let mut table = Table::new("nuisances", &["mean of", "model", "loss", "value"]);
    let targets = saved.design.target_names().join(", ");
    for (what, report) in [
        (&targets, &treatment.nuisances.outcome),
        (&treatment.column, &treatment.nuisances.treatment),
    ] {
        table.push(vec![
            what.as_str().into(),
            report.chosen_candidate().name.as_str().into(),
            report.loss().into(),
            loss(report).into(),
        ]);
    }
    let text = format!(
        "{} Outcome and treatment less their means given features and contexts, by models of other rows that were chosen by \
         the loss of held-out rows:",
        effect_in_words(saved, treatment)
    );
    (text, Some(table))
}

fn loss(report: &AutoReport) -> Option<f64> {
    match &report.chosen_candidate().outcome {
        CandidateOutcome::Compared(score) => Some(score.loss),
        CandidateOutcome::Failed(_)
        | CandidateOutcome::StoppedEarly(_)
        | CandidateOutcome::NotCompared(_) => None,
    }
}

fn averages(saved: &Saved, treatment: &Treatment, level: f64) -> Result<Section> {
    let columns = ["target", "average effect", "SE", "lower", "upper"];
    let mut table = Table::new("average effects", &columns);
    for (target, average) in saved.design.target_names().iter().zip(&treatment.average) {
        let [lower, upper] = average.interval(level)?;
        let numbers = [average.estimate, average.standard_error, lower, upper];
        let mut row: Vec<Cell> = vec![target.as_str().into()];
        row.extend(numbers.map(Cell::from));
        table.push(row);
    }
    let text = format!(
        "Average effect over the rows, doubly robust, with intervals of {} %. All intervals take the two models of means as known: \
         their errors matter to second order. It is an effect if nothing else makes treatment and outcome depend on \
         each other.",
        100.0 * level
    );
    Ok((text, Some(table)))
}
