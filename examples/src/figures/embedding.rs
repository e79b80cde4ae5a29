//! Rows in the plane, coloured by what is known of them.

use super::same_length;
use contextualized_plot::{Colour, ColourMap, Figure, Panel, Points, Result};

/// What rows are coloured by. All lists have one entry a row.
#[derive(Debug, Clone, Copy)]
pub enum Colouring<'a> {
    /// A number for each row, with a colour bar; `None` is missing.
    Numbers(&'a [Option<f64>]),
    /// A level for each row, by its position among the names, with a legend; `None` is missing. From the
    /// ninth level on colours repeat.
    Levels {
        /// What the levels are called.
        names: &'a [&'a str],
        /// The level of each row.
        levels: &'a [Option<usize>],
    },
}

/// One colouring of the rows.
#[derive(Debug, Clone, Copy)]
pub struct EmbeddingPanel<'a> {
    /// The covariate's name.
    pub title: &'a str,
    /// Its values.
    pub colouring: Colouring<'a>,
}

/// Rows whose covariate is missing.
const MISSING: Colour = Colour::rgb(190, 190, 190);

/// Turns in which the rows of levels are drawn.
const TURNS: usize = 12;

/// Small multiples of the same rows in the plane, each coloured by a covariate: numbers through a
/// colour map, levels in colours that colour-blind readers can distinguish, missing values in grey and
/// below all others. Dots shrink as rows grow many.
///
/// `axes` name what the coordinates are; empty names, as for t-SNE, leave out the axes' numbers too.
///
/// # Errors
///
/// [`LengthsDiffer`](contextualized_plot::Error::LengthsDiffer) unless each covariate has an entry for each
/// row; [`BadSetting`](contextualized_plot::Error::BadSetting) for a level that has no name.
pub fn embedding(
    points: &[(f64, f64)],
    panels: &[EmbeddingPanel<'_>],
    axes: (&str, &str),
    columns: usize,
) -> Result<Figure> {
    let radius = match points.len() {
        0..=300 => 3.2,
        301..=1500 => 2.4,
        _ => 1.6,
    };
    let mut figure = Figure::new(columns)
        .description("The same rows in the plane, coloured by one covariate after another.")
        .panel_size(270.0, 230.0);
    for shown in panels {
        let mut panel = Panel::new(shown.title).x_label(axes.0).y_label(axes.1);
        if axes == ("", "") {
            panel = panel.x_ticks(&[]).y_ticks(&[]);
        }
        let dots = |points: &[(f64, f64)]| Points::new(points).radius(radius).opacity(0.85);
        let missing = |rows: &[(f64, f64)]| {
            let all = dots(rows).colour(MISSING);
            (!rows.is_empty()).then(|| all.label("missing"))
        };
        let named = format!("{}: values", shown.title);
        match shown.colouring {
            Colouring::Numbers(values) => {
                same_length(named, points.len(), values.len())?;
                let (known, unknown) = parted(points, values);
                if let Some(layer) = missing(&unknown) {
                    panel = panel.layer(layer);
                }
                let (places, numbers): (Vec<_>, Vec<f64>) = known.into_iter().unzip();
                if !places.is_empty() {
                    panel = panel.layer(
                        dots(&places)
                            .coloured_by(&numbers, ColourMap::Viridis)
                            .colour_bar(""),
                    );
                }
            }
            Colouring::Levels { names, levels } => {
                same_length(named, points.len(), levels.len())?;
                if let Some(level) = levels.iter().flatten().find(|level| **level >= names.len()) {
                    return Err(contextualized_plot::Error::BadSetting {
                        setting: "a level",
                        value: *level as f64,
                        requirement: "the position of a name",
                    });
                }
                let (known, unknown) = parted(points, levels);
                if let Some(layer) = missing(&unknown) {
                    panel = panel.layer(layer);
                }
                for (number, name) in names.iter().enumerate() {
                    let sample = dots(&[]).colour(Colour::qualitative(number));
                    panel = panel.layer(sample.label(name));
                }
                // No level lies on top of all others: rows are drawn in turns.
                for turn in known.chunks(known.len().div_ceil(TURNS).max(1)) {
                    for number in 0..names.len() {
                        let own = turn.iter().filter(|(_, level)| *level == number);
                        let places: Vec<(f64, f64)> = own.map(|(place, _)| *place).collect();
                        panel = panel.layer(dots(&places).colour(Colour::qualitative(number)));
                    }
                }
            }
        }
        figure = figure.panel(panel);
    }
    Ok(figure)
}

type Placed<T> = ((f64, f64), T);

/// Points with a value and those without.
fn parted<T: Copy>(
    points: &[(f64, f64)],
    values: &[Option<T>],
) -> (Vec<Placed<T>>, Vec<(f64, f64)>) {
    let mut known = Vec::new();
    let mut unknown = Vec::new();
    for (&point, value) in points.iter().zip(values) {
        match value {
            Some(value) => known.push((point, *value)),
            None => unknown.push(point),
        }
    }
    (known, unknown)
}
