//! What is done to the drawing once the backend has written it: a heading that says what is
//! shown, and shapes of one look gathered so that the look is written once.

use crate::Colour;
use crate::text::escape;
use std::collections::HashSet;
use std::fmt::Write;

/// What a drawing is called, and its size in px.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    pub(crate) title: &'a str,
    pub(crate) description: &'a str,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// Attributes that place a shape; all others say how it looks.
const GEOMETRY: [&str; 8] = ["cx", "cy", "r", "points", "x1", "y1", "x2", "y2"];

/// The colours that a page may set, and its names for them.
const OF_THE_PAGE: [(Colour, &str); 6] = [
    (Colour::WHITE, "paper"),
    (Colour::BLACK, "ink"),
    (Colour::DARK_GREY, "text"),
    (Colour::GREY, "muted"),
    (Colour::LIGHT_GREY, "grid"),
    (Colour::BLUE, "blue"),
];

/// A finished document in the colours of the page that it stands in.
pub(crate) fn inline(document: &str) -> String {
    let mut out = document.replace(" xmlns=\"http://www.w3.org/2000/svg\"", "");
    for (colour, name) in OF_THE_PAGE {
        let (red, green, blue) = colour.parts();
        let hex = format!("#{red:02X}{green:02X}{blue:02X}");
        // Quotes are escaped in texts, so that this is an attribute.
        let themed = format!("=\"var(--figure-{name}, {hex})\"");
        out = out.replace(&format!("=\"{hex}\""), &themed);
    }
    out
}

/// Rewrites the backend's output, which holds one element a line.
pub(crate) fn finish(written: &str, document: &Document<'_>) -> String {
    let mut out = String::with_capacity(written.len() / 2);
    let mut run = Run::default();
    let mut lines = written.lines();
    let opening = lines.next().unwrap_or_default();
    out.push_str(&heading(opening, document));
    for line in lines {
        if let Some(shape) = Shape::read(line) {
            if !run.takes(&shape) {
                run.write(&mut out);
            }
            run.shapes.push(shape);
            continue;
        }
        run.write(&mut out);
        if line.starts_with("<text ") {
            out.push_str(&text_tag(line));
            continue;
        }
        out.push_str(line);
        // The contents of a text are written without the line breaks around them.
        if line.starts_with('<') {
            out.push('\n');
        }
    }
    run.write(&mut out);
    out
}

/// The opening tag of a text, centred across its direction in any typeface, with the size
/// of its font rounded to whole units.
fn text_tag(line: &str) -> String {
    let mut tag = "<text".to_owned();
    for (name, value) in attributes(line) {
        let rounded = match (name, value.parse::<f64>()) {
            ("font-size", Ok(size)) => Some(size.round().to_string()),
            _ => None,
        };
        let value = match (name, value) {
            ("opacity", "1") => continue,
            // An ex is another length in every typeface; this centres capitals and digits.
            ("dy", "0.5ex") => "0.36em",
            _ => rounded.as_deref().unwrap_or(value),
        };
        let _ = write!(tag, " {name}=\"{value}\"");
    }
    tag.push('>');
    tag
}

/// The opening tag with the size in px, and what is shown in words.
fn heading(opening: &str, document: &Document<'_>) -> String {
    let view_box = attributes(opening)
        .into_iter()
        .find(|(name, _)| *name == "viewBox")
        .map_or("0 0 0 0", |(_, value)| value);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"{view_box}\" role=\"img\">\n\
         <title>{}</title>\n<desc>{}</desc>\n",
        document.width,
        document.height,
        escape(document.title),
        escape(document.description),
    )
}

/// A shape that can share its look with its neighbours.
#[derive(Debug, PartialEq)]
struct Shape<'a> {
    tag: &'a str,
    geometry: String,
    look: String,
    opaque: bool,
}

impl<'a> Shape<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let tag = ["circle", "polyline", "line", "polygon"]
            .into_iter()
            .find(|tag| {
                line.strip_prefix('<')
                    .and_then(|rest| rest.strip_prefix(tag))
                    .is_some_and(|rest| rest.starts_with(' '))
            })?;
        let attributes = attributes(line);
        let value = |wanted: &str| {
            attributes
                .iter()
                .find(|(name, _)| *name == wanted)
                .map(|(_, value)| *value)
        };
        let stroked = value("stroke").is_some_and(|stroke| stroke != "none");
        let opaque = value("opacity").is_none_or(|opacity| opacity == "1");
        let (mut geometry, mut look) = (String::new(), String::new());
        for (name, value) in &attributes {
            let (target, name) = match *name {
                name if GEOMETRY.contains(&name) => (&mut geometry, name),
                "opacity" if opaque => continue,
                // On a group, plain opacity would not add up where shapes overlap.
                "opacity" if stroked => (&mut look, "stroke-opacity"),
                "opacity" => (&mut look, "fill-opacity"),
                "stroke" | "stroke-width" if !stroked => continue,
                name => (&mut look, name),
            };
            // Writing to a string cannot fail.
            let _ = write!(target, " {name}=\"{}\"", value.trim_end());
        }
        Some(Self {
            tag,
            geometry,
            look,
            opaque,
        })
    }
}

/// Neighbouring shapes of one kind and look.
#[derive(Debug, Default)]
struct Run<'a> {
    shapes: Vec<Shape<'a>>,
}

impl Run<'_> {
    fn takes(&self, shape: &Shape<'_>) -> bool {
        self.shapes
            .first()
            .is_none_or(|first| first.tag == shape.tag && first.look == shape.look)
    }

    /// Writes the run and empties it. Opaque shapes in the same place are written once.
    fn write(&mut self, out: &mut String) {
        let mut seen = HashSet::new();
        let shapes: Vec<&Shape<'_>> = self
            .shapes
            .iter()
            .filter(|shape| !shape.opaque || seen.insert(&shape.geometry))
            .collect();
        if let [
            Shape {
                tag,
                geometry,
                look,
                ..
            },
        ] = shapes[..]
        {
            let _ = writeln!(out, "<{tag}{geometry}{look}/>");
        } else if let Some(first) = shapes.first() {
            let _ = writeln!(out, "<g{}>", first.look);
            for Shape { tag, geometry, .. } in &shapes {
                let _ = writeln!(out, "<{tag}{geometry}/>");
            }
            out.push_str("</g>\n");
        }
        self.shapes.clear();
    }
}

/// Names and values of a tag's attributes.
fn attributes(tag: &str) -> Vec<(&str, &str)> {
    let mut rest = tag;
    let mut found = Vec::new();
    while let Some((before, after)) = rest.split_once("=\"") {
        let Some((value, tail)) = after.split_once('"') else {
            break;
        };
        let name = before.rsplit(' ').next().unwrap_or(before);
        found.push((name, value));
        rest = tail;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: Document<'static> = Document {
        title: "A & B",
        description: "two <panels>",
        width: 30.0,
        height: 20.0,
    };
    const OPENING: &str = "<svg width=\"300\" height=\"200\" viewBox=\"0 0 300 200\" xmlns=\"http://www.w3.org/2000/svg\">\n";

    fn circle(x: u32, opacity: &str) -> String {
        format!(
            "<circle cx=\"{x}\" cy=\"5\" r=\"20\" opacity=\"{opacity}\" fill=\"#0072B2\" stroke=\"none\" stroke-width=\"1\"/>\n"
        )
    }

    fn body(elements: &str) -> String {
        let finished = finish(&format!("{OPENING}{elements}</svg>\n"), &DOCUMENT);
        let start = finished.find("</desc>\n").unwrap() + "</desc>\n".len();
        finished[start..].to_owned()
    }

    #[test]
    fn the_heading_says_what_is_shown() {
        let finished = finish(&format!("{OPENING}</svg>\n"), &DOCUMENT);
        assert_eq!(
            finished,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"30\" height=\"20\" viewBox=\"0 0 300 200\" role=\"img\">\n\
             <title>A &amp; B</title>\n<desc>two &lt;panels&gt;</desc>\n</svg>\n"
        );
    }

    #[test]
    fn shapes_of_one_look_are_gathered() {
        assert_eq!(
            body(&[circle(1, "0.5"), circle(2, "0.5"), circle(2, "0.5")].concat()),
            "<g fill-opacity=\"0.5\" fill=\"#0072B2\">\n\
             <circle cx=\"1\" cy=\"5\" r=\"20\"/>\n\
             <circle cx=\"2\" cy=\"5\" r=\"20\"/>\n\
             <circle cx=\"2\" cy=\"5\" r=\"20\"/>\n</g>\n</svg>\n"
        );
    }

    #[test]
    fn opaque_shapes_in_one_place_are_written_once() {
        assert_eq!(
            body(&[circle(1, "1"), circle(1, "1")].concat()),
            "<circle cx=\"1\" cy=\"5\" r=\"20\" fill=\"#0072B2\"/>\n</svg>\n"
        );
    }

    #[test]
    fn a_page_sets_the_colours_that_it_has_names_for() {
        let drawn = finish(
            &format!(
                "{OPENING}<rect fill=\"#FFFFFF\"/>\n<text fill=\"#000000\">\n=\"#000000\"\n</text>\n{}</svg>\n",
                circle(1, "1")
            ),
            &DOCUMENT,
        );
        let inline = inline(&drawn.replace("\"#000000\"</", "&quot;#000000&quot;</"));
        assert!(inline.contains("<rect fill=\"var(--figure-paper, #FFFFFF)\"/>"));
        assert!(inline.contains("<text fill=\"var(--figure-ink, #000000)\">=&quot;#000000&quot;<"));
        assert!(
            inline.contains("fill=\"var(--figure-blue, #0072B2)\"") && !inline.contains("xmlns")
        );
        let vermillion = drawn.replace("#0072B2", "#D55E00");
        assert!(super::inline(&vermillion).contains("fill=\"#D55E00\""));
    }

    #[test]
    fn text_keeps_its_contents() {
        assert_eq!(
            body(
                "<text x=\"1\" dy=\"0.5ex\" font-size=\"120.00000000000001\" opacity=\"1\">\na &lt; b\n</text>\n"
            ),
            "<text x=\"1\" dy=\"0.36em\" font-size=\"120\">a &lt; b</text>\n</svg>\n"
        );
    }
}
