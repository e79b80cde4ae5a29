//! Networks next to each other.

use super::same_length;
use contextualized_plot::{Cells, ColourMap, Figure, Graph, Panel, Result};

/// One network.
#[derive(Debug, Clone, Copy)]
pub struct NetworkPanel<'a> {
    /// What it is, such as a model.
    pub title: &'a str,
    /// Where, such as its context; may be empty.
    pub subtitle: &'a str,
    /// The weights, p × p, row after row: row i, column j is the edge from node i to node j.
    pub weights: &'a [f64],
}

/// Numbers are written into the cells of tables with at most this number of nodes.
const MOST_WITH_NUMBERS: usize = 6;

/// Heat maps of weights, rows from and columns to, all on one colour scale.
///
/// # Errors
///
/// [`LengthsDiffer`](contextualized_plot::Error::LengthsDiffer) when a network does not have a weight for
/// each pair of names.
pub fn network_tables(
    networks: &[NetworkPanel<'_>],
    names: &[&str],
    columns: usize,
) -> Result<Figure> {
    let nodes = names.len();
    let most = largest(networks, nodes)?;
    let numbers = nodes <= MOST_WITH_NUMBERS;
    let side = if numbers { 46.0 } else { 34.0 } * nodes as f64;
    let side = side.clamp(130.0, 420.0);
    let mut figure = Figure::new(columns)
        .description("Networks as tables of weights: rows from, columns to.")
        .panel_size(side, side);
    for (number, network) in networks.iter().enumerate() {
        let mut cells = Cells::new(network.weights, nodes);
        if most > 0.0 {
            cells = cells.coloured(ColourMap::Diverging, -most, most);
        }
        if numbers {
            cells = cells.numbers(2);
        }
        // One scale for all needs one bar, next to the last of each row.
        if (number + 1) % columns.max(1) == 0 || number + 1 == networks.len() {
            cells = cells.colour_bar("weight");
        }
        let panel = Panel::new(network.title)
            .subtitle(network.subtitle)
            .x_names(names)
            .y_names(names)
            .layer(cells);
        figure = figure.panel(panel);
    }
    Ok(figure)
}

/// Networks drawn with their nodes on a circle, edges as wide as they weigh in all of them alike;
/// as arrows if they have a direction.
///
/// # Errors
///
/// [`LengthsDiffer`](contextualized_plot::Error::LengthsDiffer) when a network does not have a weight for
/// each pair of names.
pub fn network_graphs(
    networks: &[NetworkPanel<'_>],
    names: &[&str],
    directed: bool,
    columns: usize,
) -> Result<Figure> {
    let most = largest(networks, names.len())?;
    let side = if names.len() > 8 { 340.0 } else { 220.0 };
    let panels = networks.iter().map(|network| {
        let graph = if directed {
            Graph::directed(names, network.weights)
        } else {
            Graph::undirected(names, network.weights)
        };
        Panel::new(network.title)
            .subtitle(network.subtitle)
            .bare()
            .layer(graph.widest(most))
    });
    Ok(Figure::new(columns)
        .description(
            "Networks as graphs: edges as wide as their weights, vermillion if positive, blue if negative.",
        )
        .panel_size(side, side)
        .panels(panels))
}

/// The largest weight off the diagonal of any network.
fn largest(networks: &[NetworkPanel<'_>], nodes: usize) -> Result<f64> {
    let mut most = 0.0_f64;
    for network in networks {
        let named = format!("{}: weights", network.title);
        same_length(named, nodes * nodes, network.weights.len())?;
        let apart = network.weights.iter().enumerate();
        most = apart
            .filter(|(at, weight)| at / nodes != at % nodes && weight.is_finite())
            .fold(most, |most, (_, weight)| most.max(weight.abs()));
    }
    Ok(most)
}
