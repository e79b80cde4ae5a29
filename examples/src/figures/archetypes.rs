//! Archetypes: how much of each there is along a context, and what they are.

use super::same_length;
use contextualized_plot::{Band, Cells, Colour, Figure, Panel, Result};

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

/// A band for each archetype, stacked in the order given, the first one lowest: for weights that
/// are at least zero and add up to one.
///
/// # Errors
///
/// [`LengthsDiffer`](contextualized_plot::Error::LengthsDiffer) unless there are a name for each
/// archetype and a weight for each value of the context.
pub fn archetype_bands(
    panels: &[ArchetypeWeights<'_>],
    names: &[&str],
    context: &str,
    columns: usize,
) -> Result<Figure> {
    let mut figure = Figure::new(columns)
        .description("The weights of archetypes along a context.")
        .x_label(context)
        .y_label("weight")
        .panel_size(280.0, 210.0);
    for shown in panels {
        let named = |what: &str| format!("{}: {what}", shown.title);
        same_length(named("archetypes"), names.len(), shown.weights.len())?;
        let mut panel = Panel::new(shown.title);
        let mut lower = vec![0.0; shown.context.len()];
        for (number, (name, weights)) in names.iter().zip(shown.weights).enumerate() {
            same_length(named("weights"), shown.context.len(), weights.len())?;
            let upper: Vec<f64> = lower.iter().zip(*weights).map(|(a, b)| a + b).collect();
            let band = Band::new(shown.context, &lower, &upper).colour(Colour::qualitative(number));
            panel = panel.layer(band.opacity(0.8).label(name));
            lower = upper;
        }
        if let (Some(&first), Some(&last)) = (shown.context.first(), shown.context.last())
            && first < last
        {
            panel = panel.x_range(first, last).y_range(0.0, 1.0);
        }
        figure = figure.panel(panel);
    }
    Ok(figure)
}

/// Numbers are written into the cells of tables with at most this number of columns.
const MOST_WITH_NUMBERS: usize = 14;

/// What archetypes are: a heat map with a row for each archetype and a column for each coefficient,
/// `table` row after row.
///
/// # Errors
///
/// [`LengthsDiffer`](contextualized_plot::Error::LengthsDiffer) unless there is a number for each archetype and
/// coefficient.
pub fn archetype_table(
    archetypes: &[&str],
    coefficients: &[&str],
    table: &[f64],
    label: &str,
) -> Result<Figure> {
    let (rows, columns) = (archetypes.len(), coefficients.len());
    same_length("numbers of archetypes", rows * columns, table.len())?;
    let mut cells = Cells::new(table, columns).colour_bar(label);
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
        .layer(cells);
    Ok(Figure::new(1)
        .description("Archetypes as a table of coefficients: a row for each archetype.")
        .panel_size(
            (side * columns as f64).clamp(120.0, 900.0),
            (40.0 * rows as f64).clamp(80.0, 600.0),
        )
        .panel(panel))
}
