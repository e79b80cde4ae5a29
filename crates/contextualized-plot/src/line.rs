//! Open lines.

use crate::axis::Span;
use crate::canvas::{Canvas, Fill, Pen};
use crate::error::within;
use crate::layer::{Entry, Frame, Key, Mark, Site, entry};
use crate::text::clean;
use crate::{Colour, Result, clip};

/// A line through points (x, y) in the order given, cut off at the edges of the panel.
///
/// A single point is drawn as a dot. No points at all draw nothing, but keep their place in
/// the legend.
#[derive(Debug, Clone)]
pub struct Line {
    points: Vec<(f64, f64)>,
    pen: Pen,
    label: Option<String>,
}

impl Line {
    /// A solid blue line of 1.8 px without a legend entry.
    pub fn new(points: &[(f64, f64)]) -> Self {
        Self {
            points: points.to_vec(),
            pen: Pen {
                colour: Colour::BLUE,
                width: 1.8,
                dashed: false,
            },
            label: None,
        }
    }

    /// Its colour.
    #[must_use]
    pub fn colour(mut self, colour: Colour) -> Self {
        self.pen.colour = colour;
        self
    }

    /// Its width in px, from 0.1 to 100.
    #[must_use]
    pub fn width(mut self, width: f64) -> Self {
        self.pen.width = width;
        self
    }

    /// Draws it in dashes.
    #[must_use]
    pub fn dashed(mut self) -> Self {
        self.pen.dashed = true;
        self
    }

    /// The name in the legend.
    #[must_use]
    pub fn label(mut self, label: &str) -> Self {
        self.label = Some(clean(label));
        self
    }
}

/// Checks the width of a line.
pub(crate) fn check_width(width: f64) -> Result<()> {
    within("the line width", width, 0.1, 100.0, "from 0.1 to 100 px")
}

impl Mark for Line {
    fn check(&self, site: &Site<'_>) -> Result<()> {
        site.along_x("x", self.points.iter().map(|point| point.0))?;
        site.along_y("y", self.points.iter().map(|point| point.1))?;
        check_width(self.pen.width)
    }

    fn measure(&self, x: &mut Span, y: &mut Span) {
        for point in &self.points {
            x.include(point.0);
            y.include(point.1);
        }
    }

    fn draw(&self, canvas: &Canvas<'_>, frame: &Frame) -> Result<()> {
        if let [point] = self.points[..] {
            let fill = Fill {
                colour: self.pen.colour,
                opacity: 1.0,
            };
            return if frame.contains(point) {
                canvas.disc(frame.place(point), 1.5 * self.pen.width, fill)
            } else {
                Ok(())
            };
        }
        let places: Vec<_> = self
            .points
            .iter()
            .map(|&point| frame.place(point))
            .collect();
        for part in clip::line(&places, frame.rect) {
            canvas.line(&part, self.pen)?;
        }
        Ok(())
    }

    fn entry(&self) -> Option<Entry> {
        entry(&self.label, Key::Stroke(self.pen))
    }
}
