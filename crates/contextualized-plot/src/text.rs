//! Text without fonts: how it looks, how wide it will be, and where it is broken.

use crate::Colour;
use crate::svg::{Pixel, Svg};

/// Which part of a text is at its place.
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

/// The name of an x axis.
pub(crate) const ACROSS: Face = Face {
    size: 13.0,
    bold: false,
    colour: Colour::DARK_GREY,
    anchor: Anchor::Middle,
    upwards: false,
};

/// The name of a y axis or a colour bar.
pub(crate) const UPWARDS: Face = Face {
    upwards: true,
    ..ACROSS
};

/// The title of the figure.
pub(crate) const FIGURE_TITLE: Face = Face {
    size: 18.0,
    bold: true,
    colour: Colour::BLACK,
    ..ACROSS
};

/// The title of a panel.
pub(crate) const PANEL_TITLE: Face = Face {
    size: 14.0,
    ..FIGURE_TITLE
};

/// The line under the title of a panel, and the ticks of an x axis.
pub(crate) const SMALL: Face = Face {
    size: 12.0,
    ..ACROSS
};

/// The ticks of an x axis where they are too long to be written next to each other.
pub(crate) const X_TICK_UPWARDS: Face = Face {
    upwards: true,
    ..Y_TICK
};

/// The ticks of a y axis.
pub(crate) const Y_TICK: Face = Face {
    anchor: Anchor::End,
    ..SMALL
};

/// The ticks of a colour bar, and the legend.
pub(crate) const ASIDE: Face = Face {
    anchor: Anchor::Start,
    ..SMALL
};

/// The text of a cell or a node.
pub(crate) const CELL: Face = Face {
    colour: Colour::BLACK,
    ..SMALL
};

impl Face {
    /// The face on a background: light where that is dark. The two are off black and white, for
    /// those follow the page that a figure is part of, and backgrounds do not.
    pub(crate) fn on(self, background: Colour) -> Self {
        let colour = if background.luminance() < 120.0 {
            Colour::rgb(254, 254, 254)
        } else {
            Colour::rgb(1, 1, 1)
        };
        Self { colour, ..self }
    }

    /// About how wide a text is in px.
    ///
    /// The widths are those of a wide sans-serif typeface, so that others fit as well.
    pub(crate) fn width(&self, text: &str) -> f64 {
        let ems: f64 = text.chars().map(em).sum();
        ems * self.size * if self.bold { 1.1 } else { 1.0 }
    }

    /// From one line to the next, in px.
    pub(crate) fn leading(&self) -> f64 {
        (1.3 * self.size).round()
    }
}

/// About how wide a character is, in multiples of the font size.
fn em(character: char) -> f64 {
    match character {
        'i' | 'j' | 'l' | '\'' | '|' => 0.3,
        ' ' | 'I' | '.' | ',' | ':' | ';' => 0.34,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '-' | '/' | '!' => 0.41,
        'c' | 'k' | 's' | 'v' | 'x' | 'y' | 'z' | '"' => 0.58,
        'm' | 'M' | 'W' | 'w' | '%' | '@' | '\u{2014}' => 0.98,
        '\u{2212}' | '+' | '=' | '<' | '>' | '~' => 0.84,
        'A'..='Z' => 0.74,
        '\u{300}'..='\u{36f}' => 0.0,
        '\u{1100}'..='\u{11ff}' | '\u{2e80}'.. => 1.05,
        _ => 0.65,
    }
}

/// A text broken into lines.
#[derive(Debug)]
pub(crate) struct Paragraph {
    lines: Vec<String>,
    face: Face,
}

impl Paragraph {
    /// Breaks a text into lines of at most `room` px: at line breaks, at spaces, and inside words only
    /// where a word alone is too long. An empty text has no lines.
    pub(crate) fn new(text: &str, face: Face, room: f64) -> Self {
        let lines = text.split('\n');
        Self {
            lines: lines.flat_map(|line| wrap(line, face, room)).collect(),
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
    pub(crate) fn draw(&self, svg: &mut Svg, start: Pixel) {
        for (number, line) in self.lines.iter().enumerate() {
            let along = self.face.leading() * (number as f64 + 0.5);
            let place = if self.face.upwards {
                (start.0 + along, start.1)
            } else {
                (start.0, start.1 + along)
            };
            svg.text(line, place, self.face);
        }
    }
}

/// Breaks a text that contains no line break.
fn wrap(text: &str, face: Face, room: f64) -> Vec<String> {
    let fits = |line: &str| face.width(line) <= room;
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        if let Some(line) = lines.last_mut()
            && fits(&format!("{line} {word}"))
        {
            line.push(' ');
            line.push_str(word);
            continue;
        }
        let mut piece = String::new();
        for character in word.chars() {
            piece.push(character);
            if !fits(&piece) && piece.chars().count() > 1 {
                piece.pop();
                lines.push(std::mem::replace(&mut piece, character.to_string()));
            }
        }
        lines.push(piece);
    }
    lines
}

/// Text as XML can hold it: characters that mean something there are replaced, and control characters
/// other than line breaks become spaces.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\n' => escaped.push('\n'),
            '\u{fffe}' | '\u{ffff}' => escaped.push(' '),
            control if control.is_control() => escaped.push(' '),
            plain => escaped.push(plain),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, face: Face, room: f64) -> Vec<String> {
        Paragraph::new(text, face, room).lines
    }

    #[test]
    fn lines_break_at_spaces() {
        let room = SMALL.width("true effects of the");
        assert_eq!(
            lines("true effects of the observed", SMALL, room),
            ["true effects of the", "observed"]
        );
        assert_eq!(lines("a\nb c", SMALL, room), ["a", "b c"]);
        assert!(lines("  ", SMALL, room).is_empty());
    }

    #[test]
    fn long_words_are_cut() {
        let cut = lines("incomprehensibilities", PANEL_TITLE, 70.0);
        assert!(cut.len() > 2);
        assert_eq!(cut.concat(), "incomprehensibilities");
        assert!(cut.iter().all(|line| PANEL_TITLE.width(line) <= 70.0));
        assert_eq!(lines("abc", SMALL, 0.0), ["a", "b", "c"]);
    }

    #[test]
    fn control_characters_become_spaces() {
        assert_eq!(escape("a\tb\u{0}c\u{ffff}\n"), "a b c \n");
        assert_eq!(escape("<a & 'b'>"), "&lt;a &amp; &apos;b&apos;&gt;");
    }
}
