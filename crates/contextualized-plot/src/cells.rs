//! Tables of numbers as coloured cells.

use crate::axis::{Scale, Span};
use crate::layer::{Frame, Mark, Site};
use crate::shades::Shades;
use crate::svg::{Rect, Svg};
use crate::text::CELL;
use crate::ticks::with_minus_signs;
use crate::{ColourMap, Error, Result};

/// A table as coloured cells: that of row i and column j is the square of side 1 around x = j and
/// y = −i, so that the first row is on top. [`Panel::x_names`](crate::Panel::x_names) and
/// [`Panel::y_names`](crate::Panel::y_names) name columns and rows.
#[derive(Debug, Clone)]
#[must_use]
pub struct Cells {
    columns: usize,
    shades: Shades,
    decimals: Option<usize>,
}

impl Cells {
    /// A table with `columns` columns, row after row, coloured on a diverging scale around zero.
    pub fn new(values: &[f64], columns: usize) -> Self {
        let most = values.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
        let end = if most > 0.0 && most.is_finite() {
            most
        } else {
            1.0
        };
        let shades = Shades::new(values, ColourMap::Diverging);
        let plain = Self {
            columns,
            shades,
            decimals: None,
        };
        plain.coloured(ColourMap::Diverging, -end, end)
    }

    /// Another colour map, and the numbers at its ends.
    pub fn coloured(mut self, map: ColourMap, low: f64, high: f64) -> Self {
        self.shades.map = map;
        self.shades.range = Some((low, high));
        self
    }

    /// A colour bar next to the panel, with a label; it may be empty.
    pub fn colour_bar(mut self, label: &str) -> Self {
        self.shades.bar = Some(label.to_owned());
        self
    }

    /// Writes every number into its cell, with this number of decimals; zeros are left out.
    pub fn numbers(mut self, decimals: usize) -> Self {
        self.decimals = Some(decimals);
        self
    }

    /// The middle of the cell at an index.
    fn middle(&self, index: usize) -> (f64, f64) {
        let (row, column) = (index / self.columns, index % self.columns);
        (column as f64, -(row as f64))
    }
}

impl Mark for Cells {
    fn check(&self, site: &Site<'_>) -> Result<()> {
        let values = &self.shades.values;
        if self.columns == 0 || !values.len().is_multiple_of(self.columns) {
            return Err(Error::BadSetting {
                setting: "the number of columns of cells",
                value: self.columns as f64,
                requirement: "a divisor of the number of values",
            });
        }
        site.numbers(Scale::Linear, "value", values.iter().copied())
    }

    fn measure(&self, x: &mut Span, y: &mut Span) {
        for index in 0..self.shades.values.len() {
            let middle = self.middle(index);
            x.extend([middle.0 - 0.5, middle.0 + 0.5]);
            y.extend([middle.1 - 0.5, middle.1 + 0.5]);
        }
    }

    fn draw(&self, svg: &mut Svg, frame: &Frame<'_>) {
        let Some(axis) = frame.shade else { return };
        for (index, &value) in self.shades.values.iter().enumerate() {
            let (x, y) = self.middle(index);
            if !frame.contains((x, y)) {
                continue;
            }
            let colour = self.shades.colour(axis, index);
            let rect = Rect {
                left: frame.across(x - 0.5).max(frame.rect.left),
                top: frame.down(y + 0.5).max(frame.rect.top),
                right: frame.across(x + 0.5).min(frame.rect.right),
                bottom: frame.down(y - 0.5).min(frame.rect.bottom),
            };
            svg.rect(rect, colour);
            if let Some(decimals) = self.decimals
                && value != 0.0
            {
                let text = with_minus_signs(&format!("{value:.decimals$}"));
                svg.text(&text, frame.place((x, y)), CELL.on(colour));
            }
        }
    }

    fn shades(&self) -> Option<&Shades> {
        Some(&self.shades)
    }
}
