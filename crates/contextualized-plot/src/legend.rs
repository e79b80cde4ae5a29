//! The legend below the panels.

use crate::Result;
use crate::canvas::{Canvas, Fill, Pixel};
use crate::clip::Rect;
use crate::face::{ASIDE, Paragraph};
use crate::layer::{Entry, Key};
use crate::panel::Panel;

/// The width of a key, and its distance from its label.
const KEY: f64 = 26.0;
const KEY_GAP: f64 = 7.0;
/// Between columns and between rows.
const COLUMN_GAP: f64 = 26.0;
const ROW_GAP: f64 = 5.0;

/// The labelled layers of all panels, in columns that fit the width of the figure.
#[derive(Debug)]
pub(crate) struct Legend {
    entries: Vec<(Key, Paragraph)>,
    /// The width of each column of labels.
    columns: Vec<f64>,
}

impl Legend {
    /// Gathers the entries; equal ones are shown once.
    pub(crate) fn new(panels: &[Panel], room: f64) -> Self {
        let mut found: Vec<Entry> = Vec::new();
        for entry in panels.iter().flat_map(Panel::entries) {
            if !entry.label.trim().is_empty() && !found.contains(&entry) {
                found.push(entry);
            }
        }
        let label_room = (room - KEY - KEY_GAP).max(60.0);
        let entries: Vec<(Key, Paragraph)> = found
            .into_iter()
            .map(|entry| (entry.key, Paragraph::new(&entry.label, ASIDE, label_room)))
            .collect();
        let columns = (1..=entries.len())
            .rev()
            .map(|count| column_widths(&entries, count))
            .find(|columns| columns.len() <= 1 || total_width(columns) <= room)
            .unwrap_or_default();
        Self { entries, columns }
    }

    /// Its width in px.
    pub(crate) fn width(&self) -> f64 {
        total_width(&self.columns)
    }

    /// Its height in px.
    pub(crate) fn height(&self) -> f64 {
        let rows = self.rows().map(row_height);
        rows.fold(0.0, |sum, row| sum + row + ROW_GAP)
            - if self.entries.is_empty() {
                0.0
            } else {
                ROW_GAP
            }
    }

    /// Draws it from its top left corner.
    pub(crate) fn draw(&self, canvas: &Canvas<'_>, corner: Pixel) -> Result<()> {
        let mut top = corner.1;
        for row in self.rows() {
            let mut left = corner.0;
            for ((key, label), width) in row.iter().zip(&self.columns) {
                draw_key(canvas, *key, (left, top + ASIDE.leading() / 2.0))?;
                label.draw(canvas, (left + KEY + KEY_GAP, top))?;
                left += KEY + KEY_GAP + width + COLUMN_GAP;
            }
            top += row_height(row) + ROW_GAP;
        }
        Ok(())
    }

    fn rows(&self) -> impl Iterator<Item = &[(Key, Paragraph)]> {
        self.entries.chunks(self.columns.len().max(1))
    }
}

fn row_height(row: &[(Key, Paragraph)]) -> f64 {
    let heights = row.iter().map(|(_, label)| label.depth());
    heights.fold(0.0, f64::max)
}

/// The widths of the label columns when the entries fill rows of at most `count`, and no more
/// columns than the rows need.
fn column_widths(entries: &[(Key, Paragraph)], count: usize) -> Vec<f64> {
    let rows = entries.len().div_ceil(count);
    let count = entries.len().div_ceil(rows);
    (0..count)
        .map(|column| {
            let labels = entries.iter().skip(column).step_by(count);
            labels.map(|(_, label)| label.width()).fold(0.0, f64::max)
        })
        .collect()
}

fn total_width(columns: &[f64]) -> f64 {
    let gaps = columns.len().saturating_sub(1) as f64 * COLUMN_GAP;
    columns
        .iter()
        .map(|width| KEY + KEY_GAP + width)
        .sum::<f64>()
        + gaps
}

/// Draws a key from the middle of its left edge.
fn draw_key(canvas: &Canvas<'_>, key: Key, (left, middle): Pixel) -> Result<()> {
    match key {
        Key::Disc {
            radius,
            fill,
            outline,
        } => {
            let centre = (left + KEY / 2.0, middle);
            canvas.disc(centre, radius, fill)?;
            match outline {
                Some(pen) => canvas.ring(centre, radius, pen),
                None => Ok(()),
            }
        }
        Key::Stroke(pen) => canvas.line(&[(left, middle), (left + KEY, middle)], pen),
        Key::Comb(pen) => {
            for tooth in 0..4 {
                let x = left + KEY / 2.0 + 4.0 * (f64::from(tooth) - 1.5);
                canvas.line(&[(x, middle - 3.5), (x, middle + 3.5)], pen)?;
            }
            Ok(())
        }
        Key::Area(fill) => {
            let rect = Rect {
                left,
                top: middle - 6.0,
                right: left + KEY,
                bottom: middle + 6.0,
            };
            let shown = Fill {
                opacity: fill.opacity.max(0.15),
                ..fill
            };
            canvas.rect(rect, shown)
        }
    }
}
