//! A panel on the canvas: the room its texts need around the data, and its drawing.

use crate::axis::Axis;
use crate::canvas::{Canvas, Pen};
use crate::clip::Rect;
use crate::face::{
    ACROSS, ASIDE, PANEL_TITLE, Paragraph, SUBTITLE, UPWARDS, X_TICK, X_TICK_UPWARDS, Y_TICK,
};
use crate::layer::{Frame, Layer};
use crate::panel::Settled;
use crate::shades::Bar;
use crate::{Colour, Result};

/// How long tick marks are, and how far their labels stand from them.
const TICK: f64 = 4.0;
const TICK_GAP: f64 = 4.0;
/// Between tick labels and the name of the axis.
const LABEL_GAP: f64 = 5.0;
/// Between the title and the data.
const TITLE_GAP: f64 = 8.0;
/// Between the data and a colour bar, and the width of the bar.
const BAR_GAP: f64 = 14.0;
const BAR_WIDTH: f64 = 12.0;
const BAR_STEPS: u32 = 64;

const AXIS_PEN: Pen = Pen {
    colour: Colour::DARK_GREY,
    width: 1.0,
    dashed: false,
};
const GRID_PEN: Pen = Pen {
    colour: Colour::LIGHT_GREY,
    width: 0.8,
    dashed: false,
};

/// Room around the data in px.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Margins {
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

/// A panel with its texts broken into lines.
#[derive(Debug)]
pub(crate) struct Placed<'a> {
    layers: &'a [Layer],
    bare: bool,
    /// Whether the labels of x ticks read from bottom to top.
    x_upwards: bool,
    x: Axis,
    y: Axis,
    bars: Vec<(Bar, Paragraph)>,
    title: Paragraph,
    subtitle: Paragraph,
    x_label: Paragraph,
    y_label: Paragraph,
    size: (f64, f64),
}

impl<'a> Placed<'a> {
    /// A panel whose data rectangle has the given size in px.
    pub(crate) fn new(settled: Settled<'a>, size: (f64, f64)) -> Self {
        Self {
            layers: settled.layers,
            bare: settled.bare,
            x_upwards: settled.x_upwards,
            title: Paragraph::new(settled.title, PANEL_TITLE, size.0),
            subtitle: Paragraph::new(settled.subtitle, SUBTITLE, size.0),
            x_label: Paragraph::new(settled.x_label, ACROSS, size.0),
            y_label: Paragraph::new(settled.y_label, UPWARDS, size.1),
            x: settled.x,
            y: settled.y,
            bars: settled
                .bars
                .into_iter()
                .map(|bar| {
                    let label = Paragraph::new(&bar.label, UPWARDS, size.1);
                    (bar, label)
                })
                .collect(),
            size,
        }
    }

    /// The room its texts and colour bars need.
    pub(crate) fn margins(&self) -> Margins {
        // How far the labels of x ticks reach beyond the data on either side.
        let (mut before, mut after) = (0.0_f64, 0.0_f64);
        for tick in &self.x.ticks {
            let centre = self.size.0 * self.x.position(tick.value);
            let half = if self.x_upwards {
                X_TICK.size / 2.0
            } else {
                X_TICK.width(&tick.label) / 2.0
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
        let left = widest(&self.y) + TICK + TICK_GAP + padded(self.y_label.depth());
        let right: f64 = self.bars.iter().map(bar_room).sum();
        let head = self.title.depth() + self.subtitle.depth();
        Margins {
            left: left.max(before),
            right: right.max(after),
            top: if head > 0.0 { head + TITLE_GAP } else { above },
            bottom: TICK + TICK_GAP + self.x_tick_depth() + padded(self.x_label.depth()),
        }
    }

    /// The room below the axis that the labels of x ticks need.
    fn x_tick_depth(&self) -> f64 {
        if self.x_upwards {
            widest(&self.x)
        } else {
            X_TICK.size
        }
    }

    /// Draws the panel around its data rectangle; `margins` are those of its row and column,
    /// so that the names of the axes line up.
    pub(crate) fn draw(self, canvas: &Canvas<'_>, rect: Rect, margins: Margins) -> Result<()> {
        let middle = (
            (rect.left + rect.right) / 2.0,
            (rect.top + rect.bottom) / 2.0,
        );
        let title_top = rect.top - TITLE_GAP - self.subtitle.depth() - self.title.depth();
        self.title.draw(canvas, (middle.0, title_top))?;
        let subtitle_top = rect.top - TITLE_GAP - self.subtitle.depth();
        self.subtitle.draw(canvas, (middle.0, subtitle_top))?;
        let label_top = rect.bottom + TICK + TICK_GAP + self.x_tick_depth() + LABEL_GAP;
        self.x_label.draw(canvas, (middle.0, label_top))?;
        self.y_label
            .draw(canvas, (rect.left - margins.left, middle.1))?;

        let frame = Frame {
            rect,
            x: self.x,
            y: self.y,
        };
        grid(canvas, &frame)?;
        for layer in self.layers {
            layer.mark().draw(canvas, &frame)?;
        }
        if !self.bare {
            axes(canvas, &frame, self.x_upwards)?;
        }
        let mut left = rect.right;
        for bar in &self.bars {
            draw_bar(canvas, &bar.0, left + BAR_GAP, rect)?;
            let after = left + bar_room(bar) - bar.1.depth();
            bar.1.draw(canvas, (after, middle.1))?;
            left += bar_room(bar);
        }
        Ok(())
    }
}

/// The depth of a label with the gap before it, if there is one.
fn padded(depth: f64) -> f64 {
    if depth > 0.0 { depth + LABEL_GAP } else { 0.0 }
}

/// The width of an axis' widest tick label.
fn widest(axis: &Axis) -> f64 {
    let widths = axis.ticks.iter().map(|tick| Y_TICK.width(&tick.label));
    widths.fold(0.0, f64::max)
}

/// The room of a colour bar with its label.
fn bar_room((bar, label): &(Bar, Paragraph)) -> f64 {
    BAR_GAP + BAR_WIDTH + TICK + TICK_GAP + widest(&bar.axis) + padded(label.depth())
}

fn grid(canvas: &Canvas<'_>, frame: &Frame) -> Result<()> {
    let rect = frame.rect;
    for tick in &frame.x.ticks {
        let x = frame.across(tick.value);
        canvas.line(&[(x, rect.top), (x, rect.bottom)], GRID_PEN)?;
    }
    for tick in &frame.y.ticks {
        let y = frame.down(tick.value);
        canvas.line(&[(rect.left, y), (rect.right, y)], GRID_PEN)?;
    }
    Ok(())
}

fn axes(canvas: &Canvas<'_>, frame: &Frame, x_upwards: bool) -> Result<()> {
    let Rect {
        left,
        top,
        right,
        bottom,
    } = frame.rect;
    canvas.line(&[(left, top), (left, bottom), (right, bottom)], AXIS_PEN)?;
    for tick in &frame.x.ticks {
        let x = frame.across(tick.value);
        canvas.line(&[(x, bottom), (x, bottom + TICK)], AXIS_PEN)?;
    }
    for tick in &frame.y.ticks {
        let y = frame.down(tick.value);
        canvas.line(&[(left - TICK, y), (left, y)], AXIS_PEN)?;
    }
    for tick in &frame.x.ticks {
        let (below, face) = if x_upwards {
            (0.0, X_TICK_UPWARDS)
        } else {
            (X_TICK.size / 2.0, X_TICK)
        };
        let place = (frame.across(tick.value), bottom + TICK + TICK_GAP + below);
        canvas.text(&tick.label, place, face)?;
    }
    for tick in &frame.y.ticks {
        let beside = left - TICK - TICK_GAP;
        canvas.text(&tick.label, (beside, frame.down(tick.value)), Y_TICK)?;
    }
    Ok(())
}

/// A colour bar as high as the data rectangle.
fn draw_bar(canvas: &Canvas<'_>, bar: &Bar, left: f64, rect: Rect) -> Result<()> {
    let (top, bottom) = (rect.top, rect.bottom);
    let right = left + BAR_WIDTH;
    let height = |position: f64| bottom - position * (bottom - top);
    for step in 0..BAR_STEPS {
        let share = f64::from(step) / f64::from(BAR_STEPS);
        // Each strip reaches to the top and is covered by the next, so that no seams show.
        let strip = Rect {
            left,
            top,
            right,
            bottom: height(share),
        };
        canvas.rect(
            strip,
            bar.map.at(f64::from(step) / f64::from(BAR_STEPS - 1)),
        )?;
    }
    for tick in &bar.axis.ticks {
        let y = height(bar.axis.position(tick.value));
        canvas.line(&[(right, y), (right + TICK, y)], AXIS_PEN)?;
    }
    for tick in &bar.axis.ticks {
        let y = height(bar.axis.position(tick.value));
        canvas.text(&tick.label, (right + TICK + TICK_GAP, y), ASIDE)?;
    }
    Ok(())
}
