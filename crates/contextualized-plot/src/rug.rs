//! Where the data lie along an axis.

use crate::axis::Span;
use crate::canvas::{Canvas, Pen};
use crate::layer::{Entry, Frame, Key, Mark, Site, entry};
use crate::text::clean;
use crate::{Colour, Result};

/// How long the strokes are in px.
const LENGTH: f64 = 7.0;

/// A short stroke at the foot of the panel for every x, such as every observed context.
#[derive(Debug, Clone)]
pub struct Rug {
    x: Vec<f64>,
    colour: Colour,
    label: Option<String>,
}

impl Rug {
    /// Dark grey strokes.
    pub fn new(x: &[f64]) -> Self {
        Self {
            x: x.to_vec(),
            colour: Colour::DARK_GREY,
            label: None,
        }
    }

    /// Their colour.
    #[must_use]
    pub fn colour(mut self, colour: Colour) -> Self {
        self.colour = colour;
        self
    }

    /// The name in the legend.
    #[must_use]
    pub fn label(mut self, label: &str) -> Self {
        self.label = Some(clean(label));
        self
    }

    fn pen(&self) -> Pen {
        Pen {
            colour: self.colour,
            width: 0.7,
            dashed: false,
        }
    }
}

impl Mark for Rug {
    fn check(&self, site: &Site<'_>) -> Result<()> {
        site.along_x("x", self.x.iter().copied())
    }

    fn measure(&self, x: &mut Span, _y: &mut Span) {
        self.x.iter().for_each(|&value| x.include(value));
    }

    fn draw(&self, canvas: &Canvas<'_>, frame: &Frame) -> Result<()> {
        let foot = frame.rect.bottom;
        for &value in self.x.iter().filter(|value| frame.x.contains(**value)) {
            let x = frame.across(value);
            canvas.line(&[(x, foot), (x, foot - LENGTH)], self.pen())?;
        }
        Ok(())
    }

    fn entry(&self) -> Option<Entry> {
        let key = Key::Comb(self.pen());
        entry(&self.label, key)
    }
}
