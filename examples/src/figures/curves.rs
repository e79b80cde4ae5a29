//! Effects as functions of a context.

use super::same_length;
use contextualized_plot::{Band, Colour, Figure, Line, Panel, Result, Rug};

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
/// [`LengthsDiffer`](contextualized_plot::Error::LengthsDiffer) when a group's lists are not of one
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
            panel = panel.layer(Line::horizontal(effect).label("population"));
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
    /// What the curve is, such as the effect and the context it depends on.
    pub title: &'a str,
    /// The context's name.
    pub context_name: &'a str,
    /// Values of the context, in order.
    pub context: &'a [f64],
    /// The estimate at each; empty if the truth alone is shown.
    pub estimate: &'a [f64],
    /// Lower and upper ends of an interval around each estimate, if there is one.
    pub interval: Option<(&'a [f64], &'a [f64])>,
    /// The truth at each; empty if it is not known.
    pub truth: &'a [f64],
    /// The contexts of the rows; may be empty.
    pub observed: &'a [f64],
}

/// Small multiples: estimated curves over the dashed truth, with intervals where given and strokes at
/// the foot where contexts were observed. All share one vertical axis, so that their sizes compare.
///
/// # Errors
///
/// [`LengthsDiffer`](contextualized_plot::Error::LengthsDiffer) when a function's lists are not of
/// one length.
pub fn shape_functions(functions: &[ShapeFunction<'_>], columns: usize) -> Result<Figure> {
    let figure = Figure::new(columns)
        .description("Estimated curves of contexts, with the true ones dashed where known.")
        .panel_size(260.0, 200.0);
    let panels = sharing_an_axis(functions, Panel::new, "observed contexts")?;
    Ok(figure.panels(panels))
}

/// A table of curves about zero: a row of panels for each coefficient, whose panels share a vertical
/// axis, and a column for each context, with intervals and the dashed truth where given and strokes at
/// the foot where rows are.
///
/// # Errors
///
/// [`LengthsDiffer`](contextualized_plot::Error::LengthsDiffer) when an effect's lists are not of one length.
pub fn context_effects(effects: &[ShapeFunction<'_>], contexts: usize) -> Result<Figure> {
    let mut figure = Figure::new(contexts)
        .description(
            "Effects of contexts, in columns, on coefficients, in rows; the panels of a row share \
             their vertical axis.",
        )
        .y_label("effect on the coefficient")
        .panel_size(240.0, 170.0);
    for row in effects.chunks(contexts.max(1)) {
        figure = figure.panels(sharing_an_axis(row, about_zero, "rows")?);
    }
    Ok(figure)
}

/// A panel with a thin line at zero.
fn about_zero(title: &str) -> Panel {
    let zero = Line::horizontal(0.0).colour(Colour::GREY).width(1.0);
    Panel::new(title).layer(zero.solid())
}

/// A panel for each function, their vertical axes alike.
fn sharing_an_axis(
    functions: &[ShapeFunction<'_>],
    empty: impl Fn(&str) -> Panel,
    observed: &str,
) -> Result<Vec<Panel>> {
    let values = || {
        functions.iter().flat_map(|function| {
            let (lower, upper) = function.interval.unwrap_or_default();
            let curves = [function.estimate, function.truth, lower, upper];
            curves.into_iter().flatten().copied()
        })
    };
    let low = values().fold(f64::INFINITY, f64::min);
    let high = values().fold(f64::NEG_INFINITY, f64::max);
    let span = high - low;
    let panels = functions.iter().map(|function| {
        let mut panel = empty(function.title).x_label(function.context_name);
        if span > 0.0 && span.is_finite() {
            // Room for the strokes below the curves.
            panel = panel.y_range(low - 0.1 * span, high + 0.04 * span);
        }
        if !function.observed.is_empty() {
            panel = panel.layer(Rug::new(function.observed).label(observed));
        }
        let named = |what: &str| format!("{}: {what}", function.title);
        if let Some((lower, upper)) = function.interval {
            let context = function.context;
            same_length(named("lower ends"), context.len(), lower.len())?;
            same_length(named("upper ends"), context.len(), upper.len())?;
            panel = panel.layer(Band::new(context, lower, upper).label("interval"));
        }
        if !function.estimate.is_empty() {
            let estimate = curve(named("estimate"), function.context, function.estimate)?;
            panel = panel.layer(estimate.width(2.2).label("estimate"));
        }
        if !function.truth.is_empty() {
            let truth = curve(named("truth"), function.context, function.truth)?;
            let truth = truth.colour(Colour::BLACK).width(1.4).dashed();
            panel = panel.layer(truth.label("truth"));
        }
        Ok(panel)
    });
    panels.collect()
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
