//! Archetypes: how much of each there is along a context, and what they are.

use crate::error::same_length;
use crate::{Band, Cells, Colour, ColourMap, Figure, Line, Panel, Result};

/// How archetypes are mixed along a context.
#[derive(Debug, Clone, Copy)]
pub struct ArchetypeWeights<'a> {
    /// What is held while the context changes, or the group; may be empty.
    pub title: &'a str,
    /// Values of the context, in order.
    pub context: &'a [f64],
    /// For each archetype its weights, one for each value.
    pub weights: &'a [&'a [f64]],
}

/// A line for each archetype: its weight against a context. For weights of any sign.
///
/// # Errors
///
/// [`Error::LengthsDiffer`](crate::Error::LengthsDiffer) unless there are a name for each archetype and
/// a weight for each value of the context.
pub fn archetype_lines(
    panels: &[ArchetypeWeights<'_>],
    names: &[&str],
    context: &str,
    columns: usize,
) -> Result<Figure> {
    figure(panels, names, context, columns, |mut panel, shown| {
        for (number, (name, weights)) in names.iter().zip(shown.weights).enumerate() {
            let points: Vec<_> = shown
                .context
                .iter()
                .copied()
                .zip(weights.iter().copied())
                .collect();
            let line = Line::new(&points).colour(Colour::qualitative(number));
            panel = panel.layer(line.width(2.0).label(name));
        }
        panel
    })
}

/// A band for each archetype, stacked in the order given, the first one lowest: for weights that
/// are at least zero and add up to one.
///
/// # Errors
///
/// Those of [`archetype_lines`].
pub fn archetype_bands(
    panels: &[ArchetypeWeights<'_>],
    names: &[&str],
    context: &str,
    columns: usize,
) -> Result<Figure> {
    figure(panels, names, context, columns, |mut panel, shown| {
        let mut lower = vec![0.0; shown.context.len()];
        for (number, (name, weights)) in names.iter().zip(shown.weights).enumerate() {
            let upper: Vec<f64> = lower.iter().zip(*weights).map(|(a, b)| a + b).collect();
            let band = Band::new(shown.context, &lower, &upper).colour(Colour::qualitative(number));
            panel = panel.layer(band.opacity(0.8).label(name));
            lower = upper;
        }
        match (shown.context.first(), shown.context.last()) {
            (Some(&first), Some(&last)) if first < last => {
                panel.x_range(first, last).y_range(0.0, 1.0)
            }
            _ => panel,
        }
    })
}

fn figure(
    panels: &[ArchetypeWeights<'_>],
    names: &[&str],
    context: &str,
    columns: usize,
    draw: impl Fn(Panel, &ArchetypeWeights<'_>) -> Panel,
) -> Result<Figure> {
    let mut figure = Figure::new(columns)
        .description("The weights of archetypes along a context.")
        .x_label(context)
        .y_label("weight")
        .panel_size(280.0, 210.0);
    for shown in panels {
        let named = |what: &str| format!("{}: {what}", shown.title);
        same_length(named("archetypes"), names.len(), shown.weights.len())?;
        for weights in shown.weights {
            same_length(named("weights"), shown.context.len(), weights.len())?;
        }
        figure = figure.panel(draw(Panel::new(shown.title), shown));
    }
    Ok(figure)
}

/// Numbers are written into the cells of tables of up to so many columns.
const MOST_WITH_NUMBERS: usize = 14;

/// What archetypes are: a heat map with a row for each archetype and a column for each coefficient,
/// `table` row after row.
///
/// # Errors
///
/// [`Error::LengthsDiffer`](crate::Error::LengthsDiffer) unless there is a number for each archetype and
/// coefficient.
pub fn archetype_table(
    archetypes: &[&str],
    coefficients: &[&str],
    table: &[f64],
    label: &str,
) -> Result<Figure> {
    let (rows, columns) = (archetypes.len(), coefficients.len());
    same_length(
        "numbers of archetypes".to_owned(),
        rows * columns,
        table.len(),
    )?;
    let most = table
        .iter()
        .fold(0.0_f64, |most, value| most.max(value.abs()));
    let mut cells = Cells::new(table, columns).colour_bar(label);
    if most > 0.0 && most.is_finite() {
        cells = cells.coloured(ColourMap::Diverging, -most, most);
    }
    if columns <= MOST_WITH_NUMBERS {
        cells = cells.numbers(2);
    }
    let side = if columns <= MOST_WITH_NUMBERS {
        48.0
    } else {
        26.0
    };
    let panel = Panel::new("")
        .x_names(coefficients)
        .y_names(archetypes)
        .x_range(-0.5, columns as f64 - 0.5)
        .y_range(0.5 - rows as f64, 0.5)
        .layer(cells);
    Ok(Figure::new(1)
        .description("Archetypes as a table of coefficients: a row for each archetype.")
        .panel_size(
            (side * columns as f64).clamp(120.0, 900.0),
            (40.0 * rows as f64).clamp(80.0, 600.0),
        )
        .panel(panel))
}
