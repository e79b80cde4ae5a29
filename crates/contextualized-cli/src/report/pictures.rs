//! Figures of a report as inline SVG, each narrow enough for a phone.

use super::dependence::Points;
use super::words::{number, percent};
use contextualized_analysis::{ReliabilityBin, SubgroupAccuracy};
use contextualized_core::{Error, Result};
use contextualized_plot::{Band, Colour, Figure, Graph, Line, Panel, Points as Dots, Rug, figures};

/// The data rectangle of a panel, in px: with its labels it fits a phone.
const WIDTH: f64 = 222.0;
const HEIGHT: f64 = 160.0;

/// The figure as an element of the page.
fn drawn(figure: Figure) -> Result<String> {
    figure
        .edge(3.0)
        .to_inline_svg()
        .map_err(|source| Error::numerical("drawing a figure", source))
}

/// Whether nothing but rounding lies between two ends.
pub(crate) fn is_flat((low, high): (f64, f64)) -> bool {
    high - low <= 1e-9 * low.abs().max(high.abs()).max(1e-9)
}

/// The ends of an axis with room for the strokes below the curves; around a single value, those of a
/// range that it is in the middle of.
fn with_room((low, high): (f64, f64)) -> (f64, f64) {
    if is_flat((low, high)) {
        let half = (low.abs() / 2.0).max(1e-3);
        (low - half, high + half)
    } else {
        (low - 0.1 * (high - low), high + 0.05 * (high - low))
    }
}

/// A histogram of the values of rows, with the population's.
pub(crate) fn distribution(
    quantity: &str,
    values: &[f64],
    population: Option<f64>,
    description: &str,
) -> Result<String> {
    let figure = Figure::new(1)
        .panel(figures::histogram(quantity, values, population))
        .panel_size(WIDTH, HEIGHT)
        .name(&format!("Histogram of {quantity}"))
        .description(description);
    drawn(figure)
}

/// One coefficient, or anything else, against one context.
pub(crate) struct Curve<'a> {
    /// The name of what is on the vertical axis.
    pub(crate) quantity: &'a str,
    /// The name of the context.
    pub(crate) context: &'a str,
    pub(crate) at: &'a Points,
    pub(crate) values: &'a [f64],
    pub(crate) interval: Option<(&'a [f64], &'a [f64])>,
    /// The population's value.
    pub(crate) population: Option<f64>,
    /// The ends of the vertical axis, which panels of one quantity share.
    pub(crate) range: (f64, f64),
}

impl Curve<'_> {
    pub(crate) fn picture(&self) -> Result<String> {
        let mut panel = Panel::new("").x_label(self.context).y_label(self.quantity);
        let (low, high) = with_room(self.range);
        panel = panel.y_range(low, high);
        if low < 0.0 && high > 0.0 {
            let zero = Line::horizontal(0.0).colour(Colour::GREY);
            panel = panel.layer(zero.width(0.8).solid());
        }
        if let Some(population) = self.population {
            panel = panel.layer(Line::horizontal(population));
        }
        panel = match self.at {
            Points::Numbers { values, rows } if values.len() > 2 => {
                panel = panel.layer(Rug::new(rows));
                self.line(panel, values)
            }
            Points::Numbers { values, .. } => {
                let names: Vec<String> = values.iter().map(|value| number(*value)).collect();
                self.dots(panel, &names)
            }
            Points::Levels(names) => self.dots(panel, names),
        };
        let figure = Figure::new(1)
            .panel_size(WIDTH, HEIGHT)
            .name(&format!("{} against {}", self.quantity, self.context))
            .description(&self.words())
            .panel(panel);
        drawn(figure)
    }

    fn line(&self, mut panel: Panel, at: &[f64]) -> Panel {
        if let Some((lower, upper)) = self.interval {
            panel = panel.layer(Band::new(at, lower, upper));
        }
        let points: Vec<_> = at
            .iter()
            .copied()
            .zip(self.values.iter().copied())
            .collect();
        panel.layer(Line::new(&points).width(2.2))
    }

    fn dots(&self, panel: Panel, names: &[String]) -> Panel {
        let shown: Vec<String> = names.iter().map(|name| shortened(name)).collect();
        let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
        let mut panel = panel.x_names(&shown);
        if let Some((lower, upper)) = self.interval {
            for (place, (&lower, &upper)) in lower.iter().zip(upper).enumerate() {
                let x = place as f64;
                panel = panel.layer(Line::new(&[(x, lower), (x, upper)]).width(2.0));
            }
        }
        let points: Vec<_> = self
            .values
            .iter()
            .enumerate()
            .map(|(place, value)| (place as f64, *value))
            .collect();
        panel.layer(Dots::new(&points).radius(4.5))
    }

    /// The curve for those who cannot see it: its ends, and its extremes where these are others.
    pub(crate) fn words(&self) -> String {
        let name = |place: usize| match self.at {
            Points::Numbers { values, .. } => number(values[place]),
            Points::Levels(names) => names[place].clone(),
        };
        let said = |place: usize| {
            let interval = self.interval.map_or_else(String::new, |(lower, upper)| {
                format!(" ({} to {})", number(lower[place]), number(upper[place]))
            });
            format!(
                "{}{interval} at {} = {}",
                number(self.values[place]),
                self.context,
                name(place)
            )
        };
        let Some(last) = self.values.len().checked_sub(1) else {
            return String::new();
        };
        let by = |a: &usize, b: &usize| self.values[*a].total_cmp(&self.values[*b]);
        let (lowest, highest) = (
            (0..=last).min_by(by).unwrap_or(0),
            (0..=last).max_by(by).unwrap_or(0),
        );
        let mut words = match last {
            0 => return format!("{}.", said(0)),
            _ => format!("from {} to {}", said(0), said(last)),
        };
        for (name, place) in [("lowest", lowest), ("highest", highest)] {
            if place != 0 && place != last {
                words.push_str(&format!("; {name} {}", said(place)));
            }
        }
        format!("{words}.")
    }
}

/// A value with its name and an interval, if there is one.
pub(crate) struct Estimate {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) interval: Option<(f64, f64)>,
}

/// Names with a value and an interval each, the first on top, and a line at zero.
pub(crate) fn intervals(quantity: &str, lines: &[Estimate]) -> Result<String> {
    let names: Vec<&str> = lines.iter().map(|line| line.name.as_str()).collect();
    let mut panel = Panel::new("")
        .x_label(quantity)
        .y_names(&names)
        .layer(Line::vertical(0.0));
    let mut points = Vec::new();
    let mut words = Vec::new();
    for (row, line) in lines.iter().enumerate() {
        let y = -(row as f64);
        let said = format!("{} {}", line.name, number(line.value));
        words.push(match line.interval {
            Some((lower, upper)) => {
                panel = panel.layer(Line::new(&[(lower, y), (upper, y)]).width(2.0));
                format!("{said} ({} to {})", number(lower), number(upper))
            }
            None => said,
        });
        points.push((line.value, y));
    }
    let figure = Figure::new(1)
        .panel_size(WIDTH - 30.0, 34.0 * lines.len().clamp(2, 12) as f64)
        .name(quantity)
        .description(&format!("{}.", words.join("; ")))
        .panel(panel.layer(Dots::new(&points).radius(4.5)));
    drawn(figure)
}

/// Outcomes against predictions, bin by bin.
pub(crate) fn reliability(name: &str, accuracy: &SubgroupAccuracy) -> Result<String> {
    let bins = &accuracy.reliability;
    let column = |of: fn(&ReliabilityBin) -> f64| -> Vec<f64> { bins.iter().map(of).collect() };
    let (predictions, outcomes) = (
        column(|bin| bin.mean_prediction),
        column(|bin| bin.mean_outcome),
    );
    let intervals: Vec<_> = bins.iter().map(|bin| bin.interval).collect();
    let panel = figures::reliability(&predictions, &outcomes, &intervals)
        .map_err(|source| Error::numerical("drawing a reliability curve", source))?;
    let words: Vec<String> = bins
        .iter()
        .map(|bin| {
            format!(
                "{} predicted, {} found",
                number(bin.mean_prediction),
                number(bin.mean_outcome)
            )
        })
        .collect();
    let figure = Figure::new(1)
        .panel(panel.title(name))
        .panel_size(WIDTH - 16.0, WIDTH - 16.0)
        .name(&format!("Reliability: {name}"))
        .description(&format!("{}.", words.join("; ")));
    drawn(figure)
}

/// How far test rows are from the training rows.
pub(crate) fn extrapolation(training: &[f64], test: &[f64], beyond: f64) -> Result<String> {
    let share = |distances: &[f64], least: f64| {
        let far = distances.iter().filter(|distance| **distance >= least);
        percent(far.count() as f64 / distances.len().max(1) as f64)
    };
    let words = [1.0, 2.0, 4.0].map(|least| {
        format!(
            "at least {least} times as far as a typical training row: {} of training rows, {} of test rows",
            share(training, least),
            share(test, least)
        )
    });
    let panel = figures::extrapolation(training, &[("test rows", test)], beyond)
        .map_err(|source| Error::numerical("drawing distances", source))?;
    let figure = Figure::new(1)
        .panel(panel)
        .panel_size(WIDTH, HEIGHT)
        .name("How far rows are from the training rows")
        .description(&format!("{}.", words.join("; ")));
    drawn(figure)
}

/// Edges against one context, a line of its own colour for each.
pub(crate) fn edges(
    quantity: &str,
    context: &str,
    at: &Points,
    curves: &[(String, Vec<f64>)],
    range: (f64, f64),
) -> Result<String> {
    let mut panel = Panel::new("").x_label(context).y_label(quantity);
    let (low, high) = with_room(range);
    panel = panel.y_range(low, high);
    let zero = Line::horizontal(0.0).colour(Colour::GREY);
    panel = panel.layer(zero.width(0.8).solid());
    let places: Vec<f64> = match at {
        Points::Numbers { values, rows } => {
            panel = panel.layer(Rug::new(rows));
            values.clone()
        }
        Points::Levels(names) => {
            let shown: Vec<String> = names.iter().map(|name| shortened(name)).collect();
            let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
            panel = panel.x_names(&shown);
            (0..names.len()).map(|place| place as f64).collect()
        }
    };
    let mut words = Vec::new();
    for (place, (name, values)) in curves.iter().enumerate() {
        let points: Vec<_> = places.iter().copied().zip(values.iter().copied()).collect();
        let colour = Colour::qualitative(place);
        match at {
            // Levels have no order, so no line leads from one to the next.
            Points::Levels(_) => {
                panel = panel.layer(Dots::new(&points).radius(4.0).colour(colour).label(name));
            }
            Points::Numbers { .. } => {
                panel = panel.layer(Line::new(&points).width(2.0).colour(colour).label(name));
            }
        }
        if let (Some(first), Some(last)) = (values.first(), values.last()) {
            words.push(format!(
                "{name} from {} to {}",
                number(*first),
                number(*last)
            ));
        }
    }
    let figure = Figure::new(1)
        .panel_size(WIDTH, HEIGHT + 20.0)
        .name(&format!("{quantity} against {context}"))
        .description(&format!("{}.", words.join("; ")))
        .panel(panel);
    drawn(figure)
}

/// The side of a drawing of a network, in px.
const GRAPH: f64 = 300.0;
/// Longer names do not fit beside their nodes.
const LONGEST_NAME: usize = 8;

/// What nodes are called in drawings: by their names, or by numbers from 1 where a name is too long.
pub(crate) fn node_labels(names: &[&str]) -> Vec<String> {
    let long = names.iter().any(|name| name.chars().count() > LONGEST_NAME);
    let numbered = names.iter().enumerate();
    numbered
        .map(|(node, name)| {
            if long {
                (node + 1).to_string()
            } else {
                (*name).to_owned()
            }
        })
        .collect()
}

/// A network drawn as a graph; `widest` is the weight that is drawn widest.
pub(crate) fn graph(
    title: &str,
    subtitle: &str,
    names: &[&str],
    weights: &[f64],
    directed: bool,
    widest: f64,
) -> Result<String> {
    let nodes = names.len();
    let arrow = if directed { "→" } else { "–" };
    let mut edges: Vec<(usize, usize, f64)> = weights
        .iter()
        .enumerate()
        .map(|(at, weight)| (at / nodes, at % nodes, *weight))
        .filter(|(from, to, weight)| {
            *weight != 0.0 && if directed { from != to } else { from < to }
        })
        .collect();
    edges.sort_by(|a, b| b.2.abs().total_cmp(&a.2.abs()));
    let words: Vec<String> = edges
        .iter()
        .map(|(from, to, weight)| {
            format!(
                "{} {arrow} {} {}",
                names[*from],
                names[*to],
                number(*weight)
            )
        })
        .collect();
    let words = if words.is_empty() {
        "No edge.".to_owned()
    } else {
        format!("{}.", words.join("; "))
    };
    let labels = node_labels(names);
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let graph = if directed {
        Graph::directed(&labels, weights)
    } else {
        Graph::undirected(&labels, weights)
    };
    let panel = Panel::new(title).subtitle(subtitle).bare();
    let figure = Figure::new(1)
        .panel_size(GRAPH, GRAPH)
        .name(&format!("Network at {title}"))
        .description(&words)
        .panel(panel.layer(graph.widest(widest).dash_negative()));
    drawn(figure)
}

/// The beginning of a name that is too long for an axis.
fn shortened(name: &str) -> String {
    const MOST: usize = 20;
    if name.chars().count() > MOST {
        name.chars().take(MOST - 1).chain(['…']).collect()
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_or_become_numbers() {
        assert_eq!(node_labels(&["Raf", "Mek"]), ["Raf", "Mek"]);
        assert_eq!(node_labels(&["Raf", "a long name"]), ["1", "2"]);
        assert_eq!(shortened("clinic"), "clinic");
        assert_eq!(
            shortened("north of the river, or so"),
            "north of the river,…"
        );
    }

    #[test]
    fn equal_ends_have_room_around_them() {
        assert!(is_flat((0.1, 0.1 + 1e-16)) && !is_flat((0.0, 1e-3)));
        assert_eq!(with_room((2.0, 2.0)), (1.0, 3.0));
        assert_eq!(with_room((0.0, 0.0)), (-1e-3, 1e-3));
        assert_eq!(with_room((0.0, 100.0)), (-10.0, 105.0));
    }
}
