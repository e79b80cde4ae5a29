//! The text of a drawing: elements with their places and looks.

use crate::Colour;
use crate::text::{Anchor, Face, escape};
use std::collections::HashSet;
use std::fmt::{self, Display};

/// A place on the canvas in px, from its top left corner.
pub(crate) type Pixel = (f64, f64);

/// A rectangle in px; y grows downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rect {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
}

impl Rect {
    /// A rectangle from its top left corner and its size.
    pub(crate) const fn new((left, top): Pixel, (width, height): (f64, f64)) -> Self {
        Self {
            left,
            top,
            right: left + width,
            bottom: top + height,
        }
    }

    pub(crate) fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(crate) fn height(&self) -> f64 {
        self.bottom - self.top
    }

    pub(crate) fn middle(&self) -> Pixel {
        (
            (self.left + self.right) / 2.0,
            (self.top + self.bottom) / 2.0,
        )
    }
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pen {
    pub(crate) colour: Colour,
    pub(crate) width: f64,
    pub(crate) dashed: bool,
}

impl Pen {
    pub(crate) const fn solid(colour: Colour, width: f64) -> Self {
        Self {
            colour,
            width,
            dashed: false,
        }
    }
}

/// How a filled shape looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Fill {
    pub(crate) colour: Colour,
    pub(crate) opacity: f64,
}

impl From<Colour> for Fill {
    fn from(colour: Colour) -> Self {
        Self {
            colour,
            opacity: 1.0,
        }
    }
}

/// How a dot looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Dot {
    pub(crate) radius: f64,
    pub(crate) fill: Fill,
    pub(crate) edge: Option<Pen>,
}

/// Dashes and the gaps between them, in multiples of the line width.
const DASH: f64 = 4.0;
const GAP: f64 = 2.5;

/// The colours that a page may set, and its names for them.
const OF_THE_PAGE: [(Colour, &str); 6] = [
    (Colour::WHITE, "paper"),
    (Colour::BLACK, "ink"),
    (Colour::DARK_GREY, "text"),
    (Colour::GREY, "muted"),
    (Colour::LIGHT_GREY, "grid"),
    (Colour::BLUE, "blue"),
];

/// An SVG document that is being written.
#[derive(Debug)]
pub(crate) struct Svg {
    text: String,
    /// Whether the document is an element of an HTML page, in the page's colours.
    inline: bool,
}

impl Svg {
    /// An empty canvas of a size in px, with a title and a description for readers who cannot see it.
    pub(crate) fn new(
        (width, height): (f64, f64),
        title: &str,
        description: &str,
        inline: bool,
    ) -> Self {
        let namespace = if inline {
            ""
        } else {
            " xmlns=\"http://www.w3.org/2000/svg\""
        };
        let text = format!(
            "<svg{namespace} width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             role=\"img\" font-family=\"sans-serif\" stroke-linejoin=\"round\">\n\
             <title>{}</title>\n<desc>{}</desc>\n",
            escape(title),
            escape(description),
        );
        let mut svg = Self { text, inline };
        svg.rect(Rect::new((0.0, 0.0), (width, height)), Colour::WHITE);
        svg
    }

    /// The finished document.
    pub(crate) fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }

    /// Open lines of one look.
    pub(crate) fn lines<L: AsRef<[Pixel]>>(&mut self, lines: &[L], pen: Pen) {
        let mut path = String::new();
        for line in lines {
            for (index, point) in line.as_ref().iter().enumerate() {
                path.push(if index == 0 { 'M' } else { 'L' });
                path.push_str(&place(*point));
            }
        }
        if !path.is_empty() {
            let stroke = self.stroke(pen);
            self.element(format_args!("path d=\"{path}\" fill=\"none\"{stroke}"));
        }
    }

    /// A filled polygon.
    pub(crate) fn polygon(&mut self, corners: &[Pixel], fill: impl Into<Fill>) {
        let corners: Vec<String> = corners.iter().copied().map(place).collect();
        let fill = self.fill(fill.into());
        self.element(format_args!(
            "polygon points=\"{}\"{fill}",
            corners.join(" ")
        ));
    }

    /// A filled rectangle.
    pub(crate) fn rect(&mut self, rect: Rect, fill: impl Into<Fill>) {
        let fill = self.fill(fill.into());
        self.element(format_args!(
            "rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"{fill}",
            Px(rect.left),
            Px(rect.top),
            Px(rect.width()),
            Px(rect.height()),
        ));
    }

    /// Dots of one look, but for those that have their own colour. Opaque dots without one that fall on
    /// the same place are written once.
    pub(crate) fn dots(
        &mut self,
        look: Dot,
        dots: impl IntoIterator<Item = (Pixel, Option<Colour>)>,
    ) {
        let edge = look.edge.map_or_else(String::new, |pen| self.stroke(pen));
        let group = format!("<g{}{edge}>\n", self.fill(look.fill));
        let start = self.text.len();
        self.text.push_str(&group);
        let mut written = HashSet::new();
        for ((x, y), own) in dots {
            let fill = own.map_or_else(String::new, |colour| {
                format!(" fill=\"{}\"", self.paint(colour))
            });
            let circle = format!(
                "circle cx=\"{}\" cy=\"{}\" r=\"{}\"{fill}",
                Px(x),
                Px(y),
                Px(look.radius)
            );
            if own.is_some() || look.fill.opacity < 1.0 || written.insert(circle.clone()) {
                self.element(format_args!("{circle}"));
            }
        }
        if self.text.len() == start + group.len() {
            self.text.truncate(start);
        } else {
            self.text.push_str("</g>\n");
        }
    }

    /// One line of text, centred on its place across the reading direction.
    pub(crate) fn text(&mut self, text: &str, (x, y): Pixel, face: Face) {
        let (x, y) = (Px(x), Px(y));
        let anchor = match face.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if face.bold {
            " font-weight=\"bold\""
        } else {
            ""
        };
        let turn = if face.upwards {
            format!(" transform=\"rotate(270 {x} {y})\"")
        } else {
            String::new()
        };
        // An ex is another length in every typeface; 0.36 em centres capitals and digits in all.
        self.text.push_str(&format!(
            "<text x=\"{x}\" y=\"{y}\" dy=\"0.36em\" font-size=\"{}\" fill=\"{}\"{anchor}{weight}{turn}>{}</text>\n",
            face.size,
            self.paint(face.colour),
            escape(text),
        ));
    }

    /// An element without contents.
    fn element(&mut self, tag: fmt::Arguments<'_>) {
        self.text.push_str(&format!("<{tag}/>\n"));
    }

    fn fill(&self, fill: Fill) -> String {
        let opacity = if fill.opacity < 1.0 {
            format!(" fill-opacity=\"{}\"", fill.opacity)
        } else {
            String::new()
        };
        format!(" fill=\"{}\"{opacity}", self.paint(fill.colour))
    }

    fn stroke(&self, pen: Pen) -> String {
        let dashes = if pen.dashed {
            let (dash, gap) = (Px(DASH * pen.width), Px(GAP * pen.width));
            format!(" stroke-dasharray=\"{dash} {gap}\"")
        } else {
            String::new()
        };
        let (colour, width) = (self.paint(pen.colour), Px(pen.width));
        format!(" stroke=\"{colour}\" stroke-width=\"{width}\"{dashes}")
    }

    /// A colour, or in a page the property that holds it.
    fn paint(&self, colour: Colour) -> String {
        let named = OF_THE_PAGE.iter().find(|(own, _)| *own == colour);
        match named {
            Some((_, name)) if self.inline => format!("var(--figure-{name}, {colour})"),
            _ => colour.to_string(),
        }
    }
}

/// A length, to a tenth of a px.
struct Px(f64);

impl Display for Px {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Adding zero turns −0 into 0.
        ((10.0 * self.0).round() / 10.0 + 0.0).fmt(formatter)
    }
}

fn place((x, y): Pixel) -> String {
    format!("{},{}", Px(x), Px(y))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{ASIDE, UPWARDS};

    /// What is written on a canvas, without its heading and its white ground.
    fn body(inline: bool, draw: impl FnOnce(&mut Svg)) -> String {
        let mut svg = Svg::new((30.0, 20.0), "", "", inline);
        let start = svg.text.len();
        draw(&mut svg);
        svg.finish()[start..].to_owned()
    }

    fn dot(opacity: f64) -> Dot {
        Dot {
            radius: 2.0,
            fill: Fill {
                colour: Colour::BLUE,
                opacity,
            },
            edge: None,
        }
    }

    #[test]
    fn the_heading_says_what_is_shown() {
        let svg = Svg::new((30.0, 20.0), "A & B", "two <panels>", false);
        assert_eq!(
            svg.finish(),
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"30\" height=\"20\" viewBox=\"0 0 30 20\" \
             role=\"img\" font-family=\"sans-serif\" stroke-linejoin=\"round\">\n\
             <title>A &amp; B</title>\n<desc>two &lt;panels&gt;</desc>\n\
             <rect x=\"0\" y=\"0\" width=\"30\" height=\"20\" fill=\"#FFFFFF\"/>\n</svg>\n"
        );
    }

    #[test]
    fn dots_of_one_look_are_gathered() {
        let places = [(0.1, 0.5), (0.2, 0.5), (0.2, 0.5)].map(|place| (place, None));
        assert_eq!(
            body(false, |svg| svg.dots(dot(0.5), places)),
            "<g fill=\"#0072B2\" fill-opacity=\"0.5\">\n\
             <circle cx=\"0.1\" cy=\"0.5\" r=\"2\"/>\n\
             <circle cx=\"0.2\" cy=\"0.5\" r=\"2\"/>\n\
             <circle cx=\"0.2\" cy=\"0.5\" r=\"2\"/>\n</g>\n</svg>\n"
        );
        assert_eq!(body(false, |svg| svg.dots(dot(0.5), [])), "</svg>\n");
    }

    #[test]
    fn opaque_dots_in_one_place_are_written_once_unless_they_have_their_own_colours() {
        let circles = |own| {
            let places = [((0.1, 0.5), own), ((0.1, 0.5), own)];
            let drawn = body(false, |svg| svg.dots(dot(1.0), places));
            drawn.matches("<circle").count()
        };
        assert_eq!((circles(None), circles(Some(Colour::YELLOW))), (1, 2));
    }

    #[test]
    fn a_page_sets_the_colours_that_it_has_names_for() {
        let drawn = |colour| {
            body(true, |svg| {
                svg.text("=\"#000000\"", (0.0, 0.0), Face { colour, ..ASIDE });
            })
        };
        assert!(
            drawn(Colour::BLACK)
                .contains("fill=\"var(--figure-ink, #000000)\">=&quot;#000000&quot;<")
        );
        assert!(drawn(Colour::VERMILLION).contains("fill=\"#D55E00\""));
        let page = Svg::new((1.0, 1.0), "", "", true).finish();
        assert!(page.contains("fill=\"var(--figure-paper, #FFFFFF)\"") && !page.contains("xmlns"));
    }

    #[test]
    fn numbers_are_written_to_a_tenth() {
        let pen = Pen {
            dashed: true,
            ..Pen::solid(Colour::BLACK, 1.2)
        };
        let lines = [[(-0.01, 0.04), (1.26, 10.0)], [(2.0, 2.0), (3.0, 3.0)]];
        assert_eq!(
            body(false, |svg| svg.lines(&lines, pen)),
            "<path d=\"M0,0L1.3,10M2,2L3,3\" fill=\"none\" stroke=\"#000000\" stroke-width=\"1.2\" \
             stroke-dasharray=\"4.8 3\"/>\n</svg>\n"
        );
        assert_eq!(
            body(false, |svg| svg.text("a < b", (1.0, 2.5), UPWARDS)),
            "<text x=\"1\" y=\"2.5\" dy=\"0.36em\" font-size=\"13\" fill=\"#404040\" \
             text-anchor=\"middle\" transform=\"rotate(270 1 2.5)\">a &lt; b</text>\n</svg>\n"
        );
    }
}
