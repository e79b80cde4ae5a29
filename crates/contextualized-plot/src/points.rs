//! Dots, of one colour or coloured by a number each.

use crate::axis::{Scale, Span};
use crate::canvas::{Canvas, Fill, Pen};
use crate::error::within;
use crate::layer::{Entry, Frame, Key, Mark, Site, entry};
use crate::shades::{Bar, Shades};
use crate::text::clean;
use crate::{Colour, ColourMap, Result};

/// Dots at points (x, y), in the order given: later ones cover earlier ones.
///
/// Dots outside the ranges of the panel are left out. Opaque dots of one colour that fall on
/// the same tenth of a px one after another are written once.
#[derive(Debug, Clone)]
pub struct Points {
    points: Vec<(f64, f64)>,
    radius: f64,
    opacity: f64,
    colour: Colour,
    outline: Option<Colour>,
    shades: Option<(Vec<f64>, Shades)>,
    label: Option<String>,
}

impl Points {
    /// Blue dots of radius 2.5 px, opaque and without a legend entry. None at all is allowed.
    pub fn new(points: &[(f64, f64)]) -> Self {
        Self {
            points: points.to_vec(),
            radius: 2.5,
            opacity: 1.0,
            colour: Colour::BLUE,
            outline: None,
            shades: None,
            label: None,
        }
    }

    /// One colour for all.
    #[must_use]
    pub fn colour(mut self, colour: Colour) -> Self {
        self.colour = colour;
        self
    }

    /// A number for each dot, coloured through a map from their smallest to their largest.
    #[must_use]
    pub fn coloured_by(mut self, values: &[f64], map: ColourMap) -> Self {
        let settings = self
            .shades
            .map_or_else(Shades::default, |(_, shades)| shades);
        self.shades = Some((values.to_vec(), Shades { map, ..settings }));
        self
    }

    /// The numbers at the ends of the colour map, so that panels can share it; numbers outside
    /// get the colour of the nearer end. Of no effect without [`Points::coloured_by`].
    #[must_use]
    pub fn colour_range(mut self, low: f64, high: f64) -> Self {
        if let Some((_, shades)) = &mut self.shades {
            shades.range = Some((low, high));
        }
        self
    }

    /// A colour bar beside the panel, with a label; it may be empty. Of no effect without
    /// [`Points::coloured_by`].
    #[must_use]
    pub fn colour_bar(mut self, label: &str) -> Self {
        if let Some((_, shades)) = &mut self.shades {
            shades.bar = Some(clean(label));
        }
        self
    }

    /// The radius in px, from 0.1 to 100.
    #[must_use]
    pub fn radius(mut self, radius: f64) -> Self {
        self.radius = radius;
        self
    }

    /// The opacity, from 0 (invisible) to 1.
    #[must_use]
    pub fn opacity(mut self, opacity: f64) -> Self {
        self.opacity = opacity;
        self
    }

    /// A thin edge around each dot.
    #[must_use]
    pub fn outline(mut self, colour: Colour) -> Self {
        self.outline = Some(colour);
        self
    }

    /// The name in the legend.
    #[must_use]
    pub fn label(mut self, label: &str) -> Self {
        self.label = Some(clean(label));
        self
    }

    fn edge(&self, radius: f64) -> Option<Pen> {
        self.outline.map(|colour| Pen {
            colour,
            width: (radius / 4.0).clamp(0.8, 1.5),
            dashed: false,
        })
    }
}

impl Mark for Points {
    fn check(&self, site: &Site<'_>) -> Result<()> {
        site.along_x("x", self.points.iter().map(|point| point.0))?;
        site.along_y("y", self.points.iter().map(|point| point.1))?;
        if let Some((values, _)) = &self.shades {
            site.same_length("values", self.points.len(), values.len())?;
            site.along(Scale::Linear, "value", values.iter().copied())?;
        }
        within("the radius", self.radius, 0.1, 100.0, "from 0.1 to 100 px")?;
        within("the opacity", self.opacity, 0.0, 1.0, "from 0 to 1")
    }

    fn measure(&self, x: &mut Span, y: &mut Span) {
        for point in &self.points {
            x.include(point.0);
            y.include(point.1);
        }
    }

    fn draw(&self, canvas: &Canvas<'_>, frame: &Frame) -> Result<()> {
        let scale = match &self.shades {
            Some((values, shades)) => Some((values, shades.map, shades.axis(values, "")?)),
            None => None,
        };
        for (row, &point) in self.points.iter().enumerate() {
            if !frame.contains(point) {
                continue;
            }
            let colour = match &scale {
                Some((values, map, axis)) => map.at(axis.position(values[row])),
                None => self.colour,
            };
            let opacity = self.opacity;
            canvas.disc(frame.place(point), self.radius, Fill { colour, opacity })?;
            if let Some(pen) = self.edge(self.radius) {
                canvas.ring(frame.place(point), self.radius, pen)?;
            }
        }
        Ok(())
    }

    fn entry(&self) -> Option<Entry> {
        let colour = match &self.shades {
            Some((_, shades)) => shades.map.at(0.5),
            None => self.colour,
        };
        let radius = self.radius.clamp(4.5, 6.5);
        let key = Key::Disc {
            radius,
            fill: Fill {
                colour,
                opacity: 1.0,
            },
            outline: self.edge(radius),
        };
        entry(&self.label, key)
    }

    fn bar(&self, panel: &str) -> Result<Option<Bar>> {
        match &self.shades {
            Some((values, shades)) => shades.bar(values, panel),
            None => Ok(None),
        }
    }
}
