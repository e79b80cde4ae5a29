//! What every layer can do, and the layers there are.

use crate::axis::{Axis, Scale, Span};
use crate::canvas::{Canvas, Fill, Pen, Pixel};
use crate::clip::Rect;
use crate::shades::Bar;
use crate::{Band, Cells, Error, Graph, Line, Points, Reference, Result, Rug};

/// Anything that can be drawn in a panel; each kind converts into it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Layer {
    /// Dots.
    Points(Points),
    /// An open line.
    Line(Line),
    /// The area between two curves.
    Band(Band),
    /// A straight line across the panel.
    Reference(Reference),
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

layers!(Points, Line, Band, Reference, Rug, Cells, Graph);

/// What a panel asks of a layer.
pub(crate) trait Mark {
    /// Checks numbers and settings.
    fn check(&self, site: &Site<'_>) -> Result<()>;

    /// Widens the spans of x and y to what the layer holds.
    fn measure(&self, x: &mut Span, y: &mut Span);

    /// Draws what has been checked.
    fn draw(&self, canvas: &Canvas<'_>, frame: &Frame) -> Result<()>;

    /// Its entry in the legend.
    fn entry(&self) -> Option<Entry>;

    /// Its colour bar.
    fn bar(&self, _panel: &str) -> Result<Option<Bar>> {
        Ok(None)
    }
}

/// A line of the legend.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) label: String,
    pub(crate) key: Key,
}

/// The sample of a layer's look that the legend shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Key {
    Disc {
        radius: f64,
        fill: Fill,
        outline: Option<Pen>,
    },
    Stroke(Pen),
    /// Short upright strokes.
    Comb(Pen),
    Area(Fill),
}

/// Where a layer stands, for its checks and their messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site<'a> {
    pub(crate) panel: &'a str,
    pub(crate) layer: usize,
    pub(crate) x: Scale,
    pub(crate) y: Scale,
}

impl Site<'_> {
    /// Checks numbers that lie along the x axis.
    pub(crate) fn along_x(
        &self,
        quantity: &'static str,
        values: impl IntoIterator<Item = f64>,
    ) -> Result<()> {
        self.along(self.x, quantity, values)
    }

    /// Checks numbers that lie along the y axis.
    pub(crate) fn along_y(
        &self,
        quantity: &'static str,
        values: impl IntoIterator<Item = f64>,
    ) -> Result<()> {
        self.along(self.y, quantity, values)
    }

    /// Checks numbers that are shown on a scale.
    pub(crate) fn along(
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
        if expected == found {
            Ok(())
        } else {
            crate::error::same_length(named(), expected, found)
        }
    }
}

/// The data rectangle of a panel on the canvas, with its axes.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) rect: Rect,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
}

impl Frame {
    /// The place of x on the canvas.
    pub(crate) fn across(&self, x: f64) -> f64 {
        self.rect.left + self.x.position(x) * (self.rect.right - self.rect.left)
    }

    /// The place of y on the canvas.
    pub(crate) fn down(&self, y: f64) -> f64 {
        self.rect.bottom - self.y.position(y) * (self.rect.bottom - self.rect.top)
    }

    /// The place of a point, inside the rectangle or not.
    pub(crate) fn place(&self, (x, y): (f64, f64)) -> Pixel {
        (self.across(x), self.down(y))
    }

    /// Whether a point lies in the ranges of both axes.
    pub(crate) fn contains(&self, (x, y): (f64, f64)) -> bool {
        self.x.contains(x) && self.y.contains(y)
    }
}

/// The legend entry of a label and a key.
pub(crate) fn entry(label: &Option<String>, key: Key) -> Option<Entry> {
    label.clone().map(|label| Entry { label, key })
}
