//! Straight lines across a panel, and strokes at its foot.

use crate::axis::Span;
use crate::layer::{Frame, Key, Mark, Site, check_width};
use crate::svg::{Pen, Pixel, Svg};
use crate::{Colour, Result};

/// A straight line across the whole panel at one x or one y, which automatic ranges then contain.
#[derive(Debug, Clone)]
#[must_use]
pub struct Reference {
    at: At,
    pen: Pen,
    label: String,
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
                dashed: true,
                ..Pen::solid(Colour::DARK_GREY, 1.2)
            },
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

    /// Draws it in one stroke.
    pub fn solid(mut self) -> Self {
        self.pen.dashed = false;
        self
    }

    /// The name in the legend.
    pub fn label(mut self, label: &str) -> Self {
        self.label = label.to_owned();
        self
    }
}

impl Mark for Reference {
    fn check(&self, site: &Site<'_>) -> Result<()> {
        check_width(self.pen.width)?;
        match self.at {
            At::X(x) => site.numbers(site.x, "x", [x]),
            At::Y(y) => site.numbers(site.y, "y", [y]),
        }
    }

    fn measure(&self, x: &mut Span, y: &mut Span) {
        match self.at {
            At::X(at) => x.extend([at]),
            At::Y(at) => y.extend([at]),
        }
    }

    fn draw(&self, svg: &mut Svg, frame: &Frame<'_>) {
        let rect = frame.rect;
        let (inside, line) = match self.at {
            At::X(at) => {
                let x = frame.across(at);
                (frame.x.contains(at), [(x, rect.top), (x, rect.bottom)])
            }
            At::Y(at) => {
                let y = frame.down(at);
                (frame.y.contains(at), [(rect.left, y), (rect.right, y)])
            }
        };
        if inside {
            svg.lines(&[line], self.pen);
        }
    }

    fn entry(&self) -> Option<(&str, Key)> {
        Some((&self.label, Key::Stroke(self.pen)))
    }
}

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
