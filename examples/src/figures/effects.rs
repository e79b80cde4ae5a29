//! Predicted effects over the true ones: one model in detail, or many side by side.

use super::patients::{OfInterest, Wording, dots, large};
use super::same_length;
use super::{OBSERVED, OF_INTEREST, OF_INTEREST_PREDICTED, PREDICTED, UNOBSERVED};
use contextualized_plot::{Colour, Figure, Line, Panel, Points, Result};
use std::collections::BTreeSet;

/// The true effects of two treatments.
#[derive(Debug, Clone, Copy)]
pub struct TrueEffects<'a> {
    /// Of the unobserved patients.
    pub unobserved: &'a [(f64, f64)],
    /// Of the observed patients.
    pub observed: &'a [(f64, f64)],
}

/// What a model predicts for the unobserved patients.
#[derive(Debug, Clone, Copy)]
pub struct ModelEffects<'a> {
    /// The model's name.
    pub name: &'a str,
    /// The effects it predicts, in the order of [`TrueEffects::unobserved`].
    pub predicted: &'a [(f64, f64)],
    /// Its mean squared error in the outcome and in the effects, if they are to be shown.
    pub errors: Option<(f64, f64)>,
}

/// Two panels on the same axes. Left: true effects of unobserved and observed patients, and on
/// top of them the effects predicted for the unobserved. Right: the true effects again, with
/// true and predicted effects of the patients of interest, joined by lines.
///
/// # Errors
///
/// [`LengthsDiffer`](contextualized_plot::Error::LengthsDiffer) when there are not as many predictions
/// as unobserved patients, or as patients of interest.
pub fn predicted_effects(
    truth: &TrueEffects<'_>,
    model: &ModelEffects<'_>,
    of_interest: &OfInterest<'_>,
    wording: &Wording<'_>,
) -> Result<Figure> {
    check_model(truth, model)?;
    let interest = of_interest.truth;
    same_length(
        "predicted effects of the patients of interest",
        interest.len(),
        of_interest.predicted.len(),
    )?;
    let axes = |title: &str| {
        let panel = Panel::new(title)
            .x_label(wording.effects[0])
            .y_label(wording.effects[1])
            .equal_ranges();
        background(panel, truth, 2.5)
    };
    let mut left = axes("All unobserved patients").layer(predictions(model, 2.5));
    let mut right = axes("Patients of interest");
    if let Some(both) = model.errors {
        left = left.subtitle(&errors(both));
        right = right.subtitle("truth and prediction joined by lines");
    }
    for (&from, &to) in interest.iter().zip(of_interest.predicted) {
        let line = Line::new(&[from, to]).colour(Colour::BLACK).width(1.0);
        right = right.layer(line);
    }
    if !interest.is_empty() {
        let label = "true effects (patients of interest)";
        right = right.layer(large(interest, OF_INTEREST).label(label));
        let label = "predicted effects (patients of interest)";
        right = right.layer(large(of_interest.predicted, OF_INTEREST_PREDICTED).label(label));
    }
    let figure = Figure::new(2)
        .title(model.name)
        .description(
            "Two scatter plots of treatment effects: those predicted for the unobserved \
             patients over the true ones, and true and predicted effects of the patients of \
             interest.",
        )
        .panel_size(360.0, 360.0)
        .shared_ranges();
    Ok(figure.panel(left).panel(right))
}

/// Small multiples on the same axes, one a model: predicted over true effects, titled by the
/// model, with its errors below the title.
///
/// The axes reach at most a quarter of the true effects' range beyond them. Predictions
/// beyond that would shrink all the rest: they are left out, and counted in the panel's subtitle.
///
/// # Errors
///
/// [`LengthsDiffer`](contextualized_plot::Error::LengthsDiffer) when there are not as many predictions
/// as unobserved patients.
pub fn all_models(
    truth: &TrueEffects<'_>,
    models: &[ModelEffects<'_>],
    columns: usize,
    wording: &Wording<'_>,
) -> Result<Figure> {
    let range = range(truth, models);
    let mut figure = Figure::new(columns)
        .description(
            "Scatter plots of treatment effects, one for each model: those predicted for the \
             unobserved patients over the true ones.",
        )
        .x_label(wording.effects[0])
        .y_label(wording.effects[1])
        .panel_size(220.0, 220.0);
    for model in models {
        check_model(truth, model)?;
        let mut panel = Panel::new(model.name);
        let mut notes: Vec<String> = model.errors.map(errors).into_iter().collect();
        if let Some((low, high)) = range {
            panel = panel.x_range(low, high).y_range(low, high);
            let inside = |value: f64| (low..=high).contains(&value);
            let outside = model.predicted.iter();
            let outside = outside.filter(|(a, b)| !(inside(*a) && inside(*b))).count();
            if outside > 0 {
                notes.push(format!("{outside} predictions outside"));
            }
        }
        let panel = background(panel.subtitle(&notes.join("\n")), truth, 1.8);
        figure = figure.panel(panel.layer(predictions(model, 1.8)));
    }
    Ok(figure)
}

/// Predicted effects. A model that knows few distinct effects has them drawn large: the
/// single dot of a population would be lost among thousands.
fn predictions(model: &ModelEffects<'_>, radius: f64) -> Points {
    const FEW: usize = 50;
    let bits = |point: &(f64, f64)| (point.0.to_bits(), point.1.to_bits());
    let distinct: BTreeSet<_> = model.predicted.iter().map(bits).collect();
    let radius = if distinct.len() <= FEW { 4.5 } else { radius };
    dots(model.predicted, PREDICTED)
        .radius(radius)
        .label("predicted effects (unobserved patients)")
}

/// True effects, for others to be drawn over.
fn background(panel: Panel, truth: &TrueEffects<'_>, radius: f64) -> Panel {
    let layer =
        |points, colour, label| -> Points { dots(points, colour).radius(radius).label(label) };
    panel
        .layer(layer(
            truth.unobserved,
            UNOBSERVED,
            "true effects (unobserved patients)",
        ))
        .layer(layer(
            truth.observed,
            OBSERVED,
            "true effects (observed patients)",
        ))
}

fn check_model(truth: &TrueEffects<'_>, model: &ModelEffects<'_>) -> Result<()> {
    same_length(
        format!("effects predicted by {}", model.name),
        truth.unobserved.len(),
        model.predicted.len(),
    )
}

/// The range of all effects, but no further from the true ones than a quarter of their range; `None`
/// without effects or when a number is not finite, which drawing will report.
fn range(truth: &TrueEffects<'_>, models: &[ModelEffects<'_>]) -> Option<(f64, f64)> {
    let ends = |points: &mut dyn Iterator<Item = &(f64, f64)>| {
        points.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (a, b)| {
            (low.min(*a).min(*b), high.max(*a).max(*b))
        })
    };
    let (low, high) = ends(&mut truth.unobserved.iter().chain(truth.observed));
    let (least, most) = ends(&mut models.iter().flat_map(|model| model.predicted));
    let span = high - low;
    let low_end = low.min(least.max(low - span / 4.0)) - 0.04 * span;
    let high_end = high.max(most.min(high + span / 4.0)) + 0.04 * span;
    (span > 0.0 && low_end.is_finite() && high_end.is_finite()).then_some((low_end, high_end))
}

fn errors((outcome, effect): (f64, f64)) -> String {
    format!("MSE: response {outcome:.3}, effect {effect:.3}")
}
