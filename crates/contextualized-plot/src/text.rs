//! Text without fonts: how wide it will be, where it is broken, what may stand in it.

/// Text as XML can hold it: control characters other than line breaks become spaces.
pub(crate) fn clean(text: &str) -> String {
    let printable = |character: char| match character {
        '\n' => '\n',
        '\u{fffe}' | '\u{ffff}' => ' ',
        control if control.is_control() => ' ',
        other => other,
    };
    text.chars().map(printable).collect()
}

/// Text with the characters that mean something in XML replaced.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&apos;")
}

/// About how wide a text is, in multiples of the font size.
///
/// The widths are those of a wide sans-serif typeface, so that others fit as well.
fn ems(text: &str) -> f64 {
    text.chars().map(em).sum()
}

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

/// About how wide a text is in px.
pub(crate) fn width(text: &str, size: f64, bold: bool) -> f64 {
    ems(text) * size * if bold { 1.1 } else { 1.0 }
}

/// Breaks a text into lines of at most `room` px: at line breaks, at spaces, and inside words
/// only where a word alone is too long. An empty text has no lines.
pub(crate) fn wrap(text: &str, size: f64, bold: bool, room: f64) -> Vec<String> {
    let lines = text.split('\n');
    lines
        .flat_map(|line| fill(line, size, bold, room))
        .collect()
}

/// Breaks a text without line breaks of its own.
fn fill(text: &str, size: f64, bold: bool, room: f64) -> Vec<String> {
    let fits = |line: &str| width(line, size, bold) <= room;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces() {
        let room = width("true effects of the", 12.0, false);
        assert_eq!(
            wrap("true effects of the observed", 12.0, false, room),
            ["true effects of the", "observed"]
        );
        assert_eq!(wrap("a\nb c", 12.0, false, room), ["a", "b c"]);
        assert!(wrap("  ", 12.0, false, room).is_empty());
    }

    #[test]
    fn long_words_are_cut() {
        let lines = wrap("incomprehensibilities", 10.0, true, 50.0);
        assert!(lines.len() > 2);
        assert_eq!(lines.concat(), "incomprehensibilities");
        assert!(lines.iter().all(|line| width(line, 10.0, true) <= 50.0));
        assert_eq!(wrap("abc", 10.0, false, 0.0), ["a", "b", "c"]);
    }

    #[test]
    fn control_characters_become_spaces() {
        assert_eq!(clean("a\tb\u{0}c\u{ffff}\n"), "a b c \n");
        assert_eq!(escape("<a & 'b'>"), "&lt;a &amp; &apos;b&apos;&gt;");
    }
}
