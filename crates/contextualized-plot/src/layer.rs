//! What every layer can do, and the layers there are.

use crate::axis::{Axis, Scale, Span};
use crate::error::{same_length, within};
use crate::shades::Shades;
use crate::svg::{Dot, Fill, Pen, Pixel, Rect, Svg};
use crate::{Band, Cells, Error, Graph, Line, Points, Result, Rug};

/// Anything that can be drawn in a panel; each kind converts into it.
#[derive(Debug, Clone)]
pub enum Layer {
    /// Dots.
    Points(Points),
    /// An open line.
    Line(Line),
    /// The area between two curves.
    Band(Band),
    /// Short strokes at the foot of the panel.
    Rug(Rug),
    /// A table of numbers.
    Cells(Cells),
    /// A network.
    Graph(Graph),
}

macro_rules! layers {
    ($($kind:ident),*) => {
        $(impl From<$kind> for Layer {
            fn from(layer: $kind) -> Self {
                Self::$kind(layer)
            }
        })*

        impl Layer {
            pub(crate) fn mark(&self) -> &dyn Mark {
                match self {
                    $(Self::$kind(layer) => layer,)*
                }
            }
        }
    };
}

layers!(Points, Line, Band, Rug, Cells, Graph);

/// What a panel asks of a layer.
pub(crate) trait Mark {
    /// Checks numbers and settings.
    fn check(&self, site: &Site<'_>) -> Result<()>;

    /// Widens the spans of x and y to contain the layer.
    fn measure(&self, x: &mut Span, y: &mut Span);

    /// Draws what has been checked.
    fn draw(&self, svg: &mut Svg, frame: &Frame<'_>);

    /// Its label in the legend, which has no place for an empty one, and a sample of its look.
    fn entry(&self) -> Option<(&str, Key)> {
        None
    }

    /// Its numbers that are shown as colours.
    fn shades(&self) -> Option<&Shades> {
        None
    }
}

/// The sample of a layer's look that the legend shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Key {
    Dot(Dot),
    Stroke(Pen),
    /// Short upright strokes.
    Comb(Pen),
    Area(Fill),
}

/// The panel and the position of a layer, for its checks and their messages.
#[derive(Debug)]
pub(crate) struct Site<'a> {
    pub(crate) panel: &'a str,
    pub(crate) layer: usize,
    pub(crate) x: Scale,
    pub(crate) y: Scale,
}

impl Site<'_> {
    /// Checks the coordinates of points.
    pub(crate) fn points(&self, points: &[(f64, f64)]) -> Result<()> {
        self.numbers(self.x, "x", points.iter().map(|point| point.0))?;
        self.numbers(self.y, "y", points.iter().map(|point| point.1))
    }

    /// Checks numbers that are shown on a scale.
    pub(crate) fn numbers(
        &self,
        scale: Scale,
        quantity: &'static str,
        values: impl IntoIterator<Item = f64>,
    ) -> Result<()> {
        for (index, value) in values.into_iter().enumerate() {
            let (panel, layer) = (self.panel.to_owned(), self.layer);
            if !value.is_finite() {
                return Err(Error::NotFinite {
                    panel,
                    layer,
                    quantity,
                    index,
                    value,
                });
            }
            if scale == Scale::Log10 && value <= 0.0 {
                return Err(Error::NotPositive {
                    panel,
                    layer,
                    quantity,
                    index,
                    value,
                });
            }
        }
        Ok(())
    }

    /// Checks the length of a list that belongs with others.
    pub(crate) fn same_length(
        &self,
        quantity: &'static str,
        expected: usize,
        found: usize,
    ) -> Result<()> {
        let named = || format!("panel {:?}, layer {}: {quantity}", self.panel, self.layer);
        same_length(named, expected, found)
    }
}

/// Checks an opacity.
pub(crate) fn check_opacity(opacity: f64) -> Result<()> {
    within("the opacity", opacity, 0.0, 1.0, "from 0 to 1")
}

/// The data rectangle of a panel on the canvas, with its axes.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) rect: Rect,
    pub(crate) x: &'a Axis,
    pub(crate) y: &'a Axis,
    /// The axis of the colours of the layer that is drawn, if its numbers are shown as colours.
    pub(crate) shade: Option<&'a Axis>,
}

impl Frame<'_> {
    /// The place of x on the canvas.
    pub(crate) fn across(&self, x: f64) -> f64 {
        self.rect.left + self.x.position(x) * self.rect.width()
    }

    /// The place of y on the canvas.
    pub(crate) fn down(&self, y: f64) -> f64 {
        self.rect.bottom - self.y.position(y) * self.rect.height()
    }

    /// The place of a point, inside the rectangle or not.
    pub(crate) fn place(&self, (x, y): (f64, f64)) -> Pixel {
        (self.across(x), self.down(y))
    }

    /// The places of points.
    pub(crate) fn places(&self, points: impl IntoIterator<Item = (f64, f64)>) -> Vec<Pixel> {
        points.into_iter().map(|point| self.place(point)).collect()
    }

    /// Whether a point lies in the ranges of both axes.
    pub(crate) fn contains(&self, (x, y): (f64, f64)) -> bool {
        self.x.contains(x) && self.y.contains(y)
    }
}
