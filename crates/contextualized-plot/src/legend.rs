//! The legend below the panels.

use crate::layer::Key;
use crate::panel::Panel;
use crate::svg::{Fill, Pixel, Rect, Svg};
use crate::text::{ASIDE, Paragraph};

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
    /// The width of each column, key included.
    columns: Vec<f64>,
}

impl Legend {
    /// Gathers the entries; equal ones are shown once.
    pub(crate) fn new(panels: &[Panel], room: f64) -> Self {
        let mut found: Vec<(&str, Key)> = Vec::new();
        for entry in panels.iter().flat_map(Panel::entries) {
            if !entry.0.trim().is_empty() && !found.contains(&entry) {
                found.push(entry);
            }
        }
        let label_room = (room - KEY - KEY_GAP).max(60.0);
        let entries: Vec<(Key, Paragraph)> = found
            .into_iter()
            .map(|(label, key)| (key, Paragraph::new(label, ASIDE, label_room)))
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
        let rows = self.rows().map(|row| row_height(row) + ROW_GAP);
        (rows.sum::<f64>() - ROW_GAP).max(0.0)
    }

    /// Draws it from its top left corner.
    pub(crate) fn draw(&self, svg: &mut Svg, corner: Pixel) {
        let mut top = corner.1;
        for row in self.rows() {
            let mut left = corner.0;
            for ((key, label), width) in row.iter().zip(&self.columns) {
                draw_key(svg, *key, (left, top + ASIDE.leading() / 2.0));
                label.draw(svg, (left + KEY + KEY_GAP, top));
                left += width + COLUMN_GAP;
            }
            top += row_height(row) + ROW_GAP;
        }
    }

    fn rows(&self) -> impl Iterator<Item = &[(Key, Paragraph)]> {
        self.entries.chunks(self.columns.len().max(1))
    }
}

fn row_height(row: &[(Key, Paragraph)]) -> f64 {
    let heights = row.iter().map(|(_, label)| label.depth());
    heights.fold(0.0, f64::max)
}

/// The widths of the columns when the entries fill rows of at most `count`, and no more columns than
/// the rows need.
fn column_widths(entries: &[(Key, Paragraph)], count: usize) -> Vec<f64> {
    let rows = entries.len().div_ceil(count);
    let count = entries.len().div_ceil(rows);
    (0..count)
        .map(|column| {
            let labels = entries.iter().skip(column).step_by(count);
            let widest = labels.map(|(_, label)| label.width()).fold(0.0, f64::max);
            KEY + KEY_GAP + widest
        })
        .collect()
}

fn total_width(columns: &[f64]) -> f64 {
    let gaps = columns.len().saturating_sub(1) as f64 * COLUMN_GAP;
    columns.iter().sum::<f64>() + gaps
}

/// Draws a key from the middle of its left edge.
fn draw_key(svg: &mut Svg, key: Key, (left, middle): Pixel) {
    let centre = left + KEY / 2.0;
    match key {
        Key::Dot(dot) => svg.dots(dot, [((centre, middle), None)]),
        Key::Stroke(pen) => svg.lines(&[[(left, middle), (left + KEY, middle)]], pen),
        Key::Comb(pen) => {
            let teeth = [-6.0, -2.0, 2.0, 6.0].map(|from| centre + from);
            let teeth = teeth.map(|x| [(x, middle - 3.5), (x, middle + 3.5)]);
            svg.lines(&teeth, pen);
        }
        Key::Area(fill) => {
            let rect = Rect::new((left, middle - 6.0), (KEY, 12.0));
            let shown = Fill {
                opacity: fill.opacity.max(0.15),
                ..fill
            };
            svg.rect(rect, shown);
        }
    }
}
