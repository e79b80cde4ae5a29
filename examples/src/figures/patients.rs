//! A simulated population of patients, and which of them were observed.

use super::same_length;
use super::{OBSERVED, OF_INTEREST, UNOBSERVED};
use contextualized_plot::{Colour, ColourMap, Figure, Panel, Points, Result};

/// Patients with two contexts, the true effects of two treatments, the doses they took and
/// what came of it. All lists have one entry a patient.
#[derive(Debug, Clone, Copy)]
pub struct Patients<'a> {
    /// Contexts.
    pub contexts: &'a [(f64, f64)],
    /// True effects, in units of the outcome per dose.
    pub effects: &'a [(f64, f64)],
    /// Doses.
    pub doses: &'a [(f64, f64)],
    /// Outcomes.
    pub outcomes: &'a [f64],
}

/// Patients that are followed by name, in the same order in every list.
#[derive(Debug, Clone, Copy, Default)]
pub struct OfInterest<'a> {
    /// Their contexts; not needed by [`predicted_effects`](super::predicted_effects).
    pub contexts: &'a [(f64, f64)],
    /// Their true effects.
    pub truth: &'a [(f64, f64)],
    /// What a model predicts for them; not needed by [`observed_and_unobserved`].
    pub predicted: &'a [(f64, f64)],
}

/// What contexts, effects, doses and outcomes are called; by default as in the first section
/// of the demo: diet and exercise, treatments A and B.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wording<'a> {
    /// The two contexts.
    pub contexts: [&'a str; 2],
    /// The two effects.
    pub effects: [&'a str; 2],
    /// The two doses.
    pub doses: [&'a str; 2],
    /// The outcome.
    pub outcome: &'a str,
}

impl Default for Wording<'_> {
    fn default() -> Self {
        Self {
            contexts: ["Eats healthy", "Exercises"],
            effects: [
                "Effect of treatment A per dose",
                "Effect of treatment B per dose",
            ],
            doses: ["Dose of treatment A", "Dose of treatment B"],
            outcome: "Treatment response",
        }
    }
}

impl Patients<'_> {
    fn check(&self) -> Result<()> {
        let rows = self.contexts.len();
        same_length("effects", rows, self.effects.len())?;
        same_length("doses", rows, self.doses.len())?;
        same_length("outcomes", rows, self.outcomes.len())
    }
}

/// Three panels: contexts and true effects, both coloured by the sum of the contexts, so that
/// a patient has the same colour in both; doses coloured by the standardised outcome.
///
/// # Errors
///
/// [`LengthsDiffer`](contextualized_plot::Error::LengthsDiffer) when the lists are not of one length.
pub fn contexts_effects_outcomes(patients: &Patients<'_>, wording: &Wording<'_>) -> Result<Figure> {
    patients.check()?;
    let sums: Vec<f64> = patients.contexts.iter().map(|(a, b)| a + b).collect();
    let by_sum = |points| {
        Points::new(points)
            .radius(2.6)
            .coloured_by(&sums, ColourMap::Cividis)
    };
    let first = context_panel(wording)
        .subtitle("coloured by the sum of both contexts")
        .layer(by_sum(patients.contexts));
    let second = effect_panel(wording)
        .subtitle("same patients, same colours")
        .layer(by_sum(patients.effects));
    let third = dose_panel("Patient outcomes", wording)
        .subtitle("coloured by the outcome")
        .layer(by_outcome(patients.doses, patients.outcomes, wording).radius(2.0));
    Ok(Figure::new(3)
        .description(
            "Three scatter plots of the same patients: their contexts, the true effects of the \
             treatments, and their doses coloured by the outcome.",
        )
        .panels([first, second, third]))
}

/// Three panels: contexts and true effects of unobserved (light) and observed patients (dark);
/// doses of the observed ones, coloured by their standardised outcome.
///
/// Patients of interest are marked in orange; [`OfInterest::default`] has none.
///
/// # Errors
///
/// [`LengthsDiffer`](contextualized_plot::Error::LengthsDiffer) when the lists are not of one length.
pub fn observed_and_unobserved(
    patients: &Patients<'_>,
    observed: &[bool],
    of_interest: &OfInterest<'_>,
    wording: &Wording<'_>,
) -> Result<Figure> {
    patients.check()?;
    same_length("observed", patients.contexts.len(), observed.len())?;
    same_length(
        "true effects of the patients of interest",
        of_interest.contexts.len(),
        of_interest.truth.len(),
    )?;
    let both = |panel: Panel, points: &[(f64, f64)], marked: &[(f64, f64)]| {
        let panel = panel
            .layer(dots(&chosen(points, observed, false), UNOBSERVED).label("unobserved patients"))
            .layer(dots(&chosen(points, observed, true), OBSERVED).label("observed patients"));
        if marked.is_empty() {
            return panel;
        }
        panel.layer(large(marked, OF_INTEREST).label("patients of interest"))
    };
    let doses = chosen(patients.doses, observed, true);
    let outcomes = chosen(patients.outcomes, observed, true);
    let third = dose_panel("Patient outcomes (observed)", wording)
        .layer(by_outcome(&doses, &outcomes, wording).radius(3.0));
    Ok(Figure::new(3)
        .description(
            "Scatter plots of contexts and of true effects, with observed and unobserved \
             patients in different colours, and of the doses of the observed patients, coloured \
             by the outcome.",
        )
        .panel(both(
            context_panel(wording),
            patients.contexts,
            of_interest.contexts,
        ))
        .panel(both(
            effect_panel(wording),
            patients.effects,
            of_interest.truth,
        ))
        .panel(third))
}

/// Dots for patients who are many.
pub(super) fn dots(points: &[(f64, f64)], colour: Colour) -> Points {
    Points::new(points).colour(colour).radius(2.6)
}

/// Dots for patients who are few.
pub(super) fn large(points: &[(f64, f64)], colour: Colour) -> Points {
    Points::new(points)
        .colour(colour)
        .radius(6.5)
        .outline(Colour::BLACK)
}

fn context_panel(wording: &Wording<'_>) -> Panel {
    Panel::new("Contexts: risk factors")
        .x_label(wording.contexts[0])
        .y_label(wording.contexts[1])
        .equal_ranges()
}

fn effect_panel(wording: &Wording<'_>) -> Panel {
    Panel::new("True parameters: treatment effects")
        .x_label(wording.effects[0])
        .y_label(wording.effects[1])
        .equal_ranges()
}

fn dose_panel(title: &str, wording: &Wording<'_>) -> Panel {
    Panel::new(title)
        .x_label(wording.doses[0])
        .y_label(wording.doses[1])
        .equal_ranges()
}

fn by_outcome(doses: &[(f64, f64)], outcomes: &[f64], wording: &Wording<'_>) -> Points {
    Points::new(doses)
        .coloured_by(&standardised(outcomes), ColourMap::Viridis)
        .colour_bar(&format!("{} (standardised)", wording.outcome))
}

/// The entries of the patients whose flag is `wanted`.
fn chosen<T: Copy>(all: &[T], flags: &[bool], wanted: bool) -> Vec<T> {
    all.iter()
        .zip(flags)
        .filter(|(_, flag)| **flag == wanted)
        .map(|(&entry, _)| entry)
        .collect()
}

/// Values with mean 0 and standard deviation 1; zeros when they are all the same.
///
/// A value that is not finite stays so, and is found when the figure is drawn.
fn standardised(values: &[f64]) -> Vec<f64> {
    let finite = |value: &&f64| value.is_finite();
    let count = values.iter().filter(finite).count().max(1) as f64;
    let mean = values.iter().filter(finite).sum::<f64>() / count;
    let squares = values.iter().filter(finite).map(|v| (v - mean).powi(2));
    let deviation = (squares.sum::<f64>() / count).sqrt();
    let scale = if deviation > 0.0 { deviation } else { 1.0 };
    values.iter().map(|value| (value - mean) / scale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standardising_centres_and_scales() {
        assert_eq!(standardised(&[1.0, 3.0]), [-1.0, 1.0]);
        assert_eq!(standardised(&[2.0, 2.0]), [0.0, 0.0]);
        assert!(standardised(&[1.0, f64::NAN])[1].is_nan());
        assert!(standardised(&[]).is_empty());
    }
}
