//! Tables of numbers as coloured cells.

use crate::axis::{Scale, Span};
use crate::canvas::Canvas;
use crate::clip::Rect;

use crate::face::CELL;
use crate::layer::{Entry, Frame, Mark, Site};
use crate::shades::{Bar, Shades};
use crate::text::clean;
use crate::{ColourMap, Error, Result};

/// A table as coloured cells: that of row i and column j is the square of side 1 around x = j and
/// y = −i, so that the first row is on top. [`Panel::x_names`](crate::Panel::x_names) and
/// [`Panel::y_names`](crate::Panel::y_names) name columns and rows.
#[derive(Debug, Clone)]
pub struct Cells {
    values: Vec<f64>,
    columns: usize,
    shades: Shades,
    decimals: Option<usize>,
}

impl Cells {
    /// A table of so many columns, row after row, on a diverging scale around zero.
    pub fn new(values: &[f64], columns: usize) -> Self {
        let most = values.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
        let range = (most > 0.0 && most.is_finite()).then_some((-most, most));
        Self {
            values: values.to_vec(),
            columns,
            shades: Shades {
                map: ColourMap::Diverging,
                range: range.or(Some((-1.0, 1.0))),
                bar: None,
            },
            decimals: None,
        }
    }

    /// Another colour map, and the numbers at its ends.
    #[must_use]
    pub fn coloured(mut self, map: ColourMap, low: f64, high: f64) -> Self {
        self.shades.map = map;
        self.shades.range = Some((low, high));
        self
    }

    /// A colour bar beside the panel, with a label; it may be empty.
    #[must_use]
    pub fn colour_bar(mut self, label: &str) -> Self {
        self.shades.bar = Some(clean(label));
        self
    }

    /// Writes every number into its cell, with so many decimals; zeros are left out.
    #[must_use]
    pub fn numbers(mut self, decimals: usize) -> Self {
        self.decimals = Some(decimals);
        self
    }

    /// The middle of each cell, with its number.
    fn middles(&self) -> impl Iterator<Item = ((f64, f64), f64)> {
        self.values.iter().enumerate().map(|(index, &value)| {
            let (row, column) = (index / self.columns, index % self.columns);
            ((column as f64, -(row as f64)), value)
        })
    }
}

impl Mark for Cells {
    fn check(&self, site: &Site<'_>) -> Result<()> {
        if self.columns == 0 || !self.values.len().is_multiple_of(self.columns) {
            return Err(Error::BadSetting {
                setting: "the number of columns of cells",
                value: self.columns as f64,
                requirement: "a divisor of the number of values",
            });
        }
        site.along(Scale::Linear, "value", self.values.iter().copied())
    }

    fn measure(&self, x: &mut Span, y: &mut Span) {
        if self.columns == 0 {
            return;
        }
        for (middle, _) in self.middles() {
            for half in [-0.5, 0.5] {
                x.include(middle.0 + half);
                y.include(middle.1 + half);
            }
        }
    }

    fn draw(&self, canvas: &Canvas<'_>, frame: &Frame) -> Result<()> {
        let axis = self.shades.axis(&self.values, "")?;
        for ((x, y), value) in self.middles() {
            if !frame.contains((x, y)) {
                continue;
            }
            let colour = self.shades.map.at(axis.position(value));
            let rect = Rect {
                left: frame.across(x - 0.5).max(frame.rect.left),
                top: frame.down(y + 0.5).max(frame.rect.top),
                right: frame.across(x + 0.5).min(frame.rect.right),
                bottom: frame.down(y - 0.5).min(frame.rect.bottom),
            };
            canvas.rect(rect, colour)?;
            if let Some(decimals) = self.decimals
                && value != 0.0
            {
                let text = format!("{value:.decimals$}").replace('-', "\u{2212}");
                let face = CELL.on(colour);
                canvas.text(&text, frame.place((x, y)), face)?;
            }
        }
        Ok(())
    }

    fn entry(&self) -> Option<Entry> {
        None
    }

    fn bar(&self, panel: &str) -> Result<Option<Bar>> {
        self.shades.bar(&self.values, panel)
    }
}
