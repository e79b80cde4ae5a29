//! One pair of axes and what is drawn on it.

use crate::axis::{AxisRequest, Span};
use crate::layer::{Key, Layer, Site};
use crate::ticks::{Tick, explicit};
use crate::{Result, Scale};

/// One pair of axes, with a title and layers that are drawn in the order in which they were
/// added.
///
/// Without fixed ranges the axes contain all the data and a margin of 4 %; what lies outside a
/// fixed range is cut off. The numbers are checked when the figure is drawn.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Panel {
    pub(crate) title: String,
    pub(crate) subtitle: String,
    pub(crate) x: AxisRequest,
    pub(crate) y: AxisRequest,
    equal: bool,
    pub(crate) bare: bool,
    pub(crate) layers: Vec<Layer>,
}

impl Panel {
    /// An empty panel on linear axes. An empty title takes no room; here as in all other texts
    /// a line break starts a new line, and lines that are too long are broken.
    pub fn new(title: &str) -> Self {
        Self::default().title(title)
    }

    /// Another title.
    pub fn title(mut self, title: &str) -> Self {
        self.title = title.to_owned();
        self
    }

    /// A smaller line under the title.
    pub fn subtitle(mut self, subtitle: &str) -> Self {
        self.subtitle = subtitle.to_owned();
        self
    }

    /// The name of the x axis.
    pub fn x_label(mut self, label: &str) -> Self {
        self.x.label = label.to_owned();
        self
    }

    /// The name of the y axis.
    pub fn y_label(mut self, label: &str) -> Self {
        self.y.label = label.to_owned();
        self
    }

    /// The ends of the x axis.
    pub fn x_range(mut self, low: f64, high: f64) -> Self {
        self.x.range = Some((low, high));
        self
    }

    /// The ends of the y axis.
    pub fn y_range(mut self, low: f64, high: f64) -> Self {
        self.y.range = Some((low, high));
        self
    }

    /// Automatic ranges that are the same for x and y: with a square panel, one unit is as long
    /// across as it is upwards.
    pub fn equal_ranges(mut self) -> Self {
        self.equal = true;
        self
    }

    /// Where the x axis is marked; marks outside its range are left out.
    pub fn x_ticks(mut self, ticks: &[f64]) -> Self {
        self.x.ticks = Some(ticks.iter().copied().map(explicit).collect());
        self
    }

    /// Where the x axis is marked and with what texts, such as dates; marks outside its range are left
    /// out.
    pub fn x_marks(mut self, marks: &[(f64, &str)]) -> Self {
        let tick = |(value, label): &(f64, &str)| Tick {
            value: *value,
            label: (*label).to_owned(),
        };
        self.x.ticks = Some(marks.iter().map(tick).collect());
        self
    }

    /// Where the y axis is marked; marks outside its range are left out.
    pub fn y_ticks(mut self, ticks: &[f64]) -> Self {
        self.y.ticks = Some(ticks.iter().copied().map(explicit).collect());
        self
    }

    /// Names instead of numbers on the x axis, at 0, 1, 2, …, such as those of the columns of
    /// [`Cells`](crate::Cells). The axis ends half a unit before the first and after the last.
    pub fn x_names(mut self, names: &[&str]) -> Self {
        let last = names.len() as f64 - 1.0;
        self.x.ticks = Some(named(names, 1.0));
        self.x.range = (!names.is_empty()).then_some((-0.5, last + 0.5));
        self
    }

    /// Names instead of numbers on the y axis, at 0, −1, −2, …, so that the first is on top, such as
    /// those of the rows of [`Cells`](crate::Cells). The axis ends half a unit beyond the first and the
    /// last.
    pub fn y_names(mut self, names: &[&str]) -> Self {
        let last = names.len() as f64 - 1.0;
        self.y.ticks = Some(named(names, -1.0));
        self.y.range = (!names.is_empty()).then_some((-last - 0.5, 0.5));
        self
    }

    /// Leaves out the axes, as for a [`Graph`](crate::Graph).
    pub fn bare(mut self) -> Self {
        self.bare = true;
        self.x_ticks(&[]).y_ticks(&[])
    }

    /// Whether the x axis is linear or logarithmic.
    pub fn x_scale(mut self, scale: Scale) -> Self {
        self.x.scale = scale;
        self
    }

    /// Whether the y axis is linear or logarithmic.
    pub fn y_scale(mut self, scale: Scale) -> Self {
        self.y.scale = scale;
        self
    }

    /// Adds a layer on top of those already there.
    pub fn layer(mut self, layer: impl Into<Layer>) -> Self {
        self.layers.push(layer.into());
        self
    }

    /// Its title, or its number counted from zero.
    pub(crate) fn name(&self, number: usize) -> String {
        if self.title.trim().is_empty() {
            format!("[{number}]")
        } else {
            self.title.clone()
        }
    }

    pub(crate) fn check(&self, name: &str) -> Result<()> {
        for (layer, content) in self.layers.iter().enumerate() {
            content.mark().check(&Site {
                panel: name,
                layer,
                x: self.x.scale,
                y: self.y.scale,
            })?;
        }
        Ok(())
    }

    /// The ranges of its data, the same for both axes if that was asked for.
    pub(crate) fn spans(&self) -> (Span, Span) {
        let (mut x, mut y) = (Span::default(), Span::default());
        for layer in &self.layers {
            layer.mark().measure(&mut x, &mut y);
        }
        if self.equal {
            x.join(y);
            y = x;
        }
        (x, y)
    }

    /// Its entries in the legend.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, Key)> {
        self.layers.iter().filter_map(|layer| layer.mark().entry())
    }
}

/// Ticks with these names, `step` apart from zero on.
fn named(names: &[&str], step: f64) -> Vec<Tick> {
    let places = names.iter().enumerate();
    let tick = |(index, name): (usize, &&str)| Tick {
        value: step * index as f64,
        label: (*name).to_owned(),
    };
    places.map(tick).collect()
}
