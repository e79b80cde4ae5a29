//! The drawing surface: the only place that knows plotters.

use crate::clip::{self, Rect};
use crate::face::{Anchor, Face};
use crate::svg::{self, Document};
use crate::{Colour, Error, Result};
use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, Drawable, PathElement, PointCollection, Polygon, Rectangle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{
    Color, FontFamily, FontStyle, FontTransform, IntoFont, RGBAColor, RGBColor, ShapeStyle,
    TextStyle,
};

/// A place on the canvas in px, from its top left corner.
pub(crate) type Pixel = (f64, f64);

/// Units of the drawing per px: the backend counts in whole units, so shapes are placed to
/// a tenth of a px.
pub(crate) const UNITS: f64 = 10.0;

/// plotters divides the size of a font by this number before it writes it.
const FONT_FACTOR: f64 = 1.24;

/// Dashes and the gaps between them, in multiples of the line width.
const DASH: (f64, f64) = (4.0, 2.5);

/// A surface of a given size in px.
pub(crate) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pen {
    pub(crate) colour: Colour,
    pub(crate) width: f64,
    pub(crate) dashed: bool,
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

/// Draws a document: `paint` is handed a white canvas of the given size.
pub(crate) fn draw(
    document: &Document<'_>,
    paint: impl FnOnce(&Canvas<'_>) -> Result<()>,
) -> Result<String> {
    let mut written = String::new();
    let size = (
        (document.width * UNITS).round() as u32,
        (document.height * UNITS).round() as u32,
    );
    {
        let canvas = Canvas {
            area: SVGBackend::with_string(&mut written, size).into_drawing_area(),
        };
        canvas.rect(
            Rect {
                left: 0.0,
                top: 0.0,
                right: document.width,
                bottom: document.height,
            },
            Colour::WHITE,
        )?;
        paint(&canvas)?;
        canvas.area.present().map_err(failed)?;
    }
    Ok(svg::finish(&written, document))
}

impl Canvas<'_> {
    /// An open line.
    pub(crate) fn line(&self, points: &[Pixel], pen: Pen) -> Result<()> {
        let style = ShapeStyle {
            color: opaque(pen.colour),
            filled: false,
            stroke_width: (pen.width * UNITS).round() as u32,
        };
        let parts = if pen.dashed {
            clip::dashes(points, DASH.0 * pen.width, DASH.1 * pen.width)
        } else {
            vec![points.to_vec()]
        };
        for part in parts {
            self.put(&PathElement::new(units(&part), style))?;
        }
        Ok(())
    }

    /// A filled outline.
    pub(crate) fn outline(&self, points: &[Pixel], fill: Fill) -> Result<()> {
        self.put(&Polygon::new(units(points), translucent(fill).filled()))
    }

    /// A filled circle.
    pub(crate) fn disc(&self, centre: Pixel, radius: f64, fill: Fill) -> Result<()> {
        let style = translucent(fill).filled();
        self.put(&Circle::new(unit(centre), whole(radius), style))
    }

    /// The edge of a circle.
    pub(crate) fn ring(&self, centre: Pixel, radius: f64, pen: Pen) -> Result<()> {
        let style = ShapeStyle {
            color: opaque(pen.colour),
            filled: false,
            stroke_width: (pen.width * UNITS).round() as u32,
        };
        self.put(&Circle::new(unit(centre), whole(radius), style))
    }

    /// A filled rectangle.
    pub(crate) fn rect(&self, rect: Rect, fill: impl Into<Fill>) -> Result<()> {
        let corners = [unit((rect.left, rect.top)), unit((rect.right, rect.bottom))];
        self.put(&Rectangle::new(corners, translucent(fill.into()).filled()))
    }

    /// One line of text, centred on its place across the reading direction.
    pub(crate) fn text(&self, text: &str, place: Pixel, face: Face) -> Result<()> {
        let weight = if face.bold {
            FontStyle::Bold
        } else {
            FontStyle::Normal
        };
        let font = (
            FontFamily::SansSerif,
            face.size * UNITS * FONT_FACTOR,
            weight,
        )
            .into_font()
            .transform(if face.upwards {
                FontTransform::Rotate270
            } else {
                FontTransform::None
            });
        let h_pos = match face.anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let colour = opaque(face.colour);
        let style = TextStyle::from(font)
            .color(&colour)
            .pos(Pos::new(h_pos, VPos::Center));
        self.area
            .draw_text(text, &style, unit(place))
            .map_err(failed)
    }

    fn put<E>(&self, element: &E) -> Result<()>
    where
        for<'b> &'b E: PointCollection<'b, (i32, i32)>,
        for<'b> E: Drawable<SVGBackend<'b>>,
    {
        self.area.draw(element).map_err(failed)
    }
}

/// A length in whole units.
fn whole(length: f64) -> i32 {
    (length * UNITS).round() as i32
}

/// A place in whole units.
fn unit(place: Pixel) -> (i32, i32) {
    (whole(place.0), whole(place.1))
}

fn units(points: &[Pixel]) -> Vec<(i32, i32)> {
    points.iter().copied().map(unit).collect()
}

fn opaque(colour: Colour) -> RGBAColor {
    let (red, green, blue) = colour.parts();
    RGBColor(red, green, blue).to_rgba()
}

fn translucent(fill: Fill) -> RGBAColor {
    opaque(fill.colour).mix(fill.opacity)
}

fn failed(source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Drawing {
        source: Box::new(source),
    }
}
