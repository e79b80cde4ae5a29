//! Dots, of one colour or coloured by a number each.

use crate::axis::{Scale, Span};
use crate::error::within;
use crate::layer::{Frame, Key, Mark, Site, check_opacity};
use crate::shades::Shades;
use crate::svg::{Dot, Fill, Pen, Svg};
use crate::{Colour, ColourMap, Result};

/// Dots at points (x, y), in the order given: later ones cover earlier ones.
///
/// Dots outside the ranges of the panel are left out. Opaque dots of one colour that fall on
/// the same tenth of a px are written once.
#[derive(Debug, Clone)]
#[must_use]
pub struct Points {
    points: Vec<(f64, f64)>,
    radius: f64,
    fill: Fill,
    outline: Option<Colour>,
    shades: Option<Shades>,
    label: String,
}

impl Points {
    /// Blue dots of radius 2.5 px, opaque and without a legend entry. None at all is allowed.
    pub fn new(points: &[(f64, f64)]) -> Self {
        Self {
            points: points.to_vec(),
            radius: 2.5,
            fill: Colour::BLUE.into(),
            outline: None,
            shades: None,
            label: String::new(),
        }
    }

    /// One colour for all.
    pub fn colour(mut self, colour: Colour) -> Self {
        self.fill.colour = colour;
        self
    }

    /// A number for each dot, coloured through a map from their smallest to their largest.
    pub fn coloured_by(mut self, values: &[f64], map: ColourMap) -> Self {
        self.shades = Some(Shades::new(values, map));
        self
    }

    /// A colour bar next to the panel, with a label; it may be empty. Of no effect without
    /// [`Points::coloured_by`].
    pub fn colour_bar(mut self, label: &str) -> Self {
        if let Some(shades) = &mut self.shades {
            shades.bar = Some(label.to_owned());
        }
        self
    }

    /// The radius in px, from 0.1 to 100.
    pub fn radius(mut self, radius: f64) -> Self {
        self.radius = radius;
        self
    }

    /// The opacity, from 0 (invisible) to 1.
    pub fn opacity(mut self, opacity: f64) -> Self {
        self.fill.opacity = opacity;
        self
    }

    /// A thin edge around each dot.
    pub fn outline(mut self, colour: Colour) -> Self {
        self.outline = Some(colour);
        self
    }

    /// The name in the legend.
    pub fn label(mut self, label: &str) -> Self {
        self.label = label.to_owned();
        self
    }

    fn dot(&self, radius: f64, fill: Fill) -> Dot {
        let edge = |colour| Pen::solid(colour, (radius / 4.0).clamp(0.8, 1.5));
        Dot {
            radius,
            fill,
            edge: self.outline.map(edge),
        }
    }
}

impl Mark for Points {
    fn check(&self, site: &Site<'_>) -> Result<()> {
        site.points(&self.points)?;
        if let Some(Shades { values, .. }) = &self.shades {
            site.same_length("values", self.points.len(), values.len())?;
            site.numbers(Scale::Linear, "value", values.iter().copied())?;
        }
        within("the radius", self.radius, 0.1, 100.0, "from 0.1 to 100 px")?;
        check_opacity(self.fill.opacity)
    }

    fn measure(&self, x: &mut Span, y: &mut Span) {
        x.extend(self.points.iter().map(|point| point.0));
        y.extend(self.points.iter().map(|point| point.1));
    }

    fn draw(&self, svg: &mut Svg, frame: &Frame<'_>) {
        let shaded = self.shades.as_ref().zip(frame.shade);
        let dots = self.points.iter().enumerate();
        let dots = dots.filter(|(_, point)| frame.contains(**point));
        svg.dots(
            self.dot(self.radius, self.fill),
            dots.map(|(index, &point)| {
                let own = shaded.map(|(shades, axis)| shades.colour(axis, index));
                (frame.place(point), own)
            }),
        );
    }

    fn entry(&self) -> Option<(&str, Key)> {
        let shaded = self.shades.as_ref().map(|shades| shades.map.at(0.5));
        let fill = shaded.unwrap_or(self.fill.colour).into();
        let dot = self.dot(self.radius.clamp(4.5, 6.5), fill);
        Some((&self.label, Key::Dot(dot)))
    }

    fn shades(&self) -> Option<&Shades> {
        self.shades.as_ref()
    }
}
