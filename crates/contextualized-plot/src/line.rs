//! Open lines.

use crate::axis::Span;
use crate::error::within;
use crate::layer::{Frame, Key, Mark, Site};
use crate::svg::{Dot, Pen, Svg};
use crate::{Colour, Result, clip};

/// A line through points (x, y) in the order given, cut off at the edges of the panel, or a straight
/// one across the whole panel.
///
/// A single point is drawn as a dot. No points at all draw nothing, but keep their place in
/// the legend.
#[derive(Debug, Clone)]
#[must_use]
pub struct Line {
    course: Course,
    pen: Pen,
    label: String,
}

#[derive(Debug, Clone)]
enum Course {
    Points(Vec<(f64, f64)>),
    Horizontal(f64),
    Vertical(f64),
}

impl Line {
    /// A solid blue line of 1.8 px without a legend entry.
    pub fn new(points: &[(f64, f64)]) -> Self {
        let pen = Pen::solid(Colour::BLUE, 1.8);
        Self::with(Course::Points(points.to_vec()), pen)
    }

    /// A dashed dark grey line of 1.2 px across the panel at height `y`, which an automatic range
    /// contains.
    pub fn horizontal(y: f64) -> Self {
        let pen = Pen::solid(Colour::DARK_GREY, 1.2);
        Self::with(Course::Horizontal(y), pen).dashed()
    }

    /// A dashed dark grey line of 1.2 px from the foot to the head of the panel at `x`, which an
    /// automatic range contains.
    pub fn vertical(x: f64) -> Self {
        let pen = Pen::solid(Colour::DARK_GREY, 1.2);
        Self::with(Course::Vertical(x), pen).dashed()
    }

    fn with(course: Course, pen: Pen) -> Self {
        Self {
            course,
            pen,
            label: String::new(),
        }
    }

    /// Its colour.
    pub fn colour(mut self, colour: Colour) -> Self {
        self.pen.colour = colour;
        self
    }

    /// Its width in px, from 0.1 to 100.
    pub fn width(mut self, width: f64) -> Self {
        self.pen.width = width;
        self
    }

    /// Draws it in dashes.
    pub fn dashed(mut self) -> Self {
        self.pen.dashed = true;
        self
    }

    /// Draws it in one stroke.
    pub fn solid(mut self) -> Self {
        self.pen.dashed = false;
        self
    }

    /// The name in the legend.
    pub fn label(mut self, label: &str) -> Self {
        self.label = label.to_owned();
        self
    }
}

impl Mark for Line {
    fn check(&self, site: &Site<'_>) -> Result<()> {
        let width = self.pen.width;
        within("the line width", width, 0.1, 100.0, "from 0.1 to 100 px")?;
        match &self.course {
            Course::Points(points) => site.points(points),
            Course::Horizontal(y) => site.numbers(site.y, "y", [*y]),
            Course::Vertical(x) => site.numbers(site.x, "x", [*x]),
        }
    }

    fn measure(&self, x: &mut Span, y: &mut Span) {
        match &self.course {
            Course::Points(points) => {
                x.extend(points.iter().map(|point| point.0));
                y.extend(points.iter().map(|point| point.1));
            }
            Course::Horizontal(at) => y.extend([*at]),
            Course::Vertical(at) => x.extend([*at]),
        }
    }

    fn draw(&self, svg: &mut Svg, frame: &Frame<'_>) {
        let rect = frame.rect;
        let lines = match &self.course {
            Course::Points(points) => {
                if let [point] = points[..] {
                    let dot = Dot {
                        radius: 1.5 * self.pen.width,
                        fill: self.pen.colour.into(),
                        edge: None,
                    };
                    let inside = frame.contains(point);
                    svg.dots(dot, inside.then(|| (frame.place(point), None)));
                }
                clip::line(&frame.places(points.iter().copied()), rect)
            }
            Course::Horizontal(y) if frame.y.contains(*y) => {
                vec![
                    [rect.left, rect.right]
                        .map(|x| (x, frame.down(*y)))
                        .to_vec(),
                ]
            }
            Course::Vertical(x) if frame.x.contains(*x) => {
                vec![
                    [rect.top, rect.bottom]
                        .map(|y| (frame.across(*x), y))
                        .to_vec(),
                ]
            }
            Course::Horizontal(_) | Course::Vertical(_) => Vec::new(),
        };
        svg.lines(&lines, self.pen);
    }

    fn entry(&self) -> Option<(&str, Key)> {
        Some((&self.label, Key::Stroke(self.pen)))
    }
}
