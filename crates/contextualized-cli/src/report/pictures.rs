//! Figures of a report as inline SVG, each narrow enough for a phone.

use super::axes::Points;
use super::words::{number, percent};
use contextualized_analysis::{ReliabilityBin, SubgroupAccuracy};
use contextualized_core::{Error, Result};
use contextualized_frame::pairs::pairs;
use contextualized_frame::values::{is_flat, quantile};
use contextualized_plot::{Band, Colour, Figure, Graph, Line, Panel, Points as Dots, Rug, figures};

/// How large a figure is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// The data rectangle, in px.
    width: f64,
    height: f64,
    /// Whether a legend names what a caption would else have to explain.
    legend: bool,
}

/// With its labels it fits a phone, and three fit beside each other on a desk.
pub(crate) const SMALL: Size = Size {
    width: 280.0,
    height: 165.0,
    legend: false,
};

/// The same with a legend.
pub(crate) const WITH_LEGEND: Size = Size {
    legend: true,
    ..SMALL
};

/// A file of its own.
pub(crate) const FIGURE: Size = Size {
    width: 420.0,
    height: 280.0,
    legend: true,
};

/// As wide as a desk.
pub(crate) const LARGE: Size = Size {
    width: 1110.0,
    height: 330.0,
    legend: true,
};

/// The same for a phone.
pub(crate) const NARROW: Size = Size {
    width: 280.0,
    height: 230.0,
    legend: true,
};

impl Size {
    fn square(self) -> Self {
        let side = self.width - 30.0;
        Self {
            width: side,
            height: side,
            ..self
        }
    }
}

/// A figure with its name and what it shows in words.
fn figure(panel: Panel, size: Size, name: &str, words: &str) -> Figure {
    Figure::new(1)
        .panel(panel)
        .panel_size(size.width, size.height)
        .name(name)
        .description(words)
}

/// A figure as an element of the page.
fn drawn(panel: Panel, size: Size, name: &str, words: &str) -> Result<String> {
    figure(panel, size, name, words)
        .edge(3.0)
        .to_inline_svg()
        .map_err(|source| Error::numerical("drawing a figure", source))
}

/// Facts as one sentence.
fn sentence(facts: &[String]) -> String {
    format!("{}.", facts.join("; "))
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
        SMALL,
        &format!("Histogram of {quantity}"),
        &sentence(&words),
    )
}

/// A quantity against one context, in one curve or several.
pub(crate) struct Curves<'a> {
    /// What is on the vertical axis.
    pub(crate) quantity: &'a str,
    /// The name of the context.
    pub(crate) context: &'a str,
    pub(crate) at: &'a Points,
    pub(crate) curves: Vec<Curve<'a>>,
    /// The population's value.
    pub(crate) population: Option<f64>,
    /// The ends of the vertical axis, which panels of one quantity share.
    pub(crate) range: (f64, f64),
}

/// One curve.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Curve<'a> {
    /// Its name in the legend; empty of one that is alone.
    pub(crate) name: &'a str,
    pub(crate) values: &'a [f64],
    pub(crate) interval: Option<(&'a [f64], &'a [f64])>,
}

impl Curves<'_> {
    /// As an element of the page.
    pub(crate) fn picture(&self, size: Size) -> Result<String> {
        drawn(self.panel(size), size, &self.name(), &self.words())
    }

    /// As an SVG document.
    pub(crate) fn document(&self, size: Size) -> Result<String> {
        figure(self.panel(size), size, &self.name(), &self.words())
            .to_svg()
            .map_err(|source| Error::numerical("drawing a figure", source))
    }

    fn name(&self) -> String {
        format!("{} against {}", self.quantity, self.context)
    }

    fn panel(&self, size: Size) -> Panel {
        let mut panel = against(self.quantity, self.context, self.range);
        if let Some(population) = self.population {
            let line = Line::horizontal(population);
            let label = if size.legend { "population" } else { "" };
            panel = panel.layer(line.label(label));
        }
        match self.at {
            Points::Numbers {
                values,
                rows,
                clock,
            } if values.len() > 2 => {
                // Enough room for a date beside each.
                const MARK: f64 = 80.0;
                let ends = (values[0], values[values.len() - 1]);
                let marks = clock
                    .map(|clock| clock.marks(ends.0, ends.1, (size.width / MARK).floor() as usize));
                if let Some(marks) = marks.filter(|marks| !marks.is_empty()) {
                    let marks: Vec<(f64, &str)> = marks
                        .iter()
                        .map(|(value, text)| (*value, text.as_str()))
                        .collect();
                    panel = panel.x_marks(&marks);
                }
                self.lines(panel.layer(Rug::new(rows)), values)
            }
            at @ (Points::Numbers { .. } | Points::Levels(_)) => {
                let names: Vec<String> = (0..at.len()).map(|place| at.text(place)).collect();
                self.dots(with_names(panel, &names))
            }
        }
    }

    fn lines(&self, mut panel: Panel, at: &[f64]) -> Panel {
        for (place, curve) in self.curves.iter().enumerate() {
            if let Some((lower, upper)) = curve.interval {
                panel = panel.layer(Band::new(at, lower, upper).colour(Colour::qualitative(place)));
            }
        }
        for (place, curve) in self.curves.iter().enumerate() {
            let points: Vec<_> = at
                .iter()
                .copied()
                .zip(curve.values.iter().copied())
                .collect();
            let line = Line::new(&points)
                .width(2.2)
                .colour(Colour::qualitative(place));
            panel = panel.layer(line.label(curve.name));
        }
        panel
    }

    /// Levels have no order, so no line leads from one to the next.
    fn dots(&self, mut panel: Panel) -> Panel {
        const APART: f64 = 0.16;
        let middle = (self.curves.len() as f64 - 1.0) / 2.0;
        for (place, curve) in self.curves.iter().enumerate() {
            let colour = Colour::qualitative(place);
            let aside = APART * (place as f64 - middle);
            if let Some((lower, upper)) = curve.interval {
                for (x, (&lower, &upper)) in positions().zip(lower.iter().zip(upper)) {
                    let ends = [(x + aside, lower), (x + aside, upper)];
                    panel = panel.layer(Line::new(&ends).width(2.0).colour(colour));
                }
            }
            let points: Vec<_> = positions()
                .map(|x| x + aside)
                .zip(curve.values.iter().copied())
                .collect();
            let dots = Dots::new(&points).radius(4.5).colour(colour);
            panel = panel.layer(dots.label(curve.name));
        }
        panel
    }

    /// The curves for those who cannot see them.
    pub(crate) fn words(&self) -> String {
        let words: Vec<String> = match &self.curves[..] {
            [curve] => self.course(curve),
            several => several
                .iter()
                .map(|curve| format!("{} {}", curve.name, self.course(curve).join(", ")))
                .collect(),
        };
        if words.is_empty() {
            String::new()
        } else {
            sentence(&words)
        }
    }

    /// The ends of a curve, and its extremes where these are others.
    fn course(&self, curve: &Curve<'_>) -> Vec<String> {
        let said = |place: usize| {
            let interval = curve.interval.map_or_else(String::new, |(lower, upper)| {
                format!(" ({} to {})", number(lower[place]), number(upper[place]))
            });
            format!(
                "{}{interval} at {} = {}",
                number(curve.values[place]),
                self.context,
                self.at.text(place)
            )
        };
        let Some(last) = curve.values.len().checked_sub(1) else {
            return Vec::new();
        };
        let by = |a: &usize, b: &usize| curve.values[*a].total_cmp(&curve.values[*b]);
        let (lowest, highest) = (
            (0..=last).min_by(by).unwrap_or(0),
            (0..=last).max_by(by).unwrap_or(0),
        );
        if last == 0 {
            return vec![said(0)];
        }
        let mut words = vec![format!("from {} to {}", said(0), said(last))];
        for (name, place) in [("lowest", lowest), ("highest", highest)] {
            if place != 0 && place != last {
                words.push(format!("{name} {}", said(place)));
            }
        }
        words
    }
}

/// A value with its name and an interval, if there is one.
pub(crate) struct Estimate {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) interval: Option<(f64, f64)>,
}

/// Names with a value and an interval each, the first on top, and a line at zero.
pub(crate) fn intervals(quantity: &str, lines: &[Estimate], size: Size) -> Result<String> {
    let names: Vec<String> = lines.iter().map(|line| shortened(&line.name)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
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
    let size = Size {
        // Names need more room than numbers do.
        width: size.width - 60.0,
        height: 30.0 * lines.len().max(2) as f64,
        ..size
    };
    drawn(panel, size, quantity, &sentence(&words))
}

/// Points of rows, over a line on which one is as large as the other, or at zero.
pub(crate) fn scatter(
    (across, upwards): (&str, &str),
    points: &[(f64, f64)],
    equal: bool,
    words: &str,
) -> Result<String> {
    let mut panel = Panel::new("").x_label(across).y_label(upwards);
    let size = if equal { SMALL.square() } else { SMALL };
    if equal {
        let values = || points.iter().flat_map(|(x, y)| [*x, *y]);
        let low = values().fold(f64::INFINITY, f64::min);
        let high = values().fold(f64::NEG_INFINITY, f64::max);
        panel = panel.equal_ranges();
        if low < high {
            let diagonal = Line::new(&[(low, low), (high, high)]).colour(Colour::GREY);
            panel = panel.layer(diagonal.width(1.2).dashed());
        }
    } else {
        panel = panel.layer(Line::horizontal(0.0).colour(Colour::GREY));
    }
    let opacity = (60.0 / points.len() as f64).clamp(0.15, 0.6);
    let dots = Dots::new(points).radius(3.0).opacity(opacity);
    drawn(
        panel.layer(dots),
        size,
        &format!("{upwards} against {across}"),
        words,
    )
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
        SMALL.square(),
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
        SMALL,
        "How far rows are from the training rows",
        &sentence(&words),
    )
}

/// The size of a drawing of a network.
const GRAPH: Size = Size {
    width: 320.0,
    height: 320.0,
    legend: false,
};
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
        GRAPH,
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
        assert_eq!(with_room((2.0, 2.0)), (1.0, 3.0));
        assert_eq!(with_room((0.0, 0.0)), (-1e-3, 1e-3));
        assert_eq!(with_room((0.0, 100.0)), (-10.0, 105.0));
    }
}
