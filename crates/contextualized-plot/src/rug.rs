//! Where the data lie along an axis.

use crate::axis::Span;
use crate::layer::{Frame, Key, Mark, Site};
use crate::svg::{Pen, Pixel, Svg};
use crate::{Colour, Result};

/// A short dark grey stroke at the foot of the panel for every x, such as every observed context.
#[derive(Debug, Clone)]
#[must_use]
pub struct Rug {
    x: Vec<f64>,
    label: String,
}

impl Rug {
    /// How long the strokes are in px.
    const LENGTH: f64 = 7.0;
    const PEN: Pen = Pen::solid(Colour::DARK_GREY, 0.7);

    /// Strokes without a legend entry.
    pub fn new(x: &[f64]) -> Self {
        Self {
            x: x.to_vec(),
            label: String::new(),
        }
    }

    /// The name in the legend.
    pub fn label(mut self, label: &str) -> Self {
        self.label = label.to_owned();
        self
    }
}

impl Mark for Rug {
    fn check(&self, site: &Site<'_>) -> Result<()> {
        site.numbers(site.x, "x", self.x.iter().copied())
    }

    fn measure(&self, x: &mut Span, _y: &mut Span) {
        x.extend(self.x.iter().copied());
    }

    fn draw(&self, svg: &mut Svg, frame: &Frame<'_>) {
        let foot = frame.rect.bottom;
        let inside = self.x.iter().filter(|x| frame.x.contains(**x));
        let strokes: Vec<[Pixel; 2]> = inside
            .map(|&x| [(x, foot), (x, foot - Self::LENGTH)].map(|(x, y)| (frame.across(x), y)))
            .collect();
        svg.lines(&strokes, Self::PEN);
    }

    fn entry(&self) -> Option<(&str, Key)> {
        Some((&self.label, Key::Comb(Self::PEN)))
    }
}
