//! Figures that Python describes, as SVG.

use contextualized_plot::{
    Band, Cells, Colour, ColourMap, Figure, Graph, Line, Panel, Points, Rug,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde::Deserialize;

/// A grid of panels of one size in px.
#[derive(Deserialize)]
struct Drawing {
    columns: usize,
    width: f64,
    height: f64,
    panels: Vec<Axes>,
}

/// A pair of axes with layers on it; names instead of numbers on an axis, if there are any.
#[derive(Deserialize)]
struct Axes {
    title: String,
    x_label: String,
    y_label: String,
    x_names: Option<Vec<String>>,
    y_names: Option<Vec<String>>,
    bare: bool,
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Layer {
    Line {
        x: Vec<f64>,
        y: Vec<f64>,
        label: String,
        colour: usize,
    },
    Level {
        y: f64,
        label: String,
    },
    Band {
        x: Vec<f64>,
        lower: Vec<f64>,
        upper: Vec<f64>,
        colour: usize,
    },
    Dots {
        x: Vec<f64>,
        y: Vec<f64>,
        label: String,
        colour: usize,
    },
    Rug {
        x: Vec<f64>,
    },
    Cells {
        values: Vec<f64>,
        columns: usize,
        label: String,
        low: f64,
        high: f64,
        diverging: bool,
    },
    Graph {
        names: Vec<String>,
        weights: Vec<f64>,
        directed: bool,
        widest: f64,
    },
}

/// The SVG document of a figure that is described as JSON.
#[pyfunction]
pub(crate) fn svg(figure: &str) -> PyResult<String> {
    let drawing: Drawing = serde_json::from_str(figure)
        .map_err(|error| PyValueError::new_err(format!("the figure cannot be drawn: {error}")))?;
    Figure::new(drawing.columns)
        .panel_size(drawing.width, drawing.height)
        .panels(drawing.panels.iter().map(panel))
        .to_svg()
        .map_err(|error| PyValueError::new_err(error.to_string()))
}

fn panel(axes: &Axes) -> Panel {
    let mut panel = Panel::new(&axes.title)
        .x_label(&axes.x_label)
        .y_label(&axes.y_label);
    if let Some(names) = &axes.x_names {
        panel = panel.x_names(&texts(names));
    }
    if let Some(names) = &axes.y_names {
        panel = panel.y_names(&texts(names));
    }
    if axes.bare {
        panel = panel.bare();
    }
    axes.layers.iter().fold(panel, with_layer)
}

fn with_layer(panel: Panel, layer: &Layer) -> Panel {
    match layer {
        Layer::Line {
            x,
            y,
            label,
            colour,
        } => {
            let line = Line::new(&pairs(x, y)).colour(Colour::qualitative(*colour));
            panel.layer(line.label(label))
        }
        Layer::Level { y, label } => panel.layer(Line::horizontal(*y).label(label)),
        Layer::Band {
            x,
            lower,
            upper,
            colour,
        } => panel.layer(Band::new(x, lower, upper).colour(Colour::qualitative(*colour))),
        Layer::Dots {
            x,
            y,
            label,
            colour,
        } => {
            let dots = Points::new(&pairs(x, y)).colour(Colour::qualitative(*colour));
            panel.layer(dots.radius(4.0).label(label))
        }
        Layer::Rug { x } => panel.layer(Rug::new(x)),
        Layer::Cells {
            values,
            columns,
            label,
            low,
            high,
            diverging,
        } => {
            let map = if *diverging {
                ColourMap::Diverging
            } else {
                ColourMap::Viridis
            };
            let cells = Cells::new(values, *columns).coloured(map, *low, *high);
            panel.layer(cells.colour_bar(label))
        }
        Layer::Graph {
            names,
            weights,
            directed,
            widest,
        } => {
            let names = texts(names);
            let graph = if *directed {
                Graph::directed(&names, weights)
            } else {
                Graph::undirected(&names, weights)
            };
            panel.layer(graph.widest(*widest))
        }
    }
}

fn pairs(x: &[f64], y: &[f64]) -> Vec<(f64, f64)> {
    x.iter().copied().zip(y.iter().copied()).collect()
}

fn texts(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}
