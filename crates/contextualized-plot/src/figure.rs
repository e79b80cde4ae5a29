//! A grid of panels as one picture.

use crate::axis::Span;
use crate::error::within;
use crate::legend::Legend;
use crate::panel::Panel;
use crate::placed::{Margins, Placed};
use crate::svg::{Rect, Svg};
use crate::text::{ACROSS, FIGURE_TITLE, Paragraph, UPWARDS};
use crate::{Error, Result};

/// Around everything, unless it is set.
const EDGE: f64 = 18.0;
/// Between the panels of a row and of a column.
const COLUMN_GAP: f64 = 26.0;
const ROW_GAP: f64 = 22.0;
/// Between the title, the panels, a shared label and the legend.
const GAP: f64 = 14.0;

/// A grid of panels, filled row by row, with an optional title and a legend below.
///
/// The data rectangles of all panels have the same size, and panels of one row or column are
/// aligned. The legend contains every labelled layer once; without labels there is none.
#[derive(Debug, Clone)]
#[must_use]
pub struct Figure {
    columns: usize,
    panels: Vec<Panel>,
    title: String,
    name: String,
    description: String,
    x_label: String,
    y_label: String,
    size: (f64, f64),
    edge: f64,
    shared: bool,
}

impl Figure {
    /// A figure without panels, to be filled in rows of `columns`.
    pub fn new(columns: usize) -> Self {
        Self {
            columns,
            panels: Vec::new(),
            title: String::new(),
            name: String::new(),
            description: String::new(),
            x_label: String::new(),
            y_label: String::new(),
            size: (300.0, 300.0),
            edge: EDGE,
            shared: false,
        }
    }

    /// Adds a panel.
    pub fn panel(mut self, panel: Panel) -> Self {
        self.panels.push(panel);
        self
    }

    /// Adds panels.
    pub fn panels(mut self, panels: impl IntoIterator<Item = Panel>) -> Self {
        self.panels.extend(panels);
        self
    }

    /// The title above the panels.
    pub fn title(mut self, title: &str) -> Self {
        self.title = title.to_owned();
        self
    }

    /// Its name for readers who cannot see it; by default, its title, or the titles of its panels.
    pub fn name(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self
    }

    /// What the figure shows, in words, for readers who cannot see it; by default, the
    /// titles of its panels.
    pub fn description(mut self, description: &str) -> Self {
        self.description = description.to_owned();
        self
    }

    /// One name for the x axes of all panels, below them.
    pub fn x_label(mut self, label: &str) -> Self {
        self.x_label = label.to_owned();
        self
    }

    /// One name for the y axes of all panels, left of them.
    pub fn y_label(mut self, label: &str) -> Self {
        self.y_label = label.to_owned();
        self
    }

    /// The size of each data rectangle in px, 300 × 300 by default; from 60 to 4000 either way.
    pub fn panel_size(mut self, width: f64, height: f64) -> Self {
        self.size = (width, height);
        self
    }

    /// The room around everything in px, 18 by default; from 0 to 200.
    pub fn edge(mut self, edge: f64) -> Self {
        self.edge = edge;
        self
    }

    /// Automatic ranges that are the same in all panels.
    pub fn shared_ranges(mut self) -> Self {
        self.shared = true;
        self
    }

    /// The figure as an SVG document. The same figure always gives the same bytes.
    ///
    /// The canvas is white and as large as its contents need, and its coordinates are px. Text is text,
    /// in the reader's own sans-serif typeface. The document has the role of an image, with a title
    /// and a description.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyFigure`] without panels; [`Error::EmptyPanel`] for a panel without data
    /// and ranges; [`Error::NotFinite`] and [`Error::NotPositive`] for numbers that cannot be
    /// shown; [`Error::LengthsDiffer`]; [`Error::BadRange`]; [`Error::BadSetting`] for a size, edge,
    /// radius, line width, opacity or tick that is outside its range, for no columns and for
    /// a canvas of more than 100 000 px.
    pub fn to_svg(&self) -> Result<String> {
        self.draw(false)
    }

    /// The figure as an element of an HTML page, in the colours of the page.
    ///
    /// Paper, ink and greys are CSS properties of the page, with those of [`Figure::to_svg`] where the
    /// page does not set them: `--figure-paper`, `--figure-ink` (titles), `--figure-text` (labels and
    /// axes), `--figure-muted` (lines behind the data), `--figure-grid`, and `--figure-blue`, as
    /// [`Colour::BLUE`](crate::Colour::BLUE) is too dark for a dark page. All other colours stay. There
    /// are no identifiers, so that a page can contain any number of figures.
    ///
    /// ```
    /// use contextualized_plot::{Figure, Line, Panel};
    ///
    /// let figure = Figure::new(1).panel(Panel::new("a").layer(Line::new(&[(0.0, 1.0), (1.0, 2.0)])));
    /// assert!(figure.to_inline_svg()?.contains("fill=\"var(--figure-ink, #000000)\""));
    /// # Ok::<(), contextualized_plot::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Figure::to_svg`].
    pub fn to_inline_svg(&self) -> Result<String> {
        self.draw(true)
    }

    fn draw(&self, inline: bool) -> Result<String> {
        self.check()?;
        let edge = self.edge;
        let placed = self.placed()?;
        let grid = Grid::new(&placed, self.columns, self.size);
        let inner = grid.width.max(self.size.0);
        let title = Paragraph::new(&self.title, FIGURE_TITLE, inner);
        let x_label = Paragraph::new(&self.x_label, ACROSS, grid.width);
        let y_label = Paragraph::new(&self.y_label, UPWARDS, grid.height);
        let legend = Legend::new(&self.panels, inner);

        let left = edge + spaced(y_label.depth());
        let grid_top = edge + spaced(title.depth());
        let label_top = grid_top + grid.height + GAP;
        let legend_top = label_top + spaced(x_label.depth());
        let width = (left + inner).max(edge + legend.width()) + edge;
        let height =
            grid_top + grid.height + spaced(x_label.depth()) + spaced(legend.height()) + edge;
        let (width, height) = (width.ceil(), height.ceil());
        for side in [width, height] {
            within("the canvas", side, 1.0, 100_000.0, "at most 100 000 px")?;
        }
        let (name, description) = self.words();
        let mut svg = Svg::new((width, height), &name, &description, inline);
        let (across, down) = grid.middle();
        title.draw(&mut svg, (width / 2.0, edge));
        x_label.draw(&mut svg, (left + across, label_top));
        y_label.draw(&mut svg, (edge, grid_top + down));
        grid.draw(&placed, &mut svg, (left, grid_top));
        let legend_left = (left + across - legend.width() / 2.0)
            .min(width - edge - legend.width())
            .max(edge);
        legend.draw(&mut svg, (legend_left, legend_top));
        Ok(svg.finish())
    }

    fn check(&self) -> Result<()> {
        if self.panels.is_empty() {
            return Err(Error::EmptyFigure);
        }
        if self.columns == 0 {
            return Err(Error::BadSetting {
                setting: "the number of columns",
                value: 0.0,
                requirement: "at least 1",
            });
        }
        let (width, height) = self.size;
        within("the panel width", width, 60.0, 4000.0, "from 60 to 4000 px")?;
        within(
            "the panel height",
            height,
            60.0,
            4000.0,
            "from 60 to 4000 px",
        )?;
        within("the edge", self.edge, 0.0, 200.0, "from 0 to 200 px")?;
        let mut panels = self.panels.iter().enumerate();
        panels.try_for_each(|(number, panel)| panel.check(&panel.name(number)))
    }

    /// The panels with their axes settled.
    fn placed(&self) -> Result<Vec<Placed<'_>>> {
        let mut spans: Vec<(Span, Span)> = self.panels.iter().map(Panel::spans).collect();
        if self.shared {
            let (mut x, mut y) = (Span::default(), Span::default());
            for span in &spans {
                x.join(span.0);
                y.join(span.1);
            }
            spans.fill((x, y));
        }
        let panels = self.panels.iter().zip(spans).enumerate();
        panels
            .map(|(number, (panel, spans))| {
                Placed::new(panel, &panel.name(number), spans, self.size)
            })
            .collect()
    }

    /// The title and the description of the document.
    fn words(&self) -> (String, String) {
        let titles = self.panels.iter().map(|panel| panel.title.as_str());
        let titles: Vec<&str> = titles.filter(|title| !title.trim().is_empty()).collect();
        let listed = titles.join("; ");
        let mut names = [self.name.as_str(), &self.title, &listed, "Figure"].into_iter();
        let name = names.find(|name| !name.trim().is_empty());
        let description = if !self.description.trim().is_empty() {
            self.description.clone()
        } else {
            let panels = match self.panels.len() {
                1 => "One panel".to_owned(),
                count => format!("{count} panels"),
            };
            let colon = if listed.is_empty() { "" } else { ": " };
            format!("{panels}{colon}{listed}.")
        };
        (name.unwrap_or_default().to_owned(), description)
    }
}

/// A depth with the gap next to it, if there is one.
fn spaced(depth: f64) -> f64 {
    if depth > 0.0 { depth + GAP } else { 0.0 }
}

/// The places of the panels.
#[derive(Debug)]
struct Grid {
    /// The data rectangles from the corner of the grid, and the left margins of their columns.
    rects: Vec<(Rect, f64)>,
    width: f64,
    height: f64,
}

impl Grid {
    fn new(placed: &[Placed<'_>], columns: usize, size: (f64, f64)) -> Self {
        let columns = columns.min(placed.len());
        let mut by_column = vec![Margins::default(); columns];
        let mut by_row = vec![Margins::default(); placed.len().div_ceil(columns)];
        for (number, panel) in placed.iter().enumerate() {
            let needed = panel.margins();
            let column = &mut by_column[number % columns];
            column.left = column.left.max(needed.left);
            column.right = column.right.max(needed.right);
            let row = &mut by_row[number / columns];
            row.top = row.top.max(needed.top);
            row.bottom = row.bottom.max(needed.bottom);
        }
        let (mut rects, mut width, mut top) = (Vec::new(), 0.0, 0.0);
        for row in &by_row {
            let mut left = 0.0;
            top += row.top;
            for column in &by_column {
                left += column.left;
                let rect = Rect::new((left, top), size);
                rects.push((rect, column.left));
                left = rect.right + column.right + COLUMN_GAP;
            }
            width = left - COLUMN_GAP;
            top += size.1 + row.bottom + ROW_GAP;
        }
        Self {
            rects,
            width,
            height: top - ROW_GAP,
        }
    }

    /// The middle of all data rectangles, from the corner of the grid.
    fn middle(&self) -> (f64, f64) {
        match (self.rects.first(), self.rects.last()) {
            (Some((first, _)), Some((last, _))) => Rect {
                right: last.right,
                bottom: last.bottom,
                ..*first
            }
            .middle(),
            _ => (0.0, 0.0),
        }
    }

    fn draw(&self, placed: &[Placed<'_>], svg: &mut Svg, (left, top): (f64, f64)) {
        for (panel, (rect, margin)) in placed.iter().zip(&self.rects) {
            let corner = (left + rect.left, top + rect.top);
            let rect = Rect::new(corner, (rect.width(), rect.height()));
            panel.draw(svg, rect, rect.left - margin);
        }
    }
}
