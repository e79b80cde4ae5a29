//! Networks as dots and arrows.

use crate::axis::{Scale, Span};
use crate::layer::{Frame, Mark, Site};
use crate::svg::{Dot, Pen, Pixel, Rect, Svg};
use crate::text::{Anchor, CELL, Face};
use crate::{Colour, Result};

/// A network with its nodes on a circle, the first on top and the others clockwise, for a panel
/// without axes ([`Panel::bare`](crate::Panel::bare)), which it fills.
///
/// An edge is as wide as its weight is large, vermillion where it is positive and blue where it is
/// negative. Names that do not fit into their nodes are all written outside of the circle. Edges of weight
/// zero and loops are not drawn.
#[derive(Debug, Clone)]
#[must_use]
pub struct Graph {
    names: Vec<String>,
    weights: Vec<f64>,
    directed: bool,
    widest: Option<f64>,
    dash_negative: bool,
}

/// The radius of nodes in px, with the name inside and outside.
const NODE_RADIUS: f64 = 15.0;
const SMALL_RADIUS: f64 = 7.0;
const NODE_PEN: Pen = Pen::solid(Colour::DARK_GREY, 1.2);
/// Between a node and its name, in px.
const NAME_GAP: f64 = 5.0;
/// Nodes no further than this from the middle line, as a share of the circle's radius, have their
/// name above or below.
const ABOVE_OR_BELOW: f64 = 0.1;
/// The smallest radius of the circle of nodes, in px.
const LEAST_ROOM: f64 = 20.0;
/// The width of the widest edge and of the narrowest, in px.
const WIDEST: f64 = 7.0;
const NARROWEST: f64 = 1.2;
/// How far edges there and back are from the line between their nodes, in px.
const ASIDE: f64 = 4.5;

impl Graph {
    /// A directed network: row i, column j of the weights (p × p, row after row) is the edge from
    /// node i to node j.
    pub fn directed(names: &[&str], weights: &[f64]) -> Self {
        Self {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
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
    pub fn widest(mut self, weight: f64) -> Self {
        self.widest = Some(weight);
        self
    }

    /// Draws edges of negative weight in dashes, so that signs are distinguished without colours.
    pub fn dash_negative(mut self) -> Self {
        self.dash_negative = true;
        self
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

    /// Draws an edge, `aside` of the line through its ends.
    fn edge(&self, svg: &mut Svg, ends: [Pixel; 2], radius: f64, aside: f64, pen: Pen) {
        let [(x0, y0), (x1, y1)] = ends;
        let length = (x1 - x0).hypot(y1 - y0);
        if length <= 2.0 * radius {
            return;
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
        svg.lines(&[[at(radius, 0.0), at(tip - 0.8 * head, 0.0)]], pen);
        if self.directed {
            let half = 0.4 * head;
            let corners = [at(tip, 0.0), at(tip - head, half), at(tip - head, -half)];
            svg.polygon(&corners, pen.colour);
        }
    }
}

/// The places of nodes and their names.
struct Layout {
    /// From the middle of the circle to each node, in multiples of the circle's radius; y grows upwards.
    directions: Vec<(f64, f64)>,
    /// The radius of the circle and of a node.
    circle: f64,
    node: f64,
    outside: bool,
}

impl Layout {
    fn new(names: &[String], rect: Rect) -> Self {
        let outside = names
            .iter()
            .any(|name| CELL.width(name) > 1.7 * NODE_RADIUS);
        let node = if outside { SMALL_RADIUS } else { NODE_RADIUS };
        let turn = |index| index as f64 / names.len() as f64 * std::f64::consts::TAU;
        let directions: Vec<(f64, f64)> = (0..names.len())
            .map(|index| (turn(index).sin(), turn(index).cos()))
            .collect();
        // The largest circle whose nodes and names all lie inside.
        let circle = names.iter().zip(&directions).map(|(name, (x, y))| {
            let (wide, high) = match (outside, anchor(*x)) {
                (false, _) => (0.0, 0.0),
                (true, Anchor::Middle) => (0.0, CELL.size + NAME_GAP),
                (true, Anchor::Start | Anchor::End) => (CELL.width(name) + NAME_GAP, 0.0),
            };
            let room = |side: f64, beyond: f64, share: f64| {
                (side / 2.0 - node - NODE_PEN.width - beyond) / share.abs().max(1e-9)
            };
            room(rect.width(), wide, *x).min(room(rect.height(), high, *y))
        });
        let circle = circle.fold(rect.width().max(rect.height()) / 2.0, f64::min);
        Self {
            circle: circle.max(LEAST_ROOM),
            directions,
            node,
            outside,
        }
    }
}

/// Which part of a name outside of the circle is next to its node.
fn anchor(x: f64) -> Anchor {
    if x > ABOVE_OR_BELOW {
        Anchor::Start
    } else if x < -ABOVE_OR_BELOW {
        Anchor::End
    } else {
        Anchor::Middle
    }
}

impl Mark for Graph {
    fn check(&self, site: &Site<'_>) -> Result<()> {
        let nodes = self.names.len();
        site.same_length("weights", nodes * nodes, self.weights.len())?;
        site.numbers(Scale::Linear, "weight", self.weights.iter().copied())
    }

    fn measure(&self, x: &mut Span, y: &mut Span) {
        x.extend([-1.0, 1.0]);
        y.extend([-1.0, 1.0]);
    }

    fn draw(&self, svg: &mut Svg, frame: &Frame<'_>) {
        let layout = Layout::new(&self.names, frame.rect);
        let middle = frame.rect.middle();
        let place =
            |(x, y): (f64, f64), distance: f64| (middle.0 + x * distance, middle.1 - y * distance);
        let node = |index: usize| place(layout.directions[index], layout.circle);
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
            let back = self.directed && self.weights[to * self.names.len() + from] != 0.0;
            let aside = if back { ASIDE } else { 0.0 };
            self.edge(svg, [node(from), node(to)], layout.node, aside, pen);
        }
        let dot = Dot {
            radius: layout.node,
            fill: Colour::WHITE.into(),
            edge: Some(NODE_PEN),
        };
        svg.dots(dot, (0..self.names.len()).map(|index| (node(index), None)));
        for (name, &(x, y)) in self.names.iter().zip(&layout.directions) {
            if !layout.outside {
                svg.text(name, place((x, y), layout.circle), CELL);
                continue;
            }
            let anchor = anchor(x);
            let beyond = layout.circle + layout.node + NAME_GAP;
            let (left, top) = place((x, y), beyond);
            let up = match anchor {
                Anchor::Middle => y.signum() * CELL.size / 2.0,
                Anchor::Start | Anchor::End => 0.0,
            };
            svg.text(name, (left, top - up), Face { anchor, ..CELL });
        }
    }
}
