//! Figures of a report as inline SVG, each narrow enough for a phone.

use super::axes::quantile;
use super::dependence::Points;
use super::words::{number, percent};
use crate::pairs::pairs;
use contextualized_analysis::{ReliabilityBin, SubgroupAccuracy};
use contextualized_core::{Error, Result};
use contextualized_plot::{Band, Colour, Figure, Graph, Line, Panel, Points as Dots, Rug, figures};

/// The data rectangle of a panel, in px: with its labels it fits a phone.
const WIDTH: f64 = 222.0;
const HEIGHT: f64 = 160.0;

/// A panel as an element of the page, with its name and what it shows in words.
fn drawn(panel: Panel, (width, height): (f64, f64), name: &str, words: &str) -> Result<String> {
    Figure::new(1)
        .panel(panel)
        .panel_size(width, height)
        .edge(3.0)
        .name(name)
        .description(words)
        .to_inline_svg()
        .map_err(|source| Error::numerical("drawing a figure", source))
}

/// Facts as one sentence.
fn sentence(facts: &[String]) -> String {
    format!("{}.", facts.join("; "))
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

/// A panel of a quantity against a context, with a line at zero where that is in the range.
fn against(quantity: &str, context: &str, range: (f64, f64)) -> Panel {
    let (low, high) = with_room(range);
    let panel = Panel::new("")
        .x_label(context)
        .y_label(quantity)
        .y_range(low, high);
    if low < 0.0 && high > 0.0 {
        let zero = Line::horizontal(0.0).colour(Colour::GREY);
        panel.layer(zero.width(0.8).solid())
    } else {
        panel
    }
}

/// Names along the x axis, shortened where they are long.
fn with_names(panel: Panel, names: &[String]) -> Panel {
    let shown: Vec<String> = names.iter().map(|name| shortened(name)).collect();
    let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
    panel.x_names(&shown)
}

/// Values at places on the x axis.
fn points(places: impl IntoIterator<Item = f64>, values: &[f64]) -> Vec<(f64, f64)> {
    places.into_iter().zip(values.iter().copied()).collect()
}

/// 0, 1, 2, …
fn positions() -> impl Iterator<Item = f64> {
    (0..).map(f64::from)
}

/// A histogram of the values of rows, with the population's.
pub(crate) fn distribution(
    quantity: &str,
    values: &[f64],
    population: Option<f64>,
) -> Result<String> {
    let [low, median, high] = [0.05, 0.5, 0.95].map(|share| number(quantile(values, share)));
    let mut words = vec![
        format!("Median {median}"),
        format!("nine in ten rows between {low} and {high}"),
    ];
    words.extend(population.map(|value| format!("population {}", number(value))));
    drawn(
        figures::histogram(quantity, values, population),
        (WIDTH, HEIGHT),
        &format!("Histogram of {quantity}"),
        &sentence(&words),
    )
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
    pub(crate) population: f64,
    /// The ends of the vertical axis, which panels of one quantity share.
    pub(crate) range: (f64, f64),
}

impl Curve<'_> {
    pub(crate) fn picture(&self) -> Result<String> {
        let panel = against(self.quantity, self.context, self.range)
            .layer(Line::horizontal(self.population));
        let panel = match self.at {
            Points::Numbers { values, rows } if values.len() > 2 => {
                self.line(panel.layer(Rug::new(rows)), values)
            }
            Points::Numbers { values, .. } => {
                let names: Vec<String> = values.iter().map(|value| number(*value)).collect();
                self.dots(panel, &names)
            }
            Points::Levels(names) => self.dots(panel, names),
        };
        let name = format!("{} against {}", self.quantity, self.context);
        drawn(panel, (WIDTH, HEIGHT), &name, &self.words())
    }

    fn line(&self, mut panel: Panel, at: &[f64]) -> Panel {
        if let Some((lower, upper)) = self.interval {
            panel = panel.layer(Band::new(at, lower, upper));
        }
        let points = points(at.iter().copied(), self.values);
        panel.layer(Line::new(&points).width(2.2))
    }

    fn dots(&self, panel: Panel, names: &[String]) -> Panel {
        let mut panel = with_names(panel, names);
        if let Some((lower, upper)) = self.interval {
            for (x, (&lower, &upper)) in positions().zip(lower.iter().zip(upper)) {
                panel = panel.layer(Line::new(&[(x, lower), (x, upper)]).width(2.0));
            }
        }
        panel.layer(Dots::new(&points(positions(), self.values)).radius(4.5))
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
        if last == 0 {
            return sentence(&[said(0)]);
        }
        let mut words = vec![format!("from {} to {}", said(0), said(last))];
        for (name, place) in [("lowest", lowest), ("highest", highest)] {
            if place != 0 && place != last {
                words.push(format!("{name} {}", said(place)));
            }
        }
        sentence(&words)
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
    let panel = panel.layer(Dots::new(&points).radius(4.5));
    let height = 34.0 * lines.len().clamp(2, 12) as f64;
    drawn(panel, (WIDTH - 30.0, height), quantity, &sentence(&words))
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
    drawn(
        panel.title(name),
        (WIDTH - 16.0, WIDTH - 16.0),
        &format!("Reliability: {name}"),
        &sentence(&words),
    )
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
    drawn(
        panel,
        (WIDTH, HEIGHT),
        "How far rows are from the training rows",
        &sentence(&words),
    )
}

/// Edges against one context, a line of its own colour for each.
pub(crate) fn edges(
    quantity: &str,
    context: &str,
    at: &Points,
    curves: &[(String, Vec<f64>)],
    range: (f64, f64),
) -> Result<String> {
    let mut panel = against(quantity, context, range);
    panel = match at {
        Points::Numbers { rows, .. } => panel.layer(Rug::new(rows)),
        Points::Levels(names) => with_names(panel, names),
    };
    let mut words = Vec::new();
    for (place, (name, values)) in curves.iter().enumerate() {
        let colour = Colour::qualitative(place);
        panel = match at {
            // Levels have no order, so no line leads from one to the next.
            Points::Levels(_) => {
                let dots = Dots::new(&points(positions(), values)).radius(4.0);
                panel.layer(dots.colour(colour).label(name))
            }
            Points::Numbers { values: at, .. } => {
                let line = Line::new(&points(at.iter().copied(), values)).width(2.0);
                panel.layer(line.colour(colour).label(name))
            }
        };
        if let (Some(first), Some(last)) = (values.first(), values.last()) {
            words.push(format!(
                "{name} from {} to {}",
                number(*first),
                number(*last)
            ));
        }
    }
    let name = format!("{quantity} against {context}");
    drawn(panel, (WIDTH, HEIGHT + 20.0), &name, &sentence(&words))
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
    let mut edges: Vec<(usize, usize, f64)> = pairs(nodes, directed)
        .map(|(from, to)| (from, to, weights[from * nodes + to]))
        .filter(|(_, _, weight)| *weight != 0.0)
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
        sentence(&words)
    };
    let labels = node_labels(names);
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let graph = if directed {
        Graph::directed(&labels, weights)
    } else {
        Graph::undirected(&labels, weights)
    };
    let panel = Panel::new(title).subtitle(subtitle).bare();
    drawn(
        panel.layer(graph.widest(widest).dash_negative()),
        (GRAPH, GRAPH),
        &format!("Network at {title}"),
        &words,
    )
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
