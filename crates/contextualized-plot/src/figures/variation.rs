//! How much coefficients vary with contexts, and with what evidence.

use crate::error::same_length;
use crate::{Cells, Colour, ColourMap, Figure, Line, Panel, Result};

/// Two tables with a row for each coefficient and a column for each context, row after row: how much the
/// coefficient varies, and the p-value of that. Where the p-value is at most `level`, cells of both
/// are framed.
///
/// # Errors
///
/// [`Error::LengthsDiffer`](crate::Error::LengthsDiffer) unless there is a deviation and a p-value for
/// each coefficient and context.
pub fn variation_table(
    coefficients: &[&str],
    contexts: &[&str],
    deviations: &[f64],
    p_values: &[f64],
    level: f64,
) -> Result<Figure> {
    let (rows, columns) = (coefficients.len(), contexts.len());
    same_length("deviations".to_owned(), rows * columns, deviations.len())?;
    same_length("p-values".to_owned(), rows * columns, p_values.len())?;
    let most = deviations.iter().copied().fold(0.0, f64::max);
    let mut varied = Cells::new(deviations, columns).numbers(decimals(most));
    if most > 0.0 && most.is_finite() {
        varied = varied.coloured(ColourMap::Viridis, 0.0, most);
    }
    // A cell of zero would have no number, and p-values below all numbers are zero.
    let p_values: Vec<f64> = p_values.iter().map(|p| p.max(f64::MIN_POSITIVE)).collect();
    let surely = Cells::new(&p_values, columns)
        .coloured(ColourMap::Cividis, 0.0, 1.0)
        .numbers(3);
    let label = format!("p at most {level}");
    let panel = |title: &str, cells: Cells| {
        let mut panel = Panel::new(title)
            .x_names(contexts)
            .y_names(coefficients)
            .x_range(-0.5, columns as f64 - 0.5)
            .y_range(0.5 - rows as f64, 0.5)
            .layer(cells);
        for index in (0..p_values.len()).filter(|&index| p_values[index] <= level) {
            panel = panel.layer(frame(index / columns, index % columns).label(&label));
        }
        panel
    };
    Ok(Figure::new(2)
        .description(
            "How much each coefficient, a row, varies with each context, a column, and the p-values \
             of that; framed where they are small.",
        )
        .panel_size(
            (56.0 * columns as f64).clamp(120.0, 900.0),
            (34.0 * rows as f64).clamp(80.0, 900.0),
        )
        .panel(panel("deviation", varied))
        .panel(panel("p-value", surely)))
}

/// Decimals with which the largest number has three digits.
fn decimals(most: f64) -> usize {
    if most > 0.0 && most.is_finite() {
        (2.0 - most.log10().floor()).clamp(0.0, 6.0) as usize
    } else {
        0
    }
}

/// Around a cell, a little inside it.
fn frame(row: usize, column: usize) -> Line {
    let (x, y, half) = (column as f64, -(row as f64), 0.46);
    let corners = [
        (-1.0, -1.0),
        (1.0, -1.0),
        (1.0, 1.0),
        (-1.0, 1.0),
        (-1.0, -1.0),
    ];
    let around = corners.map(|(across, up)| (x + across * half, y + up * half));
    Line::new(&around).colour(Colour::VERMILLION).width(2.4)
}
