//! Open lines.

use crate::axis::Span;
use crate::layer::{Frame, Key, Mark, Site, check_width};
use crate::svg::{Dot, Pen, Svg};
use crate::{Colour, Result, clip};

/// A line through points (x, y) in the order given, cut off at the edges of the panel.
///
/// A single point is drawn as a dot. No points at all draw nothing, but keep their place in
/// the legend.
#[derive(Debug, Clone)]
#[must_use]
pub struct Line {
    points: Vec<(f64, f64)>,
    pen: Pen,
    label: String,
}

impl Line {
    /// A solid blue line of 1.8 px without a legend entry.
    pub fn new(points: &[(f64, f64)]) -> Self {
        Self {
            points: points.to_vec(),
            pen: Pen::solid(Colour::BLUE, 1.8),
            label: String::new(),
        }
    }

    /// Its colour.
    pub fn colour(mut self, colour: Colour) -> Self {
        self.pen.colour = colour;
        self
    }

    /// Its width in px, from 0.1 to 100.
    pub fn width(mut self, width: f64) -> Self {
        self.pen.width = width;
        self
    }

    /// Draws it in dashes.
    pub fn dashed(mut self) -> Self {
        self.pen.dashed = true;
        self
    }

    /// The name in the legend.
    pub fn label(mut self, label: &str) -> Self {
        self.label = label.to_owned();
        self
    }
}

impl Mark for Line {
    fn check(&self, site: &Site<'_>) -> Result<()> {
        site.points(&self.points)?;
        check_width(self.pen.width)
    }

    fn measure(&self, x: &mut Span, y: &mut Span) {
        x.extend(self.points.iter().map(|point| point.0));
        y.extend(self.points.iter().map(|point| point.1));
    }

    fn draw(&self, svg: &mut Svg, frame: &Frame<'_>) {
        if let [point] = self.points[..] {
            let dot = Dot {
                radius: 1.5 * self.pen.width,
                fill: self.pen.colour.into(),
                edge: None,
            };
            let inside = frame.contains(point);
            svg.dots(dot, inside.then(|| (frame.place(point), None)));
        } else {
            let places = frame.places(self.points.iter().copied());
            svg.lines(&clip::line(&places, frame.rect), self.pen);
        }
    }

    fn entry(&self) -> Option<(&str, Key)> {
        Some((&self.label, Key::Stroke(self.pen)))
    }
}
