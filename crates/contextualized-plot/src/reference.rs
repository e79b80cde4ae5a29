//! Straight lines across a panel.

use crate::axis::Span;
use crate::canvas::{Canvas, Pen};
use crate::layer::{Entry, Frame, Key, Mark, Site, entry};
use crate::line::check_width;
use crate::text::clean;
use crate::{Colour, Result};

/// A straight line across the whole panel at one x or one y, which the range then holds.
#[derive(Debug, Clone)]
pub struct Reference {
    at: At,
    pen: Pen,
    label: Option<String>,
}

#[derive(Debug, Clone, Copy)]
enum At {
    X(f64),
    Y(f64),
}

impl Reference {
    /// A dashed dark grey line of 1.2 px at height `y`.
    pub fn horizontal(y: f64) -> Self {
        Self::new(At::Y(y))
    }

    /// A dashed dark grey line of 1.2 px at `x`.
    pub fn vertical(x: f64) -> Self {
        Self::new(At::X(x))
    }

    fn new(at: At) -> Self {
        Self {
            at,
            pen: Pen {
                colour: Colour::DARK_GREY,
                width: 1.2,
                dashed: true,
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

    /// Draws it in one stroke.
    #[must_use]
    pub fn solid(mut self) -> Self {
        self.pen.dashed = false;
        self
    }

    /// The name in the legend.
    #[must_use]
    pub fn label(mut self, label: &str) -> Self {
        self.label = Some(clean(label));
        self
    }
}

impl Mark for Reference {
    fn check(&self, site: &Site<'_>) -> Result<()> {
        check_width(self.pen.width)?;
        match self.at {
            At::X(x) => site.along_x("x", [x]),
            At::Y(y) => site.along_y("y", [y]),
        }
    }

    fn measure(&self, x: &mut Span, y: &mut Span) {
        match self.at {
            At::X(at) => x.include(at),
            At::Y(at) => y.include(at),
        }
    }

    fn draw(&self, canvas: &Canvas<'_>, frame: &Frame) -> Result<()> {
        let rect = frame.rect;
        let ends = match self.at {
            At::X(at) if frame.x.contains(at) => {
                let x = frame.across(at);
                [(x, rect.top), (x, rect.bottom)]
            }
            At::Y(at) if frame.y.contains(at) => {
                let y = frame.down(at);
                [(rect.left, y), (rect.right, y)]
            }
            _ => return Ok(()),
        };
        canvas.line(&ends, self.pen)
    }

    fn entry(&self) -> Option<Entry> {
        entry(&self.label, Key::Stroke(self.pen))
    }
}
