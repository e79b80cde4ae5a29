//! The area between two curves.

use crate::axis::Span;
use crate::layer::{Frame, Key, Mark, Site, check_opacity};
use crate::svg::{Fill, Svg};
use crate::{Colour, Result, clip};

/// The area between a lower and an upper curve, such as an interval around a line.
#[derive(Debug, Clone)]
#[must_use]
pub struct Band {
    x: Vec<f64>,
    lower: Vec<f64>,
    upper: Vec<f64>,
    fill: Fill,
    label: String,
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
            label: String::new(),
        }
    }

    /// Its colour.
    pub fn colour(mut self, colour: Colour) -> Self {
        self.fill.colour = colour;
        self
    }

    /// The opacity, from 0 (invisible) to 1.
    pub fn opacity(mut self, opacity: f64) -> Self {
        self.fill.opacity = opacity;
        self
    }

    /// The name in the legend.
    pub fn label(mut self, label: &str) -> Self {
        self.label = label.to_owned();
        self
    }
}

impl Mark for Band {
    fn check(&self, site: &Site<'_>) -> Result<()> {
        site.same_length("lower", self.x.len(), self.lower.len())?;
        site.same_length("upper", self.x.len(), self.upper.len())?;
        site.numbers(site.x, "x", self.x.iter().copied())?;
        site.numbers(site.y, "lower", self.lower.iter().copied())?;
        site.numbers(site.y, "upper", self.upper.iter().copied())?;
        check_opacity(self.fill.opacity)
    }

    fn measure(&self, x: &mut Span, y: &mut Span) {
        x.extend(self.x.iter().copied());
        y.extend(self.lower.iter().chain(&self.upper).copied());
    }

    fn draw(&self, svg: &mut Svg, frame: &Frame<'_>) {
        let there = self.x.iter().zip(&self.upper);
        let back = self.x.iter().zip(&self.lower).rev();
        let around = frame.places(there.chain(back).map(|(&x, &y)| (x, y)));
        let corners = clip::polygon(&around, frame.rect);
        if corners.len() >= 3 {
            svg.polygon(&corners, self.fill);
        }
    }

    fn entry(&self) -> Option<(&str, Key)> {
        Some((&self.label, Key::Area(self.fill)))
    }
}
