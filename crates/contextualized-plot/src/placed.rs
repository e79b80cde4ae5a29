//! A panel on the canvas: the room its texts need around the data, and its drawing.

use crate::axis::{Axis, Span};
use crate::layer::Frame;
use crate::panel::Panel;
use crate::svg::{Pen, Pixel, Rect, Svg};
use crate::text::{ACROSS, ASIDE, PANEL_TITLE, Paragraph, SMALL, UPWARDS, X_TICK_UPWARDS, Y_TICK};
use crate::{Colour, ColourMap, Result};

/// From the data to the labels of ticks: the mark of the tick, and a gap.
const TICK: f64 = 4.0;
const TICK_ROOM: f64 = TICK + 4.0;
/// Between tick labels and the name of the axis.
const LABEL_GAP: f64 = 5.0;
/// Between the title and the data.
const TITLE_GAP: f64 = 8.0;
/// Between neighbouring tick labels of an x axis, at least.
const CROWDED: f64 = 10.0;
/// Between the data and a colour bar, and the width of the bar.
const BAR_GAP: f64 = 14.0;
const BAR_WIDTH: f64 = 12.0;
const BAR_STEPS: u32 = 64;

const AXIS_PEN: Pen = Pen::solid(Colour::DARK_GREY, 1.0);
const GRID_PEN: Pen = Pen::solid(Colour::LIGHT_GREY, 0.8);

/// Room around the data in px.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Margins {
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

/// A panel with its axes settled and its texts broken into lines.
#[derive(Debug)]
pub(crate) struct Placed<'a> {
    panel: &'a Panel,
    x: Axis,
    y: Axis,
    /// Whether the labels of x ticks read from bottom to top.
    x_upwards: bool,
    /// The axis of the colours of each layer, if its numbers are shown as colours.
    shades: Vec<Option<Axis>>,
    bars: Vec<Bar>,
    title: Paragraph,
    subtitle: Paragraph,
    x_label: Paragraph,
    y_label: Paragraph,
    size: (f64, f64),
}

/// A colour bar.
#[derive(Debug)]
struct Bar {
    map: ColourMap,
    axis: Axis,
    label: Paragraph,
}

impl Bar {
    /// The room that it needs across, with its labels.
    fn room(&self) -> f64 {
        BAR_GAP + BAR_WIDTH + TICK_ROOM + widest(&self.axis) + padded(self.label.depth())
    }

    /// Draws it from its left edge, as high as the data rectangle.
    fn draw(&self, svg: &mut Svg, left: f64, rect: Rect) {
        let right = left + BAR_WIDTH;
        let height = |position: f64| rect.bottom - position * rect.height();
        for step in 0..BAR_STEPS {
            // Each strip reaches to the top and is covered by the next, so that no seams show.
            let strip = Rect {
                left,
                right,
                bottom: height(f64::from(step) / f64::from(BAR_STEPS)),
                ..rect
            };
            let colour = self.map.at(f64::from(step) / f64::from(BAR_STEPS - 1));
            svg.rect(strip, colour);
        }
        let mut marks = Vec::new();
        for tick in &self.axis.ticks {
            let y = height(self.axis.position(tick.value));
            marks.push([(right, y), (right + TICK, y)]);
            svg.text(&tick.label, (right + TICK_ROOM, y), ASIDE);
        }
        svg.lines(&marks, AXIS_PEN);
    }
}

impl<'a> Placed<'a> {
    /// A panel whose data rectangle has the given size in px.
    pub(crate) fn new(
        panel: &'a Panel,
        name: &str,
        spans: (Span, Span),
        size: (f64, f64),
    ) -> Result<Self> {
        let most = |length: f64| ((length / 40.0) as usize).clamp(2, 8);
        let x_axis = |most| Axis::new(&panel.x, spans.0, most, name, "x");
        let mut x = x_axis(most(size.0))?;
        for fewer in (2..most(size.0)).rev() {
            if crowded(&x, size.0) {
                x = x_axis(fewer)?;
            }
        }
        let (mut shades, mut bars) = (Vec::new(), Vec::new());
        for layer in &panel.layers {
            let own = layer.mark().shades();
            let axis = own.map(|own| own.axis(name)).transpose()?;
            if let (Some(own), Some(axis)) = (own, &axis)
                && let Some(label) = &own.bar
            {
                bars.push(Bar {
                    map: own.map,
                    axis: axis.clone(),
                    label: Paragraph::new(label, UPWARDS, size.1),
                });
            }
            shades.push(axis);
        }
        Ok(Self {
            shades,
            bars,
            title: Paragraph::new(&panel.title, PANEL_TITLE, size.0),
            subtitle: Paragraph::new(&panel.subtitle, SMALL, size.0),
            x_label: Paragraph::new(&panel.x.label, ACROSS, size.0),
            y_label: Paragraph::new(&panel.y.label, UPWARDS, size.1),
            x_upwards: crowded(&x, size.0),
            x,
            y: Axis::new(&panel.y, spans.1, most(size.1), name, "y")?,
            panel,
            size,
        })
    }

    /// The room its texts and colour bars need.
    pub(crate) fn margins(&self) -> Margins {
        // How far the labels of x ticks reach beyond the data on either side.
        let (mut before, mut after) = (0.0_f64, 0.0_f64);
        for tick in &self.x.ticks {
            let centre = self.size.0 * self.x.position(tick.value);
            let half = if self.x_upwards {
                SMALL.size / 2.0
            } else {
                SMALL.width(&tick.label) / 2.0
            };
            before = before.max(half - centre);
            after = after.max(centre + half - self.size.0);
        }
        // How far the labels of y ticks reach above the data.
        let above = self.y.ticks.iter().map(|tick| {
            let room = self.size.1 * (1.0 - self.y.position(tick.value));
            Y_TICK.leading() / 2.0 - room
        });
        let above = above.fold(0.0, f64::max);
        let left = if self.panel.bare {
            0.0
        } else {
            TICK_ROOM + widest(&self.y)
        };
        let left = left + padded(self.y_label.depth());
        let right: f64 = self.bars.iter().map(Bar::room).sum();
        let head = self.title.depth() + self.subtitle.depth();
        Margins {
            left: left.max(before).ceil(),
            right: right.max(after).ceil(),
            top: if head > 0.0 { head + TITLE_GAP } else { above }.ceil(),
            bottom: (self.x_depth() + padded(self.x_label.depth())).ceil(),
        }
    }

    /// The room below the data that the ticks of the x axis need.
    fn x_depth(&self) -> f64 {
        if self.panel.bare {
            0.0
        } else if self.x_upwards {
            TICK_ROOM + widest(&self.x)
        } else {
            TICK_ROOM + SMALL.size
        }
    }

    /// Draws the panel around its data rectangle, with the name of its y axis at `left`, so that those
    /// of a column line up.
    pub(crate) fn draw(&self, svg: &mut Svg, rect: Rect, left: f64) {
        let middle = rect.middle();
        let subtitle_top = rect.top - TITLE_GAP - self.subtitle.depth();
        let title_top = subtitle_top - self.title.depth();
        let label_top = rect.bottom + self.x_depth() + LABEL_GAP;
        self.title.draw(svg, (middle.0, title_top));
        self.subtitle.draw(svg, (middle.0, subtitle_top));
        self.x_label.draw(svg, (middle.0, label_top));
        self.y_label.draw(svg, (left, middle.1));

        let frame = |shade| Frame {
            rect,
            x: &self.x,
            y: &self.y,
            shade,
        };
        self.draw_grid(svg, &frame(None));
        for (layer, shade) in self.panel.layers.iter().zip(&self.shades) {
            layer.mark().draw(svg, &frame(shade.as_ref()));
        }
        if !self.panel.bare {
            self.draw_axes(svg, &frame(None));
        }
        let mut left = rect.right;
        for bar in &self.bars {
            bar.draw(svg, left + BAR_GAP, rect);
            left += bar.room();
            bar.label.draw(svg, (left - bar.label.depth(), middle.1));
        }
    }

    fn draw_grid(&self, svg: &mut Svg, frame: &Frame<'_>) {
        let rect = frame.rect;
        let upright = self.x.ticks.iter().map(|tick| {
            let x = frame.across(tick.value);
            [(x, rect.top), (x, rect.bottom)]
        });
        let level = self.y.ticks.iter().map(|tick| {
            let y = frame.down(tick.value);
            [(rect.left, y), (rect.right, y)]
        });
        svg.lines(&upright.chain(level).collect::<Vec<_>>(), GRID_PEN);
    }

    fn draw_axes(&self, svg: &mut Svg, frame: &Frame<'_>) {
        let Rect { left, bottom, .. } = frame.rect;
        let corners = [
            (left, frame.rect.top),
            (left, bottom),
            (frame.rect.right, bottom),
        ];
        let mut lines: Vec<Vec<Pixel>> = vec![corners.to_vec()];
        let face = if self.x_upwards {
            X_TICK_UPWARDS
        } else {
            SMALL
        };
        let depth = if self.x_upwards {
            0.0
        } else {
            SMALL.size / 2.0
        };
        for tick in &self.x.ticks {
            let x = frame.across(tick.value);
            lines.push(vec![(x, bottom), (x, bottom + TICK)]);
            svg.text(&tick.label, (x, bottom + TICK_ROOM + depth), face);
        }
        for tick in &self.y.ticks {
            let y = frame.down(tick.value);
            lines.push(vec![(left - TICK, y), (left, y)]);
            svg.text(&tick.label, (left - TICK_ROOM, y), Y_TICK);
        }
        svg.lines(&lines, AXIS_PEN);
    }
}

/// The depth of a label with the gap before it, if there is one.
fn padded(depth: f64) -> f64 {
    if depth > 0.0 { depth + LABEL_GAP } else { 0.0 }
}

/// The width of an axis' widest tick label.
fn widest(axis: &Axis) -> f64 {
    let widths = axis.ticks.iter().map(|tick| SMALL.width(&tick.label));
    widths.fold(0.0, f64::max)
}

/// Whether the labels of an x axis of this length would nearly touch.
fn crowded(axis: &Axis, length: f64) -> bool {
    axis.ticks.windows(2).any(|pair| {
        let apart = (axis.position(pair[1].value) - axis.position(pair[0].value)) * length;
        let widths = SMALL.width(&pair[0].label) + SMALL.width(&pair[1].label);
        apart.abs() < widths / 2.0 + CROWDED
    })
}
