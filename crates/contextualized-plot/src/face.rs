//! The sizes and weights of text, and paragraphs of it.

use crate::canvas::{Canvas, Pixel};
use crate::text::{width, wrap};
use crate::{Colour, Result};

/// Which part of a text stands at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Face {
    /// In px.
    pub(crate) size: f64,
    pub(crate) bold: bool,
    pub(crate) colour: Colour,
    pub(crate) anchor: Anchor,
    /// Whether it reads from bottom to top.
    pub(crate) upwards: bool,
}

const PLAIN: Face = Face {
    size: 13.0,
    bold: false,
    colour: Colour::DARK_GREY,
    anchor: Anchor::Middle,
    upwards: false,
};

/// The title of the figure.
pub(crate) const FIGURE_TITLE: Face = Face {
    size: 18.0,
    bold: true,
    colour: Colour::BLACK,
    ..PLAIN
};

/// The title of a panel.
pub(crate) const PANEL_TITLE: Face = Face {
    size: 14.0,
    bold: true,
    colour: Colour::BLACK,
    ..PLAIN
};

/// What stands under the title of a panel.
pub(crate) const SUBTITLE: Face = Face {
    size: 12.0,
    ..PLAIN
};

/// The name of an x axis.
pub(crate) const ACROSS: Face = PLAIN;

/// The name of a y axis or a colour bar.
pub(crate) const UPWARDS: Face = Face {
    upwards: true,
    ..PLAIN
};

/// The ticks of an x axis.
pub(crate) const X_TICK: Face = Face {
    size: 12.0,
    ..PLAIN
};

/// The same where they are too long to stand beside each other.
pub(crate) const X_TICK_UPWARDS: Face = Face {
    upwards: true,
    anchor: Anchor::End,
    ..X_TICK
};

/// The ticks of a y axis.
pub(crate) const Y_TICK: Face = Face {
    size: 12.0,
    anchor: Anchor::End,
    ..PLAIN
};

/// The ticks of a colour bar, and the legend.
pub(crate) const ASIDE: Face = Face {
    size: 12.0,
    anchor: Anchor::Start,
    ..PLAIN
};

/// What stands in a cell or a node.
pub(crate) const CELL: Face = Face {
    size: 12.0,
    colour: Colour::BLACK,
    ..PLAIN
};

impl Face {
    /// The face on a background: light where that is dark. The two are off black and white, for
    /// those follow the page that a figure stands in, and backgrounds do not.
    pub(crate) fn on(self, background: Colour) -> Self {
        let (red, green, blue) = background.parts();
        let luminance =
            0.2126 * f64::from(red) + 0.7152 * f64::from(green) + 0.0722 * f64::from(blue);
        let colour = if luminance < 120.0 {
            Colour::rgb(254, 254, 254)
        } else {
            Colour::rgb(1, 1, 1)
        };
        Self { colour, ..self }
    }

    /// About how wide a text is in px.
    pub(crate) fn width(&self, text: &str) -> f64 {
        width(text, self.size, self.bold)
    }

    /// From one line to the next, in px.
    pub(crate) fn leading(&self) -> f64 {
        (1.3 * self.size).round()
    }
}

/// A text broken into lines.
#[derive(Debug)]
pub(crate) struct Paragraph {
    pub(crate) lines: Vec<String>,
    face: Face,
}

impl Paragraph {
    /// Breaks a text into lines of at most `room` px.
    pub(crate) fn new(text: &str, face: Face, room: f64) -> Self {
        Self {
            lines: wrap(text, face.size, face.bold, room),
            face,
        }
    }

    /// From its first to its last edge across the lines, in px; nothing for no text.
    pub(crate) fn depth(&self) -> f64 {
        self.face.leading() * self.lines.len() as f64
    }

    /// The width of its longest line, in px.
    pub(crate) fn width(&self) -> f64 {
        let widths = self.lines.iter().map(|line| self.face.width(line));
        widths.fold(0.0, f64::max)
    }

    /// Draws it; `start` is where the anchors of its lines meet its first edge.
    pub(crate) fn draw(&self, canvas: &Canvas<'_>, start: Pixel) -> Result<()> {
        for (number, line) in self.lines.iter().enumerate() {
            let along = self.face.leading() * (number as f64 + 0.5);
            let place = if self.face.upwards {
                (start.0 + along, start.1)
            } else {
                (start.0, start.1 + along)
            };
            canvas.text(line, place, self.face)?;
        }
        Ok(())
    }
}
