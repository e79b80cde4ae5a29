//! The area between two curves.

use crate::axis::Span;
use crate::canvas::{Canvas, Fill};
use crate::error::within;
use crate::layer::{Entry, Frame, Key, Mark, Site, entry};
use crate::text::clean;
use crate::{Colour, Result, clip};

/// The area between a lower and an upper curve, such as an interval around a line.
#[derive(Debug, Clone)]
pub struct Band {
    x: Vec<f64>,
    lower: Vec<f64>,
    upper: Vec<f64>,
    fill: Fill,
    label: Option<String>,
}

impl Band {
    /// A blue area of opacity 0.2 from `lower` to `upper` at every `x`, which are in order.
    pub fn new(x: &[f64], lower: &[f64], upper: &[f64]) -> Self {
        Self {
            x: x.to_vec(),
            lower: lower.to_vec(),
            upper: upper.to_vec(),
            fill: Fill {
                colour: Colour::BLUE,
                opacity: 0.2,
            },
            label: None,
        }
    }

    /// Its colour.
    #[must_use]
    pub fn colour(mut self, colour: Colour) -> Self {
        self.fill.colour = colour;
        self
    }

    /// The opacity, from 0 (invisible) to 1.
    #[must_use]
    pub fn opacity(mut self, opacity: f64) -> Self {
        self.fill.opacity = opacity;
        self
    }

    /// The name in the legend.
    #[must_use]
    pub fn label(mut self, label: &str) -> Self {
        self.label = Some(clean(label));
        self
    }
}

impl Mark for Band {
    fn check(&self, site: &Site<'_>) -> Result<()> {
        site.same_length("lower", self.x.len(), self.lower.len())?;
        site.same_length("upper", self.x.len(), self.upper.len())?;
        site.along_x("x", self.x.iter().copied())?;
        site.along_y("lower", self.lower.iter().copied())?;
        site.along_y("upper", self.upper.iter().copied())?;
        within("the opacity", self.fill.opacity, 0.0, 1.0, "from 0 to 1")
    }

    fn measure(&self, x: &mut Span, y: &mut Span) {
        self.x.iter().for_each(|&value| x.include(value));
        let ends = self.lower.iter().chain(&self.upper);
        ends.for_each(|&value| y.include(value));
    }

    fn draw(&self, canvas: &Canvas<'_>, frame: &Frame) -> Result<()> {
        let there = self.x.iter().zip(&self.upper);
        let back = self.x.iter().zip(&self.lower).rev();
        let places: Vec<_> = there
            .chain(back)
            .map(|(&x, &y)| frame.place((x, y)))
            .collect();
        let outline = clip::outline(&places, frame.rect);
        if outline.len() < 3 {
            return Ok(());
        }
        canvas.outline(&outline, self.fill)
    }

    fn entry(&self) -> Option<Entry> {
        entry(&self.label, Key::Area(self.fill))
    }
}
