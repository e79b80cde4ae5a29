//! A grid of panels as one picture.

use crate::axis::Span;
use crate::canvas::{self, Canvas};
use crate::clip::Rect;
use crate::error::within;
use crate::face::{ACROSS, FIGURE_TITLE, Paragraph, UPWARDS};
use crate::legend::Legend;
use crate::panel::Panel;
use crate::placed::{Margins, Placed};
use crate::svg::{self, Document};
use crate::text::clean;
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
/// aligned. The legend holds every labelled layer once; without labels there is none.
#[derive(Debug, Clone)]
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
    #[must_use]
    pub fn panel(mut self, panel: Panel) -> Self {
        self.panels.push(panel);
        self
    }

    /// Adds panels.
    #[must_use]
    pub fn panels(mut self, panels: impl IntoIterator<Item = Panel>) -> Self {
        self.panels.extend(panels);
        self
    }

    /// The title above the panels.
    #[must_use]
    pub fn title(mut self, title: &str) -> Self {
        self.title = clean(title);
        self
    }

    /// What the figure is called where it is not seen; by default, its title, or those of its panels.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = clean(name);
        self
    }

    /// What the figure shows, in words, for readers who cannot see it; by default, the
    /// titles of its panels.
    #[must_use]
    pub fn description(mut self, description: &str) -> Self {
        self.description = clean(description);
        self
    }

    /// One name for the x axes of all panels, below them.
    #[must_use]
    pub fn x_label(mut self, label: &str) -> Self {
        self.x_label = clean(label);
        self
    }

    /// One name for the y axes of all panels, left of them.
    #[must_use]
    pub fn y_label(mut self, label: &str) -> Self {
        self.y_label = clean(label);
        self
    }

    /// The size of each data rectangle in px, 300 × 300 by default; from 60 to 4000 either way.
    #[must_use]
    pub fn panel_size(mut self, width: f64, height: f64) -> Self {
        self.size = (width, height);
        self
    }

    /// The room around everything in px, 18 by default; from 0 to 200.
    #[must_use]
    pub fn edge(mut self, edge: f64) -> Self {
        self.edge = edge;
        self
    }

    /// Automatic ranges that are the same in all panels.
    #[must_use]
    pub fn shared_ranges(mut self) -> Self {
        self.shared = true;
        self
    }

    /// The figure as an SVG document. The same figure always gives the same bytes.
    ///
    /// The canvas is white and as large as its contents need; its coordinates are tenths of
    /// a px. Text is text, in the reader's own sans-serif typeface. The document has the role
    /// of an image, with a title and a description.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyFigure`] without panels; [`Error::EmptyPanel`] for a panel without data
    /// and ranges; [`Error::NotFinite`] and [`Error::NotPositive`] for numbers that cannot be
    /// shown; [`Error::LengthsDiffer`]; [`Error::BadRange`]; [`Error::BadSetting`] for a size, edge,
    /// radius, line width, opacity or tick that is outside its range, for no columns and for
    /// a canvas of more than 100 000 px.
    pub fn to_svg(&self) -> Result<String> {
        self.check()?;
        let edge = self.edge;
        let placed = self.placed()?;
        let grid = Grid::new(&placed, self.columns.min(placed.len()), self.size);
        let inner = grid.width.max(self.size.0);
        let title = Paragraph::new(&self.title, FIGURE_TITLE, inner);
        let x_label = Paragraph::new(&self.x_label, ACROSS, grid.width);
        let y_label = Paragraph::new(&self.y_label, UPWARDS, grid.height);
        let legend = Legend::new(&self.panels, inner);

        let left = edge + spaced(y_label.depth());
        let grid_top = edge + spaced(title.depth());
        let label_top = grid_top + grid.height + GAP;
        let legend_top = grid_top + grid.height + spaced(x_label.depth()) + GAP;
        let width = (left + inner).max(edge + legend.width()) + edge;
        let height =
            grid_top + grid.height + spaced(x_label.depth()) + spaced(legend.height()) + edge;
        for side in [width, height] {
            within("the canvas", side, 1.0, 100_000.0, "at most 100 000 px")?;
        }
        let (name, description) = self.words();
        let document = Document {
            title: &name,
            description: &description,
            width: width.ceil(),
            height: height.ceil(),
        };
        canvas::draw(&document, |canvas| {
            let (across, down) = grid.middle();
            title.draw(canvas, (document.width / 2.0, edge))?;
            x_label.draw(canvas, (left + across, label_top))?;
            y_label.draw(canvas, (edge, grid_top + down))?;
            grid.draw(placed, canvas, (left, grid_top))?;
            let legend_left = (left + across - legend.width() / 2.0)
                .min(document.width - edge - legend.width())
                .max(edge);
            legend.draw(canvas, (legend_left, legend_top))
        })
    }

    /// The figure as an element of an HTML page, in the colours of the page.
    ///
    /// Paper, ink and greys are CSS properties of the page, with those of [`Figure::to_svg`] where the
    /// page does not set them: `--figure-paper`, `--figure-ink` (titles), `--figure-text` (labels and
    /// axes), `--figure-muted` (what stands behind the data), `--figure-grid`, and `--figure-blue`, as
    /// [`Colour::BLUE`](crate::Colour::BLUE) is too dark for a dark page. All other colours stay. There
    /// are no identifiers, so that a page can hold any number of figures.
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
        Ok(svg::inline(&self.to_svg()?))
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
        for (setting, side) in [
            ("the panel width", self.size.0),
            ("the panel height", self.size.1),
        ] {
            within(setting, side, 60.0, 4000.0, "from 60 to 4000 px")?;
        }
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
        self.panels
            .iter()
            .zip(spans)
            .enumerate()
            .map(|(number, (panel, spans))| {
                let settled = panel.settle(panel.name(number), spans, self.size)?;
                Ok(Placed::new(settled, self.size))
            })
            .collect()
    }

    /// The title and the description of the document.
    fn words(&self) -> (String, String) {
        let titles: Vec<&str> = self
            .panels
            .iter()
            .map(Panel::title)
            .filter(|title| !title.trim().is_empty())
            .collect();
        let listed = titles.join("; ");
        let or = |text: &str, other: &str| {
            if text.trim().is_empty() {
                other.to_owned()
            } else {
                text.to_owned()
            }
        };
        let title = or(&or(&self.name, &or(&self.title, &listed)), "Figure");
        let panels = match self.panels.len() {
            1 => "One panel".to_owned(),
            count => format!("{count} panels"),
        };
        let default = if listed.is_empty() {
            format!("{panels}.")
        } else {
            format!("{panels}: {listed}.")
        };
        (title, or(&self.description, &default))
    }
}

/// A depth with the gap beside it, if there is one.
fn spaced(depth: f64) -> f64 {
    if depth > 0.0 { depth + GAP } else { 0.0 }
}

/// Where the panels stand.
#[derive(Debug)]
struct Grid {
    /// Margins shared by a column (left and right) or a row (top and bottom).
    columns: Vec<Margins>,
    rows: Vec<Margins>,
    size: (f64, f64),
    width: f64,
    height: f64,
}

impl Grid {
    fn new(placed: &[Placed<'_>], columns: usize, size: (f64, f64)) -> Self {
        let mut by_column = vec![Margins::default(); columns];
        let mut by_row = vec![Margins::default(); placed.len().div_ceil(columns)];
        for (number, panel) in placed.iter().enumerate() {
            let needed = panel.margins();
            let column = &mut by_column[number % columns];
            column.left = column.left.max(needed.left.ceil());
            column.right = column.right.max(needed.right.ceil());
            let row = &mut by_row[number / columns];
            row.top = row.top.max(needed.top.ceil());
            row.bottom = row.bottom.max(needed.bottom.ceil());
        }
        let gaps = |count: usize, gap: f64| count.saturating_sub(1) as f64 * gap;
        let across = by_column
            .iter()
            .map(|column| column.left + size.0 + column.right);
        let down = by_row.iter().map(|row| row.top + size.1 + row.bottom);
        Self {
            width: across.sum::<f64>() + gaps(by_column.len(), COLUMN_GAP),
            height: down.sum::<f64>() + gaps(by_row.len(), ROW_GAP),
            columns: by_column,
            rows: by_row,
            size,
        }
    }

    /// The middle of all data rectangles, from the corner of the grid.
    fn middle(&self) -> (f64, f64) {
        let first =
            |margins: &[Margins], side: fn(&Margins) -> f64| margins.first().map_or(0.0, side);
        let last =
            |margins: &[Margins], side: fn(&Margins) -> f64| margins.last().map_or(0.0, side);
        let left = first(&self.columns, |column| column.left);
        let right = self.width - last(&self.columns, |column| column.right);
        let top = first(&self.rows, |row| row.top);
        let bottom = self.height - last(&self.rows, |row| row.bottom);
        ((left + right) / 2.0, (top + bottom) / 2.0)
    }

    fn draw(&self, placed: Vec<Placed<'_>>, canvas: &Canvas<'_>, corner: (f64, f64)) -> Result<()> {
        let mut panels = placed.into_iter();
        let mut top = corner.1;
        for row in &self.rows {
            let mut left = corner.0;
            for (column, panel) in self.columns.iter().zip(panels.by_ref()) {
                let rect = Rect {
                    left: left + column.left,
                    top: top + row.top,
                    right: left + column.left + self.size.0,
                    bottom: top + row.top + self.size.1,
                };
                let margins = Margins {
                    left: column.left,
                    right: column.right,
                    ..*row
                };
                panel.draw(canvas, rect, margins)?;
                left = rect.right + column.right + COLUMN_GAP;
            }
            top += row.top + self.size.1 + row.bottom + ROW_GAP;
        }
        Ok(())
    }
}
