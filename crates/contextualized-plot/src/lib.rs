//! # contextualized-plot
//!
//! Figures of contexts, effects, networks and training curves as SVG. A [`Figure`] is a grid of
//! [`Panel`]s, a panel is a pair of axes with layers on it, and [`Figure::to_svg`] gives the
//! text of an SVG document, [`Figure::to_inline_svg`] that of an element in an HTML page; where it
//! goes is up to the caller. Numbers are `f64`, lengths are px, and no fonts are needed: text stays
//! text.
//!
//! ```
//! use contextualized_plot::{Band, ColourMap, Figure, Line, Panel, Points};
//!
//! let age: Vec<f64> = (20..80).map(f64::from).collect();
//! let effect: Vec<f64> = age.iter().map(|age| (age / 15.0).sin()).collect();
//! let lower: Vec<f64> = effect.iter().map(|effect| effect - 0.2).collect();
//! let upper: Vec<f64> = effect.iter().map(|effect| effect + 0.2).collect();
//! let curve: Vec<(f64, f64)> = age.iter().copied().zip(effect.iter().copied()).collect();
//!
//! let effects = Panel::new("Effect of age")
//!     .x_label("Age (years)")
//!     .y_label("Effect")
//!     .layer(Line::horizontal(0.0))
//!     .layer(Band::new(&age, &lower, &upper))
//!     .layer(Line::new(&curve).label("estimate"));
//! let patients = Panel::new("Patients")
//!     .x_label("Age (years)")
//!     .layer(
//!         Points::new(&curve)
//!             .coloured_by(&effect, ColourMap::Viridis)
//!             .colour_bar("Effect"),
//!     );
//! let svg = Figure::new(2).panel(effects).panel(patients).to_svg()?;
//!
//! assert!(svg.starts_with("<svg ") && svg.contains(">Age (years)</text>"));
//! assert_eq!(svg.matches("<circle ").count(), 60);
//! # Ok::<(), contextualized_plot::Error>(())
//! ```
//!
//! ## Map
//!
//! | item | for |
//! |---|---|
//! | [`Figure`] | a grid of panels with a title, shared labels and a legend |
//! | [`Panel`] | a pair of axes: titles, labels, ranges, ticks, scales, layers |
//! | [`Points`] | dots, of one colour or coloured by a number each |
//! | [`Line`], [`Band`] | a line through points or across the panel; the area between two curves |
//! | [`Rug`] | where the data lie along x |
//! | [`Cells`], [`Graph`] | a table of numbers as a heat map; a network as dots and arrows |
//! | [`Layer`] | any of these |
//! | [`Scale`] | linear or logarithmic axes |
//! | [`Colour`], [`ColourMap`] | colours that colour-blind readers can distinguish |
//! | [`figures`] | ready-made panels: histograms, reliability, extrapolation |
//! | [`enum@Error`] | what can go wrong, with the panel, layer and entry at fault |
//!
//! ## What is drawn
//!
//! A figure always gives the same bytes. Nothing is drawn over the data: legends are below
//! the panels, colour bars next to them, and the canvas grows with its texts, whose widths
//! are estimated from a wide typeface. No number makes it panic: one that cannot be shown is
//! an [`enum@Error`], and a single point or equal numbers get a range around them.

pub mod figures;

mod axis;
mod band;
mod cells;
mod clip;
mod colour;
mod error;
mod figure;
mod graph;
mod layer;
mod legend;
mod line;
mod panel;
mod placed;
mod points;
mod rug;
mod shades;
mod svg;
mod text;
mod ticks;

pub use axis::Scale;
pub use band::Band;
pub use cells::Cells;
pub use colour::{Colour, ColourMap};
pub use error::{Error, Result};
pub use figure::Figure;
pub use graph::Graph;
pub use layer::Layer;
pub use line::Line;
pub use panel::Panel;
pub use points::Points;
pub use rug::Rug;
