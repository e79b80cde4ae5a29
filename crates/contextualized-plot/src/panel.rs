//! One pair of axes and what is drawn on it.

use crate::axis::{Axis, AxisRequest, Span};
use crate::face::X_TICK;
use crate::layer::{Entry, Layer, Site};
use crate::shades::Bar;
use crate::text::clean;
use crate::{Result, Scale};

/// One pair of axes, with a title and layers that are drawn in the order in which they were
/// added.
///
/// Without fixed ranges the axes hold all the data and a margin of 4 %; what lies outside a
/// fixed range is cut off. The numbers are checked when the figure is drawn.
#[derive(Debug, Clone, Default)]
pub struct Panel {
    title: String,
    subtitle: String,
    x: AxisRequest,
    y: AxisRequest,
    equal: bool,
    bare: bool,
    layers: Vec<Layer>,
}

impl Panel {
    /// An empty panel on linear axes. An empty title takes no room; here as in all other texts
    /// a line break starts a new line, and lines that are too long are broken.
    pub fn new(title: &str) -> Self {
        Self {
            title: clean(title),
            ..Self::default()
        }
    }

    /// A smaller line under the title.
    #[must_use]
    pub fn subtitle(mut self, subtitle: &str) -> Self {
        self.subtitle = clean(subtitle);
        self
    }

    /// The name of the x axis.
    #[must_use]
    pub fn x_label(mut self, label: &str) -> Self {
        self.x.label = clean(label);
        self
    }

    /// The name of the y axis.
    #[must_use]
    pub fn y_label(mut self, label: &str) -> Self {
        self.y.label = clean(label);
        self
    }

    /// The ends of the x axis.
    #[must_use]
    pub fn x_range(mut self, low: f64, high: f64) -> Self {
        self.x.range = Some((low, high));
        self
    }

    /// The ends of the y axis.
    #[must_use]
    pub fn y_range(mut self, low: f64, high: f64) -> Self {
        self.y.range = Some((low, high));
        self
    }

    /// Automatic ranges that are the same for x and y: with a square panel, one unit is as long
    /// across as it is upwards.
    #[must_use]
    pub fn equal_ranges(mut self) -> Self {
        self.equal = true;
        self
    }

    /// Where the x axis is marked; marks outside its range are left out.
    #[must_use]
    pub fn x_ticks(mut self, ticks: &[f64]) -> Self {
        self.x.ticks = Some(ticks.to_vec());
        self.x.names = None;
        self
    }

    /// Where the y axis is marked; marks outside its range are left out.
    #[must_use]
    pub fn y_ticks(mut self, ticks: &[f64]) -> Self {
        self.y.ticks = Some(ticks.to_vec());
        self.y.names = None;
        self
    }

    /// Names of the columns of [`Cells`](crate::Cells), at 0, 1, 2, ….
    #[must_use]
    pub fn x_names(mut self, names: &[&str]) -> Self {
        self.x.ticks = Some((0..names.len()).map(|index| index as f64).collect());
        self.x.names = Some(names.iter().map(|name| clean(name)).collect());
        self
    }

    /// Names of the rows of [`Cells`](crate::Cells), at 0, −1, −2, …: the first is on top.
    #[must_use]
    pub fn y_names(mut self, names: &[&str]) -> Self {
        self.y.ticks = Some((0..names.len()).map(|index| -(index as f64)).collect());
        self.y.names = Some(names.iter().map(|name| clean(name)).collect());
        self
    }

    /// Leaves out the axes, as for a [`Graph`](crate::Graph).
    #[must_use]
    pub fn bare(mut self) -> Self {
        self.bare = true;
        self.x.ticks = Some(Vec::new());
        self.y.ticks = Some(Vec::new());
        self
    }

    /// Whether the x axis is linear or logarithmic.
    #[must_use]
    pub fn x_scale(mut self, scale: Scale) -> Self {
        self.x.scale = scale;
        self
    }

    /// Whether the y axis is linear or logarithmic.
    #[must_use]
    pub fn y_scale(mut self, scale: Scale) -> Self {
        self.y.scale = scale;
        self
    }

    /// Adds a layer on top of those already there.
    #[must_use]
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

    pub(crate) fn title(&self) -> &str {
        &self.title
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
    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry> {
        self.layers.iter().filter_map(|layer| layer.mark().entry())
    }

    /// Settles axes and colour bars for a data rectangle of the given size in px.
    pub(crate) fn settle(
        &self,
        name: String,
        spans: (Span, Span),
        size: (f64, f64),
    ) -> Result<Settled<'_>> {
        let mut bars = Vec::new();
        for layer in &self.layers {
            bars.extend(layer.mark().bar(&name)?);
        }
        let most = |length: f64| ((length / 40.0) as usize).clamp(2, 8);
        let mut x = Axis::new(&self.x, spans.0, most(size.0), &name, "x")?;
        for fewer in (2..most(size.0)).rev() {
            if !crowded(&x, size.0) {
                break;
            }
            x = Axis::new(&self.x, spans.0, fewer, &name, "x")?;
        }
        let y = Axis::new(&self.y, spans.1, most(size.1), &name, "y")?;
        Ok(Settled {
            title: &self.title,
            subtitle: &self.subtitle,
            x_label: &self.x.label,
            y_label: &self.y.label,
            layers: &self.layers,
            bare: self.bare,
            x_upwards: self.x.names.is_some() && crowded(&x, size.0),
            x,
            y,
            bars,
        })
    }
}

/// A panel whose axes are settled.
#[derive(Debug)]
pub(crate) struct Settled<'a> {
    pub(crate) title: &'a str,
    pub(crate) subtitle: &'a str,
    pub(crate) x_label: &'a str,
    pub(crate) y_label: &'a str,
    pub(crate) layers: &'a [Layer],
    pub(crate) bare: bool,
    pub(crate) x_upwards: bool,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) bars: Vec<Bar>,
}

/// Whether the labels of an x axis of this length would nearly touch.
fn crowded(axis: &Axis, length: f64) -> bool {
    axis.ticks.windows(2).any(|pair| {
        let apart = (axis.position(pair[1].value) - axis.position(pair[0].value)) * length;
        let width = |label: &str| X_TICK.width(label);
        apart < (width(&pair[0].label) + width(&pair[1].label)) / 2.0 + 10.0
    })
}
