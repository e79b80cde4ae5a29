//! Effects as functions of a context.

use crate::error::same_length;
use crate::{Band, Colour, Figure, Line, Panel, Reference, Result, Rug};

/// One effect against a context.
#[derive(Debug, Clone, Copy)]
pub struct EffectPanel<'a> {
    /// The effect's name.
    pub title: &'a str,
    /// A curve for each group.
    pub groups: &'a [GroupCurve<'a>],
    /// The effect in the population as a whole, if it is to be shown.
    pub population: Option<f64>,
}

/// One group's effect against a context.
#[derive(Debug, Clone, Copy)]
pub struct GroupCurve<'a> {
    /// The group's name.
    pub name: &'a str,
    /// Values of the context, in order.
    pub context: &'a [f64],
    /// The effect at each.
    pub effect: &'a [f64],
    /// Lower and upper ends of an interval around each effect, if there is one.
    pub interval: Option<(&'a [f64], &'a [f64])>,
}

/// Small multiples: how each effect varies with a context, a colour for each group (the same
/// in all panels, by its position), with intervals and the population's effect where given.
///
/// # Errors
///
/// [`Error::LengthsDiffer`](crate::Error::LengthsDiffer) when a group's lists are not of one
/// length.
pub fn effect_curves(panels: &[EffectPanel<'_>], context: &str, columns: usize) -> Result<Figure> {
    let mut figure = Figure::new(columns)
        .description("How each effect varies with a context, a line for each group.")
        .x_label(context)
        .y_label("Effect")
        .panel_size(260.0, 200.0);
    for shown in panels {
        let mut panel = Panel::new(shown.title);
        if let Some(effect) = shown.population {
            panel = panel.layer(Reference::horizontal(effect).label("population"));
        }
        for (number, group) in shown.groups.iter().enumerate() {
            let Some((lower, upper)) = group.interval else {
                continue;
            };
            let colour = Colour::qualitative(number);
            panel = panel.layer(Band::new(group.context, lower, upper).colour(colour));
        }
        for (number, group) in shown.groups.iter().enumerate() {
            let named = || format!("{}: effects of {}", shown.title, group.name);
            let line = curve(named(), group.context, group.effect)?;
            let colour = Colour::qualitative(number);
            panel = panel.layer(line.colour(colour).width(2.0).label(group.name));
        }
        if shown.groups.iter().any(|group| group.interval.is_some()) {
            let sample = Band::new(&[], &[], &[]).colour(Colour::GREY).opacity(0.4);
            panel = panel.layer(sample.label("interval"));
        }
        figure = figure.panel(panel);
    }
    Ok(figure)
}

/// One estimated curve and what it should be.
#[derive(Debug, Clone, Copy)]
pub struct ShapeFunction<'a> {
    /// What the curve says, such as the effect and the context it depends on.
    pub title: &'a str,
    /// The context's name.
    pub context_name: &'a str,
    /// Values of the context, in order.
    pub context: &'a [f64],
    /// The estimate at each.
    pub estimate: &'a [f64],
    /// The truth at each; empty if it is not known.
    pub truth: &'a [f64],
    /// The contexts that were observed; may be empty.
    pub observed: &'a [f64],
}

/// Small multiples: estimated curves over the dashed truth, with strokes at the foot where
/// contexts were observed. All share one vertical axis, so that their sizes compare.
///
/// # Errors
///
/// [`Error::LengthsDiffer`](crate::Error::LengthsDiffer) when a function's lists are not of
/// one length.
pub fn shape_functions(functions: &[ShapeFunction<'_>], columns: usize) -> Result<Figure> {
    let mut figure = Figure::new(columns)
        .description("Estimated curves of contexts, with the true ones dashed where known.")
        .panel_size(260.0, 200.0);
    let values = || {
        functions
            .iter()
            .flat_map(|function| function.estimate.iter().chain(function.truth).copied())
    };
    let low = values().fold(f64::INFINITY, f64::min);
    let high = values().fold(f64::NEG_INFINITY, f64::max);
    let span = high - low;
    for function in functions {
        let mut panel = Panel::new(function.title).x_label(function.context_name);
        if span > 0.0 && span.is_finite() {
            // Room for the strokes below the curves.
            panel = panel.y_range(low - 0.1 * span, high + 0.04 * span);
        }
        if !function.observed.is_empty() {
            panel = panel.layer(Rug::new(function.observed).label("observed contexts"));
        }
        let named = |what: &str| format!("{}: {what}", function.title);
        let estimate = curve(named("estimate"), function.context, function.estimate)?;
        panel = panel.layer(estimate.width(2.2).label("estimate"));
        if !function.truth.is_empty() {
            let truth = curve(named("truth"), function.context, function.truth)?;
            panel = panel.layer(
                truth
                    .colour(Colour::BLACK)
                    .width(1.4)
                    .dashed()
                    .label("truth"),
            );
        }
        figure = figure.panel(panel);
    }
    Ok(figure)
}

/// A line through values at contexts.
fn curve(quantity: String, context: &[f64], values: &[f64]) -> Result<Line> {
    same_length(quantity, context.len(), values.len())?;
    let points: Vec<_> = context
        .iter()
        .copied()
        .zip(values.iter().copied())
        .collect();
    Ok(Line::new(&points))
}
