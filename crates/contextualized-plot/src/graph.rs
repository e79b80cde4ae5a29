//! Networks as dots and arrows.

use crate::axis::{Scale, Span};
use crate::canvas::{Canvas, Fill, Pen, Pixel};
use crate::face::{Anchor, CELL, Face};
use crate::layer::{Entry, Frame, Mark, Site};
use crate::text::clean;
use crate::{Colour, Result};

/// A network with its nodes on a circle, the first on top and the others clockwise, for a panel
/// without axes ([`Panel::bare`](crate::Panel::bare)).
///
/// An edge is as wide as its weight is large, vermillion where it is positive and blue where it is
/// negative. Names that do not fit into their nodes all stand outside of the circle. Edges of weight zero are not there, and neither are loops.
#[derive(Debug, Clone)]
pub struct Graph {
    names: Vec<String>,
    weights: Vec<f64>,
    directed: bool,
    widest: Option<f64>,
    dash_negative: bool,
}

/// Half the side of the square that the circle of nodes, of radius 1, stands in: with names in nodes
/// and outside of them.
const ROOM: f64 = 1.3;
const ROOM_FOR_NAMES: f64 = 1.5;
/// In px, with the name inside and outside.
const NODE_RADIUS: f64 = 15.0;
const SMALL_RADIUS: f64 = 7.0;
/// Between a node and its name, in px.
const NAME_GAP: f64 = 5.0;
/// Nodes no further than this from the middle line have their name above or below.
const ABOVE_OR_BELOW: f64 = 0.1;
/// The width of the widest edge and of the narrowest, in px.
const WIDEST: f64 = 6.0;
const NARROWEST: f64 = 0.4;
/// How far edges there and back stand aside, in px.
const BESIDE: f64 = 4.5;

impl Graph {
    /// A directed network: row i, column j of the weights (p × p, row after row) is the edge from
    /// node i to node j.
    pub fn directed(names: &[&str], weights: &[f64]) -> Self {
        Self {
            names: names.iter().map(|name| clean(name)).collect(),
            weights: weights.to_vec(),
            directed: true,
            widest: None,
            dash_negative: false,
        }
    }

    /// An undirected network, of which the part above the diagonal is drawn.
    pub fn undirected(names: &[&str], weights: &[f64]) -> Self {
        Self {
            directed: false,
            ..Self::directed(names, weights)
        }
    }

    /// The weight that is drawn widest, so that panels can be compared; by default, this network's
    /// largest.
    #[must_use]
    pub fn widest(mut self, weight: f64) -> Self {
        self.widest = Some(weight);
        self
    }

    /// Draws edges of negative weight in dashes, so that signs can be told without colours.
    #[must_use]
    pub fn dash_negative(mut self) -> Self {
        self.dash_negative = true;
        self
    }

    fn names_outside(&self) -> bool {
        let fits = |name: &String| CELL.width(name) <= 1.7 * NODE_RADIUS;
        !self.names.iter().all(fits)
    }

    fn radius(&self) -> f64 {
        if self.names_outside() {
            SMALL_RADIUS
        } else {
            NODE_RADIUS
        }
    }

    fn place(&self, node: usize) -> (f64, f64) {
        let turn = node as f64 / self.names.len() as f64 * std::f64::consts::TAU;
        (turn.sin(), turn.cos())
    }

    /// Edges to draw, narrow ones first: from, to, weight.
    fn edges(&self) -> Vec<(usize, usize, f64)> {
        let nodes = self.names.len();
        let pairs = (0..nodes).flat_map(|from| (0..nodes).map(move |to| (from, to)));
        let mut edges: Vec<_> = pairs
            .filter(|(from, to)| if self.directed { from != to } else { from < to })
            .map(|(from, to)| (from, to, self.weights[from * nodes + to]))
            .filter(|(_, _, weight)| *weight != 0.0)
            .collect();
        edges.sort_by(|a, b| a.2.abs().total_cmp(&b.2.abs()));
        edges
    }

    /// Draws an edge, so far aside from the line through its ends.
    fn edge(&self, canvas: &Canvas<'_>, ends: (Pixel, Pixel), aside: f64, pen: Pen) -> Result<()> {
        let ((x0, y0), (x1, y1)) = ends;
        let length = (x1 - x0).hypot(y1 - y0);
        let radius = self.radius();
        if length <= 2.0 * radius {
            return Ok(());
        }
        let (across, down) = ((x1 - x0) / length, (y1 - y0) / length);
        let at = |along: f64, off: f64| {
            let off = off + aside;
            (
                x0 + along * across - off * down,
                y0 + along * down + off * across,
            )
        };
        let tip = length - radius - 1.0;
        let head = if self.directed {
            7.0 + 1.5 * pen.width
        } else {
            0.0
        };
        canvas.line(&[at(radius, 0.0), at(tip - 0.8 * head, 0.0)], pen)?;
        if self.directed {
            let half = 0.4 * head;
            let fill = Fill {
                colour: pen.colour,
                opacity: 1.0,
            };
            let corners = [at(tip, 0.0), at(tip - head, half), at(tip - head, -half)];
            canvas.outline(&corners, fill)?;
        }
        Ok(())
    }
}

impl Mark for Graph {
    fn check(&self, site: &Site<'_>) -> Result<()> {
        let nodes = self.names.len();
        site.same_length("weights", nodes * nodes, self.weights.len())?;
        site.along(Scale::Linear, "weight", self.weights.iter().copied())
    }

    fn measure(&self, x: &mut Span, y: &mut Span) {
        let room = if self.names_outside() {
            ROOM_FOR_NAMES
        } else {
            ROOM
        };
        for end in [-room, room] {
            x.include(end);
            y.include(end);
        }
    }

    fn draw(&self, canvas: &Canvas<'_>, frame: &Frame) -> Result<()> {
        let edges = self.edges();
        let largest = edges.last().map_or(1.0, |edge| edge.2.abs());
        let widest = self.widest.filter(|w| *w > 0.0).unwrap_or(largest);
        for (from, to, weight) in edges {
            let pen = Pen {
                colour: if weight > 0.0 {
                    Colour::VERMILLION
                } else {
                    Colour::BLUE
                },
                width: (WIDEST * (weight.abs() / widest).min(1.0)).max(NARROWEST),
                dashed: self.dash_negative && weight < 0.0,
            };
            let ends = [from, to].map(|node| frame.place(self.place(node)));
            let back = self.directed && self.weights[to * self.names.len() + from] != 0.0;
            let aside = if back { BESIDE } else { 0.0 };
            self.edge(canvas, (ends[0], ends[1]), aside, pen)?;
        }
        let (radius, outside) = (self.radius(), self.names_outside());
        for (node, name) in self.names.iter().enumerate() {
            let (x, y) = self.place(node);
            let middle = frame.place((x, y));
            let fill = Fill {
                colour: Colour::WHITE,
                opacity: 1.0,
            };
            canvas.disc(middle, radius, fill)?;
            let pen = Pen {
                colour: Colour::DARK_GREY,
                width: 1.2,
                dashed: false,
            };
            canvas.ring(middle, radius, pen)?;
            if !outside {
                canvas.text(name, middle, CELL)?;
                continue;
            }
            let anchor = match x {
                x if x > ABOVE_OR_BELOW => Anchor::Start,
                x if x < -ABOVE_OR_BELOW => Anchor::End,
                _ => Anchor::Middle,
            };
            let away = radius + NAME_GAP;
            let up = match anchor {
                Anchor::Middle => y * (away + CELL.size / 2.0),
                _ => y * away,
            };
            let place = (middle.0 + x * away, middle.1 - up);
            canvas.text(name, place, Face { anchor, ..CELL })?;
        }
        Ok(())
    }

    fn entry(&self) -> Option<Entry> {
        None
    }
}
